// Features on a common scale: by given means and deviations, by those of the batch, or of each example.
#include <numeric>

#include "broadcasting.hpp"
#include "sums.hpp"

namespace chainrule {
namespace {

template <class T>
struct Standardize {
    T value(T a, T mean, T deviation) const { return (a - mean) / deviation; }
    std::array<T, 3> back(T dz, T, T, T deviation, T) const { return {dz / deviation, 0, 0}; }
};
template <class T>
struct Unstandardize {
    T value(T a, T mean, T deviation) const { return a * deviation + mean; }
    std::array<T, 3> slopes(T, T, T deviation, T) const { return {deviation, 0, 0}; }
};
template <class T>
struct Normalize {
    T epsilon;
    explicit Normalize(const Options& o) : epsilon(T(o.get("epsilon"))) {}
    T value(T a, T gamma, T beta, T mean, T variance) const { return gamma * ((a - mean) / std::sqrt(variance + epsilon)) + beta; }
    std::array<T, 5> back(T dz, T a, T gamma, T, T mean, T variance, T) const {
        T inverse = 1 / std::sqrt(variance + epsilon);
        return {dz * gamma * inverse, dz * ((a - mean) * inverse), dz, 0, 0};
    }
};

// Z = gamma A_hat + beta, A_hat = (A - mu) / sqrt(sigma^2 + epsilon). inputs: A, gamma, beta, a mask of steps or nothing
//
// In training mu and sigma^2 are the mean and the variance of the whole batch, without the steps that the mask leaves out: the
// workers meet to add up their sums. If the layer keeps `moving` averages, these are mu and sigma^2 in prediction, and in training
// where the batch has a single row; they lie in float64 arrays that the caller shares.
template <class T>
class BatchNorm : public Step<T> {
  public:
    explicit BatchNorm(const Options& o)
        : epsilon(o.get("epsilon")), momentum(o.get("momentum")), moving(o.get<bool>("moving")),
          moving_mean(o.shared("mean")), moving_variance(o.shared("variance")) {}

    void prepare() override {
        const int workers = this->program->team.most();
        this->takes(3, 4), this->makes_a_value();
        n = this->of(this->output).n;
        this->fits(this->alike(this->given(0), this->made()), "A and Z");
        this->fits(this->given(1).count() == n && this->given(2).count() == n, "gamma and beta");
        this->fits(this->inputs.size() < 4 || this->given(3).count() == this->given(0).rows, "the mask");
        this->fits(moving_mean.size == n && moving_variance.size == n, "the moving averages");
        sums = Buffer<double>(workers * 2 * padded<double>(n));
        scratch.resize(workers * 4 * n), mu.resize(n), inverse.resize(n), rows_of_batch.resize(workers);
    }

    bool keeps_output() const override { return false; }
    bool needs_all() const override { return true; }

    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), gamma = this->in(w, 1), beta = this->in(w, 2), Z = this->out(w);
        double *mean = scratch.data() + w.id * 4 * n, *variance = mean + n;
        double& rows = rows_of_batch[w.id] = !moving || w.training ? measure(w, A, mean, variance, variance + n) : 0;
        if (moving && rows <= 1) rows = 0;
        if (rows && moving && w.id == 0) remember(mean, variance, rows);
        if (!rows && moving) {
            std::copy_n(moving_mean.data, n, mean);
            std::copy_n(moving_variance.data, n, variance);
        }
        if (w.id == 0)
            for (long j = 0; j < n; j++) mu[j] = T(mean[j]), inverse[j] = T(1 / std::sqrt(variance[j] + epsilon));
        this->program->team.barrier.meet();
        for (long i = 0; i < Z.rows; i++)
            for (long j = 0; j < n; j++)
                Z[i][j] = gamma.data[j] * ((A[i][j] - mu[j]) * inverse[j]) + beta.data[j];
    }

    void backward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), gamma = this->in(w, 1), dZ = this->d_out(w);
        const double rows = rows_of_batch[w.id];
        double *of_dZ = scratch.data() + w.id * 4 * n, *of_both = of_dZ + n;
        std::fill(of_dZ, of_dZ + 2 * n, 0.0);
        for (long i = 0; i < A.rows; i++)
            for (long j = 0; j < n; j++) {
                of_dZ[j] += dZ[i][j];
                of_both[j] += dZ[i][j] * ((A[i][j] - mu[j]) * inverse[j]);
            }
        for (int k : {1, 2})
            if (this->wanted(k)) {
                T* d = this->d_in(w, k).data;
                for (long j = 0; j < n; j++) d[j] += T(k == 1 ? of_both[j] : of_dZ[j]);
            }
        if (rows) share(w, of_dZ, of_both);
        for (long j = 0; j < n; j++) of_dZ[j] /= std::max(rows, 1.0), of_both[j] /= std::max(rows, 1.0);
        if (!this->wanted(0)) return;
        Matrix<T> dA = this->d_in(w, 0);
        for (long i = 0; i < A.rows; i++) {
            const T seen = T(rows && counts(w, i));  // whether mu and sigma^2 are made of this row, too
            for (long j = 0; j < n; j++) {
                T hat = (A[i][j] - mu[j]) * inverse[j];
                T d = inverse[j] * (gamma.data[j] * (dZ[i][j] - seen * (T(of_dZ[j]) + hat * T(of_both[j]))));
                dA[i][j] = (this->add[0] ? dA[i][j] : T(0)) + d;
            }
        }
    }

  private:
    // Whether the mask lets row i of this worker's be a part of mu and sigma^2.
    bool counts(Worker<T>& w, long i) const {
        if (this->inputs.size() < 4) return true;
        Matrix<T> M = this->in(w, 3);
        return M[i / M.n][i % M.n] != 0;
    }

    // The batch's mean and variance, the same bits for every worker: sums in the workers' order, the mean first; and the number
    // of rows that they are made of.
    double measure(Worker<T>& w, Matrix<T> A, double* mean, double* variance, double* beside) {
        std::fill(mean, mean + n, 0.0), std::fill(variance, variance + n, 0.0), std::fill(beside, beside + n, 0.0);
        for (long i = 0; i < A.rows; i++) {
            if (!counts(w, i)) continue;
            for (long j = 0; j < n; j++) mean[j] += A[i][j];
            beside[0]++;
        }
        share(w, mean, beside);
        const double rows = beside[0], divisor = std::max(rows, 1.0);
        for (long j = 0; j < n; j++) mean[j] /= divisor;
        for (long i = 0; i < A.rows; i++) {
            if (!counts(w, i)) continue;
            for (long j = 0; j < n; j++) variance[j] += (A[i][j] - mean[j]) * (A[i][j] - mean[j]);
        }
        share(w, variance, beside);
        for (long j = 0; j < n; j++) variance[j] /= divisor;
        return rows;
    }

    // Replace each worker's sums by those over all workers.
    void share(Worker<T>& w, double* a, double* b) {
        Team& team = this->program->team;
        long row = padded<double>(n);
        double* mine = sums.data() + w.id * 2 * row;
        std::copy(a, a + n, mine), std::copy(b, b + n, mine + row);
        team.barrier.meet();
        std::fill(a, a + n, 0.0), std::fill(b, b + n, 0.0);
        for (int k = 0; k < team.size(); k++) {
            const double* theirs = sums.data() + k * 2 * row;
            for (long j = 0; j < n; j++) a[j] += theirs[j], b[j] += theirs[row + j];
        }
        team.barrier.meet();
    }

    void remember(const double* mean, const double* variance, double rows) {
        for (long j = 0; j < n; j++) {
            double unbiased = variance[j] * (rows / (rows - 1));
            moving_mean.data[j] = momentum * moving_mean.data[j] + (1 - momentum) * mean[j];
            moving_variance.data[j] = momentum * moving_variance.data[j] + (1 - momentum) * unbiased;
        }
    }

    double epsilon, momentum;
    bool moving;
    SharedNumbers moving_mean, moving_variance;
    long n = 0;
    Buffer<double> sums;
    std::vector<double> scratch;  // by worker, because nothing may be allocated, and fail, between two barriers
    std::vector<T> mu, inverse;
    std::vector<double> rows_of_batch;  // by worker: how many mu and sigma^2 are made of; 0 for the moving averages
};

// The same with mu and sigma^2 over the features of each row. inputs: A, gamma, beta
template <class T>
class LayerNorm : public Step<T> {
  public:
    explicit LayerNorm(const Options& o) : epsilon(o.get("epsilon")) {}
    void expects() const override {
        this->takes(3, 3), this->makes_a_value();
        const Value& Z = this->made();
        this->fits(this->alike(this->given(0), Z) && this->given(1).count() == Z.n && this->given(2).count() == Z.n, "A, gamma, beta and Z");
    }
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), gamma = this->in(w, 1), beta = this->in(w, 2), Z = this->out(w);
        for (long i = 0; i < A.rows; i++) {
            auto [mu, inverse] = measure(A[i], A.n);
            for (long j = 0; j < A.n; j++) Z[i][j] = gamma.data[j] * ((A[i][j] - mu) * inverse) + beta.data[j];
        }
    }
    void backward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), gamma = this->in(w, 1), dZ = this->d_out(w);
        T* of[3] = {nullptr, this->wanted(1) ? this->d_in(w, 1).data : nullptr, this->wanted(2) ? this->d_in(w, 2).data : nullptr};
        for (long i = 0; i < A.rows; i++) {
            auto [mu, inverse] = measure(A[i], A.n);
            double of_d = 0, of_both = 0;
            for (long j = 0; j < A.n; j++) {
                T hat = (A[i][j] - mu) * inverse, d = dZ[i][j] * gamma.data[j];
                of_d += d, of_both += d * hat;
                if (of[1]) of[1][j] += dZ[i][j] * hat;
                if (of[2]) of[2][j] += dZ[i][j];
            }
            if (!this->wanted(0)) continue;
            Matrix<T> dA = this->d_in(w, 0);
            for (long j = 0; j < A.n; j++) {
                T hat = (A[i][j] - mu) * inverse, d = dZ[i][j] * gamma.data[j];
                dA[i][j] = (this->add[0] ? dA[i][j] : T(0)) + inverse * (d - T(of_d / A.n) - hat * T(of_both / A.n));
            }
        }
    }

  private:
    std::pair<T, T> measure(const T* a, long n) const {
        T mu = total(a, n) / T(n);
        if (!std::isfinite(mu)) mu = T(std::accumulate(a, a + n, 0.0) / double(n));  // the sum may be more than T holds
        double variance = 0;
        for (long j = 0; j < n; j++) variance += double(a[j] - mu) * double(a[j] - mu);
        return {mu, T(1 / std::sqrt(variance / double(n) + epsilon))};
    }
    double epsilon;
};

}  // namespace

template <class T>
void enter_normalization(Kernels<T>& kernels) {
    enter<Elementwise<T, Standardize<T>, 3>>(kernels, "standardize");
    enter<Elementwise<T, Unstandardize<T>, 3>>(kernels, "unstandardize");
    enter<Elementwise<T, Normalize<T>, 5>>(kernels, "normalize");
    enter<BatchNorm<T>>(kernels, "batch_norm");
    enter<LayerNorm<T>>(kernels, "layer_norm");
}

template void enter_normalization(Kernels<float>&);
template void enter_normalization(Kernels<double>&);

}  // namespace chainrule
