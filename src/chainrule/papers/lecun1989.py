"""LeCun et al. 1989: digits read by maps whose units share their weights; LeNet-5 (1998) counted beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule import ops
from chainrule.charts import COLOURS, Chart, Mark, Panel, Squares
from chainrule.errors import DataError
from chainrule.graph import Array
from chainrule.initializers import Initializer, fans
from chainrule.layers import AveragePool, Conv2D, Dense, Flatten, Layer, Network
from chainrule.names import lookup
from chainrule.optimizers import GradientDescent
from chainrule.papers.digits import Digits, split_digits
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import NONE, Paper, Result, Row, drawn, spread
from chainrule.papers.trainings import courses, part_wrong, quietly
from chainrule.training import Run

Matrix = NDArray[Any]

SEEN = (range(8), range(4, 12), (*range(4), *range(8, 12)))
"""Which 8 of the 12 maps of H1 each third of the maps of H2 sees. The paper says that there are 8, and not which."""

SCHEME = np.array([[float(c in SEEN[k // 4]) for c in range(12)] for k in range(12)], np.float32)[:, None, None, :]
"""(12, 1, 1, 12), 1 where a map of H2 sees one of H1."""

MNIST = (7291, 2007)
"""So many digits the paper trains and tests with."""

RATES = {"shared": 0.05, "dense": 0.025}
"""α of each kind of network for batches of 8, found by hand by trying a few. Which others were tried was not kept."""

LOOKED = (1, 2, 4, 8, 14, 23)
"""After these passes the test digits are looked at."""


@experiment()
def run(
    seeds: int | Iterable[int] = range(10),
    *,
    data: Literal["digits", "mnist"] = "digits",
    examples: int | None = None,
    passes: int = 23,
    rates: Mapping[str, float] = RATES,
) -> Result:
    """Train the paper's network of shared weights, and its dense one of as many, for 23 passes over digits of 16 × 16.

    Targets are ±1, J is half the squared error, g(z) = 1.7159 tanh(⅔ z), W starts in ±2.4 / n_in, and pixels go from −1
    to 1, all as in the paper; batches of 8 by plain gradient descent, where the paper takes single digits and scales
    each step by a second derivative.

    Args:
        seeds: each draws which digits are tested with, where they lie, and where the networks start.
        data: "digits", those of 8 × 8 that are bundled, each pixel as four; once as they are, and once moved by up to
            one pixel of 16 in each direction, as they lie more exactly in their frames than those on envelopes. Or
            "mnist", 7,291 and 2,007 of the 10,000 test digits of MNIST, made smaller, from mnist10k.npz in the folder
            that the environment variable CHAINRULE_DATA names.
        examples: digits to train with; by default 300, and 7,291 of MNIST.
        passes: through them. rates: α of "shared" and of "dense".

    Returns:
        `numbers`, for each seed, which part is wrong: "shared test", "shared train", "dense test", "dense train", and
        of the bundled ones "… moved test" and "… moved train"; and "connections" and "weights" by layers.

    Raises:
        OptionError: there are no such data, or networks. DataError: MNIST is not where CHAINRULE_DATA says.
    """
    seeds = as_seeds(seeds)
    lookup("data set", data, dict.fromkeys(("digits", "mnist")))
    for kind in rates:
        lookup("kind of network", kind, RATES)
    m = (MNIST[0] if data == "mnist" else 300) if examples is None else examples
    numbers: dict[str, list[float]] = {}
    trained: dict[str, list[Trained]] = {}
    for how in ("",) if data == "mnist" else ("", " moved"):
        parts = [mnist(seed, m) if data == "mnist" else doubled(seed, m, moved=bool(how)) for seed in seeds]
        for kind, make in (("shared", shared), ("dense", dense)):
            pairs = zip(seeds, parts, strict=True)
            found = trained[kind + how] = [
                _trained(make(seed), part, (RATES | {**rates})[kind], passes) for seed, part in pairs
            ]
            numbers[f"{kind}{how} test"] = [one.test[passes] for one in found]
            numbers[f"{kind}{how} train"] = [one.train for one in found]
    numbers["connections"], numbers["weights"] = (
        [float(n) for n in of] for of in zip(*counted().values(), strict=True)
    )
    seeds_of: dict[str, tuple[int, ...]] = dict.fromkeys(("connections", "weights"), ())
    return Result(PAPER, seeds, numbers, _rows(numbers, data, m, passes), _figure(trained), seeds_of)


PAPER = Paper(
    "lecun1989",
    1989,
    "LeCun et al.",
    "Backpropagation applied to handwritten zip code recognition",
    "Neural Computation 1(4): 541–551",
    run,
    (
        "LeCun, Bottou, Bengio & Haffner (1998), Gradient-based learning applied to document recognition. "
        "Proceedings of the IEEE 86(11): 2278–2324.",
    ),
)


def squash(Z: Array) -> Array:
    """1.7159 tanh(⅔ Z), which is ±1 at ±1, so that targets of ±1 do not drive weights to infinity."""
    return 1.7159 * ops.tanh(2 / 3 * Z)


@dataclass(frozen=True, repr=False)
class ByInputs(Initializer):
    """W from U[−2.4/n_in, 2.4/n_in], the paper's start."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
        return random.uniform(-2.4, 2.4, shape) / fans(shape)[0]


@dataclass(eq=False, repr=False)
class Maps(Layer):
    """A = squash(W ∗ A + b): windows of 5 × 5, two places apart; one W for all places of a map, a b for each unit.

    Args:
        n_out: how many maps. sparse: whether each sees only the maps that `SCHEME` tells.
    """

    n_out: int
    sparse: bool = False

    def forward(self, A: Array) -> Array:
        W = self.parameter("W", (self.n_out, 5, 5, A.shape[-1]), ByInputs())
        Z = ops.convolution(A, W * SCHEME if self.sparse else W, stride=2, padding="same")
        return squash(Z + self.parameter("b", Z.shape[1:]))


def shared(seed: int = 0) -> Network:
    """16 × 16 pixels, H1 of 12 maps of 8 × 8, H2 of 12 maps of 4 × 4, H3 of 30 units, 10 outputs."""
    top = [Flatten(), Dense(30, squash, initializer=ByInputs()), Dense(10, squash, initializer=ByInputs())]
    return Network([Maps(12), Maps(12, sparse=True), *top], seed=seed, input_shape=(16, 16, 1))


def dense(seed: int = 0) -> Network:
    """The paper's fully connected network, of 40 hidden units: 10,690 weights, all of their own."""
    layers = [Flatten(), Dense(40, squash, initializer=ByInputs()), Dense(10, squash, initializer=ByInputs())]
    return Network(layers, seed=seed, input_shape=(16, 16, 1))


def lenet5() -> Network:
    """LeNet-5 as it is built today: every map sees all maps below, means have no weights, softmax on top."""
    maps = [Conv2D(6, 5, "tanh"), AveragePool(2), Conv2D(16, 5, "tanh"), AveragePool(2)]
    return Network(
        [*maps, Flatten(), Dense(120, "tanh"), Dense(84, "tanh"), Dense(10, "softmax")], input_shape=(32, 32, 1)
    )


def counted() -> dict[str, tuple[int, int]]:
    """Connections and weights of each layer of the network: a shared weight is a connection at each place."""
    sizes = {name: value.size for name, value in shared().parameters.items()}
    kernels = {"H1": sizes["W1"], "H2": 25 * int(SCHEME.sum())}  # the others of W2 count for nothing
    places = {"H1": 8 * 8, "H2": 4 * 4}
    found = {
        name: (places[name] * kernels[name] + sizes[f"b{l}"], kernels[name] + sizes[f"b{l}"])
        for l, name in enumerate(kernels, 1)
    }
    return found | {name: (sizes[f"W{l}"] + sizes[f"b{l}"],) * 2 for l, name in ((3, "H3"), (4, "output"))}


class Trained(NamedTuple):
    """A network; which part of the test digits was wrong, by passes; and of those it has learned from, at the end."""

    net: Network
    test: dict[int, float]
    train: float


def doubled(seed: int, m: int, *, moved: bool) -> Digits:
    """Bundled digits of 8 × 8, each pixel as four, X (m, 16, 16, 1) from −1 to 1; 500 of them to test.

    Args:
        moved: whether each lies up to one pixel further up or down, left or right; the ground is −1.
    """
    random = drawn("lecun1989", seed)
    found = split_digits(random, m)

    def grown(X: Matrix) -> Matrix:
        pictures = np.kron(2 * X.reshape(-1, 8, 8) - 1, np.ones((1, 2, 2)))
        framed = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), constant_values=-1)
        corners = random.integers(0, 3, (len(X), 2)) if moved else np.ones((len(X), 2), int)
        return np.stack([one[a : a + 16, b : b + 16, None] for one, (a, b) in zip(framed, corners, strict=True)])

    return found._replace(X=grown(found.X), X_test=grown(found.X_test))


def mnist(seed: int, m: int) -> Digits:
    """Digits of MNIST made 16 × 16, X (m, 16, 16, 1) from −1 to 1; 2,007 of them to test.

    Raises:
        DataError: they are not where CHAINRULE_DATA says.
    """
    from chainrule.extras import PIL

    path = Path(os.environ.get("CHAINRULE_DATA", ""), "mnist10k.npz")
    if not path.exists():
        raise DataError(
            f"there is no file {path}: let the environment variable CHAINRULE_DATA name the folder of mnist10k.npz, "
            'with "images" (m, 28, 28) and "labels" (m,), or take data="digits".'
        )
    with np.load(path) as held:
        chosen = drawn("lecun1989", seed).permutation(len(held["labels"]))[: m + MNIST[1]]
        pictures, y = held["images"][chosen], held["labels"][chosen].astype(int)
    small = [np.asarray(PIL.Image.fromarray(one).resize((16, 16), PIL.Image.Resampling.BILINEAR)) for one in pictures]
    X = np.stack(small)[..., None] / 127.5 - 1
    return Digits(X[:m], y[:m], X[m:], y[m:])


def _trained(net: Network, data: Digits, alpha: float, passes: int) -> Trained:
    course: dict[int, float] = {}

    def look(run: Run) -> None:
        done = len(run.history.epochs)
        if done in LOOKED or done == passes:
            course[done] = part_wrong(data.y_test, net.predict(data.X_test, threads=1))

    quietly(
        net,
        data.X,
        2 * np.eye(10)[data.y] - 1,
        loss="squared_error",
        optimizer=GradientDescent(alpha),
        epochs=passes,
        batch_size=8,
        callbacks=look,
        seed=net.seed,
    )
    return Trained(net, course, part_wrong(data.y, net.predict(data.X, threads=1)))


def _rows(numbers: dict[str, list[float]], data: str, m: int, passes: int) -> list[Row]:
    def of(name: str) -> str:
        return spread(numbers[name], percent=True)

    digits = f"{m:,} digits of MNIST" if data == "mnist" else f"{m:,} digits of 8 × 8, their pixels doubled"
    rows = [
        Row(
            f"test digits that are wrong after {passes} passes: shared | dense of as many weights",
            "5.0% | 8.1%",
            f"{of('shared test')} | {of('dense test')}",
            f"{digits}, in place of 7,291 from envelopes; batches of 8 by plain gradient descent.",
            "checked",
        ),
        Row(
            "training digits that are wrong: shared | dense",
            "0.14% | 1.6%",
            f"{of('shared train')} | {of('dense train')}",
            "As above.",
            "checked",
        ),
        Row(
            "connections and weights of the network",
            "64,660 and 9,760",
            " and ".join(f"{sum(numbers[name]):,.0f}" for name in ("connections", "weights")),
            source="checked",
        ),
    ]
    if data == "digits":
        better = np.median(numbers["shared moved test"]) < np.median(numbers["dense moved test"])
        moved = f"{of('shared moved test')} | {of('dense moved test')}"
        why = "What has moved, shared weights still find." if better else ""
        rows.append(Row("test digits moved by up to a pixel: shared | dense", NONE, moved, why))
    why = "C3 sees all maps (60,000 if by the paper's table), means without weights, softmax in place of drawn digits."
    return [*rows, Row("weights of LeNet-5 (1998)", "60,000", f"{lenet5().flat.size:,}", why, "checked")]


def _figure(trained: dict[str, list[Trained]]) -> Chart:
    lines: list[Mark] = []
    for (kind, found), colour in zip(trained.items(), COLOURS, strict=False):
        wrong = 100 * np.array([[*one.test.values()] for one in found])
        lines += courses([*found[0].test], wrong, colour, kind)
    tiles = np.zeros((17, 23))  # three rows of four kernels, an empty line between
    for k, kernel in enumerate(trained["shared"][0].net.parameters["W1"][..., 0]):
        row, column = divmod(k, 4)
        tiles[6 * row : 6 * row + 5, 6 * column : 6 * column + 5] = kernel
    blank = [[""] * n for n in tiles.shape]
    panels = [
        Panel("Test digits that are wrong", "pass", "%", lines, whole=True),
        Panel("The 12 kernels of H1, first seed", "", "", [Squares(blank[0], blank[1], tiles)]),
    ]
    return Chart("Shared weights against a dense layer, and what the first maps look for", panels)
