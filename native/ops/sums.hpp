// Sums of a row and of rows.
#pragma once
#include "../kernels.hpp"

namespace chainrule {

// The sum of n numbers, in as many sums at a time as a register holds.
template <class T>
T total(const T* a, long n) {
    constexpr long P = WIDTH<T>;
    Vector<T> sums{};
    long j = 0;
    for (; j + P <= n; j += P) sums += load(a + j);
    T sum = total<T>(sums);
    for (; j < n; j++) sum += a[j];
    return sum;
}

// to += sum of the rows
template <class T>
void add_rows(Matrix<T> rows, T* to) {
    for (long i = 0; i < rows.rows; i++)
        for (long j = 0; j < rows.n; j++) to[j] += rows[i][j];
}

}  // namespace chainrule
