"""Little training runs that may be killed at any moment, and what they must leave behind at the end."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .workers import BrokenPromiseError

RUN = "run"
"""The name of the run folder."""

FILES = ("model.safetensors", "history.json", "metrics.json", "curves.svg", "report.svg", "report.html", "trials.csv")
"""What must have the same bits, where there is one."""

NOTHING = "there is nothing to resume"


@dataclass(frozen=True)
class Scenario:
    """A run.

    Attributes:
        name: of its kind. options: what is chosen, for error messages.
        go: runs it in the current folder; `resume` says whether to go on with what is there.
        prepare: writes the data into the current folder.
    """

    name: str
    options: str
    prepare: Callable[[], None]
    go: Callable[[bool], None]


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit status, negative for a signal; what it printed; and how many seconds it took."""

    code: int
    said: str
    seconds: float


def command(name: str, data: str, *options: Any) -> Callable[[bool], None]:
    """`chainrule train` of these data."""

    def go(resume: bool) -> None:
        from chainrule.cli import main

        words = ["chainrule", "train", data, "--out", RUN, *map(str, options), *(["--resume"] if resume else [])]
        sys.argv = words
        main()

    return go


def points(m: int, seed: int) -> tuple[Any, Any]:
    """m points of 5 numbers, and which lie outside of a curve."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((m, 5)).astype(np.float32)
    return X, (X[:, 0] + X[:, 1] ** 2 > 1).astype(int)


def write_table(path: str, m: int, seed: int) -> None:
    """A CSV of numbers, words and gaps."""
    X, y = points(m, seed)
    words = np.array(["red", "green", "blue"])[np.abs(X[:, 3] * 2).astype(int) % 3]
    with open(path, "w") as file:
        file.write("height,weight,colour,inside\n")
        for x, word, inside in zip(X, words, y, strict=True):
            file.write(f"{x[0]:.4f},{x[1]:.4f},{word if x[2] < 1 else ''},{'no' if inside else 'yes'}\n")


def train(kind: str, engine: str, threads: int, minutes: float | None, epochs: int) -> Callable[[bool], None]:
    """`chainrule.train` of arrays or a stream, with all that a checkpoint keeps."""

    def go(resume: bool) -> None:
        import chainrule as cr

        X, y = points(60, 0)
        net = cr.Network(
            [cr.Standardize(), cr.Dense(8, "relu"), cr.BatchNorm(), cr.Dropout(0.3), cr.Dense(2, "softmax")], seed=1
        )

        def batches() -> Iterator[Any]:
            for i in range(0, 60, 16):
                yield X[i : i + 16], y[i : i + 16]

        history = cr.train(
            net,
            *((batches, None) if kind == "stream" else (X, y)),
            loss="cross_entropy",
            optimizer=cr.Adam(cr.schedules.Cosine(0.01, epochs=epochs)),
            epochs=epochs,
            batch_size=16,
            validation=(X, y),
            metrics=["accuracy"],
            early_stopping=3,
            seed=2,
            engine=engine,
            threads=threads,
            progress=False,
            resume=resume,
            checkpoint=cr.Checkpoint(f"{RUN}/checkpoint.safetensors", every_epochs=1, every_minutes=minutes),
        )
        net.save(f"{RUN}/model.safetensors")
        history.save(f"{RUN}/history.json")
        history.plot(f"{RUN}/curves.svg")

    return go


def scenario(dice: Any) -> Scenario:
    """One of the runs."""
    kind = dice.choice(["arrays", "stream", "table", "table in chunks", "npz", "search"])
    engine, threads = dice.choice(["native", "numpy"]), dice.choice([1, 2])
    often = dice.choice([0.0, 0.0001])
    about = f"{kind}, {engine}, {threads} threads, every {often} minutes"
    if kind in ("arrays", "stream"):
        return Scenario(kind, about, lambda: None, train(kind, engine, threads, often, 6))
    usual = ["--engine", engine, "--threads", threads, "--checkpoint-minutes", often, "--seed", 3, "--hidden", 8]
    if kind == "npz":
        X, y = points(120, 1)
        options = [*usual, "--epochs", 6, "--batch-size", 16, "--validation", 0.2, "--patience", 3]
        return Scenario(kind, about, lambda: np.savez("points.npz", X=X, y=y), command(kind, "points.npz", *options))
    prepare = lambda: write_table("points.csv", 150, 2)
    options = [*usual, "--target", "inside", "--batch-size", 16]
    if kind == "search":
        options = [*options, "--epochs", 2, "--search", 3, "--optimizer", "adam", "--dropout", 0.1]
    else:
        options = [*options, "--epochs", 4, "--validation", 0.2, *(["--stream"] if kind == "table in chunks" else [])]
    return Scenario(kind, about, prepare, command(kind, "points.csv", *options))


def begin(run: Scenario, *, resume: bool, before: Callable[[], None] = lambda: None, one_by_one: bool = True) -> int:
    """Fork a process that runs it in the current folder; its number.

    Args:
        before: called in the process beforehand.
        one_by_one: whether the native engine does a batch a call, so that there may be a checkpoint after each.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        from chainrule.engines import calls

        calls.CALL = 0.0 if one_by_one else calls.CALL
        file = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, 1)
        os.dup2(file, 2)
        before()
        run.go(resume)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1 if error.code else 0
    except BaseException as error:
        from chainrule import ChainruleError

        code = 2 if isinstance(error, ChainruleError) else 70
        print(f"error: {error}", file=sys.stderr) if code == 2 else traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(pid: int, began: float | None = None) -> Ended:
    """How the process ends."""
    _, status = os.waitpid(pid, 0)
    seconds = 0.0 if began is None else time.monotonic() - began
    said = Path("said.txt")
    return Ended(os.waitstatus_to_exitcode(status), said.read_text(errors="replace") if said.exists() else "", seconds)


def run_whole(run: Scenario, *, resume: bool = False, **options: Any) -> Ended:
    """Run it, and see how it ends; options as `begin` has them."""
    began = time.monotonic()
    return wait(begin(run, resume=resume, **options), began)


def finish(run: Scenario) -> None:
    """Bring a run to its end, whatever has become of it: go on with it, or begin it if there is nothing.

    Raises:
        BrokenPromiseError: that does not lead to its end.
    """
    ended = run_whole(run, resume=True)
    if ended.code == 2 and NOTHING in ended.said:
        left = sorted(name for name in FILES if Path(RUN, name).exists())
        whole = {"model.safetensors", "history.json", "metrics.json", "curves.svg", "report.html"}
        if "model.safetensors" in left:
            whole |= {"report.svg"} if "table" in run.name else set()
            if run.name in ("arrays", "stream") or whole <= {*left}:
                return
            raise BrokenPromiseError(f"a run that has a model and no report cannot be resumed: it has {left}")
        ended = run_whole(run)
    if ended.code != 0:
        raise BrokenPromiseError(
            f"a run cannot be brought to its end: status {ended.code}, {run.options}\n{ended.said}"
        )


def kept(folder: Path) -> dict[str, bytes]:
    """The files of a run folder, without the seconds that were measured."""
    return {name: blanked(name, (folder / name).read_bytes()) for name in FILES if (folder / name).exists()}


def blanked(name: str, content: bytes) -> bytes:
    """A file's content without the seconds that were measured."""
    if name.endswith(".json"):
        return re.sub(rb'"seconds": [-+.\de]+', b'"seconds": 0', content)
    if name == "trials.csv":
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        return repr([{key: value for key, value in row.items() if key != "seconds"} for row in rows]).encode()
    return content


def compare(run: Scenario, expected: dict[str, bytes], found: dict[str, bytes]) -> None:
    """Raises BrokenPromiseError where a file is missing, or has other bits."""
    missing = [name for name in expected if name not in found]
    if missing:
        raise BrokenPromiseError(f"{', '.join(missing)} missing at the end: {run.options}")
    other = [name for name, content in expected.items() if found[name] != content]
    if other:
        first = difference(expected[other[0]], found[other[0]])
        raise BrokenPromiseError(f"other bits in {', '.join(other)}: {run.options}\n{first}")


def difference(one: bytes, other: bytes) -> str:
    """Where two contents differ first."""
    place = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    begin = max(0, place - 60)
    return f"at {place} of {len(one)} and {len(other)}:\n{one[begin : place + 60]!r}\n{other[begin : place + 60]!r}"


def check_whole(folder: Path) -> None:
    """Raises BrokenPromiseError where a file of the folder is there in part."""
    from chainrule import files

    for path in sorted(folder.glob("*")) if folder.exists() else []:
        content = path.read_bytes()
        if path.suffix == ".safetensors":
            files.read_tensors(path)
        elif (path.suffix == ".json" and not content.rstrip().endswith(b"}")) or (
            path.suffix in (".svg", ".html") and not content.rstrip().endswith(f"</{path.suffix[1:]}>".encode())
        ):
            raise BrokenPromiseError(f"{path.name} is cut: it ends in {content[-40:]!r}")


def kill(pid: int) -> None:
    """kill -9, of a process that may have ended already."""
    os.kill(pid, signal.SIGKILL)
