"""A convolution cell by cell, and what a first layer has learned to look for (the notes' "CNN")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import ops
from chainrule.checking import real, whole
from chainrule.errors import OptionError, ShapeError
from chainrule.layers import Conv2D, Network
from chainrule.notes.shapes import Matrix, matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Convolution:
    """One filter slid over one picture; printing it shows what comes out, and `step` how each cell came about.

    Attributes:
        A: (height, width), the picture with its border of zeros. W: (f, f′), the filter. b: the bias.
        stride: how far the window moves. Z: what comes out.
    """

    A: Matrix
    W: Matrix
    b: float
    stride: int
    Z: Matrix

    def window(self, i: int, j: int) -> Matrix:
        """What the filter sees where it makes Z[i, j].

        Raises:
            OptionError: there is no such cell.
        """
        if not (0 <= i < self.Z.shape[0] and 0 <= j < self.Z.shape[1]):
            raise OptionError(f"Z is {self.Z.shape}, so it has no cell [{i}, {j}].")
        top, left = i * self.stride, j * self.stride
        return self.A[top : top + self.W.shape[0], left : left + self.W.shape[1]]

    def step(self, i: int, j: int) -> str:
        """Z[i, j] as a sum: each number of the window times the number of the filter above it."""
        window = self.window(i, j)
        rows = [
            " + ".join(f"{_signed(a)}·{_signed(w)}" for a, w in zip(seen, weights, strict=True))
            for seen, weights in zip(window, self.W, strict=True)
        ]
        name = f"Z[{i}, {j}] = "
        bias = [f"{_signed(self.b)}"] if self.b else []
        return name + ("\n" + " " * (len(name) - 2) + "+ ").join([*rows, *bias]) + f"  =  {self.Z[i, j]:g}"

    def __str__(self) -> str:
        (h, w), (f, g), (n, k) = self.A.shape, self.W.shape, self.Z.shape
        s = self.stride
        sizes = f"({h} − {f})/{s} + 1 = {n} rows, ({w} − {g})/{s} + 1 = {k} columns"
        return f"A {self.A.shape}, W {self.W.shape}, stride {s}: {sizes}\n{self.Z.round(4) + 0.0}"

    def plot(self, i: int = 0, j: int = 0) -> Figure:
        """The picture with the window of Z[i, j], the filter, and what comes out with that cell."""
        from chainrule.extras import matplotlib

        self.window(i, j)
        widths = [self.A.shape[1], self.W.shape[1], self.Z.shape[1]]
        wide, high = 0.46 * sum(widths) + 0.7, 0.46 * self.A.shape[0] + 0.5
        figure = matplotlib.figure.Figure(figsize=(wide, high))
        figure.subplots_adjust(0.1 / wide, 0.1 / high, 1 - 0.1 / wide, 1 - 0.4 / high, wspace=0.2)
        panels = figure.subplots(1, 3, width_ratios=widths)
        grids = ((self.A, "the picture A"), (self.W, "the filter W"), (self.Z, "Z = W ∗ A" + " + b" * bool(self.b)))
        for axes, (numbers, title) in zip(panels, grids, strict=True):
            _draw_grid(axes, numbers)
            axes.set_title(title, fontsize=10)
        marked = ((panels[0], i * self.stride, j * self.stride, *self.W.shape), (panels[2], i, j, 1, 1))
        for axes, top, left, high, wide in marked:
            axes.add_patch(
                matplotlib.patches.Rectangle(
                    (left - 0.5, top - 0.5), wide, high, fill=False, edgecolor="#d1603d", linewidth=2.5
                )
            )
        return figure


def convolve(picture: Any, filter: Any, *, b: float = 0.0, stride: int = 1, padding: int = 0) -> Convolution:
    """Z[i, j] = Σ_p Σ_q W[p, q] A[s i + p, s j + q] + b: the linear step of a neuron, taken at every place.

    As in all libraries the filter is not mirrored (mathematics calls this a cross-correlation).

    Args:
        picture: A, (height, width). filter: W, (f, f′), no larger than the picture.
        b: the bias.
        stride: s, how far the window moves from place to place.
        padding: how many zeros are put around the picture.

    Raises:
        ShapeError: they are no matrices, or the filter is larger than the picture.
        OptionError: stride is below 1, or padding below 0.
    """
    A, W = matrix("picture", picture), matrix("filter", filter)
    A = np.pad(A, whole("padding", padding, at_least=0))
    stride, b = whole("stride", stride), real("b", b)
    if W.size == 0 or W.shape[0] > A.shape[0] or W.shape[1] > A.shape[1]:
        raise ShapeError(
            f"the filter is {W.shape}, but must not be larger than the picture with its border, {A.shape}."
        )
    Z = ops.convolution(A[None, :, :, None], W[None, :, :, None], np.array([b]), stride=stride)
    return Convolution(A, W, b, stride, np.asarray(Z)[0, :, :, 0])


def plot_filters(net: Network, picture: Any = None) -> Figure:
    """The filters of the first convolution of a network, and what each makes of a picture before its activation.

    Args:
        net: built, with a `Conv2D` that sees a picture of one channel.
        picture: (height, width), or None for the filters alone.

    Raises:
        OptionError: there is no such layer.
        ShapeError: the picture is no matrix, or too small for the filters.
    """
    from chainrule.extras import matplotlib

    layers = [layer for _, layer in net.family() if isinstance(layer, Conv2D)]
    if layers and "W" not in layers[0].held:
        raise OptionError("the network has no filters yet: train it, or give it an input_shape.")
    if not layers or layers[0].held["W"].shape[-1] != 1:
        raise OptionError("plot_filters shows the first Conv2D, where it sees one channel; this network has none.")
    layer = layers[0]
    W = np.asarray(layer.held["W"], np.float64)[..., 0]
    maps: list[Matrix] = []
    if picture is not None:
        seen = matrix("picture", picture)[None, :, :, None]
        b = np.asarray(layer.held["b"], np.float64) if "b" in layer.held else None
        how = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
        maps = list(np.moveaxis(np.asarray(ops.convolution(seen, W[..., None], b, **how))[0], -1, 0))
    shown = [list(W), maps] if maps else [list(W)]
    wide, high = 1.1 * len(W) + 0.4, 1.1 * len(shown) + 0.1
    figure = matplotlib.figure.Figure(figsize=(wide, high))
    figure.subplots_adjust(0.35 / wide, 0.05 / high, 1 - 0.05 / wide, 1 - 0.05 / high, wspace=0.06, hspace=0.06)
    panels = figure.subplots(len(shown), len(W), squeeze=False)
    for row, pictures in zip(panels, shown, strict=True):
        largest = max(float(np.abs(numbers).max()) for numbers in pictures) or 1.0
        for axes, numbers in zip(row, pictures, strict=True):
            axes.imshow(numbers, cmap="RdBu", vmin=-largest, vmax=largest)
            axes.set_xticks([])
            axes.set_yticks([])
    panels[0, 0].set_ylabel("filter", fontsize=9)
    if maps:
        panels[1, 0].set_ylabel("Z", fontsize=9)
    return figure


def _draw_grid(axes: Axes, numbers: Matrix) -> None:
    largest = float(np.abs(numbers).max()) or 1.0
    axes.imshow(numbers, cmap="RdBu", vmin=-1.6 * largest, vmax=1.6 * largest)
    for (i, j), value in np.ndenumerate(numbers):
        axes.text(j, i, f"{value:.3g}", ha="center", va="center", fontsize=8)
    axes.set_xticks([])
    axes.set_yticks([])


def _signed(value: float) -> str:
    return f"({value:.4g})" if value < 0 else f"{value + 0.0:.4g}"
