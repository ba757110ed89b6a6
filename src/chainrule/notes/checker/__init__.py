"""A checker of a learner's own forward and backward pass, which names the slip (the notes, "L layers")."""

from chainrule.notes.checker.check import check
from chainrule.notes.checker.verdict import Check, Finding

__all__ = ["Check", "Finding", "check"]
