"""All kinds of attacks, and how many tries of each are wanted in half an hour on two cores."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from .workers import Kind, Try

WARM = ("chainrule.cli", "chainrule.experiments", "safetensors.numpy", "polars", "sklearn.metrics", "scipy.special")
"""What is imported before workers are forked; none of it may begin a thread that a fork would lose."""


def warm(*names: str) -> None:
    """Import these modules, and all of the library."""
    import chainrule

    for name in dir(chainrule):
        getattr(chainrule, name)
    for name in (*WARM, *names):
        importlib.import_module(name)


def warm_runs() -> None:
    """Import what runs need to their end."""
    warm("optuna", "optuna.storages.journal", "chainrule.charts.svg", "chainrule.training.curves")


def module_of(name: str) -> Any:
    return importlib.import_module(f".{name}", __package__)


def fuzzed(name: str, one: str, attempt: Callable[[Any, Any, Path], str]) -> Callable[[int, Path], Iterator[Try]]:
    """The tries of a fuzzer: a module that makes inputs of a seed, and a function that tries one."""

    def tries(seed: int, folder: Path) -> Iterator[Try]:
        try:
            module = module_of(name)
        except ModuleNotFoundError:
            yield lambda: f"skipped: there is no module {name} yet"
            return
        for made in getattr(module, name)(seed):
            yield partial(attempt, getattr(module, f"try_{one}"), made, folder)

    return tries


def of_bytes(suffix: str) -> Callable[[Any, Any, Path], str]:
    """Writes the input into a file, and tries its path."""

    def attempt(function: Any, made: bytes, folder: Path) -> str:
        path = folder / f"input{suffix}"
        path.write_bytes(made)
        return str(function(path))

    return attempt


def of_words(function: Any, made: Any, folder: Path) -> str:
    """Writes the input into a text, and tries it."""
    (folder / "input.txt").write_text(repr(made))
    return str(function(*made) if isinstance(made, tuple) else function(made))


def in_folder(function: Any, made: Any, folder: Path) -> str:
    """Lets the input write its files, and tries the folder."""
    from .kills import empty

    empty(folder)
    return str(function(made, folder))


def _later(module: str, name: str) -> Callable[[int, Path], Iterator[Try]]:
    return lambda seed, folder: getattr(module_of(module), name)(seed, folder)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("kills", 300, 40, _later("kills", "kills"), seconds=120, warm=warm_runs),
        Kind("terms", 40, 10, _later("kills", "terms"), seconds=120, warm=warm_runs),
        Kind("faults", 200, 40, _later("faults", "faults"), seconds=120, warm=warm_runs),
        Kind("saves", 60, 20, _later("saves", "saves"), seconds=60, warm=warm),
        Kind("models", 20_000, 400, fuzzed("models", "model", of_bytes(".safetensors")), warm=warm),
        Kind("checkpoints", 5_000, 200, fuzzed("checkpoints", "checkpoint", of_bytes(".safetensors")), warm=warm),
        Kind("journals", 1_000, 50, fuzzed("journals", "journal", of_bytes(".journal")), warm=warm_runs),
        Kind("archives", 5_000, 200, fuzzed("archives", "archive", of_bytes(".npz")), warm=warm),
        Kind("tables", 5_000, 100, fuzzed("tables", "table", in_folder), warm=warm),
        Kind("pictures", 1_000, 50, fuzzed("pictures", "picture", in_folder), warm=partial(warm, "PIL.Image")),
        Kind("expressions", 5_000, 200, fuzzed("expressions", "expression", of_words), warm=warm),
        Kind("formulas", 5_000, 200, fuzzed("formulas", "formula", of_words), warm=warm),
    )
}
"""The kinds by name."""
