"""Two public sets of texts, each a CSV: `chainrule train` without an option beside TF-IDF and logistic regression.

Run by `python -m benchmarks.texts`. Both see the same rows: a fifth is held out, by three seeds. The peer is
scikit-learn's, of words and pairs of words; of its C the best on the held-out part is shown, which nobody could know.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from rich.console import Console
from rich.table import Table as Shown
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from chainrule.data.table_reading import read_table
from chainrule.experiments import Experiment, Settings

DATA = Path(os.environ.get("CHAINRULE_DATA", Path(__file__).parents[2] / "shared" / "data"))
"""Where the tables lie: rt-polarity (Pang & Lee, 2005) and SMS spam (Almeida et al., 2011)."""

SETS = {"rt_polarity.csv": ("sentence", "opinion"), "sms_spam.csv": ("v2", "v1")}
"""Of each table the column of texts, and what is to be predicted."""

SEEDS = (0, 1, 2)
STRENGTHS = (1.0, 10.0, 100.0)


@dataclass(frozen=True)
class Measured:
    """What one contestant reached on one division of one set: accuracy on the held-out part, and seconds to fit."""

    accuracy: float
    seconds: float


def measure(path: Path, text: str, target: str, seed: int) -> dict[str, Measured]:
    """Both contestants, on the same rows of a table."""
    begin = time.perf_counter()
    table = read_table(path, target)
    with tempfile.TemporaryDirectory() as folder:
        experiment = Experiment(table, Settings(seed=seed), folder)
        network, _ = experiment.fit(progress=False)
    seconds = time.perf_counter() - begin
    splits, y = experiment.splits, experiment.Y.ravel()
    right = (network.predict(experiment.X[splits.test]).ravel() > 0.5) == y[splits.test]
    texts = np.array(table.frame[text].fill_null("").to_list(), object)
    known = np.concatenate([splits.train, splits.validation])
    return {
        "chainrule": Measured(float(right.mean()), seconds),
        "TF-IDF, best C": peer(texts[known], y[known], texts[splits.test], y[splits.test]),
    }


def peer(texts: Sequence[str], y: Sequence[int], new: Sequence[str], true: Sequence[int]) -> Measured:
    """TF-IDF of words and pairs, and a logistic regression with that C which turns out to be the best; its seconds."""
    begin = time.perf_counter()
    vectors = TfidfVectorizer(ngram_range=(1, 2))
    X, X_new = vectors.fit_transform(texts), vectors.transform(new)
    read = time.perf_counter() - begin
    found = []
    for C in STRENGTHS:
        begin = time.perf_counter()
        model = LogisticRegression(C=C, max_iter=300).fit(X, y)
        found.append(Measured(float(model.score(X_new, true)), read + time.perf_counter() - begin))
    return max(found, key=lambda measured: measured.accuracy)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.texts", description=__doc__)
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many divisions of each set")
    parser.add_argument("--first", type=int, default=SEEDS[0], help="the first of the seeds that divide them")
    asked = parser.parse_args(arguments)
    seeds = range(asked.first, asked.first + asked.seeds)
    shown = Shown("texts", "", "accuracy", "±", "seconds")
    for name, (text, target) in SETS.items():
        if not (DATA / name).is_file():
            print(f"{DATA} has no {name}, so it is left out: CHAINRULE_DATA says where it lies")
            continue
        runs = [measure(DATA / name, text, target, seed) for seed in seeds]
        for contestant in runs[0]:
            accuracies = [run[contestant].accuracy for run in runs]
            spread = f"{stdev(accuracies):.4f}" if len(runs) > 1 else ""
            seconds = mean(run[contestant].seconds for run in runs)
            shown.add_row(name, contestant, f"{mean(accuracies):.4f}", spread, f"{seconds:.1f}")
    Console().print(shown)


if __name__ == "__main__":
    main()
