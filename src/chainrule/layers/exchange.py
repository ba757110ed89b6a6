"""Weights from and to other libraries' orders: PyTorch's state dicts, ONNX's operators. Neither library is needed.

What differs from one to the other is documented by PyTorch's reference of `Conv2d`, `LSTM`, `GRU` and
`MultiheadAttention`, and by the operators of the same names of the ONNX standard:

| | here | PyTorch | ONNX |
| --- | --- | --- | --- |
| a convolution's W | `(n_out, *size, n_in / groups)` | `(n_out, n_in / groups, *size)` | as PyTorch |
| a transposed one's W | `(n_out, *size, n_in / groups)` | `(n_in, n_out / groups, *size)` | as PyTorch |
| the gates of an LSTM | in, forget, new, out | the same | in, out, forget, new |
| the gates of a GRU | reset, update, new | the same | update, reset, new |
| biases of a recurrence | one, but for the new of a GRU | two that are added | two, one behind the other |
| the projections of attention | Wq, Wk, Wv | one below the other | |
| the features behind a Flatten | (height, width, channels) | (channels, height, width) | as PyTorch |

The last of these no shape of a weight shows; the network around the layer does (`flattened_before`), or else
`flattened` says what was flattened, as in `from_pytorch(dense, state, flattened=(4, 4, 16))`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import whole
from chainrule.errors import OptionError, ShapeError
from chainrule.layers.attention import MultiHeadAttention
from chainrule.layers.convolution import Conv1D, Conv2D, ConvTranspose1D, ConvTranspose2D
from chainrule.layers.dense import Dense
from chainrule.layers.embedding import Embedding
from chainrule.layers.flattened import flattened_before
from chainrule.layers.layer import Layer
from chainrule.layers.normalization import BatchNorm, LayerNorm
from chainrule.layers.recurrence import GRU, LSTM, RNN, Recurrent

Arrays = dict[str, NDArray[Any]]
"""Arrays by the names that the other library has for them."""

TO_ONNX = {1: [0], 3: [1, 0, 2], 4: [0, 3, 1, 2]}
"""By the number of gates, which of ours stands at each place of ONNX's order."""


def to_pytorch(layer: Layer, *, flattened: Sequence[int] | None = None) -> Arrays:
    """The layer's parameters as the state dict of PyTorch's module of that kind has them, {"weight": …, "bias": …}.

    Dense is `Linear`, Embedding `Embedding`, Conv1D and 2D `Conv1d` and `Conv2d`, their transposes `ConvTranspose1d`
    and `ConvTranspose2d`, BatchNorm `BatchNorm1d` or `2d`, LayerNorm `LayerNorm`, RNN, GRU and LSTM those with
    batch_first=True, MultiHeadAttention `MultiheadAttention` with batch_first=True, where as many features come out as
    go in.

    Args:
        layer: of a network that knows the sizes of its inputs.
        flattened: of a Dense, BatchNorm or LayerNorm that stands behind a Flatten, the shape of what that flattens,
            (height, width, channels) or (steps, features), where PyTorch flattens (channels, height, width) or
            (features, steps); () where both flatten in the same order. None looks into the layer's network.

    Raises:
        OptionError: PyTorch has no such module, the layer has no parameters yet, `flattened` is given of another, or
            it is not given and the network does not tell the order.
        ShapeError: the layer takes another number of features than was flattened.
    """
    _refuse_unbuilt(layer)
    found = _to_pytorch(layer)
    order = _order(layer, flattened)
    if order is None:
        return found
    reordered = {name: value[..., order] for name, value in found.items() if not _is_of_units(layer, name)}
    return found | reordered


def _to_pytorch(layer: Layer) -> Arrays:
    """`to_pytorch` with the features in our order."""
    held = layer.held
    if isinstance(layer, Recurrent):
        return _recurrent_to_pytorch(layer)
    if isinstance(layer, ConvTranspose1D | ConvTranspose2D):
        parts = np.split(held["W"], layer.groups)
        W = np.concatenate([np.moveaxis(part, (0, -1), (1, 0)) for part in parts])
    elif isinstance(layer, Conv1D | Conv2D):
        W = np.moveaxis(held["W"], -1, 1)
    elif isinstance(layer, Dense | Embedding):
        W = held["W"]
    elif isinstance(layer, LayerNorm):
        return {"weight": held["gamma"].copy(), "bias": held["beta"].copy()}
    elif isinstance(layer, BatchNorm):
        statistics = {"running_mean": layer.statistics["mean"], "running_var": layer.statistics["variance"]}
        arrays = {"weight": held["gamma"], "bias": held["beta"]} | statistics
        return {name: np.array(value, held["gamma"].dtype) for name, value in arrays.items()}
    elif isinstance(layer, MultiHeadAttention):
        found = {"in_proj_weight": np.concatenate([held[name] for name in ("Wq", "Wk", "Wv")])}
        found["out_proj.weight"] = held["Wo"].copy()
        if layer.bias:
            found["in_proj_bias"] = np.concatenate([held[name] for name in ("bq", "bk", "bv")])
            found["out_proj.bias"] = held["bo"].copy()
        return found
    else:
        raise OptionError(f"{layer!r} has no counterpart in PyTorch that it could exchange weights with.")
    return {"weight": np.array(W, order="C")} | ({"bias": held["b"].copy()} if "b" in held else {})


def from_pytorch(layer: Layer, state: Mapping[str, Any], *, flattened: Sequence[int] | None = None) -> None:
    """Copy the state dict of PyTorch's module of that kind (see `to_pytorch`) into the layer, in place.

    Args:
        layer: of a network that knows the sizes of its inputs.
        state: arrays or tensors on the CPU, by PyTorch's names.
        flattened: see `to_pytorch`.

    Raises:
        OptionError: see `to_pytorch`; or a name is missing, or is none that the layer has a place for.
        ShapeError: see `to_pytorch`; or a value has another shape.
    """
    expected = to_pytorch(layer, flattened=flattened)
    _refuse_strangers(layer, expected, state.keys() - {"num_batches_tracked"})
    given: Arrays = {}
    for name, ours in expected.items():
        if name not in state:
            raise OptionError(f"{layer.label} takes {', '.join(expected)}, but there is no {name} among {list(state)}.")
        given[name] = np.asarray(state[name])
        if given[name].shape != ours.shape:
            raise ShapeError(f"{layer.label}: {name} is {given[name].shape}, but must be {ours.shape}.")
    order = _order(layer, flattened)
    if order is not None:
        back = np.argsort(order)
        given |= {name: value[..., back] for name, value in given.items() if not _is_of_units(layer, name)}
    if isinstance(layer, Recurrent):
        _recurrent_from_pytorch(layer, given)
        return
    held = layer.held
    if isinstance(layer, ConvTranspose1D | ConvTranspose2D):
        parts = np.split(given["weight"], layer.groups)
        held["W"][...] = np.concatenate([np.moveaxis(part, (0, 1), (-1, 0)) for part in parts])
    elif isinstance(layer, Conv1D | Conv2D):
        held["W"][...] = np.moveaxis(given["weight"], 1, -1)
    elif isinstance(layer, BatchNorm | LayerNorm):
        held["gamma"][...], held["beta"][...] = given["weight"], given["bias"]
        if isinstance(layer, BatchNorm):
            layer.statistics["mean"][...] = given["running_mean"]
            layer.statistics["variance"][...] = given["running_var"]
        return
    elif isinstance(layer, MultiHeadAttention):
        for kind, together, out in (("W", "in_proj_weight", "out_proj.weight"), ("b", "in_proj_bias", "out_proj.bias")):
            if together in given:
                for name, part in zip("qkv", np.split(given[together], 3), strict=True):
                    held[f"{kind}{name}"][...] = part
                held[f"{kind}o"][...] = given[out]
        return
    else:
        held["W"][...] = given["weight"]
    if "b" in held:
        held["b"][...] = given["bias"]


def to_onnx(layer: RNN | GRU | LSTM) -> Arrays:
    """W, R and B of ONNX's operator of that name: (directions, gates · n, n_in), (directions, gates · n, n) and
    (directions, 2 · gates · n). Of a GRU the attribute linear_before_reset is 1.

    Raises:
        OptionError: it is no single recurrent layer, or has no parameters yet.
    """
    _refuse_unbuilt(layer)
    if not isinstance(layer, Recurrent) or layer.layers > 1:
        raise OptionError(f"{layer!r} is no single RNN, GRU or LSTM; of several layers give each by itself.")
    found: dict[str, list[NDArray[Any]]] = {"W": [], "R": [], "B": []}
    for direction in _directions(layer):
        b, c = _two_biases(layer, direction)
        found["W"].append(_in_order(layer.held[f"W{direction}"], layer.gates))
        found["R"].append(_in_order(layer.held[f"U{direction}"], layer.gates))
        found["B"].append(np.concatenate([_in_order(b, layer.gates), _in_order(c, layer.gates)]))
    return {name: np.stack(arrays) for name, arrays in found.items()}


def from_onnx(layer: RNN | GRU | LSTM, arrays: Mapping[str, Any]) -> None:
    """Copy W, R and B of ONNX's operator (see `to_onnx`) into the layer, in place. Without B, as there, biases are 0.

    Raises:
        OptionError: see `to_onnx`; or an array is missing, or is none that the layer has a place for, such as the
            peepholes P.
        ShapeError: an array has another shape.
    """
    expected = to_onnx(layer)
    _refuse_strangers(layer, expected, arrays.keys())
    arrays = {"B": np.zeros_like(expected["B"])} | dict(arrays)
    for name, ours in expected.items():
        if name not in arrays:
            raise OptionError(f"{layer.label} takes W, R and B, but there is no {name}.")
        if np.shape(arrays[name]) != ours.shape:
            raise ShapeError(f"{layer.label}: {name} is {np.shape(arrays[name])}, but must be {ours.shape}.")
    W, R, B = (np.asarray(arrays[name]) for name in "WRB")
    for k, direction in enumerate(_directions(layer)):
        layer.held[f"W{direction}"][...] = _out_of_order(W[k], layer.gates)
        layer.held[f"U{direction}"][...] = _out_of_order(R[k], layer.gates)
        b, c = (_out_of_order(part, layer.gates) for part in np.split(B[k], 2))
        _set_bias(layer, direction, b, c)


def _recurrent_to_pytorch(layer: Recurrent) -> Arrays:
    found: Arrays = {}
    for k, single in enumerate(_singles(layer)):
        for direction in _directions(single):
            ending = f"l{k}{'_reverse' if direction else ''}"
            found[f"weight_ih_{ending}"] = single.held[f"W{direction}"].copy()
            found[f"weight_hh_{ending}"] = single.held[f"U{direction}"].copy()
            if single.bias:
                found[f"bias_ih_{ending}"], found[f"bias_hh_{ending}"] = _two_biases(single, direction)
    return found


def _recurrent_from_pytorch(layer: Recurrent, given: Arrays) -> None:
    for k, single in enumerate(_singles(layer)):
        for direction in _directions(single):
            ending = f"l{k}{'_reverse' if direction else ''}"
            single.held[f"W{direction}"][...] = given[f"weight_ih_{ending}"]
            single.held[f"U{direction}"][...] = given[f"weight_hh_{ending}"]
            if single.bias:
                _set_bias(single, direction, given[f"bias_ih_{ending}"], given[f"bias_hh_{ending}"])


def _singles(layer: Recurrent) -> list[Recurrent]:
    """The single layers of a stack."""
    return [inner for _, inner in layer.family() if isinstance(inner, Recurrent) and inner.layers == 1]


def _directions(layer: Recurrent) -> tuple[str, ...]:
    return ("", "r") if layer.bidirectional else ("",)


def _two_biases(layer: Recurrent, direction: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """What is added to W X and what to U A; all of it is in the first, but for the new of a GRU."""
    n = layer.gates * layer.n_out
    first, second = np.zeros(n, layer.held["W"].dtype), np.zeros(n, layer.held["W"].dtype)
    if layer.bias:
        b = layer.held[f"b{direction}"]
        first[...] = b[:n]
        second[n - (b.size - n) :] = b[n:]
    return first, second


def _set_bias(layer: Recurrent, direction: str, first: NDArray[Any], second: NDArray[Any]) -> None:
    if not layer.bias:
        if first.any() or second.any():
            raise OptionError(f"{layer.label} has no bias, but the weights given have one.")
        return
    b, n = layer.held[f"b{direction}"], first.size
    apart = b.size - n
    b[:n] = first + second
    if apart:
        b[n - apart : n] = first[n - apart :]
        b[n:] = second[n - apart :]


def _in_order(array: NDArray[Any], gates: int) -> NDArray[Any]:
    parts = np.split(array, gates)
    return np.concatenate([parts[i] for i in TO_ONNX[gates]])


def _out_of_order(array: NDArray[Any], gates: int) -> NDArray[Any]:
    parts = np.split(array, gates)
    return np.concatenate([parts[i] for i in np.argsort(TO_ONNX[gates])])


def _order(layer: Layer, flattened: Sequence[int] | None) -> NDArray[np.intp] | None:
    """Which of our features stands at each place of PyTorch's order; None where both have the same."""
    if not isinstance(layer, BatchNorm | Dense | LayerNorm):
        if flattened:
            raise OptionError(f"{layer!r} takes no rows of what was flattened, so there is nothing to order.")
        return None
    known, channels_first = flattened_before(layer)
    if flattened is None:
        if channels_first is None:
            raise OptionError(
                f"{layer.label} stands behind a Flatten of {known}, and nothing before that tells in which order the "
                f"other library flattens it: give flattened={known} where that has channels first, "
                f"{(known[-1], *known[:-1])}, or flattened=() where it has the order here."
            )
        flattened = known if channels_first else ()
    shape = tuple(whole("a size of flattened", n) for n in flattened)
    if not shape:
        return None
    if known not in ((), shape):
        raise ShapeError(f"{layer.label} stands behind a Flatten of {known}, but flattened is {shape}: give {known}.")
    n_in = layer.held["W" if isinstance(layer, Dense) else "gamma"].shape[-1]
    if math.prod(shape) != n_in:
        raise ShapeError(f"{layer.label} takes {n_in} features, but of {shape} there are {math.prod(shape)}.")
    return np.moveaxis(np.arange(n_in).reshape(shape), -1, 0).ravel()


def _is_of_units(layer: Layer, name: str) -> bool:
    """Whether an array has a number for each unit that comes out, and none for the features that go in."""
    return isinstance(layer, Dense) and name == "bias"


def _refuse_strangers(layer: Layer, expected: Arrays, given: Set[str]) -> None:
    strangers = sorted(given - expected.keys())
    if strangers:
        raise OptionError(f"{layer.label} takes {', '.join(expected)}, but has no place for {', '.join(strangers)}.")


def _refuse_unbuilt(layer: Layer) -> None:
    if not isinstance(layer, Layer) or not layer.parameters:
        raise OptionError(f"{layer!r} has no parameters: build its network first, Network(…, input_shape=…).")
