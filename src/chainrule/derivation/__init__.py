"""Shows the work: any network's derivation, written from the formulas that its operations carry."""

from chainrule.derivation.network import derive
from chainrule.derivation.page import Page

__all__ = ["Page", "derive"]
