// The papers' formulas, and the table of their names. A new rule is a struct with `at` and `move`, and a line of the table.
#include "rules.hpp"

#include <cmath>

#include "assertions.hpp"

namespace chainrule {
namespace {

template <class T>
Constants<T> plain(const Settings& settings, double alpha) {
    return {T(alpha), T(settings.epsilon)};
}

// Adds up the gradients, each batch's times its alpha, and leaves theta as it is: for those who want the slope itself.
template <class T>
struct Gradient {
    static Constants<T> at(const Settings& settings, double alpha, double) { return plain<T>(settings, alpha); }
    static void move(const Constants<T>& c, T*, T* const* slots, long i, const T* g, long n, T) {
        T* total = slots[0] + i;
        const T alpha = c.alpha;
        for (long j = 0; j < n; j++) total[j] += alpha * g[j];
    }
};

template <class T>
struct GradientDescent {
    static Constants<T> at(const Settings& settings, double alpha, double) { return plain<T>(settings, alpha); }
    static void move(const Constants<T>& c, T* theta, T* const*, long i, const T* g, long n, T decay) {
        theta += i;
        const T alpha = c.alpha;
        for (long j = 0; j < n; j++) theta[j] -= alpha * g[j] + decay * theta[j];
    }
};

template <class T>
struct Momentum {
    static Constants<T> at(const Settings& settings, double alpha, double) {
        Constants<T> c = plain<T>(settings, alpha);
        c.keep = T(settings.momentum), c.add = c.alpha;
        c.ahead = settings.nesterov ? c.keep : T(1), c.now = settings.nesterov ? c.alpha : T(0);
        return c;
    }
    static void move(const Constants<T>& c, T* theta, T* const* slots, long i, const T* g, long n, T decay) {
        T* velocity = slots[0] + i;
        theta += i;
        const T keep = c.keep, add = c.add, ahead = c.ahead, now = c.now;
        for (long j = 0; j < n; j++) {
            T v = velocity[j] = keep * velocity[j] - add * g[j];
            theta[j] += ahead * v - now * g[j] - decay * theta[j];
        }
    }
};

template <class T>
struct Adagrad {
    static Constants<T> at(const Settings& settings, double alpha, double) { return plain<T>(settings, alpha); }
    static void move(const Constants<T>& c, T* theta, T* const* slots, long i, const T* g, long n, T decay) {
        T* sum = slots[0] + i;
        theta += i;
        const T alpha = c.alpha, epsilon = c.epsilon;
        for (long j = 0; j < n; j++) {
            T s = sum[j] += g[j] * g[j];
            T root = std::sqrt(s) + epsilon;
            theta[j] -= (root == 0 ? T(0) : alpha * g[j] / root) + decay * theta[j];
        }
    }
};

template <class T>
struct RMSProp {
    static Constants<T> at(const Settings& settings, double alpha, double) {
        Constants<T> c = plain<T>(settings, alpha);
        c.keep = T(settings.rho), c.add = T(1 - settings.rho);
        return c;
    }
    static void move(const Constants<T>& c, T* theta, T* const* slots, long i, const T* g, long n, T decay) {
        T* mean = slots[0] + i;
        theta += i;
        const T alpha = c.alpha, epsilon = c.epsilon, keep = c.keep, add = c.add;
        for (long j = 0; j < n; j++) {
            T s = mean[j] = keep * mean[j] + add * (g[j] * g[j]);
            T root = std::sqrt(s) + epsilon;
            theta[j] -= (root == 0 ? T(0) : alpha * g[j] / root) + decay * theta[j];
        }
    }
};

// AdamW too, by its weight decay.
template <class T>
struct Adam {
    static Constants<T> at(const Settings& settings, double alpha, double update) {
        Constants<T> c = plain<T>(settings, alpha);
        c.keep = T(settings.beta1), c.add = T(1 - settings.beta1), c.keep2 = T(settings.beta2), c.add2 = T(1 - settings.beta2);
        c.correct = T(1 / (1 - std::pow(settings.beta1, update))), c.correct2 = T(1 / (1 - std::pow(settings.beta2, update)));
        if (settings.epsilon_hat) c.epsilon *= std::sqrt(c.correct2);
        return c;
    }
    static void move(const Constants<T>& c, T* theta, T* const* slots, long i, const T* g, long n, T decay) {
        T *first = slots[0] + i, *second = slots[1] + i;
        theta += i;
        const T alpha = c.alpha, epsilon = c.epsilon, keep = c.keep, add = c.add, keep2 = c.keep2, add2 = c.add2;
        const T correct = c.correct, correct2 = c.correct2;
        for (long j = 0; j < n; j++) {
            T m = first[j] = keep * first[j] + add * g[j];
            T v = second[j] = keep2 * second[j] + add2 * (g[j] * g[j]);
            T root = std::sqrt(v * correct2) + epsilon;
            theta[j] -= (root == 0 ? T(0) : alpha * (m * correct) / root) + decay * theta[j];
        }
    }
};

template <class T, template <class> class R>
Rule<T> with_slots(int slots) {
    return {slots, R<T>::at, R<T>::move};
}

template <class T>
std::map<std::string, Rule<T>> table() {
    return {
        {"", {}},
        {"gradient", with_slots<T, Gradient>(1)},
        {"gradient_descent", with_slots<T, Momentum>(1)},
        {"adagrad", with_slots<T, Adagrad>(1)},
        {"rmsprop", with_slots<T, RMSProp>(1)},
        {"adam", with_slots<T, Adam>(2)},
    };
}

}  // namespace

template <class T>
Rule<T> rule_of(const std::string& name, const Settings& settings) {
    const auto all = table<T>();
    const auto found = all.find(name);
    expect(found != all.end(), "no rule is called " + name);
    Rule<T> rule = found->second;
    if (name == "gradient_descent" && !settings.momentum) rule.at = GradientDescent<T>::at, rule.move = GradientDescent<T>::move;
    return rule;
}

std::map<std::string, int> rules() {
    std::map<std::string, int> slots;
    for (const auto& [name, rule] : table<float>()) slots[name] = rule.slots;
    return slots;
}

template Rule<float> rule_of(const std::string&, const Settings&);
template Rule<double> rule_of(const std::string&, const Settings&);

}  // namespace chainrule
