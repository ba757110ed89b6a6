// The kernels of the matrix product: compiled once, for all who multiply.
#include "gemm.hpp"

#include "assertions.hpp"

namespace chainrule {
namespace {

template <class T, int R, int S>
inline void tile(long k, Runs runs, Spread<T> A, Panels<const T> B, Panels<T> C, const T* start, bool add) {
    Vector<T> sum[R][S];
    for (int i = 0; i < R; i++)
        for (int s = 0; s < S; s++)
            sum[i][s] = add     ? load(C.data + i * C.row + s * C.panel)
                        : start ? load(start + s * WIDTH<T>)
                                : Vector<T>{};
    for (long r = 0; r < runs.count; r++, A.data += runs.A, B.data += runs.B)
        for (long p = 0; p < k; p++) {
            Vector<T> b[S];
            for (int s = 0; s < S; s++) b[s] = load(B.data + s * B.panel + p * B.row);
            for (int i = 0; i < R; i++) {
                T a = A.data[i * A.row + p * A.column];
                for (int s = 0; s < S; s++) sum[i][s] += a * b[s];
            }
        }
    for (int i = 0; i < R; i++)
        for (int s = 0; s < S; s++) store<T>(C.data + i * C.row + s * C.panel, sum[i][s]);
}

template <class T, int S>
void columns(long m, long k, Runs runs, Spread<T> A, Panels<const T> B, Panels<T> C, const T* start, bool add) {
    long i = 0;
    auto rows = [&]<int R>(std::integral_constant<int, R>) {
        for (; i + R <= m; i += R)
            tile<T, R, S>(k, runs, {A.data + i * A.row, A.row, A.column}, B, {C.data + i * C.row, C.panel, C.row}, start, add);
    };
    rows(std::integral_constant<int, TILE>{});
    rows(std::integral_constant<int, 4>{});
    rows(std::integral_constant<int, 2>{});
    rows(std::integral_constant<int, 1>{});
}

}  // namespace

template <class T>
void multiply(long m, long n, long k, Spread<T> A, Panels<const T> B, Panels<T> C, const T* start, bool add,
              Runs runs) {
    RELIES_ON(m >= 0 && n >= 0 && k >= 0 && runs.count >= 0);
    constexpr long block = 384;  // so many products at a time keep the rows of A in the first cache
    for (long p = 0; p < k || p == 0; p += block) {
        long depth = k - p < block ? k - p : block;
        Spread<T> a{A.data + p * A.column, A.row, A.column};
        bool more = add || p > 0;
        long j = 0, panels = (n + WIDTH<T> - 1) / WIDTH<T>;
        auto b = [&] { return Panels<const T>{B.data + j * B.panel + p * B.row, B.panel, B.row}; };
        auto c = [&] { return Panels<T>{C.data + j * C.panel, C.panel, C.row}; };
        auto s = [&] { return start ? start + j * WIDTH<T> : nullptr; };
        for (; j + 2 <= panels; j += 2) columns<T, 2>(m, depth, runs, a, b(), c(), s(), more);
        if (j < panels) columns<T, 1>(m, depth, runs, a, b(), c(), s(), more);
    }
}

template void multiply<float>(long, long, long, Spread<float>, Panels<const float>, Panels<float>, const float*, bool, Runs);
template void multiply<double>(long, long, long, Spread<double>, Panels<const double>, Panels<double>, const double*, bool, Runs);

}  // namespace chainrule
