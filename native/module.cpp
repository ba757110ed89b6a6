// The engine for Python: a program is described by its values and steps, and run on arrays.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "ops/activations.hpp"
#include "ops/arithmetic.hpp"
#include "ops/embedding.hpp"
#include "ops/linear.hpp"
#include "ops/losses.hpp"
#include "ops/normalization.hpp"
#include "ops/regularization.hpp"
#include "ops/shaping.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace chainrule {

using Ints = std::vector<int>;

template <class V>
V option(const nb::dict& options, const char* name, V otherwise) {
    return options.contains(name) ? nb::cast<V>(options[name]) : otherwise;
}

template <class T>
std::unique_ptr<Step<T>> make_step(const std::string& name, const nb::dict& o, int threads) {
    auto number = [&](const char* key, double otherwise) { return T(option<double>(o, key, otherwise)); };
    auto numbers = [&](const char* key) { return nb::cast<std::vector<double>>(o[key]); };
    auto activation = [](auto g) -> std::unique_ptr<Step<T>> { return std::make_unique<Activation<T, decltype(g)>>(g); };
    auto loss = [](auto l) -> std::unique_ptr<Step<T>> { return std::make_unique<Loss<T, decltype(l)>>(l); };
    if (name == "gather") return std::make_unique<Gather<T>>();
    if (name == "gather_standardized") return std::make_unique<GatherStandardized<T>>(numbers("mean"), numbers("deviation"));
    if (name == "linear") return std::make_unique<Linear<T>>();
    if (name == "narrow_linear") return std::make_unique<NarrowLinear<T>>();
    if (name == "embedding") return std::make_unique<Embedding<T>>();
    if (name == "embed_columns") return std::make_unique<EmbedColumns<T>>(option<long>(o, "first", 0));
    if (name == "reshape") return std::make_unique<Reshape<T>>();
    if (name == "add") return std::make_unique<Add<T>>(T(1));
    if (name == "subtract") return std::make_unique<Add<T>>(T(-1));
    if (name == "identity") return activation(Identity<T>{});
    if (name == "sigmoid") return activation(Sigmoid<T>{});
    if (name == "tanh") return activation(Tanh<T>{});
    if (name == "relu") return activation(Relu<T>{});
    if (name == "leaky_relu") return activation(LeakyRelu<T>{number("slope", 0)});
    if (name == "elu") return activation(Elu<T>{number("alpha", 0)});
    if (name == "gelu") return activation(Gelu<T>{});
    if (name == "silu") return activation(Silu<T>{});
    if (name == "softplus") return activation(Softplus<T>{});
    if (name == "exp") return activation(Exp<T>{});
    if (name == "softmax") return std::make_unique<Softmax<T>>();
    if (name == "log_softmax") return std::make_unique<LogSoftmax<T>>();
    if (name == "dropout")
        return std::make_unique<Dropout<T>>(option<double>(o, "rate", 0), option<uint64_t>(o, "seed", 0),
                                            option<uint64_t>(o, "mask", 0));
    if (name == "standardize") return std::make_unique<Standardize<T>>(numbers("mean"), numbers("deviation"), false);
    if (name == "unstandardize") return std::make_unique<Standardize<T>>(numbers("mean"), numbers("deviation"), true);
    if (name == "layer_norm") return std::make_unique<LayerNorm<T>>(option<double>(o, "epsilon", 0));
    if (name == "batch_norm") {
        auto mean = nb::cast<nb::ndarray<double, nb::c_contig>>(o["mean"]);
        auto variance = nb::cast<nb::ndarray<double, nb::c_contig>>(o["variance"]);
        return std::make_unique<BatchNorm<T>>(option<double>(o, "epsilon", 0), option<double>(o, "momentum", 0), mean.data(),
                                              variance.data(), long(mean.size()), threads);
    }
    if (name == "squared_error") return loss(SquaredError<T>{});
    if (name == "absolute_error") return loss(AbsoluteError<T>{});
    if (name == "huber") return loss(Huber<T>{number("delta", 0)});
    if (name == "poisson") return loss(Poisson<T>{});
    if (name == "exp_poisson") return loss(ExpPoisson<T>{});
    if (name == "binary_cross_entropy") return loss(BinaryCrossEntropy<T>{number("label_smoothing", 0)});
    if (name == "sigmoid_binary_cross_entropy") return loss(SigmoidBinaryCrossEntropy<T>{number("label_smoothing", 0)});
    if (name == "cross_entropy") return loss(CrossEntropy<T>{number("label_smoothing", 0)});
    if (name == "softmax_cross_entropy") return loss(SoftmaxCrossEntropy<T>{number("label_smoothing", 0)});
    if (name == "hinge") return loss(Hinge<T>{});
    if (name == "perceptron") return loss(Perceptron<T>{});
    return nullptr;
}

Rule make_rule(const nb::dict& o) {
    auto number = [&](const char* key) { return option<double>(o, key, 0.0); };
    Rule rule{option<std::string>(o, "name", "")};
    const std::vector<std::string> known{"", "gradient", "gradient_descent", "adagrad", "rmsprop", "adam"};
    if (std::find(known.begin(), known.end(), rule.name) == known.end())
        throw std::invalid_argument("no rule is called " + rule.name);
    rule.momentum = number("momentum"), rule.rho = number("rho"), rule.epsilon = number("epsilon");
    rule.beta1 = number("beta1"), rule.beta2 = number("beta2"), rule.nesterov = option<bool>(o, "nesterov", false);
    rule.epsilon_hat = option<bool>(o, "epsilon_hat", false);
    rule.l2 = number("l2"), rule.weight_decay = number("weight_decay");
    rule.clip_value = number("clip_value"), rule.clip_norm = number("clip_norm");
    return rule;
}

template <class T>
class Runner {
  public:
    // values: (kind, rows, n, wanted, panels, turned, weights) each; steps: (name, inputs, output, options) each.
    Runner(nb::list values, nb::list steps, nb::dict rule, long batch, int threads)
        : program(read(values), make_rule(rule), batch, threads) {
        for (nb::handle item : steps) {
            nb::tuple t = nb::cast<nb::tuple>(item);
            auto step = make_step<T>(nb::cast<std::string>(t[0]), nb::cast<nb::dict>(t[3]), threads);
            if (!step) throw std::invalid_argument("no kernel is called " + nb::cast<std::string>(t[0]));
            step->inputs = nb::cast<Ints>(t[1]);
            step->output = nb::cast<int>(t[2]);
            program.add_step(std::move(step));
        }
        program.seal();
    }

    using Vector_ = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

    // which: 0 for the parameters, 1 and 2 for what the rule remembers. The network's vector holds them one by one.
    void load(int which, Vector_ flat) { each(which, [&](auto& buffer, int id, long at) { program.load(buffer, id, flat.data() + at); }); }
    void unload(int which, Vector_ flat) { each(which, [&](auto& buffer, int id, long at) { program.unload(buffer, id, flat.data() + at); }); }

    nb::tuple run(nb::dict given, long m, long batch, nb::object alphas, nb::object l2, uint64_t update, int result,
                  nb::object outputs) {
        Data<T> data;
        // Nothing is converted: the arrays themselves stay alive in `given`, and no copy could.
        auto pointer = [](nb::object array, auto kind) {
            using E = const decltype(kind);
            return array.is_none() ? nullptr : nb::cast<nb::ndarray<E, nb::c_contig, nb::device::cpu>>(array, false).data();
        };
        data.X = nb::cast<nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>>(given["X"], false).data();
        data.type = nb::cast<std::string>(given["type"])[0];
        data.features = nb::cast<long>(given["features"]);
        data.Y = pointer(given["Y"], T());
        data.labels = pointer(given["labels"], int64_t());
        data.weights = pointer(given["weights"], T());
        data.weights_of_each = nb::cast<long>(given["weights_of_each"]);
        data.order = pointer(given["order"], int64_t());
        const double *rates = pointer(alphas, double()), *lambdas = pointer(l2, double());
        T* results = outputs.is_none()
                         ? nullptr
                         : nb::cast<nb::ndarray<T, nb::c_contig, nb::device::cpu>>(outputs, false).data();
        Report report;
        {
            nb::gil_scoped_release release;
            report = program.run(data, m, batch, rates, lambdas, update, result, results);
        }
        report.costs.resize(report.count), report.penalties.resize(report.count);
        return nb::make_tuple(report.costs, report.penalties, report.finite);
    }

  private:
    static std::vector<Value> read(nb::list given) {
        std::vector<Value> values;
        for (nb::handle item : given) {
            nb::tuple t = nb::cast<nb::tuple>(item);
            Value v{Kind(nb::cast<int>(t[0])), nb::cast<long>(t[1]), nb::cast<long>(t[2])};
            v.wanted = nb::cast<bool>(t[3]), v.panels = nb::cast<bool>(t[4]);
            v.turned = nb::cast<bool>(t[5]), v.weights = nb::cast<bool>(t[6]);
            values.push_back(v);
        }
        return values;
    }
    template <class F>
    void each(int which, F use) {
        long at = 0;
        for (int id = 0; id < int(program.values.size()); id++) {
            const Value& v = program.values[id];
            if (v.kind != Kind::parameter) continue;
            use(which == 0 ? program.theta : program.slots[which - 1], id, at);
            at += v.rows * v.n;
        }
    }
    Program<T> program;
};

template <class T>
void bind(nb::module_& m, const char* name) {
    nb::class_<Runner<T>>(m, name)
        .def(nb::init<nb::list, nb::list, nb::dict, long, int>(), "values"_a, "steps"_a, "rule"_a, "batch"_a, "threads"_a)
        .def("load", &Runner<T>::load, "which"_a, "flat"_a)
        .def("unload", &Runner<T>::unload, "which"_a, "flat"_a)
        .def("run", &Runner<T>::run, "data"_a, "m"_a, "batch"_a, "alphas"_a.none(), "l2"_a.none(),
             "update"_a, "result"_a, "outputs"_a.none());
}

}  // namespace chainrule

NB_MODULE(NATIVE_MODULE, m) {
    chainrule::bind<float>(m, "Program32");
    chainrule::bind<double>(m, "Program64");
    m.def("supported", [](const std::string& set) {
#if defined(__x86_64__)
        __builtin_cpu_init();
        if (set == "avx512") return bool(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"));
        if (set == "avx2") return bool(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
#endif
        return set == "baseline";
    });
}
