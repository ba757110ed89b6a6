"""Journals of searches that nobody has written: a real one with its lines changed, doubled, dropped or damaged."""

from __future__ import annotations

import functools
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .checkpoints import changed, damaged


def search(folder: Path, trials: int) -> None:
    """Begin a tiny search in the folder, or go on with the one that is there."""
    from chainrule.data import datasets
    from chainrule.experiments import Experiment, Settings

    settings = Settings(epochs=1, hidden=(2,), optimizer="adam", activation="relu", search=trials, seed=0, threads=1)
    Experiment(datasets.read("iris"), settings, folder).search(progress=False)


@functools.cache
def original() -> bytes:
    """The journal of two trials."""
    from chainrule.experiments import JOURNAL

    with tempfile.TemporaryDirectory() as folder:
        search(Path(folder), 2)
        return Path(folder, JOURNAL).read_bytes()


def journals(seed: int) -> Iterator[bytes]:
    """Changed journals without end."""
    dice = random.Random(seed)
    while True:
        if dice.random() < 0.15:
            yield damaged(original(), dice)
            continue
        lines = [json.loads(line) for line in original().splitlines()]
        for _ in range(dice.choice([1, 1, 2, 4])):
            at, way = dice.randrange(len(lines)), dice.random()
            if way < 0.15:
                del lines[at]
            elif way < 0.3:
                lines.insert(at, dice.choice(lines))
            else:
                lines[at] = changed(lines[at], dice)
        yield "".join(json.dumps(line) + "\n" for line in lines).encode()


def try_journal(path: str | Path) -> str:
    """Go on with the search; "refused" where that is told in a sentence."""
    from chainrule import ChainruleError
    from chainrule.experiments import JOURNAL

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, JOURNAL).write_bytes(Path(path).read_bytes())
        try:
            search(Path(folder), 2)
        except ChainruleError:
            return "refused"
    return "ok"
