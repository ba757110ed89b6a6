"""Names for every variable of a graph, as on paper: J for the last, u, v, w for what is between."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from chainrule.graph import Variable, from_cost_to_leaves


def in_order(J: Variable) -> list[Variable]:
    """Every variable that J depends on, in order of evaluation; J comes last."""
    return list(from_cost_to_leaves(J))[::-1]


def named(J: Variable) -> dict[Variable, str]:
    """A name for every variable that J depends on, in order of evaluation; no two are the same.

    Given names stay; where two variables share one, the second becomes a_{2}. Without a name, J is J, a leaf x_{1},
    x_{2}, …, and a node between u, v, w if those letters are free and enough, else u_{1}, u_{2}, …
    """
    nodes = in_order(J)
    names: dict[Variable, str] = {}
    for node in nodes:
        if node.name:
            names[node] = _first_free(str(node.name), set(names.values()))
    taken = set(names.values())
    if J not in names:
        names[J] = _first_free("J", taken)
    unnamed = [node for node in nodes if node not in names]
    taken.add(names[J])
    inner = [node for node in unnamed if node.operation is not None]
    names |= zip(inner, _between(len(inner), taken), strict=False)
    leaves = [node for node in unnamed if node.operation is None]
    names |= zip(leaves, _numbered("x", taken), strict=False)
    return {node: names[node] for node in nodes}


def _first_free(name: str, taken: set[str]) -> str:
    return next(free for free in (name, *(f"{name}_{{{k}}}" for k in range(2, len(taken) + 3))) if free not in taken)


def _between(n: int, taken: set[str]) -> list[str]:
    letters = [letter for letter in "uvw" if letter not in taken]
    numbered = _numbered("u", taken)
    return letters[:n] if n <= len(letters) else [next(numbered) for _ in range(n)]


def _numbered(letter: str, taken: set[str]) -> Iterator[str]:
    return (name for k in count(1) if (name := f"{letter}_{{{k}}}") not in taken)
