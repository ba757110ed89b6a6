// Functions A = g(Z) of each number by itself, and those that several files need.
#pragma once
#include "../kernels.hpp"

namespace chainrule {

template <class T>
T sigmoid(T z) {
    T e = exponential(-std::abs(z));
    return (z >= 0 ? T(1) : e) / (1 + e);
}

// Each holds its options and says the value g(z) and the slope g'(z), of z or of a = g(z), whichever is simpler. Where the slope
// alone may be too large for a number, `back` says the derivative by z instead, from that by a.
template <class T>
struct Identity {
    static constexpr bool of_output = true;
    T value(T z) const { return z; }
    T slope(T, T) const { return 1; }
};
template <class T>
struct Sigmoid {
    static constexpr bool of_output = true;
    T value(T z) const { return sigmoid(z); }
    T slope(T, T a) const { return a * (1 - a); }
};
template <class T>
struct Tanh {
    static constexpr bool of_output = true;
    T value(T z) const {
        T e = exponential(-2 * std::abs(z)), a = (1 - e) / (1 + e);
        T z2 = z * z, near = z * (1 + z2 * (T(-1) / 3 + z2 * (T(2) / 15 - z2 * (T(17) / 315))));  // no cancellation at 0
        return std::abs(z) < T(0.1) && sizeof(T) == 4 ? near : z >= 0 ? a : -a;
    }
    T slope(T, T a) const { return 1 - a * a; }
};
template <>
inline double Tanh<double>::value(double z) const { return std::tanh(z); }
template <class T>
struct Relu {
    static constexpr bool of_output = true;
    T value(T z) const { return z > 0 || z != z ? z : T(0); }  // NaN stays, so that it is found
    T slope(T, T a) const { return a > 0 ? T(1) : T(0); }
};
template <class T, class G>
class Activation : public Step<T> {
  public:
    explicit Activation(const Options& o) : g(made<G>(o)) {}

    void expects() const override {
        this->takes(1, 1), this->makes_a_value();
        this->fits(this->alike(this->given(0), this->made()), "Z and A");
    }
    Abreast abreast() const override { return Abreast::as_input; }
    bool overwrites() const override { return requires { G::of_output; }; }

    void forward(Worker<T>& w) override {
        const Stretches s = stretches(w, g.value(T(0)) == T(0));
        const T* z = this->in(w, 0).data;
        T* a = this->out(w).data;
        for (long i = 0; i < s.count; i++, z += s.apart, a += s.apart)
            for (long j = 0; j < s.n; j++) a[j] = g.value(z[j]);
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        const bool add = this->add[0];
        const Stretches s = stretches(w, std::isfinite(back(T(0), T(0), g.value(T(0)))));
        const T *z = this->in(w, 0).data, *a = this->out(w).data, *da = this->d_out(w).data;
        T* dz = this->d_in(w, 0).data;
        for (long i = 0; i < s.count; i++, z += s.apart, a += s.apart, da += s.apart, dz += s.apart)
            if (add)  // two loops, which have no condition inside: only such are computed a register at a time
                for (long j = 0; j < s.n; j++) dz[j] += back(da[j], z[j], a[j]);
            else
                for (long j = 0; j < s.n; j++) dz[j] = back(da[j], z[j], a[j]);
    }

  private:
    T back(T da, T z, T a) const {
        if constexpr (requires { g.back(da, z, a); })
            return g.back(da, z, a);
        else
            return da * g.slope(z, a);
    }

    // The numbers of each row; all rows as one stretch if what is behind them stays zero.
    struct Stretches {
        long count, n, apart;
    };
    Stretches stretches(Worker<T>& w, bool zeros_stay) {
        const Matrix<T> A = this->out(w);
        if (zeros_stay && this->in(w, 0).row == A.row) return {1, A.rows * A.row, 0};
        return {A.rows, A.n, A.row};  // a single row of another length may lie in a shorter place
    }

    G g;
};

}  // namespace chainrule
