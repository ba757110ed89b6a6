// Waiting for others: for a moment awake, because they mostly come at once, then asleep.
#pragma once
#include <atomic>

namespace chainrule {

// Waits until `number` is no longer `old`.
void wait_for_change(std::atomic<unsigned>& number, unsigned old);

// Where so many threads meet: none goes on before all are there.
class Barrier {
  public:
    explicit Barrier(int size) : size(size) {}
    // While nobody waits.
    void resize(int size) { this->size = size; }
    void meet();

  private:
    int size;
    alignas(64) std::atomic<int> arrived{0};
    alignas(64) std::atomic<unsigned> round{0};
};

}  // namespace chainrule
