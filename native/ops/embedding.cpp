// Rows of a table by their numbers: for every number, or for some columns of a matrix.
#include "../kernels.hpp"

namespace chainrule {
namespace {

// Which row of W an index is. The data are looked at before a call, and somebody may write into them since: an index that is
// none, out of range, NaN or between two rows, makes the cost no number. It is converted only where it is in range.
template <class T, class E>
long row_of(Worker<T>& w, const Matrix<T>& W, E index) {
    if (index >= 0 && index < W.rows && E(long(index)) == index) return long(index);
    w.cost = std::numeric_limits<double>::quiet_NaN();
    return 0;
}

// The positions are those of numbers of an example of X.
template <class T>
void check_positions(const std::vector<int64_t>& positions, const Data<T>& data) {
    for (int64_t position : positions) expect(0 <= position && position < data.features, "X has not so many features");
}

// input: W (n_tokens, n). The indices are numbers of X, at these positions of an example.
template <class T>
class Embedding : public Step<T> {
  public:
    explicit Embedding(const Options& o) : positions(o.all<int64_t>("positions")) {}
    void expects() const override {
        this->takes(1, 1), this->makes_a_value();
        this->fits(this->made().rows == long(positions.size()) && this->made().n == this->given(0).n, "the indices, W and Z");
    }
    void check(const Data<T>& data) const override { check_positions(positions, data); }
    void forward(Worker<T>& w) override {
        Matrix<T> W = this->in(w, 0), Z = this->out(w);
        each(w, W, [&](long i, long k) { std::memcpy(Z[i], W[k], sizeof(T) * Z.n); });
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> dW = this->d_in(w, 0), dZ = this->d_out(w);
        each(w, dW, [&](long i, long k) {
            for (long j = 0; j < dZ.n; j++) dW[k][j] += dZ[i][j];
        });
    }
    bool row_by_row(int) const override { return true; }

  private:
    template <class F>
    void each(Worker<T>& w, const Matrix<T>& W, F use) {
        long of_each = long(positions.size());
        with_type(*w.data, [&](auto* X) {
            for (long i = 0; i < w.examples; i++)
                for (long s = 0; s < of_each; s++)
                    use(i * of_each + s, row_of(w, W, X[w.source(i) * w.data->features + positions[s]]));
        });
    }
    std::vector<int64_t> positions;
};

// Z = [A_1, ..., A_n, W[A_{n+1}], ...]. input: W (n_tokens, k). Number i of A is number positions[i] of an example of X; the
// first n of them are taken as they are, the others are indices.
template <class T>
class EmbedColumns : public Step<T> {
  public:
    explicit EmbedColumns(const Options& o) : positions(o.all<int64_t>("positions")), first(o.whole("first")) {}
    void expects() const override {
        this->takes(1, 1), this->makes_a_value();
        this->fits(columns() >= 0 && this->made().rows == 1 && this->made().n == first + columns() * this->given(0).n, "the columns, W and Z");
    }
    void check(const Data<T>& data) const override { check_positions(positions, data); }

    void forward(Worker<T>& w) override {
        Matrix<T> W = this->in(w, 0), Z = this->out(w);
        with_type(*w.data, [&](auto* X) {
            for (long i = 0; i < w.examples; i++) {
                auto* x = X + w.source(i) * w.data->features;
                for (long j = 0; j < first; j++) Z[i][j] = T(x[positions[j]]);
                for (long c = 0; c < columns(); c++)
                    std::memcpy(Z[i] + first + c * W.n, W[row_of(w, W, x[positions[first + c]])], sizeof(T) * W.n);
            }
        });
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> dW = this->d_in(w, 0), dZ = this->d_out(w);
        with_type(*w.data, [&](auto* X) {
            for (long i = 0; i < w.examples; i++) {
                auto* x = X + w.source(i) * w.data->features;
                for (long c = 0; c < columns(); c++) {
                    T *to = dW[row_of(w, dW, x[positions[first + c]])], *from = dZ[i] + first + c * dW.n;
                    for (long j = 0; j < dW.n; j++) to[j] += from[j];
                }
            }
        });
    }
    bool row_by_row(int) const override { return true; }

  private:
    long columns() const { return long(positions.size()) - first; }
    std::vector<int64_t> positions;
    long first;
};

}  // namespace

template <class T>
void enter_embedding(Kernels<T>& kernels) {
    enter<Embedding<T>>(kernels, "embedding");
    enter<EmbedColumns<T>>(kernels, "embed_columns");
}

template void enter_embedding(Kernels<float>&);
template void enter_embedding(Kernels<double>&);

}  // namespace chainrule
