"""Why parameters do not start from zeros: units that begin alike stay alike (the notes, "random initialization")."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.notes.layers import train
from chainrule.notes.shapes import Matrix


@dataclass(frozen=True)
class Symmetry:
    """Hidden units after the same training from zeros and from random numbers.

    Attributes:
        zeros, random: W^[1] (n^[1], n_x) after training from each start.
        costs: J over the iterations, by start.
    """

    zeros: Matrix
    random: Matrix
    costs: dict[str, list[float]]

    def __str__(self) -> str:
        def rows(W: Matrix) -> str:
            return "\n".join("   [" + " ".join(f"{w: .4f}" for w in row) + "]" for row in W)

        return (
            f"W^[1] trained from zeros: all rows the same, so all hidden units compute the same\n{rows(self.zeros)}\n"
            f"W^[1] trained from random numbers: each unit its own\n{rows(self.random)}\n"
            f"J after {len(self.costs['zeros'])} iterations: {self.costs['zeros'][-1]:.4f} from zeros, "
            f"{self.costs['random'][-1]:.4f} from random numbers"
        )


def show_symmetry(hidden: int = 4, iterations: int = 2000, alpha: float = 1.0, seed: int = 1) -> Symmetry:
    """Train a network with one hidden layer of sigmoids, once from zeros and once from random numbers.

    From zeros every hidden unit gets the same gradient at every step, so they move, but stay identical for ever. (With
    tanh or relu they would not even move: A^[1] = 0 makes dW^[2] = 0, and W^[2] = 0 makes dW^[1] = 0.)
    """
    X, Y = [[0.0, 0.0, 1.0, 1.0, 2.0], [0.0, 1.0, 0.0, 1.0, 2.0]], [[0.0, 1.0, 1.0, 0.0, 1.0]]
    trained = {
        method: train(
            X,
            Y,
            (2, hidden, 1),
            alpha,
            iterations,
            activations=("sigmoid", "sigmoid"),
            method=method,
            scale=1.0,
            seed=seed,
        )
        for method in ("zeros", "random")
    }
    W = {method: network.parameters["W1"] for method, network in trained.items()}
    return Symmetry(W["zeros"], W["random"], {method: network.costs for method, network in trained.items()})
