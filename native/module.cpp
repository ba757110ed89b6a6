// The engine for Python: a program is described by its values and steps, and run on arrays.
#include "reading.hpp"

#if defined(_WIN32)
#include <cpuid.h>
extern "C" __declspec(dllimport) int __stdcall IsProcessorFeaturePresent(unsigned long feature);
#endif

using namespace nanobind::literals;

namespace chainrule {

// The units that there are by the names that Python has for them, the fastest first.
const std::vector<std::pair<std::string, Unit>> UNITS = {
    {"amx", Unit::tiles}, {"avx512_bf16", Unit::vectors}, {"portable", Unit::portable}};

Unit read_unit(const std::string& name) {
    for (const auto& [known, unit] : UNITS)
        if (name == known && obtain(unit)) return unit;
    expect(name.empty(), "nothing here multiplies numbers of bfloat16 by " + name);
    return Unit::none;
}

template <class T>
class Runner {
  public:
    Runner(nb::list values, nb::list steps, nb::dict rule, long batch, long strip, int threads, int result, const std::string& unit)
        : Runner(read_values(values), read_options(rule), batch, strip, threads, result, read_unit(unit)) {
        for (nb::handle given : steps) program.add_step(read_step<T>(given));
        program.seal();
    }

    using Vector_ = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

    // which: 0 for the parameters, 1 and more for what the rule remembers. The network's vector holds them one by one.
    void load(int which, Vector_ flat) {
        expect(long(flat.size()) == numbers, "the network has another number of parameters");
        each(which, [&](int id, long at) { program.load(which, id, flat.data() + at); });
    }
    void unload(int which, Vector_ flat) {
        expect(long(flat.size()) == numbers, "the network has another number of parameters");
        each(which, [&](int id, long at) { program.unload(which, id, flat.data() + at); });
    }

    nb::tuple run(nb::dict given, long m, long batch, nb::object alphas, nb::object l2, uint64_t update, nb::object outputs,
                  int threads, nb::object decays) {
        expect(m >= 0 && batch >= 1, "batches are of 1 example or more");
        const Data<T> data = read_data<T>(given, m, numbers);
        const long batches = (m + batch - 1) / batch;
        Call<T> call{&data, m, batch, threads};
        call.alphas = read_numbers<const double>(alphas, batches, "the learning rates");
        call.l2 = read_numbers<const double>(l2, batches, "l2");
        call.decays = read_numbers<const double>(decays, batches, "the weight decays");
        call.update = update;
        call.outputs = read_numbers<T>(outputs, m * outputs_of_each(outputs), "the outputs");
        expect(!call.alphas || program.rule.trains(), "a program without a rule cannot train");
        Report report;
        {
            nb::gil_scoped_release release;
            report = program.run(call);
        }
        report.costs.resize(report.count), report.penalties.resize(report.count);
        return nb::make_tuple(report.costs, report.penalties, report.finite, report.numbers);
    }

    // The way forward for a few examples X, on the shortest way: nothing is converted by Python, and the GIL is held, so that
    // nobody else comes to the buffers. False where X must be brought into another form, or be refused.
    //
    // Raises std::invalid_argument where X has another number of features, or the arrays beside it another size or type.
    bool few(nb::handle X, nb::handle parameters, nb::handle outputs) {
        const Memory x(X, false), theta(parameters, false), out(outputs, true);
        const long m = x.examples();
        if (!m || !x.numbers() || !x.type()) return false;
        Data<T> data;
        data.X = x.data(), data.type = x.type(), data.examples = m, data.features = x.numbers() / m;
        data.looked_at = false;
        data.parameters = theta.exactly<T>(numbers, "the parameters");
        Call<T> call{&data, m, m};
        call.outputs = out.exactly<T>(m * outputs_of_each(outputs), "the outputs");
        each(0, [&](int id, long at) { program.load(0, id, data.parameters + at); });
        return program.run(call).numbers;
    }

  private:
    Runner(std::vector<Value> values, const Options& rule, long batch, long strip, int threads, int result, Unit unit)
        : Runner(std::move(values), rule.get<std::string>("name"), read_settings(rule), batch, strip, threads, result, unit) {
        rule.refuse_others();
        expect(unit == Unit::none || sizeof(T) == sizeof(float), "operands are rounded to bfloat16 in a program of float32 alone");
    }
    Runner(std::vector<Value> values, const std::string& rule, const Settings& settings, long batch, long strip, int threads,
           int result, Unit unit)
        : program(std::move(values), settings, rule_of<T>(rule, settings), batch, strip, threads, result, unit) {
        for (const Value& v : program.values) numbers += v.kind == Kind::parameter ? v.count() : 0;
    }

    long outputs_of_each(nb::handle outputs) const {
        if (outputs.is_none()) return 0;
        expect(program.output() >= 0, "the program returns no outputs");
        return program.values[program.output()].count();
    }

    // use(parameter, where it begins in the network's vector) for all parameters.
    template <class F>
    void each(int which, F use) {
        expect(0 <= which && which < program.vectors(), "there is no such vector");
        long at = 0;
        for (int id = 0; id < int(program.values.size()); id++) {
            const Value& v = program.values[id];
            if (v.kind != Kind::parameter) continue;
            use(id, at);
            at += v.count();
        }
    }

    Program<T> program;
    long numbers = 0;  // of all parameters
};

template <class T>
void bind(nb::module_& m, const char* name) {
    nb::class_<Runner<T>>(m, name)
        .def(nb::init<nb::list, nb::list, nb::dict, long, long, int, int, const std::string&>(), "values"_a, "steps"_a, "rule"_a,
             "batch"_a, "strip"_a, "threads"_a, "result"_a, "unit"_a = "")
        .def("load", &Runner<T>::load, "which"_a, "flat"_a.noconvert())
        .def("unload", &Runner<T>::unload, "which"_a, "flat"_a.noconvert())
        .def("few", &Runner<T>::few, "X"_a, "parameters"_a, "outputs"_a)
        .def("run", &Runner<T>::run, "data"_a, "m"_a, "batch"_a, "alphas"_a.none(), "l2"_a.none(), "update"_a,
             "outputs"_a.none(), "threads"_a = 0, "weight_decays"_a.none() = nb::none());
}

// Whether this machine has an instruction set.
bool supported([[maybe_unused]] const std::string& set) {
#if defined(_WIN32)  // where the compiler's own question needs a library that nobody links: what the system lets programs use
    unsigned a, b = 0, c = 0, d;
    __get_cpuid_count(7, 0, &a, &b, &c, &d);
    if (set == "avx512")
        return IsProcessorFeaturePresent(41) && (b & bit_AVX512DQ) && (b & bit_AVX512BW) && (b & bit_AVX512VL);
    __get_cpuid(1, &a, &b, &c, &d);
    if (set == "avx2") return IsProcessorFeaturePresent(40) && (c & bit_FMA);
#elif defined(__x86_64__)
    __builtin_cpu_init();
    if (set == "avx512")
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl");
    if (set == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return set == "baseline";
}

}  // namespace chainrule

NB_MODULE(NATIVE_MODULE, m) {
    nanobind::set_leak_warnings(false);  // of programs that belong to networks which live to the end
    chainrule::bind<float>(m, "Program32");
    chainrule::bind<double>(m, "Program64");
    m.attr("FEW") = chainrule::Program<float>::FEW;
    m.def("kernels", [] {
        std::vector<std::string> names;
        for (const auto& [name, _] : chainrule::kernels<float>()) names.push_back(name);
        return names;
    });
    m.def("rules", [] {
        nanobind::dict slots;
        for (const auto& [name, count] : chainrule::rules()) slots[name.c_str()] = count;
        return slots;
    });
    m.def("units", [] {
        std::vector<std::string> names;
        for (const auto& [name, unit] : chainrule::UNITS)
            if (chainrule::available(unit)) names.push_back(name);
        return names;
    });
    m.def(
        "peak",
        [](const std::string& unit, double seconds) {
            const chainrule::Unit by = chainrule::read_unit(unit);
            nanobind::gil_scoped_release release;
            return chainrule::peak(by, seconds);
        },
        "unit"_a, "seconds"_a);
    m.def("supported", &chainrule::supported);
}
