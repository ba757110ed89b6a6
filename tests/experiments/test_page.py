"""The page of a run: what a reader finds on it, in the words of the command; that it is whole, safe and small, and the
same each time."""

import datetime as dt
import re
from html.parser import HTMLParser

import browser
import numpy as np
import polars as pl
import pytest
from PIL import Image

import chainrule as cr
from chainrule.experiments.conclusions import conclusions
from chainrule.experiments.design import optimizer_for
from chainrule.experiments.words import sentence_on_examples

VOID = {"meta", "br", "img", "rect", "path", "circle", "polyline", "polygon", "image"}
QUICK = {"seed": 0, "epochs": 3, "hidden": (8,)}


class Page(HTMLParser):
    """What a browser sees of a page: its elements, in order and one in another, and the text of each.

    Attributes:
        elements: (tag, attributes, text), in the order in which they end.
    """

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.open.append((tag, dict(attributes), []))
        if tag in VOID:
            self.elements.append((tag, dict(attributes), ""))
            self.open.pop()

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), ""))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        name, attributes, text = self.open.pop()
        assert name == tag, f"</{tag}> where <{name}> is open"
        self.elements.append((tag, attributes, "".join(text)))

    def handle_data(self, data):
        for _, _, text in self.open:
            text.append(data)

    def all(self, tag, kind=None):
        return [
            text for name, attributes, text in self.elements if name == tag and kind in (None, attributes.get("class"))
        ]

    def rows(self):
        """The cells of each row of a table."""
        found, row = [], []
        for tag, _, text in self.elements:
            if tag in ("td", "th"):
                row.append(text)
            elif tag == "tr":
                found.append(row)
                row = []
        return found

    @property
    def text(self):
        return self.all("body")[0]


def people(m=240):
    """Who pays depends on age and job; names and words are such as HTML would take for its own."""
    random = np.random.default_rng(0)
    age, job = random.integers(18, 80, m), random.choice(["<i>baker", "smith & son", "clerk"], m)
    pays = age + 20 * (job == "clerk") + random.normal(0, 9, m) > 55
    gaps = [None if i % 7 == 0 else float(i % 11) for i in range(m)]
    return pl.DataFrame(
        {"<b>age</b>": age, "job&": job, "gaps": gaps, "same": "x", "pays": np.where(pays, "<yes>", "no")}
    )


def run(source, folder, **settings):
    """The experiment, its result, and its page."""
    experiment = cr.Experiment(source, cr.Settings(**(QUICK | settings)), folder)
    result = experiment.run(progress=False)
    return experiment, result, (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    people().write_csv(folder / "people.csv")
    experiment, result, text = run(cr.read_table(folder / "people.csv", "pays"), folder / "run", epochs=40)
    return folder, experiment, result, text


def test_smoothed_labels_are_derived_and_set_and_measures_are_of_the_labels_as_they_are(tmp_path):
    frame = people().select("<b>age</b>", "job&", "pays")
    _, result, text = run(cr.read_table(frame, "pays"), tmp_path, label_smoothing=0.4, epochs=30, learning_rate=0.03)
    assert "Y stands for the smoothed labels: label_smoothing = 0.4." in Page(text).text
    assert ["label_smoothing", "0.4", "you"] in Page(text).rows()
    assert result.history["loss"][-1] > 0.5 > result.metrics["test"]["loss"]  # which no network can learn below


def test_the_weight_decay_falls_by_a_schedule_of_its_own():
    falling = cr.Settings(optimizer="adamw", weight_decay=0.4, weight_decay_schedule="flat_cosine", epochs=10)
    found = [optimizer_for(falling).decay(epoch) for epoch in (0, 5, 7.5, 10)]
    np.testing.assert_allclose(found, [0.4, 0.4, 0.2, 0], atol=1e-12)
    assert optimizer_for(cr.Settings(optimizer="adamw")).weight_decay == cr.AdamW().weight_decay
    with pytest.raises(cr.OptionError, match=r"no schedule of the weight decay 'cosin'\. Did you mean 'cosine'"):
        optimizer_for(cr.Settings(weight_decay_schedule="cosin"))


def test_dropout_falls_by_a_schedule_of_its_own(tmp_path):
    table, falling = cr.read_table(people(), "pays"), {"dropout": 0.4, "dropout_schedule": "cosine"}
    made = cr.Experiment(table, cr.Settings(**QUICK | falling), tmp_path / "run")
    assert "Dropout(Cosine(0.4, epochs=3))" in repr(made.network)
    with pytest.raises(cr.OptionError, match="no schedule of the dropout 'falling'"):
        cr.Experiment(table, cr.Settings(**QUICK, dropout=0.4, dropout_schedule="falling"), tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("share", [1.0, -0.1, float("nan")])
def test_labels_are_not_smoothed_away(tmp_path, share):
    with pytest.raises(
        cr.OptionError, match=r"label_smoothing is .*, but must be a number, at least 0 and less than 1"
    ):
        cr.Experiment(cr.read_table(people(), "pays"), cr.Settings(label_smoothing=share), tmp_path / "run")


def test_it_says_what_the_command_says(trained):
    _, experiment, result, text = trained
    found = Page(text)
    assert found.all("h1") == ["people.csv: pays"]
    assert sentence_on_examples(experiment) in found.text
    assert re.search(r"(all epochs done|early stopping), \d+ epochs.*; on the (native|numpy) engine.*, seed 0", text)
    assert "seconds" not in found.text
    for sentence in (*conclusions(result.metrics, experiment, result.history), *experiment.source.notes):
        assert sentence in found.text
    assert ["<b>age</b>", "a number", f"{people()['<b>age</b>'].n_unique()} different", ""] in found.rows()
    assert ["same", "set aside: constant", "always 'x'", ""] in found.rows()
    assert ["gaps", "a number", "11 different", "35"] in found.rows()
    assert ["pays", "to be predicted", "as you said", ""] in found.rows()


def test_measures_stand_beside_those_of_simple_answers_with_their_intervals(trained):
    _, _, result, text = trained
    rows = Page(text).rows()
    assert ["", "test", "95 %", "linear", "baseline"] in rows
    accuracy = next(row for row in rows if row[0] == "accuracy")
    assert float(accuracy[1]) == pytest.approx(result.metrics["test"]["accuracy"], abs=5e-4)
    assert re.fullmatch(r"[\d.]+ to [\d.]+", accuracy[2])
    assert float(accuracy[4]) == pytest.approx(result.metrics["baseline"]["accuracy"], abs=5e-4)


def test_each_picture_is_by_itself_with_a_sentence(trained):
    _, experiment, result, text = trained
    captions = Page(text).all("figcaption")
    panels = experiment.report(result.network).chart(result.metrics).panels
    assert len(captions) == text.count("<figure>") >= 2 + len(panels)
    for panel in panels:
        assert panel.caption in captions
    assert all(re.fullmatch(r".*[^.]\.", caption) for caption in captions)


def test_words_of_the_data_are_never_taken_for_markup(trained):
    _, _, _, text = trained
    found = Page(text)
    tags = {tag for tag, _, _ in found.elements}
    assert not tags & {"b", "i", "yes", "script", "link", "iframe"}
    assert "<b>age</b>" in found.text
    assert "<yes>" in found.text
    assert "job&" in found.text


def test_it_needs_no_other_file(trained):
    _, _, _, text = trained
    for _, attributes, _ in Page(text).elements:
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            assert attributes.get(name, "data:").startswith(("data:", "#"))
    assert "@import" not in text
    assert all(place.startswith("data:") for place in re.findall(r"url\((.*?)\)", text))
    assert len(text.encode()) < 400_000


def test_the_same_run_has_the_same_bits_in_any_folder(trained, tmp_path):
    folder, _, _, text = trained
    _, _, again = run(cr.read_table(folder / "people.csv", "pays"), tmp_path / "other", epochs=40)
    assert again == text


def test_the_worst_mistakes_are_told_by_their_rows(trained):
    folder, experiment, result, text = trained
    found = Page(text)
    trained_model = cr.Trained.load(folder / "run")
    wrong = round((1 - result.metrics["test"]["accuracy"]) * len(experiment.splits.test))
    assert f"{wrong} of 48 examples to test, the surest mistakes first" in found.text
    rows = found.rows()
    begin = rows.index(["row", "true", "predicted", "probability"]) + 1
    row, true, predicted, probability = rows[begin]
    frame = people()[int(row) - 1 : int(row)]
    again = trained_model.predictions(trained_model.read(frame.drop("pays"), labelled=False))
    assert frame["pays"].item() == true != predicted == again["prediction"][0]
    assert float(probability.strip("%")) / 100 == pytest.approx(again[f"p({predicted})"][0], abs=6e-4)
    assert f"chainrule explain model.safetensors --row {row} --data {folder / 'people.csv'}" in found.text


def test_what_it_says_to_type_in_python_works(trained, monkeypatch):
    folder, _, _, text = trained
    people(5).drop("pays").write_csv(folder / "run" / "new.csv")
    monkeypatch.chdir(folder / "run")
    (lines,) = [block for block in Page(text).all("pre") if "import chainrule" in block]
    names = {}
    exec(lines.replace("trained.predictions", "found = trained.predictions"), names)
    assert len(names["found"]["prediction"]) == 5
    for line in ("predict model.safetensors new.csv --out predictions.csv", "evaluate model.safetensors new.csv"):
        assert f"chainrule {line}" in text


def test_what_was_chosen_by_whom_and_what_it_became(trained):
    _, _, result, text = trained
    found = Page(text)
    assert ["hidden", "8", "you"] in found.rows()
    assert ["test", "0.2", "default"] in found.rows()
    assert f"{result.network.flat.size:,} parameters in all" in found.text
    assert {"its units", "its derivation", "how it was trained"} <= {*found.all("summary")}
    assert "Backward" in found.all("h2")


def test_values_are_told_where_they_are_furthest_off(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(0, 1, 120)
    frame = pl.DataFrame({"x": x, "y": 3 * x + random.normal(0, 0.1, 120)})
    _, _, text = run(cr.read_table(frame, "y"), tmp_path)
    found = Page(text)
    assert "Where it is furthest off" in found.all("h2")
    assert ["row", "true", "predicted", "off by"] in found.rows()
    assert "How far the examples to test lie from what was predicted" in found.text


def test_pictures_got_wrong_are_shown(tmp_path):
    random = np.random.default_rng(0)
    for i in range(60):
        place = tmp_path / "photos" / f"class {i % 2}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (120, 100), np.uint8)).save(place / f"{i}.png")
    _, _, text = run(cr.read_pictures(tmp_path / "photos", size=12), tmp_path / "run", epochs=1)
    found = Page(text)
    assert [row for row in found.rows() if row[0].startswith("class ")][:2] == [["class 0", "30"], ["class 1", "30"]]
    pictures = [attributes for tag, attributes, _ in found.elements if tag == "img"]
    assert 1 <= len(pictures) <= 12
    for one in pictures:
        assert one["src"].startswith("data:image/png;base64,")
        assert re.fullmatch(r"class \d, taken for class \d \([\d.]+%\)", one["alt"])
    assert re.search(r"taken for class \d \([\d.]+%\)\d+\.png", found.text)
    assert len(text) < 400_000


def test_texts_got_wrong_are_quoted(tmp_path):
    random = np.random.default_rng(0)
    for i in range(40):
        place = tmp_path / "letters" / ("glad" if i % 2 else "sad")
        place.mkdir(parents=True, exist_ok=True)
        words = random.choice(["sun", "rain", "<tea>", "bill"], 80)
        (place / f"{i}.txt").write_text(" ".join(words))
    _, _, text = run(cr.read_text(tmp_path / "letters"), tmp_path / "run")
    quoted = Page(text).all("blockquote")
    assert quoted
    assert all(re.fullmatch(r".{200}…(glad|sad), taken for (glad|sad) \([\d.]+%\)", one) for one in quoted)


def test_texts_in_a_table_stand_beside_the_row(tmp_path):
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice([f"word{i}" for i in range(50)], 60)) for _ in range(200)]
    frame = pl.DataFrame({"letter": texts, "feels": random.choice(["glad", "sad"], 200)})
    _, _, text = run(cr.read_table(frame, "feels"), tmp_path, epochs=1)
    rows = Page(text).rows()
    row, *_, letter = rows[rows.index(["row", "true", "predicted", "probability", "letter"]) + 1]
    assert letter == texts[int(row) - 1][:200] + "…"


def test_forecasts_stand_beside_what_came(tmp_path):
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(200)]
    sold = 50 + 10 * np.sin(2 * np.pi * np.arange(200) / 7)
    frame = pl.DataFrame({"day": days, "sold": sold.round(1)})
    _, _, text = run(cr.read_series(frame, "sold", "day", horizon=3), tmp_path)
    found = Page(text)
    assert "What was forecast of the test part, beside what came." in found.all("figcaption")
    assert ["day", "a date", "dates", ""] in found.rows()
    assert ["", "test", "linear", "mean", "seasonal", "baseline"] in [row[:6] for row in found.rows()]


def test_a_text_to_be_continued_and_arrays_have_a_page_too(tmp_path):
    (tmp_path / "rows.txt").write_text("one two three\n" * 100)
    _, _, text = run(cr.read_text(tmp_path / "rows.txt", window=14), tmp_path / "text", epochs=1)
    assert "chainrule sample model.safetensors --length 500" in Page(text).text
    X = np.random.default_rng(0).normal(size=(60, 3))
    np.savez(tmp_path / "points.npz", X=X, y=(X[:, 0] > 0).astype(int))
    from chainrule.data.datasets import read

    _, _, text = run(read(str(tmp_path / "points.npz")), tmp_path / "arrays", epochs=1)
    assert "chainrule predict model.safetensors new.npz --out predictions.csv" in Page(text).text


def test_a_wide_table_and_a_long_training_do_not_make_it_large(tmp_path):
    random = np.random.default_rng(0)
    frame = pl.DataFrame({f"column {j}": random.normal(size=60) for j in range(400)} | {"y": [0, 1] * 30})
    _, result, text = run(cr.read_table(frame, "y"), tmp_path, epochs=700)
    found = Page(text)
    assert "and 201 more" in found.text
    assert len(result.history.epochs) == 700
    assert len(text) < 400_000


def test_a_deep_network_is_derived_elsewhere(tmp_path):
    _, _, text = run(cr.read_table(people(60), "pays"), tmp_path, epochs=1, hidden=(4,) * 30)
    found = Page(text)
    assert "its derivation" not in found.all("summary")
    assert "chainrule explain model.safetensors --out derivation.html" in found.text


@pytest.mark.skipif(browser.CHROMIUM is None, reason="Chromium is not installed")
def test_it_fits_a_telephone_and_a_desk(trained):
    folder, _, _, _ = trained
    look = "(document) => [document.documentElement.scrollWidth, document.querySelectorAll('figure svg').length]"
    for visit in browser.look(folder / "run", ["report.html"], (400, 1200), look):
        assert not visit["errors"]
        assert visit["found"][0] <= visit["width"]
        assert visit["found"][1] >= 4
