"""The linear programs of drawings, solved with SciPy and without."""

import re
import sys

import numpy as np
import pytest

import chainrule as cr
from chainrule.derivation.linear_program import LinearProgram

RANDOM = np.random.default_rng(0)


def made_up(n, kept, wishes):
    """Places of n boxes in a row, some pairs of which are to be apart; |Σ factor · x| of others is to be small."""
    rules, bounds = [], []
    for _ in range(kept):
        a, b = np.sort(RANDOM.choice(n, 2, replace=False))
        rules.append([(a, 1.0), (b, -1.0)])
        bounds.append(-RANDOM.uniform(10, 90))
    for k in range(wishes):
        a, b, c = RANDOM.choice(n, 3, replace=False)
        for sign in (1.0, -1.0):
            rules.append([(a, sign), (b, -sign / 2), (c, -sign / 2), (n + k, -1.0)])
            bounds.append(RANDOM.choice([0.0, 12.0]))
    weights = np.append(np.zeros(n), RANDOM.choice([0.05, 1.0, 8.0], wishes))
    return LinearProgram(weights, rules, np.array(bounds), np.append(np.full(n, 8.0), np.zeros(wishes)))


@pytest.mark.parametrize(("n", "kept", "wishes"), [(3, 1, 1), (12, 20, 30), (60, 150, 120)])
def test_without_scipy_the_least_is_as_small_and_the_bounds_are_kept(n, kept, wishes, monkeypatch):
    program = made_up(n, kept, wishes)
    exact = program.solved()
    monkeypatch.setitem(sys.modules, "scipy", None)
    found = program.solved()
    assert program.weights @ found == pytest.approx(program.weights @ exact, rel=5e-4, abs=0.5)
    over = [sum(factor * found[j] for j, factor in rule) for rule in program.rules] - program.bounds
    assert np.max(over) <= 0.02
    assert np.all(found >= program.least)


def test_without_scipy_boxes_do_not_overlap_and_a_drawing_is_as_large(monkeypatch):
    a, b, c, d = (cr.variable(float(k + 2), name) for k, name in enumerate("abcd"))
    J = (a + b) ** 2 * (c + d * a) - (a * c + b * d) / (c + a)
    exact = cr.draw(J).svg
    monkeypatch.setitem(sys.modules, "scipy", None)
    found = cr.draw(J).svg
    size = r'viewBox="0 0 ([\d.]+) ([\d.]+)"'
    for one, other in zip(re.search(size, found).groups(), re.search(size, exact).groups(), strict=True):
        assert float(one) == pytest.approx(float(other), rel=0.02)
    boxes = [tuple(map(float, box)) for box in re.findall(BOX, found)]
    assert len(boxes) > 8
    for k, (x, y, wide, high) in enumerate(boxes):
        for x2, y2, wide2, high2 in boxes[:k]:
            assert x + wide <= x2 or x2 + wide2 <= x or y + high <= y2 or y2 + high2 <= y


BOX = r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"'
