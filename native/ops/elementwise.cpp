// Functions of each number by itself, and choices between numbers.
#include <functional>

#include "activation.hpp"
#include "broadcasting.hpp"

namespace chainrule {
namespace {

template <class T>
struct Exp {
    T value(T a) const {
        if constexpr (sizeof(T) == 8) return std::exp(a);
        const T half = exponential(a / 2);  // of a itself it stops at 88, and e^a goes on to 88.7
        return a > 88 ? half * half : exponential(a);
    }
    T slope(T, T z) const { return z; }
};
template <class T>
struct Log {
    T value(T a) const { return std::log(a); }
    T back(T dz, T a, T) const { return dz / a; }
};
template <class T>
struct Sqrt {
    T value(T a) const { return std::sqrt(a); }
    T slope(T, T z) const { return T(0.5) / z; }
};
template <class T>
struct Abs {
    T value(T a) const { return std::abs(a); }
    T slope(T a, T) const { return a > 0 ? T(1) : a < 0 ? T(-1) : a; }  // 0 at 0; NaN stays
};
template <class T>
struct Sin {
    T value(T a) const { return std::sin(a); }
    T slope(T a, T) const { return std::cos(a); }
};
template <class T>
struct Cos {
    T value(T a) const { return std::cos(a); }
    T slope(T a, T) const { return -std::sin(a); }
};
template <class T>
struct Tan {
    T value(T a) const { return std::tan(a); }
    T slope(T, T z) const { return 1 + z * z; }
};
template <class T>
struct Clip {
    T low, high;
    explicit Clip(const Options& o) : low(T(o.get("low"))), high(T(o.get("high"))) {}
    T value(T a) const { return std::min(std::max(a, low), high); }
    T slope(T a, T z) const { return T(z == a); }
};
template <class T>
struct Maximum {
    T value(T a, T b) const { return a > b || a != a ? a : b; }  // NaN stays, so that it is found
    std::array<T, 2> slopes(T a, T b, T) const {
        T to_a = T(a > b) + T(0.5) * T(a == b);
        return {to_a, 1 - to_a};
    }
};
template <class T>
struct Minimum {
    T value(T a, T b) const { return a < b || a != a ? a : b; }
    std::array<T, 2> slopes(T a, T b, T) const {
        T to_a = T(a < b) + T(0.5) * T(a == b);
        return {to_a, 1 - to_a};
    }
};
template <class T>
struct Where {
    T value(T c, T a, T b) const { return c != 0 ? a : b; }
    std::array<T, 3> slopes(T c, T, T, T) const { return {0, T(c != 0), T(c == 0)}; }
};

// 1 where a comparison holds and 0 elsewhere. It has no derivative.
template <class T, class Compare>
struct Comparison {
    T value(T a, T b) const { return T(Compare()(a, b)); }
};

}  // namespace

template <class T>
void enter_elementwise(Kernels<T>& kernels) {
    enter<Activation<T, Exp<T>>>(kernels, "exp");
    enter<Activation<T, Log<T>>>(kernels, "log");
    enter<Activation<T, Sqrt<T>>>(kernels, "sqrt");
    enter<Activation<T, Abs<T>>>(kernels, "abs");
    enter<Activation<T, Sin<T>>>(kernels, "sin");
    enter<Activation<T, Cos<T>>>(kernels, "cos");
    enter<Activation<T, Tan<T>>>(kernels, "tan");
    enter<Activation<T, Clip<T>>>(kernels, "clip");
    enter<Elementwise<T, Maximum<T>, 2>>(kernels, "maximum");
    enter<Elementwise<T, Minimum<T>, 2>>(kernels, "minimum");
    enter<Elementwise<T, Where<T>, 3>>(kernels, "where");
    enter<Elementwise<T, Comparison<T, std::less<T>>, 2>>(kernels, "less");
    enter<Elementwise<T, Comparison<T, std::less_equal<T>>, 2>>(kernels, "less_equal");
    enter<Elementwise<T, Comparison<T, std::greater<T>>, 2>>(kernels, "greater");
    enter<Elementwise<T, Comparison<T, std::greater_equal<T>>, 2>>(kernels, "greater_equal");
}

template void enter_elementwise(Kernels<float>&);
template void enter_elementwise(Kernels<double>&);

}  // namespace chainrule
