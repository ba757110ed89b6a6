"""Who does the arithmetic. The numpy engine is the reference and always there."""

from chainrule.engines.auto import AutoEngine
from chainrule.engines.contract import CHUNK, Batch, Batches, Done, Engine, Form, Program, Slope
from chainrule.engines.native import NativeEngine, kernels
from chainrule.engines.numpy import NumpyEngine
from chainrule.engines.threads import blas_held, held_to, steady
from chainrule.errors import OptionError
from chainrule.names import lookup

ENGINES: dict[str, Engine] = {"numpy": NumpyEngine()}
"""The engines that work on this machine, by name."""

_kernels, _wrong = None, ""
try:
    _kernels = kernels()
except OptionError as error:  # which is not told to who only imports
    _wrong = str(error)
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
    return _AUTO if name == "auto" else lookup("engine", name, {"auto": _AUTO} | ENGINES)


__all__ = [
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
