"""Text as a source of examples: one to be continued, or a folder with one sub-folder of texts for each class."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import whole
from chainrule.data.cells import as_text
from chainrule.data.folders import BROKEN, Broken, classes_in, files_in, path_of
from chainrule.data.frames import SUFFIXES, is_frame, read_frame, readable
from chainrule.data.handed_over import as_python
from chainrule.data.new_rows import Doubt
from chainrule.data.phrases import KINDS_OF_DOCUMENTS, as_series, note_on_repeats, settings_for, steps_for
from chainrule.data.plain_text import decoded
from chainrule.data.repeats import note_on_contradictions, numbers_of
from chainrule.data.source import Encoding, Form, Place, Source, Spans, left_out
from chainrule.data.targets import Target
from chainrule.data.tokens import KINDS, Numbers, Tokenizer
from chainrule.data.unmet_words import note_on_empty, notes_on_unmet
from chainrule.errors import DataError, OptionError, shown
from chainrule.layers import Layer, Masking
from chainrule.names import lookup
from chainrule.progress import stage

STEPS = 64
"""How many tokens of a text are one example, where nobody asks for another number."""

HELD_OUT = 0.1
"""The share at the end of a text that is held out, where nobody asks for another; the vocabulary does not know it."""


@dataclass(frozen=True, repr=False)
class NextToken(Target):
    """The token that comes next, at every step.

    Args:
        count: how many different ones there are. called: what they are.
    """

    count: int = 2
    called: str = "characters"

    task: ClassVar[Any] = "classes"
    classes: ClassVar[Any] = None
    metrics: ClassVar[tuple[str, ...]] = ("accuracy",)
    watched: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("count", self.count)

    @property
    def n_out(self) -> int:
        return self.count

    @property
    def summary(self) -> str:
        return f"the next of {self.count:,} {self.called} to predict"

    def typical(self, Y: NDArray[Any]) -> NDArray[np.float64]:
        """The share of each token (count,), each met once more than it was, so that none is impossible."""
        counts = np.bincount(Y.ravel(), minlength=self.count) + 1
        return np.asarray(counts / counts.sum())

    def predictions(self, output: NDArray[Any]) -> dict[str, list[Any]]:
        raise OptionError("the network continues text, which chainrule sample shows: chainrule sample MODEL --prompt …")


class Text(Source):
    """A text in pieces of `steps` tokens, each with what comes next at every step. `chainrule.read_text` makes one.

    Attributes:
        name: how the user called it.
        tokens: (n,) the numbers of its tokens. tokenizer: what made them.
        steps: how many of them are one example.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "hidden": (128,),
        "test": HELD_OUT,
        "validation": 0.05,
        "batch_size": 32,
        "learning_rate": 5e-3,
        "dropout": 0.0,
        "l2": 0.0,
    }
    scattered: ClassVar[bool] = True
    more: ClassVar[str] = "; shorten them by --window, and there are more"
    baseline_note: ClassVar[str] = "an answer that never looks back, the shares of the tokens"

    def __init__(
        self,
        name: str,
        text: str,
        tokenizer: Tokenizer,
        steps: int,
        *,
        notes: Sequence[str] = (),
        way: str = "shorten the examples by --window",
    ):
        self.name, self.tokenizer, self.steps, self._notes = name, tokenizer, steps, list(notes)
        self.tokens, self._crc = tokenizer.encode(text), zlib.crc32(text.encode("utf-8", "surrogatepass"))
        if len(self.tokens) <= steps:
            raise DataError(
                f"{name} has {len(self.tokens):,} {tokenizer.called}, but one example takes {steps} and the one after "
                f"them: give more text, or {way}."
            )
        self.moments = np.arange(len(self), dtype=np.float64)

    def __len__(self) -> int:
        return (len(self.tokens) - 1) // self.steps

    @property
    def notes(self) -> Sequence[str]:
        return self._notes

    @property
    def target(self) -> Target:
        name = self.tokenizer.called.removesuffix("s")
        return NextToken([f"next {name}"], count=self.tokenizer.count, called=self.tokenizer.called)

    def cut(self, first: int) -> NDArray[np.int32]:
        """(m, steps), the tokens from number `first` on."""
        return self.tokens[first : first + len(self) * self.steps].reshape(len(self), self.steps)

    def numbers(self, target: Target) -> NDArray[Any]:
        return self.cut(1)

    def checksum(self) -> int:
        return self._crc

    @property
    def spans(self) -> Spans:
        piece = np.arange(len(self), dtype=np.float64)
        return Spans([""] * len(self), piece, piece)

    @property
    def known_by(self) -> NDArray[Any]:
        return self.cut(0)

    def learn(self, rows: NDArray[np.intp]) -> Continued:
        return Continued(self.tokenizer, self.steps)

    def next_command(self, model: str) -> str:
        return f"chainrule sample {model} --length 500 --temperature 0.8"

    def identification(self) -> dict[str, list[Any]]:
        return {"piece": list(range(len(self)))}


@dataclass(frozen=True, repr=False)
class Continued(Encoding):
    """The encoding of a text to be continued: the numbers of its tokens.

    Args:
        tokenizer: with the vocabulary. steps: how many tokens are one example.
    """

    tokenizer: Tokenizer
    steps: int

    form: ClassVar[Form] = "tokens"

    def takes(self, input_shape: tuple[int, ...], target: Target) -> bool:
        return input_shape == (self.steps,) and isinstance(target, NextToken) and target.count == self.count

    def read(self, data: Any, *, labelled: bool) -> Text:
        text, notes = contents(path_of(data, "a text that goes on is the path of a file"))
        way = "train with a shorter --window"
        source = Text(str(data), text, self.tokenizer, self.steps, notes=notes, way=way)
        unknown = int((source.tokens == 0).sum())
        if unknown:
            source._notes.append(f"{unknown:,} of {len(source.tokens):,} {self.tokenizer.called} are not known")
        return source

    def X(self, source: Source) -> NDArray[Any]:
        assert isinstance(source, Text)
        return source.cut(0)

    def layers(self, input_shape: tuple[int, ...]) -> list[Layer]:
        return []

    @property
    def count(self) -> int:
        """How many different numbers there are."""
        return self.tokenizer.count


class Documents(Source):
    """Texts, each with its class. `chainrule.read_text` makes them of a folder.

    Attributes:
        name: how the user called the folder, or the table.
        texts: (m,) what they hold. called: what they are called by: (m,) their files, or rows.
        y: (m,) their classes, or None.
    """

    def __init__(
        self,
        name: str,
        texts: Sequence[str],
        y: Sequence[Any] | None,
        called: dict[str, list[Any]],
        *,
        kind: str,
        most: int | None = None,
        steps: int | None = None,
        broken: Broken = "refuse",
        notes: Sequence[str] = (),
    ):
        self.name, self.kind, self.most, self.steps, self.broken = name, kind, most, steps, broken
        self.texts, self.called, self._notes = list(texts), called, list(notes)
        self.y = None if y is None else np.array(y)
        self._encoded: tuple[Tokenizer, list[Numbers]] | None = None

    @classmethod
    def in_files(
        cls, name: str, paths: Sequence[Path], y: Sequence[str] | None, *, broken: Broken = "refuse", **how: Any
    ) -> Documents:
        """The texts in files; those without a word are left out.

        Args:
            y: their classes, or None. broken: see `read_text`. how: other arguments of `Documents`.

        Raises:
            DataError: a file is no text, or all are empty.
        """
        notes = list(how.pop("notes", ()))
        kept: list[int] = []
        texts: list[str] = []
        empty: list[Path] = []
        way = " With --broken skip it is left out." if broken == "refuse" else ""
        with stage("reading texts", len(paths)) as advance:
            for i, path in enumerate(paths):
                advance(1)
                try:
                    text, found = contents(path)
                except DataError as error:
                    if broken == "refuse" or len(paths) == 1:
                        raise DataError(f"{error}{way}") from None
                    notes.append(f"left out: {error}")
                    continue
                notes += found
                if not text.strip():
                    empty.append(path)
                    continue
                kept.append(i)
                texts.append(text)
        if not texts:
            raise DataError(f"{paths[0]} is empty.{way}" if len(paths) == 1 else f"the texts in {name} are all empty.")
        if empty:
            notes.append(left_out(len(empty), "text", "without a word", empty[0]))
        called = {"file": [str(paths[i]) for i in kept]}
        return cls(name, texts, None if y is None else [y[i] for i in kept], called, broken=broken, notes=notes, **how)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def notes(self) -> Sequence[str]:
        return self._notes if len(self._notes) < 5 else [*self._notes[:4], f"and {len(self._notes) - 4:,} notes more"]

    def also(self, notes: Iterable[str]) -> None:
        """Add to the notes, before the others, which may be many."""
        self._notes[:0] = notes

    @property
    def defaults(self) -> dict[str, Any]:  # type: ignore[override]
        """A linear model of phrases, or a small network of tokens."""
        return settings_for(len(self)) if self.kind == "phrases" else {"hidden": (64,), "dropout": 0.2}

    @cached_property
    def target(self) -> Target:
        return Target.find(self._labels(), "classification", self.name)

    def numbers(self, target: Target) -> NDArray[Any]:
        return target.numbers(self._labels(), self.name)

    def checksum(self) -> int:
        crc = 0
        for text in (*self.texts, *([] if self.y is None else self.y.tolist())):
            crc = zlib.crc32(text.encode("utf-8", "surrogatepass"), crc)
        return crc

    def encoded(self, tokenizer: Tokenizer) -> list[Numbers]:
        """The tokens of each text, kept for who asks again."""
        if self._encoded is None or self._encoded[0] is not tokenizer:
            self._encoded = tokenizer, tokenizer.encode_all(self.texts)
        return self._encoded[1]

    def learn(self, rows: NDArray[np.intp]) -> Separate:
        kind = KINDS_OF_DOCUMENTS[self.kind]
        texts = [self.texts[i] for i in rows]
        tokenizer = kind.learn(texts, self.most or kind.most)
        tokens = self.encoded(tokenizer)
        lengths = np.array([len(tokens[i]) for i in rows])
        return Separate(tokenizer, self.kind, self.steps or steps_for(lengths), self.broken)

    def notes_on_parts(self, train: NDArray[np.intp], test: NDArray[np.intp]) -> list[str]:
        texts, rows = as_series(self.texts), np.concatenate([train, test])
        notes = note_on_repeats(texts[train], texts[test], "texts")
        if self.y is not None:
            contents = numbers_of((self.texts[i].encode("utf-8", "surrogatepass") for i in rows), len(rows))
            notes += note_on_contradictions(contents, self.y[rows], [called_in(self, i) for i in rows], "texts")
        return notes

    def next_command(self, model: str) -> str:
        return f"chainrule predict {model} TEXTS --out predictions.csv, with files or folders of new ones"

    def identification(self) -> dict[str, list[Any]]:
        return self.called

    def _labels(self) -> dict[str, NDArray[Any]]:
        if self.y is None:
            raise DataError(f"{self.name} does not say what its texts are: put them into sub-folders, one a class.")
        return {"class": self.y}


@dataclass(frozen=True, repr=False)
class Separate(Encoding):
    """The encoding of documents: numbers of tokens, from 1 on; a shorter one is padded with 0, which does not count.

    Args:
        tokenizer: with the vocabulary. kind: its name.
        steps: how many tokens of a text are read. broken: what is done with a file that cannot be read.
        column, labels: which columns of a table to be read hold the texts, and what they are.
    """

    tokenizer: Tokenizer
    kind: str
    steps: int
    broken: Broken = "refuse"
    column: str = ""
    labels: str = ""

    form: ClassVar[Form] = "documents"

    def __post_init__(self) -> None:
        super().__post_init__()
        lookup("kind of tokens", self.kind, KINDS_OF_DOCUMENTS)

    def takes(self, input_shape: tuple[int, ...], target: Target) -> bool:
        return input_shape == (self.steps,) and target.names == ["class"] and target.labels is not None

    def read(self, data: Any, *, labelled: bool) -> Documents:
        """See `Encoding.read`; notes tell of texts of which training has met no word, or hardly any."""
        source = self._found(data, labelled)
        column = next(iter(source.called))
        notes = notes_on_unmet(self.tokenizer, as_series(source.texts), partial(called_in, source))
        source.also([Doubt(note, f"texts: {kind}", column) for kind, note in notes.items()])
        return source

    def _found(self, data: Any, labelled: bool) -> Documents:
        if are_texts(data):
            return _in_memory([*map(as_python, data)], self.kind)
        if hasattr(type(data), "columns"):
            return documents_in_table(data, self.kind, self.column, self.labels if labelled else None)
        path = path_of(
            data, "texts are the path of a file or a folder, a list of texts, or a frame with a column of them"
        )
        if self.column or (path.is_file() and not is_text(path) and path.suffix.lower() in SUFFIXES):
            return documents_in_table(path, self.kind, self.column, self.labels if labelled else None)
        if labelled:
            return read_documents(path, self.kind, broken=self.broken)
        if not path.is_dir():
            return Documents.in_files(str(path), [path], None, kind=self.kind, broken=self.broken)
        found, notes = files_in(path, is_text)
        if not found:
            raise DataError(f"there is no text in {path}.")
        return Documents.in_files(str(path), found, None, kind=self.kind, broken=self.broken, notes=notes)

    def X(self, source: Source) -> NDArray[Any]:
        assert isinstance(source, Documents)
        X = np.zeros((len(source), self.steps), np.int32)
        for row, tokens in zip(X, source.encoded(self.tokenizer), strict=True):
            row[: len(tokens)] = tokens[: self.steps] + 1
        return X

    def places(self, source: Source) -> list[Place]:
        return [Place("", 0, self.steps, self.count, bag=True)]

    def layers(self, input_shape: tuple[int, ...]) -> list[Layer]:
        return [Masking()]

    @property
    def count(self) -> int:
        """How many different numbers there are."""
        return self.tokenizer.count + 1


def is_text(path: str | Path) -> bool:
    """Whether a file of this name would be read as text."""
    return os.path.splitext(path)[1].lower() in (".txt", ".md")


def read_text(
    source: Any,
    *,
    tokens: str | None = None,
    vocabulary: int | None = None,
    window: int | None = None,
    broken: str | None = None,
) -> Text | Documents:
    """The text in a file, to be continued; or those of a folder with one sub-folder for each class, to be told apart.

    UTF-8 and UTF-16 are read as such, and whatever is neither as Windows' Latin letters, with a note.

    Args:
        source: the path of a text, or of a folder.
        tokens: characters, words or subwords (which takes the library tokenizers), of texts to be told apart also
            phrases, words and pairs of words; None for characters of a text to be continued, else phrases.
        vocabulary: how many different tokens there are at most, the most frequent ones; None for 10,000, of phrases
            50,000, of sub-words 1,000.
        window: how many tokens of a text to be continued are one example, or of a text to be told apart are read; None
            for 64, or so many that 95 of 100 are read to their ends, and 512 at most.
        broken: whether a file of a folder that cannot be read is an error, "refuse", or left out with a note, "skip";
            None for an error.

    Raises:
        DataError: there is no such file or folder, it is no text, empty, too short, or has no classes.
        OptionError: unknown tokens, a vocabulary of less than 2, a window of 0, or `broken` of a text by itself.
    """
    path = path_of(source, "texts to train on are the path of a file or a folder")
    most = None if vocabulary is None else whole("vocabulary", vocabulary, at_least=2)
    steps = None if window is None else whole("window", window)
    if path.is_dir():
        way = lookup("way with a broken file", broken or "refuse", BROKEN)
        return read_documents(path, tokens or "phrases", most, steps, way)
    if broken is not None:
        raise OptionError(f"--broken is about folders, but {path} is one text.")
    kind = lookup("kind of tokens", tokens or "characters", KINDS)
    text, notes = contents(path)
    tokenizer = kind.learn([text[: round((1 - HELD_OUT) * len(text))]], most or kind.most)
    return Text(str(source), text, tokenizer, steps or STEPS, notes=notes)


def read_documents(
    path: Path, kind: str, most: int | None = None, steps: int | None = None, broken: Broken = "refuse"
) -> Documents:
    """The texts of a folder with one sub-folder for each class; see `read_text`."""
    lookup("kind of tokens", kind, KINDS_OF_DOCUMENTS)
    found, classes, notes = classes_in(path, is_text, "text")
    return Documents.in_files(str(path), found, classes, kind=kind, most=most, steps=steps, broken=broken, notes=notes)


def called_in(source: Documents, i: int) -> str:
    """What text i is called, such as "row 3", or the name of its file."""
    column, names = next(iter(source.called.items()))
    return str(names[i]) if column == "file" else f"{column} {names[i]}"


def are_texts(data: Any) -> bool:
    """Whether this is a list, a series or an array of texts, and no path."""
    if isinstance(data, str | os.PathLike) or hasattr(type(data), "columns") or not hasattr(data, "__iter__"):
        return False
    if isinstance(data, dict) or not hasattr(data, "__len__") or getattr(data, "ndim", 1) != 1 or not len(data):
        return False
    return all(isinstance(one, str) or one is None for one in map(as_python, data))


def _in_memory(texts: list[str | None], kind: str) -> Documents:
    """Texts themselves.

    Raises:
        DataError: they are names of files.
    """
    for one in texts:
        if one is not None and is_text(one) and os.path.isfile(one):
            raise DataError(f"a list holds texts themselves, but {one} is a file: read it by its name alone.")
    notes = note_on_empty(as_series([one or "" for one in texts]))
    called = {"text": list(range(1, len(texts) + 1))}
    return Documents("what was given", [one or "" for one in texts], None, called, kind=kind, notes=notes)


def documents_in_table(table: Any, kind: str, column: str, labels: str | None) -> Documents:
    """The texts in a column of a table, one a row; those that are empty are texts of no words.

    Args:
        table: its path, or a frame. kind: of tokens. column: that of the texts, "" for the only one.
        labels: the column that tells what they are; None where nobody asks.

    Raises:
        DataError: it has no such column, or nobody has said which it is.
    """
    framed = is_frame(table)
    name_of_table, (frame, notes) = "the table" if framed else str(table), read_frame(table if framed else str(table))
    column = column or (frame.columns[0] if frame.width == 1 else "")
    options = ("text=COLUMN", "target=COLUMN") if framed else ("--text COLUMN", "--target COLUMN")
    for name, what, option in ((column, "the texts", options[0]), (labels, "what they are", options[1])):
        if name is not None and name not in frame.columns:
            told = f"{name_of_table} is a table with the columns {', '.join(frame.columns[:10])}"
            wrong = f"; none is {shown(name)}" if name else ""
            raise DataError(f"{told}{wrong}: which of them holds {what}? {option} tells.")
    row = np.arange(1, frame.height + 1)
    if labels is not None:
        there = frame[labels].is_not_null().to_numpy()
        notes += [left_out(int((~there).sum()), "row", f"in which {labels} is missing")] if not there.all() else []
        frame, row = frame.filter(there), row[there]
    texts = as_text(frame[column]).fill_null("")
    notes += note_on_empty(texts)
    y = None if labels is None else as_text(frame[labels]).to_list()
    return Documents(name_of_table, texts.to_list(), y, {"row": row.tolist()}, kind=kind, notes=notes)


def contents(path: Path) -> tuple[str, list[str]]:
    """The text of a file, with the line ends of Unix, and notes on how it was read.

    Raises:
        DataError: there is no such file, or it holds no text, or nothing.
    """
    with readable(str(path)):
        data = path.read_bytes()
    return decoded(data, str(path), "there is nothing to read in it")
