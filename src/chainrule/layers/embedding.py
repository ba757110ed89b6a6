"""Learned vectors for whole numbers: categories, characters, words."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from chainrule.checking import whole
from chainrule.graph import Array, plain
from chainrule.initializers import Random, find_initializer
from chainrule.layers.layer import Layer
from chainrule.ops import embedding


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
        return embedding(plain(A), self.parameter("W", (self.n_tokens, self.n_out), self._start))
