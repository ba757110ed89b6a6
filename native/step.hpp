// A step is one kernel in its place in a program: which values it reads and makes, and what it does with them.
#pragma once
#include <string>
#include <vector>

#include "assertions.hpp"
#include "values.hpp"
#include "worker.hpp"

namespace chainrule {

template <class T>
class Program;

// Of a W in panels: so many of its features from one on, for so many panels of outputs from one on.
struct Block {
    long feature, features, output, panels;
};

// Raise std::invalid_argument. What is not for a type of numbers is compiled once, and not into every kernel.
void check_number_of_inputs(int n, int least, int most);
[[noreturn]] void refuse_arrays(const char* what);

template <class T>
class Step {
  public:
    virtual ~Step();  // in kernels.cpp, once for all kernels

    // Called once, before anything is planned: whether the inputs and the output have shapes that this kernel can use. Raises
    // std::invalid_argument.
    virtual void expects() const {}
    // Called once, when all values have their places: here a kernel allocates what it needs. Raises the same.
    virtual void prepare() {}
    // Called once a call: whether the data have what this kernel reads of them. Raises std::invalid_argument.
    virtual void check(const Data<T>&) const {}

    // The output of the worker's examples in hand, from the inputs; and on the way back the derivatives by the inputs, from that
    // by the output. They throw nothing, because the other workers would wait for this one.
    virtual void forward(Worker<T>&) = 0;
    virtual void backward(Worker<T>&) {}

    // Some kernels prepare something once a batch, as another layout of W. If `begins` says so, `begin` is called before the
    // batch's first examples, when what is made of parameters alone is there, and `end` after the last. The workers meet between
    // `begin` and the first examples.
    virtual bool begins() const { return false; }
    virtual void begin(Worker<T>&) {}
    virtual void end(Worker<T>&) {}

    // How many examples at a time make this kernel fast.
    virtual long likes() const { return 1; }
    // Whether it must have all of its worker's examples of the batch in hand at once, as one that meets the other workers must.
    virtual bool needs_all() const { return false; }

    // Whether the derivative by input i, a W in panels, is made of input 0 and the derivative by the output. It is computed by
    // the update, part by part, and not on the way back: of these, over all examples of the batch, `derive` puts it into g, whose
    // panels lie `panel` apart, or adds it to what is there.
    virtual bool defers(int) const { return false; }
    virtual void derive(Worker<T>&, const Block&, T* /*g*/, long /*panel*/, bool /*add*/) { RELIES_ON(false); }
    // Whether the output may lie in the place of input 0: the way back does not read that input then.
    virtual bool overwrites() const { return false; }
    // Whether the way back reads the output, so that nobody may overwrite it.
    virtual bool keeps_output() const { return true; }

    // Whether it can use examples that lie abreast. It then sees WIDTH of them as one, with WIDTH times as many features.
    virtual Abreast abreast() const { return Abreast::never; }

    // Whether the output is the examples of X as they come; others may then read them in X, each as far as `reads` says.
    virtual bool gathers() const { return false; }
    virtual Reads reads(int) const { return Reads::copies; }
    // Whether it reads no number behind the n of a row of a parameter, so that it can read that in the network's own vector.
    virtual bool row_by_row(int) const { return false; }

    std::vector<int> inputs;
    int output = -1;            // -1 where it makes nothing but a part of the cost
    std::vector<bool> derives;  // by input: whether a derivative by it is wanted
    std::vector<bool> add;      // by input: whether there is a derivative already, to which this one is added. There always is
                                // one by a parameter, which begins as 0.
    Program<T>* program = nullptr;

  protected:
    // The worker's rows of values, and of the derivatives by them; all rows of what belongs to no example.
    Matrix<T> value(Worker<T>& w, int id) const { return program->value(w, id); }
    Matrix<T> in(Worker<T>& w, int i) const { return program->value(w, inputs[i]); }
    Matrix<T> out(Worker<T>& w) const { return program->value(w, output); }
    Rows<T> rows_in(Worker<T>& w, int i) const { return program->examples(w, inputs[i]); }
    Matrix<T> d_in(Worker<T>& w, int i) const { return program->derivative(w, inputs[i]); }
    Matrix<T> d_out(Worker<T>& w) const { return program->derivative(w, output); }
    const Value& of(int id) const { return program->values[id]; }
    bool wanted(int i) const { return derives[i]; }

    // C = A B (+ what C starts with), by whoever multiplies in this program; see `multiply`.
    void product(Worker<T>& w, long m, long n, long k, Spread<T> A, Panels<const T> B, Panels<T> C, const T* start, bool add,
                 Runs runs = {}) const {
        if constexpr (std::is_same_v<T, float>)
            if (program->rounds()) return w.rounding.multiply(m, n, k, A, B, C, start, add, runs);
        multiply<T>(m, n, k, A, B, C, start, add, runs);
    }

    // What `expects` and `prepare` ask for.
    const Value& given(int i) const { return of(inputs[i]); }
    const Value& made() const { return of(output); }
    void takes(int least, int most) const { check_number_of_inputs(int(inputs.size()), least, most); }
    void makes_a_value() const { expect(output >= 0, "a kernel has no output"); }
    static void fits(bool holds, const char* what) {
        if (!holds) refuse_arrays(what);
    }
    static bool alike(const Value& a, const Value& b) { return a.rows == b.rows && a.n == b.n; }
};

}  // namespace chainrule
