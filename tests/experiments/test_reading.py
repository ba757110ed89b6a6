"""What a model file tells of its experiment is read by a declared form, and must go with the network."""

import numpy as np
import polars as pl
import pytest
from tests.torture.models import _of_experiments, packed

import chainrule as cr
from chainrule import files
from chainrule.experiments import Trained
from commands import chainrule

KINDS = ("table of kinds", "table of values", "pictures", "text", "texts", "series", "arrays")


@pytest.fixture(scope="module")
def models():
    return dict(zip(KINDS, (files.unpack(data, "") for data in _of_experiments()), strict=True))


@pytest.fixture
def refusal(models, tmp_path):
    def refusal(kind, change):
        tensors, description = models[kind]
        description = files.unpack(packed(tensors, description), "")[1]
        change(description["metadata"])
        path = tmp_path / "model.safetensors"
        path.write_bytes(packed(tensors, description))
        with pytest.raises(cr.ModelFileError) as caught:
            Trained.load(path)
        assert str(path) in str(caught.value)
        return str(caught.value)

    return refusal


def put(*way, value):
    def change(metadata):
        node = metadata
        for key in way[:-1]:
            node = node[key]
        node[way[-1]] = value

    return change


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("arrays", put("split", "seed", value="x"), "its `split.seed` is 'x', but must be a whole number"),
        ("arrays", put("split", value=[]), "its `split` is [], but must be an object or nothing"),
        ("arrays", put("metrics", value="accuracy"), "its `metrics` is 'accuracy', but must be a list"),
        ("arrays", put("metrics", value=["acuracy"]), "Did you mean 'accuracy'?"),
        ("arrays", put("checksum", value=None), "its `checksum` is None"),
        ("arrays", put("loss", value="squared_error"), "the loss squared_error is not one of classes"),
        ("arrays", put("loss", value="lost"), "the loss lost is not one of classes"),
        ("arrays", put("target", value={"type": "Column", "name": "a", "kind": "number"}), "the target a Column"),
        ("arrays", put("target", "labels", value=[[0, 1]]), "the network's output is (3,), but there are 1 to predict"),
        ("arrays", put("target", "labels", value=[[0, 1, 1]]), "or some are alike"),
        ("arrays", put("target", "labels", 0, 1, value=[]), "Target's `labels[0][1]` is []"),
        ("arrays", put("target", "names", value=[]), "a target has a column or more"),
        ("table of kinds", put("encoding", "codes", value=[]), "an encoding of a table has a column or more"),
        (
            "table of kinds",
            put("encoding", "codes", 0, "column", "form", value="%H"),
            "there is no form '%H' of a date",
        ),
        ("table of kinds", put("encoding", "codes", 1, "spread", value=0), "the spread of price is 0"),
        (
            "table of kinds",
            put("encoding", "codes", 1, "column", "kind", value="date"),
            "Number is for numbers, but price holds dates",
        ),
        ("table of kinds", put("encoding", "codes", 3, "words", value=["r", "r"]), "a word of colour has two codes"),
        ("table of kinds", put("encoding", "predicted", value=[]), "the encoding does not go with a network"),
        ("table of values", put("target", "names", value=["price", "\ud800"]), "but must be text"),
        ("pictures", put("encoding", "height", value=10**9), "the encoding does not go with a network"),
        ("text", put("target", "count", value=3), "the encoding does not go with a network"),
        ("texts", put("encoding", "kind", value="letters"), "there is no kind of tokens 'letters'"),
        ("series", put("encoding", "horizon", value=10**12), "what the forecast is built upon is of another horizon"),
        (
            "series",
            put("encoding", "base", "scaling", "changes", value=[[0.0]]),
            "what values are divided by is more tha",
        ),
        (
            "series",
            put("encoding", "base", "scaling", "middles", value=[]),
            "there are 1 series of 1 columns to forecast",
        ),
        ("series", put("encoding", "base", "weights", value=[]), "a forecast of 1 columns has 7 weights for each"),
        ("series", put("encoding", "base", "linear", "weights", value=[[0.0]]), "a linear autoregression of "),
        ("series", put("encoding", "base", "linear", "effects", value=[[1.0]]), "other effects than columns are known"),
        ("series", put("encoding", "calendar", "step", value=0), "the step of a calendar is 0"),
    ],
)
def test_what_does_not_fit_is_refused(refusal, kind, change, reason):
    assert reason in refusal(kind, change)


def test_the_limit_of_memory_is_handed_on(models, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(packed(*models["pictures"]))
    assert Trained.load(path).target.names == ["class"]
    with pytest.raises(cr.ModelFileError, match="larger memory_limit"):
        Trained.load(path, memory_limit=100)


def test_a_network_of_nobodys_experiment_is_loaded_in_python(tmp_path):
    cr.Network([cr.Dense(1)], seed=0, input_shape=2).save(tmp_path / "own.safetensors")
    told = "own.safetensors does not say what its outputs mean, because it was not made by chainrule train: load it in"
    with pytest.raises(cr.ModelFileError, match=told):
        cr.Trained.load(tmp_path / "own.safetensors")
    assert cr.load(tmp_path / "own.safetensors").predict(np.zeros((1, 2))).shape == (1, 1)


def test_a_word_for_a_missing_value_that_training_did_not_have_is_told_to_predict_and_evaluate(tmp_path):
    random = np.random.default_rng(0)
    frame = pl.DataFrame({"x": random.standard_normal(100).round(2)}).with_columns(y=pl.col("x") > 0)
    frame = frame.with_columns(y=pl.when("y").then(pl.lit("none")).otherwise(pl.lit("some")))
    frame.write_csv(tmp_path / "known.csv")
    trained = chainrule("train", "known.csv", "--target", "y", "--epochs", 1, "--out", "run", "--seed", 0, cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    frame.with_columns(
        pl.when(pl.int_range(100) % 20 == 2).then(pl.lit("unclear")).otherwise("x").alias("x")
    ).write_csv(tmp_path / "new.csv")
    refused = chainrule("predict", "run", "new.csv", "--out", "p.csv", cwd=tmp_path)
    assert "x holds 'unclear' in row 3" in refused.stderr
    assert (
        "otherwise (5 of 100 cells are no such): write it like that, leave it empty, say --missing unclear, train"
        in (refused.stderr)
    )
    read = chainrule("predict", "run", "new.csv", "--out", "p.csv", "--missing", "unclear,n. n.", cwd=tmp_path)
    assert read.returncode == 0, read.stderr
    assert pl.read_csv(tmp_path / "p.csv").height == 100
    measured = chainrule("evaluate", "run", "new.csv", "--missing", "Unclear", cwd=tmp_path).stdout
    assert "all examples, 100 examples" in measured, "the class none is still one"
    with pytest.warns(cr.errors.DoubtWarning, match="x is missing, though never in training"):
        row = cr.Trained.load(tmp_path / "run", missing="unclear").read({"x": "unclear"}, labelled=False)
    assert len(row) == 1
