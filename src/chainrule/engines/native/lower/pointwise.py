"""Number by number: arithmetic, comparisons, functions of each number, choices, and normalizations by given numbers."""

from __future__ import annotations

import math

import numpy as np

from chainrule.engines.native.lower.builder import MIXES, Builder, derived, numbers_of
from chainrule.engines.native.lower.registry import lowers
from chainrule.engines.native.plan import EXAMPLE, NoKernelError
from chainrule.engines.trace import Node

TIES = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "maximum", "minimum")
"""Where it matters whether two numbers are exactly equal."""


def pointwise(plan: Builder, node: Node) -> None:
    """An operation whose kernel takes its inputs and options as they are, and broadcasts them."""
    refuse_other_types(plan, node)
    inputs = [beside(plan, node, given) for given in node.parents]
    plan.make(node, node.op, inputs, derived(node), **numbers_of(node))


def beside(plan: Builder, node: Node, given: Node) -> int:
    """The number of a value that is broadcast to the node's shape; the examples must stay along the first axis."""
    if not any(map(plan.of_examples, node.parents)):
        return plan.read(given)
    of_examples, first = plan.of_examples(given), given.ndim == node.ndim
    along_the_examples = first and not of_examples and not given.given and given.shape[0] != 1
    if (of_examples and not first) or along_the_examples:
        raise NoKernelError(f"{MIXES}: {_shapes(node)} are brought together in {node.op}")
    return plan.read(given, of_each=first)


def _shapes(node: Node) -> str:
    return " and ".join(f"({', '.join(map(str, given.symbolic_shape))})" for given in node.parents)


def refuse_other_types(plan: Builder, node: Node) -> None:
    """Kernels compute in the network's type alone, which must come to the same as NumPy's rules for plain arrays do."""
    if node.plain:
        for given in node.parents:
            if not given.plain:  # made with parameters, so that it is rounded anyway
                continue
            boolean = given.dtype.kind == "b" and (node.op in ("where", "identity") or node.dtype.kind == "f")
            if not (given.given or boolean or given.dtype == plan.dtype):
                raise NoKernelError(
                    f"{node.op} of plain arrays of type {given.dtype}, where the network computes in {plan.dtype} "
                    f'(X and Y .astype("{plan.dtype}") are as they must be)'
                )
    if node.op in TIES:
        for given in node.parents:
            if given.given and not _exact(plan, given):
                raise NoKernelError(f"{node.op} with a {given.dtype} that no {plan.dtype} is equal to")


def _exact(plan: Builder, given: Node) -> bool:
    """Whether the network's type holds the numbers as they are; Python's own numbers take the type of their partner."""
    if type(given.numbers) in (bool, int, float):
        return True
    numbers = plan.numbers(given)
    return np.array_equal(numbers.astype(plan.dtype).astype(np.float64), numbers, equal_nan=True)


@lowers("identity")
def identity(plan: Builder, node: Node) -> None:
    (given,) = node.parents
    if given in plan.views:
        plan.views[node] = plan.views[given]
    elif node.plain:  # a cast, and kernels have one type
        if node.dtype.itemsize < plan.dtype.itemsize:
            raise NoKernelError(f"numbers rounded to {node.dtype}")
        plan.ids[node] = plan.read(given)
    else:
        pointwise(plan, node)


@lowers("clip")
def clip(plan: Builder, node: Node) -> None:
    low, high = node.options["low"], node.options["high"]
    bounds = {"low": -math.inf if low is None else float(low), "high": math.inf if high is None else float(high)}
    plan.make(node, "clip", [plan.read(node.first)], **bounds)


@lowers("power")
def power(plan: Builder, node: Node) -> None:
    A, B = node.parents
    if B.given and B.ndim == 0 and plan.numbers(B) == 2:
        refuse_other_types(plan, node)
        plan.make(node, "multiply", [plan.read(A)] * 2)
    else:
        pointwise(plan, node)


@lowers("dropout")
def dropout(plan: Builder, node: Node) -> None:
    seed, key = node.options["key"]
    mask = key - (plan.trace.update << 16)
    if not plan.trace.training or seed != plan.trace.seed % 2**64 or not 0 < mask < 2**16:
        raise NoKernelError("dropout with a key of its own")
    plan.make(node, "dropout", [plan.read(node.first)], rate=plan.drop_rate(node), seed=seed, mask=mask)


@lowers("standardize")
def standardize(plan: Builder, node: Node) -> None:
    """Of X itself in float64, as it comes, because large numbers lose their differences in float32."""
    A, mean, deviation = node.parents
    if A not in plan.views or not plan.is_whole(A) or not (mean.given and deviation.given):
        pointwise(plan, node)
        return
    numbers = {"mean": plan.numbers(mean), "deviation": plan.numbers(deviation)}
    plan.ids[node] = plan.emit("gather_standardized", [], node.shape[1:], EXAMPLE, **numbers)
