// A convolution of examples that lie abreast: what it keeps beside the three products.
#pragma once
#include "abreast_correlation.hpp"
#include "sums.hpp"

namespace chainrule {

template <class T>
class AbreastConvolution {
  public:
    // framed: whether pictures are copied into a frame even if they have no edges.
    AbreastConvolution(const Correlation<T>& one, long groups, bool framed, int workers)
        : one(one), groups(groups), framed(framed || beyond(one.y) || beyond(one.x)),
          row((this->framed ? one.x.extent() : one.x.n) * pixel()), places(one.y.count * one.x.count),
          products(one, pixel(), groups * one.f * WIDTH<T>, row), ahead(groups * weights()), back(groups * weights()) {
        for (int id = 0; id < workers; id++)
            rooms.emplace_back(this->framed ? one.y.extent() * row : 0, groups * weights() * WIDTH<T>, groups * one.f * WIDTH<T>);
    }

    // A number of W: its group, its number in a window, its output.
    void put_weight(long g, long at, long output, T number) {
        ahead.data()[g * weights() + output * one.of_window() + at] = back.data()[g * weights() + at * one.f + output] = number;
    }
    T slope(int worker, long g, long at, long output) const {
        return total<T>(load(rooms[worker].dW.data() + (g * weights() + output * one.of_window() + at) * WIDTH<T>));
    }
    void add_bias_slopes(int worker, T* db) const {
        for (long j = 0; j < groups * one.f; j++) db[j] += total<T>(load(rooms[worker].db.data() + j * WIDTH<T>));
    }
    // Before a batch.
    void begin(int worker) {
        rooms[worker].framed = -1;
        std::memset(rooms[worker].dW.data(), 0, sizeof(T) * groups * weights() * WIDTH<T>);
        std::memset(rooms[worker].db.data(), 0, sizeof(T) * groups * one.f * WIDTH<T>);
    }

    // A rank's picture as the products read it: where it lies, or in the worker's frame.
    const T* picture(int worker, const T* A) {
        if (!framed) return A;
        const long n = std::min(one.x.n, one.x.extent() - one.x.before) * pixel();
        T* P = rooms[worker].frame.data();
        std::memset(P, 0, sizeof(T) * one.y.extent() * row);
        each_row([&](long i, long in_frame) { std::copy_n(A + i * one.x.n * pixel(), n, P + in_frame); });
        return P;
    }
    // The same of rows of X: source(lane) for each example, the first of which has this number. It stays until another one comes.
    template <class Source>
    const T* picture_of_data(int worker, long number, long examples, Source source) {
        T* P = rooms[worker].frame.data();
        if (std::exchange(rooms[worker].framed, number) == number) return P;
        if (examples < WIDTH<T>) std::memset(P, 0, sizeof(T) * one.y.extent() * row);
        const long n = std::min(one.x.n, one.x.extent() - one.x.before) * groups * one.c, all = one.x.n * groups * one.c;
        each_row([&](long i, long in_frame) {
            for (long lane = 0; lane < examples; lane++) {
                const auto* from = source(lane) + i * all;
                T* to = P + in_frame + lane;
                for (long j = 0; j < n; j++) to[j * WIDTH<T>] = T(from[j]);
            }
        });
        return P;
    }

    // Z = W P + b
    void forward(const T* P, const T* b, T* Z) const {
        for (long j = 0; j < groups * one.f; j++) {
            const Vector<T> first = Vector<T>{} + (b ? b[j] : T(0));
            for (long p = 0; p < places; p++) store<T>(Z + (p * groups * one.f + j) * WIDTH<T>, first);
        }
        for (long g = 0; g < groups; g++)
            products.forward(P + g * one.c * WIDTH<T>, ahead.data() + g * weights(), Z + g * one.f * WIDTH<T>);
    }

    // dW + dZ P^T, in the worker's room.
    void add_slopes(int worker, const T* P, const T* dZ) {
        for (long g = 0; g < groups; g++)
            products.to_weights(P + g * one.c * WIDTH<T>, dZ + g * one.f * WIDTH<T>,
                                rooms[worker].dW.data() + g * weights() * WIDTH<T>);
    }
    // db + what a rank's dZ come to.
    void add_bias(int worker, T* dZ) {
        const long n = groups * one.f * WIDTH<T>;
        add_rows<T>({dZ, places, n, n}, rooms[worker].db.data());
    }

    // dA (+ what is there) = W^T dZ
    void to_picture(int worker, const T* dZ, T* dA, bool add) {
        T* dP = framed ? rooms[worker].frame.data() : dA;
        if (framed) std::memset(dP, 0, sizeof(T) * one.y.extent() * row);
        else if (!add) std::memset(dP, 0, sizeof(T) * one.y.n * row);
        for (long g = 0; g < groups; g++)
            products.to_picture(dZ + g * one.f * WIDTH<T>, back.data() + g * weights(), dP + g * one.c * WIDTH<T>);
        if (!framed) return;
        if (!add) std::memset(dA, 0, sizeof(T) * one.y.n * one.x.n * pixel());
        const long n = std::min(one.x.n, one.x.extent() - one.x.before) * pixel();
        each_row([&](long i, long in_frame) {
            T* to = dA + i * one.x.n * pixel();
            for (long j = 0; j < n; j++) to[j] += dP[in_frame + j];
        });
    }

  private:
    struct Room {
        Buffer<T> frame, dW, db;
        long framed = -1;  // the number of the first example in the frame
        Room(long frame, long dW, long db) : frame(frame), dW(dW), db(db) {}
    };

    static bool beyond(const Axis& axis) { return axis.before > 0 || axis.extent() > axis.n; }
    long pixel() const { return groups * one.c * WIDTH<T>; }
    long weights() const { return one.f * one.of_window(); }  // of a group

    // use(row of a picture, where it begins in the frame) for those that windows see.
    template <class Use>
    void each_row(Use use) const {
        for (long i = 0; i < one.y.n && i + one.y.before < one.y.extent(); i++)
            use(i, (i + one.y.before) * row + one.x.before * pixel());
    }

    const Correlation<T> one;
    const long groups;
    const bool framed;
    const long row, places;
    AbreastCorrelation<T> products;
    Buffer<T> ahead, back;  // W as the way forward and the way back read it
    std::vector<Room> rooms;
};

}  // namespace chainrule
