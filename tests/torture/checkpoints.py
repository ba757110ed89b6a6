"""Checkpoints that nobody has written: a real one with its description or its tensors changed, or its bytes."""

from __future__ import annotations

import functools
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

JUNK: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    10**9,
    -(10**9),
    2**63,
    10**30,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    -float("inf"),
    "",
    "a",
    "0",
    "\0",
    "x" * 10_000,
    [],
    [1],
    [[]],
    [None, None, None],
    {},
    {"a": 1},
    {"epoch": 0, "loss": 1.0},
)
"""What takes a value's place."""


def examples() -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    X = random.standard_normal((24, 3)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(int)


def train(path: Path, *, epochs: int, resume: bool) -> Any:
    """A tiny run with all that a checkpoint may hold."""
    import chainrule as cr

    X, y = examples()
    net = cr.Network([cr.Standardize(), cr.Dense(4, "relu"), cr.BatchNorm(), cr.Dense(2, "softmax")], seed=0)
    return cr.train(
        net,
        X,
        y,
        loss="cross_entropy",
        epochs=epochs,
        batch_size=8,
        validation=(X, y),
        metrics=["accuracy"],
        early_stopping=5,
        checkpoint=cr.Checkpoint(path, every_epochs=None if epochs < 3 else 1, every_minutes=0.0),
        resume=resume,
        engine="numpy",
        threads=1,
        seed=1,
        progress=False,
    )


@functools.cache
def originals() -> tuple[bytes, ...]:
    """Checkpoints of that run: within its second epoch, after it."""
    from chainrule import files
    from chainrule.training.checkpoints import Checkpoints

    found: list[bytes] = []
    write = Checkpoints.write

    def keep(self: Any, tensors: Any, state: Any) -> None:
        write(self, tensors, state)
        found.append(Path(self.rule.path).read_bytes())

    with tempfile.TemporaryDirectory() as folder:
        try:
            Checkpoints.write = keep  # type: ignore[method-assign]
            train(Path(folder, "checkpoint"), epochs=3, resume=False)
        finally:
            Checkpoints.write = write  # type: ignore[method-assign]
    states = [files.unpack(data, "")[1]["checkpoint"] for data in found]
    within = next(i for i, state in enumerate(states) if state["epoch"] == 1 and state["batches"] == 1)
    between = next(i for i, state in enumerate(states) if state["epoch"] == 2 and state["batches"] == 0)
    return found[within], found[between]


def checkpoints(seed: int) -> Iterator[bytes]:
    """Changed checkpoints without end."""
    from chainrule import files

    dice = random.Random(seed)
    while True:
        data = dice.choice(originals())
        way = dice.random()
        if way < 0.15:
            yield damaged(data, dice)
            continue
        tensors, description = files.unpack(data, "")
        for _ in range(dice.choice([1, 1, 1, 2, 4])):
            if way < 0.65:
                description = changed(description, dice)
            else:
                tensors = retensored(tensors, dice)
        yield files.pack(tensors, description)


def damaged(data: bytes, dice: random.Random) -> bytes:
    """A file cut short, or with other bytes."""
    if dice.random() < 0.3:
        return data[: dice.randrange(len(data))]
    other = bytearray(data)
    for _ in range(dice.choice([1, 2, 8, 100])):
        other[dice.randrange(len(other) if dice.random() < 0.3 else 2000)] = dice.randrange(256)
    return bytes(other)


def places(node: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a JSON tree."""
    yield here
    for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        yield from places(node[key], (*here, key))


def changed(tree: Any, dice: random.Random) -> Any:
    """The tree with one value dropped, replaced, moved or doubled."""
    tree = json.loads(json.dumps(tree))
    ways = [place for place in places(tree) if place]
    if not ways:
        return tree
    *way, last = dice.choice(ways)
    node = functools.reduce(lambda node, key: node[key], way, tree)
    value = node[last]
    kind = dice.random()
    if kind < 0.2:
        del node[last]
    elif kind < 0.35:
        other = dice.choice(ways)
        node[last] = functools.reduce(lambda node, key: node[key], other[: len(way)], json.loads(json.dumps(tree)))
    elif kind < 0.5 and isinstance(value, int | float):
        node[last] = dice.choice([-value, value + 1, value * 10**6, float(value), str(value)])
    elif kind < 0.6 and isinstance(value, list | dict):
        node[last] = value * 3 if isinstance(value, list) else [*value]
    elif kind < 0.7 and isinstance(node, dict):
        node[f"{last}_"] = node.pop(last)
    else:
        node[last] = dice.choice(JUNK)
    return tree


def retensored(tensors: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """The tensors with one dropped, renamed, of another shape, type or content."""
    tensors = dict(tensors)
    if not tensors:
        return {"x": np.zeros(3)}
    name = dice.choice(sorted(tensors))
    tensor = tensors[name]
    kind = dice.randrange(7)
    if kind == 0:
        del tensors[name]
    elif kind == 1:
        tensors[dice.choice([f"{name}x", name.upper(), "", "network.", "slot.a", "best.W1", "running.outputs"])] = (
            tensors.pop(name)
        )
    elif kind == 2:
        shapes = [(), (0,), (1,), (5,), (2, 3), (1, 1, 1), (0, 4), (*tensor.shape, 1), tensor.shape[::-1]]
        tensors[name] = np.resize(tensor, dice.choice(shapes))
    elif kind == 3:
        types = ["float64", "float16", "int64", "int8", "uint8", "bool"]
        with np.errstate(all="ignore"):
            tensors[name] = tensor.astype(dice.choice(types))
    elif kind == 4:
        values = [np.nan, np.inf, -1.0, 0.0, 1e30, 255.0]
        with np.errstate(all="ignore"):
            tensors[name] = np.full(tensor.shape, dice.choice(values)).astype(tensor.dtype)
    elif kind == 5:
        tensors[name] = tensors[dice.choice(sorted(tensors))]
    else:
        tensors[f"{dice.choice(['network.', 'best.', 'slot.', ''])}new"] = tensor
    return tensors


def try_checkpoint(path: str | Path) -> str:
    """Go on from the checkpoint; "refused" where that is told in a sentence."""
    from chainrule import ChainruleError

    try:
        train(Path(path), epochs=3, resume=True)
    except ChainruleError:
        return "refused"
    return "ok"
