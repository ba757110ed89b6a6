// Parameters on their way between two layouts: the network's rows, panels of W^T, and panels of W.
#include "parameters.hpp"

namespace chainrule {

template <class T>
void Parameters<T>::allocate(long numbers, int slots, long backward, long rounded) {
    vectors.clear(), starts.clear();
    for (int which = 0; which <= slots; which++) vectors.emplace_back(numbers);
    for (int slot = 1; slot <= slots; slot++) starts.push_back(vectors[slot].data());
    copies = Buffer<T>(backward), words = Buffer<uint32_t>(rounded);
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
    if (which == 0 && v.panels)
        for (long i = 0; i < v.rows; i += P) follow(v, v.offset + i * v.n, P * v.n, 1);
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
void Parameters<T>::follow(const Value& v, long i, long n, int panels) {
    if (v.rounded >= 0) return round(v, i, n, panels);
    if (v.backward < 0) return;
    for (int s = 0; s < panels; s++) copy_for_the_way_back(v, i + s * v.n * WIDTH<T>, n);
}

template <class T>
void Parameters<T>::round(const Value& v, long i, long n, int panels) {
    if constexpr (std::is_same_v<T, float>) {
        constexpr long P = WIDTH<T>;
        const long panel = v.n * P, row = (i - v.offset) / P, feature = row % v.n, features = n / P;
        const RoundedPanels ahead = rounded(v), back = rounded_backward(v);
        const T* from = theta() + i;
        round_panels(features, panels * P, {from, panel, P}, {ahead.data + row / v.n * ahead.panel + feature / 2 * P, ahead.panel});
        if (v.rounded_backward >= 0)
            round_turned(features, {from, panel, P}, panels,
                         {back.data + feature / P * back.panel + row / v.n * (P / 2) * P, back.panel});
    }
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
