"""Windows of a series: what each holds, that nothing of the future leaks, and what does not fit."""

import datetime as dt
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.configuration import from_config
from chainrule.data.series import read_series
from chainrule.experiments.splits import split

START = dt.datetime(2024, 1, 1)


def table(n=60, hours=24, **columns):
    when = [START + i * dt.timedelta(hours=hours) for i in range(n)]
    return pl.DataFrame({"when": when, "sold": np.arange(n) ** 2.0} | columns)


def test_a_window_is_the_past_and_its_future_what_comes_after():
    series = read_series(table(), "sold", "when", window=4, horizon=2)
    assert len(series) == 60 - 4 - 2 + 1
    encoding = series.learn(np.arange(len(series)))
    ((change,),) = encoding.base.scaling.changes
    X, Y = encoding.X(series), series.numbers(series.target)
    values = np.arange(60) ** 2.0
    for i in (0, 7, len(series) - 1):
        last = values[i + 3]
        np.testing.assert_allclose(X[i, :3] * change, values[i : i + 3] - last, rtol=1e-4)
        np.testing.assert_allclose(Y[i], values[i + 4 : i + 6])
    learned = encoding.learned(series, Y)
    np.testing.assert_allclose(encoding.output(series, learned), Y, rtol=1e-9)
    assert series.target.names == ["sold +1", "sold +2"]
    # the window, the month, the day and the weekday of its last row as sines and cosines, and the base forecast
    assert X.shape == (55, 4 + 6 + 2) == (55, encoding.width)


def test_a_window_ends_with_the_level_and_one_never_seen_is_a_high_one():
    series = read_series(table(), "sold", "when", window=4)
    rows = np.arange(40)
    levels = series.learn(rows).X(series)[:, 3]
    known, seen = series.values[series.last, 0], series.values[: series.last[39] + 2, 0]
    np.testing.assert_allclose(levels, ((known - seen.mean()) / seen.std()).clip(-2, 2), rtol=1e-4)
    assert (levels[-5:] == 2).all()


def test_what_follows_from_the_last_value_is_learned_of_a_window_of_one(tmp_path):
    x = [0.3]
    while len(x) < 600:
        x.append(3.9 * x[-1] * (1 - x[-1]))
    series = read_series(pl.DataFrame({"t": range(600), "x": x}), "x", "t", window=1)
    metrics = cr.Experiment(series, cr.Settings(seed=0), tmp_path).run(progress=False).metrics
    assert metrics["test"]["mae"] < 0.3 * metrics["baseline"]["mae"]


def test_a_category_of_many_values_is_set_aside_and_a_note_says_so():
    words = [f"word {i % 40}" for i in range(200)]
    series = read_series(table(200, word=words, few=words[:20] * 10), "sold", "when", window=4, category=["word"])
    assert "left out is word: it has 40 values, and windows show no more than 32" in series.notes
    assert {column.name: column.kind for column in series.table.columns}["word"] == "ignored"
    assert {code.column.name for code in series.learn(np.arange(100)).codes} == {"when", "few"}


def numbers(frame):
    series = read_series(frame, "sold", "when", window=4)
    return series.learn(np.arange(len(series))).X(series), series.numbers(series.target)


def test_rows_may_come_in_any_order():
    shuffled = table().sample(fraction=1, shuffle=True, seed=0)
    for ours, theirs in zip(numbers(table()), numbers(shuffled), strict=True):
        assert np.array_equal(ours, theirs)


def test_nothing_of_a_later_part_is_learned():
    series = read_series(table(200), "sold", "when", window=5, horizon=4)
    splits = split(series, series.numbers(series.target), 0.2, 0.1, 0)
    last = series.last
    assert (last[splits.train] + 4).max() < (last[splits.validation] + 1).min()
    assert (last[splits.validation] + 4).max() < (last[splits.test] + 1).min()
    left_out = len(series) - sum(map(len, (splits.train, splits.validation, splits.test)))
    assert left_out == 2 * 3  # the windows that reach from one part into the next


def test_what_is_learned_of_columns_comes_from_the_training_rows():
    rain = np.r_[np.zeros(100), np.full(100, 1e6)]
    rain[:100] = np.random.default_rng(0).random(100)
    series = read_series(table(200, rain=rain), "sold", "when", window=5)
    encoding = series.learn(np.arange(50))
    (code,) = [code for code in encoding.codes if code.column.name == "rain"]
    assert code.middle == pytest.approx(rain[:55].mean())


def test_several_series_are_not_mixed():
    frame = pl.concat([table(20, shop=["a"] * 20), table(20, shop=["b"] * 20).with_columns(sold=pl.lit(7.0))])
    series = read_series(frame, "sold", "when", window=4, horizon=2, group="shop")
    assert len(series) == 2 * (20 - 4 - 2 + 1)
    Y = series.numbers(series.target)
    assert (Y[15:] == 7).all()
    assert (Y[:15] > 7).all()
    with pytest.raises(cr.DataError, match=r"when in the table holds 2024-01-01 .* twice: .* by --group shop\."):
        read_series(frame, "sold", "when")


def test_comparisons_are_the_last_value_the_last_season_and_the_mean_of_the_season_so_far():
    sold = np.tile([1.0, 2, 3, 4, 5, 6, 9], 10) + np.repeat(np.arange(10), 7)
    series = read_series(table(70).with_columns(sold=pl.Series(sold)), "sold", "when", window=3, horizon=9)
    assert series.season == 7
    rows = np.arange(len(series))
    found = series.baselines(rows, rows, series.learn(rows))
    assert list(found) == ["baseline", "seasonal", "mean", "linear"]
    Y = series.numbers(series.target)
    np.testing.assert_allclose(found["baseline"], np.repeat(sold[series.last][:, None], 9, axis=1))
    np.testing.assert_allclose(found["seasonal"][5:, :7], Y[5:, :7] - 1)
    np.testing.assert_allclose(found["seasonal"][5:, 7:], Y[5:, 7:] - 2)
    assert (found["seasonal"][0, :4] == sold[2]).all()  # there was no season before
    last = series.last[30]
    np.testing.assert_allclose(found["mean"][30, 0], sold[(last + 1) % 7 : last + 1 : 7].mean())


@pytest.mark.parametrize(
    ("hours", "season"),
    [(1, 24), (0.5, 48), (24, 7), (48, 1), (24 * 7, 52), (24 * 30.4, 12), (24 * 91, 4), (24 * 365, 1)],
)
def test_the_season_follows_from_the_dates(hours, season):
    assert read_series(table(60, hours), "sold", "when", window=2).season == season
    assert read_series(table(20, hours), "sold", "when", window=2).season == (season if season < 20 else 1)


def test_days_without_weekends_have_a_season_of_five():
    days = [day for i in range(80) if (day := START + dt.timedelta(days=i)).weekday() < 5]
    frame = pl.DataFrame({"when": days, "sold": np.arange(len(days)) * 1.0})
    assert read_series(frame, "sold", "when").season == 5


def test_months_and_numbers_are_times_too(tmp_path):
    path = tmp_path / "months.csv"
    path.write_text("month,sold\n" + "".join(f"{1990 + i // 12}-{1 + i % 12:02d},{i}\n" for i in range(60)))
    series = read_series(path, "sold", "month")
    assert (series.season, series.window) == (12, 14)
    numbers = pl.DataFrame({"t": range(40), "sold": np.arange(40.0)})
    assert read_series(numbers, "sold", "t", window=3).season == 1
    with pytest.raises(cr.DataError, match="name in the table is neither dates nor numbers"):
        read_series(pl.DataFrame({"name": ["a", "b", "c"], "sold": [1.0, 2, 3]}), "sold", "name")


def first_of_months(day_before_month, **options):
    when = [(1, 1 + i % 12) if day_before_month else (1 + i % 12, 1) for i in range(96)]
    days = [f"{first:02d}/{second:02d}/{2015 + i // 12}" for i, (first, second) in enumerate(when)]
    return read_series(pl.DataFrame({"day": days, "sold": np.arange(96.0)}), "sold", "day", **options)


@pytest.mark.parametrize(("day_before_month", "taken"), [(True, "31/01/2025"), (False, "01/31/2025")])
def test_of_two_ways_to_read_dates_the_one_with_even_steps_is_taken(day_before_month, taken):
    series = first_of_months(day_before_month)
    assert series.season == 12
    note = f"day does not tell whether day or month stands first: taken as {taken}.*; --day-first or --month-first"
    (text,) = series.notes
    assert re.match(note, text)


def test_somebody_may_say_whether_the_day_stands_first():
    assert first_of_months(True, day_first=True).notes == []
    assert first_of_months(True, day_first=False).season == 1  # some days in each January, and then none
    assert first_of_months(False, day_first=True).season == 1


@pytest.mark.parametrize(
    ("times", "ahead"),
    [
        (["2024-12-30", "2024-12-31", "2025-01-01"], ["2025-01-02", "2025-01-03"]),
        (["2024-12-30 22:30", "2024-12-30 23:00", "2024-12-30 23:30"], ["2024-12-31 00:00", "2024-12-31 00:30"]),
        (["31/12/2024", "14/01/2025", "28/01/2025"], ["11/02/2025", "25/02/2025"]),
        (["2024-10-01", "2024-11-01", "2024-12-01"], ["2025-01-01", "2025-02-01"]),
        (["2024-10-31", "2024-11-30", "2024-12-31"], ["2025-01-31", "2025-02-28"]),
        (["2022-02-01", "2023-02-01", "2024-02-01"], ["2025-02-01", "2026-02-01"]),
        ([dt.date(2024, 9, 5), dt.date(2024, 9, 6), dt.date(2024, 9, 7)], [dt.date(2024, 9, 8), dt.date(2024, 9, 9)]),
        ([2019, 2020, 2021], ["2022", "2023"]),
        (["2024-10-03", "2024-10-04", "2024-10-07"], ["2024-10-08", "2024-10-09"]),  # from Monday to Friday
        (["2024-10-03", "2024-10-04", "2024-10-05", "2024-10-13"], ["2024-10-14", "2024-10-15"]),
        (["2024-01-03", "2024-01-13", "2024-02-27"], []),
        (["2000Q1", "2000Q2", "2000Q3", "2001Q1"], ["2001Q2", "2001Q3"]),
        (["2024-W51", "2024-W52", "2025-W01"], ["2025-W02", "2025-W03"]),
        (["2000M10", "2000M11", "2000M12"], ["2001M01", "2001M02"]),
        (["2000-10", "2000-11", "2000-12"], ["2001-01", "2001-02"]),
    ],
)
def test_the_times_that_are_forecast_are_named_where_the_steps_are_even(times, ahead):
    frame = pl.DataFrame({"when": times, "sold": [1.0, 2, 4, 3][: len(times)]})
    found = read_series(frame, "sold", "when", window=1, horizon=2).learn(np.arange(1))
    columns = found.read(frame, labelled=False).identification()
    assert columns.pop("last when") == [times[-1]]
    assert columns == {f"when +{h}": [time] for h, time in enumerate(ahead, 1)}


def test_a_forecast_begins_behind_the_last_value_that_is_known():
    shops = [table(10, shop=[name] * 10) for name in "abc"]
    frame = pl.concat(
        [shops[0], shops[1].with_columns(sold=pl.Series([0.0, 1, 2, 3, 4, 5, 6, 7, None, None])), shops[2].head(3)]
    )
    known = frame.filter(pl.col("shop") != "c")
    series = read_series(known, "sold", "when", window=4, horizon=2, group="shop")
    encoding = series.learn(np.arange(len(series)))
    coming = encoding.read(frame, labelled=False)
    assert coming.last.tolist() == [9, 17]
    np.testing.assert_array_equal(coming.filled[coming.last, 0], [81, 7])
    assert "left out is 1 series with fewer than 4 rows, or too few values: c (3 rows)" in coming.notes
    with pytest.raises(cr.DataError, match="has no window of 4 rows whose targets are there"):
        encoding.read(frame.with_columns(sold=pl.lit(None, pl.Float64)), labelled=False)


def test_a_model_that_asks_for_a_group_without_a_name_is_answered_by_a_sentence():
    source = read_series(table(), "sold", "when", horizon=2, window=3)
    encoding = replace(source.learn(np.arange(20)), group="")
    with pytest.raises(cr.DataError, match="there is no column ''"):
        encoding.read(table(9), labelled=False)


def test_steps_that_are_no_calendar_are_told():
    days = np.cumsum(np.random.default_rng(0).integers(1, 40, 60))
    frame = table(60).with_columns(when=pl.Series([START + dt.timedelta(days=int(day)) for day in days]))
    series = read_series(frame, "sold", "when")
    assert "the rows are not evenly apart in when; a window counts rows, not time" in series.notes
    assert len(series.values) == 60


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"window": 100}, r"the table has 60 rows in its longest series, but a window of 100 rows with the 1 to "
         r"forecast takes 101: give more rows, or train with a shorter --window\."),
        ({"window": 0}, "window is 0, but must be a whole number, 1 or more"),
        ({"horizon": 0}, "horizon is 0"),
        ({"season": 0}, "season is 0"),
        ({"horizon": 60}, "a window of 1 rows with the 60 to forecast takes 61"),
        ({"group": "sold"}, "'sold' is to be a target and a group column at once"),
        ({"group": "shop"}, "no column 'shop'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(options, words):
    with pytest.raises(cr.ChainruleError, match=words):
        read_series(table(), "sold", "when", **options)


def test_a_series_of_gaps_or_words():
    with pytest.raises(
        cr.DataError, match="has no window of 4 rows with the 2 to forecast whose targets are there: fill"
    ):
        read_series(table(30).with_columns(sold=pl.Series([1.0, None] * 15)), "sold", "when", window=4, horizon=2)
    with pytest.raises(cr.DataError, match="word holds 'a' in row 1, but that column holds numbers such as"):
        read_series(table(30, word=["a"] * 30), "word", "when")
    with pytest.raises(cr.OptionError, match=r"which column of the table is to be forecast\? It has when, sold"):
        read_series(table(), [], "when")


def test_too_short_to_hold_anything_out(tmp_path):
    series = read_series(table(30), "sold", "when", window=2, horizon=12)
    with pytest.raises(cr.DataError, match="the table is too short: too few examples end before those begin"):
        split(series, series.numbers(series.target), 0.4, 0.3, 0)


def test_a_network_beats_both_baselines_and_forecasts_what_comes_after(tmp_path):
    random = np.random.default_rng(0)
    t = np.arange(400)
    sold = 50 + 10 * np.sin(2 * np.pi * t / 7) + np.cumsum(random.normal(0, 0.5, 400))
    frame = table(400).with_columns(sold=pl.Series(sold.round(2)))
    series = read_series(frame, "sold", "when", horizon=3)
    result = cr.Experiment(series, cr.Settings(seed=0), tmp_path).run(progress=False)
    mae = {name: result.metrics[name]["mae"] for name in ("test", "seasonal", "baseline")}
    assert mae["test"] < 0.8 * mae["seasonal"] < mae["baseline"]
    trained = cr.Trained.load(tmp_path)
    source = trained.read(frame)
    rows, what = trained.rows(source, "auto")
    assert what == "the held-out part"
    assert trained.evaluate(source, rows)["mae"] == pytest.approx(mae["test"])
    coming = trained.predictions(trained.read(frame, labelled=False))
    assert coming["last when"] == [START + dt.timedelta(days=399)]
    future = 50 + 10 * np.sin(2 * np.pi * np.arange(400, 403) / 7) + sold[-1] - 50 - 10 * np.sin(2 * np.pi * 399 / 7)
    found = [float(coming[f"prediction sold +{h}"][0]) for h in (1, 2, 3)]
    np.testing.assert_allclose(found, future, atol=4)
    with pytest.raises(cr.DataError, match="a window of 14 rows takes 14"):
        trained.read(frame.head(5), labelled=False)
    with pytest.raises(cr.DataError, match="no column 'sold'"):
        trained.read(frame.drop("sold"), labelled=False)


def test_a_series_too_short_to_train_on_leaves_no_scale():
    level = np.tile([100.0, 110, 90, 105, 95, 108, 92], 9)
    shops = [table(63, shop=["a"] * 63).with_columns(sold=pl.Series(level)), table(63, shop=["b"] * 63)]
    short = table(63, shop=["c"] * 63).with_columns(sold=pl.Series(1000 * level))
    read = {"target": "sold", "time": "when", "group": "shop", "window": 7, "horizon": 2}
    series = read_series(pl.concat([*shops, short.head(8)]), **read)
    encoding = series.learn(np.arange(len(series)))
    assert encoding.base.scaling.names == ["a", "b"]
    assert any("scaled by its own values" in note for note in encoding.read(short, labelled=False).notes)


def test_a_column_by_itself_is_one_and_not_its_letters():
    frame = table(60, promo=["a", "b", "c"] * 20, other=[1.0, 2.0, 3.0] * 20)
    series = cr.read_series(frame, "sold", "when", horizon=2, known_ahead="promo", ignore="other")
    assert series.ahead == ["promo"]
    assert next(column for column in series.table.columns if column.name == "other").kind == "ignored"
    columns = cr.read_table(frame, "sold", ignore="other", category="promo").columns
    assert {column.name: column.reason for column in columns}["other"] == "as you said"


def test_a_model_file_of_a_season_that_no_series_has_is_refused():
    frame = pl.DataFrame({"t": np.arange(60), "v": np.sin(np.arange(60.0))})
    config = read_series(frame, "v", "t", horizon=1, window=3).learn(np.arange(30)).to_config()
    assert from_config(config).season == config["season"]
    with pytest.raises(cr.OptionError, match="the season would be"):
        from_config(config | {"season": 2**70})
