// The optimizers' rules by their names: what `Optimizer.rule` is in Python, in one pass over the parameters.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace chainrule {

// The numbers of an optimizer, as its attributes are called in Python. A rule reads those that are its own; those of the last
// lines are the same for all.
struct Settings {
    double momentum = 0, rho = 0, beta1 = 0, beta2 = 0, epsilon = 0;
    bool nesterov = false, epsilon_hat = false;
    double l2 = 0, clip_value = 0, clip_norm = 0;
    std::vector<double> rates;  // by what each parameter's change is multiplied; none for 1
};

// What is the same for all parameters at one update.
template <class T>
struct Constants {
    T alpha, epsilon;
    T decay = 0;                       // of a weight, the part that is taken away: alpha times its weight decay
    T keep = 0, add = 0;               // of a moving average: how much of it stays, how much of what is new joins it
    T keep2 = 0, add2 = 0;             // of a second one
    T correct = 0, correct2 = 0;       // both divided by 1 - beta^update
    T ahead = 0, now = 0;              // how much of the velocity, and of the gradient beside it, moves theta

    // For a parameter whose change is so many times what it would be. What the slots become is left as it is.
    Constants times(T rate) const {
        Constants c = *this;
        c.alpha *= rate, c.decay *= rate, c.ahead *= rate, c.now *= rate;
        return c;
    }
};

// A rule is chosen once, by its name; no update asks for that again.
template <class T>
struct Rule {
    int slots = 0;  // how many vectors as long as theta it remembers
    // The constants of an update, which is counted from 1, at the learning rate alpha.
    Constants<T> (*at)(const Settings&, double alpha, double update) = nullptr;
    // Moves theta and the slots, all of them from number i on, by n numbers of the gradient g; decay is 0 where nothing decays.
    void (*move)(const Constants<T>&, T* theta, T* const* slots, long i, const T* g, long n, T decay) = nullptr;

    bool trains() const { return move != nullptr; }
};

// Raises std::invalid_argument where there is no rule of the name; the empty name is the rule of those who train nothing.
template <class T>
Rule<T> rule_of(const std::string& name, const Settings& settings);

// How many slots each rule has, by its name.
std::map<std::string, int> rules();

}  // namespace chainrule
