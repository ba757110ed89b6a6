// The table of kernels: by the name of an operation, how its step is made. Each file of ops/ enters its own.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "options.hpp"
#include "program.hpp"

namespace chainrule {

template <class T>
using Maker = std::unique_ptr<Step<T>> (*)(const Options&);
template <class T>
using Kernels = std::map<std::string, Maker<T>>;

template <class T>
void enter_maker(Kernels<T>& kernels, const char* name, Maker<T> maker);

template <class S, class T>
void enter(Kernels<T>& kernels, const char* name) {
    enter_maker<T>(kernels, name, [](const Options& options) { return std::unique_ptr<Step<T>>(new S(made<S>(options))); });
}

// All there are.
template <class T>
const Kernels<T>& kernels();

}  // namespace chainrule
