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

// Where a thread brings rows of A side by side: TILES tiles of as many products as are summed at a time.
constexpr long TILES = 8, TOGETHER = 384;
template <class T>
struct Room {
    alignas(REGISTER) T numbers[TILES * TILE * TOGETHER];
};
template <class T>
thread_local Room<T> room;

// Bring rows of A that are columns of a matrix into the order in which tiles read them; how many that were: whole tiles.
template <class T>
long pack(long m, long k, Spread<T> A, T* to) {
    const long whole = m / TILE * TILE;
    for (long p = 0; p < k; p++, A.data += A.column)
        for (long i = 0; i < whole; i += TILE) std::memcpy(to + i * k + p * TILE, A.data + i, sizeof(T) * TILE);
    return whole;
}

// C = A B for so many rows of A, of which the first `packed` lie in the thread's room, too.
template <class T, int S>
void block(long m, long packed, long k, Runs runs, Spread<T> A, Panels<const T> B, Panels<T> C, const T* start, bool add) {
    for (long i = 0; i < packed; i += TILE)
        tile<T, TILE, S>(k, runs, {room<T>.numbers + i * k, 1, TILE}, B, {C.data + i * C.row, C.panel, C.row}, start, add);
    columns<T, S>(m - packed, k, runs, {A.data + packed * A.row, A.row, A.column}, B, {C.data + packed * C.row, C.panel, C.row},
                  start, add);
}

}  // namespace

template <class T>
void multiply(long m, long n, long k, Spread<T> A, Panels<const T> B, Panels<T> C, const T* start, bool add,
              Runs runs) {
    RELIES_ON(m >= 0 && n >= 0 && k >= 0 && runs.count >= 0);
    const long panels = (n + WIDTH<T> - 1) / WIDTH<T>;
    const bool packs = A.row == 1 && A.column != 1 && runs.count == 1 && panels > 2;  // where it is read more than once
    const long rows = packs ? TILES * TILE : m;
    for (long p = 0; p < k || p == 0; p += TOGETHER) {  // so many products at a time keep the rows of A in the first cache
        const long depth = k - p < TOGETHER ? k - p : TOGETHER;
        const bool more = add || p > 0;
        for (long i = 0; i < m; i += rows) {
            const long here = m - i < rows ? m - i : rows;
            const Spread<T> a{A.data + i * A.row + p * A.column, A.row, A.column};
            const long packed = packs ? pack(here, depth, a, room<T>.numbers) : 0;
            long j = 0;
            auto b = [&] { return Panels<const T>{B.data + j * B.panel + p * B.row, B.panel, B.row}; };
            auto c = [&] { return Panels<T>{C.data + j * C.panel + i * C.row, C.panel, C.row}; };
            auto s = [&] { return start ? start + j * WIDTH<T> : nullptr; };
            for (; j + 2 <= panels; j += 2) block<T, 2>(here, packed, depth, runs, a, b(), c(), s(), more);
            if (j < panels) block<T, 1>(here, packed, depth, runs, a, b(), c(), s(), more);
        }
    }
}

template void multiply<float>(long, long, long, Spread<float>, Panels<const float>, Panels<float>, const float*, bool, Runs);
template void multiply<double>(long, long, long, Spread<double>, Panels<const double>, Panels<double>, const double*, bool, Runs);

}  // namespace chainrule
