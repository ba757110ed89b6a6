"""The network: layers in a row, their parameters in one flat vector, and all of it as plain data."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import engines, files
from chainrule.checking import as_array, refuse_too_many, seed_or_fresh, whole
from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.graph import Array, Recording, Variable, plain, refuse_numbers
from chainrule.layers.dropout import Dropout
from chainrule.layers.flatten import Flatten
from chainrule.layers.layer import Layer, list_of_layers
from chainrule.layers.masking import Masking
from chainrule.layers.recurrence import Recurrent
from chainrule.layers.walk import Walk, Watch, current_walk, walking
from chainrule.randomness import stream
from chainrule.turns import Turn


class Network(Layer):
    """Layers one after the other: A^[0] = X, A^[l] = layer l of A^[l−1]. Itself a layer, so networks nest.

    Sizes of inputs are found from the first data that the network sees, or from `input_shape`.

    Args:
        layers: the layers, in order.
        seed: makes the random start of the parameters repeatable; None takes a fresh one, kept in `seed`.
        dtype: "float32" or "float64", of parameters and computations; statistics are always float64.
        input_shape: the shape of one example, such as (4,) or 4 for four features; None waits for data.

    Attributes:
        metadata: plain JSON that travels with the model file, such as the names of the classes.
        compiled: what engines have made of the network and may use again; neither copied nor saved.

    Raises:
        OptionError: no layers, one layer object twice, or an unknown dtype.
    """

    not_in_config = frozenset({"input_shape"})

    def __init_subclass__(cls, **options: Any) -> None:
        raise OptionError("a Network is plain data and has no subclasses: subclass Layer, and put it into a Network.")

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        seed: int | None = None,
        dtype: Any = "float32",
        input_shape: int | Sequence[int] | None = None,
    ):
        self.layers = tuple(list_of_layers(layers, "Network"))
        self.seed = seed_or_fresh(seed)
        self.dtype = _float_type(dtype)
        self.input_shape: tuple[int, ...] | None = None
        self.metadata: dict[str, Any] = {}
        self.compiled: dict[Any, Any] = {}
        self._flat: NDArray[Any] = np.empty(0, self.dtype)
        self._places: dict[str, slice] = {}
        self._turn = Turn()
        _refuse_repeats(self)
        _refuse_late_masking(self)
        if input_shape is not None:
            self.build(input_shape)

    def forward(self, A: Array) -> Array:
        shape = tuple(A.shape[1:])
        if self.input_shape is None:
            self.input_shape = shape
        if shape != self.input_shape and math.prod(shape) == math.prod(self.input_shape):
            raise ShapeError(f"the network was built for examples of shape {self.input_shape}, but these are {shape}.")
        for layer in self.layers:
            A = layer(A)
        return A

    def __call__(self, A: Array) -> Array:
        """The output for a batch (m, …) of arrays or variables; the first call finds the sizes of the inputs."""
        if current_walk() is None:
            A = A if isinstance(A, Variable) else self.cast(A)
            self.build_for(A)
            with walking(Walk(dtype=self.dtype)):
                return super().__call__(A)
        return super().__call__(A)

    # Parameters

    @property
    def flat(self) -> NDArray[Any]:
        """All parameters in one vector; each of `parameters` is a view into it."""
        refuse_numbers("the vector of all parameters")
        return self._flat

    @flat.setter
    def flat(self, flat: NDArray[Any]) -> None:
        self._flat = flat

    @property
    def turn(self) -> Turn:
        """Taken by whoever changes parameters or statistics, or copies them all, such as training: ``with net.turn:``.

        So another thread that saves or copies a network while it is trained gets it as it is between two updates.
        Networks inside share the turn of the outermost one, whose vector has their parameters.
        """
        root = self.root
        return root._turn if isinstance(root, Network) else self._turn

    @property
    def built(self) -> bool:
        """Whether the parameters exist."""
        return self.input_shape is not None

    def build(self, input_shape: int | Sequence[int]) -> None:
        """Make all parameters for examples of this shape, and lay them side by side in `flat`.

        Parameters that layers have already are kept.

        Raises:
            ShapeError: the layers do not fit one another or the input.
            OptionError: a layer belongs to another network.
        """
        sizes = (input_shape,) if np.ndim(input_shape) == 0 else tuple(input_shape)  # type: ignore[arg-type]
        shape = tuple(whole("a size of input_shape", n) for n in sizes)
        refuse_too_many("an example", shape)
        self._refuse_foreign_layers()
        before = [(layer, dict(layer.held), dict(layer.statistics)) for _, layer in self.family()]
        unbuilt = [network for network in self._networks() if not network.built]
        try:
            self.rehearse(shape, Walk(building=stream("parameters", self.seed), recording=True, dtype=self.dtype))
        except Exception:
            for layer, held, statistics in before:
                layer.held, layer.statistics = held, statistics
            for network in unbuilt:
                network.input_shape = None
            raise
        self.lay_flat()

    def build_for(self, X: Any) -> None:
        """`build` for the shape of these examples (m, …), unless that has been done.

        Raises:
            ShapeError, DataError: X is nothing that these layers take; the network stays unbuilt.
        """
        if self.built:
            return
        first = X[:1] if isinstance(X, Variable) else self.cast(X[:1])
        try:
            self.build(first.shape[1:])
        except ShapeError as error:
            if first.ndim > 1:
                raise
            raise ShapeError(str(error).replace("(1,)", str(np.shape(plain(X))))) from None

    def set_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Copy values into the parameters of these names; others stay.

        Raises:
            OptionError: there is no parameter of a name.
            ShapeError: a value has another shape.
        """
        held = self.parameters
        for name, value in parameters.items():
            if name not in held:
                raise OptionError(f"the network has no parameter {name!r}; it has {', '.join(held) or 'none yet'}.")
            if np.shape(value) != held[name].shape:
                raise ShapeError(f"{name} is {held[name].shape}, but the value given is {np.shape(value)}.")
        with self.turn:
            for name, value in parameters.items():
                held[name][...] = value

    @property
    def regularized(self) -> NDArray[Any]:
        """For each element of `flat`, 1 where it belongs to a weight, and 0 where to a bias or the like."""
        parts = [np.full(value.size, value.ndim > 1, self.dtype) for value in self.parameters.values()]
        return np.concatenate(parts) if parts else np.empty(0, self.dtype)

    def state(self) -> files.Tensors:
        """Everything that training changes: the parameters by name, the statistics by path ("layers.0.mean")."""
        return self.parameters | {
            f"layers.{path}.{name}": value for path, layer in self.family() for name, value in layer.statistics.items()
        }

    def set_state(self, state: files.Tensors) -> None:
        """Take over what `state` returned for a network of the same layers.

        Raises:
            ShapeError, OptionError: it belongs to another network.
        """
        with self.turn:
            self.set_parameters({name: value for name, value in state.items() if not name.startswith("layers.")})
            self.set_statistics(state)

    def set_statistics(self, state: files.Tensors) -> None:
        """Take over the statistics among what `state` returned."""
        by_path = dict(self.family())
        for name, value in state.items():
            if name.startswith("layers."):
                path, _, local = name.removeprefix("layers.").rpartition(".")
                if not path or path not in by_path:
                    raise OptionError(f"there is no layer {path} for {name}.")
                held = by_path[path].statistics.get(local, value)
                if held.shape != value.shape:
                    raise ShapeError(f"{name} is {held.shape}, but the value given is {value.shape}.")
                by_path[path].statistics[local] = value.astype(np.float64)

    # Walks

    def record(
        self,
        X: Array,
        *,
        training: bool = False,
        updating: bool = False,
        seed: int = 0,
        update: int = 0,
        watch: Watch | None = None,
        closed: Recording | None = None,
        parameters: Mapping[str, Array] | None = None,
        statistics: dict[int, dict[str, Array]] | None = None,
        drop_rates: Iterable[Array] | None = None,
    ) -> tuple[Variable | Array, dict[str, Variable]]:
        """The output for X as the end of a graph, and the variables of the parameters in it, by name.

        Args:
            X: (m, …), of the network's type (see `cast`).
            training: whether dropout drops and batch normalization uses the batch.
            updating: whether moving averages move.
            seed, update: what the masks of dropout depend on.
            watch: called with (layer, its input, its output) after every layer.
            closed: where an engine traces the network: the recording that X belongs to.
            parameters, statistics: what takes the place of the layers' own; see `Walk`.
            drop_rates: see the method of that name; None for those at epoch 0.
        """
        rates = self.drop_rates(0) if drop_rates is None else drop_rates
        walk = Walk(
            training,
            updating,
            recording=True,
            closed=closed,
            dtype=self.dtype,
            seed=seed,
            update=update,
            watch=watch,
            parameters=parameters,
            statistics=statistics,
            drop_rates=self.by_layer(rates),
        )
        with walking(walk):
            A = self(X)
        return A, {str(made.name): made for made in walk.variables.values()}

    def drop_rates(self, epoch: float) -> tuple[float, ...]:
        """The rates at this epoch of those layers whose dropout is on a schedule."""
        return tuple(layer.rate_at(epoch) for layer in self.dropouts_on_schedule())

    def by_layer(self, rates: Iterable[Array]) -> dict[int, Array]:
        """Such rates by the layers' ids, as a `Walk` takes them."""
        return {id(layer): rate for layer, rate in zip(self.dropouts_on_schedule(), rates, strict=True)}

    def dropouts_on_schedule(self) -> list[Dropout]:
        """Those layers whose dropout is on a schedule, in the network's order."""
        return [layer for _, layer in self.family() if isinstance(layer, Dropout) and layer.on_schedule]

    def gradient(self, variables: Mapping[str, Variable]) -> NDArray[Any]:
        """dJ/dθ in the order of `flat`, from the variables of `record` after `backward()`; unused parameters get 0."""
        flat = np.zeros_like(self.flat)
        for name, made in variables.items():
            if made.grad is not None:
                flat[self._places[name]] = np.ravel(made.grad)
        return flat

    def predict(
        self,
        X: Any,
        *,
        engine: str = "auto",
        threads: int | None = None,
        device: str | None = None,
        precision: str = "float32",
        memory: dict[int, tuple[Array, ...]] | None = None,
    ) -> NDArray[Any]:
        """The network's output for each example: (m, n_out).

        Args:
            X: (m, …), an array, a memory map, or anything that NumPy makes an array of.
            engine, threads, device, precision: who computes, by how many threads, where, and how exactly; see `train`.
            memory: a dict, empty at first, in which recurrent layers leave the state that they end in, and from which
                they go on at the next call with the same m; then NumPy computes. None begins every sequence anew.

        Raises:
            ShapeError: the examples have another shape than those that the network was built for.
            DataError: X is empty, not numeric, or holds NaN or infinity.
            OptionError: a memory, and a layer that looks at several steps but keeps no state, such as attention.
        """
        X = as_array(X, "X")
        self.build_for(X)
        if memory is None:
            try:
                with engines.held_to(threads):
                    return engines.select(engine, device, precision=precision).predict(self, X)
            except ShapeError as error:
                if X.ndim != 2 or self.input_shape != X.shape[:1] or X.shape[0] == X.shape[1]:
                    raise
                raise ShapeError(f"{error} Examples are rows here: X.T.") from None
        for _, layer in self.family():
            if layer.across_steps:
                raise OptionError(
                    f"{layer.label} looks at several steps at once and keeps no state, so it cannot go on from a "
                    "memory: give the sequences as a whole."
                )
        with engines.held_to(threads), engines.blas_held(), walking(Walk(dtype=self.dtype, memory=memory)):
            result: NDArray[Any] = self(self.cast(X))
        return result

    def steps_that_count(self, X: Any) -> NDArray[np.bool_] | None:
        """(m, steps), the steps of the output that count, where the network begins with a `Masking` and the output has
        steps; else None."""
        first = next(_leaves(self), None)
        return self.mask_after(first.found_in(np.asarray(X))) if isinstance(first, Masking) else None

    def forget(self) -> None:
        """Let go of the states that stateful layers carry from batch to batch: the next batch begins anew."""
        with self.turn:
            for _, layer in self.family():
                if isinstance(layer, Recurrent):
                    layer.forget()

    def blank_output(self, shape: tuple[int, ...] | None = None) -> Any:
        """The output for one example of zeros, as the end of a graph: it tells the shape and the last operation.

        Args:
            shape: of the example, where it is not the one that the network was built for, as of longer sequences.
        """
        shape = self.input_shape if shape is None else shape
        assert shape is not None
        with np.errstate(all="ignore"):
            return self.record(self.cast(np.zeros((1, *shape), np.uint8)))[0]

    def last_operation(self) -> str:
        """The name of the operation that makes the output, such as "softmax"; "" where there is none."""
        end = self.blank_output()
        return end.operation.name if isinstance(end, Variable) and end.operation is not None else ""

    def output(self, X: Array) -> NDArray[Any]:
        """The output for a batch that `cast` has returned, recording nothing."""
        with walking(Walk(dtype=self.dtype)):
            result: NDArray[Any] = self(X)
        return result

    def cast(self, X: Any, first: int = 0) -> NDArray[Any]:
        """X in the type that the first layer takes: mostly the network's; an Embedding and a Standardize take any.

        Args:
            X: (m, …).
            first: the number of X's first example in the whole, for the message.

        Raises:
            DataError: X is not numeric, or holds NaN or infinity, or numbers too large for the type.
        """
        array = as_array(X, "X")
        if array.dtype.kind not in "fiub":
            raise DataError(
                f"X is of type {array.dtype}, but a network takes numbers: encode text and dates first; where all are "
                "numbers already, give X.astype(float)."
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            place = np.argwhere(~np.isfinite(array))[0] + ([first] + [0] * (array.ndim - 1))
            what = "NaN" if np.isnan(array).any() else "infinity"
            raise DataError(f"X holds {what}, first at {place.tolist()}: fill in or drop such examples first.")
        if self._takes_any_type():
            return array
        with np.errstate(over="ignore"):
            typed: NDArray[Any] = array.astype(self.dtype, copy=False)
        if typed is not array and array.dtype.kind == "f" and not np.isfinite(typed).all():
            raise DataError(f"X goes up to {np.abs(array).max():g}, which {self.dtype} cannot hold: rescale it first.")
        return typed

    def _takes_any_type(self) -> bool:
        passing = (Flatten, Masking)
        return next((leaf.takes_any_type for leaf in _leaves(self) if not isinstance(leaf, passing)), False)

    def summary(self) -> None:
        """Print each layer with its output shape and its parameters. Shapes are known once there were data."""
        from chainrule.layers.summary import print_summary

        print_summary(self)

    # Plain data

    def __repr__(self) -> str:
        return f"Network([{', '.join(map(repr, self.layers))}])"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network into one .safetensors file, atomically: a failed write leaves an old file as it was.

        While another thread trains the network, the file holds it as it is between two updates.

        Raises:
            ModelFileError: the file cannot be written.
            OptionError: a layer cannot be told as plain data, such as one with an activation that is a lambda.
        """
        files.write_tensors(path, *self.content())

    def copy(self, dtype: Any = None) -> Network:
        """A network of its own with the same layers and values, in another `dtype` if one is given."""
        with self.turn:
            layers = [copy.deepcopy(layer) for layer in self.layers]
        twin = Network(layers, seed=self.seed, dtype=self.dtype if dtype is None else dtype)
        twin.metadata = copy.deepcopy(self.metadata)
        if self.built:
            twin.input_shape = self.input_shape
            twin.lay_flat()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        from chainrule.layers.saved import from_bytes

        return from_bytes, (files.pack(*self.content()),)

    def content(self) -> tuple[files.Tensors, dict[str, Any]]:
        """What a model file holds: copies of the tensors, and the description, JSON (see `chainrule.layers.saved`).

        A warning tells what own layers keep beside that.
        """
        from chainrule.layers.unsaved import warn_of_unsaved

        warn_of_unsaved(self)
        description = {"format": files.FORMAT, "network": self.to_config(), "metadata": self.metadata}
        if self.input_shape is not None:
            description["input_shape"] = list(self.input_shape)
            description["parameters"] = {
                f"{name}{layer.l}": [path, name] for path, layer in self.family() for name in layer.held
            }
        elif any(layer.held for _, layer in self.family()):
            raise OptionError(
                "layers inside have parameters, but the network around them has seen no data, so its shapes are "
                "not known: give it input_shape, or build(…), before it is saved."
            )
        with self.turn:
            return {name: np.array(value) for name, value in self.state().items()}, description

    # How the parameters are numbered and laid out

    def _networks(self) -> Iterator[Network]:
        return (layer for _, layer in self.family() if isinstance(layer, Network))

    def _refuse_foreign_layers(self) -> None:
        inside = {id(layer) for _, layer in self.family()}
        for _, layer in self.family():
            if layer.root is not None and id(layer.root) not in inside:
                raise OptionError(
                    f"{layer!r} belongs to another network already: make new layers, or put that whole network, "
                    "or its copy(), into this one."
                )

    def lay_flat(self) -> None:
        """Number the layers and give every parameter its place in one vector; networks inside get their part of it."""
        self.number_layers()
        flat = np.empty(sum(value.size for value in self.parameters.values()), self.dtype)
        begins: dict[int, int] = {}
        end = 0
        for _, layer in self.family():
            layer.root = self
            begins[id(layer)] = end
            for name, value in layer.held.items():
                start, end = end, end + value.size
                layer.held[name] = flat[start:end].reshape(value.shape)
                layer.held[name][...] = value
        for network in self._networks():
            begin = end = begins[id(network)]
            network._places = {}
            for name, value in network.parameters.items():
                start, end = end, end + value.size
                network._places[name] = slice(start - begin, end - begin)
            network.flat = flat[begin:end]
            network.dtype = self.dtype

    def number_layers(self) -> None:
        """Give the layers that hold parameters their l, in the order of the walk."""
        l = 0
        for _, layer in self.family():
            l += bool(layer.held)
            layer.l, layer.follows = (l, 0) if layer.held else (None, l)

    def rehearse(self, shape: tuple[int, ...], walk: Walk, m: int = 1) -> Array:
        """One walk of m blank examples through the layers: their output."""
        blank = np.zeros((m, *shape), np.uint8 if self._takes_any_type() else self.dtype)
        with walking(walk), np.errstate(all="ignore"):
            return super().__call__(blank)


def the_network(given: Any, function: str) -> Network:
    """What is given to a function whose first argument is a network.

    Raises:
        OptionError: it is none.
    """
    if isinstance(given, Network):
        return given
    kind = type(given).__name__
    if isinstance(getattr(given, "network", None), Network):
        raise OptionError(f"{function} takes a Network, but was given a {kind}: give the network in it, .network.")
    raise OptionError(f"{function} takes a Network first, but was given a {kind}.")


def _refuse_repeats(network: Network) -> None:
    seen: set[int] = set()
    for _, layer in network.family():
        layer.arguments()  # says now, and not when saving, what is wrong with an own layer
        if id(layer) in seen:
            raise OptionError(f"{layer!r} stands in the network twice: make a layer object for each place.")
        seen.add(id(layer))


def _refuse_late_masking(network: Network) -> None:
    for leaf in list(_leaves(network))[1:]:
        if isinstance(leaf, Masking):
            raise OptionError(f"{leaf!r} looks for the padding of X itself, so it must be the first layer.")


def _leaves(network: Network) -> Iterator[Layer]:
    """The layers that hold no others."""
    return (layer for _, layer in network.family() if not layer.holds_layers)


def _float_type(dtype: Any) -> str:
    if dtype is None:  # which NumPy takes for float64
        return _float_type("None")
    try:
        name = str(np.dtype(dtype))
    except TypeError:
        name = repr(dtype)
    if name not in ("float32", "float64"):
        raise OptionError(f'a network computes in "float32" or "float64", not {name}.')
    return name
