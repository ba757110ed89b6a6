"""How much each example counts while training, and what early stopping and a search look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.series import Forecast
from chainrule.data.targets import Target
from chainrule.errors import OptionError, shown
from chainrule.experiments.settings import Settings
from chainrule.metrics import METRICS, find_metrics


class Weights:
    """The weight of each example: its own times its class's.

    Args:
        target: what is predicted. Y: all of it, as numbers. train: the rows that are trained on.
        own: (m,), of each example, or None. by_class: of each label, those left out 1; or "balanced"; None for 1.

    Raises:
        OptionError: there is no such class, or the target has no classes.
    """

    def __init__(
        self,
        target: Target,
        Y: NDArray[Any],
        train: NDArray[np.intp],
        own: NDArray[np.float64] | None,
        by_class: Mapping[str, float] | str | None,
    ):
        self._weights = own
        if by_class is None:
            return
        if target.classes is None:
            raise OptionError(f"--class-weight is about one column of labels, not {target.summary}: leave it out.")
        of_class = _of_classes(target, np.bincount(Y[train], minlength=len(target.classes)), by_class)
        self._weights = of_class[Y] * (1.0 if own is None else own)

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return self._weights is not None

    def of(self, rows: NDArray[np.intp]) -> NDArray[np.float64] | None:
        """Of these rows; None where all count alike."""
        return None if self._weights is None else self._weights[rows]

    def refuse_chunks(self, name: str) -> None:
        """Raises OptionError where there are weights, for data that are read in chunks."""
        if self._weights is not None:
            raise OptionError(
                f"{name} is read in chunks, whose rows count alike: leave --weights and --class-weight out, or read it "
                "whole with --no-stream."
            )


def _of_classes(target: Target, counts: NDArray[np.intp], by_class: Mapping[str, float] | str) -> NDArray[np.float64]:
    """The weight of each class by its number."""
    names = [str(label) for label in target.classes or ()]
    if by_class == "balanced":
        return np.asarray(counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1)))
    if isinstance(by_class, str):
        raise OptionError(f'--class-weight is {shown(by_class)}, but takes "balanced", or weights such as "fraud=5".')
    strange = [str(name) for name in by_class if str(name) not in names]
    if strange:
        raise OptionError(f"--class-weight names {shown(strange[0])}, but the labels are {', '.join(names[:20])}.")
    table = {str(name): float(weight) for name, weight in by_class.items()}
    found = np.array([table.get(name, 1.0) for name in names])
    if not (np.isfinite(found).all() and (found > 0).all()):
        raise OptionError("--class-weight gives each class a number above 0.")
    return found


def watched_metric(target: Target, settings: Settings) -> Callable[[NDArray[Any], NDArray[Any]], float] | None:
    """What is to be looked at while training, as a function of its name; of two labels about the positive one.

    Raises:
        OptionError: it is none of such a target.
    """
    if settings.metric is None:
        return None
    [metric] = find_metrics([settings.metric], target.task)
    if settings.threshold == "validation" and not METRICS[settings.metric].decides:
        raise OptionError(
            f"no threshold changes {settings.metric}: with --threshold validation, --metric is accuracy, "
            "balanced_accuracy, precision, recall or f1."
        )

    def watched(Y: NDArray[Any], output: NDArray[Any]) -> float:
        if isinstance(target, Forecast):  # of which the forecast itself is measured, not its quantiles
            return metric.score(target.points(Y), target.points(output), "values")
        if target.task != "yes_no":
            return metric.score(Y, output, target.task)
        answers, P = target.towards_positive(Y, output)
        return metric.score(answers, target.says_positive(P).astype(np.float64) if metric.decides else P, "yes_no")

    watched.__name__ = metric.name
    return watched
