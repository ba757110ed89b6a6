"""Is the backward pass right? Compare it with central differences (the notes' sanity check of derivatives)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.checking import whole
from chainrule.data.examples import example_weights, examples
from chainrule.layers import Network
from chainrule.layers.network import the_network
from chainrule.randomness import stream
from chainrule.training.cost import Cost, LossLike, gradients


@dataclass(frozen=True)
class GradientCheck:
    """The relative error ‖g − g̃‖ / (‖g‖ + ‖g̃‖) for each parameter: g by the chain rule, g̃ by central differences.

    Attributes:
        errors: by the parameter's name, {"W1": 3e-10, …}.
        tolerance: up to which error a parameter counts as right.
    """

    errors: dict[str, float]
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether every parameter is right."""
        return all(error <= self.tolerance for error in self.errors.values())

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        width = max(map(len, self.errors), default=0)
        lines = [
            f"d{name:<{width}}  {error:.1e}  {'ok' if error <= self.tolerance else 'WRONG'}"
            for name, error in self.errors.items()
        ]
        return "\n".join(lines)


def check_gradients(
    net: Network,
    X: Any,
    y: Any,
    loss: LossLike,
    *,
    epsilon: float = 1e-5,
    tolerance: float = 1e-7,
    most: int = 500,
    seed: int = 0,
) -> GradientCheck:
    """Compare backpropagation with (J(θ + ε) − J(θ − ε)) / 2ε, in float64 on a copy of the network, dropout included.

    Smooth networks pass at 1e-7. With relu and other kinks an error can be large where a step of ε crosses one. A
    gradient that is nothing but rounding of J counts as right, as of a bias that a batch normalization takes away.

    Args:
        net: the network; it is not changed.
        X, y: a few examples; loss: as `train` takes it.
        epsilon: the step.
        tolerance: the largest relative error that counts as right.
        most: at most this many elements of each parameter are nudged, chosen by `seed`.

    Raises:
        ShapeError, DataError, OptionError: see `train`.
    """
    X, y = examples(X, y)
    the_network(net, "check_gradients").build_for(X)
    exact, cost = net.copy(dtype="float64"), Cost(loss)
    whole("most", most)
    random = stream("gradient check", seed)
    X = exact.cast(X)
    weights = example_weights(y, mask=exact.steps_that_count(X))

    def J() -> float:
        return float(cost(exact.record(X, training=True, seed=seed)[0], y, weights).value)

    cost_here, found = gradients(exact, X, y, loss=loss, training=True, seed=seed)
    rounding = 100 * np.finfo(np.float64).eps * (1 + abs(cost_here)) / epsilon
    errors = {}
    for name, theta in exact.parameters.items():
        elements = random.permutation(theta.size)[:most]
        by_chain_rule = np.ravel(found.get(f"d{name}", np.zeros(theta.shape)))[elements]
        by_difference = np.array([_slope(J, theta, int(i), epsilon) for i in elements])
        apart = float(np.linalg.norm(by_chain_rule - by_difference))
        length = float(np.linalg.norm(by_chain_rule) + np.linalg.norm(by_difference))
        errors[name] = apart / length if length > rounding * len(elements) ** 0.5 else 0.0
    return GradientCheck(errors, tolerance)


def _slope(J: Any, theta: Any, i: int, epsilon: float) -> float:
    place = np.unravel_index(i, theta.shape)
    before = theta[place]
    theta[place] = before + epsilon
    above = J()
    theta[place] = before - epsilon
    below = J()
    theta[place] = before
    return float((above - below) / (2 * epsilon))
