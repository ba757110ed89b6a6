"""A network that one thread trains while another saves, pickles and copies it: each copy is from between two updates.

All parameters of the network move by the same amount in each update, so that they are equal in every state that there
was, and differ where a copy was made in the midst of an update.
"""

from __future__ import annotations

import copy
import pickle
import random
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .workers import BrokenPromiseError, Try, Words

WAYS = ("save", "pickle", "copy")


def saves(seed: int, folder: Path) -> Iterator[Try]:
    """Trainings that are watched, without end."""
    dice = random.Random(seed)
    while True:
        engine, threads, units = dice.choice(["numpy", "native"]), dice.choice([1, 2]), dice.choice([1000, 100_000])
        yield partial(_watched, engine, threads, units, dice.choice(WAYS), folder)


def _watched(engine: str, threads: int, units: int, way: str, folder: Path) -> Words:
    import chainrule as cr

    X, y = np.ones((64, units), np.float32), np.full((64, 1), -1e6, np.float32)
    net = cr.Network([cr.Dense(1, initializer="zeros", bias=False)], seed=0, input_shape=(units,))
    found: list[Any] = []
    over = threading.Event()
    wrong: list[BaseException] = []

    def watch() -> None:
        take = _ways(net, folder)[way]
        try:
            while not over.is_set() and len(found) < 200:
                found.append(take())
        except BaseException as error:
            wrong.append(error)

    watcher = threading.Thread(target=watch)
    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    watcher.start()
    try:
        cr.train(
            net,
            X,
            y,
            loss="absolute_error",
            optimizer=cr.GradientDescent(2.0**-20),
            epochs=max(3, 2_000_000 // (units * 10)),
            batch_size=8,
            engine=engine,
            threads=threads,
            seed=0,
            progress=False,
        )
    finally:
        over.set()
        watcher.join()
        sys.setswitchinterval(often)
    if wrong:
        raise wrong[0]
    for flat in found:
        if len(np.unique(flat)) > 1:
            some = np.unique(flat)[:4].tolist()
            raise BrokenPromiseError(f"a copy is from the midst of an update: {way} while {engine} trains, {some}")
    return ["ok"] if found else []


def _ways(net: Any, folder: Path) -> dict[str, Callable[[], Any]]:
    """How a thread may take the parameters of a network, by name."""
    import chainrule as cr

    def save() -> Any:
        net.save(folder / "model.safetensors")
        return cr.load(folder / "model.safetensors").flat

    return {
        "save": save,
        "pickle": lambda: pickle.loads(pickle.dumps(net)).flat,
        "copy": lambda: copy.deepcopy(net).flat,
    }
