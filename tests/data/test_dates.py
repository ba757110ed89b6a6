"""Dates in several ways, of periods, and as seconds since 1970."""

import datetime

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import dates
from chainrule.data.column_kinds import find_column
from chainrule.data.dates import ISO, as_moments, as_written

DAYS = pl.Series([datetime.datetime(2023, 1, 1) + datetime.timedelta(i) for i in range(100)])


def found(values, name="x", role=None):
    return find_column(pl.Series(name, values, strict=False), role)


def mixed(*forms):
    return [f"{day:{forms[i % len(forms)]}}" for i, day in enumerate(DAYS)]


@pytest.mark.parametrize(
    ("forms", "told"),
    [
        (("%d/%m/%Y", *["%Y-%m-%d"] * 9), "written as 2025-01-31 or 31/01/2025"),
        (("%d.%m.%Y", "%d.%m.%Y %H:%M"), "written as 31.01.2025 or 31.01.2025 13:30"),
        (("%Y-%m-%d", "%b %d, %Y", "%Y/%m/%d"), "written as 2025-01-31 or 2025/01/31 or Jan 31, 2025"),
    ],
)
def test_dates_in_several_ways_are_dates(forms, told):
    column = found(mixed(*forms))
    assert (column.kind, column.reason) == ("date", told)
    assert column.values(pl.Series("x", mixed(*forms))).to_list() == DAYS.to_list()


def test_dates_with_the_day_first_among_such_with_the_month_first_are_none():
    column = found(mixed("%d/%m/%Y", "%m/%d/%Y"))
    assert column.kind == "ignored"
    assert column.reason.endswith("dates of which some have the day first, and some the month")


def test_where_the_rest_of_mixed_dates_does_not_tell_the_order_it_is_asked():
    when = [f"{day:%d/%m/%Y}" if i % 10 == 0 else f"{day:%Y-%m-%d}" for i, day in enumerate(DAYS[:12].to_list() * 4)]
    frame = pl.DataFrame({"when": when, "y": np.arange(48.0)})
    (note,) = cr.read_table(frame, "y").notes
    assert "when does not tell whether day or month stands first" in note
    assert cr.read_table(frame, "y", day_first=True).notes == []


@pytest.mark.parametrize(
    ("written", "month_first", "usual"),
    [("03-04-2024", [3, 4], [4, 3]), ("03/04/2024", [3, 4], [3, 4]), ("03-04-2024 10:30", [3, 4], [4, 3])],
)
def test_which_of_day_and_month_stands_first_is_told_and_can_be_said(written, month_first, usual):
    frame = pl.DataFrame({"when": [written, written.replace("03", "05", 1)] * 20, "y": np.arange(40.0)})
    for day_first, (month, day) in ((None, usual), (False, month_first), (True, month_first[::-1])):
        table = cr.read_table(frame, "y", day_first=day_first)
        moment = table.columns[0].values(table.frame["when"])[0]
        assert (moment.month, moment.day) == (month, day)
        assert len(table.notes) == (day_first is None)
        assert all("when does not tell whether day or month stands first: taken as " in note for note in table.notes)


def test_dates_with_dashes_tell_the_order_by_a_day_of_more_than_twelve():
    for form, values in (("%m-%d-%Y", ["03-14-2024", "05-06-2024"]), ("%d-%m-%Y", ["14-03-2024", "06-05-2024"])):
        for day_first in (None, True, False):
            table = cr.read_table(pl.DataFrame({"when": values * 20, "y": np.arange(40.0)}), "y", day_first=day_first)
            assert (table.columns[0].form, table.notes) == (form, [])
    assert found(["03.04.2024", "05.04.2024"]).form == "%d.%m.%Y"


@pytest.mark.parametrize("word", ["unknown", "0000-00-00"])
def test_a_word_among_dates_means_that_they_are_missing(word):
    values = [word if i % 10 == 0 else f"{day:%Y-%m-%d}" for i, day in enumerate(DAYS)]
    column = found(values)
    assert (column.kind, column.reason) == ("date", f"written as 2025-01-31, {word!r} taken for missing")
    assert column.values(pl.Series("x", values)).null_count() == 10


@pytest.mark.parametrize(
    ("values", "first", "second"),
    [
        (["2000Q1", "2000Q2", "2001Q4"], (2000, 1, 1), (2000, 4, 1)),
        (["2000-Q1", "2000-Q2", "2001-Q4"], (2000, 1, 1), (2000, 4, 1)),
        (["Q1 2000", "Q2 2000", "Q4 2001"], (2000, 1, 1), (2000, 4, 1)),
        (["2000-W07", "2000-W08", "2001-W52"], (2000, 2, 14), (2000, 2, 21)),
        (["2000M01", "2000M02", "2001M12"], (2000, 1, 1), (2000, 2, 1)),
        (["2000-01", "2000-02", "2001-12"], (2000, 1, 1), (2000, 2, 1)),
        (["Jan 2000", "Feb 2000", "Dec 2001"], (2000, 1, 1), (2000, 2, 1)),
    ],
)
def test_quarters_weeks_and_months_are_dates(values, first, second):
    column = found(values)
    assert column.kind == "date"
    moments = column.values(pl.Series("x", values))
    assert moments[:2].to_list() == [datetime.datetime(*first), datetime.datetime(*second)]
    assert as_written(moments, column.form).to_list() == values


@pytest.mark.parametrize("values", [["2000Q5", "2000Q1"] * 9, ["2000-W60", "2000-W01"] * 9, ["1234-01", "9999-02"] * 9])
def test_what_looks_like_a_period_and_is_none(values):
    assert found([*values, values[0]]).kind != "date"


@pytest.mark.parametrize(("scale", "called"), [(1, "seconds"), (1000, "milliseconds")])
@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("name", ["when", "created_at", "eventTime", "x"])
def test_unix_time_is_a_date(scale, called, as_text, name):
    numbers = [int(s) * scale for s in DAYS.dt.epoch("s")]
    column = found([str(n) for n in numbers] if as_text else numbers, name)
    assert column.kind == "date"
    assert column.reason == f"Unix {called}, 2023-01-01 to 2023-04-10; --number {name} takes them for numbers"
    assert column.values(pl.Series(name, numbers)).to_list() == DAYS.to_list()
    assert as_written(DAYS, column.form).to_list() == numbers
    assert found(numbers, name, "number").kind == "number"


@pytest.mark.parametrize("name", ["population", "x", "revenue"])
def test_numbers_of_the_size_of_unix_time_are_numbers_where_neither_name_nor_values_tell(name):
    numbers = np.random.default_rng(0).integers(700_000_000, 2_000_000_000, 300)
    assert found(numbers, name).kind == "number"
    assert found(numbers, name, "date").form == "Unix seconds"


def test_seconds_since_1970_beyond_all_sense_are_missing():
    assert as_moments(pl.Series([1672531200, 7, None]), "Unix seconds").null_count() == 2


@pytest.mark.parametrize("words", [["TRUE", "true", "False"], ["yes", "No", "YES", "no"], ["Y", "n", "y"], ["T", "f"]])
def test_yes_and_no_in_any_case_are_yes_or_no(words):
    column = found(words * 9)
    assert column.kind == "yes_no"
    values = column.values(pl.Series("x", [word.upper() for word in words]))
    assert values.n_unique() == 2
    assert values.to_list() == column.values(pl.Series("x", [word.lower() for word in words])).to_list()
    frame = pl.DataFrame({"a": words * 9, "b": words * 9, "y": np.arange(9.0 * len(words))})
    assert cr.read_table(frame, "b").target.task == "yes_no"
    assert cr.read_table(frame, "y").notes == []


def test_maybe_is_neither():
    assert found(["yes", "no", "maybe"] * 9).kind == "category"


def test_short_numbers_are_not_tried_as_dates(monkeypatch):
    """Of a table with thousands of columns of them, each would be tried in every form."""
    monkeypatch.setattr(dates, "as_moments", None)
    assert dates.form_of_dates(pl.Series(["134", "205", "007"])) is None


def test_a_cell_is_read_alike_alone_and_among_others():
    odd = ["2020-1-5 1:2:3", "x"]
    alone = as_moments(pl.Series("when", odd), ISO).is_null().to_list()
    assert as_moments(pl.Series("when", [*odd, "2020-01-06 10:00"]), ISO).is_null().to_list() == [*alone, False]
