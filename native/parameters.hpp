// The parameters and what the optimizer's rule remembers of them, in the program's order and layout.
#pragma once
#include <vector>

#include "values.hpp"

namespace chainrule {

// Vectors of equal length: number 0 is theta, those behind it the rule's slots. A W that only linear steps read lies in panels,
// as W^T; where the way back needs W itself in panels too, there is a copy, which follows every change of theta.
template <class T>
class Parameters {
  public:
    void allocate(long numbers, int slots, long backward);

    T* theta() const { return vectors[0].data(); }
    T* const* slots() const { return starts.data(); }
    int count() const { return int(vectors.size()); }

    // Between the network's order and this one; `which` is the number of a vector.
    void load(int which, const Value& v, const T* from);
    void unload(int which, const Value& v, T* to) const;

    // W in panels for the way back, or null.
    T* backward(const Value& v) const { return v.backward < 0 ? nullptr : copies.data() + v.backward; }
    // Bring n numbers of theta, from number i on, to that copy.
    void copy_for_the_way_back(const Value& v, long i, long n);

  private:
    std::vector<Buffer<T>> vectors;
    std::vector<T*> starts;  // of the slots
    Buffer<T> copies;
};

}  // namespace chainrule
