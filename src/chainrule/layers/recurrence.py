"""Recurrent layers: a sequence read step by step, with a memory."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np

from chainrule.checking import real, whole
from chainrule.errors import OptionError, ShapeError
from chainrule.graph import Array, plain
from chainrule.initializers import Initializer, find_initializer
from chainrule.layers.dropout import Dropout
from chainrule.layers.layer import DEEPEST, Layer
from chainrule.ops import concatenate, gru, lstm, rnn


@dataclass(eq=False, repr=False)
class Recurrent(Layer):
    """What the three kinds share: layers on top of each other, both directions, the state that is carried on."""

    n_out: int
    _: KW_ONLY
    layers: int = 1
    bidirectional: bool = False
    last: bool = False
    dropout: float = 0.0
    stateful: bool = False
    initializer: Any = "xavier"
    recurrent_initializer: Any = "orthogonal"
    bias: bool = True

    gates: ClassVar[int]
    """How many parts of n_out rows W and U have."""

    biases: ClassVar[int]
    """How many parts of n_out numbers b has."""

    kept: ClassVar[int] = 1
    """How many arrays (m, n_out) one step hands to the next."""

    def __post_init__(self) -> None:
        self.n_out, self.layers = whole("n_out", self.n_out), whole("layers", self.layers)
        if self.layers > DEEPEST:
            raise OptionError(f"layers is {self.layers}, but at most {DEEPEST} lie on top of each other in one layer.")
        self.dropout = real("the dropout rate", self.dropout, low=0, high=1, open="high")
        if self.dropout and self.layers == 1:
            raise OptionError(
                f"dropout={self.dropout:g} lies between layers, but there is only one: layers=2 puts another on top, "
                "Dropout behind it drops what comes out."
            )
        if self.stateful and self.bidirectional:
            raise OptionError("a bidirectional layer reads to the end before it begins, so it cannot be stateful.")
        self._start = _EachGate(find_initializer(self.initializer), self.gates)
        self._start_of_U = _EachGate(find_initializer(self.recurrent_initializer), self.gates)
        self._stack = self._stacked() if self.layers > 1 else []

    def _stacked(self) -> list[Layer]:
        """Single layers of this kind, one for each, with dropout between them."""
        arguments = self.arguments() | {"layers": 1, "dropout": 0.0}
        stack: list[Layer] = []
        for k in range(self.layers):
            if k and self.dropout:
                stack.append(Dropout(self.dropout))
            stack.append(type(self)(**arguments | {"last": self.last and k == self.layers - 1}))
        return stack

    def forward(self, A: Array) -> Array:
        if self._stack:
            for layer in self._stack:
                A = layer(A)
            return A
        if A.ndim != 3:
            raise ShapeError(
                f"the input is {A.shape}, but must be sequences (m, steps, features). "
                "One feature is an axis, too: X[..., None]; indices of words get their features from an Embedding."
            )
        Z = self._read(A, "", backwards=False)
        if not self.bidirectional:
            return Z
        return concatenate(Z, self._read(A, "r", backwards=True), axis=-1)

    def mask_after(self, mask: Array) -> Array | None:
        return None if self.last else mask

    def _read(self, A: Array, direction: str, backwards: bool) -> Array:
        """All states, or the last, of one direction; its parameters are W, U and b, or Wr, Ur and br."""
        n = self.n_out
        W = self.parameter(f"W{direction}", (self.gates * n, A.shape[-1]), self._start)
        U = self.parameter(f"U{direction}", (self.gates * n, n), self._start_of_U)
        b = self.parameter(f"b{direction}", (self.biases * n,), self._start_of_b()) if self.bias else None
        begin = self._remembered(len(A))
        if begin is None:
            return self._run(A, W, U, b, (None,) * self.kept, backwards=backwards, last=self.last)
        Z = self._with_cells(A, W, U, b, begin)
        self._remember(plain(Z)[:, -1])
        Z = Z if self.kept == 1 else Z[:, :, :n]
        return Z[:, -1] if self.last else Z

    def _start_of_b(self) -> Any:
        return "zeros"

    def _run(self, A: Array, W: Array, U: Array, b: Array | None, begin: tuple[Any, ...], **options: Any) -> Array:
        raise NotImplementedError

    def _with_cells(self, A: Array, W: Array, U: Array, b: Array | None, begin: tuple[Any, ...]) -> Array:
        """Everything that the steps hand on, side by side."""
        return self._run(A, W, U, b, begin)

    # The state that is carried from batch to batch

    def _remembered(self, m: int) -> tuple[Array, ...] | None:
        """Where m sequences begin that go on with earlier ones; None where all begin anew and nobody goes on."""
        walk = self._walk()
        carrying = self.stateful and walk.updating and not self.lent
        if walk.memory is None and not carrying:
            return None
        if self.bidirectional:
            raise OptionError(f"{self!r} reads to the end before it begins, so it cannot go on from a memory.")
        held = walk.memory.get(id(self)) if walk.memory is not None else self._held()
        return tuple(part.astype(walk.dtype) for part in self._first(m, None if walk.building is not None else held))

    def _first(self, m: int, held: tuple[Array, ...] | None) -> tuple[Array, ...]:
        """What is held of the first m sequences; zeros where nothing is."""
        if held is None:
            return (np.zeros((m, self.n_out)),) * self.kept
        if len(held[0]) < m:
            raise ShapeError(
                f"there are {m} sequences, but the layer remembers the state of {len(held[0])}: sequence i of a batch "
                "goes on where sequence i of the batch before it ended, so no batch is larger than the one before."
            )
        return tuple(part[:m] for part in held)

    def _remember(self, states: Array) -> None:
        walk = self._walk()
        parts = tuple(states[:, k * self.n_out : (k + 1) * self.n_out] for k in range(self.kept))
        if walk.memory is not None:
            walk.memory[id(self)] = parts
        elif walk.updating:
            for name, part in zip(STATES, parts, strict=False):
                self.statistics[name] = part.astype(np.float64)

    def _held(self) -> tuple[Array, ...] | None:
        held = tuple(self.statistics[name] for name in STATES if name in self.statistics)
        return held or None

    def lend(self, m: int) -> dict[str, Array]:
        return dict(zip(STATES, self._first(m, self._held()), strict=False))

    def take_back(self, moved: dict[str, Array]) -> None:
        self.statistics.update(moved)

    def forget(self) -> None:
        """Let the next batch begin anew."""
        for name in STATES:
            self.statistics.pop(name, None)


STATES = ("state", "cell")
"""What the statistics are called that a stateful layer carries on."""


@dataclass(eq=False, repr=False)
class RNN(Recurrent):
    """A_t = g(W X_t + U A_{t−1} + b): the simple recurrent network (Elman, 1990).

    The input is (m, steps, n_in), the output (m, steps, n_out), twice as many features if bidirectional, or without
    the steps if `last`. W is (n_out, n_in), U (n_out, n_out) and b (n_out,); of the other direction Wr, Ur and br.

    Args:
        n_out: how many features the state has.
        activation: g, "tanh" or "relu".
        layers: how many recurrent layers stand on top of each other, each with parameters of its own.
        bidirectional: whether a second network reads from the end, its states beside those of the first.
        last: whether only the state at the end comes out: behind the last step of the sequence, for the direction that
            reads from the end before the first.
        dropout: the rate of dropout between the layers.
        stateful: whether, while training, a batch begins where the one before it ended, sequence i where sequence i
            did, without a derivative back into that batch: truncated backpropagation through time. `train` then needs
            shuffle=False; each epoch begins anew, as everything does that is not training.
        initializer: how W starts, gate by gate; by default Xavier. recurrent_initializer: U; by default orthogonal.
        bias: whether b is added; it starts at zero.

    Raises:
        OptionError: a size below 1, a rate outside [0, 1), an unknown name, or stateful in both directions.
    """

    activation: str = "tanh"

    gates: ClassVar[int] = 1
    biases: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation not in ("tanh", "relu"):
            raise OptionError(f'the activation of an RNN is "tanh" or "relu", not {self.activation!r}.')

    def _run(self, A: Array, W: Array, U: Array, b: Array | None, begin: tuple[Any, ...], **options: Any) -> Array:
        return rnn(A, W, U, b, *begin, self.mask, activation=self.activation, **options)


@dataclass(eq=False, repr=False)
class GRU(Recurrent):
    """The gated recurrent unit (Cho et al., 2014), in the form of cuDNN and PyTorch: see `chainrule.ops.gru`.

    Input, output and arguments as in `RNN`. W is (3 n_out, n_in) and U (3 n_out, n_out), with the parts reset, update,
    new below each other; b is (4 n_out,), its fourth part the bias inside of the reset.
    """

    gates: ClassVar[int] = 3
    biases: ClassVar[int] = 4

    def _run(self, A: Array, W: Array, U: Array, b: Array | None, begin: tuple[Any, ...], **options: Any) -> Array:
        return gru(A, W, U, b, *begin, self.mask, **options)


@dataclass(eq=False, repr=False)
class LSTM(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber, 1997) with a forget gate: see `chainrule.ops.lstm`.

    Input, output and arguments as in `RNN`. W is (4 n_out, n_in), U (4 n_out, n_out) and b (4 n_out,), with the parts
    in, forget, new, out below each other. The part of b that belongs to the forget gate starts at 1, so that a new
    network remembers (Gers et al., 2000; Jozefowicz et al., 2015), the others at 0.
    """

    gates: ClassVar[int] = 4
    biases: ClassVar[int] = 4
    kept: ClassVar[int] = 2

    def _start_of_b(self) -> Any:
        return _OpenForgetGate()

    def _run(self, A: Array, W: Array, U: Array, b: Array | None, begin: tuple[Any, ...], **options: Any) -> Array:
        return lstm(A, W, U, b, *begin, self.mask, **options)

    def _with_cells(self, A: Array, W: Array, U: Array, b: Array | None, begin: tuple[Any, ...]) -> Array:
        return self._run(A, W, U, b, begin, cells=True)


class _EachGate(Initializer):
    """Starts each gate's part of a weight by itself, so that n_in and n_out are those of one gate."""

    def __init__(self, initializer: Initializer, gates: int):
        self.initializer, self.gates = initializer, gates

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> Any:
        part = (shape[0] // self.gates, *shape[1:])
        return np.concatenate([self.initializer(part, random) for _ in range(self.gates)])


class _OpenForgetGate(Initializer):
    """1 for the second of four parts, the forget gate's, and 0 for the others."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> Any:
        return np.repeat([0.0, 1.0, 0.0, 0.0], shape[0] // 4)
