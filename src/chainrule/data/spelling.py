"""Words that differ in nothing but how they are written: in capitals, blanks, or the zeros that codes begin with."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cached_property


def folded(word: str) -> str:
    """A word in small letters, without blanks around it, and with single ones in it."""
    return " ".join(word.casefold().split())


def alike(words: Iterable[str]) -> list[list[str]]:
    """Those of different words that differ in capitals and blanks alone, side by side."""
    found: dict[str, list[str]] = {}
    for word in words:
        found.setdefault(folded(word), []).append(word)
    return [several for several in found.values() if len(several) > 1]


class Spellings:
    """Finds which of some known words is meant by one that is only written otherwise.

    It differs in capitals and blanks; or, where all known words have one length, as zip codes have, it is digits that
    lack the zeros in front. So 9000 is 09000, but 007 is not 7.
    """

    def __init__(self, known: Collection[str]):
        self.known = frozenset(known)

    def meant(self, words: Iterable[str]) -> dict[str, str]:
        """The known words that are meant by those that are none, in order; of two that are alike, neither is."""
        found = ((word, self._by_folded.get(self._folded(word))) for word in sorted({*words} - self.known))
        return {word: known for word, known in found if known is not None}

    @cached_property
    def _by_folded(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for word in self.known:
            one = self._folded(word)
            found[one] = None if one in found else word
        return found

    def _folded(self, word: str) -> str:
        plain = folded(word)
        return plain.zfill(self._width) if plain.isdigit() else plain

    @cached_property
    def _width(self) -> int:
        """How long all known words are; 0 where that differs."""
        lengths = {len(word) for word in self.known}
        return lengths.pop() if len(lengths) == 1 else 0
