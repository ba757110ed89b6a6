"""Learned vectors for whole numbers: categories, characters, words; alone, in columns of a table, or in bags."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from chainrule.checking import whole
from chainrule.errors import OptionError, ShapeError
from chainrule.graph import Array
from chainrule.initializers import Random, find_initializer
from chainrule.layers.layer import Layer
from chainrule.ops import concatenate, embed_columns, embedding, global_average_pool, step_mask


@dataclass(eq=False, repr=False)
class Embedding(Layer):
    """Z = W[A]: row A of the table W (n_tokens, n_out), learned (Bengio et al., 2003).

    The input is (m, …) of whole numbers from 0 to n_tokens − 1, the output (m, …, n_out).

    Args:
        n_tokens: how many different indices there are.
        n_out: the length of each vector.
        initializer: how W starts; by default 0.05 · randn.
    """

    n_tokens: int
    n_out: int
    _: KW_ONLY
    initializer: Any = None

    takes_any_type: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.n_tokens, self.n_out = whole("n_tokens", self.n_tokens), whole("n_out", self.n_out)
        self._start = Random(0.05) if self.initializer is None else find_initializer(self.initializer)

    def forward(self, A: Array) -> Array:
        return embedding(A, self.parameter("W", (self.n_tokens, self.n_out), self._start))


@dataclass(eq=False, repr=False)
class EmbedColumns(Layer):
    """Z = [A_1, …, A_n, W[A_{n+1}], …]: of a table's row, numbers as they are and a learned vector for each category.

    The input is (m, first + c), numbers and then c columns of whole numbers from 0 to n_tokens − 1; the output is
    (m, first + c · n_out). Each column has rows of its own in W (n_tokens, n_out): the categories
    are numbered on from one column to the next. It stands first in a network. Guo & Berkhahn, 2016.

    Args:
        first: n, how many columns are numbers.
        n_tokens: how many different categories there are, in all columns together.
        n_out: the length of each vector.
        initializer: how W starts; by default 0.05 · randn.
    """

    first: int
    n_tokens: int
    n_out: int
    _: KW_ONLY
    initializer: Any = None

    def __post_init__(self) -> None:
        self.first = whole("first", self.first, at_least=0)
        self.n_tokens, self.n_out = whole("n_tokens", self.n_tokens), whole("n_out", self.n_out)
        self._start = Random(0.05) if self.initializer is None else find_initializer(self.initializer)

    def forward(self, A: Array) -> Array:
        W = self.parameter("W", (self.n_tokens, self.n_out), self._start)
        return embed_columns(A, W, first=self.first)


@dataclass(eq=False, repr=False)
class EmbedBags(Layer):
    """Z = [A_1, …, A_n, mean W[A_bag], …]: numbers of a table's row as they are, and the mean vector of each bag.

    The input is (m, first + sum of sizes): numbers, and then bags of whole numbers from 0 to n_tokens − 1, in which 0
    only fills up; the output is (m, first + bags · n_out). A bag holds the words of a text in whatever order, or a
    category by itself; one that is empty is 0. All have their vectors in one table W (n_tokens, n_out). It stands first
    in a network. Joulin et al., 2017.

    Args:
        first: n, how many columns are numbers.
        sizes: how many columns each bag has.
        n_tokens: how many different words and categories there are, with the 0.
        n_out: the length of each vector.
        initializer: how W starts; by default 0.05 · randn.
    """

    first: int
    sizes: Sequence[int]
    n_tokens: int
    n_out: int
    _: KW_ONLY
    initializer: Any = None

    def __post_init__(self) -> None:
        self.first = whole("first", self.first, at_least=0)
        self.sizes = tuple(whole("sizes", size) for size in self.sizes)
        if not self.sizes:
            raise OptionError("sizes is empty, but there must be a bag or more.")
        self.n_tokens, self.n_out = whole("n_tokens", self.n_tokens), whole("n_out", self.n_out)
        self._start = Random(0.05) if self.initializer is None else find_initializer(self.initializer)

    def forward(self, A: Array) -> Array:
        W = self.parameter("W", (self.n_tokens, self.n_out), self._start)
        ends = np.cumsum([self.first, *self.sizes]).tolist()
        if A.ndim != 2 or A.shape[1] != ends[-1]:
            raise ShapeError(
                f"the input is {A.shape}, but must be (m, {ends[-1]}): {self.first} numbers, and the bags."
            )
        bags = [self._mean(A[:, start:end], W) for start, end in pairwise(ends)]
        parts = [A[:, : self.first], *bags] if self.first else bags
        return parts[0] if len(parts) == 1 else concatenate(*parts, axis=1)

    def _mean(self, A: Array, W: Array) -> Array:
        """The mean vector of a bag (m, size), without what fills it up."""
        vectors = embed_columns(A, W, first=0).reshape((-1, A.shape[1], self.n_out))
        return global_average_pool(vectors, step_mask(A))
