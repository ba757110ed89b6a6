// The values of a program: the arrays that its steps read and make, and where they lie.
#pragma once
#include <utility>
#include <vector>

#include "memory.hpp"
#include "simd.hpp"

namespace chainrule {

// What an array belongs to: each example has its own; a parameter; made of parameters alone, and so the same for all examples;
// given once and for all.
enum class Kind { example, parameter, shared, constant };

// In which places a step can read the examples of X, if X already has the program's type. The examples may be copied into the
// program's own rows first, which every step can read (copies); a step may read them in X where the batch's examples lie there
// one after the other (in_order), or wherever each of them lies (anywhere).
enum class Reads { copies, in_order, anywhere };

// How a step takes part where examples lie abreast, see abreast.cpp: it does not; its output lies as its first input does; or what
// it reads there and what it makes lies so.
enum class Abreast { never, as_input, itself };

// The most bytes that a step's picture of such examples, and all their values and derivatives, may take because of the lanes.
constexpr long RANK = 64 * 1024 * 1024;

// An array that a step reads or makes, seen as a matrix (rows, n) of its last axis. Where each example has its own, this is the
// matrix of one example.
struct Value {
    Kind kind;
    std::vector<long> shape;
    long rows = 1, n = 1;

    // What the network says about it.
    std::vector<double> numbers;  // of a constant
    bool weights = false;         // whether it is regularized
    double rate = 1;              // of a parameter: by what its change is multiplied; 0 where it is frozen
    bool panels = false;  // a W (rows, n) that only linear steps read: kept as W^T, in panels as wide as a register, which the
                          // product A W^T reads one number after the other
    bool needs_backward = false;  // whether there is a second copy of such a W, in panels and not transposed: the way back,
                                  // dA = dZ W, reads that one

    // Where it lies: decided once, when all steps are known.
    long row = 0;             // how far its rows lie apart
    long offset = 0;          // where it starts, among the parameters or among all other values
    long in_flat = 0;         // of a parameter: where it starts in the network's own vector
    long sum = 0;             // of a parameter to whose derivative steps add: where that starts, in every worker's sums
    long backward = -1;       // of a W with a copy for the way back: where that starts
    long rounded = -1, rounded_backward = -1;  // the same of its copies that are rounded, among the words
    bool copied = true;       // of a parameter: whether the program has a copy of it
    bool stays = false;       // of examples: whether the update reads the whole batch's rows of it
    bool brief = false;       // of examples: whether the derivative by it is of no use when its stretch of steps goes on to
                              // other examples of the strip, which then have it in the same place
    Reads reads = Reads::copies;  // of the examples as they come: in which places all who read them can
    bool may_lie_abreast = false;  // of examples

    // How it is used for batches of the present size.
    bool in_network = false;  // a parameter that is read in the network's own vector, row by row
    bool by_outputs = false;  // a W in panels: whether the workers share its outputs, instead of the batch
    bool abreast = false;     // examples: whether WIDTH of them lie as one, whose features are registers

    Value(Kind kind, std::vector<long> shape_) : kind(kind), shape(std::move(shape_)) {
        for (size_t d = 0; d + 1 < shape.size(); d++) rows *= shape[d];
        if (!shape.empty()) n = shape.back();
    }

    // How many numbers it has.
    long count() const { return rows * n; }

    // Where number i of its array lies, counted row by row.
    long place(long i) const {
        RELIES_ON(0 <= i && i < count());
        return i / n * row + i % n;
    }

    // How much room it takes, in whole registers.
    template <class T>
    long size() const {
        return padded<T>(panels ? padded<T>(rows) * n : rows * row);
    }
};

}  // namespace chainrule
