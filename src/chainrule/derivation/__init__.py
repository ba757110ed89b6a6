"""Shows the work: any network's derivation, written from the formulas that its operations carry, and drawings."""

from chainrule.derivation.drawing import Drawing, draw
from chainrule.derivation.network import derive
from chainrule.derivation.page import Page

__all__ = ["Drawing", "Page", "derive", "draw"]
