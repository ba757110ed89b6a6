"""Every operation of the registry, trained by both engines: of parameters alone, and of each example.

The calls are those of the gradient checks. A new operation is met here without another line, if its inputs are arrays
that one example can have; otherwise it says in FORMS what becomes of them when there are many examples.
"""

import copy
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import ops
from chainrule.engines import ENGINES
from chainrule.graph import OPERATIONS
from chainrule.ops import LOSSES
from engines.both import M, assert_same, by_turns
from engines.test_pictures_and_sequences import NETWORKS
from ops.cases import CASES, FEWEST
from ops.test_gradients import NAMES, formulas

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")

COSTS = {cost.name for loss in LOSSES.values() for cost in (loss, *loss.after.values())}
LETTERS = "pqrst"


class Form(NamedTuple):
    """What becomes of a call when there are many examples.

    Attributes:
        options: the options, from those of one example's call, the number of its axes and the number of examples.
        shapes: the shapes of one example's inputs, from those of the call.
        first_only: whether only the first input is of the examples, and the others stay parameters.
        of_parameters: whether the operation also takes parameters alone.
    """

    options: Callable[[dict[str, Any], int, int], dict[str, Any]] = lambda options, axes, m: options
    shapes: Callable[[list[tuple[int, ...]]], list[tuple[int, ...]]] = lambda shapes: shapes
    first_only: bool = False
    of_parameters: bool = True


def _aligned(shapes):
    """All with as many axes, as broadcasting would have them."""
    most = max(map(len, shapes), default=0)
    return [(1,) * (most - len(shape)) + shape for shape in shapes]


def _matrices(shapes):
    left, right = shapes
    return _aligned([(1, *left) if len(left) == 1 else left, (*right, 1) if len(right) == 1 else right])


def _axis(default: Any) -> Callable[..., dict[str, Any]]:
    """The axis, or axes, one further to the right if counted from the left."""

    def moved(options, axes, m):
        axis = options.get("axis", default)
        if axis is None:
            axis = tuple(range(axes))
        further = tuple(i + (i >= 0) for i in axis) if isinstance(axis, tuple) else axis + (axis >= 0)
        return options | {"axis": further}

    return moved


def _order(options, axes, m):
    order = options.get("axes")
    return {"axes": (0, *(i % axes + 1 for i in (range(axes)[::-1] if order is None else order)))}


def _behind(options, axes, m):
    key = options["key"]
    return {"key": (slice(None), *key) if isinstance(key, tuple) else (slice(None), key)}


def _of_each(options, axes, m):
    shape = options["shape"]
    return {"shape": (m, *shape) if isinstance(shape, tuple) else (m, shape)}


FORMS = {
    **{name: Form(_axis(-1)) for name in ("softmax", "log_softmax")},
    **{name: Form(_axis(None)) for name in ("sum", "mean", "max")},
    **{name: Form(_axis(0)) for name in ("concatenate", "stack")},
    **{name: Form(first_only=True) for name in ("linear", "layer_norm", "normalize", "standardize", "unstandardize")},
    "batch_norm": Form(first_only=True, of_parameters=False),
    "matmul": Form(shapes=_matrices),
    "reshape": Form(_of_each),
    "transpose": Form(_order),
    "index": Form(_behind),
}


class Called(cr.Layer):
    """Z = operation(…) of parameters, and of parts of A times a parameter each; then a sum that sees each number of Z.

    Args:
        name: of the operation.
        given: its inputs: an array for what is static, a shape for a parameter.
        of_examples: which of the parameters meet the examples.
        options: its options, from the number of examples.
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
            parameter = self.parameter(letter, shape, "ones")
            if of_examples:
                end = begin + int(np.prod(shape))
                parameter = A[:, begin:end].reshape(len(A), *shape) * parameter
                begin = end
            inputs.append(parameter)
        options = dict(self.options(len(A)))
        if self.name == "dropout":
            if not self.training:
                return A[:, :1]
            options["key"] = self.random_key()
        Z = self.operation(*inputs, **options)
        shape = Z.shape[1:] if any(self.of_examples) else Z.shape
        seen = (0.5 + np.arange(np.prod(shape, dtype=int)) * 0.618 % 1).reshape(shape)  # another weight for each
        if any(self.of_examples):
            return (Z * seen).reshape(len(A), -1).mean(axis=1, keepdims=True)
        return A[:, :1] * (Z * seen).mean()


def split(name, call):
    """What the layer is given of each input of a call, and by their letters the arrays that become parameters."""
    given, arrays = [], {}
    for letter, array, formula in zip(LETTERS, call.inputs, formulas(OPERATIONS[name], call), strict=False):
        changes = formula and isinstance(array, np.ndarray)
        given.append(array.shape if changes else array)
        if changes:
            arrays[letter] = array
    return given, arrays


def drawn(name, data):
    assert name in CASES, "describe the calls of a new operation in tests/ops/cases.py"
    call = data.draw(CASES[name])
    assume(np.size(OPERATIONS[name](*call.inputs, **call.options)) > 0)
    return call


LOOKING_UP = {"embedding", "embed_columns"}  # their indices are numbers of X
OF_ARRAYS = [name for name in NAMES if name not in COSTS | LOOKING_UP | set(NETWORKS)]


@pytest.mark.parametrize(
    ("name", "dtype", "strip"), by_turns([name for name in OF_ARRAYS if FORMS.get(name, Form()).of_parameters])
)
@FEWEST
@given(data=st.data())
def test_an_operation_of_parameters(name, dtype, strip, data):
    call = drawn(name, data)
    given, arrays = split(name, call)
    X = np.random.default_rng(0).uniform(0.5, 1.5, (M, 1))
    parameters = {f"{letter}1": array for letter, array in arrays.items()}
    layer = functools.partial(Called, name, given, [False] * len(given), lambda m: dict(call.options))
    assert_same(lambda: [layer()], X, dtype, parameters=parameters, strips=[strip])


@pytest.mark.parametrize(("name", "dtype", "strip"), by_turns(OF_ARRAYS))
@FEWEST
@given(data=st.data())
def test_an_operation_of_each_example(name, dtype, strip, data):
    call, form = drawn(name, data), FORMS.get(name, Form())
    given, arrays = split(name, call)
    if OPERATIONS[name].broadcasts:
        form = form._replace(shapes=_aligned)
    shapes = form.shapes([np.shape(array) for array in call.inputs])
    given = [shape if isinstance(was, tuple) else was for was, shape in zip(given, shapes, strict=True)]
    of_examples = [isinstance(g, tuple) and (i == 0 or not form.first_only) for i, g in enumerate(given)]
    assume(any(of_examples))
    rows = [np.ravel(a) for a, of_each in zip(call.inputs, of_examples, strict=True) if of_each]
    X = np.concatenate(rows) * np.random.default_rng(0).uniform(0.9, 1.1, (M, 1))
    parameters = {
        f"{letter}1": np.ones(shape) if of_each else arrays[letter]
        for letter, shape, of_each in zip(LETTERS, given, of_examples, strict=False)
        if letter in arrays
    }
    axes = len(shapes[0])
    layer = functools.partial(Called, name, given, of_examples, lambda m: form.options(call.options, axes, m))
    assert_same(lambda: [layer()], X, dtype, parameters=parameters, strips=[strip])


TARGETS = {
    "cross_entropy": np.arange(M) % 3,
    "binary_cross_entropy": np.arange(3 * M).reshape(M, 3) % 2,
    "hinge": np.arange(3 * M).reshape(M, 3) % 2 * 2.0 - 1,
    "poisson": np.arange(3 * M).reshape(M, 3) % 5,
}
LAST = {
    "cross_entropy": ["softmax", "identity"],
    "binary_cross_entropy": ["sigmoid", "identity"],
    "poisson": [ops.exp, "identity"],
}


@pytest.mark.parametrize(("name", "dtype", "strip"), by_turns([name for name in NAMES if name in COSTS]))
def test_a_loss(name, dtype, strip):
    output = LAST.get(name, [])
    kind = next((kind for kind in TARGETS if name.endswith(kind)), "hinge")
    kind = "binary_cross_entropy" if "binary" in name else kind
    X = np.random.default_rng(0).normal(size=(M, 4))
    layers = [cr.Dense(3), *map(cr.Activation, output)]
    assert_same(lambda: copy.deepcopy(layers), X, dtype, OPERATIONS[name], TARGETS[kind], alpha=0.1, strips=[strip])
