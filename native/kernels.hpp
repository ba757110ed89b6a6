// The table of kernels: by the name of an operation, how its step is made. Each file of ops/ enters its own.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "program.hpp"

namespace nb = nanobind;

namespace chainrule {

// What a kernel is told besides its inputs, by name. Every option must be there, and every one there must be asked for.
class Options {
  public:
    explicit Options(nb::dict given) : given(given) {}

    bool has(const char* name) const { return given.contains(name); }

    template <class V = double>
    V get(const char* name) const {
        if (!given.contains(name)) throw std::invalid_argument(std::string("the option ") + name + " is missing");
        asked.insert(name);
        return nb::cast<V>(given[name]);
    }

    // Where the numbers of an array lie that Python and a kernel share: the very ones, which Python keeps alive.
    double* shared(const char* name) const {
        return nb::cast<nb::ndarray<double, nb::c_contig, nb::device::cpu>>(get<nb::object>(name), false).data();
    }

    // All numbers of an array.
    template <class V>
    std::vector<V> all(const char* name) const {
        auto array = get<nb::ndarray<const V, nb::c_contig, nb::device::cpu>>(name);
        return {array.data(), array.data() + array.size()};
    }

    void refuse_others() const {
        for (auto [name, _] : given)
            if (!asked.count(nb::cast<std::string>(name)))
                throw std::invalid_argument("there is no option " + nb::cast<std::string>(name));
    }

  private:
    nb::dict given;
    mutable std::set<std::string> asked;
};

// Whatever is made from options, or has none.
template <class S>
S made(const Options& options) {
    if constexpr (std::is_constructible_v<S, const Options&>)
        return S(options);
    else
        return S{};
}

template <class T>
using Kernels = std::map<std::string, std::function<std::unique_ptr<Step<T>>(const Options&)>>;

template <class S, class T>
void enter(Kernels<T>& kernels, const char* name) {
    kernels[name] = [](const Options& options) { return std::unique_ptr<Step<T>>(new S(made<S>(options))); };
}

}  // namespace chainrule
