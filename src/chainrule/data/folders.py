"""Folders with one sub-folder for each class, and in it the class's files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from chainrule.data.source import left_out
from chainrule.errors import DataError

PARTS = frozenset({"train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"})
"""Names of sub-folders that hold parts of the data, and are no classes."""

Broken = Literal["refuse", "skip"]

BROKEN: dict[str, Broken] = {"refuse": "refuse", "skip": "skip"}
"""What may be done with a file that cannot be read."""

LOOSE = ""
"""Where files lie that are in no sub-folder."""

Wanted = Callable[[str], bool]
"""Whether a file of this name is one of those that are looked for."""


def path_of(data: Any, expected: str) -> Path:
    """The path that somebody has given.

    Args:
        expected: what was expected, such as "pictures are the path of a folder".

    Raises:
        DataError: it is something else.
    """
    if not isinstance(data, str | os.PathLike):
        raise DataError(f"{expected}, not a {type(data).__name__}.")
    return Path(data)


def require_there(named: Iterable[Any]) -> None:
    """Raises DataError for a file or folder that somebody has named, and that is not there."""
    for path in named:
        if isinstance(path, str | os.PathLike) and not os.path.exists(path):
            raise DataError(f"there is no file {os.fspath(path)}.")


def files_in(folder: Path, wanted: Wanted) -> tuple[list[Path], list[str]]:
    """The wanted files of a folder and of all folders in it, sorted; and a note on the others, if there are any.

    Names that begin with a dot, and what systems put beside pictures, are passed over in silence.

    Raises:
        DataError: there is no such folder.
    """
    found, _, notes = _listed(folder, wanted)
    return found, notes


def names_in(folder: Path) -> Iterator[str]:
    """The names of all files that `files_in` sees."""
    for _, names in _walk(folder):
        yield from names


def classes_in(folder: Path, wanted: Wanted, called: str) -> tuple[list[Path], list[str], list[str]]:
    """The wanted files, the class of each, and notes: the class is the name of the sub-folder.

    Args:
        called: what such a file is called, "picture" or "text".

    Raises:
        DataError: there is no such folder, no wanted file in it, no sub-folder or only one, or an empty one; or its
            sub-folders are parts such as train and test, which hold the classes.
    """
    found, of, notes = _listed(folder, wanted)
    classes = [path for path in sorted(folder.iterdir()) if path.is_dir() and not _hidden(path.name)]
    if not found:
        others = f"; {notes[0]}" if notes else ""
        raise DataError(f"there is no {called} in {folder}{' and the folders in it' if classes else ''}{others}.")
    if not classes:
        raise DataError(
            f"the {called}s in {folder} have no classes: put those of each class into a sub-folder that has its name."
        )
    _refuse_parts(folder, classes, found)
    counts = Counter(of)
    for path in classes:
        if not counts[path.name]:
            raise DataError(f"{path} holds no {called}: put some into it, or remove the folder.")
    if len(classes) < 2:
        raise DataError(
            f"{folder} has a single class, {classes[0].name}: there is nothing to tell apart. It takes two sub-folders "
            "or more, one for each class."
        )
    loose = counts[LOOSE]  # they come first
    if loose:
        notes.append(left_out(loose, called, "outside of the sub-folders", found[0]))
    return found[loose:], of[loose:], notes


def _walk(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Each folder, from the outermost on, and the names of the files in it, sorted."""
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not _hidden(name))
        yield place, sorted(name for name in names if not _hidden(name))


def _listed(folder: Path, wanted: Wanted) -> tuple[list[Path], list[str], list[str]]:
    """The wanted files, in which sub-folder of `folder` each of them lies, and notes on the others."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder." if folder.exists() else f"there is no folder {folder}.")
    found, of, others, example = [], [], 0, None
    for place, names in _walk(folder):
        path, good = Path(place), [name for name in names if wanted(name)]
        found += [path / name for name in good]
        of += [next(iter(path.relative_to(folder).parts), LOOSE)] * len(good)
        if len(good) < len(names):
            others += len(names) - len(good)
            example = example or next(path / name for name in names if not wanted(name))
    return found, of, [left_out(others, "file", "of another kind", example)] if others else []


def _refuse_parts(folder: Path, classes: list[Path], found: list[Path]) -> None:
    """Raises DataError where the sub-folders are called as parts are, and hold sub-folders of the same names."""
    if len(classes) < 2 or not all(path.name.lower() in PARTS for path in classes):
        return
    within = [{path.name for path in part.iterdir() if path.is_dir()} for part in classes]
    direct = any(len(path.relative_to(folder).parts) < 3 for path in found)
    if not direct and within[0] and all(names & within[0] for names in within):
        parts = " and ".join(path.name for path in classes)
        raise DataError(
            f"{parts} in {folder} hold the same classes, so they seem to be parts of the data: train on one, "
            f"{classes[-1]}, and measure on another by chainrule evaluate."
        )


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX")) or name in ("Thumbs.db", "desktop.ini")
