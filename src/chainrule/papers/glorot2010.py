"""Glorot & Bengio 2010: what a start does to the signals of a deep network; He et al. 2015: the same for relu."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule import ops
from chainrule.charts import COLOURS, MARK, Chart, Line, Mark, Panel
from chainrule.data.bundled import read_bundled
from chainrule.graph import Variable
from chainrule.initializers import Initializer, Random, Xavier, fans
from chainrule.layers import Dense, Network
from chainrule.optimizers import GradientDescent
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import Paper, Result, Row, spread
from chainrule.papers.trainings import alone, courses, quietly

Matrix = NDArray[Any]

HIDDEN = 5
"""Hidden layers of tanh, as in the paper's figures 6 to 9."""

DEEP = 30
"""Hidden layers of relu, as in He et al. (2015), whose are convolutions."""


@dataclass(frozen=True, repr=False)
class Standard(Initializer):
    """W from U[−1/√n_in, 1/√n_in], of variance 1 / (3 n_in): what was usual, and what the paper's equation 1 says."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
        return random.uniform(-1, 1, shape) / math.sqrt(fans(shape)[0])


STARTS: dict[str, Initializer] = {"0.01 randn": Random(0.01), "standard": Standard(), "normalized": Xavier()}
"""The three that are compared; the last is the paper's own, U[−√6 / √(n_in + n_out), √6 / √(n_in + n_out)]."""


class Spread(NamedTuple):
    """Of one untrained network, by hidden layers: deviations of A and of dA (5,), the singular values' mean (4,)."""

    A: Matrix
    dA: Matrix
    singular: Matrix


@experiment()
def run(
    seeds: int | Iterable[int] = range(10), *, units: int = 200, examples: int = 200, epochs: int = 10, narrow: int = 32
) -> Result:
    """How large signals and derivatives are, layer by layer, for three starts; and whether 30 layers of relu learn.

    A^[l] = tanh(W^[l] A^[l−1]) for l = 1 to 5, softmax on top, of digits whose pixels have mean 0 and variance 1. The
    Jacobian of a layer is dZ^[l+1]/dZ^[l] = W^[l+1] diag(1 − (A^[l])²). Relu: 30 layers, gradient descent with momentum
    0.9 and α = 0.01, batches of 32.

    Args:
        seeds: of the starts. units: of each layer of tanh; the paper has 1,000.
        examples: digits that are sent through. epochs: of the layers of relu. narrow: their units.

    Returns:
        `numbers`, for each seed and start: "… singular", the mean of the Jacobians' singular values; "… signal" and
        "… gradient", how many times smaller the deviation of A, and of dA on its way back, is from a layer to the next;
        for "xavier" and "he": "… cost", J in the last epoch, and "… signal", the deviation of A^[30] by that of A^[1].
    """
    seeds = as_seeds(seeds)
    X, y = read_bundled("digits")
    standardized = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-6)
    numbers: dict[str, list[float]] = {}
    spreads: dict[str, list[Spread]] = {}
    for name, start in STARTS.items():
        with alone():
            spreads[name] = [spread_of(start, seed, standardized[:examples], y[:examples], units) for seed in seeds]
        numbers[f"{name} singular"] = [float(one.singular.mean()) for one in spreads[name]]
        numbers[f"{name} signal"] = [_a_layer(one.A) for one in spreads[name]]
        numbers[f"{name} gradient"] = [_a_layer(one.dA[::-1]) for one in spreads[name]]
    costs: dict[str, Matrix] = {}
    for name in ("xavier", "he"):
        deep = [_deep(name, seed, X / 16, y, epochs, narrow) for seed in seeds]
        costs[name] = np.array([cost for cost, _ in deep])
        numbers[f"{name} cost"] = [float(cost[-1]) for cost, _ in deep]
        numbers[f"{name} signal"] = [left for _, left in deep]
    return Result(PAPER, seeds, numbers, _rows(numbers, epochs, narrow), _figure(spreads, costs))


PAPER = Paper(
    "glorot2010",
    2010,
    "Glorot & Bengio",
    "Understanding the difficulty of training deep feedforward neural networks",
    "AISTATS 2010, PMLR 9: 249–256",
    run,
    (
        "He, Zhang, Ren & Sun (2015), Delving deep into rectifiers: surpassing human-level performance on ImageNet "
        "classification. ICCV 2015, arXiv:1502.01852.",
    ),
)


def spread_of(start: Initializer, seed: int, X: Matrix, y: Matrix, units: int) -> Spread:
    """A batch forward and backward through an untrained network."""
    layers = [Dense(units, "tanh", initializer=start) for _ in range(HIDDEN)]
    net = Network([*layers, Dense(10, "softmax", initializer=start)], seed=seed, input_shape=X.shape[1])
    outputs: list[Variable] = []
    answer, _ = net.record(net.cast(X), watch=lambda layer, A, output: outputs.append(output))
    ops.cross_entropy(answer, y).backward()
    hidden = outputs[:HIDDEN]
    slopes = [1 - A.value[0] ** 2 for A in hidden]
    jacobians = [net.parameters[f"W{l + 1}"] * slopes[l - 1] for l in range(1, HIDDEN)]
    return Spread(
        np.array([A.value.std() for A in hidden], np.float64),
        np.array([np.asarray(A.grad).std() for A in hidden], np.float64),
        np.array([np.linalg.svd(J, compute_uv=False).mean() for J in jacobians], np.float64),
    )


def _a_layer(deviations: Matrix) -> float:
    """How many times smaller it becomes from one to the next, on average."""
    return float((deviations[0] / deviations[-1]) ** (1 / (len(deviations) - 1)))


def _deep(start: str, seed: int, X: Matrix, y: Matrix, epochs: int, units: int) -> tuple[list[float], float]:
    """J of each epoch of 30 layers of relu, and how much of the signal's deviation is left behind them at the start."""
    hidden = [Dense(units, "relu", initializer=start) for _ in range(DEEP)]
    net = Network([*hidden, Dense(10, "softmax")], seed=seed, input_shape=X.shape[1])
    deviations: list[float] = []
    net.record(net.cast(X[:200]), watch=lambda layer, A, output: deviations.append(float(output.value.std())))
    history = quietly(
        net,
        X,
        y,
        loss="cross_entropy",
        optimizer=GradientDescent(0.01, momentum=0.9),
        epochs=epochs,
        batch_size=32,
        seed=seed,
    )
    return history["loss"], deviations[DEEP - 1] / deviations[0]


def _rows(numbers: dict[str, list[float]], epochs: int, narrow: int) -> list[Row]:
    per_layer = {
        what: "; ".join(f"{name} {spread(numbers[f'{name} {what}'])}" for name in STARTS)
        for what in ("signal", "gradient")
    }
    return [
        Row(
            "mean singular value of a layer's Jacobian, normalized start",
            "0.8",
            spread(numbers["normalized singular"]),
            "Of W alone it is 8 / 3π = 0.85, if W is square and large; tanh takes some of it away.",
            "checked",
        ),
        Row(
            "the same, standard start",
            "0.5",
            spread(numbers["standard singular"]),
            "Of W alone it is 0.85 / √3 = 0.49.",
            "checked",
        ),
        Row(
            "how many times smaller the gradient is, a layer further back",
            "√3 = 1.73 standard, 1 normalized (section 4.2.1)",
            per_layer["gradient"],
            "The derivation leaves tanh out, whose slope makes the gradient smaller still.",
            "memory",
        ),
        Row("how many times smaller the signal is, a layer further on", "the same", per_layer["signal"], "As above."),
        Row(
            f"30 layers of relu, Xavier: J after {epochs} epochs",
            '"completely stalls" (He et al., figure 3)',
            f"{min(numbers['xavier cost']):.3f} to {max(numbers['xavier cost']):.3f}",
            f"ln 10 = 2.303 is a guess; {spread(numbers['xavier signal'])} of the signal is left, 2^(−14.5) "
            "= 4e−05 by the formula.",
            "checked",
        ),
        Row(
            f"30 layers of relu, He: J after {epochs} epochs",
            "converges (He et al., figure 3)",
            spread(numbers["he cost"]),
            f"{spread(numbers['he signal'])} of the signal is left; layers of {narrow} units leave much to chance.",
            "checked",
        ),
    ]


def _figure(spreads: dict[str, list[Spread]], costs: dict[str, Matrix]) -> Chart:
    layers = np.arange(1.0, HIDDEN + 1)
    signal: list[Mark] = []
    gradient: list[Mark] = []
    for (name, all_of), colour in zip(spreads.items(), COLOURS, strict=False):
        for marks, deviations in ((signal, [one.A for one in all_of]), (gradient, [one.dA for one in all_of])):
            marks += courses(layers, np.log10(deviations), colour, name, dots=True)
    learned: list[Mark] = []
    for (name, of_starts), colour in zip(costs.items(), COLOURS[3:], strict=False):
        passed = np.arange(1.0, of_starts.shape[1] + 1)
        learned += courses(passed, of_starts, colour, {"xavier": "Xavier", "he": "He"}[name])
    learned.append(Line([1, passed[-1]], [math.log(10)] * 2, MARK, "ln 10", thin=True))
    panels = [
        Panel("Forward: deviation of A^[l]", "layer l", "log₁₀", signal, whole=True),
        Panel("Backward: deviation of dA^[l]", "layer l", "log₁₀", gradient, whole=True),
        Panel("30 layers of relu", "epoch", "J", learned, whole=True),
    ]
    return Chart("Signals and derivatives by layers for three starts, and 30 layers of relu", panels, 360, 300)
