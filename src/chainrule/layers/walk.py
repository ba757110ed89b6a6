"""One walk of the data through the layers: what all layers of a network share while it lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.graph import Array, Recording, Variable

if TYPE_CHECKING:
    from chainrule.layers.layer import Layer

Watch = Callable[["Layer", Array, Array], None]
"""Called with a layer, its input and its output."""


@dataclass
class Walk:
    """How the layers are being called at the moment.

    Attributes:
        training: dropout drops, batch normalization uses the batch.
        updating: whether this walk is part of an update, so that moving averages move.
        recording: parameters enter as variables, so that the result can be differentiated by them.
        closed: the recording of an engine that traces the network, so that nothing in the walk has numbers; else None.
        building: the generator that draws parameters a layer does not have yet; None where it must have them.
        dtype: the network's type.
        seed, update: what the random masks of this walk depend on, beside their order in the network.
        watch: called with (layer, its input, its output) after every layer.
        parameters: by name, what takes the place of the layers' own, for an engine with arrays of another namespace.
        statistics: by the layer's id and by name, what takes the place of the layers' own, and is moved there.
        drop_rates: by the layer's id, the rates of those whose dropout is on a schedule; what is missing is at epoch 0.
        mask: (m, steps), the steps that count where the data are now, or None for all of them; see `Masking`.
        memory: where recurrent layers find the state that they left last time, and leave the next, by the layer's id;
            None where every sequence begins anew.
    """

    training: bool = False
    updating: bool = False
    recording: bool = False
    closed: Recording | None = None
    building: np.random.Generator | None = None
    dtype: Any = np.float32
    seed: int = 0
    update: int = 0
    watch: Watch | None = None
    parameters: Mapping[str, Array] | None = None
    statistics: dict[int, dict[str, Array]] | None = None
    drop_rates: Mapping[int, Array] = field(default_factory=dict)
    mask: Array | None = None
    memory: dict[int, tuple[Array, ...]] | None = None
    variables: dict[tuple[int, str], Variable] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    masks: int = 0

    def parameter(self, layer: Layer, name: str, value: NDArray[Any]) -> Array:
        """The parameter as this walk wants it: the plain array, or one variable however often it is asked for."""
        called = f"{name}{layer.l}"
        if self.parameters is not None:
            value = self.parameters[called]
        if not self.recording:
            return value
        made = self.variables.get((id(layer), name))
        if made is None:
            made = Variable(value, called, recording=self.closed)
            self.variables[id(layer), name] = made
        return made

    def through(self, layer: Layer, A: Array, forward: Callable[[Array], Array]) -> Array:
        """The layer's output for A, which is `forward(A)`."""
        return forward(A)

    def statistic(self, layer: Layer, name: str) -> None:
        """Told when a layer asks for a statistic."""

    def statistics_of(self, layer: Layer, own: dict[str, NDArray[Any]]) -> dict[str, Array]:
        """The layer's statistics as this walk has them."""
        return own if self.statistics is None else self.statistics.setdefault(id(layer), {})

    def random_key(self) -> tuple[int, int]:
        """A key for `dropout` that no other mask of this training run has: the seed, then the update and the mask."""
        self.masks += 1
        return self.seed % 2**64, self.update * 2**16 + self.masks


_current: ContextVar[Walk | None] = ContextVar("chainrule_walk", default=None)


def current_walk() -> Walk | None:
    """The walk that is under way in this thread, if any."""
    return _current.get()


@contextmanager
def walking(walk: Walk) -> Iterator[Walk]:
    """Make `walk` the current one for as long as the block lasts."""
    token = _current.set(walk)
    try:
        yield walk
    finally:
        _current.reset(token)
