"""Why deep: the parity of n bits and the sawtooth, in width and in depth (the notes, "circuit theory")."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.checking import whole
from chainrule.layers import Dense, Network
from chainrule.notes.shapes import Matrix
from chainrule.optimizers import LBFGS
from chainrule.training import train


@dataclass(frozen=True)
class Depth:
    """The smallest networks that were found to learn the parity of n bits.

    Attributes:
        rows: one dict for each n: "bits"; "shallow" and "deep", the units of each hidden layer, or None where no
            network up to the limit learned it; "shallow_parameters" and "deep_parameters".
    """

    rows: list[dict[str, int | tuple[int, ...] | None]]

    def __str__(self) -> str:
        lines = [f"{'bits':>4}  {'shallow: units, parameters':<28}  deep: units, parameters"]
        for row in self.rows:
            sizes = [f"{row[kind]}, {row[f'{kind}_parameters']}" for kind in ("shallow", "deep")]
            lines.append(f"{row['bits']:>4}  {sizes[0]:<28}  {sizes[1]}")
        return "\n".join(lines)


def parity(bits: int) -> tuple[Matrix, Matrix]:
    """All 2ⁿ combinations of n bits as columns, X (n, 2ⁿ) of −1 and +1, and whether the ones are odd, Y (1, 2ⁿ)."""
    rows = np.array(list(itertools.product((0, 1), repeat=whole("bits", bits))))
    return (2.0 * rows - 1).T, (rows.sum(axis=1) % 2.0)[None, :]


def sawtooth(k: int, *, deep: bool = True) -> dict[str, Matrix]:
    """A relu network that goes 0, 1, 0, 1, …, 0 at x = 0, 1/2ᵏ, 2/2ᵏ, …, 1, straight in between.

    Deep, s ∘ s ∘ … ∘ s with s(x) = 2 max(0, x) − 4 max(0, x − ½), which goes 0, 1, 0: two units in each of k layers.
    Shallow, 2ᵏ max(0, x) − 2ᵏ⁺¹ max(0, x − 1/2ᵏ) + 2ᵏ⁺¹ max(0, x − 2/2ᵏ) − …: 2ᵏ units in one (Telgarsky, 2016).

    Args:
        k: the function has 2ᵏ pieces.

    Returns:
        W1, b1, …, for `forward(X, parameters, ("relu", …, "relu", "identity"))`, X (1, m) from 0 to 1.

    Raises:
        OptionError: k is no whole number of 1 or more.
    """
    pieces = 2 ** whole("k", k)
    if not deep:
        bends = np.arange(pieces)[:, None] / pieces
        slopes = np.where(np.arange(pieces) % 2, -2.0, 2.0) * pieces
        slopes[0] = pieces
        return {"W1": np.ones((pieces, 1)), "b1": -bends, "W2": slopes[None, :], "b2": np.zeros((1, 1))}
    s, bends = np.array([[2.0, -4.0]]), np.array([[0.0], [-0.5]])
    found = {"W1": np.ones((2, 1)), "b1": bends}
    for l in range(2, k + 1):
        found |= {f"W{l}": np.vstack([s, s]), f"b{l}": bends}
    return found | {f"W{k + 1}": s, f"b{k + 1}": np.zeros((1, 1))}


def why_deep(bits: Sequence[int] = (2, 3, 4, 5), *, widest: int = 12, starts: int = 8, seed: int = 0) -> Depth:
    """Measure, for each n, the smallest width at which a network learns the parity of n bits.

    The shallow network has one hidden layer; the deep one has ⌈log₂ n⌉ of the same width, as the notes' tree of
    exclusive ors. A width counts as enough if one of several random starts gets all 2ⁿ examples right.

    Args:
        bits: the n to try.
        widest: the largest width to try.
        starts: how many random starts.
        seed: of the first.
    """
    rows = []
    for n in bits:
        found: dict[str, int | tuple[int, ...] | None] = {"bits": n}
        for kind, layers in (("shallow", 1), ("deep", max(2, math.ceil(math.log2(n))))):
            units = next(((h,) * layers for h in range(1, widest + 1) if _learns(n, (h,) * layers, starts, seed)), None)
            sizes = None if units is None else (n, *units, 1)
            found[kind] = units
            found[f"{kind}_parameters"] = (
                None if sizes is None else sum(o * (i + 1) for i, o in itertools.pairwise(sizes))
            )
        rows.append(found)
    return Depth(rows)


def _learns(n: int, units: tuple[int, ...], starts: int, seed: int) -> bool:
    X, Y = parity(n)
    for start in range(seed, seed + starts):
        net = Network([*(Dense(h, "tanh") for h in units), Dense(1, "sigmoid")], seed=start, dtype="float64")
        train(net, X.T, Y.T, loss="binary_cross_entropy", optimizer=LBFGS(), epochs=300, seed=start, progress=False)
        if ((net.predict(X.T) > 0.5) == Y.T).all():
            return True
    return False
