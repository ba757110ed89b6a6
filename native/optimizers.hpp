// The optimizers' rules, element by element: what `Optimizer.rule` is in Python, in one pass over the parameters.
#pragma once
#include <cmath>
#include <stdexcept>
#include <string>

#include "simd.hpp"

namespace chainrule {

// name: gradient_descent, adagrad, rmsprop or adam; gradient, which only adds up what there is, each batch's times its
// alpha; empty where nothing is to be trained.
struct Rule {
    std::string name;
    double momentum = 0, rho = 0, beta1 = 0, beta2 = 0, epsilon = 0;
    bool nesterov = false, epsilon_hat = false;
    double l2 = 0, weight_decay = 0, clip_value = 0, clip_norm = 0;
};

// theta, and what the rule remembers of it, for n elements that all are weights (regularized) or all are not.
template <class T>
void update(const Rule& rule, T* theta, T* first, T* second, const T* g, long n, bool weights, double alpha_, double t) {
    const T alpha = T(alpha_), epsilon = T(rule.epsilon), decay = weights ? T(alpha_ * rule.weight_decay) : T(0);
    if (rule.name == "gradient") {
        for (long i = 0; i < n; i++) first[i] += alpha * g[i];
    } else if (rule.name == "gradient_descent") {
        const T mu = T(rule.momentum);
        if (mu == 0) {
            for (long i = 0; i < n; i++) theta[i] -= alpha * g[i] + decay * theta[i];
        } else {
            const T ahead = rule.nesterov ? mu : T(1), now = rule.nesterov ? alpha : T(0);
            for (long i = 0; i < n; i++) {
                T v = first[i] = mu * first[i] - alpha * g[i];
                theta[i] += ahead * v - now * g[i] - decay * theta[i];
            }
        }
    } else if (rule.name == "adagrad") {
        for (long i = 0; i < n; i++) {
            T s = first[i] += g[i] * g[i];
            T root = std::sqrt(s) + epsilon;
            theta[i] -= (root == 0 ? T(0) : alpha * g[i] / root) + decay * theta[i];
        }
    } else if (rule.name == "rmsprop") {
        const T rho = T(rule.rho), rest = T(1 - rule.rho);
        for (long i = 0; i < n; i++) {
            T s = first[i] = rho * first[i] + rest * (g[i] * g[i]);
            T root = std::sqrt(s) + epsilon;
            theta[i] -= (root == 0 ? T(0) : alpha * g[i] / root) + decay * theta[i];
        }
    } else {  // adam and adamw
        const T b1 = T(rule.beta1), r1 = T(1 - rule.beta1), b2 = T(rule.beta2), r2 = T(1 - rule.beta2);
        const T of_m = T(1 / (1 - std::pow(rule.beta1, t))), of_v = T(1 / (1 - std::pow(rule.beta2, t)));
        const T beside = rule.epsilon_hat ? epsilon * std::sqrt(of_v) : epsilon;
        for (long i = 0; i < n; i++) {
            T m = first[i] = b1 * first[i] + r1 * g[i];
            T v = second[i] = b2 * second[i] + r2 * (g[i] * g[i]);
            T root = std::sqrt(v * of_v) + beside;
            theta[i] -= (root == 0 ? T(0) : alpha * (m * of_m) / root) + decay * theta[i];
        }
    }
}

}  // namespace chainrule
