// The kernels of the matrix product: compiled once, for all who multiply.
#include "gemm.hpp"

#include "assertions.hpp"

namespace chainrule {
namespace {

// use(0), use(1), ..., with constants: an array that has no other indices stays in registers.
template <int N, class F>
[[gnu::always_inline]] inline void each(F use) {
    [&]<int... i>(std::integer_sequence<int, i...>) {
        (use(std::integral_constant<int, i>{}), ...);
    }(std::make_integer_sequence<int, N>());
}

// C = A B in some panels. Tiles take it by reference: copies of its parts would be written to the stack in other widths than they
// are read, which the processor waits for.
template <class T>
struct Product {
    long k;
    Runs runs;
    Spread<T> A;
    long first;  // how far the first rows of two tiles lie apart, for each row between them
    Panels<const T> B;
    Panels<T> C;
    const T* start;
    bool add;
};

// R rows of S panels, from row i on. Four rows of A share a pointer, so that the loop's addresses stay in registers, too.
template <int R, int S, class T>
[[gnu::always_inline]] inline void tile(const Product<T>& product, long i) {
    constexpr int FOURS = (R + 3) / 4;
    const auto [k, runs, A, first, B, C, start, add] = product;
    T* const to = C.data + i * C.row;
    Vector<T> sum[R][S];
    const auto all = [&](auto use) { each<R>([&](auto r) { each<S>([&](auto s) { use(r, s, sum[r][s]); }); }); };
    if (add)
        all([&](auto r, auto s, auto& sum) { sum = load(to + r * C.row + s * C.panel); });
    else if (start)
        all([&](auto, auto s, auto& sum) { sum = load(start + s * WIDTH<T>); });
    else
        all([&](auto, auto, auto& sum) { sum = Vector<T>{}; });
    for (long run = 0; run < runs.count; run++) {
        const T *a[FOURS], *b = B.data + run * runs.B;
        each<FOURS>([&](auto f) { a[f] = A.data + i * first + run * runs.A + 4 * f * A.row; });
        for (long p = 0; p < k; p++) {
            Vector<T> row[S];
            each<S>([&](auto s) { row[s] = load(b + s * B.panel); });
            all([&](auto r, auto s, auto& sum) { sum += a[r / 4][r % 4 * A.row] * row[s]; });
            each<FOURS>([&](auto f) { a[f] += A.column; });
            b += B.row;
        }
    }
    all([&](auto r, auto s, auto& sum) { store<T>(to + r * C.row + s * C.panel, sum); });
}

// Tiles of R rows from row i on, as many as there are before row m. The first row behind them.
template <int R, int S, class T>
[[gnu::noinline]] long tiles(const Product<T>& product, long i, long m) {
    for (; i + R <= m; i += R) tile<R, S>(product, i);
    return i;
}

// The rows from i on in tiles of nearly the same height, as a low one has too few sums to keep the processor busy.
template <int S, class T>
void rows(const Product<T>& product, long i, long m) {
    constexpr int most = S > 2 ? TILE / 2 : TILE;
    const int count = int((m - i + most - 1) / most);
    if (!count) return;
    const int low = int(m - i) / count, high_ones = int(m - i) % count;
    [&]<int... r>(std::integer_sequence<int, r...>) {
        static constexpr decltype(&tiles<1, S, T>) of_height[] = {tiles<r + 1, S, T>...};
        if (high_ones) i = of_height[low](product, i, i + high_ones * (low + 1));
        of_height[low - 1](product, i, m);
    }(std::make_integer_sequence<int, most>());
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

// So many products are summed at a time where A is read in place: two panels of B, and the rows of a tile, stay in the second
// cache. The fewer times the sums are put down in C, the better.
constexpr long DEEP = 2048;

}  // namespace

template <class T>
void multiply(long m, long n, long k, Spread<T> A, Panels<const T> B, Panels<T> C, const T* start, bool add,
              Runs runs) {
    RELIES_ON(m >= 0 && n >= 0 && k >= 0 && runs.count >= 0);
    const long panels = (n + WIDTH<T> - 1) / WIDTH<T>;
    const bool packs = A.row == 1 && A.column != 1 && runs.count == 1 && panels > 2;  // where it is read more than once
    const long together = packs ? TOGETHER : DEEP, at_a_time = packs ? TILES * TILE : m;
    for (long p = 0; p < k || p == 0; p += together) {
        const long depth = std::min(k - p, together);
        for (long i = 0; i < m; i += at_a_time) {
            const long here = std::min(m - i, at_a_time);
            const Spread<T> a{A.data + i * A.row + p * A.column, A.row, A.column};
            const long packed = packs ? pack(here, depth, a, room<T>.numbers) : 0;
            auto some = [&]<int S>(long j, std::integral_constant<int, S>) {
                Product<T> product{depth, runs, {}, depth, {B.data + j * B.panel + p * B.row, B.panel, B.row},
                                   {C.data + j * C.panel + i * C.row, C.panel, C.row}, start ? start + j * WIDTH<T> : nullptr,
                                   add || p > 0};
                if (packed) product.A = {room<T>.numbers, 1, TILE}, rows<S>(product, 0, packed);
                product.A = a, product.first = a.row;
                rows<S>(product, packed, here);
            };
            long j = 0;
            for (; here <= TILE / 2 && j + 4 <= panels; j += 4) some(j, std::integral_constant<int, 4>{});
            for (; j + 2 <= panels; j += 2) some(j, std::integral_constant<int, 2>{});
            if (j < panels) some(j, std::integral_constant<int, 1>{});
        }
    }
}

template void multiply<float>(long, long, long, Spread<float>, Panels<const float>, Panels<float>, const float*, bool, Runs);
template void multiply<double>(long, long, long, Spread<double>, Panels<const double>, Panels<double>, const double*, bool, Runs);

}  // namespace chainrule
