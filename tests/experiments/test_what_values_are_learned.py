"""On which scale values are learned and where predictions end; and rows and marks that do not belong to a column."""

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import chunks, row_sample
from chainrule.data.scales import TargetScale, alternative, scale_of
from chainrule.data.strays import mark_in, strays_in, usual_ends
from chainrule.experiments.doubts import doubts_on
from chainrule.experiments.target_choice import asked_for

M = 1400

QUICK = {"seed": 0, "epochs": 20, "hidden": (16,)}


def trained(tmp_path, frame, target, settings=None, **options):
    """An experiment on a frame, its result, and the model as it was written."""
    table = cr.read_table(frame, target, **options)
    experiment = cr.Experiment(table, cr.Settings(**QUICK | (settings or {})), tmp_path / "run")
    result = experiment.run(progress=False)
    return experiment, result, cr.Trained.load(tmp_path / "run")


def prices(m=M):
    random = np.random.default_rng(7)
    x = random.normal(size=(m, 2))
    price = np.exp(8 + 1.5 * x[:, 0] + 0.5 * x[:, 1] + 0.3 * random.normal(size=m)).round(2)
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "price": price})


def visits(m=M):
    random = np.random.default_rng(7)
    a = random.normal(size=m)
    return pl.DataFrame({"a": a, "b": random.normal(size=m), "visits": random.poisson(np.exp(0.4 * a + 0.2))})


def test_the_log_of_a_long_tail_is_learned_and_told(tmp_path):
    experiment, result, model = trained(tmp_path, prices(), "price", {"epochs": 30})
    assert model.target.form == "log"
    assert result.metrics["test"]["r2"] > 0.75
    [told] = [note for note in experiment.notes if note.startswith("price is above 0 with a long tail")]
    assert "its log is learned, and its mean corrected, in a trial R² 0." in told
    assert told.endswith("--transform none leaves price as it is")
    source = model.read(prices())
    rows, _ = model.rows(source, "test")
    true, predicted = source.numbers(model.target)[rows], np.array(model.predictions(source)["prediction"])[rows]
    assert predicted.min() > 0
    assert np.median(abs(predicted - true) / true) < 0.3
    assert model.evaluate(source, rows) == result.metrics["test"]


def test_a_network_of_logs_gives_prices_wherever_it_is_loaded(tmp_path):
    _, _, model = trained(tmp_path, prices(), "price", {"epochs": 5, "transform": "log"})
    source = model.read(prices().head(50))
    found = cr.load(tmp_path / "run" / "model.safetensors").predict(model.encoding.X(source))
    assert found[:, 0] == pytest.approx(np.array(model.predictions(source)["prediction"]), rel=1e-4)


def test_the_mean_of_a_log_is_corrected(tmp_path):
    """e to the mean of a log is the median, which is less than the mean."""
    random = np.random.default_rng(0)
    frame = pl.DataFrame({"x": random.normal(size=M), "y": np.exp(random.normal(size=M))})
    settings = {"epochs": 3, "transform": "log", "hidden": ()}
    _, _, model = trained(tmp_path, frame, "y", settings)
    predicted = np.mean(model.predictions(model.read(frame))["prediction"])
    assert predicted == pytest.approx(frame["y"].mean(), rel=0.15)
    assert predicted > 1.3 * frame["y"].median()


def test_rows_without_weight_correct_no_mean(tmp_path):
    random = np.random.default_rng(0)
    weight = np.arange(M) % 2
    y = np.exp(2 + np.where(weight, 0.2, 1.5) * random.normal(size=M))
    frame = pl.DataFrame({"x": random.normal(size=M), "y": y, "weight": weight})
    settings = {"epochs": 10, "transform": "log", "hidden": ()}
    _, _, model = trained(tmp_path, frame, "y", settings, weights="weight")
    predicted = np.mean(model.predictions(model.read(frame))["prediction"])
    assert predicted == pytest.approx(np.average(y, weights=weight), rel=0.1)
    assert made(tmp_path, frame, weights="weight").target.form == "plain"


def test_whole_numbers_that_count_are_values(tmp_path):
    experiment, result, model = trained(tmp_path, visits(), "visits", {"epochs": 5})
    assert experiment.target.task == "values"
    [told] = [note for note in experiment.notes if note.startswith("visits holds")]
    assert told.startswith("visits holds whole numbers from 0 to 8: counts, predicted as values; --task classification")
    assert result.metrics["test"].keys() >= {"r2", "mae"}
    assert min(model.predictions(model.read(visits()))["prediction"]) >= 0


def test_counts_may_be_learned_by_their_likelihood(tmp_path):
    _, result, model = trained(tmp_path, visits(), "visits", {"epochs": 20, "loss": "poisson"})
    assert model.target.form == "counts"
    assert result.metrics["test"]["r2"] > 0.1
    assert min(model.predictions(model.read(visits()))["prediction"]) > 0
    with pytest.raises(cr.DataError, match="poisson is for values of 0 or more, but one is -1: take another --loss"):
        trained(tmp_path, visits().with_columns(pl.col("visits") - 1), "visits", {"loss": "poisson"}, task="regression")


def test_shares_are_learned_in_their_range(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=M)
    frame = pl.DataFrame({"x": x, "share": 1 / (1 + np.exp(-3 * x - random.normal(size=M)))})
    _, result, model = trained(tmp_path, frame, "share", {"epochs": 10, "transform": "range"})
    assert result.metrics["test"]["r2"] > 0.7
    with pytest.warns(cr.errors.DoubtWarning, match="x lies far from all that training met"):
        far = model.read(frame.with_columns(pl.col("x") * 100))
    predicted = np.array(model.predictions(far)["prediction"])
    assert (predicted.min(), predicted.max()) == pytest.approx((0, 1), abs=1e-3)
    assert ((predicted >= 0) & (predicted <= 1)).all()


def test_each_of_several_values_has_a_range_of_its_own(tmp_path):
    x = np.random.default_rng(0).normal(size=M)
    share = 1 / (1 + np.exp(-2 * x))
    frame = pl.DataFrame({"x": x, "a": 100 * share, "b": share})
    for targets in (["a", "b"], ["b", "a"]):
        _, _, model = trained(tmp_path, frame, targets, {"epochs": 15, "transform": "range"})
        found = model.predictions(model.read(frame))
        for name in targets:
            assert np.array(found[f"prediction {name}"]) == pytest.approx(frame[name], abs=0.1 * frame[name].max())


def test_what_is_never_negative_is_never_predicted_so(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=300)
    frame = pl.DataFrame({"x": x, "y": np.maximum(x + 0.2 * random.normal(size=300), 0).round(3)})
    experiment, _, model = trained(tmp_path, frame, "y", {"epochs": 30, "transform": "none"})
    assert "y is 0 or more in every row of the training part, and so are all predictions" in experiment.notes
    with pytest.warns(cr.errors.DoubtWarning, match="x lies far from all that training met"):
        far = model.read(pl.DataFrame({"x": [-5.0, -50.0]}), labelled=False)
    assert min(model.predictions(far)["prediction"]) == 0


def made(tmp_path, frame, target="y", settings=None, **options):
    """An experiment that has not begun to train."""
    return cr.Experiment(
        cr.read_table(frame, target, **options), cr.Settings(**QUICK | (settings or {})), tmp_path / "run"
    )


def test_limits_are_those_of_the_training_part(tmp_path):
    t = np.arange(500.0)
    y = np.where(t < 400, 5 + np.sin(t), np.where(t < 450, 50.0, -5.0))
    frame = pl.DataFrame({"t": t, "x": t % 7, "y": y})
    assert made(tmp_path, frame, time="t").target.scales == [TargetScale("plain", 0.0, None)]
    learned = made(tmp_path, frame, time="t", settings={"transform": "range", "validation": 0.2})
    train = learned.Y[learned.splits.train]
    assert learned.target.scales == [TargetScale("range", train.min(), train.max())]
    assert np.isfinite(learned.run(progress=False).metrics["test"]["mae"])


@pytest.fixture
def in_chunks(tmp_path, monkeypatch):
    """Writes a frame to be read in chunks, of which 200 rows are sampled."""
    for name, value in (("FEWEST", 200), ("CELLS", 0)):
        monkeypatch.setattr(row_sample, name, value)
    monkeypatch.setattr(chunks, "BYTES", 2000)

    def write(frame):
        frame.write_csv(tmp_path / "rows.csv")
        return tmp_path / "rows.csv"

    return write


def test_limits_of_a_table_in_chunks_hold_for_all_its_rows(tmp_path, in_chunks):
    x = np.random.default_rng(0).normal(size=M)
    y = abs(10 * x + 60).round(2) + 1
    assert made(tmp_path, in_chunks(pl.DataFrame({"x": x, "y": y})), stream=True).target.scales[0].low == 0
    rare = np.where(np.arange(M) == 777, -30, y)
    found = made(tmp_path, in_chunks(pl.DataFrame({"x": x, "y": rare})), stream=True)
    assert found.Y.min() > 0
    assert found.target.scales == [TargetScale()]
    weighed = pl.DataFrame({"x": x, "y": [f"{value} kg" for value in rare]})
    assert made(tmp_path, in_chunks(weighed), stream=True).target.scales == [TargetScale()]
    with pytest.raises(cr.OptionError, match="the range of y is not known, as its table is read in chunks: leave"):
        made(tmp_path, in_chunks(weighed), settings={"transform": "range"}, stream=True)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_scale_is_chosen_where_all_rows_have_a_place_on_it(tmp_path, part):
    frame = prices().select("a", "b", y="price")
    first = made(tmp_path, frame)
    assert first.target.form == "log"
    row = (first.splits.test if part == "test" else first.plan.parts[0].validation)[0]
    second = made(tmp_path, frame.with_columns(y=pl.when(pl.arange(M) == row).then(0.0).otherwise("y")))
    assert second.target.form != "log"
    second.run(progress=False)
    with pytest.raises(cr.DataError, match="the log of 0 is none: train with --transform none"):
        made(tmp_path, second.source.frame, settings={"transform": "log"})


def test_a_scale_is_chosen_where_all_chunks_have_a_place_on_it(tmp_path, in_chunks):
    frame = prices().select("a", "b", y="price")
    wide = {"hidden": (256,)}  # too few units find no scale better in a trial
    assert made(tmp_path, in_chunks(frame), settings=wide, stream=True).target.form == "log"
    frame = frame.with_columns(y=pl.when(pl.arange(M) == 777).then(0.0).otherwise("y"))
    found = made(tmp_path, in_chunks(frame), settings=wide, stream=True)
    assert found.Y.min() > 0
    assert found.target.form == "plain"
    found.run(progress=False)


def test_a_table_in_chunks_learns_logs_too(tmp_path):
    prices().write_csv(tmp_path / "prices.csv")
    _, result, model = trained(tmp_path, tmp_path / "prices.csv", "price", {"epochs": 20}, stream=True)
    assert model.target.form == "log"
    assert result.metrics["test"]["r2"] > 0.7


@pytest.mark.parametrize(
    ("y", "form"),
    [
        (np.random.default_rng(0).normal(100, 10, 500), None),
        (np.exp(np.random.default_rng(0).normal(size=500)), "log"),
        (np.random.default_rng(0).poisson(3, 500).astype(float), "counts"),
        (np.append(np.zeros(50), np.exp(np.random.default_rng(0).normal(size=450))), "counts"),
        (np.random.default_rng(0).random(500), "range"),
        (np.random.default_rng(0).normal(size=500), None),
    ],
)
def test_which_scale_is_worth_a_trial(y, form):
    assert alternative(y) == form


def test_many_values_at_an_end_are_its_limit():
    y = np.minimum(np.random.default_rng(0).normal(100, 10, 1000), 110)
    assert scale_of(y) == TargetScale("plain", 0.0, 110.0)
    assert scale_of(y - 200) == TargetScale("plain", None, -90.0)


@pytest.mark.parametrize(
    ("settings", "target", "words"),
    [
        ({"loss": "log"}, "price", "there is no loss of values 'log'"),
        ({"transform": "log", "loss": "poisson"}, "price", "--loss poisson has the log in it already"),
        ({"transform": "range", "loss": "huber"}, "price", "--transform range has a loss of its own: leave --loss out"),
        ({"threshold": 0.3}, "price", "--threshold is about labels, but values are predicted"),
        ({"class_weight": "balanced"}, "price", "--class-weight is about labels"),
        ({"label_smoothing": 0.1}, "price", "--label-smoothing is about labels"),
        ({"loss": "huber"}, "sign", "--loss is about values, but sign holds labels"),
    ],
)
def test_what_does_not_go_with_the_target_is_refused(settings, target, words):
    frame = prices(60).with_columns(sign=(pl.col("a") > 0).cast(pl.String))
    table = cr.read_table(frame, target)
    with pytest.raises(cr.OptionError, match=words):
        asked_for(table.target, cr.Settings(**settings), table.numbers(table.target))


def sums(m=200):
    random = np.random.default_rng(7)
    u, v = random.normal(100, 10, m).round(1), random.normal(50, 5, m).round(1)
    return pl.DataFrame({"u": u, "v": v, "w": (u + 2 * v + random.normal(0, 3, m)).round(1)})


def with_total():
    return pl.concat([sums(), pl.DataFrame({"u": [20000.0], "v": [10000.0], "w": [99999.0]})])


def test_a_stray_row_is_named_and_left_out_by_request(tmp_path):
    table = cr.read_table(with_total(), "w")
    [told] = [note for note in doubts_on(table, table.target) if "far from all" in note]
    assert told.startswith("w is 99,999 in row 201 (u 20,000, v 10,000): far from all others, which lie between ")
    assert told.endswith("such as a total, --drop-outliers leaves it out")
    experiment, result, model = trained(tmp_path, with_total(), "w", {"epochs": 100}, drop_outliers=True)
    assert "left out is 1 row in which w lies far from all others: row 201" in experiment.source.notes
    assert result.metrics["test"]["r2"] > 0.85
    with pytest.warns(cr.errors.DoubtWarning, match="in row 201, far from all that training met"):
        source = model.read(with_total())
    rows, what = model.rows(source, "auto")
    assert what == "the held-out part"
    assert rows.tolist() == experiment.splits.test.tolist()
    assert model.evaluate(source, rows) == result.metrics["test"]


def test_a_stray_row_is_left_out_of_chunks_too(tmp_path):
    with_total().write_csv(tmp_path / "sums.csv")
    experiment, result, _ = trained(
        tmp_path, tmp_path / "sums.csv", "w", {"epochs": 100}, drop_outliers=True, stream=True
    )
    assert experiment.m == 160
    assert result.metrics["test"]["r2"] > 0.85


@pytest.mark.parametrize(
    ("column", "words"),
    [("w", "w is -999 in 10 of 200 rows, and the others lie between"), ("u", "u is -999 in 10 of 200 rows, and the")],
)
def test_marks_of_what_is_missing_are_asked_about(column, words):
    marked = sums().with_columns(pl.when(pl.arange(200) % 20 == 3).then(-999.0).otherwise(column).alias(column))
    table = cr.read_table(marked, "w")
    [told] = [note for note in doubts_on(table, table.target) if "mark" in note]
    assert told.startswith(words)
    assert told.endswith("does it mark a missing value? Then train with --missing=-999")
    cleaned = cr.read_table(marked, "w", missing=["-999"])
    assert not any("mark" in note for note in doubts_on(cleaned, cleaned.target))
    assert len(cr.read_table(marked, "w", drop_outliers=True)) == (190 if column == "w" else 200)


@pytest.mark.parametrize(
    ("values", "value"),
    [
        ([*range(100), *[-1] * 9], -1),
        ([*range(1000, 1100), 9999, 9999], 9999),
        ([*range(900, 999), 999, 999], None),
        ([*range(-50, 50), -99, -99], None),
        ([*np.linspace(70, 130, 200), *[-999] * 5], -999),
        ([*np.linspace(70, 130, 200), *[9999] * 5], 9999),
        ([*np.linspace(70, 130, 200), *[-998] * 5], None),
        ([*np.linspace(70, 130, 200), *[99] * 5], None),
        ([1.0, 2.0, 3.0, 4.0, 5.0] * 40 + [99.0] * 5, 99),
        ([1.0, 2.0, 3.0, 4.0, 5.0] * 40, None),
        ([*range(100)], None),
        ([1, 0, -1] * 40, None),
    ],
)
def test_which_numbers_are_marks(values, value):
    found = mark_in(pl.Series("x", values))
    assert (None if found is None else found.value) == value


def test_a_number_marks_what_is_missing_beside_the_usual_words(tmp_path):
    cells = ["-999", "NA", "?", *[f"{i}.5" for i in range(97)]]
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells)))
    table = cr.read_table(tmp_path / "t.csv", "y", missing=["-999"])
    assert [column.kind for column in table.columns] == ["number", "target"]
    assert table.frame["x"].null_count() == 3


def test_a_long_tail_is_no_stray():
    random = np.random.default_rng(0)
    for seed in range(20):
        random = np.random.default_rng(seed)
        for y in (random.normal(size=500), np.exp(1.5 * random.normal(size=500)), random.pareto(2, 500) + 1):
            assert strays_in(y) is None
    y = np.append(random.normal(50, 5, 100), [1e6, -999, -999])
    low, high = usual_ends(y)
    assert -999 < low < 0
    assert 110 < high < 2e2
    assert usual_ends(y[:100]) is None


def test_new_rows_just_beyond_those_of_the_training_are_no_strays(tmp_path):
    _, _, model = trained(tmp_path, with_total(), "w", {"epochs": 1}, drop_outliers=True)
    beyond = sums().with_columns(pl.col("w") * 2 - 200)
    assert beyond["w"].max() > sums()["w"].max()
    assert beyond["w"].min() < sums()["w"].min()
    assert len(model.encoding.read(beyond, labelled=True)) == 200
    assert len(model.encoding.read(with_total(), labelled=True)) == 200


def test_ordinary_rows_of_other_chunks_are_no_strays(tmp_path, in_chunks):
    x = np.random.default_rng(0).normal(size=M)
    frame = pl.DataFrame({"x": x, "y": 3 * x + 50})
    seen = made(tmp_path, in_chunks(frame), stream=True).source.row[0] - 1
    stray = frame.with_columns(y=pl.when(pl.arange(M) == seen).then(1e6).otherwise("y"))
    found = made(tmp_path, in_chunks(stray), stream=True, drop_outliers=True)
    assert found.m == M - 1 - len(found.splits.validation) - len(found.splits.test)


@pytest.mark.parametrize(("target", "told"), [(["kind"], "kind"), (["kind", "yes"], "kind, yes")])
def test_labels_have_no_outliers(target, told):
    frame = pl.DataFrame({"x": range(40), "kind": ["a", "b"] * 20, "yes": ["y", "n"] * 20})
    taken = "is taken" if len(target) == 1 else "are taken"
    with pytest.raises(cr.OptionError) as refused:
        cr.read_table(frame, target, drop_outliers=True)
    assert str(refused.value) == (
        f"--drop-outliers is about values to predict, but {told} of the table {taken} for labels: leave it out, or "
        "take numbers for values with --task regression."
    )
