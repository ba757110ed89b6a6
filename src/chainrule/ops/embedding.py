"""Looking up rows of a table of parameters: for every number, or for some columns of a matrix."""

from types import ModuleType

import numpy as np

from chainrule.errors import DataError, ShapeError
from chainrule.graph import Array, Backward, operation
from chainrule.ops.shaping import scatter


@operation(forward=r"Z^{(i)} = W_{A^{(i)}}", backward=("", r"dW_k = \textstyle\sum_{i:\, A^{(i)} = k} dZ^{(i)}"))
def embedding(xp: ModuleType, A: Array, W: Array) -> tuple[Array, Backward]:
    """Z = W[A]: a learned row for each index (Bengio et al., 2003).

    Args:
        A: (…) of whole numbers in [0, n_tokens).
        W: (n_tokens, n_out).

    Returns:
        Z: (…, n_out).

    Raises:
        DataError: an index is not a whole number or out of range.
    """
    A = xp.asarray(A)
    if np.dtype(A.dtype).kind not in "iu":
        raise DataError(f"an embedding takes whole numbers as indices, but A is of type {A.dtype}.")
    if xp is np and A.size and (A.min() < 0 or A.max() >= len(W)):
        wrong = A.min() if A.min() < 0 else A.max()
        raise DataError(f"W is {W.shape}, so indices go from 0 to {len(W) - 1}, but A has {wrong}.")
    return W[A], lambda dZ: (None, scatter(xp, W.shape, A, dZ))


@operation(
    forward=r"Z = [A_{j \le first}, W_{A_{j > first}}]",
    backward=("", r"dW_k = \textstyle\sum_{i, j > first:\, A_j^{(i)} = k} dZ_j^{(i)}"),
)
def embed_columns(xp: ModuleType, A: Array, W: Array, *, first: int) -> tuple[Array, Backward]:
    """Z = [A_1, …, A_n, W[A_{n+1}], …]: numbers as they are, a learned row for each category (Guo & Berkhahn, 2016).

    Args:
        A: (m, first + c); the first n = `first` columns are numbers, the c others whole numbers in [0, n_tokens).
        W: (n_tokens, n_out).

    Returns:
        Z: (m, first + c · n_out).

    Raises:
        ShapeError: A is no matrix with more than `first` columns.
        DataError: an index is not a whole number or out of range.
    """
    A = xp.asarray(A)
    if A.ndim != 2 or A.shape[1] <= first:
        raise ShapeError(f"A is {A.shape}, but must be (m, n) with the numbers of rows of W from column {first} on.")
    keys = A[:, first:]
    if xp is np and keys.size:
        wrong = keys[(keys < 0) | (keys >= len(W)) | (keys % 1 != 0)]
        if wrong.size:
            raise DataError(f"W is {W.shape}, so indices go from 0 to {len(W) - 1}, but A has {wrong[0]:g}.")
    keys = keys.astype(np.int32)
    numbers = A[:, :first].astype(W.dtype)

    def backward(dZ: Array) -> tuple[None, Array]:
        return None, scatter(xp, W.shape, keys, dZ[:, first:].reshape(*keys.shape, W.shape[1]))

    return xp.concatenate([numbers, W[keys].reshape(len(A), keys.shape[1] * W.shape[1])], axis=1), backward
