"""For every operation of the registry, the calls that the tests try: random numbers, shapes and options.

Where an operation has kinks, the numbers keep clear of them: they lie `between_tenths`, and the kinks on tenths.
"""

import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import reject, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from chainrule.errors import ChainruleError
from chainrule.ops.convolution import convolution_windows, transposed_windows
from chainrule.ops.pooling import pooling_windows

Shape = tuple[int, ...]
Numbers = Callable[[Shape], st.SearchStrategy[np.ndarray]]
"""From a shape to the arrays of it."""

TIMES = 10 if os.environ.get("NIGHTLY") else 1
"""By how much more examples are tried at night."""

REPEATABLE = settings(max_examples=10 * TIMES, derandomize=True, deadline=None)
FEW = settings(REPEATABLE, max_examples=4 * TIMES)
FEWEST = settings(REPEATABLE, max_examples=40 if TIMES > 1 else 2)
"""Where an example is a whole training: by day the simplest call and one that is drawn, at night as `FEW`."""


class Call(NamedTuple):
    """What one call of an operation is given."""

    inputs: tuple[Any, ...]
    options: dict[str, Any]


def _random(draw: Callable[[np.random.Generator, Shape], Any]) -> Numbers:
    seeds = st.integers(0, 2**32 - 1)
    return lambda shape: seeds.map(lambda seed: np.asarray(draw(np.random.default_rng(seed), shape)))


reals = _random(lambda rng, shape: rng.uniform(-2, 2, shape))
positive = _random(lambda rng, shape: rng.uniform(0.3, 2, shape))
nonzero = _random(lambda rng, shape: rng.uniform(0.3, 2, shape) * rng.choice([-1, 1], shape))
angles = _random(lambda rng, shape: rng.uniform(-1.2, 1.2, shape))
probabilities = _random(lambda rng, shape: rng.uniform(0.05, 0.95, shape))
tenths = _random(lambda rng, shape: rng.integers(-20, 21, shape) / 10)
between_tenths = _random(lambda rng, shape: (rng.integers(-20, 20, shape) + 0.5) / 10)
distinct = _random(lambda rng, shape: rng.permutation(math.prod(shape)).reshape(shape) / 10)
distributions = _random(lambda rng, shape: _with_sum_1(rng.uniform(0.3, 2, shape)))
signs = _random(lambda rng, shape: rng.choice([-1.0, 1.0], shape))
booleans = _random(lambda rng, shape: rng.choice([False, True], shape))


def _with_sum_1(A: np.ndarray) -> np.ndarray:
    return A / A.sum(axis=-1, keepdims=True)


SHAPES = npst.array_shapes(min_dims=0, max_dims=3, max_side=3)
SHAPES_WITH_AN_AXIS = npst.array_shapes(max_dims=3, max_side=3)


def whole(below: int) -> Numbers:
    return _random(lambda rng, shape: rng.integers(0, below, shape))


def one(numbers: Numbers, shapes: st.SearchStrategy[Shape] = SHAPES, **options: Any) -> st.SearchStrategy[Call]:
    """One array, and any of the options or none."""
    return st.builds(Call, st.tuples(shapes.flatmap(numbers)), st.fixed_dictionaries({}, optional=options))


def broadcast(*numbers: Numbers) -> st.SearchStrategy[Call]:
    """Arrays whose shapes fit each other by NumPy's rules."""

    def arrays(shapes: npst.BroadcastableShapes) -> st.SearchStrategy[tuple[Any, ...]]:
        return st.tuples(*(draw(shape) for draw, shape in zip(numbers, shapes.input_shapes, strict=True)))

    fitting = npst.mutually_broadcastable_shapes(num_shapes=len(numbers), max_dims=3, max_side=3)
    return st.builds(Call, fitting.flatmap(arrays), st.just({}))


@st.composite
def reduced(draw: st.DrawFn, numbers: Numbers) -> Call:
    shape = draw(SHAPES)
    one_axis = [st.integers(-len(shape), len(shape) - 1), npst.valid_tuple_axes(len(shape))] if shape else []
    options = st.fixed_dictionaries({}, optional={"axis": st.one_of(st.none(), *one_axis), "keepdims": st.booleans()})
    return Call((draw(numbers(shape)),), draw(options))


@st.composite
def along_an_axis(draw: st.DrawFn) -> Call:
    shape = draw(SHAPES_WITH_AN_AXIS)
    axes = st.integers(-len(shape), len(shape) - 1)
    return Call((draw(reals(shape)),), draw(st.fixed_dictionaries({}, optional={"axis": axes})))


@st.composite
def matrices(draw: st.DrawFn) -> Call:
    """Matrices, vectors and stacks of matrices."""
    rows, shared, columns = (draw(st.integers(1, 3)) for _ in range(3))
    stacks = draw(npst.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3)).input_shapes
    left = draw(st.sampled_from([(shared,), (rows, shared), (*stacks[0], rows, shared)]))
    right = draw(st.sampled_from([(shared,), (shared, columns), (*stacks[1], shared, columns)]))
    return Call((draw(reals(left)), draw(reals(right))), {})


@st.composite
def linear(draw: st.DrawFn) -> Call:
    n_in, n_out = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    A, W = draw(reals((*draw(SHAPES), n_in))), draw(reals((n_out, n_in)))
    b = draw(st.sampled_from([(), (None,)]) | st.tuples(reals((n_out,))))
    return Call((A, W, *b), {})


@st.composite
def reshape(draw: st.DrawFn) -> Call:
    A = draw(SHAPES.flatmap(reals))
    return Call((A,), {"shape": draw(st.sampled_from([-1, A.size, A.shape[::-1], (1, *A.shape), (*A.shape, -1)]))})


@st.composite
def transpose(draw: st.DrawFn) -> Call:
    A = draw(npst.array_shapes(min_dims=0, max_dims=4, max_side=3).flatmap(reals))
    orders = st.permutations(range(A.ndim)).map(tuple)
    from_the_end = orders.map(lambda axes: tuple(axis - A.ndim for axis in axes))
    return Call((A,), draw(st.fixed_dictionaries({}, optional={"axes": st.none() | orders | from_the_end})))


@st.composite
def concatenate(draw: st.DrawFn) -> Call:
    shape = draw(SHAPES_WITH_AN_AXIS)
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    lengths = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    shapes = [tuple(n if i == axis % len(shape) else side for i, side in enumerate(shape)) for n in lengths]
    return Call(tuple(draw(reals(part)) for part in shapes), {"axis": axis})


@st.composite
def stack(draw: st.DrawFn) -> Call:
    shape = draw(SHAPES)
    axes = st.integers(-len(shape) - 1, len(shape))
    parts = tuple(draw(st.lists(reals(shape), min_size=1, max_size=3)))
    return Call(parts, draw(st.fixed_dictionaries({}, optional={"axis": axes})))


@st.composite
def index(draw: st.DrawFn) -> Call:
    A = draw(SHAPES_WITH_AN_AXIS.flatmap(reals))
    basic = npst.basic_indices(A.shape, allow_newaxis=True, max_dims=5)
    repeated = st.lists(st.integers(-len(A), len(A) - 1), min_size=1, max_size=5)
    return Call((A,), {"key": draw(basic | npst.integer_array_indices(A.shape) | booleans(A.shape) | repeated)})


@st.composite
def embedding(draw: st.DrawFn) -> Call:
    n_tokens, n_out = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    return Call((draw(SHAPES.flatmap(whole(n_tokens))), draw(reals((n_tokens, n_out)))), {})


@st.composite
def embed_columns(draw: st.DrawFn) -> Call:
    m, first, c = draw(st.integers(1, 4)), draw(st.integers(0, 3)), draw(st.integers(1, 3))
    n_tokens, n_out = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    A = np.hstack([draw(reals((m, first))), draw(whole(n_tokens)((m, c)))])
    return Call((A, draw(reals((n_tokens, n_out)))), {"first": first})


@st.composite
def normalization(draw: st.DrawFn, shapes: st.SearchStrategy[Shape], *statistics: Numbers) -> Call:
    A = draw(shapes.flatmap(distinct))
    of_a_feature = [draw(numbers(A.shape[-1:])) for numbers in (reals, reals, *statistics)]
    return Call((A, *of_a_feature), draw(st.fixed_dictionaries({}, optional={"epsilon": st.floats(1e-5, 0.1)})))


@st.composite
def standardization(draw: st.DrawFn) -> Call:
    A = draw(npst.array_shapes(max_dims=3, max_side=4).flatmap(reals))
    return Call((A, draw(reals(A.shape[-1:])), draw(positive(A.shape[-1:]))), {})


@st.composite
def dropout(draw: st.DrawFn) -> Call:
    key = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
    return Call((draw(SHAPES.flatmap(reals)),), {"rate": draw(st.floats(0, 0.9)), "key": draw(key)})


@st.composite
def _weights(draw: st.DrawFn, losses: Shape) -> tuple[np.ndarray | None, ...]:
    """The third input of a loss: left out, None, or a weight for each example, which may have several losses."""
    axes = draw(st.integers(min(1, len(losses)), len(losses)))
    return draw(st.sampled_from([(), (None,)]) | st.tuples(positive(losses[:axes])))


@st.composite
def loss(draw: st.DrawFn, outputs: Numbers, targets: Numbers, **options: Any) -> Call:
    """A loss whose targets have the shape of the outputs, or leave out a last axis of length 1."""
    examples = draw(SHAPES_WITH_AN_AXIS)
    n_out, n_targets = draw(st.sampled_from([((), ()), ((2,), (2,)), ((1,), (1,)), ((1,), ())]))
    A, Y = draw(outputs(examples + n_out)), draw(targets(examples + n_targets))
    return Call((A, Y, *draw(_weights(A.shape[:-1] or A.shape))), draw(st.fixed_dictionaries({}, optional=options)))


@st.composite
def loss_of_classes(draw: st.DrawFn, outputs: Numbers) -> Call:
    """A loss whose targets are labels, in a last axis of length 1 or without it, or a distribution over classes."""
    A = draw(npst.array_shapes(max_dims=3, max_side=4).flatmap(outputs))
    *examples, n_classes = A.shape
    labels = whole(n_classes)
    Y = draw(labels(tuple(examples)) | labels((*examples, 1)) | positive(A.shape))
    options = st.fixed_dictionaries({}, optional={"label_smoothing": st.floats(0, 0.5)})
    return Call((A, Y, *draw(_weights(tuple(examples)))), draw(options))


@st.composite
def _places(draw: st.DrawFn) -> Shape:
    """The axes of a short sequence, or of a small picture."""
    return draw(st.tuples(st.integers(1, 6)) | st.tuples(st.integers(1, 4), st.integers(1, 4)))


def _each(d: int, sizes: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    """One number for all axes, or one for each."""
    return sizes | st.tuples(*(sizes for _ in range(d)))


def _paddings(d: int) -> st.SearchStrategy[Any]:
    edges = st.tuples(st.integers(0, 2), st.integers(0, 2))
    return st.sampled_from(["valid", "same"]) | _each(d, st.integers(0, 2)) | st.tuples(*(edges for _ in range(d)))


@st.composite
def _filters(draw: st.DrawFn, A: Shape) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """W and b for pictures or sequences of that shape, and the options of a convolution but its padding."""
    d, groups = len(A) - 2, draw(st.integers(1, 2))
    W = (groups * draw(st.integers(1, 2)), *(draw(st.integers(1, 3)) for _ in range(d)), A[-1])
    b = draw(st.sampled_from([(), (None,)]) | st.tuples(reals(W[:1])))
    options = {"stride": _each(d, st.integers(1, 3)), "dilation": _each(d, st.integers(1, 2))}
    return (draw(reals(W)), *b), draw(st.fixed_dictionaries({"groups": st.just(groups)}, optional=options))


@st.composite
def convolution(draw: st.DrawFn, back: bool = False) -> Call:
    A = (draw(st.integers(1, 2)), *draw(_places()), draw(st.integers(1, 2)))
    W, options = draw(_filters(A))
    d = len(A) - 2
    options |= draw(st.fixed_dictionaries({}, optional={"padding": _paddings(d)}))
    if back:
        less = int(np.min(options.get("stride", 1))) - 1
        options |= draw(st.fixed_dictionaries({}, optional={"output_padding": _each(d, st.integers(0, less))}))
    A = (*A[:-1], A[-1] * options["groups"])
    windows = transposed_windows if back else convolution_windows
    try:
        windows(A, W[0].shape, **{"stride": 1, "padding": "valid", "dilation": 1} | options)
    except ChainruleError:
        reject()
    return Call((draw(reals(A)), *W), options)


@st.composite
def pooled(draw: st.DrawFn) -> Call:
    axes = draw(_places())
    d = len(axes)
    options = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "size": _each(d, st.integers(1, 3)),
                "stride": st.none() | _each(d, st.integers(1, 3)),
                "padding": st.sampled_from(["same", "valid", 1]),
            },
        )
    )
    A = draw(distinct((draw(st.integers(1, 2)), *axes, draw(st.integers(1, 2)))))
    try:
        pooling_windows(A, **{"size": 2, "stride": None, "padding": "valid"} | options)
    except ChainruleError:
        reject()
    return Call((A,), options)


@st.composite
def resized(draw: st.DrawFn) -> Call:
    axes = draw(_places())
    sizes = st.fixed_dictionaries({}, optional={"size": _each(len(axes), st.integers(1, 4))})
    return Call((draw(reals((draw(st.integers(1, 2)), *axes, 2))),), draw(sizes))


@st.composite
def all_places(draw: st.DrawFn) -> Call:
    A = draw(distinct((draw(st.integers(1, 3)), *draw(_places()), draw(st.integers(1, 2)))))
    masks = st.tuples(booleans(A.shape[:2])) if A.ndim == 3 else st.nothing()
    return Call((A, *draw(st.sampled_from([(), (None,)]) | masks)), {})


@st.composite
def recurrence(draw: st.DrawFn, gates: int, biases: int, states: int, **options: Any) -> Call:
    m, steps, n_in, n = (draw(st.integers(1, 3)) for _ in range(4))
    X, W, U = draw(reals((m, steps, n_in))), draw(reals((gates * n, n_in))), draw(reals((gates * n, n)))
    given: list[Any] = [
        draw(st.none() | reals((biases * n,))),
        *(draw(st.none() | reals((m, n))) for _ in range(states)),
    ]
    mask = draw(st.sampled_from([(), (None,)]) | st.tuples(booleans((m, steps))))
    flags = {"backwards": st.booleans(), "last": st.booleans()}
    return Call((X, W, U, *given, *mask), draw(st.fixed_dictionaries({}, optional=flags | options)))


@st.composite
def attention(draw: st.DrawFn) -> Call:
    m, steps, others, heads = (draw(st.integers(1, 3)) for _ in range(4))
    n, n_v = heads * draw(st.integers(1, 2)), heads * draw(st.integers(1, 2))
    mask = draw(st.sampled_from([(), (None,)]) | st.tuples(booleans((m, others))))
    inputs = (draw(reals((m, steps, n))), draw(reals((m, others, n))), draw(reals((m, others, n_v))), *mask)
    return Call(inputs, draw(st.fixed_dictionaries({"heads": st.just(heads)}, optional={"causal": st.booleans()})))


@st.composite
def of_steps(draw: st.DrawFn, masks: st.SearchStrategy[int], **options: Any) -> Call:
    """Sequences, with a mask or without."""
    A = draw(reals((draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 3)))))
    mask = [draw(booleans(A.shape[:2])) for _ in range(draw(masks))]
    return Call((A, *mask), draw(st.fixed_dictionaries({}, optional=options)))


BINARY_LABELS = {"targets": lambda shape: whole(2)(shape) | probabilities(shape), "label_smoothing": st.floats(0, 0.5)}

CASES: dict[str, st.SearchStrategy[Call]] = {
    "add": broadcast(reals, reals),
    "subtract": broadcast(reals, reals),
    "multiply": broadcast(reals, reals),
    "divide": broadcast(reals, nonzero),
    "power": broadcast(positive, reals) | broadcast(nonzero, lambda shape: st.integers(-3, 3)),
    "negative": one(reals),
    "matmul": matrices(),
    "linear": linear(),
    "exp": one(reals),
    "log": one(positive),
    "sqrt": one(positive),
    "abs": one(between_tenths),
    "sin": one(reals),
    "cos": one(reals),
    "tan": one(angles),
    "maximum": broadcast(between_tenths, tenths),
    "minimum": broadcast(between_tenths, tenths),
    "where": broadcast(booleans, reals, reals),
    "clip": one(between_tenths, low=st.sampled_from([None, -1.0, -0.5]), high=st.sampled_from([None, 0.5, 1.0])),
    "sum": reduced(reals),
    "mean": reduced(reals),
    "max": reduced(distinct),
    "reshape": reshape(),
    "transpose": transpose(),
    "concatenate": concatenate(),
    "stack": stack(),
    "index": index(),
    "embedding": embedding(),
    "embed_columns": embed_columns(),
    "convolution": convolution(),
    "transposed_convolution": convolution(back=True),
    "max_pool": pooled(),
    "average_pool": pooled(),
    "adaptive_average_pool": resized(),
    "global_average_pool": all_places(),
    "global_max_pool": all_places(),
    "upsample": resized(),
    "rnn": recurrence(1, 1, 1),
    "gru": recurrence(3, 4, 1),
    "lstm": recurrence(4, 4, 2, cells=st.booleans()),
    "attention": attention(),
    "positional_encoding": of_steps(st.integers(0, 1), base=st.floats(2, 1e4)),
    "mask_steps": of_steps(st.just(1)),
    "mask_windows": one(booleans, st.tuples(st.integers(1, 3), st.integers(3, 6)), size=st.integers(1, 3)),
    "step_mask": one(tenths, npst.array_shapes(min_dims=2, max_dims=3, max_side=3), padding=st.sampled_from([0, 0.1])),
    "identity": one(reals),
    "sigmoid": one(reals),
    "tanh": one(reals),
    "relu": one(between_tenths),
    "leaky_relu": one(between_tenths, slope=st.floats(0, 0.5)),
    "elu": one(between_tenths, alpha=st.floats(0.1, 2)),
    "gelu": one(reals),
    "silu": one(reals),
    "softplus": one(reals),
    "softmax": along_an_axis(),
    "log_softmax": along_an_axis(),
    "batch_norm": normalization(npst.array_shapes(min_dims=2, max_dims=3, max_side=4)),
    "normalize": normalization(npst.array_shapes(max_dims=3, max_side=4), reals, positive),
    "layer_norm": normalization(npst.array_shapes(max_dims=3, max_side=4)),
    "standardize": standardization(),
    "unstandardize": standardization(),
    "dropout": dropout(),
    "squared_error": loss(reals, reals),
    "absolute_error": loss(between_tenths, tenths),
    "huber": loss(between_tenths, tenths, delta=st.sampled_from([0.5, 1.0, 2.0])),
    "poisson": loss(positive, positive),
    "exp_poisson": loss(reals, positive),
    "binary_cross_entropy": loss(probabilities, **BINARY_LABELS),
    "sigmoid_binary_cross_entropy": loss(reals, **BINARY_LABELS),
    "cross_entropy": loss_of_classes(distributions),
    "softmax_cross_entropy": loss_of_classes(reals),
    "hinge": loss(between_tenths, signs),
    "perceptron": loss(between_tenths, signs),
}
