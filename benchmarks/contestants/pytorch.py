"""PyTorch: eager, with the gradient compiled, and with the whole step compiled; the optimizer fused in all three.

Pictures are (m, channels, height, width) here, and their channels may lie last in memory; sequences (m, steps, …).
"""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim.adam import adam
from torch.optim.sgd import sgd

import chainrule as cr
from benchmarks.contestants.cold_start import script
from benchmarks.contestants.contestant import Running, Ways
from benchmarks.models import Pictures
from benchmarks.reference import Tensors
from benchmarks.rows import ColdStart, OnDevice, Prediction, Training

Layout = torch.memory_format

AS_IT_IS, CHANNELS_LAST = torch.contiguous_format, torch.channels_last

Step = Callable[[Tensor], Tensor]
"""One update with the examples of these numbers; returns J."""


def train(
    step_for: Callable[[Training, "Task"], Step], row: Training, layout: Layout = AS_IT_IS, rounds: bool = False
) -> Running:
    """Epochs of steps in the row's order."""
    torch.compiler.reset()  # else what earlier rows compiled counts against the limit of compilations
    task = Task(row, layout, rounds)
    step = step_for(row, task)
    numbers = count()
    everything = torch.arange(row.m)

    def round() -> None:
        for _ in range(row.epochs):
            order = _placed(torch.from_numpy(row.order(next(numbers)))) if row.batch < row.m else everything
            costs = [step(rows) for rows in order.split(row.batch)]
            torch.stack(costs).mean().item()

    return Running(round, task.parameters)


class Task:
    """The data, the network and its cost.

    Attributes:
        net: layers of torch.nn, with the row's parameters. theta: those, in chainrule's order.
        rounds: whether products are computed in bfloat16.
    """

    def __init__(self, row: Training, layout: Layout, rounds: bool):
        self.rounds = rounds
        X, y = row.data()
        self.X, self.y = _placed(given(X)), _placed(torch.from_numpy(y))
        self.binary = row.model.n_out == 1
        self.y = self.y.float()[:, None] if self.binary else self.y
        start = row.model.network()
        self.net = network(start).to(torch.get_default_device(), memory_format=layout)
        self.called = list(start.parameters)
        self.theta = [theta.detach() for theta in self.net.parameters()]
        self.names = [name for name, _ in self.net.named_parameters()]
        self.full = row.batch == row.m

    def cost(self, X: Tensor, y: Tensor) -> Tensor:
        with casting(self.rounds):
            return self._cost(self.net(X), y)

    def cost_at(self, theta: list[Tensor], X: Tensor, y: Tensor) -> Tensor:
        """The cost as a function of the parameters."""
        with casting(self.rounds):
            named = dict(zip(self.names, theta, strict=True))
            return self._cost(torch.func.functional_call(self.net, named, (X,)), y)

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return (self.X, self.y) if self.full else (self.X.index_select(0, rows), self.y.index_select(0, rows))

    def parameters(self) -> Tensors:
        arrays = (theta.cpu().numpy() for theta in self.theta)
        arrays = (np.moveaxis(array, 1, -1) if array.ndim == 4 else array for array in arrays)
        return {name: array.copy() for name, array in zip(self.called, arrays, strict=True)}

    def _cost(self, Z: Tensor, y: Tensor) -> Tensor:
        if self.binary:
            return functional.binary_cross_entropy_with_logits(Z, y)
        return functional.cross_entropy(Z.flatten(0, -2), y.flatten())


def casting(rounds: bool) -> torch.autocast:
    """What PyTorch offers to compute in bfloat16: products do, and losses stay in float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=rounds)


def _placed(A: Tensor) -> Tensor:
    return A.to(torch.get_default_device())


def given(X: NDArray[Any]) -> Tensor:
    """X as PyTorch takes it."""
    return torch.from_numpy(X if X.ndim < 4 else np.ascontiguousarray(np.moveaxis(X, -1, 1)))


def network(start: cr.Network) -> torch.nn.Sequential:
    """Layers up to the last Z, with the parameters of chainrule's network."""
    layers: list[torch.nn.Module] = []
    for layer in start.layers:
        module = _module(layer)
        for theta, value in zip(module.parameters(), layer.held.values(), strict=True):
            theta.data = torch.from_numpy(np.array(np.moveaxis(value, -1, 1) if value.ndim == 4 else value, order="C"))
        layers.append(module)
        if getattr(layer, "activation", None) == "relu":
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


def _module(layer: cr.Layer) -> torch.nn.Module:
    shapes = [value.shape for value in layer.held.values()]
    match layer:
        case cr.Dense():
            return torch.nn.Linear(shapes[0][1], layer.n_out)
        case cr.Conv2D():
            return torch.nn.Conv2d(shapes[0][-1], layer.n_out, layer.size, padding=layer.padding)
        case cr.MaxPool():
            return torch.nn.MaxPool2d(layer.size)
        case cr.Flatten():
            return ChannelsLast()
        case cr.Embedding():
            return torch.nn.Embedding(layer.n_tokens, layer.n_out)
        case cr.LSTM() | cr.GRU():
            return Recurrence(layer)
    raise TypeError(f"{layer!r} has no counterpart here")


class ChannelsLast(torch.nn.Module):
    """Flattens pictures in the order of chainrule's weights: a view, where the channels lie last in memory, too."""

    def forward(self, A: Tensor) -> Tensor:
        return A.permute(0, 2, 3, 1).flatten(1)


class Recurrence(torch.nn.Module):
    """What `torch.nn.LSTM` and `GRU` call, with a single bias: two that are added would learn twice as fast."""

    def __init__(self, layer: cr.LSTM | cr.GRU):
        super().__init__()
        self.lstm, self.n = isinstance(layer, cr.LSTM), layer.n_out
        self.W, self.U, self.b = (torch.nn.Parameter(torch.from_numpy(value)) for value in layer.held.values())

    def forward(self, A: Tensor) -> Tensor:
        """A (m, steps, n_in) -> (m, steps, n); of a GRU, the last part of b stands beside the product with U."""
        begin, rows = A.new_zeros(1, len(A), self.n), len(self.W)
        beside = self.b.new_zeros(rows) if self.lstm else functional.pad(self.b[rows:], (rows - self.n, 0))
        weights = [self.W, self.U, self.b[:rows], beside]
        options = (True, 1, 0.0, self.training, False, True)
        return (
            torch.lstm(A, [begin, begin], weights, *options)[0]
            if self.lstm
            else torch.gru(A, begin, weights, *options)[0]
        )


def eager(row: Training, task: Task) -> Step:
    """As PyTorch's own tutorials write a step, with the fused optimizer."""
    optimizer = _optimizer(row.optimizer, task.net)

    def step(rows: Tensor) -> Tensor:
        optimizer.zero_grad()
        J = task.cost(*task.batch(rows))
        J.backward()
        optimizer.step()
        return J.detach()

    return step


def compiled_gradient(row: Training, task: Task) -> Step:
    """Forward and backward compiled as one graph, then the fused optimizer's kernel: best for larger networks."""
    gradient = torch.compile(torch.func.grad_and_value(task.cost_at), fullgraph=True, dynamic=False)
    update = _fused(row.optimizer, task.theta)
    _compile_for(row, lambda rows: gradient(task.theta, *task.batch(rows)))

    def step(rows: Tensor) -> Tensor:
        derivatives, J = gradient(task.theta, *task.batch(rows))
        update(list(derivatives))
        return J

    return step


def compiled(row: Training, task: Task) -> Step:
    """Gathering, forward, backward and update as one graph: best for small networks."""
    gradient = torch.func.grad_and_value(task.cost_at)
    rule: Callable[..., None] = _adam if isinstance(row.optimizer, cr.Adam) else _descent

    @torch.compile(fullgraph=True, dynamic=False)
    def whole(theta: list[Tensor], slots: list[list[Tensor]], t: Tensor, rows: Tensor) -> Tensor:
        derivatives, J = gradient(theta, *task.batch(rows))
        t.add_(1)
        rule(row.optimizer, t, theta, derivatives, *slots)
        return J

    def fresh() -> tuple[list[list[Tensor]], Tensor]:
        return [[torch.zeros_like(theta) for theta in task.theta] for _ in row.optimizer.slots], torch.zeros(())

    _compile_for(row, lambda rows: whole([theta.clone() for theta in task.theta], *fresh(), rows))
    slots, t = fresh()
    return lambda rows: whole(task.theta, slots, t, rows)


def _compile_for(row: Training, step: Callable[[Tensor], object]) -> None:
    """Compile for both sizes of batches that there are, the last one's too."""
    step(torch.arange(row.batch))
    if row.m % row.batch:
        step(torch.arange(row.m % row.batch))


def _optimizer(rule: cr.Optimizer, net: torch.nn.Module) -> torch.optim.Optimizer:
    alpha = rule.alpha(0)
    if isinstance(rule, cr.Adam):
        betas = (rule.beta1, rule.beta2)
        return torch.optim.Adam(net.parameters(), lr=alpha, betas=betas, eps=rule.epsilon, fused=True)
    assert isinstance(rule, cr.GradientDescent)
    return torch.optim.SGD(net.parameters(), lr=alpha, momentum=rule.momentum, nesterov=rule.nesterov, fused=True)


def _fused(rule: cr.Optimizer, theta: list[Tensor]) -> Callable[[list[Tensor]], None]:
    """The kernel of the fused optimizer without its object, which costs as much as a small network's gradient."""
    slots = [[torch.zeros_like(held) for held in theta] for _ in rule.slots]
    alpha = rule.alpha(0)
    if isinstance(rule, cr.Adam):
        numbers = {"beta1": rule.beta1, "beta2": rule.beta2, "lr": alpha, "weight_decay": 0.0, "eps": rule.epsilon}
        steps = [torch.zeros(()) for _ in theta]
        return lambda gradient: adam(
            theta, gradient, *slots, [], steps, fused=True, amsgrad=False, maximize=False, **numbers
        )
    assert isinstance(rule, cr.GradientDescent)
    numbers = {"lr": alpha, "momentum": rule.momentum, "dampening": 0.0, "weight_decay": 0.0}
    return lambda gradient: sgd(theta, gradient, *slots, fused=True, nesterov=rule.nesterov, maximize=False, **numbers)


def _adam(
    rule: cr.Adam, t: Tensor, theta: list[Tensor], gradient: list[Tensor], m: list[Tensor], v: list[Tensor]
) -> None:
    alpha, root = rule.alpha(0) / (1 - rule.beta1**t), torch.rsqrt(1 - rule.beta2**t)
    for held, g, first, second in zip(theta, gradient, m, v, strict=True):
        first.lerp_(g, 1 - rule.beta1)
        second.mul_(rule.beta2).addcmul_(g, g, value=1 - rule.beta2)
        held.sub_(alpha * first / (second.sqrt() * root + rule.epsilon))


def _descent(rule: cr.GradientDescent, t: Tensor, theta: list[Tensor], gradient: list[Tensor], v: list[Tensor]) -> None:
    for held, g, velocity in zip(theta, gradient, v, strict=True):
        if rule.momentum:
            g = velocity.mul_(rule.momentum).add_(g)
        held.sub_(rule.alpha(0) * g)


def predict(compiling: bool, row: Prediction, layout: Layout = AS_IT_IS, rounds: bool = False) -> Running:
    """Inference mode; compiled with the weights as constants."""
    net = torch.nn.Sequential(*network(row.model.network()), torch.nn.Softmax(dim=-1)).requires_grad_(False).eval()
    net = net.to(memory_format=layout)
    if compiling:
        torch.compiler.reset()
        net = torch.compile(net, dynamic=False, options={"freezing": True})
    calls = [given(X) for X in row.given()]
    everything = given(row.data()[0]).split(row.m)

    @torch.inference_mode()
    def round() -> None:
        with casting(rounds):
            for X in calls:
                net(X)

    @torch.inference_mode()
    def outcome() -> Tensors:
        with casting(rounds):
            return {"A": torch.cat([net(X) for X in everything]).float().numpy()}

    outcome()
    return Running(round, outcome)


def on_device(way: Callable[[Training], Running | None], row: OnDevice) -> Running | None:
    """The way on the row's device, in float32 as chainrule computes: convolutions without the shorter TF32, too."""
    if row.device == "gpu" and not torch.cuda.is_available():
        raise RuntimeError("PyTorch sees no GPU")
    torch.set_default_device("cuda" if row.device == "gpu" else row.device)
    torch.backends.cudnn.allow_tf32 = False
    return way(row)


def with_channels_last(way: Callable[..., Running], row: Training | Prediction, **options: bool) -> Running | None:
    """The way for pictures whose channels lie last in memory."""
    return way(row, CHANNELS_LAST, **options) if isinstance(row.model, Pictures) else None


WAYS: Ways = {
    ("pytorch", Training): partial(train, eager),
    ("pytorch-channels-last", Training): partial(with_channels_last, partial(train, eager)),
    ("pytorch-channels-last", Prediction): partial(with_channels_last, partial(predict, False)),
    ("pytorch-gradient", Training): partial(train, compiled_gradient),
    ("pytorch-compiled", Training): partial(train, compiled),
    ("pytorch", Prediction): partial(predict, False),
    ("pytorch-compiled", Prediction): partial(predict, True),
    ("pytorch", ColdStart): script("with_pytorch.py"),
}
WAYS |= {
    (f"{key}-bfloat16", kind): partial(way, rounds=True) for (key, kind), way in WAYS.items() if kind is not ColdStart
}
WAYS |= {(key, OnDevice): partial(on_device, way) for (key, kind), way in WAYS.items() if kind is Training}
