// Masks: which steps of a sequence are there.
#include "../kernels.hpp"

namespace chainrule {
namespace {

// M_t is 1 where step t holds anything but the padding.
template <class T>
class StepMask : public Step<T> {
  public:
    explicit StepMask(const Options& o) : padding(T(o.get("padding"))) {}
    void expects() const override {
        this->takes(1, 1), this->makes_a_value();
        const Value &A = this->given(0), &M = this->made();
        this->fits(M.rows == 1 && M.n == (A.shape.size() == 1 ? A.n : A.rows), "A and its mask");
    }
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), M = this->out(w);
        const bool numbers = this->of(this->inputs[0]).shape.size() == 1;  // whether a step is a single number, and not a row
        for (long i = 0; i < M.rows; i++)
            for (long t = 0; t < M.n; t++) {
                const T* a = numbers ? A[i] + t : A[i * M.n + t];
                M[i][t] = T(std::any_of(a, a + (numbers ? 1 : A.n), [&](T x) { return x != padding; }));
            }
    }

  private:
    T padding;
};

// The mask of the windows of a convolution or pooling over steps: 1 where a window shows a step that counts, and its first and
// last step lie between the first and the last that count.
template <class T>
class MaskWindows : public Step<T> {
  public:
    explicit MaskWindows(const Options& o)
        : shown(o.all<int64_t>("shown")), first(o.all<int64_t>("first")), last(o.all<int64_t>("last")) {}
    void expects() const override {
        this->takes(1, 1), this->makes_a_value();
        const Value &M = this->given(0), &Z = this->made();
        const auto among_steps = [&](int64_t place) { return -1 <= place && place < M.n; };
        this->fits(M.rows == 1 && Z.rows == 1, "the masks");
        this->fits(shown.size() % Z.n == 0 && long(first.size()) == Z.n && long(last.size()) == Z.n, "the windows and their mask");
        this->fits(std::all_of(shown.begin(), shown.end(), among_steps), "the windows and the steps");
    }
    void forward(Worker<T>& w) override {
        Matrix<T> M = this->in(w, 0), Z = this->out(w);
        const long k = long(shown.size()) / Z.n;
        for (long i = 0; i < Z.rows; i++) {
            const auto counts = [&](int64_t place) { return place >= 0 && M[i][place] != 0; };
            long begin = 0, end = M.n;  // where the sequence lies
            while (begin < M.n && M[i][begin] == 0) begin++;
            while (end > begin && M[i][end - 1] == 0) end--;
            for (long p = 0; p < Z.n; p++)
                Z[i][p] = T(begin <= first[p] && last[p] < end && std::any_of(&shown[p * k], &shown[p * k] + k, counts));
        }
    }

  private:
    std::vector<int64_t> shown, first, last;  // shown: (windows, k), the steps, -1 for none
};

// Z_t = M_t A_t. inputs: A (steps, n), M (steps)
template <class T>
class MaskSteps : public Step<T> {
  public:
    void expects() const override {
        this->takes(2, 2), this->makes_a_value();
        this->fits(this->alike(this->given(0), this->made()), "A and Z");
        this->fits(this->given(1).rows == 1 && this->given(1).n == this->given(0).rows, "the mask");
    }
    void forward(Worker<T>& w) override { choose(w, this->in(w, 0), this->out(w), false); }
    void backward(Worker<T>& w) override {
        if (this->wanted(0)) choose(w, this->d_out(w), this->d_in(w, 0), this->add[0]);
    }

  private:
    void choose(Worker<T>& w, Matrix<T> from, Matrix<T> to, bool add) {
        Matrix<T> M = this->in(w, 1);
        for (long i = 0; i < to.rows; i++) {
            const bool counts = M[i / M.n][i % M.n] != 0;
            for (long j = 0; j < to.n; j++) to[i][j] = (add ? to[i][j] : T(0)) + (counts ? from[i][j] : T(0));
        }
    }
};

// The mean or the largest number of the steps that count; 0 where none does. inputs: A (steps, n), M (steps)
template <class T, bool largest>
class MaskedPool : public Step<T> {
  public:
    void expects() const override {
        this->takes(2, 2), this->makes_a_value();
        const Value &A = this->given(0), &M = this->given(1), &Z = this->made();
        this->fits(Z.rows == 1 && Z.n == A.n && M.rows == 1 && M.n == A.rows, "A, its mask and Z");
    }
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), M = this->in(w, 1), Z = this->out(w);
        for (long i = 0; i < Z.rows; i++) {
            T* z = Z[i];
            std::fill_n(z, Z.n, T(0));
            long count = 0;
            each_step(A, M, i, [&](const T* a, long) {
                for (long j = 0; j < Z.n; j++) z[j] = !largest ? z[j] + a[j] : !count || a[j] > z[j] || a[j] != a[j] ? a[j] : z[j];
                count++;
            });
            if (!largest)
                for (long j = 0; j < Z.n; j++) z[j] /= T(std::max(count, 1L));
        }
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> A = this->in(w, 0), M = this->in(w, 1), Z = this->out(w), dA = this->d_in(w, 0), dZ = this->d_out(w);
        if (!this->add[0]) dA.clear();
        for (long i = 0; i < Z.rows; i++) {
            const T count = T(std::max<long>(1, std::count_if(M[i], M[i] + M.n, [](T m) { return m != 0; })));
            for (long j = 0; j < Z.n; j++) {
                T left = largest ? dZ[i][j] : dZ[i][j] / count;  // the first of several largest gets all of it
                each_step(A, M, i, [&](const T* a, long row) {
                    if (largest && a[j] != Z[i][j]) return;
                    dA[row][j] += left;
                    if (largest) left = 0;
                });
            }
        }
    }

  private:
    // use(the step, its row) for the steps of example i that count.
    template <class Use>
    static void each_step(Matrix<T> A, Matrix<T> M, long i, Use use) {
        for (long t = 0; t < M.n; t++)
            if (M[i][t] != 0) use(A[i * M.n + t], i * M.n + t);
    }
};

}  // namespace

template <class T>
void enter_masking(Kernels<T>& kernels) {
    enter<StepMask<T>>(kernels, "step_mask");
    enter<MaskWindows<T>>(kernels, "mask_windows");
    enter<MaskSteps<T>>(kernels, "mask_steps");
    enter<MaskedPool<T, false>>(kernels, "masked_average_pool");
    enter<MaskedPool<T, true>>(kernels, "masked_max_pool");
}

template void enter_masking(Kernels<float>&);
template void enter_masking(Kernels<double>&);

}  // namespace chainrule
