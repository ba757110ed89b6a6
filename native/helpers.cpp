#include "helpers.hpp"

#if !defined(_WIN32)
#include <pthread.h>
#endif

#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>

namespace chainrule {
namespace {

// The helpers of this process that have nothing to do.
struct Pool {
    std::mutex lock;
    std::vector<Helper*> waiting;
    size_t made = 0;  // since the process began
};

Pool& pool() {
    static Pool* const all = [] {
#if !defined(_WIN32)
        // A child has no threads but the one that forked. What is left of the others stays where it is.
        pthread_atfork([] { pool().lock.lock(); }, [] { pool().lock.unlock(); },
                       [] { pool().waiting.clear(), pool().lock.unlock(); });
#endif
        return new Pool;
    }();
    return *all;
}

}  // namespace

void Helper::start(Task task, int id) {
    this->task = task, this->id = id;
    calls++;
    call.store(calls, std::memory_order_release);
    call.notify_one();
}

void Helper::work() {
    for (unsigned heard = 0;;) {
        wait_for_change(call, heard);
        heard++;
        task.function(task.task, id);
        done.store(heard, std::memory_order_release);
        done.notify_one();
    }
}

#if defined(__linux__)
void Helper::keep_to(const cpu_set_t& cores) {
    if (CPU_EQUAL(&cores, &this->cores)) return;
    this->cores = cores;
    pthread_setaffinity_np(thread.native_handle(), sizeof cores, &cores);
}
#endif

Borrowed::Borrowed(int number) {
    helpers.reserve(number);
    {
        std::lock_guard hold(pool().lock);
        auto& waiting = pool().waiting;
        for (; int(helpers.size()) < number && !waiting.empty(); waiting.pop_back()) helpers.push_back(waiting.back());
        pool().made += number - helpers.size();
        waiting.reserve(pool().made);  // so that giving them back cannot fail
    }
    try {
        while (int(helpers.size()) < number) helpers.push_back(new Helper);
    } catch (const std::system_error& error) {
        const size_t found = helpers.size();
        give_back();
        throw std::runtime_error("no more than " + std::to_string(found + 1) + " of " + std::to_string(number + 1) +
                                 " threads could be started (" + error.what() +
                                 "): ask for fewer, by threads= or CHAINRULE_NUM_THREADS");
    }
}

void Borrowed::give_back() {
    std::lock_guard hold(pool().lock);
    // The first goes on top: whoever is next finds each under the number it had, with that worker's numbers in its cache.
    for (auto helper = helpers.rbegin(); helper != helpers.rend(); ++helper) pool().waiting.push_back(*helper);
    helpers.clear();
}

void Borrowed::start(Task task) {
#if defined(__linux__)
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) place(sched_getcpu());
#endif
    int id = 1;
    for (Helper* helper : helpers) helper->start(task, id++);
}

void Borrowed::finish() {
    for (Helper* helper : helpers) helper->finish();
}

void Borrowed::keep_off() {
#if defined(__linux__)
    if (const int now = sched_getcpu(); now != core) place(now);
#endif
}

void Borrowed::place([[maybe_unused]] int caller) {
#if defined(__linux__)
    core = caller;
    cpu_set_t theirs = allowed;
    if (CPU_COUNT(&allowed) > int(helpers.size()) && caller >= 0) CPU_CLR(core, &theirs);
    for (Helper* helper : helpers) helper->keep_to(theirs);
#endif
}

}  // namespace chainrule
