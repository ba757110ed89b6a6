// The data of a call, and the members of the team at their work.
#pragma once
#include <cstdint>
#include <vector>

#include "bfloat16.hpp"
#include "memory.hpp"

namespace chainrule {

// The data of one call, as they lie in the caller's memory. The examples of the call are rows of X: those that `order` names, or
// all from `first` on.
template <class T>
struct Data {
    const void* X = nullptr;
    char type = 'f';    // of X: f d (floats), b (bytes), i l (integers of 4 and 8 bytes)
    long examples = 0;  // rows of X
    long features = 0;  // numbers in a row
    const T* Y = nullptr;  // (examples, targets), or null where there are labels
    long targets = 0;
    const int64_t* labels = nullptr;  // (examples, labels_of_each)
    long labels_of_each = 0;
    const T* weights = nullptr;  // (examples, weights_of_each), or null
    long weights_of_each = 1;
    const int64_t* order = nullptr;
    long first = 0;
    bool looked_at = true;  // whether X is known to hold finite numbers alone; else the way forward finds that out
    const T* parameters = nullptr;  // the network's own vector, for those that are read in place
};

// Calls use(pointer) with X as what it is made of.
template <class T, class F>
void with_type(const Data<T>& data, F use) {
    switch (data.type) {
        case 'f': return use(static_cast<const float*>(data.X));
        case 'd': return use(static_cast<const double*>(data.X));
        case 'b': return use(static_cast<const uint8_t*>(data.X));
        case 'i': return use(static_cast<const int32_t*>(data.X));
        default: return use(static_cast<const int64_t*>(data.X));
    }
}

// A piece of a parameter that is updated at a time, small enough for the first cache: n numbers from `first` on, of each of
// `panels` panels that lie `panel` apart.
struct Part {
    int id;
    long first, n;
    int panels;
    long panel;
};

// One member of the team, its part of the batch and of the parameters.
template <class T>
struct Worker {
    int id = 0;
    long first = 0;     // the first example it has in hand, counted from the first of the call
    long examples = 0;  // how many it has in hand
    long strip = 0;     // the first of the strip that these are a portion of, in the same count
    long begin = 0;     // the batch's first example, in the same count
    long batch = 0;     // examples in the whole batch
    bool training = false;
    bool numbers = true;  // whether all of X that it has met are finite numbers, as far as it looked
    uint64_t update = 0;  // how many updates there were before this one
    const Data<T>* data = nullptr;
    Buffer<T> sums;           // derivatives by parameters to which every example adds its part
    std::vector<Part> parts;  // of the parameters: those that it updates
    Rounding rounding;        // of the operands of its products, where these are rounded
    double cost = 0, squares = 0;
    double penalty[2] = {};  // of this and the last batch: others may still read the last one

    // Which row of X example i of those in hand is.
    int64_t source(long i) const {
        RELIES_ON(0 <= i && i < examples);
        return data->order ? data->order[first + i] : data->first + first + i;
    }
};

}  // namespace chainrule
