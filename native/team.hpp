// The threads of a call: the caller, who is number 0, and the helpers it borrows for as long as the call takes.
#pragma once
#include <optional>

#include "barrier.hpp"
#include "helpers.hpp"

namespace chainrule {

class Team {
  public:
    explicit Team(int most) : barrier(most), most_(most), size_(most) {}

    int most() const { return most_; }
    int size() const { return size_; }
    // Let the next calls be by so many, at most `most()`.
    void resize(int size) { barrier.resize(size_ = size); }

    // Everyone runs task(id); the caller comes back when all are done. A task throws nothing, because the others would wait at
    // the barrier for one that threw: it must say so, by noexcept.
    //
    // Raises std::runtime_error if there cannot be so many threads.
    template <class F>
    void run(const F& task) {
        static_assert(noexcept(task(0)));
        if (size_ == 1) return task(0);
        helpers.emplace(size_ - 1);
        helpers->start({[](const void* task, int id) noexcept { (*static_cast<const F*>(task))(id); }, &task});
        task(0);
        helpers->finish();
        helpers.reset();
    }

    // For number 0 to say now and then.
    void spread() {
        if (helpers) helpers->keep_off();
    }

    Barrier barrier;  // of those at work

  private:
    int most_, size_;
    std::optional<Borrowed> helpers;
};

}  // namespace chainrule
