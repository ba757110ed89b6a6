"""A cost as a sum of means: what the threads can add up, each for its own examples."""

from __future__ import annotations

import math

import numpy as np

from chainrule.engines.native.lower.builder import Builder, numbers_of
from chainrule.engines.native.plan import EXAMPLE, NoKernelError, Step
from chainrule.engines.trace import Node, Role
from chainrule.ops import LOSSES

_COSTS = frozenset(loss.name for given in LOSSES.values() for loss in (given, *given.after.values()))


def is_loss(node: Node) -> bool:
    """Whether a node is a mean over the examples of a loss that the library has."""
    return node.op in _COSTS


def takes_classes(node: Node) -> bool:
    """Whether a node is a loss whose targets may be the numbers of classes."""
    return node.operation is not None and node.operation.targets is LOSSES["cross_entropy"].targets


def terms_of(J: Node, loss: str) -> tuple[dict[Node, float], set[Node]]:
    """The losses, means and sums over all examples that J is made of, each with its factor, and all nodes down to them.

    Raises:
        NoKernelError: J is something else.
    """
    terms: dict[Node, float] = {}
    nodes: set[Node] = set()
    pending = [(J, 1.0)]
    while pending:
        node, factor = pending.pop()
        if node.role is not Role.COMPUTED:
            raise NoKernelError(f"the loss {loss}, which has a part that does not depend on the output")
        nodes.add(node)
        A, B = (*node.parents, None)[:2]
        assert A is not None
        if is_loss(node) or (node.op in ("sum", "mean") and math.prod(A.shape) > 1):
            terms[node] = terms.get(node, 0.0) + factor
        elif node.op == "negative":
            pending.append((A, -factor))
        elif node.op in ("add", "subtract") and B is not None:
            pending += [(A, factor), (B, factor if node.op == "add" else -factor)]
        elif node.op == "multiply" and A.given and B is not None:
            pending.append((B, factor * _number(A)))
        elif node.op in ("multiply", "divide") and B is not None and B.given:
            pending.append((A, factor * _number(B) if node.op == "multiply" else factor / _number(B)))
        else:
            raise NoKernelError(f"the loss {loss}, which is no sum of means over the examples")
    return terms, nodes


def term(plan: Builder, node: Node, scale: float) -> None:
    """A part of the cost: a loss, or a mean or sum over all examples."""
    first, *others = node.inputs
    assert first is not None
    A = plan.read(first)
    if plan.values[A].kind != EXAMPLE:
        raise NoKernelError("a part of the cost that does not depend on the output")
    options: dict[str, float] = {"scale": scale}
    if is_loss(node):
        Y, *weights = others
        if Y is None or Y.role is not Role.LABEL or any(w is not None and w.role is not Role.WEIGHT for w in weights):
            raise NoKernelError(f"{node.op} of something else than the targets")
        options |= numbers_of(node)
    else:
        options["mean"] = node.op == "mean"
    kernel = node.op if is_loss(node) else "total"
    plan.steps.append(Step(kernel, [A], -1, [plan.values[A].wanted], dict(options)))


def reads_classes(plan: Builder, terms: dict[Node, float]) -> bool:
    """Whether Y may be the numbers of classes."""
    losses = [*filter(is_loss, terms)]
    return plan.target < 0 and bool(losses) and all(map(takes_classes, losses))


def refuse_labels_as_numbers(plan: Builder, terms: dict[Node, float], loss: str) -> None:
    """Where Y is read as numbers, the losses beside must do so too."""
    Y = plan.trace.Y
    for node in terms:
        A = node.first
        as_numbers = is_loss(node) and Y is not None and not reads_classes(plan, terms)
        if as_numbers and Y is not None and math.prod(Y.shape) != math.prod(A.shape):
            raise NoKernelError(f"the loss {loss}, which takes targets in two ways")


def refuse_unchecked_outputs(terms: dict[Node, float]) -> None:
    """Kernels take any number for a probability; a loss of the library's alone has its outputs checked by the cost."""
    for node in terms:
        if is_loss(node) and node.operation is not None and node.operation.after:
            activations = " or ".join(activation.name for activation in node.operation.after)
            raise NoKernelError(f"{node.op} of something else than the {activations} of the network, in an own loss")


def _number(node: Node) -> float:
    return float(np.asarray(node.numbers).item())
