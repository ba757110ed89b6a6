// The optimizers' rules, element by element: what `Optimizer.rule` is in Python, in one pass over the parameters.
#pragma once
#include <cmath>
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

// A rule at one update, with everything that is the same for all parameters.
template <class T>
class Move {
  public:
    // alpha: the learning rate. t: the number of the update, from 1.
    Move(const Rule& rule, double alpha, double t)
        : alpha(T(alpha)), epsilon(T(rule.epsilon)), decay(T(alpha * rule.weight_decay)) {
        if (rule.name == "gradient_descent") {
            step = rule.momentum ? &Move::momentum : &Move::descent;
            keep = T(rule.momentum);
            ahead = rule.nesterov ? keep : T(1), now = rule.nesterov ? this->alpha : T(0);
        } else if (rule.name == "gradient") {
            step = &Move::sum;
        } else if (rule.name == "adam") {  // adamw too
            step = &Move::adam;
            keep = T(rule.beta1), add = T(1 - rule.beta1), keep2 = T(rule.beta2), add2 = T(1 - rule.beta2);
            correct = T(1 / (1 - std::pow(rule.beta1, t))), correct2 = T(1 / (1 - std::pow(rule.beta2, t)));
            if (rule.epsilon_hat) epsilon *= std::sqrt(correct2);
        } else {
            step = rule.name == "rmsprop" ? &Move::rmsprop : &Move::adagrad;
            keep = T(rule.rho), add = T(1 - rule.rho);
        }
    }

    // theta, and what the rule remembers of it, for n elements that all are weights (regularized) or all are not.
    void operator()(T* theta, T* first, T* second, const T* g, long n, bool weights) const {
        (this->*step)(theta, first, second, g, n, weights ? decay : T(0));
    }

  private:
    void sum(T*, T* total, T*, const T* g, long n, T) const {
        for (long i = 0; i < n; i++) total[i] += alpha * g[i];
    }
    void descent(T* theta, T*, T*, const T* g, long n, T decay) const {
        for (long i = 0; i < n; i++) theta[i] -= alpha * g[i] + decay * theta[i];
    }
    void momentum(T* theta, T* velocity, T*, const T* g, long n, T decay) const {
        for (long i = 0; i < n; i++) {
            T v = velocity[i] = keep * velocity[i] - alpha * g[i];
            theta[i] += ahead * v - now * g[i] - decay * theta[i];
        }
    }
    void adagrad(T* theta, T* sum, T*, const T* g, long n, T decay) const {
        for (long i = 0; i < n; i++) {
            T s = sum[i] += g[i] * g[i];
            T root = std::sqrt(s) + epsilon;
            theta[i] -= (root == 0 ? T(0) : alpha * g[i] / root) + decay * theta[i];
        }
    }
    void rmsprop(T* theta, T* mean, T*, const T* g, long n, T decay) const {
        for (long i = 0; i < n; i++) {
            T s = mean[i] = keep * mean[i] + add * (g[i] * g[i]);
            T root = std::sqrt(s) + epsilon;
            theta[i] -= (root == 0 ? T(0) : alpha * g[i] / root) + decay * theta[i];
        }
    }
    void adam(T* theta, T* first, T* second, const T* g, long n, T decay) const {
        for (long i = 0; i < n; i++) {
            T m = first[i] = keep * first[i] + add * g[i];
            T v = second[i] = keep2 * second[i] + add2 * (g[i] * g[i]);
            T root = std::sqrt(v * correct2) + epsilon;
            theta[i] -= (root == 0 ? T(0) : alpha * (m * correct) / root) + decay * theta[i];
        }
    }

    void (Move::*step)(T*, T*, T*, const T*, long, T) const;
    T alpha, epsilon, decay, keep = 0, add = 0, keep2 = 0, add2 = 0, ahead = 0, now = 0, correct = 0, correct2 = 0;
};

}  // namespace chainrule
