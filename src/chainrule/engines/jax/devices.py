"""Where JAX computes: one device, or several that share the examples of every batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from chainrule.engines.jax.convolutions import LOWERED
from chainrule.errors import OptionError
from chainrule.graph import Array, Lowered
from chainrule.names import counted

_jax: Any = jax  # not all of its functions have types

EXAMPLES = "examples"
"""The one axis of the mesh: devices differ by the examples that they have."""

AS_WRITTEN = ("cpu",)
"""The kinds of devices on which operations are compiled as they stand: there XLA's own convolutions are no faster."""


class Devices:
    """One device, or several: parameters lie on all of them, the examples of a batch are divided among them.

    What is compiled for several is the program for one, and its results are too: XLA adds up over the devices where the
    program adds up over the examples. A batch need not divide evenly; the last devices have fewer examples then.

    Args:
        device: "cpu", "gpu", "tpu", or one by its number, "gpu:1"; None for the kind that JAX prefers.
        devices: how many, or "all"; None for one, or where they are shared, all.
        shared: whether they are those of all processes that have joined, which then do everything together.

    Attributes:
        all: in the order of the mesh. here: the first that belongs to this process.
        shared: whether they are those of several processes.
        label: such as "cpu", "gpu: NVIDIA H200", "cpu x 4", "gpu: NVIDIA H200 x 16 in 2 processes".

    Raises:
        OptionError: JAX sees no such device, or not so many.
    """

    def __init__(self, device: str | None = None, devices: int | str | None = None, shared: bool = False):
        processes = jax.process_count() if shared else 1
        if devices is not None and ":" in (device or ""):
            raise OptionError(f'device="{device}" is a single one: leave devices out, or the number of device.')
        self.shared = processes > 1
        present = [one for one in _present(device) if self.shared or one.process_index == jax.process_index()]
        if devices is None and processes == 1:
            present = present[:1]
        elif isinstance(devices, int):
            if devices > len(present) or (processes > 1 and devices != len(present)):
                joined = f", and {processes} processes share all of them" if processes > 1 else ""
                raise OptionError(
                    f'devices={devices}, but JAX sees {seen(present)} here{joined}: devices="all" takes what there is.'
                )
            present = present[:devices]
        self.all = tuple(present)
        mine = [one for one in self.all if one.process_index == jax.process_index()]
        if not mine:
            raise OptionError(
                f'none of the devices is of process {jax.process_index()}: devices="all" takes those of all processes.'
            )
        self.here = mine[0]
        self.label = _label(self.all) + (f" in {processes} processes" if processes > 1 else "")
        self._whole: Any = None
        self._cut: Any = None
        if len(self.all) > 1:
            sharding = _jax.sharding
            mesh = sharding.Mesh(np.array(self.all), (EXAMPLES,))
            self._whole = sharding.NamedSharding(mesh, sharding.PartitionSpec())
            self._cut = sharding.NamedSharding(mesh, sharding.PartitionSpec(EXAMPLES))

    @property
    def results(self) -> Any:
        """`out_shardings` of what is compiled: every device has the whole result."""
        return self._whole

    @property
    def lowered(self) -> Lowered:
        """What computes some operations in another way on devices of this kind."""
        return {} if self.here.platform in AS_WRITTEN else LOWERED

    def whole(self, tree: Any) -> Any:
        """Arrays as every device has them as a whole."""

        def of(A: Any) -> Array:
            A = np.asarray(A)
            if self._whole is None:
                return _jax.device_put(A, self.here)
            return _jax.make_array_from_callback(A.shape, self._whole, lambda part: A[part])

        return jax.tree.map(of, tree)

    def parts(self, A: Any) -> Array:
        """The examples (m, …) of a batch, each only where it belongs; behind them zeros, up to what divides evenly."""
        if self._cut is None:
            return self.whole(A)
        rows = -(-len(A) // len(self.all)) * len(self.all)

        def of(part: tuple[slice, ...]) -> Any:
            start, stop, _ = part[0].indices(rows)
            found = np.asarray(A[start:stop])
            lacking = stop - start - len(found)
            return np.concatenate([found, np.zeros((lacking, *A.shape[1:]), A.dtype)]) if lacking else found

        return _jax.make_array_from_callback((rows, *A.shape[1:]), self._cut, of)

    def divided(self, A: Array) -> Array:
        """Of what is being compiled: an array (m, …) of examples, of which every device has its own."""
        return A if self._cut is None else _jax.lax.with_sharding_constraint(A, self._cut)


def _present(device: str | None) -> Sequence[Any]:
    """The devices that JAX sees, of all processes."""
    kind, colon, number = (device or "").partition(":")
    if device is not None and not (kind and (number.isdecimal() if colon else True)):
        raise OptionError(f'device={device!r}, but takes a kind, such as "gpu", or one of them, such as "gpu:1".')
    try:
        found: list[Any] = jax.devices(kind or None)
        return found if not number else [found[int(number)]]
    except (RuntimeError, IndexError, ValueError):
        raise OptionError(
            f'device="{device}", but JAX sees {seen(jax.devices())} here: leave device out, or install what JAX '
            "needs for that device, such as pip install 'jax[cuda12]'."
        ) from None


def _label(devices: Sequence[Any]) -> str:
    """The devices by kind and number: "gpu: NVIDIA H200 x 4"."""
    platform, kinds = devices[0].platform, list(dict.fromkeys(one.device_kind for one in devices))
    named = platform if kinds == [platform] else f"{platform}: {', '.join(kinds)}"
    return named if len(devices) == 1 else f"{named} x {len(devices)}"


def seen(devices: Sequence[Any]) -> str:
    """How many there are, and what they are: "4 devices (gpu: NVIDIA H200 x 4)"."""
    return f"{counted(len(devices), 'device')} ({_label(devices)})"
