"""Texts as bags of words and pairs of words: what has a number, in which language, and what the network sees of it."""

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.configuration import from_config
from chainrule.data.codes import Bag, YesNo
from chainrule.data.column_kinds import find_column
from chainrule.data.encoding import matrix_of, places_of, row_of
from chainrule.data.phrases import Phrases

LETTERS = ["Call me now, please!", "call me later", "now or never"]


def learned(*texts):
    return Phrases.of(pl.Series(texts, dtype=pl.String))


def test_words_and_pairs_that_come_in_two_texts_have_numbers():
    assert learned(*LETTERS).words == ["call", "call me", "me", "now"]


def test_a_word_that_comes_twice_in_one_text_alone_has_none():
    assert learned("ha ha ha", "no").words == []


def test_a_text_has_each_of_its_numbers_once_the_rarest_first_and_zeros_behind():
    phrases = learned("a b", "a b", "a c", "a c", "a")
    assert phrases.words[0] == "a"
    bags = phrases.bags(pl.Series(["a b a b", "", None, "unheard of"]), 3)
    assert phrases.decode(bags[0].tolist()) == "b, a b, a"
    assert not bags[1:].any()
    assert phrases.decode(phrases.bags(pl.Series(["a b a b"]), 2)[0].tolist()) == "b, a b"


def test_a_file_keeps_the_vocabulary():
    phrases = learned(*LETTERS)
    again = from_config(phrases.to_config())
    assert np.array_equal(again.encode(LETTERS[0]), phrases.encode(LETTERS[0]))


def test_a_vocabulary_that_has_a_word_twice_is_refused():
    with pytest.raises(cr.OptionError, match="a word or pair has two numbers"):
        Phrases(["a", "a"])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Ελληνικά ΚΑΙ άλλα", "και"),
        ("हिन्दी में लिखा", "हिन्दी"),
        ("日本語です", "本"),
        ("ภาษาไทย", "ไ"),
        ("great 🙂🙂", "🙂"),
        ("<p>so&nbsp;so</p>", "nbsp"),
        ("ring 0800 1234567", "00000"),
        ("naïve", "naïve"),
        ("don't", "don"),
    ],
)
def test_every_language_has_words(text, word):
    assert word in learned(text, text).words


def test_nothing_but_empty_texts_is_a_bag_of_nothing():
    for texts in (["", "  "], [None, None], []):
        assert learned(*texts).words == []


def column(texts, role=None):
    return find_column(pl.Series("letter", texts, dtype=pl.String), role)


def test_sentences_without_spaces_are_text():
    assert column([f"这是第{n}封信的内容" for n in range(40)]).kind == "text"


def test_one_word_a_row_is_text_where_somebody_says_so():
    words = [f"word{n}" for n in range(40)]
    assert column(words).kind != "text"
    assert column(words, "text").kind == "text"


def test_texts_stand_behind_other_columns_with_numbers_of_their_own():
    """0 fills all bags up; the vectors of the second column follow those of the first."""
    texts, letters = pl.Series("letter", LETTERS), pl.Series("other", ["yes yes", "yes", None])
    answer = pl.Series("answer", ["no", "yes", "no"])
    codes = [Bag.learn(column(LETTERS, "text"), texts), YesNo.learn(find_column(answer), answer)]
    codes.append(Bag.learn(find_column(letters, "text"), letters))
    matrix, places = matrix_of(codes, [texts, answer, letters]), places_of(codes)
    assert [(place.name, place.first, place.bag) for place in places] == [
        ("answer", 0, False),
        ("letter", 0, True),
        ("other", 4, True),
    ]
    assert matrix[:, -1].tolist() == [5, 5, 0]
    for i, row in enumerate(zip(texts, answer, letters, strict=True)):
        assert np.array_equal(row_of(codes, row)[0], matrix[i])


def test_long_texts_are_taken_part_by_part_and_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pl.Series(["good plot, good cast", None, "bad plot " * 30, "good cast " * 5, "", "bad cast, good plot"])
    whole = Phrases.of(texts)
    expected = whole.bags(texts, 12)
    monkeypatch.setattr("chainrule.data.phrases.AT_ONCE", 45)  # where a word or pair is cut, it stands elsewhere, too
    assert Phrases.of(texts).words == whole.words
    assert np.array_equal(whole.bags(texts, 12), expected)
