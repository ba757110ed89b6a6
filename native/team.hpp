// A team of threads that stays together between calls, and the barrier at which its members meet.
#pragma once
#include <unistd.h>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace chainrule {

inline void breathe() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Waits until `number` is no longer `old`: for a moment awake, because the others mostly come at once, then asleep.
inline void wait_for_change(std::atomic<unsigned>& number, unsigned old) {
    for (int spin = 0; spin < 4000; spin++) {
        if (number.load(std::memory_order_acquire) != old) return;
        breathe();
    }
    while (number.load(std::memory_order_acquire) == old) number.wait(old, std::memory_order_acquire);
}

class Barrier {
  public:
    explicit Barrier(int size) : size(size) {}
    void meet() {
        unsigned now = round.load(std::memory_order_relaxed);
        if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
            arrived.store(0, std::memory_order_relaxed);
            round.fetch_add(1, std::memory_order_release);
            round.notify_all();
        } else {
            wait_for_change(round, now);
        }
    }

  private:
    int size;
    alignas(64) std::atomic<int> arrived{0};
    alignas(64) std::atomic<unsigned> round{0};
};

class Team {
  public:
    explicit Team(int size) : barrier(size), size_(size) {
        try {
            for (int id = 1; id < size; id++) threads.emplace_back([this, id] { work(id); });
        } catch (...) {
            dismiss();
            throw;
        }
    }
    ~Team() { dismiss(); }
    Team(const Team&) = delete;

    int size() const { return size_; }

    // Everyone runs task(id); the caller is number 0, comes back when all are done, and throws what the first of them threw.
    void run(const std::function<void(int)>& task) {
        this->task = &task;
        thrown = nullptr;
        spread();
        call.fetch_add(1, std::memory_order_release);
        call.notify_all();
        attempt(0);
        barrier.meet();
        if (thrown) std::rethrow_exception(thrown);
    }

    // Linux likes to wake a thread on the core of whoever woke it, where the two then take turns for tens of milliseconds.
    // The workers may use every core that the caller may use, but the one the caller is on; the caller, who is free to
    // move, says so again whenever it is cheap to ask.
    void spread() {
#if defined(__linux__)
        const int core = sched_getcpu();
        cpu_set_t allowed;
        if (threads.empty() || core == callers_core || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
        callers_core = core;
        if (core >= 0 && CPU_COUNT(&allowed) >= size_) CPU_CLR(core, &allowed);
        for (auto& thread : threads) pthread_setaffinity_np(thread.native_handle(), sizeof allowed, &allowed);
#endif
    }

    Barrier barrier;

  private:
    void work(int id) {
        for (unsigned heard = 0;;) {
            wait_for_change(call, heard);
            heard++;
            if (done) return;
            attempt(id);
            barrier.meet();
        }
    }
    void attempt(int id) {
        try {
            (*task)(id);
        } catch (...) {
            std::lock_guard hold(catching);
            if (!thrown) thrown = std::current_exception();
        }
    }
    void dismiss() {
        done = true;
        call.fetch_add(1, std::memory_order_release);
        call.notify_all();
        if (getpid() != home) {  // after a fork they are the parent's, and their stacks may be those of new threads here
            new std::vector<std::thread>(std::move(threads));
            return;
        }
        for (auto& thread : threads) thread.join();
        threads.clear();
    }

    int size_;
    int callers_core = -1;
    pid_t home = getpid();
    std::exception_ptr thrown;
    std::mutex catching;
    const std::function<void(int)>* task = nullptr;
    std::atomic<bool> done{false};
    alignas(64) std::atomic<unsigned> call{0};
    std::vector<std::thread> threads;
};

}  // namespace chainrule
