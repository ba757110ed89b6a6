// Decisions about a program: once, where values lie and who writes which derivative; and for each size of batches, how these are
// split over the workers.
#include "program.hpp"

namespace chainrule {

template <class T>
void Program<T>::seal() {
    expect(capacity >= 1 && team.most() >= 1, "a program is for batches of 1 example or more, and for 1 thread or more");
    check_steps();
    find_those_abreast();
    share_out();
    place_parameters();
    place_others();
    put_constants();
    split(capacity, team.most());
    for (auto& step : steps) {
        if (of_parameters_alone(*step)) common.push_back(step.get());
        if (step->begins()) beginning.push_back(step.get());
        step->prepare();
    }
    cut_into_stretches();
    find_what_is_brief();
}

// Whether all steps read values that are there, and the way back finds what it needs.
template <class T>
void Program<T>::check_steps() const {
    const auto known = [&](int id) { return 0 <= id && id < int(values.size()); };
    expect(result == -1 || (known(result) && values[result].kind == Kind::example), "the result is no value of examples");
    for (const Value& v : values) {
        expect(std::all_of(v.shape.begin(), v.shape.end(), [](long n) { return n > 0; }), "a value has no numbers");
        expect(v.kind != Kind::constant || long(v.numbers.size()) == v.count(), "a constant has not as many numbers as its shape");
    }
    const auto parameters = std::count_if(values.begin(), values.end(), [](const Value& v) { return v.kind == Kind::parameter; });
    expect(settings.rates.empty() || long(settings.rates.size()) == parameters, "each parameter has a rate, or none has");
    for (const auto& step : steps) {
        expect(std::all_of(step->inputs.begin(), step->inputs.end(), known), "a step reads a value that there is not");
        expect(step->output == -1 || known(step->output), "a step makes a value that there is not");
        expect(step->derives.size() == step->inputs.size(), "a step has as many derivatives as inputs");
        step->expects();
    }
}

// Who writes a derivative first on the way back, who adds to it, and what is left to the update; and in which places the
// examples of X are read.
template <class T>
void Program<T>::share_out() {
    written.assign(values.size(), false), deferred.resize(values.size());
    for (auto& step : steps)
        if (step->gathers()) values[step->output].reads = reads(step->output);
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
        (*step)->add.clear();
        for (int i = 0; i < int((*step)->inputs.size()); i++) {
            int id = (*step)->inputs[i];
            (*step)->add.push_back(written[id] || values[id].kind != Kind::example);
            if (!(*step)->derives[i]) continue;
            if ((*step)->defers(i))
                deferred[id].push_back(step->get());
            else
                written[id] = true;
        }
    }
}

// In which places all who read a value can. An even number of cache lines between rows would crowd one place of the cache.
template <class T>
Reads Program<T>::reads(int id) const {
    const Value& v = values[id];
    Reads all = Reads::anywhere;
    for (auto& step : steps)
        for (int i = 0; i < int(step->inputs.size()); i++)
            if (step->inputs[i] == id) all = std::min(all, step->reads(i));
    if (all == Reads::anywhere && v.rows > 1) all = Reads::in_order;
    return all == Reads::in_order && v.n * sizeof(T) % 128 == 0 ? Reads::copies : all;
}

// Whether all who read a parameter take it row by row.
template <class T>
bool Program<T>::row_by_row(int id) const {
    bool all = true;
    for (auto& step : steps)
        for (int i = 0; i < int(step->inputs.size()); i++) all &= step->inputs[i] != id || step->row_by_row(i);
    return all;
}

// Where nothing is trained, parameters that are read row by row need no copy; nor do those in panels if all batches are so small
// that these do not pay.
template <class T>
void Program<T>::place_parameters() {
    long in_flat = 0, numbers = 0, sums = 0, backward = 0, rounded = 0;
    size_t count = 0;
    for (int id = 0; id < int(values.size()); id++) {
        Value& v = values[id];
        if (v.kind != Kind::parameter) continue;
        v.row = padded<T>(v.n);
        if (!settings.rates.empty()) v.rate = settings.rates[count++];
        v.in_flat = in_flat, in_flat += v.count();
        v.copied = training() || !(v.panels ? capacity <= FEW && !rounds() : row_by_row(id));
        v.in_network = !v.copied;
        if (!v.copied) continue;
        v.offset = numbers, numbers += v.template size<T>();
        if (written[id] && training()) v.sum = sums, sums += v.template size<T>();
        const bool back = v.needs_backward && training();
        if (v.panels && rounds()) {
            v.rounded = rounded, rounded += words(v.n, v.rows);
            if (back) v.rounded_backward = rounded, rounded += words(v.rows, v.n);
        } else if (back) {
            v.backward = backward, backward += v.rows * v.row;
        }
    }
    parameters.allocate(numbers, rule.slots, backward, rounded);
    if (settings.clip_norm) gradients = Buffer<T>(numbers);
    for (int id = 0; id < int(workers.size()); id++) {
        workers[id].id = id, workers[id].sums = Buffer<T>(sums);
        if (rounds()) workers[id].rounding.allocate(unit);
    }
}

template <class T>
void Program<T>::place_others() {
    for (Value& v : values)
        if (v.kind != Kind::parameter) v.row = v.rows > 1 ? padded<T>(v.n) : apart<T>(v.n);
    const std::vector<int> places = shared_places();
    find_those_that_stay(places);
    choose_strip(places);
    long numbers = 0;
    const auto guest = [&](int id) { return places[id] != id; };  // of another value, which may have a higher number
    for (int id = 0; id < int(values.size()); id++)
        if (values[id].kind != Kind::parameter && !guest(id)) values[id].offset = numbers, numbers += this->numbers(values[id]);
    for (int id = 0; id < int(values.size()); id++)
        if (values[id].kind != Kind::parameter && guest(id)) values[id].offset = values[places[id]].offset;
    held = Buffer<T>(numbers), derivatives = Buffer<T>(training() ? numbers : 0);
}

template <class T>
void Program<T>::put_constants() {
    for (const Value& v : values)
        if (v.kind == Kind::constant)
            for (long i = 0; i < v.count(); i++) held.data()[v.offset + v.place(i)] = T(v.numbers[i]);
}

// For each value, whose place it takes: its own, or that of the one it is made of where nobody else needs that.
template <class T>
std::vector<int> Program<T>::shared_places() const {
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

// The update multiplies what a step reads by the derivative of what it makes, for all examples of the batch.
template <class T>
void Program<T>::find_those_that_stay(const std::vector<int>& places) {
    std::vector<bool> stays(values.size());
    for (const auto& step : steps)
        for (int i = 0; i < int(step->inputs.size()); i++)
            if (training() && step->defers(i) && step->derives[i])
                stays[places[step->inputs[0]]] = stays[places[step->output]] = true;
    for (int id = 0; id < int(values.size()); id++) values[id].stays = values[id].kind == Kind::example && stays[places[id]];
}

// How many examples a worker takes through all steps at a time, and for how many there must be room. No W is shared by outputs
// yet: the steps that need all here always do.
template <class T>
void Program<T>::choose_strip(const std::vector<int>& places) {
    long liked = 1, bytes = 1;
    for (const auto& step : steps) liked = std::max(liked, step->likes());
    for (int id = 0; id < int(values.size()); id++)
        if (values[id].kind == Kind::example && places[id] == id && !values[id].stays)
            bytes += values[id].template size<T>() * long(sizeof(T)) * (training() ? 2 : 1);
    near = asked ? asked : std::max(liked, NEAR / bytes / liked * liked);
    if (!asked && std::any_of(values.begin(), values.end(), [](const Value& v) { return v.may_lie_abreast; }))
        near = ranks(near) * WIDTH<T>;
    room_ = needs_all() ? capacity : std::min(capacity, std::max(team.most() * near, most_by_outputs()));
}

// The largest batch at which the workers may share the outputs of a W; then each has all of its examples in hand.
template <class T>
long Program<T>::most_by_outputs() const {
    long most = 0;
    for (const Value& v : values)
        if (v.kind == Kind::parameter && v.panels && team.most() > 1 && panels(v) > 1)
            most = std::max(most, (v.count() - 1) / (v.rows + v.n));
    return most;
}

// How often there is room for a value.
template <class T>
long Program<T>::copies(const Value& v) const {
    if (v.kind == Kind::example) return v.stays ? capacity : room_;
    return v.kind == Kind::shared ? team.most() : 1;
}

// For how many numbers there is room.
template <class T>
long Program<T>::numbers(const Value& v) const {
    const long numbers = v.template size<T>() * copies(v);
    return v.may_lie_abreast ? std::max(numbers, padded<T>(v.count() * (room_ + team.most() * WIDTH<T>))) : numbers;
}

template <class T>
bool Program<T>::needs_all() const {
    return std::any_of(steps.begin(), steps.end(), [](const auto& step) { return step->needs_all(); });
}

template <class T>
bool Program<T>::of_parameters_alone(const Step<T>& step) const {
    return step.output >= 0 && values[step.output].kind == Kind::shared;
}

// How batches of this size are split: it decides in which order sums are made, and so the last bits of every number. Nothing
// here depends on the capacity, so that a batch comes to the same in every program that it fits in.
template <class T>
void Program<T>::split(long batch, int threads) {
    if (batch == this->batch && threads == team.size()) return;
    this->batch = 0;  // until the split is complete
    team.resize(threads);
    for (Value& v : values) {
        if (v.kind != Kind::parameter || !v.panels) continue;
        v.in_network = !training() && batch <= FEW && !rounds();
        const bool large = v.count() > batch * (v.rows + v.n);  // beside the batch
        v.by_outputs = !v.in_network && threads > 1 && large && panels(v) >= threads;
    }
    const long most = (batch + threads - 1) / threads;
    whole = near >= most || needs_all();
    strip = whole ? most : near;
    abreast = false;
    for (Value& v : values) abreast |= v.abreast = v.may_lie_abreast && pays_abreast(strip);
    RELIES_ON((whole ? batch : threads * strip) <= room_);
    if (training()) share_parts();
    this->batch = batch;
}

// The parameters in parts, and the workers' shares of them.
template <class T>
void Program<T>::share_parts() {
    std::vector<Part> common;
    for (Worker<T>& w : workers) w.parts.clear();
    // The more panels a part has, the fewer times its features are brought side by side; yet all workers must get enough parts.
    auto some = [&](const Value& v) {
        return v.n * panels(v) >= MANY * team.size() * PANELS * PART ? PANELS : 2;
    };
    for (int id = 0; id < int(values.size()); id++) {
        const Value& v = values[id];
        if (v.kind != Kind::parameter) continue;
        if (v.by_outputs)
            for (int k = 0; k < team.size(); k++) cut(workers[k].parts, id, v.n * WIDTH<T>, mine(workers[k], panels(v)), some(v));
        else if (v.panels)
            cut(common, id, v.n * WIDTH<T>, {0, panels(v)}, some(v));
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
template <class T>
void Program<T>::cut(std::vector<Part>& into, int id, long panel, std::pair<long, long> range, long some) const {
    constexpr long most = PART * WIDTH<T>;
    for (long j = range.first; j < range.second; j += some)
        for (long i = 0; i < panel; i += most)
            into.push_back({id, values[id].offset + j * panel + i, std::min(most, panel - i),
                            int(std::min(some, range.second - j)), panel});
}

template void Program<float>::seal();
template void Program<double>::seal();
template bool Program<float>::of_parameters_alone(const Step<float>&) const;
template bool Program<double>::of_parameters_alone(const Step<double>&) const;
template void Program<float>::split(long, int);
template void Program<double>::split(long, int);

}  // namespace chainrule
