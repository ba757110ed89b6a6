"""Learned vectors for whole numbers: categories, characters, words; alone, or in some columns of a table."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from chainrule.checking import whole
from chainrule.graph import Array
from chainrule.initializers import Random, find_initializer
from chainrule.layers.layer import Layer
from chainrule.ops import embed_columns, embedding


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
