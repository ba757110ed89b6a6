"""Whether a network has learned anything, and more than a linear model: a sentence on what its measures mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.targets import Target
from chainrule.experiments.settings import Settings
from chainrule.training import History

SURE = 2.0
"""So many standard errors must a network be ahead of an answer that never looks at X, to have learned something."""

SURE_OF_RANKS = 3.0
"""Values whose ranks agree by so many standard errors are learned, too."""

SMALL, LESS = 0.05, 0.5
"""Of a cost of no more than this part of the baseline's nothing is said, unless the linear model's is less than that
part of it."""

KNOWN = 0.9
"""Where a linear model leaves less than this part of the baseline's cost, the columns tell something."""

WORSE = -1.0
"""By so many standard errors behind an answer that never looks at X, a network is worse than that."""

FEWEST = 8
"""No layer of fewer units is proposed."""

PART, STILL = 0.3, 0.02
"""A validation cost that falls by more than the second share in the last part of the epochs has not come to rest."""

BEYOND = 20.0
"""A log loss of so many times that of an answer that never looks at X, and of 1, comes from updates too large."""

BY_LOSS = "by its loss though not by its accuracy"

TOO_SURE = "it is too sure where it is wrong. A smaller --learning-rate, more --l2 or more --dropout may help"
"""What is said of a network whose probabilities are worse than its answers."""


def losses(output: NDArray[Any], Y: NDArray[Any], target: Target) -> NDArray[np.float64]:
    """(m,): the loss of each example; of several values in the deviations of each, summed."""
    output = output.astype(np.float64)
    if target.task == "values":
        true = Y.reshape(output.shape)
        spread = true.std(axis=0)
        return np.asarray((((output - true) / np.where(spread > 0, spread, 1.0)) ** 2).sum(axis=1))
    if target.task == "classes":
        p = output[np.arange(len(Y)), Y]
    else:
        yes = Y.reshape(output.shape) == 1
        p = np.where(yes, output, 1 - output)
    return np.asarray(-np.log(np.maximum(p, 1e-7)).reshape(len(Y), -1).sum(axis=1))


def lead(output: NDArray[Any], other: NDArray[Any], Y: NDArray[Any], target: Target) -> list[float]:
    """How much less a network loses than another answer, by example, and the standard error of that."""
    apart = losses(other, Y, target) - losses(output, Y, target)
    return [float(apart.mean()), float(apart.std() / max(1, len(apart)) ** 0.5)]


def agreement(output: NDArray[Any], Y: NDArray[Any]) -> float:
    """How sure it is that predicted values are in the order of those that came, in standard errors of chance.

    The rank correlation (Spearman, 1904) times √(m − 1), of several values their mean: where values have a long tail, a
    few of them make the error of a lead so large that nothing can be told by it.
    """
    true = np.asarray(Y, np.float64).reshape(output.shape)
    found = [_of_ranks(a, y) for a, y in zip(output.astype(np.float64).T, true.T, strict=True)]
    return float(np.mean(found) * max(0, len(true) - 1) ** 0.5)


def _of_ranks(a: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The correlation of the ranks, those that tie in the middle; 0 where one of both is constant."""
    ranks = [_ranks(values) for values in (a, y)]
    spreads = [float(r.std()) for r in ranks]
    if min(spreads) == 0:
        return 0.0
    return float(np.mean((ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())) / (spreads[0] * spreads[1]))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, which, times = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(times) - (times - 1) / 2)[which])


def has_learned(metrics: dict[str, Any]) -> bool:
    """Whether the network is ahead of the baseline by more than chance, and of values better than their own mean."""
    mean, error = metrics["lead"]["baseline"]
    ahead = mean > SURE * error or (mean > 0 and metrics.get("agreement", 0.0) > SURE_OF_RANKS)
    return bool(ahead and metrics["test"].get("r2", 1.0) > 0)


def sentences(metrics: dict[str, Any], target: Target, history: History, settings: Settings, n_test: int) -> list[str]:
    """What a reader of the measures should know of them, the worst first."""
    found: list[str] = []
    ahead = metrics.get("lead", {})
    if ahead and not has_learned(metrics) and settings.class_weight is not None:
        found.append(
            "by its loss the network is no better than the baseline, but classes were weighed, which moves its "
            "probabilities: look at balanced_accuracy and roc_auc"
        )
    elif ahead and not has_learned(metrics):
        found.append(_not_learned(metrics, target, history, settings, n_test))
    elif ahead and metrics.get("kept") != "linear" and _worth_a_word(metrics):
        mean, error = ahead["linear"]
        if mean < -error:
            found.append(f"the network is worse than the linear model: {_less(settings)}")
        elif mean < 0:
            found.append(f"the linear model is as good as the network, and simpler: {_less(settings)}")
    if ahead and has_learned(metrics) and settings.class_weight is None and settings.threshold is None:
        found += _one_answer(metrics, target)
    others = {"seasonal": "seasonal", "baseline": "baseline"} if not ahead else {}
    better = [name for name in others if name in metrics and _is_worse(metrics["test"], metrics[name])]
    if better:
        way = _way_out(metrics, target, history, settings)
        if _too_sure(metrics, better) and not _too_fast(metrics, target, history, settings):
            better[-1] += f", {BY_LOSS}"
            way = way if still_falls(history) else TOO_SURE
        found.append(f"the network is worse than {' and '.join(better)}: {way}")
    if still_falls(history) and not metrics.get("kept") and not _too_fast(metrics, target, history, settings):
        found.append(
            f"the validation cost was still falling in the last of {len(history.epochs)} epochs: "
            f"--epochs {3 * len(history.epochs)} may do better"
        )
    return found


def _not_learned(metrics: dict[str, Any], target: Target, history: History, settings: Settings, n_test: int) -> str:
    """That the network is no better than an answer that never looks at X, and what that may come from."""
    mean, error = metrics["lead"]["baseline"]
    than = "worse than" if mean < WORSE * error else "no better than"
    told = f"the network is {than} the baseline, as far as {n_test:,} rows to test tell"
    if too_fast := _too_fast(metrics, target, history, settings):
        return f"{told}: {too_fast}"
    if _too_sure(metrics, ["baseline"]):
        return f"{told}, {BY_LOSS}: {TOO_SURE}"
    baseline, names = metrics["baseline"], ", ".join(target.names)
    told += ", so what matters to it is not shown"
    if metrics.get("linear", baseline)["loss"] < KNOWN * baseline["loss"]:
        rate = "" if settings.learning_rate is None else f" than {settings.learning_rate:g}"
        return (
            f"{told}; but the linear model is, so the columns do tell of {names}: take another --learning-rate{rate}, "
            "or see whether a row named above is a stray"
        )
    return f"{told}: the columns may say nothing of {names}; or {_way_out(metrics, target, history, settings)}"


def _too_sure(metrics: dict[str, Any], others: Sequence[str]) -> bool:
    """Whether the network is right more often than each of these answers, so that its loss alone can be worse."""
    own = metrics["test"].get("accuracy", 0.0)
    return all(own > metrics[other].get("accuracy", 1.0) for other in others)


def _worth_a_word(metrics: dict[str, Any]) -> bool:
    """Whether there is so much left to learn, or the linear model leaves so much less, that it is compared."""
    own, baseline = metrics["test"]["loss"], metrics["baseline"]["loss"]
    return bool(own > SMALL * baseline or metrics.get("linear", metrics["test"])["loss"] < LESS * own)


def _one_answer(metrics: dict[str, Any], target: Target) -> list[str]:
    """That all rows to test are predicted to be the same, though they are not."""
    confusion = metrics.get("confusion", {})
    counts = np.asarray(confusion.get("true by predicted", []))
    if counts.ndim != 2 or np.count_nonzero(counts.sum(axis=0)) != 1 or np.count_nonzero(counts.sum(axis=1)) < 2:
        return []
    said = int(counts.sum(axis=0).argmax())
    n, share = int(counts.sum()), counts[said, said] / counts.sum()
    return [
        f"all {n:,} rows to test are predicted to be {confusion['labels'][said]}, which {share:.0%} are: the "
        f"probabilities tell more than the answers; --class-weight balanced has other {target.names[0]} answered, too"
    ]


def still_falls(history: History) -> bool:
    """Whether the best epoch was one of the last, and the validation cost fell markedly until there.

    Not where the training cost only rises: there more epochs are no way out.
    """
    if history.climbs():
        return False
    if not history.epochs or "val_loss" not in history.epochs[0] or history.stopped != "all epochs done":
        return False
    costs = np.asarray(history["val_loss"])
    last = max(1, round(PART * len(costs)))
    if len(costs) < 3 or not np.isfinite(costs).all() or int(costs.argmin()) < len(costs) - last:
        return False
    return bool(costs[:-last].min() - costs.min() > STILL * costs[:-last].min())


def _less(settings: Settings) -> str:
    """What has less to learn by heart than the network had."""
    hidden = settings.hidden or ()
    if not hidden:
        return "take more --l2"
    most = max(hidden)
    fewer = f"--hidden {max(FEWEST, most // 8)}, " if most > FEWEST else ""
    return f'--hidden "" trains a linear one; {fewer}more --l2 or --dropout leave less to learn by heart'


def _too_fast(metrics: dict[str, Any], target: Target, history: History, settings: Settings) -> str:
    """That the learning rate is too large, by what the training cost did; nothing where it does not look so."""
    than = "" if settings.learning_rate is None else f" than {settings.learning_rate:g}"
    if history.climbs():
        first, last = (f"{history['loss'][i]:.4g}" for i in (0, -1))
        return f"the training cost rose from {first} to {last}: take a smaller --learning-rate{than}"
    beyond = BEYOND * max(1.0, metrics.get("baseline", {}).get("loss", np.inf))  # of values the scale is another
    if target.task != "values" and history.epochs and history["loss"][-1] > beyond:
        return f"the training cost is {history['loss'][-1]:.4g} at the end: take a smaller --learning-rate{than}"
    return ""


def _way_out(metrics: dict[str, Any], target: Target, history: History, settings: Settings) -> str:
    """What may help a network that is worse than simple answers: smaller updates, less of it, or more training."""
    if too_fast := _too_fast(metrics, target, history, settings):
        return too_fast
    if history.epochs and "val_loss" not in history.epochs[0]:
        return "with --validation 0.2 you see whether it has learned too little, or too much by heart"
    watched, learned = history["val_loss"], history["loss"]
    best = watched.index(min(watched)) if watched else 0
    if 2 * (best + 1) < len(watched) and learned[-1] < learned[best]:
        return (
            f"after epoch {best + 1} of {len(watched)} it learned by heart, as its training cost fell and val_loss did "
            "not: take fewer units (--hidden), more --l2 or more --dropout"
        )
    return "train longer, or with another learning rate"


def _is_worse(one: dict[str, float], other: dict[str, float]) -> bool:
    """By the cost; of values by R², to which each of several counts whatever its unit is."""
    return one["r2"] < other["r2"] if "r2" in one else one["loss"] > other["loss"]
