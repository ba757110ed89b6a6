// The threads of a run, and the barrier at which they meet.
#pragma once
#include <pthread.h>
#if defined(__linux__)
#include <sched.h>
#endif

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
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

// Threads that wait for something to do beside whoever borrows them, and go back to a pool afterwards: there are never more of
// them than are at work at the same time.
class Helpers {
  public:
    explicit Helpers(int number) : met(number + 1) {
        try {
            for (int id = 1; id <= number; id++) threads.emplace_back([this, id] { work(id); });
        } catch (const std::system_error& error) {
            const size_t started = threads.size();
            done = true;
            wake();
            for (auto& thread : threads) thread.join();
            throw std::runtime_error("no more than " + std::to_string(started + 1) + " of " + std::to_string(number + 1) +
                                     " threads could be started (" + error.what() +
                                     "): ask for fewer, by threads= or CHAINRULE_NUM_THREADS");
        }
    }
    Helpers(const Helpers&) = delete;

    static Helpers* borrow(int number) {
        {
            std::lock_guard hold(pool().lock);
            auto& waiting = pool().waiting[number];
            if (!waiting.empty()) {
                Helpers* found = waiting.back();
                waiting.pop_back();
                return found;
            }
        }
        return new Helpers(number);
    }
    void give_back() {
        std::lock_guard hold(pool().lock);
        pool().waiting[int(threads.size())].push_back(this);
    }

    // They run task(1), task(2), ..., which throws nothing.
    void start(const std::function<void(int)>& task) {
        this->task = &task;
        look_at_cores();
        wake();
    }
    void finish() { met.meet(); }

    // Linux likes to wake a thread on the core of whoever woke it, where the two then take turns for tens of milliseconds.
    // Helpers may use every core that the borrower may use, but the one that it is on; as it is free to move, it says where
    // it is whenever it is cheap to ask.
    void keep_off() {
#if defined(__linux__)
        if (const int now = sched_getcpu(); now != core) place(now);
#endif
    }

  private:
    // All there are, by how many they are. Nobody tidies up when the process ends: helpers end with it.
    struct Pool {
        std::mutex lock;
        std::map<int, std::vector<Helpers*>> waiting;
    };
    static Pool& pool() {
        static Pool* const all = [] {
            // A child has no threads but the one that forked. What is left of the others stays where it is.
            pthread_atfork([] { pool().lock.lock(); }, [] { pool().lock.unlock(); },
                           [] { pool().waiting.clear(), pool().lock.unlock(); });
            return new Pool;
        }();
        return *all;
    }

    void work(int id) {
        for (unsigned heard = 0;;) {
            wait_for_change(call, heard);
            heard++;
            if (done) return;
            (*task)(id);
            met.meet();
        }
    }
    void wake() {
        call.fetch_add(1, std::memory_order_release);
        call.notify_all();
    }

    void look_at_cores() {
#if defined(__linux__)
        cpu_set_t now;
        if (sched_getaffinity(0, sizeof now, &now) == 0 && !CPU_EQUAL(&now, &allowed)) allowed = now, core = -1;
        keep_off();
#endif
    }
#if defined(__linux__)
    void place(int borrower) {
        core = borrower;
        cpu_set_t theirs = allowed;
        if (CPU_COUNT(&allowed) > int(threads.size())) CPU_CLR(core, &theirs);
        for (auto& thread : threads) pthread_setaffinity_np(thread.native_handle(), sizeof theirs, &theirs);
    }
    cpu_set_t allowed{};  // to the borrower
    int core = -1;        // where the borrower was when they were placed
#endif

    Barrier met;
    const std::function<void(int)>* task = nullptr;
    std::atomic<bool> done{false};
    alignas(64) std::atomic<unsigned> call{0};
    std::vector<std::thread> threads;
};

// The caller of a run, who is number 0, and the helpers it has for as long as that takes.
class Team {
  public:
    explicit Team(int size) : barrier(size), size_(size) {}

    int size() const { return size_; }

    // Everyone runs task(id), which throws nothing; the caller comes back when all are done.
    //
    // Throws std::runtime_error if there cannot be so many threads.
    void run(const std::function<void(int)>& task) {
        if (size_ == 1) return task(0);
        helpers = Helpers::borrow(size_ - 1);
        helpers->start(task);
        task(0);
        helpers->finish();
        std::exchange(helpers, nullptr)->give_back();
    }

    // For number 0 to say now and then.
    void spread() {
        if (helpers) helpers->keep_off();
    }

    Barrier barrier;  // of those at work

  private:
    int size_;
    Helpers* helpers = nullptr;
};

}  // namespace chainrule
