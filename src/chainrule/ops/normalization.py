"""Batch and layer normalization: the same formula, over the examples or over the features."""

from types import ModuleType

from chainrule.graph import Array, Backward, operation

_FORWARD = r"\hat{A} = \frac{A - \mu}{\sqrt{\sigma^2 + \varepsilon}}, \quad Z = \gamma \odot \hat{A} + \beta"
_BACKWARD = (
    r"dA = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}} \odot"
    r" \left(dZ - \overline{dZ} - \hat{A} \odot \overline{dZ \odot \hat{A}}\right)"
)


@operation(
    forward=_FORWARD,
    backward=(
        _BACKWARD,
        r"d\gamma = \textstyle\sum_i dZ^{(i)} \odot \hat{A}^{(i)}",
        r"d\beta = \textstyle\sum_i dZ^{(i)}",
        "",
        "",
    ),
)
def batch_norm(
    xp: ModuleType,
    A: Array,
    gamma: Array,
    beta: Array,
    mean: Array | None = None,
    variance: Array | None = None,
    *,
    epsilon: float = 1e-5,
) -> tuple[Array, Backward]:
    """Z = γ Â + β with Â = (A − μ) / √(σ² + ε), μ and σ² over the examples (Ioffe & Szegedy, 2015).

    Args:
        A: (m, …, n): statistics are over all axes but the last, each feature or channel by itself.
        gamma, beta: (n,).
        mean, variance: (n,) to use instead of the batch's own, as when predicting; they have no derivative.
    """
    examples = tuple(range(A.ndim - 1))
    if mean is None or variance is None:
        return _normalize(xp, A, gamma, beta, A.mean(axis=examples), A.var(axis=examples), epsilon, examples)
    scale = gamma / xp.sqrt(variance + epsilon)

    def backward(dZ: Array) -> tuple[Array | None, ...]:
        A_hat = (A - mean) / xp.sqrt(variance + epsilon)
        return dZ * scale, (dZ * A_hat).sum(axis=examples), dZ.sum(axis=examples), None, None

    return (A - mean) * scale + beta, backward


@operation(
    forward=_FORWARD,
    backward=(
        _BACKWARD,
        r"d\gamma = \textstyle\sum_i dZ^{(i)} \odot \hat{A}^{(i)}",
        r"d\beta = \textstyle\sum_i dZ^{(i)}",
    ),
)
def layer_norm(xp: ModuleType, A: Array, gamma: Array, beta: Array, *, epsilon: float = 1e-5) -> tuple[Array, Backward]:
    """Z = γ Â + β with Â = (A − μ) / √(σ² + ε), μ and σ² over the features of each example (Ba et al., 2016).

    Args:
        A: (…, n).
        gamma, beta: (n,).
    """
    mean, variance = A.mean(axis=-1, keepdims=True), A.var(axis=-1, keepdims=True)
    Z, backward = _normalize(xp, A, gamma, beta, mean, variance, epsilon, (A.ndim - 1,))
    return Z, lambda dZ: backward(dZ)[:3]


def _normalize(
    xp: ModuleType,
    A: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    over: tuple[int, ...],
) -> tuple[Array, Backward]:
    """Normalization by statistics of A itself over the axes `over`; they depend on A, so dA has two terms more."""
    inverse = 1 / xp.sqrt(variance + epsilon)
    A_hat = (A - mean) * inverse
    examples = tuple(range(A.ndim - 1))

    def backward(dZ: Array) -> tuple[Array | None, ...]:
        dA_hat = dZ * gamma
        centred = dA_hat - dA_hat.mean(axis=over, keepdims=True)
        dA = inverse * (centred - A_hat * (dA_hat * A_hat).mean(axis=over, keepdims=True))
        return dA, (dZ * A_hat).sum(axis=examples), dZ.sum(axis=examples), None, None

    return gamma * A_hat + beta, backward
