"""A cost as a sum of means: what the threads can add up, each for its own examples."""

from typing import Any

import numpy as np

from chainrule.engines.steps import NoKernelError
from chainrule.graph import Variable, plain
from chainrule.ops import LOSSES

_COSTS = frozenset(loss.name for given in LOSSES.values() for loss in (given, *given.after.values()))


def is_loss(node: Variable) -> bool:
    """Whether a node is a mean over the examples of a loss that the library has."""
    return node.operation is not None and node.operation.name in _COSTS


def takes_classes(node: Variable) -> bool:
    """Whether a node is a loss whose targets may be the numbers of classes."""
    return node.operation is not None and node.operation.targets is LOSSES["cross_entropy"].targets


def terms_of(J: Any, loss: str) -> tuple[dict[Variable, float], set[Variable]]:
    """The losses, means and sums over all examples that J is made of, each with its factor, and all nodes down to them.

    Raises:
        NoKernelError: J is something else.
    """
    terms: dict[Variable, float] = {}
    nodes: set[Variable] = set()
    pending = [(J, 1.0)]
    while pending:
        node, factor = pending.pop()
        if not isinstance(node, Variable) or node.operation is None:
            raise NoKernelError(f"the loss {loss}, which has a part that does not depend on the output")
        nodes.add(node)
        name, A, B = node.operation.name, node.inputs[0], (*node.inputs, None)[1]
        if is_loss(node) or (name in ("sum", "mean") and np.size(plain(A)) > 1):
            terms[node] = terms.get(node, 0.0) + factor
        elif name == "negative":
            pending.append((A, -factor))
        elif name in ("add", "subtract"):
            pending += [(A, factor), (B, factor if name == "add" else -factor)]
        elif name == "multiply" and not isinstance(A, Variable):
            pending.append((B, factor * np.asarray(A).item()))
        elif name in ("multiply", "divide") and not isinstance(B, Variable):
            number = np.asarray(B).item()
            pending.append((A, factor * number if name == "multiply" else factor / number))
        else:
            raise NoKernelError(f"the loss {loss}, which is no sum of means over the examples")
    return terms, nodes
