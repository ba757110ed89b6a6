// What Python hands over, as the program takes it. Everything that kernels rely on is looked at here, or by their own `check` and
// `prepare`: once, and always.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "kernels.hpp"

namespace chainrule {

namespace nb = nanobind;

// What an attribute of a Python object says.
template <class V>
V said(nb::handle object, const char* name) {
    return nb::cast<V>(object.attr(name));
}

Options read_options(nb::dict given);
Settings read_settings(const Options& options);

// From objects with the attributes of `Value` in engines/native/plan.py.
std::vector<Value> read_values(nb::list given);

// From an object with the attributes of `Step` there.
template <class T>
std::unique_ptr<Step<T>> read_step(nb::handle given);

// From what `Examples` in engines/runner.py tells, for a call of m examples. Nothing is converted: the arrays themselves stay
// alive in `given`, and no copy could.
template <class T>
Data<T> read_data(nb::dict given, long m, long parameters);

// The memory of an array of at least so many numbers of type T, or null for None.
template <class T>
T* read_numbers(nb::handle array, long least, const char* name);

// The memory of an object whose numbers lie side by side, while it is looked at: the shortest way there is.
class Memory {
  public:
    Memory(nb::handle object, bool writable)
        : found(!PyObject_GetBuffer(object.ptr(), &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0))) {
        if (!found) PyErr_Clear();
    }
    ~Memory() {
        if (found) PyBuffer_Release(&view);
    }
    Memory(const Memory&) = delete;

    // As `Data` calls it; 0 where there are no kernels for it.
    char type() const;
    long examples() const { return found && view.ndim > 0 ? view.shape[0] : 0; }
    long numbers() const { return found && view.itemsize ? view.len / view.itemsize : 0; }
    // Its numbers, which must be so many of type T.
    template <class T>
    T* exactly(long count, const char* name) const {
        expect(found && type() == (sizeof(T) == 4 ? 'f' : 'd') && numbers() == count,
               std::string(name) + " must be a contiguous array of " + std::to_string(count) + " numbers of the network's type");
        return static_cast<T*>(view.buf);
    }
    const void* data() const { return view.buf; }

  private:
    Py_buffer view;
    bool found;
};

}  // namespace chainrule
