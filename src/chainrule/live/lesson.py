"""One network on two features, with every choice a learner may make, and the pictures of what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from chainrule.charts import TRAINING, Chart, Line, Panel
from chainrule.derivation import Page, derive, draw
from chainrule.errors import NotFiniteError
from chainrule.layers import Dense, Network
from chainrule.live.own_data import OwnData
from chainrule.live.plane import Plane
from chainrule.names import counted
from chainrule.optimizers import Adagrad, Adam, GradientDescent, Optimizer, RMSProp
from chainrule.randomness import stream
from chainrule.training import Run, evaluate, train

DATA = ("two half-moons", "exclusive or", "a ring", "two clouds")
ACTIVATIONS = ("tanh", "sigmoid", "relu", "leaky_relu")
RULES: dict[str, Callable[..., Optimizer]] = {
    "gradient descent": GradientDescent,
    "momentum": partial(GradientDescent, momentum=0.9),
    "Adagrad": Adagrad,
    "RMSProp": RMSProp,
    "Adam": Adam,
}
"""What makes each optimizer of its learning rate."""

OPTIMIZERS = tuple(RULES)
STARTS = ("xavier", "he", "random", "zeros")
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
BATCHES = ("all", "64", "16", "4")
M = 160

PLANE = Plane((-2.4, -2.4), (2.4, 2.4), fine=41)


@dataclass(frozen=True)
class Choices:
    """What the sliders say.

    Args:
        data: one of `DATA`. alpha: α. units: n^[l] of every hidden layer. layers: how many of them, L − 1.
        activation: g. optimizer: one of `OPTIMIZERS`. batch: one of `BATCHES`. regularization: λ of L2.
        start: how W begins. epochs: passes over the examples.
    """

    data: str = DATA[0]
    alpha: float = 0.3
    units: int = 4
    layers: int = 1
    activation: str = "tanh"
    optimizer: str = "gradient descent"
    batch: str = "16"
    regularization: float = 0.0
    start: str = "xavier"
    epochs: int = 60

    def rule(self) -> Optimizer:
        """The optimizer with its learning rate."""
        return RULES[self.optimizer](self.alpha, l2=self.regularization)


@dataclass(frozen=True)
class Learned:
    """A network that was trained, or as it was before it diverged.

    Attributes:
        X: (m, 2). y: (m,), 0 or 1. costs: J of each epoch. told: a line about what happened.
        plane: the part of the plane that is drawn.
    """

    choices: Choices
    network: Network
    X: NDArray[np.float64]
    y: NDArray[np.int64]
    costs: list[float]
    told: str
    plane: Plane = PLANE

    def boundary(self) -> str:
        """The plane of the two features as SVG."""
        marks = self.plane.beliefs(self.network.predict) + self.plane.examples(self.X, self.y)
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="5 25 320 290" width="330">{marks}</svg>'

    def cost(self) -> str:
        """J over the epochs as SVG."""
        line = Line(np.arange(1.0, len(self.costs) + 1), np.asarray(self.costs), TRAINING, dots=len(self.costs) < 2)
        return Chart(
            "the cost", [Panel("the cost", "epoch", "J", [line] if self.costs else [], whole=True)], 330, 290
        ).svg()

    def neurons(self) -> str:
        """The network with its weights, and the activations of the first example, as SVG."""
        return draw(self.network, self.X[:1], neurons=True).svg

    def lines(self) -> list[str]:
        """The same update as text, a formula with its numbers each, from the forward pass to the new parameters."""
        found: list[str] = []
        for line in filter(None, self._page().text.split("\n\n", 1)[1].split("\n")):
            if line.startswith(6 * " ") and found:  # numbers and remarks stand below their formula
                found[-1] += f"\n{line}"
            else:
                found.append(line)
        return found

    def derivation(self) -> str:
        """One update on three of the examples, line by line with its numbers, as HTML."""
        return self._page().html

    def _page(self) -> Page:
        return derive(self.network, self.X[:3], self.y[:3], loss="binary_cross_entropy")


def examples(data: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """X (M, 2) and y (M,), the same at every call."""
    random = stream("lesson", DATA.index(data))
    y = np.arange(M) % 2
    if data == "two half-moons":
        turn, noise = np.pi * random.random(M), 0.12 * random.standard_normal((M, 2))
        arcs = np.stack([np.where(y, 1 - np.cos(turn), np.cos(turn)), np.where(y, 0.5 - np.sin(turn), np.sin(turn))], 1)
        return 1.3 * (arcs - [0.5, 0.25]) + noise, y
    if data == "exclusive or":
        X = random.uniform(-1.9, 1.9, (M, 2))
        return X, ((X[:, 0] > 0) != (X[:, 1] > 0)).astype(np.int64)
    if data == "a ring":
        radius, turn = np.where(y, 1.7, 0.6) + 0.2 * random.standard_normal(M), 2 * np.pi * random.random(M)
        return np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1), y
    return 0.6 * random.standard_normal((M, 2)) + np.where(y, 0.9, -0.9)[:, None], y


def learn(choices: Choices, own: OwnData | None = None) -> Learned:
    """Train from the same start as ever, so that only what was changed makes the difference.

    Args:
        own: the data, in place of those that `choices` names.
    """
    X, y = examples(choices.data) if own is None else (own.X, own.y)
    hidden = [Dense(choices.units, choices.activation, initializer=choices.start) for _ in range(choices.layers)]
    output = Dense(1, "sigmoid", initializer=choices.start)
    network = Network([*hidden, output], seed=1, dtype="float64", input_shape=2)
    costs: list[float] = []

    def watch(run: Run) -> None:
        costs.append(run.history.epochs[-1]["loss"])

    told = "not trained yet"
    if choices.epochs:
        batch = None if choices.batch == "all" else int(choices.batch)
        try:
            history = train(
                network,
                X,
                y,
                loss="binary_cross_entropy",
                optimizer=choices.rule(),
                epochs=choices.epochs,
                batch_size=batch,
                callbacks=watch,
                seed=0,
                progress=False,
            )
            J = evaluate(network, X, y, loss="binary_cross_entropy")["loss"]
            told = f"J = {J:.4f} after {counted(choices.epochs, 'epoch')}"
            told = "; ".join([told, *history.hints])
        except NotFiniteError as error:
            told = str(error)
    right = 100 * np.mean((network.predict(X)[:, 0] > 0.5) == y)
    plane = PLANE if own is None else own.plane(PLANE)
    return Learned(choices, network, X, y, costs, f"{right:.1f} % right; {told}", plane)
