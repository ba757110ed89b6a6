"""Texts as bags of what they say: words, marks, and pairs of neighbours, each once, whatever their order.

The linear models of such bags are hard to beat (Wang & Manning, 2012; Joulin et al., 2017).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.data.repeats import note_on_again
from chainrule.data.tokens import Characters, Numbers, Subwords, Tokenizer, Words
from chainrule.errors import OptionError

if TYPE_CHECKING:
    from polars import DataFrame, Series

LONGEST = 512
"""The most words and pairs of a text that are read, where nobody asks for another number; those that few texts have."""

READ_WHOLE = 0.95
"""The share of the texts that are read to their ends, unless that takes more than LONGEST."""

AT_ONCE = 2**22
"""In about so many characters of texts words are looked for together."""

AGAIN = 2
"""In how many texts a word or pair must stand to have a number."""

SENTENCE, LOOKED_AT = 8, 1_000
"""Texts of so many words or more are sentences; so many texts tell."""

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts that put no spaces between words: there each sign is one."""

LONG_NUMBER = "[0-9]{5,}"
"""Numbers that hardly ever come again, such as those of telephones: all are one word, 00000."""

_WORD = rf"[{UNSPACED}]|[\w--[{UNSPACED}]]+|[^\w\s]"


@dataclass(frozen=True, repr=False)
class Phrases(Tokenizer):
    """Words and pairs of words that came in two texts or more, in small letters.

    Args:
        words: they, from the most frequent on; the first has number 1. A pair has a space in it.
    """

    words: list[str]

    called: ClassVar[str] = "words and pairs"
    most: ClassVar[int] = 50_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.words)) < len(self.words):
            raise OptionError("a word or pair has two numbers.")

    @classmethod
    def learn(cls, texts: Sequence[str], most: int) -> Phrases:
        return cls.of(as_series(texts), most)

    @classmethod
    def of(cls, texts: Series, most: int | None = None) -> Phrases:
        """The words and pairs of a series of texts, null where there is none."""
        from chainrule.extras import polars as pl

        met = pl.concat(found["phrase"].value_counts(name="times") for found in _found_in(texts))
        met = met.group_by("phrase").agg(pl.col("times").sum())
        every = cls(met.filter(pl.col("times") >= AGAIN)["phrase"].sort().to_list())
        times = np.bincount(every._numbered(texts)[1], minlength=every.count)[1:]
        order = np.argsort(-times, kind="stable")[: (times >= AGAIN).sum()]
        return cls([every.words[i] for i in order[: (most or cls.most) - 1]])

    @property
    def count(self) -> int:
        return len(self.words) + 1

    def encode(self, text: str) -> Numbers:
        return self.encode_all([text])[0]

    def encode_all(self, texts: Sequence[str]) -> list[Numbers]:
        """Of each text the numbers that it has, the rarest first."""
        row, number = self._numbered(as_series(texts))
        ends = np.searchsorted(row, np.arange(1, len(texts)))
        return [of_one[::-1].astype(np.int32) for of_one in np.split(number, ends)]

    def decode(self, numbers: Sequence[int]) -> str:
        return ", ".join(self.words[i - 1] for i in numbers if i > 0)

    def lengths(self, texts: Series) -> NDArray[np.int64]:
        """(m,), how many numbers each text has."""
        return np.bincount(self._numbered(texts)[0], minlength=len(texts))

    def bags(self, texts: Series, steps: int) -> Numbers:
        """(m, steps), the numbers of each text, the rarest first, and zeros after them."""
        row, number = self._numbered(texts)
        bags = np.zeros((len(texts), steps), np.int32)
        place = np.searchsorted(row, row, "right") - 1 - np.arange(len(row))
        kept = place < steps
        bags[row[kept], place[kept]] = number[kept]
        return bags

    def _numbered(self, texts: Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of words and pairs that have a number, in order, and these, each once in a row, and rising there."""
        from chainrule.extras import polars as pl

        known, parts = pl.Enum(self._known), []
        for found in _found_in(texts):
            code = found["phrase"].cast(known, strict=False).to_physical()
            there = code.is_not_null().to_numpy()
            parts.append(np.unique(found["row"].to_numpy()[there] * self.count + code.drop_nulls().to_numpy() + 1))
        both = parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))  # a long text is in several
        return both // self.count, both % self.count

    @functools.cached_property
    def _known(self) -> Series:
        from chainrule.extras import polars as pl

        return pl.Series(self.words, dtype=pl.String)


KINDS_OF_DOCUMENTS: dict[str, type[Tokenizer]] = {
    "phrases": Phrases,
    "words": Words,
    "characters": Characters,
    "subwords": Subwords,
}
"""The tokenizers of texts that belong to classes."""


UPDATES, EPOCHS = (560, 800), (4, 10)
"""How many updates, and epochs, a network learns for, at least: for texts by themselves, and beside other columns."""


def settings_for(m: int, *, alone: bool = True) -> dict[str, Any]:
    """What settings are for m texts, by themselves or beside other columns; measured by `benchmarks.texts`.

    By themselves they get a linear model of learned vectors, as fastText is (Joulin et al., 2017), which ends before it
    learns by heart: it makes more of all examples than of a validation part. Beside other columns there is a small
    hidden layer.
    """
    batch_size = 32 if m < 6_000 else 64 if m < 100_000 else 256
    epochs = max(EPOCHS[not alone], round(UPDATES[not alone] * batch_size / max(1, 0.8 * m)))
    shared = {"dropout": 0.5, "l2": 0.0, "batch_size": batch_size, "epochs": epochs}
    return shared | ({"hidden": (), "validation": 0.0, "learning_rate": 1e-2} if alone else {"hidden": (64,)})


def steps_for(lengths: NDArray[np.int64]) -> int:
    """How many words and pairs are read of texts that have so many."""
    longest = np.quantile(lengths, READ_WHOLE) if len(lengths) else 1
    return max(1, min(LONGEST, int(np.ceil(longest))))


def words_known(phrases: Phrases, texts: Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(m,), how many words each text has, each as often as it comes, and how many of them have a number; of a text of
    marks alone how many marks."""
    from chainrule.extras import polars as pl

    counts = np.zeros((4, len(texts)), np.int64)
    for rows, part in _in_parts(texts):
        row, word = (found := _words_of(rows, part))["row"].to_numpy(), found["phrase"]
        known = word.cast(pl.Enum(phrases._known), strict=False).is_not_null().to_numpy()
        letters = word.str.contains(r"\w").to_numpy()
        for count, those in zip(counts, (letters, letters & known, ~letters, ~letters & known), strict=True):
            count += np.bincount(row[those], minlength=len(texts))
    words, known_words, marks, known_marks = counts
    return np.where(words, words, marks), np.where(words, known_words, known_marks)


def count_words(texts: Series) -> Series:
    """How many words each text has, roughly: those between spaces, and each sign where words have none."""
    return texts.str.count_matches(rf"\s+|[{UNSPACED}]") + 1


def as_series(texts: Sequence[str]) -> Series:
    """Texts as a series of polars."""
    from chainrule.extras import polars as pl

    whole = [text.encode("utf-8", "replace").decode() for text in texts]  # half of a surrogate pair is no text
    return pl.Series(whole, dtype=pl.String)


def _found_in(texts: Series) -> Iterator[DataFrame]:
    """Frames of all words and pairs, with the row of each; of longer texts one after the other, as these frames take a
    hundred times the memory of the texts."""
    for row, part in _in_parts(texts):
        yield _found_at_once(row, part)


def _in_parts(texts: Series) -> Iterator[tuple[NDArray[np.int64], Series]]:
    """The texts, some at a time, with their rows; one that is too long is cut into parts of itself."""
    rows = np.arange(len(texts))
    characters = texts.str.len_chars().fill_null(0).to_numpy().astype(np.int64)
    if characters.sum() <= AT_ONCE:
        yield rows, texts
        return
    whose = np.cumsum(characters) // AT_ONCE
    for first, after in pairwise([0, *(np.flatnonzero(np.diff(whose)) + 1).tolist(), len(texts)]):
        longest = int(characters[first:after].max())
        for begin in range(0, longest, AT_ONCE):
            part = texts[first:after]
            yield rows[first:after], part if longest <= AT_ONCE else part.str.slice(begin, AT_ONCE)


def _found_at_once(rows: NDArray[np.int64], texts: Series) -> DataFrame:
    """A frame of all words and pairs, with the row of each."""
    from chainrule.extras import polars as pl

    frame = _words_of(rows, texts)
    row, word = pl.col("row"), pl.col("phrase")
    pairs = frame.select(row, phrase=pl.concat_str(word.shift(1), pl.lit(" "), word), before=row.shift(1))
    pairs = pairs.filter(row == pl.col("before")).drop("before")
    return pl.concat([frame, pairs])


def _words_of(rows: NDArray[np.int64], texts: Series) -> DataFrame:
    """A frame of all words, with the row of each."""
    from chainrule.extras import polars as pl

    words = texts.str.to_lowercase().str.replace_all(LONG_NUMBER, "00000").str.extract_all(_WORD)
    return pl.DataFrame({"row": rows, "phrase": words}).explode("phrase").drop_nulls()


def are_long(texts: Series) -> bool:
    """Whether these are sentences, which hardly come again by themselves, as names and addresses do."""
    some = texts.drop_nulls().head(LOOKED_AT)
    return len(some) > 0 and bool(count_words(some).sum() >= SENTENCE * len(some))


def note_on_repeats(train: Series, test: Series, things: str) -> list[str]:
    """A note on texts to test that are among those to train."""
    there = test.drop_nulls()
    again = int(there.is_in(train.drop_nulls().unique().implode()).sum())
    return note_on_again(again, len(there), things, "text")
