#include "reading.hpp"

#include <cstring>
#include <limits>

namespace chainrule {
namespace {

// As `Array` and `Data` call the type of numbers; 0 where there are no kernels for it.
char type_of(nb::dlpack::dtype dtype) {
    using Code = nb::dlpack::dtype_code;
    const Code code = Code(dtype.code);
    if (code == Code::Float) return dtype.bits == 32 ? 'f' : dtype.bits == 64 ? 'd' : 0;
    if (code == Code::Int) return dtype.bits == 32 ? 'i' : dtype.bits == 64 ? 'l' : 0;
    return (code == Code::UInt || code == Code::Bool) && dtype.bits == 8 ? 'b' : 0;
}

// Keeps a Python object alive until the last of those who share it has gone, in whichever thread that is.
std::shared_ptr<void> kept(nb::object object) {
    return {object.release().ptr(), [](void* held) {
                nb::gil_scoped_acquire hold;
                Py_DECREF(static_cast<PyObject*>(held));
            }};
}

Option read_option(nb::handle given, const std::string& name) {
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
    expect(nb::try_cast(given, number), "the option " + name + " is neither a number nor a contiguous array");
    return number;
}

}  // namespace

Options read_options(nb::dict given) {
    std::map<std::string, Option> options;
    for (auto [name, option] : given) {
        const std::string known = nb::cast<std::string>(name);
        options.emplace(known, read_option(option, known));
    }
    return Options(std::move(options));
}

Settings read_settings(const Options& options) {
    const auto number = [&](const char* name) { return options.has(name) ? options.get(name) : 0.0; };
    Settings settings;
    settings.momentum = number("momentum"), settings.rho = number("rho"), settings.epsilon = number("epsilon");
    settings.beta1 = number("beta1"), settings.beta2 = number("beta2");
    settings.nesterov = number("nesterov") != 0, settings.epsilon_hat = number("epsilon_hat") != 0;
    settings.l2 = number("l2");
    settings.clip_value = number("clip_value"), settings.clip_norm = number("clip_norm");
    if (options.has("rates")) settings.rates = options.all<double>("rates");
    return settings;
}

std::vector<Value> read_values(nb::list given) {
    std::vector<Value> values;
    for (nb::handle item : given) {
        const int kind = said<int>(item, "kind");
        expect(0 <= kind && kind <= int(Kind::constant), "a value is of no known kind");
        Value v(Kind(kind), said<std::vector<long>>(item, "shape"));
        v.panels = said<bool>(item, "panels"), v.needs_backward = said<bool>(item, "turned");
        v.weights = said<bool>(item, "weights");
        v.numbers = said<std::vector<double>>(item, "numbers");
        values.push_back(std::move(v));
    }
    return values;
}

template <class T>
std::unique_ptr<Step<T>> read_step(nb::handle given) {
    const std::string name = said<std::string>(given, "kernel");
    const auto found = kernels<T>().find(name);
    expect(found != kernels<T>().end(), "no kernel is called " + name);
    const Options options = read_options(said<nb::dict>(given, "options"));
    std::unique_ptr<Step<T>> step = found->second(options);
    options.refuse_others();
    step->inputs = said<std::vector<int>>(given, "inputs");
    step->output = said<int>(given, "output");
    step->derives = said<std::vector<bool>>(given, "derives");
    return step;
}

template <class T>
T* read_numbers(nb::handle array, long least, const char* name) {
    if (array.is_none()) return nullptr;
    nb::ndarray<T, nb::c_contig, nb::device::cpu> numbers;
    expect(nb::try_cast(array, numbers, false) && long(numbers.size()) >= least,
           std::string(name) + " must be a contiguous array of " + std::to_string(least) + " numbers of the right type");
    return numbers.data();
}

namespace {

// The rows that the call reads are rows of X.
template <class T>
void check_rows(const Data<T>& data, long m) {
    if (!data.order) {
        expect(0 <= data.first && 0 <= m && m <= data.examples - data.first, "the call is about more examples than there are");
        return;
    }
    int64_t least = 0, most = 0;
    for (long i = 0; i < m; i++) least = std::min(least, data.order[i]), most = std::max(most, data.order[i]);
    expect(least >= 0 && (m == 0 || most < data.examples), "the order names an example that there is not");
}

}  // namespace

template <class T>
Data<T> read_data(nb::dict given, long m, long parameters) {
    Data<T> data;
    nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu> X;
    expect(nb::try_cast(given["X"], X, false), "X must be a contiguous array");
    data.X = X.data(), data.type = type_of(X.dtype()), data.features = nb::cast<long>(given["features"]);
    expect(data.type && nb::cast<std::string>(given["type"]) == std::string(1, data.type), "X is of another type than is told");
    expect(X.size() < size_t(std::numeric_limits<long>::max()), "X has more numbers than this system can count");
    expect(X.size() == 0 || (data.features > 0 && X.size() % data.features == 0), "X has not so many features");
    data.examples = X.size() ? long(X.size()) / data.features : 0;
    const auto of_each = [&](const char* name) {  // how many numbers an array has for each example
        const nb::object array = given[name];
        if (array.is_none() || !data.examples) return 0L;
        const long count = nb::cast<long>(array.attr("size"));
        expect(count % data.examples == 0, std::string(name) + " has not as many rows as X");
        return count / data.examples;
    };
    data.Y = read_numbers<const T>(given["Y"], 0, "Y"), data.targets = of_each("Y");
    data.labels = read_numbers<const int64_t>(given["labels"], 0, "the labels"), data.labels_of_each = of_each("labels");
    data.weights_of_each = nb::cast<long>(given["weights_of_each"]);
    data.weights = read_numbers<const T>(given["weights"], data.examples * data.weights_of_each, "the weights");
    data.order = read_numbers<const int64_t>(given["order"], m, "the order");
    data.first = nb::cast<long>(given["first"]);
    data.looked_at = nb::cast<bool>(given["looked_at"]);
    data.parameters = read_numbers<const T>(given["parameters"], parameters, "the parameters");
    expect(data.parameters, "there are no parameters");
    check_rows(data, m);
    return data;
}

char Memory::type() const {
    if (!found || !view.format || std::strlen(view.format) != 1) return 0;
    const char format = view.format[0];
    if (format == 'l' || format == 'q') return view.itemsize == 8 ? 'l' : 'i';  // Windows has a long of 4 bytes
    return format == '?' || format == 'B' ? 'b' : std::strchr("fdi", format) ? format : 0;
}

template std::unique_ptr<Step<float>> read_step(nb::handle);
template std::unique_ptr<Step<double>> read_step(nb::handle);
template Data<float> read_data(nb::dict, long, long);
template Data<double> read_data(nb::dict, long, long);
template float* read_numbers(nb::handle, long, const char*);
template double* read_numbers(nb::handle, long, const char*);
template const double* read_numbers(nb::handle, long, const char*);

}  // namespace chainrule
