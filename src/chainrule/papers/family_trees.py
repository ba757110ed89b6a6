"""The two family trees of Hinton (1986): 24 people, 12 relations, 104 facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

ENGLISH = (
    *("Christopher", "Penelope", "Andrew", "Christine"),
    *("Arthur", "Margaret", "Victoria", "James", "Jennifer", "Charles"),
    *("Colin", "Charlotte"),
)
ITALIAN = (
    *("Roberto", "Maria", "Pierro", "Francesca"),
    *("Emilio", "Gina", "Lucia", "Marco", "Angela", "Tomaso"),
    *("Alfonso", "Sophia"),
)
"""Each at the place of the English twin, who has the same place in the other tree."""

MEN = frozenset((0, 2, 4, 7, 9, 10))
COUPLES = ((0, 1), (2, 3), (4, 5), (7, 6), (9, 8))
CHILDREN = {(0, 1): (4, 6), (2, 3): (7, 8), (7, 6): (10, 11)}
RELATIONS = (
    *("father", "mother", "husband", "wife", "son", "daughter"),
    *("uncle", "aunt", "brother", "sister", "nephew", "niece"),
)

MEANINGS = {
    "nationality": np.repeat((-1.0, 1.0), 12),
    "generation": np.tile((1.0,) * 4 + (2.0,) * 6 + (3.0,) * 2, 2),
    "branch": np.tile((-1.0, -1, 1, 1, -1, -1, -1, 1, 1, 1, 0, 0), 2),
}
"""What the paper found in single units, as a number for each of the 24; the branch is that of the grandparents."""


def facts() -> tuple[Matrix, Matrix]:
    """X (104, 2): a person from 0 on, and a relation from 24 on; Y (104, 24): 1 for each of those who are meant."""
    found: dict[tuple[int, str], set[int]] = {}
    for person in range(12):
        for other, man, woman in _related(person):
            found.setdefault((person, man if other in MEN else woman), set()).add(other)
    X = [(tree + person, 24 + RELATIONS.index(relation)) for tree in (0, 12) for person, relation in found]
    Y = np.zeros((len(X), 24))
    for i, (tree, others) in enumerate((tree, others) for tree in (0, 12) for others in found.values()):
        Y[i, [tree + other for other in others]] = 1
    return np.array(X, np.float64), Y


def _related(person: int) -> Iterable[tuple[int, str, str]]:
    """All who are something to a person of the English tree, and what: if it is a man, if it is a woman."""
    parents, married = _parents(person), _married(person)
    yield from ((other, "father", "mother") for other in parents)
    yield from ((other, "husband", "wife") for other in married)
    yield from ((other, "son", "daughter") for other in _children(person))
    yield from ((other, "brother", "sister") for other in _siblings(person))
    of_parents = [other for parent in parents for other in _siblings(parent)]
    by_marriage = [other for one in of_parents for other in _married(one)]
    yield from ((other, "uncle", "aunt") for other in (*of_parents, *by_marriage))
    of_both = [other for one in (person, *married) for other in _siblings(one)]
    yield from ((other, "nephew", "niece") for one in of_both for other in _children(one))


def _parents(person: int) -> Sequence[int]:
    return next((pair for pair, children in CHILDREN.items() if person in children), ())


def _married(person: int) -> Sequence[int]:
    return [other for pair in COUPLES for other in pair if person in pair and other != person]


def _children(person: int) -> Sequence[int]:
    return [child for pair, children in CHILDREN.items() if person in pair for child in children]


def _siblings(person: int) -> Sequence[int]:
    return [other for children in CHILDREN.values() if person in children for other in children if other != person]
