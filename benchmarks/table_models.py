"""Who learns tables in `benchmarks.defaults`: chainrule, and what a user would take instead, each with its defaults.

A model is a function of a problem. It imports what it needs, reads what it reads, and returns a call: that learns from
the training rows and answers for the test rows, on one thread, and is what is measured. Answers are probabilities
(m_test, K) of all classes of the table, in the order of `Problem.classes`, or values (m_test,).

Where a library wants its columns prepared, that is what its users write: medians for missing numbers and a
StandardScaler, one-hot columns or texts for words.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import chainrule
from benchmarks.table_problems import Problem
from chainrule.data.tables import Table
from chainrule.experiments import Experiment, Settings, Trained
from chainrule.experiments.settings import own_network
from chainrule.experiments.splits import Splits, watched

Answers = NDArray[np.float64]
Model = Callable[[Problem], Callable[[], Answers]]

MOST_CATEGORIES = 255
"""HistGradientBoosting refuses columns with more; their codes are numbers to it."""


@dataclass(frozen=True)
class Contestant:
    """A model that takes part.

    Attributes:
        name: what `--contestants` calls it. packages: what must be installed for it, the one it is from first.
        ours: whether it is chainrule's, which is measured anew. trees: whether it is made of trees.
    """

    name: str
    model: Model
    packages: tuple[str, ...] = ()
    ours: bool = False
    trees: bool = False

    @property
    def versions(self) -> str:
        """Its packages with their versions, of chainrule also which code it is; "" where one is not installed."""
        if self.ours:
            return f"chainrule {chainrule.__version__}, code {code()}"
        try:
            return ", ".join(f"{package} {version(package)}" for package in self.packages)
        except PackageNotFoundError:
            return ""


@cache
def code() -> str:
    """A checksum of chainrule's own files, the engine's among them."""
    folder, found = Path(chainrule.__file__).parent, 0
    for path in sorted(path for pattern in ("*.py", "*.so") for path in folder.rglob(pattern)):
        found = crc32(path.read_bytes(), found)
    return f"{found:08x}"


def by_chainrule(settings: Settings, problem: Problem, **reading: bool) -> Callable[[], Answers]:
    """What `chainrule train` makes of the table, its test part given; it takes its validation part by itself.

    Args:
        reading: options of `chainrule.read_table`.
    """
    settings = replace(settings, seed=problem.split)
    source = chainrule.read_table(problem.table.path, problem.table.target, task=problem.table.task, **reading)
    place = np.searchsorted(source.row, problem.row + 1).clip(max=len(source) - 1)
    _require_same(problem, source, place)

    def learn() -> Answers:
        splits = Splits(*_watched(source, settings, place[problem.train]), place[problem.test])
        with tempfile.TemporaryDirectory() as folder:
            if Experiment(source, settings, folder, splits=splits).run(progress=False).history.cut:
                raise RuntimeError("training was interrupted")
            trained = Trained.load(folder)
        columns = [*trained.predictions(source).values()]
        if trained.target.labels is None:
            return np.array(columns[-1])[splits.test]
        P = np.array(columns[-len(problem.classes) :])[:, splits.test]
        return P[np.argsort(np.array(trained.target.labels[0]).astype(str))].T

    return learn


def _require_same(problem: Problem, source: Table, place: NDArray[np.intp]) -> None:
    """Raises RuntimeError where chainrule reads other rows, classes or values there than pandas."""
    if not np.array_equal(source.row[place], problem.row + 1):
        raise RuntimeError("chainrule leaves out rows of the table that others learn from")
    Y, labels = source.numbers(source.target).ravel()[place], source.target.labels
    same = (
        np.allclose(Y, problem.y)
        if labels is None
        else np.array_equal(np.array(labels[0]).astype(str)[Y.astype(int)], problem.y)
    )
    if not same:
        raise RuntimeError("chainrule reads another column to predict than others")


def _watched(source: Table, settings: Settings, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Those of the training rows to learn from, and those to watch, as `chainrule train` divides them: several networks
    part all of them by themselves."""
    usual = settings if own_network(settings) else settings.beside(source.several)
    if (usual.members or 1) > 1 and not settings.quick:
        return rows, rows[:0]
    share = settings.beside(source.defaults).validation_share(len(rows), source.small)
    return watched(source, source.numbers(source.target), rows, share, settings.seed or 0)


def answers(model: Any, problem: Problem, X: pd.DataFrame) -> Answers:
    """Fit an estimator of scikit-learn's kind, and let it answer. Labels are numbered, as some take nothing else."""
    y = problem.y[problem.train]
    if not len(problem.classes):
        return np.asarray(model.fit(X.iloc[problem.train], y).predict(X.iloc[problem.test]), np.float64)
    met, codes = np.unique(y, return_inverse=True)
    P = np.zeros((len(problem.test), len(problem.classes)))
    model.fit(X.iloc[problem.train], codes)
    P[:, np.searchsorted(problem.classes, met)] = model.predict_proba(X.iloc[problem.test])
    return P


def words_of(X: pd.DataFrame) -> list[str]:
    """The names of the columns of words."""
    return [name for name in X if isinstance(X[name].dtype, pd.CategoricalDtype)]


def encoded(model: Any, X: pd.DataFrame) -> Any:
    """A pipeline that ends in the model: numbers standardized, their gaps medians, words as one-hot columns."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    words = words_of(X)
    numbers = [name for name in X if name not in words]
    return make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore"), words),
        ),
        model,
    )


def linear(problem: Problem) -> Callable[[], Answers]:
    """Logistic regression, with as many iterations as its warning asks for, or ridge regression."""
    from sklearn.linear_model import LogisticRegression, Ridge

    model = LogisticRegression(max_iter=1000) if len(problem.classes) else Ridge()
    pipeline = encoded(model, problem.X)
    return lambda: answers(pipeline, problem, problem.X)


def mlp(problem: Problem) -> Callable[[], Answers]:
    """scikit-learn's network."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if len(problem.classes) else MLPRegressor
    pipeline = encoded(kind(random_state=problem.split), problem.X)
    return lambda: answers(pipeline, problem, problem.X)


def hist_gradient_boosting(problem: Problem) -> Callable[[], Answers]:
    """scikit-learn's trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if len(problem.classes) else HistGradientBoostingRegressor
    model = kind(categorical_features="from_dtype", random_state=problem.split)

    def learn() -> Answers:
        many = [name for name in words_of(problem.X) if len(problem.X[name].cat.categories) > MOST_CATEGORIES]
        codes = {name: problem.X[name].cat.codes.astype(float).replace(-1.0, np.nan) for name in many}
        return answers(model, problem, problem.X.assign(**codes))

    return learn


def lightgbm(problem: Problem) -> Callable[[], Answers]:
    """LightGBM."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMClassifier if len(problem.classes) else LGBMRegressor
    return lambda: answers(kind(n_jobs=1, random_state=problem.split, verbose=-1), problem, problem.X)


def catboost(problem: Problem) -> Callable[[], Answers]:
    """CatBoost, which takes words as texts without gaps."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    kind, words = CatBoostClassifier if len(problem.classes) else CatBoostRegressor, words_of(problem.X)
    quiet = {"verbose": False, "allow_writing_files": False}
    model = kind(cat_features=words, thread_count=1, random_seed=problem.split, **quiet)

    def learn() -> Answers:
        texts = {name: problem.X[name].astype(object).fillna("missing").astype(str) for name in words}
        return answers(model, problem, problem.X.assign(**texts))

    return learn


def xgboost(problem: Problem) -> Callable[[], Answers]:
    """XGBoost."""
    from xgboost import XGBClassifier, XGBRegressor

    kind = XGBClassifier if len(problem.classes) else XGBRegressor
    model = kind(enable_categorical=True, n_jobs=1, random_state=problem.split)
    return lambda: answers(model, problem, problem.X)


def pytabkit(name: str, problem: Problem) -> Callable[[], Answers]:
    """A network of pytabkit, such as RealMLP_TD; it refuses gaps in numbers, which become medians."""
    import torch
    from pytabkit.models.sklearn import sklearn_interfaces

    torch.set_num_threads(1)
    kind = getattr(sklearn_interfaces, f"{name}_{'Classifier' if len(problem.classes) else 'Regressor'}")
    model = kind(device="cpu", n_threads=1, random_state=problem.split)

    def learn() -> Answers:
        medians = problem.X.iloc[problem.train].median(numeric_only=True)
        return answers(model, problem, problem.X.fillna(medians))

    return learn


OURS = {
    "chainrule": Settings(threads=1),
}
"""Ways to use chainrule, by name: a line more is a contestant more."""

CONTESTANTS = (
    *(Contestant(name, partial(by_chainrule, chosen), ours=True) for name, chosen in OURS.items()),
    Contestant("linear", linear, ("scikit-learn",)),
    Contestant("MLP", mlp, ("scikit-learn",)),
    Contestant("HistGradientBoosting", hist_gradient_boosting, ("scikit-learn",), trees=True),
    Contestant("LightGBM", lightgbm, ("lightgbm",), trees=True),
    Contestant("CatBoost", catboost, ("catboost",), trees=True),
    Contestant("XGBoost", xgboost, ("xgboost",), trees=True),
    Contestant("RealMLP-TD", partial(pytabkit, "RealMLP_TD"), ("pytabkit", "torch")),
    Contestant("TabM-D", partial(pytabkit, "TabM_D"), ("pytabkit", "torch")),
)

VARIANTS = (
    Contestant("target-statistics", partial(by_chainrule, Settings(threads=1), target_statistics=True), ours=True),
    *(
        Contestant(name.replace("_", "-"), partial(by_chainrule, Settings(threads=1, **{name: chosen})), ours=True)
        for name, chosen in {
            "label_smoothing": 0.1,
            "bin_edges": "tree",
            "weight_decay_schedule": "flat_cosine",
            "dropout_schedule": "flat_cosine",
        }.items()
    ),
)
"""`chainrule train` with one option, by its name: measured where somebody names them alone."""
