// Recurrent layers: RNN, GRU and LSTM, without the part W X + b, which a linear step has computed for all steps of the sequence at
// once. The kernel goes through the sequence: it adds U A, made of the state A of the step before, and applies the gates. On the
// way back it goes from the last step to the first.
#include "activation.hpp"

namespace chainrule {
namespace {

// The arrays of one step of one example, as the gates of a cell read and write them. n is the size of the state.
template <class T>
struct Cell {
    long n;
    const T* b;    // a bias of v, or null
    T* z;          // W X + b of all gates, and behind the way forward what the way back needs of the gates
    T* v;          // U A of the step before, where it is not added to z
    T *a, *c;      // the state and, of an LSTM, the cell
    T* d;          // the derivative by the state
    T* dc;         // the derivative by the cell, and behind the way back that by the cell before
    T *dz, *dv;    // the derivatives by z and v
    T* kept;       // the part of the derivative by the state before that goes there without U
    const T *old, *old_c;  // the state and the cell of the step before
};

template <class T, class G>
struct SimpleCell {
    static constexpr bool cells = false, apart = false;
    static constexpr long gates = 1;
    static void forward(const Cell<T>& s) {
#pragma GCC ivdep
        for (long j = 0; j < s.n; j++) s.a[j] = G().value(s.z[j]);
    }
    static void backward(const Cell<T>& s) {
#pragma GCC ivdep
        for (long j = 0; j < s.n; j++) s.dz[j] = s.d[j] * G().slope(T(0), s.a[j]), s.kept[j] = 0;
    }
};

template <class T>
struct LstmCell {
    static constexpr bool cells = true, apart = false;
    static constexpr long gates = 4;
    static void forward(const Cell<T>& s) {
        const long n = s.n;
        const Tanh<T> tanh;
#pragma GCC ivdep
        for (long j = 0; j < n; j++) {
            const T I = sigmoid(s.z[j]), F = sigmoid(s.z[n + j]), G = tanh.value(s.z[2 * n + j]), O = sigmoid(s.z[3 * n + j]);
            const T c = F * s.old_c[j] + I * G;
            s.c[j] = c, s.a[j] = O * tanh.value(c);
            s.z[j] = I, s.z[n + j] = F, s.z[2 * n + j] = G, s.z[3 * n + j] = O;
        }
    }
    static void backward(const Cell<T>& s) {
        const long n = s.n;
#pragma GCC ivdep
        for (long j = 0; j < n; j++) {
            const T I = s.z[j], F = s.z[n + j], G = s.z[2 * n + j], O = s.z[3 * n + j];
            const T shown = Tanh<T>().value(s.c[j]), dc = s.dc[j] + s.d[j] * O * (1 - shown * shown);
            s.dz[j] = dc * G * I * (1 - I);
            s.dz[n + j] = dc * s.old_c[j] * F * (1 - F);
            s.dz[2 * n + j] = dc * I * (1 - G * G);
            s.dz[3 * n + j] = s.d[j] * shown * O * (1 - O);
            s.dc[j] = dc * F, s.kept[j] = 0;
        }
    }
};

template <class T>
struct GruCell {
    static constexpr bool cells = false, apart = true;
    static constexpr long gates = 3;
    static void forward(const Cell<T>& s) {
        const long n = s.n;
#pragma GCC ivdep
        for (long j = 0; j < n; j++) {
            const T R = sigmoid(s.z[j] + s.v[j]), G = sigmoid(s.z[n + j] + s.v[n + j]), inner = s.v[2 * n + j] + (s.b ? s.b[j] : T(0));
            const T N = Tanh<T>().value(s.z[2 * n + j] + R * inner);
            s.a[j] = N + G * (s.old[j] - N);
            s.z[j] = R, s.z[n + j] = G, s.z[2 * n + j] = N, s.v[2 * n + j] = inner;
        }
    }
    static void backward(const Cell<T>& s) {
        const long n = s.n;
#pragma GCC ivdep
        for (long j = 0; j < n; j++) {
            const T R = s.z[j], G = s.z[n + j], N = s.z[2 * n + j], inner = s.v[2 * n + j], d = s.d[j];
            const T d_new = d * (1 - G) * (1 - N * N), d_reset = d_new * inner * R * (1 - R);
            const T d_gate = d * (s.old[j] - N) * G * (1 - G);
            s.dz[j] = s.dv[j] = d_reset, s.dz[n + j] = s.dv[n + j] = d_gate, s.dz[2 * n + j] = d_new, s.dv[2 * n + j] = d_new * R;
            s.kept[j] = d * G;
        }
    }
};

// inputs: Z = W X + b (steps, gates n), U (gates n, n), then what there is of: a bias (n) of the last gate's part of V = U A, a
// mask (steps).
//
// Of a stateful layer the state is `carried`: each sequence of a batch begins with the state, and the cell, that the caller's
// float64 arrays (batch, n) hold for it, and leaves there those that it ends with.
template <class T, class Of>
class Recurrence : public Step<T> {
  public:
    explicit Recurrence(const Options& o)
        : backwards(o.get<bool>("backwards")), last(o.get<bool>("last")), biased(o.get<bool>("biased")), masked(o.get<bool>("masked")),
          carried(o.get<bool>("carried")) {
        if (carried) carried_states = o.shared("state");
        if (carried && Of::cells) carried_cells = o.shared("cell");
    }

    void prepare() override {
        this->takes(2 + biased + masked, 2 + biased + masked), this->makes_a_value();
        const Value &Z = this->of(this->inputs[0]), &U = this->of(this->inputs[1]);
        steps = Z.rows, n = U.n, wide = Z.n, row = padded<T>(n), row_of_Z = Z.row;
        this->fits(wide == Of::gates * n && U.rows == wide, "Z and U");
        this->fits(this->made().n == n && this->made().rows == (last ? 1 : steps), "Z and the states");
        this->fits(!biased || this->given(2).count() == n, "the bias");
        this->fits(!masked || this->given(2 + biased).count() == steps, "the mask");
        this->fits(!carried || carried_states.size >= this->program->capacity * n, "the batch and the states that are carried on");
        this->fits(!carried || !Of::cells || carried_cells.size >= this->program->capacity * n, "the batch and the cells that are carried on");
        if (this->program->rounds())
            ahead.words = Buffer<uint32_t>(words(n, wide)), back.words = Buffer<uint32_t>(words(wide, n));
        else
            ahead.numbers = Buffer<T>(n * row_of_Z), back.numbers = Buffer<T>(wide * row);
        nothing = Buffer<T>(row);
        const long examples = this->program->room(), all = examples * steps;
        if (last) states = Buffer<T>(all * row);
        if (Of::cells) c = Buffer<T>(all * row);
        if (Of::apart) v = Buffer<T>(all * row_of_Z), dv = Buffer<T>(all * row_of_Z);
        for (Buffer<T>* of_each : {&d, &dc, &kept}) *of_each = Buffer<T>(examples * row);
        if (carried) first_state = Buffer<T>(examples * row), first_cell = Buffer<T>(examples * row);
    }

    bool begins() const override { return true; }
    void begin(Worker<T>& w) override { lay_out(w); }
    long likes() const override { return 2 * TILE; }  // U comes from the cache anew at every step

    void forward(Worker<T>& w) override {
        const Room room = room_of(w);
        Matrix<T> Z = this->in(w, 0), out = this->out(w), A = last ? Matrix<T>{room.states, w.examples * steps, n, row} : out;
        if (carried) go_on(w, room);
        for (long k = 0, t = first(); k < steps; k++, t += ahead_by()) {
            T* into = Of::apart ? room.v : Z.data;
            if (k > 0 || carried)
                times(w, wide, n, k > 0 ? Spread<T>{A[t - ahead_by()], steps * row, 1} : Spread<T>{room.first_state, row, 1}, ahead,
                      {into + t * row_of_Z, WIDTH<T>, steps * row_of_Z}, !Of::apart);
            else if (Of::apart)
                for (long i = 0; i < w.examples; i++) std::memset(into + (i * steps + t) * row_of_Z, 0, sizeof(T) * row_of_Z);
            for (long i = 0; i < w.examples; i++) {
                Cell<T> s = cell(w, room, A, i, t, k);
                if (counts(w, i, t)) {
                    Of::forward(s);
                } else {
                    std::copy_n(s.old, n, s.a);
                    if (Of::cells) std::copy_n(s.old_c, n, s.c);
                }
            }
        }
        if (last)
            for (long i = 0; i < w.examples; i++) std::copy_n(A[i * steps + end()], n, out[i]);
        if (carried) leave(w, room, A);
    }

    void backward(Worker<T>& w) override {
        const Room room = room_of(w);
        Matrix<T> dZ = this->d_in(w, 0), out = this->out(w), dA = this->d_out(w);
        Matrix<T> A = last ? Matrix<T>{room.states, w.examples * steps, n, row} : out;
        Matrix<T> dV = Of::apart ? Matrix<T>{room.dv, dZ.rows, wide, row_of_Z} : dZ;
        for (T* back_in_time : {room.d, room.dc}) std::memset(static_cast<void*>(back_in_time), 0, sizeof(T) * w.examples * row);
        const long of_step = std::max(w.examples, 1L), most = std::max(PRODUCTS, FRESH / row_of_Z) / of_step + 1;
        for (long k = steps - 1, t = end(), behind = 0; k >= 0; k--, t -= ahead_by()) {
            for (long i = 0; i < w.examples; i++) {
                Cell<T> s = cell(w, room, A, i, t, k);
                s.dz = dZ[i * steps + t], s.dv = dV[i * steps + t];
                if (!last || t == end()) {
                    const T* here = last ? dA[i] : dA[i * steps + t];
                    for (long j = 0; j < n; j++) s.d[j] += here[j];
                }
                if (counts(w, i, t)) {
                    Of::backward(s);
                    std::copy_n(s.kept, n, s.d);
                } else {
                    std::memset(s.dz, 0, sizeof(T) * wide), std::memset(s.dv, 0, sizeof(T) * wide);
                }
            }
            if (k == 0) break;
            times(w, n, wide, {dV[t], steps * row_of_Z, 1}, back, {room.d, WIDTH<T>, row}, true);
            if (++behind < most && k > 1) continue;
            to_weights(w, A, dV, backwards ? t - behind + 1 : t, behind);
            behind = 0;
        }
        if (carried) to_weights_from_before(w, room, dV);
        if (biased && this->wanted(2)) {
            T* db = this->d_in(w, 2).data;
            for (long i = 0; i < dV.rows; i++)
                for (long j = 0; j < n; j++) db[j] += dV[i][wide - n + j];
        }
    }

  private:
    // Where a worker's numbers are: the states if they do not come out, the cells, V and its derivative; what goes back in time;
    // what the first step has before it. Null where there is no such thing.
    struct Room {
        T *states, *c, *v, *dv, *d, *dc, *kept, *first_state, *first_cell;
    };
    Room room_of(const Worker<T>& w) const {
        const long i = this->program->place(w), all = i * steps;
        return {last ? states.data() + all * row : nullptr,
                Of::cells ? c.data() + all * row : nullptr,
                Of::apart ? v.data() + all * row_of_Z : nullptr,
                Of::apart ? dv.data() + all * row_of_Z : nullptr,
                d.data() + i * row,
                dc.data() + i * row,
                kept.data() + i * row,
                carried ? first_state.data() + i * row : nullptr,
                carried ? first_cell.data() + i * row : nullptr};
    }

    long ahead_by() const { return backwards ? -1 : 1; }
    long first() const { return backwards ? steps - 1 : 0; }
    long end() const { return steps - 1 - first(); }

    bool counts(Worker<T>& w, long i, long t) { return !masked || this->in(w, biased ? 3 : 2)[i][t] != 0; }

    // Step t, number k in time, of example i.
    Cell<T> cell(Worker<T>& w, const Room& room, Matrix<T> A, long i, long t, long k) {
        const long here = i * steps + t, before = here - ahead_by();
        Cell<T> s{};
        s.n = n, s.b = biased ? this->in(w, 2).data : nullptr;
        s.z = this->in(w, 0)[here], s.a = A[here];
        if (Of::apart) s.v = room.v + here * row_of_Z;
        if (Of::cells) s.c = room.c + here * row;
        s.d = room.d + i * row, s.dc = room.dc + i * row, s.kept = room.kept + i * row;
        s.old = k > 0 ? A[before] : carried ? room.first_state + i * row : nothing.data();
        if (Of::cells) s.old_c = k > 0 ? room.c + before * row : carried ? room.first_cell + i * row : nothing.data();
        return s;
    }

    // Begin where the sequences ended before.
    void go_on(Worker<T>& w, const Room& room) {
        const long before = (w.first - w.begin) * n;
        for (long i = 0; i < w.examples; i++) {
            std::copy_n(carried_states.data + before + i * n, n, room.first_state + i * row);
            if (Of::cells) std::copy_n(carried_cells.data + before + i * n, n, room.first_cell + i * row);
        }
    }

    // Leave what the sequences end in.
    void leave(Worker<T>& w, const Room& room, Matrix<T> A) {
        const long before = (w.first - w.begin) * n;
        for (long i = 0; i < w.examples; i++) {
            std::copy_n(A[i * steps + end()], n, carried_states.data + before + i * n);
            if (Of::cells) std::copy_n(room.c + (i * steps + end()) * row, n, carried_cells.data + before + i * n);
        }
    }

    // Bring U^T and U into panels, which the products of the way forward and of the way back read: each worker a share.
    void lay_out(Worker<T>& w) {
        constexpr long P = WIDTH<T>;
        Matrix<T> U = this->in(w, 1);
        auto [from, to] = this->program->mine(w, padded<T>(wide) / P);
        if constexpr (std::is_same_v<T, float>)
            if (this->program->rounds()) {
                const long rows = std::min(to * P, wide) - from * P;
                if (rows <= 0) return;
                for (long j = 0; j < n; j += 2 * P)
                    round_turned(rows, {U[from * P] + j, P, U.row}, j + P < n ? 2 : 1,
                                 {ahead.words.data() + from * words(n) + j / 2 * P, words(n)});
                return round_panels(rows, n, {U[from * P], P, U.row}, {back.words.data() + from * (P / 2) * P, words(wide)});
            }
        for (long i = from * P; i < std::min(to * P, wide); i += P)
            transpose(std::min(P, wide - i), n, U[i], U.row, ahead.numbers.data() + i * n, P);
        for (long i = from * P; i < std::min(to * P, wide); i++)
            for (long j = 0; j < n; j += P) store<T>(back.numbers.data() + j * wide + i * P, load(U[i] + j));
    }

    // A matrix in panels, of numbers or of rounded ones.
    struct Turned {
        Buffer<T> numbers;
        Buffer<uint32_t> words;
    };

    // C = A B (+ what is there), of one step of the worker's examples.
    void times(Worker<T>& w, long n, long k, Spread<T> A, const Turned& B, Panels<T> C, bool add) {
        if constexpr (std::is_same_v<T, float>)
            if (this->program->rounds())
                return w.rounding.multiply(w.examples, n, k, A, RoundedPanels{B.words.data(), words(k)}, C, nullptr, add);
        multiply<T>(w.examples, n, k, A, {B.numbers.data(), k * WIDTH<T>, WIDTH<T>}, C, nullptr, add);
    }

    // Numbers of dV that stay in the second cache until they are summed, and products that are worth reading dU for.
    static constexpr long FRESH = 60'000, PRODUCTS = 96;

    // dU = sum of dV_t A_{t-1}^T, of so many steps at a time.
    void to_weights(Worker<T>& w, Matrix<T> A, Matrix<T> dV, long from, long count) {
        if (!this->wanted(1)) return;
        Matrix<T> dU = this->d_in(w, 1);
        this->product(w, wide, n, count, {dV[from], 1, row_of_Z}, {A[from - ahead_by()], WIDTH<T>, A.row},
                    {dU.data, WIDTH<T>, dU.row}, nullptr, true, {w.examples, steps * row_of_Z, steps * A.row});
    }
    // The part of the first step, which has what is carried before it.
    void to_weights_from_before(Worker<T>& w, const Room& room, Matrix<T> dV) {
        if (!this->wanted(1)) return;
        Matrix<T> dU = this->d_in(w, 1);
        this->product(w, wide, n, w.examples, {dV[first()], 1, steps * row_of_Z}, {room.first_state, WIDTH<T>, row},
                    {dU.data, WIDTH<T>, dU.row}, nullptr, true);
    }

    bool backwards, last, biased, masked, carried;
    SharedNumbers carried_states, carried_cells;
    long steps = 0, n = 0, wide = 0, row = 0, row_of_Z = 0;
    Turned ahead, back;  // U^T and U
    Buffer<T> nothing;   // a state of zeros
    Buffer<T> states, c, v, dv, d, dc, kept, first_state, first_cell;  // of all examples in hand, each worker's at its place
};

}  // namespace

template <class T>
void enter_recurrence(Kernels<T>& kernels) {
    enter<Recurrence<T, SimpleCell<T, Tanh<T>>>>(kernels, "rnn");
    enter<Recurrence<T, SimpleCell<T, Relu<T>>>>(kernels, "rnn_relu");
    enter<Recurrence<T, GruCell<T>>>(kernels, "gru");
    enter<Recurrence<T, LstmCell<T>>>(kernels, "lstm");
}

template void enter_recurrence(Kernels<float>&);
template void enter_recurrence(Kernels<double>&);

}  // namespace chainrule
