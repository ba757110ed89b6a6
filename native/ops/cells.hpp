// The cells of recurrent layers: what the gates of an RNN, a GRU and an LSTM do at one step.
#pragma once
#include "activation.hpp"

namespace chainrule {

// The arrays of one step of one example, as the gates of a cell read and write them. n is the size of the state.
template <class T>
struct Cell {
    long n;
    const T* b;    // a bias of v, or null
    T* z;          // W X + b of all gates, and behind the way forward what the way back needs of the gates
    T* v;          // U A of the step before, where it is not added to z
    T *a, *c;      // the state and, of an LSTM, the cell
    T* d;          // the derivative by the state
    T* dc;         // the derivative by the cell, and behind the way back that by the cell before
    T *dz, *dv;    // the derivatives by z and v
    T* kept;       // the part of the derivative by the state before that goes there without U
    const T *old, *old_c;  // the state and the cell of the step before
};

template <class T, class G>
struct SimpleCell {
    static constexpr bool cells = false, apart = false;
    static constexpr long gates = 1;
    static void forward(const Cell<T>& s) {
#pragma GCC ivdep
        for (long j = 0; j < s.n; j++) s.a[j] = G().value(s.z[j]);
    }
    static void backward(const Cell<T>& s) {
#pragma GCC ivdep
        for (long j = 0; j < s.n; j++) s.dz[j] = s.d[j] * G().slope(T(0), s.a[j]), s.kept[j] = 0;
    }
};

template <class T>
struct LstmCell {
    static constexpr bool cells = true, apart = false;
    static constexpr long gates = 4;
    static void forward(const Cell<T>& s) {
        const long n = s.n;
        const Tanh<T> tanh;
#pragma GCC ivdep
        for (long j = 0; j < n; j++) {
            const T I = sigmoid(s.z[j]), F = sigmoid(s.z[n + j]), G = tanh.value(s.z[2 * n + j]), O = sigmoid(s.z[3 * n + j]);
            const T c = F * s.old_c[j] + I * G;
            s.c[j] = c, s.a[j] = O * tanh.value(c);
            s.z[j] = I, s.z[n + j] = F, s.z[2 * n + j] = G, s.z[3 * n + j] = O;
        }
    }
    static void backward(const Cell<T>& s) {
        const long n = s.n;
#pragma GCC ivdep
        for (long j = 0; j < n; j++) {
            const T I = s.z[j], F = s.z[n + j], G = s.z[2 * n + j], O = s.z[3 * n + j];
            const T shown = Tanh<T>().value(s.c[j]), dc = s.dc[j] + s.d[j] * O * (1 - shown * shown);
            s.dz[j] = dc * G * I * (1 - I);
            s.dz[n + j] = dc * s.old_c[j] * F * (1 - F);
            s.dz[2 * n + j] = dc * I * (1 - G * G);
            s.dz[3 * n + j] = s.d[j] * shown * O * (1 - O);
            s.dc[j] = dc * F, s.kept[j] = 0;
        }
    }
};

template <class T>
struct GruCell {
    static constexpr bool cells = false, apart = true;
    static constexpr long gates = 3;
    static void forward(const Cell<T>& s) {
        const long n = s.n;
#pragma GCC ivdep
        for (long j = 0; j < n; j++) {
            const T R = sigmoid(s.z[j] + s.v[j]), G = sigmoid(s.z[n + j] + s.v[n + j]), inner = s.v[2 * n + j] + (s.b ? s.b[j] : T(0));
            const T N = Tanh<T>().value(s.z[2 * n + j] + R * inner);
            s.a[j] = N + G * (s.old[j] - N);
            s.z[j] = R, s.z[n + j] = G, s.z[2 * n + j] = N, s.v[2 * n + j] = inner;
        }
    }
    static void backward(const Cell<T>& s) {
        const long n = s.n;
#pragma GCC ivdep
        for (long j = 0; j < n; j++) {
            const T R = s.z[j], G = s.z[n + j], N = s.z[2 * n + j], inner = s.v[2 * n + j], d = s.d[j];
            const T d_new = d * (1 - G) * (1 - N * N), d_reset = d_new * inner * R * (1 - R);
            const T d_gate = d * (s.old[j] - N) * G * (1 - G);
            s.dz[j] = s.dv[j] = d_reset, s.dz[n + j] = s.dv[n + j] = d_gate, s.dz[2 * n + j] = d_new, s.dv[2 * n + j] = d_new * R;
            s.kept[j] = d * G;
        }
    }
};

// What tells one kind of cell from another: how many gates it has, whether it has a cell beside its state, whether U A stands apart
// from z, and what the gates do at a step.
template <class T>
struct Gates {
    long gates;
    bool cells, apart;
    void (*forward)(const Cell<T>&);
    void (*backward)(const Cell<T>&);
};

}  // namespace chainrule
