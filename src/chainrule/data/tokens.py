"""Text as numbers: each character, word or piece of a word has one, and the vocabulary travels in the model file."""

from __future__ import annotations

import functools
import itertools
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.errors import ModelFileError, OptionError

Numbers = NDArray[np.int32]

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""Token 0: what stands for everything that is not in the vocabulary."""

LEAST = 257
"""How many sub-words there are before any is learned."""

PIECE = 2**16
"""About how many characters of a text are made sub-words together, in a thread."""

_LINE_END = re.compile(r"(?<=\S)\n(?=\S)")
_PIECES = re.compile(r" ?\w+| ?[^\w\s]+|\s")
_WORDS = re.compile(r"\w+|[^\w\s]")


class Tokenizer(Configurable, ABC):
    """What turns text into numbers of tokens, and back. Number 0 is what is not in the vocabulary.

    Attributes:
        called: what a token is.
        most: how many different tokens there are, where nobody asks for another number.
    """

    called: ClassVar[str]
    most: ClassVar[int]

    @classmethod
    @abstractmethod
    def learn(cls, texts: Sequence[str], most: int) -> Tokenizer:
        """The tokenizer for texts like these, with a vocabulary of no more than `most` tokens."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many different numbers there are."""

    @abstractmethod
    def encode(self, text: str) -> Numbers:
        """The tokens of a text (n,)."""

    def encode_all(self, texts: Sequence[str]) -> list[Numbers]:
        """The tokens of each text."""
        return [self.encode(text) for text in texts]

    @abstractmethod
    def decode(self, numbers: Sequence[int]) -> str:
        """The text of tokens."""

    def strangers(self, text: str) -> list[str]:
        """What of a text is not in the vocabulary, each once."""
        return []


@dataclass(frozen=True, repr=False)
class _Listed(Tokenizer):
    """A tokenizer whose vocabulary is a list."""

    words: list[str]

    @classmethod
    def learn(cls, texts: Sequence[str], most: int) -> Tokenizer:
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(cls.parts(text))
        return cls(sorted(word for word, _ in counts.most_common(most - 1)))

    @staticmethod
    @abstractmethod
    def parts(text: str) -> Iterable[str]:
        """The text in parts."""

    @functools.cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words, 1)}

    @property
    def count(self) -> int:
        return len(self.words) + 1

    def encode(self, text: str) -> Numbers:
        return np.fromiter(map(self._numbers.get, self.parts(text), itertools.repeat(0)), np.int32)

    def decode(self, numbers: Sequence[int]) -> str:
        return "".join(UNKNOWN if i == 0 else self.words[i - 1] for i in numbers)

    def strangers(self, text: str) -> list[str]:
        return sorted(set(self.parts(text)) - self._numbers.keys())


class Characters(_Listed):
    """Each character is a token."""

    called, most = "characters", 10_000

    @staticmethod
    def parts(text: str) -> Iterable[str]:
        return text

    @functools.cached_property
    def _by_code(self) -> Numbers:
        """The number of each character by its code in Unicode; the last one stands for all that come after it."""
        codes = {ord(word): i for word, i in self._numbers.items() if len(word) == 1}
        numbers = np.zeros(max(codes, default=0) + 2, np.int32)
        numbers[[*codes]] = [*codes.values()]
        return numbers

    def encode(self, text: str) -> Numbers:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        return np.take(self._by_code, codes, mode="clip")


class Pieces(_Listed):
    """Words, each with the space before it, marks and line ends: put together they are the text again."""

    called, most = "words", 10_000

    @staticmethod
    def parts(text: str) -> Iterable[str]:
        return _PIECES.findall(text)


class Words(_Listed):
    """Words and marks in small letters; how they were spaced is forgotten."""

    called, most = "words", 10_000

    @staticmethod
    def parts(text: str) -> Iterable[str]:
        return _WORDS.findall(text.lower())


@dataclass(frozen=True, repr=False)
class Subwords(Tokenizer):
    """Frequent words, and parts of others: byte-pair encoding (Sennrich et al., 2016), by the library `tokenizers`.

    Args:
        rules: the JSON that the library writes.
    """

    rules: str

    called: ClassVar[str] = "sub-words"
    most: ClassVar[int] = 1_000

    @classmethod
    def learn(cls, texts: Sequence[str], most: int) -> Subwords:
        if most < LEAST:
            raise OptionError(
                f"a vocabulary of sub-words begins with the 256 bytes and one for what is unknown, so it has {LEAST} "
                f"or more, not {most}."
            )
        library = _library()
        made = library.Tokenizer(library.models.BPE(unk_token=UNKNOWN))
        made.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=most,
            special_tokens=[UNKNOWN],
            initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        made.train_from_iterator(texts, trainer)
        return cls(made.to_str())

    @functools.cached_property
    def _made(self) -> Any:
        library = _library()
        try:
            return library.Tokenizer.from_str(self.rules)
        except Exception as error:  # the library raises nothing more special
            raise ModelFileError(f"the vocabulary of sub-words is damaged: {error}.") from None

    @property
    def count(self) -> int:
        return int(self._made.get_vocab_size())

    def encode(self, text: str) -> Numbers:
        return np.concatenate([np.zeros(0, np.int32), *self.encode_all(_in_pieces(text))])

    def encode_all(self, texts: Sequence[str]) -> list[Numbers]:
        found = self._made.encode_batch_fast(texts, add_special_tokens=False)  # in threads
        return [np.array(tokens.ids, np.int32) for tokens in found]

    def decode(self, numbers: Sequence[int]) -> str:
        return str(self._made.decode([int(i) for i in numbers], skip_special_tokens=False))


def _in_pieces(text: str) -> list[str]:
    """The text, cut at ends of lines that no token reaches across: those between two signs that are no spaces."""
    pieces, start = [], 0
    while found := _LINE_END.search(text, start + PIECE):
        pieces.append(text[start : found.end()])
        start = found.end()
    return [*pieces, text[start:]]


def _library() -> Any:
    from chainrule.extras import tokenizers

    return tokenizers


KINDS: dict[str, type[Tokenizer]] = {"characters": Characters, "words": Pieces, "subwords": Subwords}
"""The tokenizers of a text that goes on."""
