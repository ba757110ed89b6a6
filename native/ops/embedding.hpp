// Rows of a table by their numbers.
#pragma once
#include "shaping.hpp"

namespace chainrule {

// input: W (n_tokens, n). The indices are numbers of X, at these positions of an example.
template <class T>
class Embedding : public Step<T> {
  public:
    explicit Embedding(const Options& o) : positions(o.all<int64_t>("positions")) {}
    void forward(Worker<T>& w) override {
        Matrix<T> W = this->in(w, 0), Z = this->out(w);
        each(w, [&](long i, long k) { std::memcpy(Z[i], W[k], sizeof(T) * Z.n); });
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> dW = this->d_in(w, 0), dZ = this->d_out(w);
        if (!this->add[0]) dW.clear();
        each(w, [&](long i, long k) {
            for (long j = 0; j < dZ.n; j++) dW[k][j] += dZ[i][j];
        });
    }

  private:
    template <class F>
    void each(Worker<T>& w, F use) {
        long of_each = long(positions.size());
        with_type(*w.data, [&](auto* X) {
            for (long i = 0; i < w.examples; i++)
                for (long s = 0; s < of_each; s++)
                    use(i * of_each + s, long(X[w.source(i) * w.data->features + positions[s]]));
        });
    }
    std::vector<int64_t> positions;
};

template <class T>
void enter_embedding(Kernels<T>& kernels) {
    enter<Embedding<T>>(kernels, "embedding");
}

}  // namespace chainrule
