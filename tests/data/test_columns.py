"""What each column is, and why."""

import datetime
import re

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.column_kinds import find_column
from chainrule.data.columns import option

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
        (["1,250", "0,125", "2,750"], "1234,5", 2.75),
        (["1,250", "12,500", "2,750"], "1,234.5", 2750),
        (["$1,234.50", "-$7", "$2"], "$1,234.5", 2),
        (["12.5%", "7 %", "-1.5 %"], "1234.5%", -1.5),
        (["1.234,50 €", "3 €", "0,99 €"], "1234,5€", 0.99),
        (["USD 107.22", "USD 1,250.00", "-USD 7"], "USD 1,234.5", -7),
        (["45 EUR", "1.250,50 EUR", "(7,25 EUR)"], "1234,5 EUR", -7.25),
        (["12.30", "7", "(231.64)"], "1234.5", -231.64),
        (["$1,250", "$7", "($1,231.64)"], "$1,234.5", -1231.64),
        (["$1,250", "$7", "$(3)"], "$1,234.5", -3),
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


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (["169,0", "1,5"], "169.0"),
        (["1,234.5", "2,000"], "1,5"),
        (["1,234.5", "2,000"], "1,2345"),
        (["1.5", "2"], "1,5"),
        (["$1.5", "$2"], "1.5"),
        (["5%", "7%"], "$5"),
    ],
)
def test_a_number_that_is_written_in_another_way_is_told_by_its_row(written, value):
    column = found(written, role="number")
    message = (
        f"x holds '{re.escape(value)}' in row 2, but that column holds numbers such as {re.escape(column.form)} other"
    )
    with pytest.raises(cr.DataError, match=message):
        column.values(pl.Series("x", [written[0], value]))


def test_the_word_is_found_however_the_numbers_are_written():
    column = found([*(f"1.{n},50" for n in range(100, 130)), "k.A.", "k.A."])
    assert (column.kind, column.form, column.markers) == ("number", "1234,5", ["k.A."])


def test_the_word_is_found_where_somebody_says_that_it_is_a_number():
    values = [*texts(range(100, 130)), "unknown", "unknown"]
    column = found(values, role="number")
    assert (column.markers, column.reason) == (["unknown"], "as you said, 'unknown' taken for missing")


@pytest.mark.parametrize("cell", ["90+", ">100", "0.5 or so", "<0"])
def test_a_word_with_a_digit_means_no_missing_value(cell):
    column = found([*texts([*range(100, 140), *range(100, 120)]), cell])
    assert (column.kind, column.markers) == ("ignored", [])
    assert column.reason.endswith(f"{cell!r} among numbers: leave such cells empty")
    column = found([*[f"{i} kg" for i in range(60)], cell])
    assert (column.unit, column.markers) == ("", [])
    assert repr(cell) in column.reason


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
        ["2025-01-31T23:30:00+01:00", "2024-12-01T00:00:00+02:00", "2020-02-29 00:00:00Z"],
        ["2025-01-31 23:30:00+00:00", "2024-12-01 00:00:00+00:00", "2020-02-29"],
        ["1/31/25", "12/1/24", "2/29/20"],
        ["31.01.25", "01.12.24", "29.02.20"],
        ["1/31/2025 11:30 PM", "12/1/2024 12:00 AM", "2/29/2020 1:00 am"],
        ["20250131", "20241201", "20200229"],
        [20250131, 20241201, 20200229],
        [20250131.0, 20241201.0, 20200229.0],
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


def test_the_hour_is_what_clocks_tell_in_the_zone():
    at_ten = pl.Series("x", [datetime.datetime(2024, month, 1, 10) for month in (1, 4, 7)])
    there = at_ten.dt.replace_time_zone("Europe/Berlin")
    for values in (there, there.to_frame().write_csv().split()[1:], ["2024-01-01 10:00:00+01:00"]):
        column = find_column(pl.Series("x", values), "date")
        assert column.values(pl.Series("x", values)).dt.hour().unique().to_list() == [10]


def test_the_hour_of_the_afternoon():
    column = found(["1/31/2025 11:30 PM", "1/31/2025 1:05 am", "1/30/2025 12:00 PM"])
    assert column.values(pl.Series(["1/31/2025 11:30 PM"])).dt.hour().to_list() == [23]


@pytest.mark.parametrize(
    ("written", "notes"),
    [
        (["3/4/2025", "5/6/2025", "7/8/2025"], 1),
        (["3/4/2025 10:30", "5/6/2025 11:30", "7/8/2025 12:30"], 1),
        (["3/4/2025", "5/6/2025", "13/8/2025"], 0),
        (["3/4/2025", "5/6/2025", "7/13/2025"], 0),
        (["1/1/2023", "1/1/2024", "1/1/2025"], 0),
        (["3.4.2025", "5.6.2025", "7.8.2025"], 0),
    ],
)
def test_a_table_says_where_dates_do_not_tell_whether_day_or_month_stands_first(written, notes):
    frame = pl.DataFrame({"when": written * 4, "sold": np.arange(12.0)})
    table = cr.read_table(frame, "sold")
    assert len(table.notes) == notes
    assert all("taken as 01/31/2025" in note for note in table.notes)
    table = cr.read_table(frame, "sold", day_first=True)
    assert table.notes == []
    months = next(column for column in table.columns if column.name == "when").values(frame["when"]).dt.month()
    assert notes == 0 or months.unique().sort().to_list() == [4, 6, 8]


@pytest.mark.parametrize(
    "written",
    [
        ["21:09", "0:30", "13:05"],
        ["21:09:00", "00:30:00", "13:05:00"],
        ["9:09 PM", "12:30 am", "01:05 PM"],
        [datetime.time(21, 9), datetime.time(0, 30), datetime.time(13, 5)],
    ],
)
def test_times_of_day(written):
    column = found(written)
    assert column.kind == "date"
    moments = column.values(pl.Series("x", written))
    assert [(t.hour, t.minute) for t in moments.to_list()] == [(21, 9), (0, 30), (13, 5)]


def test_a_score_is_no_time_of_day():
    assert found(["3:2", "0:1", "2:2"]).kind == "category"


def test_a_date_is_told_with_a_time_where_it_has_one():
    assert found(["2025-01-31 10:30", "2024-12-01 00:00", "2020-02-29"]).reason == "written as 2025-01-31 13:30"
    assert found(["2025-01-31", "2024-12-01", "2020-02-29"]).reason == "written as 2025-01-31"


@pytest.mark.parametrize("values", [[f"a.{n % 37} ?" for n in range(60)], [f"a {n}.5 ?" for n in range(60)]])
def test_what_is_not_understood_is_not_called_an_id(values):
    column = found(values)
    assert column.kind == "ignored"
    assert column.reason.endswith("?', which are neither numbers nor dates that chainrule reads")


def test_names_that_are_not_used_tell_how_they_can_be():
    found_in = find_column(pl.Series("car", [*"abcdefghijklmnopqrstuvwxyz", "a", "b", "c"]))
    assert found_in.kind == "ignored"
    assert found_in.reason.endswith("such as 'a', too many to learn each; --text car reads the words in them")


def test_numbers_of_the_post_are_names():
    codes = [str(10_000 + 37 * (i % 60)) for i in range(600)]
    assert find_column(pl.Series("Postal Code", codes)).kind == "category"
    assert find_column(pl.Series("zip", [int(code) for code in codes])).kind == "category"
    assert find_column(pl.Series("weight", codes)).kind == "number"
    assert find_column(pl.Series("zip", [str(10_000 + 37 * i) for i in range(600)])).kind == "number"


def test_two_dates_are_dates_however_they_came():
    days = [datetime.date(2025, 1, 31), datetime.date(2025, 2, 1)] * 3
    assert found(days).kind == found(texts(days)).kind == "date"


def test_ids_are_set_aside():
    assert found(range(1, 41)).reason == "counts the rows"
    assert found(RANDOM.permutation(1000)[:40], "customer_id").kind == "id"
    assert found([f"u{n}" for n in RANDOM.permutation(40)]).kind == "id"
    assert found(RANDOM.permutation(1000)[:40], "paid").kind == "number"
    assert found(range(1950, 1990), "year").kind == "number"


@pytest.mark.parametrize("name", ["heat_index", "price index", "patient_id", "column_1"])
def test_what_is_measured_is_no_id_whatever_it_is_called(name):
    assert found(RANDOM.normal(0, 1, 40), name).kind == "number"
    assert found(texts(RANDOM.normal(0, 1, 40)), name).kind == "number"


@pytest.mark.parametrize("name", ["patient_id", "PatientID", "id"])
def test_an_id_that_comes_again_is_no_quantity(name):
    for ids in ([*range(100, 140)] * 5, texts([*range(100, 140)] * 5), [f"p{n}" for n in range(40)] * 5):
        column = found(ids, name)
        assert column.kind == "category"
        assert f"--group {name} keeps the rows of each together" in column.reason
    assert found([*range(100, 140), *range(10)], name).kind == "id"
    assert found([*range(100, 140)] * 5, "temperature_index").kind == "number"


def test_digits_of_one_length_with_a_zero_in_front_are_words():
    column = found(["02134", "00501", "10001"] * 5)
    assert column.kind == "category"
    assert column.values(pl.Series("x", ["02134"])).to_list() == ["02134"]
    assert found(["0", "1", "2"]).kind == found(["00", "7", "123"]).kind == "number"


def test_a_column_that_is_neither_number_word_nor_date():
    for values in ([[1], [2, 3], [4]], [{"a": 1}, {"a": 2}, {"a": 2}], [b"a", b"b", b"b"], [datetime.timedelta(1)] * 3):
        column = found(values)
        assert (column.kind, column.reason[:5]) == ("ignored", "holds")
        with pytest.raises(cr.DataError, match=r"x holds .*, which is neither number, word nor date"):
            found(values, role="category")
        with pytest.raises(cr.DataError, match=r"x holds .*, which is neither number, word nor date"):
            found(["a", "b", "c"]).values(pl.Series("x", values))


def test_a_word_that_may_mean_a_missing_value_is_a_class_among_words_but_not_among_numbers():
    words, numbers = found(["none", "mild", "-"], role="target"), found(["none", "1.5", "-"], role="target")
    assert words.values(pl.Series(["none", "mild", "-"])).to_list() == ["none", "mild", "-"]
    assert numbers.values(pl.Series(["none", "1.5", "-"])).to_list() == [None, 1.5, None]


def test_sentences_are_free_text():
    column = found([f"the {n}th sentence of a long letter" for n in range(40)])
    assert column.kind == "text"
    assert column.reason == "40 different texts of 7 words or so"


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
            "x holds 'two' in row 2, but --number x says that it holds numbers such as 1234.5: leave such cells",
        ),
        (["soon", "2020-01-01"], "date", "x holds 'soon' in row 1, but --date x says that it holds dates such as 2025"),
    ],
)
def test_a_column_that_cannot_be_what_somebody_says(values, role, words):
    with pytest.raises(cr.DataError, match=words):
        found(values, role=role)


def test_the_cell_that_is_no_number_is_named_however_the_numbers_are_written():
    with pytest.raises(cr.DataError, match=r"x holds 'k\.A\.' in row 31, but"):
        found([*(f"1.{n},50" for n in range(100, 130)), "k.A.", "n.n."], role="number")


@pytest.mark.parametrize(
    ("name", "option"), [("x", "x"), ("unit price", "'unit price'"), ("price, total", "'\"price, total\"'")]
)
def test_an_option_is_told_as_it_is_to_be_typed(name, option):
    with pytest.raises(cr.DataError, match=f"write it like that, leave it empty or train with --category {option}"):
        found(["5%", "7%", "9%"], name).values(pl.Series("x", ["14.4"]))


def test_a_cell_that_is_no_date_has_two_ways_out():
    days = found(["2024-01-02", "2024-01-13", "2024-02-01"])
    with pytest.raises(cr.DataError, match=r"'soon' .* write it like that, leave it empty or say --missing soon\.$"):
        days.values(pl.Series("x", ["soon"]))


def test_a_category_is_the_same_word_whether_it_came_as_number_or_text():
    column = found([3, 4, 5], role="category")
    for values in ([3, 4, 5], [3.0, 4.0, 5.0], ["3", "4.0", "5"]):
        assert column.values(pl.Series("x", values)).to_list() == ["3", "4", "5"]


def test_two_columns_of_times_of_day():
    hours = [f"{8 + i % 9:02}:{i % 60:02}" for i in range(40)]
    table = cr.read_table(pl.DataFrame({"begin": hours, "end": hours[::-1], "late": ["yes", "no"] * 20}), "late")
    assert [column.kind for column in table.columns] == ["date", "date", "target"]
    assert table.checksum() == table.checksum()


def test_a_cell_of_pages_is_told_by_its_beginning():
    column = find_column(pl.Series("a", [str(i * i) for i in range(30)]))
    with pytest.raises(cr.DataError, match=r"a holds 'xxx.*… \(100,002 characters\) in row 1") as refused:
        column.values(pl.Series("a", ["x" * 100_000]))
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("role", ["number", "category", "date"])
def test_a_column_that_is_always_missing_is_none_whatever_was_said(role):
    column = found([None, None], role=role)
    assert (column.kind, column.reason) == ("constant", "always missing")


def test_a_name_of_a_whole_page_is_not_written_in_full_to_be_typed():
    assert option("number", "y" * 300) == f"--number {'y' * 300}"
    assert option("number", "y" * 3000) == f"--number '{'y' * 300}…'"
