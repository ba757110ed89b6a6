// Stretches of steps: how few examples of a strip go through some steps at a time.
//
// A strip has as many examples as the step with the largest W likes. What convolutions make of so many is more than a core has
// near, so that they get a portion of the strip, in which each finds what the one before has made in its cache.
#include <map>
#include <set>

#include "program.hpp"

namespace chainrule {

template <class T>
bool Program<T>::goes_by_portions(const Step<T>& step) const {
    const auto in_panels = [&](int id) { return values[id].panels; };  // a W that is better read once for many examples
    return step.likes() == 1 && !step.needs_all() && std::none_of(step.inputs.begin(), step.inputs.end(), in_panels);
}

template <class T>
void Program<T>::cut_into_stretches() {
    for (const auto& step : steps) {
        if (of_parameters_alone(*step)) continue;
        const bool portions = goes_by_portions(*step);
        if (walked.empty() || portions != goes_by_portions(*walked.back().steps.back())) walked.push_back({{}, 0});
        walked.back().steps.push_back(step.get());
    }
    for (Stretch& stretch : walked) {
        if (!goes_by_portions(*stretch.steps.back())) continue;
        long bytes = 1;
        for (const Step<T>* step : stretch.steps)
            if (step->output >= 0 && !step->overwrites())
                bytes += values[step->output].template size<T>() * long(sizeof(T)) * (training() ? 2 : 1);
        stretch.examples = std::max(1L, NEAR / bytes);
    }
}

// Of what all who make or read it, or another value in its place, are in one stretch, the derivative is of no use when that goes
// on to the next portion.
template <class T>
void Program<T>::find_what_is_brief() {
    std::map<long, std::set<const Stretch*>> met;  // by place
    for (const Stretch& stretch : walked)
        for (const Step<T>* step : stretch.steps) {
            const auto meet = [&](int id) {
                if (values[id].kind == Kind::example) met[values[id].offset].insert(&stretch);
            };
            std::for_each(step->inputs.begin(), step->inputs.end(), meet);
            if (step->output >= 0) meet(step->output);
        }
    for (Value& v : values) v.brief = v.kind == Kind::example && !v.stays && met[v.offset].size() == 1;
}

// use() with each portion of the strip in hand.
template <class T>
void Program<T>::each_portion(Worker<T>& w, const Stretch& stretch, void (*use)(Worker<T>&, const Stretch&)) {
    const long examples = w.examples, liked = stretch.examples ? stretch.examples : std::max(1L, examples);
    const long most = abreast ? ranks(liked) * WIDTH<T> : liked;
    for (long i = 0; i == 0 || i < examples; i += most) {
        w.first = w.strip + i, w.examples = std::min(most, examples - i);
        use(w, stretch);
    }
    w.first = w.strip, w.examples = examples;
}

template void Program<float>::cut_into_stretches();
template void Program<double>::cut_into_stretches();
template void Program<float>::find_what_is_brief();
template void Program<double>::find_what_is_brief();
template void Program<float>::each_portion(Worker<float>&, const Stretch&, void (*)(Worker<float>&, const Stretch&));
template void Program<double>::each_portion(Worker<double>&, const Stretch&, void (*)(Worker<double>&, const Stretch&));

}  // namespace chainrule
