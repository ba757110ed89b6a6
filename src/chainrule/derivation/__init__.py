"""Shows the work: any network's derivation, written from the formulas that its operations carry, and drawings."""

from chainrule.derivation import expression
from chainrule.derivation.drawing import Drawing, draw
from chainrule.derivation.network import derive
from chainrule.derivation.page import Page
from chainrule.derivation.steps import Steps, steps

__all__ = ["Drawing", "Page", "Steps", "derive", "draw", "expression", "steps"]
