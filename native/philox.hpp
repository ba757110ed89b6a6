// Philox4x64-10 (Salmon et al., 2011): random numbers by their number, so any part of a mask can be made by itself.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>

namespace chainrule {

// The 32-bit draws of the stream that NumPy's Generator(Philox(key)) reads: eight of each block, the first with counter 1, and
// of each word the low half first.
class Draws {
  public:
    Draws(uint64_t key0, uint64_t key1) : key0(key0), key1(key1) {}

    // Draws number `first` to `first + n`. Quickest where both are multiples of 8 * TOGETHER.
    void fill(uint32_t* to, uint64_t first, long n) const {
        while (n > 0) {
            uint32_t some[8 * TOGETHER];
            long skipped = long(first % 8), taken = std::min<long>(n, 8 * TOGETHER - skipped);
            if (skipped + taken > 8) {
                blocks<TOGETHER>(first / 8 + 1, some);
            } else {
                blocks<1>(first / 8 + 1, some);
            }
            std::memcpy(to, some + skipped, size_t(taken) * sizeof(uint32_t));
            to += taken, first += uint64_t(taken), n -= taken;
        }
    }

    static constexpr int TOGETHER = 4;  // a round waits for its products, meanwhile other blocks can go on

  private:
    template <int N>
    void blocks(uint64_t counter, uint32_t* to) const {
        uint64_t x[4][N] = {}, k0 = key0, k1 = key1;
        for (int i = 0; i < N; i++) x[0][i] = counter + uint64_t(i);
        for (int round = 0; round < 10; round++, k0 += 0x9E3779B97F4A7C15u, k1 += 0xBB67AE8584CAA73Bu)
            for (int i = 0; i < N; i++) {
                unsigned __int128 a = (unsigned __int128)0xD2E7470EE14C6C93u * x[0][i];
                unsigned __int128 b = (unsigned __int128)0xCA5A826395121157u * x[2][i];
                x[0][i] = uint64_t(b >> 64) ^ x[1][i] ^ k0, x[1][i] = uint64_t(b);
                x[2][i] = uint64_t(a >> 64) ^ x[3][i] ^ k1, x[3][i] = uint64_t(a);
            }
        for (int i = 0; i < N; i++)
            for (int word = 0; word < 4; word++) {
                *to++ = uint32_t(x[word][i]);
                *to++ = uint32_t(x[word][i] >> 32);
            }
    }

    uint64_t key0, key1;
};

}  // namespace chainrule
