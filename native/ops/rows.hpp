// Sums over rows: products of rows with numbers, and of numbers with rows, a few rows at a time.
#pragma once
#include <array>

#include "../kernels.hpp"

namespace chainrule {

// sums[r] = row r · b, n numbers each, of R rows at a time.
template <class T, size_t R>
inline void dot(const std::array<const T*, R>& rows, const T* b, long n, T (&sums)[R]) {
    constexpr long P = WIDTH<T>;
    constexpr int K = R < 4 ? 4 : 2;  // so many sums of each row hide the time that one takes
    Vector<T> sum[R][K]{};
    long k = 0;
    for (; k + K * P <= n; k += K * P)
        for (int s = 0; s < K; s++) {
            Vector<T> numbers = load(b + k + s * P);
            for (size_t r = 0; r < R; r++) sum[r][s] += load(rows[r] + k + s * P) * numbers;
        }
    for (; k + P <= n; k += P)
        for (size_t r = 0; r < R; r++) sum[r][0] += load(rows[r] + k) * load(b + k);
    for (size_t r = 0; r < R; r++) {
        for (int s = 1; s < K; s++) sum[r][0] += sum[r][s];
        sums[r] = total<T>(sum[r][0]);
    }
    for (; k < n; k++)
        for (size_t r = 0; r < R; r++) sums[r] += rows[r][k] * b[k];
}

// to += sum of factors[r] · row r, n numbers each.
template <class T, size_t R>
inline void add_scaled(const T (&factors)[R], const std::array<const T*, R>& rows, T* to, long n) {
    constexpr long P = WIDTH<T>;
    long k = 0;
    for (; k + P <= n; k += P) {
        Vector<T> sum = load(to + k);
        for (size_t r = 0; r < R; r++) sum += factors[r] * load(rows[r] + k);
        store<T>(to + k, sum);
    }
    for (; k < n; k++)
        for (size_t r = 0; r < R; r++) to[k] += factors[r] * rows[r][k];
}

// use(number of a row, how many from there on) for n rows: four at a time, and then one by one.
template <class F>
inline void by_fours(long n, F use) {
    long i = 0;
    for (; i + 4 <= n; i += 4) use(i, std::integral_constant<int, 4>{});
    for (; i < n; i++) use(i, std::integral_constant<int, 1>{});
}

// R rows of a matrix, from number i on.
template <int R, class Numbers>
inline auto some(const Numbers& A, long i) {
    std::array<decltype(static_cast<const std::remove_pointer_t<decltype(A[0])>*>(A[0])), R> rows;
    for (int r = 0; r < R; r++) rows[r] = A[i + r];
    return rows;
}

}  // namespace chainrule
