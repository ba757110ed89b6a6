"""The checks of an estimator's parameters: scikit-learn's, and those beyond."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.checking import real, whole
from chainrule.errors import OptionError
from chainrule.names import lookup
from chainrule.optimizers import LBFGS, OPTIMIZERS, Optimizer
from chainrule.schedules import Schedule
from chainrule.training.early_stopping import EarlyStopping

_REAL: dict[str, dict[str, Any]] = {
    "alpha": {"low": 0},
    "learning_rate_init": {"low": 0, "open": "low"},
    "power_t": {"low": 0},
    "tol": {"low": 0},
    "momentum": {"low": 0, "high": 1},
    "validation_fraction": {"low": 0, "high": 1, "open": "high"},
    "beta_1": {"low": 0, "high": 1, "open": "high"},
    "beta_2": {"low": 0, "high": 1, "open": "high"},
    "epsilon": {"low": 0, "open": "low"},
}
_FLAGS = ("shuffle", "warm_start", "nesterovs_momentum", "batch_norm", "progress")
_RATES = ("constant", "invscaling", "adaptive")


def check(estimator: Any) -> None:
    """See to it that every parameter has a value that something can be done with.

    Raises:
        OptionError: one has not; the message names it.
    """
    for name, bounds in _REAL.items():
        real(name, getattr(estimator, name), **bounds)
    for name in _FLAGS:
        _flag(name, getattr(estimator, name))
    for name in ("max_iter", "max_fun"):
        whole(name, getattr(estimator, name))
    if estimator.threads is not None:
        whole("threads", estimator.threads)
    if estimator.n_iter_no_change != math.inf:
        whole("n_iter_no_change", estimator.n_iter_no_change)
    if not (isinstance(estimator.batch_size, str) and estimator.batch_size == "auto"):
        whole("batch_size", estimator.batch_size)
    if not isinstance(estimator.early_stopping, EarlyStopping):
        _flag("early_stopping", estimator.early_stopping, ", or an EarlyStopping")
    _check_solver(estimator.solver, estimator.learning_rate)
    if estimator.dtype is not None:
        lookup("dtype", np.dtype(estimator.dtype).name, {"float32": 0, "float64": 0})


def hidden_sizes(given: Any) -> list[int]:
    """`hidden_layer_sizes` as a list; there may be none.

    Raises:
        OptionError: one is no whole number of 1 or more.
    """
    sizes = list(given) if hasattr(given, "__iter__") and not isinstance(given, str) else [given]
    for size in sizes:
        if isinstance(size, bool | np.bool_) or not isinstance(size, int | np.integer) or size < 1:
            raise OptionError(f"hidden_layer_sizes must be > 0, got {given!r}: whole numbers, or () for no layer.")
    return [int(size) for size in sizes]


def _flag(name: str, value: Any, beside: str = "") -> None:
    if not isinstance(value, bool | np.bool_):
        raise OptionError(f"{name} is {value!r}, but must be True or False{beside}.")


def _check_solver(solver: Any, learning_rate: Any) -> None:
    if isinstance(solver, str):
        lookup("solver", solver, OPTIMIZERS)
    elif not isinstance(solver, Optimizer | LBFGS):
        raise OptionError(f"a solver is a name or an Optimizer, such as Adam(1e-3), not {solver!r}.")
    if not isinstance(learning_rate, Schedule):
        lookup("learning_rate", learning_rate, dict.fromkeys(_RATES))
    elif not isinstance(solver, str):
        raise OptionError(
            f"{type(solver).__name__} brings its own learning rate: give it the schedule, {learning_rate!r}."
        )
