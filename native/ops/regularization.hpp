// Dropout.
#pragma once
#include "../philox.hpp"
#include "../program.hpp"

namespace chainrule {

// Z = A D / (1 - rate). Number i of the batch takes draw i of the mask, whoever computes it.
template <class T>
class Dropout : public Step<T> {
  public:
    Dropout(double rate, uint64_t seed, uint64_t mask) : rate(float(rate)), scale(T(1 / (1 - rate))), seed(seed), mask(mask) {}
    void forward(Worker<T>& w) override { thin(w, this->in(w, 0), this->out(w), false); }
    void backward(Worker<T>& w) override {
        if (this->wanted(0)) thin(w, this->d_out(w), this->d_in(w, 0), this->add[0]);
    }

  private:
    void thin(Worker<T>& w, Matrix<T> A, Matrix<T> Z, bool add) {
        Uniform uniform(seed, (w.update << 16) + mask);
        uint64_t i = uint64_t(w.first - w.begin) * uint64_t(w.examples ? A.rows / w.examples : 0) * uint64_t(A.n);
        for (long r = 0; r < A.rows; r++)
            for (long j = 0; j < A.n; j++, i++)
                Z[r][j] = (add ? Z[r][j] : T(0)) + (uniform(i) >= rate ? A[r][j] * scale : T(0));
    }
    float rate;
    T scale;
    uint64_t seed, mask;
};

}  // namespace chainrule
