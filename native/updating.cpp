// The update: the gradient part by part, regularized and clipped, and what the optimizer's rule makes of it.
#include "program.hpp"

namespace chainrule {
namespace {

// use(part, its gradient, from one panel to the next) for each part that a worker updates. The gradient is kept as a whole, or
// only while its part is updated.
template <class T, long numbers, class F>
void each_part(Worker<T>& w, T* whole, F use) {
    alignas(64) T block[Program<T>::PANELS * numbers];
    for (const Part& part : w.parts) whole ? use(part, whole + part.first, part.panel) : use(part, block, numbers);
}

}  // namespace

// This worker's share of the update. The penalty, before.
template <class T>
double Program<T>::improve(Worker<T>& w, double alpha, double l2, double decay, double update) {
    double penalty = 0;
    const bool kept = settings.clip_norm != 0;  // who shortens the gradient must have seen all of it
    const T shorten = kept ? shortening(w, l2, penalty) : T(1);
    Constants<T> of_all = rule.at(settings, alpha, update);
    of_all.decay = T(alpha * decay);
    each_part<T, PART * WIDTH<T>>(w, kept ? gradients.data() : nullptr, [&](const Part& part, T* g, long panel) {
        const Value& v = values[part.id];
        const Constants<T> constants = v.rate == 1 ? of_all : of_all.times(T(v.rate));
        fetch(part);
        if (!kept) penalty += gradient(w, part, l2, g, panel);
        for (int s = 0; s < part.panels; s++, g += panel) {
            long i = part.first + s * part.panel;
            if (kept)
                for (long j = 0; j < part.n; j++) g[j] *= shorten;
            rule.move(constants, parameters.theta(), parameters.slots(), i, g, part.n, v.weights ? constants.decay : T(0));
        }
        if (v.panels) parameters.follow(v, part.first, part.n, part.panels);
    });
    return penalty;
}

// Ask for what is going to be changed: others have read theta, and taking it back from them takes as long as the product.
template <class T>
void Program<T>::fetch(const Part& part) const {
    for (int s = 0; s < part.panels; s++)
        for (long j = 0; j < part.n; j += WIDTH<T>) {
            const long i = part.first + s * part.panel + j;
            __builtin_prefetch(parameters.theta() + i, 1);
            for (int slot = 0; slot < rule.slots; slot++) __builtin_prefetch(parameters.slots()[slot] + i, 1);
        }
}

// What a gradient that is longer than clip_norm is multiplied by.
template <class T>
T Program<T>::shortening(Worker<T>& w, double l2, double& penalty) {
    w.squares = 0;
    each_part<T, PART * WIDTH<T>>(w, gradients.data(), [&](const Part& part, T* g, long panel) {
        penalty += gradient(w, part, l2, g, panel);
        for (int s = 0; s < part.panels; s++)
            for (long j = 0; j < part.n; j++) w.squares += double(g[s * panel + j]) * g[s * panel + j];
    });
    team.barrier.meet();
    double all = 0;
    for (int id = 0; id < team.size(); id++) all += workers[id].squares;
    double norm = std::sqrt(all);
    return norm > settings.clip_norm ? T(settings.clip_norm / norm) : T(1);
}

// dJ/dtheta of a part, over all examples, with the penalty's part; and the penalty. That of a frozen parameter counts as 0.
template <class T>
double Program<T>::gradient(Worker<T>& w, const Part& part, double l2, T* g, long panel) {
    const Value& v = values[part.id];
    if (v.rate == 0) return of_frozen(part, l2, g, panel);
    for (int s = 0; s < part.panels; s++) add_up(part.id, part.first + s * part.panel, part.n, g + s * panel);
    const long row = (part.first - v.offset) / WIDTH<T>, feature = row % v.n, output = row / v.n * WIDTH<T>;
    bool add = written[part.id];
    for (Step<T>* step : deferred[part.id]) {
        step->derive(w, {feature, part.n / WIDTH<T>, output, part.panels}, g, panel, add);
        add = true;
    }
    double penalty = 0;
    for (int s = 0; s < part.panels; s++) penalty += regularize(part, l2, part.first + s * part.panel, g + s * panel);
    return penalty;
}

// No gradient, and the penalty, which the rest of J does not see change.
template <class T>
double Program<T>::of_frozen(const Part& part, double l2, T* g, long panel) const {
    double penalty = 0;
    for (int s = 0; s < part.panels; s++) {
        std::memset(g + s * panel, 0, sizeof(T) * part.n);
        penalty += regularize(part, l2, part.first + s * part.panel, g + s * panel);
        std::memset(g + s * panel, 0, sizeof(T) * part.n);
    }
    return penalty;
}

// What the steps left of a derivative, all workers' together.
template <class T>
void Program<T>::add_up(int id, long i, long n, T* g) const {
    if (!written[id]) {
        if (deferred[id].empty()) std::memset(g, 0, sizeof(T) * n);
        return;
    }
    i += values[id].sum - values[id].offset;
    std::memcpy(g, workers[0].sums.data() + i, sizeof(T) * n);
    for (int k = 1; k < team.size(); k++) {
        const T* theirs = workers[k].sums.data() + i;
        for (long j = 0; j < n; j++) g[j] += theirs[j];
    }
}

// Adds the penalty's derivative to the gradient of a part, and holds the numbers within clip_value. The penalty.
template <class T>
double Program<T>::regularize(const Part& part, double l2, long i, T* g) const {
    double squares = 0;
    if (l2 && values[part.id].weights) {
        const T factor = T(l2), *theta = parameters.theta() + i;
        for (long j = 0; j < part.n; j++) g[j] += factor * theta[j], squares += double(theta[j]) * double(theta[j]);
    }
    if (settings.clip_value) {
        const T most = T(settings.clip_value);
        for (long j = 0; j < part.n; j++) g[j] = std::min(std::max(g[j], -most), most);
    }
    return 0.5 * l2 * squares;
}

template double Program<float>::improve(Worker<float>&, double, double, double, double);
template double Program<double>::improve(Worker<double>&, double, double, double, double);

}  // namespace chainrule
