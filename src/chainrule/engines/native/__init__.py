"""The native engine, and the way of a network to it: traced, lowered to a plan of steps, executed by C++ kernels."""

from chainrule.engines.native.engine import SETS, NativeEngine, described, kernels, units
from chainrule.engines.native.plan import NoKernelError
from chainrule.engines.native.rules import RULES

__all__ = ["RULES", "SETS", "NativeEngine", "NoKernelError", "described", "kernels", "units"]
