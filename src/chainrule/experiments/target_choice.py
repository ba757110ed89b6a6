"""How the target of an experiment is learned: as somebody asked for, and on the scale that a trial finds better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import engines
from chainrule.data.scales import FORMS, Form, TargetScale, alternative, are_whole, scale_of, skewness
from chainrule.data.source import Encoding
from chainrule.data.strays import strays_in
from chainrule.data.targets import Target
from chainrule.errors import OptionError, shown
from chainrule.experiments.design import design, optimizer_for
from chainrule.experiments.outputs import outputs
from chainrule.experiments.settings import Settings
from chainrule.experiments.splits import Splits
from chainrule.experiments.units import final_layers, learned
from chainrule.layers import Network
from chainrule.metrics import METRICS
from chainrule.names import lookup
from chainrule.numbers import brief
from chainrule.randomness import stream
from chainrule.training import train

LOSSES = {name: name for name in ("squared_error", "absolute_error", "huber", "poisson")}
"""What may be minimized where values are predicted."""

MOST, MEASURED = 4_000, 2_000
"""A trial of a scale trains on so many examples at most, and is measured on so many others."""

MET = 40_000
"""About how many examples a trial meets, in 5 epochs at least."""

LESS, AS_WELL = 0.97, 1.02
"""A scale is taken where its squared error is less than this part of the plain one, or no more than AS_WELL with an
absolute error that is less than LESS²."""


@dataclass(frozen=True)
class Trial:
    """What a trial found on one scale: mean absolute error and R²."""

    mae: float
    r2: float


Ends = Sequence[tuple[float, float]] | None
"""Between which all values lie, column by column, infinite where nobody knows; None where they are at hand."""


def asked_for(
    target: Target, settings: Settings, Y: NDArray[Any], rows: NDArray[np.intp] | None = None, ends: Ends = None
) -> Target:
    """The target as somebody asked for it: the positive label, the threshold, the loss, the scale.

    Args:
        Y: (m,) or (m, n), all that is to be predicted. rows: those to learn from, None for all.
        ends: of the values, where they are more than Y.

    Raises:
        OptionError: it cannot be had of this target.
        DataError: a value is out of what the scale takes.
    """
    if target.task == "values":
        for name in ("positive", "class_weight", "threshold", "label_smoothing"):
            if getattr(settings, name) is not None:
                raise OptionError(f"{_option(name)} is about labels, but values are predicted: leave it out.")
        return _on_scale(target, settings, Y, slice(None) if rows is None else rows, ends)
    for name in ("loss", "transform"):
        if getattr(settings, name) is not None:
            raise OptionError(
                f"{_option(name)} is about values, but {', '.join(target.names)} holds labels: leave it out."
            )
    if settings.positive is not None:
        target = _with_positive(target, settings.positive)
    if settings.threshold is not None:
        if target.task != "yes_no" or len(target.names) > 1:
            raise OptionError(f"--threshold is about one target of two labels, not {target.summary}: leave it out.")
        if settings.threshold != "validation":
            target = replace(target, threshold=_probability(settings.threshold))
    return target


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _probability(given: object) -> float:
    """Raises OptionError where this is none."""
    try:
        found = float(str(given))
    except ValueError:
        found = -1.0
    if not 0 < found < 1:
        raise OptionError(f'--threshold is {shown(given)}, but takes a number between 0 and 1, or "validation".')
    return found


def _with_positive(target: Target, positive: str) -> Target:
    """Raises OptionError where the label is none of two."""
    if target.classes is None or target.task != "yes_no":
        raise OptionError(f"--positive names one of two labels, but there are {target.summary}: leave it out.")
    names = [str(label) for label in target.classes]
    if str(positive) not in names:
        raise OptionError(f"--positive is {shown(positive)}, but the labels are {', '.join(names)}.")
    return replace(target, positive=[names.index(str(positive))])


def _on_scale(
    target: Target, settings: Settings, Y: NDArray[Any], rows: NDArray[np.intp] | slice, ends: Ends
) -> Target:
    loss = None if settings.loss is None else lookup("loss of values", settings.loss, LOSSES)
    form = "plain" if settings.transform is None else lookup("transform", settings.transform, FORMS)
    if loss == "poisson":
        if form != "plain":
            raise OptionError("--loss poisson has the log in it already: leave --transform out.")
        form, loss = "counts", None
    if form == "range" and loss is not None:
        raise OptionError("--transform range has a loss of its own: leave --loss out.")
    columns = np.asarray(Y, np.float64).reshape(len(Y), -1).T
    if target.scales_fixed:
        if form != "plain":
            raise OptionError("what is forecast is the change since the last value: leave --transform and poisson out.")
        return replace(target, error=loss)
    limits = [None] * len(columns) if ends is None else [*ends]
    called = zip(target.names, columns, limits, strict=True)
    scales = [_asked_scale(name, form, y, y[rows], of_all) for name, y, of_all in called]
    return replace(target, scales=scales, error=loss)


def _asked_scale(
    name: str, form: Form, y: NDArray[np.float64], to_learn: NDArray[np.float64], ends: tuple[float, float] | None
) -> TargetScale:
    """The scale of that form of values y (m,), with the limits of those to learn from.

    Args:
        ends: of all values, where they are more than y.
    """
    if form == "range" and ends is not None:
        if not np.isfinite(ends).all():
            raise OptionError(
                f"the range of {name} is not known, as its table is read in chunks: leave --transform out, or read it "
                "whole with --no-stream."
            )
        to_learn = np.append(to_learn, ends)
    if form in ("log", "counts"):
        known = y if ends is None else np.append(y, [end for end in ends if np.isfinite(end)])
        TargetScale(form).learned(known)
    scale = scale_of(to_learn, form)
    return scale if ends is None or form != "plain" else scale.freed(*ends)


def may_choose(target: Target, settings: Settings) -> bool:
    """Whether nobody has said how one value is to be learned."""
    free = settings.loss is None and settings.transform is None and not target.scales_fixed
    return target.task == "values" and len(target.names) == 1 and free


def chosen_scale(
    target: Target,
    X: NDArray[Any],
    Y: NDArray[Any],
    splits: Splits,
    encoding: Encoding,
    settings: Settings,
    ends: Ends = None,
) -> tuple[Target, str]:
    """The target on the scale that a short trial shows to be better, and a sentence on it; "" where none was made.

    Both scales train on some examples, and are measured on some of the validation part; where there is none, on a
    quarter of the training part. A scale that cannot take all values is none.

    Args:
        ends: of the values, where they are more than Y.
    """
    y = Y[splits.train]
    form = alternative(y)
    if form is None or strays_in(y) is not None:
        return target, ""
    scale = scale_of(y, form)
    if not scale.takes(*(ends[0] if ends is not None else (float(Y.min()), float(Y.max())))):
        return target, ""
    random = stream("scale", settings.seed or 0)
    train_rows, others = splits.train, splits.validation
    if len(others) == 0:
        mixed = random.permutation(train_rows)
        train_rows, others = mixed[len(mixed) // 4 :], mixed[: len(mixed) // 4]
    train_rows, others = (_some(rows, n, random) for rows, n in ((train_rows, MOST), (others, MEASURED)))
    if len(others) < 10:
        return target, ""
    tries = [replace(target, scales=[one]) for one in (target.scales[0] if target.scales else TargetScale(), scale)]
    plain, other = (_trial(one, X, Y, train_rows, others, encoding, settings) for one in tries)
    better = (1 - other.r2) < LESS * (1 - plain.r2)
    as_good = (1 - other.r2) < AS_WELL * (1 - plain.r2) and other.mae < LESS**2 * plain.mae
    name, way = target.names[0], f"--transform none leaves {target.names[0]} as it is"
    if form == "counts":
        way = f"--loss squared_error takes {target.names[0]} for any values"
    compared = (
        f"R² {other.r2:.3f} instead of {plain.r2:.3f}, mean absolute error {brief(other.mae)} instead of "
        f"{brief(plain.mae)}"
    )
    if better or as_good:
        return tries[1], f"{name} {_why(form, y)}, in a trial {compared}; {way}"
    return target, ""


def _why(form: str, y: NDArray[np.float64]) -> str:
    if form == "log":
        return f"is above 0 with a long tail (skewness {skewness(y):.1f}): its log is learned, and its mean corrected"
    if form == "counts":
        what = "holds whole numbers of 0 or more" if are_whole(y) else "is 0 or more with a long tail"
        return f"{what}: it is learned as e to the output, by the Poisson likelihood"
    return f"lies between {brief(float(y.min()))} and {brief(float(y.max()))}: its place in its range is learned"


def _some(rows: NDArray[np.intp], most: int, random: np.random.Generator) -> NDArray[np.intp]:
    return rows if len(rows) <= most else np.sort(random.choice(rows, most, replace=False))


def _trial(
    target: Target,
    X: NDArray[Any],
    Y: NDArray[Any],
    rows: NDArray[np.intp],
    others: NDArray[np.intp],
    encoding: Encoding,
    settings: Settings,
) -> Trial:
    """Train shortly on this scale; what it comes to on the others."""
    epochs = min(settings.epochs or 1, max(5, MET // len(rows)))
    quick = replace(settings, epochs=epochs)
    network = design(encoding, X.shape[1:], target, quick)
    final = final_layers(target, Y[rows])
    with engines.held_to(settings.threads):
        train(
            network,
            X[rows],
            learned(Y[rows], target, final[0]),
            loss=target.loss,
            optimizer=optimizer_for(quick),
            epochs=epochs,
            batch_size=settings.batch_size,
            engine=settings.engine,
            device=settings.device,
            devices=settings.devices,
            precision=settings.precision,
            seed=settings.seed,
            progress=False,
        )
    whole = Network([network, *final], seed=settings.seed)
    whole.build_for(X)
    if target.form == "log":
        correct_mean(whole, network.predict(X[rows]), Y[rows], target)
    output = outputs(whole, X[others], target)[:, 0]
    y = Y[others]
    left = float(((y - output) ** 2).sum() / max(float(((y - y.mean()) ** 2).sum()), 1e-300))
    return Trial(float(abs(y - output).mean()), 1 - left)


def correct_mean(
    network: Network,
    found: NDArray[Any],
    Y: NDArray[Any],
    target: Target,
    weights: NDArray[np.float64] | None = None,
) -> None:
    """Multiply what a network of logarithms predicts by the mean of y / e^(predicted log): Duan's smearing estimate.

    e to the mean of a log is the median, less than the mean of what has a long tail (Duan, 1983). The factor goes into
    the network's own layer of units. Without any weight nothing is corrected.

    Args:
        found: (m, n_out), what the network's body says of examples. Y: what came.
        weights: (m,), how much each example counts; None for alike.
    """
    if weights is not None and not weights.any():
        return
    standard = network.layers[1]
    logs = found * standard.statistics["deviation"] + standard.statistics["mean"]
    apart = target.learned(Y) - logs
    standard.statistics["mean"] = standard.statistics["mean"] + np.log(
        np.average(np.exp(apart), axis=0, weights=weights)
    )


def threshold_on(target: Target, Y: NDArray[Any], output: NDArray[Any], metric: str) -> float:
    """The threshold with the best value of the metric on these examples; of several the nearest to a half."""
    answers, P = target.towards_positive(Y, output)
    sorted_p = np.unique(np.round(np.quantile(P, np.linspace(0, 1, 201)), 6))
    tried = np.unique(np.append((sorted_p[1:] + sorted_p[:-1]) / 2, 0.5))
    tried = tried[(tried > 0) & (tried < 1)]
    sign = 1 if METRICS[metric].greater_is_better else -1
    found = [sign * METRICS[metric].score(answers, (t <= P).astype(np.float64), "yes_no") for t in tried]
    best = np.flatnonzero(np.asarray(found) >= max(found) - 1e-12)
    return float(tried[best[np.argmin(abs(tried[best] - 0.5))]])
