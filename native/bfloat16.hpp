// Products of operands that are rounded to bfloat16, with sums in float32.
//
// A bfloat16 is the upper half of a float32: its range, and 8 of its 24 bits. The instructions that multiply them take two
// numbers of a row of A and of a column of B at a time, so that two rows of B lie interleaved. Operands are rounded to nearest,
// ties to even, while they are brought into that order.
#pragma once
#include "gemm.hpp"
#include "memory.hpp"

namespace chainrule {

// Who multiplies: nobody, as where products are of the program's own type; loops that every processor runs; AVX512_BF16; AMX.
enum class Unit { none, portable, vectors, tiles };

// Whether this build has the unit, and this machine runs it.
bool available(Unit unit);
// The same for a process that is going to use it, which some must ask for.
bool obtain(Unit unit);

// A thread that multiplies by tiles configures them before its first product, and releases them behind its last.
void configure(Unit unit);
void release(Unit unit);

// Depths of products are filled up with zeros to a multiple of this, which is what a tile multiplies at a time.
constexpr long DEPTH = 32;
constexpr long deep(long k) { return (k + DEPTH - 1) / DEPTH * DEPTH; }
// How far rows of k numbers lie apart: an odd number of cache lines, as in `apart`.
constexpr long deep_row(long k) { return deep(k) + (deep(k) / DEPTH % 2 ? 0 : DEPTH); }
// Rows that are multiplied at a time are read as a whole, also those behind the last.
constexpr long ROWS = 16;
constexpr long whole_rows(long m) { return (m + ROWS - 1) / ROWS * ROWS; }

// A (m, k): number (i, p) at i * row + p.
struct RoundedRows {
    uint16_t* data;
    long row;
};

// B (k, n) in panels of WIDTH columns: of rows 2p and 2p + 1 the numbers of panel j, each two a word, start at
// j * panel + p * WIDTH.
struct RoundedPanels {
    uint32_t* data;
    long panel;
};

// The upper half of a number, rounded to nearest, ties to even; a NaN stays one, and what is too small for a whole mantissa is 0,
// as the instructions have it.
inline uint16_t upper(float number) {
    const uint32_t bits = std::bit_cast<uint32_t>(number), size = bits & 0x7fffffffu;
    const uint32_t rounded = size > 0x7f800000u ? bits | 0x400000u : bits + 0x7fffu + ((bits >> 16) & 1u);
    return uint16_t((size < 0x800000u ? bits & 0x80000000u : rounded) >> 16);
}

// How many words panels of a matrix (k, n) have.
constexpr long words(long k) { return deep(k) / 2 * WIDTH<float>; }
constexpr long words(long k, long n) { return words(k) * (padded<float>(n) / WIDTH<float>); }

// Bring A into rows, which are filled up with zeros, and B into panels, which are not.
void round_rows(long m, long k, Spread<float> A, RoundedRows to, Runs runs = {});
void round_panels(long k, long n, Panels<const float> B, RoundedPanels to, Runs runs = {});
// The same of some of the columns of A, and rows of B, behind the first so many. Nothing else is written, not even the other
// half of a word, because other threads bring theirs at the same time.
void round_columns(long m, long k, Spread<float> A, long first, RoundedRows to);
void round_pairs(long k, long n, Panels<const float> B, long first, RoundedPanels to);
// Panels of the transpose of one or two panels of k rows: of a W^T (features, outputs), what the way back reads of W. `to` begins
// where the first feature and the first two outputs meet.
void round_turned(long k, Panels<const float> from, int panels, RoundedPanels to);
// Fill m rows of k numbers, or n columns of as many, up with zeros.
void fill_up(long m, long k, RoundedRows rows);
void fill_up(long k, long n, RoundedPanels panels);

// C (m, n) = A B as in `multiply`, with A and B rounded, k of them a multiple of DEPTH.
void multiply(Unit unit, long m, long n, long k, RoundedRows A, RoundedPanels B, Panels<float> C, const float* start, bool add);

// How many multiplications and additions a second a thread of this machine does where nothing is loaded, in float32 or by a unit:
// what a product could reach.
double peak(Unit unit, double seconds);

// One worker's products, with its own room for what is rounded.
class Rounding {
  public:
    void allocate(Unit unit);
    Unit unit() const { return by; }

    // C = A B, with B rounded before.
    void multiply(long m, long n, long k, Spread<float> A, RoundedPanels B, Panels<float> C, const float* start, bool add);
    // C = A B.
    void multiply(long m, long n, long k, Spread<float> A, Panels<const float> B, Panels<float> C, const float* start, bool add,
                  Runs runs = {});

  private:
    // So much of A and B is rounded at a time.
    static constexpr long M = 128, N = 16 * WIDTH<float>, K = 512;
    Unit by = Unit::none;
    Buffer<uint16_t> of_A;
    Buffer<uint32_t> of_B;
};

}  // namespace chainrule
