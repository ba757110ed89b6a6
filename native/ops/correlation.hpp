// A correlation: from a picture to one number for every window of it and each output, as matrix products that read the picture
// itself: no window is copied.
//
// The picture lies in a frame, with its padding around it and the channels of a pixel side by side. So one row of a window is a
// stretch of the picture, and the same row of the next window begins one stride later. The windows along a row of the picture are
// therefore a matrix whose rows overlap, and the product takes it as it is.
#pragma once
#include <algorithm>

#include "../gemm.hpp"
#include "windows.hpp"

namespace chainrule {

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

    // P: the picture X with zeros around it, each number as `made` makes it; n of them lie at each place, of which c are meant.
    template <class From, class To, class Make>
    void frame(const From* X, long n, To* P, Make made) const {
        const long before = std::min(x.before, x.extent()) * c, inside = std::clamp(x.extent() - x.before, 0L, x.n);
        for (long i = 0; i < y.extent(); i++, P += row()) {
            const long k = i - y.before;
            if (k < 0 || k >= y.n) {
                std::fill(P, P + row(), To(0));
                continue;
            }
            To* to = std::fill_n(P, before, To(0));
            const From* from = X + k * x.n * n;
            for (long j = 0; j < inside; j++, to += c, from += n)
                for (long s = 0; s < c; s++) to[s] = made(from[s]);
            std::fill(to, P + row(), To(0));
        }
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

}  // namespace chainrule
