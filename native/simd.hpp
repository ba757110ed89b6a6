// Vectors as wide as the machine's registers, by the compiler's own vector types: the same lines serve every processor.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace chainrule {

#if defined(__AVX512F__)
constexpr long REGISTER = 64;  // bytes
constexpr int TILE = 12;       // rows of a product that are computed at a time: 2 * TILE sums fill the registers
#elif defined(__AVX2__)
constexpr long REGISTER = 32;
constexpr int TILE = 6;
#else
constexpr long REGISTER = 16;
constexpr int TILE = 6;
#endif

template <class T>
constexpr long WIDTH = REGISTER / long(sizeof(T));  // numbers in a register

template <class T>
struct VectorOf {
    typedef T type __attribute__((vector_size(REGISTER), aligned(alignof(T)), may_alias));
};
template <class T>
using Vector = typename VectorOf<T>::type;

template <class T>
inline Vector<T> load(const T* from) {
    return *reinterpret_cast<const Vector<T>*>(from);
}
template <class T>
inline void store(T* to, Vector<T> numbers) {
    *reinterpret_cast<Vector<T>*>(to) = numbers;
}

// The sum of a register's numbers, in pairs.
template <class T>
inline T total(Vector<T> numbers) {
    T sums[WIDTH<T>];
    store<T>(sums, numbers);
    for (long half = WIDTH<T> / 2; half > 0; half /= 2)
        for (long s = 0; s < half; s++) sums[s] += sums[s + half];
    return sums[0];
}

// The numbers of a and b at these places, b's counted after a's.
template <class T, int... places>
inline Vector<T> picked(Vector<T> a, Vector<T> b) {
#if __has_builtin(__builtin_shufflevector)
    return __builtin_shufflevector(a, b, places...);
#else  // GCC before 12
    using Lanes = typename VectorOf<std::conditional_t<sizeof(T) == 4, int32_t, int64_t>>::type;
    return __builtin_shuffle(a, b, Lanes{places...});
#endif
}

// Turn rows of a matrix of WIDTH x WIDTH into columns: halves that lie across from each other are exchanged, then quarters, ...
template <class T, long half>
inline void exchange(Vector<T> (&rows)[WIDTH<T>]) {
    constexpr long P = WIDTH<T>;
    [&]<long... j>(std::integer_sequence<long, j...>) {
        for (long i = 0; i < P; i++)
            if (!(i & half)) {
                const Vector<T> a = rows[i], b = rows[i + half];
                rows[i] = picked<T, (j & half ? P + j - half : j)...>(a, b);
                rows[i + half] = picked<T, (j & half ? P + j : j + half)...>(a, b);
            }
    }(std::make_integer_sequence<long, P>());
    if constexpr (half > 1) exchange<T, half / 2>(rows);
}

// Number j of row i, of so many rows and columns, becomes number i of row j; a row starts `row` after the one before.
template <class T>
inline void transpose(long rows, long columns, const T* from, long row, T* to, long to_row) {
    constexpr long P = WIDTH<T>;
    for (long i = 0; i < rows; i += P)
        for (long j = 0; j < columns; j += P) {
            if (i + P <= rows && j + P <= columns) {
                Vector<T> tile[P];
                for (long r = 0; r < P; r++) tile[r] = load(from + (i + r) * row + j);
                exchange<T, P / 2>(tile);
                for (long r = 0; r < P; r++) store<T>(to + (j + r) * to_row + i, tile[r]);
            } else {
                for (long r = i; r < std::min(i + P, rows); r++)
                    for (long c = j; c < std::min(j + P, columns); c++) to[c * to_row + r] = from[r * row + c];
            }
        }
}

// n, rounded up to whole registers: rows of matrices start on them, and what is behind the n numbers is zero.
template <class T>
constexpr long padded(long n) {
    return (n + WIDTH<T> - 1) / WIDTH<T> * WIDTH<T>;
}

// How far rows of n numbers lie apart: an odd number of cache lines, so that a column's numbers do not crowd one place of
// the cache, unless a row is shorter than a line.
template <class T>
constexpr long apart(long n) {
    constexpr long line = 64 / long(sizeof(T));
    return padded<T>(n) <= line ? padded<T>(n) : (n + line - 1) / line * line + ((n + line - 1) / line % 2 ? 0 : line);
}

// Ask for n numbers that will soon be read.
template <class E>
inline void fetch(const E* from, long n) {
    for (long k = 0; k < n; k += 64 / long(sizeof(E))) __builtin_prefetch(from + k);
}
constexpr long AHEAD = 8;  // rows that may lie anywhere are asked for so many rows before they are read

// e^x. For float by range reduction and a polynomial (Cephes), without branches, so that loops of it become vector code. Above 88
// it is e^88, and below -87.7, where n is -127, 0.
inline double exponential(double x) { return std::exp(x); }
inline float exponential(float x) {
    x = x < -88.0f ? -88.0f : x > 88.0f ? 88.0f : x;
    constexpr float MAGIC = 12582912.0f;  // 1.5 * 2^23: whoever is added to it is rounded, and stands in its last bits
    const float shifted = x * 1.44269504f + MAGIC;
    const float n = shifted - MAGIC;  // round(x / ln 2)
    float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return p * std::bit_cast<float>((std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(MAGIC) + 127u) << 23);  // 2^n
}

// ln(1 + x) for x from 0 to 1. For float 2 artanh(x / (2 + x)) by its series, without branches too.
inline double logarithm_beside_1(double x) { return std::log1p(x); }
inline float logarithm_beside_1(float x) {
    float s = x / (2.0f + x), q = s * s, p = 2.0f / 15;
    p = p * q + 2.0f / 13;
    p = p * q + 2.0f / 11;
    p = p * q + 2.0f / 9;
    p = p * q + 2.0f / 7;
    p = p * q + 2.0f / 5;
    p = p * q + 2.0f / 3;
    return p * q * s + 2.0f * s;
}

}  // namespace chainrule
