"""A network as columns of units, as the notes draw the logistic unit, 3-4-1 and the four layers: what there is to draw.

Dense and recurrent layers are columns of units, convolutions and pooling stacks of maps, and every other layer is a bar
through which the units go. Where each of these stands, `neuron_places` finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.graph import Array
from chainrule.layers import (
    Activation,
    AveragePool,
    Conv1D,
    Conv2D,
    ConvTranspose1D,
    ConvTranspose2D,
    Dense,
    Embedding,
    Flatten,
    Layer,
    Masking,
    MaxPool,
    Network,
    Residual,
)
from chainrule.layers.activation import activation_name
from chainrule.layers.recurrence import RNN, Recurrent
from chainrule.layers.walk import Walk, walking

MOST_UNITS, FIRST = 8, 4
"""A column of more units than this shows the first few and the last, and dots between them."""

MOST_STATIONS = 40
"""The most columns, stacks and bars of a picture."""

CONVOLUTIONS = (Conv1D, Conv2D, ConvTranspose1D, ConvTranspose2D)

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """A column of units.

    Attributes:
        n: how many there are.
        names: of the units that are drawn, in the order of `drawn`.
        values: of all of them, for the given example; None without one.
        feet: what stands below the column, line by line.
        weights: (n, n before), those of the lines that come in; None where a line has no weight of its own.
        biases: (n,), those of the weights' layer.
        weight, bias: what the formulas call them: "w^{[1]}".
        loop: what the arrow from step to step is called; empty where there is none.
        one: the activation, where it is the only unit of the network, which is drawn with its formula.
        z: of such a unit, what goes into the activation for the given example.
    """

    n: int
    names: tuple[str, ...]
    values: Numbers | None = None
    feet: tuple[str, ...] = ()
    weights: Numbers | None = None
    biases: Numbers | None = None
    l: int = 0
    loop: str = ""
    one: str = ""
    z: float | None = None

    @property
    def drawn(self) -> tuple[int, ...]:
        """Which units are drawn."""
        return drawn(self.n)


@dataclass(frozen=True)
class Maps:
    """A stack of maps: the channels of a picture, or the features of a sequence as strips.

    Attributes:
        size: height and width of each; strips have height 1.
        window: what each place sees of the maps before; None where that is no window.
        values: (height, width, n), for the given example; None without one.
    """

    n: int
    size: tuple[int, int]
    feet: tuple[str, ...] = ()
    window: tuple[int, int] | None = None
    values: Numbers | None = None


@dataclass(frozen=True)
class Bar:
    """Any other layer."""

    label: str
    tooltip: str = ""
    feet: tuple[str, ...] = ()


Station = Units | Maps | Bar


@dataclass(frozen=True)
class Around:
    """The way around the layers of a `Residual`: from station to station, by their places."""

    source: int
    target: int
    label: str = ""


@dataclass(frozen=True)
class Columns:
    """What a picture of units shows, from the input to the output.

    Attributes:
        outputs: what the arrows that leave it are called, one for each unit that is drawn.
    """

    stations: tuple[Station, ...]
    around: tuple[Around, ...]
    outputs: tuple[str, ...]
    title: str


def drawn(n: int) -> tuple[int, ...]:
    """Which of n units are drawn: all, or of many the first few and the last."""
    return tuple(range(n)) if n <= MOST_UNITS else (*range(FIRST), n - 1)


def columns(net: Network, X: Array | None) -> Columns:
    """What is drawn of a network that is built.

    Args:
        X: (1, …), the example whose activations are shown, or None for names alone.

    Raises:
        OptionError: the network has more layers than a picture can hold.
    """
    reader = _Reader(net, X)
    for layer in net.layers:
        reader.read(layer)
    if len(reader.stations) > MOST_STATIONS:
        raise OptionError(
            f"the picture has {len(reader.stations)} columns, but more than {MOST_STATIONS} cannot be read: "
            "take blocks=True in place of neurons=True, which leaves out the middle."
        )
    return reader.columns()


def leaves(layer: Layer) -> Iterator[Layer]:
    """The layers in the order of the walk, those of networks and stacks in their place; a Residual stays whole."""
    if isinstance(layer, Network) or (isinstance(layer, Recurrent) and layer.holds_layers):
        for child in layer.children():
            yield from leaves(child)
    else:
        yield layer


class _Reader:
    """Reads a network layer by layer, and adds a station for each."""

    def __init__(self, net: Network, X: Array | None):
        self.net, self.given = net, X is not None
        self.outputs, self.input = activations(net, X)
        self.stations: list[Station] = []
        self.around: list[Around] = []
        every = [leaf for layer in net.layers for leaf in leaves(layer)]
        self.first = next((leaf for leaf in every if not isinstance(leaf, Masking)), every[0])
        self.step = last_step(net, X)
        self.strips = isinstance(self.first, Conv1D)
        self.alone = len(every) == 1 and isinstance(self.first, Dense) and self.first.n_out == 1
        self.stations.append(self._of_input())

    def columns(self) -> Columns:
        units = next((station for station in reversed(self.stations) if not isinstance(station, Bar)), None)
        names = self._names("ŷ", units.n, self._in_steps(self.shape)) if isinstance(units, Units) else ("ŷ",)
        sizes = (str(s.n) for s in self.stations if isinstance(s, Units))
        return Columns(tuple(self.stations), tuple(self.around), names, f"the units of a network: {' → '.join(sizes)}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example, where the reader has come to."""
        return tuple(self.input.shape[1:])

    def read(self, layer: Layer) -> None:
        """Add what is drawn of a layer."""
        if isinstance(layer, Residual):
            self._read_residual(layer)
        elif any(leaf is not layer for leaf in leaves(layer)):
            for leaf in leaves(layer):
                self.read(leaf)
        else:
            self._read_leaf(layer, self.outputs[id(layer)])

    def _read_leaf(self, layer: Layer, output: Array) -> None:
        before = self.shape
        station = self._station(layer, output)
        self.input = output
        if isinstance(layer, Activation) and self._merged(layer, output):
            return
        if isinstance(station, Bar) and self.shape != before:
            self.stations += [replace(station, feet=()), self._plain(output, layer)]
        else:
            self.stations.append(station)

    def _read_residual(self, layer: Residual) -> None:
        source = len(self.stations) - 1
        for inner in layer.layers:
            self.read(inner)
        label = called(layer.shortcut) if layer.shortcut else ""
        if layer.shortcut and layer.shortcut.l:
            label = f"layer {layer.shortcut.l}: {label}"
        self.around.append(Around(source, len(self.stations), label))
        self.stations.append(Bar("+", "A + F(A)"))
        self.input = self.outputs[id(layer)]

    def _station(self, layer: Layer, output: Array) -> Station:
        n, l = int(output.shape[-1]), layer.l or layer.follows
        if isinstance(layer, Dense):
            W, b = layer.held["W"], layer.held["b"] if layer.bias else np.zeros(n)
            return replace(
                self._units(output, l, (*_layer_feet(l, n), sign_of(layer.activation))),
                weights=np.asarray(W, np.float64),
                biases=np.asarray(b, np.float64) if layer.bias else None,
                one=sign_of(layer.activation) if self.alone else "",
                z=float(np.ravel(self.input @ W.T + b)[-1]) if self.alone and self.given else None,
            )
        if isinstance(layer, Recurrent):
            kind = type(layer).__name__ + (f", {layer.gates} gates" if layer.gates > 1 else "")
            ends = "first and last step" if layer.bidirectional else "last step only"
            only = (ends,) if layer.last else ()
            loops = ("U", "Ur") if layer.bidirectional else ("U",)
            units = self._units(output, l, (*_layer_feet(l, n), kind, *only), in_steps=True)
            own = isinstance(layer, RNN) and not layer.bidirectional
            return replace(
                units,
                weights=np.asarray(layer.held["W"], np.float64) if own else None,
                biases=np.asarray(layer.held["b"], np.float64) if own and layer.bias else None,
                loop=", ".join(f"{name}^{{[{l}]}}" for name in loops),
            )
        if isinstance(layer, Flatten):
            return self._units(output, l, ("flattened", f"{n:,} units"))
        if output.ndim == 2 and (len(self.shape) == 3 or (len(self.shape) == 2 and self.strips)):
            return self._units(output, l, (*_split(type(layer).__name__), f"{n:,} units"))
        of_maps = output.ndim == 4 or (output.ndim == 3 and self.strips)
        if of_maps and (isinstance(layer, CONVOLUTIONS) or tuple(output.shape[1:]) != self.shape):
            return self._maps(layer, output)
        label = sign_of(layer.activation) if isinstance(layer, Activation) else called(layer)
        return Bar(label, repr(layer), (f"layer {layer.l}",) if layer.l else ())

    def _plain(self, output: Array, layer: Layer) -> Station:
        """What comes out of a layer that is a bar, where it has another shape than what went in."""
        l = layer.l or layer.follows
        if output.ndim == 4 or (output.ndim == 3 and self.strips):
            return self._maps(layer, output)
        if output.ndim in (2, 3):
            return self._units(output, l, _layer_feet(l, int(output.shape[-1])))
        return Bar(" × ".join(map(str, output.shape[1:])))

    def _maps(self, layer: Layer, output: Array) -> Maps:
        n = int(output.shape[-1])
        size = output.shape[1:-1] if output.ndim == 4 else (1, *output.shape[1:-1])
        window = self._window(layer)
        seen = (f"window of {window[1]}" if self.strips else _times(window),) if window else ()
        kind = (f"layer {layer.l}",) if layer.l else _split(type(layer).__name__)
        sign = sign_of(getattr(layer, "activation", None)) if isinstance(layer, CONVOLUTIONS) else ""
        what = ", ".join(filter(None, (*seen, sign)))
        feet = (*kind, _maps_of(n), _shape_of(size), what)
        return Maps(n, (int(size[0]), int(size[1])), feet, window, self._maps_values(output))

    def _maps_values(self, output: Array) -> Numbers | None:
        if not self.given:
            return None
        one: Numbers = np.asarray(output, np.float64)[0]
        return one if one.ndim == 3 else one[None]

    def _window(self, layer: Layer) -> tuple[int, int] | None:
        """What a place of the layer's maps sees of those before."""
        if not isinstance(layer, (*CONVOLUTIONS, MaxPool, AveragePool)):
            return None
        down, across = layer.size if np.size(layer.size) == 2 else (np.ravel(layer.size)[0],) * 2
        return (1 if self.strips else int(down), int(across))

    def _merged(self, layer: Activation, output: Array) -> bool:
        """Whether the activation belongs to the column or stack before it, which now shows what comes out of it."""
        before, sign = self.stations[-1], sign_of(layer.activation)
        if isinstance(before, Units) and before.weights is not None and before.feet[-1:] == ("linear",):
            values = self._values(output)
            self.stations[-1] = replace(before, feet=(*before.feet[:-1], sign), values=values)
            return True
        if isinstance(before, Maps) and before.feet[0].startswith("layer") and "linear" in before.feet[-1]:
            feet = (*before.feet[:-1], before.feet[-1].replace("linear", sign))
            self.stations[-1] = replace(before, feet=feet, values=self._maps_values(output))
            return True
        return False

    def _of_input(self) -> Station:
        shape = self.shape
        if isinstance(self.first, Embedding) and len(shape) == 1:
            values = None if not self.given else np.asarray(self.input, np.float64)[0, self._at(shape[0])].reshape(1)
            return Units(1, (f"x_{{{self._t(shape[0])}}}",), values, ("input", "an index"))
        if len(shape) == 3 or (len(shape) == 2 and self.strips):
            size = shape[:-1] if len(shape) == 3 else (1, *shape[:-1])
            feet = ("input", _maps_of(shape[-1], "channel"), _shape_of(size))
            return Maps(shape[-1], (size[0], size[1]), feet, None, self._maps_values(self.input))
        if len(shape) > 2:
            return Bar(_times(shape), "input")
        return self._units(self.input, 0, ("input", f"n^{{[0]}} = {shape[-1]:,}"))

    def _units(self, output: Array, l: int, feet: tuple[str, ...], in_steps: bool = False) -> Units:
        shape = tuple(output.shape[1:])
        names = self._names("a" if l else "x", shape[-1], in_steps or self._in_steps(shape), l)
        return Units(shape[-1], names, self._values(output), feet, l=l)

    def _names(self, symbol: str, n: int, in_steps: bool, l: int = 0) -> tuple[str, ...]:
        """a_{1}^{[2]}, at step t a_{t,1}^{[2]}; a unit by itself has no number."""
        above = f"^{{[{l}]}}" if l else ""
        step = [self._t()] if in_steps else []
        below = [",".join([*step, *([str(k + 1)] if n > 1 or symbol == "x" else [])]) for k in drawn(n)]
        return tuple(f"{symbol}{f'_{{{index}}}' if index else ''}{above}" for index in below)

    def _in_steps(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 2

    def _t(self, steps: int | None = None) -> str:
        """The letter of the step; with an example, the number of the one that is shown."""
        if not self.given:
            return "t"
        return str(self._at(self.net_steps if steps is None else steps) + 1)

    @property
    def net_steps(self) -> int:
        shape = self.shape
        return shape[0] if len(shape) == 2 else self.step + 1

    def _at(self, steps: int) -> int:
        return min(self.step, steps - 1)

    def _values(self, output: Array) -> Numbers | None:
        if not self.given or output.ndim > 3:
            return None
        one = np.asarray(output, np.float64)[0]
        return one if one.ndim == 1 else np.asarray(one[self._at(len(one))])


def activations(net: Network, X: Array | None) -> tuple[dict[int, Array], Array]:
    """What every layer makes of the example, or of blanks, by the layer's id; and the example."""
    outputs: dict[int, Array] = {}

    def note(layer: Layer, _: Array, Z: Array) -> None:
        outputs[id(layer)] = Z

    walk = Walk(dtype=net.dtype, watch=note)
    if X is None:
        assert net.input_shape is not None
        net.rehearse(net.input_shape, walk)
        return outputs, np.zeros((1, *net.input_shape))
    X = net.cast(X)
    with walking(walk):
        net(X)
    return outputs, X


def last_step(net: Network, X: Array | None) -> int:
    """The place of the last step of a sequence that counts."""
    if X is None or np.ndim(X) < 2:
        return 0
    mask = net.steps_that_count(X)
    if mask is not None and mask.any():
        return int(np.flatnonzero(mask[0])[-1])
    return int(np.shape(X)[1]) - 1


def _layer_feet(l: int, n: int) -> tuple[str, ...]:
    return (f"layer {l}", f"n^{{[{l}]}} = {n:,}") if l else (f"{n:,}",)


def sign_of(activation: Any) -> str:
    """What an activation is called in a picture."""
    name = activation_name(activation)
    if name == "own":
        return getattr(activation, "__name__", "own").replace("<lambda>", "own")
    return {"sigmoid": "σ", "identity": "linear"}.get(name, name)


def called(layer: Layer) -> str:
    """A layer in a word, with the first of its arguments."""
    text = repr(layer).removesuffix("()")
    return text if len(text) <= 24 else type(layer).__name__


def _split(name: str) -> tuple[str, ...]:
    """The name of a class in lines of one or two words: GlobalAveragePool as Global, AveragePool."""
    first, rest = re.match("([A-Z][a-z]+)?(.*)", name).groups("")  # type: ignore[union-attr]
    return (first, rest) if len(name) > 12 and first else (name,)


def _times(sizes: Any) -> str:
    return " × ".join(map(str, sizes))


def _maps_of(n: int, word: str = "map") -> str:
    return f"{n:,} {word}{'s' * (n != 1)}"


def _shape_of(size: Any) -> str:
    return f"{size[1]} steps" if size[0] == 1 else _times(size)
