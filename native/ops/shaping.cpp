// From the data to the first buffer, and between shapes.
#include "../kernels.hpp"

namespace chainrule {
namespace {

// Ask for the example that is read a while after number i.
template <class T, class E>
void fetch_ahead(const Worker<T>& w, const E* X, long i) {
    if (i + AHEAD < w.examples) fetch(X + w.source(i + AHEAD) * w.data->features, w.data->features);
}

// A^[0]: the examples of this worker, gathered by their numbers, unless they are read where they lie.
template <class T>
class Gather : public Step<T> {
  public:
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

// (A - mean) / deviation of the examples as they come, before they lose digits in the network's type.
template <class T>
class GatherStandardized : public Step<T> {
  public:
    explicit GatherStandardized(const Options& o) : mean(o.all<double>("mean")), deviation(o.all<double>("deviation")) {}
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
        const Value& Z = this->of(this->output);
        runs.resize(this->inputs.size());
        for (long i = 0; i < long(positions.size()); i++) {
            long k = 0, position = positions[i];
            for (; position >= size(k); k++) position -= size(k);
            Run here{int(this->of(this->inputs[k]).place(position)), int(Z.place(i)), 1};
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
        int from, to, n;
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
