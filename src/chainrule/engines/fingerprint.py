"""The fingerprint of a network: what of it was compiled, so that a change is noticed."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import ref

from chainrule.engines.contract import LayerLike, NetworkLike


class Fingerprint:
    """The attributes of the library's layers, and the statistics that became constants, as they were.

    Layers that users wrote are looked at again at every call (see `chainrule.engines.reach`).

    Args:
        constants: such statistics, by layer and name, with their bytes.
    """

    def __init__(self, network: NetworkLike, constants: Iterable[tuple[ref[LayerLike], str, bytes]] = ()):
        layers = [layer for _, layer in network.family() if type(layer).__module__.startswith("chainrule.")]
        self._attributes = [vars(layer) for layer in layers]
        self._as_they_were = [{name: _copied(value) for name, value in held.items()} for held in self._attributes]
        self._constants = [*constants]

    def holds(self) -> bool:
        """Whether nothing has changed since."""
        try:
            return self._attributes == self._as_they_were and all(
                layer is not None and layer.statistics[name].tobytes() == content
                for layer, name, content in ((held(), name, content) for held, name, content in self._constants)
            )
        except Exception:  # there is another array now, or something else that cannot be compared
            return False


def _copied(value: object) -> object:
    return list(value) if isinstance(value, list) else value
