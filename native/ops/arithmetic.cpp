// + − * / ** @
#include "activation.hpp"
#include "broadcasting.hpp"

namespace chainrule {
namespace {

template <class T>
struct Add {
    T value(T a, T b) const { return a + b; }
    std::array<T, 2> slopes(T, T, T) const { return {1, 1}; }
};
template <class T>
struct Subtract {
    T value(T a, T b) const { return a - b; }
    std::array<T, 2> slopes(T, T, T) const { return {1, -1}; }
};
template <class T>
struct Multiply {
    T value(T a, T b) const { return a * b; }
    std::array<T, 2> slopes(T a, T b, T) const { return {b, a}; }
};
template <class T>
struct Divide {
    T value(T a, T b) const { return a / b; }
    std::array<T, 2> back(T dz, T a, T b, T) const { return {dz / b, -dz * a / b / b}; }
};
template <class T>
struct Power {
    T value(T a, T b) const { return std::pow(a, b); }
    std::array<T, 2> back(T dz, T a, T b, T z) const {
        T base = b == 0 ? T(1) : a;  // a^0 is constant, at a = 0 too
        return {dz * b * std::pow(base, b - 1), dz * z * std::log(a == 0 ? T(1) : a)};
    }
};
template <class T>
struct Negative {
    T value(T a) const { return -a; }
    T slope(T, T) const { return -1; }
};

// Z = A B: stacks of matrices (…, p, q) and (…, q, r). A stack is of examples, or the same for all of them, or a single
// matrix that meets all of the other stack.
template <class T>
class Matmul : public Step<T> {
  public:
    void prepare() override {
        this->takes(2, 2), this->makes_a_value();
        const Value &A = this->of(this->inputs[0]), &B = this->of(this->inputs[1]), &Z = this->of(this->output);
        p = A.shape.size() > 1 ? A.shape[A.shape.size() - 2] : 1;
        q = A.n, r = B.n;
        this->fits(B.rows % q == 0 && Z.n == r && A.rows % p == 0 && Z.rows % p == 0, "A, B and Z = A B");
        single = B.kind != Kind::example && B.rows == q;
        many[0] = A.kind != Z.kind || A.rows < Z.rows;
        many[1] = !single && (B.kind != Z.kind || B.rows / q < Z.rows / p);
        for (int id = 0; id < this->program->team.most(); id++) turned.emplace_back(r * padded<T>(q));
    }

    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), B = this->in(w, 1), Z = this->out(w);
        each(A, B, Z, [&](Matrix<T> a, Matrix<T> b, Matrix<T> z) {
            this->product(w, z.rows, r, q, {a.data, a.row, 1}, {b.data, WIDTH<T>, b.row}, {z.data, WIDTH<T>, z.row}, nullptr, false);
        });
    }

    // dA = dZ B^T and dB = A^T dZ, added up where one matrix meets many.
    void backward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), B = this->in(w, 1), dZ = this->d_out(w);
        if (this->wanted(0)) {
            Matrix<T> dA = this->d_in(w, 0);
            if (many[0] && !this->add[0]) dA.clear();
            each(dA, B, dZ, [&](Matrix<T> da, Matrix<T> b, Matrix<T> dz) {
                Panels<const T> b_turned{turn(w, b), WIDTH<T>, padded<T>(q)};
                this->product(w, dz.rows, q, r, {dz.data, dz.row, 1}, b_turned, {da.data, WIDTH<T>, da.row}, nullptr,
                            many[0] || this->add[0]);
            });
        }
        if (this->wanted(1)) {
            Matrix<T> dB = this->d_in(w, 1);
            if (many[1] && !this->add[1]) dB.clear();
            each(A, dB, dZ, [&](Matrix<T> a, Matrix<T> db, Matrix<T> dz) {
                this->product(w, q, r, dz.rows, {a.data, 1, a.row}, {dz.data, WIDTH<T>, dz.row}, {db.data, WIDTH<T>, db.row},
                            nullptr, many[1] || this->add[1]);
            });
        }
    }

  private:
    // use(matrix of A, of B, of Z) for each product; a single B takes all rows of A at once.
    template <class Use>
    void each(Matrix<T> A, Matrix<T> B, Matrix<T> Z, Use use) {
        if (single) return use(A, B, Z);
        long of_A = A.rows / p, of_B = B.rows / q;
        for (long t = 0; t < Z.rows / p; t++)
            use(Matrix<T>{A[t % of_A * p], p, q, A.row}, Matrix<T>{B[t % of_B * q], q, r, B.row},
                Matrix<T>{Z[t * p], p, r, Z.row});
    }

    const T* turn(Worker<T>& w, Matrix<T> B) {
        T* to = turned[w.id].data();
        for (long i = 0; i < q; i++)
            for (long j = 0; j < r; j++) to[j * padded<T>(q) + i] = B[i][j];
        return to;
    }

    long p = 1, q = 1, r = 1;
    bool single = false, many[2] = {};  // whether a matrix of A, of B, meets several of the other
    std::vector<Buffer<T>> turned;  // by worker: B^T, for the way back to A
};

}  // namespace

template <class T>
void enter_arithmetic(Kernels<T>& kernels) {
    enter<Elementwise<T, Add<T>, 2>>(kernels, "add");
    enter<Elementwise<T, Subtract<T>, 2>>(kernels, "subtract");
    enter<Elementwise<T, Multiply<T>, 2>>(kernels, "multiply");
    enter<Elementwise<T, Divide<T>, 2>>(kernels, "divide");
    enter<Elementwise<T, Power<T>, 2>>(kernels, "power");
    enter<Activation<T, Negative<T>>>(kernels, "negative");
    enter<Matmul<T>>(kernels, "matmul");
}

template void enter_arithmetic(Kernels<float>&);
template void enter_arithmetic(Kernels<double>&);

}  // namespace chainrule
