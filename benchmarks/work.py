"""What is measured: a network, data of its size, and a way to train it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Work:
    """Training `sizes` with relu, softmax and Adam on random examples, float32.

    Attributes:
        name: the row's name. sizes: n_x, the hidden units, the classes. batch: examples in a mini-batch.
        m: examples in an epoch.
    """

    name: str
    sizes: tuple[int, ...]
    batch: int
    m: int

    def data(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Standard normal features and labels that depend on them, so that there is something to learn."""
        random = np.random.default_rng(0)
        X = random.standard_normal((self.m, self.sizes[0])).astype(np.float32)
        return X, (X @ random.standard_normal((self.sizes[0], self.sizes[-1]))).argmax(axis=1)


WORK = [
    Work("tabular 14-64-32-2, batch 64", (14, 64, 32, 2), 64, 12_800),
    Work("digits 64-128-10, batch 32", (64, 128, 10), 32, 6_400),
    Work("MLP 784-256-128-10, batch 128", (784, 256, 128, 10), 128, 12_800),
]
