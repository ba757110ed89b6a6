// The table is filled once: a new file of ops/ has its line here.
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

template const Kernels<float>& kernels();
template const Kernels<double>& kernels();

}  // namespace chainrule
