"""Along an axis: sums, means, the largest, softmax, normalizations; and what only moves numbers."""

from __future__ import annotations

import functools
from typing import Any
from weakref import ref

import numpy as np

from chainrule.engines.native.lower.builder import Builder, numbers_of, of_the_library
from chainrule.engines.native.lower.pointwise import beside, pointwise
from chainrule.engines.native.lower.registry import lowers
from chainrule.engines.native.lower.sequences import mask_of
from chainrule.engines.native.plan import EXAMPLE, NoKernelError, Option
from chainrule.engines.trace import Node


@lowers("softmax", "log_softmax")
def softmax(plan: Builder, node: Node) -> None:
    A = plan.read(node.first)
    axis = node.options.get("axis", -1) % node.ndim
    plan.refuse_examples(node.op, A, [axis])
    if axis == node.ndim - 1:
        plan.make(node, node.op, [A])
        return
    A = plan.moved([A], lambda A: np.moveaxis(A, axis, -1))
    Z = plan.emit(node.op, [A], plan.values[A].shape)
    plan.ids[node] = plan.moved([Z], lambda Z: np.moveaxis(Z, -1, axis))


@lowers("sum", "mean", "max")
def reduction(plan: Builder, node: Node) -> None:
    (given,) = node.parents
    if node.plain and given.dtype != plan.dtype and given.dtype.kind != "b":
        raise NoKernelError(f"the {node.op} of plain numbers of type {given.dtype}, not {plan.dtype}")
    A = plan.read(given)
    axis, n = node.options["axis"], len(plan.full(A))
    axes = [*range(n)] if axis is None else sorted(i % n for i in (axis if isinstance(axis, tuple) else (axis,)))
    plan.refuse_examples(node.op, A, axes)
    order = [*(i for i in range(n) if i not in axes), *axes]
    if order != [*range(n)]:
        A = plan.moved([A], lambda A: A.transpose(order))
    plan.make(node, node.op if axes else "identity", [A])


@lowers("layer_norm")
def layer_norm(plan: Builder, node: Node) -> None:
    plan.refuse_examples("layer_norm", plan.read(node.first), [node.ndim - 1])
    pointwise(plan, node)


@lowers("batch_norm", "normalize")
def batch_norm(plan: Builder, node: Node) -> None:
    """With the moving averages of the layer that it belongs to, if that is the library's."""
    layer = node.layer
    moving = layer is not None and of_the_library(type(layer))
    if not moving and node.op == "normalize":
        pointwise(plan, node)
        return
    inputs = [beside(plan, node, given) for given in node.inputs[:3] if given is not None]
    if node.op == "batch_norm":
        inputs += [mask_of(plan, node, given) for given in node.inputs[3:] if given is not None]
    if plan.values[inputs[0]].kind != EXAMPLE:
        raise NoKernelError("batch normalization of what is no batch")
    n = node.shape[-1]
    averages = {"moving": moving, "momentum": getattr(layer, "momentum", 1.0)}
    statistics: dict[str, Option] = {"mean": np.zeros(n), "variance": np.ones(n)}
    plan.make(node, "batch_norm", inputs, **numbers_of(node), **averages, **statistics)
    if moving and layer is not None:
        plan.moving.append((plan.steps[-1], ref(layer)))


@lowers("reshape", "transpose", "index", "concatenate", "stack")
def moving(plan: Builder, node: Node) -> None:
    """The same numbers in another shape or order."""
    assert node.operation is not None
    function: functools.partial[Any] = functools.partial(node.operation, **node.options)
    given = list(node.parents)
    if given[0] in plan.views and len(given) == 1:
        view = given[0]
        plan.views[node] = plan.laid_out([plan.views[view]], [True], [view.shape], function)
        return
    of_each = any(map(plan.of_examples, given))
    inputs = [plan.read(one, of_each=of_each) for one in given]
    plan.ids[node] = plan.moved(inputs, function, node.op, [one.shape for one in given])
