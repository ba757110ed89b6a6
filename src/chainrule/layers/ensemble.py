"""Several networks that answer together."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError, ShapeError
from chainrule.graph import Array
from chainrule.layers.layer import Layer, list_of_layers
from chainrule.layers.network import Network


@dataclass(eq=False, repr=False)
class Ensemble(Layer):
    """A = 1/k Σ A_i: the mean of what k networks answer to the same input (Hansen & Salamon, 1990).

    Put it into a network, `cr.Network([cr.Ensemble(networks)])`, which is one model like any other: one file, one call
    to predict. The networks have learned each by itself, from another start or other examples, so that their errors
    differ and the mean has less of them; how far they lie apart tells how sure they are (Lakshminarayanan et al.,
    2017).

    Args:
        members: the networks, whose outputs have the same shape.

    Raises:
        OptionError: there is none, or one is no network.
    """

    members: Sequence[Network]

    def __post_init__(self) -> None:
        self.members = list_of_layers(self.members, "Ensemble")  # type: ignore[assignment]
        for member in self.members:
            if not isinstance(member, Network):
                raise OptionError(f"Ensemble takes networks, but {member!r} is a layer: put it into a Network.")

    def forward(self, A: Array) -> Array:
        answers = [member(A) for member in self.members]
        if len({answer.shape for answer in answers}) > 1:
            shapes = ", ".join(str(answer.shape) for answer in answers)
            raise ShapeError(f"the networks of an ensemble answer alike, but here in the shapes {shapes}.")
        total = answers[0]
        for answer in answers[1:]:
            total = total + answer
        return total * (1 / len(answers))

    def spread(self, X: Any) -> NDArray[Any]:
        """(m, …, n_out), the standard deviation of the members' answers for each example of X (m, …), over k.

        It tells where they disagree. It is no error bar: what all of them have wrong alike is not in it.

        Raises:
            ShapeError, DataError: see `Network.predict`.
        """
        return np.asarray(np.std([member.predict(X) for member in self.members], axis=0))


def ensemble_in(network: Network) -> Ensemble | None:
    """The ensemble that a network is of, where it is one; layers behind it, such as units, do not matter."""
    first = network.layers[0]
    if isinstance(first, Network):
        return ensemble_in(first)
    return first if isinstance(first, Ensemble) else None


def one_member(network: Network) -> Network:
    """The network as it is where its ensemble has but the first member; the network itself, where it is of none."""
    if ensemble_in(network) is None:
        return network
    first, *behind = network.layers
    if isinstance(first, Network):
        inner = one_member(first)
    else:
        assert isinstance(first, Ensemble)
        inner = first.members[0].copy()
    if not behind:
        return inner
    twin = Network([inner, *copy.deepcopy(behind)], seed=network.seed, dtype=network.dtype)
    twin.metadata = network.metadata
    if network.input_shape is not None:
        twin.build(network.input_shape)
    return twin
