// Who multiplies what is rounded to bfloat16, and one worker's products.
#include "bfloat16.hpp"

#include <chrono>

#if defined(__AVX512F__) && (defined(__clang__) ? __clang_major__ >= 13 : __GNUC__ >= 12)
#define CHAINRULE_UNITS 1
#include <cpuid.h>
#include <immintrin.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#else
#define CHAINRULE_UNITS 0
#endif

namespace chainrule {
namespace {

constexpr long P = WIDTH<float>;
using Words = typename VectorOf<uint32_t>::type;

inline float whole(uint16_t upper_half) { return std::bit_cast<float>(uint32_t(upper_half) << 16); }

// Two numbers of A and of B at a time, as the instructions have it.
void by_loops(long m, long n, long k, RoundedRows A, RoundedPanels B, Panels<float> C, const float* start, bool add) {
    for (long j = 0; j < padded<float>(n) / P; j++)
        for (long i = 0; i < m; i++) {
            float* c = C.data + i * C.row + j * C.panel;
            Vector<float> sum = add ? load(c) : start ? load(start + j * P) : Vector<float>{};
            const uint32_t* b = B.data + j * B.panel;
            for (long p = 0; p < k; p += 2, b += P) {
                const Words pair = *reinterpret_cast<const Words*>(b);
                sum += whole(A.data[i * A.row + p]) * __builtin_bit_cast(Vector<float>, pair << 16) +
                       whole(A.data[i * A.row + p + 1]) * __builtin_bit_cast(Vector<float>, pair & 0xffff0000u);
            }
            store<float>(c, sum);
        }
}

// Somebody reads what lies there, as far as the compiler knows.
inline void keep(const void* numbers) {
    asm volatile("" : : "r"(numbers) : "memory");
}

long numbers_at_work() {
    constexpr long rounds = 4096;
    Vector<float> sums[TILE][2] = {};  // as many as a product keeps in registers
    Vector<float> a = Vector<float>{} + 0.5f, b = Vector<float>{} + 1.0f;
    keep(&a), keep(&b), keep(sums);  // else equal sums would be computed once
    for (long r = 0; r < rounds; r++)
        for (auto& row : sums)
            for (auto& sum : row) sum = sum * a + b;
    keep(sums);
    return rounds * 2 * TILE * P * 2;
}

#if CHAINRULE_UNITS
#define WITH_VECTORS __attribute__((target("avx512bf16")))
#define WITH_TILES __attribute__((target("amx-tile,amx-bf16")))

// R rows and S panels of C stay in registers.
template <int R, int S>
WITH_VECTORS inline void vector_tile(long k, RoundedRows A, RoundedPanels B, Panels<float> C, const float* start, bool add) {
    __m512 sum[R][S];
    for (int i = 0; i < R; i++)
        for (int s = 0; s < S; s++)
            sum[i][s] = add     ? _mm512_loadu_ps(C.data + i * C.row + s * C.panel)
                        : start ? _mm512_loadu_ps(start + s * P)
                                : _mm512_setzero_ps();
    for (long p = 0; p < k; p += 2) {
        __m512bh b[S];
        for (int s = 0; s < S; s++) b[s] = (__m512bh)_mm512_loadu_si512(B.data + s * B.panel + p / 2 * P);
        for (int i = 0; i < R; i++) {
            int pair;
            std::memcpy(&pair, A.data + i * A.row + p, sizeof pair);
            for (int s = 0; s < S; s++) sum[i][s] = _mm512_dpbf16_ps(sum[i][s], (__m512bh)_mm512_set1_epi32(pair), b[s]);
        }
    }
    for (int i = 0; i < R; i++)
        for (int s = 0; s < S; s++) _mm512_storeu_ps(C.data + i * C.row + s * C.panel, sum[i][s]);
}

template <int S>
WITH_VECTORS void vector_rows(long m, long k, RoundedRows A, RoundedPanels B, Panels<float> C, const float* start, bool add) {
    long i = 0;
    const auto a = [&] { return RoundedRows{A.data + i * A.row, A.row}; };
    const auto c = [&] { return Panels<float>{C.data + i * C.row, C.panel, C.row}; };
    for (; i + TILE <= m; i += TILE) vector_tile<TILE, S>(k, a(), B, c(), start, add);
    for (; i + 4 <= m; i += 4) vector_tile<4, S>(k, a(), B, c(), start, add);
    for (; i < m; i++) vector_tile<1, S>(k, a(), B, c(), start, add);
}

void by_vectors(long m, long n, long k, RoundedRows A, RoundedPanels B, Panels<float> C, const float* start, bool add) {
    const long panels = padded<float>(n) / P;
    for (long j = 0; j < panels; j += 2) {
        const RoundedPanels b{B.data + j * B.panel, B.panel};
        const Panels<float> c{C.data + j * C.panel, C.panel, C.row};
        const float* s = start ? start + j * P : nullptr;
        j + 1 < panels ? vector_rows<2>(m, k, A, b, c, s, add) : vector_rows<1>(m, k, A, b, c, s, add);
    }
}

// What a tile of C starts with, and where it goes: rows of it that are none of C's come from an own place and go there.
struct Corner {
    float* data;
    long bytes;  // from row to row
};

// R x S tiles of C, 0 to 3, of tiles of A, 4 and 5, and of B, 6 and 7; the compiler wants their numbers as they stand.
template <int R, int S>
WITH_TILES inline void tile_of_C(long k, RoundedRows A, RoundedPanels B, const Corner (&C)[2][2], const float* start, bool add) {
    if (add) {
        _tile_loadd(0, C[0][0].data, C[0][0].bytes);
        if constexpr (S > 1) _tile_loadd(1, C[0][1].data, C[0][1].bytes);
        if constexpr (R > 1) _tile_loadd(2, C[1][0].data, C[1][0].bytes);
        if constexpr (R > 1 && S > 1) _tile_loadd(3, C[1][1].data, C[1][1].bytes);
    } else if (start) {  // the same row again and again
        _tile_loadd(0, start, 0);
        if constexpr (S > 1) _tile_loadd(1, start + P, 0);
        if constexpr (R > 1) _tile_loadd(2, start, 0);
        if constexpr (R > 1 && S > 1) _tile_loadd(3, start + P, 0);
    } else {
        _tile_zero(0);
        if constexpr (S > 1) _tile_zero(1);
        if constexpr (R > 1) _tile_zero(2);
        if constexpr (R > 1 && S > 1) _tile_zero(3);
    }
    const uint16_t* a = A.data;
    const uint32_t* b = B.data;
    const long row = A.row * long(sizeof(uint16_t));
    for (long p = 0; p < k; p += DEPTH, a += DEPTH, b += DEPTH / 2 * P) {
        _tile_loadd(4, a, row);
        _tile_loadd(6, b, 64);
        _tile_dpbf16ps(0, 4, 6);
        if constexpr (S > 1) {
            _tile_loadd(7, b + B.panel, 64);
            _tile_dpbf16ps(1, 4, 7);
        }
        if constexpr (R > 1) {
            _tile_loadd(5, a + ROWS * A.row, row);
            _tile_dpbf16ps(2, 5, 6);
            if constexpr (S > 1) _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, C[0][0].data, C[0][0].bytes);
    if constexpr (S > 1) _tile_stored(1, C[0][1].data, C[0][1].bytes);
    if constexpr (R > 1) _tile_stored(2, C[1][0].data, C[1][0].bytes);
    if constexpr (R > 1 && S > 1) _tile_stored(3, C[1][1].data, C[1][1].bytes);
}

// Stores before and loads behind stay where they are: the compiler does not know what tiles read.
inline void in_order() { asm volatile("" ::: "memory"); }

template <int R, int S>
WITH_TILES void tile_corner(long rows, long k, RoundedRows A, RoundedPanels B, Panels<float> C, const float* start, bool add) {
    alignas(64) float edge[2][ROWS * P];
    Corner corners[2][2] = {};
    const long last = (R - 1) * ROWS, own = rows - last;  // the rows of the lower tiles that are C's
    for (int s = 0; s < S; s++) {
        if constexpr (R > 1) corners[0][s] = {C.data + s * C.panel, C.row * long(sizeof(float))};
        float* at = C.data + last * C.row + s * C.panel;
        corners[R - 1][s] = own < ROWS ? Corner{edge[s], P * long(sizeof(float))} : Corner{at, C.row * long(sizeof(float))};
        for (long i = 0; own < ROWS && add && i < own; i++) std::memcpy(edge[s] + i * P, at + i * C.row, sizeof(float) * P);
    }
    in_order();
    tile_of_C<R, S>(k, A, B, corners, start, add);
    in_order();
    for (int s = 0; own < ROWS && s < S; s++)
        for (long i = 0; i < own; i++)
            std::memcpy(C.data + (last + i) * C.row + s * C.panel, edge[s] + i * P, sizeof(float) * P);
}

void by_tiles(long m, long n, long k, RoundedRows A, RoundedPanels B, Panels<float> C, const float* start, bool add) {
    const long panels = padded<float>(n) / P;
    for (long j = 0; j < panels; j += 2)
        for (long i = 0; i < m; i += 2 * ROWS) {
            const RoundedRows a{A.data + i * A.row, A.row};
            const RoundedPanels b{B.data + j * B.panel, B.panel};
            const Panels<float> c{C.data + i * C.row + j * C.panel, C.panel, C.row};
            const float* s = start ? start + j * P : nullptr;
            const long rows = std::min(2 * ROWS, m - i);
            if (j + 1 < panels)
                rows > ROWS ? tile_corner<2, 2>(rows, k, a, b, c, s, add) : tile_corner<1, 2>(rows, k, a, b, c, s, add);
            else
                rows > ROWS ? tile_corner<2, 1>(rows, k, a, b, c, s, add) : tile_corner<1, 1>(rows, k, a, b, c, s, add);
        }
}

// Eight tiles of 16 rows of 64 bytes, as the processor wants to be told.
struct Configuration {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {ROWS, ROWS, ROWS, ROWS, ROWS, ROWS, ROWS, ROWS};
};

WITH_TILES void configure_tiles() {
    alignas(64) static const Configuration all;
    _tile_loadconfig(&all);
}
WITH_TILES void release_tiles() { _tile_release(); }

WITH_VECTORS long vectors_at_work() {
    constexpr long rounds = 4096;
    __m512 sums[TILE][2] = {};
    const __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f803f80), b = (__m512bh)_mm512_set1_epi32(0x00803f80);
    keep(sums);
    for (long r = 0; r < rounds; r++)
        for (auto& row : sums)
            for (__m512& sum : row) sum = _mm512_dpbf16_ps(sum, a, b);
    keep(sums);
    return rounds * 2 * TILE * P * 4;
}

WITH_TILES long tiles_at_work() {
    constexpr long rounds = 1024;
    configure_tiles();
    for (long r = 0; r < rounds; r++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    release_tiles();
    return rounds * 4 * ROWS * P * DEPTH * 2;
}

// A bit of what the processor says of itself: leaf 7 is of instruction sets.
bool said(int part, int where, int bit) {
    unsigned registers[4];
    return __get_cpuid_count(7, part, &registers[0], &registers[1], &registers[2], &registers[3]) && (registers[where] >> bit & 1);
}

// Linux gives a process the registers of tiles, 8 kB a thread, when it asks for them; a signal's own stack must hold them from
// then on. So who only looks does not ask.
constexpr int TILE_DATA = 18;
bool offered() {
#if defined(__linux__)
    constexpr long supported = 0x1021;
    uint64_t features = 0;
    return !syscall(SYS_arch_prctl, supported, &features) && (features >> TILE_DATA & 1);
#else
    return false;
#endif
}
bool granted() {
#if defined(__linux__)
    constexpr long request = 0x1023;
    return !syscall(SYS_arch_prctl, request, long(TILE_DATA));
#else
    return false;
#endif
}
#endif

}  // namespace

bool available(Unit unit) {
    if (unit == Unit::none || unit == Unit::portable) return true;
#if CHAINRULE_UNITS
    if (unit == Unit::vectors) return said(1, 0, 5);
    return said(0, 3, 22) && said(0, 3, 24) && offered();
#else
    return false;
#endif
}

bool obtain([[maybe_unused]] Unit unit) {
#if CHAINRULE_UNITS
    if (unit == Unit::tiles) return available(unit) && granted();
#endif
    return available(unit);
}

void configure([[maybe_unused]] Unit unit) {
#if CHAINRULE_UNITS
    if (unit == Unit::tiles) configure_tiles();
#endif
}
void release([[maybe_unused]] Unit unit) {
#if CHAINRULE_UNITS
    if (unit == Unit::tiles) release_tiles();
#endif
}

void multiply(Unit unit, long m, long n, long k, RoundedRows A, RoundedPanels B, Panels<float> C, const float* start, bool add) {
    RELIES_ON(k % DEPTH == 0);
#if CHAINRULE_UNITS
    if (unit == Unit::tiles) return by_tiles(m, n, k, A, B, C, start, add);
    if (unit == Unit::vectors) return by_vectors(m, n, k, A, B, C, start, add);
#endif
    RELIES_ON(unit == Unit::portable);
    by_loops(m, n, k, A, B, C, start, add);
}

double peak([[maybe_unused]] Unit unit, double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    double done = 0, taken = 0;
    while (taken < seconds) {
#if CHAINRULE_UNITS
        done += double(unit == Unit::tiles ? tiles_at_work() : unit == Unit::vectors ? vectors_at_work() : numbers_at_work());
#else
        done += double(numbers_at_work());
#endif
        taken = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    return done / taken;
}

void Rounding::allocate(Unit unit) {
    by = unit;
    of_A = Buffer<uint16_t>(M * deep_row(K)), of_B = Buffer<uint32_t>(words(K, N));
}

void Rounding::multiply(long m, long n, long k, Spread<float> A, RoundedPanels B, Panels<float> C, const float* start, bool add) {
    for (long p = 0; p < k || p == 0; p += K)
        for (long i = 0; i < m; i += M) {
            const long rows = std::min(M, m - i), depth = std::min(K, k - p);
            const RoundedRows a{of_A.data(), deep_row(depth)};
            round_rows(rows, depth, {A.data + i * A.row + p * A.column, A.row, A.column}, a);
            chainrule::multiply(by, rows, n, deep(depth), a, {B.data + p / 2 * P, B.panel}, {C.data + i * C.row, C.panel, C.row},
                                start, add || p > 0);
        }
}

void Rounding::multiply(long m, long n, long k, Spread<float> A, Panels<const float> B, Panels<float> C, const float* start,
                        bool add, Runs runs) {
    RELIES_ON(k > 0 || runs.count > 0);
    const long together = k ? std::max(1L, K / k) : runs.count;  // runs that are rounded at a time
    for (long r = 0; r < runs.count || r == 0; r += together)
        for (long p = 0; p < k || p == 0; p += K) {
            const Runs some{std::min(together, runs.count - r), runs.A, runs.B};
            const long depth = std::min(K, k - p), all = deep(depth * some.count);
            const bool more = add || r > 0 || p > 0;
            for (long j = 0; j < n; j += N) {
                const RoundedPanels b{of_B.data(), words(all)};
                const long columns = std::min(N, n - j), panel = j / P;
                round_panels(depth, columns, {B.data + r * runs.B + p * B.row + panel * B.panel, B.panel, B.row}, b, some);
                fill_up(depth * some.count, columns, b);
                for (long i = 0; i < m; i += M) {
                    const RoundedRows a{of_A.data(), deep_row(all)};
                    const long rows = std::min(M, m - i);
                    round_rows(rows, depth, {A.data + i * A.row + r * runs.A + p * A.column, A.row, A.column}, a, some);
                    chainrule::multiply(by, rows, columns, all, a, b, {C.data + i * C.row + panel * C.panel, C.panel, C.row},
                                        start ? start + j : nullptr, more);
                }
            }
        }
}

}  // namespace chainrule
