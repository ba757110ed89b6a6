"""Data sets as people have them: those that scikit-learn bundles, and .npz files with X and y."""

from __future__ import annotations

import math
import os
import sys
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.bundled import BUNDLED, read_bundled
from chainrule.data.source import Encoding, Source
from chainrule.data.targets import Kind, Target
from chainrule.errors import DataError
from chainrule.layers import Flatten, Layer, Standardize
from chainrule.memory import memory_in_all
from chainrule.names import unknown


@dataclass(frozen=True)
class Dataset(Source):
    """Examples as arrays.

    Args:
        name: how the user called them.
        X: (m, …) numbers.
        y: (m,) labels of any type, or (m,) or (m, n_out) values; None where the file has none.
        task: what to predict, where somebody has said so; None lets `Target.find` find out.
    """

    name: str
    X: NDArray[Any]
    y: NDArray[Any] | None
    task: Kind | None = None

    def __len__(self) -> int:
        return len(self.X)

    @property
    def target(self) -> Target:
        return Target.find(self._columns(), self.task, self.name)

    def numbers(self, target: Target) -> NDArray[Any]:
        columns = self._columns()
        if len(columns) != len(target.names):
            raise DataError(
                f"y in {self.name} has {len(columns)} columns, but the network predicts {len(target.names)}."
            )
        return target.numbers(dict(zip(target.names, columns.values(), strict=True)), self.name)

    def checksum(self) -> int:
        y = b"" if self.y is None else np.ascontiguousarray(self.y).tobytes()
        return zlib.crc32(y, zlib.crc32(np.ascontiguousarray(self.X).tobytes()))

    @property
    def notes(self) -> Sequence[str]:
        one_hot = self._note_on_one_hot()
        if self.task is not None or self.name in BUNDLED or self.y is None or self.y.dtype.kind not in "iuf":
            return one_hot
        kind = "regression" if self.target.labels is None else "classification"
        return [f"y was taken for a {kind}; --task classification or --task regression decides it otherwise", *one_hot]

    def _note_on_one_hot(self) -> list[str]:
        """A note where y has exactly one 1 in each row, as classes of which each excludes the others have."""
        y = self.y
        if self.task == "regression" or y is None or y.ndim != 2 or y.dtype.kind not in "iufb":
            return []
        if not (((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all()):
            return []
        n = y.shape[1]
        return [
            f"each row of y has a single 1, as if it were one of {n} classes, but its {n} columns are {n} questions to "
            "which several answers may be yes: save y.argmax(axis=1) as y to have the classes told apart"
        ]

    def learn(self, rows: NDArray[np.intp]) -> Arrays:
        return Arrays()

    def identification(self) -> dict[str, list[Any]]:
        return {"example": list(range(len(self)))}

    def _columns(self) -> dict[str, NDArray[Any]]:
        """y by columns, which must be there.

        Raises:
            DataError: it is not.
        """
        if self.y is None:
            raise DataError(f"{self.name} has no y, so there is nothing to compare predictions with.")
        return {"y": self.y} if self.y.ndim == 1 else {str(j): column for j, column in enumerate(self.y.T)}


@dataclass(frozen=True, repr=False)
class Arrays(Encoding):
    """The encoding of arrays: numbers as they are; the network's first layer standardizes them."""

    def read(self, data: Any, *, labelled: bool) -> Dataset:
        return read(data)

    def X(self, source: Source) -> NDArray[Any]:
        assert isinstance(source, Dataset)
        return source.X

    def layers(self, input_shape: tuple[int, ...]) -> list[Layer]:
        return [*([Flatten()] if len(input_shape) > 1 else []), Standardize()]


def read(source: str, task: Kind | None = None) -> Dataset:
    """The data set of a bundled name or an .npz file.

    Args:
        source: the name or the path.
        task: "classification" or "regression", where y does not tell it right.

    Raises:
        DataError: there is no such data set or file, or it does not hold what a data set must, or scikit-learn, which
            brings the bundled ones, is not installed.
    """
    require(source)
    if source in BUNDLED:
        return Dataset(source, *read_bundled(source), task)
    if Path(source).suffix == ".npz":
        return replace(_npz(Path(source)), task=task)
    raise DataError(f"{source} is neither a table (.csv, .tsv, .parquet, also .gz) nor an .npz file.")


def require(source: str) -> None:
    """Raises DataError where this is neither a bundled name nor a file."""
    path = Path(source)
    if source in BUNDLED or path.exists():
        return
    if path.suffix:
        raise DataError(f"there is no file {path}.")
    if os.sep in source or "/" in source:
        raise DataError(f"there is no file or folder {source}.")
    raise DataError(f"{unknown('file, folder or data set', source, BUNDLED)}")


def _npz(path: Path) -> Dataset:
    held = _arrays(path)
    if "X" not in held:
        raise DataError(f"{path} holds {', '.join([*held][:10]) or 'nothing'}, but a data set is X (m, …) and y (m,).")
    X, y = held["X"], held.get("y")
    if X.ndim < 2 or X.size == 0:
        raise DataError(f"X in {path} is {X.shape}, but must be (m, …) with an example in each row.")
    if X.dtype.kind not in "fiub":
        raise DataError(f"X in {path} is of type {X.dtype}, but must be numbers.")
    if y is None:
        return Dataset(str(path), X, None)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim == 0 or len(y) != len(X):
        raise DataError(f"in {path} X is {X.shape} and y is {y.shape}: each example needs one entry of y.")
    if y.ndim > 2:
        raise DataError(f"y in {path} is {y.shape}, but must be (m,), or (m, n) where n columns are to be predicted.")
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if not _are_labels(y):
        raise DataError(f"y in {path} must be labels or finite numbers.")
    return Dataset(str(path), X, y)


def _are_labels(y: NDArray[Any]) -> bool:
    """Whether these are labels or values: finite numbers, or text of signs, and not of numbers that stand for none."""
    if y.dtype.kind == "f":
        return bool(np.isfinite(y).all())
    if y.dtype.kind == "U":
        signs = np.frombuffer(y.astype(y.dtype.newbyteorder("=")).tobytes(), np.uint32)
        return bool(signs.max(initial=0) <= sys.maxunicode)
    return y.dtype.kind in "iub"


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """X and y of an .npz file, and the names of whatever else it holds, with nothing behind them."""
    held: dict[str, NDArray[Any]] = {}
    name = "X"
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                if name in held:
                    raise DataError(f"{path} holds two arrays {name}, and nothing tells which is meant.")
                held[name] = _array(archive, entry, f"{name} in {path}") if name in ("X", "y") else np.empty(0)
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"there is no file {path}.") from None
    except zipfile.BadZipFile as error:
        if name in held or "CRC" not in str(error):
            raise DataError(
                f"{path} cannot be read: it is no .npz file, or was cut short. np.savez writes one."
            ) from None
        raise DataError(f"{name} in {path} is damaged: its content is not what was written.") from None
    except Exception as error:  # archives and headers of arrays can be wrong in as many ways as there are bytes
        raise DataError(f"{path} cannot be read as an .npz file: {error or type(error).__name__}.") from None
    return held


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, called: str) -> NDArray[Any]:
    """An array of an archive, made only once its header, its size and the memory agree."""
    if entry.flag_bits & 1:
        raise DataError(f"{called} is encrypted: save it without a password.")
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
        bytes_held, header = math.prod(shape) * dtype.itemsize, file.tell()
    if dtype.hasobject:
        name = called.partition(" ")[0]
        raise DataError(
            f"{called} is an array of Python objects, which could run code when read: "
            f"save {name}.astype(str) or {name}.astype(float) instead."
        )
    if dtype.names is not None:
        raise DataError(f"{called} has columns of its own, {', '.join(dtype.names)}: save a plain array of numbers.")
    if bytes_held != entry.file_size - header or min(shape, default=1) < 0:
        raise DataError(f"{called} should be {shape}, but the file holds more or less than that: was it cut short?")
    memory = memory_in_all()
    if memory is not None and bytes_held > memory / 2:
        raise DataError(
            f"{called} takes {bytes_held / 1e9:,.1f} GB, more than half of the memory, {memory / 1e9:,.1f} GB."
        )
    with archive.open(entry) as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array
