// The parameters and what the optimizer's rule remembers of them, in the program's order and layout.
#pragma once
#include <vector>

#include "bfloat16.hpp"
#include "values.hpp"

namespace chainrule {

// Vectors of equal length: number 0 is theta, those behind it the rule's slots. A W that only linear steps read lies in panels,
// as W^T; where the way back needs W itself in panels too, there is a copy, which follows every change of theta. Where products
// round their operands, the copies are rounded ones, for the way ahead and for the way back.
template <class T>
class Parameters {
  public:
    void allocate(long numbers, int slots, long backward, long rounded);

    T* theta() const { return vectors[0].data(); }
    T* const* slots() const { return starts.data(); }
    int count() const { return int(vectors.size()); }

    // Between the network's order and this one; `which` is the number of a vector.
    void load(int which, const Value& v, const T* from);
    void unload(int which, const Value& v, T* to) const;

    // W in panels for the way back, or null.
    T* backward(const Value& v) const { return v.backward < 0 ? nullptr : copies.data() + v.backward; }
    // W^T and W in rounded panels, or null.
    RoundedPanels rounded(const Value& v) const { return panels(v.rounded, v.n); }
    RoundedPanels rounded_backward(const Value& v) const { return panels(v.rounded_backward, v.rows); }

    // Bring to the copies of W in panels what has changed: n numbers of theta from number i on, within one panel, and as much of
    // the next, if there are two. Of rounded copies, n is of whole pairs of rows, or goes to the end of the panel.
    void follow(const Value& v, long i, long n, int panels);

  private:
    RoundedPanels panels(long start, long k) const { return {start < 0 ? nullptr : words.data() + start, chainrule::words(k)}; }
    void copy_for_the_way_back(const Value& v, long i, long n);
    void round(const Value& v, long i, long n, int panels);

    std::vector<Buffer<T>> vectors;
    std::vector<T*> starts;  // of the slots
    Buffer<T> copies;
    Buffer<uint32_t> words;  // of the rounded copies
};

}  // namespace chainrule
