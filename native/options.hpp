// What a kernel is told besides its inputs: numbers and arrays by name. Nothing here knows of Python.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
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

    // A double may have been given as a whole number.
    template <class V = double>
    V get(const char* name) const;

    // A number of things, which Python may have as a float.
    long whole(const char* name) const;

    // A copy of all numbers of an array.
    template <class V>
    std::vector<V> all(const char* name) const;

    // The very numbers of an array, for a kernel that leaves something there.
    SharedNumbers shared(const char* name) const;

    void refuse_others() const;

  private:
    const Option& found(const char* name) const;

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
