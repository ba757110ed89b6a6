"""A network as a table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.graph import Array
from chainrule.layers.layer import Layer
from chainrule.layers.walk import Walk

if TYPE_CHECKING:
    from chainrule.layers.network import Network


Rows = list[tuple[str, str, str, str, str]]


def print_summary(network: Network) -> None:
    """Print each layer, the shape of its output for m examples, and its parameters."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_footer=network.built, pad_edge=False)
    table.add_column("l", "", justify="right")
    table.add_column("layer", "in all")
    table.add_column("output", "")
    table.add_column("parameters", "")
    table.add_column("count", f"{network.flat.size:,}", justify="right")
    for row in rows_of_summary(network):
        table.add_row(*row)
    Console().print(table)
    if not network.built:
        print("Shapes are found from the first data, or from Network(…, input_shape=…).")


def rows_of_summary(network: Network) -> Rows:
    """Of X and of each layer: its number l, what it is, the shape of its output, its parameters, and how many numbers
    these are."""
    shapes = output_shapes(network) if network.built else {}
    alike = {id(others[0]): others for _, layer in network.family() if (others := _alike(layer))}
    in_short = {id(layer) for others in alike.values() for other in others for _, layer in other.family()}
    rows = [("", "X", _with_m(network.input_shape), "", "")]
    for path, layer in network.family():
        indent = "  " * path.count(".")
        if behind := alike.get(id(layer)):
            count = f"{sum(value.size for other in behind for value in other.parameters.values()):,}"
            told = f"{indent}{len(behind)} more like this, whose mean it is"
            rows.append(("", told, _with_m(shapes.get(id(layer))), "", count))
        if layer is network or id(layer) in in_short:
            continue
        called = indent + (type(layer).__name__ if layer.holds_layers else repr(layer))
        held = ", ".join(f"{name}{layer.l} {value.shape}" for name, value in layer.held.items())
        count = f"{sum(value.size for value in layer.held.values()):,}" if layer.held else ""
        number = "" if layer.l is None else str(layer.l)
        rows.append((number, called, _with_m(shapes.get(id(layer))), held, count))
    return rows


def _alike(layer: Layer) -> Sequence[Network]:
    """The networks of an ensemble behind the first, where all are made alike; nothing for other layers."""
    from chainrule.layers.ensemble import Ensemble

    if not isinstance(layer, Ensemble) or len({repr(member) for member in layer.members}) > 1:
        return ()
    return layer.members[1:]


def output_shapes(network: Network) -> dict[int, tuple[int, ...]]:
    """The shape of each layer's output for one example, by the layer's id."""
    shapes: dict[int, tuple[int, ...]] = {}

    def note(layer: Layer, _: Array, Z: Array) -> None:
        shapes[id(layer)] = tuple(np.shape(Z)[1:])

    assert network.input_shape is not None
    network.rehearse(network.input_shape, Walk(dtype=network.dtype, watch=note))
    return shapes


def _with_m(shape: tuple[int, ...] | None) -> str:
    return "?" if shape is None else f"({', '.join(['m', *map(str, shape)])})"
