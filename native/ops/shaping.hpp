// From the data to the first buffer, and between shapes.
#pragma once
#include "../program.hpp"

namespace chainrule {

// Calls use(pointer) with X as what it is made of.
template <class T, class F>
void with_type(const Data<T>& data, F use) {
    switch (data.type) {
        case 'f': return use(static_cast<const float*>(data.X));
        case 'd': return use(static_cast<const double*>(data.X));
        case 'b': return use(static_cast<const uint8_t*>(data.X));
        case 'i': return use(static_cast<const int32_t*>(data.X));
        default: return use(static_cast<const int64_t*>(data.X));
    }
}

// A^[0]: the examples of this worker, gathered by their numbers.
template <class T>
class Gather : public Step<T> {
  public:
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->out(w);
        long rows = this->program->values[this->output].rows;
        with_type(*w.data, [&](auto* X) {
            for (long i = 0; i < w.examples; i++) {
                auto* x = X + w.source(i) * w.data->features;
                for (long r = 0; r < rows; r++)
                    for (long j = 0; j < A.n; j++) A[i * rows + r][j] = T(x[r * A.n + j]);
            }
        });
    }
};

// (A - mean) / deviation of the examples as they come, before they lose digits in the network's type.
template <class T>
class GatherStandardized : public Step<T> {
  public:
    GatherStandardized(std::vector<double> mean, std::vector<double> deviation)
        : mean(std::move(mean)), deviation(std::move(deviation)) {}
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->out(w);
        long rows = this->program->values[this->output].rows;
        with_type(*w.data, [&](auto* X) {
            using Exact = std::conditional_t<std::is_same_v<decltype(X), const float*>, float, double>;
            for (long i = 0; i < w.examples; i++) {
                auto* x = X + w.source(i) * w.data->features;
                for (long r = 0; r < rows; r++)
                    for (long j = 0; j < A.n; j++)
                        A[i * rows + r][j] = T((Exact(x[r * A.n + j]) - Exact(mean[j])) / Exact(deviation[j]));
            }
        });
    }

  private:
    std::vector<double> mean, deviation;
};

// The same numbers in rows of another length.
template <class T>
class Reshape : public Step<T> {
  public:
    void forward(Worker<T>& w) override { copy(this->in(w, 0), this->out(w), false); }
    void backward(Worker<T>& w) override {
        if (this->wanted(0)) copy(this->d_out(w), this->d_in(w, 0), this->add[0]);
    }

  private:
    static void copy(Matrix<T> from, Matrix<T> to, bool add) {
        for (long r = 0, c = 0, i = 0; i < to.rows; i++)
            for (long j = 0; j < to.n; j++) {
                to[i][j] = (add ? to[i][j] : T(0)) + from[r][c];
                if (++c == from.n) c = 0, r++;
            }
    }
};

}  // namespace chainrule
