// Sums and differences of two arrays of one shape.
#pragma once
#include "../program.hpp"

namespace chainrule {

// Z = A + sign B
template <class T>
class Add : public Step<T> {
  public:
    explicit Add(T sign) : sign(sign) {}
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), B = this->in(w, 1), Z = this->out(w);
        for (long i = 0; i < Z.rows; i++)
            for (long j = 0; j < Z.n; j++) Z[i][j] = A[i][j] + sign * B[i][j];
    }
    void backward(Worker<T>& w) override {
        Matrix<T> dZ = this->d_out(w);
        for (int k = 0; k < 2; k++)
            if (this->wanted(k)) add_to(this->d_in(w, k), dZ, k ? sign : T(1), this->add[k]);
    }

  private:
    static void add_to(Matrix<T> d, Matrix<T> dZ, T factor, bool add) {
        for (long i = 0; i < d.rows; i++)
            for (long j = 0; j < d.n; j++) d[i][j] = (add ? d[i][j] : T(0)) + factor * dZ[i][j];
    }
    T sign;
};

}  // namespace chainrule
