// The engine for Python: a program is described by its values and steps, and run on arrays.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "kernels.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace chainrule {

// As `Array` and `Data` call the type of numbers; 0 where there are no kernels for it.
inline char type_of(nb::dlpack::dtype dtype) {
    using Code = nb::dlpack::dtype_code;
    const Code code = Code(dtype.code);
    if (code == Code::Float) return dtype.bits == 32 ? 'f' : dtype.bits == 64 ? 'd' : 0;
    if (code == Code::Int) return dtype.bits == 32 ? 'i' : dtype.bits == 64 ? 'l' : 0;
    return (code == Code::UInt || code == Code::Bool) && dtype.bits == 8 ? 'b' : 0;
}

// Keeps a Python object alive until the last of those who share it has gone, whoever that is.
inline std::shared_ptr<void> kept(nb::object object) {
    return {object.release().ptr(), [](void* held) {
                nb::gil_scoped_acquire hold;
                Py_DECREF(static_cast<PyObject*>(held));
            }};
}

inline Option read_option(nb::handle given, const std::string& name) {
    PyObject* object = given.ptr();
    if (PyBool_Check(object)) return object == Py_True;
    if (PyUnicode_Check(object)) return nb::cast<std::string>(given);
    if (PyLong_Check(object)) return nb::cast<uint64_t>(given);
    nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu> array;
    if (!PyFloat_Check(object) && nb::try_cast(given, array, false) && array.ndim() > 0) {
        nb::ndarray<nb::c_contig, nb::device::cpu> ours;
        const bool writable = nb::try_cast(given, ours, false);
        return Array{type_of(array.dtype()), writable, const_cast<void*>(array.data()), long(array.size()), kept(nb::borrow(given))};
    }
    double number = 0;
    if (nb::try_cast<double>(given, number)) return number;
    throw std::invalid_argument("the option " + name + " is neither a number nor a contiguous array");
}

inline Options read_options(nb::dict given) {
    std::map<std::string, Option> options;
    for (auto [name, option] : given) {
        const std::string known = nb::cast<std::string>(name);
        options.emplace(known, read_option(option, known));
    }
    return Options(std::move(options));
}

// What an attribute of a Python object says.
template <class V>
V said(nb::handle object, const char* name) {
    return nb::cast<V>(object.attr(name));
}

Rule make_rule(const Options& o) {
    auto number = [&](const char* key) { return o.has(key) ? o.get(key) : 0.0; };
    Rule rule{o.get<std::string>("name")};
    const std::vector<std::string> known{"", "gradient", "gradient_descent", "adagrad", "rmsprop", "adam"};
    if (std::find(known.begin(), known.end(), rule.name) == known.end())
        throw std::invalid_argument("no rule is called " + rule.name);
    rule.momentum = number("momentum"), rule.rho = number("rho"), rule.epsilon = number("epsilon");
    rule.beta1 = number("beta1"), rule.beta2 = number("beta2");
    rule.nesterov = number("nesterov") != 0, rule.epsilon_hat = number("epsilon_hat") != 0;
    rule.l2 = number("l2"), rule.weight_decay = number("weight_decay");
    rule.clip_value = number("clip_value"), rule.clip_norm = number("clip_norm");
    o.refuse_others();
    return rule;
}

template <class T>
class Runner {
  public:
    // values, steps: objects with the attributes of `Value` and `Step` in engines/steps.py.
    Runner(nb::list values, nb::list steps, nb::dict rule, long batch, long strip, int threads, int result)
        : program(read(values), make_rule(read_options(rule)), batch, strip, threads, result) {
        for (nb::handle given : steps) {
            const auto found = chainrule::kernels<T>().find(said<std::string>(given, "kernel"));
            if (found == kernels<T>().end()) throw std::invalid_argument("no kernel is called " + said<std::string>(given, "kernel"));
            Options options = read_options(said<nb::dict>(given, "options"));
            auto step = found->second(options);
            options.refuse_others();
            step->inputs = said<std::vector<int>>(given, "inputs");
            step->output = said<int>(given, "output");
            step->derives = said<std::vector<bool>>(given, "derives");
            program.add_step(std::move(step));
        }
        program.seal();
    }

    using Vector_ = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

    // which: 0 for the parameters, 1 and 2 for what the rule remembers. The network's vector holds them one by one.
    void load(int which, Vector_ flat) { each(which, flat.size(), [&](auto& buffer, int id, long at) { program.load(buffer, id, flat.data() + at); }); }
    void unload(int which, Vector_ flat) { each(which, flat.size(), [&](auto& buffer, int id, long at) { program.unload(buffer, id, flat.data() + at); }); }

    nb::tuple run(nb::dict given, long m, long batch, nb::object alphas, nb::object l2, uint64_t update, nb::object outputs) {
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
        data.first = nb::cast<long>(given["first"]);
        data.looked_at = nb::cast<bool>(given["looked_at"]);
        data.parameters = pointer(given["parameters"], T());
        const double *rates = pointer(alphas, double()), *lambdas = pointer(l2, double());
        T* results = outputs.is_none()
                         ? nullptr
                         : nb::cast<nb::ndarray<T, nb::c_contig, nb::device::cpu>>(outputs, false).data();
        Report report;
        {
            nb::gil_scoped_release release;
            report = program.run(data, m, batch, rates, lambdas, update, results);
        }
        report.costs.resize(report.count), report.penalties.resize(report.count);
        return nb::make_tuple(report.costs, report.penalties, report.finite, report.numbers);
    }

    // The way forward for a few examples X, on the shortest way: nothing is converted or checked by Python, and the GIL is
    // held, so that nobody else comes to the buffers. False where X must be brought into another form, or be refused.
    bool few(nb::handle X, nb::handle parameters, nb::handle outputs) {
        Memory x(X), theta(parameters), out(outputs);
        if (!x.found || !x.view.len) return false;
        Data<T> data;
        data.X = x.view.buf, data.type = x.type(), data.parameters = static_cast<const T*>(theta.view.buf);
        data.features = x.view.len / x.view.itemsize / x.view.shape[0];
        data.looked_at = false;
        if (!data.type) return false;
        each(0, theta.view.len / sizeof(T), [&](auto& buffer, int id, long at) { program.load(buffer, id, data.parameters + at); });
        return program.run(data, x.view.shape[0], x.view.shape[0], nullptr, nullptr, 0, static_cast<T*>(out.view.buf)).numbers;
    }

  private:
    // The memory of an array whose numbers lie side by side, while it is looked at.
    struct Memory {
        explicit Memory(nb::handle array) : found(!PyObject_GetBuffer(array.ptr(), &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)) {
            if (!found) PyErr_Clear();
        }
        ~Memory() {
            if (found) PyBuffer_Release(&view);
        }
        Memory(const Memory&) = delete;

        // As `Data` calls it; 0 where there are no kernels for it.
        char type() const {
            const std::string format = view.format;
            return format.size() != 1 ? 0 : format == "?" || format == "B" ? 'b' : std::strchr("fdil", format[0]) ? format[0] : 0;
        }

        Py_buffer view;
        bool found;
    };

    static std::vector<Value> read(nb::list given) {
        std::vector<Value> values;
        for (nb::handle item : given) {
            Value v(Kind(said<int>(item, "kind")), said<std::vector<long>>(item, "shape"));
            v.panels = said<bool>(item, "panels"), v.turned = said<bool>(item, "turned"), v.weights = said<bool>(item, "weights");
            v.numbers = said<std::vector<double>>(item, "numbers");
            values.push_back(v);
        }
        return values;
    }
    // use(buffer, parameter, where it begins in the network's vector) for all parameters, which have so many numbers.
    template <class F>
    void each(int which, size_t numbers, F use) {
        long at = 0, all = 0;
        for (const Value& v : program.values) all += v.kind == Kind::parameter ? v.rows * v.n : 0;
        if (size_t(all) != numbers) throw std::invalid_argument("the network has another number of parameters");
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
        .def(nb::init<nb::list, nb::list, nb::dict, long, long, int, int>(), "values"_a, "steps"_a, "rule"_a, "batch"_a,
             "strip"_a, "threads"_a, "result"_a)
        .def("load", &Runner<T>::load, "which"_a, "flat"_a.noconvert())
        .def("unload", &Runner<T>::unload, "which"_a, "flat"_a.noconvert())
        .def("few", &Runner<T>::few, "X"_a, "parameters"_a, "outputs"_a)
        .def("run", &Runner<T>::run, "data"_a, "m"_a, "batch"_a, "alphas"_a.none(), "l2"_a.none(),
             "update"_a, "outputs"_a.none());
}

}  // namespace chainrule

NB_MODULE(NATIVE_MODULE, m) {
    nb::set_leak_warnings(false);  // of programs that belong to networks which live to the end
    chainrule::bind<float>(m, "Program32");
    chainrule::bind<double>(m, "Program64");
    m.attr("FEW") = chainrule::Program<float>::FEW;
    m.def("kernels", [] {
        std::vector<std::string> names;
        for (const auto& [name, _] : chainrule::kernels<float>()) names.push_back(name);
        return names;
    });
    m.def("supported", [](const std::string& set) {
#if defined(__x86_64__)
        __builtin_cpu_init();
        if (set == "avx512") return bool(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"));
        if (set == "avx2") return bool(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
#endif
        return set == "baseline";
    });
}
