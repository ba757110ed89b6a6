"""The costs J: the mean over the examples of the loss L of one example.

All take the network's output first, then what it should have been, then an optional weight w for each example, and
return one number, J = 1/m Σ w L. The formulas are those of dJ = 1; without weights w is 1. Where an example has several
outputs, its loss is the sum over them. Labels and weights have no derivative.
"""

from types import ModuleType
from typing import Any

import numpy as np

from chainrule.checking import real
from chainrule.errors import DataError, ShapeError
from chainrule.graph import Array, Backward, operation
from chainrule.ops.activations import log_softmax, sigmoid, softmax
from chainrule.ops.elementwise import exp


def _binary_targets(xp: ModuleType, A: Array, Y: Array, *, label_smoothing: float = 0.0) -> Array:
    """Y as the formulas have it: in the shape of A, smoothed."""
    return _smooth_binary(_binary(xp, _targets(xp, _real(xp, A), Y)), label_smoothing)


def _class_targets(xp: ModuleType, A: Array, Y: Array, *, label_smoothing: float = 0.0) -> Array:
    """Y as the formulas have it: one-hot or shares of the classes, smoothed."""
    return _smooth(_one_hot(xp, _real(xp, A), Y), label_smoothing)


@operation(
    forward=r"J = \frac{1}{m} \textstyle\sum_i w^{(i)}\, \frac12 \|A^{(i)} - Y^{(i)}\|^2",
    backward=(r"dA = \frac{1}{m} w \odot (A - Y)", r"dY = \frac{1}{m} w \odot (Y - A)", ""),
)
def squared_error(xp: ModuleType, A: Array, Y: Array, weights: Array | None = None) -> tuple[Array, Backward]:
    """L = ½ ‖a − y‖² (the notes, "the two losses"; they write 1/3 once, by a slip of the pen).

    Args:
        A, Y: (m,) or (m, …, n_out); Y may leave out a last axis of length 1.
        weights: (m, …), one for each example, or None.
    """
    A = _real(xp, A)
    given, Y = xp.shape(Y), _targets(xp, A, Y)
    difference = A - Y
    J, share = _mean(xp, A.dtype, _over_outputs(0.5 * _exact(xp, difference) ** 2), weights)

    def backward(dJ: Array) -> tuple[Array, Array, None]:
        dA = dJ * _per_output(share, A) * difference
        return dA, -dA.reshape(given), None

    return J, backward


@operation(
    forward=r"J = \frac{1}{m} \textstyle\sum_i w^{(i)}\, \|A^{(i)} - Y^{(i)}\|_1",
    backward=(
        r"dA = \frac{1}{m} w \odot \operatorname{sign}(A - Y)",
        r"dY = \frac{1}{m} w \odot \operatorname{sign}(Y - A)",
        "",
    ),
)
def absolute_error(xp: ModuleType, A: Array, Y: Array, weights: Array | None = None) -> tuple[Array, Backward]:
    """L = |a − y|, robust against outliers; its derivative at a = y is 0. Shapes as in `squared_error`."""
    A = _real(xp, A)
    given, Y = xp.shape(Y), _targets(xp, A, Y)
    difference = A - Y
    J, share = _mean(xp, A.dtype, _over_outputs(xp.abs(difference)), weights)

    def backward(dJ: Array) -> tuple[Array, Array, None]:
        dA = dJ * _per_output(share, A) * xp.sign(difference)
        return dA, -dA.reshape(given), None

    return J, backward


@operation(
    forward=r"J = \frac{1}{m} \textstyle\sum_i w^{(i)}\, h(A^{(i)} - Y^{(i)}), \quad"
    r" h(e) = [|e| \le \delta]\, \tfrac12 e^2 + [|e| > \delta]\, (\delta |e| - \tfrac12 \delta^2)",
    backward=(
        r"dA = \frac{1}{m} w \odot \operatorname{clip}(A - Y, -\delta, \delta)",
        r"dY = \frac{1}{m} w \odot \operatorname{clip}(Y - A, -\delta, \delta)",
        "",
    ),
)
def huber(
    xp: ModuleType, A: Array, Y: Array, weights: Array | None = None, *, delta: float = 1.0
) -> tuple[Array, Backward]:
    """L = ½ e² where |e| ≤ δ and δ |e| − ½ δ² beyond, e = a − y (Huber, 1964). Shapes as in `squared_error`.

    Raises:
        OptionError: δ is not above 0.
    """
    real("delta", delta, low=0, open="low")
    A = _real(xp, A)
    given, Y = xp.shape(Y), _targets(xp, A, Y)
    held = xp.clip(A - Y, -delta, delta)
    J, share = _mean(xp, A.dtype, _over_outputs(held * (A - Y - 0.5 * held)), weights)

    def backward(dJ: Array) -> tuple[Array, Array, None]:
        dA = dJ * _per_output(share, A) * held
        return dA, -dA.reshape(given), None

    return J, backward


@operation(
    forward=r"J = \frac{1}{m} \textstyle\sum_i w^{(i)}\,"
    r" \left(e^{Z^{(i)}} - Y^{(i)} + Y^{(i)} (\ln Y^{(i)} - Z^{(i)})\right)",
    backward=(r"dZ = \frac{1}{m} w \odot (A - Y), \quad A = e^Z", "", ""),
    long_way=(
        (r"\frac{\partial A}{\partial Z} = A", ""),
        (r"dZ = dA \odot \frac{\partial A}{\partial Z}", ""),
        (r"dZ = \frac{1}{m} w \odot \left(1 - \frac{Y}{A}\right) \odot A", "A is cancelled."),
    ),
)
def exp_poisson(xp: ModuleType, Z: Array, Y: Array, weights: Array | None = None) -> tuple[Array, Backward]:
    """`poisson(exp(Z), Y)` in one step, so that dZ = A − Y."""
    Z = _real(xp, Z)
    Y = _counts(xp, _targets(xp, Z, Y))
    A = xp.exp(Z)
    J, share = _mean(xp, Z.dtype, _over_outputs(A - Y + _times_log(xp, Y) - Y * Z), weights)
    return J, lambda dJ: (dJ * _per_output(share, Z) * (A - Y), None, None)


@operation(
    forward=r"J = \frac{1}{m} \textstyle\sum_i w^{(i)}\,"
    r" \left(A^{(i)} - Y^{(i)} + Y^{(i)} (\ln Y^{(i)} - \ln A^{(i)})\right)",
    backward=(r"dA = \frac{1}{m} w \odot \left(1 - \frac{Y}{A}\right)", "", ""),
    after={exp: exp_poisson},
)
def poisson(xp: ModuleType, A: Array, Y: Array, weights: Array | None = None) -> tuple[Array, Backward]:
    """L = a − y + y ln(y / a), half the Poisson deviance, for counts and other targets of 0 or more.

    Of `exp(Z)` it reads Z itself and never meets ln 0. Any other a is held one rounding step away from 0. Nelder &
    Wedderburn, 1972. Shapes as in `squared_error`.

    Raises:
        DataError: a target or an output is negative.
    """
    A = _real(xp, A)
    Y = _counts(xp, _targets(xp, A, Y))
    if xp is np and A.size and A.min() < 0:
        raise DataError(
            f"poisson takes outputs of 0 or more, but these go down to {A.min():g}: end the network with the "
            "operation exp, Dense(n_out, chainrule.ops.exp)."
        )
    held = xp.maximum(A, _rounding(xp, A))
    J, share = _mean(xp, A.dtype, _over_outputs(held - Y + _times_log(xp, Y) - Y * xp.log(held)), weights)
    return J, lambda dJ: (dJ * _per_output(share, A) * (1 - Y / held), None, None)


@operation(
    forward=r"J = -\frac{1}{m} \textstyle\sum_i w^{(i)}\,"
    r" \left(Y^{(i)} \ln \sigma(Z^{(i)}) + (1 - Y^{(i)}) \ln(1 - \sigma(Z^{(i)}))\right)",
    backward=(r"dZ = \frac{1}{m} w \odot (A - Y), \quad A = \sigma(Z)", "", ""),
    targets=_binary_targets,
    long_way=(
        (r"\frac{\partial A}{\partial Z} = A \odot (1 - A)", ""),
        (r"dZ = dA \odot \frac{\partial A}{\partial Z}", ""),
        (
            r"dZ = \frac{1}{m} w \odot \left(-\frac{Y}{A} + \frac{1 - Y}{1 - A}\right) \odot A \odot (1 - A)",
            "A is cancelled in the first term, 1 − A in the second.",
        ),
        (r"dZ = \frac{1}{m} w \odot (-Y \odot (1 - A) + (1 - Y) \odot A)", ""),
        (
            r"dZ = \frac{1}{m} w \odot (-Y + Y \odot A + A - Y \odot A)",
            "Y ⊙ A has both signs and is cancelled.",
        ),
    ),
)
def sigmoid_binary_cross_entropy(
    xp: ModuleType, Z: Array, Y: Array, weights: Array | None = None, *, label_smoothing: float = 0.0
) -> tuple[Array, Backward]:
    """`binary_cross_entropy(sigmoid(Z), Y)` in one step: L = y ln(1 + e^−z) + (1 − y) ln(1 + e^z), so that
    dZ = A − Y (the notes)."""
    Z = _real(xp, Z)
    Y = _binary_targets(xp, Z, Y, label_smoothing=label_smoothing)
    J, share = _mean(xp, Z.dtype, _over_outputs(Y * xp.logaddexp(0, -Z) + (1 - Y) * xp.logaddexp(0, Z)), weights)
    return J, lambda dJ: (dJ * _per_output(share, Z) * (sigmoid(Z) - Y), None, None)


@operation(
    forward=r"J = -\frac{1}{m} \textstyle\sum_i w^{(i)}\,"
    r" \left(Y^{(i)} \ln A^{(i)} + (1 - Y^{(i)}) \ln(1 - A^{(i)})\right)",
    backward=(r"dA = \frac{1}{m} w \odot \left(-\frac{Y}{A} + \frac{1 - Y}{1 - A}\right)", "", ""),
    after={sigmoid: sigmoid_binary_cross_entropy},
    targets=_binary_targets,
)
def binary_cross_entropy(
    xp: ModuleType, A: Array, Y: Array, weights: Array | None = None, *, label_smoothing: float = 0.0
) -> tuple[Array, Backward]:
    """L = −(y ln a + (1 − y) ln(1 − a)) (the notes, "logistic regression").

    Of `sigmoid(Z)` it reads Z itself and never meets ln 0. Of any other probabilities, a is held one rounding step
    away from 0 and 1, so that L stays finite.

    Args:
        A: (m,) or (m, …, n_out), probabilities; with n_out > 1 each output is a yes-or-no question of its own.
        Y: the same shape, in [0, 1]; a last axis of length 1 may be left out.
        weights: (m, …), one for each example, or None.
        label_smoothing: ε moves labels from 0 and 1 to ε/2 and 1 − ε/2.

    Raises:
        DataError: a label or a probability lies outside [0, 1].
    """
    A = _real(xp, A)
    Y = _binary_targets(xp, A, Y, label_smoothing=label_smoothing)
    tiny = _rounding(xp, A)
    held = xp.clip(_probabilities(xp, A, "sigmoid"), tiny, 1 - tiny)
    J, share = _mean(xp, A.dtype, _over_outputs(-(Y * xp.log(held) + (1 - Y) * xp.log1p(-held))), weights)
    return J, lambda dJ: (dJ * _per_output(share, A) * (-Y / held + (1 - Y) / (1 - held)), None, None)


@operation(
    forward=r"J = -\frac{1}{m} \textstyle\sum_i w^{(i)} \sum_j Y_j^{(i)} \ln \operatorname{softmax}(Z^{(i)})_j",
    backward=(r"dZ = \frac{1}{m} w \odot (A - Y), \quad A = \operatorname{softmax}(Z)", "", ""),
    targets=_class_targets,
    long_way=(
        (
            r"\frac{\partial A_k}{\partial Z_j} = A_k \odot ([k = j] - A_j)",
            "Each output depends on every Z; [k = j] is Kronecker's δ.",
        ),
        (r"dZ_j = \textstyle\sum_k dA_k \odot \frac{\partial A_k}{\partial Z_j}", ""),
        (
            r"dZ_j = -\frac{1}{m} w \odot \textstyle\sum_k \frac{Y_k}{A_k} \odot A_k \odot ([k = j] - A_j)",
            "A is cancelled.",
        ),
        (
            r"dZ_j = -\frac{1}{m} w \odot \textstyle\sum_k Y_k \odot ([k = j] - A_j)",
            "In the first term only k = j is left, and the second has the same A for all k.",
        ),
        (
            r"dZ_j = \frac{1}{m} w \odot (A_j \odot \textstyle\sum_k Y_k - Y_j)",
            "The classes' shares in Y sum to 1 for each example.",
        ),
    ),
)
def softmax_cross_entropy(
    xp: ModuleType, Z: Array, Y: Array, weights: Array | None = None, *, label_smoothing: float = 0.0
) -> tuple[Array, Backward]:
    """`cross_entropy(softmax(Z), Y)` in one step, by the log-sum-exp form, so that dZ = A − Y (the notes)."""
    Z = _real(xp, Z)
    Y = _class_targets(xp, Z, Y, label_smoothing=label_smoothing)
    of_each = xp.where(xp.equal(Y, 0), 0, Y * log_softmax(Z))  # what has no share may be as unlikely as it likes
    J, share = _mean(xp, Z.dtype, -of_each.sum(axis=-1), weights)

    def backward(dJ: Array) -> tuple[Array, None, None]:
        return dJ * _per_output(share, Z) * (softmax(Z) * Y.sum(axis=-1, keepdims=True) - Y), None, None

    return J, backward


@operation(
    forward=r"J = -\frac{1}{m} \textstyle\sum_i w^{(i)} \sum_j Y_j^{(i)} \ln A_j^{(i)}",
    backward=(r"dA = -\frac{1}{m} w \odot \frac{Y}{A}", "", ""),
    after={softmax: softmax_cross_entropy},
    targets=_class_targets,
)
def cross_entropy(
    xp: ModuleType, A: Array, Y: Array, weights: Array | None = None, *, label_smoothing: float = 0.0
) -> tuple[Array, Backward]:
    """L = −Σ_j y_j ln a_j: of one-hot y, −ln of the probability that the network gave to the right class.

    Of `softmax(Z)` it reads Z itself and never meets ln 0. Of any other probabilities, a is held one rounding step
    away from 0, so that L stays finite.

    Args:
        A: (…, n_classes), probabilities along the last axis.
        Y: (…) whole numbers in [0, n_classes), or (…, n_classes) one-hot or any distribution.
        weights: (…), one for each example, or None.
        label_smoothing: ε takes that much from the right class and spreads it over all (Szegedy et al., 2016).

    Raises:
        DataError: a label is not a whole number or out of range, or a probability lies outside [0, 1].
    """
    A = _real(xp, A)
    Y = _class_targets(xp, A, Y, label_smoothing=label_smoothing)
    held = xp.maximum(_shares(xp, _probabilities(xp, A, "softmax")), _rounding(xp, A))
    J, share = _mean(xp, A.dtype, -(Y * xp.log(held)).sum(axis=-1), weights)
    return J, lambda dJ: (-dJ * _per_output(share, A) * Y / held, None, None)


@operation(
    forward=r"J = \frac{1}{m} \textstyle\sum_i w^{(i)} \max(0, 1 - Y^{(i)} Z^{(i)})",
    backward=(r"dZ = -\frac{1}{m} w \odot Y \odot [Y \odot Z < 1]", "", ""),
)
def hinge(xp: ModuleType, Z: Array, Y: Array, weights: Array | None = None) -> tuple[Array, Backward]:
    """L = max(0, 1 − y z), labels −1 and +1: the loss of the support vector machine (Cortes & Vapnik, 1995).

    At y z = 1 the derivative is 0. Shapes as in `squared_error`.

    Raises:
        DataError: a label is neither −1 nor +1.
    """
    Z = _real(xp, Z)
    Y = _signs(xp, _targets(xp, Z, Y))
    margin = 1 - Y * Z
    J, share = _mean(xp, Z.dtype, _over_outputs(xp.maximum(margin, 0)), weights)
    return J, lambda dJ: (-dJ * _per_output(share, Z) * Y * (margin > 0), None, None)


@operation(
    forward=r"J = \frac{1}{m} \textstyle\sum_i w^{(i)} \max(0, -Y^{(i)} Z^{(i)})",
    backward=(r"dZ = -\frac{1}{m} w \odot Y \odot [Y \odot Z \le 0]", "", ""),
)
def perceptron(xp: ModuleType, Z: Array, Y: Array, weights: Array | None = None) -> tuple[Array, Backward]:
    """L = max(0, −y z), labels −1 and +1: its gradient step on one example is the perceptron's rule (Rosenblatt, 1958).

    At z = 0 the derivative is −y, so that a perceptron that starts from zeros learns. Shapes as in `squared_error`.

    Raises:
        DataError: a label is neither −1 nor +1.
    """
    Z = _real(xp, Z)
    Y = _signs(xp, _targets(xp, Z, Y))
    J, share = _mean(xp, Z.dtype, _over_outputs(xp.maximum(-Y * Z, 0)), weights)
    return J, lambda dJ: (-dJ * _per_output(share, Z) * Y * (Y * Z <= 0), None, None)


def _exact(xp: ModuleType, numbers: Array) -> Array:
    """The numbers in float64, in which squares and sums of what float32 holds do not become infinite."""
    return numbers.astype(xp.float64) if xp is np else numbers


def _mean(xp: ModuleType, dtype: Any, losses: Array, weights: Array | None) -> tuple[Array, Array]:
    """J = 1/m Σ w L, and the share of each loss in it: dJ/dL = w/m; both in the type of the outputs."""
    losses = _exact(xp, losses)
    if weights is None:
        return losses.mean().astype(dtype), 1 / max(losses.size, 1)
    weights = xp.asarray(weights)
    if xp.shape(weights) != losses.shape[: xp.ndim(weights)]:
        raise ShapeError(f"the weights are {xp.shape(weights)}, but the losses of the examples {losses.shape}.")
    expanded = xp.asarray(weights, dtype=dtype).reshape(weights.shape + (1,) * (losses.ndim - weights.ndim))
    share = xp.broadcast_to(expanded / max(losses.size, 1), losses.shape)
    return (losses * share).sum().astype(dtype), share


def _numeric(xp: ModuleType, Y: Array) -> Array:
    Y = xp.asarray(Y)
    if Y.dtype.kind not in "fiub":
        raise DataError(f"Y is of type {Y.dtype}, but labels are numbers: classes count from 0.")
    return Y


def _real(xp: ModuleType, A: Array) -> Array:
    """A as real numbers, where it came as whole ones."""
    return A if xp.isdtype(A.dtype, "real floating") else A.astype(xp.float64)


def _over_outputs(losses: Array) -> Array:
    return losses.sum(axis=-1) if losses.ndim > 1 else losses


def _per_output(share: Array, A: Array) -> Array:
    """The share of an example, as a factor for each of its outputs."""
    return share[..., None] if getattr(share, "ndim", 0) < A.ndim and getattr(share, "ndim", 0) else share


def _targets(xp: ModuleType, A: Array, Y: Array) -> Array:
    """Y in the shape and type of A; (m,) stands for (m, 1), and never broadcasts to (m, m)."""
    Y = _numeric(xp, Y)
    if A.shape[-1:] == (1,) and Y.shape == A.shape[:-1]:
        Y = Y[..., None]
    if Y.shape != A.shape:
        raise ShapeError(f"the targets Y are {Y.shape}, but the network's output is {A.shape}{_one_of_each(A, Y)}.")
    return Y.astype(A.dtype)


def _one_of_each(A: Array, Y: Array) -> str:
    """The way out where a network gives something at each place or step, and each example has one target."""
    if A.ndim < 3 or Y.shape[:1] != A.shape[:1] or Y.ndim > 2:
        return ""
    way = "put Flatten() before the Dense layers, or give the last recurrent layer last=True"
    return f"; where each example has one, {way}"


def _probabilities(xp: ModuleType, A: Array, activation: str) -> Array:
    if xp is np and A.size and (A.min() < 0 or A.max() > 1 + 1e-3):
        raise DataError(
            f"this loss takes probabilities, but the output goes from {A.min():g} to {A.max():g}: "
            f'end the network with "{activation}", such as Dense(n_out, "{activation}").'
        )
    return A


def _shares(xp: ModuleType, A: Array) -> Array:
    if xp is np and A.size and np.abs(A.sum(axis=-1) - 1).max() > 1e-2:
        raise DataError(
            "cross_entropy takes probabilities that sum to 1 over the classes, but these do not: "
            'end the network with "softmax"; yes-or-no outputs take binary_cross_entropy.'
        )
    return A


def _binary(xp: ModuleType, Y: Array) -> Array:
    if xp is np and Y.size and not (Y.min() >= 0 and Y.max() <= 1):
        raise DataError(f"binary_cross_entropy takes labels from 0 to 1, but Y goes from {Y.min():g} to {Y.max():g}.")
    return Y


def _counts(xp: ModuleType, Y: Array) -> Array:
    if xp is np and Y.size and Y.min() < 0:
        raise DataError(f"poisson takes targets of 0 or more, but Y goes down to {Y.min():g}.")
    return Y


def _times_log(xp: ModuleType, Y: Array) -> Array:
    """Y ln Y, which is 0 at 0."""
    return Y * xp.log(xp.where(xp.greater(Y, 0), Y, 1))


def _signs(xp: ModuleType, Y: Array) -> Array:
    if xp is np and not (xp.abs(Y) == 1).all():
        wrong = Y[xp.abs(Y) != 1].flat[0]
        raise DataError(f"this loss takes labels -1 and +1, but Y holds {wrong:g}; labels 0 and 1 become 2 * Y - 1.")
    return Y


def _one_hot(xp: ModuleType, A: Array, Y: Array) -> Array:
    """Y as (…, n_classes): labels become one-hot rows, a distribution over the classes stays."""
    Y = _numeric(xp, Y)
    n_classes = A.shape[-1]
    if Y.shape == A.shape:
        if xp is np and Y.size and Y.min() < 0:
            raise DataError(f"the rows of Y are one-hot or shares of the classes, but Y holds {Y.min():g}.")
        return Y.astype(A.dtype)
    if Y.shape == (*A.shape[:-1], 1):
        Y = Y[..., 0]
    if Y.shape != A.shape[:-1]:
        raise ShapeError(
            f"the labels Y are {Y.shape}, but for an output of {A.shape} cross_entropy takes labels {A.shape[:-1]} "
            f"or one-hot rows {A.shape}{_one_of_each(A, Y)}."
        )
    if xp is np:
        _check_labels(Y, n_classes)
    return (Y[..., None] == xp.arange(n_classes)).astype(A.dtype)


def _check_labels(Y: Array, n_classes: int) -> None:
    wrong = Y[(Y < 0) | (n_classes <= Y) | (Y % 1 != 0)]
    if wrong.size and n_classes == 1:
        raise DataError(
            f"cross_entropy takes an output for each class, but there is a single one and Y holds {wrong.flat[0]}: "
            'take binary_cross_entropy, or end the network with a unit for each class and "softmax".'
        )
    if wrong.size:
        raise DataError(
            f"the output has {n_classes} classes, so labels are whole numbers from 0 to {n_classes - 1}, "
            f"but Y holds {wrong.flat[0]}."
        )


def _smooth(Y: Array, label_smoothing: float) -> Array:
    real("label_smoothing", label_smoothing, low=0, high=1)
    return Y if label_smoothing == 0 else (1 - label_smoothing) * Y + label_smoothing / Y.shape[-1]


def _smooth_binary(Y: Array, label_smoothing: float) -> Array:
    real("label_smoothing", label_smoothing, low=0, high=1)
    return Y if label_smoothing == 0 else (1 - label_smoothing) * Y + label_smoothing / 2


def _rounding(xp: ModuleType, A: Array) -> float:
    return float(xp.finfo(A.dtype).eps)
