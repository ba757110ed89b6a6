"""Who does the arithmetic. The numpy engine is the reference and always there."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from chainrule import distributed
from chainrule.checking import whole
from chainrule.engines.auto import AutoEngine, RoundingEngine, large
from chainrule.engines.bfloat16 import gains, narrow
from chainrule.engines.blas import blas_held
from chainrule.engines.contract import BLOCK, CHUNK, Batch, Batches, Done, Engine, Form, NetworkLike, Program, Slope
from chainrule.engines.jax import JaxEngine, accelerated, installed
from chainrule.engines.native import NativeEngine, described, kernels, units
from chainrule.engines.numpy import NumpyEngine
from chainrule.errors import OptionError
from chainrule.extras import require
from chainrule.names import lookup
from chainrule.threads import held_to, steady

ENGINES: dict[str, Engine] = {"numpy": NumpyEngine()}
"""The engines that work on this machine, by name."""

_kernels, _wrong = None, ""
try:
    _kernels = kernels()
except OptionError as error:  # who only imports need not know
    _wrong = str(error)
if installed():
    ENGINES["jax"] = JaxEngine()
if _kernels is not None:
    ENGINES["native"] = NativeEngine(_kernels)

_AUTO: Engine = AutoEngine(ENGINES["native"], ENGINES["numpy"]) if "native" in ENGINES else ENGINES["numpy"]

_UNIT = "" if _kernels is None else next(iter(units(_kernels)), "")

_ROUNDING: dict[str, Engine] = {"numpy": NumpyEngine(rounds=True)}
"""Those whose products round their operands to bfloat16; the native one is there where an instruction does it."""

if _kernels is not None and _UNIT:
    _ROUNDING["native"] = NativeEngine(_kernels, _UNIT)
    _ROUNDING["auto"] = AutoEngine(_ROUNDING["native"], _ROUNDING["numpy"])

PRECISIONS = ("float32", "bfloat16", "auto")
"""What the operands of matrix products are: of the network's own type; rounded; rounded where that is faster."""

_CHOSEN: ContextVar[Engine | None] = ContextVar("chosen", default=None)


def select(
    name: str,
    device: str | None = None,
    devices: int | str | None = None,
    precision: str = "float32",
    batch: int = CHUNK,
) -> Engine:
    """The engine of that name; "auto" takes the fastest that can do the work.

    Args:
        device, devices, precision: see `chainrule.train`.
        batch: examples in a batch of what is trained, by which precision "auto" goes.

    Raises:
        MissingPackageError: the engine is "jax", and JAX is not installed.
        OptionError: there is no such engine on this machine, or CHAINRULE_INSTRUCTIONS names no instruction set; or the
            engine cannot compute where it is to, or in this precision.
    """
    if _wrong:
        raise OptionError(_wrong)
    if name == "jax":
        require("jax")
    engine = lookup("engine", name, {"auto": _AUTO} | ENGINES)
    if isinstance(devices, str) and devices != "all":
        raise OptionError(f'devices is "all", or how many share a batch, not {devices!r}.')
    if devices is not None and devices != "all":
        devices = whole("devices", devices)
    beyond = devices is not None or device not in (None, "cpu")
    if lookup("precision", precision, dict(zip(PRECISIONS, PRECISIONS, strict=True))) != "float32":
        if precision == "bfloat16":
            return _rounding(name, beyond)
        exact = select(name, device, devices)
        if name not in ("auto", "native") or beyond or accelerated() or not _UNIT:
            return exact
        return RoundingEngine(
            _ROUNDING["native"], exact, suits=lambda network, m: gains(network, batch if m is None else min(m, CHUNK))
        )
    if name == "auto" and device is None and devices is None and (chosen := _CHOSEN.get()) is not None:
        return chosen
    if name == "jax" or (name == "auto" and beyond):
        return JaxEngine(device, devices)
    if beyond:
        raise OptionError(f'the {name} engine computes on the cores of this machine: give engine="jax", or no device.')
    if name == "auto" and device is None and accelerated():
        return AutoEngine(JaxEngine(), engine, suits=large)
    if name == "auto" and "native" not in ENGINES:
        _tell_that_numpy_computes()
    return engine


def _rounding(name: str, beyond: bool) -> Engine:
    """The engine of that name whose products round their operands.

    Raises:
        OptionError: there is none, on this machine or at all.
    """
    if name == "jax" or beyond:
        raise OptionError(
            'precision="bfloat16" is of the native and the numpy engine: XLA computes as its device does, leave it out.'
        )
    if name not in _ROUNDING:
        raise OptionError(
            'precision="bfloat16" needs instructions that this machine, or this build, lacks: AMX or AVX512_BF16. '
            'Leave it out; or give engine="numpy", which rounds in the same way, slowly.'
        )
    return _ROUNDING[name]


def precision_taken(network: NetworkLike, program: Program, batch: int) -> str:
    """What precision="auto" has come to, a sentence.

    Args:
        program: what it has come to. batch: as `select` takes it.
    """
    if program.precision == "bfloat16":
        return 'products round their operands to bfloat16; precision="float32" leaves them as they are'
    if network.dtype != "float32":
        why = f"the network computes in {network.dtype}"
    elif program.engine != "native":
        why = f"the {program.engine} engine computes"
    elif not _UNIT:
        why = "this machine has no instructions for bfloat16"
    elif narrow(network):
        why = "convolutions of few outputs are quicker so"
    else:
        why = f"those of {batch:,} examples are too few to gain by bfloat16"
    return f"products stay in {program.precision}: {why}"


@contextmanager
def chosen(
    name: str, device: str | None = None, devices: int | str | None = None, precision: str = "float32"
) -> Iterator[None]:
    """Within the block "auto" is the engine that somebody has chosen for a run, which measures and predicts there, too.

    Args:
        name, device, devices, precision: see `select`; where they leave all open, "auto" is what it was.

    Raises:
        OptionError: see `select`.
    """
    engine = select(name, device, devices, precision)
    if precision == "bfloat16":  # for the networks of the run, and not for what it compares them with, in float64
        engine = RoundingEngine(engine, select(name), suits=lambda network, m: network.dtype == "float32")
    before = _CHOSEN.set(engine)
    try:
        yield
    finally:
        _CHOSEN.reset(before)


def select_to_train(
    name: str,
    device: str | None = None,
    devices: int | str | None = None,
    precision: str = "float32",
    batch: int = CHUNK,
) -> Engine:
    """As `select`, for what all processes that have joined do together.

    Raises:
        OptionError: see `select`; or the engine is one that computes in each process by itself.
    """
    engine = select(name, device, devices, precision, batch)
    if distributed.processes() == 1:
        return engine
    if precision != "float32":
        raise OptionError(f"several processes compute by XLA, which knows no precision {precision!r}: leave it out.")
    if name not in ("auto", "jax"):
        raise OptionError(
            f"the {name} engine would train in each of the {distributed.processes()} processes by itself: "
            'give engine="jax", which divides every batch among them.'
        )
    return JaxEngine(device, devices, shared=True)


@cache
def _tell_that_numpy_computes() -> None:
    """Once in a process, because who installed without a compiler may never have seen that something is missing."""
    warnings.warn(
        f"chainrule computes with its numpy engine, which is slower: the native one is {described()}. Install a C++20 "
        'compiler, such as g++ or clang++, and chainrule again; engine="numpy" says that this is meant.',
        RuntimeWarning,
        stacklevel=3,
    )


__all__ = [
    "BLOCK",
    "CHUNK",
    "ENGINES",
    "PRECISIONS",
    "Batch",
    "Batches",
    "Done",
    "Engine",
    "Form",
    "Program",
    "Slope",
    "blas_held",
    "chosen",
    "held_to",
    "precision_taken",
    "select",
    "select_to_train",
    "steady",
]
