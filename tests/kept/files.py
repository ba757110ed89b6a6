"""A file of each kind, and what is to come of it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tests.torture import checkpoints, journals, models

import chainrule as cr
from chainrule import files
from chainrule.data.text import Continued
from chainrule.experiments import JOURNAL, Trained

DATA, EXPECTED, CHECKPOINT, RUN = "data", "expected.json", "checkpoint.safetensors", "run"


def write(folder: Path) -> None:
    """Model files of all layers and all kinds of data, a checkpoint, the journal of a search, a run folder, and what
    they give."""
    folder.mkdir(parents=True)
    shutil.copytree(models._folder(), folder / DATA)
    expected = {}
    for i, model in enumerate((*models._zoo(), *(files.pack(*net.content()) for net in _learned()))):
        path = folder / f"{i:02}.safetensors"
        path.write_bytes(model)
        expected[path.name] = given_by(path)
    within, _ = checkpoints.originals()
    (folder / CHECKPOINT).write_bytes(within)
    expected[CHECKPOINT] = ended(folder / CHECKPOINT)
    (folder / JOURNAL).write_bytes(journals.original())
    _run(folder)
    expected[RUN] = of_run(folder)
    (folder / EXPECTED).write_text(json.dumps(expected, indent=1) + "\n")


def given_by(path: Path) -> Any:
    """What a model file gives: the outputs of a network, or the predictions of one that knows its data."""
    net = cr.load(path)
    if "encoding" not in net.metadata:
        if net.input_shape is None:
            return repr(net)
        return net.predict(np.ones((2, *net.input_shape), np.int64)).tolist()
    trained = Trained.load(path)
    if isinstance(trained.encoding, Continued):
        return "".join(cr.sample(trained, "ab", length=20, seed=0, temperature=0.0))
    source = trained.read(str(_data_for(trained, path.parent / DATA)), labelled=False)
    return numbers_in("".join(trained.lines(source)))


def _learned() -> Iterator[cr.Network]:
    """Networks of layers that learn from data before the first epoch, of bags of words, of several networks, and of
    dropout on a schedule."""
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 3)), random.integers(0, 2, 60)
    members = []
    for spread in (cr.PiecewiseLinear(4), cr.Periodic(2)):
        members.append(cr.Network([spread, cr.Dense(3, "tanh"), cr.Dense(2, "softmax")], seed=0))
        cr.train(members[-1], X, y, loss="cross_entropy", epochs=1, seed=0, progress=False, engine="numpy")
    yield cr.Network([cr.Ensemble(members)], input_shape=3)
    yield cr.Network([cr.EmbedBags(1, [2], 9, 4), cr.Dense(2)], seed=0, input_shape=3)
    yield cr.Network([cr.Dropout(cr.schedules.Cosine(0.3, 10)), cr.Dense(2)], seed=0, input_shape=3)


def _run(folder: Path) -> None:
    """A run folder as a command leaves it, of several networks on a table, without its pictures and its page."""
    source = cr.read_table(folder / DATA / "table.csv", "kind")
    settings = cr.Settings(epochs=2, members=2, hidden=(6,), seed=0, engine="numpy")
    cr.Experiment(source, settings, folder / RUN).run(progress=False)
    for path in (folder / RUN).iterdir():
        if path.name not in ("model.safetensors", "metrics.json", "history.json"):
            path.unlink()


def of_run(folder: Path) -> Any:
    """What is predicted from a run folder, how good that is, and what its files for programs are asked for."""
    trained = Trained.load(folder / RUN)
    source = trained.read(str(folder / DATA / "table.csv"), labelled=True)
    measured, history = (json.loads((folder / RUN / name).read_text()) for name in ("metrics.json", "history.json"))
    return {
        "predictions": numbers_in("".join(trained.lines(source))),
        "measures": list(trained.evaluate(source, np.arange(len(source))).values()),
        "metrics.json": [measured["test"]["accuracy"], measured["baseline"]["accuracy"]],
        "history.json": len(history["epochs"]),
    }


def ended(checkpoint: Path) -> Any:
    """The cost of each epoch of a run that goes on from its checkpoint."""
    copy = checkpoint.with_suffix(".copy")
    shutil.copy(checkpoint, copy)
    try:
        history = checkpoints.train(copy, epochs=3, resume=True)
    finally:
        copy.unlink()
    return history["loss"]


def numbers_in(written: str) -> list[list[Any]]:
    """The cells of a CSV, those that are numbers as such, without the names of files."""
    rows = [*csv.reader(io.StringIO(written))]
    kept = [i for i, name in enumerate(rows[0]) if name != "file"]
    return [[_number(row[i]) for i in kept] for row in rows]


def _number(cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        return cell


def _data_for(trained: Trained, folder: Path) -> Path:
    """The data that a model of the zoo was trained on, in this folder."""
    return folder / Path(models._data_for(trained.encoding)[0]).name
