// The activations A = g(Z): each its value and its slope.
#include "activation.hpp"

namespace chainrule {
namespace {

template <class T>
struct LeakyRelu {
    T leak;
    explicit LeakyRelu(const Options& o) : leak(T(o.get("slope"))) {}
    T value(T z) const { return z > 0 ? z : leak * z; }
    T slope(T z, T) const { return z > 0 ? T(1) : leak; }
};
template <class T>
struct Elu {
    T alpha;
    explicit Elu(const Options& o) : alpha(T(o.get("alpha"))) {}
    T value(T z) const { return z > 0 ? z : alpha * std::expm1(z); }
    T slope(T z, T a) const { return z > 0 ? T(1) : a + alpha; }
};
template <class T>
struct Gelu {
    T value(T z) const { return std::max(z, T(-40)) * below(z); }  // 0, not -inf 0
    T slope(T z, T) const {
        T near = std::min(std::max(z, T(-40)), T(40));
        return below(z) + near * std::exp(T(-0.5) * near * near) * T(0.3989422804014327);
    }
    static T below(T z) { return T(0.5) * (1 + std::erf(z * T(0.7071067811865476))); }
};
template <class T>
struct Silu {
    // Beyond |z| = 800 the sigmoid is 0 or 1, to all digits of any type.
    T value(T z) const { return std::max(z, T(-800)) * sigmoid(z); }
    T slope(T z, T) const {
        T s = sigmoid(z);
        return s * (1 + std::min(std::max(z, T(-800)), T(800)) * (1 - s));
    }
};
template <class T>
struct Softplus {
    T value(T z) const { return std::max(z, T(0)) + logarithm_beside_1(exponential(-std::abs(z))); }
    T slope(T z, T) const { return sigmoid(z); }
};

// A_j = e^{Z_j} / sum_k e^{Z_k} along the rows.
template <class T>
void softmax(const T* z, T* a, long n) {
    T most = z[0], sum = 0;
    for (long j = 1; j < n; j++) most = std::max(most, z[j]);
    for (long j = 0; j < n; j++) a[j] = exponential(z[j] - most);
    for (long j = 0; j < n; j++) sum += a[j];
    for (long j = 0; j < n; j++) a[j] /= sum;
}

// ln sum_k e^{z_k}
template <class T>
T log_sum(const T* z, long n) {
    T most = z[0], sum = 0;
    for (long j = 1; j < n; j++) most = std::max(most, z[j]);
    for (long j = 0; j < n; j++) sum += exponential(z[j] - most);
    return most + std::log(sum);
}

template <class T>
class Softmax : public Step<T> {
  public:
    void expects() const override {
        this->takes(1, 1), this->makes_a_value();
        this->fits(this->alike(this->given(0), this->made()), "Z and A");
    }
    void forward(Worker<T>& w) override {
        Matrix<T> Z = this->in(w, 0), A = this->out(w);
        for (long i = 0; i < Z.rows; i++) softmax(Z[i], A[i], Z.n);
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> A = this->out(w), dA = this->d_out(w), dZ = this->d_in(w, 0);
        for (long i = 0; i < A.rows; i++) {
            T sum = 0;
            for (long j = 0; j < A.n; j++) sum += dA[i][j] * A[i][j];
            for (long j = 0; j < A.n; j++) dZ[i][j] = (this->add[0] ? dZ[i][j] : T(0)) + A[i][j] * (dA[i][j] - sum);
        }
    }
};

template <class T>
class LogSoftmax : public Step<T> {
  public:
    void expects() const override {
        this->takes(1, 1), this->makes_a_value();
        this->fits(this->alike(this->given(0), this->made()), "Z and A");
    }
    void forward(Worker<T>& w) override {
        Matrix<T> Z = this->in(w, 0), A = this->out(w);
        for (long i = 0; i < Z.rows; i++) {
            T all = log_sum(Z[i], Z.n);
            for (long j = 0; j < Z.n; j++) A[i][j] = Z[i][j] - all;
        }
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> A = this->out(w), dA = this->d_out(w), dZ = this->d_in(w, 0);
        for (long i = 0; i < A.rows; i++) {
            T sum = 0;
            for (long j = 0; j < A.n; j++) sum += dA[i][j];
            T *to = dZ[i], *a = A[i], *da = dA[i];
            if (this->add[0])
                for (long j = 0; j < A.n; j++) to[j] += da[j] - exponential(a[j]) * sum;
            else
                for (long j = 0; j < A.n; j++) to[j] = da[j] - exponential(a[j]) * sum;
        }
    }
};

}  // namespace

template <class T>
void enter_activations(Kernels<T>& kernels) {
    enter<Activation<T, Identity<T>>>(kernels, "identity");
    enter<Activation<T, Sigmoid<T>>>(kernels, "sigmoid");
    enter<Activation<T, Tanh<T>>>(kernels, "tanh");
    enter<Activation<T, Relu<T>>>(kernels, "relu");
    enter<Activation<T, LeakyRelu<T>>>(kernels, "leaky_relu");
    enter<Activation<T, Elu<T>>>(kernels, "elu");
    enter<Activation<T, Gelu<T>>>(kernels, "gelu");
    enter<Activation<T, Silu<T>>>(kernels, "silu");
    enter<Activation<T, Softplus<T>>>(kernels, "softplus");
    enter<Softmax<T>>(kernels, "softmax");
    enter<LogSoftmax<T>>(kernels, "log_softmax");
}

template void enter_activations(Kernels<float>&);
template void enter_activations(Kernels<double>&);

}  // namespace chainrule
