// What every kernel is: a step forward and back, and what the program asks about it.
#pragma once
#include <vector>

#include "values.hpp"

namespace chainrule {

template <class T>
class Program;

template <class T>
class Step {
  public:
    virtual ~Step() = default;
    virtual void prepare() {}  // once all steps are there: the time to allocate
    virtual void forward(Worker<T>&) = 0;
    virtual void backward(Worker<T>&) {}
    // What is done once a batch, if `begins`: before the first examples, with what is made of parameters alone, and after the
    // last. The workers meet after `begin`.
    virtual bool begins() const { return false; }
    virtual void begin(Worker<T>&) {}
    virtual void end(Worker<T>&) {}
    // How many examples at a time it takes to be fast; and whether it must have all those of its worker, or meets others.
    virtual long likes() const { return 1; }
    virtual bool needs_all() const { return false; }
    // Whether the derivative by this input is the product of input 0 and the derivative by the output, and left to the update.
    virtual bool defers(int) const { return false; }
    // Whether the output may take the place of input 0, which the way back does not need; and whether that needs the output.
    virtual bool overwrites() const { return false; }
    virtual bool keeps_output() const { return true; }
    virtual bool gathers() const { return false; }  // whether the output is the examples as they come
    virtual Reads reads(int) const { return Reads::copies; }  // how it can take an input that is
    virtual bool row_by_row(int) const { return false; }  // whether it reads nothing behind a row of a parameter

    std::vector<int> inputs;
    int output = -1;
    std::vector<bool> derives;  // by input: whether a derivative by it is wanted
    std::vector<bool> add;      // by input: whether there is a derivative already; of a parameter always, since it begins as 0
    Program<T>* program = nullptr;

  protected:
    Matrix<T> value(Worker<T>& w, int id) const { return program->value(w, id); }
    Matrix<T> in(Worker<T>& w, int i) const { return program->value(w, inputs[i]); }
    Matrix<T> out(Worker<T>& w) const { return program->value(w, output); }
    Rows<T> rows_in(Worker<T>& w, int i) const { return program->examples(w, inputs[i]); }
    Matrix<T> d_in(Worker<T>& w, int i) const { return program->derivative(w, inputs[i]); }
    Matrix<T> d_out(Worker<T>& w) const { return program->derivative(w, output); }
    const Value& of(int id) const { return program->values[id]; }
    bool wanted(int i) const { return derives[i]; }
};

}  // namespace chainrule
