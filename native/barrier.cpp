#include "barrier.hpp"

namespace chainrule {
namespace {

inline void breathe() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace

void wait_for_change(std::atomic<unsigned>& number, unsigned old) {
    for (int spin = 0; spin < 4000; spin++) {
        if (number.load(std::memory_order_acquire) != old) return;
        breathe();
    }
    while (number.load(std::memory_order_acquire) == old) number.wait(old, std::memory_order_acquire);
}

void Barrier::meet() {
    unsigned now = round.load(std::memory_order_relaxed);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
        arrived.store(0, std::memory_order_relaxed);
        round.fetch_add(1, std::memory_order_release);
        round.notify_all();
    } else {
        wait_for_change(round, now);
    }
}

}  // namespace chainrule
