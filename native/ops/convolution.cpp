// Convolution and its transpose, as matrix products that read the picture itself: no window is copied.
//
// The picture lies in a frame, with its padding around it and the channels of a pixel side by side. So one row of a window is a
// stretch of the picture, and the same row of the next window begins one stride later. The windows along a row of the picture are
// therefore a matrix whose rows overlap, and the product takes it as it is.
#include <optional>

#include "sums.hpp"
#include "windows.hpp"

namespace chainrule {
namespace {

// From a picture of c channels to one of f, a number for every window: Z = W P + b, and the ways back.
template <class T>
struct Correlation {
    Axis y, x;
    long c, f;
    bool whole_rows;  // whether the numbers of a row of a window lie side by side: else it is cut into pieces of c numbers
    long pieces, k;   // of a window, and how many numbers each has

    Correlation(const Windows& windows, long c, long f)
        : y(windows.y), x(windows.x), c(c), f(f), whole_rows(x.dilation == 1), pieces(y.size * (whole_rows ? 1 : x.size)),
          k(c * (whole_rows ? x.size : 1)) {}

    long row() const { return x.extent() * c; }
    long size() const { return y.extent() * row(); }
    long of_window() const { return y.size * x.size * c; }
    // How many numbers W has in panels as the way forward reads it, (of_window, f), and as the way back does, (pieces, f, k).
    long ahead() const { return of_window() * padded<T>(f); }
    long back() const { return pieces * f * padded<T>(k); }

    // P: the picture X with its edges; n numbers of it lie at each place, of which c are meant.
    template <class From>
    void frame(const From* X, long n, T* P) const {
        std::memset(P, 0, sizeof(T) * size());
        for (long i = 0; i < y.n && i + y.before < y.extent(); i++)
            for (long j = 0; j < x.n && j + x.before < x.extent(); j++)
                for (long s = 0; s < c; s++) P[(i + y.before) * row() + (j + x.before) * c + s] = T(X[(i * x.n + j) * n + s]);
    }

    // The way back of `frame`.
    void unframe(const T* P, T* X, long n, bool add) const {
        for (long i = 0; i < y.n; i++)
            for (long j = 0; j < x.n; j++) {
                const bool seen = i + y.before < y.extent() && j + x.before < x.extent();
                const T* from = P + (i + y.before) * row() + (j + x.before) * c;
                T* to = X + (i * x.n + j) * n;
                for (long s = 0; s < c; s++) to[s] = (add ? to[s] : T(0)) + (seen ? from[s] : T(0));
            }
    }

    // Z, n numbers apart, (+ what is there).
    void forward(const T* P, const T* W, const T* b, T* Z, long n, bool add) const {
        const long rows = whole_rows ? 1 : y.size, panel = of_window() * WIDTH<T>;
        const Runs runs = whole_rows ? Runs{y.size, y.dilation * row(), k * WIDTH<T>} : Runs{x.size, x.dilation * c, k * WIDTH<T>};
        for (long i = 0; i < y.count; i++)
            for (long r = 0; r < rows; r++)
                multiply<T>(x.count, f, k, {P + (y.stride * i + y.dilation * r) * row(), x.stride * c, 1},
                            {W + r * x.size * k * WIDTH<T>, panel, WIDTH<T>}, {Z + i * x.count * n, WIDTH<T>, n}, b, add || r, runs);
    }

    // dW, as the way forward reads W, + P^T dZ.
    void to_weights(const T* P, const T* dZ, long n, T* dW) const {
        for (long q = 0; q < pieces; q++)
            multiply<T>(k, f, x.count, {P + at(q), 1, x.stride * c}, {dZ, WIDTH<T>, n},
                        {dW + q * k * WIDTH<T>, of_window() * WIDTH<T>, WIDTH<T>}, nullptr, true,
                        {y.count, y.stride * row(), x.count * n});
    }

    // dP = W^T dZ. some: room for (x.count, padded k).
    void to_picture(const T* dZ, long n, const T* W, T* some, T* dP) const {
        const long width = padded<T>(k);
        std::memset(dP, 0, sizeof(T) * size());
        for (long i = 0; i < y.count; i++)
            for (long q = 0; q < pieces; q++) {
                multiply<T>(x.count, k, f, {dZ + i * x.count * n, n, 1}, {W + q * f * width, f * WIDTH<T>, WIDTH<T>},
                            {some, WIDTH<T>, width}, nullptr, false);
                for (long j = 0; j < x.count; j++) {
                    T* to = dP + y.stride * i * row() + at(q) + x.stride * c * j;
                    const T* from = some + j * width;
                    for (long s = 0; s < k; s++) to[s] += from[s];
                }
            }
    }

    // Where a piece begins in the window at the corner.
    long at(long q) const {
        return whole_rows ? y.dilation * q * row() : y.dilation * (q / x.size) * row() + x.dilation * (q % x.size) * c;
    }

    // Where number `at` of a window meets an output: in W as the way forward reads it, and as the way back does.
    long place_ahead(long at, long output) const { return in_panels(at, output, of_window()); }
    long place_back(long at, long output) const { return at / k * f * padded<T>(k) + in_panels(output, at % k, f); }
    static long in_panels(long i, long j, long rows) { return (j / WIDTH<T> * rows + i) * WIDTH<T> + j % WIDTH<T>; }
};

// What both have in common: a large picture, a small one with a place for every window of the large one, and W. A convolution makes
// the small one of the large one, its transpose the large one of the small one. Each group of channels is a correlation of its own.
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
        ahead = Buffer<T>(groups * one->ahead()), back = Buffer<T>(groups * one->back());
        for (int id = 0; id < this->program->team.most(); id++)
            rooms.emplace_back(one->size(), one->x.count * padded<T>(one->k), places * padded<T>(one->f), groups * one->ahead());
    }

    // Copy W into the two layouts that the way forward and the way back read: each worker a share.
    bool begins() const override { return true; }
    void begin(Worker<T>& w) override {
        const T* from = this->in(w, W).data;
        each_weight(this->program->mine(w, this->of(this->inputs[W]).shape[0]),
                    [&](long here, long in_ahead, long in_back) { ahead.data()[in_ahead] = back.data()[in_back] = from[here]; });
        std::memset(rooms[w.id].slopes.data(), 0, sizeof(T) * groups * one->ahead());
    }

    // Add this worker's dW, which lies as the way forward reads W, to the derivative by W.
    void end(Worker<T>& w) override {
        if (!this->wanted(W)) return;
        T *to = this->d_in(w, W).data, *from = rooms[w.id].slopes.data();
        each_weight({0, this->of(this->inputs[W]).shape[0]}, [&](long here, long in_ahead, long) { to[here] += from[in_ahead]; });
    }

  protected:
    Convolving(const Options& o, bool transposed, int W) : windows(o), groups(o.whole("groups")), transposed(transposed), W(W) {}

    // A worker's own room: a picture with its edges, what a row of places paints, a small picture of one group, and dW.
    struct Room {
        Buffer<T> framed, some, small, slopes;
        Room(long framed, long some, long small, long slopes) : framed(framed), some(some), small(small), slopes(slopes) {}
    };

    // Z of one example and group, from its picture in the frame.
    void go_ahead(Worker<T>& w, Matrix<T> Z, long example, long g, const T* b, bool add) {
        const Room& room = rooms[w.id];
        const T* weights = ahead.data() + g * one->ahead();
        if (groups == 1) return one->forward(room.framed.data(), weights, b, Z[example * places], Z.row, add);
        const long n = padded<T>(one->f);
        one->forward(room.framed.data(), weights, b ? b + g * one->f : nullptr, room.small.data(), n, false);
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

    // The picture in the frame, from a small one.
    void go_back(Worker<T>& w, std::pair<const T*, long> Z, long g) {
        const Room& room = rooms[w.id];
        one->to_picture(Z.first, Z.second, back.data() + g * one->back(), room.some.data(), room.framed.data());
    }

    Windows windows;
    long groups, places = 0;
    bool transposed;
    int W;  // which input it is
    std::optional<Correlation<T>> one;
    std::vector<Room> rooms;

  private:
    // use(where it is in W, where the way forward and the way back read it) for each number of these of W's first axis.
    template <class Use>
    void each_weight(std::pair<long, long> range, Use use) const {
        const Value& weights = this->of(this->inputs[W]);
        const long first = weights.shape[0] / groups, taps = windows.y.size * windows.x.size;
        for (long o = range.first; o < range.second; o++)
            for (long tap = 0; tap < taps; tap++)
                for (long i = 0; i < weights.n; i++) {
                    const long g = o / first, at = tap * one->c + (transposed ? o % first : i), output = transposed ? i : o % first;
                    use((o * taps + tap) * weights.row + i, g * one->ahead() + one->place_ahead(at, output),
                        g * one->back() + one->place_back(at, output));
                }
    }

    Buffer<T> ahead, back;
};

// inputs: A unless it is X itself, W, b or nothing
template <class T, bool of_data>
class Convolution : public Convolving<T> {
  public:
    explicit Convolution(const Options& o) : Convolving<T>(o, false, of_data ? 0 : 1) {}

    void check(const Data<T>& data) const override {
        const auto& one = *this->one;
        expect(!of_data || data.features == one.y.n * one.x.n * one.c * this->groups, "X has another number of features");
    }

    void forward(Worker<T>& w) override {
        const int b = this->W + 1;
        for (long i = 0; i < w.examples; i++)
            for (long g = 0; g < this->groups; g++) {
                frame(w, i, g);
                this->go_ahead(w, this->out(w), i, g, b < int(this->inputs.size()) ? this->in(w, b).data : nullptr, false);
            }
    }

    void backward(Worker<T>& w) override {
        const auto& one = *this->one;
        const auto& room = this->rooms[w.id];
        const int W = this->W;
        Matrix<T> dZ = this->d_out(w);
        if (int(this->inputs.size()) > W + 1 && this->wanted(W + 1)) add_rows(dZ, this->d_in(w, W + 1).data);
        for (long i = 0; i < w.examples; i++)
            for (long g = 0; g < this->groups; g++) {
                auto small = this->small(w, dZ, i, g);
                if (this->wanted(W)) {
                    frame(w, i, g);
                    one.to_weights(room.framed.data(), small.first, small.second, room.slopes.data() + g * one.ahead());
                }
                if (of_data || !this->wanted(0)) continue;
                Matrix<T> dA = this->d_in(w, 0);
                this->go_back(w, small, g);
                one.unframe(room.framed.data(), dA[i * one.y.n * one.x.n] + g * one.c, dA.row, this->add[0]);
            }
    }

  private:
    void frame(Worker<T>& w, long i, long g) {
        const auto& one = *this->one;
        T* P = this->rooms[w.id].framed.data();
        if constexpr (of_data) {
            with_type(*w.data, [&](auto* X) { one.frame(X + w.source(i) * w.data->features + g * one.c, this->groups * one.c, P); });
        } else {
            Matrix<T> A = this->in(w, 0);
            one.frame(A[i * one.y.n * one.x.n] + g * one.c, A.row, P);
        }
    }
};

// inputs: A, W, b or nothing. The windows lie on Z.
template <class T>
class TransposedConvolution : public Convolving<T> {
  public:
    explicit TransposedConvolution(const Options& o) : Convolving<T>(o, true, 1) {}

    void forward(Worker<T>& w) override {
        const auto& one = *this->one;
        Matrix<T> A = this->in(w, 0), Z = this->out(w);
        for (long i = 0; i < w.examples; i++)
            for (long g = 0; g < this->groups; g++) {
                this->go_back(w, this->small(w, A, i, g), g);
                one.unframe(this->rooms[w.id].framed.data(), Z[i * one.y.n * one.x.n] + g * one.c, Z.row, false);
            }
        if (this->inputs.size() < 3) return;
        const T* b = this->in(w, 2).data;
        for (long i = 0; i < Z.rows; i++)
            for (long j = 0; j < Z.n; j++) Z[i][j] += b[j];
    }

    void backward(Worker<T>& w) override {
        const auto& one = *this->one;
        const auto& room = this->rooms[w.id];
        Matrix<T> A = this->in(w, 0), dZ = this->d_out(w);
        if (this->inputs.size() > 2 && this->wanted(2)) add_rows(dZ, this->d_in(w, 2).data);
        for (long i = 0; i < w.examples; i++)
            for (long g = 0; g < this->groups; g++) {
                one.frame(dZ[i * one.y.n * one.x.n] + g * one.c, dZ.row, room.framed.data());
                if (this->wanted(1)) {
                    auto small = this->small(w, A, i, g);
                    one.to_weights(room.framed.data(), small.first, small.second, room.slopes.data() + g * one.ahead());
                }
                if (this->wanted(0)) this->go_ahead(w, this->d_in(w, 0), i, g, nullptr, this->add[0]);
            }
    }
};

}  // namespace

template <class T>
void enter_convolution(Kernels<T>& kernels) {
    enter<Convolution<T, false>>(kernels, "convolution");
    enter<Convolution<T, true>>(kernels, "convolution_of_data");
    enter<TransposedConvolution<T>>(kernels, "transposed_convolution");
}

template void enter_convolution(Kernels<float>&);
template void enter_convolution(Kernels<double>&);

}  // namespace chainrule
