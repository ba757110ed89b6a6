"""A solver under way: the update rule, its learning rate, and what it remembers from one call to the next."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.engines import Engine, Program
from chainrule.files import Tensors
from chainrule.layers import Network
from chainrule.optimizers import LBFGS, Adam, GradientDescent, Optimizer, find_optimizer
from chainrule.schedules import Schedule, learning_rate_at
from chainrule.training.cost import Cost

FLOOR = 1e-6
"""An adaptive learning rate that is no larger than this is not lowered any more: training ends."""


class Solver:
    """The state of an optimizer that stays between calls of `partial_fit`.

    Attributes:
        rule: the update rule.
        learning_rate: α as it is now.
        epochs: how many epochs there have been.
    """

    def __init__(self, estimator: Any):
        self.rule = rule_of(estimator)
        self.epochs = self._before = 0
        given = estimator.learning_rate if isinstance(estimator.learning_rate, Schedule) else self.rule.learning_rate
        self._schedule = given if isinstance(given, Schedule) else None
        self.learning_rate = self._first = learning_rate_at(given, 0)
        self._mode = estimator.learning_rate if estimator.solver == "sgd" else "constant"
        self._power = estimator.power_t
        self._program: Program | None = None
        self._slots: Tensors = {}
        self._updates = 0

    def program(self, net: Network, cost: Cost, engine: Engine, seed: int, outputs: bool) -> Program:
        """The engine's program for the epochs of one call, which goes on with what the last one remembered."""
        self._before = self.epochs
        if self._program is None or outputs:
            self.rest()
            self._program = engine.program(net, cost, self.rule, seed, outputs)
            if self._slots:
                self._program.slots, self._program.updates = self._slots, self._updates
        return self._program

    def alpha(self, epoch: float) -> float:
        """The learning rate at an epoch of this call."""
        return self.learning_rate if self._schedule is None else learning_rate_at(self._schedule, self._before + epoch)

    def decay(self, epoch: float) -> float:
        """The weight decay at an epoch of this call."""
        return self.rule.decay(self._before + epoch)

    def rest(self) -> None:
        """Let go of the program, its threads and its data; what it remembers stays."""
        if self._program is not None:
            self._slots = {name: np.array(value) for name, value in self._program.slots.items()}
            self._updates, self._program = self._program.updates, None

    def epoch_ends(self, examples: int) -> None:
        """Lower the learning rate, if it goes by the number of examples that were met."""
        self.epochs += 1
        if self._mode == "invscaling":
            self.learning_rate = self._first / (examples + 1) ** self._power
        elif self._schedule is not None:
            self.learning_rate = self._schedule(self.epochs)

    def give_up(self) -> tuple[bool, str]:
        """What follows when there is no progress any more: whether training ends, and in words."""
        if self._mode != "adaptive":
            return True, "Stopping."
        if self.learning_rate <= FLOOR:
            return True, "Learning rate too small. Stopping."
        self.learning_rate /= 5
        return False, f"Setting learning rate to {self.learning_rate:f}"

    def __getstate__(self) -> dict[str, Any]:
        """What a copy has; the program and its threads stay here."""
        slots = self._slots if self._program is None else self._program.slots
        updates = self._updates if self._program is None else self._program.updates
        own = {
            "_program": None,
            "_slots": {name: np.array(value) for name, value in slots.items()},
            "_updates": updates,
        }
        return vars(self) | own


def is_lbfgs(solver: Any) -> bool:
    """Whether the solver is L-BFGS, which needs all examples at once."""
    return isinstance(solver, LBFGS) or (isinstance(solver, str) and solver == "lbfgs")


def rule_of(estimator: Any) -> Optimizer:
    """The update rule that the parameters ask for."""
    alpha, solver = estimator.learning_rate_init, estimator.solver
    if isinstance(solver, str) and solver == "adam":
        beta_1, beta_2 = estimator.beta_1, estimator.beta_2
        return Adam(alpha, beta1=beta_1, beta2=beta_2, epsilon=estimator.epsilon, epsilon_hat=True)
    if isinstance(solver, str) and solver == "sgd":
        momentum = min(estimator.momentum, np.nextafter(1, 0))
        return GradientDescent(alpha, momentum=momentum, nesterov=bool(estimator.nesterovs_momentum and momentum))
    rule = find_optimizer(solver)
    assert isinstance(rule, Optimizer)
    return type(rule)(alpha) if isinstance(solver, str) else rule


def lbfgs_of(estimator: Any, l2: float) -> LBFGS:
    """L-BFGS as scikit-learn calls it, or with an object's own settings.

    Args:
        l2: of the L2 regularization; that of an object comes on top.
    """
    given = estimator.solver
    if isinstance(given, LBFGS):
        return LBFGS(**given.arguments() | {"l2": given.l2 + l2})
    smallest = 1e7 * np.finfo(np.float64).eps  # SciPy's own
    return LBFGS(l2=l2, tolerance=estimator.tol, improvement=smallest, evaluations=estimator.max_fun)
