"""Where parameters start: small random numbers, not zeros (the notes, "random initialization")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from chainrule.checking import real, whole
from chainrule.errors import OptionError, ShapeError, shown
from chainrule.names import lookup
from chainrule.notes.shapes import Matrix


def initialize(
    layer_sizes: Sequence[int], method: str = "random", scale: float = 0.01, seed: int = 0
) -> dict[str, Matrix]:
    """W^[l] (n^[l], n^[l-1]) by the method, b^[l] (n^[l], 1) zeros.

    Args:
        layer_sizes: (n^[0], n^[1], …, n^[L]).
        method: "random", scale · randn; "he", √(2 / n^[l-1]) · randn (He et al., 2015); "lecun", √(1 / n^[l-1]) · randn
            (LeCun et al., 1998); "zeros".
        scale: of "random".
        seed: of NumPy's RandomState, as the published runs of the notes drew: `np.random.seed(1)`, then W1, W2, … So
            draw no X from the same seed.

    Returns:
        W1, b1, … WL, bL by name.

    Raises:
        ShapeError: fewer than two sizes.
        OptionError: an unknown method or a size below 1.
    """
    sizes = sizes_of(layer_sizes)
    if len(sizes) < 2:
        raise ShapeError(f"layer_sizes are {sizes}, but a network has at least n^[0] and n^[1].")
    factor: Callable[[int], float] = lookup("method", method, {
        "random": lambda n: real("scale", scale),
        "he": lambda n: (2 / n) ** 0.5,
        "lecun": lambda n: (1 / n) ** 0.5,
        "zeros": lambda n: 0.0,
    })  # fmt: skip
    random = np.random.RandomState(whole("seed", seed, at_least=0))
    parameters: dict[str, Matrix] = {}
    for l, (n_prev, n) in enumerate(pairwise(sizes), 1):
        parameters[f"W{l}"] = random.standard_normal((n, n_prev)) * factor(n_prev)
        parameters[f"b{l}"] = np.zeros((n, 1))
    return parameters


def sizes_of(layer_sizes: Sequence[int]) -> list[int]:
    """(n^[0], n^[1], …, n^[L]) as whole numbers.

    Raises:
        OptionError: they are no sequence, or one is below 1.
    """
    if np.ndim(layer_sizes) == 0:
        raise OptionError(
            f"layer_sizes is {shown(layer_sizes)}, but must be all sizes in one sequence, (n^[0], …, n^[L]), such as "
            "(3, 4, 1)."
        )
    return [whole("a layer size", n) for n in layer_sizes]
