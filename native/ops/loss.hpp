// A cost: the mean of a loss over examples, and how its targets and weights are found.
#pragma once
#include "activation.hpp"
#include "sums.hpp"

namespace chainrule {

// What a cost becomes where a target is none that the loss takes: Y is looked at before a call, and somebody may write into it
// since. Python then finds out what is wrong.
constexpr double NONE = std::numeric_limits<double>::quiet_NaN();

// Of a single output a and its target y: the loss, and its derivative by a.
struct Told {
    double cost, slope;
};

// A part of J, `scale` times the mean of a loss, whose input is the network's output, or what its last activation reads: what is
// the same for all losses.
template <class T>
class Mean : public Step<T> {
  public:
    void check(const Data<T>& data) const override {
        const Value& A = this->given(0);
        expect(data.Y ? data.targets == A.count() : of_classes && data.labels && data.labels_of_each == A.rows,
               "the targets have another shape than the loss takes");
        expect(!data.weights || data.weights_of_each == 1 || data.weights_of_each == A.rows, "there are weights for each example, or step");
    }
    void expects() const override { this->takes(1, 1); }

    // The cost is added up on the way forward, and again with the derivative on the way back where there is one: the way
    // forward alone is for evaluation.
    void forward(Worker<T>& w) override {
        if (!w.training) add_up(w, false);
    }
    void backward(Worker<T>& w) override {
        if (w.training) add_up(w, this->wanted(0));
    }

  protected:
    Mean(const Options& o, bool of_classes) : of_classes(of_classes), scale(o.get("scale")) {}

    virtual void add_up(Worker<T>& w, bool derive) = 0;

    // Which target belongs to row i of the output.
    long place(const Worker<T>& w, long i) const {
        const long of_each = this->of(this->inputs[0]).rows;
        return of_each == 1 ? w.source(i) : w.source(i / of_each) * of_each + i % of_each;
    }

    // The factor of a row's loss in J, whose target has this number: its weight divided by the number of rows in the batch.
    double share(const Worker<T>& w, long target) const {
        const long of_each = this->of(this->inputs[0]).rows;
        const T* weights = w.data->weights;
        const double weight = weights ? weights[w.data->weights_of_each > 1 ? target : target / of_each] : T(1);
        return scale * weight / (double(w.batch) * double(of_each));
    }

  private:
    bool of_classes;
    double scale;
};

template <class T, class L>
class LossOfClasses : public Mean<T> {
  public:
    explicit LossOfClasses(const Options& o) : Mean<T>(o, true), loss(made<L>(o)) {}

    void prepare() override {
        for (int id = 0; id < this->program->team.most(); id++) rows.emplace_back(this->of(this->inputs[0]).n);
    }

  protected:
    void add_up(Worker<T>& w, bool derive) override {
        Matrix<T> A = this->in(w, 0), d = derive ? this->d_in(w, 0) : Matrix<T>{};
        const bool add = derive && this->add[0];
        const Data<T>& data = *w.data;
        for (long i = 0; i < A.rows; i++) {
            const long target = this->place(w, i), label = data.labels ? data.labels[target] : -1;
            const double share = this->share(w, target);
            const T* shares = data.Y ? data.Y + target * A.n : nullptr;
            if (data.labels ? label < 0 || label >= A.n : std::any_of(shares, shares + A.n, [](T y) { return y < 0; })) {
                w.cost = NONE;
                continue;
            }
            T* row = derive && !add ? d[i] : rows[w.id].data();
            w.cost += share * loss.row(A[i], shares, label, row, A.n, T(share));
            if (add)
                for (long j = 0; j < A.n; j++) d[i][j] += row[j];
        }
    }

  private:
    L loss;
    std::vector<Buffer<T>> rows;  // by worker: a derivative that is not wanted, or is to be added to another
};

// Of single outputs, those of several rows are brought side by side, so that registers can be filled with them. Only what `tell`
// does is compiled for each loss.
template <class T>
class MeanOfOutputs : public Mean<T> {
  protected:
    explicit MeanOfOutputs(const Options& o) : Mean<T>(o, false) {}

    // Of n outputs a and targets y: the costs, times their shares of J, and the derivatives in the place of a.
    virtual void tell(T* __restrict a, const T* y, const T* shares, double* __restrict costs, long n) const = 0;

    void add_up(Worker<T>& w, bool derive) override {
        constexpr long SOME = 128;
        T a[SOME], y[SOME], shares[SOME];
        double costs[SOME];
        Matrix<T> A = this->in(w, 0), d = derive ? this->d_in(w, 0) : Matrix<T>{};
        const long wide = std::min(A.n, SOME), high = SOME / wide;
        for (long i = 0; i < A.rows; i += high)
            for (long j = 0; j < A.n; j += wide) {
                const long rows = std::min(high, A.rows - i), n = std::min(wide, A.n - j);
                for (long r = 0; r < rows; r++) {
                    const long target = this->place(w, i + r);
                    const T *from = A[i + r] + j, *label = w.data->Y + target * A.n + j, share = T(this->share(w, target));
                    for (long k = 0; k < n; k++) a[r * n + k] = from[k], y[r * n + k] = label[k], shares[r * n + k] = share;
                }
                tell(a, y, shares, costs, rows * n);
                w.cost += total(costs, rows * n);
                for (long r = 0; derive && r < rows; r++) {
                    T* to = d[i + r] + j;
                    for (long k = 0; k < n; k++) to[k] = (this->add[0] ? to[k] : T(0)) + a[r * n + k];
                }
            }
    }
};

template <class T, class L>
class Loss : public MeanOfOutputs<T> {
  public:
    explicit Loss(const Options& o) : MeanOfOutputs<T>(o), loss(made<L>(o)) {}

  protected:
    void tell(T* __restrict a, const T* y, const T* shares, double* __restrict costs, long n) const override {
        for (long k = 0; k < n; k++) {
            const Told told = loss.of(a[k], y[k]);
            costs[k] = double(shares[k]) * told.cost, a[k] = shares[k] * T(told.slope);
        }
    }

  private:
    L loss;
};

}  // namespace chainrule
