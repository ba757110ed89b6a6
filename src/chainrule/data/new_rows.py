"""Whether new rows are like those that were trained on: columns that are lost, empty, in another unit, of new words."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from chainrule.data.codes import Bag, Code, Moment, Number, WordCode
from chainrule.data.strays import MARK
from chainrule.data.unmet_words import note_on_empty, notes_on_unmet
from chainrule.errors import DataError, DoubtWarning, shortened, shown
from chainrule.names import counted, unknown
from chainrule.numbers import brief

if TYPE_CHECKING:
    from polars import DataFrame, Series

    from chainrule.data.columns import Column

SOME = 2_000
"""So many rows from all over tell where the numbers of a column lie."""

FAR, NEARLY_ALL = 4.0, 0.1
"""So many deviations from the mean is far; and which part of the rows may be nearer where nearly all are far."""

VERY_FAR = 10.0
"""A single number further than this from the mean is like none that was trained on."""

MANY = 100
"""Of fewer rows no share is told."""

OUTSIDE, FEWEST = 0.05, 5
"""A larger share of numbers, and so many, outside of where nearly all of training lay is told."""

FEW_GAPS = 0.01
"""A smaller share of gaps in a column that had none is not told."""

TEXT = 40
"""So many characters of a text are told."""

TOLD = 10
"""So many lost columns are told by name."""


def require_all(needed: Iterable[str], there: Sequence[str], name: str, predicted: Collection[str] = ()) -> None:
    """Raises DataError for all columns that are lost, at once.

    Args:
        predicted: those that are to be predicted, which cannot be left empty.
    """
    known = set(there)
    lost = [column for column in needed if column not in known]
    if not lost:
        return
    alike = {one.casefold(): one for one in there}
    if all(column.casefold() in alike for column in lost):
        column = shortened(lost[0])
        other = shortened(alike[lost[0].casefold()])
        raise DataError(f"{name} calls {shown(column)} {shown(other)}: write the names of columns as in training.")
    way = "" if {*lost} & {*predicted} else " Where it is not known, leave a column of that name empty."
    if len(lost) == 1:
        raise DataError(f"{name}: {unknown('column', lost[0], there)}{way}")
    names = ", ".join(shown(shortened(name)) for name in lost[:TOLD]) + (", …" if len(lost) > TOLD else "")
    have = ", ".join(map(shortened, there[:TOLD])) + (", …" if len(there) > TOLD else "")
    raise DataError(f"{name} lacks {len(lost):,} columns that training had: {names}. It has {have or 'none'}.{way}")


class Doubt(str):
    """A note on a column of new rows that is not as it was while training.

    Attributes:
        about: (kind, column): what is odd about which column, whatever words and numbers of these rows are told of it.
    """

    about: tuple[str, str]

    def __new__(cls, note: str, kind: str, column: str) -> Self:
        made = super().__new__(cls, note)
        made.about = kind, column
        return made

    def __getnewargs__(self) -> tuple[str, str, str]:  # type: ignore[override]  # for pickle and copy
        return str(self), *self.about


def warn_of(notes: Iterable[str], *, depth: int = 1) -> None:
    """A `DoubtWarning` for each doubt among notes.

    Args:
        depth: how many calls lie between who is to be told and who calls this.
    """
    for note in notes:
        if isinstance(note, Doubt):
            warnings.warn(str(note), DoubtWarning, stacklevel=depth + 2)


def doubts_on_rows(codes: Sequence[Code], frame: DataFrame, row: NDArray[np.int64] | None) -> list[Doubt]:
    """A note on each column that is not as it was while training."""
    found: list[Doubt] = []
    for code in codes:
        series = frame[code.column.name]
        if isinstance(code, Bag):
            found += _unmet_words(code, series, row)
            continue
        if len(series) and series.null_count() == len(series):
            if not _knew_gaps_alone(code):
                told = f"{code.column.name} is missing in all {len(series):,} rows: predictions do without it"
                found.append(Doubt(told, "empty", code.column.name))
            continue
        found += filter(None, [_new_gaps(code, series)])
        if isinstance(code, Number):
            found += filter(None, [_far_away(code, series) or _single_ones(code, series, row)])
        elif isinstance(code, Moment):
            found += filter(None, [_far_moments(code, series, row)])
        else:
            found += _strangers(code, frame, row)
    return found


def _unmet_words(code: Bag, series: Series, row: NDArray[np.int64] | None) -> list[Doubt]:
    """Notes on texts that are empty, or of which training has met no word, or hardly any."""
    texts, where = code.column.values(series, row), f" of {code.column.name}"
    notes = dict(zip(["empty"], note_on_empty(texts, where), strict=False))
    notes |= notes_on_unmet(code.phrases, texts, lambda i: shown(shortened(texts[i], TEXT)), where)
    return [Doubt(note, f"texts: {kind}", code.column.name) for kind, note in notes.items()]


def _new_gaps(code: Code, series: Series) -> Doubt | None:
    """A note on gaps in a column that had none while training, or None."""
    times, rows = series.null_count(), len(series)
    if getattr(code, "gaps", None) is not False or times < FEW_GAPS * rows or not times:
        return None
    return _gaps_told(code, f"missing {_in_rows(times, rows)}", " there")


def _gaps_told(code: Code, missing: str, where: str = "") -> Doubt:
    taken = (
        f"the median, {brief(code.fill)}, is taken" if isinstance(code, Number) else f"predictions do without it{where}"
    )
    told = f"{code.column.name} is {missing}, though never in training, which has learned nothing of gaps: {taken}"
    return Doubt(told, "gaps", code.column.name)


def doubts_on_row(codes: Sequence[Code], values: Mapping[str, object]) -> list[Doubt]:
    """A note on each value of a single row that is unlike training; None is a missing one.

    Raises:
        DataError: one cannot be read.
    """
    return [doubt for code in codes for doubt in _doubts_on(code, values[code.column.name])]


def _doubts_on(code: Code, value: object) -> list[Doubt]:
    if isinstance(code, Bag):
        from chainrule.extras import polars as pl

        return _unmet_words(code, pl.Series(code.column.name, [value], strict=False), None)
    if value is None:
        return [_gaps_told(code, "missing")] if getattr(code, "gaps", None) is False else []
    if isinstance(code, WordCode):
        word = code.stranger(value)
        return [] if word is None else [_stranger(code, word)]
    if isinstance(code, Number):
        return [*filter(None, [_far_number(code, float(code.read_one(value)[0]))])]
    if isinstance(code, Moment) and "elapsed" in code.parts:
        days = code.read_one(value)[0, code.parts.index("elapsed")]
        if abs(days - code.middle) > FAR * code.spread:
            told = f"{code.column.name} is {shown(str(value))}, far from all that training met: the prediction goes"
            return [Doubt(f"{told} beyond what was learned", "far moments", code.column.name)]
    return []


def _stranger(code: WordCode, word: str) -> Doubt:
    """A note on a single word that training has not met."""
    name, known = code.column.name, code.meant([word]).get(word)
    if known is not None:
        return Doubt(f"{name} is {shown(word)}: taken for {shown(known)}", "spelling", name)
    return Doubt(f"{name} is {shown(word)}, which training has not met", "strangers", name)


def _far_number(code: Number, value: float) -> Doubt | None:
    """A note on a single number that is like none that was trained on, or None."""
    if not code.apart(np.array([value]))[0] > VERY_FAR:
        return None
    return Doubt(_far_told(code, value), "far away", code.column.name)


def total_told(names: Sequence[str], row: int) -> str:
    """What is said of a row that holds the sums of all others in some columns."""
    return f"row {row:,} holds the sum of all others in {', '.join(names)}: if that is a total, take it out"


def without_unit(column: Column) -> Doubt:
    """A note on plain numbers where those of the training had a unit beside them."""
    told = f"{column.name} holds numbers without a unit: they are taken for {column.measured_in}"
    return Doubt(told, "without unit", column.name)


def _knew_gaps_alone(code: Code) -> bool:
    """Whether the column was empty while training, too."""
    return isinstance(code, Number) and code.gaps and (code.fill, code.middle, code.spread) == (0.0, 0.0, 1.0)


def _far_away(code: Number, series: Series) -> Doubt | None:
    """A note on numbers that nearly all lie far from those of training, or None."""
    some = series.gather_every(max(1, len(series) // SOME))
    values = code.column.values(some).drop_nulls().to_numpy().astype(np.float64)
    if len(values) == 0:
        return None
    apart = code.apart(values)
    if not (apart.max() > FAR and np.quantile(apart, NEARLY_ALL) > FAR):
        return _outside(code, values)
    middle = float(np.median(values))
    told = (
        f"{code.column.name} lies far from all that training met, in nearly all rows: about {brief(middle)} here, "
        f"about {brief(code.fill)} there. Is it in another unit?"
    )
    return Doubt(told, "far away", code.column.name)


def _single_ones(code: Number, series: Series, row: NDArray[np.int64] | None) -> Doubt | None:
    """A note on a few numbers that are like none that was trained on, or None."""
    values = code.column.values(series, row).to_numpy().astype(np.float64)
    far = np.flatnonzero(code.apart(values) > VERY_FAR)  # where one is missing, that is not so
    if not len(far):
        return None
    i = int(far[0])
    others = f" (and in {counted(len(far) - 1, 'other row')})" if len(far) > 1 else ""
    told = _far_told(code, float(values[i]), f" in row {i + 1 if row is None else row[i]:,}{others}")
    return Doubt(told, "far away", code.column.name)


def _far_told(code: Number, value: float, where: str = "") -> str:
    mark = f"{value:.10g}"
    ask = f": does it mark a missing value? --missing={mark} says so" if MARK.fullmatch(mark) else ""
    return f"{code.column.name} is {brief(value)}{where}, far from all that training met, about {brief(code.fill)}{ask}"


def _outside(code: Number, values: NDArray[np.float64]) -> Doubt | None:
    """A note where more numbers than a few lie outside of where nearly all of training lay, or None."""
    if code.low is None or code.high is None:
        return None
    out = (values < code.low) | (values > code.high)
    if out.sum() < FEWEST or out.mean() < OUTSIDE + 2 * math.sqrt(OUTSIDE / len(values)):
        return None
    beyond = np.maximum(code.low - values[out], values[out] - code.high)
    example = values[out][np.argsort(beyond)[len(beyond) // 2]]
    far = np.median(beyond) > code.high - code.low
    end = "is it in another unit there?" if far else "predictions there go beyond what was learned"
    told = (
        f"{code.column.name} lies {'far ' if far else ''}outside of {brief(code.low)} to {brief(code.high)}, where "
        f"nearly all of training lay, in {out.mean():.0%} of the rows, such as {brief(float(example))}: {end}"
    )
    return Doubt(told, "far outside" if far else "outside", code.column.name)


def _far_moments(code: Moment, series: Series, row: NDArray[np.int64] | None) -> Doubt | None:
    """A note on dates that lie far from those of training, or None."""
    far = code.apart(code.column.values(series, row)) > FAR
    if not far.any():
        return None
    share = f"{far.mean():.0%} of the rows" if len(far) >= MANY else counted(int(far.sum()), "row")
    example = shown(str(series[int(far.argmax())]))
    told = (
        f"{code.column.name} lies far from all that training met in {share}, such as {example}: predictions there go "
        "beyond what was learned"
    )
    return Doubt(told, "far moments", code.column.name)


def _strangers(code: Code, frame: DataFrame, row: NDArray[np.int64] | None) -> list[Doubt]:
    """Notes on words that training has not met, or not in that spelling."""
    values = code.column.values(frame[code.column.name], row)
    found = code.strangers(values)
    if not found:
        return []
    meant, notes = code.meant(found) if isinstance(code, WordCode) else {}, []
    others = [word for word in found if word not in meant]
    of_meant, of_others = (_in_rows(int(values.is_in(words).sum()), len(values)) for words in ([*meant], others))
    if meant:
        notes.append(spelling_told(code.column.name, meant, of_meant))
    if others:
        told = f"{code.column.name} holds {_listed(others)} {of_others}, which training has not met"
        notes.append(Doubt(f"{told}: it is taken for something rare", "strangers", code.column.name))
    return notes


def spelling_told(name: str, meant: Mapping[str, str], where: str) -> Doubt:
    """A note on words in a column, which rows have them, and which known words they are taken for."""
    known = _listed(dict.fromkeys(meant.values()))
    told = f"{name} holds {_listed(meant)} {where}: taken for {known}, differing in capitals, blanks or zeros alone"
    return Doubt(told, "spelling", name)


def _in_rows(times: int, rows: int) -> str:
    return f"in {times:,} of {rows:,} rows" + (f" ({times / rows:.0%})" if rows >= MANY else "")


def _listed(words: Collection[str]) -> str:
    return ", ".join(map(shown, [*words][:3])) + (", …" if len(words) > 3 else "")
