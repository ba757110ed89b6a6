"""What is measured. A row is data: it says what work there is, `benchmarks.contestants` how each library does it.

Every kind of row has the attributes of `Row`; a new kind joins by its class here, a line in `ROWS`, and a way to do it
in the file of each contestant that takes part.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

import chainrule as cr
from benchmarks import reference
from benchmarks.models import Examples, Model, Multilayer, Pictures, Text, convolutions, lenet
from benchmarks.reference import Tensors
from chainrule.randomness import stream


class Row(Protocol):
    """What measuring needs to know of any row.

    Attributes:
        key: what `--rows` calls it. title: what tables call it.
        unit: what a time is the time of. units: how many of them there are in a round.
        rounds: at most so many count.
        before: the loss of a network that knows nothing.
        tolerance: how far losses may lie apart, as a part of `before`.
        weighed: whether the memory that a round takes is measured, in a process of its own.
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
    def weighed(self) -> bool: ...

    @property
    def before(self) -> float: ...

    def loss(self, outcome: Tensors) -> float:
        """How good what a contestant has made is, computed here for all alike, in float64."""
        ...


@dataclass(frozen=True)
class Training:
    """Mini-batch descent in float32.

    All contestants start from the same parameters and meet the examples in the same order.

    Attributes:
        model: what is trained.
        m: examples. batch: examples in a mini-batch; the last one of an epoch takes what is left.
        epochs: in a round.
        weighed: whether its memory is measured, too.
    """

    key: str
    title: str
    model: Model
    m: int
    batch: int
    optimizer: cr.Optimizer
    epochs: int = 1
    weighed: bool = False

    unit: ClassVar[str] = "step"
    rounds: ClassVar[int] = 9
    tolerance: ClassVar[float] = 0.002

    @property
    def units(self) -> int:
        return self.epochs * -(-self.m // self.batch)

    @cached_property
    def before(self) -> float:
        return self.loss(self.model.network().parameters)

    def data(self) -> Examples:
        """X and y of the m examples."""
        return self.model.data(self.m)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The numbers of the examples (m,) in the order in which an epoch meets them: that of `chainrule.train`."""
        return stream("order", 0, epoch).permutation(self.m)

    def loss(self, outcome: Tensors) -> float:
        return self.model.cost(outcome, *self.data())


@dataclass(frozen=True)
class OnDevice(Training):
    """Mini-batch descent where somebody says: on a GPU, or for a trial on the CPU.

    Attributes:
        device: "gpu" or "cpu".
    """

    device: str = "gpu"


@dataclass(frozen=True)
class Prediction:
    """Probabilities of a network that ends in a softmax, float32: `m` examples in each of `calls` calls."""

    key: str
    title: str
    model: Model
    m: int
    calls: int

    unit: ClassVar[str] = "call"
    rounds: ClassVar[int] = 9
    tolerance: ClassVar[float] = 1e-4
    weighed: ClassVar[bool] = False

    @property
    def units(self) -> int:
        return self.calls

    @cached_property
    def before(self) -> float:
        return self.model.cost(self.model.network().parameters, *self.data())

    def data(self) -> Examples:
        """X and y of 256 examples, or of m where that is more."""
        return self.model.data(max(256, self.m))

    def given(self) -> list[NDArray[Any]]:
        """What each call is given: (m, …)."""
        X, _ = self.data()
        parts = [X[i : i + self.m] for i in range(0, len(X), self.m)]
        return [parts[k % len(parts)] for k in range(self.calls)]

    def loss(self, outcome: Tensors) -> float:
        """The cross-entropy of the probabilities A (m, n_out) that came out for `data`."""
        _, y = self.data()
        return reference.cross_entropy(outcome["A"], y)


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
    weighed: ClassVar[bool] = False
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


MLP = Multilayer((784, 256, 128, 10))
WIDE = Multilayer((512, 1024, 1024, 10))
RULES: dict[str, cr.Optimizer] = {"Adam": cr.Adam(1e-4), "momentum": cr.GradientDescent(0.003, momentum=0.9)}

ROWS: tuple[Row, ...] = (
    Training(
        "logistic",
        "logistic regression, 100,000 × 100, batch 256",
        Multilayer((100, 1)),
        100_000,
        256,
        cr.Adam(1e-4),
        2,
    ),
    Training(
        "cats",
        "logistic regression, 12,288 features × 209 examples, full batch",
        Multilayer((12_288, 1)),
        209,
        209,
        cr.GradientDescent(0.0002),
        epochs=60,
    ),
    Training("tabular", "14-64-32-1, batch 64, Adam", Multilayer((14, 64, 32, 1)), 64_000, 64, cr.Adam(1e-4)),
    *(
        Training(f"mlp-{batch}-{rule.lower()}", f"784-256-128-10, batch {batch}, {rule}", MLP, m, batch, RULES[rule])
        for rule in RULES
        for batch, m in ((32, 6_400), (128, 12_800), (512, 25_600))
    ),
    Training("wide", "512-1024-1024-10, batch 256, Adam", WIDE, 2_560, 256, cr.Adam(1e-5)),
    Training("lenet", "LeNet-5, batch 128, Adam", Pictures(lenet), 2_560, 128, cr.Adam(1e-4), weighed=True),
    Training(
        "convolutions",
        "32-64-pool-64-pool-128-10, convolutions of 3 × 3, batch 128, Adam",
        Pictures(convolutions),
        256,
        128,
        cr.Adam(1e-5),
        weighed=True,
    ),
    Training("lstm", "LSTM of 128, 65 characters, 32 × 64 steps, Adam", Text(cr.LSTM), 640, 32, cr.Adam(5e-3)),
    Training("gru", "GRU of 128, 65 characters, 32 × 64 steps, Adam", Text(cr.GRU), 640, 32, cr.Adam(5e-3)),
    Prediction("predict-1", "784-256-128-10, predicting one example", MLP, 1, 2_000),
    Prediction("predict-10000", "784-256-128-10, predicting 10,000 examples", MLP, 10_000, 4),
    Prediction("predict-picture", "LeNet-5, predicting one picture", Pictures(lenet), 1, 500),
    ColdStart("cold", "cold start: digits, 64-256-10, 30 epochs", 30),
)


def rows_on(device: str) -> tuple[OnDevice, ...]:
    """What is measured of a device: enough steps that one of its epochs takes some tens of milliseconds."""
    adam = RULES["Adam"]
    return (
        OnDevice("mlp", "784-256-128-10, batch 512, Adam", MLP, 51_200, 512, adam, device=device),
        OnDevice(
            "convolutions",
            "32-64-pool-64-pool-128-10, convolutions of 3 × 3, batch 128, Adam",
            Pictures(convolutions),
            2_560 if device != "cpu" else 256,
            128,
            cr.Adam(1e-5),
            device=device,
        ),
        OnDevice(
            "lstm", "LSTM of 128, 65 characters, 32 × 64 steps, Adam", Text(cr.LSTM), 640, 32, adam, device=device
        ),
    )


def counts_of_threads(cores: int) -> list[int]:
    """The powers of two up to so many cores, and all of them."""
    return sorted({*(2**k for k in range(cores.bit_length())), cores})


def scalings(cores: int) -> tuple[Scaling, ...]:
    """chainrule's own step against the batch, the width, the depth, and the threads up to so many cores."""
    batches, widths, depths = (16, 32, 64, 128, 256, 512, 1024), (32, 64, 128, 256, 512, 1024), (1, 2, 4, 8, 16)
    return (
        Scaling("scaling-batch", "784-256-128-10", "batch size", tuple((n, _step_of(MLP, n), cores) for n in batches)),
        Scaling(
            "scaling-width",
            "n-n-n-10, batch 128",
            "width",
            tuple((n, _step_of(Multilayer((n, n, n, 10)), 128), cores) for n in widths),
        ),
        Scaling(
            "scaling-depth",
            "256-256-…-10, so many hidden layers, batch 128",
            "depth",
            tuple((n, _step_of(Multilayer((*(256,) * (n + 1), 10)), 128), cores) for n in depths),
        ),
        Scaling(
            "scaling-threads",
            "784-256-128-10, batch 512",
            "number of threads",
            tuple((n, _step_of(MLP, 512), n) for n in counts_of_threads(cores)),
        ),
    )


def _step_of(model: Multilayer, batch: int) -> Training:
    """Steps of Adam, as many as take about a twentieth of a second at 10¹¹ operations a second."""
    operations = 6 * batch * sum(n_in * n_out for n_in, n_out in pairwise(model.sizes))
    steps = int(0.05 / (operations / 1e11 + 2e-5))
    name = f"{'-'.join(map(str, model.sizes))}, batch {batch}"
    return Training(name, name, model, max(4, steps) * batch, batch, RULES["Adam"])
