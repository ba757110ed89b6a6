"""A column of a table: what it is, and how its cells are read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.data.cells import (
    ANY_CASE,
    COMMA,
    PLAIN,
    as_numbers,
    as_text,
    in_any_case,
    is_listed,
    is_text,
    refuse_strange,
    some_of,
    without,
)
from chainrule.data.dates import (
    CLOCKS,
    ISO,
    as_moments,
    example_of,
    is_form_of_dates,
    with_day,
)
from chainrule.data.quantities import (
    are_bare,
    as_quantities,
    is_of_units,
)
from chainrule.errors import DataError, OptionError, shortened, shown

if TYPE_CHECKING:
    from polars import DataFrame, Series

Kind = Literal["number", "category", "yes_no", "date", "id", "constant", "text", "ignored", "target", "group"]
"""What a column may be; `USED` are what a network sees."""

USED: tuple[Kind, ...] = ("number", "category", "yes_no", "date", "text")

FEW = 1_000
"""Of no more different words each is kept once."""

WORD = 40
"""A cell of fewer signs may be a word for a missing value."""

LONGEST_TYPED = 300
"""A longer name is not typed in full."""


@dataclass(frozen=True, repr=False)
class Column(Configurable):
    """A column, and how its text is read.

    Args:
        name: its name.
        kind: what it is.
        reason: why.
        form: how its numbers or dates are written; "" where it holds words.
        markers: words in it that mean that a value is missing, beside those that always do.
        unit: of its numbers, where that stands beside them; see `chainrule.data.quantities`.
    """

    name: str
    kind: Kind
    reason: str = ""
    form: str = ""
    markers: list[str] = field(default_factory=list)
    unit: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (is_form_of_dates(self.form) if self.kind == "date" else self.form.isprintable()):
            raise OptionError(f"there is no form {shown(self.form)} of a {self.kind}.")
        if not self.unit.isprintable():
            raise OptionError(f"there is no unit {shown(self.unit)}.")

    @property
    def counts(self) -> bool:
        """Whether it is read as numbers: what is to be predicted and what tells the time may be that, too."""
        return self.kind == "number" or (self.form not in ("", ANY_CASE) and self.kind != "date")

    @property
    def measured_in(self) -> str:
        """The unit of its numbers, or the sign or code that is written beside them; "" where there is none."""
        return self.unit or (self.form.strip("0123456789., -k") if self.counts else "")

    @property
    def parts_thousands(self) -> bool:
        """Whether the point of its numbers parts thousands: 1.234 is more than a thousand, whatever a computer takes it
        for."""
        return self.counts and COMMA in self.form

    def lacks_unit(self, series: Series) -> bool:
        """Whether a series has a plain number where this column has a unit beside them, which is taken for such."""
        if series.dtype.is_numeric():
            return self.measured_in != ""
        return self.unit != "" and is_text(series) and bool(are_bare(series, self.unit, self.form).any())

    def lacks_unit_in(self, value: object) -> bool:
        """As `lacks_unit`, of a single value, quicker where that is a number; not of a missing one, None."""
        if not isinstance(value, str):
            return value is not None and self.measured_in != ""
        if not self.unit:
            return False
        from chainrule.extras import polars as pl

        return self.lacks_unit(pl.Series(self.name, [value]))

    @property
    def tells_of_bare(self) -> bool:
        """Whether its reason tells already of numbers that lack the unit."""
        return "numbers without a unit" in self.reason

    def values(self, series: Series, row: NDArray[np.int64] | None = None) -> Series:
        """What a series of this column holds: numbers, moments, or text, null where it is missing.

        Args:
            series: the column. row: the numbers of its rows in their file; None for 1, 2, 3, …

        Raises:
            DataError: something in it is not what the column was found to be.
        """
        values, odd = self._read(series)
        if len(odd):
            there = len(series) - series.null_count()
            raise self.refusal(self.where(series, int(odd[0]), row), series.gather(odd), len(odd), there)
        return values

    def refusal(self, first: str, cells: Series, times: int, there: int, *more: str) -> DataError:
        """What is said of cells that cannot be read.

        Args:
            first: what `where` says of the first. cells: each of them, once or more often. times: how many they are,
                among how many that are `there`. more: ways out that are not every caller's.
        """
        ways, cell = ["write it like that", "leave it empty"], str(cells[0])
        is_word = cells.n_unique() == 1 and len(cell) < WORD and not re.search(r"\d", cell)
        ways += [f"say {option('missing', cell)}"] if is_word else []
        ways += [f"train with {option('category', self.name)}"] if self.kind in ("number", "yes_no") else []
        ways += more
        others = f" ({times:,} of {there:,} cells are no such)" if times > 1 else ""
        return DataError(
            f"{first}, but that column holds {self.what} otherwise{others}: {', '.join(ways[:-1])} or {ways[-1]}."
        )

    def read(self, series: Series) -> tuple[Series, NDArray[np.intp]]:
        """The series as `kept` has it, null where a cell cannot be read; and where these are, by position."""
        if series.dtype.is_numeric() and self.counts:
            return series, np.empty(0, np.intp)
        values, odd = self._read(series)
        return self._packed(values), odd

    def kept(self, series: Series, row: NDArray[np.int64] | None = None) -> Series:
        """The series in the form that is quickest to read again: numbers, moments, or words, each kept once.

        Raises:
            DataError: see `values`.
        """
        if series.dtype.is_numeric() and self.counts:
            return series
        return self._packed(self.values(series, row))

    def _packed(self, values: Series) -> Series:
        """What the column holds, of few different words each kept once."""
        from chainrule.extras import polars as pl

        if values.dtype != pl.String or self.kind == "text" or some_of(values).n_unique() > FEW:
            return values
        return values.cast(pl.Enum(values.drop_nulls().unique().sort()))

    def check_said(self, series: Series, row: NDArray[np.int64] | None = None) -> None:
        """Raises DataError where the column cannot be the numbers or dates that somebody has said that it is."""
        odd = self._read(series)[1]
        if len(odd):
            said = option(self.kind, self.name)
            raise DataError(
                f"{self.where(series, int(odd[0]), row)}, but {said} says that it holds {self.what}: leave such cells "
                f"empty, or leave {said} out."
            )

    def check_values(self, series: Series, row: NDArray[np.int64] | None, place: str) -> None:
        """Raises DataError where a column to be predicted, of the table `place`, holds something else than values."""
        odd = self._read(series)[1]
        if len(odd):
            raise DataError(
                f"{self.where(series, int(odd[0]), row)} of {place}, which cannot be read as {self.what} are, but "
                "values were asked for: leave such cells empty, or predict classes, without --task regression."
            )

    def can_read(self, series: Series) -> bool:
        """Whether everything in a series is what the column was found to be."""
        return not len(self._read(series)[1])

    def _read(self, series: Series) -> tuple[Series, NDArray[np.intp]]:
        """What the series holds, and where it cannot be read, by position."""
        refuse_strange(series)
        none = np.empty(0, np.intp)
        if self.markers and is_text(series):
            series = without(series, series.is_in(self.markers))
        if self.kind == "date":
            values = as_moments(series, self.form or ISO)
        elif self.counts and is_text(series) and is_of_units(self.unit, self.form):
            values = as_quantities(series, self.unit, self.form)
        elif self.counts:
            values = as_numbers(series, self.form or PLAIN)
        elif self.form == ANY_CASE and not is_listed(series):
            return in_any_case(series), none
        else:
            return series if is_listed(series) and self.kind != "text" else as_text(series), none
        if values.null_count() == series.null_count():
            return values, none
        return values, (values.is_null() & series.is_not_null()).arg_true().to_numpy().astype(np.intp)

    def where(self, series: Series, i: int, row: NDArray[np.int64] | None) -> str:
        return f"{shortened(self.name)} holds {shown(series[i])} in row {i + 1 if row is None else row[i]}"

    @property
    def what(self) -> str:
        """The kind of its values in words, with an example."""
        if self.kind != "date":
            return f"numbers such as {self.form or PLAIN} {self.unit}".rstrip()
        return f"{'times' if self.form in CLOCKS else 'dates'} such as {example_of(self.form)}"


def option(name: str, column: str) -> str:
    """The option of the command line that is about a column, as it is to be typed; a name of a whole page is cut."""
    told = shortened(column, LONGEST_TYPED)
    quoted = f'"{told}"' if "," in told else told
    return f"--{name} {shlex.quote(quoted)}"


def as_labels(column: Column, series: Series, row: NDArray[np.int64] | None = None) -> NDArray[Any]:
    """What a series of a column to be predicted holds, as an array; see `Column.values`."""
    values = column.values(series, row)
    if column.counts:
        return values.to_numpy()
    if is_listed(values):
        words = [*values.dtype.categories.to_list(), None]  # type: ignore[attr-defined]
        return np.take(np.array(words, object), values.to_physical().fill_null(len(words) - 1).to_numpy())
    return np.array(values.to_list(), dtype=object)


def units_of(columns: Iterable[Column]) -> dict[str, str]:
    """The units of those columns that have one."""
    return {column.name: column.measured_in for column in columns if column.measured_in}


def with_days_in_order(
    columns: Sequence[Column], frame: DataFrame, time: str | None, day_first: bool | None
) -> tuple[list[Column], list[str]]:
    """The columns, and notes on those whose dates do not tell by themselves whether the day or the month stands first.

    Args:
        time: the column of which the order is taken in which its steps are even, if they are in one alone.
        day_first: whether 3/4/2025 is in April; None for what `time` tells, and otherwise for March,
            but for April where dashes stand, with a note.
    """
    found, notes = [], []
    for column in columns:
        other = _with_other_order(column, frame[column.name])
        if other is None:
            found.append(column)
            continue
        moments = [as_moments(frame[column.name], either.form).unique() for either in (column, other)]
        steps_tell = column.name == time and [_in_even_steps(either) for either in moments] == [False, True]
        asked = day_first is not None and with_day(column.form, first=day_first) != column.form
        taken = other if asked or (day_first is None and steps_tell) else column
        if day_first is None:
            why = ", for the steps are even then" if steps_tell else ""
            notes.append(
                f"{column.name} does not tell whether day or month stands first: taken as {example_of(taken.form)}"
                f"{why}; --day-first or --month-first decides it"
            )
        found.append(taken)
    return found, notes


def _with_other_order(column: Column, series: Series) -> Column | None:
    """The column with day and month exchanged, where its dates can be read so, too, and mean something else then."""
    orders = {with_day(column.form, first=first) for first in (True, False)} - {column.form}
    if column.kind != "date" or len(orders) != 1:
        return None
    (form,) = orders
    there = series.drop_nulls().unique()
    moments = as_moments(there, form)
    if moments.null_count() or moments.equals(as_moments(there, column.form)):
        return None
    return replace(column, form=form, reason=column.reason.replace(example_of(column.form), example_of(form)))


def _in_even_steps(moments: Series) -> bool:
    return are_even(np.diff(np.sort(moments.drop_nulls().dt.epoch("us").to_numpy())))


def are_even(steps: NDArray[Any]) -> bool:
    """Whether steps in time are as good as equal: months are, and days with or without a weekend in between."""
    if len(steps) == 0:
        return True
    middle = np.median(steps)
    return bool(0.4 < steps.min() / middle <= steps.max() / middle < 2.5)
