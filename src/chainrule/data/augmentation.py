"""Data augmentation: pictures are changed a little in every epoch, so that a network sees more than there are."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import real
from chainrule.configuration import Configurable
from chainrule.data.batches import ArrayBatches
from chainrule.engines import Batch
from chainrule.errors import OptionError, ShapeError
from chainrule.names import unknown
from chainrule.randomness import stream

Pixels = NDArray[np.float32]


@dataclass(frozen=True, repr=False)
class Augmentation(Configurable):
    """How pictures are changed; each change is drawn uniformly, for each picture in each epoch.

    Shift, rotation, scale and crop are one bilinear interpolation; beyond the edge its pixels are repeated.

    Args:
        flip: whether half of the pictures are mirrored, left to right.
        shift: by which part of its height and of its width a picture moves at most.
        rotate: by how many degrees it turns at most.
        scale: s makes it up to 1 + s times as large or as small.
        crop: which part of the height and of the width is cut off at most, what is left being stretched.
        brightness: b multiplies it by 1 − b to 1 + b.
        noise: the standard deviation of what is added to each pixel, as a part of the range of 8 bits (255) or of 1.
        mixup: α. Each picture and its label are mixed with those of the next in the batch, λ to 1 − λ, where λ is of
            Beta(α, α) (Zhang et al., 2018).

    Raises:
        OptionError: a number out of range.
    """

    flip: bool = False
    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    crop: float = 0.0
    brightness: float = 0.0
    noise: float = 0.0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        limits = {"shift": 1, "rotate": 180, "scale": 9, "crop": 0.9, "brightness": 1, "noise": np.inf, "mixup": np.inf}
        for name, high in limits.items():
            object.__setattr__(self, name, real(name, getattr(self, name), low=0, high=high))

    @classmethod
    def parse(cls, text: str) -> Augmentation | None:
        """The augmentation that "flip,shift=0.1,rotate=15" means; None for "".

        Raises:
            OptionError: an unknown change, or one without its number.
        """
        changes: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, number = (word.strip() for word in part.partition("="))
            known = [field.name for field in fields(cls)]
            if name not in known:
                raise OptionError(unknown("change of pictures", name, known))
            if name == "flip" and not number:
                changes[name] = True
                continue
            try:
                changes[name] = bool(int(number)) if name == "flip" else float(number)
            except ValueError:
                way = "flip stands by itself" if name == "flip" else f"{name} takes a number, as in {name}=0.1"
                raise OptionError(f"{part!r} is no change of pictures: {way}.") from None
        return cls(**changes) if changes else None

    @property
    def typed(self) -> str:
        """The text that `parse` takes for it."""
        made = {field.name: getattr(self, field.name) for field in fields(self)}
        return ",".join(name if name == "flip" else f"{name}={number}" for name, number in made.items() if number)

    @property
    def places(self) -> bool:
        """Whether pixels change their places by more than a mirror."""
        return bool(self.shift or self.rotate or self.scale or self.crop)

    def draw(self, m: int, seed: int, epoch: int) -> tuple[Pixels, Pixels]:
        """What an epoch draws for each of m pictures: (m, 9) numbers from 0 to 1 for its changes, and (m,) its λ."""
        drawn = stream("augmentation", seed, epoch).random((m, 9), np.float32)
        if not self.mixup:
            return drawn, np.ones(m, np.float32)
        keep = stream("mixup", seed, epoch).beta(self.mixup, self.mixup, m)
        return drawn, keep.astype(np.float32)

    def change(self, X: NDArray[Any], drawn: Pixels, rows: NDArray[np.intp], seed: int, epoch: int) -> Pixels:
        """The pictures of some examples as this epoch shows them, before they are mixed.

        Args:
            X: (b, height, width, channels). drawn: (b, 9), see `draw`.
            rows: (b,) their numbers, which noise follows from beside the seed and the epoch.
        """
        u = 2 * drawn - 1
        Z = self._moved(X, u, drawn) if self.places else np.asarray(X, np.float32, copy=True)
        if self.flip:
            mirrored = drawn[:, 8] < 0.5
            Z[mirrored] = Z[mirrored, :, ::-1]
        if self.brightness:
            Z *= (1 + self.brightness * u[:, 7])[:, None, None, None]
        if self.noise:
            unit = np.float32(self.noise * (255 if X.dtype == np.uint8 else 1))
            for z, row in zip(Z, rows.tolist(), strict=True):
                z += unit * stream("noise", seed, epoch, row).standard_normal(z.shape, np.float32)
        return np.clip(Z, 0, 255, out=Z) if X.dtype == np.uint8 else Z

    def mix(self, X: Pixels, Y: NDArray[Any], keep: Pixels) -> tuple[Pixels, NDArray[Any]]:
        """X and Y (b, …), each example mixed with the next one of the batch, of which it leaves 1 − λ; keep: (b,) λ."""

        def mixed(A: NDArray[Any]) -> NDArray[Any]:
            share = keep.reshape(-1, *(1,) * (A.ndim - 1))
            return np.asarray(share * A + (1 - share) * np.roll(A, -1, axis=0))

        return mixed(X), mixed(Y.astype(np.float32))

    def _moved(self, X: NDArray[Any], u: Pixels, drawn: Pixels) -> Pixels:
        """Each pixel takes what lies at A p + t, p being its place seen from the middle."""
        _, height, width, _ = X.shape
        size = np.array([height, width], np.float32)
        angle = np.deg2rad(self.rotate) * u[:, 0]
        cut = 1 - self.crop * drawn[:, 1]
        factor = cut / (1 + self.scale) ** u[:, 2]
        cos, sin = factor * np.cos(angle), factor * np.sin(angle)
        A = np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1).astype(np.float32)
        t = size * (self.shift * u[:, 3:5] + (1 - cut)[:, None] * (drawn[:, 5:7] - 0.5))
        middle = (size - 1) / 2
        p = np.stack(np.meshgrid(*map(np.arange, (height, width)), indexing="ij"), -1).reshape(-1, 2) - middle
        q = p.astype(np.float32) @ A.transpose(0, 2, 1) + (t + middle).astype(np.float32)[:, None]
        return _sampled(X, q.reshape(len(X), height, width, 2))


def _sampled(X: NDArray[Any], q: Pixels) -> Pixels:
    """X (m, height, width, channels) at places q (m, height, width, 2), by bilinear interpolation."""
    m, height, width, channels = X.shape
    q = q.clip(0, np.array([height - 1, width - 1], np.float32))
    low = q.astype(np.intp)
    high = np.minimum(low + 1, [height - 1, width - 1])
    part = (q - low)[..., None]
    flat = X.reshape(-1, channels)
    first = (np.arange(m) * height * width)[:, None, None]

    def at(y: NDArray[np.intp], x: NDArray[np.intp]) -> NDArray[Any]:
        return np.asarray(flat[first + y * width + x])

    above = at(low[..., 0], low[..., 1]) * (1 - part[..., 1, :]) + at(low[..., 0], high[..., 1]) * part[..., 1, :]
    below = at(high[..., 0], low[..., 1]) * (1 - part[..., 1, :]) + at(high[..., 0], high[..., 1]) * part[..., 1, :]
    return np.asarray(above * (1 - part[..., 0, :]) + below * part[..., 0, :], np.float32)


class AugmentedBatches:
    """Mini-batches of augmented pictures; how one is changed depends on the seed, the epoch and its number alone.

    A thread makes the next batch while one is trained on.

    Args:
        batches: the pictures as they are. augmentation: how they are changed.
        classes: how many there are, where Y holds their numbers; None where Y holds values or answers.

    Attributes:
        arrays: None: changed pictures are made batch by batch. l2: None: the optimizer's holds for all batches.

    Raises:
        ShapeError: X are no pictures.
    """

    arrays = None
    l2 = None

    def __init__(self, batches: ArrayBatches, augmentation: Augmentation, classes: int | None):
        if batches.X.ndim != 4:
            raise ShapeError(f"augmentation changes pictures (m, height, width, channels), but X is {batches.X.shape}.")
        self.batches, self.augmentation, self.classes = batches, augmentation, classes

    def count(self, epoch: int) -> int:
        """How many batches the epoch has."""
        return self.batches.count(epoch)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many examples a batch may have."""
        return self.batches.sizes

    @property
    def seed(self) -> int:
        """Of the order and of the changes."""
        return self.batches.seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self.batches.seed = seed

    def first(self) -> Batch:
        """The first examples as they stand."""
        return self.batches.first()

    def in_order(self) -> Iterator[Batch]:
        """All batches once, as the data stand, unchanged."""
        return self.batches.in_order()

    def settings(self) -> dict[str, Any]:
        """What a resumed run must share with the first: JSON."""
        return self.batches.settings()

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on."""
        with ThreadPoolExecutor(1) as thread:
            batches = self._epoch(epoch, start)
            coming = thread.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = thread.submit(next, batches, None)
                yield batch

    def _epoch(self, epoch: int, start: int) -> Iterator[Batch]:
        given, augmentation = self.batches, self.augmentation
        order = given.order(epoch)
        drawn, keep = augmentation.draw(given.m, given.seed, epoch)
        for begin in range(start * given.batch_size, given.m, given.batch_size):
            rows = order[begin : begin + given.batch_size]
            X, Y = augmentation.change(given.X[rows], drawn[rows], rows, given.seed, epoch), given.Y[rows]
            if augmentation.mixup:
                one_hot = Y if self.classes is None or Y.ndim > 1 else np.eye(self.classes, dtype=np.float32)[Y]
                X, Y = augmentation.mix(X, one_hot, keep[rows])
            yield (
                (X if given.cast is None else given.cast(X)),
                Y,
                None if given.weights is None else given.weights[rows],
            )
