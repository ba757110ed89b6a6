"""Through time: recurrences, attention, places, and the masks of sequences of different lengths."""

from __future__ import annotations

from weakref import ref

import numpy as np

from chainrule.engines.native.lower.builder import Builder, numbers_of, of_the_library
from chainrule.engines.native.lower.products import linear_step
from chainrule.engines.native.lower.registry import lowers
from chainrule.engines.native.lower.windows import shown_by
from chainrule.engines.native.plan import NoKernelError
from chainrule.engines.trace import Node
from chainrule.ops.masking import windows_over_steps

STATES = {"rnn": 1, "gru": 1, "lstm": 2}
"""How many arrays a recurrence may begin with."""


@lowers("rnn", "gru", "lstm")
def recurrence(plan: Builder, node: Node) -> None:
    """Z = W X + b for all steps at once is a linear step; the kernel does the rest."""
    X, W, U = list(node.parents)[:3]
    others: list[Node | None] = [*node.inputs[3:], *[None] * (STATES[node.op] + 5 - len(node.inputs))]
    b, *begin, mask = others
    if any(state is not None for state in begin) or node.options.get("cells"):
        raise NoKernelError(f"{node.op} that begins with a state")
    if not plan.of_examples(X):
        raise NoKernelError(f"{node.op} of no examples")
    biases = [] if b is None else _biases(plan, node, b, rows=W.shape[0])
    Z = linear_step(plan, X, W, biases[:1])
    inputs = [Z, plan.read(U), *biases[1:], *([] if mask is None else [mask_of(plan, node, mask)])]
    kernel = "rnn_relu" if node.options.get("activation") == "relu" else node.op
    how = {name: bool(node.options[name]) for name in ("backwards", "last")}
    how |= {"biased": len(biases) > 1, "masked": mask is not None}
    layer = node.layer
    stateful = of_the_library(type(layer)) and bool(getattr(layer, "stateful", False))
    carried = plan.trace.training and stateful
    states = {name: np.zeros((0, U.shape[1])) for name in (layer.lend(0) if carried and layer is not None else ())}
    plan.make(node, kernel, inputs, **how, carried=carried, **states)
    if carried and layer is not None:
        plan.moving.append((plan.steps[-1], ref(layer)))


def _biases(plan: Builder, node: Node, b: Node, rows: int) -> list[int]:
    """What is added to Z; of a gru also the bias inside of its reset."""
    given = plan.read(b)
    if node.op != "gru":
        return [given]
    return [plan.moved([given], lambda b: b[:rows]), plan.moved([given], lambda b: b[rows:])]


@lowers("attention")
def attention(plan: Builder, node: Node) -> None:
    Q, K, V, *mask = node.parents
    if not all(map(plan.of_examples, (Q, K, V))):
        raise NoKernelError("attention of something else than examples")
    inputs = [*map(plan.read, (Q, K, V)), *(mask_of(plan, node, given) for given in mask)]
    plan.make(node, "attention", inputs, heads=float(node.options["heads"]), causal=bool(node.options["causal"]))


@lowers("positional_encoding")
def positional_encoding(plan: Builder, node: Node) -> None:
    A, *mask = node.parents
    if not plan.of_examples(A):
        raise NoKernelError("positional_encoding of no examples")
    inputs = [plan.read(A), *(mask_of(plan, node, given) for given in mask)]
    plan.make(node, "positional_encoding", inputs, **numbers_of(node))


@lowers("step_mask")
def step_mask(plan: Builder, node: Node) -> None:
    plan.make(node, "step_mask", [plan.read(node.first)], **numbers_of(node))


@lowers("mask_steps")
def mask_steps(plan: Builder, node: Node) -> None:
    A, mask = node.parents
    plan.make(node, "mask_steps", [plan.read(A), mask_of(plan, node, mask)])


@lowers("mask_windows")
def mask_windows(plan: Builder, node: Node) -> None:
    (mask,) = node.parents
    windows, first, last = windows_over_steps(mask.shape[1], **node.options)
    ends = {"first": first.astype(np.int64), "last": last.astype(np.int64)}
    plan.make(node, "mask_windows", [mask_of(plan, node, mask)], shown=shown_by(windows), **ends)


def mask_of(plan: Builder, node: Node, mask: Node) -> int:
    """The value of a mask of a node's steps, which must be one that is made of the examples."""
    if not plan.of_examples(mask) or not plan.of_examples(node.first):
        raise NoKernelError(f"{node.op} with a mask that is not made of X")
    return plan.read(mask)
