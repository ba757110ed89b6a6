// What a convolution and its transpose have in common.
#pragma once
#include <optional>

#include "rounded_correlation.hpp"

namespace chainrule {

// A large picture, a small one with a place for every window of the large one, and W. A convolution makes the small one of the
// large one, its transpose the large one of the small one. Each group of channels is a correlation of its own.
template <class T>
class Convolving : public Step<T> {
  public:
    bool keeps_output() const override { return false; }

    void prepare() override {
        this->takes(W + 1, W + 2), this->makes_a_value();
        const Value& weights = this->of(this->inputs[W]);
        expect(groups > 0 && weights.shape.size() > 1 && weights.shape[0] % groups == 0, "a convolution has no such groups");
        const long first = weights.shape[0] / groups;
        transposed ? one.emplace(windows, first, weights.n) : one.emplace(windows, weights.n, first);
        places = windows.y.count * windows.x.count;
        const Value *small = &this->made(), *large = W ? &this->given(0) : nullptr;
        if (transposed) std::swap(small, large);
        this->fits(weights.rows == weights.shape[0] * windows.y.size * windows.x.size, "W and its windows");
        this->fits(small->rows == places && small->n == groups * one->f, "the windows and their numbers");
        this->fits(!large || (large->rows == windows.y.n * windows.x.n && large->n == groups * one->c), "the windows and the picture");
        this->fits(int(this->inputs.size()) < W + 2 || this->given(W + 1).count() == this->made().n, "b");
        if (turns()) {
            Windows on_small = windows;
            on_small.y = windows.y.turned(), on_small.x = windows.x.turned();
            turned.emplace(on_small, one->f, one->c);
        }
        const bool rounds = this->program->rounds();
        for (int id = 0; id < this->program->team.most(); id++) {
            if constexpr (std::is_same_v<T, float>)
                if (rounds) {
                    rounded.push_back(std::make_unique<RoundedCorrelation>(*one, this->program->unit));
                    if (turned) rounded_turned.push_back(std::make_unique<RoundedCorrelation>(*turned, this->program->unit));
                }
            rooms.emplace_back(turned ? std::max(one->size(), turned->size()) : one->size(),
                               rounds || turned ? 0 : one->x.count * padded<T>(one->k), groups > 1 ? places * padded<T>(one->f) : 0,
                               groups * slopes());
        }
        if (rounds)
            ahead_words = Buffer<uint32_t>(groups * rounded[0]->ahead()),
            back_words = Buffer<uint32_t>(turned ? rounded_turned[0]->ahead() : groups * rounded[0]->back());
        else
            ahead = Buffer<T>(groups * one->ahead()), back = Buffer<T>(turned ? turned->ahead() : groups * one->back());
    }

    // Copy W into the two layouts that the way forward and the way back read: each worker a share.
    bool begins() const override { return true; }
    void begin(Worker<T>& w) override {
        const T* from = this->in(w, W).data;
        each_weight(this->program->mine(w, this->of(this->inputs[W]).shape[0]), [&](long here, long g, long at, long output) {
            const long c = one->c, at_turned = (one->of_window() / c - 1 - at / c) * one->f + output;
            if (!rounded.empty()) {
                auto *ahead = reinterpret_cast<uint16_t*>(ahead_words.data()), *back = reinterpret_cast<uint16_t*>(back_words.data());
                ahead[2 * g * rounded[0]->ahead() + rounded[0]->place_ahead(at, output)] =
                    back[turned ? rounded_turned[0]->place_ahead(at_turned, at % c)
                                : 2 * g * rounded[0]->back() + rounded[0]->place_back(at, output)] = upper(float(from[here]));
            } else {
                ahead.data()[g * one->ahead() + one->place_ahead(at, output)] =
                    back.data()[turned ? turned->place_ahead(at_turned, at % c) : g * one->back() + one->place_back(at, output)] =
                        from[here];
            }
        });
        std::memset(rooms[w.id].slopes.data(), 0, sizeof(T) * groups * slopes());
    }

    // Add this worker's dW to the derivative by W.
    void end(Worker<T>& w) override {
        if (!this->wanted(W)) return;
        T *to = this->d_in(w, W).data, *from = rooms[w.id].slopes.data();
        each_weight({0, this->of(this->inputs[W]).shape[0]}, [&](long here, long g, long at, long output) {
            to[here] += from[g * slopes() + (rounded.empty() ? one->place_ahead(at, output) : rounded[0]->place_of_slope(at, output))];
        });
    }

  protected:
    Convolving(const Options& o, bool transposed, int W) : windows(o), groups(o.whole("groups")), transposed(transposed), W(W) {}

    // A worker's own room: a picture with its edges, what a row of places paints, a small picture of one group, and dW.
    struct Room {
        Buffer<T> framed, some, small, slopes;
        Room(long framed, long some, long small, long slopes) : framed(framed), some(some), small(small), slopes(slopes) {}
    };

    // Take the large picture X of one example and group into the frame; n numbers lie at each place.
    template <class From>
    void frame(Worker<T>& w, const From* X, long n) {
        if constexpr (std::is_same_v<T, float>)
            if (!rounded.empty()) return rounded[w.id]->frame(X, n);
        one->frame(X, n, rooms[w.id].framed.data(), [](From x) { return T(x); });
    }

    // Z of one example and group, from its picture in the frame.
    void go_ahead(Worker<T>& w, Matrix<T> Z, long example, long g, const T* b, bool add) {
        const Room& room = rooms[w.id];
        if (groups == 1) return of_windows(w, g, b, Z[example * places], Z.row, add);
        const long n = padded<T>(one->f);
        of_windows(w, g, b ? b + g * one->f : nullptr, room.small.data(), n, false);
        for (long i = 0; i < places; i++)
            for (long j = 0; j < one->f; j++) {
                T& z = Z[example * places + i][g * one->f + j];
                z = (add ? z : T(0)) + room.small.data()[i * n + j];
            }
    }

    // The channels of one group of a small picture, and how far its places lie apart.
    std::pair<const T*, long> small(Worker<T>& w, Matrix<T> Z, long example, long g) {
        if (groups == 1) return {Z[example * places], Z.row};
        const long n = padded<T>(one->f);
        T* to = rooms[w.id].small.data();
        for (long i = 0; i < places; i++) std::copy_n(Z[example * places + i] + g * one->f, one->f, to + i * n);
        return {to, n};
    }

    // A group's channels of the large picture of one example (+ what is there), from its small one.
    void go_back(Worker<T>& w, std::pair<const T*, long> Z, Matrix<T> A, long example, long g, bool add) {
        T *P = rooms[w.id].framed.data(), *to = A[example * one->y.n * one->x.n] + g * one->c;
        if (turned) {
            if constexpr (std::is_same_v<T, float>)
                if (!rounded.empty()) {
                    rounded_turned[w.id]->frame(Z.first, Z.second);
                    return rounded_turned[w.id]->forward(back_words.data(), nullptr, to, A.row, add);
                }
            turned->frame(Z.first, Z.second, P, [](T z) { return z; });
            return turned->forward(P, back.data(), nullptr, to, A.row, add);
        }
        to_picture(w, Z, g, P);
        one->unframe(P, to, A.row, add);
    }

    // dW + what the picture in the frame and a small one come to.
    void add_slopes(Worker<T>& w, std::pair<const T*, long> Z, long g) {
        const Room& room = rooms[w.id];
        T* dW = room.slopes.data() + g * slopes();
        if constexpr (std::is_same_v<T, float>)
            if (!rounded.empty()) return rounded[w.id]->to_weights(Z.first, Z.second, dW);
        one->to_weights(room.framed.data(), Z.first, Z.second, dW);
    }

    // use(where it is in W, its group, number of a window, and output) for each number of these of W's first axis.
    template <class Use>
    void each_weight(std::pair<long, long> range, Use use) const {
        const Value& weights = this->of(this->inputs[W]);
        const long first = weights.shape[0] / groups, taps = windows.y.size * windows.x.size;
        for (long o = range.first; o < range.second; o++)
            for (long tap = 0; tap < taps; tap++)
                for (long i = 0; i < weights.n; i++) {
                    const long g = o / first, at = tap * one->c + (transposed ? o % first : i), output = transposed ? i : o % first;
                    use((o * taps + tap) * weights.row + i, g, at, output);
                }
    }

    Windows windows;
    long groups, places = 0;
    bool transposed;
    int W;  // which input it is
    std::optional<Correlation<T>> one;
    std::optional<Correlation<T>> turned;  // the way back from the small picture to the large one, where it is one, too
    std::vector<Room> rooms;

  private:
    // Whether the way back is a convolution, too: then each of its numbers is summed up where it is to be, in place of being
    // painted by window after window. Not where its products, with the lanes that they leave idle, are more by over a quarter.
    bool turns() const {
        const Axis &y = one->y, &x = one->x;
        const bool fits = y.stride == 1 && x.stride == 1 && y.turned().before >= 0 && x.turned().before >= 0;
        return fits && W > 0 && groups == 1 && 4 * padded<T>(one->c) * y.n * x.n <= 5 * one->c * places;
    }

    // The picture in the frame, from a small one.
    void to_picture(Worker<T>& w, std::pair<const T*, long> Z, long g, T* P) {
        if constexpr (std::is_same_v<T, float>)
            if (!rounded.empty())
                return rounded[w.id]->to_picture(Z.first, Z.second, back_words.data() + g * rounded[0]->back(), P);
        one->to_picture(Z.first, Z.second, back.data() + g * one->back(), rooms[w.id].some.data(), P);
    }

    // Z, n numbers apart, (+ what is there) of the picture in the frame.
    void of_windows(Worker<T>& w, long g, const T* b, T* Z, long n, bool add) {
        const T* P = rooms[w.id].framed.data();
        if constexpr (std::is_same_v<T, float>)
            if (!rounded.empty()) return rounded[w.id]->forward(ahead_words.data() + g * rounded[0]->ahead(), b, Z, n, add);
        one->forward(P, ahead.data() + g * one->ahead(), b, Z, n, add);
    }

    // How many numbers dW of a group has: it lies as the way forward reads W, or by outputs where operands are rounded.
    long slopes() const { return rounded.empty() ? one->ahead() : rounded[0]->slopes(); }

    Buffer<T> ahead, back;
    std::vector<std::unique_ptr<RoundedCorrelation>> rounded, rounded_turned;  // each worker's, where products round
    Buffer<uint32_t> ahead_words, back_words;                   // W as these read it
};

}  // namespace chainrule
