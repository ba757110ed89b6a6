"""The compiled programs themselves: what they are given is checked, and one program takes batches of every size."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import ENGINES, native
from chainrule.engines.native.compile import Compiler
from chainrule.engines.native.executor import Examples
from chainrule.engines.native.plan import EXAMPLE, PARAMETER, Step, Value
from chainrule.engines.native.rules import RULES
from chainrule.engines.tracing import form_of
from chainrule.training.cost import Cost

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")

RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(size=(40, 12))
SEQUENCES = RANDOM.normal(size=(40, 5, 6))
PICTURES = RANDOM.normal(size=(40, 6, 5, 2))
Y = RANDOM.normal(size=(40, 1))
TYPES = ("float32", "float64")
ADAM = {"name": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "l2": 0.01, "clip_norm": 0.1}

NETWORKS = {
    "dense": (TABLE, lambda: [cr.Dense(33, "tanh"), cr.Dropout(0.2), cr.Dense(70, "relu"), cr.Dense(1)]),
    "batch_norm": (TABLE, lambda: [cr.Dense(20, "relu"), cr.BatchNorm(), cr.Dense(1)]),
    "lstm": (SEQUENCES, lambda: [cr.LSTM(7), cr.GRU(5, last=True), cr.Dense(1)]),
    "stateful": (SEQUENCES, lambda: [cr.LSTM(7, last=True, stateful=True), cr.Dense(1)]),
    "convolution": (PICTURES, lambda: [cr.Conv2D(5, 2, "relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(1)]),
}


class Compiled:
    """A network and a program of it for batches up to a capacity; by one step of an epoch after the other."""

    def __init__(self, X, layers, dtype, capacity, threads, rule=ADAM, strip=0):
        module = native.kernels()
        self.network = cr.Network(layers(), seed=0, dtype=dtype, input_shape=X.shape[1:])
        training = rule["name"] != ""
        self.cost = Cost("squared_error") if training else None
        if training:
            self.cost.fit(self.network, X, Y)
        compiler = Compiler(self.cost, frozenset(module.kernels()), training=training, seed=1)
        plan = compiler.compiled(self.network, form_of(self.network, X.shape[1:], X.dtype)).plan
        for step, _ in plan.moving:
            states = {
                name: np.zeros((capacity, step.options[name].shape[1]))
                for name in ("state", "cell")
                if name in step.options
            }
            step.options |= states
        self.plan, self.rule = plan, rule
        kind = module.Program32 if dtype == "float32" else module.Program64
        self.program = kind(plan.values, plan.steps, rule, capacity, strip, threads, plan.output)
        self.X, self.update = self.network.cast(X), 0
        self.examples = Examples(self.network, self.cost, self.X, Y if training else None, None, plan)
        self.fields = self.examples.fields | {"parameters": self.network.flat, "first": 0, "order": None}

    def run(self, m, batch, threads=0, **changed):
        """Parameters or outputs after a call over the first m examples."""
        outputs = np.zeros((m, *self.plan.output_shape), self.network.dtype)
        self.program.load(0, self.network.flat)
        alphas = None if self.rule["name"] == "" else np.full(-(-m // max(batch, 1)), 0.01)
        costs, *_ = self.program.run(self.fields | changed, m, batch, alphas, None, self.update, outputs, threads)
        if alphas is not None:
            self.program.unload(0, self.network.flat)
            self.update += len(costs)
        return outputs, np.array(costs), self.network.flat.copy()


def by_turns():
    """Networks, numbers of threads, strips and types; by day each two of these meet."""
    ways = itertools.product(enumerate(NETWORKS), enumerate([1, 2, 3]), enumerate([0, 3]), enumerate(TYPES))
    for (i, name), (j, threads), (k, strip), (kind, dtype) in ways:
        by_day = (i + j) % 2 == k and (i // 2 + j // 2) % 2 == kind
        yield pytest.param(name, threads, strip, dtype, marks=[] if by_day else [pytest.mark.slow])


@pytest.mark.parametrize(("name", "threads", "strip", "dtype"), [*by_turns()])
def test_a_batch_comes_to_the_same_bits_in_every_program_that_it_fits_in(name, threads, strip, dtype):
    X, layers = NETWORKS[name]
    for rule in (ADAM, {"name": ""}):
        large = Compiled(X, layers, dtype, 32, 3, rule, strip)
        for size in (32, 5, 12, 1, 9, 32, 3):
            exact = Compiled(X, layers, dtype, size, threads, rule, strip)
            start = large.network.flat.copy()
            exact.network.flat[...] = start
            exact.update = large.update
            slots = native.kernels().rules()[rule["name"]]
            for slot, kept in zip(range(1, slots + 1), (np.empty_like(start), np.empty_like(start)), strict=False):
                large.program.unload(slot, kept)
                exact.program.load(slot, kept)
            for (a, _), (b, _) in zip(large.plan.moving, exact.plan.moving, strict=True):
                for key in ("mean", "variance", "state", "cell"):
                    if key in a.options:
                        b.options[key][...] = a.options[key][: len(b.options[key])]
            for a, b in zip(large.run(20, size, threads), exact.run(20, size), strict=True):
                np.testing.assert_array_equal(a, b)


def test_a_batch_that_does_not_fit_is_refused():
    compiled = Compiled(*NETWORKS["dense"], "float32", 8, 2)
    for batch, threads, words in ((9, 0, "up to 8 examples"), (0, 0, "1 example or more"), (8, 3, "up to 2 threads")):
        with pytest.raises(ValueError, match=words):
            compiled.run(9, batch, threads)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"features": 11}, "features"),
        ({"type": "d"}, "another type"),
        ({"X": np.ones((40, 24), np.float32)[:, ::2]}, "contiguous"),
        ({"X": np.ones((3, 12), np.float32)}, "more examples than there are|rows as X"),
        ({"first": -1}, "more examples"),
        ({"first": 35}, "more examples"),
        ({"order": np.arange(4)}, "order"),
        ({"order": np.full(8, 40)}, "order names an example"),
        ({"order": np.full(8, -1)}, "order names an example"),
        ({"Y": np.ones((40, 2), np.float32)}, "another shape than the loss takes"),
        ({"Y": None}, "another shape than the loss takes"),
        ({"Y": None, "labels": np.zeros((40, 1), np.int64)}, "another shape than the loss takes"),
        ({"Y": np.ones((40, 1))}, "Y must be"),
        ({"weights": np.ones(3, np.float32)}, "weights"),
        ({"parameters": np.zeros(3, np.float32)}, "parameters"),
        ({"parameters": None}, "parameters"),
    ],
)
def test_data_that_the_kernels_would_read_beyond_their_ends_are_refused(changed, words):
    compiled = Compiled(*NETWORKS["dense"], "float32", 8, 2)
    with pytest.raises(ValueError, match=words):
        compiled.run(8, 8, **changed)


@pytest.mark.parametrize(
    ("which", "given", "words"),
    [
        (0, np.ones((2, 11), np.float32), "number of features"),
        (0, np.ones((9, 12), np.float32), "up to 8 examples"),
        (1, np.zeros(7, np.float32), "the parameters must be"),
        (1, "double", "the parameters must be"),
        (2, np.zeros((1, 1), np.float32), "the outputs must be"),
        (2, np.zeros((2, 1), np.float64), "the outputs must be"),
        (2, np.zeros((2, 2), np.float32)[:, :1], "the outputs must be"),
        (2, np.broadcast_to(np.float32(0), (2, 1)), "the outputs must be"),
        (2, b"\0" * 8, "the outputs must be"),
    ],
)
def test_a_few_examples_are_checked_as_many_are(which, given, words):
    compiled = Compiled(*NETWORKS["dense"], "float32", 8, 1, {"name": ""})
    arguments = [compiled.X[:2].copy(), compiled.network.flat, np.zeros((2, 1), np.float32)]
    assert compiled.program.few(*arguments)
    arguments[which] = arguments[1].astype(np.float64) if isinstance(given, str) else given
    if which == 0:
        arguments[2] = np.zeros((len(given), 1), np.float32)
    with pytest.raises(ValueError, match=words):
        compiled.program.few(*arguments)


@pytest.mark.parametrize(
    "X", [np.ones((2, 12), np.float16), np.ones((24, 12), np.float32)[::12, ::1][:, ::-1], np.ones((0, 12))]
)
def test_a_few_examples_that_must_be_brought_into_another_form(X):
    compiled = Compiled(*NETWORKS["dense"], "float32", 8, 1, {"name": ""})
    assert not compiled.program.few(X, compiled.network.flat, np.zeros((len(X), 1), np.float32))


def test_what_a_program_keeps_stays_where_it_is_when_others_replace_it():
    compiled = Compiled(*NETWORKS["stateful"], "float64", 8, 2)
    (step, _), *_ = compiled.plan.moving
    expected = Compiled(*NETWORKS["stateful"], "float64", 8, 2).run(16, 8)
    for name in ("state", "cell"):
        step.options[name] = np.full(1, np.nan)
    for a, b in zip(compiled.run(16, 8), expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_states_that_have_no_room_for_a_batch_are_refused():
    compiled = Compiled(*NETWORKS["stateful"], "float64", 8, 2)
    with pytest.raises(ValueError, match="carried on"):
        native.kernels().Program64(compiled.plan.values, compiled.plan.steps, ADAM, 9, 0, 2, compiled.plan.output)


VALUES = [
    Value(EXAMPLE, (3,)),
    Value(PARAMETER, (5, 3), panels=True, turned=True),
    Value(EXAMPLE, (5,)),
    Value(EXAMPLE, (2, 2)),
]
GATHER = Step("gather", [], 0, [], {})


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step("linear", [0, 1], 3, [False, False], {}), "A, W in panels, and Z"),
        (Step("linear", [0], 2, [False], {}), "2 to 3 inputs"),
        (Step("linear", [0, 1], 2, [False], {}), "as many derivatives as inputs"),
        (Step("linear", [0, 7], 2, [False, False], {}), "reads a value that there is not"),
        (Step("tanh", [0], 9, [False], {}), "makes a value that there is not"),
        (Step("tanh", [0], 2, [False], {}), "Z and A"),
        (Step("add", [0, 2], 2, [False, False], {}), "cannot be stretched"),
        (Step("index", [0], 3, [False], {"positions": np.array([0, 1, 2, 3])}), "the positions"),
        (Step("index", [0], 3, [False], {"positions": np.array([0, 1, 2, -1])}), "the positions"),
        (Step("index", [0], 3, [False], {"positions": np.array([0, 1])}), "the positions"),
        (Step("index", [0], 3, [False], {"positions": np.array([0.0, 1.0, 2.0, 0.0])}), "whole numbers"),
        (Step("embedding", [1], 3, [False], {"positions": np.array([0])}), "the indices"),
        (Step("max_pool", [0], 3, [False], {"k": 1.5, "shown": np.zeros((4, 1), np.int64)}), "whole number"),
        (
            Step("max_pool", [0], 3, [False], {"k": float("nan"), "shown": np.zeros((4, 1), np.int64)}),
            "whole number",
        ),
        (Step("dropout", [0], 2, [False], {"rate": np.array([0.5]), "seed": 1, "mask": 1}), "A and Z"),
        (Step("dropout", [0], 1, [False], {"rate": np.array([0.5, 0.5]), "seed": 1, "mask": 1}), "one rate"),
        (Step("dropout", [0], 1, [False], {"rate": 0.5, "seed": 1, "mask": 1}), "the option rate"),
    ],
)
def test_steps_that_do_not_fit_together_are_refused(step, words):
    with pytest.raises(ValueError, match=words):
        native.kernels().Program32([replace(value) for value in VALUES], [GATHER, step], {"name": ""}, 4, 0, 1, 2)


def test_every_optimizer_of_the_library_has_a_rule_with_as_many_slots():
    rules = native.kernels().rules()
    assert set(rules) == {"", "gradient", *RULES.values()}
    assert all(rules[name] == len(kind.slots) for kind, name in RULES.items())
    with pytest.raises(ValueError, match="no rule is called newton"):
        native.kernels().Program32(VALUES, [GATHER], {"name": "newton"}, 4, 0, 1, 0)
    program = native.kernels().Program32(VALUES, [GATHER], {"name": "adagrad"}, 4, 0, 1, 0)
    with pytest.raises(ValueError, match="no such vector"):
        program.load(2, np.zeros(15, np.float32))
