"""What is reached in bfloat16 beside float32: a line a row, with as many figures as there are heads."""

import numpy as np
import pytest

import chainrule as cr
from benchmarks import precision
from chainrule.engines.native import kernels, units

pytestmark = pytest.mark.skipif(kernels() is None or not units(kernels()), reason="no instruction multiplies bfloat16")


def made_up():
    X = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(int)


ROW = precision.Row("made up", lambda: [cr.Dense(2, "softmax")], made_up, epochs=30, batch=10, rate=0.05)


def test_a_line_has_both_precisions_their_difference_and_a_ratio(monkeypatch, capsys):
    monkeypatch.setattr(precision, "ROWS", (ROW,))
    monkeypatch.setattr("sys.argv", ["precision", "--seeds", "2", "--markdown"])
    precision.main()
    heads, _, line = ([cell.strip() for cell in text.split("|")[1:-1]] for text in capsys.readouterr().out.splitlines())
    assert line[0] == "made up"
    assert len(line) == len(heads)
    exact, rounded = (float(cell.partition(" ")[0]) for cell in line[1:3])
    assert exact > 80
    assert abs(exact - rounded) < 10
    assert " ± " in line[3]
    assert float(line[-1]) > 0


def test_the_same_seed_reaches_the_same(monkeypatch):
    first, again = (precision.reach(ROW, "bfloat16", 3) for _ in range(2))
    assert (first.loss, first.accuracy) == (again.loss, again.accuracy)
    assert first.loss != precision.reach(ROW, "float32", 3).loss
