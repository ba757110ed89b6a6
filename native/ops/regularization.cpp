// Dropout: numbers that are left out at random, by a seed and their place in the batch.
#include "../philox.hpp"
#include "../kernels.hpp"

namespace chainrule {
namespace {

// Z = A D / (1 - rate). Number i of the batch takes draw i of the mask, whoever computes it.
template <class T>
class Dropout : public Step<T> {
  public:
    explicit Dropout(const Options& o)
        : rate(float(o.get("rate"))), scale(T(1 / (1 - o.get("rate")))), seed(o.get<uint64_t>("seed")),
          mask(o.get<uint64_t>("mask")) {}
    void expects() const override {
        this->takes(1, 1), this->makes_a_value();
        this->fits(this->alike(this->given(0), this->made()), "A and Z");
    }
    bool overwrites() const override { return true; }
    bool keeps_output() const override { return false; }
    void forward(Worker<T>& w) override { thin(w, this->in(w, 0), this->out(w), false); }
    void backward(Worker<T>& w) override {
        if (this->wanted(0)) thin(w, this->d_out(w), this->d_in(w, 0), this->add[0]);
    }

  private:
    void thin(Worker<T>& w, Matrix<T> A, Matrix<T> Z, bool add) {
        Uniform uniform(seed, (w.update << 16) + mask);
        const Value& v = this->of(this->output);
        uint64_t i = v.kind == Kind::example ? uint64_t(w.first - w.begin) * uint64_t(v.rows * v.n) : 0;
        for (long r = 0; r < A.rows; r++)
            for (long j = 0; j < A.n; j++, i++)
                Z[r][j] = (add ? Z[r][j] : T(0)) + (uniform(i) >= rate ? A[r][j] * scale : T(0));
    }
    float rate;
    T scale;
    uint64_t seed, mask;
};

}  // namespace

template <class T>
void enter_regularization(Kernels<T>& kernels) {
    enter<Dropout<T>>(kernels, "dropout");
}

template void enter_regularization(Kernels<float>&);
template void enter_regularization(Kernels<double>&);

}  // namespace chainrule
