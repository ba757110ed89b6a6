// What a kernel is told besides its inputs: numbers and arrays by name. Nothing here knows of Python.
#pragma once
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace chainrule {

// An array that the caller keeps in its own memory. As long as anybody holds `owner`, the memory stays.
struct Array {
    char type;  // of its numbers: f d (floats of 4 and 8 bytes), b (bytes), i l (integers of 4 and 8 bytes)
    bool writable;
    void* data;
    long size;
    std::shared_ptr<void> owner;
};

// Float64 numbers that a kernel shares with the caller: both read and write the same memory.
struct SharedNumbers {
    double* data = nullptr;
    long size = 0;
    std::shared_ptr<void> owner;
};

using Option = std::variant<bool, double, uint64_t, std::string, Array>;

// The options of one step, or of the optimizer. A kernel asks for each by its name: one that is missing is an error, and so is
// one that nobody has asked for.
class Options {
  public:
    explicit Options(std::map<std::string, Option> given) : given(std::move(given)) {}

    bool has(const char* name) const { return given.count(name) > 0; }

    template <class V = double>
    V get(const char* name) const {
        const Option& option = found(name);
        if (const V* value = std::get_if<V>(&option)) return *value;
        if constexpr (std::is_same_v<V, double>)
            if (const uint64_t* value = std::get_if<uint64_t>(&option)) return double(*value);
        throw std::invalid_argument(std::string("the option ") + name + " has another type");
    }

    // A number of things, which Python may have as a float.
    long whole(const char* name) const {
        const double number = get(name);
        if (!(number >= 0 && number < 0x1p53 && number == std::floor(number)))
            throw std::invalid_argument(std::string("the option ") + name + " must be a whole number, 0 or more");
        return long(number);
    }

    // A copy of all numbers of an array.
    template <class V>
    std::vector<V> all(const char* name) const {
        const Array array = get<Array>(name);
        switch (array.type) {
            case 'f': return copied<V, float>(array, name);
            case 'd': return copied<V, double>(array, name);
            case 'i': return copied<V, int32_t>(array, name);
            case 'l': return copied<V, int64_t>(array, name);
            default: throw std::invalid_argument(std::string("the option ") + name + " holds numbers of another type");
        }
    }

    // The very numbers of an array, for a kernel that leaves something there.
    SharedNumbers shared(const char* name) const {
        const Array array = get<Array>(name);
        if (array.type != 'd' || !array.writable)
            throw std::invalid_argument(std::string("the option ") + name + " must be an array of float64 that can be written to");
        return {static_cast<double*>(array.data), array.size, array.owner};
    }

    void refuse_others() const {
        for (const auto& [name, _] : given)
            if (!asked.count(name)) throw std::invalid_argument("there is no option " + name);
    }

  private:
    const Option& found(const char* name) const {
        const auto option = given.find(name);
        if (option == given.end()) throw std::invalid_argument(std::string("the option ") + name + " is missing");
        asked.insert(name);
        return option->second;
    }

    template <class V, class E>
    static std::vector<V> copied(const Array& array, const char* name) {
        if (std::is_integral_v<V> && !std::is_integral_v<E>)
            throw std::invalid_argument(std::string("the option ") + name + " must be an array of whole numbers");
        const E* numbers = static_cast<const E*>(array.data);
        return std::vector<V>(numbers, numbers + array.size);
    }

    std::map<std::string, Option> given;
    mutable std::set<std::string> asked;
};

// A kernel's own settings: made from the options, or without any.
template <class S>
S made(const Options& options) {
    if constexpr (std::is_constructible_v<S, const Options&>)
        return S(options);
    else
        return S{};
}

}  // namespace chainrule
