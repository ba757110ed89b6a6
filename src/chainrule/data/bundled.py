"""The data sets that scikit-learn bundles, from its files: to import it takes longer than to train on them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.extras import require

BUNDLED = ("iris", "wine", "breast_cancer", "digits", "diabetes")
"""The data sets that need no file."""

Bundle = tuple[NDArray[np.float64], NDArray[Any]]


def read_bundled(name: str) -> Bundle:
    """X (m, n_x) and y (m,) of one of `BUNDLED`: names of classes, digits or values.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    require("sklearn")
    package = find_spec("sklearn")
    for folder in (package and package.submodule_search_locations) or ():
        try:
            return _from_files(name, Path(folder) / "datasets" / "data")
        except (OSError, ValueError, IndexError):
            continue
    return _from_scikit_learn(name)


def _from_files(name: str, folder: Path) -> Bundle:
    """Raises OSError, ValueError or IndexError where the files are elsewhere or of another form."""
    if name == "digits":
        table = np.loadtxt(folder / "digits.csv.gz", delimiter=",")
        return np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(int)
    if name == "diabetes":
        X = np.loadtxt(folder / "diabetes_data_raw.csv.gz")
        X = (X - X.mean(axis=0)) / X.std(axis=0) / len(X) ** 0.5
        return X, np.loadtxt(folder / "diabetes_target.csv.gz")
    with open(folder / {"wine": "wine_data.csv"}.get(name, f"{name}.csv"), encoding="utf-8") as file:
        m, n_x, *classes = next(file).strip().split(",")
        table = np.loadtxt(file, delimiter=",").reshape(int(m), int(n_x) + 1)
    return np.ascontiguousarray(table[:, :-1]), np.array(classes)[table[:, -1].astype(int)]


def _from_scikit_learn(name: str) -> Bundle:
    require("sklearn")
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    return found.data, found.target if name == "diabetes" else np.asarray(found.target_names)[found.target]
