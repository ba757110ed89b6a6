"""Predictions as the text of a CSV, made column by column in blocks of rows."""

from __future__ import annotations

import contextlib
import csv
import io
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.targets import Target

if TYPE_CHECKING:
    import polars as pl

BLOCK = 2**16
"""How many rows are made text together."""

FEW = 1_000
"""Below so many rows it takes longer to load a library than to write them without one."""

PROBABILITY = "%.6f"
"""How probabilities are written."""

DIGITS = 6
"""How many digits values have at least."""

Columns = dict[str, list[Any]]


def written(
    identification: Columns,
    target: Target,
    output: NDArray[Any],
    unit: NDArray[np.float64] | None,
    beside: dict[str, NDArray[np.float64]],
) -> Iterator[tuple[Columns, dict[str, str]]]:
    """The columns of a file of predictions, block by block, and how the numbers in some of them are written.

    Args:
        identification: which example is which. output: (m, …) of the network.
        unit: (n_out,), how far values lie apart. They get as many more digits as it takes to tell a hundred
            thousandth of that.
        beside: (m,) numbers of columns that come last.
    """
    formats = _formats(target, output, unit)
    written_beside = PROBABILITY if target.labels is not None else f"%.{DIGITS}g"
    for i in range(0, max(1, len(output)), BLOCK):
        block = {name: values[i : i + BLOCK] for name, values in identification.items()}
        found = target.predictions(output[i : i + BLOCK])
        as_texts = dict(zip([*found][-len(formats) :], formats, strict=True)) | dict.fromkeys(beside, written_beside)
        yield block | found | {name: values[i : i + BLOCK].tolist() for name, values in beside.items()}, as_texts


def _formats(target: Target, output: NDArray[Any], unit: NDArray[np.float64] | None) -> list[str]:
    """How the last columns of predictions are written: values, or probabilities behind the labels."""
    if target.labels is not None:
        return [PROBABILITY] * (len(target.names) if len(target.names) > 1 else len(target.labels[0]))
    units = np.zeros(target.n_out) if unit is None else unit
    return [_of_values(values, unit) for values, unit in zip(output.astype(np.float64).T, units, strict=True)]


def _of_values(values: NDArray[np.float64], unit: float) -> str:
    """With six digits, and more where values are greater than the unit in which they differ."""
    largest = float(abs(values).max(initial=0)) / unit if unit else 0.0
    more = max(0, math.ceil(math.log10(largest))) if 0 < largest < math.inf else 0
    return f"%.{DIGITS + more}g"


def as_csv(columns: Columns, formats: dict[str, str] | None = None, *, header: bool = True) -> str:
    """The columns as a CSV.

    Args:
        formats: how numbers of some of the columns are written, such as "%.6f".
    """
    formats = formats or {}
    head = _by_rows({name: [] for name in columns}) if header else ""
    if len(next(iter(columns.values()))) >= FEW:
        with contextlib.suppress(UnicodeEncodeError):  # of a file's name that is no Unicode
            text = _by_columns(columns, formats)
            if "\r" not in text:  # which polars does not put into quotes
                return head + text
    texts = {name: _texts(values, formats[name]) if name in formats else values for name, values in columns.items()}
    return _by_rows(texts, header=header)


def _by_rows(columns: Columns, *, header: bool = True) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    if header:
        table.writerow(columns)
    table.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _by_columns(columns: Columns, formats: dict[str, str]) -> str:
    """As `_by_rows`, several times as fast."""
    from chainrule.extras import polars as pl

    found = [_series(name, values, formats.get(name)) for name, values in columns.items()]
    frame = pl.DataFrame(found).with_columns(pl.col(pl.String).replace("", None))  # which is written without quotes
    return frame.write_csv(include_header=False, float_precision=int(PROBABILITY[2]))


def _series(name: str, values: list[Any], written: str | None) -> pl.Series:
    from chainrule.extras import polars as pl

    if written == PROBABILITY and math.isfinite(sum(values)):
        return pl.Series(name, values, pl.Float64)
    if written is not None:
        return pl.Series(name, _texts(values, written), pl.String)
    types = set(map(type, values))
    if types == {int}:
        return pl.Series(name, values)
    if not types <= {str, type(None)}:
        values = [None if value is None else str(value) for value in values]
    return pl.Series(name, values, pl.String)


def _texts(numbers: list[float], written: str) -> list[str]:
    return ((written + "\n") * len(numbers) % tuple(numbers)).splitlines()
