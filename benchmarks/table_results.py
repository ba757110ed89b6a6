"""What a model reaches on a table and what it takes, measured in a process of its own, and kept line by line."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock

import numpy as np

from benchmarks.machine import processor
from benchmarks.table_models import Answers, Contestant
from benchmarks.table_problems import Listed, Problem, problem
from benchmarks.worker import THREADS, RefusedError
from chainrule.errors import OptionError

LEAST = 1e-7
"""Probabilities below are taken for it: an answer of 0 that is wrong would cost infinitely much."""

TINY = 60
"""Rows of a table that every model learns first, so that what it loads on its way is not counted."""


@dataclass(frozen=True)
class Result:
    """What a contestant reached on a split of a table.

    Attributes:
        versions, data: of the contestant's packages, and of the table and the rows; see `Contestant` and `Problem`.
        loss: log loss in nats, or the root of the mean squared error in the target's units.
        error: the share of wrong answers, or the same root.
        cpu, wall: seconds of learning and answering.
        classes: how many, 0 of values. train, test: how many rows.
        auc: the area under the ROC curve, of two classes.
    """

    table: str
    split: int
    contestant: str
    versions: str
    data: str
    loss: float
    error: float
    cpu: float
    wall: float
    classes: int
    train: int
    test: int
    date: str
    processor: str
    auc: float | None = None

    @property
    def key(self) -> tuple[str, int, str, str, str]:
        """What another measurement of the same has, too."""
        return self.table, self.split, self.contestant, self.versions, self.data


class Kept:
    """A file of results, a line of JSON each; what is there stays, what comes is added at the end.

    Raises:
        OptionError: a line of the file is something else. One at the end without a line's end was torn, and is dropped.
    """

    def __init__(self, path: Path):
        self.path, self._lock = path, Lock()
        self.results: list[Result] = []
        written = path.read_bytes() if path.exists() else b""
        self._whole = written.rfind(b"\n") + 1
        self._torn = self._whole < len(written)
        for number, line in enumerate(written[: self._whole].splitlines(), 1):
            try:
                self.results.append(Result(**json.loads(line)))
            except (ValueError, TypeError) as error:
                raise OptionError(f"line {number} of {path} is no result of this benchmark: {error}.") from None

    def add(self, result: Result) -> None:
        """Write it down at once."""
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._torn:
                os.truncate(self.path, self._whole)
                self._torn = False
            with self.path.open("a") as lines:
                lines.write(json.dumps(asdict(result)) + "\n")
            self.results.append(result)

    def find(self, key: tuple[str, int, str, str, str]) -> Result | None:
        """The latest of these."""
        return next((result for result in reversed(self.results) if result.key == key), None)

    def latest(self) -> list[Result]:
        """Of each contestant, table and split the result that was written last."""
        return [*{(result.table, result.split, result.contestant): result for result in self.results}.values()]


def scores(asked: Problem, found: Answers) -> tuple[float, float]:
    """The loss and the error of answers for the test rows.

    Raises:
        ValueError: they are no numbers, or of another shape.
    """
    y, shape = asked.y[asked.test], (len(asked.test), *([len(asked.classes)] if len(asked.classes) else []))
    if found.shape != shape or not np.isfinite(found).all():
        raise ValueError(f"its answers have the shape {found.shape}, not {shape}, or are no finite numbers")
    if not len(asked.classes):
        root = float(np.sqrt(np.mean((found - y) ** 2)))
        return root, root
    codes = np.searchsorted(asked.classes, y)
    loss = -np.log(np.clip(found[np.arange(len(y)), codes], LEAST, 1.0))
    return float(loss.mean()), float(np.mean(found.argmax(1) != codes))


def area(asked: Problem, found: Answers) -> float | None:
    """The area under the ROC curve of the second of two classes; None of more, and of values."""
    from sklearn.metrics import roc_auc_score

    return (
        float(roc_auc_score(asked.y[asked.test] == asked.classes[1], found[:, 1])) if len(asked.classes) == 2 else None
    )


def measure(contestant: Contestant, asked: Problem) -> Result:
    """Learn and answer in this process."""
    with tempfile.TemporaryDirectory() as folder:
        contestant.model(tiny(Path(folder), asked))()
    learn = contestant.model(asked)
    gc.collect()
    began, used = time.perf_counter(), _cpu()
    found = learn()
    wall, cpu = time.perf_counter() - began, _cpu() - used
    loss, error = scores(asked, found)
    sizes = {"classes": len(asked.classes), "train": len(asked.train), "test": len(asked.test)}
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    key = (asked.table.name, asked.split, contestant.name, contestant.versions, asked.data)
    more = {"date": when, "processor": processor(), "auc": area(asked, found)}
    return Result(*key, loss, error, round(cpu, 3), round(wall, 3), **sizes, **more)


def tiny(folder: Path, like: Problem) -> Problem:
    """A table with a number, a gap and words, to be predicted as that one is."""
    labels = like.table.task == "classification"
    answers = ["yn"[i * i % 5 > 1] if labels else i % 7 + i / 9 for i in range(TINY)]
    rows = [f"{i % 7 if i % 11 else ''},{'abc'[i % 3]},{answers[i]}" for i in range(TINY)]
    (folder / "tiny.csv").write_text("\n".join(["number,word,answer", *rows]) + "\n")
    return problem(Listed("tiny", folder / "tiny.csv", "answer", like.table.task), 0)


def measure_apart(contestant: Contestant, asked: Problem) -> Result:
    """Learn and answer in a process that is begun for it; see `one_thread`.

    Raises:
        RefusedError: it failed, with what it said.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs, contestant, asked))
    process.start()
    theirs.close()
    try:
        done, answer = ours.recv()
    except EOFError:
        process.join()
        raise RefusedError(f"its process ended with {process.exitcode}") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if not done:
        raise RefusedError(answer)
    return answer


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within the block, processes that are begun compute on one thread, whichever library it is."""
    before = dict(os.environ)
    os.environ.update(dict.fromkeys((*THREADS, "POLARS_MAX_THREADS"), "1"))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _answer(connection: Connection, contestant: Contestant, asked: Problem) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # by which training ends early, with a result
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print
    warnings.simplefilter("ignore")
    try:
        connection.send((True, measure(contestant, asked)))
    except Exception as error:
        words = str(error).strip().splitlines()
        connection.send((False, f"{type(error).__name__}: {words[0]}" if words else type(error).__name__))


def _cpu() -> float:
    """Seconds that this process and those that it has waited for have computed."""
    return sum(os.times()[:4])
