// Examples abreast: WIDTH of them side by side, one in each lane of a register.
//
// Where channels are few, a row of them does not fill a register. A rank of WIDTH examples does, whatever the channels: its
// kernels see one example with WIDTH times as many features. Convolutions of few channels want it, what treats all features alike
// (an activation, a pooling) goes on with it, and a step between brings values from one order into the other.
#include "program.hpp"

namespace chainrule {
namespace {

// Bytes of one rank's values and derivatives, which are to stay in the second cache.
constexpr long RANK = 2048 * 1024;

// Z is A in the other order; or a copy, while batches are too small for ranks.
template <class T>
class Relaid : public Step<T> {
  public:
    Relaid(int from, int to, bool derives) { this->inputs = {from}, this->output = to, this->derives = {derives}; }

    bool keeps_output() const override { return false; }
    void forward(Worker<T>& w) override { lay(w, this->in(w, 0), this->out(w), false); }
    void backward(Worker<T>& w) override {
        if (this->wanted(0)) lay(w, this->d_out(w), this->d_in(w, 0), this->add[0]);
    }

  private:
    void lay(Worker<T>& w, Matrix<T> from, Matrix<T> to, bool add) const {
        const bool ranks = from.n != to.n, abreast = from.n > to.n;
        const long n = this->made().n, rows = this->made().rows, together = ranks ? WIDTH<T> : 1;
        if (ranks && !abreast && !add) to.clear();  // where no example is, in the last rank
        for (long i = 0; i < w.examples; i++)
            for (long r = 0; r < rows; r++) {
                const T* a = from[(abreast ? i / together : i) * rows + r] + (abreast ? i % together : 0);
                T* z = to[(abreast ? i : i / together) * rows + r] + (abreast ? 0 : i % together);
                const long next = abreast ? together : 1, next_to = abreast ? 1 : together;
                for (long j = 0; j < n; j++) z[j * next_to] = (add ? z[j * next_to] : T(0)) + a[j * next];
            }
    }
};

}  // namespace

// Which values may lie abreast, if all who read or make them agree; for the others there is a second value in the other order.
template <class T>
void Program<T>::find_those_abreast() {
    long bytes = 0;
    for (const auto& step : steps) {
        if (step->output < 0) continue;
        Value& made = values[step->output];
        const Abreast way = step->abreast();
        made.may_lie_abreast = way == Abreast::itself || (way == Abreast::as_input && values[step->inputs[0]].may_lie_abreast);
        if (made.may_lie_abreast && !step->overwrites()) bytes += made.count() * WIDTH<T> * long(sizeof(T)) * (training() ? 2 : 1);
    }
    if (bytes > RANK)
        for (Value& v : values) v.may_lie_abreast = false;
    for (int id = 0, count = bytes > RANK ? 0 : int(values.size()); id < count; id++) lay_otherwise(id);
}

// Whether what a step reads is to lie abreast, if the examples' values may.
template <class T>
bool Program<T>::reads_abreast(const Step<T>& step) const {
    return step.abreast() != Abreast::never && step.output >= 0 && values[step.output].may_lie_abreast;
}

// Put a step behind the one that makes a value, if somebody reads it in the other order.
template <class T>
void Program<T>::lay_otherwise(int id) {
    if (values[id].kind != Kind::example) return;
    const bool abreast = values[id].may_lie_abreast;
    const int other = int(values.size());
    bool read = result == id && abreast, derives = false;
    for (auto& step : steps)
        for (int i = 0; i < int(step->inputs.size()); i++)
            if (step->inputs[i] == id && reads_abreast(*step) != abreast)
                step->inputs[i] = other, read = true, derives |= step->derives[i];
    if (!read) return;
    if (result == id && abreast) result = other;
    values.emplace_back(Kind::example, values[id].shape);
    values.back().may_lie_abreast = !abreast;
    const auto maker = std::find_if(steps.begin(), steps.end(), [&](const auto& step) { return step->output == id; });
    RELIES_ON(maker != steps.end());
    auto step = std::make_unique<Relaid<T>>(id, other, derives);
    step->program = this;
    steps.insert(maker + 1, std::move(step));
}

// Whether so few examples as a worker has in hand fill enough lanes of their ranks.
template <class T>
bool Program<T>::pays_abreast(long examples) {
    return 8 * examples >= 5 * WIDTH<T> * ranks(examples);
}

template void Program<float>::find_those_abreast();
template void Program<double>::find_those_abreast();
template bool Program<float>::pays_abreast(long);
template bool Program<double>::pays_abreast(long);

}  // namespace chainrule
