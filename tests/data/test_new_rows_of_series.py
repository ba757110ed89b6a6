"""New rows of series that are unlike those of training: told by the notes that tables have."""

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.configuration import from_config
from chainrule.data.series import windows
from chainrule.errors import DataError

RANDOM = np.random.default_rng(3)
N, HORIZON = 140, 3
HOLIDAY = ["0", "0", "1", "0", "0", "0", "0"]


def sales(first=0, n=N, *, coming=HORIZON, **columns):
    """Days of sales, of which the last ones are to come."""
    days = [dt.date(2024, 1, 1) + dt.timedelta(first + i) for i in range(n)]
    known = n - coming
    sold = [*(50 + 10 * np.sin(np.arange(known)) + RANDOM.normal(0, 1, known)).round(1), *[None] * coming]
    visitors = [*RANDOM.integers(400, 600, known).tolist(), *[None] * coming]
    weather = [*RANDOM.choice(["sun", "rain"], known).tolist(), *[None] * coming]
    price = [2.99, 1.99, 2.49, 2.49, 2.29] * n
    frame = {"day": days, "sold": sold, "price": price[:n], "holiday": (HOLIDAY * n)[:n]}
    return pl.DataFrame(frame | {"visitors": visitors, "weather": weather} | columns, strict=False)


@pytest.fixture(scope="module")
def encoding():
    series = cr.read_series(sales(), "sold", "day", horizon=HORIZON)
    assert series.ahead == ["price", "holiday"]
    return series.learn(np.arange(len(series)))


def notes(encoding, frame, labelled=False):
    return " | ".join(encoding.read(frame, labelled=labelled).notes)


def test_rows_like_those_of_training_are_told_nothing_of(encoding):
    assert notes(encoding, sales(N, 40)) == ""
    assert notes(encoding, sales(N, 40, coming=0), labelled=True) == ""


@pytest.mark.parametrize("labelled", [False, True])
def test_columns_in_another_unit_or_of_other_words_are_told_as_those_of_a_table(encoding, labelled):
    new = sales(N, 40, coming=0 if labelled else HORIZON)
    in_cents = notes(encoding, new.with_columns(pl.col("price") * 100), labelled)
    assert "price lies far from all that training met, in nearly all rows: about 249 here, about 2.49" in in_cents
    by_thousands = notes(encoding, new.with_columns(pl.col("visitors") * 1000), labelled)
    assert "visitors lies far from all that training met, in nearly all rows" in by_thousands
    worded = notes(encoding, new.with_columns(pl.col("holiday").replace({"0": "nein", "1": "ja"})), labelled)
    assert "holiday holds 'ja', 'nein' in 40 of 40 rows, which training has not met" in worded
    lost = notes(encoding, new.with_columns(pl.lit(None).alias("visitors")), labelled)
    assert "visitors is missing in all" in lost


def test_words_are_looked_at_in_rows_that_no_forecast_looks_at_too(encoding):
    coded = sales(N, 80).with_columns(pl.col("holiday").replace({"0": "1", "1": "2"}))
    late = pl.col("day") > dt.date(2024, 7, 1)
    no_holiday = pl.when(late).then(pl.lit("1")).otherwise("holiday").alias("holiday")
    assert "holiday holds '2' in" in notes(encoding, coded.with_columns(no_holiday))


def test_numbers_are_looked_at_where_forecasts_look(encoding):
    mostly_old = sales(0, 400, coming=0).with_columns(pl.col("sold").cast(pl.Float64))
    newest = sales(400, 30).with_columns(pl.col("price") * 100)
    whole = pl.concat([mostly_old, newest], how="vertical_relaxed")
    assert "price lies far from all that training met" in notes(encoding, whole)


def test_rows_to_come_hold_nothing_of_columns_that_are_not_known_ahead(encoding):
    assert "visitors" not in notes(encoding, sales(N, 40))


def test_plain_numbers_are_taken_for_those_with_their_unit_and_told():
    with_unit = sales().with_columns(pl.col("visitors").cast(pl.Int64).cast(pl.String) + " kg")
    series = cr.read_series(with_unit, "sold", "day", horizon=HORIZON)
    encoding = series.learn(np.arange(len(series)))
    assert "visitors holds numbers without a unit: they are taken for kg" in notes(encoding, sales(N, 40))


def test_all_lost_columns_are_named_at_once(encoding):
    with pytest.raises(DataError, match=r"lacks 2 columns that training had: 'price', 'visitors'.*leave a column"):
        encoding.read(sales(N, 40).drop("price", "visitors"), labelled=False)


def forecasts(encoding, frame):
    """What is forecast without a network, as a column of each step."""
    source = encoding.read(frame, labelled=False)
    return encoding.output(source, np.zeros((1, HORIZON)))


def test_what_is_usual_is_taken_where_what_is_known_ahead_is_lacking():
    holiday = pl.Series("holiday", np.where(np.arange(N) % 9 == 0, "1", "0"))
    frame = sales().with_columns(holiday).drop("price")
    frame = frame.with_columns(pl.col("sold") - 30 * (pl.col("holiday") == "1"))
    series = cr.read_series(frame, "sold", "day", horizon=HORIZON, known_ahead=["holiday"])
    encoding = series.learn(np.arange(len(series)))
    past = frame.head(N - HORIZON)
    coming = frame.tail(HORIZON)
    of = {word: pl.concat([past, coming.with_columns(pl.lit(word).alias("holiday"))]) for word in ("0", "1", None)}
    usual, rare, missing = (forecasts(encoding, of[word]) for word in ("0", "1", None))
    assert (usual > rare + 20).all()
    np.testing.assert_array_equal(missing, usual)
    np.testing.assert_array_equal(forecasts(encoding, past), usual)
    told = (
        "holiday is known ahead, but not there in 3 of 3 rows to come: taken for '0', as in 88.3% of the training. "
        "Where it is known, write these rows, with sold left empty"
    )
    assert told in encoding.read(past, labelled=False).notes


@pytest.mark.parametrize(
    ("column", "taken"),
    [
        ([2.99, 1.99, 2.49, 2.49, 2.29], "2.49, the median of the training"),
        (["fair", None, None, None, "sale"], "missing, as in 59.9%"),
        (["fair", None, "sale", "sale", "sale"], "'sale', as in 59.1%"),
        ([10, None, None, 20, None], "missing, as in 59.9%"),
    ],
)
def test_it_is_told_what_is_taken_for_what_is_lacking(column, taken):
    frame = sales().with_columns(pl.Series("known", (column * N)[:N]))
    series = cr.read_series(frame, "sold", "day", horizon=HORIZON, known_ahead=["known"])
    encoding = from_config(series.learn(np.arange(len(series))).to_config())
    assert f"taken for {taken}" in notes(encoding, frame.head(N - HORIZON))
    older = replace(encoding, usual=[])
    assert "taken for missing, as its model file does not tell what is" in notes(older, frame.head(N - HORIZON))


def test_gaps_in_what_is_known_ahead_are_told_where_forecasts_are_learned_and_measured():
    frame = sales(coming=0).with_columns(pl.Series("known", (["0", "0", "1", "0", None] * N)[:N]))
    series = cr.read_series(frame, "sold", "day", horizon=HORIZON, known_ahead=["known"])
    encoding = series.learn(np.arange(len(series)))
    told = "known is known ahead, but missing in 28 of 140 rows: taken for '0', as in 60% of the training"
    assert series.notes[-1] == told
    assert notes(encoding, frame, labelled=True) == told


def in_thousands():
    """Numbers of a German table whose points part thousands."""
    return ["890", "777", *[f"1.{n}" for n in (117, 268, 325, 324, 193, 127, 302, 308, 414, 492)]] * 12


def test_points_that_part_thousands_are_told_before_training_as_of_a_table(tmp_path):
    sold = in_thousands()
    (tmp_path / "sold.csv").write_text(
        "\n".join(["day;sold", *(f"{day};{y}" for day, y in zip(sales(n=len(sold))["day"], sold, strict=True))])
    )
    told = "sold holds 890 beside 1.117, always three digits behind the point: if it parts thousands, write the numbers"
    series = cr.read_series(tmp_path / "sold.csv", "sold", "day", horizon=HORIZON)
    experiment = cr.Experiment(series, cr.Settings(seed=0), tmp_path / "run")
    assert experiment.doubts[0].startswith(told)
    assert any(note.startswith(told) for note in experiment.notes)


def test_marks_of_missing_values_and_misfits_are_told_before_training(tmp_path):
    visitors = pl.Series("visitors", [*map(str, RANDOM.integers(400, 600, N - 1)), "4O0"])
    price = pl.Series("price", [-999.0, 2.99, 1.99, 2.49, 2.29, 2.09, 2.19] * N)[:N]
    frame = sales(coming=0).with_columns(visitors, price)
    series = cr.read_series(frame, "sold", "day", horizon=HORIZON)
    told = " | ".join(cr.Experiment(series, cr.Settings(seed=0), tmp_path).doubts)
    assert "visitors holds '4O0' in row 140 among numbers" in told
    assert "price is -999 in 20 of 140 rows, and the others lie between 1.99 and 2.99" in told


def test_what_is_forecast_is_told_where_it_is_in_another_unit():
    sold = [1000 * float(y) if "." in y else float(y) for y in in_thousands()]
    frame = sales(n=len(sold), coming=0).with_columns(pl.Series("sold", sold))
    series = cr.read_series(frame, "sold", "day", horizon=HORIZON)
    encoding = series.learn(np.arange(len(series)))
    small = frame.with_columns(pl.Series("sold", in_thousands()).cast(pl.Float64))
    told = "sold ends with 1.492, far from all of the training, about 1,210: is it in another unit? If not, train anew"
    assert "far from" not in notes(encoding, frame)
    for labelled in (False, True):
        assert told in notes(encoding, small, labelled)
    large = frame.with_columns(pl.col("sold") * 100)
    assert "sold ends with 149200, far from all" in notes(encoding, large)


def test_a_series_that_training_had_and_new_rows_lack_is_told():
    shops = [sales().with_columns(shop=pl.lit(name)) for name in "abcdef"]
    series = cr.read_series(pl.concat(shops), "sold", "day", horizon=HORIZON, group="shop")
    encoding = series.learn(np.arange(len(series)))
    new = [sales(N, 40).with_columns(shop=pl.lit(name)) for name in "abcdef"]
    assert notes(encoding, pl.concat(new)) == ""
    assert "not there is shop f, which training had: nothing is forecast of it" in notes(encoding, pl.concat(new[:5]))
    told = "not there is shop b, c, d and 2 more, which training had: nothing is measured of them"
    assert told in notes(encoding, new[0].head(37), labelled=True)


@pytest.mark.parametrize("odd", [0.0, -3.0])
@pytest.mark.parametrize("back", [1, 4])
def test_a_value_without_a_logarithm_makes_no_forecast_grow_beyond_all_bounds(odd, back):
    n = 300
    week = np.array([1, 0.9, 0.95, 1, 1.3, 1.6, 0.7])[np.arange(n) % 7]
    sold = np.random.default_rng(0).poisson(100 * week) * np.exp(np.arange(n) / n)
    frame = pl.DataFrame({"day": [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(n)], "sold": sold})
    source = cr.read_series(frame, "sold", "day", horizon=7)
    learned = source.learn(np.arange(len(source)))
    learned = replace(learned, base=windows.fit(source, np.arange(len(source)), learned.known(source), [True]))
    broken = frame.with_columns(sold=pl.when(pl.int_range(n) == n - back).then(odd).otherwise(pl.col("sold")))
    plain, found = (learned.read(one, labelled=False) for one in (frame, broken))
    forecast, expected = (learned.output(one, np.zeros((1, 7)))[0] for one in (found, plain))
    assert np.all((forecast > expected / 3) & (forecast < 3 * expected))
    assert not any("0 or less" in note for note in plain.notes)
    assert sum(f"sold is 0 or less in row {n + 1 - back}" in note for note in found.notes) == 1
