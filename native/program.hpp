// A network, a cost and an optimizer as a flat list of steps over buffers that are made once.
//
// The batch is split over the team: each worker takes its examples through all steps, forward and backward, a strip of them at a
// time if what is made of them would not stay in its cache. Then the workers meet, and each updates its share of the
// parameters. The derivative of a W is a product over all examples, A^T dZ; whoever updates a part of W computes that part of
// the product just before, so that the gradient of a W is nowhere stored.
//
// Where a W is large beside the batch, its step is split by outputs instead: each worker takes all examples through the part of
// W that it also updates, so that W need not wander between the cores.
//
// The members are defined in the file of their subject: planning.cpp (where values lie, who writes which derivative, how a batch
// is split), abreast.cpp (examples that lie side by side in registers), stretches.cpp (steps that few examples go through at a
// time), walking.cpp (batch after batch, forward and back), updating.cpp (the gradient, and what the rule makes of it).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "gemm.hpp"
#include "parameters.hpp"
#include "rules.hpp"
#include "step.hpp"
#include "team.hpp"

namespace chainrule {

// Batches of `batch` examples, one after the other, over m examples in the order of the data.
template <class T>
struct Call {
    const Data<T>* data = nullptr;
    long m = 0, batch = 0;
    int threads = 0;                 // how many of the team; 0 for all
    const double* alphas = nullptr;  // a learning rate for each batch, or null, which only measures the cost
    const double* l2 = nullptr;      // the l2 of each batch, or null, which leaves the optimizer's
    const double* decays = nullptr;  // the weight decay of each batch, or null for none
    uint64_t update = 0;             // how many updates there were before
    T* outputs = nullptr;            // (m, n), where the network's output goes, or null
};

// What a call came to.
struct Report {
    std::vector<double> costs;      // J of each batch, penalty included
    std::vector<double> penalties;  // what of it is the penalty
    long count = 0;                 // how many batches there were
    bool finite = true;             // if not, the last of the costs is the one that is not, and nothing followed
    bool numbers = true;            // whether X holds finite numbers alone, as far as it was looked at
};

template <class T>
class Program {
  public:
    // capacity: the most examples that a batch may have. strip: the most that a worker has in hand, or 0 for as many as stay in
    // its cache. threads: the most there may be. result: the value that the network returns, or -1. unit: who multiplies, where
    // the operands of products are rounded to bfloat16.
    Program(std::vector<Value> values, const Settings& settings, Rule<T> rule, long capacity, long strip, int threads, int result,
            Unit unit)
        : values(std::move(values)), team(threads), settings(settings), rule(rule), capacity(capacity), unit(unit), asked(strip),
          result(result), workers(threads) {}

    // Batches of so few examples do not pay for bringing every W into panels.
    static constexpr long FEW = 8;
    // Bytes of values and derivatives that stay near a core, beside the parameters: a quarter of a usual second cache.
    static constexpr long NEAR = 256 * 1024;
    // Registers of a panel that are updated at a time, and the most panels, where each worker has so many times as many.
    static constexpr long PART = 48, PANELS = 8, MANY = 4;

    void add_step(std::unique_ptr<Step<T>> step) {
        step->program = this;
        steps.push_back(std::move(step));
    }

    // To be called once all steps are there.
    //
    // Raises std::invalid_argument where a step cannot do what it is told.
    void seal();

    // Raises std::invalid_argument where the batches are larger than the capacity, or the data not what the steps read.
    Report run(const Call<T>& call);

    // Parameters, or what the rule remembers of them, between the network's order and the program's; see `Parameters`.
    void load(int which, int id, const T* from) {
        if (values[id].copied) parameters.load(which, values[id], from);
    }
    void unload(int which, int id, T* to) const {
        if (values[id].copied) parameters.unload(which, values[id], to);
    }
    // How many vectors there are to load: theta and the slots.
    int vectors() const { return parameters.count(); }
    int output() const { return result; }

    // What steps ask for.

    // A worker's rows of a value; all rows of one that belongs to no example. (In walking.cpp: a step asks once, not in its loops.)
    Matrix<T> value(Worker<T>& w, int id);
    Matrix<T> derivative(Worker<T>& w, int id);

    // The rows of all examples of the batch.
    Matrix<T> all(Worker<T>& w, int id) {
        return lies(w, id) ? rows_of_X(w, id, w.begin, w.batch) : all_rows(w, id, held);
    }
    Matrix<T> all_derivatives(Worker<T>& w, int id) { return all_rows(w, id, derivatives); }

    // Whether a value is read in X itself, in this call.
    bool lies(const Worker<T>& w, int id) const {
        const Reads reads = values[id].reads;
        return reads != Reads::copies && w.data->type == TYPE && (!w.data->order || reads == Reads::anywhere);
    }

    // A worker's rows of a value of examples, wherever they lie.
    Rows<T> examples(Worker<T>& w, int id) {
        if (lies(w, id) && w.data->order)
            return {static_cast<const T*>(w.data->X), w.data->features, w.data->order + w.first};
        Matrix<T> A = value(w, id);
        return {A.data, A.row, nullptr};
    }

    // How many ranks of WIDTH examples, which lie abreast, so many examples make.
    static long ranks(long examples) { return (examples + WIDTH<T> - 1) / WIDTH<T>; }

    // A kernel may need memory for each example in hand. It has room for this many, and a worker's begin at number `place`.
    long room() const { return room_; }
    long place(const Worker<T>& w) const { return whole ? w.first - w.begin : w.id * strip + w.first - w.strip; }

    // Which of n panels are a worker's.
    std::pair<long, long> mine(const Worker<T>& w, long n) const {
        return {n * w.id / team.size(), n * (w.id + 1) / team.size()};
    }

    // W in panels, for the way back; and where operands are rounded, for the way ahead and back.
    T* backward_panels(int id) const { return parameters.backward(values[id]); }
    RoundedPanels rounded(int id) const { return parameters.rounded(values[id]); }
    RoundedPanels rounded_backward(int id) const { return parameters.rounded_backward(values[id]); }

    std::vector<Value> values;
    std::vector<std::unique_ptr<Step<T>>> steps;
    Team team;
    const Settings settings;
    const Rule<T> rule;
    const long capacity;
    const Unit unit;
    bool rounds() const { return unit != Unit::none; }

  private:
    // Steps, one behind the other, that a worker's strip goes through, so many examples at a time; all if these are 0.
    struct Stretch {
        std::vector<Step<T>*> steps;
        long examples;
    };

    static constexpr char TYPE = sizeof(T) == 4 ? 'f' : 'd';

    bool training() const { return rule.trains(); }  // else nothing is kept for the way back

    // passed: how many of the strip's examples are passed over.
    Matrix<T> rows(Worker<T>& w, int id, Buffer<T>& of_others, long passed) {
        const Value& v = values[id];
        T* start = of_others.data() + v.offset;
        if (v.abreast) {
            const long n = v.n * WIDTH<T>;
            return {start + (w.id * ranks(strip) + passed / WIDTH<T>) * v.rows * n, ranks(w.examples) * v.rows, n, n};
        }
        const long first = passed + (whole || v.stays ? w.strip - w.begin : w.id * strip);
        if (v.kind == Kind::example) return {start + first * v.rows * v.row, w.examples * v.rows, v.n, v.row};
        return {start + (v.kind == Kind::shared ? w.id * v.template size<T>() : 0), v.rows, v.n, v.row};
    }
    Matrix<T> all_rows(Worker<T>& w, int id, Buffer<T>& of_examples) {
        const Value& v = values[id];
        RELIES_ON(v.kind == Kind::example && (v.stays || whole));
        return {of_examples.data() + v.offset, w.batch * v.rows, v.n, v.row};
    }
    // Those of X itself, from example `first` of the call on.
    Matrix<T> rows_of_X(Worker<T>& w, int id, long first, long examples) {
        const Value& v = values[id];
        T* X = static_cast<T*>(const_cast<void*>(w.data->X));
        return {X + (w.data->first + first) * w.data->features, examples * v.rows, v.n, v.n};
    }

    // planning.cpp
    void check_steps() const;
    void share_out();
    void place_parameters();
    void place_others();
    void put_constants();
    std::vector<int> shared_places() const;
    void find_those_that_stay(const std::vector<int>& places);
    void choose_strip(const std::vector<int>& places);
    long most_by_outputs() const;
    long copies(const Value& v) const;
    long numbers(const Value& v) const;
    bool needs_all() const;
    bool of_parameters_alone(const Step<T>& step) const;
    Reads reads(int id) const;
    bool row_by_row(int id) const;
    void split(long batch, int threads);
    void share_parts();
    void cut(std::vector<Part>& into, int id, long panel, std::pair<long, long> range, long some) const;
    static long panels(const Value& v) { return padded<T>(v.rows) / WIDTH<T>; }

    // abreast.cpp
    void find_those_abreast();
    bool reads_abreast(const Step<T>& step) const;
    void lay_otherwise(int id);
    static bool pays_abreast(long examples);

    // stretches.cpp
    bool goes_by_portions(const Step<T>& step) const;
    void cut_into_stretches();
    void find_what_is_brief();
    void each_portion(Worker<T>& w, const Stretch& stretch, void (*use)(Worker<T>&, const Stretch&));

    // walking.cpp
    void work(Worker<T>& w, const Call<T>& call, Report& report) noexcept;
    void walk(Worker<T>& w, T* outputs);
    void look(Worker<T>& w) const;
    void clear_sums(Worker<T>& w);
    void copy_out(Worker<T>& w, T* outputs);

    // updating.cpp
    double improve(Worker<T>& w, double alpha, double l2, double decay, double update);
    double gradient(Worker<T>& w, const Part& part, double l2, T* g, long panel);
    double of_frozen(const Part& part, double l2, T* g, long panel) const;
    double regularize(const Part& part, double l2, long i, T* g) const;
    T shortening(Worker<T>& w, double l2, double& penalty);
    void add_up(int id, long i, long n, T* g) const;
    void fetch(const Part& part) const;

    long asked;  // the strip that the caller wants, or 0
    int result;
    std::vector<Worker<T>> workers;
    std::vector<Step<T>*> common, beginning;  // made of parameters alone; those of all steps that begin a batch
    std::vector<Stretch> walked;              // made of examples
    Parameters<T> parameters;
    Buffer<T> held, derivatives;  // of all other values
    Buffer<T> gradients;          // the whole gradient, where its length is asked for
    std::vector<bool> written;                   // by value: whether steps add to the derivative by it in the workers' sums
    std::vector<std::vector<Step<T>*>> deferred;  // by parameter: the steps that leave its derivative to the update
    long near = 1;   // how many examples a worker has in hand where it need not have all of its own
    long room_ = 0;  // of how many examples at a time there are rows of the values that do not stay

    // The present split.
    long batch = 0;
    long strip = 0;     // the most examples that a worker has in hand
    bool whole = true;  // whether each worker has all of its examples in hand at once
    bool abreast = false;  // whether there are examples that lie abreast
};

}  // namespace chainrule
