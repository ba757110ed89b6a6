"""Loads networks from their files and checks all they hold, because files can be damaged or made to do harm."""

from __future__ import annotations

import math
import os
from typing import Any

from chainrule import files
from chainrule.configuration import from_config
from chainrule.errors import ChainruleError, DataError, ModelFileError, OptionError, ShapeError
from chainrule.layers.network import Network
from chainrule.layers.walk import Walk


def load(path: str | os.PathLike[str]) -> Network:
    """The network in a file that `Network.save` wrote, with the same bits.

    Own layers must have been defined (imported) before.

    Raises:
        ModelFileError: there is no such file, or it is cut short, damaged, not chainrule's, or of a newer version; or
            the class of an own layer has other parameters now.
    """
    return _assemble(*files.read_tensors(path), str(path))


def from_bytes(data: bytes) -> Network:
    """The network in the bytes of a model file.

    Raises:
        ModelFileError: see `load`.
    """
    return _assemble(*files.unpack(data, "the model"), "the model")


def _assemble(tensors: files.Tensors, description: dict[str, Any], called: str) -> Network:
    if "checkpoint" in description:
        raise ModelFileError(
            f"{called} is a checkpoint, not a model: go on with it by train(…, checkpoint=…, resume=True)."
        )
    try:
        if description["format"] > files.FORMAT:
            raise ModelFileError("it was written by a newer chainrule: upgrade with pip install -U chainrule.")
        network = from_config(description["network"])
        if not isinstance(network, Network):
            raise OptionError(f"it describes a {type(network).__name__}, not a network.")
        network.metadata = dict(description.get("metadata", {}))
        if "input_shape" in description or tensors:
            _adopt(network, tensors, description)
    except ChainruleError as error:
        raise ModelFileError(f"{called} cannot be loaded: {error}") from None
    except Exception as error:  # a damaged description can go wrong in as many ways as there are layers
        raise ModelFileError(f"{called} cannot be loaded: its description does not fit ({error!r}).") from None
    return network


def _adopt(network: Network, tensors: files.Tensors, description: dict[str, Any]) -> None:
    """Hand the file's tensors to the layers, then rehearse, so that what does not fit is found now and not later."""
    shape = tuple(int(n) for n in description["input_shape"])
    if math.prod(shape) > 2**26:
        raise ShapeError(f"it asks for examples of shape {shape}, which is more than memory holds.")
    by_path = dict(network.family())
    for name, (path, local) in description["parameters"].items():
        if name not in tensors:
            raise DataError(f"its tensor {name} is missing.")
        if tensors[name].dtype.kind != "f":
            raise DataError(f"{name} is of type {tensors[name].dtype}, but parameters are real numbers.")
        by_path[path].held[local] = tensors[name].astype(network.dtype)
    network.number_layers()
    network.set_statistics(tensors)
    walk = Walk(recording=True, dtype=network.dtype)
    network.rehearse(shape, walk)
    for name, (path, local) in description["parameters"].items():
        if (id(by_path[path]), local) not in walk.variables:
            raise DataError(
                f"it holds {name}, but {by_path[path].label} does not ask for {local!r}: is the class "
                f"{type(by_path[path]).__name__} the one that was saved?"
            )
    network.lay_flat()
