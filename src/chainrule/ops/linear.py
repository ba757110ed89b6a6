"""The linear step of a layer."""

from types import ModuleType

from chainrule.errors import ShapeError
from chainrule.graph import Array, Backward, Later, operation


@operation(
    forward=r"Z = W A + b",
    backward=(r"dA = W^T dZ", r"dW = dZ\, A^T", r"db = \textstyle\sum_i dZ^{(i)}"),
)
def linear(xp: ModuleType, A: Array, W: Array, b: Array | None = None) -> tuple[Array, Backward]:
    """Z = A Wᵀ + b, one example a row; the notes' Z = W A + b with one example a column.

    Args:
        A: (…, n_in), any number of leading axes.
        W: (n_out, n_in).
        b: (n_out,), or None for no bias.

    Returns:
        Z: (…, n_out).

    Raises:
        ShapeError: A has not n_in features, or b not n_out numbers.
    """
    if xp.shape(A)[-1:] != W.shape[1:]:
        raise ShapeError(f"W is {W.shape}, so it takes {W.shape[-1]} features, but A is {xp.shape(A)}.")
    if b is not None and xp.shape(b) != W.shape[:1]:
        raise ShapeError(f"W is {W.shape}, so b is ({W.shape[0]},), one number a unit, but it is {xp.shape(b)}.")
    Z = A @ W.T if b is None else A @ W.T + b

    def backward(dZ: Array) -> tuple[Later, Later, Array | None]:
        dZ_rows, A_rows = dZ.reshape(-1, W.shape[0]), A.reshape(-1, W.shape[1])
        return (
            lambda: dZ @ W,
            lambda: dZ_rows.T @ A_rows,
            None if b is None else dZ_rows.sum(axis=0),
        )

    return Z, backward
