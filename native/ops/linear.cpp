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

    void forward(Worker<T>& w) override {
        const T* b = this->inputs.size() > 2 ? this->in(w, 2).data : nullptr;
        if (this->of(this->inputs[1]).in_network) return row_by_row(w, b);
        T* W = this->in(w, 1).data;
        if (!by_outputs()) return times(this->in(w, 0), W, this->out(w), {0, panels(this->output)}, b, false);
        Program<T>& program = *this->program;
        program.team.barrier.meet();
        times(program.all(w, this->inputs[0]), W, program.all(w, this->output), program.mine(w, panels(this->output)), b, false);
        program.team.barrier.meet();
    }

    void backward(Worker<T>& w) override {
        Matrix<T> dZ = this->d_out(w);
        if (this->inputs.size() > 2 && this->wanted(2)) add_rows(dZ, this->d_in(w, 2).data);
        if (!this->wanted(0)) return;
        Program<T>& program = *this->program;
        const int A = this->inputs[0], Z = this->output;
        const T* W = program.backward_panels(this->inputs[1]);
        if (!by_outputs()) return times(dZ, W, this->d_in(w, 0), {0, panels(A)}, nullptr, this->add[0]);
        program.team.barrier.meet();
        times(program.all_derivatives(w, Z), W, program.all_derivatives(w, A), program.mine(w, panels(A)), nullptr, this->add[0]);
        program.team.barrier.meet();
    }

    void derive(Worker<T>& w, const Block& block, T* g, long panel, bool add) override {
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

    // B = A W, in panels [first, last) of B; all panels of W lie one after the other.
    void times(Matrix<T> A, const T* W, Matrix<T> B, std::pair<long, long> range, const T* start, bool add) {
        auto [first, last] = range;
        multiply<T>(A.rows, (last - first) * WIDTH<T>, A.n, {A.data, A.row, 1}, {W + first * A.n * WIDTH<T>, A.n * WIDTH<T>, WIDTH<T>},
                    {B.data + first * WIDTH<T>, WIDTH<T>, B.row}, start ? start + first * WIDTH<T> : nullptr, add);
    }
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
