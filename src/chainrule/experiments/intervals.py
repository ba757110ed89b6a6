"""How sure a measure is of few examples: 95 % intervals by the bootstrap (Efron, 1979), all samples at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.targets import Target
from chainrule.randomness import stream

MOST, SAMPLES = 1_000, 300
"""Of more examples than the first an interval is not worth its while; and how many samples are drawn."""

ENDS = (0.025, 0.975)


def intervals(output: NDArray[Any], Y: NDArray[Any], target: Target) -> dict[str, list[float]]:
    """The interval of each measure of one column, by its name; nothing for many examples or several columns.

    Args:
        output: (m, n_out), of the network. Y: what is true.
    """
    m = len(output)
    if not 1 < m <= MOST or len(target.names) > 1 or Y.ndim > 1:
        return {}
    drawn = stream("bootstrap", m).multinomial(m, np.full(m, 1 / m), SAMPLES).astype(np.float64)
    if target.task == "values":
        found = _of_values(drawn, output[:, 0], Y)
    elif target.task == "classes":
        found = _of_classes(drawn, target.decided(output), Y, target.n_out)
    else:
        answers, P = target.towards_positive(Y, output)
        p = P[:, 0].astype(np.float64)
        found = _of_decisions(drawn, target.says_positive(p), answers == 1) | _of_scores(drawn, p, answers == 1)
    ends = {name: np.nanquantile(values, ENDS) for name, values in found.items() if np.isfinite(values).any()}
    fewest = m if target.task == "values" else int(np.bincount(Y, minlength=2).min())
    return {
        name: [_low(low, high, m if name == "accuracy" else fewest), float(high)]
        for name, (low, high) in ends.items()
        if name in target.metrics
    }


def _low(low: float, high: float, n: int) -> float:
    """The lower end; where nothing went wrong in n cases, as much may as the rule of three tells (Hanley, 1983)."""
    return max(0.0, 1 - 3 / max(n, 1)) if low == high == 1 else float(low)


def _share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[Any]:
    """0 where there is nothing."""
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))


def _of_values(drawn: NDArray[Any], a: NDArray[Any], y: NDArray[Any]) -> dict[str, NDArray[Any]]:
    m = drawn.shape[1]
    apart, y = a - y, y - y.mean()
    squares, mean = drawn @ apart**2 / m, drawn @ y / m
    spread = drawn @ y**2 / m - mean**2
    r2 = 1 - np.divide(squares, spread, out=np.full(len(drawn), np.nan), where=spread > 0)
    return {"rmse": np.sqrt(squares), "mae": drawn @ abs(apart) / m, "r2": r2}


def _of_classes(drawn: NDArray[Any], decided: NDArray[Any], y: NDArray[Any], n: int) -> dict[str, NDArray[Any]]:
    true, said = np.eye(n)[y], np.eye(n)[decided]
    there, called, right = drawn @ true, drawn @ said, drawn @ (true * said)
    met, of_each = there + called > 0, _share(2 * right, there + called)
    recall, known = _share(right, there), there > 0
    return {
        "accuracy": right.sum(axis=1) / drawn.shape[1],
        "balanced_accuracy": recall.sum(axis=1) / known.sum(axis=1),
        "f1": of_each.sum(axis=1) / met.sum(axis=1),
    }


def _of_decisions(drawn: NDArray[Any], said: NDArray[Any], yes: NDArray[Any]) -> dict[str, NDArray[Any]]:
    m = drawn.shape[1]
    right, called, there = drawn @ (said & yes), drawn @ said, drawn @ yes
    right_no = drawn @ ~(said | yes)
    known = np.array([there > 0, m - there > 0])
    recalls = np.array([_share(right, there), _share(right_no, m - there)])
    return {
        "accuracy": (right + right_no) / m,
        "balanced_accuracy": recalls.sum(axis=0) / known.sum(axis=0),
        "precision": _share(right, called),
        "recall": _share(right, there),
        "f1": _share(2 * right, there + called),
    }


def _of_scores(drawn: NDArray[Any], p: NDArray[Any], yes: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """roc_auc and average_precision; NaN where a sample holds one kind alone."""
    order = np.argsort(-p, kind="stable")
    p, yes, drawn = p[order], yes[order], drawn[:, order]
    ends = np.flatnonzero(np.append(p[1:] != p[:-1], True))  # equal scores are taken together
    found, all_so_far = (np.cumsum(counts, axis=1)[:, ends] for counts in (drawn * yes, drawn))
    gained, wrong = np.diff(found, axis=1, prepend=0), all_so_far - found
    of_yes, of_no = found[:, -1], wrong[:, -1]
    passed = np.diff(wrong, axis=1, prepend=0)
    below = of_no[:, None] - wrong + passed / 2
    nothing = np.full(len(drawn), np.nan)
    auc = np.divide((gained * below).sum(axis=1), of_yes * of_no, out=nothing.copy(), where=of_yes * of_no > 0)
    precision = _share(found, all_so_far)
    average = np.divide((gained * precision).sum(axis=1), of_yes, out=nothing.copy(), where=of_yes > 0)
    return {"roc_auc": auc, "average_precision": average}
