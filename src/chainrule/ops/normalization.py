"""Features on a common scale: by known means and deviations, or by those of the batch or of each example."""

from types import ModuleType

import numpy as np

from chainrule.errors import ShapeError
from chainrule.graph import Array, Backward, operation
from chainrule.ops.masking import steps_that_count

_FORWARD = r"\hat{A} = \frac{A - \mu}{\sqrt{\sigma^2 + \varepsilon}}, \quad Z = \gamma \odot \hat{A} + \beta"
_OVER_EXAMPLES = (
    r"\mu = \frac{1}{m} \textstyle\sum_i mask^{(i)} \odot A^{(i)}, \quad"
    r" \sigma^2 = \frac{1}{m} \textstyle\sum_i mask^{(i)} \odot (A^{(i)} - \mu)^2, \quad "
)
_OVER_FEATURES = (
    r"\mu = \frac{1}{n} \textstyle\sum_k A_k, \quad \sigma^2 = \frac{1}{n} \textstyle\sum_k (A_k - \mu)^2, \quad "
)
_OF_PARAMETERS = (
    r"d\gamma = \textstyle\sum_i dZ^{(i)} \odot \hat{A}^{(i)}",
    r"d\beta = \textstyle\sum_i dZ^{(i)}",
)


def _of_batch(
    xp: ModuleType, A: Array, gamma: Array, beta: Array, mask: Array | None = None, *, epsilon: float = 1e-5
) -> dict[str, Array]:
    """What the formulas of `batch_norm` call μ, σ² and Â."""
    mean, variance = _moments(xp, A, tuple(range(A.ndim - 1)), _share(xp, A, mask))
    return _symbols(xp, A, mean.reshape(-1), variance.reshape(-1), epsilon)


def _of_examples(xp: ModuleType, A: Array, gamma: Array, beta: Array, *, epsilon: float = 1e-5) -> dict[str, Array]:
    """What the formulas of `layer_norm` call μ, σ² and Â."""
    return _symbols(xp, A, *_moments(xp, A, (A.ndim - 1,)), epsilon)


def _symbols(xp: ModuleType, A: Array, mean: Array, variance: Array, epsilon: float) -> dict[str, Array]:
    return {r"\mu": mean, r"\sigma^2": variance, r"\hat{A}": (A - mean) / xp.sqrt(variance + epsilon)}


@operation(
    forward=_OVER_EXAMPLES + _FORWARD,
    symbols=_of_batch,
    backward=(
        r"dA = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}} \odot \left(dZ"
        r" - \frac{1}{m}\, mask \odot \textstyle\sum_i dZ^{(i)}"
        r" - \frac{1}{m}\, mask \odot \hat{A} \odot \textstyle\sum_i dZ^{(i)} \odot \hat{A}^{(i)}\right)",
        *_OF_PARAMETERS,
        "",
    ),
)
def batch_norm(
    xp: ModuleType, A: Array, gamma: Array, beta: Array, mask: Array | None = None, *, epsilon: float = 1e-5
) -> tuple[Array, Backward]:
    """Z = γ Â + β with Â = (A − μ) / √(σ² + ε), μ and σ² of each feature over the whole batch.

    Batch normalization (Ioffe & Szegedy, 2015).

    Args:
        A: (m, …, n): statistics are over all axes but the last, each feature or channel by itself.
        gamma, beta: (n,).
        mask: (m, steps) of sequences, 0 at the steps that μ and σ² leave out, or None; m in the formulas counts the
            others.
    """
    if A.ndim < 2:
        raise ShapeError(f"A is {A.shape}, but a batch is (m, …, n).")
    Z, backward = _normalize(xp, A, gamma, beta, epsilon, tuple(range(A.ndim - 1)), _share(xp, A, mask))
    return Z, lambda dZ: (*backward(dZ), None)


@operation(
    forward=_FORWARD,
    backward=(r"dA = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}} \odot dZ", *_OF_PARAMETERS, "", ""),
)
def normalize(
    xp: ModuleType, A: Array, gamma: Array, beta: Array, mean: Array, variance: Array, *, epsilon: float = 1e-5
) -> tuple[Array, Backward]:
    """Z = γ Â + β with Â = (A − μ) / √(σ² + ε), μ and σ² given: batch normalization when predicting.

    Args:
        A: (…, n).
        gamma, beta: (n,).
        mean, variance: (n,), μ and σ²; they have no derivative.
    """
    _check(A, gamma=gamma, beta=beta, mean=mean, variance=variance)
    inverse = (1 / xp.sqrt(variance + epsilon)).astype(A.dtype)
    A_hat = (A - mean.astype(A.dtype)) * inverse
    examples = tuple(range(A.ndim - 1))

    def backward(dZ: Array) -> tuple[Array | None, ...]:
        return dZ * gamma * inverse, (dZ * A_hat).sum(axis=examples), dZ.sum(axis=examples), None, None

    return gamma * A_hat + beta, backward


@operation(
    forward=_OVER_FEATURES + _FORWARD,
    symbols=_of_examples,
    backward=(
        r"dA = \frac{1}{\sqrt{\sigma^2 + \varepsilon}} \odot \left(\gamma \odot dZ"
        r" - \frac{1}{n} \textstyle\sum_k \gamma_k \odot dZ_k"
        r" - \frac{1}{n} \hat{A} \odot \textstyle\sum_k \gamma_k \odot dZ_k \odot \hat{A}_k\right)",
        *_OF_PARAMETERS,
    ),
)
def layer_norm(xp: ModuleType, A: Array, gamma: Array, beta: Array, *, epsilon: float = 1e-5) -> tuple[Array, Backward]:
    """Z = γ Â + β with Â = (A − μ) / √(σ² + ε), μ and σ² over the features of each example, step or place.

    Layer normalization (Ba et al., 2016).

    Args:
        A: (…, n).
        gamma, beta: (n,).
    """
    return _normalize(xp, A, gamma, beta, epsilon, over=(A.ndim - 1,))


def _known(xp: ModuleType, A: Array, mean: Array, deviation: Array) -> dict[str, Array]:
    """What the formulas of `standardize` and its way back call μ and s."""
    return {r"\mu": mean, "s": deviation}


@operation(forward=r"Z = (A - \mu) / s", backward=(r"dA = dZ / s", "", ""), symbols=_known)
def standardize(xp: ModuleType, A: Array, mean: Array, deviation: Array) -> tuple[Array, Backward]:
    """Z = (A − μ) / s, mean μ and deviation s of each feature given; they have no derivative.

    Args:
        A: (…, n).
        mean, deviation: (n,).
    """
    _check(A, mean=mean, deviation=deviation)
    return (A - mean) / deviation, lambda dZ: (dZ / deviation, None, None)


@operation(forward=r"Z = A \odot s + \mu", backward=(r"dA = dZ \odot s", "", ""), symbols=_known)
def unstandardize(xp: ModuleType, A: Array, mean: Array, deviation: Array) -> tuple[Array, Backward]:
    """Z = A s + μ, mean μ and deviation s of each feature given: the way back from `standardize`. Shapes as there."""
    _check(A, mean=mean, deviation=deviation)
    return A * deviation + mean, lambda dZ: (dZ * deviation, None, None)


def _normalize(
    xp: ModuleType,
    A: Array,
    gamma: Array,
    beta: Array,
    epsilon: float,
    over: tuple[int, ...],
    share: Array | None = None,
) -> tuple[Array, Backward]:
    """Normalization by A's own mean and variance over the axes `over`; they depend on A, so dA has two terms more.

    `share` is what of the mean each number is, if that is not the same for all.
    """
    _check(A, gamma=gamma, beta=beta)
    mean, variance = _moments(xp, A, over, share)
    share = max(mean.size, 1) / max(A.size, 1) if share is None else share
    inverse = (1 / xp.sqrt(variance + epsilon)).astype(A.dtype)
    A_hat = (A - mean.astype(A.dtype)) * inverse
    examples = tuple(range(A.ndim - 1))

    def backward(dZ: Array) -> tuple[Array, ...]:
        dA_hat = dZ * gamma
        through_mean = share * dA_hat.sum(axis=over, keepdims=True)
        through_deviation = share * A_hat * (dA_hat * A_hat).sum(axis=over, keepdims=True)
        return (
            inverse * (dA_hat - through_mean - through_deviation),
            (dZ * A_hat).sum(axis=examples),
            dZ.sum(axis=examples),
        )

    return gamma * A_hat + beta, backward


def _share(xp: ModuleType, A: Array, mask: Array | None) -> Array | None:
    """What of the mean over the steps that count each step is; None where all count alike."""
    if mask is None:
        return None
    counts = steps_that_count(xp, mask, A).astype(A.dtype)[..., None]
    return counts / xp.maximum(counts.sum(), 1)


def _moments(xp: ModuleType, A: Array, over: tuple[int, ...], share: Array | None = None) -> tuple[Array, Array]:
    """The mean and the variance over these axes."""
    exact = A.astype(np.float64) if xp is np else A  # squares of what float32 holds may be more than it holds
    if share is None:
        return exact.mean(axis=over, keepdims=True), exact.var(axis=over, keepdims=True)
    counted = xp.where(share > 0, exact, 0)  # there may be NaN where nobody looks
    mean = (counted * share).sum(axis=over, keepdims=True)
    return mean, ((counted - mean) ** 2 * share).sum(axis=over, keepdims=True)


def _check(A: Array, **of_features: Array) -> None:
    n = A.shape[-1:]
    for name, given in of_features.items():
        if np.shape(given) != n:
            raise ShapeError(f"A is {A.shape}, so {name} is {n}, one number a feature, but it is {np.shape(given)}.")
