// Functions of several arrays, number by number, with NumPy's broadcasting: what is stretched on the way forward is summed on
// the way back.
#pragma once
#include <array>

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

// What such functions share: how they walk through their inputs. Their own loops, over a block of numbers at a time, are the
// only lines that are compiled for each.
template <class T>
class Broadcast : public Step<T> {
  public:
    void prepare() override {
        this->takes(count, count), this->makes_a_value();
        reaches.clear();
        for (int input : this->inputs) reaches.emplace_back(this->of(input), this->of(this->output));
    }
    void forward(Worker<T>& w) override {
        Matrix<T> Z = this->out(w);
        walk(w, Z, [&](const T* const* a, long row, long, long, long j, long n) { values(a, Z[row] + j, n); });
    }
    void backward(Worker<T>& w) override {
        for (int by = 0; by < count; by++)
            if (this->wanted(by)) derive(w, by);
    }

  protected:
    static constexpr int MOST = 5;      // inputs
    static constexpr long BLOCK = 256;  // numbers at a time

    explicit Broadcast(int count) : count(count) {}

    // z = value(a, b, …), n numbers each.
    virtual void values(const T* const* a, T* z, long n) const = 0;
    // The derivative by an input from dz: written to `to`, or added to what is there.
    virtual void parts(int by, const T* const* a, const T* z, const T* dz, T* to, long n, bool add) const = 0;

  private:
    void derive(Worker<T>& w, int by) {
        Matrix<T> Z = this->out(w), dZ = this->d_out(w), d = this->d_in(w, by);
        const Reach& reach = reaches[by];
        bool add = this->add[by];
        if (reach.stretched && !add) d.clear(), add = true;
        walk(w, Z, [&](const T* const* a, long row, long example, long r, long j, long n) {
            const T *z = Z[row] + j, *dz = dZ[row] + j;
            T* to = d.data + example * reach.of_example + reach.rows[r] + j * reach.step;
            if (reach.step) return parts(by, a, z, dz, to, n, add);
            T some[BLOCK], sum = 0;
            parts(by, a, z, dz, some, n, false);
            for (long i = 0; i < n; i++) sum += some[i];
            *to = (add ? *to : T(0)) + sum;
        });
    }

    // use(pointers to the inputs' numbers, row of Z, its example, its row there, first column, number of columns), in
    // stretches so short that a number which serves a whole row can be written out.
    template <class Use>
    void walk(Worker<T>& w, Matrix<T> Z, Use use) {
        T written_out[MOST][BLOCK];
        const T *data[MOST], *from[MOST];
        for (int k = 0; k < count; k++) data[k] = this->in(w, k).data;
        long rows = this->of(this->output).rows;
        for (long row = 0, example = 0, r = 0; row < Z.rows; row++) {
            for (long j = 0; j < Z.n; j += BLOCK) {
                long n = std::min(BLOCK, Z.n - j);
                for (int k = 0; k < count; k++) {
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

    int count;
    std::vector<Reach> reaches;
};

// F: value(a, b, …), and slopes(a, b, …, z), the derivatives of z = value(a, b, …) by each; or, where these may be too large for
// a number, back(dz, a, b, …, z), those of the cost; or neither, where there are none.
template <class T, class F, int K>
class Elementwise : public Broadcast<T> {
    static_assert(K <= Broadcast<T>::MOST);
    using All = std::make_integer_sequence<int, K>;

  public:
    explicit Elementwise(const Options& options) : Broadcast<T>(K), f(made<F>(options)) {}

  protected:
    void values(const T* const* a, T* z, long n) const override { values(a, z, n, All()); }
    void parts(int by, const T* const* a, const T* z, const T* dz, T* to, long n, bool add) const override {
        parts(by, a, z, dz, to, n, add, All());
    }

  private:
    template <int... k>
    void values(const T* const* from, T* __restrict z, long n, std::integer_sequence<int, k...>) const {
        const std::array<const T*, K> a{from[k]...};
        for (long i = 0; i < n; i++) z[i] = f.value(a[k][i]...);
    }

    template <int... k>
    void parts(int by, const T* const* from, const T* z, const T* dz, T* to, long n, bool add,
               std::integer_sequence<int, k...> all) const {
        const std::array<const T*, K> a{from[k]...};
        ((by == k ? part<k>(a, z, dz, to, n, add, all) : void()), ...);
    }

    template <int by, int... k>
    void part(const std::array<const T*, K> a, const T* z, const T* dz, T* __restrict to, long n, bool add,
              std::integer_sequence<int, k...>) const {
        auto one = [&](long i) {
            if constexpr (requires { f.back(dz[i], a[k][i]..., z[i]); })
                return f.back(dz[i], a[k][i]..., z[i])[by];
            else if constexpr (requires { f.slopes(a[k][i]..., z[i]); })
                return dz[i] * f.slopes(a[k][i]..., z[i])[by];
            else
                return T(0);
        };
        if (add)  // two loops, as in `Activation`
            for (long i = 0; i < n; i++) to[i] += one(i);
        else
            for (long i = 0; i < n; i++) to[i] = one(i);
    }

    F f;
};

}  // namespace chainrule
