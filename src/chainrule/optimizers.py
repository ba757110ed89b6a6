"""How the parameters follow the gradient: the papers' update rules on one flat vector of parameters.

A rule receives the gradient g, the learning rate α, the number of this update (from 1; the papers' t) and the vectors
that it remembers, its slots; it returns what to subtract from the parameters θ and the new slots. Whatever has
+ − * / ** is a vector, so the same line serves every engine.
"""

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import numpy as np

from chainrule.checking import real, whole
from chainrule.configuration import Configurable
from chainrule.errors import OptionError
from chainrule.graph import Array, namespace
from chainrule.hyperparameters import Hyperparameters
from chainrule.names import lookup, unknown
from chainrule.schedules import Schedule, learning_rate_at, number_or_schedule, value_at

Slots = dict[str, Array]


@dataclass(frozen=True, repr=False)
class Optimizer(Configurable):
    """The base of the optimizers: regularization and clipping here, the rule in the subclass.

    Args:
        learning_rate: α, a number or a `Schedule`.
        l2: λ of L2 regularization: J grows by λ/2 Σ ‖W‖² (the notes' λ/m is this λ). Weights only, not biases.
        weight_decay: ω of decoupled weight decay, a number or a `Schedule`: each update also takes α ω W away
            (Loshchilov & Hutter, 2019).
        clip_norm: the gradient is shortened to this length where it is longer (Pascanu et al., 2013).
        clip_value: each element of the gradient is held between −clip_value and clip_value.
        rates: by what a parameter's change is multiplied, {"W1": 0.1}, in place of 1; "b*" stands for all whose names
            begin so, and of several that fit, the last counts. 0 freezes: neither the gradient nor the decay changes
            the parameter, and its gradient counts as 0.

    Raises:
        OptionError: a number out of its range.
    """

    learning_rate: float | Schedule = 0.01
    _: KW_ONLY
    l2: float = 0.0
    weight_decay: float | Schedule = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None
    rates: dict[str, float] | None = field(default=None, hash=False)

    without_names = 1
    slots: ClassVar[tuple[str, ...]] = ()
    """The names of the vectors that the rule remembers; all start at 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        number_or_schedule("the learning rate", self.learning_rate, low=0)
        real("l2", self.l2, low=0)
        number_or_schedule("weight_decay", self.weight_decay, low=0)
        self._check_rates()
        for name in ("clip_norm", "clip_value"):
            if getattr(self, name) is not None:
                real(name, getattr(self, name), low=0, open="low")

    def _check_rates(self) -> None:
        if self.rates is None:
            return
        if not isinstance(self.rates, Mapping):
            raise OptionError(f'rates is {self.rates!r}, but must be a dict of numbers, such as {{"W1": 0.1}}.')
        found = {str(name): real(f"the rate of {name}", rate, low=0) for name, rate in self.rates.items()}
        object.__setattr__(self, "rates", found)

    def rule(self, g: Array, alpha: float, update: int, **slots: Array) -> tuple[Array, Slots]:
        """What to subtract from θ, and the new slots."""
        raise NotImplementedError(f"{type(self).__name__} must define rule(g, alpha, update, **slots).")

    def step(
        self,
        theta: Array,
        gradient: Array,
        regularized: Array,
        given: Hyperparameters[Any],
        update: int,
        slots: Slots,
        rates: Array | None = None,
    ) -> tuple[Array, Slots]:
        """What to subtract from θ after regularization and clipping, and the new slots.

        Args:
            theta: θ, all parameters in one vector.
            gradient: dJ/dθ without the penalty.
            regularized: 1 where θ is a weight, and 0 where it is a bias or the like.
            given: α, ω and λ of this update.
            update: the number of this update, from 1.
            rates: by what each number's change is multiplied, see `rates_of`; None for 1.
        """
        alpha, omega = given.learning_rate, given.weight_decay
        l2 = self.l2 if given.l2 is None else given.l2
        g = gradient if isinstance(l2, float | int) and not l2 else gradient + l2 * regularized * theta
        if rates is not None:
            g = namespace([g]).where(rates == 0, 0, g)  # of what is frozen the rest need not take account
        change, slots = self._by_rule(self._clip(g), alpha, update, slots)
        if not isinstance(omega, float | int) or omega:
            change = change + alpha * omega * regularized * theta
        return change if rates is None else rates * change, slots

    def _by_rule(self, g: Array, alpha: float, update: int, slots: Slots) -> tuple[Array, Slots]:
        """What the rule returns, which may be the user's own.

        Raises:
            OptionError: it is not (what to subtract, {slot: vector}).
        """
        found = self.rule(g, alpha, update, **slots)
        name = type(self).__name__
        if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[1], dict):
            raise OptionError(f"{name}.rule must return (what to subtract from θ, the new slots), not {found!r}.")
        if found[1].keys() != slots.keys():
            names = [", ".join(given) or "none" for given in (found[1], slots)]
            raise OptionError(f"{name}.rule returned the slots {names[0]}, but {name}.slots names {names[1]}.")
        return found

    def penalty(self, theta: Array, regularized: Array, l2: float | None = None) -> float:
        """λ/2 Σ ‖W‖², what L2 regularization adds to J, with another λ than the optimizer's if one is given."""
        return penalty(self.l2 if l2 is None else l2, theta, regularized)

    def alpha(self, epoch: float) -> float:
        """The learning rate at this epoch."""
        return learning_rate_at(self.learning_rate, epoch)

    def decay(self, epoch: float) -> float:
        """ω, the weight decay at this epoch."""
        return value_at(self.weight_decay, epoch, "the weight decay")

    def rates_of(self, names: Iterable[str]) -> dict[str, float] | None:
        """By what the change of each of these parameters is multiplied; None where that is 1 for all.

        Raises:
            OptionError: a name in `rates` is that of no parameter.
        """
        if not self.rates:
            return None
        found = dict.fromkeys(names, 1.0)
        for asked, rate in self.rates.items():
            fits = [name for name in found if fnmatchcase(name, asked)]
            if not fits:
                raise OptionError(unknown("parameter", asked, found))
            found |= dict.fromkeys(fits, rate)
        return found

    def rates_in_order(self, parameters: Mapping[str, Array], dtype: str) -> Array | None:
        """`rates_of` these, a number for each of theirs in one vector.

        Raises:
            OptionError: see `rates_of`.
        """
        found = self.rates_of(parameters)
        if found is None:
            return None
        return np.concatenate([np.full(value.size, found[name], dtype) for name, value in parameters.items()])

    def _clip(self, g: Array) -> Array:
        if self.clip_value is not None:
            g = g.clip(-self.clip_value, self.clip_value)
        if self.clip_norm is not None:
            xp = namespace([g])
            norm = xp.square(g.astype(np.float64)).sum() ** 0.5
            g = g * (self.clip_norm / xp.maximum(norm, self.clip_norm)).astype(g.dtype)
        return g


@dataclass(frozen=True, repr=False)
class GradientDescent(Optimizer):
    """θ ← θ − α g; with momentum μ: v ← μ v − α g, θ ← θ + v (Polyak, 1964).

    Nesterov's form looks ahead: θ ← θ + μ v − α g with the new v (Nesterov, 1983; Sutskever et al., 2013).
    """

    momentum: float = 0.0
    nesterov: bool = False

    slots: ClassVar[tuple[str, ...]] = ("v",)

    def __post_init__(self) -> None:
        super().__post_init__()
        real("momentum", self.momentum, low=0, high=1, open="high")
        if self.nesterov and not self.momentum:
            raise OptionError("nesterov=True looks ahead along the momentum, so it needs momentum > 0, such as 0.9.")

    def rule(self, g: Array, alpha: float, update: int, **slots: Array) -> tuple[Array, Slots]:
        if not self.momentum:
            return alpha * g, slots
        v = self.momentum * slots["v"] - alpha * g
        return alpha * g - self.momentum * v if self.nesterov else -v, {"v": v}


@dataclass(frozen=True, repr=False)
class Adagrad(Optimizer):
    """s ← s + g², θ ← θ − α g / (√s + ε) (Duchi et al., 2011)."""

    epsilon: float = 1e-8

    slots: ClassVar[tuple[str, ...]] = ("s",)

    def __post_init__(self) -> None:
        super().__post_init__()
        real("epsilon", self.epsilon, low=0)

    def rule(self, g: Array, alpha: float, update: int, **slots: Array) -> tuple[Array, Slots]:
        s = slots["s"] + g**2
        return alpha * g / (s**0.5 + self.epsilon), {"s": s}


@dataclass(frozen=True, repr=False)
class RMSProp(Optimizer):
    """s ← ρ s + (1 − ρ) g², θ ← θ − α g / (√s + ε) (Tieleman & Hinton, 2012)."""

    learning_rate: float | Schedule = 1e-3
    rho: float = 0.9
    epsilon: float = 1e-8

    slots: ClassVar[tuple[str, ...]] = ("s",)

    def __post_init__(self) -> None:
        super().__post_init__()
        real("rho", self.rho, low=0, high=1, open="high")
        real("epsilon", self.epsilon, low=0)

    def rule(self, g: Array, alpha: float, update: int, **slots: Array) -> tuple[Array, Slots]:
        s = self.rho * slots["s"] + (1 - self.rho) * g**2
        return alpha * g / (s**0.5 + self.epsilon), {"s": s}


@dataclass(frozen=True, repr=False)
class Adam(Optimizer):
    """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², θ ← θ − α m̂ / (√v̂ + ε) (Kingma & Ba, 2015).

    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) make up for the start at 0.

    Args:
        epsilon_hat: whether ε is the paper's ε̂, of the shorter form at the end of its section 2, which adds it to √v in
            place of √v̂: so do scikit-learn, Keras and TensorFlow, while PyTorch does as above.
    """

    learning_rate: float | Schedule = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = False

    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    def __post_init__(self) -> None:
        super().__post_init__()
        real("beta1", self.beta1, low=0, high=1, open="high")
        real("beta2", self.beta2, low=0, high=1, open="high")
        real("epsilon", self.epsilon, low=0)

    def rule(self, g: Array, alpha: float, update: int, **slots: Array) -> tuple[Array, Slots]:
        m = self.beta1 * slots["m"] + (1 - self.beta1) * g
        v = self.beta2 * slots["v"] + (1 - self.beta2) * g**2
        m_hat = m / (1 - self.beta1**update)
        v_hat = v / (1 - self.beta2**update)
        epsilon = self.epsilon / (1 - self.beta2**update) ** 0.5 if self.epsilon_hat else self.epsilon
        return alpha * m_hat / (v_hat**0.5 + epsilon), {"m": m, "v": v}


@dataclass(frozen=True, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay, θ ← θ − α (m̂ / (√v̂ + ε) + ω W) (Loshchilov & Hutter, 2019)."""

    _: KW_ONLY
    weight_decay: float | Schedule = 0.01


@dataclass(frozen=True, repr=False)
class LBFGS(Configurable):
    """The limited-memory Broyden-Fletcher-Goldfarb-Shanno method, by SciPy: for small data and full batches.

    Each epoch is one iteration; a line search takes the place of the learning rate. Dropout keeps the same units
    throughout, because the cost must stay one function. Liu & Nocedal, 1989.

    Args:
        l2: λ of L2 regularization, as in `Optimizer`.
        history: how many past steps approximate the second derivative.
        tolerance: training ends when no element of the gradient is larger,
        improvement: or when an iteration takes away no more than this part of J.
        evaluations: how often J may be computed, at most; None for 20 times an epoch.
    """

    _: KW_ONLY
    l2: float = 0.0
    history: int = 10
    tolerance: float = 1e-5
    improvement: float = 0.0
    evaluations: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        real("l2", self.l2, low=0)
        whole("history", self.history)
        real("tolerance", self.tolerance, low=0)
        real("improvement", self.improvement, low=0)
        if self.evaluations is not None:
            whole("evaluations", self.evaluations)


def penalty(l2: float, theta: Array, regularized: Array) -> float:
    """λ/2 Σ ‖W‖² over the elements of θ where `regularized` is 1: what L2 regularization adds to J."""
    return 0.5 * l2 * float((regularized * np.square(theta, dtype=np.float64)).sum()) if l2 else 0.0


OPTIMIZERS: dict[str, type[Any]] = {
    "gradient_descent": GradientDescent,
    "sgd": GradientDescent,
    "adagrad": Adagrad,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
    "lbfgs": LBFGS,
}
"""The optimizers that training knows by name, with their defaults."""


def find_optimizer(given: Any) -> Optimizer | LBFGS:
    """The optimizer that `given` is or names.

    Raises:
        OptionError: an unknown name, or something that is no optimizer.
    """
    if isinstance(given, str):
        made: Optimizer | LBFGS = lookup("optimizer", given, OPTIMIZERS)()
        return made
    if isinstance(given, Optimizer | LBFGS):
        return given
    raise OptionError(f"an optimizer is a name or an Optimizer, such as Adam(1e-3), not {given!r}.")
