"""Attention of a sequence to itself, and what tells its steps where they are."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import real, whole
from chainrule.errors import ShapeError
from chainrule.graph import Array, plain
from chainrule.initializers import find_initializer
from chainrule.layers.layer import Layer
from chainrule.ops import attention, linear, positional_encoding
from chainrule.ops.attention import attention_weights


@dataclass(eq=False, repr=False)
class MultiHeadAttention(Layer):
    """Z = W_o [head 1, head 2, …] + b_o: every step takes from all steps what it asks for (Vaswani et al., 2017).

    Q = A W_qᵀ + b_q, K = A W_kᵀ + b_k and V = A W_vᵀ + b_v fall into as many parts as there are heads, and each head is
    softmax(Q Kᵀ / √d) V of its parts. The input is (m, steps, n_in), the output (m, steps, n_out); Wq, Wk and Wv are
    (n_out, n_in), Wo is (n_out, n_out), and the biases are (n_out,).

    Args:
        heads: how many there are; d = n_out / heads is the number of features of each.
        n_out: how many features come out; None for as many as go in.
        causal: whether a step sees no step of its future, as one must who predicts the next.
        initializer: how the weights start; by default Xavier.
        bias: whether biases are added; they start at zero.

    Raises:
        OptionError: a number below 1, or an unknown name.
        ShapeError: the features do not fall into so many heads.
    """

    heads: int = 1
    n_out: int | None = None
    _: KW_ONLY
    causal: bool = False
    initializer: Any = "xavier"
    bias: bool = True

    across_steps: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.heads = whole("heads", self.heads)
        self.n_out = None if self.n_out is None else whole("n_out", self.n_out)
        self._start = find_initializer(self.initializer)

    def forward(self, A: Array) -> Array:
        if A.ndim != 3:
            raise ShapeError(f"the input is {A.shape}, but must be sequences (m, steps, features).")
        n = self.n_out or A.shape[-1]
        if n % self.heads:
            raise ShapeError(f"{n} features do not fall into {self.heads} heads.")
        Q, K, V = (self._linear(name, A, n) for name in "qkv")
        return self._linear("o", attention(Q, K, V, self.mask, heads=self.heads, causal=self.causal), n)

    def weights(self, A: Array) -> NDArray[Any]:
        """softmax(Q Kᵀ / √d), (m, heads, steps, steps), how much a step takes of each; only to be called in a walk,
        with the layer's input: see `chainrule.attention_weights`."""
        Q, K = (plain(self._linear(name, A, self.n_out or A.shape[-1])) for name in "qk")
        mask = None if self.mask is None else plain(self.mask)
        return np.asarray(attention_weights(np, Q, K, mask, heads=self.heads, causal=self.causal))

    def _linear(self, name: str, A: Array, n: int) -> Array:
        W = self.parameter(f"W{name}", (n, A.shape[-1]), self._start)
        return linear(A, W, self.parameter(f"b{name}", (n,)) if self.bias else None)


@dataclass(eq=False, repr=False)
class PositionalEncoding(Layer):
    """Z_t = A_t + P_t, sines and cosines of t at many frequencies, so that attention knows places: see
    `chainrule.ops.positional_encoding`.

    Args:
        base: the longest wave is 2π times as many steps.

    Raises:
        OptionError: a base that is not larger than 1.
    """

    base: float = 10000.0

    across_steps: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.base = real("base", self.base, low=1, open="low")

    def forward(self, A: Array) -> Array:
        return positional_encoding(A, self.mask, base=self.base)
