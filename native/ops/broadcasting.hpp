// Functions of several arrays, number by number, with NumPy's broadcasting: what is stretched on the way forward is summed on
// the way back.
#pragma once
#include "../kernels.hpp"

namespace chainrule {

// How an input is stretched to the output's shape: where the numbers lie that belong to each row of the output.
struct Reach {
    std::vector<long> rows;   // by row of one example of the output, where they begin
    long of_example = 0;      // how far those of one example lie from the next's; 0 where all examples share them
    long step = 1;            // how far they lie apart; 0 where one number serves the whole row
    bool stretched = false;   // whether any number serves more than once

    Reach() = default;
    Reach(const Value& in, const Value& out) {
        of_example = in.kind == Kind::example ? in.rows * in.row : 0;
        stretched = in.kind != Kind::example && out.kind == Kind::example;
        long axes = long(out.shape.size()), missing = axes - long(in.shape.size());
        const auto leading_ones = [&] { return std::all_of(in.shape.begin(), in.shape.begin() - missing, [](long n) { return n == 1; }); };
        expect((missing >= 0 || leading_ones()) && (in.n == out.n || in.n == 1), "an array cannot be stretched to another's shape");
        if (in.n < out.n) step = 0, stretched = true;
        for (long r = 0; r < out.rows; r++) {
            long rest = r, apart = in.row, begin = 0;
            for (long d = axes - 2; d >= 0; d--) {
                long i = rest % out.shape[d], n = d < missing ? 1 : in.shape[d - missing];
                rest /= out.shape[d];
                expect(n == 1 || n == out.shape[d], "an array cannot be stretched to another's shape");
                if (n > 1) begin += i * apart;
                if (n < out.shape[d]) stretched = true;
                apart *= n;
            }
            rows.push_back(begin);
        }
    }
};

// F: value(a, b, …), and slopes(a, b, …, z), the derivatives of z = value(a, b, …) by each; or, where these may be too large for
// a number, back(dz, a, b, …, z), those of the cost.
template <class T, class F, int K>
class Elementwise : public Step<T> {
    using Pointers = std::array<const T*, K>;

  public:
    explicit Elementwise(const Options& options) : f(made<F>(options)) {}

    void prepare() override {
        this->takes(K, K), this->makes_a_value();
        for (int k = 0; k < K; k++) reaches[k] = Reach(this->of(this->inputs[k]), this->of(this->output));
    }
    void forward(Worker<T>& w) override { forward(w, std::make_integer_sequence<int, K>()); }
    void backward(Worker<T>& w) override { backward(w, std::make_integer_sequence<int, K>()); }

  private:
    template <int... k>
    void forward(Worker<T>& w, std::integer_sequence<int, k...>) {
        Matrix<T> Z = this->out(w);
        walk(w, Z, [&](Pointers a, long row, long, long, long j, long n) {
            T* z = Z[row] + j;
            for (long i = 0; i < n; i++) z[i] = f.value(a[k][i]...);
        });
    }

    template <int... k>
    void backward(Worker<T>& w, std::integer_sequence<int, k...> all) {
        ((this->wanted(k) ? derive<k>(w, all) : void()), ...);
    }

    template <int by, int... k>
    void derive(Worker<T>& w, std::integer_sequence<int, k...>) {
        Matrix<T> Z = this->out(w), dZ = this->d_out(w), d = this->d_in(w, by);
        const Reach& reach = reaches[by];
        bool add = this->add[by];
        if (reach.stretched && !add) d.clear(), add = true;
        walk(w, Z, [&](Pointers a, long row, long example, long r, long j, long n) {
            const T *z = Z[row] + j, *dz = dZ[row] + j;
            T* to = d.data + example * reach.of_example + reach.rows[r] + j * reach.step;
            auto part = [&](long i) {
                if constexpr (requires { f.back(dz[i], a[k][i]..., z[i]); })
                    return f.back(dz[i], a[k][i]..., z[i])[by];
                else
                    return dz[i] * f.slopes(a[k][i]..., z[i])[by];
            };
            if (reach.step) {
                for (long i = 0; i < n; i++) to[i] = (add ? to[i] : T(0)) + part(i);
            } else {
                T sum = 0;
                for (long i = 0; i < n; i++) sum += part(i);
                *to = (add ? *to : T(0)) + sum;
            }
        });
    }

    // use(pointers to the inputs' numbers, row of Z, its example, its row there, first column, number of columns), in
    // stretches so short that a number which serves a whole row can be written out.
    template <class Use>
    void walk(Worker<T>& w, Matrix<T> Z, Use use) {
        constexpr long block = 256;
        T written_out[K][block];
        const T* data[K];
        for (int k = 0; k < K; k++) data[k] = this->in(w, k).data;
        long rows = this->of(this->output).rows;
        for (long row = 0, example = 0, r = 0; row < Z.rows; row++) {
            for (long j = 0; j < Z.n; j += block) {
                long n = std::min(block, Z.n - j);
                Pointers from;
                for (int k = 0; k < K; k++) {
                    from[k] = data[k] + example * reaches[k].of_example + reaches[k].rows[r] + j;
                    if (!reaches[k].step) {
                        std::fill_n(written_out[k], n, *(from[k] - j));
                        from[k] = written_out[k];
                    }
                }
                use(from, row, example, r, j, n);
            }
            if (++r == rows) r = 0, example++;
        }
    }

    F f;
    Reach reaches[K];
};

}  // namespace chainrule
