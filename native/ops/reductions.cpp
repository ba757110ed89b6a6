// sum, mean and max: each number of Z from as many rows of A, one after the other.
#include "sums.hpp"

namespace chainrule {
namespace {

enum class Take { sum, mean, max };

template <class T, Take take>
class Reduction : public Step<T> {
  public:
    void prepare() override {
        this->takes(1, 1), this->makes_a_value();
        const Value &A = this->of(this->inputs[0]), &Z = this->of(this->output);
        this->fits(A.rows % Z.count() == 0, "A and Z");
        rows = A.rows / (Z.rows * Z.n);
        count = rows * A.n;
    }
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), Z = this->out(w);
        each(Z, [&](long i, long j, long first) {
            T z = take == Take::max ? A[first][0] : T(0);
            for (long k = first; k < first + rows; k++) {
                if (take != Take::max) z += total(A[k], A.n);
                else z = largest(A[k], A.n, z);
            }
            Z[i][j] = take == Take::mean ? z / T(count) : z;
        });
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> A = this->in(w, 0), Z = this->out(w), dA = this->d_in(w, 0), dZ = this->d_out(w);
        const bool add = this->add[0];
        each(Z, [&](long i, long j, long first) {
            const T z = Z[i][j];
            long among = take == Take::mean ? count : take == Take::sum ? 1 : 0;
            if (take == Take::max)
                for (long k = first; k < first + rows; k++) among += std::count(A[k], A[k] + A.n, z);
            const T part = dZ[i][j] / T(among);
            for (long k = first; k < first + rows; k++) {
                T* da = dA[k];
                const T* a = A[k];
                for (long l = 0; l < A.n; l++) da[l] = (add ? da[l] : T(0)) + (take != Take::max || a[l] == z ? part : T(0));
            }
        });
    }

  private:
    // use(row, column, first row of A) for each number of Z.
    template <class Use>
    void each(Matrix<T> Z, Use use) const {
        for (long i = 0, first = 0; i < Z.rows; i++)
            for (long j = 0; j < Z.n; j++, first += rows) use(i, j, first);
    }
    static T largest(const T* a, long n, T z) {
        for (long j = 0; j < n; j++) z = a[j] > z || a[j] != a[j] ? a[j] : z;  // NaN stays, so that it is found
        return z;
    }
    long rows = 1, count = 1;
};

}  // namespace

template <class T>
void enter_reductions(Kernels<T>& kernels) {
    enter<Reduction<T, Take::sum>>(kernels, "sum");
    enter<Reduction<T, Take::mean>>(kernels, "mean");
    enter<Reduction<T, Take::max>>(kernels, "max");
}

template void enter_reductions(Kernels<float>&);
template void enter_reductions(Kernels<double>&);

}  // namespace chainrule
