// Memory, and matrices that lie in it.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "assertions.hpp"

#if defined(_WIN32)
#include <malloc.h>
#endif

namespace chainrule {

// Memory that starts on a cache line and is zero.
template <class T>
class Buffer {
  public:
    explicit Buffer(long size = 0) {
        size_t bytes = (size_t(size) * sizeof(T) + 63) / 64 * 64 + 64;
        data_.reset(static_cast<T*>(aligned(bytes)));
        if (!data_) throw std::bad_alloc();
        std::memset(static_cast<void*>(data_.get()), 0, bytes);
    }
    T* data() const { return data_.get(); }

  private:
#if defined(_WIN32)  // which has no aligned_alloc, and frees such memory by a function of its own
    static void* aligned(size_t bytes) { return _aligned_malloc(bytes, 64); }
    struct Free {
        void operator()(T* memory) const { _aligned_free(memory); }
    };
#else
    static void* aligned(size_t bytes) { return std::aligned_alloc(64, bytes); }
    struct Free {
        void operator()(T* memory) const { std::free(memory); }
    };
#endif
    std::unique_ptr<T, Free> data_;
};

// Rows of n numbers, each of which begins `row` numbers after the one before.
template <class T>
struct Matrix {
    T* data;
    long rows, n, row;
    T* operator[](long i) const {
        RELIES_ON(rows == 0 || (0 <= i && i < rows));  // of no rows, a place that nobody reads
        return data + i * row;
    }
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

}  // namespace chainrule
