"""The state of a run as a checkpoint has it, and whether what was read is such a state of this run."""

from __future__ import annotations

from collections.abc import Sequence, Set
from numbers import Real
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import CheckpointError, shown
from chainrule.files import Tensors
from chainrule.layers import Network
from chainrule.layers.recurrence import Recurrent


class Record(TypedDict):
    """A `History` as JSON."""

    epochs: list[dict[str, Any]]
    engine: str
    reason: str
    seed: int
    stopped: str
    best_epoch: int | None
    device: NotRequired[str]
    precision: NotRequired[str]
    hints: NotRequired[list[str]]


class State(TypedDict):
    """Where a run is: see `Run` and `EpochSums`; `watch` is what early stopping has seen, `repeats` is of `Passed`."""

    epoch: int
    seed: int
    updates: int
    history: Record
    cost: float
    penalty: float
    m: int
    batches: int
    watch: tuple[float, int, int] | None
    repeats: bool | None


class Described(TypedDict):
    """What a checkpoint says beside its tensors."""

    format: int
    checkpoint: State
    settings: dict[str, Any]


def part(tensors: Tensors, prefix: str) -> Tensors:
    """The tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def refuse_misfit(
    tensors: Tensors, state: State, network: Network, slots: Sequence[str], *, measuring: bool, called: str
) -> None:
    """See to it that a checkpoint can be one of this run, before anything is taken from it.

    Args:
        slots: the names of the optimizer's vectors. measuring: whether outputs are kept for metrics.
        called: the file, for the message.

    Raises:
        CheckpointError: it cannot.
    """
    running = {"running.outputs", "running.targets"} if measuring and state["batches"] else set[str]()
    of_none = {name for name in tensors if not name.startswith(("network.", "best.", "slot.", "passed."))}
    best = part(tensors, "best.")
    wrong = (
        _numbers_wrong(state)
        or _names_wrong(of_none, running)
        or _state_wrong(part(tensors, "network."), network)
        or (_state_wrong(best, network) if best else "")
        or _slots_wrong(part(tensors, "slot."), slots, network.flat)
        or _running_wrong(tensors, network.blank_output().shape)
        or _passed_wrong(part(tensors, "passed."))
    )
    if wrong:
        raise CheckpointError(f"{called} is damaged: {wrong}.")


def _numbers_wrong(state: State) -> str:
    counts = {name: state[name] for name in ("epoch", "seed", "updates", "m", "batches")}
    for name, count in counts.items():
        if not 0 <= count < 2**63:
            return f"its `{name}` is {count}"
    if (state["m"] == 0) != (state["batches"] == 0):
        return f"it tells of {state['batches']} batches with {state['m']} examples"
    epochs, best = state["history"]["epochs"], state["history"]["best_epoch"]
    if len(epochs) != state["epoch"] or (best is not None and not 0 <= best < len(epochs)):
        return f"its history has {len(epochs)} epochs, but {state['epoch']} are done"
    for number, record in enumerate(epochs):
        if record.get("epoch") != number or not all(isinstance(record.get(name), Real) for name in ("loss", "seconds")):
            return f"the record of its epoch {number} is {shown(record)}"
    watch = state["watch"]
    if watch is not None and not (0 <= watch[1] < len(epochs) and 0 <= watch[2] <= len(epochs)):
        return f"its `watch` is {list(watch)}"
    return ""


def _names_wrong(found: Set[str], expected: Set[str]) -> str:
    missing, unknown = sorted(expected - found), sorted(found - expected)
    return f"it lacks {missing[0]}" if missing else f"it holds {unknown[0]}, which no such run has" if unknown else ""


def _state_wrong(found: Tensors, network: Network) -> str:
    """What is wrong with parameters and statistics."""
    ours = {name: value.shape for name, value in network.state().items()}
    free: dict[str, int | None] = {}  # what is there at times only, and how many numbers it has of an example
    for path, layer in network.family():
        inside = {name for name in found.keys() | ours.keys() if name.rpartition(".")[0] == f"layers.{path}"}
        if isinstance(layer, Recurrent) and layer.stateful:
            free |= dict.fromkeys(inside, layer.n_out)
        elif not layer.of_library:
            free |= dict.fromkeys(inside)
    wrong = _names_wrong(found.keys() - free.keys(), ours.keys() - free.keys())
    if wrong:
        return wrong
    for name, tensor in found.items():
        fits = tensor.ndim == 2 and tensor.shape[1] == free[name] if free.get(name) else tensor.shape == ours.get(name)
        if tensor.dtype.kind != "f" or not (fits or (name in free and free[name] is None)):
            return f"its {name} is {tensor.shape} of {tensor.dtype}"
    return ""


def _slots_wrong(found: Tensors, slots: Sequence[str], flat: NDArray[Any]) -> str:
    wrong = _names_wrong(found.keys(), set(slots))
    odd = [name for name, tensor in found.items() if (tensor.shape, tensor.dtype) != (flat.shape, flat.dtype)]
    return wrong or (f"the optimizer's {odd[0]} is {found[odd[0]].shape}" if odd else "")


def _running_wrong(tensors: Tensors, output: tuple[int, ...]) -> str:
    if "running.outputs" not in tensors:
        return ""
    outputs, targets = tensors["running.outputs"], tensors["running.targets"]
    fits = outputs.ndim > 0 and targets.ndim > 0 and outputs.shape[-1:] == output[-1:] and outputs.dtype.kind == "f"
    return "" if fits and len(outputs) == len(targets) else f"its outputs are {outputs.shape}"


def _passed_wrong(found: Tensors) -> str:
    odd = [name for name, tensor in found.items() if tensor.ndim != 1 or tensor.dtype != np.uint64]
    return _names_wrong(found.keys(), {"now", "before"} if found else set()) or (f"its {odd[0]} is odd" if odd else "")
