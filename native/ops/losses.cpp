// The costs: the loss L of each example, times its weight, and the derivative of J = 1/m sum w L by the output.
#include "loss.hpp"

namespace chainrule {
namespace {

// Losses of a single output a and its target y.
template <class T>
struct SquaredError {
    Told of(T a, T y) const {
        T e = a - y;
        return {0.5 * double(e) * e, e};
    }
};
template <class T>
struct AbsoluteError {
    Told of(T a, T y) const {
        T e = a - y;
        return {std::abs(e), double(e > 0) - double(e < 0)};
    }
};
template <class T>
struct Huber {
    T delta;
    explicit Huber(const Options& o) : delta(T(o.get("delta"))) {}
    Told of(T a, T y) const {
        T e = a - y, held = std::min(std::max(e, -delta), delta);
        return {held * (e - T(0.5) * held), held};
    }
};
template <class T>
struct Poisson {  // of A
    Told of(T a, T y) const {
        T held = std::max(a, std::numeric_limits<T>::epsilon());
        return {y < 0 ? NONE : double(held) - y + (y > 0 ? y * std::log(y / held) : T(0)), 1 - y / held};
    }
};
template <class T>
struct ExpPoisson {  // of Z
    Told of(T z, T y) const {
        T a = std::exp(z);
        return {y < 0 ? NONE : double(a) - y + y * ((y > 0 ? std::log(y) : T(0)) - z), a - y};
    }
};
template <class T>
struct SigmoidBinaryCrossEntropy {  // of Z
    T smoothing;
    explicit SigmoidBinaryCrossEntropy(const Options& o) : smoothing(T(o.get("label_smoothing"))) {}
    Told of(T z, T label) const {
        T y = (1 - smoothing) * label + smoothing / 2, below = logarithm_beside_1(exponential(-std::abs(z)));
        const T cost = y * (below + std::max(-z, T(0))) + (1 - y) * (below + std::max(z, T(0)));
        return {label < 0 || label > 1 ? NONE : cost, sigmoid(z) - y};
    }
};
template <class T>
struct BinaryCrossEntropy {  // of A
    T smoothing;
    explicit BinaryCrossEntropy(const Options& o) : smoothing(T(o.get("label_smoothing"))) {}
    Told of(T a, T label) const {
        const T tiny = std::numeric_limits<T>::epsilon();
        T y = (1 - smoothing) * label + smoothing / 2, held = std::min(std::max(a, tiny), 1 - tiny);
        const T cost = -(y * std::log(held) + (1 - y) * std::log1p(-held));
        return {label < 0 || label > 1 ? NONE : cost, -y / held + (1 - y) / (1 - held)};
    }
};
template <class T>
struct Hinge {
    Told of(T z, T y) const {
        T margin = 1 - y * z;
        return {y * y != 1 ? NONE : std::max(margin, T(0)), margin > 0 ? -y : T(0)};
    }
};
template <class T>
struct Perceptron {
    Told of(T z, T y) const { return {y * y != 1 ? NONE : std::max(-y * z, T(0)), y * z <= 0 ? -y : T(0)}; }
};

// Losses of a row of outputs, one for each class. The target is the number of a class (label), or the shares y of all classes;
// the other of both is null or -1. The derivative by the row, times its share of J, is written to d.
template <class T>
struct SoftmaxCrossEntropy {  // of Z
    T smoothing;
    explicit SoftmaxCrossEntropy(const Options& o) : smoothing(T(o.get("label_smoothing"))) {}
    double row(const T* z, const T* y, long label, T* d, long n, T share) const {
        T most = z[0], sum = 0, of_y = 0;
        double cost = 0;
        for (long j = 1; j < n; j++) most = std::max(most, z[j]);
        for (long j = 0; j < n; j++) d[j] = exponential(z[j] - most);
        for (long j = 0; j < n; j++) sum += d[j];
        T all = most + std::log(sum), rest = smoothing / T(n);
        if (label >= 0 && smoothing == 0) {
            cost = double(all) - z[label];
            of_y = 1;
        } else {
            for (long j = 0; j < n; j++) {
                T part = (1 - smoothing) * (y ? y[j] : T(j == label)) + rest;
                of_y += part;
                cost += part == 0 ? 0 : double(part) * (double(all) - z[j]);  // 0 times infinity is 0 here
            }
        }
        T factor = share * of_y / sum;
        for (long j = 0; j < n; j++) d[j] *= factor;
        if (label >= 0 && smoothing == 0)
            d[label] -= share;
        else
            for (long j = 0; j < n; j++) d[j] -= share * ((1 - smoothing) * (y ? y[j] : T(j == label)) + rest);
        return cost;
    }
};
template <class T>
struct CrossEntropy {  // of A
    T smoothing;
    explicit CrossEntropy(const Options& o) : smoothing(T(o.get("label_smoothing"))) {}
    double row(const T* a, const T* y, long label, T* d, long n, T share) const {
        double cost = 0;
        for (long j = 0; j < n; j++) {
            T part = (1 - smoothing) * (y ? y[j] : T(j == label)) + smoothing / T(n);
            T held = std::max(a[j], std::numeric_limits<T>::epsilon());
            cost -= double(part) * std::log(held);
            d[j] = -share * part / held;
        }
        return cost;
    }
};

// A part of J, `scale` times the mean of all numbers of all examples of A, or the sum.
template <class T>
class Total : public Step<T> {
  public:
    explicit Total(const Options& o) : scale(o.get("scale")), mean(o.get<bool>("mean")) {}
    void expects() const override { this->takes(1, 1); }
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0);
        for (long i = 0; i < A.rows; i++) w.cost += share(w) * total(A[i], A.n);
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> dA = this->d_in(w, 0);
        for (long i = 0; i < dA.rows; i++)
            for (long j = 0; j < dA.n; j++) dA[i][j] = (this->add[0] ? dA[i][j] : T(0)) + T(share(w));
    }

  private:
    double share(Worker<T>& w) const {
        const Value& A = this->of(this->inputs[0]);
        return mean ? scale / (double(w.batch) * double(A.rows * A.n)) : scale;
    }
    double scale;
    bool mean;
};

// Y: the targets of this worker's examples, as an array of their own.
template <class T>
class Targets : public Step<T> {
  public:
    void expects() const override { this->takes(0, 0), this->makes_a_value(); }
    void check(const Data<T>& data) const override {
        expect(data.Y && data.targets == this->made().count(), "the targets have another shape than the network takes");
    }
    void forward(Worker<T>& w) override {
        Matrix<T> Y = this->out(w);
        long rows = this->of(this->output).rows;
        for (long i = 0; i < Y.rows; i++)
            std::copy_n(w.data->Y + (w.source(i / rows) * rows + i % rows) * Y.n, Y.n, Y[i]);
    }
};

}  // namespace

template <class T>
void enter_losses(Kernels<T>& kernels) {
    enter<Loss<T, SquaredError<T>>>(kernels, "squared_error");
    enter<Loss<T, AbsoluteError<T>>>(kernels, "absolute_error");
    enter<Loss<T, Huber<T>>>(kernels, "huber");
    enter<Loss<T, Poisson<T>>>(kernels, "poisson");
    enter<Loss<T, ExpPoisson<T>>>(kernels, "exp_poisson");
    enter<Loss<T, BinaryCrossEntropy<T>>>(kernels, "binary_cross_entropy");
    enter<Loss<T, SigmoidBinaryCrossEntropy<T>>>(kernels, "sigmoid_binary_cross_entropy");
    enter<LossOfClasses<T, CrossEntropy<T>>>(kernels, "cross_entropy");
    enter<LossOfClasses<T, SoftmaxCrossEntropy<T>>>(kernels, "softmax_cross_entropy");
    enter<Loss<T, Hinge<T>>>(kernels, "hinge");
    enter<Loss<T, Perceptron<T>>>(kernels, "perceptron");
    enter<Total<T>>(kernels, "total");
    enter<Targets<T>>(kernels, "targets");
}

template void enter_losses(Kernels<float>&);
template void enter_losses(Kernels<double>&);

}  // namespace chainrule
