"""A file of each kind, and what is to come of it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from tests.torture import checkpoints, journals, models

import chainrule as cr
from chainrule.data.text import Continued
from chainrule.experiments import JOURNAL, Trained

DATA, EXPECTED, CHECKPOINT = "data", "expected.json", "checkpoint.safetensors"


def write(folder: Path) -> None:
    """Model files of all layers and all kinds of data, a checkpoint, the journal of a search, and what they give."""
    folder.mkdir(parents=True)
    shutil.copytree(models._folder(), folder / DATA)
    expected = {}
    for i, model in enumerate(models._zoo()):
        path = folder / f"{i:02}.safetensors"
        path.write_bytes(model)
        expected[path.name] = given_by(path)
    within, _ = checkpoints.originals()
    (folder / CHECKPOINT).write_bytes(within)
    expected[CHECKPOINT] = ended(folder / CHECKPOINT)
    (folder / JOURNAL).write_bytes(journals.original())
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
