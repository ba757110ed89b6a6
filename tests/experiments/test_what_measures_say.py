"""Which label measures are about, what weighs, what is watched; and what a report says of a network and of its data."""

import json
import re
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.cli import main
from chainrule.data.targets import Target
from chainrule.experiments import intervals, verdicts
from chainrule.experiments.alone import alone, telling
from chainrule.experiments.doubts import doubts_on
from chainrule.experiments.fallback import choose
from chainrule.experiments.lesson import learn
from chainrule.experiments.outputs import measured
from chainrule.experiments.target_choice import threshold_on
from chainrule.metrics import METRICS
from chainrule.training import History
from chainrule.training.interrupt import TerminatedError
from commands import chainrule

M = 600


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    """Trains on a frame by the command, in this process: its exit status, its output and complaints."""

    def run(frame, *arguments, command="train"):
        frame.write_csv(tmp_path / "data.csv")
        monkeypatch.chdir(tmp_path)
        given = [command, *(["data.csv"] if command == "train" else ["run", "data.csv"]), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", ["chainrule", *given, *(["--out", "run"] if command == "train" else [])])
        capsys.readouterr()
        with pytest.raises(SystemExit) as done:
            main()
        return done.value.code, *capsys.readouterr()

    return run


def frauds(m=M, seed=3):
    random = np.random.default_rng(seed)
    s = random.normal(size=m)
    kind = np.where(s + 0.6 * random.normal(size=m) > 1.6, "fraud", "ok")
    return pl.DataFrame({"s": s, "q": random.normal(size=m), "kind": kind})


def found(tmp_path):
    return json.loads((tmp_path / "run" / "metrics.json").read_text())


QUICK = ("--seed", 0, "--epochs", 40, "--hidden", 16)


def test_measures_are_of_the_rarer_label(typed, tmp_path):
    _, out, _ = typed(frauds(), "--target", "kind", *QUICK)
    assert "\nprecision, recall, f1, average_precision: of kind fraud; --positive names the other label\n" in out
    model = cr.Trained.load(tmp_path / "run")
    source = model.read(frauds())
    rows, _ = model.rows(source, "test")
    columns = {name: np.array(values)[rows] for name, values in model.predictions(source).items()}
    true = frauds()["kind"].to_numpy()[rows] == "fraud"
    said = columns["prediction"] == "fraud"
    test = found(tmp_path)["test"]
    assert test["recall"] == pytest.approx((said & true).sum() / true.sum())
    assert test["precision"] == pytest.approx((said & true).sum() / said.sum())
    order = np.argsort(-columns["p(fraud)"])
    precision = np.cumsum(true[order]) / np.arange(1, len(true) + 1)
    assert test["average_precision"] == pytest.approx(precision[true[order]].mean(), abs=1e-6)


def test_the_positive_label_may_be_said(typed, tmp_path):
    _, out, _ = typed(frauds(), "--target", "kind", "--positive", "ok", *QUICK)
    assert "of kind ok; --positive" in out
    assert found(tmp_path)["test"]["f1"] > 0.9
    status, _, complaint = typed(frauds(), "--target", "kind", "--positive", "theft", *QUICK)
    assert (status, complaint) == (2, "error: --positive is 'theft', but the labels are fraud, ok.\n")


@pytest.mark.parametrize(
    ("labels", "positive"), [(["a"] * 3 + ["b"] * 7, 0), (["a"] * 7 + ["b"] * 3, 1), (["a", "b"] * 5, 1)]
)
def test_the_positive_label_is_the_rarer_and_the_second_of_equals(labels, positive):
    assert Target.find({"y": np.array(labels, object)}, None, "table").positive == [positive]


def test_a_threshold_may_be_said_or_found(typed, tmp_path):
    _, out, _ = typed(frauds(), "--target", "kind", "--threshold", 0.05, *QUICK)
    assert "\nfraud is predicted from a probability of 0.0500 on\n" in out
    low = found(tmp_path)["test"]["recall"]
    typed(frauds(), "--target", "kind", "--threshold", 0.95, *QUICK)
    assert found(tmp_path)["test"]["recall"] < low
    _, out, _ = typed(frauds(), "--target", "kind", "--threshold", "validation", *QUICK, "--members", 3)
    assert "in turn to validate" in out
    model = cr.Trained.load(tmp_path / "run")
    columns = model.predictions(model.read(frauds()))
    said = np.array(columns["prediction"]) == "fraud"
    assert (said == (np.array(columns["p(fraud)"]) >= model.target.threshold)).all()
    status, _, complaint = typed(frauds(), "--target", "kind", "--threshold", "2", *QUICK)
    assert (status, complaint[:61]) == (2, "error: --threshold is '2', but takes a number between 0 and 1")


def test_the_best_threshold_is_that_of_its_metric():
    random = np.random.default_rng(0)
    p = random.random(400)
    Y = (p + 0.3 * random.normal(size=400) > 0.8).astype(int)
    for positive in (0, 1):
        target = Target(["y"], [["no", "yes"]], [positive])
        answers, P = target.towards_positive(Y, p[:, None])
        t = threshold_on(target, Y, p[:, None], "f1")
        every = [METRICS["f1"].score(answers, (x <= P).astype(float), "yes_no") for x in np.linspace(0.01, 0.99, 99)]
        assert METRICS["f1"].score(answers, (t <= P).astype(float), "yes_no") >= max(every) - 0.02


def test_rare_classes_can_be_given_weight(typed, tmp_path):
    typed(frauds(), "--target", "kind", *QUICK)
    alike = found(tmp_path)["test"]["recall"]
    typed(frauds(), "--target", "kind", "--class-weight", "balanced", *QUICK)
    assert found(tmp_path)["test"]["recall"] > alike
    typed(frauds(), "--target", "kind", "--class-weight", "fraud=30", *QUICK)
    assert found(tmp_path)["test"]["recall"] > alike
    status, _, complaint = typed(frauds(), "--target", "kind", "--class-weight", "theft=3", *QUICK)
    assert (status, complaint) == (2, "error: --class-weight names 'theft', but the labels are fraud, ok.\n")


def test_rows_count_by_a_column(typed, tmp_path):
    """Rows of no weight teach nothing: here they say the opposite."""
    random = np.random.default_rng(0)
    x = random.normal(size=M)
    liar = np.arange(M) % 2 == 1
    frame = pl.DataFrame({"x": x, "y": np.where(liar, -x, x), "counts": np.where(liar, 0.0, 2.0)})
    _, out, _ = typed(frame, "--target", "y", "--weights", "counts", "--seed", 0, "--epochs", 100, "--hidden", 16)
    assert "how much each row counts" in out
    model = cr.Trained.load(tmp_path / "run")
    new = pl.DataFrame({"x": [-1.0, 1.0]})
    assert model.predictions(model.read(new, labelled=False))["prediction"] == pytest.approx([-1, 1], abs=0.2)
    status, _, complaint = typed(frame, "--target", "y", "--weights", "counts", "--stream", *QUICK)
    assert status == 2
    assert "is read in chunks, whose rows count alike: leave --weights and --class-weight out" in complaint


def test_early_stopping_and_a_search_look_at_a_metric(typed, tmp_path):
    pytest.importorskip("optuna")
    _, out, complaints = typed(frauds(), "--target", "kind", "--metric", "average_precision", "--search", 2, *QUICK)
    assert "trial 2/2  val_average_precision 0." in complaints
    assert "val_average_precision" in out
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    watched = [record["val_average_precision"] for record in history["epochs"]]
    assert history["best_epoch"] == int(np.argmax(watched))
    status, _, complaint = typed(frauds(), "--target", "kind", "--metric", "mae", *QUICK)
    assert status == 2
    assert "mae does not fit a network that answers yes or no; take" in complaint


@pytest.mark.parametrize("chosen", [{"metric": "f1"}, {"threshold": "validation"}, {"search": 2}])
def test_what_needs_a_validation_part_has_one_of_texts_too(tmp_path, chosen):
    texts = [f"the {'good' if i % 3 else 'bad'} film of day {i % 7}, and a scene that was long {i}" for i in range(300)]
    frame = pl.DataFrame({"text": texts, "y": ["yes" if i % 3 else "no" for i in range(300)]})
    table = cr.read_table(frame, "y", text=["text"])
    assert table.defaults["validation"] == 0
    assert len(cr.Experiment(table, cr.Settings(seed=0, **chosen), tmp_path / "run").splits.validation) == 48


def test_weights_may_have_a_unit(tmp_path):
    frame = frauds(200).with_columns(w=pl.Series([f"{1 + i % 4} votes" for i in range(200)]))
    assert cr.read_table(frame, "kind", weights="w").weights[:5].tolist() == [1, 2, 3, 4, 1]


def test_each_of_several_questions_has_its_table(typed):
    frame = frauds().with_columns(late=pl.when(pl.col("q") > 1).then(pl.lit("yes")).otherwise(pl.lit("no")))
    _, out, _ = typed(frame, "--target", "kind,late", *QUICK)
    assert "\n accuracy of all at once " in out
    assert "\nkind by itself:\n" in out
    assert "\nlate by itself:\n" in out


def test_a_mixture_of_questions_and_values_is_refused_with_a_way_out(typed):
    frame = frauds().with_columns(flag=(pl.col("s") > 0).cast(pl.Int64))
    status, _, complaint = typed(frame, "--target", "flag,q", *QUICK)
    assert status == 2
    assert "flag in data.csv has two values, and q many: a network answers yes or no, or predicts values" in complaint
    assert "Train one for each; or --task regression takes all of them for values." in complaint
    assert typed(frame, "--target", "flag,q", "--task", "regression", *QUICK)[0] == 0


def test_what_whole_numbers_were_taken_for_is_told(typed):
    frame = frauds().with_columns(stars=pl.Series([1, 2, 3, 4, 5] * (M // 5)))
    _, out, _ = typed(frame, "--target", "stars", *QUICK)
    assert "\nstars holds 5 whole numbers from 1 to 5: classes; --task regression predicts values\n" in out
    _, out, _ = typed(frame, "--target", "stars", "--task", "regression", *QUICK)
    assert "stars holds 5" not in out


def test_every_column_that_tells_the_target_is_asked_about(typed):
    random = np.random.default_rng(0)
    y = random.integers(0, 2, M)
    five = np.where(y, random.choice(["ok", "fine"], M), random.choice(["bad", "poor", "no"], M))
    frame = pl.DataFrame({"x": random.normal(size=M), "five": five, "five2": five, "y": np.where(y, "PASS", "FAIL")})
    _, out, _ = typed(frame, "--target", "y", *QUICK)
    for column in ("five", "five2"):
        question = f"\n{column} alone tells y (99% of what there is to know): is it known when you predict? If not, "
        assert question + f"train with --ignore {column}\n" in out
    assert "x alone tells" not in out


def test_the_advice_on_a_leak_fits_the_column(typed):
    random = np.random.default_rng(0)
    who = random.integers(0, 60, 3 * M)
    frame = pl.DataFrame(
        {
            "x": random.normal(size=3 * M),
            "patient": [f"p{i}" for i in who],
            "when": pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 1, 1) + pl.duration(days=3 * M - 1), eager=True),
            "y": random.integers(0, 2, 60)[who],
        }
    )
    _, out, _ = typed(frame, "--target", "y", "--seed", 0, "--epochs", 3, "--hidden", 16)
    assert "patient alone tells y" in out
    assert "will the same ones come again when you predict? If not, train with --group patient\n" in out
    frame = frame.with_columns(y=pl.when(pl.arange(3 * M) < M).then(0).otherwise(1))
    _, out, _ = typed(frame, "--target", "y", "--seed", 0, "--epochs", 3, "--hidden", 16)
    assert "when alone tells y" in out
    assert "what comes later has other dates. To test on the future, train with --time when\n" in out
    assert "the rows stand in the order of when, but the test part is drawn from all of them" in out


def test_a_category_that_tells_how_large_values_are_is_no_leak(typed, tmp_path):
    random = np.random.default_rng(0)
    shop = random.integers(0, 6, 900)
    sold = 100 * shop + random.normal(0, 40, 900)
    frame = pl.DataFrame({"shop": [f"shop {i}" for i in shop], "x": random.normal(size=900), "sold": sold})
    frame = frame.with_columns(band=(pl.col("sold") // 60).cast(pl.Int64).cast(pl.String) + "th band")
    _, out, _ = typed(frame, "--target", "sold", "--category", "band", *QUICK)
    assert found(tmp_path)["alone"]["shop"] > 0.9
    assert "shop alone tells" not in out
    assert "band alone tells sold (" in out


def test_a_column_that_is_filled_in_with_the_answer_is_asked_about(typed):
    random = np.random.default_rng(0)
    fraud = random.random(1000) < 0.2
    days = [f"2025-03-{1 + i % 28:02d}" if yes and i % 7 else None for i, yes in enumerate(fraud)]
    phone = [int(number) if number % 2 else None for number in random.integers(100, 999, 1000)]
    x = random.normal(size=1000)
    frame = pl.DataFrame({"x": x, "closed": days, "phone": phone, "y": np.where(fraud, "fraud", "ok")})
    _, out, _ = typed(frame, "--target", "y", *QUICK)
    share = 100 * sum(day is not None for day in days) / fraud.sum()
    told = f"rows, and 100% of these have y fraud, {share:.3g}% of all that have it: is it known when you predict? "
    assert told + "If not, train with --ignore closed\n" in out
    assert out.count("known when you predict") == 1


def test_rows_that_repeat_are_told_and_may_be_left_out(typed, tmp_path):
    frame = frauds()
    assert doubts(frame, "kind") == []
    twice = pl.concat([frame, frame.head(100)])
    told = (
        "14% of the rows repeat an earlier one word for word: if they are copies, --drop-repeated leaves them out, as "
    )
    assert doubts(twice, "kind") == [told + "the test part may hold rows that were trained on"]
    _, out, _ = typed(twice, "--target", "kind", "--drop-repeated", *QUICK)
    assert "\nleft out are 100 rows that repeat an earlier one, such as row 601\n" in out
    assert "repeat an earlier one word for word" not in out
    assert "data.csv: 600 examples" in out
    out, complaints = typed(twice, command="evaluate")[1:]
    assert "left out are 100 rows that repeat an earlier one" in complaints
    assert "data.csv: the held-out part, 120 examples" in out
    status, _, complaint = typed(twice, "--target", "kind", "--drop-repeated", "--stream", *QUICK)
    assert status == 2
    assert "leave --drop-repeated out, or read it whole with --no-stream" in complaint


def test_rows_of_lists_and_objects_are_compared():
    frame = frauds().with_columns(parts=pl.Series([[i % 3, 1] for i in range(M)]))
    frame = frame.with_columns(pl.Series("made", [complex(i, 1) for i in range(M)], dtype=pl.Object))
    twice = frame[[*range(M), *range(100)]]
    assert doubts(frame.select("made", "parts", "kind"), "kind") == []
    assert doubts(twice, "kind")[0].startswith("14% of the rows repeat an earlier one word for word")
    assert len(cr.read_table(twice, "kind", drop_repeated=True)) == M


def test_rows_that_repeat_under_another_number_are_told():
    frame = frauds()
    twice = pl.concat([frame, frame.head(100)]).with_row_index("nr")
    [told] = doubts(twice, "kind")
    assert told.startswith("14% of the rows repeat an earlier one in all but nr: if they are copies, the test part may")


def test_common_values_that_depend_on_one_another_are_no_copies():
    random = np.random.default_rng(0)
    reviews = random.geometric(0.25, 1000)
    fresh = random.binomial(reviews, 0.6)
    frame = pl.DataFrame({"id": np.arange(1000) + 7, "reviews": reviews, "fresh": fresh, "rotten": reviews - fresh})
    assert not any("repeat" in note for note in doubts(frame.with_columns(meter=100 * fresh // reviews), "meter"))


def test_few_different_values_repeat_by_chance():
    random = np.random.default_rng(0)
    people = {"class": random.choice(["1st", "2nd", "3rd"], M), "age": random.integers(1, 9, M) * 10}
    survived = np.where(random.random(M) < people["age"] / 100, "yes", "no")
    frame = pl.DataFrame(people | {"survived": survived})
    assert doubts(frame, "survived") == []
    assert doubts(frame.with_columns(name=pl.Series([f"Miss {i}" for i in range(M)])), "survived") == []


def test_a_column_alone_tells_what_it_tells():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 2000))
    X = np.column_stack([x, y, 2 * y + 1, np.eye(3)[(y > 0) + 1]])
    from chainrule.data.source import Place

    places = [Place("x", 0, 1), Place("y", 1, 2), Place("z", 2, 3), Place("sign", 3, 6)]
    rows, others = np.arange(1500), np.arange(1500, 2000)
    values = alone(Target(["y"]), X, y, rows, others, places)
    assert telling(values) == ["y", "z"]
    assert values["sign"] == pytest.approx(2 / np.pi, abs=0.06)
    assert abs(values["x"]) < 0.1
    labels = alone(Target(["y"], [["n", "y"]]), X, (y > 0).astype(int), rows, others, places)
    assert telling(labels) == ["y", "z", "sign"]


def test_noise_is_no_better_than_the_baseline_and_nothing_matters_to_it(typed, tmp_path):
    random = np.random.default_rng(1)
    frame = pl.DataFrame(
        {"p": random.normal(size=400), "q": random.normal(size=400), "y": random.choice(["a", "b"], 400)}
    )
    _, out, _ = typed(frame, "--target", "y", "--seed", 0)
    assert "the network is no better than the baseline, as far as 80 rows to test tell" in out
    assert "lost when it is shuffled" not in out
    assert "importance" not in found(tmp_path)
    assert "importance" not in (tmp_path / "run" / "report.svg").read_text()


def test_a_rate_that_is_too_large_is_not_taken_for_columns_that_say_nothing(typed):
    random = np.random.default_rng(1)
    x = random.normal(size=(2, 300))
    frame = pl.DataFrame({"a": x[0], "b": x[1], "y": 3 * x[0] - x[1] + 0.1 * random.normal(size=300)})
    _, out, _ = typed(frame, "--target", "y", "--seed", 0, "--learning-rate", 8, "--activation", "sigmoid")
    assert "but the linear model is, so the columns do tell of y: take another --learning-rate than 8" in out
    assert "may say nothing" not in out


def test_a_loss_that_is_worse_beside_a_better_accuracy_is_called_too_sure():
    metrics = {"lead": {"baseline": [-1.0, 0.1]}, "test": {"loss": 2.0, "accuracy": 0.97}}
    metrics["baseline"] = {"loss": 1.1, "accuracy": 0.33}
    target = Target(["y"], [["a", "b", "c"]])
    (told,) = verdicts.sentences(metrics, target, history([1.0, 0.5]), cr.Settings(), 40)
    assert "by its loss though not by its accuracy: it is too sure where it is wrong" in told


def test_pictures_too_are_called_too_sure_where_the_loss_alone_is_worse():
    target = Target(["y"], [["no", "yes"]])
    own, baseline = {"loss": 1.7, "accuracy": 0.9}, {"loss": 0.69, "accuracy": 0.5}
    (told,) = verdicts.sentences({"test": own, "baseline": baseline}, target, history([1.0, 0.5]), cr.Settings(), 40)
    assert told.startswith("the network is worse than baseline, by its loss though not by its accuracy: it is too sure")
    own["accuracy"] = 0.4
    (told,) = verdicts.sentences({"test": own, "baseline": baseline}, target, history([1.0, 0.5]), cr.Settings(), 40)
    assert told.startswith("the network is worse than baseline: ")


def test_a_long_tail_does_not_hide_what_was_learned(typed):
    """The error of the lead is large where a few values make most of it; the ranks agree all the same."""
    random = np.random.default_rng(4)
    a, b = random.normal(size=(2, 300))
    frame = pl.DataFrame({"a": a, "b": b, "y": np.sinh(2.2 * a + b) + random.normal(size=300)})
    _, out, _ = typed(frame, "--target", "y", "--seed", 0)
    assert "no better than the baseline" not in out
    assert "lost when it is shuffled" in out


def test_ranks_agree_more_than_by_chance_or_do_not():
    random = np.random.default_rng(0)
    y = random.standard_cauchy(400)
    assert verdicts.agreement(np.arcsinh(y)[:, None], y) == pytest.approx(399**0.5)
    assert abs(verdicts.agreement(random.normal(size=(400, 1)), y)) < 3
    assert verdicts.agreement(np.ones((400, 1)), y) == 0
    both = np.column_stack([y, -y])
    assert verdicts.agreement(both, both) == pytest.approx(399**0.5)


LED = {"lead": {"baseline": [1.0, 0.1], "linear": [-0.2, 0.05]}, "baseline": {"loss": 0.7}}


@pytest.mark.parametrize(("own", "linear", "told"), [(0.02, 0.005, True), (0.02, 0.015, False), (0.4, 0.39, True)])
def test_of_a_small_cost_the_linear_model_is_told_where_it_leaves_half_of_it(own, linear, told):
    metrics = LED | {"test": {"loss": own}, "linear": {"loss": linear}}
    said = verdicts.sentences(metrics, Target(["y"], [["n", "y"]]), history([0.5, 0.4, 0.4, 0.4]), QUIET, 100)
    assert any("is worse than the linear model" in sentence for sentence in said) is told


QUIET = cr.Settings().resolve(1000, True, 0)


@pytest.mark.parametrize(("lead", "words"), [([-0.5, 0.1], "worse than"), ([-0.05, 0.1], "no better than")])
def test_worse_than_the_baseline_is_called_so(lead, words):
    metrics = {"lead": {"baseline": lead, "linear": [0.0, 0.1]}, "test": {"loss": 1.2}, "baseline": {"loss": 0.7}}
    [said] = verdicts.sentences(metrics, Target(["y"], [["n", "y"]]), history([0.5, 0.4, 0.4, 0.4]), QUIET, 100)
    assert said.startswith(f"the network is {words} the baseline, as far as 100 rows to test tell")


def test_one_answer_to_all_rows_is_told_and_weights_give_others(typed):
    random = np.random.default_rng(0)
    x = random.integers(0, 2, 800)
    kind = np.where(random.random(800) < 0.01 + 0.3 * (x > 0), "rare", "common")
    frame = pl.DataFrame({"x": x, "kind": kind})
    told = (
        r"all 160 rows to test are predicted to be common, which \d\d% are: the probabilities tell more than the "
        r"answers; --class-weight balanced has other kind answered, too\n"
    )
    _, out, _ = typed(frame, "--target", "kind", "--hidden", 256, *QUICK)
    assert re.search(told, out)
    assert "are predicted to be common" not in typed(frame, "--target", "kind", "--class-weight", "balanced", *QUICK)[1]


def test_a_column_that_is_one_of_several_labels_is_asked_about(typed):
    random = np.random.default_rng(0)
    happy = random.choice(["very", "pretty", "not too"], M)
    frame = pl.DataFrame({"x": random.normal(size=M), "vhappy": (happy == "very").astype(int), "happy": happy})
    frame = frame.with_columns(length=np.where(happy == "very", 9, 5) + random.random(M))
    _, out, _ = typed(frame, "--target", "happy", *QUICK)
    told = (
        "vhappy alone tells whether happy is very: is it known when you predict? If not, train with --ignore vhappy\n"
    )
    assert told in out
    assert "length alone tells" not in out


def test_names_that_are_a_row_of_data_are_told():
    random = np.random.default_rng(0)
    rows = "".join(f"{i % 9 + 0.5},{x:.2f},{y:.2f},blue\n" for i, (x, y) in enumerate(random.normal(size=(100, 2))))
    frame = pl.read_csv(f"5.1,3.5,-1.4,red\n{rows}".encode())
    [told] = doubts(frame, "-1.4")
    assert told.startswith(
        "the names of the columns, 5.1, 3.5, -1.4, red, look like a row of data: if the file has no line"
    )
    years = pl.DataFrame({str(year): random.normal(size=100) for year in range(2000, 2006)})
    assert doubts(years, "2005") == []


def test_less_is_kept_where_the_validation_part_asks_for_it(typed, tmp_path):
    """A straight line in many columns, which a network has to find first."""
    random = np.random.default_rng(0)
    X = random.normal(size=(1000, 20))
    y = X @ random.normal(size=20) + random.normal(size=1000)
    words = random.choice([f"w{i}" for i in range(40)], 1000)
    frame = pl.DataFrame({f"x{i}": X[:, i] for i in range(20)} | {"word": words, "y": y})
    _, out, _ = typed(frame, "--target", "y", "--seed", 0, "--members", 1, "--validation", 0.2)
    kept = found(tmp_path)["kept"]
    assert kept in ("linear", "smaller")
    assert re.search("is kept, as .*: on the validation part its squared error, in variances, is 0.", out)
    assert re.search(r"--epochs \d+ keeps the network", out)
    if kept == "linear":
        assert found(tmp_path)["test"]["r2"] == pytest.approx(found(tmp_path)["linear"]["r2"], abs=1e-3)
    model = cr.Trained.load(tmp_path / "run")
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert model.network.metadata["epochs"] == (0 if kept == "linear" else len(history["epochs"]))
    source = model.read(frame)
    assert model.evaluate(source, model.rows(source, "test")[0]) == found(tmp_path)["test"]
    _, out, _ = typed(frame, "--target", "y", "--seed", 0, "--hidden", 64, "--epochs", 20)
    assert "kept" not in found(tmp_path)


@pytest.fixture(params=["longer", "smaller"])
def second_training(request, tmp_path, monkeypatch):
    """An experiment that trains twice, and what its second training is to end with."""
    random = np.random.default_rng(0)
    X = random.normal(size=(1000, 3))
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": X[:, 0] + 3 * random.normal(size=1000)})
    settings = cr.Settings(seed=0, validation=0.2, members=1)
    experiment = cr.Experiment(cr.read_table(frame, "y"), settings, tmp_path / "run")
    experiment.plan = replace(experiment.plan, settings=replace(experiment.settings, epochs=2))
    monkeypatch.setattr("chainrule.experiments.second.still_falls", lambda history: request.param == "longer")
    monkeypatch.setattr("chainrule.experiments.fallback.AHEAD", 1e6)
    times = []

    def ends(end):
        def learned(experiment, lesson):
            times.append(lesson)
            found = learn(experiment, lesson)
            if len(times) == 2:
                end(found)
            return found

        monkeypatch.setattr("chainrule.experiments.fitting.learn", learned)
        return experiment

    return ends


def test_what_was_learned_stays_when_a_second_training_is_terminated(second_training, tmp_path):
    def terminated(history):
        history.stopped = "terminated"

    experiment = second_training(terminated)
    with pytest.raises(TerminatedError):
        experiment.run(progress=False)
    assert (tmp_path / "run" / "metrics.json").exists()
    model = cr.Trained.load(tmp_path / "run")
    assert model.network.metadata["epochs"] == 2


def test_an_interrupted_second_training_leaves_the_first_network(second_training, tmp_path):
    def interrupted(history):
        history.stopped = "interrupted"

    experiment = second_training(interrupted)
    result = experiment.run(progress=False)
    assert result.history.stopped == "interrupted"
    assert len(result.history.epochs) == 2
    assert experiment.fitted.kept is None
    assert not (tmp_path / "run" / "report.svg").exists()


def test_a_second_training_that_fails_leaves_the_first_network_and_is_told(second_training, tmp_path):
    def diverges(history):
        raise cr.NotFiniteError(
            "epoch 3, batch 1: the cost is nan; a weight is infinite. Take a smaller learning rate."
        )

    experiment = second_training(diverges)
    result = experiment.run(progress=False)
    assert (tmp_path / "run" / "report.svg").exists()
    told = " ".join(experiment.fitted.remarks)
    assert "failed, so the first network stands: epoch 3, batch 1: the cost is nan; a weight is infinite" in told
    if "smaller" in told:
        assert len(result.history.epochs) == 2
        assert experiment.fitted.linear
        assert "32 units" not in experiment.fitted.kept.why


@pytest.mark.parametrize(
    ("lead", "words"),
    [
        (
            [-0.2, 0.05],
            'the network is worse than the linear model: --hidden "" trains a linear one; --hidden 32, more',
        ),
        ([-0.02, 0.05], 'the linear model is as good as the network, and simpler: --hidden "" trains a linear one'),
        ([0.2, 0.05], ""),
    ],
)
def test_whether_the_linear_model_is_better_is_said(lead, words):
    metrics = {"lead": {"baseline": [1.0, 0.1], "linear": lead}, "test": {"loss": 0.4}, "baseline": {"loss": 0.7}}
    settings = cr.Settings().resolve(1000, True, 0)
    said = verdicts.sentences(metrics, Target(["y"], [["n", "y"]]), history([0.5, 0.4, 0.4, 0.4]), settings, 100)
    assert [sentence[: len(words)] for sentence in said] == ([words] if words else [])


def test_a_network_of_few_units_is_not_told_to_have_as_many():
    metrics = {
        "lead": {"baseline": [1.0, 0.1], "linear": [-0.2, 0.05]},
        "test": {"loss": 0.4},
        "baseline": {"loss": 0.7},
    }
    settings = cr.Settings(hidden=(8,)).resolve(1000, True, 0)
    [said] = verdicts.sentences(metrics, Target(["y"], [["n", "y"]]), history([0.5, 0.4, 0.4, 0.4]), settings, 100)
    assert said.endswith('--hidden "" trains a linear one; more --l2 or --dropout leave less to learn by heart')


@pytest.mark.parametrize("labels", [["a", "b"], ["a", "b", "c"]])
def test_a_linear_model_is_a_network_that_predicts_the_same(tmp_path, labels):
    random = np.random.default_rng(0)
    words = random.choice([f"w{i}" for i in range(40)], 500)
    y = random.choice(labels, 500)
    frame = pl.DataFrame({"x": random.normal(size=500), "word": words, "y": y})
    experiment = cr.Experiment(cr.read_table(frame, "y"), cr.Settings(seed=0, epochs=1, hidden=(4,)), tmp_path / "run")
    network = experiment.peer.network(experiment.X.shape[1], [], 0)
    np.testing.assert_allclose(network.predict(experiment.X), experiment.peer.output(experiment.X), atol=1e-5)


@pytest.mark.parametrize(
    ("costs", "possible", "what"),
    [((1, 2, 0), True, None), ((2, 1, 3), True, "linear"), ((2, 1, 0), True, "smaller"), ((2, 1, 3), False, None)],
)
def test_the_least_validation_cost_is_kept(costs, possible, what):
    network, linear, smaller = (np.full(60, cost, float) for cost in costs)
    kept = choose(Target(["y"]), network, linear, lambda: smaller, linear_possible=possible)
    assert (None if kept is None else kept.what) == what


def history(costs, stopped="all epochs done"):
    records = [{"epoch": i, "loss": cost, "val_loss": cost} for i, cost in enumerate(costs)]
    return History(engine="numpy", seed=0, epochs=records, stopped=stopped)


@pytest.mark.parametrize(
    ("costs", "stopped", "falls"),
    [
        (np.linspace(1, 0.5, 20), "all epochs done", True),
        (np.linspace(1, 0.5, 20), "early stopping", False),
        (np.append(np.linspace(1, 0.5, 14), np.linspace(0.5, 0.498, 6)), "all epochs done", False),
        (np.append(np.linspace(1, 0.3, 10), np.linspace(0.3, 0.9, 10)), "all epochs done", False),
    ],
)
def test_a_cost_that_still_falls_at_the_end_is_seen(costs, stopped, falls):
    assert verdicts.still_falls(history(costs, stopped)) is falls


def test_of_a_learning_rate_that_is_too_large_no_more_epochs_are_proposed():
    """The training cost rises from the first epoch on, or is far above that of an answer without X."""
    labels = ["n", "y"]
    target = Target(["y"], [labels])
    worse = {"test": {"loss": 9.0, "accuracy": 0.6}, "baseline": {"loss": 0.69, "accuracy": 0.5}}
    rises = History(epochs=[{"loss": a, "val_loss": b} for a, b in ((3.85, 20.0), (10.8, 9.0), (26.0, 8.0))])
    huge = History(epochs=[{"loss": a, "val_loss": b} for a, b in ((2e6, 9e5), (1e6, 7e5), (6e5, 5e5))])
    slow = History(epochs=[{"loss": a, "val_loss": b} for a, b in ((3.0, 3.0), (2.0, 2.0), (1.0, 1.0))])
    for one in (rises, huge, slow):
        one.stopped = "all epochs done"
    settings = cr.Settings(learning_rate=50)
    smaller = "take a smaller --learning-rate than 50"
    assert verdicts.sentences(worse, target, rises, settings, 100) == [
        f"the network is worse than baseline: the training cost rose from 3.85 to 26: {smaller}"
    ]
    assert verdicts.sentences(worse, target, huge, settings, 100) == [
        f"the network is worse than baseline: the training cost is 6e+05 at the end: {smaller}"
    ]
    assert verdicts.sentences(worse, target, slow, settings, 100) == [
        "the network is worse than baseline, by its loss though not by its accuracy: train longer, or with another "
        "learning rate",
        "the validation cost was still falling in the last of 3 epochs: --epochs 9 may do better",
    ]
    assert not verdicts.still_falls(rises)
    ahead = worse | {"lead": {"baseline": [-3.0, 0.1]}}
    (told,) = verdicts.sentences(ahead, target, rises, cr.Settings(), 100)
    assert told.endswith("rows to test tell: the training cost rose from 3.85 to 26: take a smaller --learning-rate")


def test_a_smaller_learning_rate_is_the_way_out_of_one_that_is_too_large(tmp_path):
    command = ("train", "digits", "--epochs", 3, "--seed", 0, "--hidden", 16)
    out = chainrule(*command, "--learning-rate", 50, cwd=tmp_path).stdout
    assert "at the end: take a smaller --learning-rate than 50\n" in out
    assert "may do better" not in out
    assert "worse than baseline" not in chainrule(*command, "--learning-rate", 0.01, cwd=tmp_path).stdout


def test_too_few_epochs_are_told_and_default_ones_are_more(typed, tmp_path):
    random = np.random.default_rng(0)
    X = random.normal(size=(3000, 4))
    frame = pl.DataFrame(
        {f"x{i}": X[:, i] for i in range(4)} | {"y": np.sin(3 * X[:, 0]) * X[:, 1] + X[:, 2] * X[:, 3]}
    )
    _, out, _ = typed(frame, "--target", "y", "--seed", 0, "--epochs", 5, "--hidden", 16)
    assert "the validation cost was still falling in the last of 5 epochs: --epochs 15 may do better\n" in out
    assert cr.Settings().resolve(30_000, False, 0).epochs == 60
    assert cr.Settings().resolve(3_000_000, False, 0).epochs == 10


def test_few_rows_to_test_have_an_interval_beside_each_measure(typed, tmp_path):
    _, out, _ = typed(frauds(200), "--target", "kind", *QUICK)
    low, high = found(tmp_path)["interval"]["accuracy"]
    assert low < found(tmp_path)["test"]["accuracy"] <= high
    assert high - low > 0.03
    assert "\n95 %: where the measure lies in 95 of 100 test parts drawn anew from this one\n" in out
    assert "95 %" in typed(frauds(50), command="evaluate")[1]


def test_intervals_are_those_of_measures_drawn_anew():
    random = np.random.default_rng(0)
    y, noise = random.normal(size=(2, 300))
    p = 1 / (1 + np.exp(-2 * y - noise))
    tries = [
        (Target(["y"]), (y + noise)[:, None], y),
        (Target(["y"], [["n", "y"]], [0]), p[:, None].round(2), (y > 0).astype(int)),
        (Target(["y"], [["a", "b", "c"]]), np.eye(3)[random.integers(0, 3, 300)], random.integers(0, 3, 300)),
    ]
    for target, output, Y in tries:
        found = intervals.intervals(output, Y, target)
        drawn = [random.integers(0, 300, 300) for _ in range(300)]
        with np.errstate(all="ignore"):
            samples = [measured(output[rows], Y[rows], target) for rows in drawn]
        for name, ends in found.items():
            expected = np.quantile([sample[name] for sample in samples], (0.025, 0.975))
            assert ends == pytest.approx(expected, abs=0.12 if name == "r2" else 0.04), name


def test_nothing_wrong_in_few_rows_is_not_taken_for_certain():
    Y, output = np.arange(40) % 2, (np.arange(40) % 2)[:, None] * 0.8 + 0.1
    found = intervals.intervals(output, Y, Target(["y"], [["n", "y"]]))
    assert found["accuracy"] == pytest.approx([1 - 3 / 40, 1])
    assert found["recall"] == pytest.approx([1 - 3 / 20, 1])


def test_new_rows_that_are_unlike_are_told(typed, tmp_path):
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "height": random.normal(172, 9, M),
            "age": random.integers(18, 80, M),
            "job": random.choice(["cook", "baker", "smith"], M),
            "y": random.normal(size=M),
        }
    )
    typed(frame, "--target", "y", "--seed", 0, "--epochs", 1, "--hidden", 4)
    new = frame.with_columns(
        height=pl.col("height") / 100, age=pl.lit(None), job=pl.when(pl.col("age") > 50).then(pl.lit("pilot"))
    )
    complaints = typed(new.drop("y"), command="predict")[2]
    assert "note: height lies far from all that training met, in nearly all rows: about 1.7" in complaints
    assert " here, about 172 there. Is it in another unit?\n" in complaints
    assert "note: age is missing in all 600 rows: predictions do without it\n" in complaints
    assert "%), which training has not met: it is taken for something rare\n" in complaints
    status, _, complaint = typed(frame.select("age", "y"), command="predict")
    assert status == 2
    assert complaint == (
        "error: data.csv lacks 2 columns that training had: 'height', 'job'. It has age, y. Where it is not known, "
        "leave a column of that name empty.\n"
    )
    _, _, complaint = typed(frame.rename({"age": "AGE"}), command="predict")
    assert complaint == "error: data.csv calls 'age' 'AGE': write the names of columns as in training.\n"
    model = cr.Trained.load(tmp_path / "run")
    with pytest.warns(cr.errors.DoubtWarning, match="height is 1.72, far from all that training met, about 172"):
        model.read({"height": "1.72", "age": 40, "job": "cook"}, labelled=False)


def test_new_gaps_and_units_that_change_in_a_part_of_the_rows_are_told(typed, tmp_path):
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "price": random.lognormal(3, 0.6, M),
            "age": random.integers(18, 80, M),
            "job": random.choice(["cook", "baker", "smith"], M),
            "paid": random.choice(["yes", "no"], M),
            "y": random.normal(size=M),
        }
    )
    typed(frame, "--target", "y", "--seed", 0, "--epochs", 1, "--hidden", 4)
    assert typed(frame.drop("y"), command="predict")[2] == ""
    third, fifth = pl.int_range(M) % 3 == 0, pl.int_range(M) % 5 == 0
    new = frame.with_columns(
        price=pl.when(third).then(100 * pl.col("price")).otherwise("price"),
        age=pl.when(fifth).then(None).otherwise("age"),
        job=pl.when(fifth).then(None).otherwise("job"),
        paid=pl.when(fifth).then(None).otherwise("paid"),
    )
    complaints = typed(new.drop("y"), command="predict")[2]
    assert re.search(
        r"note: price lies far outside of 3\.\d+ to [\d.]+, where nearly all of training lay, in 3\d% of the rows, "
        r"such as 1,\d+: is it in another unit there\?\n",
        complaints,
    )
    missing = "is missing in 120 of 600 rows (20%), though never in training, which has learned nothing of gaps: "
    assert re.search(rf"note: age {re.escape(missing)}the median, 4\d\.0, is taken\n", complaints)
    for column in ("job", "paid"):
        assert f"note: {column} {missing}predictions do without it there\n" in complaints
    older = frame.with_columns(age=pl.col("age") + 25)
    told = typed(older, command="evaluate")[2]
    assert "where nearly all of training lay, in" in told
    assert "predictions there go beyond what was learned" in told


def doubts(frame, target):
    table = cr.read_table(frame, target)
    return doubts_on(table, table.target)


def test_points_that_part_thousands_are_asked_about():
    random = np.random.default_rng(0)
    prices = random.integers(100, 2500, 200)
    written = [f"{price // 1000}.{price % 1000:03d}" if price >= 1000 else str(price) for price in prices]
    frame = pl.read_csv(("x,price\n" + "".join(f"{i % 17},{w}\n" for i, w in enumerate(written))).encode())
    assert any("always three digits behind the point: if it parts thousands" in note for note in doubts(frame, "price"))
    measured_so = pl.DataFrame({"x": np.arange(200) % 17, "price": np.round(random.uniform(1, 300, 200), 3)})
    assert not any("thousands" in note for note in doubts(measured_so, "price"))


def test_hours_and_minutes_that_are_written_as_a_number_are_asked_about():
    random = np.random.default_rng(0)
    hours, minutes = random.integers(0, 24, 300), random.integers(0, 60, 300)
    frame = pl.DataFrame(
        {"left": 100 * hours + minutes, "x": random.integers(0, 2400, 300), "late": random.random(300)}
    )
    told = "left holds whole numbers up to 2400 of which the last two digits are never above 59: if "
    [note] = [note for note in doubts(frame, "late") if "whole numbers up to 2400" in note]
    assert note.startswith(told)
    assert note.endswith(", write it so, and it is a time of day")
    years = frame.with_columns(left=pl.Series(random.integers(2000, 2030, 300)))
    assert not any("2400" in note for note in doubts(years, "late"))
    written = frame.with_columns(left=pl.Series([f"{h}:{m:02d}" for h, m in zip(hours, minutes, strict=True)]))
    assert cr.read_table(written, "late").column("left").reason == "written as 13:30"


def test_a_row_of_a_total_alone_is_asked_about():
    random = np.random.default_rng(0)
    frame = pl.DataFrame({name: random.standard_normal(150) for name in "abcde"})
    total = pl.DataFrame([(None, None, None, None, 3.0)], schema=frame.schema, orient="row")
    told = "in 1 row, such as row 151, nearly all is missing but e: if that is a total, take it out"
    assert told in doubts(pl.concat([frame, total]), "e")
    assert not any("total" in note for note in doubts(frame, "e"))
