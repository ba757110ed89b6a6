// Attention: every step looks at all the others and takes from them what it asks for.
#include "../kernels.hpp"

namespace chainrule {
namespace {

// Z = softmax(Q K^T / sqrt(d)) V, for each head alone. inputs: Q, K, V, and a mask of the steps of K and V or nothing
template <class T>
class Attention : public Step<T> {
  public:
    explicit Attention(const Options& o) : heads(o.whole("heads")), causal(o.get<bool>("causal")) {}

    void prepare() override {
        this->takes(3, 4), this->makes_a_value();
        steps = this->of(this->inputs[0]).rows, others = this->of(this->inputs[1]).rows;
        expect(heads > 0, "attention has no heads");
        d = this->of(this->inputs[0]).n / heads, of_V = this->of(this->inputs[2]).n / heads;
        const Value &Q = this->given(0), &K = this->given(1), &V = this->given(2), &Z = this->made();
        this->fits(Q.n == K.n && V.rows == K.rows && Z.rows == Q.rows && Z.n == V.n, "Q, K, V and Z");
        this->fits(Q.n % heads == 0 && V.n % heads == 0, "the heads");
        this->fits(this->inputs.size() < 4 || this->given(3).count() == others, "the mask");
        scale = T(1 / std::sqrt(double(d)));
        const long most = std::max(steps, others), wide = padded<T>(std::max(d, of_V));
        for (int id = 0; id < this->program->team.most(); id++)
            rooms.emplace_back(steps * padded<T>(others), std::max(most * wide, std::max(d, of_V) * padded<T>(most)), most * wide);
    }

    void forward(Worker<T>& w) override {
        Matrix<T> V = this->in(w, 2), Z = this->out(w);
        Room& room = rooms[w.id];
        for (long i = 0; i < w.examples; i++)
            for (long h = 0; h < heads; h++) {
                look(w, i, h);
                lay(V[i * others] + h * of_V, V.row, others, of_V, room.panels.data());
                to_columns(w, steps, of_V, others, {room.P.data(), padded<T>(others), 1}, Z[i * steps] + h * of_V, Z.row, false);
            }
    }

    void backward(Worker<T>& w) override {
        Matrix<T> Q = this->in(w, 0), K = this->in(w, 1), V = this->in(w, 2), dZ = this->d_out(w);
        Room& room = rooms[w.id];
        T *P = room.P.data(), *dS = room.dS.data(), *panels = room.panels.data();
        const long row = padded<T>(others);
        for (long i = 0; i < w.examples; i++)
            for (long h = 0; h < heads; h++) {
                const T* dz = dZ[i * steps] + h * of_V;
                look(w, i, h);
                turn(V[i * others] + h * of_V, V.row, others, of_V, panels);
                this->product(w, steps, others, of_V, {dz, dZ.row, 1}, {panels, of_V * WIDTH<T>, WIDTH<T>}, {dS, WIDTH<T>, row}, nullptr, false);
                for (long t = 0; t < steps; t++) {
                    T *p = P + t * row, *s = dS + t * row, sum = 0;
                    for (long k = 0; k < others; k++) sum += s[k] * p[k];
                    for (long k = 0; k < others; k++) s[k] = p[k] * (s[k] - sum) * scale;
                }
                if (this->wanted(0)) {
                    lay(K[i * others] + h * d, K.row, others, d, panels);
                    Matrix<T> dQ = this->d_in(w, 0);
                    to_columns(w, steps, d, others, {dS, row, 1}, dQ[i * steps] + h * d, dQ.row, this->add[0]);
                }
                if (this->wanted(1)) {
                    lay(Q[i * steps] + h * d, Q.row, steps, d, panels);
                    Matrix<T> dK = this->d_in(w, 1);
                    to_columns(w, others, d, steps, {dS, 1, row}, dK[i * others] + h * d, dK.row, this->add[1]);
                }
                if (this->wanted(2)) {
                    lay(dz, dZ.row, steps, of_V, panels);
                    Matrix<T> dV = this->d_in(w, 2);
                    to_columns(w, others, of_V, steps, {P, 1, row}, dV[i * others] + h * of_V, dV.row, this->add[2]);
                }
            }
    }

  private:
    // A worker's own, for one head: P and dS, an operand in panels, a product.
    struct Room {
        Buffer<T> P, dS, panels, made;
        Room(long P, long panels, long made) : P(P), dS(P), panels(panels), made(made) {}
    };

    // P of one head: what each step sees of the others, all parts together 1.
    void look(Worker<T>& w, long i, long h) {
        Matrix<T> Q = this->in(w, 0), K = this->in(w, 1);
        Room& room = rooms[w.id];
        const long row = padded<T>(others), row_of_Q = padded<T>(d);
        T* scaled = room.made.data();
        for (long t = 0; t < steps; t++)
            for (long j = 0; j < d; j++) scaled[t * row_of_Q + j] = Q[i * steps + t][h * d + j] * scale;
        const T* mask = this->inputs.size() > 3 ? this->in(w, 3)[i] : nullptr;
        turn(K[i * others] + h * d, K.row, others, d, room.panels.data());
        this->product(w, steps, others, d, {scaled, row_of_Q, 1}, {room.panels.data(), d * WIDTH<T>, WIDTH<T>},
                    {room.P.data(), WIDTH<T>, row}, nullptr, false);
        for (long t = 0; t < steps; t++) {
            T *p = room.P.data() + t * row, most = -std::numeric_limits<T>::infinity(), sum = 0;
            const long seen = causal ? std::min(t + 1, others) : others;
            for (long k = 0; k < seen; k++)
                if (!mask || mask[k] != 0) most = std::max(most, p[k]);
            for (long k = 0; k < seen; k++) sum += p[k] = !mask || mask[k] != 0 ? exponential(p[k] - most) : T(0);
            std::fill(p + seen, p + others, T(0));
            sum = std::max(sum, std::numeric_limits<T>::min());
            for (long k = 0; k < seen; k++)
                if (!mask || mask[k] != 0) p[k] /= sum;  // and else stays 0, also where the others are NaN
        }
    }

    // M (rows, n) in panels, and its transpose.
    static void lay(const T* M, long apart, long rows, long n, T* to) {
        for (long i = 0; i < rows; i++)
            for (long j = 0; j < n; j++) to[(j / WIDTH<T> * rows + i) * WIDTH<T> + j % WIDTH<T>] = M[i * apart + j];
    }
    static void turn(const T* M, long apart, long rows, long n, T* to) {
        for (long i = 0; i < rows; i++)
            for (long j = 0; j < n; j++) to[(i / WIDTH<T> * n + j) * WIDTH<T> + i % WIDTH<T>] = M[i * apart + j];
    }

    // A times what is in the panels, into columns of which others have their own to the right.
    void to_columns(Worker<T>& w, long m, long n, long k, Spread<T> A, T* to, long apart, bool add) {
        Room& room = rooms[w.id];
        const long row = padded<T>(n);
        T* made = room.made.data();
        this->product(w, m, n, k, A, {room.panels.data(), k * WIDTH<T>, WIDTH<T>}, {made, WIDTH<T>, row}, nullptr, false);
        for (long i = 0; i < m; i++)
            for (long j = 0; j < n; j++) to[i * apart + j] = (add ? to[i * apart + j] : T(0)) + made[i * row + j];
    }

    long heads;
    bool causal;
    long steps = 0, others = 0, d = 0, of_V = 0;
    T scale = 1;
    std::vector<Room> rooms;
};

// Z_t = A_t + P_t, the sine and the cosine of t at n / 2 frequencies; t counts the steps that the mask does not leave out.
// inputs: A (steps, n), and a mask (steps) or nothing
template <class T>
class PositionalEncoding : public Step<T> {
  public:
    explicit PositionalEncoding(const Options& o) : base(o.get("base")) {}

    bool keeps_output() const override { return false; }

    void prepare() override {
        this->takes(1, 2), this->makes_a_value();
        const Value& Z = this->of(this->output);
        this->fits(this->alike(this->given(0), Z), "A and Z");
        this->fits(this->inputs.size() < 2 || this->given(1).count() == Z.rows, "the mask");
        for (long t = 0; t < Z.rows; t++)
            for (long j = 0; j < Z.n; j++) {
                const double angle = double(t) * std::pow(base, -double(j - j % 2) / double(Z.n));
                encoding.push_back(T(j % 2 ? std::cos(angle) : std::sin(angle)));
            }
    }
    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), Z = this->out(w);
        const long steps = this->of(this->output).rows;
        for (long i = 0; i < w.examples; i++)
            for (long k = 0, t = -1; k < steps; k++) {
                if (this->inputs.size() < 2 || this->in(w, 1)[i][k] != 0) t++;
                const T *a = A[i * steps + k], *p = encoding.data() + std::max(t, 0L) * Z.n;
                for (long j = 0; j < Z.n; j++) Z[i * steps + k][j] = a[j] + p[j];
            }
    }
    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> dA = this->d_in(w, 0), dZ = this->d_out(w);
        for (long i = 0; i < dZ.rows; i++)
            for (long j = 0; j < dZ.n; j++) dA[i][j] = (this->add[0] ? dA[i][j] : T(0)) + dZ[i][j];
    }

  private:
    double base;
    std::vector<T> encoding;  // (steps, n)
};

}  // namespace

template <class T>
void enter_attention(Kernels<T>& kernels) {
    enter<Attention<T>>(kernels, "attention");
    enter<PositionalEncoding<T>>(kernels, "positional_encoding");
}

template void enter_attention(Kernels<float>&);
template void enter_attention(Kernels<double>&);

}  // namespace chainrule
