"""The work shown: formulas, shapes and numbers of a graph or a network, and drawings of it."""

from chainrule.derivation.drawing import Drawing, draw

__all__ = ["Drawing", "draw"]
