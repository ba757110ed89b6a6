// The table is filled once: a new file of ops/ has its line here. Beside it is what all kernels share, and no file should compile
// for each of its own.
#include "kernels.hpp"

namespace chainrule {

#define CHAINRULE_FILES(each)                                                                                     \
    each(activations) each(arithmetic) each(attention) each(bins) each(convolution) each(elementwise) each(embedding) \
    each(linear) each(losses) each(masking) each(normalization) each(pooling) each(recurrence) each(reductions)   \
    each(regularization) each(shaping)

#define CHAINRULE_DECLARED(file) \
    template <class T>           \
    void enter_##file(Kernels<T>&);
CHAINRULE_FILES(CHAINRULE_DECLARED)

template <class T>
const Kernels<T>& kernels() {
    static const Kernels<T> all = [] {
        Kernels<T> all;
#define CHAINRULE_ENTERED(file) enter_##file(all);
        CHAINRULE_FILES(CHAINRULE_ENTERED)
        return all;
    }();
    return all;
}

template <class T>
void enter_maker(Kernels<T>& kernels, const char* name, Maker<T> maker) {
    kernels[name] = maker;
}

template <class T>
Step<T>::~Step() = default;

void refuse(const std::string& message) { throw std::invalid_argument(message); }
void refuse(const char* message) { throw std::invalid_argument(message); }
void refuse_arrays(const char* what) { refuse(std::string("the arrays of a kernel do not fit: ") + what); }
void check_number_of_inputs(int n, int least, int most) {
    expect(least <= n && n <= most, "a kernel that takes " + std::to_string(least) + " to " + std::to_string(most) +
                                        " inputs has " + std::to_string(n));
}

template const Kernels<float>& kernels();
template const Kernels<double>& kernels();
template void enter_maker(Kernels<float>&, const char*, Maker<float>);
template void enter_maker(Kernels<double>&, const char*, Maker<double>);
template class Step<float>;
template class Step<double>;

}  // namespace chainrule
