// Pooling: many places of a picture become one, feature by feature; and upsampling, where one becomes many.
#include "../kernels.hpp"

namespace chainrule {
namespace {

// What all have in common: each place of Z is made of some places of A. `shown` (places of Z, k) has their numbers, and -1 where a
// window reaches beyond the edge.
template <class T>
class Pooling : public Step<T> {
  public:
    explicit Pooling(const Options& o) : k(o.whole("k")), shown(o.all<int64_t>("shown")) {}

    void prepare() override {
        this->takes(1, 1), this->makes_a_value();
        const auto among_places = [&](int64_t place) { return -1 <= place && place < of_A(); };
        this->fits(k > 0 && long(shown.size()) == this->made().rows * k && this->made().n == this->given(0).n, "A, Z and the windows");
        this->fits(std::all_of(shown.begin(), shown.end(), among_places), "the windows and the places of A");
        for (long p = 0; p < long(shown.size()); p += k) {
            begins.push_back(long(places.size()));
            std::copy_if(shown.begin() + p, shown.begin() + p + k, std::back_inserter(places), [](int64_t place) { return place >= 0; });
        }
        begins.push_back(long(places.size()));
        std::vector<int64_t> all = places;
        std::sort(all.begin(), all.end());
        each_is_shown_once = long(all.size()) == of_A() && std::adjacent_find(all.begin(), all.end()) == all.end();
    }
    Abreast abreast() const override { return Abreast::as_input; }

  protected:
    // The places of A that a place of Z is made of.
    struct Shown {
        const int64_t* places;
        long count;
    };
    // use(first place of A of its example, place of Z, what it shows) for each place of all examples, or ranks of them, of A and Z.
    // What it calls for each of them has numbers as arguments: the compiler must not fear that what is written changes them.
    template <class Use>
    void each(Worker<T>& w, Use use) const {
        const long of_Z = this->of(this->output).rows, examples = this->out(w).rows / of_Z;
        for (long i = 0; i < examples; i++)
            for (long p = 0; p < of_Z; p++)
                use(i * of_A(), i * of_Z + p, Shown{places.data() + begins[p], begins[p + 1] - begins[p]});
    }
    // Whether each number of the derivative by A is written once, and nothing was there before.
    bool writes_once() const { return each_is_shown_once && !this->add[0]; }
    // The derivative by A; nothing is there unless something was added before.
    Matrix<T> start(Worker<T>& w) const {
        Matrix<T> dA = this->d_in(w, 0);
        if (!this->add[0] && !each_is_shown_once) dA.clear();
        return dA;
    }
    static void put(T* to, Vector<T> part, bool once) { store<T>(to, once ? part : load(to) + part); }
    bool each_shows_something() const { return std::adjacent_find(begins.begin(), begins.end()) == begins.end(); }
    long of_A() const { return this->of(this->inputs[0]).rows; }

  private:
    long k;
    std::vector<int64_t> shown, places;  // places: those of an example, one window after the other
    std::vector<long> begins;
    bool each_is_shown_once = false;
};

// Z is the mean.
template <class T>
class MeanPool : public Pooling<T> {
  public:
    using Pooling<T>::Pooling;

    bool keeps_output() const override { return false; }

    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), Z = this->out(w);
        this->each(w, [&](long a, long p, Shown shown) { mean(A[a], A.row, shown, padded<T>(Z.n), Z[p]); });
    }

    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> dA = this->start(w), dZ = this->d_out(w);
        const bool once = this->writes_once();
        this->each(w, [&](long a, long p, Shown shown) { share(dZ[p], padded<T>(dZ.n), shown, dA[a], dA.row, once); });
    }

  private:
    using typename Pooling<T>::Shown;

    static T part(Shown shown) { return T(1) / T(std::max(1L, shown.count)); }
    static void mean(const T* a, long row, Shown shown, long n, T* z) {
        for (long j = 0; j < n; j += WIDTH<T>) {
            Vector<T> sum{};
            for (long q = 0; q < shown.count; q++) sum += load(a + shown.places[q] * row + j);
            store<T>(z + j, part(shown) * sum);
        }
    }
    static void share(const T* dz, long n, Shown shown, T* da, long row, bool once) {
        for (long j = 0; j < n; j += WIDTH<T>)
            for (long q = 0; q < shown.count; q++) Pooling<T>::put(da + shown.places[q] * row + j, part(shown) * load(dz + j), once);
    }
};

// Z is the largest; the first of several equal ones gets the derivative.
template <class T>
class MaxPool : public Pooling<T> {
  public:
    using Pooling<T>::Pooling;

    void prepare() override {
        Pooling<T>::prepare();
        this->fits(this->each_shows_something(), "the windows, one of which lies beyond the edges");
    }

    void forward(Worker<T>& w) override {
        Matrix<T> A = this->in(w, 0), Z = this->out(w);
        this->each(w, [&](long a, long p, Shown shown) { largest(A[a], A.row, shown, padded<T>(Z.n), Z[p]); });
    }

    void backward(Worker<T>& w) override {
        if (!this->wanted(0)) return;
        Matrix<T> A = this->in(w, 0), Z = this->out(w), dA = this->start(w), dZ = this->d_out(w);
        const bool once = this->writes_once();
        this->each(w, [&](long a, long p, Shown shown) { give(Z[p], dZ[p], padded<T>(Z.n), A[a], A.row, shown, dA[a], once); });
    }

  private:
    using typename Pooling<T>::Shown;

    static void largest(const T* a, long row, Shown shown, long n, T* z) {
        for (long j = 0; j < n; j += WIDTH<T>) {
            Vector<T> most = load(a + shown.places[0] * row + j);
            for (long q = 1; q < shown.count; q++) {
                const Vector<T> next = load(a + shown.places[q] * row + j);
                most = ((next > most) | (next != next)) ? next : most;  // NaN stays, so that it is found
            }
            store<T>(z + j, most);
        }
    }
    static void give(const T* z, const T* dz, long n, const T* a, long row, Shown shown, T* da, bool once) {
        for (long j = 0; j < n; j += WIDTH<T>) {
            const Vector<T> most = load(z + j), none{};
            Vector<T> left = load(dz + j);  // what has not yet found its place
            for (long q = 0; q < shown.count; q++) {
                const long at = shown.places[q] * row + j;
                const Vector<T> part = load(a + at) == most ? left : none;
                Pooling<T>::put(da + at, part, once);
                left -= part;
            }
        }
    }
};

}  // namespace

template <class T>
void enter_pooling(Kernels<T>& kernels) {
    for (const char* name : {"average_pool", "adaptive_average_pool", "global_average_pool", "upsample"}) enter<MeanPool<T>>(kernels, name);
    for (const char* name : {"max_pool", "global_max_pool"}) enter<MaxPool<T>>(kernels, name);
}

template void enter_pooling(Kernels<float>&);
template void enter_pooling(Kernels<double>&);

}  // namespace chainrule
