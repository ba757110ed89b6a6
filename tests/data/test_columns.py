"""What each column is, and why."""

import datetime

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.columns import find_column

RANDOM = np.random.default_rng(0)


def found(values, name="x", role=None):
    return find_column(pl.Series(name, values, strict=False), role)


def texts(numbers):
    return [str(number) for number in numbers]


def test_numbers():
    for numbers in ([1.5, 2, 3], texts([1.5, -2, "3e4"]), range(5, 9)):
        assert found(numbers).kind == "number"


@pytest.mark.parametrize(
    ("written", "form", "value"),
    [
        (["1.5", "22", "1234.25"], "1234.5", 1234.25),
        (["1,234.5", "22", "1,234,567"], "1,234.5", 1234567),
        (["1,5", "22", "0,125"], "1234,5", 0.125),
        (["1,5", "22", "1.234,5"], "1234,5", 1234.5),
    ],
)
def test_numbers_are_read_as_people_write_them(written, form, value):
    column = found(written)
    assert (column.kind, column.form) == ("number", form)
    assert column.values(pl.Series("x", written))[2] == value


def test_a_word_among_numbers_means_that_they_are_missing():
    values = [*texts(range(100, 130)), "unknown", "unknown"]
    column = found(values)
    assert (column.kind, column.markers) == ("number", ["unknown"])
    assert "'unknown' taken for missing" in column.reason
    assert column.values(pl.Series("x", values)).null_count() == 2


def test_the_word_is_found_however_the_numbers_are_written():
    column = found([*(f"1.{n},50" for n in range(100, 130)), "k.A.", "k.A."])
    assert (column.kind, column.form, column.markers) == ("number", "1234,5", ["k.A."])


def test_two_values_are_yes_or_no():
    for values in (["f", "m", "m"], [0, 1, 1], [True, False, True], ["1", "0", None]):
        assert found(values).kind == "yes_no"


def test_one_value_is_constant_but_not_where_some_are_missing():
    assert found(["a", "a"]).kind == "constant"
    assert found([None, None]).reason == "always missing"
    assert found(["a", None]).kind == "category"


@pytest.mark.parametrize(
    "written",
    [
        ["2025-01-31", "2024-12-01", "2020-02-29"],
        ["2025-01-31 10:30:00", "2024-12-01 00:00:00", "2020-02-29 23:59:59"],
        ["2025-01-31T10:30:00.123Z", "2024-12-01T00:00:00Z", "2020-02-29T12:00:00Z"],
        ["31.01.2025", "01.12.2024", "29.02.2020"],
        ["1/31/2025", "12/1/2024", "2/29/2020"],
        ["31/01/2025", "01/12/2024", "29/02/2020"],
        ["20250131", "20241201", "20200229"],
        [20250131, 20241201, 20200229],
        ["Jan 31, 2025", "Dec 01, 2024", "Feb 29, 2020"],
    ],
)
def test_dates(written):
    column = found(written)
    assert column.kind == "date"
    days = column.values(pl.Series("x", written)).dt.date().to_list()
    assert days == [datetime.date(2025, 1, 31), datetime.date(2024, 12, 1), datetime.date(2020, 2, 29)]


def test_dates_of_a_frame_are_dates():
    assert found([datetime.date(2020, 1, day) for day in (1, 2, 3)]).kind == "date"


def test_ids_are_set_aside():
    assert found(range(1, 41)).reason == "counts the rows"
    assert found(RANDOM.permutation(1000)[:40], "customer_id").kind == "id"
    assert found([f"u{n}" for n in RANDOM.permutation(40)]).kind == "id"
    assert found(RANDOM.permutation(1000)[:40], "paid").kind == "number"
    assert found(range(1950, 1990), "year").kind == "number"


def test_free_text_is_set_aside():
    column = found([f"the {n}th sentence of a long letter" for n in range(40)])
    assert column.kind == "text"
    assert "does not read text" in column.reason


def test_words_are_categories():
    assert found(["a", "b", "c"] * 10).reason == "3 different"


def test_what_somebody_says_counts():
    assert found(range(1, 41), role="number").kind == "number"
    assert found(texts(range(3)), role="category").kind == "category"
    assert found(["1.2.2020", "3.4.2020"], role="date").form == "%d.%m.%Y"


@pytest.mark.parametrize(
    ("values", "role", "words"),
    [
        (
            ["1", "two"],
            "number",
            "x holds 'two' in row 2, but there is a number such as 1234.5 in that",
        ),
        (["soon", "2020-01-01"], "date", "x holds 'soon' in row 1, but there is a date such as 2025-01-31 in that"),
    ],
)
def test_a_column_that_cannot_be_what_somebody_says(values, role, words):
    with pytest.raises(cr.DataError, match=words):
        found(values, role=role)


def test_a_category_is_the_same_word_whether_it_came_as_number_or_text():
    column = found([3, 4, 5], role="category")
    for values in ([3, 4, 5], [3.0, 4.0, 5.0], ["3", "4.0", "5"]):
        assert column.values(pl.Series("x", values)).to_list() == ["3", "4", "5"]
