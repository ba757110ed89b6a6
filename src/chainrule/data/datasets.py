"""Data sets as people have them: those that scikit-learn bundles, and .npz files with X and y."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError
from chainrule.names import unknown

BUNDLED = ("iris", "wine", "breast_cancer", "digits", "diabetes")
"""The data sets that need no file."""

Kind = Literal["classification", "regression"]


@dataclass(frozen=True)
class Dataset:
    """Examples as they were found.

    Attributes:
        name: how the user called them.
        X: (m, …) numbers.
        y: (m,) labels of any type, or (m,) or (m, n_out) values; None where the file has none.
    """

    name: str
    X: NDArray[Any]
    y: NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.X)

    @property
    def kind(self) -> Kind:
        """Text, yes-or-no and whole numbers are classes; other numbers, or several columns, are values.

        More than 100 different whole numbers that are also more than a twentieth of the examples are values, too.

        Raises:
            DataError: there is no y.
        """
        y = self.targets()
        if y.ndim > 1 or y.dtype.kind == "f":
            return "regression"
        if y.dtype.kind in "iu" and len(np.unique(y)) > max(100, len(y) // 20):
            return "regression"
        return "classification"

    def checksum(self) -> int:
        """A number that tells these examples from others."""
        y = b"" if self.y is None else np.ascontiguousarray(self.y).tobytes()
        return zlib.crc32(y, zlib.crc32(np.ascontiguousarray(self.X).tobytes()))

    def targets(self) -> NDArray[Any]:
        """y, which must be there.

        Raises:
            DataError: it is not.
        """
        if self.y is None:
            raise DataError(f"{self.name} has no y, so there is nothing to compare predictions with.")
        return self.y


def read(source: str) -> Dataset:
    """The data set of a bundled name or an .npz file.

    Raises:
        DataError: there is no such data set or file, or it does not hold what a data set must.
    """
    if source in BUNDLED:
        return _bundled(source)
    path = Path(source)
    if path.suffix == ".npz":
        return _npz(path)
    if path.exists():
        raise DataError(f"{source} is no .npz file; chainrule reads {', '.join(BUNDLED)} and .npz files with X and y.")
    raise DataError(f"{unknown('data set', source, BUNDLED)} Or give the path of an .npz file with X and y.")


def number(y: NDArray[Any], classes: list[Any]) -> NDArray[np.int64]:
    """Each label as its place among `classes`.

    Raises:
        DataError: a label is none of them.
    """
    places = {label: i for i, label in enumerate(classes)}
    try:
        return np.array([places[label] for label in y.tolist()], dtype=np.int64)
    except KeyError as error:
        raise DataError(f"y holds {error.args[0]!r}, but the classes are {_told(classes)}.") from None
    except TypeError:
        raise DataError(f"y is {y.shape}, but labels are one for each example.") from None


def _told(classes: list[Any]) -> str:
    return ", ".join(map(repr, classes[:10])) + (", …" if len(classes) > 10 else "")


def _bundled(name: str) -> Dataset:
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    y = found.target if name == "diabetes" else np.asarray(found.target_names)[found.target]
    return Dataset(name, found.data, y)


def _npz(path: Path) -> Dataset:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            held = {key: arrays[key] for key in arrays.files if key in ("X", "y")}
            names = arrays.files
    except FileNotFoundError:
        raise DataError(f"there is no file {path}.") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
        reason = "an array of Python objects" if "pickle" in str(error) else str(error)
        raise DataError(f"{path} cannot be read as an .npz file: {reason}.") from None
    if "X" not in held:
        raise DataError(f"{path} holds {', '.join(names) or 'nothing'}, but a data set is X (m, …) and y (m,).")
    X, y = held["X"], held.get("y")
    if X.ndim < 2 or len(X) == 0:
        raise DataError(f"X in {path} is {X.shape}, but must be (m, …) with an example in each row.")
    if X.dtype.kind not in "fiub":
        raise DataError(f"X in {path} is of type {X.dtype}, but must be numbers.")
    if y is None:
        return Dataset(str(path), X, None)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if len(y.shape) == 0 or len(y) != len(X):
        raise DataError(f"in {path} X is {X.shape} and y is {y.shape}: each example needs one entry of y.")
    if y.dtype.kind == "f" and y.ndim == 1 and np.isfinite(y).all() and (y % 1 == 0).all() and len(np.unique(y)) <= 100:
        y = y.astype(np.int64)
    if y.dtype.kind not in "fiubUS" or (y.dtype.kind == "f" and not np.isfinite(y).all()):
        raise DataError(f"y in {path} must be labels or finite numbers.")
    return Dataset(str(path), X, y.astype(str) if y.dtype.kind == "S" else y)
