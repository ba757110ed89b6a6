"""The family trees: 104 facts that are true, a network that learns them, units that mean something."""

import numpy as np
import pytest

from chainrule.papers import hinton1986
from chainrule.papers.family_trees import ENGLISH, ITALIAN, MEANINGS, RELATIONS, facts


def answers(person, relation):
    """Who that is, by names."""
    people = (*ENGLISH, *ITALIAN)
    X, Y = facts()
    (row,) = np.flatnonzero(([people.index(person), 24 + RELATIONS.index(relation)] == X).all(axis=1))
    return {people[i] for i in np.flatnonzero(Y[row])}


def test_there_are_104_facts_and_112_answers_the_same_in_both_trees():
    X, Y = facts()
    assert X.shape == (104, 2)
    assert Y.sum() == 112
    assert len({tuple(row) for row in X}) == 104
    np.testing.assert_array_equal(X[:52] + np.array([12, 0]), X[52:])
    np.testing.assert_array_equal(Y[:52, :12], Y[52:, 12:])


@pytest.mark.parametrize(
    ("person", "relation", "who"),
    [
        ("Colin", "aunt", {"Jennifer", "Margaret"}),
        ("Alfonso", "aunt", {"Angela", "Gina"}),
        ("Colin", "mother", {"Victoria"}),
        ("James", "wife", {"Victoria"}),
        ("Christopher", "son", {"Arthur"}),
        ("Charles", "niece", {"Charlotte"}),
        ("Charlotte", "brother", {"Colin"}),
        ("Emilio", "nephew", {"Alfonso"}),
        ("Jennifer", "father", {"Andrew"}),
    ],
)
def test_a_fact_is_true(person, relation, who):
    assert answers(person, relation) == who


def test_the_error_is_0_within_a_fifth_of_what_should_be():
    Y = np.array([[1.0, 0.0]])
    assert hinton1986.outside(np.array([[0.85, 0.15]]), Y) == 0
    assert hinton1986.outside(np.array([[0.5, 0.4]]), Y) == pytest.approx(0.5 * (0.3**2 + 0.2**2))


def test_what_units_mean_is_seen():
    W = np.random.default_rng(0).normal(size=(24, 6))
    W[:, 2] = -3 * MEANINGS["generation"]
    assert hinton1986.meant(W)[1] == pytest.approx(1)
    assert max(hinton1986.meant(W)[::2]) < 0.8
    W[12:] = W[:12]
    assert hinton1986.twins_alike(W) == pytest.approx(1)


def test_a_network_learns_its_facts_and_its_units_come_to_mean_something():
    result = hinton1986.run(seeds=2)
    assert min(result.numbers["learned"]) > 0.95
    assert sum(result.numbers["right of those held out"]) >= 1
    for meaning in MEANINGS:
        assert np.mean(result.numbers[meaning]) > np.mean(result.numbers[f"{meaning} at the start"])
    assert result.figure.panels[0].marks[0].values.shape == (17, 12)
    assert result.rows[0].paper == "4 of 4"
