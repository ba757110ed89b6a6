"""From a trace to a plan: every operation becomes the step of a kernel of its name, or a few.

The functions that do it stand in files by subject, as the operations do in `chainrule.ops`, and are found by the name
of the operation in one table.
"""

from __future__ import annotations

from chainrule.engines.contract import CostLike, Form, NetworkLike
from chainrule.engines.native.lower import axes, pointwise, products, sequences, windows  # they fill the table
from chainrule.engines.native.lower.bins import find_bins
from chainrule.engines.native.lower.builder import NARROW, Builder, of_the_library
from chainrule.engines.native.lower.cost import (
    is_loss,
    reads_classes,
    refuse_labels_as_numbers,
    refuse_unchecked_outputs,
    term,
    terms_of,
)
from chainrule.engines.native.lower.registry import LOWERINGS
from chainrule.engines.native.plan import EXAMPLE, Loss, NoKernelError, Plan
from chainrule.engines.trace import Node, Role, Trace

__all__ = ["LOWERINGS", "axes", "lower", "pointwise", "products", "sequences", "windows"]


def lower(
    trace: Trace,
    network: NetworkLike,
    cost: CostLike | None,
    kernels: frozenset[str],
    *,
    outputs: bool,
    own: bool,
    rounds: bool = False,
) -> Plan:
    """The plan of a trace.

    Args:
        kernels: the names of the kernels that there are.
        outputs: whether anybody wants to see the network's output.
        own: whether a layer, an activation or the loss is the user's own.
        rounds: whether products round their operands: all of them, so that none goes by a kernel that does not.

    Raises:
        NoKernelError: an operation that no kernel is for, or a form of it.
    """
    if trace.output.role is not Role.COMPUTED or not trace.output.from_data:
        raise NoKernelError("an output that does not depend on X")
    plan = Builder(trace, network.parameters, network.dtype, narrow=0 if rounds else NARROW)
    terms: dict[Node, float] = {}
    of_cost: set[Node] = set()
    if cost is not None:
        assert trace.cost is not None
        terms, of_cost = terms_of(trace.cost, cost.name)
    shown = outputs or cost is None
    needed = _needed([*([trace.output] if shown else []), *([] if trace.cost is None else [trace.cost])])
    plan.bins = {} if rounds else find_bins(plan, needed)
    needed -= {one for node, bins in plan.bins.items() for one in (node, *bins.between)}
    for node in trace.nodes:
        if node in needed and (node in terms or node not in of_cost):
            _write(plan, node, terms, kernels, "the network" if cost is None else f"the loss {cost.name}")
    output = plan.read(trace.output) if shown else -1
    if output >= 0 and plan.values[output].kind != EXAMPLE:
        raise NoKernelError("an output that does not depend on X")
    if cost is not None:
        refuse_labels_as_numbers(plan, terms, cost.name)
    if cost is not None and cost.own:
        refuse_unchecked_outputs(terms)
    _drop_idle_derivatives(plan)
    _refuse_layers_that_move_twice(plan)
    return Plan(
        input=Form(trace.X.shape[1:], trace.X.dtype),
        values=plan.values,
        steps=plan.steps,
        output=output,
        output_shape=trace.output.shape[1:],
        limits=plan.limits,
        labels=reads_classes(plan, terms),
        dtype=network.dtype,
        moving=plan.moving,
        constants=plan.constants,
        drop_rates=plan.drop_rates,
        losses=[_loss_of(node) for node in terms if is_loss(node)],
        target=Form(trace.Y.shape[1:], trace.Y.dtype)
        if trace.Y is not None and cost is not None and cost.own
        else None,
        own=own,
    )


def _loss_of(node: Node) -> Loss:
    assert node.operation is not None
    return Loss(node.operation, node.options, node.first.shape[1:])


def _write(plan: Builder, node: Node, terms: dict[Node, float], kernels: frozenset[str], called: str) -> None:
    """Add the steps of one node; a refusal names the layer that made it, or else what is `called` so."""
    try:
        known = node.op in kernels and of_the_library(node.operation and node.operation.function)
        if not known:
            raise NoKernelError(f"the operation {node.op}")
        if node in terms:
            term(plan, node, terms[node])
        else:
            LOWERINGS.get(node.op, pointwise.pointwise)(plan, node)
    except NoKernelError as error:
        where = called if node.layer is None else node.layer.label
        raise NoKernelError(f"{error.reason}, in {where}") from None


def _needed(ends: list[Node]) -> set[Node]:
    """All nodes that these are made of."""
    unseen, needed = [*ends], set(ends)
    while unseen:
        for node in unseen.pop().parents:
            if node not in needed:
                needed.add(node)
                unseen.append(node)
    return needed


def _refuse_layers_that_move_twice(plan: Builder) -> None:
    """The second of two steps would have to begin with what the first has left in the layer."""
    layers = [layer() for _, layer in plan.moving]
    for i, layer in enumerate(layers):
        if layer is not None and any(other is layer for other in layers[:i]):
            raise NoKernelError(f"{layer.label}, whose statistics move twice in one pass")


def _drop_idle_derivatives(plan: Builder) -> None:
    """Nothing comes back through a step whose output the cost does not depend on."""
    reached = {-1}
    for step in reversed(plan.steps):
        if step.output not in reached:
            step.derives = [False] * len(step.inputs)
        reached.update(i for i, derives in zip(step.inputs, step.derives, strict=True) if derives)
