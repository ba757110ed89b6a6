"""What is learned of columns, and the matrix that they become."""

import datetime
import json

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.configuration import from_config
from chainrule.data import spelling
from chainrule.data.codes import Code
from chainrule.data.columns import Column
from chainrule.data.encoding import code_for, matrix_of, places_of

RANDOM = np.random.default_rng(0)
DAYS = [datetime.datetime(2024, 1, 31, 12, 30), datetime.datetime(2024, 2, 1), datetime.datetime(2023, 5, 9, 7)]


def learned(kind, values, **options) -> Code:
    column = Column("x", kind, **options)
    return code_for(column, column.values(pl.Series("x", values, strict=False)))


def matrix(code, values):
    return code.matrix(code.column.values(pl.Series("x", values, strict=False)))


def test_words_that_training_has_not_met_are_looked_for_without_folding_all_others_anew(monkeypatch):
    words = [f"word {i}" for i in range(2_000) for _ in range(3)]
    code, folded = learned("category", words), []
    monkeypatch.setattr(spelling, "folded", lambda word: folded.append(word) or word.casefold())
    for stranger in ("Word 7", "WORD 8", "none such", "nor this"):
        assert code.read_one(stranger).tolist() == code.read(pl.Series([stranger])).tolist()
        assert code.stranger(stranger) == stranger
    assert code.stranger("word 8") is None
    assert code.read_one("WORD 8").tolist() == code.read_one("word 8").tolist() != code.read_one("none such").tolist()
    assert len(folded) < 2_000 + 40


@pytest.mark.parametrize(
    ("known", "word", "meant"),
    [
        (["01000", "09000"], "9000", "09000"),
        (["01000", "9000"], "1000", None),  # of no fixed width
        (["7", "8"], "007", None),
        (["Baker", "smith"], " bAKER  ", "Baker"),
        (["Straße", "weg"], "STRASSE", "Straße"),
        (["Baker", "baker"], "BAKER", None),
    ],
)
def test_which_word_is_meant_by_one_that_is_only_written_otherwise(known, word, meant):
    assert spelling.Spellings(known).meant([word]) == ({} if meant is None else {word: meant})


def test_an_encoding_in_which_a_column_comes_twice_is_refused():
    frame = pl.DataFrame({"town": ["Graz", "Linz"] * 50, "age": [*range(100)], "y": [i % 7 / 7 for i in range(100)]})
    encoding = cr.read_table(frame, "y").learn(np.arange(100))
    for name in ("codes", "predicted"):
        again = encoding.to_config()
        again[name] = [*again[name], again[name][0]]
        with pytest.raises(cr.OptionError, match="a column has two codes, or is predicted twice, among"):
            from_config(again)


def test_numbers_are_standardized_and_held():
    v = RANDOM.normal(50, 7, 1000)
    z = matrix(learned("number", v), v)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z[:, 0], (v - v.mean()) / v.std(), rtol=1e-4, atol=1e-5)
    assert matrix(learned("number", v), [1e9, -1e9]).ravel().tolist() == [10, -10]


def test_one_outlier_does_not_move_the_others_together():
    v = np.append(RANDOM.normal(0, 1, 1000), 1e6)
    z = matrix(learned("number", v), v)[:, 0]
    assert z[:-1].std() > 0.5
    assert z.max() == z[-1] <= 10


def test_mostly_zeros_with_a_long_tail_keep_their_differences():
    v = np.zeros(1000)
    v[:80] = np.geomspace(100, 1e5, 80)
    z = matrix(learned("number", v), v)[:, 0]
    assert len(np.unique(z[:80])) == 80
    assert z[:80].max() < 10 * z[40]


def test_missing_numbers_are_the_median_with_an_indicator():
    code = learned("number", [1.0, 2, 9, None])
    Z = matrix(code, [None, 2.0])
    assert Z[:, 1].tolist() == [1, 0]
    assert Z[0, 0] == Z[1, 0]
    assert matrix(learned("number", [1.0, 2, 9]), [None]).shape == (1, 1)


def test_a_number_that_never_changes_in_training_is_zero():
    assert matrix(learned("number", [5.0, 5.0]), [5.0, 7.0]).ravel().tolist() == [0, 2]


def test_yes_and_no():
    code = learned("yes_no", ["no", "yes", "no"])
    assert matrix(code, ["yes", "no", None, "maybe"]).ravel().tolist() == [1, -1, 0, 0]
    assert code.strangers(pl.Series(["maybe", "yes", None])) == ["maybe"]


def test_few_categories_are_one_hot_with_places_for_rare_and_missing_ones():
    code = learned("category", ["a"] * 5 + ["b"] * 5 + ["c", None])
    expected = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert matrix(code, ["a", "b", "c", "new", None]).tolist() == expected


def test_without_rare_ones_a_new_category_is_none_of_those_known():
    code = learned("category", ["a"] * 5 + ["b"] * 5)
    assert matrix(code, ["new", None, "b"]).tolist() == [[0, 0], [0, 0], [0, 1]]


def test_many_categories_are_numbered_for_an_embedding():
    words = [f"w{n}" for n in range(40)]
    code = learned("category", words * 3 + ["once"])
    assert code.tokens == 42
    assert matrix(code, ["new", "once", None, "w0", "w39"]).ravel().tolist() == [0, 0, 1, 2, 35]


def test_dates_become_their_parts():
    days = pl.date_range(pl.date(2023, 1, 1), pl.date(2024, 12, 31), eager=True)
    code = learned("date", days)
    assert code.parts == ["elapsed", "month", "day", "weekday"]
    Z = matrix(code, [days[0], days[-1]])
    assert Z.shape == (2, 7)
    np.testing.assert_allclose(Z[:, 0], [-1.73, 1.73], atol=0.01)
    same_day = matrix(code, [days[0], days[365]])
    np.testing.assert_allclose(same_day[0, 1:5], same_day[1, 1:5], atol=1e-6)


def test_the_hour_is_a_part_where_there_is_one_and_a_missing_date_has_an_indicator():
    moments = pl.Series(["2024-01-01 00:00", "2024-01-01 06:00", "2024-01-01 12:00", None])
    code = learned("date", moments, form="%Y-%m-%d %H:%M")
    assert code.parts == ["elapsed", "hour"]
    Z = matrix(code, ["2030-05-05 06:00", None])
    np.testing.assert_allclose(Z[0, 1:], [1, 0, 0], atol=1e-6)
    assert Z[1].tolist() == [0, 0, 0, 1]


def test_embedded_columns_come_last_and_count_on():
    words = [f"w{n}" for n in range(40)] * 3
    codes = [
        code_for(Column(name, kind), pl.Series(values))
        for name, kind, values in [("p", "category", words), ("q", "number", range(120)), ("r", "category", words)]
    ]
    X, places = matrix_of(codes, [pl.Series(["w0"]), pl.Series([59.5]), pl.Series(["w1"])]), places_of(codes)
    assert X.tolist() == [[0, 2, 42 + 3]]
    assert [(place.name, place.start, place.stop, place.tokens) for place in places] == [
        ("q", 0, 1, 0),
        ("p", 1, 2, 42),
        ("r", 2, 3, 42),
    ]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("number", [1.0, 2.0, None, 1e6]),
        ("yes_no", ["a", "b", "a", None]),
        ("category", ["a"] * 5 + ["b", None]),
        ("category", [f"w{n}" for n in range(50)] * 3),
        ("date", [None, *pl.date_range(pl.date(2023, 1, 1), pl.date(2023, 3, 1), eager=True)]),
    ],
)
def test_what_was_learned_comes_back_from_json(kind, values):
    code = learned(kind, values)
    again = from_config(json.loads(json.dumps(code.to_config())))
    assert again == code
    np.testing.assert_array_equal(matrix(again, values), matrix(code, values))


@pytest.mark.parametrize(
    ("kind", "values", "new"),
    [
        ("number", [1.0, 2.0, None, 300.0, 5.0], [2, 2.5, None, True, "7"]),
        ("yes_no", ["a", "b", None, "a", "b"], ["a", None, "stranger"]),
        ("yes_no", ["0", "1", "1", "0"], ["1", 1, 1.0, None]),
        ("category", [*"aaabbbccd", None], ["a", "d", "stranger", None]),
        ("category", [str(i % 40) for i in range(200)], ["3", 3, "stranger", None]),
        ("date", ["2024-01-31", "2024-02-01", "2024-05-09"], ["2024-03-01", "1969-12-31", None]),
        ("date", DAYS, [datetime.date(2024, 2, 29), datetime.datetime(1969, 12, 31, 23, 59, 58, 500_000), None]),
    ],
)
def test_a_single_value_is_what_it_is_in_a_column(kind, values, new):
    code = learned(kind, values)
    for value in new:
        one = np.empty((1, code.width), np.float32)
        code.write(code.read_one(value), one)
        np.testing.assert_array_equal(one, matrix(code, [value]))


def test_words_that_are_kept_once_have_the_same_numbers():
    values = pl.Series("x", ["a", "b", "c", None, "a", "b", "c", "a", "b", "stranger"])
    code = learned("category", values[:-1])
    np.testing.assert_array_equal(code.matrix(code.column.kept(values)), code.matrix(values))
