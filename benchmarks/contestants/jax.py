"""JAX: one jitted step a call, and a jitted scan over all steps of a round, the data on the device."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

import chainrule as cr
from benchmarks.contestants.cold_start import script
from benchmarks.contestants.contestant import Running, Ways
from benchmarks.reference import Tensors
from benchmarks.rows import ColdStart, Prediction, Training

State = tuple[Any, ...]
"""The parameters, a list for each layer, the optimizer's slots of the same structure, the number of updates so far, and
the sum of all examples' losses so far."""

UNROLLED = 1
"""Steps of a recurrence in a round of its loop: what was fastest."""

Outputs = Callable[[Any, Array], Array]
"""From the parameters and X to the last Z."""

Products = Any
"""The type of the operands of products, whose sums are float32."""


def times(A: Array, B: Array, of: Products) -> Array:
    """A B."""
    return jnp.matmul(A.astype(of), B.astype(of), preferred_element_type=jnp.float32)


def train(
    round_for: Callable[[Training, Products], Callable[..., State]], row: Training, of: Products = jnp.float32
) -> Running:
    """Rounds of `round_for`, from the row's parameters."""
    X, y = map(jnp.asarray, row.data())
    run = round_for(row, of)
    kept = [_start(row)]
    numbers = count()

    def round() -> None:
        orders = [row.order(next(numbers)) for _ in range(row.epochs)]
        kept[0] = jax.block_until_ready(run(kept[0], X, y, np.array(orders, np.int32)))

    run(_start(row), X, y, np.array([row.order(0)] * row.epochs, np.int32))  # compiles

    def outcome() -> Tensors:
        start = row.model.network()
        for layer, held in zip(start.layers, kept[0][0], strict=True):
            for value, theta in zip(layer.held.values(), held, strict=True):
                value[...] = theta if isinstance(layer, cr.Embedding) else np.moveaxis(theta, -1, 0)
        return start.parameters

    return Running(round, outcome)


def _start(row: Training) -> State:
    parameters = _parameters(row.model.network())
    slots = [jax.tree.map(jnp.zeros_like, parameters) for _ in row.optimizer.slots]
    return parameters, slots, jnp.float32(0), jnp.float32(0)


def steps(row: Training, of: Products) -> Callable[..., State]:
    """A call for each step."""
    step = jax.jit(partial(_step, row, outputs(row.model.network(), of)), donate_argnums=0)

    def run(state: State, X: Array, y: Array, orders: Any) -> State:
        for order in orders:
            for k in range(0, row.m, row.batch):
                state = step(state, X, y, order[k : k + row.batch])
        return state

    return run


def scan(row: Training, of: Products) -> Callable[..., State]:
    """A call for a round: a scan over its epochs, and in each a scan over its batches."""
    whole = row.m - row.m % row.batch
    net = outputs(row.model.network(), of)

    @partial(jax.jit, donate_argnums=0)
    def run(state: State, X: Array, y: Array, orders: Array) -> State:
        def step(state: State, rows: Array) -> tuple[State, None]:
            return _step(row, net, state, X, y, rows), None

        def epoch(state: State, order: Array) -> tuple[State, None]:
            state, _ = lax.scan(step, state, order[:whole].reshape(-1, row.batch))
            return step(state, order[whole:]) if whole < row.m else (state, None)

        state, _ = lax.scan(epoch, state, orders)
        return state

    return run


def _step(row: Training, net: Outputs, state: State, X: Array, y: Array, rows: Array) -> State:
    parameters, slots, t, total = state
    if row.batch < row.m:
        X, y = X[rows], y[rows]
    J, gradient = jax.value_and_grad(partial(_cost, net))(parameters, X, y)
    rule: Callable[..., Any] = _adam if isinstance(row.optimizer, cr.Adam) else _descent
    changed = jax.tree.map(partial(rule, row.optimizer, t + 1), parameters, gradient, *slots)
    parameters, *slots = jax.tree.transpose(jax.tree.structure(parameters), None, changed)
    return parameters, slots, t + 1, total + J * len(X)


def _parameters(start: cr.Network) -> list[list[Array]]:
    """Of each layer, those of chainrule's network, with the features that come out as the last axis: (…, n_out)."""
    return [
        [jnp.array(value if isinstance(layer, cr.Embedding) else np.moveaxis(value, 0, -1)) for value in held.values()]
        for layer in start.layers
        for held in [layer.held]
    ]


def outputs(start: cr.Network, of: Products) -> Outputs:
    """The layers of chainrule's network one after the other."""
    layers = [_layer(layer, of) for layer in start.layers]

    def net(parameters: Any, X: Array) -> Array:
        for layer, theta in zip(layers, parameters, strict=True):
            X = layer(theta, X)
        return X

    return net


def _layer(layer: cr.Layer, of: Products) -> Outputs:
    match layer:
        case cr.Dense():
            return _activated(layer, lambda theta, A: times(A, theta[0], of) + theta[1])
        case cr.Conv2D():
            return _activated(layer, partial(_convolution, layer.padding.upper(), of))
        case cr.MaxPool():
            return partial(_max_pool, layer.size)
        case cr.Flatten():
            return lambda _, A: A.reshape(len(A), -1)
        case cr.Embedding():
            return lambda theta, A: theta[0][A]
        case cr.LSTM():
            return partial(_lstm, of)
        case cr.GRU():
            return partial(_gru, of)
    raise TypeError(f"{layer!r} has no counterpart here")


def _activated(layer: cr.Dense | cr.Conv2D, linear: Outputs) -> Outputs:
    return (lambda theta, A: jax.nn.relu(linear(theta, A))) if layer.activation == "relu" else linear


def _convolution(padding: str, of: Products, theta: Any, A: Array) -> Array:
    W, b = theta
    order = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(A.astype(of), W.astype(of), (1, 1), padding, dimension_numbers=order) + b


def _max_pool(size: int, _: Any, A: Array) -> Array:
    return lax.reduce_window(A, -jnp.inf, lax.max, (1, size, size, 1), (1, size, size, 1), "VALID")


def _lstm(of: Products, theta: Any, X: Array) -> Array:
    W, U, b = theta

    def step(state: tuple[Array, Array], Z: Array) -> tuple[tuple[Array, Array], Array]:
        A, C = state
        i, f, new, o = jnp.split(Z + times(A, U, of), 4, axis=1)
        C = jax.nn.sigmoid(f) * C + jax.nn.sigmoid(i) * jnp.tanh(new)
        A = jax.nn.sigmoid(o) * jnp.tanh(C)
        return (A, C), A

    begin = jnp.zeros((len(X), len(U)), X.dtype)
    _, A = lax.scan(step, (begin, begin), times(X.swapaxes(0, 1), W, of) + b, unroll=UNROLLED)
    return A.swapaxes(0, 1)


def _gru(of: Products, theta: Any, X: Array) -> Array:
    W, U, b = theta
    b, beside = jnp.split(b, [W.shape[1]])

    def step(A: Array, Z: Array) -> tuple[Array, Array]:
        V = times(A, U, of)
        r, g, new = jnp.split(Z, 3, axis=1)
        R, G, N = jnp.split(V, 3, axis=1)
        keep = jax.nn.sigmoid(g + G)
        A = (1 - keep) * jnp.tanh(new + jax.nn.sigmoid(r + R) * (N + beside)) + keep * A
        return A, A

    _, A = lax.scan(step, jnp.zeros((len(X), len(U)), X.dtype), times(X.swapaxes(0, 1), W, of) + b, unroll=UNROLLED)
    return A.swapaxes(0, 1)


def _cost(net: Outputs, parameters: Any, X: Array, y: Array) -> Array:
    Z = net(parameters, X)
    if Z.shape[1] == 1:
        return (jax.nn.softplus(Z[:, 0]) - y * Z[:, 0]).mean()
    return -jnp.take_along_axis(jax.nn.log_softmax(Z), y[..., None], axis=-1).mean()


def _adam(rule: cr.Adam, t: Array, theta: Array, g: Array, m: Array, v: Array) -> tuple[Array, Array, Array]:
    m = rule.beta1 * m + (1 - rule.beta1) * g
    v = rule.beta2 * v + (1 - rule.beta2) * g**2
    root = jnp.sqrt(v) * lax.rsqrt(1 - rule.beta2**t)
    return theta - rule.alpha(0) / (1 - rule.beta1**t) * m / (root + rule.epsilon), m, v


def _descent(rule: cr.GradientDescent, t: Array, theta: Array, g: Array, v: Array) -> tuple[Array, Array]:
    v = rule.momentum * v - rule.alpha(0) * g
    return theta + v, v


def predict(row: Prediction, of: Products = jnp.float32) -> Running:
    """One jitted call for each call of the row."""
    start = row.model.network()
    parameters, net = _parameters(start), outputs(start, of)
    forward = jax.jit(lambda X: jax.nn.softmax(net(parameters, X)))
    given = [jnp.asarray(X) for X in row.given()]
    X, _ = row.data()
    everything = [jnp.asarray(X[i : i + row.m]) for i in range(0, len(X), row.m)]

    def round() -> None:
        for X in given:
            jax.block_until_ready(forward(X))

    return Running(round, lambda: {"A": np.concatenate([forward(X) for X in everything])})


WAYS: Ways = {
    ("jax", Training): partial(train, steps),
    ("jax-scan", Training): partial(train, scan),
    ("jax", Prediction): predict,
    ("jax", ColdStart): script("with_jax.py"),
}
WAYS |= {
    (f"{key}-bfloat16", kind): partial(way, of=jnp.bfloat16)
    for (key, kind), way in WAYS.items()
    if kind is not ColdStart
}
