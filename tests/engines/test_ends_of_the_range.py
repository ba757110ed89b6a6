"""Both engines come to the same at the ends of the number range: 0, the smallest numbers and the largest, ∞ and NaN.

X itself holds no ∞ and no NaN, but what layers make of it may; here parameters bring them in.
"""

import contextlib
import copy
import functools
import itertools

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule import ops
from chainrule.engines import ENGINES
from chainrule.engines.native import NoKernelError
from chainrule.errors import DataError, NotFiniteError
from chainrule.graph import OPERATIONS
from chainrule.training.cost import Cost
from engines.both import TOLERANCE
from engines.test_every_operation import COSTS
from ops.cases import CASES, FEW
from ops.test_gradients import NAMES, formulas

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")

LETTERS = "pqrstuv"
MANY = settings(FEW, phases=(Phase.generate,))  # what fails is small as it is

ACTIVATIONS = ("identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus")
OF_EACH_NUMBER = {name: {} for name in ("exp", "log", "sqrt", "abs", "sin", "cos", "negative", *ACTIVATIONS)}
OF_EACH_NUMBER["clip"] = {"low": -1.0, "high": 1.0}
OF_TWO_NUMBERS = ("add", "subtract", "multiply", "divide", "power", "maximum", "minimum")
RECURRENCES = ("rnn", "gru", "lstm")
OF_ROWS = {
    "convolution": (),
    "transposed_convolution": (),
    "max_pool": (),
    "average_pool": (),
    "adaptive_average_pool": (),
    "global_average_pool": (),
    "global_max_pool": (),
    "upsample": (),
    "rnn": (),
    "gru": (),
    "lstm": (),
    "attention": (1, 2),
    "positional_encoding": (),
    "mask_steps": (),
    "batch_norm": (),
    "linear": (),
    "normalize": (),
    "layer_norm": (),
    "standardize": (),
    "unstandardize": (),
}
"""By operation whose first input has the examples along its first axis: which other inputs have them, too."""


def ends(dtype):
    """The numbers at the ends, and some between at which kernels change their ways."""
    about = np.finfo(dtype)
    beyond = [float(about.tiny), float(about.smallest_subnormal), 1e30, 0.9 * float(about.max), np.inf]
    between = [1e-5, 0.3, 0.5, 1, 2, 3, 7, 9, 20, 50, 87.5, 88.5, 100, 104, 500, 709, 800, 1e4, 1e7, 1e15, 1e19]
    return np.array([0, np.nan, *beyond, *between] + [-x for x in [0.0, *beyond, *between]], dtype)


class Of(cr.Layer):
    """Z = operation(…) of inputs of which some are of examples, some parameters, and some given as they are.

    In training Z is 0 in place of numbers that would make the cost infinite.

    Args:
        name: of the operation. options: its options.
        given: its inputs: an array or nothing for what is given, a shape for a parameter of zeros.
        of_examples: which of them are parts of the examples, to which the parameter is added; "mask" for one that is
            made of a part of the examples.
    """

    def __init__(self, name, given, of_examples, options):
        self.name, self.given, self.of_examples, self.options = name, given, of_examples, options
        self.operation = OPERATIONS[name]

    def forward(self, A):
        inputs, begin = [], 0
        for letter, shape, of_examples in zip(LETTERS, self.given, self.of_examples, strict=False):
            if not isinstance(shape, tuple):
                inputs.append(shape)
                continue
            part = 0
            if of_examples:
                end = begin + int(np.prod(shape))
                part = A[:, begin:end].reshape(len(A), *shape)
                begin = end
            mask = of_examples == "mask"
            inputs.append(ops.step_mask(part) if mask else self.parameter(letter, shape, "zeros") + part)
        Z = self.operation(*inputs, **self.options)
        Z = Z.reshape(len(A), -1) if any(self.of_examples) else A[:, :1] + Z.reshape(1, -1)
        if not self.training:
            return Z
        most = 1e36 if A.dtype == np.float32 else 1e306
        return ops.where(ops.abs(Z) < most, Z, 0)


def found(layer, X, parameters, dtype, engine):
    """What is made of X, and the derivatives by all parameters."""
    net = cr.Network([layer()], seed=0, dtype=dtype, input_shape=X.shape[1:])
    net.set_parameters(parameters)
    X = net.cast(X)
    Y = np.full((len(X), *net.blank_output().shape[1:]), 50.0)
    cost = Cost("absolute_error")
    cost.fit(net, X, Y)
    _, outputs = ENGINES[engine].evaluate(net, cost, [(X, Y, None)])
    return outputs, ENGINES[engine].slope(net, cost, (X, Y, None), 0).measure()[1]


def assert_same(layer, X, parameters, dtype, near=False):
    """Both engines find the same; `near` allows for roundings of the largest number that is added to others."""
    with np.errstate(all="ignore"):
        try:
            native = found(layer, X, parameters, dtype, "native")
        except NoKernelError:
            assume(False)
        numpy = found(layer, X, parameters, dtype, "numpy")
    for what, a, b in zip(("values", "derivatives"), numpy, native, strict=True):
        scale = max([1.0, *(np.abs(p[np.isfinite(p)]).max(initial=0) for p in parameters.values())]) if near else 1.0
        np.testing.assert_allclose(b, a, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * scale, err_msg=what)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", OF_EACH_NUMBER)
def test_a_function_of_each_number(name, dtype):
    p = ends(dtype)
    layer = functools.partial(Of, name, [p.shape], [False], OF_EACH_NUMBER[name])
    assert_same(layer, np.zeros((1, 1)), {"p1": p}, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", OF_TWO_NUMBERS)
def test_a_function_of_two_numbers(name, dtype):
    p, q = (axis.ravel() for axis in np.meshgrid(ends(dtype), ends(dtype)))
    layer = functools.partial(Of, name, [p.shape, q.shape], [False, False], {})
    assert_same(layer, np.zeros((1, 1)), {"p1": p, "q1": q}, dtype)


def with_ends(arrays, dtype, data):
    """The arrays, one or two of their numbers replaced by some at the ends, one of which at most is large."""
    arrays = {letter: np.array(array, dtype) for letter, array in arrays.items()}
    about = ends(dtype)
    large = about[np.isfinite(about) & (np.abs(about) > 1e6)]
    others = about[~np.isfinite(about) | (np.abs(about) <= 1e6)]
    for numbers in (np.concatenate([large, others]), others)[: data.draw(st.integers(1, 2))]:
        array = arrays[data.draw(st.sampled_from(sorted(arrays)))]
        assume(array.size)
        array.flat[data.draw(st.integers(0, array.size - 1))] = data.draw(st.sampled_from(list(numbers)))
    return arrays


def parted(name, call, dtype):
    """What the layer is given of each input of a call, and by their letters the arrays that become parameters."""
    given, arrays = [a.astype(dtype) if getattr(a, "dtype", None) == np.float64 else a for a in call.inputs], {}
    for i, (letter, formula) in enumerate(zip(LETTERS, formulas(OPERATIONS[name], call), strict=False)):
        if i < len(given) and formula and isinstance(given[i], np.ndarray):
            arrays[letter], given[i] = given[i], given[i].shape
    return given, arrays


ELSEWHERE = {
    "step_mask": "it is met in the operations that take a mask",
    "mask_windows": "a mask is 0 or not, and has no derivative",
    "dropout": "what it leaves out is another number at every call; tests/ops/test_regularization.py has its infinity",
    "embedding": "its rows are copied; below",
    "embed_columns": "its rows are copied; below",
}
"""Why some operations are not called with numbers at the ends."""

OTHERS = [name for name in NAMES if name not in {*COSTS, *OF_EACH_NUMBER, *OF_TWO_NUMBERS, *OF_ROWS, *ELSEWHERE}]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", OTHERS)
@MANY
@given(data=st.data())
def test_an_operation_of_parameters(name, dtype, data):
    call = data.draw(CASES[name])
    given, arrays = parted(name, call, dtype)
    assume(sum(array.size for array in arrays.values()) and np.size(OPERATIONS[name](*call.inputs, **call.options)))
    parameters = {f"{letter}1": array for letter, array in with_ends(arrays, dtype, data).items()}
    layer = functools.partial(Of, name, given, [False] * len(given), call.options)
    assert_same(layer, np.zeros((1, 1)), parameters, dtype, near=True)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", OF_ROWS)
@MANY
@given(data=st.data())
def test_an_operation_of_examples(name, dtype, data):
    call = data.draw(CASES[name])
    given, arrays = parted(name, call, dtype)
    assume(np.ndim(given[0]) and len(given[0]) > 1 and np.size(OPERATIONS[name](*call.inputs, **call.options)))
    m, of_examples, rows, parameters = len(call.inputs[0]), [False] * len(given), [], {}
    for i, (letter, array) in enumerate(zip(LETTERS, call.inputs, strict=False)):
        is_mask = isinstance(array, np.ndarray) and array.dtype == bool
        if i >= 4 and name in RECURRENCES and not is_mask:  # the state to begin with, of which there is no kernel
            given[i] = None
            arrays.pop(letter, None)
            continue
        if is_mask or i == 0 or i in OF_ROWS[name]:
            given[i], of_examples[i] = array.shape[1:], "mask" if is_mask else True
            rows.append(array.reshape(m, -1))
            if not is_mask:
                arrays[letter] = np.zeros(array.shape[1:])
    parameters = {f"{letter}1": array for letter, array in with_ends(arrays, dtype, data).items()}
    # The kernel leaves out the product of U with the zeros that a sequence begins with, where NumPy comes to 0 · ∞.
    assume(name not in RECURRENCES or all(np.isfinite(array).all() for array in parameters.values()))
    layer = functools.partial(Of, name, given, of_examples, call.options)
    assert_same(layer, np.concatenate(rows, axis=1), parameters, dtype, near=True)


TARGETS = {
    "cross_entropy": np.array([1]),
    "binary_cross_entropy": np.array([[1.0, 0, 0.3]]),
    "hinge": np.array([[1.0, -1, 1]]),
    "perceptron": np.array([[1.0, -1, 1]]),
    "poisson": np.array([[0.0, 3, 1]]),
}
OUTPUTS = {"cross_entropy": [0.2, 0.3, 0.5], "binary_cross_entropy": [0.2, 0.3, 0.5], "poisson": [0.2, 0.3, 0.5]}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", [name for name in NAMES if name in COSTS])
def test_a_loss(name, dtype):
    """Both come to the same cost and derivatives, or to a cost that is not finite. What is refused is left out."""
    kind = name.removeprefix("sigmoid_").removeprefix("softmax_").removeprefix("exp_")
    X, Y = np.zeros((1, 3), dtype), TARGETS.get(kind, np.array([[0.5, -2, 1e3]]))
    cost, nets, slopes = Cost(OPERATIONS[name]), [], []
    for engine in ("numpy", "native"):
        nets.append(cr.Network([cr.Dense(3, initializer="zeros")], dtype=dtype, input_shape=(3,)))
        slopes.append(ENGINES[engine].slope(nets[-1], cost, (X, Y, None), 0))
    for place, number in itertools.product(range(3), ends(dtype)):
        outputs = np.array(OUTPUTS.get(name, [0.5, -1, 2]), dtype)
        outputs[place] = number
        found = []
        for net, slope in zip(nets, slopes, strict=True):
            net.set_parameters({"b1": outputs})
            with np.errstate(all="ignore"), contextlib.suppress(DataError):
                found.append(np.append(*slope.measure()[:2][::-1]))
        if np.isfinite([of_engine[-1] for of_engine in found]).any() and len(found) == 2:
            scale = max(1, abs(number)) if np.isfinite(number) else 1
            message = f"{number} as number {place}"
            np.testing.assert_allclose(*found[::-1], TOLERANCE[dtype], TOLERANCE[dtype] * scale, err_msg=message)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("embedding", [cr.Embedding, functools.partial(cr.EmbedColumns, 0)])
def test_rows_of_a_table(embedding, dtype):
    W = ends(dtype)[:, None]
    X = np.arange(len(W))[:, None]
    predicted = []
    for engine in ("numpy", "native"):
        net = cr.Network([embedding(len(W), 1), cr.Flatten()], dtype=dtype, input_shape=(1,))
        net.set_parameters({"W1": W})
        predicted.append(net.predict(X, engine=engine))
    np.testing.assert_array_equal(*predicted)
    np.testing.assert_array_equal(predicted[0], W)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_batch_normalization_of_a_large_column(dtype):
    """A column that is the same in all examples becomes β; the squares of another are more than float32 holds."""
    X = np.stack([np.full(12, 1e30), np.linspace(-1e30, 1e30, 12)], axis=1)
    nets = [cr.Network([cr.BatchNorm(), cr.Dense(1)], seed=0, dtype=dtype) for _ in range(2)]
    for engine, net in zip(("numpy", "native"), nets, strict=True):
        cr.train(net, X, np.ones((12, 1)), loss="squared_error", epochs=2, batch_size=5, seed=0, engine=engine)
    for name, value in nets[0].state().items():
        assert np.isfinite(value).all()
        np.testing.assert_allclose(nets[1].state()[name], value, rtol=1e-4, err_msg=name)


def test_a_cost_that_the_type_cannot_hold_ends_training():
    for engine in ("numpy", "native"):
        net = cr.Network([cr.Dense(1)], seed=0)
        with pytest.raises(NotFiniteError, match="the cost is inf"), np.errstate(all="ignore"):
            cr.train(net, np.ones((8, 1)), np.full((8, 1), 1e38), loss="squared_error", epochs=1, engine=engine)


PROBABLE = np.tile([0.0, 1.0], 8)[:, None]


@pytest.mark.parametrize("engine", ["numpy", "native"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "int8"])
@pytest.mark.parametrize(
    ("loss", "last", "Y", "wrong"),
    [
        ("cross_entropy", cr.Dense(2, "softmax"), np.tile([0, 1], 8), -1),
        ("cross_entropy", cr.Dense(2, "softmax"), np.tile([0, 1], 8), 2),
        ("cross_entropy", cr.Dense(2, "softmax"), np.eye(2)[np.tile([0, 1], 8)], -1),
        ("binary_cross_entropy", cr.Dense(1, "sigmoid"), PROBABLE, -1),
        ("binary_cross_entropy", cr.Dense(1, "sigmoid"), PROBABLE, 2),
        ("hinge", cr.Dense(1), 2 * PROBABLE - 1, 0),
        ("poisson", cr.Dense(1, ops.exp), PROBABLE, -1),
    ],
)
def test_labels_that_become_wrong_while_training(loss, last, Y, wrong, dtype, engine):
    Y = Y.astype(dtype)

    def spoil(run):
        Y[5] = wrong

    net = cr.Network([copy.deepcopy(last)], seed=0)
    with pytest.raises(DataError):
        cr.train(net, np.ones((16, 2)), Y, loss=loss, epochs=3, engine=engine, callbacks=spoil, progress=False)
