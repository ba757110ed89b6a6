// Rounding to bfloat16, into the order in which products take their operands.
#include "bfloat16.hpp"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace chainrule {
namespace {

constexpr long WORDS = WIDTH<float>;
using Words = typename VectorOf<uint32_t>::type;

// (std::bit_cast would take a register by reference, and Clang expect its address to be a multiple of its size.)

// What `upper` is of each number of a register, where it stands.
inline Words uppers(Vector<float> numbers) {
    const Words bits = __builtin_bit_cast(Words, numbers), size = bits & 0x7fffffffu;
    const Words nan = Words(size > 0x7f800000u), tiny = Words(size < 0x800000u);
    const Words rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
    return (nan & (bits | 0x400000u)) | (tiny & bits & 0x80000000u) | (~nan & ~tiny & rounded);
}
inline Words two(Vector<float> first, Vector<float> second) { return (uppers(first) >> 16) | (uppers(second) & 0xffff0000u); }

inline void put(uint32_t* to, Words words) { *reinterpret_cast<Words*>(to) = words; }

// WORDS numbers of a row that has n, from number j on; zeros behind the last.
inline Vector<float> some(const float* row, long j, long n) {
    if (j + WORDS <= n) return load(row + j);
#if defined(__AVX512F__)
    return __builtin_bit_cast(Vector<float>, _mm512_maskz_loadu_ps(__mmask16((1u << (n - j)) - 1u), row + j));
#else
    float numbers[WORDS] = {};
    std::copy_n(row + j, n - j, numbers);
    return load(numbers);
#endif
}

// Numbers side by side.
void round_row(long n, const float* from, uint16_t* to) {
#pragma GCC ivdep
    for (long p = 0; p < n; p++) to[p] = upper(from[p]);
}

// Of WORDS pairs of rows and WORDS columns, each pair a word: line j holds the words of column j.
inline void turn(Words (&pairs)[WORDS], uint16_t* to, long row, long lines, long numbers) {
    Vector<float> tile[WORDS];
    for (long p = 0; p < WORDS; p++) tile[p] = __builtin_bit_cast(Vector<float>, pairs[p]);
    exchange<float, WORDS / 2>(tile);
    for (long j = 0; j < lines; j++) {
        if (numbers == 2 * WORDS)
            *reinterpret_cast<Vector<float>*>(to + j * row) = tile[j];
        else
            std::memcpy(to + j * row, &tile[j], sizeof(uint16_t) * numbers);
    }
}

// The columns of A (m, k), found by their number, as rows, and zeros behind them up to number `end`.
template <class Column>
void turn_columns(long m, long k, long end, Column column, RoundedRows to) {
    for (long p = 0; p < end; p += 2 * WORDS)
        for (long i = 0; i < m; i += WORDS) {
            Words pairs[WORDS];
            for (long q = 0; q < WORDS; q++) {
                const long one = p + 2 * q;
                pairs[q] = two(one < k ? some(column(one), i, m) : Vector<float>{},
                               one + 1 < k ? some(column(one + 1), i, m) : Vector<float>{});
            }
            turn(pairs, to.data + i * to.row + p, to.row, std::min(WORDS, m - i), std::min(2 * WORDS, end - p));
        }
}

}  // namespace

void round_rows(long m, long k, Spread<float> A, RoundedRows to, Runs runs) {
    RELIES_ON(A.row == 1 || A.column == 1);
    const long all = k * runs.count;
    if (A.column != 1)
        return turn_columns(m, all, deep(all), [&](long p) { return A.data + p / k * runs.A + p % k * A.column; }, to);
    for (long i = 0; i < m; i++) {
        uint16_t* row = to.data + i * to.row;
        for (long r = 0; r < runs.count; r++) round_row(k, A.data + i * A.row + r * runs.A, row + r * k);
        std::fill(row + all, row + deep(all), uint16_t(0));
    }
}

void round_panels(long k, long n, Panels<const float> B, RoundedPanels to, Runs runs) {
    const long all = k * runs.count;
    const auto row = [&](long p) { return B.data + p / k * runs.B + p % k * B.row; };
    for (long p = 0; p < all; p += 2) {
        const float *first = row(p), *second = p + 1 < all ? row(p + 1) : nullptr;
        for (long j = 0; j < padded<float>(n) / WORDS; j++)
            put(to.data + j * to.panel + p / 2 * WORDS,
                two(load(first + j * B.panel), second ? load(second + j * B.panel) : Vector<float>{}));
    }
}

void round_columns(long m, long k, Spread<float> A, long first, RoundedRows to) {
    RELIES_ON(A.row == 1);
    const long odd = std::min(first % 2, k);
    for (long i = 0; i < m * odd; i++) to.data[i * to.row + first] = upper(A.data[i]);
    turn_columns(m, k - odd, k - odd, [&](long p) { return A.data + (p + odd) * A.column; }, {to.data + first + odd, to.row});
}

void round_pairs(long k, long n, Panels<const float> B, long first, RoundedPanels to) {
    const long odd = std::min(first % 2, k), pairs = (k - odd) / 2, last = odd + 2 * pairs;
    const auto one = [&](long p) {
        for (long j = 0; j < padded<float>(n) / WORDS; j++) {
            uint16_t* at = reinterpret_cast<uint16_t*>(to.data + j * to.panel + (first + p) / 2 * WORDS) + (first + p) % 2;
            for (long c = 0; c < WORDS; c++) at[2 * c] = upper(B.data[j * B.panel + p * B.row + c]);
        }
    };
    if (odd) one(0);
    round_panels(2 * pairs, n, {B.data + odd * B.row, B.panel, B.row}, {to.data + (first + odd) / 2 * WORDS, to.panel});
    if (last < k) one(last);
}

void fill_up(long m, long k, RoundedRows rows) {
    for (long i = 0; i < m; i++) std::fill(rows.data + i * rows.row + k, rows.data + i * rows.row + deep(k), uint16_t(0));
}

void fill_up(long k, long n, RoundedPanels panels) {
    if (k % 2)
        for (long j = 0; j < padded<float>(n) / WORDS; j++)
            for (long c = 0; c < WORDS; c++) panels.data[j * panels.panel + k / 2 * WORDS + c] &= 0xffffu;
    const long first = (k + 1) / 2 * WORDS;
    for (long j = 0; j < padded<float>(n) / WORDS; j++)
        std::fill(panels.data + j * panels.panel + first, panels.data + j * panels.panel + words(k), 0u);
}

void round_turned(long k, Panels<const float> from, int panels, RoundedPanels to) {
    for (long f = 0; f < k; f += WORDS) {
        Words rows[WORDS] = {};
        for (long i = 0; i < std::min(WORDS, k - f); i++) {
            const float* row = from.data + (f + i) * from.row;
            const Vector<float> a = load(row), b = panels > 1 ? load(row + from.panel) : Vector<float>{};
            rows[i] = [&]<int... j>(std::integer_sequence<int, j...>) {
                return two(picked<float, 2 * j...>(a, b), picked<float, 2 * j + 1 ...>(a, b));
            }(std::make_integer_sequence<int, int(WORDS)>());
        }
        turn(rows, reinterpret_cast<uint16_t*>(to.data + f / WORDS * to.panel), 2 * WORDS, panels > 1 ? WORDS : WORDS / 2, 2 * WORDS);
    }
}

}  // namespace chainrule
