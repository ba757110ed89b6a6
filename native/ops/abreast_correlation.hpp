// The three products of a correlation for examples that lie abreast: WIDTH of them, one in each lane of a register.
//
// However few the channels are, registers are full. A number of W is spread over a register and multiplied by what all of the
// examples have at one place; only dW, which is a sum over the examples, multiplies registers by registers and keeps sums of
// lanes, which are added up once a batch.
#pragma once
#include <numeric>
#include <vector>

#include "correlation.hpp"

namespace chainrule {

// Of one group of channels. A number of a picture P, or of Z, is a register: `pixel` and `place` tell how many numbers lie
// between neighbors there, and `row` between rows of P.
template <class T>
class AbreastCorrelation {
  public:
    AbreastCorrelation(const Correlation<T>& one, long pixel, long place, long row)
        : y(one.y), x(one.x), c(one.c), f(one.f), pixel(pixel), place(place), row(row),
          rows_at_a_time(std::max(1L, NEAR_NUMBERS / (x.count * place))) {
        for (long tap = 0; tap < y.size * x.size; tap++)
            for (long s = 0; s < c; s++) at.push_back(corner(tap) + s * WIDTH<T>);
    }

    // Z + W P, with W (f, of_window).
    void forward(const T* P, const T* W, T* Z) const {
        const bool whole_rows = x.dilation * pixel == c * WIDTH<T>;  // the numbers of a row of a window lie side by side
        const long times = whole_rows ? 1 : y.size, k = whole_rows ? x.size * c : c;
        const Runs runs = whole_rows ? Runs{y.size, k, y.dilation * row} : Runs{x.size, k, x.dilation * pixel};
        for (long i = 0; i < y.count; i++)
            for (long r = 0; r < times; r++)
                multiply<T>(f, x.count * WIDTH<T>, k, {W + r * x.size * c, of_window(), 1},
                            {P + (y.stride * i + y.dilation * r) * row, x.stride * pixel, WIDTH<T>},
                            {Z + i * x.count * place, place, WIDTH<T>}, nullptr, true, runs);
    }

    // dP + W^T dZ, with W (of_window, f).
    void to_picture(const T* dZ, const T* W, T* dP) const {
        const long taps = y.stride / std::gcd(y.stride, y.dilation), places = y.dilation / std::gcd(y.stride, y.dilation);
        for (long r = 0; r < y.extent(); r++) {  // what all rows of places add to row r of the picture
            long first = 0, count = 0, i = 0;
            for (long tap = y.size - 1; tap >= 0; tap--)
                if (const long from = r - y.dilation * tap; from % y.stride == 0 && 0 <= from && from <= y.stride * (y.count - 1))
                    first = tap, i = from / y.stride, count++;
            if (!count) continue;
            for (long s = 0; s < x.size; s++)
                multiply<T>(c, x.count * WIDTH<T>, f, {W + (first * x.size + s) * c * f, f, 1},
                            {dZ + i * x.count * place, place, WIDTH<T>},
                            {dP + r * row + s * x.dilation * pixel, x.stride * pixel, WIDTH<T>}, nullptr, true,
                            {count, taps * x.size * c * f, -places * x.count * place});
        }
    }

    // dW (f, of_window) + dZ P^T, a register for each number, whose lanes are yet to be added up.
    void to_weights(const T* P, const T* dZ, T* dW) const {
        for (long i = 0; i < y.count; i += rows_at_a_time) {
            const long rows = std::min(rows_at_a_time, y.count - i);
            evenly<HIGH>(f, [&](auto R, long j) {
                evenly<BROAD>(of_window(), [&](auto S, long s) {
                    sums<R, S>(rows, P + y.stride * i * row, at.data() + s, dZ + i * x.count * place + j * WIDTH<T>,
                               dW + (j * of_window() + s) * WIDTH<T>);
                });
            });
        }
    }

    long of_window() const { return long(at.size()); }

  private:
    // Outputs, and numbers of a window, whose sums fill the registers.
    static constexpr int HIGH = TILE / 2, BROAD = REGISTER == 64 ? 4 : 3;
    static constexpr long NEAR_NUMBERS = 32 * 1024 / sizeof(T);  // of dZ, which stay in the first cache

    long corner(long tap) const { return tap / x.size * y.dilation * row + tap % x.size * x.dilation * pixel; }

    // use(how many, first) for n things, in portions that are nearly equal and not larger than `most`.
    template <int most, class Use>
    static void evenly(long n, Use use) {
        const auto portion = [&]<int... sizes>(long size, long first, std::integer_sequence<int, sizes...>) {
            ((size == sizes + 1 ? use(std::integral_constant<int, sizes + 1>(), first) : void()), ...);
        };
        for (long left = (n + most - 1) / most, first = 0; left > 0; left--) {
            const long size = (n - first + left - 1) / left;
            portion(size, first, std::make_integer_sequence<int, most>());
            first += size;
        }
    }

    // What R outputs and S numbers of a window come to, in so many rows of places.
    template <int R, int S>
    void sums(long rows, const T* P, const long* at, const T* dZ, T* dW) const {
        Vector<T> sum[R][S];
        const T* numbers[S];
        for (int s = 0; s < S; s++) numbers[s] = P + at[s];
#pragma GCC unroll 8
        for (int i = 0; i < R; i++)
#pragma GCC unroll 8
            for (int s = 0; s < S; s++) sum[i][s] = load(dW + (i * of_window() + s) * WIDTH<T>);
        for (long r = 0; r < rows; r++) {
            long from = y.stride * r * row;
            for (long p = 0; p < x.count; p++, dZ += place, from += x.stride * pixel) {
                Vector<T> window[S];
#pragma GCC unroll 8
                for (int s = 0; s < S; s++) window[s] = load(numbers[s] + from);
#pragma GCC unroll 8
                for (int i = 0; i < R; i++) {
                    const Vector<T> d = load(dZ + i * WIDTH<T>);
#pragma GCC unroll 8
                    for (int s = 0; s < S; s++) sum[i][s] += d * window[s];
                }
            }
        }
#pragma GCC unroll 8
        for (int i = 0; i < R; i++)
#pragma GCC unroll 8
            for (int s = 0; s < S; s++) store<T>(dW + (i * of_window() + s) * WIDTH<T>, sum[i][s]);
    }

    Axis y, x;
    long c, f, pixel, place, row, rows_at_a_time;
    std::vector<long> at;  // where the numbers of a window lie, in the window at the corner
};

}  // namespace chainrule
