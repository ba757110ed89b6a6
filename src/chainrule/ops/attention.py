"""Attention: every step looks at all the others and takes from them what it asks for."""

from types import ModuleType

import numpy as np

from chainrule.checking import whole
from chainrule.errors import ShapeError
from chainrule.graph import Array, Backward, Later, foresee, operation


def _width(
    xp: ModuleType, Q: Array, K: Array, V: Array, mask: Array | None = None, *, heads: int = 1, causal: bool = False
) -> dict[str, float]:
    """What the formulas call d."""
    return {"d": Q.shape[-1] // heads}


@operation(
    symbols=_width,
    forward=r"Z = \operatorname{softmax}(S) V, \quad S = \frac{Q K^T}{\sqrt{d}}",
    backward=(
        r"dQ = \frac{dS\, K}{\sqrt{d}}, \quad dS = P \odot (dP - \textstyle\sum_k dP_k \odot P_k), \quad dP = dZ\, V^T,"
        r" \quad P = \operatorname{softmax}(S)",
        r"dK = \frac{dS^T Q}{\sqrt{d}}, \quad dS = P \odot (dP - \textstyle\sum_k dP_k \odot P_k), \quad dP = dZ\, V^T,"
        r" \quad P = \operatorname{softmax}(S)",
        r"dV = P^T dZ, \quad P = \operatorname{softmax}(S)",
        "",
    ),
)
def attention(
    xp: ModuleType, Q: Array, K: Array, V: Array, mask: Array | None = None, *, heads: int = 1, causal: bool = False
) -> tuple[Array, Backward]:
    """Z = softmax(S) V with S = Q Kᵀ / √d, but −∞ where causal or the mask forbids a step to look, the steps of one
    example as rows, d numbers in each, for every head alone.

    Scaled dot-product attention (Vaswani et al., 2017). With several heads each has its part of the features of Q, K
    and V, one behind the other, and fills its part of Z.

    Args:
        Q: (m, steps, n), what each step asks for.
        K: (m, others, n), what each of the others offers. V: (m, others, n_v), what is taken of them.
        mask: (m, others), 0 at the steps of K and V that nobody may look at, or None; who may look at none takes 0.
        heads: into how many parts the features fall; d is n / heads.
        causal: whether step t sees the others up to t only, and nothing of the future.

    Returns:
        Z: (m, steps, n_v).

    Raises:
        ShapeError: the shapes do not fit, or the features do not fall into so many heads.
    """
    _check(Q, K, V, mask, whole("heads", heads))
    scale = float((Q.shape[-1] // heads) ** -0.5)
    foresee((4, heads, Q.shape[1], K.shape[1]), Q.dtype)
    P = attention_weights(xp, Q, K, mask, heads=heads, causal=causal)
    q, k, v = (_by_head(xp, A, heads) for A in (Q, K, V))

    def backward(dZ: Array) -> tuple[Later, Later, Later, None]:
        d = _by_head(xp, dZ, heads)
        dP = d @ xp.swapaxes(v, -1, -2)
        dS = P * (dP - (dP * P).sum(axis=-1, keepdims=True)) * scale
        return (
            lambda: _together(xp, dS @ k),
            lambda: _together(xp, xp.swapaxes(dS, -1, -2) @ q),
            lambda: _together(xp, xp.swapaxes(P, -1, -2) @ d),
            None,
        )

    return _together(xp, P @ v), backward


def attention_weights(
    xp: ModuleType, Q: Array, K: Array, mask: Array | None = None, *, heads: int = 1, causal: bool = False
) -> Array:
    """P = softmax(S), S = Q Kᵀ / √d, (m, heads, steps, others): how much a step takes of each of the others.

    Args:
        Q, K, mask, heads, causal: as `attention` takes them, which checks them.
    """
    (m, steps), others = Q.shape[:2], K.shape[1]
    q, k = (_by_head(xp, A, heads) for A in (Q, K))
    S = (q * float((Q.shape[-1] // heads) ** -0.5)) @ xp.swapaxes(k, -1, -2)
    seen = _seen(xp, mask, steps, others, causal and m > 0)
    if seen is not None:
        S = xp.where(seen, S, xp.asarray(-xp.inf, dtype=S.dtype))
    largest = S.max(axis=-1, keepdims=True)
    if seen is not None:
        largest = xp.where(seen.any(axis=-1, keepdims=True), largest, 0)
    E = xp.exp(S - largest)
    P = E / xp.maximum(E.sum(axis=-1, keepdims=True), xp.finfo(S.dtype).tiny)
    return P if seen is None else xp.where(seen, P, xp.zeros_like(P))  # where others are NaN, too


@operation(forward=r"Z_t = A_t + P_t", backward=(r"dA_t = dZ_t", ""))
def positional_encoding(
    xp: ModuleType, A: Array, mask: Array | None = None, *, base: float = 10000.0
) -> tuple[Array, Backward]:
    """Z_t = A_t + P_t, P_t the sine and the cosine of t at n / 2 frequencies, so that steps know their place.

    P_{t,2k} = sin(t / base^{2k/n}) and P_{t,2k+1} = cos(t / base^{2k/n}) (Vaswani et al., 2017), t counting from 0 the
    steps that the mask does not leave out.

    Args:
        A: (m, steps, n). mask: (m, steps), or None.
        base: the longest wave is 2π times as many steps.

    Raises:
        ShapeError: A is no sequences, or the mask does not fit.
    """
    if A.ndim != 3:
        raise ShapeError(f"A is {A.shape}, but must be sequences (m, steps, features).")
    if mask is not None and xp.shape(mask) != A.shape[:2]:
        raise ShapeError(f"the mask is {xp.shape(mask)}, but must be (m, steps) for sequences A of {A.shape}.")
    m, steps, n = A.shape
    foresee((4, steps, n), np.float64)
    if m == 0:
        return A, lambda dZ: (dZ, None)
    t = xp.arange(steps)[None, :] if mask is None else xp.maximum(xp.cumsum(xp.asarray(mask) != 0, axis=1) - 1, 0)
    features = np.arange(n)
    angles = t[..., None] * xp.asarray(base ** (-(features - features % 2) / n))
    P = xp.where(xp.asarray(features % 2 == 0), xp.sin(angles), xp.cos(angles))
    return A + P.astype(A.dtype), lambda dZ: (dZ, None)


def _check(Q: Array, K: Array, V: Array, mask: Array | None, heads: int) -> None:
    fits = Q.ndim == K.ndim == V.ndim == 3 and Q.shape[0] == K.shape[0] and K.shape[:2] == V.shape[:2]
    if not fits or Q.shape[2] != K.shape[2]:
        raise ShapeError(
            f"Q is {Q.shape}, K is {K.shape} and V is {V.shape}, but must be (m, steps, n), (m, others, n) and "
            "(m, others, n_v)."
        )
    if Q.shape[2] % heads or V.shape[2] % heads:
        raise ShapeError(f"{Q.shape[2]} features of Q and {V.shape[2]} of V do not fall into {heads} heads.")
    if mask is not None and np.shape(mask) != K.shape[:2]:
        raise ShapeError(f"the mask is {np.shape(mask)}, but must be {K.shape[:2]}, one entry a step of K.")


def _by_head(xp: ModuleType, A: Array, heads: int) -> Array:
    """(m, heads, steps, n / heads) of (m, steps, n)."""
    return xp.swapaxes(A.reshape(*A.shape[:2], heads, A.shape[2] // heads), 1, 2)


def _together(xp: ModuleType, A: Array) -> Array:
    """(m, steps, n) of (m, heads, steps, n / heads)."""
    m, heads, steps, n = A.shape
    return xp.swapaxes(A, 1, 2).reshape(m, steps, heads * n)


def _seen(xp: ModuleType, mask: Array | None, steps: int, others: int, causal: bool) -> Array | None:
    """Where a step may look, (m, 1, steps, others) or what broadcasts to it; None for everywhere."""
    past = xp.arange(others) <= xp.arange(steps)[:, None] if causal else None
    if mask is None:
        return past
    there = (xp.asarray(mask) != 0)[:, None, None, :]
    return there if past is None else there & past
