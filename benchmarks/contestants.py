"""Who trains: chainrule's engines and the peers. Each is a function of the work that returns how to run one epoch."""

import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from itertools import count

import numpy as np

import chainrule as cr
from benchmarks.work import Work
from chainrule.data.batches import ArrayBatches
from chainrule.engines import ENGINES
from chainrule.training.cost import Cost

Epoch = Callable[[], float]
"""Runs one epoch and returns the mean cost of its batches."""


def chainrule(engine: str, work: Work) -> Epoch:
    X, y = work.data()
    hidden = [cr.Dense(n, "relu") for n in work.sizes[1:-1]]
    net = cr.Network([*hidden, cr.Dense(work.sizes[-1], "softmax")], seed=0, input_shape=work.sizes[0])
    program = ENGINES[engine].program(net, Cost("cross_entropy"), cr.Adam(), seed=0, outputs=False)
    batches = ArrayBatches(X, y, None, batch_size=work.batch, shuffle=True)
    numbers = count()

    def epoch() -> float:
        done = list(program.epoch(batches, next(numbers), lambda k: 1e-3))
        return sum(batch.cost * batch.m for batch in done) / work.m

    return epoch


def scikit_learn(work: Work) -> Epoch:
    from sklearn.neural_network import MLPClassifier

    X, y = work.data()
    net = MLPClassifier(work.sizes[1:-1], alpha=0.0, batch_size=work.batch, random_state=0)

    def epoch() -> float:
        with warnings.catch_warnings(action="ignore"):
            net.partial_fit(X, y, classes=np.arange(work.sizes[-1]))
        return float(net.loss_curve_[-1])

    return epoch


def pytorch(work: Work) -> Epoch:
    import torch

    torch.manual_seed(0)
    X, y = map(torch.from_numpy, work.data())
    layers: list[torch.nn.Module] = []
    for n_in, n_out in zip(work.sizes, work.sizes[1:], strict=False):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    adam = torch.optim.Adam(net.parameters(), fused=True)
    cost = torch.nn.CrossEntropyLoss()

    def epoch() -> float:
        total = 0.0
        for rows in torch.randperm(work.m).split(work.batch):
            adam.zero_grad()
            J = cost(net(X[rows]), y[rows])
            J.backward()
            adam.step()
            total += float(J.detach()) * len(rows)
        return total / work.m

    return epoch


def installed() -> dict[str, Callable[[Work], Epoch]]:
    """Those who can take part on this machine, chainrule first."""
    engines = sorted(ENGINES)  # native, where it was built, before numpy
    contestants = {f"chainrule ({engine} engine)": partial(chainrule, engine) for engine in engines}
    contestants["scikit-learn"] = scikit_learn
    if find_spec("torch"):
        contestants["PyTorch, fused Adam"] = pytorch
    return contestants
