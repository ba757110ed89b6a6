"""Pictures as sources of examples: a folder with one sub-folder for each class, or a table of paths and labels."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import whole
from chainrule.data.brightness import BrightnessSeen
from chainrule.data.column_kinds import column_of_labels
from chainrule.data.columns import as_labels
from chainrule.data.csv_files import Layout
from chainrule.data.decoding import Decoded, Size, decode, in_memory, is_picture
from chainrule.data.deep_pictures import DEPTHS, WHOLE, notes_on_depth
from chainrule.data.folders import BROKEN, Broken, classes_in, files_in, path_of
from chainrule.data.frames import read_frame
from chainrule.data.images import images_of, is_in_memory
from chainrule.data.missing import ALWAYS_MISSING, Markers
from chainrule.data.plain_text import decoded
from chainrule.data.repeats import note_on_again, note_on_contradictions, numbers_of
from chainrule.data.source import Encoding, Form, Source, left_out
from chainrule.data.targets import KINDS, Kind, Target
from chainrule.errors import DataError, OptionError, shown
from chainrule.layers import Layer, Standardize
from chainrule.names import counted, lookup, unknown

if TYPE_CHECKING:
    from polars import DataFrame, Series

HEAD = 100_000
"""How many characters of a table are searched for names of pictures."""


class Pictures(Source):
    """Pictures of one size, and what is to be predicted of each. `chainrule.read_pictures` makes one.

    Attributes:
        name: how the user called them.
        paths: (m,) their files.
        X: (m, height, width, channels) of uint8.
        bits: how many bits are used in those files that have 16.
        y: (m,) the labels or values; None where they have none.
        column: what y is called.
        broken: what was asked for: "refuse" or "skip".
    """

    defaults: ClassVar[dict[str, Any]] = {"hidden": (128,)}

    def __init__(
        self,
        name: str,
        paths: Sequence[Path],
        y: NDArray[Any] | None,
        *,
        column: str = "class",
        task: Kind | None = None,
        size: Size | None = None,
        channels: int | None = None,
        bits: int | None = None,
        broken: Broken = "refuse",
        notes: Sequence[str] = (),
        decoded: Decoded | None = None,
    ):
        self._in_memory = decoded is not None
        found = decode(paths, size, channels, bits) if decoded is None else decoded
        if len(found.broken) == len(paths) > 1:
            raise DataError(f"no picture can be read; {paths[0]} {found.broken[0]}.")
        if found.broken and broken == "refuse":
            raise DataError(f"{_broken_files(found, paths)} {_way(len(found.broken))}")
        if not len(found.X):
            raise DataError(_broken_files(found, paths))
        self._notes = [*notes, *([f"left out: {_broken_files(found, paths)}"] if found.broken else [])]
        good = [i for i in range(len(paths)) if i not in found.broken]
        self.name, self.paths, self.y = name, [paths[i] for i in good], None if y is None else y[good]
        self.column, self.task, self.broken = column, task, broken
        self.X, self.bits, self._crc = found.X, found.bits, found.crc
        self._notes += notes_on_depth(self.paths, found.brightest, found.bits, found=bits is None)

    def __len__(self) -> int:
        return len(self.X)

    @property
    def notes(self) -> Sequence[str]:
        return self._notes

    def also(self, notes: Sequence[str]) -> None:
        """Add to the notes."""
        self._notes += notes

    @cached_property
    def target(self) -> Target:
        return Target.find(self._labels(), self.task, self.name)

    def numbers(self, target: Target) -> NDArray[Any]:
        return target.numbers(self._labels(), self.name)

    def checksum(self) -> int:
        labels = "" if self.y is None else "\n".join(map(str, self.y.tolist()))
        return zlib.crc32(labels.encode(), zlib.crc32(self._crc.tobytes()))

    def learn(self, rows: NDArray[np.intp]) -> Pixels:
        _, height, width, channels = self.X.shape
        seen = BrightnessSeen.learn(self.X, rows)
        values = self.target.task == "values"
        return Pixels(height, width, channels, self.column, self.broken, self.bits, seen, values)

    def notes_on_parts(self, train: NDArray[np.intp], test: NDArray[np.intp]) -> list[str]:
        of_train, of_test = (numbers_of((self.X[i] for i in rows), len(rows)) for rows in (train, test))
        notes = note_on_again(int(np.isin(of_test, of_train).sum()), len(test), "pictures", "picture")
        if self.target.task != "values":
            rows, contents = np.concatenate([train, test]), np.concatenate([of_train, of_test])
            labels = self._labels()[self.column][rows]
            notes += note_on_contradictions(contents, labels, [self.paths[i] for i in rows], "pictures")
        return notes

    def next_command(self, model: str) -> str:
        return f"chainrule predict {model} PICTURES --out predictions.csv, with files or folders of new ones"

    def identification(self) -> dict[str, list[Any]]:
        if self._in_memory:
            return {"picture": list(range(1, len(self) + 1))}
        return {"file": [str(path) for path in self.paths]}

    def _labels(self) -> dict[str, NDArray[Any]]:
        if self.y is None:
            raise DataError(
                f"{self.name} does not say what is in its pictures: put them into sub-folders, one a class."
            )
        return {self.column: self.y}


@dataclass(frozen=True, repr=False)
class Pixels(Encoding):
    """The encoding of pictures: pixels as they are, in one size; the network's first layer standardizes each channel.

    Args:
        height, width: in pixels. channels: 1 or 3.
        column: what is predicted. broken: what is done with a broken file.
        bits: how many bits are used in files of 16 bits.
        seen: how bright the pictures of training were; None where nobody has noted it.
        values: whether what is predicted are values, which no sub-folder tells.
    """

    height: int
    width: int
    channels: int
    column: str
    broken: Broken
    bits: int = WHOLE
    seen: BrightnessSeen | None = None
    values: bool = False

    form: ClassVar[Form] = "pictures"

    def takes(self, input_shape: tuple[int, ...], target: Target) -> bool:
        right = self.channels in (1, 3) and self.bits in DEPTHS and target.names == [self.column]
        return right and input_shape == (self.height, self.width, self.channels)

    def read(self, data: Any, *, labelled: bool) -> Pictures:
        """See `Encoding.read`; notes tell of pictures that are far brighter or darker than those of training."""
        source = self._found(data, labelled)
        if self.seen is not None:
            source.also(self.seen.notes(source.X, source.paths))
        return source

    def _found(self, data: Any, labelled: bool) -> Pictures:
        own: dict[str, Any] = {
            "size": (self.height, self.width),
            "channels": self.channels,
            "bits": self.bits,
            "broken": self.broken,
            "column": self.column,
        }
        if is_in_memory(data):
            images = images_of(data)
            decoded = in_memory(images, (self.height, self.width), self.channels, self.bits)
            called = [Path(f"picture {i}") for i in range(1, len(images) + 1)]
            return Pictures("what was given", called, None, decoded=decoded, **own)
        path = path_of(
            data, "pictures are the path of a file or a folder, an array of uint8, an image of Pillow, or a list"
        )
        if _is_list(path):
            return _from_table(path, self.column if labelled else None, None, own)
        if labelled and self.values:
            raise DataError(
                f"{path} does not tell {self.column}, a value, of its pictures: give a table, a CSV with a column of "
                f"their paths and one called {shown(self.column)}."
            )
        if labelled:
            return _from_folder(path, None, own)
        if path.is_dir():
            found, notes = files_in(path, is_picture)
            if not found:
                raise DataError(f"there is no picture in {path}.")
            return Pictures(str(path), found, None, notes=notes, **own)
        if not path.exists():
            raise DataError(f"there is no file {path}.")
        return Pictures(str(path), [path], None, **own)

    def X(self, source: Source) -> NDArray[Any]:
        assert isinstance(source, Pictures)
        return source.X

    def layers(self, input_shape: tuple[int, ...]) -> list[Layer]:
        return [Standardize()]


def read_pictures(
    source: Any,
    target: str = "",
    *,
    task: str | None = None,
    size: int | Size | None = None,
    channels: int | None = None,
    bits: int | None = None,
    broken: str = "refuse",
) -> Pictures:
    """The pictures of a folder with one sub-folder for each class, or of a table of paths and labels.

    Whatever Pillow reads is a picture: PNG, JPEG, WebP, TIFF, GIF, BMP and more. They are decoded in threads, and kept
    in the user's cache folder as long as no file changes.

    Args:
        source: the path of the folder; or of a CSV or TSV with a column of paths, seen from its own folder.
        target: in a table the column to predict; where there is but one beside the paths, it need not be said.
        task: classification or regression; None for what the target tells.
        size: height and width in pixels, or one number for both; None for the median of the files', 64 at most.
        channels: 1 for shades of grey, 3 for colours; None for grey where no picture has a colour.
        bits: how many bits are used in files of 16 bits: 8, 10, 12, 14 or 16; None for so many as the largest value
            among all of them takes.
        broken: whether a file that cannot be read is an error, "refuse", or left out with a note, "skip".

    Raises:
        DataError: there is no such folder, it has no pictures or no classes, a file is broken, or all of them take more
            memory than there is.
        OptionError: an unknown task, a size of 0, or other numbers of bits.
    """
    shape = (size, size) if isinstance(size, int) else size
    if shape is not None:
        shape = whole("the height of a picture", shape[0]), whole("the width of a picture", shape[1])
    if channels not in (None, 1, 3):
        raise OptionError(f"channels is {channels!r}, but must be 1 for shades of grey or 3 for colours.")
    if bits is not None and bits not in DEPTHS:
        raise OptionError(f"--bits is {bits!r}, but files of 16 bits use 8, 10, 12, 14 or 16 of them.")
    wanted = None if task is None else lookup("task", task, KINDS)
    own = {
        "size": shape,
        "channels": channels,
        "bits": bits,
        "broken": lookup("way with a broken file", broken, BROKEN),
    }
    path = path_of(source, "pictures to train on are the path of a folder, or of a table of their names")
    if _is_list(path):
        return _from_table(path, target, wanted, own)
    if target:
        raise OptionError(f"{path} is a folder, and its sub-folders are what to predict: leave --target out.")
    return _from_folder(path, wanted, own)


def names_of_pictures(path: Path) -> list[Path]:
    """The pictures that a table names, as far as its beginning tells; none if that is no table, or one of other things.

    They need not be there.
    """
    if not _is_list(path):
        return []
    with open(path, "rb") as file:
        head = file.read(HEAD)
    head = head[: head.rfind(b"\n") + 1] if len(head) == HEAD else head
    try:
        text = decoded(head, str(path))[0].strip("\n")
        frame = Layout.find(text, str(path)).frame(text.encode())
    except DataError:
        return []
    paths = _column_of_paths(frame)
    return [] if paths is None else [path.parent / name for name in frame[paths].drop_nulls().to_list()]


def _is_list(path: Path) -> bool:
    """Whether a file may be a table with names of pictures."""
    return path.suffix.lower() in (".csv", ".tsv") and path.is_file()


def _column_of_paths(frame: DataFrame) -> str | None:
    """The name of the first column that holds names of pictures."""
    return next((name for name in frame.columns if _names_pictures(frame[name].drop_nulls())), None)


def _from_folder(path: Path, task: Kind | None, own: dict[str, Any]) -> Pictures:
    found, classes, notes = classes_in(path, is_picture, "picture")
    return Pictures(str(path), found, np.array(classes), task=task, notes=notes, **own)


def _from_table(path: Path, target: str | None, task: Kind | None, own: dict[str, Any]) -> Pictures:
    """The pictures that a table names; `target` is "" for the only other column, None where there need not be one."""
    frame, notes = read_frame(path, Markers(words=ALWAYS_MISSING))  # of the other columns, one is to be predicted
    paths = _column_of_paths(frame)
    if paths is None:
        raise DataError(f"{path} has no column whose entries are names of pictures.")
    others = [name for name in frame.columns if name != paths]
    if target == "":
        if len(others) != 1:
            raise OptionError(f"which column of {path} is to be predicted? It has {', '.join(others) or 'no other'}.")
        target = others[0]
    unused = [name for name in others if name not in (target, own.get("column"))]
    if unused:
        notes = [*notes, f"not used, because a network for pictures sees nothing else: {', '.join(unused)}"]
    if target is not None:
        if target not in others:
            raise DataError(f"{path}: {unknown('column', target, others)}")
        labels = column_of_labels(frame[target])
        gaps = labels.values(frame[target]).is_null().to_numpy()
        if gaps.all():
            raise DataError(f"{target} in {path} is always missing.")
        if gaps.any():
            notes = [*notes, left_out(gaps.sum(), "row", f"in which {target} is missing")]
            frame = frame.filter(~gaps)
    lost = frame[paths].is_null().to_numpy()
    if lost.any() and own["broken"] == "refuse":
        raise DataError(f"{paths} in {path} is missing in {counted(lost.sum(), 'row')}. {_way(lost.sum())}")
    if lost.any():
        notes = [*notes, left_out(lost.sum(), "row", f"in which {paths} is missing")]
        frame = frame.filter(~lost)
    y = None if target is None else as_labels(labels, frame[target])
    found = [path.parent / name for name in frame[paths].to_list()]
    return Pictures(str(path), found, y, task=task, notes=notes, **({"column": target or "class"} | own))


def _names_pictures(values: Series) -> bool:
    """Whether most of these are names of pictures. Pillow is asked only where most end as names of files may."""
    if not any(isinstance(value, str) and _has_ending(value) for value in values.head(100).to_list()):
        return False
    named = [value for value in values.to_list() if isinstance(value, str) and _has_ending(value)]
    enough = max(1, len(values))
    return 2 * len(named) > enough and 2 * sum(map(is_picture, named)) > enough


def _has_ending(name: str) -> bool:
    """Whether a name ends as a.png does, and 1.5 does not."""
    ending = os.path.splitext(name)[1][1:]
    return ending.isalnum() and not ending.isdigit()


def _way(n: int) -> str:
    """The way out, where n files cannot be read."""
    return f"With --broken skip {'it is' if n == 1 else 'they are'} left out."


def _broken_files(found: Decoded, paths: Sequence[Path]) -> str:
    """A sentence on the files that are broken."""
    reasons = [f"{paths[i]} {why}" for i, why in found.broken.items()]
    if len(reasons) == 1:
        return f"{reasons[0]}."
    more = f"; and {len(reasons) - 3:,} more" if len(reasons) > 3 else ""
    return f"{len(reasons):,} pictures cannot be read: {'; '.join(reasons[:3])}{more}."
