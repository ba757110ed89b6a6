// Z = W A + b, and the panels in which W lies.
#pragma once
#include "../kernels.hpp"

namespace chainrule {

// to = sum of the rows (+ to)
template <class T>
void sum_rows(Matrix<T> rows, T* to, bool add) {
    if (!add) std::memset(to, 0, sizeof(T) * rows.n);
    for (long i = 0; i < rows.rows; i++)
        for (long j = 0; j < rows.n; j++) to[j] += rows[i][j];
}

template <class T>
class Linear : public Step<T> {
  public:
    // inputs: A, W, b or nothing
    void forward(Worker<T>& w) override {
        const T* b = this->inputs.size() > 2 ? this->in(w, 2).data : nullptr;
        T* W = this->in(w, 1).data;
        if (!by_outputs()) return times(this->in(w, 0), W, this->out(w), {0, panels(this->output)}, b, false);
        Program<T>& program = *this->program;
        program.team.barrier.meet();
        times(program.all(w, this->inputs[0]), W, program.all(w, this->output), program.mine(w, panels(this->output)), b, false);
        program.team.barrier.meet();
    }

    void backward(Worker<T>& w) override {
        Matrix<T> dZ = this->d_out(w);
        if (this->inputs.size() > 2 && this->wanted(2)) sum_rows(dZ, this->d_in(w, 2).data, this->add[2]);
        if (!this->wanted(0)) return;
        Program<T>& program = *this->program;
        const int A = this->inputs[0], Z = this->output;
        T* turned = program.turned(this->inputs[1]);
        if (!by_outputs()) return times(dZ, turned, this->d_in(w, 0), {0, panels(A)}, nullptr, this->add[0]);
        program.team.barrier.meet();
        times(program.all_derivatives(w, Z), turned, program.all_derivatives(w, A), program.mine(w, panels(A)), nullptr, this->add[0]);
        program.team.barrier.meet();
    }

    bool defers(int input) const override { return input == 1; }
    bool keeps_output() const override { return false; }

  private:
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
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), W = this->in(w, 1), Z = this->out(w);
        const T* b = this->inputs.size() > 2 ? this->in(w, 2).data : nullptr;
        for (long i = 0; i < Z.rows; i++)
            for (long j = 0; j < Z.n; j++) Z[i][j] = dot(A[i], W[j], A.n) + (b ? b[j] : T(0));
    }

    void backward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), W = this->in(w, 1), dZ = this->d_out(w);
        if (this->inputs.size() > 2 && this->wanted(2)) sum_rows(dZ, this->d_in(w, 2).data, this->add[2]);
        if (this->wanted(1)) {
            Matrix<T> dW = this->d_in(w, 1);
            for (long j = 0; j < dZ.n; j++) {
                if (!this->add[1]) std::memset(dW[j], 0, sizeof(T) * dW.n);
                for (long i = 0; i < dZ.rows; i++) add_scaled(dZ[i][j], A[i], dW[j], A.n);
            }
        }
        if (this->wanted(0)) {
            Matrix<T> dA = this->d_in(w, 0);
            for (long i = 0; i < dZ.rows; i++) {
                if (!this->add[0]) std::memset(dA[i], 0, sizeof(T) * dA.n);
                for (long j = 0; j < dZ.n; j++) add_scaled(dZ[i][j], W[j], dA[i], dA.n);
            }
        }
    }

  private:
    // Rows are zero behind their n numbers, so whole registers may be read. Four sums hide the time that one takes.
    static T dot(const T* a, const T* b, long n) {
        constexpr long P = WIDTH<T>;
        Vector<T> sum[4]{};
        long k = 0;
        for (; k + 4 * P <= n; k += 4 * P)
            for (int s = 0; s < 4; s++) sum[s] += load(a + k + s * P) * load(b + k + s * P);
        for (; k < n; k += P) sum[0] += load(a + k) * load(b + k);
        Vector<T> all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        T total = 0;
        for (long s = 0; s < P; s++) total += all[s];
        return total;
    }
    static void add_scaled(T factor, const T* from, T* to, long n) {
        for (long k = 0; k < n; k++) to[k] += factor * from[k];
    }
};

template <class T>
void enter_linear(Kernels<T>& kernels) {
    enter<Linear<T>>(kernels, "linear");
    enter<NarrowLinear<T>>(kernels, "narrow_linear");
}

}  // namespace chainrule
