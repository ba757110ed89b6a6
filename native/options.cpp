// Options are read here: once for all kernels, which only ask.
#include "options.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <type_traits>

namespace chainrule {
namespace {

[[noreturn]] void wrong(const char* name, const char* what) {
    throw std::invalid_argument(std::string("the option ") + name + " " + what);
}

template <class V, class E>
std::vector<V> copied(const Array& array, const char* name) {
    if (std::is_integral_v<V> && !std::is_integral_v<E>) wrong(name, "must be an array of whole numbers");
    const E* numbers = static_cast<const E*>(array.data);
    return std::vector<V>(numbers, numbers + array.size);
}

}  // namespace

template <class V>
V Options::get(const char* name) const {
    const Option& option = found(name);
    if (const V* value = std::get_if<V>(&option)) return *value;
    if constexpr (std::is_same_v<V, double>)
        if (const uint64_t* value = std::get_if<uint64_t>(&option)) return double(*value);
    wrong(name, "has another type");
}

long Options::whole(const char* name) const {
    const double number = get(name);
    const double most = std::min(0x1p53, double(std::numeric_limits<long>::max()));  // which Windows has of 4 bytes
    if (!(number >= 0 && number < most && number == std::floor(number))) wrong(name, "must be a whole number, 0 or more");
    return long(number);
}

template <class V>
std::vector<V> Options::all(const char* name) const {
    const Array array = get<Array>(name);
    switch (array.type) {
        case 'f': return copied<V, float>(array, name);
        case 'd': return copied<V, double>(array, name);
        case 'i': return copied<V, int32_t>(array, name);
        case 'l': return copied<V, int64_t>(array, name);
        default: wrong(name, "holds numbers of another type");
    }
}

SharedNumbers Options::shared(const char* name) const {
    const Array array = get<Array>(name);
    if (array.type != 'd' || !array.writable) wrong(name, "must be an array of float64 that can be written to");
    return {static_cast<double*>(array.data), array.size, array.owner};
}

void Options::refuse_others() const {
    for (const auto& [name, _] : given)
        if (!asked.count(name)) throw std::invalid_argument("there is no option " + name);
}

const Option& Options::found(const char* name) const {
    const auto option = given.find(name);
    if (option == given.end()) wrong(name, "is missing");
    asked.insert(name);
    return option->second;
}

template double Options::get(const char*) const;
template bool Options::get(const char*) const;
template uint64_t Options::get(const char*) const;
template std::string Options::get(const char*) const;
template Array Options::get(const char*) const;
template std::vector<int64_t> Options::all(const char*) const;
template std::vector<double> Options::all(const char*) const;
template std::vector<float> Options::all(const char*) const;
}  // namespace chainrule
