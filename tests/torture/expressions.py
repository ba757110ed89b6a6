"""Expressions that nobody would type, for `chainrule graph`: from a small grammar, and from it by slips of the hand."""

import random
from collections.abc import Callable, Iterator

from chainrule.derivation.drawing import draw
from chainrule.derivation.expression import FUNCTIONS, assignments, parse
from chainrule.derivation.steps import steps
from chainrule.errors import ChainruleError

NAMES = ("a", "b", "c", "x_1", "α", "e", "pi", "exp")
VALUES = ("0", "1", "-1", "0.5", "2", "-3e2", "1e308", "-1e-320", "1e999", "nan", "１", "0x1", "")
NUMBERS = ("0", "1", "2.5", "1e-300", "1e400", "9" * 400, "0x10", "1_000", "2j", "01", ".5", "7.")
OPTIONS = ("axis", "keepdims", "slope", "alpha", "delta", "low", "high", "label_smoothing", "nan")
SIGNS = ("+", "-", "*", "/", "**", "@", "//", "%", "^", "<", ":=", ",")
LETTERS = "ab1.()+-*/@=,:;#'\"\\[]{} \n\t\0_éβ²×\u202e\udc80😀"
DEEPEST = 8


def expressions(seed: int) -> Iterator[tuple[str, list[str]]]:
    """Expressions without end, each with values for some names, such as ("a + b * c", ["a=1", "b=2", "c=-3e2"])."""
    draws = random.Random(seed)
    while True:
        kind = draws.random()
        if kind < 0.04:
            text = _extreme(draws)
        else:
            text = _written(draws, draws.randrange(DEEPEST))
            for _ in range(draws.choice((0, 0, 1, 2, 5))):
                text = mutated(text, draws, LETTERS)
        names = [name for name in NAMES if name in text or draws.random() < 0.05]
        yield text, [f"{name}={draws.choice(VALUES[:6] if draws.random() < 0.95 else VALUES)}" for name in names]


def try_expression(text: str, values: list[str]) -> str:
    """ "ok", or "refused" where chainrule says what is wrong; whatever else goes wrong is raised as it is."""
    try:
        J = parse(text, assignments(values))
        str(steps(J))
        _ = draw(J).svg
    except ChainruleError:
        return "refused"
    return "ok"


def mutated(text: str, draws: random.Random, letters: str) -> str:
    """The text with a letter or a piece left out, doubled, exchanged, or put in."""
    at = draws.randrange(len(text) + 1)
    end = min(len(text), at + draws.choice((1, 1, 1, 2, 5, 20)))
    piece = text[at:end]
    changed = draws.choice(("", 2 * piece, piece[::-1], draws.choice(letters), piece + draws.choice(letters)))
    return text[:at] + changed + text[end:]


def _written(draws: random.Random, depth: int) -> str:
    """An expression, its parts at most so deep in one another."""
    if depth == 0:
        return draws.choice(NAMES[:5]) if draws.random() < 0.8 else draws.choice((*NAMES, *NUMBERS))

    def part() -> str:
        return _written(draws, draws.randrange(depth))

    def called(*given: str) -> str:
        return f"{draws.choice(list(FUNCTIONS))}({', '.join(given)})"

    forms: tuple[Callable[[], str], ...] = (
        lambda: f"{part()} {draws.choice(SIGNS[:5])} {part()}",
        lambda: f"{part()}{draws.choice(SIGNS if draws.random() < 0.1 else SIGNS[:5])}{part()}",
        lambda: f"({part()})",
        lambda: f"{draws.choice('+-')}{part()}",
        lambda: called(*(part() for _ in range(draws.choice((1, 1, 1, 2, 0))))),
        lambda: called(part(), f"{draws.choice(OPTIONS)}={draws.choice(('0', '1', '0.3', part()))}"),
    )
    return draws.choice(forms)()


def _extreme(draws: random.Random) -> str:
    """Something very long or very deep."""
    n, part = draws.choice((60, 199, 201, 400, 2000, 12000)), _written(draws, 1)
    return draws.choice(
        (
            "(" * n + part + ")" * n,
            "-" * n + part,
            "+".join([part] * n),
            "*".join([part, "b"] * (n // 2)),
            "sigmoid(" * n + part + ")" * n,
            "**".join([part] * n),
            "a" * n,
            "9" * n,
            ", ".join([part] * n),
            "(" * n,
        )
    )
