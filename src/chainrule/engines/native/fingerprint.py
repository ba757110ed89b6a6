"""The fingerprint of a network: what of it is in its plan, so that a change is noticed."""

from __future__ import annotations

from chainrule.engines.contract import NetworkLike
from chainrule.engines.native.plan import Plan, alive


class Fingerprint:
    """The attributes of the library's layers, and the statistics that became constants of a plan, as they were.

    Layers that users wrote are looked at again at every call (see `chainrule.engines.reach`).
    """

    def __init__(self, network: NetworkLike, plan: Plan | None):
        layers = [layer for _, layer in network.family() if type(layer).__module__.startswith("chainrule.")]
        self._attributes = [vars(layer) for layer in layers]
        self._as_they_were = [{name: _copied(value) for name, value in held.items()} for held in self._attributes]
        self._constants = [] if plan is None else plan.constants

    def holds(self) -> bool:
        """Whether nothing has changed since."""
        try:
            return self._attributes == self._as_they_were and all(
                alive(layer).statistics[name].tobytes() == content for layer, name, content in self._constants
            )
        except Exception:  # there is another array now, or something else that cannot be compared
            return False


def _copied(value: object) -> object:
    return list(value) if isinstance(value, list) else value
