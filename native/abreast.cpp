// Examples abreast: WIDTH of them side by side, one in each lane of a register.
//
// Where channels are few, a row of them does not fill a register. A rank of WIDTH examples does, whatever the channels: its
// kernels see one example with WIDTH times as many features. Convolutions of few channels want it, what treats all features alike
// (an activation, a pooling) goes on with it, and a step between brings values from one order into the other.
#include "program.hpp"

namespace chainrule {
namespace {

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
        const long n = this->made().n, rows = this->made().rows;
        if (from.n == to.n) return lay_rows(w.examples * rows, n, from.data, from.row, 1, to.data, to.row, 1, add);
        const bool apart = from.n > to.n;
        if (!apart && !add) to.clear();  // where no example is, in the last rank
        for (long i = 0; i < w.examples; i += WIDTH<T>)
            for (long r = 0; r < rows; r++) {  // of each place, what a rank's examples have there
                const long rank = i / WIDTH<T> * rows + r, first = i * rows + r, lanes = std::min(WIDTH<T>, w.examples - i);
                if (apart) lay_rows(lanes, n, from[rank], 1, WIDTH<T>, to[first], rows * to.row, 1, add);
                else lay_rows(lanes, n, from[first], rows * from.row, 1, to[rank], 1, WIDTH<T>, add);
            }
    }
    // Rows of n numbers: how far rows, and numbers of a row, lie apart.
    static void lay_rows(long rows, long n, const T* from, long row, long next, T* to, long to_row, long to_next, bool add) {
        for (long i = 0; i < rows; i++)
            for (long j = 0; j < n; j++) {
                T& z = to[i * to_row + j * to_next];
                z = (add ? z : T(0)) + from[i * row + j * next];
            }
    }
};

}  // namespace

// Which values may lie abreast, if all who read or make them agree; for the others there is a second value in the other order.
template <class T>
void Program<T>::find_those_abreast() {
    if (!pays_abreast(std::min(capacity, long(WIDTH<T>)))) return;
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
