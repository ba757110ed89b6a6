"""Recurrence: a sequence read step by step, each step with the state that the one before has left.

A whole sequence is one operation, from the first step to the last and, on the way back, from the last to the first:
backpropagation through time (Werbos, 1990). Every kind has a weight W for what comes in, U for the state before, and
one b, with the parts of its gates below each other; W is (gates · n, n_in), U (gates · n, n).

All take, behind these, the state to begin with (None for zeros), and a mask (m, steps): where it is 0 there is no step,
so the state stays as it is, and nothing comes back but what the state carries. All return A (m, steps, n), the state
after every step; with `last` only the state at the end, (m, n). With `backwards` the sequence is read from its end, and
the state after a step is the one that has seen the steps behind it: t − 1 and t + 1 change places in the formulas.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.errors import OptionError, ShapeError
from chainrule.graph import Array, Backward, foresee, operation
from chainrule.ops.masking import steps_that_count

States = tuple[Array, ...]
"""The state, and whatever else one step hands to the next, (m, n) each."""

Back = Callable[..., tuple[Array, Array, States]]
"""From the derivatives by the states after a step to those by Z = W X + b, by V = U A, and by the states before it."""

Cell = Callable[..., tuple[States, Back]]
"""One step: from Z and the states before it to the states after it, and the way back."""

_OF_U_AND_b = (
    r"dU = \textstyle\sum_t dZ_t A_{t-1}^T",
    r"db = \textstyle\sum_{i, t} dZ_t^{(i)}",
)

_OF_H = r"dH_t = dA_t + U^T dZ_{t+1} + [mask_{t+1} = 0] \odot dH_{t+1}"
_OF_H_OF_A_GATE = (
    r"dH_t = dA_t + U^T dV_{t+1} + mask_{t+1} \odot dH_{t+1} \odot G_{t+1} + [mask_{t+1} = 0] \odot dH_{t+1}"
)


@operation(
    forward=r"A_t = mask_t \odot activation(Z_t) + [mask_t = 0] \odot A_{t-1}, \quad Z_t = W X_t + U A_{t-1} + b",
    backward=(
        r"dX_t = W^T dZ_t",
        r"dW = \textstyle\sum_t dZ_t X_t^T, \quad dZ_t = mask_t \odot dH_t \odot activation'(Z_t), \quad " + _OF_H,
        *_OF_U_AND_b,
        r"da = U^T dZ_1 + [mask_1 = 0] \odot dH_1, \quad " + _OF_H,
        "",
    ),
)
def rnn(
    xp: ModuleType,
    X: Array,
    W: Array,
    U: Array,
    b: Array | None = None,
    a: Array | None = None,
    mask: Array | None = None,
    *,
    activation: str = "tanh",
    backwards: bool = False,
    last: bool = False,
) -> tuple[Array, Backward]:
    """A_t = g(Z_t) with Z_t = W X_t + U A_{t−1} + b: the simple recurrent network (Elman, 1990).

    Args:
        X: (m, steps, n_in).
        W: (n, n_in). U: (n, n). b: (n,), or None.
        a: (m, n), the state A_0 to begin with, or None for zeros.
        mask: (m, steps), or None.
        activation: g, "tanh" or "relu" (Le et al., 2015, with U = 1 at the start).
        backwards, last: as the top of this file tells.

    Raises:
        ShapeError: the shapes do not fit.
        OptionError: another activation.
    """
    if activation not in ("tanh", "relu"):
        raise OptionError(f'the activation of a recurrence is "tanh" or "relu", not {activation!r}.')
    _check(X, W, U, b, gates=1, biases=1)

    def cell(Z: Array, A: Array) -> tuple[States, Back]:
        Z = Z + A @ U.T
        after = xp.tanh(Z) if activation == "tanh" else xp.maximum(Z, 0)

        def back(dA: Array) -> tuple[Array, Array, States]:
            dZ = dA * (1 - after**2 if activation == "tanh" else xp.greater(after, 0))
            return dZ, dZ, (dZ @ U,)

        return (after,), back

    return _through_time(xp, cell, X, W, U, b, (a,), mask, backwards, last)


@operation(
    forward=r"A_t = mask_t \odot (1 - G_t) \odot N_t + mask_t \odot G_t \odot A_{t-1} + [mask_t = 0] \odot A_{t-1},"
    r" \quad R_t = \sigma(Z_{t,1} + V_{t,1}), \quad G_t = \sigma(Z_{t,2} + V_{t,2}),"
    r" \quad N_t = \tanh(Z_{t,3} + R_t \odot (V_{t,3} + b_4)),"
    r" \quad Z_t = W X_t + b, \quad V_t = U A_{t-1}",
    backward=(
        r"dX_t = W^T dZ_t",
        r"dW = \textstyle\sum_t dZ_t X_t^T, \quad dZ_{t,1} = dZ_{t,3} \odot (V_{t,3} + b_4) \odot R_t \odot (1 - R_t),"
        r" \quad dZ_{t,2} = mask_t \odot dH_t \odot (A_{t-1} - N_t) \odot G_t \odot (1 - G_t),"
        r" \quad dZ_{t,3} = mask_t \odot dH_t \odot (1 - G_t) \odot (1 - N_t^2),"
        r" \quad dV_t = (dZ_{t,1}, dZ_{t,2}, dZ_{t,3} \odot R_t), \quad " + _OF_H_OF_A_GATE,
        r"dU = \textstyle\sum_t dV_t A_{t-1}^T",
        r"db = \textstyle\sum_{i, t} (dZ_t^{(i)}, dV_{t,3}^{(i)})",
        r"da = U^T dV_1 + mask_1 \odot dH_1 \odot G_1 + [mask_1 = 0] \odot dH_1, \quad " + _OF_H_OF_A_GATE,
        "",
    ),
)
def gru(
    xp: ModuleType,
    X: Array,
    W: Array,
    U: Array,
    b: Array | None = None,
    a: Array | None = None,
    mask: Array | None = None,
    *,
    backwards: bool = False,
    last: bool = False,
) -> tuple[Array, Backward]:
    """A_t = (1 − G_t) N_t + G_t A_{t−1}: G_t keeps the state, R_t resets what the new, N_t, sees of it, V_t beside Z_t;
    b_4 is the last of the four parts of b, of which Z_t takes the other three.

    The gated recurrent unit (Cho et al., 2014), with the reset behind the product with U, as cuDNN and PyTorch compute
    it; so b has a fourth part, the bias of that product in the new. The order of the parts is PyTorch's: reset, gate
    (PyTorch's update z), new.

    Args:
        X: (m, steps, n_in).
        W: (3n, n_in). U: (3n, n). b: (4n,), or None.
        a: (m, n), the state A_0 to begin with, or None for zeros.
        mask: (m, steps), or None.
        backwards, last: as the top of this file tells.

    Raises:
        ShapeError: the shapes do not fit.
    """
    _check(X, W, U, b, gates=3, biases=4)
    n = U.shape[1]

    def cell(Z: Array, A: Array) -> tuple[States, Back]:
        V = A @ U.T
        R, G = _sigmoid(xp, Z[:, :n] + V[:, :n]), _sigmoid(xp, Z[:, n : 2 * n] + V[:, n : 2 * n])
        inner = V[:, 2 * n :] if b is None else V[:, 2 * n :] + b[3 * n :]
        N = xp.tanh(Z[:, 2 * n :] + R * inner)

        def back(dA: Array) -> tuple[Array, Array, States]:
            d_new = dA * (1 - G) * (1 - N**2)
            d_reset, d_gate = d_new * inner * R * (1 - R), dA * (A - N) * G * (1 - G)
            dV = xp.concatenate([d_reset, d_gate, d_new * R], axis=1)
            return xp.concatenate([d_reset, d_gate, d_new], axis=1), dV, (dV @ U + dA * G,)

        return (N + G * (A - N),), back

    return _through_time(xp, cell, X, W, U, b, (a,), mask, backwards, last)


@operation(
    forward=r"A_t = mask_t \odot O_t \odot \tanh(C_t) + [mask_t = 0] \odot A_{t-1},"
    r" \quad C_t = mask_t \odot F_t \odot C_{t-1} + mask_t \odot I_t \odot G_t + [mask_t = 0] \odot C_{t-1},"
    r" \quad I_t = \sigma(Z_{t,1}), \quad F_t = \sigma(Z_{t,2}), \quad G_t = \tanh(Z_{t,3}),"
    r" \quad O_t = \sigma(Z_{t,4}), \quad Z_t = W X_t + U A_{t-1} + b",
    backward=(
        r"dX_t = W^T dZ_t",
        r"dW = \textstyle\sum_t dZ_t X_t^T, \quad dZ_{t,1} = mask_t \odot dC_t \odot G_t \odot I_t \odot (1 - I_t),"
        r" \quad dZ_{t,2} = mask_t \odot dC_t \odot C_{t-1} \odot F_t \odot (1 - F_t),"
        r" \quad dZ_{t,3} = mask_t \odot dC_t \odot I_t \odot (1 - G_t^2),"
        r" \quad dZ_{t,4} = mask_t \odot dH_t \odot \tanh(C_t) \odot O_t \odot (1 - O_t),"
        r" \quad dC_t = mask_t \odot dH_t \odot O_t \odot (1 - \tanh(C_t)^2)"
        r" + mask_{t+1} \odot dC_{t+1} \odot F_{t+1} + [mask_{t+1} = 0] \odot dC_{t+1},"
        r" \quad " + _OF_H,
        *_OF_U_AND_b,
        r"da = U^T dZ_1 + [mask_1 = 0] \odot dH_1, \quad " + _OF_H,
        r"dc = mask_1 \odot dC_1 \odot F_1 + [mask_1 = 0] \odot dC_1",
        "",
    ),
)
def lstm(
    xp: ModuleType,
    X: Array,
    W: Array,
    U: Array,
    b: Array | None = None,
    a: Array | None = None,
    c: Array | None = None,
    mask: Array | None = None,
    *,
    backwards: bool = False,
    last: bool = False,
    cells: bool = False,
) -> tuple[Array, Backward]:
    """A_t = O_t tanh(C_t) with the cell C_t, of which F_t stays, while I_t of the new G_t comes in and O_t goes out.

    Long short-term memory (Hochreiter & Schmidhuber, 1997) with a forget gate F (Gers et al., 2000). The order of the
    four parts of Z_t = W X_t + U A_{t−1} + b is PyTorch's and Keras's: I, F, G, O.

    Args:
        X: (m, steps, n_in).
        W: (4n, n_in). U: (4n, n). b: (4n,), or None.
        a, c: (m, n), the state A_0 and the cell C_0 to begin with, or None for zeros.
        mask: (m, steps), or None.
        backwards, last: as the top of this file tells.
        cells: whether the cells stand beside the states, [A_t, C_t] (m, steps, 2n), for who is to go on from there.

    Raises:
        ShapeError: the shapes do not fit.
    """
    _check(X, W, U, b, gates=4, biases=4)
    n = U.shape[1]

    def cell(Z: Array, A: Array, C: Array) -> tuple[States, Back]:
        Z = Z + A @ U.T
        IF, G, O = _sigmoid(xp, Z[:, : 2 * n]), xp.tanh(Z[:, 2 * n : 3 * n]), _sigmoid(xp, Z[:, 3 * n :])
        I, F = IF[:, :n], IF[:, n:]
        after = F * C + I * G
        shown = xp.tanh(after)

        def back(dA: Array, dC: Array) -> tuple[Array, Array, States]:
            dC = dC + dA * O * (1 - shown**2)
            dZ = xp.concatenate(
                [dC * G * I * (1 - I), dC * C * F * (1 - F), dC * I * (1 - G**2), dA * shown * O * (1 - O)], axis=1
            )
            return dZ, dZ, (dZ @ U, dC * F)

        return (O * shown, after), back

    return _through_time(xp, cell, X, W, U, b, (a, c), mask, backwards, last, cells)


def _through_time(
    xp: ModuleType,
    cell: Cell,
    X: Array,
    W: Array,
    U: Array,
    b: Array | None,
    start: tuple[Array | None, ...],
    mask: Array | None,
    backwards: bool,
    last: bool,
    cells: bool = False,
) -> tuple[Array, Backward]:
    """One cell after the other; on the way back one after the other from the end, W, U and b summing over all."""
    (m, steps, _), n, dtype = X.shape, U.shape[1], W.dtype
    counts = None if mask is None else steps_that_count(xp, mask, X)[..., None]
    foresee((steps, 4, len(W)), dtype)
    if m == 0:
        value = xp.zeros((0, *(() if last else (steps,)), len(start) * n if cells else n), dtype=dtype)
        return value, lambda dA: [None if A is None else xp.zeros_like(A) for A in (X, W, U, b, *start, None)]
    Z = X @ W.T if b is None else X @ W.T + b[: len(W)]
    states: States = tuple(_state(xp, given, (m, n), dtype) for given in start)
    walk = _step_by_step if xp.__name__ == "numpy" else _scanned
    value, way_back = walk(xp, cell, Z, states, counts, backwards, last, cells)

    def backward(dA: Array) -> tuple[Any, ...]:
        by_Z, by_V, before, d = way_back(dA)
        rows, rows_of_V = by_Z.reshape(m * steps, -1), by_V.reshape(m * steps, -1)
        inner = rows_of_V[:, 2 * n :].sum(axis=0)[: 0 if b is None else len(b) - len(W)]  # of the GRU's fourth part
        starts = (of_start if given is not None else None for given, of_start in zip(start, d, strict=True))
        return (
            lambda: by_Z @ W,
            lambda: rows.T @ X.reshape(m * steps, -1),
            lambda: rows_of_V.T @ before().reshape(m * steps, n),
            None if b is None else xp.concatenate([rows.sum(axis=0), inner]),
            *starts,
            None,
        )

    return value, backward


WayBack = Callable[[Array], tuple[Array, Array, Callable[[], Array], States]]
"""From the derivative by the value to those by Z and V (m, steps, …), the states before each step as a function, and
the derivatives by the states at the start."""


def _step_by_step(
    xp: ModuleType,
    cell: Cell,
    Z: Array,
    states: States,
    counts: Array | None,
    backwards: bool,
    last: bool,
    cells: bool,
) -> tuple[Array, WayBack]:
    """A loop of Python's over the steps, which keeps what each needs on the way back."""
    (m, steps), n = Z.shape[:2], states[0].shape[1]
    order = range(steps)[::-1] if backwards else range(steps)
    before: list[Any] = [None] * steps
    after: list[Any] = [None] * steps
    backs: list[Any] = [None] * steps
    for t in order:
        before[t] = states
        made, backs[t] = cell(Z[:, t], *states)
        states = made if counts is None else _choose(xp, counts[:, t], made, states)
        after[t] = states

    def shown(of_step: States) -> Array:
        return xp.concatenate(of_step, axis=1) if cells else of_step[0]

    value = shown(after[order[-1]]) if last else xp.stack([shown(of_step) for of_step in after], axis=1)

    def way_back(dA: Array) -> tuple[Array, Array, Callable[[], Array], States]:
        d: States = (xp.zeros((m, n), dtype=dA.dtype),) * len(states)
        dZ: list[Any] = [None] * steps
        dV: list[Any] = [None] * steps
        for t in order[::-1]:
            if not last or t == order[-1]:
                of_step = dA if last else dA[:, t]
                d = (d[0] + of_step[:, :n], *(part + of_step[:, n:] if cells else part for part in d[1:]))
            of_Z, of_V, earlier = backs[t](*d)
            if counts is not None:
                same = of_V is of_Z
                of_Z = xp.where(counts[:, t], of_Z, 0)
                of_V = of_Z if same else xp.where(counts[:, t], of_V, 0)
                earlier = _choose(xp, counts[:, t], earlier, d)
            dZ[t], dV[t], d = of_Z, of_V, earlier
        by_Z, by_V = xp.stack(dZ, axis=1), xp.stack(dV, axis=1)
        return by_Z, by_V, lambda: xp.stack([of_step[0] for of_step in before], axis=1), d

    return value, way_back


def _scanned(
    xp: ModuleType,
    cell: Cell,
    Z: Array,
    states: States,
    counts: Array | None,
    backwards: bool,
    last: bool,
    cells: bool,
) -> tuple[Array, WayBack]:
    """A loop that JAX compiles once for all steps; on the way back each cell is computed again."""
    from jax import lax

    n, kinds = states[0].shape[1], len(states) if cells else 1
    Z, counts = (None if A is None else xp.swapaxes(A, 0, 1) for A in (Z, counts))

    def forth(states: States, given: Any) -> tuple[States, Any]:
        Z_t, counts_t = given
        made, _ = cell(Z_t, *states)
        after = made if counts_t is None else _choose(xp, counts_t, made, states)
        return after, (states, None if last else after[:kinds])

    end, (before, after) = lax.scan(forth, states, (Z, counts), reverse=backwards)
    value = xp.concatenate(end[:kinds], axis=1) if last else xp.swapaxes(xp.concatenate(after, axis=-1), 0, 1)

    def way_back(dA: Array) -> tuple[Array, Array, Callable[[], Array], States]:
        blank = tuple(xp.zeros_like(state) for state in states)

        def added(d: States, of_step: Array) -> States:
            return tuple(part + of_step[:, k * n : (k + 1) * n] if k < kinds else part for k, part in enumerate(d))

        def back(d: States, given: Any) -> tuple[States, Any]:
            Z_t, counts_t, states, dA_t = given
            d = d if last else added(d, dA_t)
            of_Z, of_V, earlier = cell(Z_t, *states)[1](*d)
            if counts_t is not None:
                of_Z, of_V = xp.where(counts_t, of_Z, 0), xp.where(counts_t, of_V, 0)
                earlier = _choose(xp, counts_t, earlier, d)
            return earlier, (of_Z, of_V)

        given = Z, counts, before, None if last else xp.swapaxes(dA, 0, 1)
        d, of_all = lax.scan(back, added(blank, dA) if last else blank, given, reverse=not backwards)
        by_Z, by_V = (xp.swapaxes(A, 0, 1) for A in of_all)
        return by_Z, by_V, lambda: xp.swapaxes(before[0], 0, 1), d

    return value, way_back


def _choose(xp: ModuleType, counts: Array, made: States, states: States) -> States:
    """What was made where the step counts, and the states as they were where it does not."""
    return tuple(xp.where(counts, new, old) for new, old in zip(made, states, strict=True))


def _state(xp: ModuleType, given: Array | None, shape: tuple[int, int], dtype: Any) -> Array:
    if given is None:
        return xp.zeros(shape, dtype=dtype)
    if np.shape(given) != shape:
        raise ShapeError(f"the state to begin with is {np.shape(given)}, but must be {shape}, (m, n).")
    return given


def _sigmoid(xp: ModuleType, Z: Array) -> Array:
    return 0.5 * (xp.tanh(0.5 * Z) + 1)


def _check(X: Array, W: Array, U: Array, b: Array | None, *, gates: int, biases: int) -> None:
    if X.ndim != 3 or X.shape[1] == 0:
        raise ShapeError(
            f"X is {X.shape}, but must be sequences (m, steps, features) of at least one step. "
            "One feature is an axis, too: X[..., None]."
        )
    n = U.shape[-1]
    if U.shape != (gates * n, n):
        raise ShapeError(f"U is {U.shape}, but must be ({gates}n, n)." if gates > 1 else f"U is {U.shape}, not (n, n).")
    if W.shape != (gates * n, X.shape[-1]):
        raise ShapeError(f"U is {U.shape} and X is {X.shape}, so W is {(gates * n, X.shape[-1])}, not {W.shape}.")
    if b is not None and b.shape != (biases * n,):
        raise ShapeError(f"U is {U.shape}, so b is {(biases * n,)}, but it is {b.shape}.")
