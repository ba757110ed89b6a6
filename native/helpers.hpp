// The threads that compute beside whoever calls: they are borrowed for a call, and belong to no network.
#pragma once
#if defined(__linux__)
#include <sched.h>
#endif

#include <atomic>
#include <thread>
#include <vector>

#include "barrier.hpp"

namespace chainrule {

// What a helper runs: function(task, id). It throws nothing.
struct Task {
    void (*function)(const void* task, int id) noexcept;
    const void* task;
};

// A thread that waits for something to do. It is never ended: the process ends with it.
class Helper {
  public:
    // Raises std::system_error where there can be no more threads.
    Helper() : thread([this] { work(); }) {}
    Helper(const Helper&) = delete;

    void start(Task task, int id);
    void finish() { wait_for_change(done, calls - 1); }
#if defined(__linux__)
    // Let it run on these cores.
    void keep_to(const cpu_set_t& cores);
#endif

  private:
    void work();

    Task task{};
    int id = 0;
    unsigned calls = 0;  // so many there were
#if defined(__linux__)
    cpu_set_t cores{};
#endif
    alignas(64) std::atomic<unsigned> call{0};
    alignas(64) std::atomic<unsigned> done{0};
    std::thread thread;  // the last member: it begins when the others are there
};

// So many helpers, for as long as this lives. Those who call one after the other share the same ones: there are never more
// than were at work at the same time.
class Borrowed {
  public:
    // Raises std::runtime_error if there cannot be so many threads.
    explicit Borrowed(int number);
    ~Borrowed() { give_back(); }
    Borrowed(const Borrowed&) = delete;

    // They run the task as number 1, 2, …
    void start(Task task);
    void finish();

    // Linux likes to wake a thread on the core of whoever woke it, where the two then take turns for tens of milliseconds.
    // Helpers may use every core that the caller may use, but the one that it is on; as it is free to move, it says where it is
    // whenever it is cheap to ask.
    void keep_off();

  private:
    void place(int caller);
    void give_back();

    std::vector<Helper*> helpers;
#if defined(__linux__)
    cpu_set_t allowed{};  // to the caller
    int core = -1;        // where the caller was when they were placed
#endif
};

}  // namespace chainrule
