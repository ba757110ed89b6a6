"""Model files that nobody should trust: real ones, changed in description, tensors or bytes, with a right checksum."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import json
import random
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

import chainrule as cr
from chainrule import files
from chainrule.data.datasets import Arrays, read
from chainrule.data.pictures import Pixels
from chainrule.data.series import Windows
from chainrule.data.table_encoding import Columns
from chainrule.data.text import Continued
from chainrule.errors import ChainruleError
from chainrule.experiments.results import metadata
from chainrule.experiments.trained import Trained

MOST = 2**26
"""How many bytes a network may take with an example; several are predicted at a time."""

LARGEST = 10**5
"""How many numbers an example may have that is predicted."""

Change = Callable[[random.Random, files.Tensors, dict[str, Any]], None]
"""Something that is done to the tensors and the description of a model."""


def models(seed: int) -> Iterator[bytes]:
    """Model files without an end, the same for the same seed."""
    dice = random.Random(seed)
    zoo = [files.unpack(data, "the zoo") for data in _zoo()]
    while True:
        tensors, description = copy.deepcopy(dice.choice(zoo))
        try:
            for _ in range(dice.choice([1, 1, 1, 2, 4])):
                dice.choice(CHANGES)(dice, tensors, description)
            data = packed(tensors, description)
        except (RecursionError, IndexError):  # deeper than what JSON can be written of, or nothing is left of it
            continue
        yield _damaged(dice, data) if dice.random() < 0.1 else data


def try_model(path: Path) -> str:
    """Load a model and use it: "ok" if all that goes, "refused" where a sentence says why not; all else is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers that are too large
        try:
            net = cr.load(path, memory_limit=MOST)
            if net.input_shape is not None and np.prod(net.input_shape, dtype=float) <= LARGEST:
                net.predict(np.ones((2, *net.input_shape), np.float32 if _takes_any(net) else np.int64))
            if "encoding" in net.metadata:
                _use(Trained.load(path, memory_limit=MOST))
        except ChainruleError:
            return "refused"
    return "ok"


def _takes_any(net: cr.Network) -> bool:
    """Whether a network takes any numbers, and not whole ones only."""
    return "Embedding(" not in repr(net)


def _use(trained: Trained) -> None:
    data, labelled = _data_for(trained.encoding)
    if isinstance(trained.encoding, Continued):
        "".join(cr.sample(trained, "ab", length=3, seed=0))
    else:
        source = trained.read(data, labelled=False)
        trained.predictions(source)
        "".join(trained.lines(source)).encode()
    source = trained.read(labelled, labelled=True)
    trained.evaluate(source, np.arange(min(len(source), 5)))


def packed(tensors: files.Tensors, description: dict[str, Any]) -> bytes:
    """The bytes of a model file whose checksum is right, whatever it holds."""
    description = {key: value for key, value in description.items() if key != "crc32"}
    described = json.dumps(description)
    checksum = files._checksum(tensors, json.loads(described))
    data: bytes = save(tensors, metadata={"chainrule": json.dumps(description | {"crc32": checksum})})
    return data


# What is changed


def _value(dice: random.Random, tensors: files.Tensors, description: dict[str, Any]) -> None:
    """A value for another one of any kind, or of the same."""
    *way, last = dice.choice(_places(description))
    node = _at(description, way)
    old = node[last]
    if isinstance(old, bool) or not isinstance(old, int | float) or dice.random() < 0.5:
        node[last] = copy.deepcopy(dice.choice(JUNK))
    else:
        node[last] = dice.choice([old + 1, old - 1, -old, 2 * old, 0, old * 10**6, old // 2, float("nan"), 10**400])


def _swap(dice: random.Random, tensors: files.Tensors, description: dict[str, Any]) -> None:
    """A value for one that stands elsewhere."""
    (*way, last), there = dice.choices(_places(description), k=2)
    _at(description, way)[last] = copy.deepcopy(_at(description, there))


def _key(dice: random.Random, tensors: files.Tensors, description: dict[str, Any]) -> None:
    """A key dropped, renamed or twice; an item dropped, twice or moved."""
    *way, last = dice.choice(_places(description))
    node = _at(description, way)
    if isinstance(node, dict):
        value = node[last] if dice.random() < 0.3 else node.pop(last)
        if dice.random() < 0.5:
            node[dice.choice([*_KEYS, last + "s"])] = value
    else:
        value = node[last] if dice.random() < 0.5 else node.pop(last)
        if dice.random() < 0.7:
            node.insert(dice.randint(0, len(node)), copy.deepcopy(value))


def _layer(dice: random.Random, tensors: files.Tensors, description: dict[str, Any]) -> None:
    """A layer put in that asks for much, or wraps the others."""
    layers = description["network"].get("layers") if isinstance(description.get("network"), dict) else None
    if isinstance(layers, list):
        layers.insert(dice.randint(0, len(layers)), copy.deepcopy(dice.choice(LAYERS)))


def _deep(dice: random.Random, tensors: files.Tensors, description: dict[str, Any]) -> None:
    for _ in range(dice.choice([3, 10, 24, 60, 150])):
        wrapped = {"type": "Residual", "layers": [description.get("network")]}
        description["network"] = {"type": "Network", "layers": [wrapped], "seed": 0, "dtype": "float32"}


def _shape(dice: random.Random, tensors: files.Tensors, description: dict[str, Any]) -> None:
    shapes = [[10**6], [8192, 8192], [1, 10**8], [4096, 4096, 1], [3, 3], [64], [5, 2], [10**10, 10**10], [1]]
    description["input_shape"] = dice.choice(shapes)


def _tensor(dice: random.Random, tensors: files.Tensors, description: dict[str, Any]) -> None:
    """A tensor dropped, renamed, in another shape or of another type, or with numbers that are none."""
    if not tensors:
        return
    name = dice.choice([*tensors])
    A = tensors[name]
    do = dice.randrange(7)
    if do < 3:
        A = tensors.pop(name)
    if do in (1, 2):
        tensors[dice.choice([*_NAMES, *tensors])] = A
    if do == 3:
        tensors[name] = dice.choice(
            [A[..., None], A.reshape(-1), A.reshape(-1)[:0], A.T.copy(), np.concatenate([A, A]) if A.ndim else A[None]]
        )
    if do == 4:
        tensors[name] = A.astype(dice.choice([np.float16, np.float64, np.float32, np.int64, np.bool_, np.uint8]))
    if do == 5:
        tensors[name] = np.full_like(A, dice.choice([np.nan, np.inf, -1e38, 0.0, 1e-45]))
    if do == 6:
        tensors[dice.choice(_NAMES)] = np.ones(dice.choice([(), (1,), (3, 3)]), dice.choice([np.float32, np.float64]))


CHANGES: tuple[Change, ...] = (
    *(*(_value,) * 12, *(_swap,) * 3, *(_key,) * 5, *(_layer,) * 3, _deep, *(_shape,) * 2, *(_tensor,) * 4),
)
"""Each as often as it is made beside the others."""

_KEYS = ("type", "operation", "options", "items", "layers", "names", "labels", "network", "checkpoint", "W1", "x")
_NAMES = ("W1", "b1", "W9", "layers.0.mean", "layers.0.x", "layers.9.mean", "layers.", "layers.0.state", "")

JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "a", "relu", "softmax", "same", "float64", "\0", "\ud800", "x" * 1000, "layers", "0.0.0", "%Q", "$1,234.5"),
    *([], [1], [[]], [0, 0], [-1, 5], [10**9, 10**9], ["a", "b"], [None], [[1, 2], [3, 4]], {}, {"type": "dict"}),
    {"type": "Dense", "n_out": 2},
    {"type": "Adam"},
    {"type": "He"},
    {"type": ["Dense"]},
    {"type": "dict", "items": {"a": 1}},
    {"operation": "relu"},
    {"operation": "softmax", "options": {"axis": 0}},
    {"operation": "softmax", "options": {"axis": "x"}},
    {"operation": "leaky_relu", "options": {"slope": [1, 2]}},
    {"operation": "leaky_relu", "options": {"slope": 1e308}},
    {"operation": "elu", "options": {"alpha": 10**400}},
    {"operation": "clip", "options": {"low": "a"}},
    {"operation": "upsample", "options": {"size": 10**6}},
    {"operation": "reshape", "options": {"shape": [-1]}},
    {"operation": "reshape", "options": {"shape": [0, -1]}},
    {"operation": "transpose"},
    {"operation": "sum", "options": {"axis": 0}},
    {"operation": "max"},
    {"operation": "index", "options": {"key": [0]}},
    {"operation": "concatenate", "options": {"axis": 1}},
    {"operation": "dropout", "options": {"rate": 0.5, "key": [1, 2]}},
)
"""What takes a value's place."""

LAYERS: tuple[dict[str, Any], ...] = (
    {"type": "UpSample", "size": 7000},
    {"type": "UpSample", "size": [1, 10**12]},
    {"type": "AdaptiveAveragePool", "size": 30000},
    {"type": "AdaptiveAveragePool", "size": [30000, 30000]},
    {"type": "MaxPool", "size": 1000, "stride": 1, "padding": "same"},
    {"type": "AveragePool", "size": 2, "padding": 1},
    {"type": "AveragePool", "size": 10**6, "padding": "same"},
    {"type": "PositionalEncoding", "base": 2.0},
    {"type": "MultiHeadAttention", "heads": 1},
    {"type": "Masking", "padding": 0},
    {"type": "Embedding", "n_tokens": 10**9, "n_out": 4},
    {"type": "EmbedColumns", "first": 0, "n_tokens": 10, "n_out": 2},
    {"type": "Conv2D", "n_out": 1, "size": 1, "padding": 15000},
    {"type": "Conv1D", "n_out": 1, "size": 1, "padding": 10**9},
    {"type": "Dense", "n_out": 10**9},
    {"type": "LSTM", "n_out": 1, "layers": 2_000_000},
    {"type": "RNN", "n_out": 10**6, "last": True},
    {"type": "Standardize", "inverse": True},
    {"type": "BatchNorm"},
    {"type": "Dropout", "rate": 0.5},
    {"type": "Flatten"},
    {"type": "GlobalMaxPool"},
    {"type": "GlobalAveragePool"},
    {"type": "Activation", "activation": "softmax"},
    {"type": "_EachGate", "initializer": {"type": "He"}, "gates": 0},
    {"type": "Layer"},
    {"type": "Recurrent", "n_out": 3},
    {"type": "Network", "layers": [{"type": "Flatten"}], "seed": 10**30, "dtype": "float64"},
)
"""What nobody asked for."""


def _at(tree: Any, way: Sequence[Any]) -> Any:
    return functools.reduce(lambda node, key: node[key], way, tree)


def _places(node: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value of a JSON tree."""
    keys = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    below = [place for key in keys for place in _places(node[key], (*here, key))]
    return [here, *below] if here else below


def _damaged(dice: random.Random, data: bytes) -> bytes:
    if dice.random() < 0.3:
        return data[: dice.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 8])):
        changed[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(changed)


# What is real


@functools.cache
def _zoo() -> tuple[bytes, ...]:
    """Small networks with all kinds of layers, and the models of small experiments on all kinds of data."""
    layers: list[tuple[list[cr.Layer], Any, str]] = [
        ([cr.Dense(3, functools.partial(cr.ops.leaky_relu, slope=0.3)), cr.Dense(2, "softmax")], 4, "float64"),
        (
            [
                cr.Standardize(),
                cr.Residual([cr.Dense(4, "gelu", initializer=cr.initializers.He("uniform")), cr.BatchNorm()]),
                cr.Network([cr.Dense(3, functools.partial(cr.ops.softmax, axis=-1)), cr.LayerNorm()]),
            ],
            4,
            "float32",
        ),
        (
            [
                *(cr.Conv2D(3, 3, "relu", padding="same"), cr.MaxPool(2), cr.Conv2D(4, (2, 1), padding=((1, 0), 0))),
                *(cr.AdaptiveAveragePool((2, 1)), cr.ConvTranspose2D(2, 2, stride=2)),
                *(cr.UpSample((1, 2)), cr.Flatten()),
            ],
            (6, 5, 2),
            "float32",
        ),
        (
            [
                *(cr.Masking(), cr.Embedding(7, 4), cr.Conv1D(3, 2, padding=((1, 0),)), cr.AveragePool(2, stride=1)),
                *(cr.LSTM(3, layers=2, bidirectional=True, dropout=0.1), cr.GlobalMaxPool(), cr.Dense(2)),
            ],
            6,
            "float32",
        ),
        (
            [
                *(cr.PositionalEncoding(), cr.Residual([cr.MultiHeadAttention(2, causal=True)])),
                *(cr.GRU(3, stateful=True), cr.RNN(2, last=True), cr.Dense(2, "softmax")),
            ],
            (5, 4),
            "float32",
        ),
        ([cr.EmbedColumns(2, 5, 3), cr.Dense(2)], 4, "float32"),
    ]
    networks = [cr.Network(given, seed=0, dtype=dtype, input_shape=shape) for given, shape, dtype in layers]
    networks += [cr.Network([cr.Dense(3)], seed=0)]
    return (*(files.pack(*network.content()) for network in networks), *_of_experiments())


def _of_experiments() -> Iterator[bytes]:
    folder = _folder()
    sources = (
        cr.read_table(folder / "table.csv", "kind"),
        cr.read_table(folder / "table.csv", ["price", "size"], time="day"),
        cr.read_pictures(folder / "pictures"),
        cr.read_text(folder / "text.txt", window=4),
        cr.read_text(folder / "texts"),
        cr.read_series(folder / "table.csv", "price", "day", window=4, horizon=2),
        read(str(folder / "arrays.npz")),
    )
    for source in sources:
        settings = cr.Settings(epochs=1, hidden=(3,), seed=0, engine="numpy")
        experiment = cr.Experiment(source, settings, folder / "run")
        network, _ = experiment.fit(progress=False)
        network.metadata = metadata(experiment, experiment.fitted)  # what `run` keeps, without its curves
        yield files.pack(*network.content())


def _data_for(encoding: Any) -> tuple[Any, Any]:
    """Data to predict and data to evaluate on, for a model of the zoo."""
    folder = _folder()
    if isinstance(encoding, Columns | Windows):
        return str(folder / "table.csv"), str(folder / "table.csv")
    if isinstance(encoding, Pixels):
        return str(folder / "pictures"), str(folder / "pictures")
    if isinstance(encoding, Arrays):
        return str(folder / "arrays.npz"), str(folder / "arrays.npz")
    if isinstance(encoding, Continued):
        return str(folder / "text.txt"), str(folder / "text.txt")
    return str(folder / "texts"), str(folder / "texts")


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


@functools.cache
def _folder() -> Path:
    """Data of all kinds, a few examples of each."""
    from PIL import Image

    _KEPT.append(tempfile.TemporaryDirectory(prefix="chainrule-zoo-"))
    folder, dice = Path(_KEPT[0].name), np.random.default_rng(0)
    rows = ["day,price,size,kind,colour,town,open"]
    for i in range(60):
        day, price = dt.date(2024, 1, 1) + dt.timedelta(days=i), 10 + i % 7 + dice.normal()
        town = f"town {dice.integers(40)}"
        rows.append(
            f"{day},{price:.2f},{dice.normal():.2f},{'abc'[i % 3]},{'rgb'[i % 3]},{town},{('no', 'yes')[i % 2]}"
        )
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    np.savez(folder / "arrays.npz", X=dice.normal(size=(30, 3)), y=np.arange(30) % 3)
    (folder / "text.txt").write_text("a bad cab had a fad. " * 20)
    for name in ("pictures", "texts"):
        for kind in ("one", "two"):
            (folder / name / kind).mkdir(parents=True)
    for i in range(12):
        kind = ("one", "two")[i % 2]
        Image.fromarray(dice.integers(0, 255, (5, 4), np.uint8)).save(folder / "pictures" / kind / f"{i}.png")
        (folder / "texts" / kind / f"{i}.txt").write_text(f"{kind} of all the words {i} " * 2)
    return folder


def sample(seed: int, n: int) -> list[str]:
    """What becomes of n models, each in one file after the other."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.safetensors"
        for _, data in zip(range(n), models(seed), strict=False):
            path.write_bytes(data)
            found.append(try_model(path))
    return found
