// Parameters on their way between two layouts: the network's rows, panels of W^T, and panels of W.
#include "parameters.hpp"

namespace chainrule {

template <class T>
void Parameters<T>::allocate(long numbers, int slots, long backward) {
    vectors.clear(), starts.clear();
    for (int which = 0; which <= slots; which++) vectors.emplace_back(numbers);
    for (int slot = 1; slot <= slots; slot++) starts.push_back(vectors[slot].data());
    copies = Buffer<T>(backward);
}

template <class T>
void Parameters<T>::load(int which, const Value& v, const T* from) {
    constexpr long P = WIDTH<T>;
    T* ours = vectors[which].data() + v.offset;
    if (v.panels)
        for (long i = 0; i < v.rows; i += P, ours += P * v.n)
            transpose(std::min(P, v.rows - i), v.n, from + i * v.n, v.n, ours, P);
    else
        for (long i = 0; i < v.rows; i++) std::memcpy(ours + i * v.row, from + i * v.n, sizeof(T) * v.n);
    if (which == 0 && v.backward >= 0) copy_for_the_way_back(v, v.offset, v.template size<T>());
}

template <class T>
void Parameters<T>::unload(int which, const Value& v, T* to) const {
    constexpr long P = WIDTH<T>;
    const T* ours = vectors[which].data() + v.offset;
    if (v.panels)
        for (long i = 0; i < v.rows; i += P, ours += P * v.n)
            transpose(v.n, std::min(P, v.rows - i), ours, P, to + i * v.n, v.n);
    else
        for (long i = 0; i < v.rows; i++) std::memcpy(to + i * v.n, ours + i * v.row, sizeof(T) * v.n);
}

template <class T>
void Parameters<T>::copy_for_the_way_back(const Value& v, long i, long n) {
    constexpr long P = WIDTH<T>;
    T* copy = backward(v);
    for (long j = i; j < i + n;) {
        const long r = (j - v.offset) / P, output = r / v.n * P, feature = r % v.n;
        const long features = std::min({v.n - feature, (i + n - j) / P, P - feature % P});
        transpose(features, std::min(P, v.rows - output), theta() + j, P,
                  copy + feature / P * (v.rows * P) + output * P + feature % P, P);
        j += features * P;
    }
}

template class Parameters<float>;
template class Parameters<double>;

}  // namespace chainrule
