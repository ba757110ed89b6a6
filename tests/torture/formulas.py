"""LaTeX that nobody would write, for the formulas of own operations."""

import random
from collections.abc import Iterator
from types import ModuleType

from tests.torture.expressions import mutated

from chainrule.derivation import formula
from chainrule.derivation.grammar import check_formulas
from chainrule.errors import ChainruleError
from chainrule.graph import OPERATIONS, Array, Backward, Operation

LETTERS = "AZdWb=+-^_{}()[]|\\ ,123\n\0α⊙é\u202e\udc80😀"
PIECES = (r"\frac", r"\sqrt", r"\hat", r"\operatorname", r"\left(", r"\right)", r"\left", r"\quad", "^T", "_{", "}")


def formulas(seed: int) -> Iterator[str]:
    """Formulas without end: those of the library's operations, with slips of the hand, and some very long or deep."""
    draws = random.Random(seed)
    known = [text for operation in OPERATIONS.values() for text in (operation.forward, *operation.backward) if text]
    while True:
        text = _extreme(draws) if draws.random() < 0.05 else draws.choice((*known, "A = Z", "dZ = dA"))
        for _ in range(draws.choice((0, 1, 2, 5))):
            text = mutated(text, draws, LETTERS)
            if draws.random() < 0.3:
                at = draws.randrange(len(text) + 1)
                text = text[:at] + draws.choice(PIECES) + text[at:]
        yield text


def try_formula(text: str) -> str:
    """ "ok" where a page can show an operation with this formula, forward or backward; "refused" where chainrule says
    what is wrong with both; whatever else goes wrong is raised as it is."""
    return "ok" if "ok" in (_tried(text, "dZ = dA"), _tried("A = Z", text)) else "refused"


def _tried(forward: str, backward: str) -> str:
    try:
        check_formulas.__wrapped__(Operation(made_up, forward, (backward,)))
    except ChainruleError:
        return "refused"
    for text in (forward, backward):
        parsed = formula.parse(text)
        for one in (parsed, formula.substitute(parsed, {"Z": formula.number(-1e-7)}), formula.without(parsed, {"Z"})):
            formula.latex(one), formula.text(one), formula.markup(one)
    return "ok"


def made_up(xp: ModuleType, Z: Array, *, slope: float = 1.0) -> tuple[Array, Backward]:
    """A = Z, in whose documentation stand α, μ and σ."""
    return Z, lambda dA: (dA,)


def _extreme(draws: random.Random) -> str:
    n, piece = draws.choice((25, 40, 400, 3000)), draws.choice((r"\frac{1}{", r"\sqrt{", "Z^{", "{", "Z_{"))
    return draws.choice(
        (
            "A = " + piece * n + "Z" + "}" * n,
            "A = " + r"\frac" * n + "Z" * (n + 1),
            "A = " + "(" * n + "Z" + ")" * n,
            "A = " + "+".join(["Z"] * n),
            "A = Z, " + r"\quad A = Z, " * n,
        )
    )
