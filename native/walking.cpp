// A call: batch after batch, each worker's examples forward and back, and then the update.
#include "program.hpp"

namespace chainrule {
namespace {

// Whether n of the data are finite numbers in the type T.
template <class T, class E>
bool all_finite(const E* x, long n) {
    if constexpr (std::is_integral_v<E>) return true;
    int others = 0;
    for (long i = 0; i < n; i++) others |= !(std::abs(T(x[i])) <= std::numeric_limits<T>::max());
    return !others;
}

template <class T>
void forward(Worker<T>& w, const std::vector<Step<T>*>& steps) {
    for (Step<T>* step : steps) step->forward(w);
}
template <class T>
void backward(Worker<T>& w, const std::vector<Step<T>*>& steps) {
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) (*step)->backward(w);
}

}  // namespace

template <class T>
Report Program<T>::run(const Call<T>& call) {
    const int threads = call.threads ? call.threads : team.most();
    expect(1 <= call.batch && call.batch <= capacity,
           "a program for batches of up to " + std::to_string(capacity) + " examples cannot run batches of " + std::to_string(call.batch));
    expect(1 <= threads && threads <= team.most(),
           "a program for up to " + std::to_string(team.most()) + " threads cannot run on " + std::to_string(threads));
    for (const auto& step : steps) step->check(*call.data);
    split(call.batch, threads);
    Report report;
    report.costs.resize((call.m + batch - 1) / batch), report.penalties.resize(report.costs.size());
    team.run([&](int id) noexcept { work(workers[id], call, report); });
    for (Worker<T>& w : workers) report.numbers &= std::exchange(w.numbers, true);
    return report;
}

template <class T>
void Program<T>::work(Worker<T>& w, const Call<T>& call, Report& report) noexcept {
    const bool training = call.alphas != nullptr;
    w.data = call.data, w.training = training;
    configure(unit);
    for (long k = 0, begin = 0; begin < call.m; k++, begin += batch) {
        if (w.id == 0) team.spread();
        w.begin = begin, w.batch = std::min(batch, call.m - begin), w.update = call.update + k, w.cost = 0;
        walk(w, call.outputs);
        team.barrier.meet();
        double cost = 0, penalty = 0;
        for (int id = 0; id < team.size(); id++) cost += workers[id].cost;
        if (!std::isfinite(T(cost))) cost = double(T(cost));  // a cost is a number of the network's type
        bool finite = std::isfinite(cost);
        if (finite && training)
            w.penalty[k % 2] = improve(w, call.alphas[k], call.l2 ? call.l2[k] : settings.l2, call.decays ? call.decays[k] : 0.0,
                                       double(call.update + k + 1));
        team.barrier.meet();
        for (int id = 0; id < team.size(); id++) penalty += training && finite ? workers[id].penalty[k % 2] : 0;
        cost += penalty;
        finite = std::isfinite(cost);
        if (w.id == 0) {
            report.costs[k] = cost, report.penalties[k] = penalty, report.count = k + 1;
            report.finite = finite;
        }
        if (!finite && training) break;
    }
    release(unit);
}

// All steps with a worker's part of the batch, forward and, in training, backward.
template <class T>
void Program<T>::walk(Worker<T>& w, T* outputs) {
    forward(w, common);
    for (Step<T>* step : beginning) step->begin(w);
    if (!beginning.empty()) team.barrier.meet();
    if (w.training) clear_sums(w);
    const long last = w.begin + w.batch * (w.id + 1) / team.size();
    w.first = w.begin + w.batch * w.id / team.size();
    do {
        w.strip = w.first, w.examples = std::min(strip, last - w.first);
        if (!w.data->looked_at) look(w);
        for (const Stretch& stretch : walked) each_portion(w, stretch, [](Worker<T>& w, const Stretch& s) { forward(w, s.steps); });
        if (outputs) copy_out(w, outputs);
        for (auto stretch = walked.rbegin(); w.training && stretch != walked.rend(); ++stretch)
            each_portion(w, *stretch, [](Worker<T>& w, const Stretch& s) { backward(w, s.steps); });
    } while ((w.first += strip) < last);
    if (!w.training) return;
    for (Step<T>* step : beginning) step->end(w);
    backward(w, common);
}

// Whether the examples in hand are finite numbers.
template <class T>
void Program<T>::look(Worker<T>& w) const {
    with_type(*w.data, [&](auto* X) {
        for (long i = 0; i < w.examples; i++)
            w.numbers &= all_finite<T>(X + w.source(i) * w.data->features, w.data->features);
    });
}

// The derivatives to which every example adds its part.
template <class T>
void Program<T>::clear_sums(Worker<T>& w) {
    for (int id = 0; id < int(values.size()); id++)
        if (written[id] && values[id].kind != Kind::example)
            std::memset(static_cast<void*>(derivative(w, id).data), 0, sizeof(T) * values[id].template size<T>());
}

template <class T>
void Program<T>::copy_out(Worker<T>& w, T* outputs) {
    Matrix<T> A = value(w, result);
    for (long i = 0; i < A.rows; i++)
        std::memcpy(outputs + (w.first * values[result].rows + i) * A.n, A[i], sizeof(T) * A.n);
}

template <class T>
Matrix<T> Program<T>::value(Worker<T>& w, int id) {
    const Value& v = values[id];
    if (v.in_network) return {const_cast<T*>(w.data->parameters) + v.in_flat, v.rows, v.n, v.n};
    if (v.kind == Kind::parameter) return {parameters.theta() + v.offset, v.rows, v.n, v.row};
    return lies(w, id) && !w.data->order ? rows_of_X(w, id, w.first, w.examples) : rows(w, id, held, w.first - w.strip);
}

template <class T>
Matrix<T> Program<T>::derivative(Worker<T>& w, int id) {
    const Value& v = values[id];
    if (v.kind == Kind::parameter) return {w.sums.data() + v.sum, v.rows, v.n, v.row};
    return rows(w, id, derivatives, v.brief ? 0 : w.first - w.strip);
}

template Matrix<float> Program<float>::value(Worker<float>&, int);
template Matrix<double> Program<double>::value(Worker<double>&, int);
template Matrix<float> Program<float>::derivative(Worker<float>&, int);
template Matrix<double> Program<double>::derivative(Worker<double>&, int);
template Report Program<float>::run(const Call<float>&);
template Report Program<double>::run(const Call<double>&);

}  // namespace chainrule
