"""Who does the arithmetic. The numpy engine is the reference and always there."""

import warnings
from functools import cache

from chainrule.engines.auto import AutoEngine
from chainrule.engines.contract import BLOCK, CHUNK, Batch, Batches, Done, Engine, Form, Program, Slope
from chainrule.engines.jax import JaxEngine, installed
from chainrule.engines.native import NativeEngine, described, kernels
from chainrule.engines.numpy import NumpyEngine
from chainrule.engines.threads import blas_held, held_to, steady
from chainrule.errors import OptionError
from chainrule.names import lookup

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


def select(name: str) -> Engine:
    """The engine of that name; "auto" takes the fastest that can do the work.

    Raises:
        OptionError: there is no such engine on this machine, or CHAINRULE_INSTRUCTIONS names no instruction set.
    """
    if _wrong:
        raise OptionError(_wrong)
    if name == "auto" and "native" not in ENGINES:
        _tell_that_numpy_computes()
    return _AUTO if name == "auto" else lookup("engine", name, {"auto": _AUTO} | ENGINES)


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
    "Batch",
    "Batches",
    "Done",
    "Engine",
    "Form",
    "Program",
    "Slope",
    "blas_held",
    "held_to",
    "select",
    "steady",
]
