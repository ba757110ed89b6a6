// A linear step on numbers that are spread over bins, which are nowhere written out.
#include "rows.hpp"
#include "sums.hpp"

namespace chainrule {
namespace {

// Z = W [A, e] + b, e_t = (A_j - low_t) / width_t between 0 and 1: how far number j of A is through bin t. The bins of a column
// follow each other, so a number has filled all before one, a share of that one, and none behind. What the bins before an edge
// come to is kept for every edge, and a number adds what lies between two of these sums, instead of as many products as its
// column has bins. A has no derivative by the columns that are spread.
template <class T>
class LinearInBins : public Step<T> {
    static constexpr long P = WIDTH<T>;
    static constexpr long NEAR = 16 * 1024 / (2 * REGISTER);  // edges of two panels that stay in the first cache

  public:
    // inputs: A, W, b or nothing. By column that is spread: which of A it is, its first bin, and how many it has.
    explicit LinearInBins(const Options& o)
        : columns(o.all<int64_t>("columns")), first(o.all<int64_t>("first")), count(o.all<int64_t>("count")),
          low(o.all<T>("low")), width(o.all<T>("width")) {}

    void expects() const override {
        this->takes(2, 3), this->makes_a_value();
        const Value &A = this->given(0), &W = this->given(1), &Z = this->made();
        this->fits(W.panels && W.n == A.n + bins() && Z.n == W.rows && A.rows == 1 && Z.rows == 1, "A, W in panels, and Z");
        this->fits(this->inputs.size() < 3 || this->given(2).count() == Z.n, "b");
        this->fits(!this->wanted(0) || W.needs_backward, "W, of which the way back has no copy");
        this->fits(columns.size() == first.size() && columns.size() == count.size() && low.size() == width.size(), "the bins");
        for (long c = 0; c < spread(); c++)
            this->fits(0 <= columns[c] && columns[c] < A.n && 0 <= first[c] && 0 < count[c] && first[c] + count[c] <= bins(),
                       "a column and its bins");
        for (long c = 1; c < spread(); c++) this->fits(first[c - 1] + count[c - 1] <= first[c], "the bins of two columns");
    }

    void prepare() override {
        const long capacity = this->program->capacity;
        at.assign(size_t(capacity * spread()), 0), shares.assign(size_t(capacity * spread()), T(0));
        full = Buffer<T>(panels(this->output) * edges() * P);
        groups.assign(1, 0);
        for (long c = 0, rows = 0; c < spread(); c++) {
            if (rows && rows + count[c] + 1 > NEAR) groups.push_back(c), rows = 0;
            rows += count[c] + 1;
        }
        groups.push_back(spread());
    }

    // What the bins before each of their edges come to, of this worker's panels.
    bool begins() const override { return true; }
    void begin(Worker<T>& w) override {
        if (weights().in_network) return;
        const Matrix<T> W = this->in(w, 1);
        auto [begin, end] = this->program->mine(w, panels(this->output));
        for (long p = begin; p < end; p++)
            for (long c = 0; c < spread(); c++) {
                const T* rows = of_bin(W.data, p, first[c]);
                T* sums = full.data() + (p * edges() + first[c] + c) * P;
                Vector<T> sum{};
                for (long t = 0; t < count[c]; t++) store<T>(sums + t * P, sum), sum += load(rows + t * P);
                store<T>(sums + count[c] * P, sum);
            }
    }

    void forward(Worker<T>& w) override {
        const T* b = this->inputs.size() > 2 ? this->in(w, 2).data : nullptr;
        Matrix<T> A = this->in(w, 0), Z = this->out(w);
        find(A, w.first - w.begin);
        if (weights().in_network) return row_by_row(A, this->in(w, 1), Z, w.first - w.begin, b);
        const T* W = this->in(w, 1).data;
        if (!weights().by_outputs) return times(A, W, Z, w.first - w.begin, {0, panels(this->output)}, b);
        Program<T>& program = *this->program;
        program.team.barrier.meet();
        times(program.all(w, this->inputs[0]), W, program.all(w, this->output), 0, program.mine(w, panels(this->output)), b);
        program.team.barrier.meet();
    }

    void backward(Worker<T>& w) override {
        Matrix<T> dZ = this->d_out(w);
        if (this->inputs.size() > 2 && this->wanted(2)) add_rows(dZ, this->d_in(w, 2).data);
        if (!this->wanted(0)) return;
        Program<T>& program = *this->program;
        const int A = this->inputs[0], Z = this->output;
        if (!weights().by_outputs) return back(dZ, this->d_in(w, 0), {0, panels(A)});
        program.team.barrier.meet();
        back(program.all_derivatives(w, Z), program.all_derivatives(w, A), program.mine(w, panels(A)));
        program.team.barrier.meet();
    }

    void derive(Worker<T>& w, const Block& block, T* g, long panel, bool add) override {
        const Matrix<T> A = this->program->all(w, this->inputs[0]), dZ = this->program->all_derivatives(w, this->output);
        const long plain = std::clamp(A.n - block.feature, 0L, block.features);
        if (plain > 0)
            multiply<T>(plain, block.panels * P, A.rows, {A.data + block.feature, 1, A.row}, {dZ.data + block.output, P, dZ.row},
                        {g, panel, P}, nullptr, add);
        if (plain == block.features) return;
        if (!add)
            for (long s = 0; s < block.panels; s++)
                std::memset(static_cast<void*>(g + s * panel + plain * P), 0, sizeof(T) * (block.features - plain) * P);
        const long from = block.feature + plain - A.n, to = block.feature + block.features - A.n;
        for (long c = 0; c < spread(); c++) {
            const long begin = std::max(from, long(first[c])), end = std::min(to, long(first[c] + count[c]));
            T* here = g + (plain + begin - from) * P;
            long s = 0;
            auto add = [&]<int S>(std::integral_constant<int, S>) {
                for (; begin < end && s + S <= block.panels; s += S)
                    add_bins<S>(c, begin, end, dZ, block.output + s * P, here + s * panel, panel);
            };
            add(std::integral_constant<int, 4>{}), add(std::integral_constant<int, 1>{});
        }
    }

    bool defers(int input) const override { return input == 1; }
    bool needs_all() const override { return weights().by_outputs; }
    long likes() const override { return 96; }  // who each read sums that come from far
    bool keeps_output() const override { return false; }
    Reads reads(int) const override { return Reads::in_order; }

  private:
    long spread() const { return long(columns.size()); }
    long bins() const { return long(low.size()); }
    long edges() const { return bins() + spread(); }
    const Value& weights() const { return this->program->values[this->inputs[1]]; }
    long panels(int id) const { return padded<T>(this->program->values[id].n) / P; }
    // Row t of the bins' part of W^T, in a panel.
    const T* of_bin(const T* W, long panel, long t) const {
        const long n = weights().n;
        return W + (panel * n + n - bins() + t) * P;
    }

    // For every number that is spread, which bin it lies in, and how much of that it has filled; from example `example` of the
    // batch on. What is no number has a share that is none.
    void find(Matrix<T> A, long example) {
        int32_t* bin = at.data() + example * spread();
        T* share = shares.data() + example * spread();
        for (long i = 0; i < A.rows; i++)
            for (long c = 0; c < spread(); c++, bin++, share++) {
                const T x = A[i][columns[c]], *edge = low.data() + first[c];
                long t = 0;
                for (long left = count[c]; left > 1; left -= left / 2)  // the last whose edge is not above x, without a guess
                    t += left / 2 * (edge[t + left / 2] <= x);
                const T through = (x - edge[t]) / width[first[c] + t];
                *bin = int32_t(first[c] + t), *share = through < T(0) ? T(0) : through > T(1) ? T(1) : through;
            }
    }

    // Z = W [A, e] + b, in panels [begin, end) of Z; A and Z begin with example `example` of the batch.
    void times(Matrix<T> A, const T* W, Matrix<T> Z, long example, std::pair<long, long> range, const T* b) {
        auto [p, end] = range;
        const long n = weights().n;
        multiply<T>(A.rows, (end - p) * P, A.n, {A.data, A.row, 1}, {W + p * n * P, n * P, P}, {Z.data + p * P, P, Z.row},
                    b ? b + p * P : nullptr, false);
        for (; p + 2 <= end; p += 2) spread_over<2>(Z, example, p);
        if (p < end) spread_over<1>(Z, example, p);
    }

    // Adds what the bins of every number come to, in S panels: it lies between what those before one edge and the next come to.
    template <int S>
    void spread_over(Matrix<T> Z, long example, long panel) const {
        const T* sums = full.data() + panel * edges() * P;
        for (size_t g = 0; g + 1 < groups.size(); g++)
            for (long i = 0; i < Z.rows; i++) {
                const int32_t* bin = at.data() + (example + i) * spread();
                const T* share = shares.data() + (example + i) * spread();
                Vector<T> sum[S];
                for (int s = 0; s < S; s++) sum[s] = load(Z[i] + (panel + s) * P);
                for (long c = groups[g]; c < groups[g + 1]; c++)
                    for (int s = 0; s < S; s++) {
                        const T* edge = sums + (s * edges() + bin[c] + c) * P;
                        const Vector<T> before = load(edge);
                        sum[s] += before + share[c] * (load(edge + P) - before);
                    }
                for (int s = 0; s < S; s++) store<T>(Z[i] + (panel + s) * P, sum[s]);
            }
    }

    // dA = dZ W, as far as W meets A itself, in panels [begin, end) of A.
    void back(Matrix<T> dZ, Matrix<T> dA, std::pair<long, long> range) {
        auto [begin, end] = range;
        const T* W = this->program->backward_panels(this->inputs[1]);
        multiply<T>(dZ.rows, (end - begin) * P, dZ.n, {dZ.data, dZ.row, 1}, {W + begin * dZ.n * P, dZ.n * P, P},
                    {dA.data + begin * P, P, dA.row}, nullptr, this->add[0]);
        if (end == panels(this->inputs[0]))  // behind A, the last of these panels meets bins
            for (long i = 0; i < dA.rows; i++)
                for (long j = dA.n; j < end * P; j++) dA[i][j] = T(0);
    }

    // The derivative by rows [begin, end) of W^T, bins of one column, in S panels of outputs from `output` on, added to g: what
    // an example's outputs come to goes to all bins that it has filled, and a share of it to the one that it lies in.
    template <int S>
    void add_bins(long c, long begin, long end, Matrix<T> dZ, long output, T* g, long panel) const {
        constexpr long MOST = Program<T>::PART, SOME = 128;
        const long n = end - begin;
        RELIES_ON(0 < n && n <= MOST);
        alignas(REGISTER) Vector<T> whole[MOST + 1][S], part[MOST + 1][S];  // by bin; the last is for all bins behind
        for (long k = 0; k <= n; k++)
            for (int s = 0; s < S; s++) whole[k][s] = part[k][s] = Vector<T>{};
        for (long first = 0; first < dZ.rows; first += SOME) {
            long reach[SOME], count = 0;  // the examples that lie in one of the bins, or behind
            for (long i = first; i < std::min(first + SOME, dZ.rows); i++) reach[count] = i, count += at[i * spread() + c] >= begin;
            for (long e = 0; e < count; e++) {
                const long i = reach[e], k = std::min(at[i * spread() + c] - begin, n);
                for (int s = 0; s < S; s++) {
                    const Vector<T> d = load(dZ[i] + output + s * P);
                    whole[k][s] += d, part[k][s] += shares[i * spread() + c] * d;
                }
            }
        }
        for (int s = 0; s < S; s++) {
            Vector<T> behind = whole[n][s];
            for (long k = n - 1; k >= 0; k--) {
                T* to = g + s * panel + k * P;
                store<T>(to, load(to) + part[k][s] + behind);
                behind += whole[k][s];
            }
        }
    }

    // Of a few examples, with W as it lies in the network.
    void row_by_row(Matrix<T> A, Matrix<T> W, Matrix<T> Z, long example, const T* b) {
        by_fours(W.rows, [&](long j, auto R) {
            const auto rows = some<R>(W, j);
            for (long i = 0; i < Z.rows; i++) {
                T sums[R];
                dot(rows, A[i], A.n, sums);
                for (int r = 0; r < R; r++) {
                    T sum = sums[r] + (b ? b[j + r] : T(0));
                    for (long c = 0; c < spread(); c++) {
                        const long k = (example + i) * spread() + c, t = at[k];
                        sum += total<T>(rows[r] + A.n + first[c], t - first[c]) + shares[k] * rows[r][A.n + t];
                    }
                    Z[i][j + r] = sum;
                }
            }
        });
    }

    std::vector<int64_t> columns, first, count;
    std::vector<T> low, width;
    std::vector<int32_t> at;  // of each example of the batch and each column: the bin
    std::vector<T> shares;    // and how much of it
    Buffer<T> full;            // by panel and edge: the sum of the rows of W^T of the column's bins before
    std::vector<long> groups;  // where columns begin whose edges stay in the first cache together
};

}  // namespace

template <class T>
void enter_bins(Kernels<T>& kernels) {
    enter<LinearInBins<T>>(kernels, "linear_in_bins");
}

template void enter_bins(Kernels<float>&);
template void enter_bins(Kernels<double>&);

}  // namespace chainrule
