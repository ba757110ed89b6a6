// Convolution and its transpose.
#include "abreast_convolution.hpp"
#include "convolving.hpp"

namespace chainrule {
namespace {

// inputs: A unless it is X itself, W, b or nothing
template <class T, bool of_data>
class Convolution : public Convolving<T> {
  public:
    explicit Convolution(const Options& o) : Convolving<T>(o, false, of_data ? 0 : 1) {}

    // Where the channels of Z fill no register; where those of A do not, if A lies so already.
    Abreast abreast() const override {
        const Value& W = this->of(this->inputs[this->W]);
        const long frame = this->windows.y.extent() * this->windows.x.extent() * this->groups * W.n;
        if (this->program->rounds() || frame * WIDTH<T> * long(sizeof(T)) > RANK) return Abreast::never;
        if (this->groups > 0 && W.shape.size() > 1 && W.shape[0] / this->groups < WIDTH<T>) return Abreast::itself;
        return !of_data && W.n < WIDTH<T> ? Abreast::as_input : Abreast::never;
    }

    void prepare() override {
        Convolving<T>::prepare();
        if (this->made().may_lie_abreast) ranks.emplace(*this->one, this->groups, of_data, this->program->team.most());
    }
    void begin(Worker<T>& w) override {
        if (!in_ranks()) return Convolving<T>::begin(w);
        const T* from = this->in(w, this->W).data;
        const auto mine = this->program->mine(w, this->of(this->inputs[this->W]).shape[0]);
        this->each_weight(mine, [&](long here, long g, long at, long output) { ranks->put_weight(g, at, output, from[here]); });
        ranks->begin(w.id);
    }
    void end(Worker<T>& w) override {
        if (!in_ranks()) return Convolving<T>::end(w);
        const int W = this->W;
        if (this->wanted(W))
            this->each_weight({0, this->of(this->inputs[W]).shape[0]}, [&](long here, long g, long at, long output) {
                this->d_in(w, W).data[here] += ranks->slope(w.id, g, at, output);
            });
        if (has_bias() && this->wanted(W + 1)) ranks->add_bias_slopes(w.id, this->d_in(w, W + 1).data);
    }

    void check(const Data<T>& data) const override {
        const auto& one = *this->one;
        expect(!of_data || data.features == one.y.n * one.x.n * one.c * this->groups, "X has another number of features");
    }

    void forward(Worker<T>& w) override {
        const T* b = has_bias() ? this->in(w, this->W + 1).data : nullptr;
        if (in_ranks()) {
            Matrix<T> Z = this->out(w);
            for (long r = 0; r < Program<T>::ranks(w.examples); r++) ranks->forward(picture(w, r), b, Z[r * this->places]);
            return;
        }
        for (long i = 0; i < w.examples; i++)
            for (long g = 0; g < this->groups; g++) {
                take(w, i, g);
                this->go_ahead(w, this->out(w), i, g, b, false);
            }
    }

    void backward(Worker<T>& w) override {
        const int W = this->W;
        Matrix<T> dZ = this->d_out(w);
        if (in_ranks()) return backward_in_ranks(w, dZ);
        if (has_bias() && this->wanted(W + 1)) add_rows(dZ, this->d_in(w, W + 1).data);
        for (long i = 0; i < w.examples; i++)
            for (long g = 0; g < this->groups; g++) {
                auto small = this->small(w, dZ, i, g);
                if (this->wanted(W)) {
                    take(w, i, g);
                    this->add_slopes(w, small, g);
                }
                if (!of_data && this->wanted(0)) this->go_back(w, small, this->d_in(w, 0), i, g, this->add[0]);
            }
    }

  private:
    bool in_ranks() const { return this->made().abreast; }
    bool has_bias() const { return int(this->inputs.size()) > this->W + 1; }

    void backward_in_ranks(Worker<T>& w, Matrix<T> dZ) {
        for (long r = 0; r < Program<T>::ranks(w.examples); r++) {
            T* from = dZ[r * this->places];
            if (has_bias() && this->wanted(this->W + 1)) ranks->add_bias(w.id, from);
            if (this->wanted(this->W)) ranks->add_slopes(w.id, picture(w, r), from);
            if (of_data || !this->wanted(0)) continue;
            ranks->to_picture(w.id, from, this->d_in(w, 0)[r * this->one->y.n * this->one->x.n], this->add[0]);
        }
    }

    // Number r of the ranks in hand, as the products read it.
    const T* picture(Worker<T>& w, long r) {
        if constexpr (of_data) {
            const long first = r * WIDTH<T>, examples = std::min(WIDTH<T>, w.examples - first);
            const T* P;
            with_type(*w.data, [&](auto* X) {
                const auto source = [&](long lane) { return X + w.source(first + lane) * w.data->features; };
                P = ranks->picture_of_data(w.id, w.first + first, examples, source);
            });
            return P;
        } else {
            return ranks->picture(w.id, this->in(w, 0)[r * this->one->y.n * this->one->x.n]);
        }
    }

    void take(Worker<T>& w, long i, long g) {
        const auto& one = *this->one;
        if constexpr (of_data) {
            const long c = this->groups * one.c;
            with_type(*w.data, [&](auto* X) { this->frame(w, X + w.source(i) * w.data->features + g * one.c, c); });
        } else {
            Matrix<T> A = this->in(w, 0);
            this->frame(w, A[i * one.y.n * one.x.n] + g * one.c, A.row);
        }
    }

    std::optional<AbreastConvolution<T>> ranks;
};

// inputs: A, W, b or nothing. The windows lie on Z.
template <class T>
class TransposedConvolution : public Convolving<T> {
  public:
    explicit TransposedConvolution(const Options& o) : Convolving<T>(o, true, 1) {}

    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), Z = this->out(w);
        for (long i = 0; i < w.examples; i++)
            for (long g = 0; g < this->groups; g++) this->go_back(w, this->small(w, A, i, g), Z, i, g, false);
        if (this->inputs.size() < 3) return;
        const T* b = this->in(w, 2).data;
        for (long i = 0; i < Z.rows; i++)
            for (long j = 0; j < Z.n; j++) Z[i][j] += b[j];
    }

    void backward(Worker<T>& w) override {
        const auto& one = *this->one;
        Matrix<T> A = this->in(w, 0), dZ = this->d_out(w);
        if (this->inputs.size() > 2 && this->wanted(2)) add_rows(dZ, this->d_in(w, 2).data);
        for (long i = 0; i < w.examples; i++)
            for (long g = 0; g < this->groups; g++) {
                this->frame(w, dZ[i * one.y.n * one.x.n] + g * one.c, dZ.row);
                if (this->wanted(1)) this->add_slopes(w, this->small(w, A, i, g), g);
                if (this->wanted(0)) this->go_ahead(w, this->d_in(w, 0), i, g, nullptr, this->add[0]);
            }
    }
};

}  // namespace

template <class T>
void enter_convolution(Kernels<T>& kernels) {
    enter<Convolution<T, false>>(kernels, "convolution");
    enter<Convolution<T, true>>(kernels, "convolution_of_data");
    enter<TransposedConvolution<T>>(kernels, "transposed_convolution");
}

template void enter_convolution(Kernels<float>&);
template void enter_convolution(Kernels<double>&);

}  // namespace chainrule
