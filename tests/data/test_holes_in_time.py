"""Rows on their calendar: holes are missing values, and told; gaps are filled in from the past; repeats get advice."""

import datetime as dt
import re

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.configuration import from_config
from chainrule.data.series import read_series
from chainrule.data.series.comparisons import filled

MONDAY = dt.datetime(2024, 1, 1)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def frame(when, sold=None, **columns):
    return pl.DataFrame({"when": when, "sold": np.arange(len(when)) * 1.0 if sold is None else sold} | columns)


def days(n, step=DAY):
    return [MONDAY + i * step for i in range(n)]


def without(table, *rows):
    return table.filter(~pl.Series(np.isin(np.arange(table.height), rows)))


def missing(times, words):
    return next((note for note in read_series(frame(times), "sold", "when").notes if words in note), None)


def test_a_day_that_is_not_there_is_a_missing_value_and_later_lags_stay_right():
    whole, holed = frame(days(60)), without(frame(days(60)), 20, 21, 40)
    series = read_series(holed, "sold", "when", window=14)
    assert series.notes == [
        "3 days are missing: taken for missing values",
        "left out are 3 of 46 windows: what is to be forecast is missing there, at least in part",
    ]
    assert np.flatnonzero(np.isnan(series.values[:, 0])).tolist() == [20, 21, 40]
    as_it_was = read_series(whole, "sold", "when", window=14)
    rows = np.isfinite(series.values[:, 0])
    np.testing.assert_array_equal(series.values[rows], as_it_was.values[rows])
    assert series.places.tolist() == as_it_was.places.tolist()


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([MONDAY + i * HOUR for i in range(100) if i not in (5, 6)], "2 hours are missing"),
        ([MONDAY + i * 7 * DAY for i in range(60) if i != 30], "1 week is missing"),
        ([day for day in days(90) if day.weekday() < 5 and day.day != 25], "business days are missing"),
        ([dt.date(2000 + i // 12, 1 + i % 12, 1) for i in range(60) if i != 7], "1 month is missing"),
        ([dt.date(2000 + i, 1, 1) for i in range(30) if i not in (3, 4)], "2 years are missing"),
        ([f"{2000 + i // 4}Q{1 + i % 4}" for i in range(40) if i != 9], "1 quarter is missing"),
        ([f"2024-W{i:02d}" for i in range(1, 50) if i != 9], "1 week is missing"),
        ([i for i in range(1700, 1800) if i not in (1750, 1751)], "2 steps are missing"),
        ([MONDAY + i * 15 * HOUR / 60 for i in range(100) if i != 9], "1 step of 15 minutes is missing"),
    ],
)
def test_holes_are_told_in_the_steps_of_the_calendar(times, told):
    assert missing(times, "missing").endswith(f"{told}: taken for missing values")


@pytest.mark.parametrize(
    "times",
    [
        days(40),
        [day for day in days(90) if day.weekday() < 5],
        [dt.date(2000 + i // 12, 1 + i % 12, 1) - DAY for i in range(40)],  # the last days of months
    ],
)
def test_whole_calendars_have_no_hole(times):
    assert read_series(frame(times), "sold", "when").notes == []


def test_times_that_are_only_about_even_are_told():
    times = [
        MONDAY + i * HOUR + dt.timedelta(seconds=(7 * i) % 50) for i in range(100) if i != 40
    ]  # as sensors have it
    notes = read_series(frame(times), "sold", "when").notes
    assert re.match(r"when is only about even: rows are taken for 1 step of about 60\.?\d* minutes apart", notes[0])
    assert re.match(r"1 step of about 60\.?\d* minutes is missing", notes[1])


def test_events_are_no_series_with_holes():
    random = np.random.default_rng(0)
    times = [MONDAY + int(i) * DAY for i in np.cumsum(random.integers(1, 60, 60))]
    series = read_series(frame(times), "sold", "when")
    assert len(series.values) == 60
    assert "the rows are not evenly apart in when; a window counts rows, not time" in series.notes


def test_missing_targets_cost_no_window_that_has_its_targets():
    sold = np.where(np.isin(np.arange(400), np.random.default_rng(0).choice(400, 40, replace=False)), np.nan, 1.0)
    series = read_series(frame(days(400), sold), "sold", "when", horizon=7, window=14)
    there = [all(np.isfinite(sold[last + 1 : last + 8])) for last in range(len(sold) - 7)]
    assert series.last.tolist() == [last for last in range(13, 393) if there[last]]
    assert series.last[0] >= 13
    encoding = series.learn(np.arange(len(series)))
    X = encoding.X(series)
    assert np.isfinite(X).all()
    indicator = X[:, 14:28]
    rows = series.last[:, None] + np.arange(-13, 1)
    np.testing.assert_array_equal(indicator, np.isnan(sold[rows]))


def test_gaps_are_filled_in_from_what_came_before_alone():
    values = (np.sin(2 * np.pi * np.arange(70) / 7) * 10 + 50)[:, None]
    holed = values.copy()
    holed[[30, 31, 44]] = np.nan
    begin = np.zeros(70, int)
    found = filled(holed, begin, 7)
    np.testing.assert_allclose(found, values, atol=1e-9)  # what comes again is known
    later = holed.copy()
    later[45:] = 1e6
    np.testing.assert_array_equal(filled(later, begin, 7)[:45], found[:45])
    walk = np.random.default_rng(0).normal(size=(200, 1)).cumsum(axis=0)
    holed = walk.copy()
    holed[[50, 51]] = np.nan
    np.testing.assert_array_equal(filled(holed, np.zeros(200, int), 7)[[50, 51]], walk[[49, 49]])


def test_nothing_is_filled_in_from_another_series():
    values = np.r_[np.full(10, 5.0), np.nan, np.full(9, 7.0)][:, None]
    begin = np.repeat([0, 10], 10)
    assert filled(values, begin, 1)[10, 0] == 7


def test_repeated_rows_are_refused_and_left_out_by_request():
    table = frame(days(60))
    table = pl.concat([table, table.tail(3)])
    told = (
        r"3 rows are there twice in the table, such as when 2024-02-27.*: leave one of each out, or train with "
        r"--drop-repeated, and the second is left out, where its model predicts, too\.$"
    )
    with pytest.raises(cr.DataError, match=told):
        read_series(table, "sold", "when")
    series = read_series(table, "sold", "when", drop_repeated=True)
    assert series.notes == ["left out are 3 rows that are there twice"]
    assert len(series.values) == 60


def test_the_column_that_parts_several_series_is_named():
    shops = [frame(days(20), shop=[name] * 20, note=["x", "y"] * 10, price=np.arange(20.0)) for name in ("a", "b")]
    table = pl.concat(shops).with_columns(sold=pl.Series(np.arange(40.0)))
    with pytest.raises(cr.DataError, match=r"twice: tell several series apart by --group shop\.$"):
        read_series(table, "sold", "when")
    products = pl.concat(
        [table.with_columns(product=pl.lit(p), sold=pl.col("sold") + k) for k, p in ((0, "p"), (1, "q"))]
    )
    with pytest.raises(cr.DataError, match="twice in one shop: shop and product together tell them apart: make one"):
        read_series(products, "sold", "when", group="shop")
    with pytest.raises(cr.DataError, match="no column tells several series apart; keep one row of each time"):
        read_series(table.drop("shop", "note"), "sold", "when")


def test_the_hour_that_comes_twice_when_clocks_are_set_back_is_told():
    zone = [MONDAY.replace(month=10, day=26) + i * HOUR for i in range(72)]
    local = [*zone[:27], zone[26], *zone[27:]]  # 2 o'clock on 27 October comes again
    series = read_series(frame(local), "sold", "when")
    assert "1 hour is there twice in when, as when clocks are set back: the first of each is taken" in series.notes[0]
    assert len(series.values) == 72


def test_a_calendar_other_than_that_of_the_training_is_refused():
    encoding = read_series(frame(days(60)), "sold", "when").learn(np.arange(20))
    with pytest.raises(cr.DataError, match="the rows of the table come every 7 days, but the network was trained on"):
        encoding.read(frame(days(60, 7 * DAY)), labelled=False)
    with pytest.raises(
        cr.DataError, match="when in the table does not lie on the calendar of the training data, which"
    ):
        encoding.read(frame(days(60, 7 * HOUR)), labelled=False)


def test_rows_may_be_in_any_order_with_holes():
    table = without(frame(days(60)), 7, 8)
    shuffled = table.sample(fraction=1, shuffle=True, seed=0)
    ours, theirs = (read_series(one, "sold", "when") for one in (table, shuffled))
    np.testing.assert_array_equal(ours.values, theirs.values)
    assert ours.checksum() == theirs.checksum()


def of_days(**changed):
    """A hundred days, of which that of a row is written otherwise."""
    days = [str(np.datetime64("2022-01-01") + i) for i in range(100)]
    for row, day in changed.items():
        days[int(row.removeprefix("row"))] = day
    return pl.DataFrame({"day": days, "sold": np.arange(100.0)})


@pytest.mark.parametrize("day", ["2122-02-20", "2022-02-20 12:30", "1922-02-20"])
def test_a_mistyped_time_that_keeps_a_series_from_its_calendar_is_named(day):
    notes = cr.read_series(of_days(row50=day), "sold", "day", horizon=3).notes
    told = "the rows are not evenly apart in day; a window counts rows, not time; but for "
    assert f"{told}'{day}' in row 51 they are: if that is mistyped, mend it, and they have their calendar" in notes


def test_of_times_that_are_uneven_none_is_named():
    days = [str(np.datetime64("2022-01-01") + int(i)) for i in np.cumsum(np.random.default_rng(0).integers(1, 30, 100))]
    [note] = cr.read_series(of_days().with_columns(day=pl.Series(days)), "sold", "day", horizon=3).notes
    assert note == "the rows are not evenly apart in day; a window counts rows, not time"


def test_a_mistyped_time_among_new_rows_is_named():
    series = cr.read_series(of_days(), "sold", "day", horizon=3)
    encoding = series.learn(np.arange(len(series)))
    notes = encoding.read(of_days(row50="2122-02-20"), labelled=False).notes
    told = (
        "days are missing: taken for missing values, nearly all because of '2122-02-20' in row 51: if that is mistyped"
    )
    assert any(told in note for note in notes)
    with pytest.raises(cr.DataError, match="it holds '2022-02-20 12:30' in row 51: if that is mistyped, mend it"):
        encoding.read(of_days(row50="2022-02-20 12:30"), labelled=False)


@pytest.mark.parametrize("day", ["2022-02-30", "20. Feb"])
@pytest.mark.parametrize("read", [cr.read_series, cr.read_table])
def test_a_time_that_is_none_is_named(day, read):
    told = f"day in the table holds '{day}' in row 51 among dates, which has no place in their order: write it like"
    with pytest.raises(cr.DataError, match=re.escape(told)):
        read(of_days(row50=day), "sold", time="day")


def of_weekdays(*closed, n=200, also=()):
    """Days without those of some weekdays, Monday being 0."""
    return [day for i, day in enumerate(days(n)) if day.weekday() not in closed or i in also]


def sold_on(when):
    return pl.DataFrame({"day": when, "sold": [100.0 + 10 * day.weekday() for day in when]})


@pytest.mark.parametrize(
    ("closed", "note"),
    [
        ((6,), "day holds no Sunday: such days"),
        ((4, 5), "day holds no Friday and no Saturday: such days"),
        ((0,), "Mon"),
    ],
)
def test_weekdays_that_are_never_met_are_none_of_the_calendar(closed, note):
    when = of_weekdays(*closed)
    series = cr.read_series(sold_on(when), "sold", "day", horizon=7)
    assert series.season == 7 - len(closed)
    assert len(series.notes) == 1
    assert note in series.notes[0]
    encoding = from_config(series.learn(np.arange(len(series))).to_config())
    source = encoding.read(sold_on(when[:-9]), labelled=False)
    ahead = [times[0] for times in source.dates_ahead()]
    assert ahead == when[-9:-2]
    forecasts = encoding.output(source, np.zeros((1, 7)))[0]
    np.testing.assert_allclose(forecasts, [100 + 10 * day.weekday() for day in ahead], atol=1)


def test_a_day_that_is_missing_on_its_calendar_of_weekdays_is_a_hole():
    when = of_weekdays(6)
    notes = cr.read_series(sold_on(when[:50] + when[51:]), "sold", "day", horizon=3).notes
    assert notes[1] == "1 opening day is missing: taken for missing values"


@pytest.mark.parametrize("when", [of_weekdays(6, n=13), days(200), of_weekdays(n=9)])
def test_few_days_say_nothing_of_weekdays(when):
    assert cr.read_series(sold_on(when), "sold", "day", horizon=1).calendar.unit == "steps"


def test_it_is_told_on_which_weekday_most_of_the_missing_days_are():
    when = [day for day in of_weekdays(6, also=(41, 160)) if day != days(200)[100]]
    told = (
        "27 days are missing: taken for missing values; 26 of them are Sundays: where nothing happens on these, write"
    )
    [note, *_] = cr.read_series(sold_on(when), "sold", "day", horizon=3).notes
    assert note.startswith(told)
    with pytest.raises(cr.DataError, match=re.escape(told)):
        cr.read_series(sold_on(when), "sold", "day", horizon=20)


SUMMER = dt.datetime(2024, 3, 31, 1, tzinfo=dt.UTC), dt.datetime(2024, 10, 27, 1, tzinfo=dt.UTC)


def there(utc):
    """A moment as clocks in Berlin say it."""
    return utc.astimezone(dt.timezone((1 + (SUMMER[0] <= utc < SUMMER[1])) * HOUR))


def in_berlin(first, n=200):
    """Hours one after the other, as clocks in Berlin say them."""
    begin = dt.datetime.fromisoformat(first).replace(tzinfo=dt.UTC)
    return [there(begin + i * HOUR) for i in range(n)]


def forecast_from(when):
    """Series of these times, and what is said of them and of the times ahead, also by a model file."""
    frame = pl.DataFrame({"when": when, "sold": np.arange(len(when)) % 24 * 1.0})
    series = read_series(frame.head(-6), "sold", "when", horizon=6)
    encoding = from_config(series.learn(np.arange(len(series))).to_config())
    source = encoding.read(frame.head(-6), labelled=False)
    assert source.places[-1] - source.places[0] == len(frame) - 7
    return series.notes, [times[0] for times in source.dates_ahead()], encoding


@pytest.mark.parametrize("first", ["2024-03-27", "2024-10-24"])
@pytest.mark.parametrize(
    "write",
    [
        lambda time: time.isoformat(),
        lambda time: f"{time:%Y-%m-%d %H:%M%z}",
        lambda time: f"{time.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        lambda time: f"{time:%Y-%m-%dT%H:%M} {f'{time:%z}'[:3]}",
    ],
)
def test_hours_with_their_offset_are_counted_in_utc_and_forecasts_written_like_them(first, write):
    when = [write(time) for time in in_berlin(first)]
    notes, ahead, encoding = forecast_from(when)
    assert notes == []
    assert ahead == when[-6:]
    summer = encoding.read(pl.DataFrame({"when": when[:60], "sold": [1.0] * 60}), labelled=False)
    assert summer.dates_ahead()[0] == [when[60]]


def test_hours_of_a_frame_with_a_time_zone_are_counted_in_utc():
    utc = [time.astimezone(dt.UTC) for time in in_berlin("2024-10-24")]
    when = pl.Series(utc).dt.convert_time_zone("Europe/Berlin")
    notes, ahead, _ = forecast_from(when)
    assert notes == []
    assert ahead == when[-6:].to_list()


def test_days_with_an_offset_are_those_of_local_clocks():
    when = [f"{day:%Y-%m-%d}T00:00:00+0{1 + (day.date() > SUMMER[0].date())}:00" for day in days(120)]
    frame = pl.DataFrame({"when": when, "sold": np.arange(120.0)})
    series = read_series(frame, "sold", "when", horizon=2)
    assert series.notes == []
    assert series.calendar.step == 86400e6
    source = series.learn(np.arange(len(series))).read(frame, labelled=False)
    assert source.dates_ahead() == [["2024-04-30T00:00:00+02:00"], ["2024-05-01T00:00:00+02:00"]]


def test_hours_without_an_offset_of_which_one_is_twice_are_told_how_to_write_them():
    when = [f"{time:%Y-%m-%d %H:%M}" for time in in_berlin("2024-10-24")]
    [note] = read_series(pl.DataFrame({"when": when, "sold": np.arange(200.0)}), "sold", "when").notes
    assert note.endswith("write times in UTC, or with their offset such as +01:00, and both are")


def test_a_few_new_rows_on_a_weekday_that_training_had_none_of_are_left_out_and_told():
    learned = cr.read_series(sold_on(of_weekdays(6)), "sold", "day", horizon=7).learn(np.arange(100))
    sundays = [i for i, day in enumerate(days(200)) if day.weekday() == 6]
    more = learned.read(sold_on(of_weekdays(6, also=sundays[-1:])), labelled=False)
    (note,) = [note for note in more.notes if "left out" in note]
    assert note.startswith("left out is 1 row on a weekday that training had not, which its calendar has no place for")
    plain = learned.read(sold_on(of_weekdays(6)), labelled=False)
    np.testing.assert_array_equal(more.values, plain.values)
    with pytest.raises(cr.DataError, match="does not lie on the calendar"):
        learned.read(sold_on(of_weekdays(6, also=sundays)), labelled=False)


def test_days_that_begin_in_several_zones_are_days():
    when = [day for day in days(200) if day.weekday() < 5]
    frame = pl.concat(
        pl.DataFrame(
            {
                "day": [f"{day:%Y-%m-%d}T00:00:00{zone}" for day in when],
                "shop": shop,
                "sold": 1.0 + np.arange(len(when)),
            }
        )
        for shop, zone in (("NY", "-05:00"), ("Berlin", "+01:00"))
    )
    source = cr.read_series(frame, "sold", "day", group="shop", horizon=5)
    assert source.calendar.unit == "business days"
    assert source.offset is None


def test_rows_without_answers_have_no_spans_and_are_known_by_nothing():
    source = cr.read_series(sold_on(of_weekdays(6)), "sold", "day", horizon=7)
    coming = source.learn(np.arange(100)).read(sold_on(of_weekdays(6)), labelled=False)
    assert source.spans is not None
    assert source.known_by is not None
    assert coming.spans is None
    assert coming.known_by is None


def test_times_that_no_longer_tell_their_offset_are_told():
    when = [dt.datetime(2024, 1, 1) + dt.timedelta(hours=i) for i in range(300)]
    frame = pl.DataFrame({"t": [f"{time:%Y-%m-%d %H:%M}+01:00" for time in when], "v": np.sin(np.arange(300.0))})
    learned = cr.read_series(frame, "v", "t", horizon=3, window=24).learn(np.arange(100))
    assert not any("UTC" in note for note in learned.read(frame, labelled=False).notes)
    local = frame.with_columns(t=pl.col("t").str.head(16))
    (note,) = [note for note in learned.read(local, labelled=False).notes if "UTC" in note]
    assert "it is taken for a clock that is +1 hours from it all the year" in note


def test_utc_is_no_t_between_date_and_time():
    when = [f"{dt.datetime(2024, 1, 1) + dt.timedelta(hours=i):%Y-%m-%d %H:%M} UTC" for i in range(200)]
    source = cr.read_series(pl.DataFrame({"t": when, "v": np.sin(np.arange(200.0))}), "v", "t", horizon=2, window=24)
    assert source.dates_ahead()[0][0] == "2024-01-02 00:00 UTC"
