"""Text as numbers and back, in pieces to continue and in documents to tell apart; and text that cannot be used."""

import re
import sys

import numpy as np
import pytest

import chainrule as cr
from chainrule.configuration import from_config
from chainrule.data import phrases, tokens
from chainrule.data.phrases import KINDS_OF_DOCUMENTS, as_series
from chainrule.data.tokens import KINDS, UNKNOWN, Characters, Subwords
from chainrule.data.unmet_words import notes_on_unmet

PLAY = "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak!  Ünïcode…\n" * 5


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_encoded_can_be_decoded(kind):
    tokenizer = KINDS[kind].learn([PLAY], 500)
    numbers = tokenizer.encode(PLAY)
    assert numbers.dtype == np.int32
    assert 0 < numbers.min() <= numbers.max() < tokenizer.count
    assert tokenizer.decode(numbers.tolist()) == PLAY
    again = from_config(tokenizer.to_config())
    assert np.array_equal(again.encode(PLAY), numbers)


def test_words_take_the_space_before_them_along():
    tokenizer = KINDS["words"].learn([PLAY], 100)
    assert [tokenizer.decode([i]) for i in tokenizer.encode("hear me speak.\n\nAll:")] == [
        *(UNKNOWN, " me", " speak", ".", "\n", "\n", "All", ":")
    ]


def test_subwords_join_what_is_frequent():
    tokenizer = KINDS["subwords"].learn([PLAY], 300)
    assert tokenizer.count <= 300
    assert len(tokenizer.encode(PLAY)) < 0.6 * len(PLAY)
    assert tokenizer.decode(tokenizer.encode("Ω never seen").tolist()) == "Ω never seen"


def test_a_vocabulary_of_subwords_has_257_or_more():
    with pytest.raises(cr.OptionError, match=r"so it has 257 or more, not 100\."):
        KINDS["subwords"].learn([PLAY], 100)


def test_subwords_without_their_library_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(cr.OptionError, match=r"pip install 'chainrule\[text\]'"):
        KINDS["subwords"].learn([PLAY], 300)


def test_a_vocabulary_keeps_what_is_most_frequent():
    tokenizer = KINDS["characters"].learn(["aaabbc"], 3)
    assert tokenizer.words == ["a", "b"]
    assert tokenizer.encode("cab").tolist() == [0, 1, 2]
    assert tokenizer.strangers("cabin") == ["c", "i", "n"]
    assert tokenizer.decode([0, 1]) == f"{UNKNOWN}a"


def test_documents_forget_capitals_and_spaces():
    tokenizer = KINDS_OF_DOCUMENTS["words"].learn(["The  cat. the dog."], 10)
    assert tokenizer.words == [".", "cat", "dog", "the"]
    assert tokenizer.encode("CAT the bird").tolist() == [2, 4, 0]


@pytest.fixture
def play(tmp_path):
    path = tmp_path / "play.txt"
    path.write_text(PLAY)
    return path


def test_a_text_is_cut_into_pieces_with_what_comes_next(play):
    text = cr.read_text(play, window=10)
    X, Y = text.learn(np.arange(len(text))).X(text), text.numbers(text.target)
    assert X.shape == Y.shape == ((len(PLAY) - 1) // 10, 10)
    assert np.array_equal(X.ravel()[1:], Y.ravel()[:-1])
    assert text.tokenizer.decode(X.ravel().tolist()) == PLAY[: X.size]
    assert text.target.summary == f"the next of {len(set(PLAY)) + 1} characters to predict"


def test_what_comes_last_is_held_out_and_the_rest_is_watched_here_and_there(play):
    text = cr.read_text(play, window=10)
    experiment = cr.Experiment(text, cr.Settings(seed=0, epochs=1), play.parent / "run")
    splits = experiment.splits
    assert len(splits.test) == np.ceil(len(text) / 10)
    seen = [*splits.train, *splits.validation]
    assert sorted([*seen, *splits.test]) == list(range(len(text)))
    assert max(seen) < splits.test.min()
    assert splits.train.max() > splits.validation.min()


def test_the_vocabulary_is_that_of_the_first_nine_tenths(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("ab" * 450 + "abcd" * 25)
    text = cr.read_text(path, window=10)
    assert text.tokenizer.words == ["a", "b"]
    assert (text.tokens == 0).sum() == 50


def test_line_ends_do_not_matter(play):
    before = cr.read_text(play)
    play.write_bytes(PLAY.replace("\n", "\r\n").encode())
    after = cr.read_text(play)
    assert np.array_equal(before.tokens, after.tokens)
    assert before.checksum() == after.checksum()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_unicode_is_read_in_every_form(play, encoding):
    play.write_bytes(PLAY.encode(encoding))
    text = cr.read_text(play)
    assert text.tokenizer.decode(text.tokens.tolist()) == PLAY
    assert not text.notes


def test_another_encoding_is_read_with_a_note(play):
    play.write_bytes(PLAY.encode("cp1252"))
    text = cr.read_text(play)
    assert text.tokenizer.decode(text.tokens.tolist()) == PLAY
    assert [note.replace(f"{play}", "it") for note in text.notes] == [
        "it is not UTF-8; it was read as cp1252: save it as UTF-8 if that is wrong"
    ]


def refusal(path, **options):
    with pytest.raises(cr.ChainruleError) as error:
        cr.read_text(path, **options)
    return str(error.value).replace(f"{path.parent}/", "")


def test_a_text_that_cannot_be_used_says_why(play):
    assert refusal(play.parent / "no.txt") == "there is no file no.txt."
    assert refusal(play, window=0) == "window is 0, but must be a whole number, 1 or more."
    assert refusal(play, vocabulary=1) == "vocabulary is 1, but must be a whole number, 2 or more."
    assert refusal(play, tokens="letters").startswith("there is no kind of tokens 'letters'.")
    assert refusal(play, window=1000) == (
        f"play.txt has {len(PLAY)} characters, but one example takes 1000 and the one after them: give more text, or "
        "shorten the examples by --window."
    )
    play.write_text("")
    assert refusal(play) == (
        "play.txt has 0 characters, but one example takes 64 and the one after them: give more text, or shorten the "
        "examples by --window."
    )
    play.write_bytes(bytes(range(256)))
    assert refusal(play) == "play.txt is no text, so there is nothing to read in it."
    play.write_bytes(bytes(i % 255 + 1 for i in range(0, 4000, 7)))  # as what is packed or compiled looks without a 0
    assert refusal(play) == "play.txt is no text, so there is nothing to read in it."
    play.write_bytes(b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n")
    assert refusal(play) == ("play.txt is a PDF, and no text: save what it says as text, or its table as CSV, first.")
    play.write_bytes("Größer als je, und schön gemacht. ".encode("latin-1") * 9)
    assert "play.txt is not UTF-8; it was read as cp1252" in cr.read_text(play).notes[0]


@pytest.fixture
def letters(tmp_path):
    """A folder with 30 letters, glad and sad ones, of 3 to 12 words."""
    random = np.random.default_rng(0)
    words = {"glad": ["sun", "joy", "gift"], "sad": ["rain", "loss", "bill"]}
    for i in range(60):
        kind = ("glad", "sad")[i % 2]
        place = tmp_path / "letters" / kind
        place.mkdir(parents=True, exist_ok=True)
        said = [*random.choice(words[kind], 2), *random.choice(["the", "a", "of", "it"], random.integers(1, 11))]
        (place / f"{i:02d}.txt").write_text(" ".join(random.permutation(said)) + ".")
    return tmp_path / "letters"


def test_documents_are_filled_up_behind_with_zeros(letters):
    documents = cr.read_text(letters)
    assert len(documents) == 60
    assert documents.target.classes == ["glad", "sad"]
    encoding = documents.learn(np.arange(60))
    X = encoding.X(documents)
    assert X.shape == (60, encoding.steps)
    for x, text in zip(X, documents.texts, strict=True):
        words = len(text.replace(".", " .").split())
        n = np.count_nonzero(x)
        assert 0 < n < 2 * words  # words, and pairs of them
        assert not x[n:].any()


def test_the_vocabulary_of_documents_is_that_of_the_training_part(letters):
    encoding = cr.read_text(letters).learn(np.array([0, 2, 4]))
    assert not {"rain", "loss", "bill"} & set(encoding.tokenizer.words)


def test_a_network_tells_documents_apart_and_predicts_new_ones(letters):
    folder = letters.parent / "run"
    result = cr.Experiment(cr.read_text(letters), cr.Settings(seed=0, epochs=40), folder).run(progress=False)
    assert result.metrics["test"]["accuracy"] > 0.9
    trained = cr.Trained.load(folder)
    rows, what = trained.rows(source := trained.read(letters), "auto")
    assert what == "the held-out part"
    assert trained.evaluate(source, rows)["accuracy"] == result.metrics["test"]["accuracy"]
    found = trained.predictions(trained.read(letters / "sad" / "01.txt", labelled=False))
    assert found["prediction"] == ["sad"]
    new = letters.parent / "new"
    new.mkdir()
    (new / "a.txt").write_text("the sun of joy")
    (new / "b.txt").write_text(" \n")
    source = trained.read(new, labelled=False)
    assert source.notes == [f"left out is 1 text without a word: {new / 'b.txt'}"]
    with pytest.raises(
        cr.DataError, match=r"new does not say what its texts are: put them into sub-folders, one a class"
    ):
        source.numbers(trained.target)
    assert trained.predictions(source)["prediction"] == ["glad"]
    (new / "a.txt").unlink()
    with pytest.raises(cr.DataError, match=r"b\.txt is empty\."):
        trained.read(new, labelled=False)
    (new / "b.txt").unlink()
    with pytest.raises(cr.DataError, match=r"there is no text in .*new"):
        trained.read(new, labelled=False)


def test_documents_may_be_read_by_their_characters(letters):
    source = cr.read_text(letters, tokens="characters")
    result = cr.Experiment(source, cr.Settings(seed=0, epochs=20), letters.parent / "run").run(progress=False)
    assert result.metrics["test"]["accuracy"] > 0.9


def test_a_file_that_is_no_text_is_refused_or_left_out_while_training_and_predicting(letters):
    (letters / "sad" / "noise.txt").write_bytes(b"\0\1")
    words = r"noise\.txt is no text, so there is nothing to read in it\."
    with pytest.raises(cr.DataError, match=words + r" With --broken skip it is left out\.$"):
        cr.read_text(letters)
    source = cr.read_text(letters, broken="skip")
    assert len(source) == 60
    assert re.search(words, source.notes[0])
    cr.Experiment(source, cr.Settings(seed=0, epochs=1), letters.parent / "run").run(progress=False)
    trained = cr.Trained.load(letters.parent / "run")
    assert len(trained.read(letters / "sad", labelled=False)) == len(trained.read(letters)) - 30 == 30
    with pytest.raises(cr.DataError, match=words):
        cr.Trained.load(letters.parent / "run", broken="refuse").read(letters)
    with pytest.raises(cr.OptionError, match=r"--broken is about folders, but .*00\.txt is one text\."):
        cr.read_text(letters / "glad" / "00.txt", broken="skip")


def test_several_texts_are_predicted_without_those_that_are_broken(letters):
    cr.Experiment(cr.read_text(letters), cr.Settings(seed=0, epochs=1), letters.parent / "run").run(progress=False)
    (empty := letters.parent / "empty.txt").write_text("")
    with pytest.raises(cr.DataError, match=r"empty\.txt is empty\. With --broken skip it is left out\."):
        cr.Trained.load(letters.parent / "run").read_several([empty, letters / "sad"])
    trained = cr.Trained.load(letters.parent / "run", broken="skip")
    (source,), notes = trained.read_several([empty, letters / "sad"])
    assert len(source) == 30
    assert notes == [f"left out: {empty} is empty."]
    with pytest.raises(cr.DataError, match=r"empty\.txt is empty\.$"):
        trained.read_several([empty, empty])


def test_folders_of_text_have_the_answers_of_folders_of_pictures(letters):
    for path in (letters / "sad").iterdir():
        path.unlink()
    assert refusal(letters) == "letters/sad holds no text: put some into it, or remove the folder."
    (letters / "sad").rmdir()
    assert refusal(letters).startswith("letters has a single class, glad: there is nothing to tell apart.")


def test_a_text_in_pieces_has_the_same_sub_words(monkeypatch):
    pytest.importorskip("tokenizers")
    text = "To be,\nor not\n\n to be \nthat's it\r\nthe\u2028question.\n"
    whole = Subwords.learn([text], 300)
    expected = whole.encode(text)
    monkeypatch.setattr(tokens, "PIECE", 3)
    assert whole.encode(text).tolist() == expected.tolist()
    assert whole.decode(expected) == text


def test_characters_beyond_the_vocabulary_are_unknown():
    kind = Characters(["a", "c", "\N{GRINNING FACE}"])
    assert kind.encode("abc\N{GRINNING FACE}\U0010ffff\ud800").tolist() == [1, 0, 2, 3, 0, 0]
    assert kind.encode("").tolist() == Characters([]).encode("").tolist() == []
    assert Characters([]).encode("a").tolist() == [0]


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("words", "see the ship, the cat", {}),
        ("words", "tout autre, chose", {"none"}),
        ("words", "see " + "tout autre chose " * 4, {"hardly"}),
        ("phrases", "ship ship ship, the " + "autre " * 16, {}),
        ("phrases", "see, the " + "tout autre " * 9, {"hardly"}),
        ("phrases", ", .", {}),
        ("characters", "Ελληνικά", {"none"}),
        ("characters", "", {}),
    ],
)
def test_words_are_counted_as_often_as_they_come_and_marks_only_where_there_are_no_words(kind, text, found):
    tokenizer = KINDS_OF_DOCUMENTS[kind].learn(["see the ship, the cat ."] * 2, 1000)
    notes = notes_on_unmet(tokenizer, as_series([text]), lambda i: f"text {i}")
    assert notes.keys() == set(found)
    assert all(note.startswith("text 0 has ") for note in notes.values())


@pytest.mark.parametrize("at_once", [4, 2**22])
def test_long_texts_are_counted_in_parts(monkeypatch, at_once):
    monkeypatch.setattr(phrases, "AT_ONCE", at_once)
    known = KINDS_OF_DOCUMENTS["phrases"].learn(["one two"] * 2, 100)
    words, met = phrases.words_known(known, as_series(["one two six", "", "two"]))
    assert words.tolist()[1:] == [0, 1]
    assert met.tolist()[1:] == [0, 1]
    assert words[0] >= 3


def test_a_text_in_two_classes_is_told(letters):
    a, b = (sorted(path.iterdir())[0] for path in sorted(letters.iterdir())[:2])
    assert cr.read_text(letters).notes_on_parts(np.arange(4), np.arange(4, 8)) == []
    b.write_text(a.read_text())
    documents = cr.read_text(letters)
    (note,) = documents.notes_on_parts(np.arange(len(documents)), np.arange(0))
    assert note.startswith(f"{a} in {a.parent.name} and {b} in {b.parent.name} are the same: no network can be right")


def test_a_short_text_to_be_measured_is_told_what_can_still_be_done(play):
    encoding = cr.read_text(play).learn(np.arange(2))
    short = play.parent / "short.txt"
    short.write_text("To be")
    with pytest.raises(cr.DataError, match=r"5 characters, .*: give more text, or train with a shorter --window\.$"):
        encoding.read(short, labelled=True)
