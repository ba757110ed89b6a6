// Z = W A + b, and the panels in which W lies.
#pragma once
#include "../program.hpp"

namespace chainrule {

// to = sum of the rows (+ to)
template <class T>
void sum_rows(Matrix<T> rows, T* to, bool add) {
    if (!add) std::memset(to, 0, sizeof(T) * rows.n);
    for (long i = 0; i < rows.rows; i++)
        for (long j = 0; j < rows.n; j++) to[j] += rows[i][j];
}

template <class T>
class Linear : public Step<T> {
  public:
    // inputs: A, W, b or nothing
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), Z = this->out(w);
        const T* b = this->inputs.size() > 2 ? this->in(w, 2).data : nullptr;
        multiply<T>(A.rows, Z.n, A.n, {A.data, A.row, 1}, weights(w), {Z.data, WIDTH<T>, Z.row}, b, false);
    }

    void backward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), dZ = this->d_out(w);
        Panels<const T> of_dZ{dZ.data, WIDTH<T>, dZ.row};
        if (this->wanted(1)) {
            Panels<T> dW{this->d_in(w, 1).data, A.n * WIDTH<T>, WIDTH<T>};
            multiply<T>(A.n, dZ.n, dZ.rows, {A.data, 1, A.row}, of_dZ, dW, nullptr, this->add[1]);
        }
        if (this->inputs.size() > 2 && this->wanted(2)) sum_rows(dZ, this->d_in(w, 2).data, this->add[2]);
        if (this->wanted(0)) {
            Matrix<T> dA = this->d_in(w, 0);
            Panels<const T> turned{this->program->turned(this->inputs[1]), dZ.n * WIDTH<T>, WIDTH<T>};
            multiply<T>(dZ.rows, dA.n, dZ.n, {dZ.data, dZ.row, 1}, turned, {dA.data, WIDTH<T>, dA.row}, nullptr,
                        this->add[0]);
        }
    }

  private:
    Panels<const T> weights(Worker<T>& w) {
        long n_in = this->program->values[this->inputs[0]].n;
        return {this->in(w, 1).data, n_in * WIDTH<T>, WIDTH<T>};
    }
};

}  // namespace chainrule
