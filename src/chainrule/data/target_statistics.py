"""Categories as what the target was where they stood (Micci-Barreca, 2001), and no row is told of its own target.

A row that is trained on gets the statistic of the rows before it, in an order that is drawn: ordered target statistics
(Prokhorenkova et al., 2018, CatBoost, section 3.2). All other rows get that of all training rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.codes import Matrix, WordCode
from chainrule.data.codes.words import words_in_order
from chainrule.data.columns import Column
from chainrule.data.targets import Target
from chainrule.errors import OptionError

if TYPE_CHECKING:
    from polars import Series

PRIOR = 1.0
"""So many rows of the mean target are added to those of each word."""


@dataclass(frozen=True, repr=False)
class TargetStatistics(WordCode):
    """Σ t / (n + a) over the n training rows of a word, for each number of the target, and n / (n + a).

    t is the target, of more than two classes one-hot, standardized over the training rows. So the prior, its mean that
    counts as a = 1 row, is 0, and a word that training has not met gets 0, too. A missing value is a word like others.

    Args:
        words: in order.
        sums: Σ t of each word, then of missing values, a list of K numbers each. counts: n of these.
    """

    words: list[str]
    sums: list[list[float]]
    counts: list[int]

    def __post_init__(self) -> None:
        super().__post_init__()
        K = len(self.sums[0]) if self.sums else 0
        alike = {len(self.sums), len(self.counts)} == {len(self.words) + 1}
        if not alike or K == 0 or {*map(len, self.sums)} != {K} or min(self.counts) < 0:
            raise OptionError(f"{self.column.name} has statistics of other words than it has words.")

    @classmethod
    def learn_from(cls, column: Column, values: Series, T: NDArray[np.float64]) -> TargetStatistics:
        """The code for values like these, whose standardized target is T (m, K)."""
        words = words_in_order(values.drop_nulls().unique().to_list())
        blank = cls(column, words, [[0.0] * T.shape[1]] * (len(words) + 1), [0] * (len(words) + 1))
        found = blank.read(values)
        sums = np.zeros((len(words) + 1, T.shape[1]))
        np.add.at(sums, found, T)
        return cls(column, words, sums.tolist(), np.bincount(found, minlength=len(words) + 1).tolist())

    @classmethod
    def learn(cls, column: Column, values: Series) -> TargetStatistics:
        """Raises OptionError: it takes a target to learn from."""
        raise OptionError(f"the statistics of {column.name} are learned with a target.")

    @property
    def width(self) -> int:
        return len(self.sums[0]) + 1

    @property
    def steps_of_numbers(self) -> int:  # type: ignore[override]
        return len(self.words) if len(self.words) > 1 and len(self.sums[0]) == 1 else 0

    @property
    def gaps(self) -> bool:
        """Whether values were missing while training."""
        return self.counts[-1] > 0

    @property
    def numbers(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    @property
    def others(self) -> tuple[int, int]:
        return len(self.words), len(self.words) + 1

    @cached_property
    def _rows(self) -> Matrix:
        """What is written for each word, for missing values, and for a word never seen."""
        return np.vstack([_shrunk(np.array(self.sums), np.array(self.counts, float)), np.zeros(self.width)])

    def write(self, found: NDArray[np.int64], out: Matrix) -> None:
        out[...] = self._rows[found]

    @property
    def met(self) -> list[str]:
        return self.words

    def ordered(self, values: Series, T: NDArray[np.float64], order: NDArray[np.intp]) -> Matrix:
        """What rows are trained on (m, width): row `order[i]` has the statistics of rows `order[:i]`."""
        found = self.read(values)[order]
        by_word = np.argsort(found, kind="stable")
        t, first = T[order][by_word], np.flatnonzero(np.diff(found[by_word], prepend=-1))
        group = np.cumsum(np.diff(found[by_word], prepend=-1) != 0) - 1
        before = np.cumsum(t, axis=0) - t  # of all rows before, of other words, too
        counts = np.arange(len(t)) - first[group]
        out = np.empty((len(t), self.width), np.float32)
        out[order[by_word]] = _shrunk(before - before[first][group], counts.astype(float))
        return out


def _shrunk(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> Matrix:
    """(…, K + 1): Σ t / (n + a) and n / (n + a)."""
    n = counts[:, None]
    return np.hstack([sums / (n + PRIOR), n / (n + PRIOR)]).astype(np.float32)


def standardized(target: Target, Y: NDArray[np.generic], train: NDArray[np.intp]) -> NDArray[np.float64]:
    """The target as numbers (m, K) of mean 0 and deviation 1 over the training rows; of K > 2 classes one-hot.

    Args:
        Y: as `Target.numbers` has it.
    """
    T = np.asarray(Y, np.float64).reshape(len(Y), -1)
    if target.task == "classes":
        T = (np.arange(target.n_out) == T).astype(np.float64)
    of_train = T[train]
    spread = of_train.std(axis=0)
    return np.asarray((T - of_train.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
