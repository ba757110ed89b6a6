"""The contract of formulas: every operation of the registry keeps to it, and what breaks it is told."""

import re

import pytest

import chainrule as cr
from chainrule.derivation.grammar import check_formulas
from chainrule.graph import OPERATIONS, Operation


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_keeps_to_it(name):
    check_formulas(OPERATIONS[name])


def softsign(xp, Z, *, slope=1.0):
    """A = Z / (1 + |Z|)."""
    return Z / (1 + xp.abs(Z)), lambda dA: (dA / (1 + xp.abs(Z)) ** 2,)


@pytest.mark.parametrize(
    ("forward", "backward", "words"),
    [
        (r"Z / (1 + |Z|)", (r"dZ = dA",), "each clause needs an equals sign"),
        ("", (r"dZ = dA",), "equals sign"),
        (r"A = ", (r"dZ = dA",), "something on both sides"),
        (r"a = Z", (r"dZ = dA",), "one capital letter"),
        (r"A = \frac{Z}{1 + |Z|", (r"dZ = dA",), "braces do not close"),
        (r"A = \frac{Z}", (r"dZ = dA",), "cannot be read"),
        (r"^2 A = Z", (r"dZ = dA",), "cannot be read"),
        (r"A = Z Q", (r"dZ = dA",), "Q is no input"),
        (r"A = \mu Z", (r"dZ = dA",), "μ is no input"),
        (r"A = Z", (r"dX = dA",), "must begin with dZ"),
        (r"A = Z", (r"dZ = dQ",), "dQ is neither"),
        (r"A = Z", (r"dZ = dA \odot wide",), "wide is neither"),
        (r"A = Z", (), "1 inputs, but 0 backward formulas"),
        (r"A = Z", (r"dZ = dA", r"dZ = dA"), "1 inputs, but 2 backward formulas"),
    ],
)
def test_what_breaks_it_is_told(forward, backward, words):
    made = Operation(softsign, forward, backward)
    with pytest.raises(cr.GraphError, match=f"softsign.*{re.escape(words)}"):
        check_formulas(made)
    with pytest.raises(cr.GraphError, match="softsign"):
        cr.derive(cr.Network([cr.Dense(2, made)], input_shape=2))


def test_a_further_clause_may_tell_a_symbol():
    check_formulas(Operation(softsign, r"A = Z", (r"dZ = dA \odot S^2, \quad S = slope / (1 + |Z|)",)))
