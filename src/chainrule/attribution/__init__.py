"""What each part of an example did to an answer: Shapley values by sampling, or integrated gradients."""

from chainrule.attribution.network import attribute
from chainrule.attribution.result import Attribution

__all__ = ["Attribution", "attribute"]
