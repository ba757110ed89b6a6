"""The base of all layers: parameters that come into being when the first data show their size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import refuse_too_many
from chainrule.configuration import Configurable
from chainrule.errors import DataError, GraphError, OptionError, ShapeError
from chainrule.graph import Array, Recording, is_closed_array, refuse_numbers
from chainrule.initializers import Initializer, find_initializer
from chainrule.layers.walk import Walk, current_walk, walking
from chainrule.names import ByName
from chainrule.ops import mask_steps


class Layer(Configurable):
    """A step of a network: parameters, and operations that use them. Subclass it and write one method, `forward`:

        class Scale(cr.Layer):
            def forward(self, A):
                return A * self.parameter("s", (A.shape[-1],), "ones")

    Arguments of an own `__init__` are kept as attributes of the same names, so that the layer can be saved and copied.
    Layers that it keeps as attributes, also in lists, are found and trained too.

    Attributes:
        l: the layer's number in its network, counted from 1 over the layers that hold parameters; None without.
        follows: of a layer without parameters, the number of the last layer before it that has some; else 0.
        root: the outermost network that the layer belongs to, whose flat vector has its parameters; None before.
    """

    takes_any_type: ClassVar[bool] = False
    """Whether the layer, as the first, wants X in the type in which it comes, and not as the network's float type."""

    across_steps: ClassVar[bool] = False
    """Whether an output follows from several steps of a sequence, of which the layer keeps no state."""

    l: int | None
    root: Layer | None
    follows: int
    _own_parameters: dict[str, NDArray[Any]]
    _own_statistics: dict[str, NDArray[Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        # Here and not in __init__, so that an own layer need not call super().__init__().
        layer = super().__new__(cls)
        layer._own_parameters, layer._own_statistics = {}, {}
        layer.l, layer.root, layer.follows = None, None, 0
        return layer

    def forward(self, A: Array) -> Array:
        """The layer's output for a batch A of m examples along the first axis."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(A).")

    def __getstate__(self) -> dict[str, Any]:
        """A copy of a layer belongs to no network."""
        return vars(self) | {"root": None}

    def __call__(self, A: Array) -> Array:
        """`forward`, within the walk under way or a walk of its own that predicts."""
        walk = current_walk()
        if walk is None:
            with walking(Walk()):
                return self(A)
        Z = walk.through(self, A, self._located) if walk.closed is None else self._traced(A, walk.closed)
        if Z is None:
            raise GraphError(f"{self.label}: forward returned nothing; its last line must return the output.")
        if walk.mask is not None and not self.holds_layers:
            walk.mask = self.mask_after(walk.mask)
        if walk.watch is not None:
            walk.watch(self, A, Z)
        return Z

    def _located(self, A: Array) -> Array:
        """`forward`, whose errors name the layer."""
        try:
            return self.forward(A)
        except (ShapeError, DataError) as error:
            if hasattr(error, "layer"):
                raise
            located = type(error)(f"{self.label}: {error}")
            located.layer = self  # type: ignore[union-attr]
            raise located from None

    def _traced(self, A: Array, closed: Recording) -> Array:
        """`forward` on closed variables, whose operations the recording knows to be this layer's."""
        closed.layers.append(self)
        try:
            return self._located(A)
        finally:
            closed.layers.pop()

    def mask_after(self, mask: Array) -> Array | None:
        """The mask of the steps behind this layer, of the mask before it; None where there are no steps any more.

        A layer that changes the number of steps says here which of the new ones count.
        """
        after: Array | None = mask
        for child in self.children():
            after = None if after is None else child.mask_after(after)
        return after

    def parameter(self, name: str, shape: tuple[int, ...], initializer: str | Initializer = "zeros") -> Array:
        """The parameter `name`, made by the initializer when it is first asked for. Only to be called in `forward`.

        Raises:
            ShapeError: the layer holds it in another shape, because its input once had another size.
            OptionError: the name ends in a digit; the layer's number is going to stand there.
        """
        walk = self._walk()
        if name[-1:].isdigit():
            raise OptionError(f"a parameter's name takes the layer's number behind it, so it cannot be {name!r}.")
        if walk.building is not None:
            self.l = walk.numbers.setdefault(id(self), len(walk.numbers) + 1)
        held = self._own_parameters.get(name)
        if held is None:
            if walk.building is None:
                raise GraphError(
                    f"{self!r} has no parameter {name}: a Network makes those that its layers ask for when it sees the "
                    "first data, and a model file holds those."
                )
            refuse_too_many(f"{name} of {self.label}", shape)
            start = find_initializer(initializer)(shape, walk.building)
            held = self._own_parameters[name] = np.asarray(start).astype(walk.dtype)
        self._check(name, held.shape, tuple(shape))
        return walk.parameter(self, name, held)

    def statistic(self, name: str, shape: tuple[int, ...], start: float = 0.0) -> Array:
        """A float64 array that the gradient does not touch and the model file keeps; its first value is `start`.

        The array itself is returned: change it in place, where `updating`. Only to be called in `forward`.
        """
        walk = current_walk()
        if walk is not None:
            walk.statistic(self, name)
        own = self._own_statistics if walk is None else walk.statistics_of(self, self._own_statistics)
        if name not in own:
            refuse_too_many(f"{name} of {self.label}", shape)
            own[name] = self._own_statistics[name] = np.full(shape, start)
        self._check(name, own[name].shape, tuple(shape))
        return own[name] if walk is None or walk.closed is None else walk.closed.array(own[name], name)

    def lend(self, m: int) -> dict[str, NDArray[Any]]:
        """Statistics for m examples in an update, by name, as a kernel reads and moves them in the layer's place."""
        return self.statistics

    def take_back(self, moved: dict[str, NDArray[Any]]) -> None:
        """The way back of `lend`, after updates."""
        for name, numbers in moved.items():
            self.statistics[name][...] = numbers

    @property
    def held(self) -> dict[str, NDArray[Any]]:
        """The layer's own parameters by name, {"W": …, "b": …}: what training changes."""
        refuse_numbers("the parameters that a layer holds")
        return self._own_parameters

    @held.setter
    def held(self, held: dict[str, NDArray[Any]]) -> None:
        self._own_parameters = held

    @property
    def statistics(self) -> dict[str, NDArray[Any]]:
        """What is learned from data in other ways, by name, such as means."""
        refuse_numbers("the statistics of a layer")
        walk = current_walk()
        return self._own_statistics if walk is None else walk.statistics_of(self, self._own_statistics)

    @statistics.setter
    def statistics(self, statistics: dict[str, NDArray[Any]]) -> None:
        self._own_statistics = statistics

    @property
    def parameters(self) -> dict[str, NDArray[Any]]:
        """All parameters here and in the layers inside, by the notes' names, {"W1": …, "b1": …}.

        They are views into the network's flat vector: writing into them changes the network.
        """
        found = {f"{name}{layer.l}": value for _, layer in self.family() for name, value in layer.held.items()}
        return ByName("parameter", found)

    @property
    def training(self) -> bool:
        """Whether the walk under way trains (True) or predicts (False)."""
        return self._walk().training

    @property
    def updating(self) -> bool:
        """Whether the walk under way belongs to an update: the time to learn statistics from the batch."""
        return self._walk().updating

    @property
    def traced(self) -> bool:
        """Whether an engine traces the walk under way, so that nothing in it has numbers."""
        return self._walk().closed is not None

    @property
    def lent(self) -> bool:
        """Whether kernels keep this layer's statistics in its place: where it is traced, and of the library."""
        return self.traced and self.of_library

    @property
    def of_library(self) -> bool:
        """Whether its class is one of chainrule's, and not a user's own."""
        return type(self).__module__.startswith("chainrule.")

    @property
    def mask(self) -> Array | None:
        """(m, steps), the steps of this layer's input that count, or None for all of them (see `Masking`)."""
        return self._walk().mask

    def random_key(self) -> tuple[int, int]:
        """A fresh key for `chainrule.ops.dropout`. Only to be called in `forward`, while training.

        Raises:
            GraphError: the walk under way predicts, where nothing may be dropped.
        """
        walk = self._walk()
        if not walk.training and walk.building is None:
            raise GraphError(f"{self.label} asks for a random key while predicting: guard it by `if self.training:`.")
        return walk.random_key()

    @property
    def label(self) -> str:
        """What messages call this layer: "layer 2, Dense(5)", or "Dropout(0.5) after layer 2"."""
        if self.l is not None:
            return f"layer {self.l}, {self!r}"
        return f"{self!r} after layer {self.follows}" if self.follows else repr(self)

    def children(self) -> Iterable[Layer]:
        """The layers that this one keeps as attributes, or in lists, in the order in which they were set.

        A layer that keeps them elsewhere, as in a dict, overrides this.
        """
        held = [value for name, value in vars(self).items() if type(value) not in _NO_LAYERS and name != "root"]
        return _layers_in(held)

    @property
    def holds_layers(self) -> bool:
        """Whether there are layers inside."""
        return any(True for _ in self.children())

    def family(self, path: str = "") -> Iterator[tuple[str, Layer]]:
        """This layer and all layers inside it, in the order of the walk, each with its path such as "0.2"."""
        yield path, self
        for i, child in enumerate(self.children()):
            yield from child.family(f"{path}.{i}" if path else str(i))

    def _walk(self) -> Walk:
        walk = current_walk()
        if walk is None:
            raise GraphError(
                f"{type(self).__name__} asks for what there is only while data pass through the layers, such as "
                "self.parameter(…): do so in forward, and call the layer, layer(A), instead of its forward."
            )
        return walk

    def _check(self, name: str, held: tuple[int, ...], asked: tuple[int, ...]) -> None:
        if held == asked:
            return
        called, source = (name, "the input") if self.l is None else (f"{name}{self.l}", f"A{self.l - 1}")
        if held and asked and held[:-1] == asked[:-1]:
            raise ShapeError(f"{called} is {held}, so it takes {held[-1]} features, but {source} has {asked[-1]}.")
        raise ShapeError(f"{called} is {held}, but the layer now asks for {asked}.")


def without_padding(layer: Layer, A: Array) -> Array:
    """A with zeros at the steps that do not count, for layers that read several steps at once."""
    return A if layer.mask is None else mask_steps(A, layer.mask)


def features(A: Array) -> int:
    """n, the size of the last axis of a batch A of shape (m, …, n).

    Raises:
        ShapeError: A has no feature axis.
    """
    if A.ndim < 2:
        raise ShapeError(
            f"the input is {A.shape}, but must be (m, …, n): one example a row. "
            "One feature becomes a column with X.reshape(-1, 1), one example a row with X.reshape(1, -1)."
        )
    return int(A.shape[-1])


_NO_LAYERS = frozenset({bool, int, float, str, dict, type(None)})
"""Types of most attributes, which are no layers and hold none."""


def _layers_in(value: Any) -> Iterator[Layer]:
    if is_closed_array(value):
        return
    if isinstance(value, Layer):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _layers_in(item)


def list_of_layers(layers: Any, owner: str) -> list[Layer]:
    """The layers as a list.

    Raises:
        OptionError: there is none, or something else among them.
    """
    listed = list(layers) if isinstance(layers, list | tuple) else [layers]
    for item in listed:
        if not isinstance(item, Layer):
            called = f"; did you mean {item.__name__}(…)?" if isinstance(item, type) else ""
            raise OptionError(f"{owner} takes a list of layers, but {item!r} is none{called}")
    if not listed:
        raise OptionError(f"{owner} takes a list of layers, but the list is empty.")
    _refuse_deep(listed, owner)
    return listed


DEEPEST = 50
"""So many layers may hold one another, a network in a network in a network …; every level costs Python a few calls."""


def _refuse_deep(layers: list[Layer], owner: str) -> None:
    level, depth = layers, 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise OptionError(
                f"layers that hold layers nest more than {DEEPEST} deep in this {owner}: put the inner layers side by "
                "side into one list."
            )
        level = [child for layer in level for child in layer.children()]
