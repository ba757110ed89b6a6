"""Warnings of estimators, each once in a cross-validation or a search, as far as its fits run one after another.

Python itself shows the same warning of a line once; but scikit-learn runs each fit with filters of its own, after
which Python has forgotten what it has shown. A fit in a thread or a process of `n_jobs` has no caller to be known by,
and warns by itself.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Hashable, Iterator
from types import FrameType
from weakref import WeakKeyDictionary

from joblib import Parallel

BETWEEN = ("chainrule", "sklearn", "joblib")
"""The packages between an estimator that warns and the line of the user's that it is to be told of."""

_SAID: WeakKeyDictionary[Parallel, set[tuple[type[Warning], Hashable]]] = WeakKeyDictionary()
"""What has been said in each run of several fits that is under way."""


def warn(message: str, category: type[Warning] = UserWarning, about: Hashable | None = None) -> None:
    """Warn at the line that called into scikit-learn or chainrule.

    Args:
        about: what it is about: one about the same is the same, also in other words and with other numbers. None for
            its words.
    """
    frames = [*_callers()]
    several = next((held for frame in reversed(frames) if (held := _several_fits(frame)) is not None), None)
    if several is not None:
        said, what = _SAID.setdefault(several, set()), (category, about or message)
        if what in said:
            return
        said.add(what)
    between = (_package(frame) in BETWEEN for frame in frames)
    depth = next((depth for depth, inside in enumerate(between) if not inside), len(frames) - 1)
    warnings.warn(message, category, stacklevel=depth + 2)


def _callers() -> Iterator[FrameType]:
    """The frames of those who have called `warn`, from the nearest on."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _several_fits(frame: FrameType) -> Parallel | None:
    """The run of several fits that a function of scikit-learn or joblib holds among its local variables.

    A search holds it still while it fits the best estimator on all examples, outside of that run.
    """
    if _package(frame) not in ("sklearn", "joblib"):
        return None
    return next((held for held in frame.f_locals.values() if isinstance(held, Parallel)), None)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]
