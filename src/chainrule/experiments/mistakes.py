"""Examples that a network got wrong: of labels the surest mistakes, of values those that are furthest off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.targets import Target
from chainrule.numbers import brief


@dataclass(frozen=True)
class Mistake:
    """An example to test of which something else came than was predicted.

    Attributes:
        example: its place among all examples.
        true, predicted: the labels, or the values in words.
        sureness: of labels the probability of the predicted one, in words; of values how far it is off.
    """

    example: int
    true: str
    predicted: str
    sureness: str


def tells_mistakes(target: Target, Y: NDArray[Any]) -> bool:
    """Whether there is one thing to predict of each example, which can be wrong."""
    return Y.ndim == 1 and len(target.names) == 1 and (target.labels is not None or target.task == "values")


def mistakes(
    target: Target, Y: NDArray[Any], output: NDArray[Any], examples: NDArray[np.intp], most: int
) -> tuple[list[Mistake], int]:
    """The worst mistakes, and how many there are; of values all examples are counted.

    Args:
        Y: (m,) what came. output: (m, n_out) of the network. examples: (m,) which ones these are.
    """
    if target.labels is None:
        return _of_values(Y, output, examples, most)
    labels, decided = target.labels[0], target.decided(output)
    P = output if target.task == "classes" else np.hstack([1 - output, output])
    wrong = np.flatnonzero(decided != Y)
    worst = wrong[np.argsort(-P[wrong, decided[wrong]], kind="stable")][:most]
    found = [
        Mistake(int(examples[i]), str(labels[Y[i]]), str(labels[decided[i]]), _percent(float(P[i, decided[i]])))
        for i in worst
    ]
    return found, len(wrong)


def _of_values(
    Y: NDArray[Any], output: NDArray[Any], examples: NDArray[np.intp], most: int
) -> tuple[list[Mistake], int]:
    off = output[:, 0] - Y
    worst = np.argsort(-abs(off), kind="stable")[:most]
    found = [
        Mistake(int(examples[i]), brief(float(Y[i])), brief(float(output[i, 0])), brief(float(off[i]))) for i in worst
    ]
    return found, len(Y)


def _percent(p: float) -> str:
    """A probability that is not quite 1 is never said to be."""
    return ">99.9%" if 0.999 < p < 1 else f"{p:.1%}"
