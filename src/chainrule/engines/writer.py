"""From the record of one batch to steps: every operation in it becomes the step of a kernel of its name, or a few.

The kernels see one example at a time, or parameters: an operation must keep the examples apart, along the first axis.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.steps import EXAMPLE, PARAMETER, NoKernelError, Step, Steps, Value
from chainrule.engines.terms import is_loss, takes_classes, terms_of
from chainrule.engines.values import MIXES, Values
from chainrule.engines.windows import on_pictures, parts_of, shown_by
from chainrule.graph import Array, Variable, from_cost_to_leaves, plain
from chainrule.noting import Notes, noting, watched
from chainrule.ops.convolution import convolution_windows, transposed_windows
from chainrule.ops.masking import windows_over_steps
from chainrule.ops.pooling import pooling_windows
from chainrule.ops.windows import Windows

LOOKS = (
    "which looks at the data: it asks for the truth or a number of what it computes, as if, float() and .item() do "
    "(cr.ops.where chooses without)"
)

NARROW = 3
"""A linear step of no more outputs than this has a kernel of its own."""


class Writer(Values):
    """Writes the steps of a record, operation by operation; `_step_NAME` those that need more than their name.

    Args:
        kernels: the names of the kernels that there are.
        training, seed, update: as `Network.record` takes them.
    """

    def __init__(
        self, network: Any, cost: Any, kernels: frozenset[str], *, training: bool, seed: int = 0, update: int = 0
    ):
        super().__init__()
        self.network, self.cost, self.kernels = network, cost, kernels
        self.training, self.seed, self.update = training, seed, update
        self.notes = Notes()
        self.owners: dict[Variable, Any] = {}
        self.outputs: list[Variable] = []
        self.statistics: list[tuple[Step, Any]] = []
        self.limits: NDArray[np.float64] | None = None
        self.terms: dict[Variable, float] = {}
        self.made_of_X: set[Variable] = set()
        self.read_elsewhere: set[Variable] = set()

    def write(self, X: Array, targets: Callable[[Any], Array], outputs: bool, updating: bool = False) -> Steps:
        """The steps of one pass.

        Args:
            X: (m, …), a batch to record.
            targets: from the network's output to what the cost takes beside it.
            outputs: whether anybody wants to see the network's output.

        Raises:
            NoKernelError: an operation that no kernel is for, or a form of it.
        """
        how = {"training": self.training, "updating": updating, "seed": self.seed, "step": self.update}
        with np.errstate(all="ignore"), noting() as self.notes:
            A, variables = self.network.record(self.begin(X), watch=self._own, **how)
            if not isinstance(A, Variable) or A.operation is None:
                raise NoKernelError("an output that does not depend on X")
            if self.cost is not None:
                self.Y = watched(targets(A))
            J = None if self.cost is None else self.cost(A, self.Y)
            self._refuse_looks(None)
        self._enter_parameters(variables)
        self.terms, of_cost = ({}, set()) if J is None else terms_of(J, self.cost.name)
        ends = ([A] if outputs or J is None else []) + ([] if J is None else [J])
        self._put_in([*self.notes.comparisons, *self.outputs], ends)
        nodes = [*dict.fromkeys(node for end in ends for node in reversed([*from_cost_to_leaves(end)]))]
        for node in nodes:
            if any(self.view(given) is not None or given in self.made_of_X for given in node.parents):
                self.made_of_X.add(node)
        self.read_elsewhere = {given for node in nodes for given in self._read_in_rows(node)}
        for node in nodes:
            if node in self.terms or (node.operation is not None and node not in of_cost):
                self._write(node)
        output = self.read(A) if outputs or J is None else -1
        if output >= 0 and self.values[output].kind != EXAMPLE:
            raise NoKernelError("an output that does not depend on X")
        self._refuse_labels_as_numbers()
        self._drop_idle_derivatives()
        return Steps(
            X.shape[1:],
            self.values,
            self.steps,
            output,
            A.shape[1:],
            limits=self.limits,
            labels=self._labels,
            dtype=self.network.dtype,
            statistics=self.statistics,
            target=self.Y.shape[1:] if self.cost is not None and self.cost.own else None,
        )

    def _own(self, layer: Any, _: Array, Z: Array) -> None:
        """Remember which layer made what Z is made of; layers inside have told of theirs before."""
        self._refuse_looks(layer)
        if isinstance(Z, Variable):
            self.outputs.append(Z)
        unseen = [Z]
        while unseen:
            node = unseen.pop()
            if isinstance(node, Variable) and node.operation is not None and node not in self.owners:
                self.owners[node] = layer
                unseen.extend(node.parents)

    def _refuse_looks(self, layer: Any) -> None:
        """What users wrote must not look at the numbers of this batch: a kernel would do the same with every other."""
        if self.notes.looked:
            raise NoKernelError(f"{self._called(layer)}, {LOOKS}")

    def _called(self, layer: Any) -> str:
        return f"the loss {self.cost.name}" if layer is None else str(layer.label)

    def _put_in(self, known: list[Variable], ends: list[Variable]) -> None:
        """Let operations read the nodes of arrays that have no derivative, such as comparisons and indices."""
        nodes = {id(node.value): node for node in known}
        unseen, seen = [*ends], set(ends)
        while unseen:
            node = unseen.pop()
            for i, given in enumerate(node.inputs):
                found = nodes.get(id(given))
                if found is not None and not (_derived(node)[i] and _derived(found)[0]):
                    node.inputs = (*node.inputs[:i], found, *node.inputs[i + 1 :])
            for parent in node.parents:
                if node in self.owners:
                    self.owners.setdefault(parent, self.owners[node])
                if parent not in seen:
                    seen.add(parent)
                    unseen.append(parent)

    def _enter_parameters(self, variables: dict[str, Variable]) -> None:
        for name, held in self.network.parameters.items():
            if name in variables:
                self.ids[variables[name]] = len(self.values)
            self.values.append(Value(PARAMETER, held.shape, wanted=name in variables, weights=held.ndim > 1))

    def _drop_idle_derivatives(self) -> None:
        """Nothing comes back through a step whose output the cost does not depend on."""
        reached = {-1}
        for step in reversed(self.steps):
            if step.output not in reached:
                step.derives = [False] * len(step.inputs)
            reached.update(i for i, derives in zip(step.inputs, step.derives, strict=True) if derives)

    def _write(self, node: Variable) -> None:
        assert node.operation is not None
        name, layer = node.operation.name, self.owners.get(node)
        self.origin = self._called(layer)
        writer: Callable[[Variable], None] = getattr(self, f"_step_{name}", self._step)
        try:
            if name not in self.kernels or not _of_the_library(node.operation.function):
                raise NoKernelError(f"the operation {name}")
            (self._term if node in self.terms else writer)(node)
        except NoKernelError as error:
            raise NoKernelError(f"{error.reason}, in {self.origin}") from None

    def _append(self, node: Variable, kernel: str, inputs: list[int], **options: Any) -> None:
        """Add the step that makes a node."""
        of_examples = any(self.values[i].kind == EXAMPLE for i in inputs)
        self.ids[node] = self.emit(kernel, inputs, node.shape[1:] if of_examples else node.shape, **options)

    def _read_in_rows(self, node: Variable) -> list[Variable]:
        """The inputs of a node but for a W that meets examples alone in linear steps, which may lie in panels."""
        linear = node.operation is not None and node.operation.name in ("linear", *_STATES)
        in_panels = linear and (self.view(node.inputs[0]) is not None or node.inputs[0] in self.made_of_X)
        return [
            given for i, given in enumerate(node.inputs) if isinstance(given, Variable) and not (in_panels and i == 1)
        ]

    # Number by number

    def _step(self, node: Variable) -> None:
        """An operation whose kernel takes its inputs and options as they are, and broadcasts them."""
        assert node.operation is not None
        inputs = [self._beside(node, given) for given in node.inputs]
        self._append(node, node.operation.name, inputs, derived=_derived(node), **_numbers(node))

    def _beside(self, node: Variable, given: Any) -> int:
        """The number of a value that is broadcast to the node's shape; the examples must stay along the first axis."""
        if not any(map(self.of_examples, node.inputs)):
            return self.read(given)
        shape, of_examples = np.shape(plain(given)), self.of_examples(given)
        first = len(shape) == node.ndim
        if (of_examples and not first) or (isinstance(given, Variable) and first and not of_examples and shape[0] != 1):
            raise NoKernelError(MIXES)
        return self.read(given, of_each=first)

    def _step_clip(self, node: Variable) -> None:
        low, high = node.options.get("low"), node.options.get("high")
        bounds = {"low": -math.inf if low is None else float(low), "high": math.inf if high is None else float(high)}
        self._append(node, "clip", [self.read(node.inputs[0])], **bounds)

    def _step_power(self, node: Variable) -> None:
        A, B = node.inputs
        if not isinstance(B, Variable) and np.ndim(B) == 0 and B == 2:
            self._append(node, "multiply", [self.read(A)] * 2)
        else:
            self._step(node)

    def _step_dropout(self, node: Variable) -> None:
        seed, key = node.options["key"]
        mask = key - (self.update << 16)
        if not self.training or seed != self.seed % 2**64 or not 0 < mask < 2**16:
            raise NoKernelError("dropout with a key of its own")
        rate = float(node.options["rate"])
        self._append(node, "dropout", [self.read(node.inputs[0])], rate=rate, seed=seed, mask=mask)

    def _step_standardize(self, node: Variable) -> None:
        A, *given = node.inputs
        view = self.view(A)
        if view is None or not self.is_whole(view) or any(isinstance(numbers, Variable) for numbers in given):
            self._step(node)
            return
        mean, deviation = (np.asarray(numbers, np.float64) for numbers in given)
        self.ids[node] = self.emit("gather_standardized", [], node.shape[1:], EXAMPLE, mean=mean, deviation=deviation)

    def _step_batch_norm(self, node: Variable) -> None:
        """With the moving averages of the layer that it belongs to, if that is the library's."""
        assert node.operation is not None
        layer = self.owners.get(node)
        moving = layer is not None and _of_the_library(type(layer))
        if not moving and node.operation.name == "normalize":
            self._step(node)
            return
        inputs = [self._beside(node, given) for given in node.inputs[:3]]
        if node.operation.name == "batch_norm":
            inputs += [self._mask(node, given) for given in node.inputs[3:] if given is not None]
        if self.values[inputs[0]].kind != EXAMPLE:
            raise NoKernelError("batch normalization of what is no batch")
        n = node.shape[-1]
        averages = {"moving": moving, "momentum": getattr(layer, "momentum", 1.0)}
        statistics = {"mean": np.zeros(n), "variance": np.ones(n)}
        self._append(node, "batch_norm", inputs, **_numbers(node), **averages, **statistics)
        if moving:
            self.statistics.append((self.steps[-1], ref(layer)))

    _step_normalize = _step_batch_norm

    def _step_layer_norm(self, node: Variable) -> None:
        self._refuse_examples("layer_norm", self.read(node.inputs[0]), (node.ndim - 1,))
        self._step(node)

    def _step_embedding(self, node: Variable) -> None:
        indices, W = node.inputs
        positions, table = self._looked_up(indices, W, first=0)
        self.ids[node] = self.emit("embedding", [table], node.shape[1:], EXAMPLE, positions=positions)

    def _step_embed_columns(self, node: Variable) -> None:
        (A, W), first = node.inputs, node.options["first"]
        positions, table = self._looked_up(A, W, first)
        self.ids[node] = self.emit(
            "embed_columns", [table], node.shape[1:], EXAMPLE, positions=positions, first=float(first)
        )

    def _looked_up(self, A: Any, W: Any, first: int) -> tuple[NDArray[np.int64], int]:
        """The places of A's numbers in an example of X, from the first one on those of rows of W; and the table W."""
        view = self.view(A)
        if view is None:
            raise NoKernelError("an embedding of something else than numbers of X")
        positions = np.ascontiguousarray(self.data[view].ravel())
        if self.limits is None:
            self.limits = np.full(self.data[self.X].size, math.inf)
        indices = positions[first:]
        self.limits[indices] = np.minimum(self.limits[indices], len(plain(W)))
        table = self.read(W)
        if self.values[table].kind == EXAMPLE:
            raise NoKernelError("an embedding whose table is made of the examples")
        return positions, table

    # Products

    def _step_linear(self, node: Variable) -> None:
        A, W, *b = (given for given in node.inputs if given is not None)
        self.ids[node] = self._linear(A, W, [self.read(one) for one in b])

    def _linear(self, given: Any, weights: Any, b: list[int]) -> int:
        """The value Z = W A + b, with W in panels where it is a parameter that nobody reads otherwise."""
        A, W = self.read(given), self.read(weights)
        value = self.values[W]
        if value.kind == EXAMPLE:
            raise NoKernelError("a linear step whose W is made of the examples")
        shape = (*self.values[A].shape[:-1], value.shape[0])
        if value.shape[0] <= NARROW:
            return self.emit("narrow_linear", [A, W, *b], shape)
        if value.kind == PARAMETER and weights not in self.read_elsewhere and self.of_examples(given):
            value.panels = True
            value.turned = value.turned or self.values[A].wanted
            return self.emit("linear", [A, W, *b], shape)
        Z = self.emit("matmul", [A, self.moved([W], np.transpose)], shape)
        return self.emit("add", [Z, *b], shape) if b else Z

    def _step_matmul(self, node: Variable) -> None:
        of_examples = [self.of_examples(given) for given in node.inputs]
        axes = [np.ndim(plain(given)) for given in node.inputs]
        if (of_examples[0] and axes[0] < 2) or (of_examples[1] and axes[1] < 3):
            raise NoKernelError(MIXES)
        stacks = [any(of_examples) and n == node.ndim > 2 for n in axes]
        A, B = map(self.read, node.inputs, stacks)
        A = self.moved([A], lambda row: row[None, :]) if axes[0] == 1 else A
        B = self.moved([B], lambda column: column[:, None]) if axes[1] == 1 else B
        (*of_A, p, _), (*of_B, _, r) = self.full(A), self.full(B)
        stack = np.broadcast_shapes(tuple(of_A), tuple(of_B))
        if of_examples[0] and axes[0] == 2:  # each row of A is an example
            if of_examples[1] or axes[1] > 2:
                raise NoKernelError(MIXES)
        else:
            A, B = self._stacked(A, stack, any(of_examples)), self._stacked(B, stack, any(of_examples))
        whole = (*stack, p, r)
        Z = self.emit("matmul", [A, B], whole[1:] if any(of_examples) else whole)
        self.ids[node] = Z if whole == node.shape else self.moved([Z], lambda Z: Z.reshape(node.shape))

    def _stacked(self, i: int, stack: tuple[int, ...], of_examples: bool) -> int:
        """A stack of matrices as the kernel takes it: as long as the product's, or to be met again and again.

        Args:
            of_examples: whether the first axis of the product's stack is that of the examples.
        """
        own, first = self.full(i)[:-2], self.values[i].kind == EXAMPLE
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
        stretched = (self.m, *stack) if first else stack
        return self.moved([i], lambda M: np.broadcast_to(M, (*stretched, *M.shape[-2:])))

    # Through time

    def _step_lstm(self, node: Variable) -> None:
        """Z = W X + b for all steps at once is a linear step; the kernel does the rest."""
        assert node.operation is not None
        name, options = node.operation.name, node.operation.defaults | node.options
        given: list[Any] = [*node.inputs, *[None] * (_STATES[name] + 5 - len(node.inputs))]
        X, W, U, b, *begin, mask = given
        if any(state is not None for state in begin) or options.get("cells"):
            raise NoKernelError(f"{name} that begins with a state")
        if not self.of_examples(X):
            raise NoKernelError(f"{name} of no examples")
        wide, biases = np.shape(plain(W))[0], [] if b is None else [self.read(b)]
        if name == "gru" and biases:
            biases = [self.moved(biases, lambda b: b[:wide]), self.moved(biases, lambda b: b[wide:])]
        Z = self._linear(X, W, biases[:1])
        inputs = [Z, self.read(U), *biases[1:], *([] if mask is None else [self._mask(node, mask)])]
        kernel = "rnn_relu" if options.get("activation") == "relu" else name
        told = {"backwards": options["backwards"], "last": options["last"]}
        told |= {"biased": len(biases) > 1, "masked": mask is not None}
        layer: Any = self.owners.get(node)
        carried = bool(self.training and layer and _of_the_library(type(layer)) and layer.stateful)
        states = {name: np.zeros((0, np.shape(plain(U))[1])) for name in (layer.lend(0) if carried else ())}
        self._append(node, kernel, inputs, **told, carried=carried, **states)
        if carried:
            self.statistics.append((self.steps[-1], ref(layer)))

    _step_rnn = _step_gru = _step_lstm

    def _step_attention(self, node: Variable) -> None:
        assert node.operation is not None
        *QKV, mask = [*node.inputs, None][:4]
        if not all(map(self.of_examples, QKV)):
            raise NoKernelError("attention of something else than examples")
        inputs = [*map(self.read, QKV), *([] if mask is None else [self._mask(node, mask)])]
        options = node.operation.defaults | node.options
        self._append(node, "attention", inputs, heads=float(options["heads"]), causal=bool(options["causal"]))

    def _step_positional_encoding(self, node: Variable) -> None:
        A, *mask = (given for given in node.inputs if given is not None)
        if not self.of_examples(A):
            raise NoKernelError("positional_encoding of no examples")
        masks = [self._mask(node, given) for given in mask]
        self._append(node, "positional_encoding", [self.read(A), *masks], **_numbers(node))

    # Windows

    def _step_convolution(self, node: Variable) -> None:
        view = self.view(node.inputs[0])
        self._convolve(node, convolution_windows, of_data=view is not None and self.is_whole(view))

    def _step_transposed_convolution(self, node: Variable) -> None:
        self._convolve(node, transposed_windows, of_data=False)

    def _convolve(self, node: Variable, windows: Callable[..., Windows], of_data: bool) -> None:
        """The pictures of examples, which may be X itself, by weights that all share."""
        assert node.operation is not None
        name, options = node.operation.name, node.operation.defaults | node.options
        A, W, *b = (given for given in node.inputs if given is not None)
        pictures = [] if of_data else [self.read(A)]
        weights = [self.read(W), *map(self.read, b)]
        if not self.of_examples(A) or any(self.values[i].kind == EXAMPLE for i in weights):
            raise NoKernelError(f"a {name} that is not of examples by parameters")
        told = on_pictures(windows(np.shape(plain(A)), np.shape(plain(W)), **options))
        kernel = f"{name}_of_data" if of_data else name
        self.ids[node] = self.emit(
            kernel, pictures + weights, node.shape[1:], EXAMPLE, windows=told, groups=float(options["groups"])
        )

    def _step_max_pool(self, node: Variable) -> None:
        assert node.operation is not None
        self._pool(node, shown_by(pooling_windows(plain(node.inputs[0]), **node.operation.defaults | node.options)))

    _step_average_pool = _step_max_pool

    def _step_adaptive_average_pool(self, node: Variable) -> None:
        self._pool(node, parts_of(node.inputs[0].shape[1:-1], node.shape[1:-1]))

    def _step_global_average_pool(self, node: Variable) -> None:
        assert node.operation is not None
        A, *mask = (given for given in node.inputs if given is not None)
        if mask:
            kernel = "masked_max_pool" if node.operation.name == "global_max_pool" else "masked_average_pool"
            self._append(node, kernel, [self.read(A), self._mask(node, *mask)])
        else:
            self._pool(node, np.arange(math.prod(A.shape[1:-1]))[None, :])

    _step_global_max_pool = _step_global_average_pool

    def _step_step_mask(self, node: Variable) -> None:
        self._append(node, "step_mask", [self.read(node.inputs[0])], **_numbers(node))

    def _step_mask_steps(self, node: Variable) -> None:
        A, mask = node.inputs
        self._append(node, "mask_steps", [self.read(A), self._mask(node, mask)])

    def _step_mask_windows(self, node: Variable) -> None:
        assert node.operation is not None
        (mask,) = node.inputs
        steps = np.shape(plain(mask))[1]
        windows, first, last = windows_over_steps(steps, **node.operation.defaults | node.options)
        told = {"shown": shown_by(windows), "first": first.astype(np.int64), "last": last.astype(np.int64)}
        self._append(node, "mask_windows", [self._mask(node, mask)], **told)

    def _mask(self, node: Variable, given: Any) -> int:
        """The mask of a node's steps, which must be one that is made of the examples."""
        assert node.operation is not None
        if not self.of_examples(given) or not self.of_examples(node.inputs[0]):
            raise NoKernelError(f"{node.operation.name} with a mask that is not made of X")
        return self.read(given)

    def _step_upsample(self, node: Variable) -> None:
        shape = node.inputs[0].shape[1:-1]
        places = np.arange(math.prod(shape)).reshape(shape)
        for axis, (many, few) in enumerate(zip(node.shape[1:-1], shape, strict=True)):
            places = np.repeat(places, many // few, axis)
        self._pool(node, places.reshape(-1, 1))

    def _pool(self, node: Variable, shown: NDArray[np.int64]) -> None:
        """shown: (places of Z, k), the places of A that each place of Z is made of, −1 for none."""
        assert node.operation is not None
        A = self.read(node.inputs[0])
        if self.values[A].kind != EXAMPLE:
            raise NoKernelError(f"{node.operation.name} of what is no batch")
        self._append(node, node.operation.name, [A], shown=np.ascontiguousarray(shown), k=float(shown.shape[1]))

    # Along an axis

    def _step_softmax(self, node: Variable) -> None:
        assert node.operation is not None
        name, A = node.operation.name, self.read(node.inputs[0])
        axis = node.options.get("axis", -1) % node.ndim
        self._refuse_examples(name, A, (axis,))
        if axis == node.ndim - 1:
            self._append(node, name, [A])
            return
        A = self.moved([A], lambda A: np.moveaxis(A, axis, -1))
        Z = self.emit(name, [A], self.values[A].shape)
        self.ids[node] = self.moved([Z], lambda Z: np.moveaxis(Z, -1, axis))

    _step_log_softmax = _step_softmax

    def _step_sum(self, node: Variable) -> None:
        assert node.operation is not None
        name, A = node.operation.name, self.read(node.inputs[0])
        axis, n = node.options.get("axis"), len(self.full(A))
        axes = [*range(n)] if axis is None else sorted(i % n for i in (axis if isinstance(axis, tuple) else (axis,)))
        self._refuse_examples(name, A, axes)
        order = [*(i for i in range(n) if i not in axes), *axes]
        if order != [*range(n)]:
            A = self.moved([A], lambda A: A.transpose(order))
        self._append(node, name if axes else "identity", [A])

    _step_mean = _step_max = _step_sum

    def _refuse_examples(self, name: str, A: int, axes: Collection[int]) -> None:
        if self.values[A].kind == EXAMPLE and 0 in axes:
            raise NoKernelError(f"{name} over the examples")

    # The same numbers in another shape or order

    def _step_reshape(self, node: Variable) -> None:
        assert node.operation is not None
        function = functools.partial(node.operation, **node.options)
        view = self.view(node.inputs[0])
        if view is not None and len(node.inputs) == 1:
            self.data[node] = self.laid_out([self.data[view]], [True], [view.shape], function)
            return
        inputs = [self.read(given, of_each=any(map(self.of_examples, node.inputs))) for given in node.inputs]
        shapes = [np.shape(plain(given)) for given in node.inputs]
        self.ids[node] = self.moved(inputs, function, node.operation.name, shapes)

    _step_transpose = _step_index = _step_concatenate = _step_stack = _step_reshape

    # The cost

    def _term(self, node: Variable) -> None:
        """A part of the cost: a loss, or a mean or sum over all examples."""
        assert node.operation is not None
        name, A, options = node.operation.name, self.read(node.inputs[0]), {"scale": self.terms[node]}
        if self.values[A].kind != EXAMPLE:
            raise NoKernelError("a part of the cost that does not depend on the output")
        if is_loss(node):
            if not self.is_Y(node.inputs[1]) or any(given is not None for given in node.inputs[2:]):
                raise NoKernelError(f"{name} of something else than the targets")
            options |= _numbers(node)
        else:
            name, options["mean"] = "total", name == "mean"
        self.steps.append(Step(name, [A], -1, [self.values[A].wanted], options, self.origin))

    @property
    def _labels(self) -> bool:
        """Whether Y may be the numbers of classes."""
        losses = [*filter(is_loss, self.terms)]
        return self.target < 0 and bool(losses) and all(map(takes_classes, losses))

    def _refuse_labels_as_numbers(self) -> None:
        """Where Y is read as numbers, the losses beside must do so too."""
        for node in self.terms:
            if is_loss(node) and not self._labels and np.size(self.Y) != np.size(plain(node.inputs[0])):
                raise NoKernelError(f"the loss {self.cost.name}, which takes targets in two ways")


_STATES = {"rnn": 1, "gru": 1, "lstm": 2}
"""How many arrays a recurrence may begin with."""


def _derived(node: Variable) -> list[bool]:
    """For each input, whether there is a derivative by it."""
    assert node.operation is not None
    formulas = node.operation.backward
    return [(formulas[i] if i < len(formulas) else formulas[-1]) != "" for i in range(len(node.inputs))]


def _numbers(node: Variable) -> dict[str, Any]:
    """The options of an operation, all of which are numbers."""
    assert node.operation is not None
    options = node.operation.defaults | node.options
    for name, option in options.items():
        if not isinstance(option, int | float):
            raise NoKernelError(f"{node.operation.name} with {name} {option!r}")
    return {name: float(option) for name, option in options.items()}


def _of_the_library(thing: Any) -> bool:
    return str(thing.__module__).startswith("chainrule.")
