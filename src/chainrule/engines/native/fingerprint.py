"""The fingerprint of a network: what of it is in its plan, so that a change is noticed."""

from __future__ import annotations

from weakref import ref

from chainrule.engines.contract import LayerLike, NetworkLike
from chainrule.engines.native.plan import Plan


class Fingerprint:
    """The attributes of a network's layers, and the statistics that became constants of a plan, as they were.

    Args:
        own: whether the layers that users wrote count too; where they are traced again anyway, they need not.
    """

    def __init__(self, network: NetworkLike, plan: Plan | None, own: bool):
        layers = [layer for _, layer in network.family() if own or type(layer).__module__.startswith("chainrule.")]
        self._attributes = [vars(layer) for layer in layers]
        self._as_they_were = [{name: _copied(value) for name, value in held.items()} for held in self._attributes]
        self._constants = [] if plan is None else plan.constants

    def holds(self) -> bool:
        """Whether nothing has changed since."""
        try:
            return self._attributes == self._as_they_were and all(
                _alive(layer).statistics[name].tobytes() == content for layer, name, content in self._constants
            )
        except Exception:  # there is another array now, or something else that cannot be compared
            return False


def _alive(layer: ref[LayerLike]) -> LayerLike:
    found = layer()
    assert found is not None
    return found


def _copied(value: object) -> object:
    return list(value) if isinstance(value, list) else value
