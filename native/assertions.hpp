// How code says what it relies on.
//
// expect(…) is for what a caller hands over: it is always checked, once, and raises. RELIES_ON(…) is for what must hold between
// our own functions, also where it would be asked for each number: it costs nothing unless CHAINRULE_ASSERT is defined, as it is
// in the sanitizers' builds, and then ends the process.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace chainrule {

[[noreturn]] void refuse(const std::string& message);  // in kernels.cpp: how an exception is made is not compiled into who checks
[[noreturn]] void refuse(const char* message);

inline void expect(bool holds, const std::string& message) {
    if (!holds) refuse(message);
}
inline void expect(bool holds, const char* message) {
    if (!holds) refuse(message);
}

[[noreturn]] inline void broken(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: relies on %s\n", file, line, condition);
    std::abort();
}

#ifdef CHAINRULE_ASSERT
#define RELIES_ON(...) ((__VA_ARGS__) ? void() : ::chainrule::broken(#__VA_ARGS__, __FILE__, __LINE__))
#else
#define RELIES_ON(...) void(sizeof(!(__VA_ARGS__)))
#endif

}  // namespace chainrule
