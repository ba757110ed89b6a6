// What a program is made of beside its steps: arrays, the data of a call, and the members of the team at their work.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "simd.hpp"

namespace chainrule {

// Memory that starts on a cache line and is zero.
template <class T>
class Buffer {
  public:
    explicit Buffer(long size = 0) {
        size_t bytes = (size_t(size) * sizeof(T) + 63) / 64 * 64 + 64;
        data_.reset(static_cast<T*>(std::aligned_alloc(64, bytes)));
        if (!data_) throw std::bad_alloc();
        std::memset(static_cast<void*>(data_.get()), 0, bytes);
    }
    T* data() const { return data_.get(); }

  private:
    struct Free {
        void operator()(T* memory) const { std::free(memory); }
    };
    std::unique_ptr<T, Free> data_;
};

// Of each example; a parameter; made of parameters alone, the same for all examples; given once and for all.
enum class Kind { example, parameter, shared, constant };

// How a step can take examples as they come, in the program's type: copied into the program's rows; where they lie, if they
// lie there in the order of the batch; or wherever they lie.
enum class Reads { copies, in_order, anywhere };

// What a step reads or makes: an array, of one example where it is of examples, seen as a matrix (rows, n) of its last axis.
struct Value {
    Kind kind;
    std::vector<long> shape;
    long rows = 1, n = 1;
    long row = 0;     // how far its rows lie apart: n, rounded up to whole registers
    long offset = 0;  // where it starts, among the parameters or among all others
    long sum = 0;     // of a parameter whose derivative steps add up: where that starts, in every worker's sums
    std::vector<double> numbers;  // of a constant
    bool in_network = false;  // a parameter that is read in the network's own vector, row by row
    Reads reads = Reads::copies;  // of examples as they come: how all who read them can take them
    bool by_outputs = false;  // a W in panels: whether the workers split its outputs, instead of the batch
    bool panels = false;  // a W (rows, n), kept as W^T in panels as wide as a register: what products read at a stride of 1
    bool turned = false;  // whether there is also a copy of W itself in panels, for the way back to A
    bool weights = false;  // whether it is regularized
    bool whole = true;  // of examples: whether all of the batch are kept, or only the strips that the workers have in hand

    Value(Kind kind, std::vector<long> shape_) : kind(kind), shape(std::move(shape_)) {
        for (size_t d = 0; d + 1 < shape.size(); d++) rows *= shape[d];
        if (!shape.empty()) n = shape.back();
    }

    // Where number i of its array lies, counted row by row.
    long place(long i) const { return i / n * row + i % n; }

    // How much room it takes, in whole registers.
    template <class T>
    long size() const {
        return padded<T>(panels ? padded<T>(rows) * n : rows * row);
    }
};

template <class T>
struct Matrix {
    T* data;
    long rows, n, row;
    T* operator[](long i) const { return data + i * row; }
    void clear() const { std::memset(static_cast<void*>(data), 0, sizeof(T) * rows * row); }
};

// Rows that lie one after the other, or are found by their numbers.
template <class T>
struct Rows {
    const T* data;
    long row;
    const int64_t* order;
    const T* operator[](long i) const { return data + (order ? order[i] : i) * row; }
};

// The data of one call, as they lie in memory; rows are met in the given order, or from `first` on.
template <class T>
struct Data {
    const void* X = nullptr;
    char type = 'f';  // of X: f d (floats), b (bytes), i l (integers of 4 and 8 bytes)
    long features = 0;
    const T* Y = nullptr;  // (m, n_y), or null where there are labels
    const int64_t* labels = nullptr;
    const T* weights = nullptr;
    long weights_of_each = 1;
    const int64_t* order = nullptr;
    long first = 0;
    bool looked_at = true;  // whether X is known to hold numbers alone; else that is found out on the way
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
    long first = 0;     // the first example it has in hand, counted in the order of the epoch
    long examples = 0;  // how many it has in hand
    long begin = 0;     // the batch's first example, in the same count
    long batch = 0;     // examples in the whole batch
    bool training = false;
    bool numbers = true;  // whether all of X that it has met are, as far as it looked
    uint64_t update = 0;  // the number of updates before this one
    const Data<T>* data = nullptr;
    Buffer<T> sums;  // derivatives by parameters
    std::vector<Part> parts;
    double cost = 0, squares = 0;
    double penalty[2] = {};  // of this and the last batch: others may still read the last one

    int64_t source(long i) const { return data->order ? data->order[first + i] : data->first + first + i; }
};

}  // namespace chainrule
