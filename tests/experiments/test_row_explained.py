"""One row explained, by command and in Python: what each column did, in units that people have, and that it adds up."""

import csv
import json
import re
from math import factorial

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.experiments.outputs import outputs
from commands import chainrule

M = 300


def people() -> pl.DataFrame:
    """Numbers with a unit, words, many words, dates, gaps and sentences; who pays depends on age and job."""
    random = np.random.default_rng(0)
    age = random.integers(18, 80, M)
    job = random.choice(["baker", "smith", "clerk"], M)
    pays = (age + 20 * (job == "smith") + random.normal(0, 5, M)) > 55
    words = ["early", "late", "never", "often", "calls", "writes", "visits", "waits", "asks", "pays again"]
    return pl.DataFrame(
        {
            "age": age,
            "job": job,
            "since": [f"{2015 + i // 30}-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(M)],
            "height": np.where(random.random(M) < 0.1, "?", [f"{h:.1f} cm" for h in random.normal(170, 9, M)]),
            "club": random.choice([f"club [b]{i}" for i in range(40)], M),
            "notes": [" ".join(random.choice(words, 6)) + f" in {i}" for i in range(M)],
            "pays": np.where(pays, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with people.csv and a network that says who pays."""
    folder = tmp_path_factory.mktemp("rows")
    people().write_csv(folder / "people.csv")
    options = ("--target", "pays", "--text", "notes", "--seed", 0, "--epochs", 40, "--hidden", 16)
    done = chainrule("train", "people.csv", *options, "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def explained(folder):
    done = chainrule("explain", "run", "--row", 17, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_each_column_did_is_told_as_it_stands_in_the_file(folder, explained):
    row = people().row(16, named=True)
    prediction, p = predicted(folder, 17)
    assert explained.splitlines()[0] == f"row 17 of people.csv: pays is predicted to be {prediction}"
    assert f"what each column did to p({prediction}), in percentage points:" in explained
    table = {line.split("  ")[0].strip(): line for line in explained.splitlines()}
    for name in ("age", "job", "since", "height", "club"):
        assert f" {row[name]} " in table[name].replace("(missing)", "?"), table[name]
    assert row["notes"][:30] in table["notes"]
    assert re.search(r"[+−]\d+\.\d", table["age"])
    assert explained.splitlines()[-2].endswith(f"= {100 * p:.1f} %")


def predicted(folder, number):
    """What `predict` says of a row, and the probability of that."""
    done = chainrule("predict", "run", "people.csv", cwd=folder)
    rows = {row["row"]: row for row in csv.DictReader(done.stdout.splitlines())}
    label = rows[str(number)]["prediction"]
    return label, float(rows[str(number)][f"p({label})"])


def test_it_adds_up_in_what_is_printed(explained):
    base, change, sign, output = re.search(
        r"([\d.]+) % \(the mean of 240 training rows\) ([+−] [\d.]+)( =) ([\d.]+) %", explained
    ).groups()
    change = float(change.replace("− ", "-").replace("+ ", ""))
    assert sign
    assert float(base) + change == pytest.approx(float(output), abs=0.11)
    did = [float(text.replace("−", "-")) for text in re.findall(r"([+−]\d+\.\d+)(?: |$)", explained, re.MULTILINE)]
    assert len(did) == 6
    assert sum(did) == pytest.approx(change, abs=0.35)


def test_the_values_are_shapley_values_of_whole_columns(folder):
    trained = cr.Trained.load(folder / "run")
    data = trained.read(str(folder / "people.csv"), labelled=False)
    found = trained.explain_row(data, 17, background=data)
    X = trained.encoding.X(data)
    x, places = X[16], {place.name: place for place in trained.encoding.places(data)}
    p = outputs(trained.network, X, trained.target)[:, 0]
    sign = 1 if found.of == "p(yes)" else -1
    assert found.base == pytest.approx(p.mean() if sign == 1 else 1 - p.mean(), abs=1e-6)
    assert [*found.names] == [*places]
    n, subsets = len(places), np.array([*np.ndindex(*[2] * len(places))], bool)
    worth = {}
    for chosen in subsets:
        mixed = X.copy()
        for place in (place for place, taken in zip(places.values(), chosen, strict=True) if taken):
            mixed[:, place.start : place.stop] = x[place.start : place.stop]
        worth[tuple(chosen)] = sign * outputs(trained.network, mixed, trained.target)[:, 0].mean()
    for j, name in enumerate(places):
        with_it = [chosen for chosen in worth if chosen[j]]
        exact = sum(
            factorial(sum(chosen) - 1)
            * factorial(n - sum(chosen))
            / factorial(n)
            * (worth[chosen] - worth[(*chosen[:j], False, *chosen[j + 1 :])])
            for chosen in with_it
        )
        assert found.values[j] == pytest.approx(exact, abs=0.01), name


def test_a_row_of_another_file_is_compared_with_the_training_rows(folder, tmp_path):
    people()[16:20].drop("pays").write_csv(folder / "new.csv")
    done = chainrule("explain", "run", "new.csv", "--row", 1, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert chainrule("explain", "run", "--row", 1, "--data", "new.csv", cwd=folder).stdout == done.stdout
    assert "row 1 of new.csv: pays is predicted" in done.stdout
    assert "the mean of 240 training rows" in done.stdout
    own = chainrule("explain", "run", "--row", 17, cwd=folder).stdout
    assert done.stdout.splitlines()[1:] == own.splitlines()[1:]


def test_without_the_data_of_the_training_a_table_is_asked_for_and_compared_with_itself(folder, tmp_path):
    done = chainrule("explain", folder / "run", "--row", 1, cwd=tmp_path)
    assert done.returncode == 2
    assert (
        "cannot be read any more (there is no file people.csv): name the table that row 1 stands in, as in"
        in done.stderr
    )
    people().head(40).write_csv(tmp_path / "people.csv")
    done = chainrule("explain", folder / "run", "--row", 1, cwd=tmp_path)
    assert "people.csv is not as it was when" in done.stderr
    assert "name the table that row 1 stands in, as in predict, behind the model." in done.stderr
    done = chainrule("explain", folder / "run", "people.csv", "--row", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "so the row is compared with those of people.csv" in done.stderr
    assert "the mean of 40 rows of people.csv" in done.stdout


def test_the_other_label_is_explained_where_it_is_asked_for(folder, explained):
    label = re.search(r"p\((yes|no)\)", explained).group(1)
    other = {"yes": "no", "no": "yes"}[label]
    done = chainrule("explain", "run", "--row", 17, "--of", other, cwd=folder)
    assert f"pays is predicted to be {label}" in done.stdout
    assert f"p({other}), in percentage points" in done.stdout
    done = chainrule("explain", "run", "--row", 17, "--of", "maybe", cwd=folder)
    assert "there is no label 'maybe'" in done.stderr


def test_the_data_may_stand_before_the_model_only_by_mistake_and_have_gaps_of_their_own(folder):
    done = chainrule("explain", "people.csv", "run", "--row", 1, cwd=folder)
    assert "people.csv is no model, but run is, which stands first: chainrule explain run people.csv" in done.stderr
    frame = people().head(30).drop("pays").with_columns(pl.col("age").cast(pl.String))
    frame.with_columns(age=pl.when(pl.int_range(30) < 3).then(pl.lit("4o")).otherwise("age")).write_csv(
        folder / "odd.csv"
    )
    assert "age holds '4o' in row 1" in chainrule("explain", "run", "odd.csv", "--row", 1, cwd=folder).stderr
    for way in (("--unreadable", "missing"), ("--missing", "4o")):
        done = chainrule("explain", "run", "odd.csv", "--row", 1, *way, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "row 1 of odd.csv: pays is predicted" in done.stdout


@pytest.mark.parametrize("out", ["row.svg", "row.json", "row.csv"])
def test_it_is_written(folder, out):
    done = chainrule("explain", "run", "--row", 17, "--out", out, cwd=folder)
    assert done.stdout == f"what each column did is in {out}\n"
    text = (folder / out).read_text()
    if out == "row.json":
        kept = json.loads(text)
        assert kept["base"] + sum(part["did"] for part in kept["parts"]) == pytest.approx(kept["output"])
    assert "club [b]" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--row", 0], "people.csv has no row 0: they are counted from 1 to 300"),
        (["--row", 301], "has no row 301"),
        (["--row", 1, "--loss", "hinge"], "--loss is about the derivation, and --row about one prediction"),
        (["--row", 1, "--no-shortcut"], "--no-shortcut is about the derivation"),
        (["--data", "people.csv"], "--data is about a row: say which one, --row 17"),
        (["people.csv"], "DATA is about a row: say which one, --row 17"),
        (["--missing", "x"], "--missing is about a row"),
        (["--unreadable", "missing"], "--unreadable is about a row"),
        (
            ["a.csv", "--row", 1, "--data", "b.csv"],
            "the table is given twice, as a.csv and as --data b.csv: leave one of",
        ),
        (["--of", "yes"], "--of is about a row"),
        (["--row", 1, "--out", "row.html"], ".json or .csv, but not as row.html"),
        (["people.csv", "--row", 1, "--out", "people.csv"], "--out people.csv is a file that is read"),
    ],
)
def test_a_mistake_is_one_line(folder, arguments, words):
    done = chainrule("explain", "run", *arguments, cwd=folder)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_row_without_the_target_is_explained_too(tmp_path):
    random = np.random.default_rng(0)
    x = random.standard_normal(200)
    y = [f"{3 * v:.3f}" for v in x]
    y[4] = ""
    pl.DataFrame({"x": x.round(3), "word": random.choice(["a", "b"], 200), "y": y}).write_csv(tmp_path / "t.csv")
    done = chainrule(
        "train", "t.csv", "--target", "y", "--seed", 0, "--epochs", 20, "--hidden", 16, "--out", "run", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    done = chainrule("explain", "run", "--row", 5, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("row 5 of t.csv: y is predicted to be ")
    assert re.search(rf"x +{x[4]:.3f}".rstrip("0"), done.stdout)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network for the price of a place, and the frame that it was trained on."""
    random = np.random.default_rng(0)
    size, kind = random.uniform(20, 200, 400), random.choice(["flat", "house", "barn"], 400)
    price = 3 * size + 100 * (kind == "house")
    frame = pl.DataFrame({"size": [f"{s:.0f} m²" for s in size], "kind": kind, "price": price.round(1)})
    run = tmp_path_factory.mktemp("values") / "run"
    cr.Experiment(cr.read_table(frame, "price"), cr.Settings(epochs=60, hidden=(32,), seed=0), run).run(progress=False)
    return cr.Trained.load(run), frame


def test_a_dict_is_explained_in_the_units_of_the_target(trained):
    model, frame = trained
    row = {"size": "150 m²", "kind": "house"}
    found = model.explain_row(row, background=frame)
    (prediction,) = model.predictions(model.read(row, labelled=False))["prediction"]
    assert found.output == pytest.approx(prediction)
    assert found.base + found.values.sum() == pytest.approx(prediction)
    assert found.base == pytest.approx(frame["price"].mean(), rel=0.05)
    assert dict(zip(found.names, found.values, strict=True)) == {
        "size": pytest.approx(3 * (150 - 110), abs=40),
        "kind": pytest.approx(100 * 2 / 3, abs=25),
    }
    assert found.cells == ["150 m²", "house"]
    assert not found.probability


def test_a_frame_that_no_file_holds_is_asked_for(trained):
    model, _ = trained
    with pytest.raises(cr.DataError, match=r"give rows to compare with, background=…"):
        model.explain_row({"size": "150 m²", "kind": "house"})


def test_a_row_is_not_compared_with_itself_alone(trained):
    model, frame = trained
    with pytest.raises(cr.DataError, match="nothing to compare this one with"):
        model.explain_row(frame, 3, background=frame[2:3])


def test_a_row_may_be_compared_with_a_single_other_one(trained):
    model, _ = trained
    flat, house = ({"size": "100 m²", "kind": kind} for kind in ("flat", "house"))
    found = model.explain_row(house, background=flat)
    assert found.values[found.names.index("size")] == pytest.approx(0, abs=1e-9)
    assert found.values[found.names.index("kind")] == pytest.approx(found.output - found.base)


def test_the_seed_decides_what_is_drawn(trained):
    model, frame = trained
    row = {"size": "150 m²", "kind": "house"}
    values = [model.explain_row(row, background=frame[:9], seed=seed).values for seed in (0, 0, 1)]
    np.testing.assert_array_equal(values[0], values[1])


def test_several_values_are_explained_one_at_a_time(tmp_path):
    random = np.random.default_rng(0)
    X = random.standard_normal((200, 2)).round(3)
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "up": 2 * X[:, 0], "down": -3 * X[:, 1]})
    run = tmp_path / "run"
    cr.Experiment(cr.read_table(frame, ["up", "down"]), cr.Settings(epochs=40, hidden=(16,), seed=0), run).run(
        progress=False
    )
    trained = cr.Trained.load(run)
    with pytest.raises(cr.OptionError, match="say which one is to be explained, --of COLUMN"):
        trained.explain_row(frame, 3, background=frame)
    found = trained.explain_row(frame, 3, of="down", background=frame)
    assert found.names[int(found.order[0])] == "b"


def test_arrays_are_explained_number_by_number(tmp_path):
    done = chainrule("train", "iris", "--seed", 0, "--epochs", 20, "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = chainrule("explain", "run", "--row", 0, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "of iris: y is predicted to be" in done.stdout
    assert "x[3]" in done.stdout


def test_what_is_no_table_says_what_there_is_instead(tmp_path):
    (tmp_path / "play.txt").write_text("to be or not to be that is the question " * 100)
    done = chainrule("train", "play.txt", "--epochs", 1, "--seed", 0, "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = chainrule("explain", "run", "--row", 1, cwd=tmp_path)
    assert done.returncode == 2
    assert "rows of tables are explained, but run was trained on a text: chainrule sample shows" in done.stderr
