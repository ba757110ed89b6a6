// Rows of a table by their numbers.
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

}  // namespace chainrule
