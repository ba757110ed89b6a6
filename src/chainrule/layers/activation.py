"""Activations: found by name, and as a layer of their own."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule.errors import OptionError
from chainrule.graph import Array, Operation
from chainrule.layers.layer import Layer
from chainrule.names import lookup
from chainrule.ops import ACTIVATIONS

ActivationLike = str | Callable[[Array], Array] | None
"""A name such as "relu", an operation, one with options (functools.partial(cr.ops.leaky_relu, slope=0.2)), or None."""


def find_activation(given: ActivationLike) -> Callable[[Array], Array]:
    """The function that `given` is or names; None is the identity.

    Raises:
        OptionError: an unknown name, or nothing that can be called.
    """
    if given is None:
        return ACTIVATIONS["identity"]
    if isinstance(given, str):
        return lookup("activation", given, ACTIVATIONS)
    if callable(given):
        return given
    raise OptionError(f"an activation is a name such as 'relu', an operation or None, not {given!r}.")


def activation_name(given: ActivationLike) -> str:
    """The name of an activation, as far as it has one."""
    if isinstance(given, functools.partial):
        given = given.func
    if isinstance(given, Operation):
        return given.name
    return given if isinstance(given, str) else "identity" if given is None else "own"


@dataclass(eq=False, repr=False)
class Activation(Layer):
    """A = g(Z) as a layer of its own, for activations that stand apart from a Dense, such as after a BatchNorm.

    Args:
        activation: a name, an operation, or an operation with options by functools.partial.
    """

    activation: Any

    def __post_init__(self) -> None:
        self._g = find_activation(self.activation)

    def forward(self, Z: Array) -> Array:
        return self._g(Z)
