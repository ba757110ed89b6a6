// Philox4x64-10 (Salmon et al., 2011): random numbers by their number, so any part of a mask can be made by itself.
#pragma once
#include <array>
#include <cstdint>

namespace chainrule {

using Block = std::array<uint64_t, 4>;

inline Block philox(uint64_t counter, uint64_t key0, uint64_t key1) {
    Block x{counter, 0, 0, 0};
    for (int round = 0; round < 10; round++) {
        unsigned __int128 a = (unsigned __int128)0xD2E7470EE14C6C93u * x[0];
        unsigned __int128 b = (unsigned __int128)0xCA5A826395121157u * x[2];
        x = {uint64_t(b >> 64) ^ x[1] ^ key0, uint64_t(b), uint64_t(a >> 64) ^ x[3] ^ key1, uint64_t(a)};
        key0 += 0x9E3779B97F4A7C15u;
        key1 += 0xBB67AE8584CAA73Bu;
    }
    return x;
}

// Draw i of the stream, in [0, 1), as NumPy's Generator(Philox(key)).random(dtype=float32) has it. Consecutive draws share
// a block of eight.
class Uniform {
  public:
    Uniform(uint64_t key0, uint64_t key1) : key0(key0), key1(key1) {}
    float operator()(uint64_t i) {
        if (i / 8 + 1 != counter) block = philox(counter = i / 8 + 1, key0, key1);
        uint32_t draw = uint32_t(block[i % 8 / 2] >> (i % 2 * 32));
        return float(draw >> 8) * 0x1p-24f;
    }

  private:
    uint64_t key0, key1, counter = 0;
    Block block{};
};

}  // namespace chainrule
