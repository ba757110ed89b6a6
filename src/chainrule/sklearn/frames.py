"""X and y as scikit-learn hands them over, frames with words, dates and gaps among them, as a table to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array

from chainrule.data.columns import Column
from chainrule.data.frames import is_frame
from chainrule.data.handed_over import as_polars, frame_of_columns, series_of
from chainrule.data.missing import ALWAYS_MISSING
from chainrule.data.new_rows import Doubt
from chainrule.data.spelling import alike
from chainrule.data.tables import Table, kept
from chainrule.errors import DataError, ShapeError, shown
from chainrule.names import counted

if TYPE_CHECKING:
    from polars import DataFrame


def has_names(X: Any) -> bool:
    """Whether the columns of X have names: those of a frame, or of a dict of columns, as long as they are text."""
    return _has_columns(X) and all(isinstance(name, str) for name in (X if isinstance(X, Mapping) else X.columns))


def _has_columns(X: Any) -> bool:
    return not issparse(X) and (isinstance(X, Mapping) or (hasattr(type(X), "columns") and is_frame(X)))


def as_frame(X: Any, estimator: Any) -> tuple[DataFrame, list[str]]:
    """X as a frame of polars, and notes on how it was read. The columns of an array are x0, x1, …

    Raises:
        DataError, ValueError, TypeError: it is sparse, has not two axes, or holds no example.
    """
    from chainrule.extras import polars as pl

    if isinstance(X, Mapping) and not issparse(X):
        return frame_of_columns(X, "X"), []
    if _has_columns(X):
        return as_polars(X)
    array = check_array(X, dtype=None, ensure_all_finite=False, estimator=estimator)
    columns = X if np.ma.is_masked(X) else array  # which has no mask any more
    return pl.DataFrame([series_of(f"x{j}", column) for j, column in enumerate(columns.T)]), []


def beside(frame: DataFrame, **columns: NDArray[Any]) -> tuple[DataFrame, dict[str, str]]:
    """The frame with more columns, and how each is called there: as it is said, or with more dashes if that is taken.

    Raises:
        ShapeError: one has another number of rows.
    """
    from chainrule.extras import polars as pl

    called: dict[str, str] = {}
    for name, values in columns.items():
        if len(values) != frame.height:
            raise ShapeError(
                f"Found input variables with inconsistent numbers of samples: X has {frame.height} and {name} has "
                f"{len(values)}."
            )
        free = name
        while free in frame.columns:
            free += "_"
        frame, called[name] = frame.with_columns(pl.Series(free, values)), free
    return frame, called


def stand_ins(y: NDArray[Any], *, classes: bool = False) -> NDArray[Any]:
    """What stands for y (m,) while a table is read, as no word or number that marks a missing value is among it.

    Args:
        classes: whether y are the numbers of classes; otherwise they are values.
    """
    return np.array([f"class {code}" for code in y.tolist()], dtype=object) if classes else np.arange(len(y)) + 0.5


def doubts_on_labels(labels: NDArray[Any], codes: NDArray[np.intp]) -> list[Doubt]:
    """A note on classes that differ in capitals and blanks alone, and on those that may mark a missing value.

    Args:
        labels: the classes. codes: (m,), which of them each row is of.
    """
    words = [label for label in labels.tolist() if isinstance(label, str)]
    several = next((" and ".join(map(shown, found)) for found in alike(words)), "")
    doubts = [Doubt(f"y holds {several} as different classes: write them alike if they are one", "capitals", "y")]
    gap = next((word for word in words if word.strip().upper() in ALWAYS_MISSING), None)
    rows = counted(int((labels[codes] == gap).sum()), "row") if gap is not None else ""
    told = (
        f"y holds {shown(gap)} in {rows}, which is taken for a class: leave these rows out if it marks a missing value"
    )
    return [*(doubts if several else []), *([] if gap is None else [Doubt(told, "gaps", "y")])]


def with_words(table: Table, name: str, words: Sequence[str], codes: NDArray[np.intp]) -> Table:
    """The table with words as what is to be predicted, in place of what stood for them, as they are."""
    from chainrule.extras import polars as pl

    column = Column(name, "target", "as you said")
    table.columns = [column if one.name == name else one for one in table.columns]
    words_of_rows = pl.Series(name, words, dtype=pl.String).gather(codes)
    return _with(kept(table.frame.with_columns(words_of_rows), [column], table.row), table)


def with_values(table: Table, columns: Mapping[str, NDArray[np.float64]]) -> Table:
    """The table with these values, in place of what stood for them."""
    from chainrule.extras import polars as pl

    return _with(table.frame.with_columns([pl.Series(name, values) for name, values in columns.items()]), table)


def _with(frame: DataFrame, table: Table) -> Table:
    table.frame = frame
    table.__dict__.pop("target", None)  # which was found of what stood there
    return table


def refuse_gaps(y: Any, estimator: Any) -> None:
    """Raises DataError where a value of y is missing, or all of it."""
    if y is None:
        raise DataError(f"{type(estimator).__name__} requires y to be passed, but the target y is None.")
    if hasattr(y, "null_count"):
        missing = bool(np.any(np.asarray(y.null_count()) > 0))  # of a series a number, of a frame a row of them
    elif hasattr(y, "isna"):
        missing = bool(np.any(np.asarray(y.isna())))
    else:
        values = np.asarray(y)
        missing = values.dtype.kind in "fO" and any(
            value is None or (isinstance(value, float) and value != value) for value in values.ravel().tolist()
        )
    if missing:
        raise DataError("Input y contains NaN or None: leave out the rows in which y is missing.")
