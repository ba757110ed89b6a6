"""Warnings of estimators, each once in a cross-validation or a search, however many fits there are in it.

Python itself shows the same warning of a line once; but scikit-learn runs each fit with filters of its own, after
which Python has forgotten what it has shown.
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
    between = (str(frame.f_globals.get("__name__")).partition(".")[0] in BETWEEN for frame in frames)
    depth = next((depth for depth, inside in enumerate(between) if not inside), len(frames) - 1)
    warnings.warn(message, category, stacklevel=depth + 2)


def _callers() -> Iterator[FrameType]:
    """The frames of those who have called `warn`, from the nearest on."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _several_fits(frame: FrameType) -> Parallel | None:
    """The run of several fits, in this process, whose frame this is."""
    if frame.f_code is not Parallel.__call__.__code__:
        return None
    held = frame.f_locals.get("self")
    return held if isinstance(held, Parallel) else None
