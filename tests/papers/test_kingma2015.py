"""Adam is among the first where momentum is, and where a rate for each weight is; momentum needs √κ steps."""

import math

import numpy as np
import pytest

from chainrule.papers import kingma2015
from chainrule.papers.kingma2015 import RULES, InverseRoot, rare, steps_down
from chainrule.papers.result import spread


@pytest.fixture(scope="module")
def result():
    return kingma2015.run(seeds=2, epochs=8, documents=400, words=400)


def test_steps_grow_like_the_condition_without_momentum_and_like_its_root_with_it():
    plain, momentum = (
        [steps_down(name, kappa) for kappa in (100, 10_000)] for name in ("gradient descent", "momentum")
    )
    assert math.log(plain[1] / plain[0], 100) == pytest.approx(1, abs=0.01)
    assert math.log(momentum[1] / momentum[0], 100) == pytest.approx(0.5, abs=0.06)


def test_gradient_descent_goes_as_its_factor_says():
    """J falls by ((κ − 1) / (κ + 1))² in both directions."""
    assert steps_down("gradient descent", 100) == math.ceil(math.log(1e-6) / math.log((99 / 101) ** 2))


def test_the_rate_falls_with_the_root_of_the_epochs():
    assert [InverseRoot(0.6)(epoch) for epoch in (0, 3, 8)] == pytest.approx([0.6, 0.3, 0.2])


def test_most_words_are_rare_and_count_most():
    task = rare(np.random.default_rng(0), 2000, 400)
    found = task.X.sum(axis=0)
    assert np.median(found) < 60 < 900 < found[0]
    assert 0.4 < task.y.mean() < 0.6


def test_adam_is_among_the_first_in_both_and_the_others_in_one(result):
    early = {
        (task, rule): np.mean(result.numbers[f"{task} {rule} after 5"]) for task in kingma2015.TASKS for rule in RULES
    }
    assert early["digits", "Nesterov"] < early["digits", "Adagrad"]
    assert early["words", "Adagrad"] < early["words", "Nesterov"]
    assert early["digits", "Adam"] < 1.15 * early["digits", "Nesterov"]
    assert early["words", "Adam"] < 1.05 * early["words", "Adagrad"]


def test_the_table_and_the_figure(result):
    assert result.rows[-1].here == "1.00 and 0.55"
    assert result.rows[0].here.startswith(f"Nesterov {spread(result.numbers['digits Nesterov after 5'])}; Adagrad")
    assert [panel.title for panel in result.figure.panels][2] == "Steps down a valley"


def test_the_rate_that_is_kept_is_that_of_the_lowest_cost_for_the_first_seed(monkeypatch):
    """One that moves nothing, one that learns, and one that jumps about."""
    monkeypatch.setattr(kingma2015, "RATES", (1e-4, 0.1, 1e4))
    result = kingma2015.run(seeds=(7, 8), epochs=5, documents=300, words=200)
    kept = {name: values for name, values in result.numbers.items() if "α₀" in name}
    assert kept == {f"{task} {rule} α₀": [0.1] for task in kingma2015.TASKS for rule in RULES}
    assert {name: result.seeds_of[name] for name in kept} == dict.fromkeys(kept, (7,))
