// The three products of a correlation with operands that are rounded to bfloat16.
//
// Tiles want long rows, so that windows are copied here, half as large as they are in float32: those of a few rows of the
// picture at a time, which stay in the second cache. W is in rounded panels, and dW comes as (f, numbers of a window), so that
// of the two operands of dZ^T P it is the smaller one that is turned.
#pragma once
#include "../bfloat16.hpp"
#include "correlation.hpp"

namespace chainrule {

class RoundedCorrelation {
  public:
    RoundedCorrelation(const Correlation<float>& one, Unit unit)
        : one(one), unit(unit), together(std::min(one.y.count, (PLACES + one.x.count - 1) / one.x.count)),
          places(together * one.x.count), picture(one.size() + SLACK), windows(whole_rows(places + 1) * deep_row(window()) + SLACK),
          of_Z(std::max(whole_rows(places) * deep_row(one.f), whole_rows(one.f) * deep_row(places))),
          pairs(words(places, window())), painted(places * padded<float>(window())) {
        for (long q = 0; q < one.pieces; q++) starts.push_back(one.at(q));
    }

    // How many words W has as the way forward reads it, and as the way back does, and numbers dW.
    long ahead() const { return words(window(), one.f); }
    long back() const { return words(one.f, window()); }
    long slopes() const { return one.f * padded<float>(window()); }
    // Where number `at` of a window meets an output: in the halves of those words, and in dW.
    long place_ahead(long at, long output) const { return half(at, output, words(window())); }
    long place_back(long at, long output) const { return half(output, at, words(one.f)); }
    long place_of_slope(long at, long output) const { return output * padded<float>(window()) + at; }

    // Take the picture X for P, as in `Correlation`.
    template <class From>
    void frame(const From* X, long n) {
        one.frame(X, n, picture.data(), [](From x) { return upper(float(x)); });
    }

    // Z, n numbers apart, (+ what is there) = W P + b.
    void forward(uint32_t* W, const float* b, float* Z, long n, bool add) {
        each_part([&](long i, long rows) {
            copy_windows(i, rows);
            multiply(unit, rows * one.x.count, one.f, deep(window()), {windows.data(), deep_row(window())}, {W, words(window())},
                     {Z + i * one.x.count * n, WIDTH<float>, n}, b, add);
        });
    }

    // dW + dZ^T P.
    void to_weights(const float* dZ, long n, float* dW) {
        each_part([&](long i, long rows) {
            const long m = rows * one.x.count;
            if (one.k % WIDTH<float> == 0 && one.x.count % 2 == 0) {
                pair_in_the_picture(i, rows);
            } else {
                copy_windows(i, rows);
                pair_windows(m);
            }
            fill_up(m, window(), {pairs.data(), words(m)});
            round_rows(one.f, m, {dZ + i * one.x.count * n, 1, n}, {of_Z.data(), deep_row(m)});
            multiply(unit, one.f, window(), deep(m), {of_Z.data(), deep_row(m)}, {pairs.data(), words(m)},
                     {dW, WIDTH<float>, padded<float>(window())}, nullptr, true);
        });
    }

    // dP = W^T dZ.
    void to_picture(const float* dZ, long n, uint32_t* W, float* dP) {
        const long width = padded<float>(window());
        std::memset(dP, 0, sizeof(float) * one.size());
        each_part([&](long i, long rows) {
            const long m = rows * one.x.count;
            round_rows(m, one.f, {dZ + i * one.x.count * n, n, 1}, {of_Z.data(), deep_row(one.f)});
            multiply(unit, m, window(), deep(one.f), {of_Z.data(), deep_row(one.f)}, {W, words(one.f)},
                     {painted.data(), WIDTH<float>, width}, nullptr, false);
            const float* from = painted.data();
            for (long r = 0; r < rows; r++)
                for (long j = 0; j < one.x.count; j++, from += width) {
                    const long k = one.k, pieces = one.pieces, *at = starts.data();
                    float* corner_of_dP = dP + corner(i + r, j);
                    for (long q = 0; q < pieces; q++)
                        for (long s = 0; s < k; s++) corner_of_dP[at[q] + s] += from[q * k + s];
                }
        });
    }

  private:
    static constexpr long PLACES = 64;  // windows that are multiplied at a time, or more
    static constexpr long CHUNK = 32;   // numbers that are copied at a time, some of them too many
    static constexpr long SLACK = 2 * CHUNK;

    long window() const { return one.of_window(); }
    // Where the window of place j in row i begins.
    long corner(long i, long j) const { return one.y.stride * i * one.row() + one.x.stride * one.c * j; }
    static long half(long depth, long column, long panel) {
        return 2 * (column / WIDTH<float> * panel + depth / 2 * WIDTH<float> + column % WIDTH<float>) + depth % 2;
    }

    // use(first row of places, how many)
    template <class Use>
    void each_part(Use use) const {
        for (long i = 0; i < one.y.count; i += together) use(i, std::min(together, one.y.count - i));
    }

    static void copy(const uint16_t* from, uint16_t* to, long n) {
        for (long s = 0; s < n; s += CHUNK) std::memcpy(to + s, from + s, sizeof(uint16_t) * CHUNK);
    }

    // Rows of windows, filled up with zeros. What is copied too much goes where the next is copied to.
    void copy_windows(long i, long rows) {
        constexpr uint16_t zeros[CHUNK] = {};
        // The compiler must not fear that what is copied changes these.
        const long row = deep_row(window()), n = window(), end = deep(n), k = one.k, pieces = one.pieces, count = one.x.count;
        const long step = one.x.stride * one.c, *at = starts.data();
        uint16_t* to = windows.data();
        for (long r = 0; r < rows; r++) {
            const uint16_t* from = picture.data() + corner(i + r, 0);
            for (long j = 0; j < count; j++, to += row, from += step) {
                for (long q = 0; q < pieces; q++) copy(from + at[q], to + q * k, k);
                for (long s = n; s < end; s += CHUNK) std::memcpy(to + s, zeros, sizeof zeros);
            }
        }
    }

    // Of m windows each two as words, in panels of their numbers.
    void pair_windows(long m) {
        constexpr long P = WIDTH<float>;
        const long row = deep_row(window()), panels = padded<float>(window()) / P;
        const long panel = words(m);
        const uint16_t* from = windows.data();
        uint32_t* to = pairs.data();
        for (long p = 0; p < m; p += 2, from += 2 * row, to += P)
            for (long j = 0; j < panels; j++)
                for (long s = 0; s < P; s++) to[j * panel + s] = from[j * P + s] | uint32_t(from[row + j * P + s]) << 16;
    }

    // The same of rows of windows that were not copied: pieces are whole panels, and pairs lie in a row.
    void pair_in_the_picture(long i, long rows) {
        constexpr long P = WIDTH<float>;
        const long k = one.k, count = one.x.count, step = one.x.stride * one.c;
        uint32_t* to = pairs.data();
        for (long q = 0; q < one.pieces; q++)
            for (long s = 0; s < k; s += P, to += words(rows * count) - rows * count / 2 * P)
                for (long r = 0; r < rows; r++) {
                    const uint16_t* from = picture.data() + corner(i + r, 0) + starts[q] + s;
                    for (long j = 0; j < count; j += 2, from += 2 * step, to += P)
                        for (long t = 0; t < P; t++) to[t] = from[t] | uint32_t(from[step + t]) << 16;
                }
    }

    const Correlation<float>& one;
    Unit unit;
    long together, places;  // rows of places that are multiplied at a time, and how many places these are
    Buffer<uint16_t> picture, windows, of_Z;
    Buffer<uint32_t> pairs;
    Buffer<float> painted;
    std::vector<long> starts;  // of the pieces of a window, in the window at the corner
};

}  // namespace chainrule
