// The examples of X brought into the program's rows, and arrays brought into another shape or order.
#include "../kernels.hpp"

namespace chainrule {
namespace {

// Ask for the example that is read a while after number i.
template <class T, class E>
void fetch_ahead(const Worker<T>& w, const E* X, long i) {
    if (i + AHEAD < w.examples) fetch(X + w.source(i + AHEAD) * w.data->features, w.data->features);
}

// A^[0] = X: the worker's examples copied into the program's rows, unless all who read them can read them in X.
template <class T>
class Gather : public Step<T> {
  public:
    void expects() const override { this->takes(0, 0), this->makes_a_value(); }
    void check(const Data<T>& data) const override {
        expect(data.features == this->made().count(), "X has another number of features");
    }
    bool gathers() const override { return true; }
    void forward(Worker<T>& w) override {
        if (this->program->lies(w, this->output)) return;
        Matrix<T> A = this->out(w);
        long rows = this->program->values[this->output].rows;
        with_type(*w.data, [&](auto* X) {
            for (long i = 0; i < w.examples; i++) {
                auto* x = X + w.source(i) * w.data->features;
                fetch_ahead(w, X, i);
                for (long r = 0; r < rows; r++)
                    for (long j = 0; j < A.n; j++) A[i * rows + r][j] = T(x[r * A.n + j]);
            }
        });
    }
};

// (X - mean) / deviation, computed with the digits that X has, before they are rounded to the network's type.
template <class T>
class GatherStandardized : public Step<T> {
  public:
    explicit GatherStandardized(const Options& o) : mean(o.all<double>("mean")), deviation(o.all<double>("deviation")) {}
    void expects() const override {
        this->takes(0, 0), this->makes_a_value();
        this->fits(long(mean.size()) == this->made().n && long(deviation.size()) == this->made().n, "the means, the deviations and Z");
    }
    void check(const Data<T>& data) const override {
        expect(data.features == this->made().count(), "X has another number of features");
    }
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->out(w);
        long rows = this->program->values[this->output].rows;
        with_type(*w.data, [&](auto* X) {
            using Exact = std::conditional_t<std::is_same_v<decltype(X), const float*>, float, double>;
            for (long i = 0; i < w.examples; i++) {
                auto* x = X + w.source(i) * w.data->features;
                fetch_ahead(w, X, i);
                for (long r = 0; r < rows; r++)
                    for (long j = 0; j < A.n; j++)
                        A[i * rows + r][j] = T((Exact(x[r * A.n + j]) - Exact(mean[j])) / Exact(deviation[j]));
            }
        });
    }

  private:
    std::vector<double> mean, deviation;
};

// Z's numbers, row by row, are those at `positions` of the inputs, which are counted row by row too, one input after the
// other: every way to reshape, turn, cut out and put together.
template <class T>
class Index : public Step<T> {
  public:
    explicit Index(const Options& o) : positions(o.all<int64_t>("positions")) {}

    void prepare() override {
        this->takes(1, 1 << 20), this->makes_a_value();
        const Value& Z = this->of(this->output);
        long numbers = 0;
        for (long k = 0; k < long(this->inputs.size()); k++) numbers += size(k);
        const auto known = [&](int64_t position) { return 0 <= position && position < numbers; };
        this->fits(long(positions.size()) == Z.count() && std::all_of(positions.begin(), positions.end(), known), "the positions");
        runs.resize(this->inputs.size());
        for (long i = 0; i < long(positions.size()); i++) {
            long k = 0, position = positions[i];
            for (; position >= size(k); k++) position -= size(k);
            Run here{this->of(this->inputs[k]).place(position), Z.place(i), 1};
            Run* last = runs[k].empty() ? nullptr : &runs[k].back();
            if (last && last->from + last->n == here.from && last->to + last->n == here.to) last->n++;
            else runs[k].push_back(here);
        }
    }
    void forward(Worker<T>& w) override {
        for (int k = 0; k < int(this->inputs.size()); k++)
            each(w, k, this->in(w, k), this->out(w), [](T* a, T* z, long n) { std::copy(a, a + n, z); });
    }
    void backward(Worker<T>& w) override {
        for (int k = 0; k < int(this->inputs.size()); k++) {
            if (!this->wanted(k)) continue;
            if (!this->add[k]) this->d_in(w, k).clear();
            each(w, k, this->d_in(w, k), this->d_out(w), [](T* da, const T* dz, long n) {
                for (long j = 0; j < n; j++) da[j] += dz[j];
            });
        }
    }

  private:
    struct Run {
        long from, to, n;
    };
    long size(long k) const { return this->of(this->inputs[k]).rows * this->of(this->inputs[k]).n; }

    template <class Use>
    void each(Worker<T>& w, int k, Matrix<T> A, Matrix<T> Z, Use use) {
        const Value &from = this->of(this->inputs[k]), &to = this->of(this->output);
        long apart = from.kind == Kind::example ? from.rows * from.row : 0;
        long examples = to.kind == Kind::example ? w.examples : 1;
        for (long i = 0; i < examples; i++)
            for (Run run : runs[k]) use(A.data + i * apart + run.from, Z.data + i * to.rows * to.row + run.to, run.n);
    }

    std::vector<int64_t> positions;
    std::vector<std::vector<Run>> runs;  // by input: numbers that lie side by side in both
};

}  // namespace

template <class T>
void enter_shaping(Kernels<T>& kernels) {
    enter<Gather<T>>(kernels, "gather");
    enter<GatherStandardized<T>>(kernels, "gather_standardized");
    for (const char* name : {"index", "reshape", "transpose", "concatenate", "stack"}) enter<Index<T>>(kernels, name);
}

template void enter_shaping(Kernels<float>&);
template void enter_shaping(Kernels<double>&);

}  // namespace chainrule
