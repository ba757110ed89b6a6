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
from benchmarks.contestants.contestant import Running, Ways, named, pairs
from benchmarks.rows import ColdStart, Prediction, Training

State = tuple[Any, ...]
"""The parameters [(W, b), …] with W (n_in, n_out), the optimizer's slots of the same structure, the number of updates
so far, and the sum of all examples' losses so far."""


def train(round_for: Callable[[Training], Callable[..., State]], row: Training) -> Running:
    """Rounds of `round_for`, from the row's parameters."""
    X, y = map(jnp.asarray, row.data())
    run = round_for(row)
    kept = [_start(row)]
    numbers = count()

    def round() -> None:
        orders = [row.order(next(numbers)) for _ in range(row.epochs)]
        kept[0] = jax.block_until_ready(run(kept[0], X, y, np.array(orders, np.int32)))

    run(_start(row), X, y, np.array([row.order(0)] * row.epochs, np.int32))  # compiles
    return Running(round, lambda: named([(np.array(W).T, np.array(b)) for W, b in kept[0][0]]))


def _start(row: Training) -> State:
    parameters = [(jnp.asarray(W.T), jnp.asarray(b)) for W, b in pairs(row.network().parameters)]
    slots = [jax.tree.map(jnp.zeros_like, parameters) for _ in row.optimizer.slots]
    return parameters, slots, jnp.float32(0), jnp.float32(0)


def steps(row: Training) -> Callable[..., State]:
    """A call for each step."""
    step = jax.jit(partial(_step, row), donate_argnums=0)

    def run(state: State, X: Array, y: Array, orders: Any) -> State:
        for order in orders:
            for k in range(0, row.m, row.batch):
                state = step(state, X, y, order[k : k + row.batch])
        return state

    return run


def scan(row: Training) -> Callable[..., State]:
    """A call for a round: a scan over its epochs, and in each a scan over its batches."""
    whole = row.m - row.m % row.batch

    @partial(jax.jit, donate_argnums=0)
    def run(state: State, X: Array, y: Array, orders: Array) -> State:
        def step(state: State, rows: Array) -> tuple[State, None]:
            return _step(row, state, X, y, rows), None

        def epoch(state: State, order: Array) -> tuple[State, None]:
            state, _ = lax.scan(step, state, order[:whole].reshape(-1, row.batch))
            return step(state, order[whole:]) if whole < row.m else (state, None)

        state, _ = lax.scan(epoch, state, orders)
        return state

    return run


def _step(row: Training, state: State, X: Array, y: Array, rows: Array) -> State:
    parameters, slots, t, total = state
    if row.batch < row.m:
        X, y = X[rows], y[rows]
    J, gradient = jax.value_and_grad(_cost)(parameters, X, y)
    rule: Callable[..., Any] = _adam if isinstance(row.optimizer, cr.Adam) else _descent
    changed = jax.tree.map(partial(rule, row.optimizer, t + 1), parameters, gradient, *slots)
    parameters, *slots = jax.tree.transpose(jax.tree.structure(parameters), None, changed)
    return parameters, slots, t + 1, total + J * len(X)


def _outputs(parameters: Any, X: Array) -> Array:
    *hidden, (W, b) = parameters
    for V, c in hidden:
        X = jax.nn.relu(X @ V + c)
    return X @ W + b


def _cost(parameters: Any, X: Array, y: Array) -> Array:
    Z = _outputs(parameters, X)
    if Z.shape[1] == 1:
        return (jax.nn.softplus(Z[:, 0]) - y * Z[:, 0]).mean()
    return -jnp.take_along_axis(jax.nn.log_softmax(Z), y[:, None], axis=1).mean()


def _adam(rule: cr.Adam, t: Array, theta: Array, g: Array, m: Array, v: Array) -> tuple[Array, Array, Array]:
    m = rule.beta1 * m + (1 - rule.beta1) * g
    v = rule.beta2 * v + (1 - rule.beta2) * g**2
    root = jnp.sqrt(v) * lax.rsqrt(1 - rule.beta2**t)
    return theta - rule.alpha(0) / (1 - rule.beta1**t) * m / (root + rule.epsilon), m, v


def _descent(rule: cr.GradientDescent, t: Array, theta: Array, g: Array, v: Array) -> tuple[Array, Array]:
    v = rule.momentum * v - rule.alpha(0) * g
    return theta + v, v


def predict(row: Prediction) -> Running:
    """One jitted call for each call of the row."""
    parameters = [(jnp.asarray(W.T), jnp.asarray(b)) for W, b in pairs(row.network().parameters)]
    forward = jax.jit(lambda X: jax.nn.softmax(_outputs(parameters, X)))
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
