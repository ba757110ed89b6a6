"""The encoding of windows: what a network sees of a series, and how its outputs become forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from chainrule.checking import refuse_too_many, whole
from chainrule.data.codes import Code, Moment
from chainrule.data.columns import USED, Column, option, units_of
from chainrule.data.encoding import code_for
from chainrule.data.missing import Markers
from chainrule.data.new_rows import require_all, without_unit
from chainrule.data.series.base import COMPARED, SIMPLE, Base, choose, fit
from chainrule.data.series.calendar import Calendar
from chainrule.data.series.forecast import Forecast
from chainrule.data.series.lacking import UsualValue
from chainrule.data.series.likeness import SURE, notes_on
from chainrule.data.series.periods import Period
from chainrule.data.series.scaling import Scale
from chainrule.data.series.source import Asked, Series
from chainrule.data.source import Encoding, Form, Source
from chainrule.data.tables import Table
from chainrule.data.targets import Target
from chainrule.errors import OptionError

if TYPE_CHECKING:
    from chainrule.layers import Layer

LEVELS = 2.0
"""To how many deviations the level of a window is clipped, so that none is new to the network."""

FAR = 10.0
"""To how many changes what a network sees of values is clipped."""

ROUGH = 100.0
"""Forecasts are written with as many digits as tell some thousandths of what is this many times a usual change."""

BLOCK = 4096
"""How many windows are made together, as many as stay in the processor's cache."""

PIECE = 2**17
"""Of how many windows simple forecasts are in memory together."""

Values = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Prepared:
    """What windows are made of, of one source.

    Attributes:
        v: (n, k), all values, scaled. scale: by what.
        base: (m, horizon, k), the mixture of simple forecasts, scaled.
    """

    v: Values
    scale: Scale
    base: Values


@dataclass(frozen=True, repr=False)
class Windows(Encoding):
    """The encoding of windows. A row of X holds, one after the other, what there is of this:

    the last values, scaled, as their distance from the very last one, which is in its own place as a level; which of
    them were missing; the places of the last row on the clocks of its time; the other columns in the window; the base
    forecast, as its distance from the last value; and the columns that are known ahead. The network forecasts how far
    the values will be from the base.

    Args:
        targets: the columns to forecast. time: what orders the rows.
        window, horizon, season, group, quantiles, drop_repeated, missing: see `read_series`.
        also_missing: words that stand for a missing value, too, in a table to be read.
        offset: how far the clock by which rows are counted is from UTC; None for what clocks say.
        calendar: at which moments values are due. period: how times are written that name periods.
        codes: of the other columns. ahead: those of them that are known ahead.
        gaps: whether values were missing while training.
        base: the forecast that the network's is built upon.
        floor: of each target whether it is never negative.
        usual: what is taken for each of these columns where it is lacking.
        share: how much of what the network adds is taken.
        spread: how much of the distance between the network's quantiles and its median is taken.
        shifts: (horizon · k · quantiles,) what is added to the quantiles, scaled, so that they were right at the
            origins that were held out (Romano et al., 2019).
    """

    targets: list[Column]
    time: Column
    window: int
    horizon: int
    season: int
    group: str | None
    calendar: Calendar
    codes: list[Code]
    ahead: list[str]
    gaps: bool
    base: Base
    floor: list[bool]
    share: float = 1.0
    quantiles: list[float] = field(default_factory=list)
    spread: float = 1.0
    shifts: list[float] = field(default_factory=list)
    period: Period = ""
    drop_repeated: bool = False
    offset: float | None = None
    missing: list[str] | None = None
    usual: list[UsualValue] = field(default_factory=list)
    also_missing: list[str] | None = None

    form: ClassVar[Form] = "windows"
    own_units: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("window", "horizon", "season"):
            refuse_too_many(f"the {name}", [whole(name, getattr(self, name))])
        k = len(self.targets)
        if len(self.floor) != k or len(self.base.scaling.logs) != k:
            raise OptionError(f"there are {k} columns to forecast, but {len(self.base.scaling.logs)} scales.")
        if len(self.shifts) not in (0, self.horizon * k * len(self.quantiles)):
            raise OptionError(f"there are {len(self.quantiles)} quantiles, but {len(self.shifts)} shifts.")
        if not all(column.counts for column in self.targets) or not (self.time.counts or self.time.kind == "date"):
            raise OptionError("what is forecast is numbers, and the time is numbers or dates.")
        linear, directs = self.base.linear, [direct for direct in self.base.directs if direct is not None]
        if any(lags != self.window for lags in (linear.lags, *(direct.lags for direct in directs))):
            raise OptionError("what the forecast is built upon looks at another window.")
        if any([*map(len, direct.weights)] != [self.horizon] * k for direct in directs):
            raise OptionError("what the forecast is built upon is of another horizon.")
        if any(len(effects) != sum(code.width for code in self._ahead) for effects in linear.effects):
            raise OptionError("what the forecast is built upon has other effects than columns are known ahead.")

    @property
    def units(self) -> dict[str, str]:
        units = units_of(self.targets)
        return {f"{name} +{h}": unit for h in range(1, self.horizon + 1) for name, unit in units.items()}

    def takes(self, input_shape: tuple[int, ...], target: Target) -> bool:
        right = isinstance(target, Forecast) and target.labels is None and target.quantiles == self.quantiles
        return right and input_shape == (self.width,) and len(target.names) == self.horizon * len(self.targets)

    @property
    def width(self) -> int:
        """How many numbers an example has."""
        k = len(self.targets)
        past, ahead = (sum(code.width for code in codes) for codes in (self.past, self._ahead))
        time = sum(code.width for code in self._clock)
        return k * self.window * (1 + self.gaps) + time + self.window * past + self.horizon * (k + ahead)

    @property
    def notes(self) -> list[str]:
        names = [column.name for column in self.targets]
        found = self.base.words(names)
        scaling = self.base.scaling
        ends = np.array(scaling.middles) - SURE * np.array(scaling.spreads) * np.array(scaling.changes)
        near = (ends < 0).any(axis=0) & ~np.array(scaling.logs)  # so that a forecast could well be less
        told = zip(names, self.floor, near, strict=True)
        return found + [
            f"{name} is never negative, and so are its forecasts; {option('negative', name)} says that it may be"
            for name, floor, at in told
            if floor and at
        ]

    @property
    def _clock(self) -> list[Code]:
        return [code for code in self.codes if code.column.name == self.time.name]

    @property
    def past(self) -> list[Code]:
        """The codes of the other columns, those that are known ahead among them."""
        return [code for code in self.codes if code.column.name != self.time.name]

    @property
    def _ahead(self) -> list[Code]:
        return [code for code in self.codes if code.column.name in self.ahead]

    def read(self, data: Any, *, labelled: bool) -> Series:
        from chainrule.data.series.reading import frame_of

        frame, notes, name, period = frame_of(
            data, self.time.name, Markers(words=self.missing, also=self.also_missing or ())
        )
        columns = {column.name: column for column in (*(code.column for code in self.codes), self.time)}
        group = [] if self.group is None else [self.group]
        needed = [*columns, *(column.name for column in self.targets), *group]
        require_all(needed, frame.columns, name, {*needed} - {code.column.name for code in self.past})
        known = (*self.targets, *columns.values())
        notes += [without_unit(column) for column in known if column.lacks_unit(frame[column.name])]
        table = Table(frame, name, list(columns.values()), [], time=self.time.name, notes=notes)
        asked = Asked(
            self.horizon,
            self.window,
            self.season,
            self.group,
            self.ahead,
            self.quantiles,
            self.drop_repeated,
            period or self.period,
            self.calendar,
            labelled,
            offset=self.offset,
        )
        source = Series(table, self.targets, asked)
        source.tell(notes_on(self, source))
        return source

    def known(self, source: Series) -> Values:
        """(n + 1, width), what is known ahead of each row, and of one that is not there; what is usual where it is
        lacking."""
        return _beside(source, self._ahead, self.usual)

    def prepared(self, source: Series) -> Prepared:
        """What windows of a source are made of, kept with it for this base."""
        if source.learned is None or source.learned[0] is not self.base:
            ahead, base = self.known(source), np.empty((len(source), self.horizon, len(self.targets)))
            for begin in range(0, len(source), PIECE):
                some = slice(begin, begin + PIECE)
                simple, scale, v = self.base.simple(source, source.last[some], ahead)
                base[some] = self.base.mixed(simple)
            source.learned = (self.base, Prepared(v, scale, base))
        found: Prepared = source.learned[1]
        return found

    def X(self, source: Source) -> NDArray[Any]:
        assert isinstance(source, Series)
        ready, m, W = self.prepared(source), len(source), self.window
        X = np.empty((m, self.width), np.float32)
        past = sliding_window_view(ready.v, W, axis=0)
        level = (ready.v / ready.scale.spread)[source.last].clip(-LEVELS, LEVELS)
        missing = sliding_window_view(np.isnan(source.values), W, axis=0)
        beside, ahead = _beside(source, self.past).astype(np.float32), self.known(source).astype(np.float32)
        clock = _beside(source, self._clock).astype(np.float32)
        for begin in range(0, m, BLOCK):
            some = slice(begin, begin + BLOCK)
            last = source.last[some]
            first, now = last - W + 1, ready.v[last][:, :, None]
            values = (past[first] - now).clip(-FAR, FAR)
            values[:, :, -1] = level[some]
            parts = [values, *([missing[first]] if self.gaps else []), clock[last]]
            rows = last[:, None] + np.arange(1 - W, 1)
            parts += [beside[rows], (ready.base[some] - now[:, None, :, 0]).clip(-FAR, FAR)]
            parts += [ahead[source.inside(last)]]
            X[some] = np.hstack([part.reshape(len(last), -1) for part in parts])
        return X

    def learned(self, source: Source, Y: NDArray[Any]) -> NDArray[Any]:
        assert isinstance(source, Series)
        ready = self.prepared(source)
        came = ready.scale.forth(Y.reshape(ready.base.shape), source.last)
        return np.repeat((came - ready.base).reshape(len(source), -1), 1 + len(self.quantiles), axis=1)

    def output(self, source: Source, output: NDArray[Any], rows: Rows | None = None) -> NDArray[Any]:
        assert isinstance(source, Series)
        rows = np.arange(len(source)) if rows is None else rows
        ready, last = self.prepared(source), source.last[rows]
        base = ready.base[rows][..., None]
        added = output.reshape(*base.shape[:3], -1).astype(np.float64)
        point = base + self.share * added[..., :1]
        found = [point]
        if self.quantiles:
            bands = point + self.spread * (added[..., 1:] - added[..., :1])
            bands = np.sort(bands + np.reshape(self.shifts, bands.shape[1:]) if self.shifts else bands, axis=-1)
            low, high = (np.array(self.quantiles) < 0.5, np.array(self.quantiles) > 0.5)
            bands = np.where(low, np.minimum(bands, point), bands)
            found.append(np.where(high, np.maximum(bands, point), bands))
        return self.back(ready.scale, np.concatenate(found, axis=-1), last).reshape(len(rows), -1)

    def back(self, scale: Scale, v: Values, last: Rows) -> Values:
        """Values (m, horizon, k, n) in their own units; none below 0 where there never was one."""
        y = scale.back_all(v, last)
        return np.where(np.array(self.floor)[:, None], np.maximum(y, 0.0), y)

    def steps_of_values(self, source: Source, spread: NDArray[np.float64] | None) -> NDArray[np.float64]:
        assert isinstance(source, Series)
        scale = self.prepared(source).scale
        sizes = np.where(np.array(self.base.scaling.logs), np.nanmedian(abs(source.values), axis=0), 1.0)
        units = ROUGH * np.median(scale.change[source.last], axis=0) * sizes
        return np.repeat(np.tile(units, self.horizon), 1 + len(self.quantiles))

    def layers(self, input_shape: tuple[int, ...]) -> list[Layer]:
        return []


def learn(source: Series, rows: Rows) -> Windows:
    """The encoding of windows like these, learned from their rows alone."""
    seen = source.seen(rows)
    codes: list[Code] = []
    for column in source.table.columns:
        if column.kind in USED:
            code = code_for(column, source.column(column).filter(seen))
            if isinstance(code, Moment) and column.name == source.table.time:
                code = replace(code, parts=[part for part in code.parts if part != "elapsed"])
            codes.append(code)
    codes = [code for code in codes if code.width > 0]
    known = [code for code in codes if code.column.name in source.ahead]
    given = seen & (source.table.row > 0)
    usual = [UsualValue.learn(code, source.column(code.column).filter(given)) for code in known]
    ahead = _beside(source, known, usual)
    logs, weights = choose(source, rows, ahead)
    values = source.values[seen]
    lowest = zip(np.nanmin(values, axis=0), source.may_be_negative, strict=True)
    floor = [bool(low >= 0 and not below) for low, below in lowest]
    time = next(column for column in source.table.columns if column.name == source.table.time)
    return Windows(
        source.targets,
        time,
        source.window,
        source.horizon,
        source.season,
        source.group_column,
        source.calendar,
        codes,
        source.ahead,
        bool(np.isnan(values).any()),
        fit(source, rows, ahead, logs, weights),
        floor,
        quantiles=source.quantiles,
        period=source.asked.period,
        drop_repeated=source.asked.drop_repeated,
        missing=source.table.missing,
        offset=source.offset,
        usual=usual,
    )


def comparisons(encoding: Windows, source: Series, rows: Rows, train: Rows) -> dict[str, Values]:
    """The simple forecasts (m, horizon · k) for these windows, by their names, as they are of the values themselves.

    Args:
        train: the windows that the autoregression is fitted to.
    """
    base, last, ahead = encoding.base, source.last[rows], encoding.known(source)
    if any(base.scaling.logs):
        compared = [[1.0] * COMPARED + [0.0] * (len(SIMPLE) - COMPARED)] * len(encoding.targets)
        base = fit(source, train, ahead, [False] * len(encoding.targets), compared)
    simple, scale, _ = replace(base, directs=[None] * len(base.directs)).simple(source, last, ahead)
    found = scale.back_all(simple[..., :COMPARED], last)
    return {
        name: found[..., i].reshape(len(rows), -1)
        for i, name in enumerate([*SIMPLE][:COMPARED])
        if name != "seasonal" or encoding.season > 1
    }


def again(encoding: Windows, source: Series, rows: Rows) -> Windows:
    """The encoding as it would be, had it been learned from these rows, by the same choices."""
    ahead, base = encoding.known(source), encoding.base
    return replace(encoding, base=fit(source, rows, ahead, base.scaling.logs, base.weights), share=1.0, shifts=[])


def _beside(source: Series, codes: Sequence[Code], usual: Sequence[UsualValue] = ()) -> Values:
    """(n + 1, width), the columns of these codes, and a last row for one that is not there.

    Args:
        usual: what is taken where a column is missing; of columns without such, they are missing.
    """
    from chainrule.extras import polars as pl

    parts = [np.empty((len(source.strand) + 1, 0))]
    for code in codes:
        values = source.column(code.column)
        values = pl.concat([values, pl.Series(code.column.name, [None], dtype=values.dtype)])
        for one in usual:
            values = one.filled(values) if one.column == code.column.name else values
        parts.append(code.matrix(values).astype(np.float64))
    return np.hstack(parts)
