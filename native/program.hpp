// A network, a cost and an optimizer as a flat list of steps over buffers that are made once.
//
// The batch is split over the team: each worker takes its rows through all steps, forward and backward, with buffers of
// its own, and the workers meet only to add up the gradients and to share out the update.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "gemm.hpp"
#include "optimizers.hpp"
#include "team.hpp"

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

enum class Kind { example, parameter };

// What a step reads or makes: for each example a matrix (rows, n), or a parameter of that shape.
struct Value {
    Kind kind;
    long rows, n;
    long row = 0;     // how far its rows lie apart: n, rounded up to whole registers
    long offset = 0;  // where it starts, in the worker's buffer, or among the parameters
    bool wanted = false;  // whether a derivative by it leads to a parameter
    bool panels = false;  // a W (rows, n), kept as W^T in panels as wide as a register: what products read at a stride of 1
    bool turned = false;  // whether there is also a copy of W itself in panels, for the way back to A
    bool weights = false;  // whether it is regularized

    // How many numbers it takes, in whole registers.
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
};

// The data of one call, as they lie in memory; rows are met in the given order.
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
};

// One member of the team, and its part of the batch.
template <class T>
struct Worker {
    int id = 0;
    long first = 0;     // its first example, counted in the order of the epoch
    long examples = 0;  // how many it has
    long begin = 0;     // the batch's first example, in the same count
    long batch = 0;     // examples in the whole batch
    bool training = false;
    uint64_t update = 0;  // the number of updates before this one
    const Data<T>* data = nullptr;
    Buffer<T> values, derivatives, gradient;
    double cost = 0, squares = 0;
    double penalty[2] = {};  // of this and the last batch: others may still read the last one

    int64_t source(long i) const { return data->order ? data->order[first + i] : first + i; }
};

template <class T>
class Program;

template <class T>
class Step {
  public:
    virtual ~Step() = default;
    virtual void forward(Worker<T>&) = 0;
    virtual void backward(Worker<T>&) {}

    std::vector<int> inputs;
    int output = -1;
    std::vector<bool> add;  // by input: whether a later step has left a derivative there already
    Program<T>* program = nullptr;

  protected:
    Matrix<T> value(Worker<T>& w, int id) const { return program->value(w, id); }
    Matrix<T> in(Worker<T>& w, int i) const { return program->value(w, inputs[i]); }
    Matrix<T> out(Worker<T>& w) const { return program->value(w, output); }
    Matrix<T> d_in(Worker<T>& w, int i) const { return program->derivative(w, inputs[i]); }
    Matrix<T> d_out(Worker<T>& w) const { return program->derivative(w, output); }
    bool wanted(int i) const { return program->values[inputs[i]].wanted; }
};

// What a call came to.
struct Report {
    std::vector<double> costs;      // J of each batch, penalty included
    std::vector<double> penalties;  // what of it is the penalty
    long count = 0;                 // how many batches there were
    bool finite = true;             // if not, the last of the costs is the one that is not, and nothing followed
};

template <class T>
class Program {
  public:
    // batch: the most examples that a batch may have.
    Program(std::vector<Value> values_, Rule rule, long batch, int threads)
        : values(std::move(values_)), team(threads), rule(std::move(rule)), workers(threads) {
        const bool training = !this->rule.name.empty();  // else nothing is kept for the way back
        long of_example = 0;
        for (Value& v : values) {
            v.row = padded<T>(v.n);
            long& end = v.kind == Kind::example ? of_example : parameters;
            v.offset = end;
            end += v.template size<T>();
            if (v.turned && training) turned_at.push_back({int(&v - values.data()), turned_size}), turned_size += v.rows * v.row;
        }
        share = (batch + threads - 1) / threads;
        theta = Buffer<T>(parameters), turned_copies = Buffer<T>(turned_size);
        for (Buffer<T>& slot : slots) slot = Buffer<T>(training ? parameters : 0);
        team.run([&](int id) {  // each by the thread that will use it, so that it lies near its core
            Worker<T>& w = workers[id];
            w.id = id;
            w.values = Buffer<T>(of_example * share), w.derivatives = Buffer<T>(training ? of_example * share : 0);
            w.gradient = Buffer<T>(training ? parameters : 0);
        });
    }

    Matrix<T> value(Worker<T>& w, int id) { return matrix(w, id, w.values, theta); }
    Matrix<T> derivative(Worker<T>& w, int id) { return matrix(w, id, w.derivatives, w.gradient); }

    void add_step(std::unique_ptr<Step<T>> step) {
        step->program = this;
        steps.push_back(std::move(step));
    }

    // Once all steps are there: who writes a derivative first on the way back, and who adds to it.
    void seal() {
        std::vector<bool> written(values.size(), false);
        for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
            (*step)->add.clear();
            for (int id : (*step)->inputs) {
                (*step)->add.push_back(written[id]);
                written[id] = true;
            }
        }
    }

    // W itself, in panels: what dA = dZ W reads.
    T* turned(int id) {
        for (auto [value, offset] : turned_at)
            if (value == id) return turned_copies.data() + offset;
        return nullptr;
    }

    // Parameters or what a rule remembers of them, between the network's order and the program's.
    void load(Buffer<T>& to, int id, const T* from) {
        copy(id, to.data(), [&](T& ours, long i) { ours = from[i]; });
        if (&to == &theta && turned(id)) turn(id, 0, padded<T>(values[id].rows) / WIDTH<T> * values[id].n);
    }
    void unload(const Buffer<T>& from, int id, T* to) {
        copy(id, from.data(), [&](T& ours, long i) { to[i] = ours; });
    }

    // Batches of `batch` examples, one after the other, over m examples in the order of the data.
    // outputs: (m, n) where the values of `result` go, or null. alphas: a learning rate for each batch, or null, which only
    // measures the cost. l2: the lambda of each batch, or null, which leaves the rule's.
    Report run(const Data<T>& data, long m, long batch, const double* alphas, const double* l2, uint64_t update, int result,
               T* outputs) {
        Report report;
        report.costs.resize((m + batch - 1) / batch), report.penalties.resize(report.costs.size());
        team.run([&](int id) { work(workers[id], data, m, batch, alphas, l2, update, result, outputs, report); });
        return report;
    }

    std::vector<Value> values;
    std::vector<std::unique_ptr<Step<T>>> steps;
    Team team;
    Buffer<T> theta;
    Buffer<T> slots[2];

  private:
    Matrix<T> matrix(Worker<T>& w, int id, Buffer<T>& of_examples, Buffer<T>& of_all) {
        const Value& v = values[id];
        if (v.kind == Kind::example) return {of_examples.data() + v.offset * share, w.examples * v.rows, v.n, v.row};
        return {of_all.data() + v.offset, v.rows, v.n, v.row};
    }

    void work(Worker<T>& w, const Data<T>& data, long m, long batch, const double* alphas, const double* l2,
              uint64_t update, int result, T* outputs, Report& report) {
        w.data = &data, w.training = alphas != nullptr;
        for (long k = 0, begin = 0; begin < m; k++, begin += batch) {
            w.begin = begin, w.batch = std::min(batch, m - begin), w.update = update + k, w.cost = 0;
            w.first = begin + w.batch * w.id / team.size();
            w.examples = begin + w.batch * (w.id + 1) / team.size() - w.first;
            for (auto& step : steps) step->forward(w);
            if (outputs) copy_out(w, result, outputs);
            if (alphas)
                for (auto step = steps.rbegin(); step != steps.rend(); ++step) (*step)->backward(w);
            team.barrier.meet();
            double cost = 0, penalty = 0;
            for (const Worker<T>& other : workers) cost += other.cost;
            bool finite = std::isfinite(cost);
            if (finite && alphas) w.penalty[k % 2] = improve(w, alphas[k], l2 ? l2[k] : rule.l2, double(update + k + 1));
            team.barrier.meet();
            for (const Worker<T>& other : workers) penalty += alphas && finite ? other.penalty[k % 2] : 0;
            cost += penalty;
            finite = std::isfinite(cost);
            if (w.id == 0) {
                report.costs[k] = cost, report.penalties[k] = penalty, report.count = k + 1;
                report.finite = finite;
            }
            if (!finite && alphas) return;
        }
    }

    // This worker's share of the update: add up the gradients, regularize, clip, and follow the rule. The penalty, before.
    double improve(Worker<T>& w, double alpha, double l2, double t) {
        double penalty = 0;
        T shorten = rule.clip_norm ? shortening(w, l2) : T(1);
        each_share(w, [&](int id, long from, long to) {
            bool weights = values[id].weights;
            each_block(from, to, weights ? l2 : 0, [&](T* g, long i, long n, double of_block) {
                penalty += of_block;
                if (rule.clip_norm)
                    for (long j = 0; j < n; j++) g[j] *= shorten;
                update<T>(rule, theta.data() + i, slots[0].data() + i, slots[1].data() + i, g, n, weights, alpha, t);
            });
            if (turned(id)) turn(id, (from - values[id].offset) / WIDTH<T>, (to - values[id].offset) / WIDTH<T>);
        });
        return penalty;
    }

    // What a gradient that is longer than clip_norm is multiplied by.
    T shortening(Worker<T>& w, double l2) {
        w.squares = 0;
        each_share(w, [&](int id, long from, long to) {
            each_block(from, to, values[id].weights ? l2 : 0, [&](T* g, long, long n, double) {
                for (long j = 0; j < n; j++) w.squares += double(g[j]) * g[j];
            });
        });
        team.barrier.meet();
        double all = 0;
        for (const Worker<T>& other : workers) all += other.squares;
        double norm = std::sqrt(all);
        return norm > rule.clip_norm ? T(rule.clip_norm / norm) : T(1);
    }

    // use(parameter, from, to) for the part of each parameter that this worker updates.
    template <class F>
    void each_share(Worker<T>& w, F use) {
        long begin = parameters / WIDTH<T> * w.id / team.size() * WIDTH<T>;
        long end = parameters / WIDTH<T> * (w.id + 1) / team.size() * WIDTH<T>;
        for (int id = 0; id < int(values.size()); id++) {
            const Value& v = values[id];
            long from = std::max(begin, v.offset), to = std::min(end, v.offset + v.template size<T>());
            if (v.kind == Kind::parameter && from < to) use(id, from, to);
        }
    }

    // use(gradient, first, n, penalty) for blocks of the gradient that stay in the first cache.
    template <class F>
    void each_block(long from, long to, double l2, F use) {
        constexpr long block = 1024;
        for (long i = from; i < to; i += block) {
            T g[block];
            long n = std::min(block, to - i);
            double penalty = gradient(g, i, n, l2);
            use(g, i, n, penalty);
        }
    }

    // dJ/dtheta of n elements, all workers' shares together, with the penalty's part; and the penalty.
    double gradient(T* g, long i, long n, double lambda) {
        std::memcpy(g, workers[0].gradient.data() + i, sizeof(T) * n);
        for (size_t k = 1; k < workers.size(); k++) {
            const T* theirs = workers[k].gradient.data() + i;
            for (long j = 0; j < n; j++) g[j] += theirs[j];
        }
        double penalty = 0;
        if (lambda) {
            const T l2 = T(lambda), *theta = this->theta.data() + i;
            for (long j = 0; j < n; j++) g[j] += l2 * theta[j], penalty += double(theta[j]) * double(theta[j]);
        }
        if (rule.clip_value) {
            const T most = T(rule.clip_value);
            for (long j = 0; j < n; j++) g[j] = std::min(std::max(g[j], -most), most);
        }
        return 0.5 * lambda * penalty;
    }

    // Bring rows [from, to) of the panels of W^T, each WIDTH numbers of one feature, into the panels of W.
    void turn(int id, long from, long to) {
        constexpr long P = WIDTH<T>;
        const Value& v = values[id];
        T *W = theta.data() + v.offset, *copy = turned(id);
        for (long r = from; r < to; r++) {
            long panel = r / v.n, p = r % v.n;
            T* column = copy + p / P * (v.rows * P) + p % P;
            for (long q = 0; q < P && panel * P + q < v.rows; q++) column[(panel * P + q) * P] = W[r * P + q];
        }
    }

    // use(where the program keeps a number, where the network has it) for each number of a parameter.
    template <class F>
    void copy(int id, T* data, F use) {
        constexpr long P = WIDTH<T>;
        const Value& v = values[id];
        for (long i = 0; i < v.rows; i++)
            for (long j = 0; j < v.n; j++)
                use(data[v.offset + (v.panels ? (i / P * v.n + j) * P + i % P : i * v.row + j)], i * v.n + j);
    }

    void copy_out(Worker<T>& w, int id, T* outputs) {
        Matrix<T> A = value(w, id);
        for (long i = 0; i < A.rows; i++) std::memcpy(outputs + (w.first * values[id].rows + i) * A.n, A[i], sizeof(T) * A.n);
    }

    Rule rule;
    std::vector<Worker<T>> workers;
    Buffer<T> turned_copies;
    std::vector<std::pair<int, long>> turned_at;
    long parameters = 0, turned_size = 0, share = 0;
};

}  // namespace chainrule
