"""What training is given: arrays, streams or chunks of examples, checked, as mini-batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule import distributed, engines
from chainrule.checking import whole
from chainrule.data.augmentation import Augmentation, AugmentedBatches
from chainrule.data.batches import ArrayBatches, ChunkBatches, RowArray, StreamBatches
from chainrule.data.examples import class_table, example_weights, examples, stream_weights
from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.layers import Network
from chainrule.optimizers import LBFGS, Optimizer
from chainrule.training.axes import refuse_channels_first
from chainrule.training.cost import Cost

AnyBatches = ArrayBatches | AugmentedBatches | ChunkBatches | StreamBatches
"""All kinds of mini-batches that an epoch may consist of."""


@dataclass(frozen=True)
class Weighing:
    """How much examples count: each by itself, and by their class; as `train` takes them."""

    of_each: Any = None
    of_classes: dict[Any, float] | Literal["balanced"] | None = None


def given_batches(
    net: Network,
    X: Any,
    y: Any,
    weighing: Weighing,
    rule: Optimizer | LBFGS,
    batch_size: int | None,
    shuffle: bool,
    steps_per_epoch: int | None,
) -> ArrayBatches | ChunkBatches | StreamBatches:
    """The training data as `train` takes them; of arrays y is one, too.

    Raises:
        OptionError, DataError, ShapeError: see `train`.
    """
    if y is None:
        return _of_stream(net, X, weighing, rule, steps_per_epoch)
    if steps_per_epoch is not None:
        raise OptionError("steps_per_epoch is for streams; of arrays every epoch meets all examples: leave it out.")
    return _of_arrays(net, X, y, weighing, rule, batch_size, shuffle)


def meet(net: Network, cost: Cost, batches: AnyBatches) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """Let the network find its sizes, and the cost what its targets are; the first examples, X, y and weights."""
    X, y, weights = batches.first()
    if not net.built:
        refuse_channels_first(net, X.shape[1:])
    net.build_for(batches.X if isinstance(batches, ArrayBatches) else X)
    cost.fit(net, X, batches.Y if isinstance(batches, ArrayBatches) else y)
    return X, y, weights


def _of_arrays(
    net: Network,
    X: Any,
    y: Any,
    weighing: Weighing,
    rule: Optimizer | LBFGS,
    batch_size: int | None,
    shuffle: bool,
) -> ArrayBatches:
    """The training data from arrays, checked."""
    if isinstance(rule, LBFGS) and distributed.processes() > 1:
        raise OptionError('L-BFGS is led by one process: take another optimizer, or one process with devices="all".')
    if callable(X) or isinstance(X, Iterator | ChunkBatches):
        raise DataError("X is a stream, whose batches (X, y) bring their labels: leave y out, train(net, X, loss=…).")
    size = None if batch_size is None else whole("batch_size", batch_size)
    X, y = examples(X, y)
    X, cast = _cast_once(net, X)
    if size is None or isinstance(rule, LBFGS):
        size = len(X)
    if shuffle and any(getattr(layer, "stateful", False) for _, layer in net.family()):
        raise OptionError("a stateful layer goes on from batch to batch, so their order matters: give shuffle=False.")
    weights = example_weights(y, weighing.of_each, weighing.of_classes, net.steps_that_count(X))
    return ArrayBatches(X, y, weights, batch_size=size, shuffle=shuffle, cast=cast)


def augmented(
    batches: AnyBatches, augment: Augmentation, net: Network, cost: Cost, rule: Optimizer | LBFGS
) -> AugmentedBatches:
    """The training data, changed anew in every epoch."""
    if not isinstance(augment, Augmentation):
        raise OptionError(f"augment is an Augmentation, such as Augmentation(flip=True, shift=0.1), not {augment!r}.")
    if not isinstance(batches, ArrayBatches):
        raise OptionError("a stream of batches is changed by whoever makes it: give arrays X and y to augment them.")
    if isinstance(rule, LBFGS):
        raise OptionError("L-BFGS needs the same examples at every update: take another optimizer to augment them.")
    return AugmentedBatches(batches, augment, net.blank_output().shape[-1] if cost.task == "classes" else None)


def known(batches: AnyBatches, first: NDArray[Any]) -> RowArray:
    """All training examples; of a stream those of its first batch."""
    inner = batches.batches if isinstance(batches, AugmentedBatches) else batches
    return inner.X if isinstance(inner, ArrayBatches) else first


def _of_stream(
    net: Network, X: Any, weighing: Weighing, rule: Optimizer | LBFGS, steps: int | None
) -> ChunkBatches | StreamBatches:
    """The training data from a stream of batches, as far as it can be checked beforehand."""
    steps = None if steps is None else whole("steps_per_epoch", steps)
    _refuse_no_stream(X, steps)
    if isinstance(rule, LBFGS):
        raise OptionError("L-BFGS needs all examples at once: give arrays X and y, or another optimizer.")
    if weighing.of_each is not None:
        raise OptionError("a stream of batches brings its weights itself: (X, y, weights).")
    if isinstance(weighing.of_classes, str):
        raise OptionError("the classes of a stream are not known beforehand: give class_weight as a dict.")
    if isinstance(X, ChunkBatches):
        return _in_chunks(net, X, weighing, steps)
    table = None if weighing.of_classes is None else class_table(weighing.of_classes)

    def weigh(X: Any, Y: Any, weights: Any) -> Any:
        return stream_weights(Y, weights, table, net.steps_that_count(X))

    return StreamBatches(X, weigh, net.cast, steps)


def _refuse_no_stream(X: Any, steps: int | None) -> None:
    """Raises DataError where X is no stream of batches, or one that comes to an end before the second epoch."""
    if isinstance(X, np.ndarray):
        raise DataError("X is an array, so its labels must come beside it: train(net, X, y, …).")
    if isinstance(X, Iterator) and steps is None:
        raise DataError(
            "X is an iterator, which can be walked only once: give a list of batches, an object that can be iterated "
            "again, a function that returns a fresh iterator, or, of one that never ends, steps_per_epoch=100."
        )
    if not (callable(X) or isinstance(X, Iterable | ChunkBatches)):
        raise DataError(f"X is a {type(X).__name__}: give arrays X and y, or batches (X, y).")


def _in_chunks(net: Network, X: ChunkBatches, weighing: Weighing, steps: int | None) -> ChunkBatches:
    """Chunks, whose examples become the network's type as they are read."""
    if weighing.of_classes is not None:
        raise OptionError("examples that are read in chunks count alike: there is no class_weight for them.")
    if steps is not None:
        raise OptionError("examples that are read in chunks have an end, which ends the epoch: no steps_per_epoch.")
    X.cast = net.cast
    return X


def _cast_once(net: Network, X: Any) -> tuple[Any, Any]:
    """X cast and checked, and None; of a memory map, X as it is, and what casts and checks each batch."""
    return (X, net.cast) if isinstance(X, np.memmap) else (net.cast(X), None)


def to_watch(net: Network, cost: Cost, validation: Any) -> ArrayBatches | StreamBatches:
    """The validation data, checked; of a stream its first batch.

    Raises:
        ShapeError, DataError: they do not fit; the message says that it is the validation.
    """
    if isinstance(validation, Iterator):
        raise DataError(
            "validation is an iterator, which can be walked only once: give (X_val, y_val), a list of batches, or a "
            "function that returns a fresh iterator."
        )
    try:
        return (_stream_to_watch if _is_stream(validation) else _arrays_to_watch)(net, cost, validation)
    except (ShapeError, DataError) as error:
        raise type(error)(f"the validation data: {error}") from None


def _stream_to_watch(net: Network, cost: Cost, validation: Any) -> StreamBatches:
    def weigh(X: Any, Y: Any, weights: Any) -> Any:
        return stream_weights(Y, weights, None, net.steps_that_count(X))

    stream = StreamBatches(validation, weigh, net.cast, called="the stream of validation")
    cost.fit(net, *stream.first()[:2])
    return stream


def _arrays_to_watch(net: Network, cost: Cost, validation: Any) -> ArrayBatches:
    if not isinstance(validation, list | tuple) or len(validation) not in (2, 3):
        raise OptionError(
            "validation is (X_val, y_val) or (X_val, y_val, weights), or a list or function of such batches."
        )
    X, y = examples(validation[0], validation[1], "X_val")
    X, cast = _cast_once(net, X)
    cost.fit(net, X, y)
    given = validation[2] if len(validation) == 3 else None
    weights = example_weights(y, given, mask=net.steps_that_count(X))
    return ArrayBatches(X, y, weights, batch_size=engines.BLOCK, cast=cast)


def _is_stream(validation: Any) -> bool:
    """Whether it is batches (X, y), and not one pair of arrays."""
    if isinstance(validation, list | tuple):
        pairs = (isinstance(item, list | tuple) and len(item) in (2, 3) for item in validation)
        return bool(validation) and all(pairs) and all(getattr(item[0], "ndim", 0) > 1 for item in validation)
    return callable(validation) or (isinstance(validation, Iterable) and not isinstance(validation, np.ndarray | str))
