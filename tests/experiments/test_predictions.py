"""Predictions as the text of a CSV: by columns as by rows, and numbers with as many digits as they need."""

import datetime
import math

import numpy as np
import pytest

from chainrule.data.targets import Target
from chainrule.experiments import predictions
from chainrule.experiments.predictions import as_csv, written


@pytest.fixture
def columns():
    """What may stand in a file of predictions, 3,000 rows of it."""
    random = np.random.default_rng(0)
    return {
        "row": list(range(1, 3001)),
        "name, id": ["", "a b", 'q"q', "a,b", " ü", None] * 500,
        "day": [datetime.date(2024, 5, 17), datetime.date(1999, 1, 1)] * 1500,
        "prediction": [True, False] * 1500,
        "p(True)": [0.0, -0.0, 1.0, 1e-9, 0.0000005, 0.1234565] * 400 + random.random(600).tolist(),
        "value": (random.normal(0, 1, 3000) * 10.0 ** random.integers(-12, 12, 3000)).tolist(),
    }


FORMATS = {"p(True)": "%.6f", "value": "%.8g"}


def test_columns_are_written_as_rows_are(columns, monkeypatch):
    quick = as_csv(columns, FORMATS)
    monkeypatch.setattr(predictions, "FEW", 10**9)
    assert quick == as_csv(columns, FORMATS)
    assert quick.startswith('row,"name, id",day,prediction,p(True),value\n1,,2024-05-17,True,0.000000,')
    assert as_csv(columns, FORMATS, header=False) == quick.partition("\n")[2]


@pytest.mark.parametrize("odd", [{"p(True)": math.nan}, {"value": math.inf}, {"name, id": "\udc80"}], ids=repr)
def test_odd_entries_are_written_as_rows_are(columns, odd, monkeypatch):
    for name, value in odd.items():
        columns[name][7] = value
    quick = as_csv(columns, FORMATS)
    monkeypatch.setattr(predictions, "FEW", 10**9)
    assert quick == as_csv(columns, FORMATS)


def lines_of(target, output, spread=None):
    blocks = written({"row": list(range(len(output)))}, target, output, spread, {})
    return "".join(as_csv(*block, header=i == 0) for i, block in enumerate(blocks)).splitlines()


def test_blocks_of_rows_are_written_as_all_of_them(monkeypatch):
    target, output = Target(["weight"]), np.random.default_rng(0).normal(1e9, 5, (50, 1))
    whole = lines_of(target, output, np.array([5.0]))
    monkeypatch.setattr(predictions, "BLOCK", 7)
    assert lines_of(target, output, np.array([5.0])) == whole
    assert np.abs(np.array([float(line.split(",")[1]) for line in whole[1:]]) - output[:, 0]).max() < 5e-5


def test_labels_stand_before_their_probabilities():
    assert lines_of(Target(["job"], [["cook", "baker"]]), np.array([[0.25]])) == [
        "row,prediction,p(cook),p(baker)",
        "0,cook,0.750000,0.250000",
    ]
    two = Target(["a", "b"], [[0, 1], ["n", "y"]])
    assert lines_of(two, np.array([[0.25, 0.75]])) == [
        "row,prediction a,prediction b,p(a 1),p(b y)",
        "0,0,y,0.250000,0.750000",
    ]


def test_nothing_to_predict_leaves_the_header():
    assert lines_of(Target(["weight"]), np.zeros((0, 1))) == ["row,prediction"]
