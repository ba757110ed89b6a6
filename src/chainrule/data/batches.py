"""The examples in mini-batches: from arrays and memory maps, shuffled, or from any stream of batches.

What an engine may read of all of them is the same: `epoch` gives the batches, `arrays` tells whether all examples lie
as arrays from which the engine may take rows itself, and `l2` may hold the strength of the penalty batch by batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chainrule.data.checksums import Passed, Rows, checksum_beside
from chainrule.data.examples import examples
from chainrule.engines import Batch
from chainrule.errors import DataError
from chainrule.randomness import stream

Weigh = Callable[[NDArray[Any], NDArray[Any], NDArray[Any] | None], NDArray[Any] | None]
"""(X, Y, example weights or None) -> the weights that count, or None."""

Cast = Callable[[NDArray[Any]], NDArray[Any]]
"""X as it comes -> X as the network takes it; see `Network.cast`."""


class RowArray(Rows, Protocol):
    """An array, a memory map, the rows of a sparse matrix."""

    @property
    def ndim(self) -> int: ...


class ArrayBatches:
    """Mini-batches of arrays that support row indexing; a memory map is read batch by batch.

    The order of epoch e depends on the seed and on e alone, so any epoch can be run again from any batch.

    Args:
        X: (m, …); Y: (m, …); weights: (m,) or (m, steps), or None.
        batch_size: examples in a batch; the last batch takes what is left.
        shuffle: whether each epoch has an order of its own. seed: of the orders.
        cast: what makes X the network's type and checks it, where that has not been done for all of X.

    Attributes:
        X, Y, weights, seed, cast: as given. batch_size: m at most.
        m: how many examples there are.
        shuffle: whether `order` is anything else than 0, 1, 2, …
        l2: the strength of L2 regularization in each batch of the epoch under way; None for the optimizer's.
    """

    l2: NDArray[np.float64] | None = None

    def __init__(
        self,
        X: RowArray,
        Y: NDArray[Any],
        weights: NDArray[Any] | None,
        *,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        cast: Cast | None = None,
    ):
        self.X, self.Y, self.weights = X, Y, weights
        self.m = len(X)
        self.batch_size = min(batch_size, self.m)
        self.shuffle = shuffle and self.batch_size < self.m  # one batch of all examples has no order
        self.seed = seed
        self.cast = cast

    def __len__(self) -> int:
        return -(-self.m // self.batch_size)

    @property
    def arrays(self) -> ArrayBatches:
        """These batches themselves: all their examples lie as arrays, from which an engine may take rows itself."""
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many examples a batch may have."""
        rest = self.m % self.batch_size
        return (self.batch_size, rest) if rest else (self.batch_size,)

    def count(self, epoch: int) -> int:
        """How many batches the epoch has."""
        return len(self)

    def first(self) -> Batch:
        """The first examples as they stand, to learn the shapes from."""
        some = slice(self.batch_size)
        return self.X[some], self.Y[some], None if self.weights is None else self.weights[some]

    def in_order(self) -> Iterator[Batch]:
        """All batches once, as the data stand."""
        return ArrayBatches(self.X, self.Y, self.weights, batch_size=self.batch_size, cast=self.cast).epoch(0)

    def settings(self) -> dict[str, Any]:
        """What a resumed run must share with the first: JSON, but for the checksum, which is still being summed."""
        return {
            "X of shape": list(self.X.shape),
            "data with checksum": checksum_beside(self.X, self.Y, self.weights),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
        }

    def order(self, epoch: int) -> NDArray[np.intp]:
        """The examples' numbers in the order in which this epoch meets them."""
        return stream("order", self.seed, epoch).permutation(self.m) if self.shuffle else np.arange(self.m)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on."""
        order = self.order(epoch) if self.shuffle else None
        for begin in range(start * self.batch_size, self.m, self.batch_size):
            rows = slice(begin, begin + self.batch_size) if order is None else order[begin : begin + self.batch_size]
            X = self.X[rows] if self.cast is None else self.cast(self.X[rows])
            yield X, self.Y[rows], None if self.weights is None else self.weights[rows]


class ChunkBatches:
    """Mini-batches of examples that are read in chunks, in a new order in every epoch.

    An engine sees its pools one after the other, which are `ArrayBatches`.

    An epoch takes the chunks in random order, as many at a time as make a pool, and shuffles what is in the pool. The
    order depends on the seed and the epoch alone, so any epoch can be run again from any batch.

    Args:
        sizes: how many examples each chunk has; read: X and Y of a chunk, as arrays.
        batch_size: examples in a batch; the last batch of a pool takes what is left.
        pool: how many examples a pool has at least, unless none are left.
        facts: what a resumed run must share with the first; JSON.
        cast: makes X the network's type and checks it.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        read: Callable[[int], tuple[NDArray[Any], NDArray[Any]]],
        *,
        batch_size: int,
        pool: int,
        facts: dict[str, Any],
        cast: Cast | None = None,
    ):
        self.sizes, self.read, self.batch_size, self.pool = np.asarray(sizes), read, batch_size, pool
        self.facts, self.cast, self.seed = facts, cast, 0

    def count(self, epoch: int) -> int:
        """How many batches the epoch has."""
        return sum(self._batches(pool) for pool in self._pools(epoch))

    def pools(self, epoch: int, start: int = 0) -> Iterator[tuple[ArrayBatches, int, int]]:
        """The pools of an epoch from batch `start` on: each with its first batch to run, and how many came before."""
        before = 0
        for pool in self._pools(epoch):
            count = self._batches(pool)
            if start < before + count:
                seed = int(stream("pool", self.seed, epoch, before).integers(2**63))
                yield self._read(pool, seed), max(start - before, 0), before
            before += count

    def first(self) -> Batch:
        """Some examples, to learn the shapes from."""
        return self._read([int(self.sizes.argmax())]).first()

    def in_order(self) -> Iterator[Batch]:
        """All batches once, as the data stand."""
        for chunk in np.flatnonzero(self.sizes):
            yield from self._read([int(chunk)]).in_order()

    def settings(self) -> dict[str, Any]:
        """What a resumed run must share with the first: JSON."""
        return self.facts | {"chunks": self.sizes.tolist(), "batch_size": self.batch_size}

    def _pools(self, epoch: int) -> Iterator[list[int]]:
        """Which chunks come together."""
        pool: list[int] = []
        for chunk in stream("chunks", self.seed, epoch).permutation(np.flatnonzero(self.sizes)):
            pool.append(int(chunk))
            if self.sizes[pool].sum() >= self.pool:
                yield pool
                pool = []
        if pool:
            yield pool

    def _batches(self, pool: list[int]) -> int:
        return -(-int(self.sizes[pool].sum()) // self.batch_size)

    def _read(self, pool: list[int], seed: int = 0) -> ArrayBatches:
        parts = [self.read(chunk) for chunk in pool]
        X, Y = (np.concatenate(part) for part in zip(*parts, strict=True))
        X = X if self.cast is None else self.cast(X)
        return ArrayBatches(X, Y, None, batch_size=self.batch_size, shuffle=True, seed=seed)


class StreamBatches:
    """Mini-batches as they come from an iterable of (X, Y) or (X, Y, weights).

    Without `steps` an epoch is the whole of it, started anew for each. With `steps`, an epoch takes so many batches and
    the next goes on where it ended; one that ends is begun again. So it may be an iterator that never ends.

    Args:
        source: something to iterate over more than once, or a function that returns a fresh iterator.
        weigh: turns examples, labels and example weights into the weights that count.
        cast: makes X the network's type and checks it.
        steps: how many batches an epoch has; None for all that there are.
        called: what messages call it.

    Attributes:
        arrays: None: examples come batch by batch. sizes: empty: nobody knows them before.
        l2: None: the optimizer's holds for all batches.
        passed: the checksums of what went by, where a run keeps checkpoints; else None.
    """

    arrays = None
    l2 = None
    sizes: tuple[int, ...] = ()
    passed: Passed | None = None

    def __init__(
        self,
        source: Iterable[Any] | Callable[[], Iterable[Any]],
        weigh: Weigh,
        cast: Cast,
        steps: int | None = None,
        called: str = "the stream",
    ):
        self.source = source
        self.weigh = weigh
        self.cast = cast
        self.steps = steps
        self.called = called
        self.seed = 0
        self._waiting: deque[Batch] = deque()  # of an iterator: batches that somebody has looked at beforehand
        self._endless, self._taken = self._on_and_on(), 0
        self._last: Batch | None = None

    def count(self, epoch: int) -> int | None:
        """How many batches the epoch has, as far as that is known."""
        return self.steps

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on; those before are read and dropped.

        Raises:
            DataError: there is no batch, or one that is not (X, Y) or (X, Y, weights) of one length; or one of those
                before is not what it was when the run was trained on it.
        """
        if self.passed is not None:
            self.passed.begin(start)
        numbered = enumerate(self._batches(epoch)) if self.steps is None else self._part(epoch, start)
        for k, (X, Y, weights) in numbered:
            if self.passed is not None:
                self.passed.meet(k, X, Y, weights)
            if k >= start:
                yield self.cast(X), Y, self.weigh(X, Y, weights)

    def first(self) -> Batch:
        """The first batch, to learn the shapes from."""
        return next(self.in_order())

    def in_order(self) -> Iterator[Batch]:
        """All batches once, or as many as an epoch has."""
        batches = self._looked_ahead() if isinstance(self.source, Iterator) else self._batches(0)
        return ((self.cast(X), Y, self.weigh(X, Y, weights)) for X, Y, weights in islice(batches, self.steps))

    def settings(self) -> dict[str, Any]:
        """What a resumed run must share with the first: a stream says nothing about itself beforehand."""
        return {"X of shape": "a stream", "steps_per_epoch": self.steps}

    def _batches(self, epoch: int) -> Iterator[Batch]:
        """The batches as they come, from the first on."""
        k, batches = -1, self.source() if callable(self.source) else self.source
        if not isinstance(batches, Iterable):
            raise DataError(
                f"the function that makes the batches returned a {type(batches).__name__}, but must return an iterator "
                "over batches (X, Y), as one with yield does."
            )
        for k, batch in enumerate(batches):
            yield self._parts(batch, k)
        if k < 0:
            if self._taken:
                raise DataError(
                    f"{self.called} ended after {self._taken} batches and cannot be begun again: give fewer epochs or "
                    "steps_per_epoch, or a function that returns a fresh iterator."
                )
            raise DataError(
                f"{self.called} is empty{'' if epoch == 0 else ' in its second epoch'}: "
                "give a list, an object that can be iterated again, or a function that returns a fresh iterator."
            )

    def _on_and_on(self) -> Iterator[Batch]:
        """The batches from the first to the last, and again."""
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            yield from self._batches(0)

    def _part(self, epoch: int, start: int) -> Iterator[tuple[int, Batch]]:
        """The batches of an epoch with their numbers, from `start` on where those before have gone by, or from 0."""
        assert self.steps is not None
        begin = epoch * self.steps
        if self._last is not None and self._taken == begin + start + 1:  # another engine takes the same batch
            yield start, self._last
        elif self._taken > begin + start:
            self._endless, self._taken = self._on_and_on(), 0
        while self._taken < begin + self.steps:
            self._last = next(self._endless)
            self._taken += 1
            if self._taken > begin:
                yield self._taken - begin - 1, self._last

    def _looked_ahead(self) -> Iterator[Batch]:
        """The batches of an iterator, which the epochs will meet all the same."""
        yield from list(self._waiting)
        for k, batch in enumerate(self.source, len(self._waiting)):  # type: ignore[arg-type]
            self._waiting.append(self._parts(batch, k))
            yield self._waiting[-1]
        if not self._waiting:
            raise DataError(f"{self.called} is an iterator that has no batches any more: make it anew.")

    def _parts(self, batch: Any, k: int) -> Batch:
        if not isinstance(batch, list | tuple) or len(batch) not in (2, 3):
            raise DataError(
                f"batch {k} of {self.called} is {type(batch).__name__}, but must be (X, Y) or (X, Y, weights)."
            )
        X, Y = examples(batch[0], batch[1], f"X of batch {k}")
        return X, Y, None if len(batch) == 2 or batch[2] is None else np.asarray(batch[2])
