"""The L-layer network in building blocks: forward and backward steps that hand each other caches (the notes).

W^[l] is (n^[l], n^[l-1]), b^[l] is (n^[l], 1), A^[l] and Z^[l] are (n^[l], m). The factor 1/m of the cost stands in dW
and db, as the notes have it, so dA and dZ are derivatives of the loss of each example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import ops
from chainrule.checking import real, whole
from chainrule.errors import DataError, NotFiniteError, OptionError, ShapeError
from chainrule.graph import Operation
from chainrule.layers import Dense, Network
from chainrule.names import lookup
from chainrule.notes.initialization import initialize, sizes_of
from chainrule.notes.labels import check_targets, classes_of
from chainrule.notes.shapes import Matrix, examples, matrix, progress_of, stretches

LinearCache = tuple[Matrix, Matrix, Matrix]
"""(A_prev, W, b): what the way back of the linear step needs."""

Cache = tuple[LinearCache, Matrix]
"""(linear cache, Z): what the way back of a whole layer needs."""

Parameters = dict[str, Matrix]
"""{"W1": …, "b1": …, …, "WL": …, "bL": …}."""


def linear_forward(A_prev: Any, W: Any, b: Any) -> tuple[Matrix, LinearCache]:
    """Z = W A_prev + b.

    Args:
        A_prev: (n^[l-1], m).
        W: (n^[l], n^[l-1]).
        b: (n^[l], 1).

    Returns:
        Z (n^[l], m), and the cache (A_prev, W, b).

    Raises:
        ShapeError: the dimensions do not fit.
    """
    A_prev, W, b = matrix("A_prev", A_prev), matrix("W", W), matrix("b", b)
    _check_dimensions(A_prev, W, b)
    return ops.linear(A_prev.T, W, b[:, 0]).T, (A_prev, W, b)


def activation_forward(A_prev: Any, W: Any, b: Any, activation: str) -> tuple[Matrix, Cache]:
    """A = g(W A_prev + b), one layer.

    Args:
        activation: "sigmoid", "tanh", "relu", "leaky_relu", "softmax", or another of `chainrule.ops.ACTIVATIONS`.

    Returns:
        A (n^[l], m), and the cache (linear cache, Z).
    """
    Z, cache = linear_forward(A_prev, W, b)
    return _activation(activation)(Z.T).T, (cache, Z)


def forward(
    X: Any, parameters: Mapping[str, Any], activations: Sequence[str] | None = None
) -> tuple[Matrix, list[Cache]]:
    """A^[0] = X, then layer after layer: A^[l] = g^[l](W^[l] A^[l-1] + b^[l]).

    Args:
        X: (n_x, m).
        parameters: W1, b1, … WL, bL.
        activations: the name of g^[l] for each layer; relu for all but the last, and sigmoid for it, by default.

    Returns:
        A^[L] (n_y, m), and the caches of the L layers in order.
    """
    L = depth(parameters)
    A = matrix("X", X)
    caches = []
    for l, activation in enumerate(activations_of(activations, L), 1):
        try:
            A, cache = activation_forward(A, parameters[f"W{l}"], parameters[f"b{l}"], activation)
        except ShapeError as error:
            raise ShapeError(f"layer {l}: {error}") from None
        caches.append(cache)
    return A, caches


def cost(AL: Any, Y: Any) -> float:
    """J = −1/m Σ (Y ln A^[L] + (1 − Y) ln(1 − A^[L])); with several rows in Y one-hot, J = −1/m ΣΣ Y ln A^[L].

    The notes' line in NumPy lacks the minus sign. A is held one rounding step away from 0 and 1.

    Args:
        AL: (n_y, m) probabilities.
        Y: the same shape.

    Raises:
        ShapeError: Y has another shape.
        DataError: Y holds labels beyond 0 and 1.
    """
    AL, Y = examples(AL, Y, "AL")
    check_targets(Y, len(AL))
    loss = ops.binary_cross_entropy if len(AL) == 1 else ops.cross_entropy
    return float(loss(AL.T, Y.T))


def linear_backward(dZ: Any, cache: LinearCache) -> tuple[Matrix, Matrix, Matrix]:
    """dW = 1/m dZ A_prevᵀ, db = 1/m Σ_i dZ^(i), dA_prev = Wᵀ dZ.

    Args:
        dZ: (n^[l], m).
        cache: (A_prev, W, b) of `linear_forward`.

    Returns:
        dA_prev (n^[l-1], m), dW (n^[l], n^[l-1]), db (n^[l], 1).
    """
    A_prev, W, b = cache
    dZ = matrix("dZ", dZ)
    if dZ.shape != (W.shape[0], A_prev.shape[1]):
        raise ShapeError(f"dZ is {dZ.shape}, but Z was {(W.shape[0], A_prev.shape[1])}: dZ has the shape of Z.")
    _, backward = ops.linear.differentiate(A_prev.T, W, b[:, 0])
    dA, dW, db = backward(dZ.T)
    m = A_prev.shape[1]
    return dA().T, dW() / m, db[:, None] / m


def activation_backward(dA: Any, cache: Cache, activation: str) -> tuple[Matrix, Matrix, Matrix]:
    """dZ = dA · g′(Z), then `linear_backward`.

    Args:
        dA: (n^[l], m).
        cache: (linear cache, Z) of `activation_forward`.
        activation: its name.

    Returns:
        dA_prev, dW, db.
    """
    linear_cache, Z = cache
    dA = matrix("dA", dA)
    if dA.shape != Z.shape:
        raise ShapeError(f"dA is {dA.shape}, but A was {Z.shape}: dA has the shape of A.")
    _, backward = _activation(activation).differentiate(Z.T)
    return linear_backward(backward(dA.T)[0].T, linear_cache)


def backward(AL: Any, Y: Any, caches: Sequence[Cache], activations: Sequence[str] | None = None) -> dict[str, Matrix]:
    """From the cost back to X, layer L first.

    Where the last activation and the cost belong together, it starts from dZ^[L] = A^[L] − Y. For one hidden layer the
    notes then write g^[2]′ in dZ^[1] = W^[2]ᵀ dZ^[2] · g^[1]′(Z^[1]), by a slip of the pen.

    Args:
        AL: (n_y, m), of `forward`.
        Y: the same shape.
        caches: of `forward`.
        activations: as given to `forward`.

    Returns:
        dA0, dW1, db1, dA1, … dWL, dbL by name (dA^[l] for l < L), each of the shape of what it differentiates.

    Raises:
        ShapeError: Y has another shape.
        DataError: Y holds labels beyond 0 and 1.
    """
    AL, Y = examples(AL, Y, "AL")
    check_targets(Y, len(AL))
    L = len(caches)
    names = activations_of(activations, L)
    gradients: dict[str, Matrix] = {}
    for l in range(L, 0, -1):
        linear_cache, _ = caches[l - 1]
        if l == L and names[-1] == ("sigmoid" if len(AL) == 1 else "softmax"):
            dA_prev, dW, db = linear_backward(AL - Y, linear_cache)
        else:
            dA = gradients[f"dA{l}"] if l < L else _cost_derivative(AL, Y)
            dA_prev, dW, db = activation_backward(dA, caches[l - 1], names[l - 1])
        gradients |= {f"dA{l - 1}": dA_prev, f"dW{l}": dW, f"db{l}": db}
    return gradients


def update(parameters: Mapping[str, Any], gradients: Mapping[str, Any], alpha: float) -> Parameters:
    """W^[l] := W^[l] − α dW^[l], b^[l] := b^[l] − α db^[l], as new arrays.

    Raises:
        DataError: a derivative is missing.
        ShapeError: one has not the shape of its parameter, so that broadcasting would make another of that.
    """
    real("alpha", alpha, low=0)
    missing = [f"d{name}" for name in parameters if f"d{name}" not in gradients]
    if missing:
        raise DataError(f"the gradients hold no {missing[0]}.")
    return {name: _updated(name, value, gradients[f"d{name}"], alpha) for name, value in parameters.items()}


def _updated(name: str, value: Any, derivative: Any, alpha: float) -> Matrix:
    """One parameter after its update; a derivative without axes of length 1 may be one that changes nothing."""
    old, d = np.asarray(value, np.float64), np.asarray(derivative, np.float64)
    if old.size != d.size or not stretches(d.shape, old.shape):
        way = f": d{name} = dZ{name[1:]}.sum(axis=1, keepdims=True) / m" if name.startswith("b") else ""
        raise ShapeError(f"d{name} is {d.shape}, but {name} is {old.shape}, and both have the same shape{way}.")
    return old - alpha * d


@dataclass(frozen=True)
class DeepNetwork:
    """A network that `train` found.

    Attributes:
        parameters: W1, b1, … WL, bL.
        activations: the name of each layer's g.
        costs: J before each update.
    """

    parameters: Parameters
    activations: list[str]
    costs: list[float]

    def __str__(self) -> str:
        layers = [f"{len(self.parameters[f'b{l}'])} {g}" for l, g in enumerate(self.activations, 1)]
        return f"{' → '.join([str(self.parameters['W1'].shape[1]), *layers])}; {progress_of(self.costs)}"

    def to_network(self) -> Network:
        """The same as a `chainrule.Network`, float64: to draw it, `cr.draw(found.to_network(), neurons=True)`."""
        layers = [Dense(len(self.parameters[f"b{l}"]), g) for l, g in enumerate(self.activations, 1)]
        network = Network(layers, seed=0, dtype="float64", input_shape=self.parameters["W1"].shape[1])
        network.set_parameters(
            {name: value if name[0] == "W" else value[:, 0] for name, value in self.parameters.items()}
        )
        return network

    def output(self, X: Any) -> Matrix:
        """A^[L], (n_y, m)."""
        return forward(X, self.parameters, self.activations)[0]

    def predict(self, X: Any) -> Matrix:
        """1 where A^[L] > 0.5, else 0, (1, m); of several outputs, the row of the largest as 0, 1, …"""
        AL = self.output(X)
        return (AL > 0.5).astype(np.float64) if len(AL) == 1 else AL.argmax(axis=0)[None, :].astype(np.float64)

    def accuracy(self, X: Any, Y: Any) -> float:
        """The percentage of examples predicted right.

        Args:
            X: (n_x, m).
            Y: (1, m) of 0, 1, …, the classes; or one-hot, a row for each.

        Raises:
            DataError: Y holds labels that are none of the classes.
        """
        X, Y = examples(X, Y)
        n = len(self.parameters[f"b{len(self.activations)}"])
        return float(100 * np.mean(self.predict(X) == classes_of(Y, max(2, n))))


def train(
    X: Any,
    Y: Any,
    layer_sizes: Sequence[int],
    alpha: float,
    iterations: int,
    *,
    activations: Sequence[str] | None = None,
    method: str = "he",
    scale: float = 0.01,
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    callback: Callable[[int, float], None] | None = None,
) -> DeepNetwork:
    """Initialize, then repeat forward, cost, backward, update on all m examples.

    Args:
        X: (n_x, m).
        Y: (n_y, m).
        layer_sizes: (n^[0], n^[1], …, n^[L]), with n^[0] = n_x and n^[L] = n_y.
        alpha: the learning rate.
        iterations: how many updates.
        activations: as for `forward`.
        method, scale, seed: as for `initialize`.
        parameters: where to start instead.
        callback: called with (iteration, J) before each update, to print or stop by an exception.

    Raises:
        ShapeError, DataError, OptionError: the sizes, the data and the settings do not fit.
        NotFiniteError: A^[L] became NaN or infinite; α is too large.
    """
    X, Y = examples(X, Y)
    sizes = sizes_of(layer_sizes)
    if len(sizes) > 1 and sizes[0] == len(X):
        check_targets(Y, sizes[-1])
    if len(sizes) < 2 or sizes[0] != len(X) or sizes[-1] != len(Y):
        raise ShapeError(f"layer_sizes are {sizes}, but must go from n_x = {len(X)} to n_y = {len(Y)}.")
    held = (
        initialize(sizes, method, scale, seed)
        if parameters is None
        else {k: matrix(k, v) for k, v in parameters.items()}
    )
    names = activations_of(activations, len(sizes) - 1)
    _check_last(names[-1], sizes[-1])
    costs = []
    for iteration in range(whole("iterations", iterations, at_least=0)):
        with np.errstate(over="ignore", invalid="ignore"):
            AL, caches = forward(X, held, names)
            if not np.isfinite(AL).all():
                raise NotFiniteError(f"iteration {iteration}: A^[L] is not finite. Take a smaller alpha than {alpha}.")
            costs.append(cost(AL, Y))
            if callback is not None:
                callback(iteration, costs[-1])
            held = update(held, backward(AL, Y, caches, names), alpha)
    return DeepNetwork(held, names, costs)


def depth(parameters: Mapping[str, Any]) -> int:
    """L, the number of layers.

    Raises:
        DataError: W1, b1, … WL, bL are not complete.
    """
    L = sum(name.startswith("W") for name in parameters)
    expected = [f"{name}{l}" for l in range(1, L + 1) for name in ("W", "b")]
    missing = [name for name in expected if name not in parameters]
    if L == 0 or missing or len(parameters) != len(expected):
        raise DataError(
            f"parameters hold {', '.join(parameters) or 'nothing'}, but must be W1, b1, … WL, bL"
            + (f": {missing[0]} is missing." if missing else ".")
        )
    return L


def activations_of(given: Sequence[str] | None, L: int) -> list[str]:
    """The name of each layer's g.

    Raises:
        OptionError: they are not one for each layer.
    """
    if isinstance(given, str):
        like = ", ".join(f'"{name}"' for name in [given] * (L - 1) + ["sigmoid"]) + "," * (L == 1)
        raise OptionError(f"activations is {given!r}, but must be a name for each of {L} layers, such as ({like}).")
    names = ["relu"] * (L - 1) + ["sigmoid"] if given is None else list(given)
    if len(names) != L:
        raise OptionError(f"there are {L} layers, but {len(names)} activations: {', '.join(names)}.")
    return names


def _check_last(activation: str, n: int) -> None:
    """Whether the cost can read the last layer: probabilities, which a single softmax output, always 1, is not."""
    fits = ("sigmoid",) if n == 1 else ("softmax", "sigmoid")
    if activation not in fits:
        raise OptionError(
            f"the last activation is {activation!r}, but the cost of {n} output{'s' * (n > 1)} takes the probabilities "
            f"of {' or '.join(map(repr, fits))}."
        )


def _activation(name: str) -> Operation:
    return lookup("activation", name, ops.ACTIVATIONS)


def _cost_derivative(AL: Matrix, Y: Matrix) -> Matrix:
    """dA^[L] of the loss of each example: −Y/A + (1 − Y)/(1 − A), or −Y/A of one-hot rows."""
    loss = ops.binary_cross_entropy if len(AL) == 1 else ops.cross_entropy
    _, backward = loss.differentiate(AL.T, Y.T)
    m = AL.shape[1]
    return np.asarray(backward(float(m))[0]).T


def _check_dimensions(A_prev: Matrix, W: Matrix, b: Matrix) -> None:
    if W.shape[1] != A_prev.shape[0]:
        raise ShapeError(
            f"W A_prev: W is {W.shape} = (n^[l], n^[l-1]), so it takes {W.shape[1]} rows, "
            f"but A_prev is {A_prev.shape} = (n^[l-1], m)."
        )
    if b.shape != (W.shape[0], 1):
        raise ShapeError(f"b is {b.shape}, but for W {W.shape} it must be (n^[l], 1) = ({W.shape[0]}, 1).")
