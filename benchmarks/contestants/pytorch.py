"""PyTorch: eager, with the gradient compiled, and with the whole step compiled; the optimizer fused in all three."""

from collections.abc import Callable
from functools import partial
from itertools import count

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.adam import adam
from torch.optim.sgd import sgd

import chainrule as cr
from benchmarks.contestants.cold_start import script
from benchmarks.contestants.contestant import Running, Ways, named, pairs
from benchmarks.reference import Tensors
from benchmarks.rows import ColdStart, Prediction, Training

Step = Callable[[Tensor], Tensor]
"""One update with the examples of these numbers; returns J."""


def train(step_for: Callable[[Training, "Task"], Step], row: Training) -> Running:
    """Epochs of steps in the row's order."""
    torch.compiler.reset()  # else what earlier rows compiled counts against the limit of compilations
    task = Task(row)
    step = step_for(row, task)
    numbers = count()
    everything = torch.arange(row.m)

    def round() -> None:
        for _ in range(row.epochs):
            order = torch.from_numpy(row.order(next(numbers))) if row.batch < row.m else everything
            costs = [step(rows) for rows in order.split(row.batch)]
            torch.stack(costs).mean().item()

    return Running(round, task.parameters)


class Task:
    """The data, the network and its cost.

    Attributes:
        net: layers of torch.nn, with the row's parameters. theta: those, W1, b1, W2, …
    """

    def __init__(self, row: Training):
        self.X, self.y = map(torch.from_numpy, row.data())
        self.binary = row.sizes[-1] == 1
        self.y = self.y.float()[:, None] if self.binary else self.y
        self.net = network(row)
        self.theta = [theta.detach() for theta in self.net.parameters()]
        self.names = [name for name, _ in self.net.named_parameters()]
        self.full = row.batch == row.m

    def cost(self, X: Tensor, y: Tensor) -> Tensor:
        return self._cost(self.net(X), y)

    def cost_at(self, theta: list[Tensor], X: Tensor, y: Tensor) -> Tensor:
        """The cost as a function of the parameters."""
        return self._cost(torch.func.functional_call(self.net, dict(zip(self.names, theta, strict=True)), (X,)), y)

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return (self.X, self.y) if self.full else (self.X.index_select(0, rows), self.y.index_select(0, rows))

    def parameters(self) -> Tensors:
        arrays = [theta.numpy().copy() for theta in self.theta]
        return named(list(zip(arrays[::2], arrays[1::2], strict=True)))

    def _cost(self, Z: Tensor, y: Tensor) -> Tensor:
        loss = functional.binary_cross_entropy_with_logits if self.binary else functional.cross_entropy
        return loss(Z, y)


def network(row: Training | Prediction) -> torch.nn.Sequential:
    """Layers up to the last Z, with the row's parameters."""
    layers: list[torch.nn.Module] = []
    for W, b in pairs(row.network().parameters):
        linear = torch.nn.Linear(W.shape[1], W.shape[0])
        linear.weight.data, linear.bias.data = torch.from_numpy(W), torch.from_numpy(b)
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


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


def predict(compiling: bool, row: Prediction) -> Running:
    """Inference mode; compiled with the weights as constants."""
    net = torch.nn.Sequential(*network(row), torch.nn.Softmax(dim=1)).requires_grad_(False).eval()
    if compiling:
        torch.compiler.reset()
        net = torch.compile(net, dynamic=False, options={"freezing": True})
    given = [torch.from_numpy(X) for X in row.given()]
    everything = torch.from_numpy(row.data()[0]).split(row.m)

    @torch.inference_mode()
    def round() -> None:
        for X in given:
            net(X)

    @torch.inference_mode()
    def outcome() -> Tensors:
        return {"A": torch.cat([net(X) for X in everything]).numpy()}

    outcome()
    return Running(round, outcome)


WAYS: Ways = {
    ("pytorch", Training): partial(train, eager),
    ("pytorch-gradient", Training): partial(train, compiled_gradient),
    ("pytorch-compiled", Training): partial(train, compiled),
    ("pytorch", Prediction): partial(predict, False),
    ("pytorch-compiled", Prediction): partial(predict, True),
    ("pytorch", ColdStart): script("with_pytorch.py"),
}
