"""Looking up rows of a table of parameters."""

from types import ModuleType

import numpy as np

from chainrule.errors import DataError
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
