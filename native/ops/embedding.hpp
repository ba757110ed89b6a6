// Rows of a table by their numbers: for every number, or for some columns of a matrix.
#pragma once
#include "shaping.hpp"

namespace chainrule {

// input: W (n_tokens, n). The indices are X itself.
template <class T>
class Embedding : public Step<T> {
  public:
    void forward(Worker<T>& w) override {
        Matrix<T> W = this->in(w, 0), Z = this->out(w);
        each(w, Z.rows, [&](long i, long k) { std::memcpy(Z[i], W[k], sizeof(T) * Z.n); });
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> dW = this->d_in(w, 0), dZ = this->d_out(w);
        if (!this->add[0])
            for (long k = 0; k < dW.rows; k++) std::memset(dW[k], 0, sizeof(T) * dW.row);
        each(w, dZ.rows, [&](long i, long k) {
            for (long j = 0; j < dZ.n; j++) dW[k][j] += dZ[i][j];
        });
    }

  private:
    template <class F>
    void each(Worker<T>& w, long rows, F use) {
        long of_each = w.examples ? rows / w.examples : 0;
        with_type(*w.data, [&](auto* X) {
            for (long i = 0; i < w.examples; i++)
                for (long s = 0; s < of_each; s++)
                    use(i * of_each + s, long(X[w.source(i) * w.data->features + s]));
        });
    }
};

// input: W (n_tokens, n). Of each row of X the first numbers are taken as they are, the others are the indices.
template <class T>
class EmbedColumns : public Step<T> {
  public:
    explicit EmbedColumns(long first) : first_(first) {}

    void forward(Worker<T>& w) override {
        Matrix<T> W = this->in(w, 0), Z = this->out(w);
        with_type(*w.data, [&](auto* X) {
            for (long i = 0; i < w.examples; i++) {
                auto* x = X + w.source(i) * w.data->features;
                for (long j = 0; j < first_; j++) Z[i][j] = T(x[j]);
                for (long c = 0; c < w.data->features - first_; c++)
                    std::memcpy(Z[i] + first_ + c * W.n, W[long(x[first_ + c])], sizeof(T) * W.n);
            }
        });
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> dW = this->d_in(w, 0), dZ = this->d_out(w);
        if (!this->add[0])
            for (long k = 0; k < dW.rows; k++) std::memset(dW[k], 0, sizeof(T) * dW.row);
        with_type(*w.data, [&](auto* X) {
            for (long i = 0; i < w.examples; i++) {
                auto* x = X + w.source(i) * w.data->features;
                for (long c = 0; c < w.data->features - first_; c++) {
                    T *to = dW[long(x[first_ + c])], *from = dZ[i] + first_ + c * dW.n;
                    for (long j = 0; j < dW.n; j++) to[j] += from[j];
                }
            }
        });
    }

  private:
    long first_;
};

}  // namespace chainrule
