"""What is measured. A row is data: it says what work there is, `benchmarks.contestants` how each library does it.

Every kind of row has the attributes of `Row`; a new kind joins by its class here, a line in `ROWS`, and a way to do it
in the file of each contestant that takes part.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

import chainrule as cr
from benchmarks import reference
from benchmarks.reference import Tensors


class Row(Protocol):
    """What measuring needs to know of any row.

    Attributes:
        key: what `--rows` calls it. title: what tables call it.
        unit: what a time is the time of. units: how many of them there are in a round.
        rounds: at most so many count.
        before: the loss of a network that knows nothing.
        tolerance: how far losses may lie apart, as a part of `before`.
    """

    unit: ClassVar[str]
    rounds: ClassVar[int]
    tolerance: ClassVar[float]

    @property
    def key(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def units(self) -> int: ...

    @property
    def before(self) -> float: ...

    def loss(self, outcome: Tensors) -> float:
        """How good what a contestant has made is, computed here for all alike, in float64."""
        ...


@dataclass(frozen=True)
class Training:
    """Mini-batch descent in float32 on relu layers that end in a softmax, or in a sigmoid where there is one output.

    All contestants start from the same parameters and meet the examples in the same order.

    Attributes:
        sizes: n_x, the hidden units, the outputs.
        m: examples. batch: examples in a mini-batch; the last one of an epoch takes what is left.
        epochs: in a round.
    """

    key: str
    title: str
    sizes: tuple[int, ...]
    m: int
    batch: int
    optimizer: cr.Optimizer
    epochs: int = 1

    unit: ClassVar[str] = "step"
    rounds: ClassVar[int] = 9
    tolerance: ClassVar[float] = 0.002

    @property
    def units(self) -> int:
        return self.epochs * -(-self.m // self.batch)

    @cached_property
    def before(self) -> float:
        return self.loss(self.network().parameters)

    def data(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """X (m, n_x) and y (m,), which a straight line parts, but for a quarter of the labels, which are made up.

        What is made up is learned slowly: the cost stays far from 0, where all contestants would agree.
        """
        random = np.random.default_rng(0)
        X = random.standard_normal((self.m, self.sizes[0]), np.float32)
        classes = max(2, self.sizes[-1])
        y = (X @ random.standard_normal((self.sizes[0], classes), np.float32)).argmax(axis=1)
        return X, np.where(random.random(self.m) < 0.25, random.integers(classes, size=self.m), y)

    def network(self) -> cr.Network:
        """The network as it starts."""
        *hidden, n_out = self.sizes[1:]
        layers = [cr.Dense(n, "relu") for n in hidden]
        return cr.Network(
            [*layers, cr.Dense(n_out, "sigmoid" if n_out == 1 else "softmax")], seed=0, input_shape=self.sizes[0]
        )

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The numbers of the examples (m,) in the order in which an epoch meets them: that of `chainrule.train`."""
        return np.random.default_rng([0, epoch]).permutation(self.m)

    def loss(self, outcome: Tensors) -> float:
        return reference.cost(outcome, *self.data())


@dataclass(frozen=True)
class Prediction:
    """Probabilities of relu layers that end in a softmax, float32: `m` examples in each of `calls` calls."""

    key: str
    title: str
    sizes: tuple[int, ...]
    m: int
    calls: int

    unit: ClassVar[str] = "call"
    rounds: ClassVar[int] = 9
    tolerance: ClassVar[float] = 1e-4

    @property
    def units(self) -> int:
        return self.calls

    @cached_property
    def before(self) -> float:
        return reference.cost(self.network().parameters, *self.data())

    def data(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """X and y of 256 examples, or of m where that is more."""
        random = np.random.default_rng(0)
        X = random.standard_normal((max(256, self.m), self.sizes[0]), np.float32)
        return X, random.integers(self.sizes[-1], size=len(X))

    def given(self) -> list[NDArray[np.float32]]:
        """What each call is given: (m, n_x)."""
        X, _ = self.data()
        parts = [X[i : i + self.m] for i in range(0, len(X), self.m)]
        return [parts[k % len(parts)] for k in range(self.calls)]

    def network(self) -> cr.Network:
        """The network that predicts."""
        layers = [cr.Dense(n, "relu") for n in self.sizes[1:-1]]
        return cr.Network([*layers, cr.Dense(self.sizes[-1], "softmax")], seed=0, input_shape=self.sizes[0])

    def loss(self, outcome: Tensors) -> float:
        """The cross-entropy of the probabilities A (m, n_out) that came out for `data`."""
        _, y = self.data()
        return float(-np.log(outcome["A"].astype(np.float64)[np.arange(len(y)), y]).mean())


@dataclass(frozen=True)
class ColdStart:
    """From the start of a process to its end: read scikit-learn's digits, train 64-256-10, save the network.

    The other rows measure libraries that are warm; this one, what a person waits for.
    """

    key: str
    title: str
    epochs: int

    unit: ClassVar[str] = "run"
    rounds: ClassVar[int] = 5
    tolerance: ClassVar[float] = 0.05
    units: ClassVar[int] = 1
    before: ClassVar[float] = float(np.log(10))

    def loss(self, outcome: Tensors) -> float:
        """The cross-entropy over all 1,797 digits of W1, b1, …, after the standardization by mean and deviation."""
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        return reference.cost(outcome, (X - outcome["mean"]) / outcome["deviation"], y)


@dataclass(frozen=True)
class Scaling:
    """One size that grows while all others stay.

    Attributes:
        variable: what grows. points: its values, and for each the training and the number of threads.
    """

    key: str
    title: str
    variable: str
    points: tuple[tuple[int, Training, int], ...]


MLP = (784, 256, 128, 10)
RULES: dict[str, cr.Optimizer] = {"Adam": cr.Adam(1e-4), "momentum": cr.GradientDescent(0.003, momentum=0.9)}

ROWS: tuple[Row, ...] = (
    Training("logistic", "logistic regression, 100,000 × 100, batch 256", (100, 1), 100_000, 256, cr.Adam(1e-4), 2),
    Training(
        "cats",
        "logistic regression, 12,288 features × 209 examples, full batch",
        (12_288, 1),
        209,
        209,
        cr.GradientDescent(0.0002),
        epochs=60,
    ),
    Training("tabular", "14-64-32-1, batch 64, Adam", (14, 64, 32, 1), 64_000, 64, cr.Adam(1e-4)),
    *(
        Training(f"mlp-{batch}-{rule.lower()}", f"784-256-128-10, batch {batch}, {rule}", MLP, m, batch, RULES[rule])
        for rule in RULES
        for batch, m in ((32, 6_400), (128, 12_800), (512, 25_600))
    ),
    Training("wide", "512-1024-1024-10, batch 256, Adam", (512, 1024, 1024, 10), 2_560, 256, cr.Adam(1e-5)),
    Prediction("predict-1", "784-256-128-10, predicting one example", MLP, 1, 2_000),
    Prediction("predict-10000", "784-256-128-10, predicting 10,000 examples", MLP, 10_000, 4),
    ColdStart("cold", "cold start: digits, 64-256-10, 30 epochs", 30),
)


def scalings(cores: int) -> tuple[Scaling, ...]:
    """chainrule's own step against the batch, the width, the depth, and the threads up to so many cores."""
    batches, widths, depths = (16, 32, 64, 128, 256, 512, 1024), (32, 64, 128, 256, 512, 1024), (1, 2, 4, 8, 16)
    threads = sorted({1, *(2**k for k in range(1, cores.bit_length()) if 2**k <= cores), cores})
    return (
        Scaling("scaling-batch", "784-256-128-10", "batch size", tuple((n, _step_of(MLP, n), cores) for n in batches)),
        Scaling(
            "scaling-width",
            "n-n-n-10, batch 128",
            "width",
            tuple((n, _step_of((n, n, n, 10), 128), cores) for n in widths),
        ),
        Scaling(
            "scaling-depth",
            "256-256-…-10, so many hidden layers, batch 128",
            "depth",
            tuple((n, _step_of((*(256,) * (n + 1), 10), 128), cores) for n in depths),
        ),
        Scaling(
            "scaling-threads",
            "784-256-128-10, batch 512",
            "number of threads",
            tuple((n, _step_of(MLP, 512), n) for n in threads),
        ),
    )


def _step_of(sizes: tuple[int, ...], batch: int) -> Training:
    """Steps of Adam, as many as take about a twentieth of a second at 10¹¹ operations a second."""
    operations = 6 * batch * sum(n_in * n_out for n_in, n_out in pairwise(sizes))
    steps = int(0.05 / (operations / 1e11 + 2e-5))
    name = f"{'-'.join(map(str, sizes))}, batch {batch}"
    return Training(name, name, sizes, max(4, steps) * batch, batch, RULES["Adam"])
