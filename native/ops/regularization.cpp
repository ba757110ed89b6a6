// Dropout: numbers that are left out at random, by a seed and their place in the batch.
#include <algorithm>
#include <cmath>
#include <vector>

#include "../philox.hpp"
#include "../kernels.hpp"

namespace chainrule {
namespace {

// Z = A D / (1 - rate). Number i of the batch takes draw i of the mask, whoever computes it.
template <class T>
class Dropout : public Step<T> {
  public:
    explicit Dropout(const Options& o)
        : rate(o.shared("rate")), seed(o.get<uint64_t>("seed")), mask(o.get<uint64_t>("mask")) {}
    void expects() const override {
        expect(rate.size == 1, "dropout has one rate");
        this->takes(1, 1), this->makes_a_value();
        this->fits(this->alike(this->given(0), this->made()), "A and Z");
    }
    // The rate may be another one at each call, as on a schedule.
    void check(const Data<T>&) const override { expect(0 <= *rate.data && *rate.data < 1, "a rate of dropout is in [0, 1)"); }
    void prepare() override {
        of_each = this->made().rows * this->made().n;
        kept.resize(size_t(of_examples() ? this->program->room() * of_each : this->program->team.most() * of_each));
    }
    bool overwrites() const override { return true; }
    bool keeps_output() const override { return false; }
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), Z = this->out(w);
        const uint64_t first = of_examples() ? uint64_t(w.first - w.begin) * uint64_t(of_each) : 0;
        draw(place(w), first, A.rows * A.n, (w.update << 16) + mask);
        for (long r = 0; r < A.rows; r++) select(A[r], Z[r], place(w) + r * A.n, A.n, false);
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> dZ = this->d_out(w), dA = this->d_in(w, 0);
        for (long r = 0; r < dZ.rows; r++) select(dZ[r], dA[r], place(w) + r * dZ.n, dZ.n, this->add[0]);
    }

  private:
    bool of_examples() const { return this->made().kind == Kind::example; }
    uint8_t* place(const Worker<T>& w) { return kept.data() + (of_examples() ? this->program->place(w) : w.id) * of_each; }

    // What is kept of n numbers. A draw's upper 24 bits are a number in [0, 1), which must be `rate` or more.
    void draw(uint8_t* to, uint64_t first, long n, uint64_t key) const {
        const Draws draws(seed, key);
        const int32_t from = int32_t(std::ceil(double(float(*rate.data)) * 0x1p24));
        uint32_t some[SOME];
        for (long done = 0; done < n;) {
            const uint64_t i = first + uint64_t(done);
            const long part = std::min(SOME - long(i % SOME), n - done);
            draws.fill(some, i, part);
            for (long k = 0; k < part; k++) to[done + k] = int32_t(some[k] >> 8) >= from;
            done += part;
        }
    }
    // A and Z may be the same, but never shifted.
    void select(const T* A, T* Z, const uint8_t* D, long n, bool add) const {
        const T by = T(1 / (1 - *rate.data));
#pragma GCC ivdep
        for (long j = 0; j < n; j++) {
            const T z = D[j] ? A[j] * by : T(0);
            Z[j] = add ? Z[j] + z : z;
        }
    }

    static constexpr long SOME = 512;
    SharedNumbers rate;
    uint64_t seed, mask;
    long of_each = 0;
    std::vector<uint8_t> kept;  // D of all examples in hand, each worker's at its place
};

}  // namespace

template <class T>
void enter_regularization(Kernels<T>& kernels) {
    enter<Dropout<T>>(kernels, "dropout");
}

template void enter_regularization(Kernels<float>&);
template void enter_regularization(Kernels<double>&);

}  // namespace chainrule
