// A network, a cost and an optimizer as a flat list of steps over buffers that are made once.
//
// The batch is split over the team: each worker takes its rows through all steps, forward and backward, a strip of them at a
// time if what is made of them would not stay in its cache. Then the workers meet, and each updates its share of the
// parameters. The derivative of a W is a product over all examples, A^T dZ; whoever updates a part of W computes that part of
// the product just before, so that the gradient of a W is nowhere stored.
//
// Where a W is large beside the batch, its step is split by outputs instead: each worker takes all rows through the part of
// W that it also updates, so that W need not wander between the cores.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "gemm.hpp"
#include "optimizers.hpp"
#include "step.hpp"
#include "team.hpp"

namespace chainrule {

// What a call came to.
struct Report {
    std::vector<double> costs;      // J of each batch, penalty included
    std::vector<double> penalties;  // what of it is the penalty
    long count = 0;                 // how many batches there were
    bool finite = true;             // if not, the last of the costs is the one that is not, and nothing followed
    bool numbers = true;            // whether X holds numbers alone, as far as it was looked at
};

template <class T>
class Program {
  public:
    // batch: the most examples that a batch may have. strip: the most that a worker has in hand, or 0 for as many as stay near
    // it. result: the value that the network returns, or -1.
    Program(std::vector<Value> values, Rule rule, long batch, long strip, int threads, int result)
        : values(std::move(values)), team(threads), strip(strip), batch(batch), result(result), rule(std::move(rule)),
          workers(threads) {}

    // So few examples at a time do not pay for bringing every W into panels.
    static constexpr long FEW = 8;

    // A worker's rows of a value; a parameter is everybody's.
    Matrix<T> value(Worker<T>& w, int id) {
        const Value& v = values[id];
        if (v.in_network) return {const_cast<T*>(w.data->parameters) + v.offset, v.rows, v.n, v.row};
        if (v.kind == Kind::parameter) return {theta.data() + v.offset, v.rows, v.n, v.row};
        return lies(w, id) && !w.data->order ? given(w, id, w.first, w.examples) : rows(w, id, held);
    }
    Matrix<T> derivative(Worker<T>& w, int id) {
        const Value& v = values[id];
        if (v.kind == Kind::parameter) return {w.sums.data() + v.sum, v.rows, v.n, v.row};
        return rows(w, id, derivatives);
    }

    // All rows of the batch.
    Matrix<T> all(Worker<T>& w, int id) {
        return lies(w, id) ? given(w, id, w.begin, w.batch) : all(w, id, held);
    }
    Matrix<T> all_derivatives(Worker<T>& w, int id) { return all(w, id, derivatives); }

    // Whether a value is read where the data lie, in this call.
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

    // Which of n panels are a worker's.
    std::pair<long, long> mine(Worker<T>& w, long n) const { return {n * w.id / team.size(), n * (w.id + 1) / team.size()}; }

    void add_step(std::unique_ptr<Step<T>> step) {
        step->program = this;
        steps.push_back(std::move(step));
    }

    // Once all steps are there: the memory, and who leaves which derivatives where.
    void seal() {
        share_out();
        allocate();
        for (auto& step : steps) {
            (at_once(*step) ? common : walked).push_back(step.get());
            if (step->begins()) beginning.push_back(step.get());
            step->prepare();
        }
        if (training()) cut();
    }

    // W itself, in panels: what dA = dZ W reads.
    T* turned(int id) {
        for (auto [value, offset] : turned_at)
            if (value == id) return turned_copies.data() + offset;
        return nullptr;
    }

    // Parameters or what a rule remembers of them, between the network's order and the program's.
    void load(Buffer<T>& to, int id, const T* from) {
        if (values[id].in_network) return;
        const Value& v = values[id];
        T* ours = to.data() + v.offset;
        if (v.panels)
            for (long i = 0; i < v.rows; i += P, ours += P * v.n)
                transpose(std::min(P, v.rows - i), v.n, from + i * v.n, v.n, ours, P);
        else
            for (long i = 0; i < v.rows; i++) std::memcpy(ours + i * v.row, from + i * v.n, sizeof(T) * v.n);
        if (&to == &theta && turned(id)) turn(id, v.offset, v.template size<T>());
    }
    void unload(const Buffer<T>& from, int id, T* to) {
        const Value& v = values[id];
        const T* ours = from.data() + v.offset;
        if (v.panels)
            for (long i = 0; i < v.rows; i += P, ours += P * v.n)
                transpose(v.n, std::min(P, v.rows - i), ours, P, to + i * v.n, v.n);
        else
            for (long i = 0; i < v.rows; i++) std::memcpy(to + i * v.n, ours + i * v.row, sizeof(T) * v.n);
    }

    // Whether n of the data are numbers in the program's type.
    template <class E>
    static bool numbers(const E* x, long n) {
        if constexpr (std::is_integral_v<E>) return true;
        int others = 0;
        for (long i = 0; i < n; i++) others |= !(std::abs(T(x[i])) <= std::numeric_limits<T>::max());
        return !others;
    }

    // Batches of `batch` examples, one after the other, over m examples in the order of the data.
    // outputs: (m, n) where the network's output goes, or null. alphas: a learning rate for each batch, or null, which only
    // measures the cost. l2: the lambda of each batch, or null, which leaves the rule's.
    Report run(const Data<T>& data, long m, long batch, const double* alphas, const double* l2, uint64_t update,
               T* outputs) {
        Report report;
        report.costs.resize((m + batch - 1) / batch), report.penalties.resize(report.costs.size());
        team.run([&](int id) { work(workers[id], data, m, batch, alphas, l2, update, outputs, report); });
        for (Worker<T>& w : workers) report.numbers &= std::exchange(w.numbers, true);
        return report;
    }

    std::vector<Value> values;
    std::vector<std::unique_ptr<Step<T>>> steps;
    Team team;
    Buffer<T> theta;
    Buffer<T> slots[2];
    long strip;  // the most examples that a worker has in hand

  private:
    bool training() const { return !rule.name.empty(); }  // else nothing is kept for the way back

    void allocate() {
        long in_network = 0;
        for (int id = 0; id < int(values.size()); id++) {
            Value& v = values[id];
            const bool parameter = v.kind == Kind::parameter;
            v.row = parameter || v.rows > 1 ? padded<T>(v.n) : apart<T>(v.n);
            if (parameter && !training() && (v.panels ? batch <= FEW : row_by_row(id)))
                v.panels = false, v.in_network = true, v.row = v.n, v.offset = in_network;
            if (parameter) in_network += v.rows * v.n;
            v.by_outputs = v.panels && team.size() > 1 && large(v, batch) && panels(v) >= team.size();
        }
        const std::vector<int> places = share_places();
        cut_strips(places);
        long others = 0, sums = 0;
        for (int id = 0; id < int(values.size()); id++) {
            Value& v = values[id];
            const bool parameter = v.kind == Kind::parameter, guest = places[id] != id;
            if (v.in_network) continue;
            v.offset = guest ? values[places[id]].offset : parameter ? parameters : others;
            (parameter ? parameters : others) += guest ? 0 : v.template size<T>() * copies(v);
            if (parameter && written[id] && training()) v.sum = sums, sums += v.template size<T>();
            if (v.turned && training()) turned_at.push_back({id, turned_size}), turned_size += v.rows * v.row;
        }
        theta = Buffer<T>(parameters), turned_copies = Buffer<T>(turned_size);
        held = Buffer<T>(others), derivatives = Buffer<T>(training() ? others : 0);
        for (Buffer<T>& slot : slots) slot = Buffer<T>(training() ? parameters : 0);
        for (const Value& v : values)
            for (long i = 0; i < long(v.numbers.size()); i++) held.data()[v.offset + v.place(i)] = T(v.numbers[i]);
        if (rule.clip_norm) whole = Buffer<T>(parameters);
        for (int id = 0; id < team.size(); id++)
            workers[id].id = id, workers[id].sums = Buffer<T>(sums);
    }

    // For each value, whose place it takes: its own, or that of the one it is made of where nobody else needs that.
    std::vector<int> share_places() const {
        std::vector<int> places(values.size()), readers(values.size());
        std::vector<const Step<T>*> makers(values.size());
        for (int id = 0; id < int(values.size()); id++) places[id] = id;
        for (const auto& step : steps)
            for (int id : step->inputs) readers[id]++;
        for (const auto& step : steps) {
            if (step->output < 0) continue;
            makers[step->output] = step.get();
            if (!step->overwrites()) continue;
            const int from = step->inputs[0];
            if (readers[from] == 1 && from != result && makers[from] && !makers[from]->keeps_output() &&
                values[from].kind == values[step->output].kind && values[from].shape == values[step->output].shape)
                places[step->output] = places[from];
        }
        return places;
    }

    // How many examples a worker takes through all steps at a time, and whose rows stay until the update.
    void cut_strips(const std::vector<int>& places) {
        std::vector<bool> stays(values.size());
        const long most = (batch + team.size() - 1) / team.size(), asked = std::exchange(strip, most);
        long liked = 1, bytes = 1;
        for (const auto& step : steps) {
            if (step->needs_all()) return;
            liked = std::max(liked, step->likes());
            for (int i = 0; i < int(step->inputs.size()); i++)
                if (training() && step->defers(i) && step->derives[i]) stays[places[step->inputs[0]]] = stays[places[step->output]] = true;
        }
        for (int id = 0; id < int(values.size()); id++)
            if (values[id].kind == Kind::example && places[id] == id && !stays[id])
                bytes += values[id].template size<T>() * long(sizeof(T)) * (training() ? 2 : 1);
        const long near = asked ? asked : std::max(liked, NEAR / bytes / liked * liked);
        if (near >= most) return;
        strip = near;
        for (int id = 0; id < int(values.size()); id++) values[id].whole = stays[places[id]];
    }

    // How often there is room for a value.
    long copies(const Value& v) const {
        if (v.kind == Kind::example) return v.whole ? batch : team.size() * strip;
        return v.kind == Kind::shared ? team.size() : 1;
    }

    // Whether a step makes something of parameters alone.
    bool at_once(const Step<T>& step) const { return step.output >= 0 && values[step.output].kind == Kind::shared; }

    // Who reads the data where they lie, who writes a derivative first on the way back, who adds to it, and what is left to the
    // update.
    void share_out() {
        written.assign(values.size(), false), products.resize(values.size());
        for (auto& step : steps)
            if (step->gathers()) values[step->output].reads = reads(step->output);
        for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
            (*step)->add.clear();
            for (int i = 0; i < int((*step)->inputs.size()); i++) {
                int id = (*step)->inputs[i];
                (*step)->add.push_back(written[id] || values[id].kind != Kind::example);
                if (!(*step)->derives[i]) continue;
                if ((*step)->defers(i))
                    products[id].push_back({(*step)->inputs[0], (*step)->output});
                else
                    written[id] = true;
            }
        }
    }

    Matrix<T> rows(Worker<T>& w, int id, Buffer<T>& of_others) {
        const Value& v = values[id];
        T* start = of_others.data() + v.offset;
        if (v.kind == Kind::example)
            return {start + (v.whole ? w.first - w.begin : w.id * strip) * v.rows * v.row, w.examples * v.rows, v.n, v.row};
        return {start + (v.kind == Kind::shared ? w.id * v.template size<T>() : 0), v.rows, v.n, v.row};
    }
    Matrix<T> all(Worker<T>& w, int id, Buffer<T>& of_examples) {
        const Value& v = values[id];
        return {of_examples.data() + v.offset, w.batch * v.rows, v.n, v.row};
    }

    static constexpr char TYPE = sizeof(T) == 4 ? 'f' : 'd';

    // Examples from number `first` of the call on, as they lie in the data.
    Matrix<T> given(Worker<T>& w, int id, long first, long examples) {
        const Value& v = values[id];
        T* X = static_cast<T*>(const_cast<void*>(w.data->X));
        return {X + (w.data->first + first) * w.data->features, examples * v.rows, v.n, v.n};
    }

    // How all who read a value can take it. An even number of cache lines between rows would crowd one place of the cache.
    Reads reads(int id) const {
        const Value& v = values[id];
        Reads all = Reads::anywhere;
        for (auto& step : steps)
            for (int i = 0; i < int(step->inputs.size()); i++)
                if (step->inputs[i] == id) all = std::min(all, step->reads(i));
        if (all == Reads::anywhere && v.rows > 1) all = Reads::in_order;
        return all == Reads::in_order && v.n * sizeof(T) % 128 == 0 ? Reads::copies : all;
    }

    // Whether all who read a parameter take it row by row.
    bool row_by_row(int id) const {
        bool all = true;
        for (auto& step : steps)
            for (int i = 0; i < int(step->inputs.size()); i++) all &= step->inputs[i] != id || step->row_by_row(i);
        return all;
    }

    static long panels(const Value& v) { return padded<T>(v.rows) / WIDTH<T>; }
    static bool large(const Value& v, long batch) { return v.rows * v.n > batch * (v.rows + v.n); }

    void work(Worker<T>& w, const Data<T>& data, long m, long batch, const double* alphas, const double* l2,
              uint64_t update, T* outputs, Report& report) {
        w.data = &data, w.training = alphas != nullptr;
        for (long k = 0, begin = 0; begin < m; k++, begin += batch) {
            if (w.id == 0) team.spread();
            w.begin = begin, w.batch = std::min(batch, m - begin), w.update = update + k, w.cost = 0;
            walk(w, outputs);
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

    // Whether what it has in hand are numbers, in the program's type.
    static void look(Worker<T>& w) {
        with_type(*w.data, [&](auto* X) {
            for (long i = 0; i < w.examples; i++) w.numbers &= numbers(X + w.source(i) * w.data->features, w.data->features);
        });
    }

    // All steps with a worker's part of the batch, forward and, in training, backward.
    void walk(Worker<T>& w, T* outputs) {
        for (Step<T>* step : common) step->forward(w);
        for (Step<T>* step : beginning) step->begin(w);
        if (!beginning.empty()) team.barrier.meet();
        if (w.training) clear_sums(w);
        const long last = w.begin + w.batch * (w.id + 1) / team.size();
        w.first = w.begin + w.batch * w.id / team.size();
        do {
            w.examples = std::min(strip, last - w.first);
            if (!w.data->looked_at) look(w);
            for (Step<T>* step : walked) step->forward(w);
            if (outputs) copy_out(w, result, outputs);
            if (w.training) backward(w, walked);
        } while ((w.first += strip) < last);
        if (!w.training) return;
        for (Step<T>* step : beginning) step->end(w);
        backward(w, common);
    }

    static void backward(Worker<T>& w, const std::vector<Step<T>*>& steps) {
        for (auto step = steps.rbegin(); step != steps.rend(); ++step) (*step)->backward(w);
    }

    // The derivatives to which every example adds its part.
    void clear_sums(Worker<T>& w) {
        for (int id = 0; id < int(values.size()); id++)
            if (written[id] && values[id].kind != Kind::example)
                std::memset(static_cast<void*>(derivative(w, id).data), 0, sizeof(T) * values[id].template size<T>());
    }

    struct Product {
        int A, Z;
    };
    static constexpr long P = WIDTH<T>, FEATURES = 48, NUMBERS = FEATURES * P;

    // The parameters in parts, and the workers' shares of them.
    void cut() {
        std::vector<Part> common;
        for (int id = 0; id < int(values.size()); id++) {
            const Value& v = values[id];
            if (v.kind != Kind::parameter) continue;
            if (v.by_outputs)
                for (Worker<T>& w : workers) cut(w.parts, id, v.n * WIDTH<T>, mine(w, panels(v)), 2);
            else if (v.panels)
                cut(common, id, v.n * WIDTH<T>, {0, panels(v)}, 2);
            else
                cut(common, id, v.template size<T>(), {0, 1}, 1);
        }
        long all = 0, done = 0;
        for (const Part& part : common) all += part.n * part.panels;
        for (const Part& part : common) {
            workers[done * team.size() / all].parts.push_back(part);
            done += part.n * part.panels;
        }
    }

    // Panels [first, last) of so many numbers, some of them at a time.
    void cut(std::vector<Part>& into, int id, long panel, std::pair<long, long> range, long some) {
        for (long j = range.first; j < range.second; j += some)
            for (long i = 0; i < panel; i += NUMBERS)
                into.push_back({id, values[id].offset + j * panel + i, std::min(NUMBERS, panel - i),
                                int(std::min(some, range.second - j)), panel});
    }

    // use(part, its gradient, from one panel to the next) for each part that this worker updates.
    template <class F>
    void each_part(Worker<T>& w, bool kept, F use) {
        alignas(64) T block[2 * NUMBERS];
        for (const Part& part : w.parts)
            kept ? use(part, whole.data() + part.first, part.panel) : use(part, block, NUMBERS);
    }

    // This worker's share of the update: the gradient, regularized and clipped, and what the rule makes of it. The penalty,
    // before.
    double improve(Worker<T>& w, double alpha, double l2, double t) {
        double penalty = 0;
        const bool kept = rule.clip_norm != 0;  // who shortens the gradient must have seen all of it
        const T shorten = kept ? shortening(w, l2, penalty) : T(1);
        const Move<T> move(rule, alpha, t);
        each_part(w, kept, [&](const Part& part, T* g, long panel) {
            fetch(part);
            if (!kept) penalty += gradient(w, part, l2, g, panel);
            for (int s = 0; s < part.panels; s++, g += panel) {
                long i = part.first + s * part.panel;
                if (kept)
                    for (long j = 0; j < part.n; j++) g[j] *= shorten;
                move(theta.data() + i, slots[0].data() + i, slots[1].data() + i, g, part.n, values[part.id].weights);
                if (turned(part.id)) turn(part.id, i, part.n);
            }
        });
        return penalty;
    }

    // Ask for what is going to be changed: others have read theta, and taking it back from them takes as long as the product.
    void fetch(const Part& part) {
        for (int s = 0; s < part.panels; s++)
            for (long j = 0; j < part.n; j += WIDTH<T>)
                for (T* of : {theta.data(), slots[0].data(), slots[1].data()})
                    __builtin_prefetch(of + part.first + s * part.panel + j, 1);
    }

    // What a gradient that is longer than clip_norm is multiplied by.
    T shortening(Worker<T>& w, double l2, double& penalty) {
        w.squares = 0;
        each_part(w, true, [&](const Part& part, T* g, long panel) {
            penalty += gradient(w, part, l2, g, panel);
            for (int s = 0; s < part.panels; s++)
                for (long j = 0; j < part.n; j++) w.squares += double(g[s * panel + j]) * g[s * panel + j];
        });
        team.barrier.meet();
        double all = 0;
        for (const Worker<T>& other : workers) all += other.squares;
        double norm = std::sqrt(all);
        return norm > rule.clip_norm ? T(rule.clip_norm / norm) : T(1);
    }

    // dJ/dtheta of a part, over all examples, with the penalty's part; and the penalty.
    double gradient(Worker<T>& w, const Part& part, double l2, T* g, long panel) {
        const Value& v = values[part.id];
        for (int s = 0; s < part.panels; s++) add_up(part.id, part.first + s * part.panel, part.n, g + s * panel);
        const long row = (part.first - v.offset) / WIDTH<T>, feature = row % v.n, output = row / v.n * WIDTH<T>;
        bool add = written[part.id];
        for (Product product : products[part.id]) {
            Matrix<T> A = all(w, product.A), dZ = all_derivatives(w, product.Z);
            multiply<T>(part.n / WIDTH<T>, part.panels * WIDTH<T>, A.rows, {A.data + feature, 1, A.row},
                        {dZ.data + output, WIDTH<T>, dZ.row}, {g, panel, WIDTH<T>}, nullptr, add);
            add = true;
        }
        double penalty = 0;
        for (int s = 0; s < part.panels; s++) penalty += regularize(part, l2, part.first + s * part.panel, g + s * panel);
        return penalty;
    }

    // What the steps left of a derivative, all workers' together.
    void add_up(int id, long i, long n, T* g) {
        if (!written[id]) {
            if (products[id].empty()) std::memset(g, 0, sizeof(T) * n);
            return;
        }
        i += values[id].sum - values[id].offset;
        std::memcpy(g, workers[0].sums.data() + i, sizeof(T) * n);
        for (size_t k = 1; k < workers.size(); k++) {
            const T* theirs = workers[k].sums.data() + i;
            for (long j = 0; j < n; j++) g[j] += theirs[j];
        }
    }

    double regularize(const Part& part, double l2, long i, T* g) {
        double penalty = 0;
        if (l2 && values[part.id].weights) {
            const T lambda = T(l2), *theta = this->theta.data() + i;
            for (long j = 0; j < part.n; j++) g[j] += lambda * theta[j], penalty += double(theta[j]) * double(theta[j]);
        }
        if (rule.clip_value) {
            const T most = T(rule.clip_value);
            for (long j = 0; j < part.n; j++) g[j] = std::min(std::max(g[j], -most), most);
        }
        return 0.5 * l2 * penalty;
    }

    // Bring n numbers of the panels of W^T from i on, each register of one feature, into the panels of W.
    void turn(int id, long i, long n) {
        const Value& v = values[id];
        T* copy = turned(id);
        for (long j = i; j < i + n;) {
            const long r = (j - v.offset) / P, output = r / v.n * P, feature = r % v.n;
            const long features = std::min({v.n - feature, (i + n - j) / P, P - feature % P});
            transpose(features, std::min(P, v.rows - output), theta.data() + j, P,
                      copy + feature / P * (v.rows * P) + output * P + feature % P, P);
            j += features * P;
        }
    }

    void copy_out(Worker<T>& w, int id, T* outputs) {
        Matrix<T> A = value(w, id);
        for (long i = 0; i < A.rows; i++) std::memcpy(outputs + (w.first * values[id].rows + i) * A.n, A[i], sizeof(T) * A.n);
    }

    // Bytes of values and derivatives that stay near a core, beside the parameters: a quarter of a usual second cache.
    static constexpr long NEAR = 256 * 1024;

    long batch;
    int result;
    Rule rule;
    std::vector<Step<T>*> common, walked, beginning;  // made of parameters alone; of examples; those of all that begin a batch
    std::vector<Worker<T>> workers;
    Buffer<T> turned_copies, whole;  // whole: the gradient, where its length is asked for
    std::vector<std::pair<int, long>> turned_at;
    std::vector<bool> written;                   // by value: whether steps leave something in the workers' sums
    std::vector<std::vector<Product>> products;  // by parameter
    Buffer<T> held, derivatives;  // of all examples of the batch, of all workers, and constants
    long parameters = 0, turned_size = 0;
};

}  // namespace chainrule
