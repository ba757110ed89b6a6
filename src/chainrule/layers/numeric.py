"""Layers that spread single numbers out, so that a network resolves steps in them: bins, and waves."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np

from chainrule.checking import real, whole
from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.graph import Array
from chainrule.initializers import Random
from chainrule.layers.edges import EDGES, Examples, evenly_drawn
from chainrule.layers.layer import Layer, features
from chainrule.layers.learner import Learner
from chainrule.names import lookup
from chainrule.ops import clip, concatenate, cos, standardize

SAMPLE = 2**16
"""Of at most so many examples a layer learns where its bins begin."""

SHOWN = 4
"""Of so many columns each is named in what a layer is called."""

ENDLESS = 1e30
"""The width of a bin that there are too few different numbers for: nothing ever fills it."""


@dataclass(eq=False, repr=False)
class PiecewiseLinear(Learner):
    """Z = [A, e], e_t = (A_j − b_t) / (b_{t+1} − b_t) held between 0 and 1: how far each number is through each bin.

    A number between two edges b_t and b_{t+1} has filled all bins before and none behind, so that a linear layer on top
    is a piecewise-linear function of it, with its knots at the edges. Gorishniy et al., 2022, "On Embeddings for
    Numerical Features in Tabular Deep Learning".

    The edges are learned once from the training data, from the columns alone or by the targets, as that paper tries
    both. `train` lets it learn before the first epoch, unless it has. The input is (m, n), the output
    (m, n + sum of bins).

    Args:
        bins: how many bins each of these columns has, at most; a number, or one for each.
        columns: which columns of A get bins, counted from 0; None for all.
        edges: "quantiles", but for values so frequent that they fill a bin by themselves, which are edges; or "tree":
            where a decision tree divides the rows by the column alone, so that the targets within a bin are alike.

    Raises:
        MissingPackageError: in learning by "tree", where scikit-learn is not installed.
    """

    bins: int | Sequence[int] = 16
    columns: Sequence[int] | None = None
    _: KW_ONLY
    edges: Literal["quantiles", "tree"] = "quantiles"

    def __post_init__(self) -> None:
        lookup("way to find edges", self.edges, EDGES)
        self.columns = _distinct(self.columns)
        if isinstance(self.bins, Sequence):
            self.bins = tuple(whole("bins", k) for k in self.bins)
            if self.columns is not None and len(self.bins) != len(self.columns):
                raise OptionError(f"there are {len(self.columns)} columns, but bins for {len(self.bins)}.")
        else:
            self.bins = whole("bins", self.bins)

    def __repr__(self) -> str:
        bins = self.bins if isinstance(self.bins, int) else _in_short(self.bins)
        columns = "" if self.columns is None else f", {_in_short(self.columns)}"
        edges = "" if self.edges == "quantiles" else f', edges="{self.edges}"'
        return f"PiecewiseLinear({bins}{columns}{edges})"

    def forward(self, A: Array) -> Array:
        columns = _chosen(self.columns, A)
        which = np.repeat(np.asarray(columns, np.intp), self._counts(len(columns)))
        low, width = self.statistic("low", (len(which),), 0.0), self.statistic("width", (len(which),), 1.0)
        self.statistic("count", (1,), 0.0)
        through = standardize(A[:, which], low.astype(A.dtype), width.astype(A.dtype))
        return concatenate(A, clip(through, low=0.0, high=1.0), axis=1)

    def _counts(self, n: int) -> Sequence[int]:
        """How many bins each of n columns has."""
        if isinstance(self.bins, int):
            return [self.bins] * n
        if len(self.bins) != n:
            raise ShapeError(f"the input has {n} columns, but there are bins for {len(self.bins)}.")
        return self.bins

    @property
    def learns_targets(self) -> bool:
        return self.edges == "tree"

    def learn(self, batches: Iterable[Any]) -> None:
        """Learn the edges from batches, of up to about 65,000 of their examples, evenly drawn.

        Args:
            batches: (m, n) each; by "tree" tuples of that, the targets, whole numbers (m,) that are classes, or values
                (m,) or (m, k), and, if not all count alike, weights (m,).

        Raises:
            DataError: there is no example.
        """
        given = (Examples(*batch) if self.learns_targets else Examples(batch) for batch in batches)
        examples, count = evenly_drawn(given, SAMPLE)
        rows = examples.A
        if count == 0:
            raise DataError("there is no example to learn bins from.")
        find = EDGES[self.edges]
        columns = _chosen(self.columns, rows)
        low, width = [], []
        for column, k in zip(columns, self._counts(len(columns)), strict=True):
            edges = find(rows[:, column].astype(np.float64), examples, k)
            empty = k + 1 - len(edges)
            low.append(np.pad(edges[:-1], (0, empty), constant_values=edges[-1]))
            width.append(np.pad(np.diff(edges), (0, empty), constant_values=ENDLESS))
        # A dict of its own, for who copies the network at this moment.
        self.statistics = self.statistics | {
            "low": np.concatenate(low),
            "width": np.concatenate(width),
            "count": np.array([float(count)]),
        }


@dataclass(eq=False, repr=False)
class Periodic(Layer):
    """Z = [A, cos 2π (f A_j + φ), …]: each number as waves of learned frequencies f and phases φ.

    Gorishniy et al., 2022, "On Embeddings for Numerical Features in Tabular Deep Learning". The input is (m, n), the
    output (m, n + waves · columns).

    Args:
        waves: how many each of these columns has.
        columns: which columns of A get waves, counted from 0; None for all.
        sigma: the deviation of the frequencies at the start, in waves per unit of A; phases start anywhere.
    """

    waves: int = 8
    columns: Sequence[int] | None = None
    _: KW_ONLY
    sigma: float = 0.3

    def __post_init__(self) -> None:
        self.columns = _distinct(self.columns)
        self.waves, self.sigma = whole("waves", self.waves), real("sigma", self.sigma, low=0)

    def forward(self, A: Array) -> Array:
        which = np.repeat(np.asarray(_chosen(self.columns, A), np.intp), self.waves)
        f = self.parameter("f", (len(which),), Random(self.sigma))
        phi = self.parameter("phi", (len(which),), Random(1.0))
        return concatenate(A, cos(2 * math.pi * (A[:, which] * f + phi)), axis=1)


def _in_short(numbers: Sequence[int]) -> str:
    """Some numbers in full, many as how many they are, or up to which one."""
    if len(numbers) <= SHOWN:
        return str(list(numbers))
    return f"up to {max(numbers)}" if len(set(numbers)) < len(numbers) else f"{len(numbers)} columns"


def _distinct(columns: Sequence[int] | None) -> tuple[int, ...] | None:
    """The columns as given, checked.

    Raises:
        OptionError: one is no whole number, or is there twice.
    """
    if columns is None:
        return None
    checked = tuple(whole("a column", c, at_least=0) for c in columns)
    if not checked or len(set(checked)) < len(checked):
        raise OptionError(f"columns is {list(checked)}, but must name one or more, each once; None is all.")
    return checked


def _chosen(columns: Sequence[int] | None, A: Array) -> Sequence[int]:
    """The columns of A (m, n) that are meant.

    Raises:
        ShapeError: A is no matrix, or has not so many.
    """
    if A.ndim != 2:
        raise ShapeError(f"the input is {A.shape}, but must be (m, n): one number a column.")
    n = features(A)
    if columns is not None and max(columns) >= n:
        raise ShapeError(f"the input has {n} columns, counted from 0, so there is no column {max(columns)}.")
    return range(n) if columns is None else columns
