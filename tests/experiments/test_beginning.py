"""A run that was cut before its first checkpoint: how it goes on, with what it must share, and who may forget it."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.augmentation import Augmentation
from chainrule.data.datasets import Dataset
from chainrule.experiments.experiment import Experiment

CHOSEN = {"hidden": (4,), "seed": 0, "schedule": "constant", "epochs": 2, "patience": 1}


def table() -> cr.Table:
    return cr.read_table(pl.DataFrame({"a": [k * 7 % 60 for k in range(60)], "y": ["yes", "no", "no"] * 20}), "y")


def made(folder: Path, source: Any = None, *, resume: bool = False, **chosen: Any) -> Experiment:
    return Experiment(source or table(), cr.Settings(**CHOSEN | chosen), folder, resume=resume)


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs an experiment, which is cut before its first checkpoint."""

    def run(experiment: Experiment) -> None:
        def end(**_: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(experiment, "_fit", end)
        with pytest.raises(KeyboardInterrupt):
            experiment.run(progress=False)

    return run


@pytest.mark.parametrize(
    ("held", "way"),
    [
        (["begun.json"], "go on with the same command, --out run and --resume"),
        (["begun.json", "checkpoint.safetensors"], "go on with the same command, --out run and --resume"),
        (["checkpoint-2.safetensors"], "go on with the same command, --out run and --resume"),
        (["begun.json", "model.safetensors"], "run/model.safetensors is what was learned until then; the same command"),
        (["search.journal", "trial-1.checkpoint.safetensors"], "go on with the same command and --out run"),
        ([], "nothing had been learned yet, so give the same command again"),
    ],
)
def test_who_ends_a_run_and_who_meets_it_later_hear_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Any, held: list[str], way: str
) -> None:
    def end(self: Experiment, **_: Any) -> None:
        for name in held:
            (self.folder / name).touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(Experiment, "run", end)
    status, out, _ = command(tmp_path, "train", "iris", "--out", "run")
    assert status == 130
    assert out.splitlines()[-1].startswith(f"interrupted: {way}")
    if "model.safetensors" not in held:
        later = way.replace("with the same command", "with it by the command that began it") + "."
        err = command(tmp_path, "predict", "run", "iris")[2]
        assert ("go on" in err) == bool(held)
        assert not held or err.endswith(f"run holds no model.safetensors, as its run was interrupted: {later}\n")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"epochs": 3}, "its run had epochs 2, this one has 3"),
        ({"patience": 2}, "its run had patience 1, this one has 2"),
        ({"dropout": 0.1}, "its run had dropout 0.0, this one has 0.1"),
        ({"epochs": 3, "dropout": 0.1}, r"had epochs 2, this one has 3; it had dropout 0.0, this one has 0.1\."),
    ],
)
def test_what_differs_from_the_run_that_begins_again_is_told(
    tmp_path: Path, cut: Any, other: dict[str, Any], words: str
) -> None:
    cut(made(tmp_path))
    with pytest.raises(cr.OptionError, match=words):
        made(tmp_path, resume=True, **other)
    again = made(tmp_path, resume=True, threads=1, engine="numpy", checkpoint_minutes=3.0, time_limit=100.0)
    assert again.begins_again


def test_pictures_are_changed_as_they_were_when_a_run_begins_again(tmp_path: Path, cut: Any) -> None:
    pictures = Dataset("pictures", np.random.default_rng(0).random((60, 4, 4, 1)), np.arange(60) % 2)
    flip = Augmentation(flip=True, shift=0.1)
    assert Augmentation.parse(flip.typed) == flip
    cut(made(tmp_path, pictures, augment=flip))
    with pytest.raises(cr.OptionError, match=r"its run had augment flip,shift=0\.1, this one has None"):
        made(tmp_path, pictures, resume=True)
    assert made(tmp_path, pictures, augment=flip, resume=True).begins_again
    with pytest.raises(cr.OptionError, match="augment"):
        made(tmp_path / "typed", pictures, augment="flip").run(progress=False)


def test_who_is_refused_leaves_the_beginning_of_another_run(tmp_path: Path, cut: Any, command: Any) -> None:
    table().frame.write_csv(tmp_path / "table.csv")
    cut(made(tmp_path / "run", cr.read_table(tmp_path / "table.csv", "y")))
    begun = (tmp_path / "run/begun.json").read_bytes()
    words = ("train", "table.csv", "--target", "y", "--out", "run", "--hidden", 4, "--schedule", "constant")
    words += ("--epochs", 2, "--patience", 1)

    for wrong in (["--resume", "--dropout", 0.2], ["--batch-size", 0]):
        status, _, err = command(tmp_path, *words, *wrong)
        assert status == 2, err
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["begun.json"]
        assert (tmp_path / "run/begun.json").read_bytes() == begun
    status, out, err = command(tmp_path, *words, "--resume")
    assert status == 0, err
    assert "it begins again, by its seed 0" in out
    assert not (tmp_path / "run/begun.json").exists()


def test_a_run_that_fails_leaves_no_folder(tmp_path: Path, command: Any) -> None:
    words = ("--learning-rate", 1e30, "--optimizer", "sgd", "--epochs", 2)
    assert command(tmp_path, "train", "iris", "--out", "run", *words)[0] == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("train", [Experiment.run, Experiment.fit])
@pytest.mark.parametrize("again", [False, True])
def test_a_run_that_diverges_is_none_that_was_interrupted(tmp_path: Path, cut: Any, train: Any, again: bool) -> None:
    wild = {"learning_rate": 1e30, "optimizer": "sgd"}
    if again:
        cut(made(tmp_path, **wild))
    experiment = made(tmp_path, resume=again, **wild)
    assert experiment.begins_again == again
    with pytest.raises(cr.NotFiniteError):
        train(experiment, progress=False)
    assert not list(tmp_path.iterdir())
    with pytest.raises(cr.ModelFileError) as error:
        cr.Trained.load(tmp_path)
    assert "interrupted" not in str(error.value)
    with pytest.raises(cr.OptionError, match="there is nothing to resume"):
        made(tmp_path, resume=True, **wild)
