"""Loads networks from their files and checks all they hold, because files can be damaged or made to do harm."""

from __future__ import annotations

import math
import os
import sys
from typing import Any, NotRequired, TypedDict

import numpy as np

from chainrule import files, forms
from chainrule.checking import whole
from chainrule.configuration import from_config
from chainrule.errors import ChainruleError, DataError, ModelFileError, OptionError, shortened
from chainrule.graph import Footprint
from chainrule.layers.layer import DEEPEST, Layer
from chainrule.layers.network import Network
from chainrule.layers.recurrence import STATES, Recurrent
from chainrule.layers.rehearsal import Rehearsal
from chainrule.memory import memory_in_all

MOST_LAYERS = 25_000
"""How many layers a file may describe, those that stand on top of each other in one counted, and each again for every
layer that it lies in."""

REASON = 500
"""How many characters of a reason are shown, which a file can make as long as itself."""

FREE = 2**31
"""How many bytes a network may take with one example, however small its file is."""

PER_BYTE = 100
"""How many more it may take for each byte of its tensors."""


class Description(TypedDict):
    """What a model file tells beside its tensors: of each parameter the path of its layer, and its name there."""

    format: int
    network: dict[str, Any]
    metadata: NotRequired[dict[str, Any]]
    input_shape: NotRequired[list[int]]
    parameters: NotRequired[dict[str, tuple[str, str]]]


def load(path: str | os.PathLike[str], *, memory_limit: int | None = None) -> Network:
    """The network in a file that `Network.save` wrote, with the same bits.

    Own layers must have been defined (imported) before.

    Args:
        path: of the file.
        memory_limit: how many bytes the network may take with one example. A file of a few hundred bytes can ask for
            more than any machine has; what it asks for is found out before it is made. None for 2 GiB and 100 times
            its tensors, and no more than half of the memory of the machine or container.

    Raises:
        ModelFileError: there is no such file, or it is cut short, damaged, not chainrule's, or of a newer version; it
            asks for more memory than the limit; or the class of an own layer has other parameters now.
        OptionError: a limit below 1.
    """
    limit = None if memory_limit is None else whole("memory_limit", memory_limit)
    tensors, description = files.read_tensors(path)
    return _assemble(tensors, description, str(path), _limit(tensors) if limit is None else limit)


def _limit(tensors: files.Tensors) -> int:
    """How many bytes a network of these tensors may take, where nobody has said it."""
    justified = FREE + PER_BYTE * sum(tensor.nbytes for tensor in tensors.values())
    memory = memory_in_all()
    return justified if memory is None else min(justified, memory // 2)


def from_bytes(data: bytes) -> Network:
    """The network in the bytes of a model file, which may take any memory: they are a network's own.

    Raises:
        ModelFileError: see `load`.
    """
    return _assemble(*files.unpack(data, "the model"), "the model", sys.maxsize)


def _assemble(tensors: files.Tensors, content: dict[str, Any], called: str, limit: int) -> Network:
    if "checkpoint" in content:
        raise ModelFileError(
            f"{called} is a checkpoint, not a model: go on with it by train(…, checkpoint=…, resume=True)."
        )
    description = forms.read(Description, content, called)
    try:
        if description["format"] > files.FORMAT:
            raise ModelFileError("it was written by a newer chainrule: upgrade with pip install -U chainrule.")
        _refuse_crowds(description["network"])
        network = from_config(description["network"])
        if not isinstance(network, Network):
            raise OptionError(f"it describes a {type(network).__name__}, not a network.")
        network.metadata = dict(description.get("metadata", {}))
        if "input_shape" in description or tensors:
            _adopt(network, tensors, description, limit)
    except ChainruleError as error:
        raise ModelFileError(f"{called} cannot be loaded: {shortened(str(error), REASON)}") from None
    except Exception as error:  # an own layer can go wrong in as many ways as there are layers
        reason = shortened(repr(error), REASON)
        raise ModelFileError(f"{called} cannot be loaded: its description does not fit ({reason}).") from None
    return network


def _refuse_crowds(config: Any) -> None:
    """Raises OptionError where a configuration has more or deeper layers than anybody makes, before any is made."""
    layers, unseen = 0, [(config, 0)]
    while unseen:
        value, depth = unseen.pop()
        if isinstance(value, dict):
            several = value.get("layers")  # of a recurrent layer
            depth += "type" in value
            layers += depth * (max(several, 1) if isinstance(several, int) else 1)
        if layers > MOST_LAYERS:
            raise OptionError(
                f"it has more than {MOST_LAYERS:,} layers, each counted again for every layer that it lies in."
            )
        if depth > 2 * DEEPEST:  # what makes layers bounds these; here other objects count, too
            raise OptionError(f"what it describes lies more than {2 * DEEPEST} deep inside of one another.")
        if isinstance(value, dict | list):
            unseen += [(part, depth) for part in (value.values() if isinstance(value, dict) else value)]


def _adopt(network: Network, tensors: files.Tensors, description: Description, limit: int) -> None:
    """Hand the file's tensors to the layers, then rehearse, so that what does not fit is found now and not later."""
    if not {"input_shape", "parameters"} <= description.keys():
        raise DataError("it does not tell which examples it takes, or which layers its tensors belong to.")
    shape = tuple(whole("a size of its input_shape", n) for n in description["input_shape"])
    by_path = dict(network.family())
    parameters = _parameters(by_path, tensors, description["parameters"], network.dtype)
    for layer, local, value in parameters:
        layer.held[local] = value
    network.number_layers()
    _adopt_statistics(network, tensors)
    footprint, walk = Footprint(limit), Rehearsal(network.dtype)
    footprint.take(sum(tensor.nbytes for tensor in tensors.values()), np.uint8)
    footprint.take(math.prod(shape), np.float64)
    with footprint.counting():
        network.rehearse(shape, walk, 0)
    for layer, local, _ in parameters:
        if (id(layer), local) not in walk.variables:
            raise DataError(
                f"it holds {local}{layer.l}, but {layer.label} does not ask for {local!r}: is the class "
                f"{type(layer).__name__} the one that was saved?"
            )
    for layer in by_path.values():
        _refuse_unasked(layer, walk)
    network.lay_flat()


def _parameters(
    by_path: dict[str, Layer], tensors: files.Tensors, listed: dict[str, tuple[str, str]], dtype: str
) -> list[tuple[Layer, str, np.ndarray[Any, Any]]]:
    """Of each parameter in the file its layer, its name there, and its numbers.

    Raises:
        DataError: a tensor is missing, of another type, or nothing is said of it.
    """
    unknown = [name for name in tensors if name not in listed and not name.startswith("layers.")]
    if unknown:
        raise DataError(f"it holds a tensor {unknown[0]} that belongs to no layer.")
    found: dict[tuple[str, str], tuple[Layer, str, np.ndarray[Any, Any]]] = {}
    for name, (path, local) in listed.items():
        if name not in tensors:
            raise DataError(f"its tensor {name} is missing.")
        if tensors[name].dtype != dtype:
            raise DataError(f"{name} is of type {tensors[name].dtype}, but the network's parameters are {dtype}.")
        if path not in by_path or (path, local) in found or name.startswith("layers."):
            raise DataError(f"{name} belongs to {local!r} of a layer {path}, which is not there or has that already.")
        found[path, local] = by_path[path], local, tensors[name]
    return list(found.values())


def _adopt_statistics(network: Network, tensors: files.Tensors) -> None:
    statistics = {name: value for name, value in tensors.items() if name.startswith("layers.")}
    for name, value in statistics.items():
        if value.dtype.kind != "f":
            raise DataError(f"{name} is of type {value.dtype}, but statistics are real numbers.")
    network.set_statistics(statistics)


def _refuse_unasked(layer: Layer, walk: Rehearsal) -> None:
    """Raises DataError where a layer of the library has a statistic that it never asks for."""
    for name, value in layer.statistics.items():
        if isinstance(layer, Recurrent) and layer.stateful and name in STATES[: layer.kept]:
            if value.ndim != 2 or value.shape[1] != layer.n_out:
                raise DataError(f"{layer.label}: its {name} is {value.shape}, but must be (m, {layer.n_out}).")
        elif layer.of_library and (id(layer), name) not in walk.asked:
            raise DataError(f"it holds a statistic {name} that {layer.label} does not ask for.")
