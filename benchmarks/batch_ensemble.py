"""k networks that share their weights, beside k that do not: which is better on tables for its time?

    python -m benchmarks.batch_ensemble                  # the tables of shared/tables, one split each
    python -m benchmarks.batch_ensemble --only abalone --splits 2

In a batch ensemble (Wen et al., 2020; of tables TabM, Gorishniy et al., 2025) the members have one W for all, and
each its own r_i, s_i and b_i: Z_i = s_i ∘ W (r_i ∘ A_i) + b_i. They learn side by side, each by its own loss, and
answer by their mean. Here it stands beside one network and five, all with the bins, units and rates that `chainrule
train` has for tables, all learning from the same four fifths of the rows that are not tested on, and stopped by the
last fifth.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import chainrule as cr
from benchmarks.defaults import DATA, run, told
from benchmarks.standings import all_tables, what_is_compared
from benchmarks.table_models import Answers, Contestant
from benchmarks.table_problems import Problem, listed
from benchmarks.table_results import Kept
from benchmarks.terminal import show, terminal
from chainrule.experiments import Settings
from chainrule.experiments.architectures import rows as hidden_layers
from chainrule.experiments.design import optimizer_for
from chainrule.experiments.settings import usual_patience
from chainrule.ops import linear

RESULTS = Path("runs/batch_ensemble.jsonl")
DROPOUT, AS_MANY = 0.1, 3
"""The dropout of all, and how many times as many epochs as usual they may have before they are stopped."""


class Signs(cr.initializers.Initializer):
    """Each 1 or −1, by which members begin apart."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[Any]:
        return random.choice([-1.0, 1.0], size=shape)


@dataclass(eq=False, repr=False)
class SharedDense(cr.Layer):
    """Z_i = s_i ∘ W (r_i ∘ A_i) + b_i for k members: A (m, k, n), or (m, n), which is the same for all, without r.

    The output is (m, k, n_out), W (n_out, n) of all, r (k, n), s and b (k, n_out).
    """

    n_out: int
    k: int

    def forward(self, A: Any) -> Any:
        n, first = A.shape[-1], A.ndim == 2
        W = self.parameter("W", (self.n_out, n), cr.initializers.He())
        s = self.parameter("s", (self.k, self.n_out), Signs() if first else cr.initializers.Ones())
        b = self.parameter("b", (self.k, self.n_out))
        if first:
            return linear(A, W).reshape(-1, 1, self.n_out) * s + b
        return linear(A * self.parameter("r", (self.k, n), cr.initializers.Ones()), W) * s + b


@dataclass(frozen=True)
class Numbers:
    """A problem as networks take it: X (m, n), Y (m,) classes or (m, 1) standardized values; whose rows are what."""

    X: NDArray[Any]
    Y: NDArray[Any]
    classes: int
    encoding: Any
    settings: Settings
    learned: NDArray[np.intp]
    watched: NDArray[np.intp]
    test: NDArray[np.intp]
    middle: float = 0.0
    spread: float = 1.0


def numbers(problem: Problem) -> Numbers:
    """The table as `chainrule train` reads it."""
    source = cr.read_table(problem.table.path, problem.table.target, task=problem.table.task)
    place = np.searchsorted(source.row, problem.row + 1)
    train, test = place[problem.train], place[problem.test]
    encoding = source.learn(train)
    order = np.random.default_rng(problem.split).permutation(train)
    learned, watched = np.sort(order[len(order) // 5 :]), np.sort(order[: len(order) // 5])
    usual = Settings().beside(source.several).resolve(len(train), bool(len(problem.classes)), problem.split)
    epochs = AS_MANY * (usual.epochs or 1)
    settings = replace(usual, dropout=DROPOUT, epochs=epochs, patience=usual_patience(epochs))
    Y = source.numbers(source.target)
    parts = (encoding, settings, learned, watched, test)
    if len(problem.classes):
        labels = np.searchsorted(problem.classes, np.array(source.target.labels[0]).astype(str))
        return Numbers(encoding.X(source), labels[Y.ravel().astype(int)], len(problem.classes), *parts)
    middle, spread = float(Y[train].mean()), float(Y[train].std())
    Z = ((Y.reshape(-1, 1) - middle) / spread).astype(np.float32)
    return Numbers(encoding.X(source), Z, 0, *parts, middle, spread)


def layers(given: Numbers, k: int) -> list[cr.Layer]:
    """The usual hidden layers, of k members that share their weights, or, where k is 0, of a single network."""
    first, *behind = given.encoding.layers(given.X.shape[1:]), *hidden_layers(given.encoding, given.settings)
    found = [*first, *behind, cr.Dense(given.classes or 1, "softmax" if given.classes else None)]
    return [one for layer in found for one in (_shared(layer, k) if k and isinstance(layer, cr.Dense) else [layer])]


def _shared(layer: cr.Dense, k: int) -> list[cr.Layer]:
    """A dense layer as k members have it."""
    step = SharedDense(layer.n_out, k)
    return [step] if layer.activation is None else [step, cr.Activation(layer.activation)]


def fitted(given: Numbers, k: int, seed: int) -> NDArray[Any]:
    """What a network learns to answer for the rows to test: (m, classes) or (m, 1), the mean of its members."""
    net = cr.Network(layers(given, k), seed=seed)

    def asked(rows: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[Any]]:
        Y = given.Y[rows]
        return given.X[rows], np.repeat(Y[:, None], k, axis=1) if k else Y

    history = cr.train(
        net,
        *asked(given.learned),
        loss="cross_entropy" if given.classes else "squared_error",
        optimizer=optimizer_for(given.settings),
        epochs=given.settings.epochs,
        batch_size=given.settings.batch_size,
        validation=asked(given.watched),
        early_stopping=cr.EarlyStopping("val_loss", given.settings.patience),
        seed=seed,
        progress=False,
        hints=False,
    )
    if history.engine != "native":
        raise RuntimeError(f"the {history.engine} engine trained it: {history.reason}")
    found = net.predict(given.X[given.test])
    return found.mean(axis=1) if k else found


def model(k: int, networks: int, problem: Problem) -> Callable[[], Answers]:
    """So many networks, each of k members that share their weights, or none, whose mean answers."""
    given = numbers(problem)

    def learn() -> Answers:
        found = np.mean([fitted(given, k, 1000 * problem.split + i) for i in range(networks)], axis=0)
        return np.asarray(found if given.classes else found.ravel() * given.spread + given.middle, np.float64)

    return learn


CONTESTANTS = [
    Contestant("five networks", partial(model, 0, 5), ours=True),
    Contestant("one network", partial(model, 0, 1), ours=True),
    *(Contestant(f"batch ensemble of {k}", partial(model, k, 1), ours=True) for k in (5, 16)),
]


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.batch_ensemble",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="some of the tables")
    parser.add_argument("--splits", type=int, default=1, help="how many divisions of each table (default: 1)")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help=f"what keeps them ({RESULTS})")
    given = parser.parse_args()
    tables = [table for table in listed(DATA.parent / "tables") if not given.only or table.name in given.only]
    say = partial(print, file=sys.stderr, flush=True)
    results = run(tables, given.splits, CONTESTANTS, Kept(given.results), keep=True, say=say)
    standings = told(results, CONTESTANTS)
    if isinstance(standings, str):
        raise SystemExit(standings)
    for table in all_tables(standings, what_is_compared(results, standings.names, standings)):
        show(terminal(), table)


if __name__ == "__main__":
    main()
