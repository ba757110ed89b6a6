"""Texts of which training has met no word, or hardly any: no prediction of them comes from what they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.phrases import Phrases, words_known
from chainrule.data.tokens import Characters, Tokenizer, Words

if TYPE_CHECKING:
    from polars import Series

HARDLY = 0.1
"""Of a text with no larger share of known words hardly any is known."""

_WORD = re.compile(r"\w")


def notes_on_unmet(
    tokenizer: Tokenizer, texts: Series, called: Callable[[int], str], where: str = ""
) -> dict[str, str]:
    """Notes on how many texts there are of which training has met no word, "none", or hardly any, "hardly"; empty ones
    are not among them.

    Args:
        texts: null where there is none. called: what the text of a number is called. where: they stand, such as
            " of message".
    """
    words, known = _counted(tokenizer, texts)
    word = "character" if isinstance(tokenizer, Characters) else "word"
    none, hardly = (words > 0) & (known == 0), (known > 0) & (known <= HARDLY * words)
    blind = ("its prediction does not come from what it says", "their predictions do not come from what they say")
    few = ("its prediction rests on the few", "their predictions rest on the few")
    notes = {}
    for kind, those, has, ends in (("none", none, f"no {word}", blind), ("hardly", hardly, f"hardly a {word}", few)):
        if times := int(those.sum()):
            instance = called(int(those.argmax()))
            who = f"{times:,} of {len(texts):,} texts{where}" if len(texts) > 1 else f"{instance}{where}"
            such = f", such as {instance}" if len(texts) > 1 else ""
            met = f"{'has' if times == 1 else 'have'} {has} that training has met"
            notes[kind] = f"{who} {met}{such}: {ends[times > 1]}"
    return notes


def note_on_empty(texts: Series, where: str = "") -> list[str]:
    """A note on how many texts are empty, if any are."""
    empty = int((texts.str.strip_chars().fill_null("") == "").sum())
    be = "is" if empty == 1 else "are"
    told = f"{empty:,} of {len(texts):,} texts{where} {be} empty: the prediction is that of a text without a known word"
    return [told] if empty else []


def _counted(tokenizer: Tokenizer, texts: Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(m,), how many words each text has, and how many of them are known; of a text of marks alone how many marks."""
    if isinstance(tokenizer, Phrases):
        return words_known(tokenizer, texts)
    whole = texts.fill_null("").to_list()
    if not isinstance(tokenizer, Words | Characters):  # bytes, all of which are known
        lengths = np.array([len(text) for text in whole], np.int64)
        return lengths, lengths
    met = set(tokenizer.words)
    words, known = np.zeros((2, len(whole)), np.int64)
    for i, text in enumerate(whole):  # one after the other, as all words at once are many times the texts
        part = _of_words(tokenizer.parts(text))
        words[i], known[i] = len(part), sum(word in met for word in part)
    return words, known


def _of_words(parts: Iterable[str]) -> list[str]:
    """Those parts of a text that are no marks, or all where there are no others."""
    every = [part for part in parts if not part.isspace()]
    return [part for part in every if _WORD.search(part)] or every
