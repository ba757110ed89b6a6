// The costs: the loss L of each example, times its weight, and the derivative of J = 1/m sum w L by the output.
#pragma once
#include "activations.hpp"

namespace chainrule {

// Each loss adds up what a row of outputs costs and, where d is given, its derivative; y is a row of targets.
template <class T>
struct SquaredError {
    double row(const T* a, const T* y, T* d, long n, T share) const {
        double cost = 0;
        for (long j = 0; j < n; j++) {
            T e = a[j] - y[j];
            cost += 0.5 * double(e) * e;
            if (d) d[j] = share * e;
        }
        return cost;
    }
};
template <class T>
struct AbsoluteError {
    double row(const T* a, const T* y, T* d, long n, T share) const {
        double cost = 0;
        for (long j = 0; j < n; j++) {
            T e = a[j] - y[j];
            cost += std::abs(e);
            if (d) d[j] = share * (e > 0 ? T(1) : e < 0 ? T(-1) : T(0));
        }
        return cost;
    }
};
template <class T>
struct Huber {
    T delta;
    double row(const T* a, const T* y, T* d, long n, T share) const {
        double cost = 0;
        for (long j = 0; j < n; j++) {
            T e = a[j] - y[j], held = std::min(std::max(e, -delta), delta);
            cost += held * (e - T(0.5) * held);
            if (d) d[j] = share * held;
        }
        return cost;
    }
};
template <class T>
struct SigmoidBinaryCrossEntropy {  // of Z
    T smoothing;
    double row(const T* z, const T* y_, T* d, long n, T share) const {
        double cost = 0;
        for (long j = 0; j < n; j++) {
            T y = (1 - smoothing) * y_[j] + smoothing / 2;
            T below = std::log1p(exponential(-std::abs(z[j])));
            cost += y * (below + std::max(-z[j], T(0))) + (1 - y) * (below + std::max(z[j], T(0)));
            if (d) d[j] = share * (sigmoid(z[j]) - y);
        }
        return cost;
    }
};
template <class T>
struct BinaryCrossEntropy {  // of A
    T smoothing;
    double row(const T* a, const T* y_, T* d, long n, T share) const {
        double cost = 0;
        const T tiny = std::numeric_limits<T>::epsilon();
        for (long j = 0; j < n; j++) {
            T y = (1 - smoothing) * y_[j] + smoothing / 2, held = std::min(std::max(a[j], tiny), 1 - tiny);
            cost -= y * std::log(held) + (1 - y) * std::log1p(-held);
            if (d) d[j] = share * (-y / held + (1 - y) / (1 - held));
        }
        return cost;
    }
};
template <class T>
struct Hinge {
    double row(const T* z, const T* y, T* d, long n, T share) const {
        double cost = 0;
        for (long j = 0; j < n; j++) {
            T margin = 1 - y[j] * z[j];
            cost += std::max(margin, T(0));
            if (d) d[j] = margin > 0 ? -share * y[j] : T(0);
        }
        return cost;
    }
};
template <class T>
struct Perceptron {
    double row(const T* z, const T* y, T* d, long n, T share) const {
        double cost = 0;
        for (long j = 0; j < n; j++) {
            T right = y[j] * z[j];
            cost += std::max(-right, T(0));
            if (d) d[j] = right <= 0 ? -share * y[j] : T(0);
        }
        return cost;
    }
};

// Those of classes see y as a label, or as a share of each class.
template <class T>
struct SoftmaxCrossEntropy {  // of Z
    T smoothing;
    double row(const T* z, const T* y, long label, T* d, long n, T share) const {
        T most = z[0], sum = 0, of_y = 0;
        double cost = 0;
        for (long j = 1; j < n; j++) most = std::max(most, z[j]);
        T local[64], *e = d ? d : n <= 64 ? local : nullptr;
        for (long j = 0; j < n; j++) {
            T power = exponential(z[j] - most);
            if (e) e[j] = power;
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
                    cost = loss.row(A[i * of_each + r], y, row, A.n, T(weight / m));
                }
                w.cost += cost * weight / m;
            }
        }
    }
    L loss;
};

}  // namespace chainrule
