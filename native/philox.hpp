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
    Draws(uint64_t key0, uint64_t key1) {
        for (int round = 0; round < ROUNDS; round++, key0 += 0x9E3779B97F4A7C15u, key1 += 0xBB67AE8584CAA73Bu)
            keys[round][0] = key0, keys[round][1] = key1;
        of_key = BY_0 * keys[0][0];
    }

    // Draws number `first` to `first + n`. Quickest where both are multiples of 8.
    void fill(uint32_t* to, uint64_t first, long n) const {
        while (n > 0) {
            const long skipped = long(first % 8), taken = std::min(n, 8 - skipped);
            if (taken == 8) {
                block(first / 8 + 1, to);
            } else {
                uint32_t some[8];
                block(first / 8 + 1, some);
                std::memcpy(to, some + skipped, size_t(taken) * sizeof(uint32_t));
            }
            to += taken, first += uint64_t(taken), n -= taken;
        }
    }

  private:
    using Product = unsigned __int128;
    static constexpr int ROUNDS = 10;
    static constexpr Product BY_0 = 0xD2E7470EE14C6C93u, BY_1 = 0xCA5A826395121157u;

    // One at a time stays in the registers, and the processor goes on to the next while a round waits for its products. Three of
    // the four words are 0 at first, so the first two rounds need one product each besides that of the key.
    void block(uint64_t counter, uint32_t* to) const {
        const Product first = BY_0 * counter;
        uint64_t x2 = high(first) ^ keys[0][1];
        const Product second = BY_1 * x2;
        uint64_t x0 = high(second) ^ keys[1][0], x1 = uint64_t(second), x3 = uint64_t(of_key);
        x2 = high(of_key) ^ uint64_t(first) ^ keys[1][1];
        for (int round = 2; round < ROUNDS; round++) {
            const Product a = BY_0 * x0, b = BY_1 * x2;
            x0 = high(b) ^ x1 ^ keys[round][0], x1 = uint64_t(b);
            x2 = high(a) ^ x3 ^ keys[round][1], x3 = uint64_t(a);
        }
        for (uint64_t word : {x0, x1, x2, x3}) {
            *to++ = uint32_t(word);
            *to++ = uint32_t(word >> 32);
        }
    }
    static uint64_t high(Product product) { return uint64_t(product >> 64); }

    uint64_t keys[ROUNDS][2];
    Product of_key;  // the key times the first multiplier, which the second round needs
};

}  // namespace chainrule
