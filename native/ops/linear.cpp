// Z = W A + b, and the panels in which W lies.
#include "rows.hpp"
#include "sums.hpp"

namespace chainrule {
namespace {

template <class T>
class Linear : public Step<T> {
  public:
    // inputs: A, W, b or nothing
    void expects() const override {
        this->takes(2, 3), this->makes_a_value();
        const Value &A = this->given(0), &W = this->given(1), &Z = this->made();
        this->fits(W.panels && W.n == A.n && Z.n == W.rows && Z.rows == A.rows, "A, W in panels, and Z");
        this->fits(this->inputs.size() < 3 || this->given(2).count() == Z.n, "b");
        this->fits(!this->wanted(0) || W.needs_backward, "W, of which the way back has no copy");
    }

    void prepare() override {
        if (!this->program->rounds() || !this->wanted(1)) return;
        const Value &A = this->given(0), &Z = this->made();
        most = this->program->capacity * A.rows;
        turned = Buffer<uint16_t>(whole_rows(padded<T>(A.n)) * deep_row(most)), of_dZ = Buffer<uint32_t>(words(most, Z.n));
    }

    void forward(Worker<T>& w) override {
        const T* b = this->inputs.size() > 2 ? this->in(w, 2).data : nullptr;
        if (this->of(this->inputs[1]).in_network) return row_by_row(w, b);
        Program<T>& program = *this->program;
        const Way way{program.rounds() ? nullptr : this->in(w, 1).data, program.rounded(this->inputs[1])};
        if (!by_outputs()) return times(w, this->in(w, 0), way, this->out(w), {0, panels(this->output)}, b, false);
        program.team.barrier.meet();
        times(w, program.all(w, this->inputs[0]), way, program.all(w, this->output), program.mine(w, panels(this->output)), b, false);
        program.team.barrier.meet();
    }

    void backward(Worker<T>& w) override {
        Matrix<T> dZ = this->d_out(w);
        if (this->inputs.size() > 2 && this->wanted(2)) add_rows(dZ, this->d_in(w, 2).data);
        Program<T>& program = *this->program;
        if (program.rounds() && this->wanted(1)) round_for_update(w, dZ);
        if (!this->wanted(0)) return;
        const int A = this->inputs[0], Z = this->output;
        const Way way{program.backward_panels(this->inputs[1]), program.rounded_backward(this->inputs[1])};
        if (!by_outputs()) return times(w, dZ, way, this->d_in(w, 0), {0, panels(A)}, nullptr, this->add[0]);
        program.team.barrier.meet();
        times(w, program.all_derivatives(w, Z), way, program.all_derivatives(w, A), program.mine(w, panels(A)), nullptr, this->add[0]);
        program.team.barrier.meet();
    }

    void derive(Worker<T>& w, const Block& block, T* g, long panel, bool add) override {
        if constexpr (std::is_same_v<T, float>)
            if (this->program->rounds())
                return multiply(this->program->unit, block.features, block.panels * WIDTH<T>, deep(w.batch * this->given(0).rows),
                                {turned.data() + block.feature * deep_row(most), deep_row(most)},
                                {of_dZ.data() + block.output / WIDTH<T> * words(most), words(most)}, {g, panel, WIDTH<T>}, nullptr, add);
        Matrix<T> A = this->program->all(w, this->inputs[0]), dZ = this->program->all_derivatives(w, this->output);
        multiply<T>(block.features, block.panels * WIDTH<T>, A.rows, {A.data + block.feature, 1, A.row},
                    {dZ.data + block.output, WIDTH<T>, dZ.row}, {g, panel, WIDTH<T>}, nullptr, add);
    }

    bool defers(int input) const override { return input == 1; }
    bool needs_all() const override { return by_outputs(); }
    long likes() const override { return std::max(1L, TILE / this->of(this->output).rows); }
    bool keeps_output() const override { return false; }
    Reads reads(int) const override { return Reads::in_order; }

  private:
    // Of a few examples, with W as it lies in the network.
    void row_by_row(Worker<T>& w, const T* b) {
        Matrix<T> A = this->in(w, 0), W = this->in(w, 1), Z = this->out(w);
        by_fours(W.rows, [&](long j, auto R) {
            const auto rows = some<R>(W, j);
            for (long i = 0; i < Z.rows; i++) {
                T sums[R];
                dot(rows, A[i], A.n, sums);
                for (int r = 0; r < R; r++) Z[i][j + r] = sums[r] + (b ? b[j + r] : T(0));
            }
        });
    }

    bool by_outputs() const { return this->program->values[this->inputs[1]].by_outputs; }
    long panels(int id) const { return padded<T>(this->program->values[id].n) / WIDTH<T>; }

    // W in panels as a way reads it: all panels lie one after the other. Rounded, if products round.
    struct Way {
        const T* W;
        RoundedPanels rounded;
    };

    // B = A W, in panels [first, last) of B.
    void times(Worker<T>& w, Matrix<T> A, Way way, Matrix<T> B, std::pair<long, long> range, const T* start, bool add) {
        auto [first, last] = range;
        const long n = (last - first) * WIDTH<T>;
        const Spread<T> rows{A.data, A.row, 1};
        const Panels<T> to{B.data + first * WIDTH<T>, WIDTH<T>, B.row};
        start = start ? start + first * WIDTH<T> : nullptr;
        if constexpr (std::is_same_v<T, float>)
            if (this->program->rounds()) {
                const auto [W, panel] = way.rounded;
                return w.rounding.multiply(A.rows, n, A.n, rows, RoundedPanels{W + first * panel, panel}, to, start, add);
            }
        multiply<T>(A.rows, n, A.n, rows, {way.W + first * A.n * WIDTH<T>, A.n * WIDTH<T>, WIDTH<T>}, to, start, add);
    }

    // Bring what the update multiplies, A^T and dZ, into the order of rounded operands: the worker's examples in hand, of all.
    void round_for_update(Worker<T>& w, Matrix<T> dZ) {
        if constexpr (std::is_same_v<T, float>) {
            const Matrix<T> A = this->in(w, 0);
            const long first = (w.first - w.begin) * this->given(0).rows, all = w.batch * this->given(0).rows;
            const RoundedRows to{turned.data(), deep_row(most)};
            const RoundedPanels panels{of_dZ.data(), words(most)};
            round_columns(A.n, A.rows, {A.data, 1, A.row}, first, to);
            round_pairs(A.rows, dZ.n, {dZ.data, WIDTH<T>, dZ.row}, first, panels);
            if (first + A.rows == all) fill_up(A.n, all, to), fill_up(all, dZ.n, panels);
        }
    }

    long most = 0;              // rows of A in all examples of a batch
    Buffer<uint16_t> turned;    // A^T, rounded
    Buffer<uint32_t> of_dZ;     // dZ in panels, rounded
};

// The same for a few outputs, which would leave most of a panel empty: W lies in rows, and Z is dot products of rows.
template <class T>
class NarrowLinear : public Step<T> {
  public:
    void expects() const override {
        this->takes(2, 3), this->makes_a_value();
        const Value &A = this->given(0), &W = this->given(1), &Z = this->made();
        this->fits(!W.panels && W.n == A.n && Z.n == W.rows && Z.rows == A.rows, "A, W and Z");
        this->fits(this->inputs.size() < 3 || this->given(2).count() == Z.n, "b");
    }

    void forward(Worker<T>& w) override {
        Matrix<T> W = this->in(w, 1), Z = this->out(w);
        const Rows<T> A = this->rows_in(w, 0);
        const T* b = this->inputs.size() > 2 ? this->in(w, 2).data : nullptr;
        by_fours(Z.rows, [&](long i, auto R) {
            const auto rows = some<R>(A, i);
            for (long next = i + AHEAD; A.order && next < std::min(i + AHEAD + R, Z.rows); next++) fetch(A[next], W.n);
            for (long j = 0; j < Z.n; j++) {
                T sums[R];
                dot(rows, W[j], W.n, sums);
                for (int r = 0; r < R; r++) Z[i + r][j] = sums[r] + (b ? b[j] : T(0));
            }
        });
    }

    void backward(Worker<T>& w) override {
        Matrix<T> W = this->in(w, 1), dZ = this->d_out(w);
        if (this->inputs.size() > 2 && this->wanted(2)) add_rows(dZ, this->d_in(w, 2).data);
        if (this->wanted(1)) {
            const Rows<T> A = this->rows_in(w, 0);
            Matrix<T> dW = this->d_in(w, 1);
            by_fours(dZ.rows, [&](long i, auto R) {
                const auto rows = some<R>(A, i);
                for (long j = 0; j < dZ.n; j++) {
                    T factors[R];
                    for (int r = 0; r < R; r++) factors[r] = dZ[i + r][j];
                    add_scaled(factors, rows, dW[j], dW.n);
                }
            });
        }
        if (this->wanted(0)) {
            Matrix<T> dA = this->d_in(w, 0);
            for (long i = 0; i < dZ.rows; i++) {
                if (!this->add[0]) std::memset(dA[i], 0, sizeof(T) * dA.n);
                for (long j = 0; j < dZ.n; j++) add_scaled({dZ[i][j]}, some<1>(W, j), dA[i], dA.n);
            }
        }
    }

    Reads reads(int) const override { return Reads::anywhere; }
    bool row_by_row(int) const override { return true; }
    long likes() const override { return 4; }
};

}  // namespace

template <class T>
void enter_linear(Kernels<T>& kernels) {
    enter<Linear<T>>(kernels, "linear");
    enter<NarrowLinear<T>>(kernels, "narrow_linear");
}

template void enter_linear(Kernels<float>&);
template void enter_linear(Kernels<double>&);

}  // namespace chainrule
