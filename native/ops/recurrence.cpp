// Recurrent layers: RNN, GRU and LSTM, without the part W X + b, which a linear step has computed for all steps of the sequence at
// once. The kernel goes through the sequence: it adds U A, made of the state A of the step before, and applies the gates. On the
// way back it goes from the last step to the first.
#include "cells.hpp"

namespace chainrule {
namespace {

// inputs: Z = W X + b (steps, gates n), U (gates n, n), then what there is of: a bias (n) of the last gate's part of V = U A, a
// mask (steps).
//
// Of a stateful layer the state is `carried`: each sequence of a batch begins with the state, and the cell, that the caller's
// float64 arrays (batch, n) hold for it, and leaves there those that it ends with.
template <class T>
class Recurrence : public Step<T> {
  public:
    Recurrence(const Options& o, const Gates<T>& kind)
        : kind(kind), backwards(o.get<bool>("backwards")), last(o.get<bool>("last")), biased(o.get<bool>("biased")), masked(o.get<bool>("masked")),
          carried(o.get<bool>("carried")) {
        if (carried) carried_states = o.shared("state");
        if (carried && kind.cells) carried_cells = o.shared("cell");
    }

    void prepare() override {
        this->takes(2 + biased + masked, 2 + biased + masked), this->makes_a_value();
        const Value &Z = this->of(this->inputs[0]), &U = this->of(this->inputs[1]);
        steps = Z.rows, n = U.n, wide = Z.n, row = padded<T>(n), row_of_Z = Z.row;
        this->fits(wide == kind.gates * n && U.rows == wide, "Z and U");
        this->fits(this->made().n == n && this->made().rows == (last ? 1 : steps), "Z and the states");
        this->fits(!biased || this->given(2).count() == n, "the bias");
        this->fits(!masked || this->given(2 + biased).count() == steps, "the mask");
        this->fits(!carried || carried_states.size >= this->program->capacity * n, "the batch and the states that are carried on");
        this->fits(!carried || !kind.cells || carried_cells.size >= this->program->capacity * n, "the batch and the cells that are carried on");
        if (this->program->rounds())
            ahead.words = Buffer<uint32_t>(words(n, wide)), back.words = Buffer<uint32_t>(words(wide, n));
        else
            ahead.numbers = Buffer<T>(n * row_of_Z), back.numbers = Buffer<T>(wide * row);
        nothing = Buffer<T>(row);
        const long examples = this->program->room(), all = examples * steps;
        if (last) states = Buffer<T>(all * row);
        if (kind.cells) c = Buffer<T>(all * row);
        if (kind.apart) v = Buffer<T>(all * row_of_Z), dv = Buffer<T>(all * row_of_Z);
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
            T* into = kind.apart ? room.v : Z.data;
            if (k > 0 || carried)
                times(w, wide, n, k > 0 ? Spread<T>{A[t - ahead_by()], steps * row, 1} : Spread<T>{room.first_state, row, 1}, ahead,
                      {into + t * row_of_Z, WIDTH<T>, steps * row_of_Z}, !kind.apart);
            else if (kind.apart)
                for (long i = 0; i < w.examples; i++) std::memset(into + (i * steps + t) * row_of_Z, 0, sizeof(T) * row_of_Z);
            for (long i = 0; i < w.examples; i++) {
                Cell<T> s = cell(room, A, i, t, k);
                if (counts(room, i, t)) {
                    kind.forward(s);
                } else {
                    std::copy_n(s.old, n, s.a);
                    if (kind.cells) std::copy_n(s.old_c, n, s.c);
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
        Matrix<T> dV = kind.apart ? Matrix<T>{room.dv, dZ.rows, wide, row_of_Z} : dZ;
        for (T* back_in_time : {room.d, room.dc}) std::memset(static_cast<void*>(back_in_time), 0, sizeof(T) * w.examples * row);
        const long of_step = std::max(w.examples, 1L), most = std::max(PRODUCTS, FRESH / row_of_Z) / of_step + 1;
        for (long k = steps - 1, t = end(), behind = 0; k >= 0; k--, t -= ahead_by()) {
            for (long i = 0; i < w.examples; i++) {
                Cell<T> s = cell(room, A, i, t, k);
                s.dz = dZ[i * steps + t], s.dv = dV[i * steps + t];
                if (!last || t == end()) {
                    const T* here = last ? dA[i] : dA[i * steps + t];
                    for (long j = 0; j < n; j++) s.d[j] += here[j];
                }
                if (counts(room, i, t)) {
                    kind.backward(s);
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
    // Where a worker's numbers are: Z, mask and b; the states if they do not come out, the cells, V and its derivative; what goes back in time;
    // what the first step has before it. Null where there is no such thing.
    struct Room {
        T *states, *c, *v, *dv, *d, *dc, *kept, *first_state, *first_cell;
        Matrix<T> Z, mask;
        const T* b;
    };
    Room room_of(Worker<T>& w) const {
        const long i = this->program->place(w), all = i * steps;
        return {last ? states.data() + all * row : nullptr,
                kind.cells ? c.data() + all * row : nullptr,
                kind.apart ? v.data() + all * row_of_Z : nullptr,
                kind.apart ? dv.data() + all * row_of_Z : nullptr,
                d.data() + i * row,
                dc.data() + i * row,
                kept.data() + i * row,
                carried ? first_state.data() + i * row : nullptr,
                carried ? first_cell.data() + i * row : nullptr,
                this->in(w, 0),
                masked ? this->in(w, biased ? 3 : 2) : Matrix<T>{},
                biased ? this->in(w, 2).data : nullptr};
    }

    long ahead_by() const { return backwards ? -1 : 1; }
    long first() const { return backwards ? steps - 1 : 0; }
    long end() const { return steps - 1 - first(); }

    bool counts(const Room& room, long i, long t) const { return !masked || room.mask[i][t] != 0; }

    // Step t, number k in time, of example i.
    Cell<T> cell(const Room& room, Matrix<T> A, long i, long t, long k) {
        const long here = i * steps + t, before = here - ahead_by();
        Cell<T> s{};
        s.n = n, s.b = room.b;
        s.z = room.Z[here], s.a = A[here];
        if (kind.apart) s.v = room.v + here * row_of_Z;
        if (kind.cells) s.c = room.c + here * row;
        s.d = room.d + i * row, s.dc = room.dc + i * row, s.kept = room.kept + i * row;
        s.old = k > 0 ? A[before] : carried ? room.first_state + i * row : nothing.data();
        if (kind.cells) s.old_c = k > 0 ? room.c + before * row : carried ? room.first_cell + i * row : nothing.data();
        return s;
    }

    // Begin where the sequences ended before.
    void go_on(Worker<T>& w, const Room& room) {
        const long before = (w.first - w.begin) * n;
        for (long i = 0; i < w.examples; i++) {
            std::copy_n(carried_states.data + before + i * n, n, room.first_state + i * row);
            if (kind.cells) std::copy_n(carried_cells.data + before + i * n, n, room.first_cell + i * row);
        }
    }

    // Leave what the sequences end in.
    void leave(Worker<T>& w, const Room& room, Matrix<T> A) {
        const long before = (w.first - w.begin) * n;
        for (long i = 0; i < w.examples; i++) {
            std::copy_n(A[i * steps + end()], n, carried_states.data + before + i * n);
            if (kind.cells) std::copy_n(room.c + (i * steps + end()) * row, n, carried_cells.data + before + i * n);
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

    const Gates<T> kind;
    bool backwards, last, biased, masked, carried;
    SharedNumbers carried_states, carried_cells;
    long steps = 0, n = 0, wide = 0, row = 0, row_of_Z = 0;
    Turned ahead, back;  // U^T and U
    Buffer<T> nothing;   // a state of zeros
    Buffer<T> states, c, v, dv, d, dc, kept, first_state, first_cell;  // of all examples in hand, each worker's at its place
};

template <class T, class Of>
class RecurrenceOf : public Recurrence<T> {
  public:
    explicit RecurrenceOf(const Options& o) : Recurrence<T>(o, {Of::gates, Of::cells, Of::apart, Of::forward, Of::backward}) {}
};

}  // namespace

template <class T>
void enter_recurrence(Kernels<T>& kernels) {
    enter<RecurrenceOf<T, SimpleCell<T, Tanh<T>>>>(kernels, "rnn");
    enter<RecurrenceOf<T, SimpleCell<T, Relu<T>>>>(kernels, "rnn_relu");
    enter<RecurrenceOf<T, GruCell<T>>>(kernels, "gru");
    enter<RecurrenceOf<T, LstmCell<T>>>(kernels, "lstm");
}

template void enter_recurrence(Kernels<float>&);
template void enter_recurrence(Kernels<double>&);

}  // namespace chainrule
