"""Parameters are learned, hyperparameters are chosen: a table of both, and what each choice does (the notes)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import extras
from chainrule.errors import NotFiniteError
from chainrule.layers import Dense, Network
from chainrule.names import lookup
from chainrule.optimizers import LBFGS, Adagrad, Adam, GradientDescent, Optimizer, RMSProp, find_optimizer
from chainrule.randomness import legacy_stream
from chainrule.training import History, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Effect:
    """What one hyperparameter does to training on scikit-learn's handwritten digits.

    Attributes:
        name: of the hyperparameter.
        values: those tried.
        histories: of the run with each value, up to where it diverged if it did; `stopped` says so.
    """

    name: str
    values: list[Any]
    histories: list[History]

    def __str__(self) -> str:
        width = max(len(str(text)) for text in (self.name, *self.values))
        lines = [f"{self.name:<{width}}   J         validation accuracy"]
        for value, history in zip(self.values, self.histories, strict=True):
            lines.append(f"{value!s:<{width}}   {_ending(history)}")
        return "\n".join(lines)

    def plot(self) -> Figure:
        """The cost and the accuracy on unseen digits over the epochs, a line for each value."""
        from chainrule.extras import matplotlib

        figure = matplotlib.figure.Figure(figsize=(10, 3.8), layout="constrained")
        panels = zip(figure.subplots(1, 2), ("loss", "val_accuracy"), ("cost J", "validation accuracy"), strict=True)
        for axes, key, title in panels:
            for k, (value, history) in enumerate(zip(self.values, self.histories, strict=True)):
                colour = matplotlib.colormaps["viridis"](0.9 * k / max(len(self.values) - 1, 1))
                label = f"{value}, diverged" if history.stopped.startswith("diverged") else str(value)
                axes.plot(history[key], color=colour, linewidth=1.8, label=label)
            axes.set_title(title)
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, title=self.name, fontsize=8)
        return figure


CHOICES: dict[str, Sequence[Any]] = {
    "alpha": (0.001, 0.01, 0.1, 1.0, 10.0),
    "iterations": (1, 5, 20, 60),
    "layers": (0, 1, 2, 4),
    "units": (2, 8, 32, 128),
    "activation": ("sigmoid", "tanh", "relu", "leaky_relu"),
    "momentum": (0.0, 0.5, 0.9),
    "batch_size": (1, 16, 128, None),
    "regularization": (0.0, 0.001, 0.01, 0.1),
    "initialization": ("zeros", "random", "xavier", "he"),
    "optimizer": (
        GradientDescent(0.1),
        GradientDescent(0.1, momentum=0.9),
        Adagrad(0.03),
        RMSProp(0.003),
        Adam(0.003),
    ),
}
"""The hyperparameters that the notes name, and the values that `effect_of` tries."""

ALSO_CALLED = {"learning_rate": "alpha", "mini_batch": "batch_size", "epochs": "iterations", "l2": "regularization"}
"""Other names of the same."""


def effect_of(name: str, values: Sequence[Any] | None = None, *, epochs: int = 20, seed: int = 0) -> Effect:
    """Train on 1,437 of scikit-learn's digits with each value of one hyperparameter, all others the same.

    The others are α = 0.1, one hidden layer of 32 relu units, no momentum, batches of 32, no regularization, and W as
    relu likes it, "he".

    Args:
        name: "alpha" or "learning rate", "iterations" (epochs), "layers" (hidden ones, L − 1), "units" (n^[l] of the
            hidden layer), "activation", "momentum", "batch_size" or "mini-batch" (None for all examples),
            "regularization" (λ of L2), "initialization" (of W) or "optimizer" (each with its own α).
        values: what to try instead of `CHOICES`.
        epochs: how long each run is.
        seed: of all of them.

    Returns:
        What came of each value; of one too large for training to go on, in which epoch J or a parameter became NaN
        or infinite.

    Raises:
        OptionError: an unknown name, or a value that nothing can be done with.
    """
    plain = str(name).lower().replace(" ", "_").replace("-", "_")
    plain = ALSO_CALLED.get(plain, plain)
    usual = lookup("hyperparameter", plain, CHOICES)
    tried = list(usual if values is None else values)
    return Effect(plain, tried, [_run({plain: value}, epochs, seed) for value in tried])


def table(net: Network, **hyperparameters: Any) -> str:
    """The parameters of a network, with their shapes, beside the hyperparameters that led to them.

    Args:
        net: a built network.
        hyperparameters: what was chosen besides the layers, such as alpha=0.1, epochs=20.
    """
    parameters = [f"{name} {value.shape}" for name, value in net.parameters.items()]
    dense = [layer for _, layer in net.family() if isinstance(layer, Dense)]
    chosen = [f"L = {len(dense)}"]
    chosen += [
        f"n^[{l}] = {layer.n_out}, g^[{l}] = {layer.activation or 'identity'}" for l, layer in enumerate(dense, 1)
    ]
    chosen += [f"{name} = {value}" for name, value in hyperparameters.items()]
    rows = max(len(parameters), len(chosen))
    left = max(len(text) for text in [*parameters, "parameters (learned)"])
    padded = [column + [""] * (rows - len(column)) for column in (parameters, chosen)]
    lines = [f"{'parameters (learned)':<{left}}   hyperparameters (chosen)"]
    lines += [f"{a:<{left}}   {b}".rstrip() for a, b in zip(*padded, strict=True)]
    return "\n".join(lines)


@cache
def _digits() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """X, X_val, y, y_val, read once for all values that are tried."""
    extras.require("sklearn")
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, y = load_digits(return_X_y=True)
    random = legacy_stream("hyperparameters", 0)
    X, X_val, y, y_val = train_test_split(X / 16, y, test_size=0.2, stratify=y, random_state=random)
    return np.asarray(X), np.asarray(X_val), y, y_val


def _run(changed: dict[str, Any], epochs: int, seed: int) -> History:
    X, X_val, y, y_val = _digits()
    usual: dict[str, Any] = {
        "alpha": 0.1,
        "iterations": epochs,
        "layers": 1,
        "units": 32,
        "activation": "relu",
        "momentum": 0.0,
    }
    usual |= {"batch_size": 32, "regularization": 0.0, "initialization": None, "optimizer": None}
    chosen = usual | changed
    start = chosen["initialization"]
    hidden = [Dense(chosen["units"], chosen["activation"], initializer=start) for _ in range(chosen["layers"])]
    watched: list[History] = []
    try:
        return train(
            Network([*hidden, Dense(10, "softmax", initializer=start)], seed=seed),
            X,
            y,
            loss="cross_entropy",
            optimizer=_optimizer(chosen),
            epochs=chosen["iterations"],
            batch_size=None if isinstance(chosen["optimizer"], LBFGS) else chosen["batch_size"],
            validation=(X_val, y_val),
            metrics=["accuracy"],
            callbacks=lambda run: watched.append(run.history),
            seed=seed,
            progress=False,
        )
    except NotFiniteError:
        history = watched[-1] if watched else History(seed=seed)
        history.stopped = f"diverged in epoch {len(history.epochs) + 1}"
        return history


def _optimizer(chosen: dict[str, Any]) -> Optimizer | LBFGS:
    if chosen["optimizer"] is not None:
        return find_optimizer(chosen["optimizer"])
    return GradientDescent(chosen["alpha"], momentum=chosen["momentum"], l2=chosen["regularization"])


def _ending(history: History) -> str:
    """What came of a run, after the value that was tried."""
    if history.stopped.startswith("diverged"):
        return history.stopped
    if not history.epochs:
        return "no epoch"
    last = history.epochs[-1]
    return f"{last['loss']:<10.4f}{last['val_accuracy']:.4f}"
