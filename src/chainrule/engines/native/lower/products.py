"""Products: the linear step of a layer, matrix products, and the rows of a table that are looked up."""

from __future__ import annotations

import numpy as np

from chainrule.engines.native.lower.bins import linear_in_bins
from chainrule.engines.native.lower.builder import MIXES, Builder, Positions, in_a_row
from chainrule.engines.native.lower.pointwise import refuse_other_types
from chainrule.engines.native.lower.registry import lowers
from chainrule.engines.native.plan import EXAMPLE, NoKernelError
from chainrule.engines.trace import Node


@lowers("linear")
def linear(plan: Builder, node: Node) -> None:
    refuse_other_types(plan, node)
    A, W, *rest = node.parents
    b = [plan.read(one) for one in rest]
    plan.ids[node] = linear_in_bins(plan, plan.bins[A], W, b) if A in plan.bins else linear_step(plan, A, W, b)


def linear_step(plan: Builder, A: Node, weights: Node, b: list[int]) -> int:
    """The value Z = W A + b, with W in panels where it is a parameter that nobody reads otherwise."""
    given, W = plan.read(A), plan.read(weights)
    value = plan.values[W]
    if value.kind == EXAMPLE:
        raise NoKernelError("a linear step whose W is made of the examples")
    shape = (*plan.values[given].shape[:-1], value.shape[0])
    if value.shape[0] <= plan.narrow:
        return plan.emit("narrow_linear", [given, W, *b], shape)
    if plan.may_lie_in_panels(weights) and plan.of_examples(A):
        value.panels = True
        value.turned = value.turned or plan.values[given].wanted
        return plan.emit("linear", [given, W, *b], shape)
    Z = plan.emit("matmul", [given, plan.moved([W], np.transpose)], shape)
    return plan.emit("add", [Z, *b], shape) if b else Z


@lowers("matmul")
def matmul(plan: Builder, node: Node) -> None:
    refuse_other_types(plan, node)
    given = list(node.parents)
    of_examples = [plan.of_examples(one) for one in given]
    axes = [one.ndim for one in given]
    if (of_examples[0] and axes[0] < 2) or (of_examples[1] and axes[1] < 3):
        raise NoKernelError(MIXES)
    stacks = [any(of_examples) and n == node.ndim > 2 for n in axes]
    A, B = map(plan.read, given, stacks)
    A = plan.moved([A], lambda row: row[None, :]) if axes[0] == 1 else A
    B = plan.moved([B], lambda column: column[:, None]) if axes[1] == 1 else B
    (*of_A, p, _), (*of_B, _, r) = plan.full(A), plan.full(B)
    stack = np.broadcast_shapes(tuple(of_A), tuple(of_B))
    if of_examples[0] and axes[0] == 2:  # each row of A is an example
        if of_examples[1] or axes[1] > 2:
            raise NoKernelError(MIXES)
    else:
        A, B = _stacked(plan, A, stack, any(of_examples)), _stacked(plan, B, stack, any(of_examples))
    whole = (*stack, p, r)
    Z = plan.emit("matmul", [A, B], whole[1:] if any(of_examples) else whole)
    plan.ids[node] = Z if whole == node.shape else plan.moved([Z], lambda Z: Z.reshape(node.shape))


def _stacked(plan: Builder, i: int, stack: tuple[int, ...], of_examples: bool) -> int:
    """A stack of matrices as the kernel takes it: as long as the product's, or to be met again and again.

    Args:
        of_examples: whether the first axis of the product's stack is that of the examples.
    """
    own, first = plan.full(i)[:-2], plan.values[i].kind == EXAMPLE
    if of_examples and len(own) == len(stack):
        if not first and own[0] != 1:
            raise NoKernelError(MIXES)
        own, stack = own[1:], stack[1:]
    elif of_examples:
        if first:
            raise NoKernelError(MIXES)
        stack = stack[1:]
    inner = own if first else own[next((d for d, n in enumerate(own) if n > 1), len(own)) :]
    if inner == (stack if first else stack[len(stack) - len(inner) :]):
        return i
    stretched = (plan.m, *stack) if first else stack
    return plan.moved([i], lambda M: np.broadcast_to(M, (*stretched, *M.shape[-2:])))


@lowers("embedding")
def embedding(plan: Builder, node: Node) -> None:
    indices, W = node.parents
    positions, table = _looked_up(plan, indices, W, first=0)
    plan.ids[node] = plan.emit("embedding", [table], node.shape[1:], EXAMPLE, positions=positions)


@lowers("embed_columns")
def embed_columns(plan: Builder, node: Node) -> None:
    (A, W), first = node.parents, int(node.options["first"])
    positions, table = _looked_up(plan, A, W, first)
    plan.ids[node] = plan.emit(
        "embed_columns", [table], node.shape[1:], EXAMPLE, positions=positions, first=float(first)
    )


def _looked_up(plan: Builder, A: Node, W: Node, first: int) -> tuple[Positions, int]:
    """The places of A's numbers in an example of X, from the first one on those of rows of W; and the table W."""
    if A not in plan.views:
        raise NoKernelError("an embedding of something else than numbers of X")
    positions = in_a_row(plan.views[A])
    plan.limit_indices(positions[first:], W.shape[0])
    table = plan.read(W)
    if plan.values[table].kind == EXAMPLE:
        raise NoKernelError("an embedding whose table is made of the examples")
    return positions, table
