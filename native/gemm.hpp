// The matrix product, for the shapes of training: few rows, operands that are met once, results that stay in cache.
//
// C = A B (+ what C starts with). B and C are cut into panels as wide as a register; A's numbers are spread over one.
// A tile of C stays in registers while the products run through it. Operands are read where they lie, but for an A whose rows
// are columns of a matrix, which is brought side by side for as many rows as stay in the second cache.
#pragma once
#include "simd.hpp"

namespace chainrule {

// Where the numbers of an operand are: number (i, p) of A at i * row + p * column.
template <class T>
struct Spread {
    const T* data;
    long row, column;
};

// Panels of WIDTH columns: row p of panel j starts at j * panel + p * row.
template <class T>
struct Panels {
    T* data;
    long panel, row;
};

// The sums over k products may go on in further runs, for each of which A and B begin so much later.
struct Runs {
    long count = 1, A = 0, B = 0;
};

// C (m, n) = A (m, k) B (k, n), n in whole panels; C starts with the row `start`, with itself if `add`, else with zeros.
template <class T>
void multiply(long m, long n, long k, Spread<T> A, Panels<const T> B, Panels<T> C, const T* start, bool add,
              Runs runs = {});

}  // namespace chainrule
