"""The computation graph: operations that record themselves, and the chain rule that walks the record backwards.

The graph knows no calculus. An operation (see `chainrule.ops`) computes a value and hands back a function `backward`,
which turns the derivative of the cost by that value into the derivatives by each input. A `Variable` remembers which
operation made it from which inputs; `backward()` visits the variables from the cost to the leaves and adds up.
"""

from chainrule.graph.closed_array import ClosedArray, is_closed_array
from chainrule.graph.footprint import Footprint, TooLargeError, foresee
from chainrule.graph.operation import Lowered, Operation, lowered, operation
from chainrule.graph.operators import COMPARISONS, OPERATIONS
from chainrule.graph.recording import (
    ClosedError,
    Recording,
    Refusal,
    computing,
    plain,
    refuse_numbers,
    sample_of,
)
from chainrule.graph.variable import (
    Array,
    Backward,
    Later,
    Variable,
    backward,
    from_cost_to_leaves,
    namespace,
    parts,
    variable,
)

__all__ = [
    "COMPARISONS",
    "OPERATIONS",
    "Array",
    "Backward",
    "ClosedArray",
    "ClosedError",
    "Footprint",
    "Later",
    "Lowered",
    "Operation",
    "Recording",
    "Refusal",
    "TooLargeError",
    "Variable",
    "backward",
    "computing",
    "foresee",
    "from_cost_to_leaves",
    "namespace",
    "is_closed_array",
    "lowered",
    "operation",
    "parts",
    "plain",
    "refuse_numbers",
    "sample_of",
    "variable",
]
