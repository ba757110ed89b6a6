"""Forecasts as a user gets them: beside simple ones, of several series, by what is known ahead, with quantiles."""

import csv
import datetime as dt
import io

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.series import Forecast
from chainrule.errors import DoubtWarning
from chainrule.experiments.weights import watched_metric

START = dt.date(2022, 1, 1)
RANDOM = np.random.default_rng(7)
WEEK = 50 + 10 * np.sin(2 * np.pi * np.arange(300) / 7) + RANDOM.normal(0, 1, 300)
PROMOTION = (RANDOM.random(300) < 0.15).astype(int)


def days(n, first=0):
    return [START + dt.timedelta(days=first + i) for i in range(n)]


def sales(n=300, **columns):
    return pl.DataFrame({"day": days(n), "sold": WEEK[:n].round(2)} | columns)


def trained(tmp_path, frame, **options):
    series = cr.read_series(frame, "sold", "day", **({"horizon": 7} | options))
    experiment = cr.Experiment(series, cr.Settings(seed=0), tmp_path)
    return experiment, experiment.run(progress=False).metrics


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("whole"), sales())


@pytest.fixture(scope="module")
def with_promotions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("promotions")
    coming = pl.DataFrame({"day": days(7, 300), "sold": [None] * 7, "promo": [0, 0, 1, 0, 0, 1, 0]})
    past = sales(promo=PROMOTION).with_columns((pl.col("sold") + 25 * pl.col("promo")).round(2))
    frame = pl.concat([past, coming.with_columns(pl.col("sold").cast(pl.Float64))])
    return frame, *trained(folder, frame, quantiles=(0.1, 0.9)), folder


def test_the_default_is_as_good_as_the_best_simple_forecast(whole):
    _, metrics = whole
    mae = {name: metrics[name]["mae"] for name in ("test", "linear", "mean", "seasonal", "baseline")}
    assert mae["test"] < 1.05 * min(mae.values())
    assert mae["test"] < 0.8 * mae["seasonal"] < mae["baseline"]
    assert 0.7 < mae["test"] < 1.1  # the noise alone has 0.8


def test_holes_in_time_do_little_harm(tmp_path, whole):
    gone = RANDOM.choice(300, 15, replace=False)
    experiment, metrics = trained(tmp_path, sales().filter(~pl.Series(np.isin(np.arange(300), gone))))
    assert "15 days are missing: taken for missing values" in experiment.source.notes
    assert metrics["test"]["mae"] < 1.15 * whole[1]["test"]["mae"]


def test_empty_targets_do_little_harm(tmp_path, whole):
    empty = np.isin(np.arange(300), RANDOM.choice(300, 30, replace=False))
    frame = sales().with_columns(sold=pl.when(pl.Series(~empty)).then(pl.col("sold")))
    assert trained(tmp_path, frame)[1]["test"]["mae"] < 1.15 * whole[1]["test"]["mae"]


def test_each_series_is_forecast_in_its_own_scale_and_has_its_row(tmp_path, whole):
    parts = [(1, "a", 300), (10, "b", 60), (100, "c", 12)]
    frame = pl.concat(
        [pl.DataFrame({"day": days(n), "shop": [s] * n, "sold": (f * WEEK[:n]).round(2)}) for f, s, n in parts]
    )
    experiment, metrics = trained(tmp_path, frame, group="shop")
    assert "left out is 1 series with fewer than 29 rows, or too few values: c (12 rows)" in experiment.source.notes
    assert [*metrics["series"]] == ["a", "b"]  # the test part has both, though all of b lies before the end of a
    assert metrics["series"]["a"]["test"] < 1.1 * whole[1]["test"]["mae"]
    assert metrics["series"]["b"]["test"] < 10 * 1.3 * whole[1]["test"]["mae"]
    coming = experiment.encoding.read(frame, labelled=False)
    found = cr.Trained.load(tmp_path).predictions(coming)
    assert found["shop"] == ["a", "b"]
    assert 9 < found["prediction sold +1"][1] / WEEK[60] < 11
    new = frame.filter(pl.col("shop") == "b").with_columns(shop=pl.lit("d"), sold=pl.col("sold") * 1000)
    coming = experiment.encoding.read(new, labelled=False)
    assert "not met in training, and scaled by its own values, is shop d" in coming.notes
    assert 9e3 < cr.Trained.load(tmp_path).predictions(coming)["prediction sold +1"][0] / WEEK[60] < 11e3


def test_the_promotions_of_the_week_ahead_raise_the_forecast_of_their_days(with_promotions):
    frame, experiment, metrics, folder = with_promotions
    told = "known ahead is promo, which the 7 rows after the last sold hold: forecasts look at it"
    assert any(note.startswith(told) for note in experiment.source.notes)
    assert metrics["test"]["mae"] < 1.2
    trained_again = cr.Trained.load(folder)
    found = trained_again.predictions(trained_again.read(frame, labelled=False))
    forecasts = np.array([found[f"prediction sold +{h}"][0] for h in range(1, 8)])
    expected = 50 + 10 * np.sin(2 * np.pi * np.arange(300, 307) / 7) + 25 * np.array([0, 0, 1, 0, 0, 1, 0])
    np.testing.assert_allclose(forecasts, expected, atol=4)
    with pytest.warns(DoubtWarning, match="promo is known ahead, but not there"):
        lacking = trained_again.read(frame.head(300), labelled=False)
    assert "promo is known ahead, but not there in 7 of 7 rows to come: taken for '0', as in 8" in " | ".join(
        lacking.notes
    )


def test_what_is_known_of_too_few_rows_ahead_is_not_used_unless_it_is_said():
    coming = pl.DataFrame({"day": days(3, 300), "sold": [None] * 3, "promo": [0, 0, 1]})
    frame = pl.concat([sales(promo=PROMOTION), coming.with_columns(pl.col("sold").cast(pl.Float64))])
    series = cr.read_series(frame, "sold", "day", horizon=7)
    assert (
        "3 rows after the last sold hold promo, but 7 are forecast: not used; --known-ahead promo" in series.notes[-1]
    )
    assert series.ahead == []
    assert cr.read_series(frame, "sold", "day", horizon=7, known_ahead=["promo"]).ahead == ["promo"]


def of_shops(*parts):
    """Rows of several shops: of each its name, how many days it has, and other columns."""
    return pl.concat([sales(n, **columns).with_columns(shop=pl.lit(shop)) for shop, n, columns in parts])


def told(frame, **options):
    return cr.read_series(frame, "sold", "day", **({"horizon": 7} | options)).notes


def test_it_is_told_of_which_shop_nothing_is_known_ahead():
    past = of_shops(("a", 300, {"promo": PROMOTION}), ("b", 300, {"promo": PROMOTION}))
    coming = [
        pl.DataFrame({"day": days(7, 300), "sold": [None] * 7, "promo": promo, "shop": [shop] * 7}, strict=False)
        for shop, promo in (("a", [0, 0, 1, 0, 0, 1, 0]), ("b", [0, 1, None, None, None, None, None]))
    ]
    coming = [frame.with_columns(pl.col("sold").cast(pl.Float64)) for frame in coming]
    first = pl.concat([past, coming[0]], how="diagonal_relaxed")
    note = "of b no rows after the last sold hold promo, but 7 are forecast: not used; --known-ahead promo says that"
    assert any(one.startswith(note) for one in told(first, group="shop"))
    both = pl.concat([past, *coming], how="diagonal_relaxed")
    note = (
        "of b only 2 rows after the last sold hold promo, but 7 are forecast: not used; --known-ahead promo says that"
    )
    assert any(one.startswith(note) for one in told(both, group="shop"))
    assert cr.read_series(both, "sold", "day", horizon=7, group="shop", known_ahead=["promo"]).ahead == ["promo"]


def test_zeros_in_place_of_what_is_to_come_are_told():
    coming = pl.DataFrame({"day": days(7, 300), "sold": [0.0] * 7})
    note = "sold is 0 in the last 7 rows, from 2022-10-28 on, and hardly ever before: taken for what was; where"
    assert any(one.startswith(note) for one in told(pl.concat([sales(), coming])))
    assert not any("sold is 0" in one for one in told(sales()))
    empty = coming.with_columns(sold=pl.lit(None, pl.Float64))
    assert not any("sold is 0" in one for one in told(pl.concat([sales(), empty])))
    seldom = sales().with_columns(sold=pl.when(pl.int_range(300) % 4 == 0).then("sold").otherwise(0.0))
    assert not any("sold is 0" in one for one in told(pl.concat([seldom, coming.head(3)])))


def test_a_series_that_ends_before_the_others_is_told(tmp_path):
    frame = of_shops(("a", 300, {}), ("b", 260, {}), ("c", 300, {}))
    note = (
        "b at 2022-09-17 ends before the others, which go on until 2022-10-27: forecasts of it are for the time after"
    )
    assert any(one.startswith(note) for one in told(frame, group="shop"))
    even = of_shops(("a", 300, {}), ("b", 298, {}))
    assert not any("before the others" in one for one in told(even, group="shop"))
    experiment = cr.Experiment(
        cr.read_series(even, "sold", "day", group="shop", horizon=7), cr.Settings(seed=0), tmp_path
    )
    coming = experiment.encoding.read(even, labelled=False)
    assert any(one.startswith("b at 2022-10-25 ends before the others, which go on until") for one in coming.notes)


def test_quantiles_cover_what_they_say(with_promotions):
    _, experiment, metrics, _ = with_promotions
    below = metrics["quantiles"]["below"]
    assert [*below] == ["0.1", "0.9"]
    assert below["0.1"] == pytest.approx(0.1, abs=0.08)
    assert below["0.9"] == pytest.approx(0.9, abs=0.08)
    assert metrics["quantiles"]["between"]["share"] == pytest.approx(0.8, abs=0.13)
    frame, _, _, folder = with_promotions
    loaded = cr.experiments.Trained.load(folder)
    again = loaded.read(frame)
    assert loaded.measures(again, loaded.rows(again, "test")[0]).quantiles == metrics["quantiles"]
    chart = (experiment.folder / "report.svg").read_text()
    assert "0.1 to 0.9" in chart
    assert "<polygon" in chart
    assert "error by step" in chart


def test_a_metric_is_watched_of_the_forecast_itself_and_not_of_its_quantiles():
    target = Forecast(["sold +1", "sold +2"], quantiles=[0.1, 0.9])
    Y, output = np.repeat(RANDOM.normal(size=(50, 2)), 3, axis=1), RANDOM.normal(size=(50, 6))
    watched = watched_metric(target, cr.Settings(metric="mae"))
    assert watched(Y, output) == pytest.approx(np.abs(Y[:, [0, 3]] - output[:, [0, 3]]).mean())


def test_the_loss_of_quantiles_runs_by_kernels_as_by_numpy():
    X = RANDOM.normal(size=(300, 3))
    Y = np.repeat((X[:, :1] + RANDOM.normal(size=(300, 1)) * (1 + (X[:, :1] > 0))), 3, axis=1)
    loss = cr.read_series(sales(), "sold", "day", quantiles=(0.1, 0.9)).target.learned_loss
    found = {}
    for engine in ("native", "numpy"):
        net = cr.Network([cr.Dense(8, "tanh"), cr.Dense(3)], seed=0)
        history = cr.train(
            net, X, Y, loss=loss, optimizer=cr.Adam(0.01), epochs=100, engine=engine, seed=0, progress=False
        )
        assert history.engine == engine
        found[engine] = net.predict(X)
    np.testing.assert_allclose(found["native"], found["numpy"], atol=2e-3)
    shares = (found["native"] > Y).mean(axis=0)
    np.testing.assert_allclose(shares, [0.5, 0.1, 0.9], atol=0.06)


def test_rows_are_drawn_from_a_long_series_in_step_with_no_season():
    from chainrule.data.series.origins import some_of

    rows = np.arange(100_000)
    drawn = some_of(rows, 20_000)
    assert 18_000 < len(drawn) <= 20_000
    for season in (7, 24, 168):
        assert np.bincount(drawn % season).min() > 0.8 * len(drawn) / season


def test_forecasts_of_what_is_never_negative_are_none_either(tmp_path):
    frame = sales().with_columns(sold=pl.Series(np.random.default_rng(0).poisson(0.3, 300)))
    experiment, _ = trained(tmp_path, frame)
    told = "sold is never negative, and so are its forecasts; --negative sold says that it may be"
    assert told in experiment.notes
    found = cr.Trained.load(tmp_path)
    source = found.read(frame)
    from chainrule.experiments.outputs import outputs

    assert found.encoding.output(source, outputs(found.network, found.encoding.X(source), found.target) - 5).min() >= 0


def test_a_series_that_grows_by_its_own_size_is_forecast_by_its_logarithm(tmp_path):
    t = np.arange(144)
    noise = np.random.default_rng(0).normal(0, 0.03, 144)
    passengers = np.exp(5 + 0.01 * t + 0.5 * np.sin(2 * np.pi * t / 12) + noise).round(1)
    frame = pl.DataFrame({"day": [f"{1949 + i // 12}-{1 + i % 12:02d}" for i in t], "sold": passengers})
    experiment, metrics = trained(tmp_path, frame, horizon=12)
    assert any("of the logarithm" in note for note in experiment.notes)
    assert metrics["test"]["mae"] < min(metrics[name]["mae"] for name in ("linear", "mean", "seasonal", "baseline"))


def test_predict_writes_a_row_for_each_step_by_request(with_promotions, tmp_path):
    frame, _, _, folder = with_promotions
    found = cr.Trained.load(folder)
    text = "".join(found.lines(found.read(frame, labelled=False), long=True))
    rows = [*csv.DictReader(io.StringIO(text))]
    assert [*rows[0]] == ["day", "prediction", "0.1 of sold", "0.9 of sold"]
    assert [row["day"] for row in rows] == [str(day) for day in days(7, 300)]
    assert all(float(row["0.1 of sold"]) <= float(row["prediction"]) <= float(row["0.9 of sold"]) for row in rows)


def test_a_long_form_of_what_is_no_forecast_is_refused(tmp_path):
    frame = pl.DataFrame({"x": RANDOM.normal(size=40), "y": RANDOM.normal(size=40)})
    table = cr.read_table(frame, "y")
    cr.Experiment(table, cr.Settings(seed=0, epochs=1), tmp_path).run(progress=False)
    found = cr.Trained.load(tmp_path)
    with pytest.raises(cr.OptionError, match="--long is about forecasts of a series, and the network makes no such"):
        [*found.lines(found.read(frame, labelled=False), long=True)]


def test_evaluate_finds_the_held_out_windows_again(with_promotions):
    frame, _, metrics, folder = with_promotions
    found = cr.Trained.load(folder)
    source = found.read(frame)
    rows, what = found.rows(source, "auto")
    assert what == "the held-out part"
    assert found.evaluate(source, rows)["mae"] == pytest.approx(metrics["test"]["mae"])


@pytest.mark.parametrize("quantiles", [(0.0,), (1.5,), (0.1, 0.1)])
def test_a_quantile_lies_between_0_and_1_and_is_there_once(quantiles):
    with pytest.raises(cr.OptionError, match=r"quantiles are different shares between 0 and 1, such as 0\.1 and"):
        cr.read_series(sales(), "sold", "day", quantiles=quantiles)


def test_twelve_values_and_a_constant_are_forecast_with_a_word(tmp_path):
    experiment, metrics = trained(tmp_path / "few", sales(12), horizon=1)
    assert np.isfinite(metrics["test"]["mae"])
    assert experiment.encoding.share == 0
    experiment, metrics = trained(tmp_path / "constant", sales().with_columns(sold=pl.lit(5.0)))
    assert metrics["test"]["mae"] == pytest.approx(0, abs=1e-6)


def falling(unit=""):
    """A temperature that falls to 0, and will fall below."""
    degrees = np.linspace(30, 0.5, 100).round(1)
    return pl.DataFrame({"day": days(100), "sold": [f"{one}{unit}" for one in degrees] if unit else degrees})


def below(frame, **options):
    """Whether forecasts of what comes may be negative, and whether it is told that they are not."""
    series = cr.read_series(frame, "sold", "day", horizon=7, **options)
    encoding = series.learn(np.arange(len(series)))
    source = encoding.read(frame, labelled=False)
    told = any("never negative" in note for note in encoding.notes)
    return bool(encoding.output(source, np.zeros((1, 7))).min() < 0), told


def test_what_never_was_negative_may_be_forecast_to_be_where_somebody_says_so_or_it_is_degrees():
    assert below(falling()) == (False, True)
    assert below(falling(), negative="sold") == (True, False)
    assert below(falling(" °C")) == (True, False)
    assert below(falling(" kg")) == (False, True)
    with pytest.raises(cr.OptionError, match="'day' is said to be negative at times, but is not forecast: leave it"):
        cr.read_series(falling(), "sold", "day", negative="day")
