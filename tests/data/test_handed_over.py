"""New rows as programs have them, with gaps, dates and types of pandas and NumPy among them."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.frames import read_frame
from chainrule.data.handed_over import handed_over

DAY = datetime.datetime(2022, 1, 1, 5, 30)

FRAME = pd.DataFrame(
    {
        "word": ["a", None, "c"],
        "number": [1.5, np.nan, 2.0],
        "whole": pd.array([30, None, 50], dtype="Int64"),
        "yes": pd.array([True, None, False], dtype="boolean"),
        "moment": pd.to_datetime([DAY, None, DAY]),
        "zoned": pd.to_datetime([DAY, None, DAY]).tz_localize("Asia/Tokyo"),
        "month": pd.PeriodIndex(["2022-01", None, "2022-03"], freq="M"),
        "kind": pd.Categorical(["x", None, "y"]),
        "text": pd.array(["a", None, "c"], dtype="string"),
    }
)

EXPECTED = {
    "word": ["a", None, "c"],
    "number": [1.5, None, 2.0],
    "whole": [30, None, 50],
    "yes": [True, None, False],
    "moment": [DAY, None, DAY],
    "zoned": [DAY, None, DAY],
    "month": [datetime.datetime(2022, 1, 1), None, datetime.datetime(2022, 3, 1)],
    "kind": ["x", None, "y"],
    "text": ["a", None, "c"],
}

FORMS = {
    "a frame": FRAME,
    "a dict of series": dict(FRAME),
    "a dict of lists": FRAME.to_dict("list"),
    "rows": FRAME.to_dict("records"),
    "arrays": {name: FRAME[name].to_numpy() for name in FRAME},
    "arrays of pandas": {name: FRAME[name].array for name in FRAME},
    "indices": {name: pd.Index(FRAME[name]) for name in FRAME},
    "tuples": {name: tuple(FRAME[name]) for name in FRAME},
    "polars": dict(zip(EXPECTED, pl.DataFrame(EXPECTED).get_columns(), strict=True)),
}


def columns(given):
    """The columns that come of what is given, as lists."""
    found = read_frame(handed_over(given))[0]
    return {name: found[name].to_list() for name in found.columns}


@pytest.mark.parametrize("form", FORMS)
def test_gaps_dates_and_types_of_pandas_come_alike_in_every_form(form):
    assert columns(FORMS[form]) == EXPECTED


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array(["2022-01-01T05:30", "NaT"], "datetime64[ns]"), [DAY, None]),
        (np.array(["2022-01-01", "2022-01-02"], "datetime64[D]"), [datetime.datetime(2022, 1, i) for i in (1, 2)]),
        ([np.datetime64(DAY), pd.NaT], [DAY, None]),
        (np.ma.masked_array([30.0, 79.0], [0, 1]), [30.0, None]),
        (np.ma.masked_array([30, 79], [1, 0]), [None, 79]),
        (np.ma.masked_array(["a", "b"], [0, 1]), ["a", None]),
        ([np.ma.masked, np.float32(0.5)], [None, 0.5]),
        ([1, np.nan], [1.0, None]),
        (["a", np.nan], ["a", None]),
        ([1, "b"], ["1", "b"]),
        ([1, DAY], ["1", "2022-01-01 05:30:00"]),
        ([DAY, "b"], ["2022-01-01 05:30:00", "b"]),
        (range(2), [0, 1]),
        ([None, None], [None, None]),
    ],
)
def test_a_column_of_a_dict(values, expected):
    assert columns({"a": values, "b": [1, 2]})["a"] == expected


def test_names_are_text_and_told_apart():
    assert columns([{1: 2}, {1: 3}]) == columns({1: [2, 3]}) == {"1": [2, 3]}
    assert handed_over({1: 2, "a": 3}) == {"1": 2, "a": 3}
    assert handed_over(pd.Series([1.5, "a"], index=[7, "b"])) == {"7": 1.5, "b": "a"}
    row = handed_over(pd.DataFrame([[1, 2]], columns=["a", "a"]).iloc[0])
    assert row == {"a": 1, "a (2)": 2}, "as a frame of pandas has them"
    for given in ({1: [2], "1": [3]}, [{1: 2, "1": 3}], {1: 2, "1": 3}):
        with pytest.raises(cr.DataError, match="has several columns called '1': give each a name of its own"):
            handed_over(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "the table is empty: it has no row"),
        ((), "the table is empty: it has no row"),
        ({"a": [DAY, object()], "b": [1, 2]}, "a holds datetime and object beside each other: give it numbers, words"),
    ],
)
def test_what_is_no_table_is_one_sentence(given, said):
    with pytest.raises(cr.DataError, match=said):
        columns(given)
