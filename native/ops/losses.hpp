// The costs: the loss L of each example, times its weight, and the derivative of J = 1/m sum w L by the output.
#pragma once
#include "activations.hpp"

namespace chainrule {

// Those of single outputs: what one costs, and its derivative.
struct Told {
    double cost, slope;
};
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
    Told of(T a, T y) const {
        T e = a - y, held = std::min(std::max(e, -delta), delta);
        return {held * (e - T(0.5) * held), held};
    }
};
template <class T>
struct Poisson {  // of A
    Told of(T a, T y) const {
        T held = std::max(a, std::numeric_limits<T>::epsilon());
        return {double(held) - y + (y > 0 ? y * std::log(y / held) : T(0)), 1 - y / held};
    }
};
template <class T>
struct ExpPoisson {  // of Z
    Told of(T z, T y) const {
        T a = std::exp(z);
        return {double(a) - y + y * ((y > 0 ? std::log(y) : T(0)) - z), a - y};
    }
};
template <class T>
struct SigmoidBinaryCrossEntropy {  // of Z
    T smoothing;
    Told of(T z, T label) const {
        T y = (1 - smoothing) * label + smoothing / 2, below = std::log1p(exponential(-std::abs(z)));
        return {y * (below + std::max(-z, T(0))) + (1 - y) * (below + std::max(z, T(0))), sigmoid(z) - y};
    }
};
template <class T>
struct BinaryCrossEntropy {  // of A
    T smoothing;
    Told of(T a, T label) const {
        const T tiny = std::numeric_limits<T>::epsilon();
        T y = (1 - smoothing) * label + smoothing / 2, held = std::min(std::max(a, tiny), 1 - tiny);
        return {-(y * std::log(held) + (1 - y) * std::log1p(-held)), -y / held + (1 - y) / (1 - held)};
    }
};
template <class T>
struct Hinge {
    Told of(T z, T y) const {
        T margin = 1 - y * z;
        return {std::max(margin, T(0)), margin > 0 ? -y : T(0)};
    }
};
template <class T>
struct Perceptron {
    Told of(T z, T y) const { return {std::max(-y * z, T(0)), y * z <= 0 ? -y : T(0)}; }
};

// Those of classes see y as a label, or as a share of each class.
template <class T>
struct SoftmaxCrossEntropy {  // of Z
    T smoothing;
    double row(const T* z, const T* y, long label, T* d, long n, T share) const {
        T most = z[0], sum = 0, of_y = 0;
        double cost = 0;
        for (long j = 1; j < n; j++) most = std::max(most, z[j]);
        for (long j = 0; j < n; j++) {
            T power = exponential(z[j] - most);
            if (d) d[j] = power;
            sum += power;
        }
        T all = most + std::log(sum), rest = smoothing / T(n);
        if (label >= 0 && smoothing == 0) {
            cost = double(all) - z[label];
            of_y = 1;
        } else {
            for (long j = 0; j < n; j++) {
                T part = (1 - smoothing) * (y ? y[j] : T(j == label)) + rest;
                of_y += part;
                cost += double(part) * (double(all) - z[j]);
            }
        }
        if (d) {
            T factor = share * of_y / sum;
            for (long j = 0; j < n; j++) d[j] *= factor;
            if (label >= 0 && smoothing == 0)
                d[label] -= share;
            else
                for (long j = 0; j < n; j++) d[j] -= share * ((1 - smoothing) * (y ? y[j] : T(j == label)) + rest);
        }
        return cost;
    }
};
template <class T>
struct CrossEntropy {  // of A
    T smoothing;
    double row(const T* a, const T* y, long label, T* d, long n, T share) const {
        double cost = 0;
        for (long j = 0; j < n; j++) {
            T part = (1 - smoothing) * (y ? y[j] : T(j == label)) + smoothing / T(n);
            T held = std::max(a[j], std::numeric_limits<T>::epsilon());
            cost -= double(part) * std::log(held);
            if (d) d[j] = -share * part / held;
        }
        return cost;
    }
};

// input: the network's output, or what its last activation reads
template <class T, class L>
class Loss : public Step<T> {
  public:
    explicit Loss(L loss) : loss(loss) {}
    void forward(Worker<T>& w) override { walk(w, false); }
    void backward(Worker<T>& w) override { walk(w, true); }

  private:
    static constexpr bool of_classes = requires(L l, const T* a) { l.row(a, a, 0L, nullptr, 0L, T(0)); };

    // What a row of single outputs costs; its derivative, times the share of the example in J, goes to d if that is given.
    double add_up(const T* a, const T* y, T* d, long n, T share) const {
        double cost = 0;
        for (long j = 0; j < n; j++) {
            Told told = loss.of(a[j], y[j]);
            cost += told.cost;
            if (d) d[j] = share * T(told.slope);
        }
        return cost;
    }

    // The cost is added up on the way forward, and again with the derivative on the way back where there is one: the way
    // forward alone is for evaluation.
    void walk(Worker<T>& w, bool backward) {
        if (w.training != backward) return;
        Matrix<T> A = this->in(w, 0);
        bool derive = backward && this->wanted(0);
        Matrix<T> d = derive ? this->d_in(w, 0) : Matrix<T>{};
        long of_each = this->program->values[this->inputs[0]].rows;
        const Data<T>& data = *w.data;
        double m = double(w.batch) * double(of_each);
        for (long i = 0; i < w.examples; i++) {
            int64_t source = w.source(i);
            for (long r = 0; r < of_each; r++) {
                T weight = !data.weights ? T(1) : data.weights[source * data.weights_of_each + (data.weights_of_each > 1 ? r : 0)];
                T* row = derive ? d[i * of_each + r] : nullptr;
                const T* y = data.Y ? data.Y + (source * of_each + r) * A.n : nullptr;
                double cost;
                if constexpr (of_classes) {
                    long label = data.labels ? data.labels[source * of_each + r] : -1;
                    cost = loss.row(A[i * of_each + r], y, label, row, A.n, T(weight / m));
                } else {
                    cost = add_up(A[i * of_each + r], y, row, A.n, T(weight / m));
                }
                w.cost += cost * weight / m;
            }
        }
    }
    L loss;
};

}  // namespace chainrule
