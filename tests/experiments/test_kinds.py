"""Pictures, text and series from the command line: the kind is found from what is given, and mistakes are told."""

import csv
import datetime as dt
import json
import re

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.numbers import brief

QUICK = ("--seed", 0, "--epochs", 12)


def bars(folder):
    """60 pictures of bars, lying and standing, some of them in colour."""
    random = np.random.default_rng(0)
    for i in range(60):
        X = random.integers(0, 60, (12, 12, 3), np.uint8)
        X[:, 2 + i % 7 : 4 + i % 7] = 220
        place = folder / ("standing" if i % 2 else "lying")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(X if i % 2 else X.transpose(1, 0, 2)).save(place / f"{i:02d}.png")


def sales(path, n=300):
    random = np.random.default_rng(0)
    t = np.arange(n)
    sold = 40 + 10 * np.sin(2 * np.pi * t / 7) + random.normal(0, 1, n)
    days = [(dt.date(2024, 1, 1) + dt.timedelta(days=i)).isoformat() for i in range(n)]
    path.write_text("day,sold\n" + "".join(f"{day},{value:.2f}\n" for day, value in zip(days, sold, strict=True)))


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def metrics(folder):
    return json.loads((folder / "run/metrics.json").read_text())


def rows(text):
    return list(csv.DictReader(text.splitlines()))


def test_a_folder_of_pictures_goes_all_the_way(folder, command):
    bars(folder / "bars")
    (folder / "bars/lying/cut.png").write_bytes((folder / "bars/lying/00.png").read_bytes()[:100])
    arguments = ("train", "bars", *QUICK, "--out", "run", "--augment", "shift=0.1,flip", "--broken", "skip")
    status, out, err = command(folder, *arguments)
    assert status == 0, err
    assert "bars: 60 examples of 12 × 12 × 3 features, 2 classes" in out
    assert "left out: bars/lying/cut.png is broken or cut short" in out
    assert "next: chainrule predict run/model.safetensors PICTURES --out predictions.csv" in out
    assert metrics(folder)["test"]["accuracy"] > 0.9
    status, out, _ = command(folder, "evaluate", "run", "bars")
    assert "the held-out part, 12 examples" in out
    status, out, err = command(folder, "predict", "run", "bars/standing")
    assert [row["prediction"] for row in rows(out)].count("standing") > 27
    status, out, err = command(folder, "predict", "run", "bars/standing/01.png", "bars/lying/02.png")
    assert [(row["file"], row["prediction"]) for row in rows(out)] == [
        ("bars/standing/01.png", "standing"),
        ("bars/lying/02.png", "lying"),
    ]
    assert command(folder, "predict", "run", "bars/none.png")[2] == "error: there is no file bars/none.png.\n"
    (folder / "empty").mkdir()
    assert command(folder, "predict", "run", "empty")[2] == "error: there is no picture in empty.\n"


def test_a_table_of_pictures_is_found_to_be_one(folder, command):
    bars(folder / "bars")
    lines = [f"bars/{'standing' if i % 2 else 'lying'}/{i:02d}.png,{i % 7}" for i in range(60)]
    (folder / "places.csv").write_text("\n".join(["picture,place", *lines]))
    status, out, err = command(
        folder, "train", "places.csv", "--task", "regression", "--size", "12", *QUICK, "--out", "run"
    )
    assert status == 0, err
    assert "places.csv: 60 examples of 12 × 12 × 3 features, values to predict" in out
    assert metrics(folder)["test"]["r2"] > 0
    (folder / "new.csv").write_text("\n".join(["picture", *(line.split(",")[0] for line in lines[:3])]))
    status, out, _ = command(folder, "predict", "run", "new.csv")
    assert [row["file"] for row in rows(out)] == [line.split(",")[0] for line in lines[:3]]


def test_an_interrupted_run_with_pictures_resumes(folder, command):
    bars(folder / "bars")
    arguments = ("train", "bars", "--seed", 0, "--augment", "rotate=10,mixup=0.2", "--epochs", 3)
    assert command(folder, *arguments, "--out", "whole")[0] == 0
    settings = cr.Settings(seed=0, epochs=3, augment=cr.Augmentation(rotate=10, mixup=0.2), checkpoint_minutes=0)
    experiment = cr.Experiment(cr.read_pictures("bars"), settings, "part")
    experiment.fit(progress=False)  # as if killed before its end: the checkpoint stays
    resumed = command(folder, *arguments, "--out", "part", "--resume")
    assert resumed[0] == 0, resumed[2]
    flat = [cr.load(folder / name / "model.safetensors").flat for name in ("whole", "part")]
    assert np.array_equal(*flat)


def test_a_series_is_asked_for_by_its_horizon(folder, command):
    sales(folder / "sales.csv")
    status, out, err = command(
        folder, "train", "sales.csv", "--target", "sold", "--time", "day", "--horizon", 3, "--seed", 0, "--out", "run"
    )
    assert status == 0, err
    assert "3 values to come" in out
    assert "while training, all numbers are of how far the target lies from what the forecast is built upon" in out
    assert "to be predicted" in out
    found = metrics(folder)
    assert found["test"]["mae"] < found["seasonal"]["mae"] < found["baseline"]["mae"]
    assert brief(found["seasonal"]["mae"]) in out
    status, out, _ = command(folder, "predict", "run", "sales.csv")
    (row,) = rows(out)
    assert [*row] == ["last day", *(f"{what} +{h}" for what in ("day", "prediction sold") for h in (1, 2, 3))]
    assert [*row.values()][:4] == ["2024-10-26", "2024-10-27", "2024-10-28", "2024-10-29"]
    status, out, _ = command(folder, "train", "sales.csv", "--target", "sold", "--time", "day", *QUICK, "--out", "rows")
    assert "a date" in out  # without a horizon it is a table that is divided by time


def test_a_forecast_that_is_worse_than_a_simple_one_is_told_so(folder, command):
    sold = np.random.default_rng(7).poisson(0.3, 200)
    days = [str(dt.date(2024, 1, 1) + dt.timedelta(days=i)) for i in range(200)]
    (folder / "rare.csv").write_text("day,sold\n" + "".join(f"{day},{n}\n" for day, n in zip(days, sold, strict=True)))
    arguments = ("train", "rare.csv", "--target", "sold", "--time", "day", "--horizon", 2, "--seed", 0, "--out", "run")
    _, out, _ = command(folder, *arguments)
    found = metrics(folder)
    better = [name for name in ("linear", "mean", "seasonal", "baseline") if found[name]["mae"] < found["test"]["mae"]]
    assert "baseline" in better  # of mostly nothing, nothing is the best guess
    named = " and ".join(f"{name} ({found[name]['mae']:.4g})" for name in better)
    assert f"the forecast is worse than {named} by mae, {found['test']['mae']:.4g}" in out
    assert "sold is never negative, and so are its forecasts" in out


def test_a_network_that_has_learned_by_heart_is_told_to_learn_less(folder, command):
    noise = np.random.default_rng(0).normal(size=(200, 6)).round(3)
    np.savetxt(folder / "noise.csv", noise, "%g", ",", header="a,b,c,d,e,v", comments="")
    arguments = ("train", "noise.csv", "--target", "v", "--validation", 0.2, "--l2", 0, "--epochs", 300, "--seed", 0)
    out = command(folder, *arguments, "--out", "run")[1]
    assert "the network is worse than the baseline, as far as 40 rows to test tell" in out
    assert "the columns may say nothing of v; or after epoch" in out
    assert "take fewer units (--hidden), more --l2 or more --dropout" in out


def test_a_folder_goes_on_without_pictures_that_cannot_be_read(folder, command):
    bars(folder / "bars")
    assert command(folder, "train", "bars", "--epochs", 1, "--seed", 0, "--out", "run")[0] == 0
    (folder / "bars" / "lying" / "noise.png").write_text("hello")
    for arguments in (("predict", "run", "bars"), ("evaluate", "run", "bars")):
        status, _, err = command(folder, *arguments)
        assert status == 2
        assert "noise.png is no picture, or is broken from its beginning. With --broken skip it is left out." in err
        status, _, err = command(folder, *arguments, "--broken", "skip")
        assert status == 0, err
        assert "note: left out: bars/lying/noise.png is no picture" in err
    sales(folder / "sales.csv")
    command(folder, "train", "sales.csv", "--target", "sold", "--epochs", 1, "--out", "table")
    _, _, err = command(folder, "predict", "table", "sales.csv", "--broken", "skip")
    assert "--broken is about files of pictures or texts, but table was trained on no such." in err


def test_many_files_that_are_unlike_training_in_one_way_are_told_of_once(folder, command):
    bars(folder / "bars")
    command(folder, "train", "bars", "--epochs", 1, "--seed", 0, "--out", "run")
    names = sorted((folder / "bars" / "lying").iterdir())[:8]
    for path in names:
        Image.fromarray(255 - np.asarray(Image.open(path))).save(folder / path.name)
    out, err = command(folder, "predict", "run", *(path.name for path in names))[1:]
    assert len(rows(out)) == 8
    told = err.splitlines()
    assert len(told) == 6
    assert all(
        line.startswith(f"note: {path.name} is far brighter") for line, path in zip(told, names[:5], strict=False)
    )
    assert told[5] == f"note: and 3 more files like {names[0].name}"


def test_a_file_that_is_not_there_is_no_broken_one(folder, command):
    bars(folder / "bars")
    (folder / "bars" / "lying" / "noise.png").write_text("hello")
    command(folder, "train", "bars", "--broken", "skip", "--epochs", 1, "--seed", 0, "--out", "run")
    status, out, err = command(folder, "predict", "run", "bars/lying/noise.png", "bars/standing", "nowhere.png")
    assert (status, out) == (2, "")
    assert err == "error: there is no file nowhere.png.\n"
    assert command(folder, "predict", "run", "bars/lying/noise.png", "bars/standing")[0] == 0


def test_a_network_for_values_of_pictures_asks_for_a_table(folder, command):
    bars(folder / "bars")
    names = sorted((folder / "bars" / "lying").iterdir())
    rows = [f"{path.relative_to(folder)},{i * 1.5}" for i, path in enumerate(names)]
    (folder / "prices.csv").write_text("\n".join(["file,price", *rows]))
    command(folder, "train", "prices.csv", "--task", "regression", "--epochs", 1, "--seed", 0, "--out", "run")
    _, _, err = command(folder, "evaluate", "run", "bars")
    assert err == (
        "error: bars does not tell price, a value, of its pictures: give a table, a CSV with a column of their paths "
        "and one called 'price'.\n"
    )
    assert command(folder, "evaluate", "run", "prices.csv")[0] == 0


def test_a_text_is_continued(folder, command):
    (folder / "rows.txt").write_text("one two three\n" * 300)
    status, out, err = command(folder, "train", "rows.txt", "--window", 14, *QUICK, "--out", "run")
    assert status == 0, err
    assert "the next of 10 characters to predict" in out
    assert "next: chainrule sample run/model.safetensors --length 500 --temperature 0.8" in out
    assert metrics(folder)["test"]["loss"] < metrics(folder)["baseline"]["loss"]
    first, again = (command(folder, "sample", "run", "--prompt", "one §", "--length", 50, "--seed", 1) for _ in "12")
    assert first == again
    assert first[0] == 0
    assert first[1].startswith("one §")
    assert len(first[1]) == 5 + 50 + 1
    assert first[2] == "note: not in the vocabulary: '§'\n"
    assert command(folder, "predict", "run", "rows.txt")[2].startswith("error: the network continues text")
    (folder / "other.txt").write_text("six one two six three one\n" * 30)
    _, out, err = command(folder, "evaluate", "run", "other.txt")
    assert "other.txt: all examples" in out
    assert err == "note: 180 of 780 characters are not known\n"


def test_a_folder_of_texts_is_told_apart(folder, command):
    for i in range(40):
        place = folder / "letters" / ("glad" if i % 2 else "sad")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i}.txt").write_text("the sun and the joy" if i % 2 else "rain, and the bill of it")
    status, out, err = command(folder, "train", "letters", *QUICK, "--out", "run")
    assert status == 0, err
    assert metrics(folder)["test"]["accuracy"] == 1
    assert metrics(folder)["confusion"] == {"labels": ["glad", "sad"], "true by predicted": [[4, 0], [0, 4]]}
    assert "in run: model.safetensors, history.json, metrics.json, curves.svg, report.svg, report.html" in out
    status, out, _ = command(folder, "predict", "run", "letters/sad", "--out", "p.csv")
    assert out == "20 predictions in p.csv\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("train bars --size big", "--size is 'big', but takes pixels"),
        ("train bars --size 0", "--size is '0', but takes pixels"),
        ("train bars --augment tilt=3", "no change of pictures 'tilt'"),
        ("train bars --broken drop", "no way with a broken file 'drop'"),
        ("train bars --horizon 3", "--horizon is about a table with --time, but bars is none: leave it out."),
        ("train bars --target x", "bars is a folder, and its sub-folders are what to predict: leave --target out."),
        ("train empty", "there is no picture in empty."),
        ("train sales.csv --target sold --size 9", "--size is about pictures, but sales.csv is none: leave it out."),
        (
            "train sales.csv --target sold --horizon 3",
            "needs to know the order of the rows of sales.csv: --time COLUMN.",
        ),
        ("train sales.csv --time day --horizon 3", "which column of sales.csv is to be forecast? It has day, sold."),
        ("train sales.csv --time day --target sold --window 999", "give more rows, or train with a shorter --window."),
        ("train sales.csv --time day --target sold --window 0", "window is 0, but must be"),
        ("train sales.csv --time sold --target sold --window 3", "'sold' is to be a time and a target column at once."),
        (
            "train sales.csv --time day --target sold --horizon 3 --quantiles 0.1,0.9 --loss huber",
            "--quantiles has a loss of its own: leave --loss out.",
        ),
        (
            "train sales.csv --time day --target sold --horizon 3 --transform log",
            "what is forecast is the change since the last value: leave --transform and poisson out.",
        ),
        ("train void.txt", "void.txt has 0 characters, but one example takes 64"),
        ("train noise.txt", "noise.txt is no text, so there is nothing to read in it."),
        ("train word.txt", "it takes 10 or more; shorten them by --window, and there are more."),
        ("train word.txt --tokens letters", "no kind of tokens 'letters'"),
        ("train word.txt --target x", "word.txt"),
        ("sample absent", "cannot read absent"),
    ],
)
def test_a_mistake_is_one_clear_line(folder, command, arguments, words):
    bars(folder / "bars")
    sales(folder / "sales.csv")
    (folder / "empty").mkdir()
    (folder / "void.txt").write_text("")
    (folder / "word.txt").write_text("word " * 100)
    (folder / "noise.txt").write_bytes(bytes(range(256)))
    status, _, err = command(folder, *arguments.split())
    assert status == 2
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert words in line


def houses(photo):
    """A table of houses, with what `photo` says of each in a column of its own."""
    random = np.random.default_rng(0)
    lines = [f"{random.integers(40, 200)},{random.integers(1, 6)},{photo(i)},{i % 3}" for i in range(60)]
    return "\n".join(["area,rooms,photo,price", *lines])


@pytest.mark.parametrize(
    ("photo", "options"),
    [
        (lambda i: f"https://example.com/h{i}.jpg", ()),
        (lambda i: f"h{i}.jpg", ()),
        (lambda i: "see shot.png" if i == 5 else "none", ()),
        (lambda i: f"bars/{'standing' if i % 2 else 'lying'}/{i:02d}.png", ("--ignore", "photo")),
    ],
)
def test_a_table_that_speaks_of_pictures_is_a_table(folder, command, photo, options):
    bars(folder / "bars")
    (folder / "houses.csv").write_text(houses(photo))
    status, out, err = command(folder, "train", "houses.csv", "--target", "price", *options, "--epochs", 1)
    assert status == 0, err
    assert re.search("area +a number", out)


def test_pictures_that_are_not_there_are_told_where_pictures_are_meant(folder, command):
    (folder / "houses.csv").write_text(houses(lambda i: f"h{i}.jpg"))
    _, _, err = command(folder, "train", "houses.csv", "--target", "price", "--size", "9")
    assert "no picture can be read; h0.jpg is not there" in err


def test_values_of_pictures_get_their_report(folder, command):
    bars(folder / "bars")
    (folder / "houses.csv").write_text(
        "file,price\n" + "".join(f"bars/{'standing' if i % 2 else 'lying'}/{i:02d}.png,{i / 7}\n" for i in range(60))
    )
    assert command(folder, "train", "houses.csv", *QUICK, "--out", "run")[0] == 0
    assert metrics(folder)["residuals"].keys() == {"price"}
    assert (folder / "run" / "report.svg").exists()


def test_a_table_may_be_called_anything(folder, command):
    (folder / "houses.data").write_text(houses(lambda i: i % 4))
    status, out, err = command(folder, "train", "houses.data", "--target", "price", "--epochs", 1, "--out", "run")
    assert status == 0, err
    assert "3 classes" in out
    (folder / "noise.bin").write_bytes(b"\0\1\2")
    assert "noise.bin is no text, so it cannot be a CSV" in command(folder, "train", "noise.bin", "--target", "a")[2]


def test_a_name_with_a_comma_is_quoted(folder, command):
    (folder / "houses.csv").write_text(houses(lambda i: i % 4).replace("photo,price", '"a, b",price'))
    arguments = ("train", "houses.csv", "--target", '"a, b",price', "--ignore", "rooms", "--task", "regression")
    status, out, err = command(folder, *arguments, "--epochs", 1)
    assert status == 0, err
    assert "2 values to predict" in out


def test_what_marks_a_missing_value_may_be_said(folder, command):
    (folder / "houses.csv").write_text(houses(lambda i: "none" if i % 2 else "some"))
    arguments = ("train", "houses.csv", "--target", "price", "--epochs", 1, "--out")
    for out, options, words in (("a", (), ["some"]), ("b", ("--missing", "some,n.n."), ["none"])):
        assert command(folder, *arguments, out, *options)[0] == 0
        (photo,) = [code for code in cr.Trained.load(folder / out).encoding.codes if code.column.name == "photo"]
        assert (photo.words, photo.gaps) == (words, True)


def test_a_forecast_with_bands_tells_how_often_they_held_and_is_written_in_long_form(folder, command):
    random = np.random.default_rng(0)
    days = [str(dt.date(2024, 1, 1) + dt.timedelta(days=i)) for i in range(207)]
    promo = [*(random.random(200) < 0.2).astype(int), 0, 1, 0, 0, 0, 0, 0]
    sold = [f"{20 + 5 * (i % 7) + 9 * promo[i] + random.normal():.2f}" if i < 200 else "" for i in range(207)]
    rows_ = "".join(f"{day},{n},{p}\n" for day, n, p in zip(days, sold, promo, strict=True))
    (folder / "sales.csv").write_text("day,sold,promo\n" + rows_)
    arguments = ("train", "sales.csv", "--target", "sold", "--time", "day", "--seed", 0, "--out", "run", "--horizon", 7)
    status, out, err = command(folder, *arguments, "--quantiles", "0.1,0.9")
    assert status == 0, err
    assert "7 values to come and the quantiles 0.1, 0.9 of each" in out
    assert "known ahead is promo, which the 7 rows after the last sold hold" in out
    assert re.search(r"of what came, [\d.]+% lay below the quantile 0\.1, [\d.]+% lay below the quantile 0\.9", out)
    assert re.search(r"between 0\.1 and 0\.9 lay [\d.]+%, and 80% should", out)
    status, out, _ = command(folder, "predict", "run", "sales.csv", "--long")
    found = rows(out)
    assert [row["day"] for row in found] == days[200:]
    assert [*found[0]] == ["day", "prediction", "0.1 of sold", "0.9 of sold"]
    raised = [float(row["prediction"]) - 20 - 5 * (i % 7) for i, row in enumerate(found, 200)]
    assert max(raised) == raised[1] > 6
    _, out, _ = command(folder, "predict", "run", "sales.csv", "--long", "--out", "p.csv")
    assert out == "1 forecast, 7 rows, in p.csv\n"
    _, out, _ = command(folder, "predict", "run", "sales.csv", "--out", "p.csv")
    assert out == "1 prediction in p.csv\n"
    status, _, err = command(folder, *arguments, "--quantiles", "a lot")
    assert (status, "--quantiles is 'a lot', but takes shares of what comes" in err) == (2, True)
    status, out, _ = command(folder, *arguments, "--known-ahead", "promo", "--validation", 0, "--epochs", 1)
    assert "all of what the network adds is taken, as --validation 0 leaves nothing to judge it by" in out
