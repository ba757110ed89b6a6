"""How good predictions are: the metrics of the notes' first line, with the counts and curves that they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import scores
from chainrule.charts import TRAINING, VALIDATION, Cells, Chart, Line, Panel, Points
from chainrule.checking import real
from chainrule.errors import DataError, OptionError
from chainrule.notes.shapes import Matrix, examples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 10
"""Into so many parts of [0, 1] calibration sorts the probabilities."""


@dataclass(frozen=True)
class Classification:
    """What the probabilities A say of the labels Y, and how often they are right. Printing it shows each formula.

    Attributes:
        A, Y: (1, m), the probabilities of y = 1, and the labels.
        threshold: from which probability on the answer is 1.
        TP, FP, FN, TN: how many answers are 1 and right, 1 and wrong, 0 and wrong, 0 and right.
    """

    A: Matrix
    Y: Matrix
    threshold: float
    TP: int
    FP: int
    FN: int
    TN: int

    @property
    def accuracy(self) -> float:
        """(TP + TN) / m: the share of right answers."""
        return float((self.TP + self.TN) / self.Y.shape[1])

    @property
    def precision(self) -> float:
        """TP / (TP + FP): how many of the answers 1 are right; 0 where there is none."""
        return _share(self.TP, self.TP + self.FP)

    @property
    def recall(self) -> float:
        """TP / (TP + FN): how many of the ones were found; 0 where there is none."""
        return _share(self.TP, self.TP + self.FN)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN): the harmonic mean of precision and recall."""
        return _share(2 * self.TP, 2 * self.TP + self.FP + self.FN)

    @property
    def auc(self) -> float:
        """The area below the ROC curve: the share of pairs of a 1 and a 0 in which the 1 has the larger probability."""
        return scores.roc_auc(self.Y[0] == 1, self.A[0])

    def roc(self) -> tuple[Matrix, Matrix]:
        """(FP / (FP + TN), TP / (TP + FN)) for every threshold, from above all probabilities down to below all."""
        order = np.argsort(-self.A[0], kind="stable")
        yes, score = self.Y[0, order] == 1, self.A[0, order]
        ends = np.append(score[1:] != score[:-1], True)  # equal probabilities are answered alike
        found, false = np.cumsum(yes)[ends], np.cumsum(~yes)[ends]
        with_none = (np.concatenate([[0.0], counts / max(counts[-1], 1)]) for counts in (false, found))
        return next(with_none), next(with_none)

    def calibration(self) -> tuple[Matrix, Matrix, Matrix]:
        """Of each tenth of [0, 1] that holds probabilities: their mean, the share of ones among them, how many."""
        tenth = np.minimum((self.A[0] * BINS).astype(int), BINS - 1)
        count = np.bincount(tenth, minlength=BINS)
        there = count > 0
        sums = (np.bincount(tenth, weights, minlength=BINS)[there] for weights in (self.A[0], self.Y[0]))
        means = [total / count[there] for total in sums]
        return means[0], means[1], count[there].astype(np.float64)

    def __str__(self) -> str:
        TP, FP, FN, TN, m = self.TP, self.FP, self.FN, self.TN, self.Y.shape[1]
        wide = max(len(str(count)) for count in (TP, FP, FN, TN))
        return "\n".join(
            (
                f"answer 1 where a ≥ {self.threshold:g}, m = {m}",
                "       answer 0   answer 1",
                f"y = 0  TN = {TN:<{wide}}   FP = {FP:<{wide}}".rstrip(),
                f"y = 1  FN = {FN:<{wide}}   TP = {TP:<{wide}}".rstrip(),
                f"accuracy  = (TP + TN) / m           = ({TP} + {TN}) / {m} = {self.accuracy:.4f}",
                f"precision = TP / (TP + FP)          = {TP} / {TP + FP} = {self.precision:.4f}",
                f"recall    = TP / (TP + FN)          = {TP} / {TP + FN} = {self.recall:.4f}",
                f"F1        = 2 TP / (2 TP + FP + FN) = {2 * TP} / {2 * TP + FP + FN} = {self.f1:.4f}",
                f"ROC AUC   = share of pairs (1, 0) in the right order = {self.auc:.4f}",
            )
        )

    def plot(self) -> Figure:
        """The four counts; the ROC curve, with the answer of the threshold; and calibration."""
        counts = np.array([[self.TN, self.FP], [self.FN, self.TP]])
        across, up = self.roc()
        here = ([_share(self.FP, self.FP + self.TN)], [self.recall])
        mean, share, _ = self.calibration()
        panels = (
            Panel("counts", "answer", "y", [Cells(["0", "1"], counts)]),
            Panel(
                f"ROC, area {self.auc:.3f}",
                "FP / (FP + TN)",
                "TP / (TP + FN), recall",
                [
                    Line([0, 1], [0, 1], "#8a8a8a", "guessing", thin=True),
                    Line(across, up, TRAINING),
                    Line(*here, VALIDATION, f"a ≥ {self.threshold:g}", dots=True),
                ],
            ),
            Panel(
                "calibration",
                "mean probability a",
                "share of y = 1",
                [Line([0, 1], [0, 1], "#8a8a8a", "as it should be", thin=True), Line(mean, share, TRAINING, dots=True)],
            ),
        )
        return Chart("How good the answers are", panels, 330, 330).figure()


@dataclass(frozen=True)
class Regression:
    """How far the values Ŷ are from Y. Printing it shows each formula.

    Attributes:
        Y_hat, Y: (1, m), what was predicted, and what is true.
    """

    Y_hat: Matrix
    Y: Matrix

    @property
    def rmse(self) -> float:
        """√(1/m Σ (ŷ − y)²), in the unit of y."""
        return scores.rmse(self.Y.T, self.Y_hat.T)

    @property
    def mae(self) -> float:
        """1/m Σ |ŷ − y|, in the unit of y."""
        return scores.mae(self.Y.T, self.Y_hat.T)

    @property
    def r2(self) -> float:
        """1 − Σ (ŷ − y)² / Σ (ȳ − y)²: 1 is perfect, 0 as good as the mean ȳ, below 0 worse."""
        return scores.r2(self.Y.T, self.Y_hat.T)

    def __str__(self) -> str:
        m = self.Y.shape[1]
        left = np.square(self.Y_hat - self.Y).sum()
        there = np.square(self.Y.mean() - self.Y).sum()
        return "\n".join(
            (
                f"RMSE = √(1/m Σ (ŷ − y)²)              = √({left:.6g} / {m}) = {self.rmse:.4g}",
                f"MAE  = 1/m Σ |ŷ − y|                  = {self.mae * m:.6g} / {m} = {self.mae:.4g}",
                f"R²   = 1 − Σ (ŷ − y)² / Σ (mean − y)² = 1 − {left:.6g} / {there:.6g} = {self.r2:.4g}",
            )
        )

    def plot(self) -> Figure:
        """Predicted against true values, and what is left of each."""
        y, y_hat = self.Y[0], self.Y_hat[0]
        ends = [float(min(y.min(), y_hat.min())), float(max(y.max(), y_hat.max()))]
        panels = (
            Panel(
                f"R² {self.r2:.3f}",
                "y",
                "ŷ",
                [Line(ends, ends, "#8a8a8a", "ŷ = y", thin=True), Points(y, y_hat, TRAINING)],
            ),
            Panel(
                f"RMSE {self.rmse:.4g}",
                "ŷ",
                "ŷ − y",
                [
                    Line([y_hat.min(), y_hat.max()], [0, 0], "#8a8a8a", thin=True),
                    Points(y_hat, y_hat - y, TRAINING),
                ],
            ),
        )
        return Chart("How far the values are off", panels).figure()


def classification_metrics(A: Any, Y: Any, threshold: float = 0.5) -> Classification:
    """Count right and wrong answers: accuracy, precision, recall, F1, the ROC curve and calibration.

    Args:
        A: (1, m), the probability of y = 1 of each example, as of `forward` or `predict`.
        Y: (1, m), the labels 0 and 1.
        threshold: from which probability on the answer is 1.

    Raises:
        ShapeError, DataError: A and Y do not fit, A holds no probabilities, or Y other labels.
        OptionError: the threshold is not between 0 and 1, or there is more than one question.
    """
    A, Y = examples(A, Y, "A")
    if len(A) != 1 or len(Y) != 1:
        raise OptionError(
            f"A is {A.shape} and Y is {Y.shape}, but these metrics are about one question, (1, m): of several classes "
            "ask about one of them, such as A[2:3] and Y[2:3]."
        )
    if A.min() < 0 or A.max() > 1:
        raise DataError(f"A goes from {A.min():.4g} to {A.max():.4g}, but holds probabilities, from 0 to 1.")
    if not set(np.unique(Y).tolist()) <= {0.0, 1.0}:
        raise DataError(f"Y holds {np.unique(Y)[:4].tolist()}, but the labels are 0 and 1.")
    threshold = real("threshold", threshold, low=0, high=1)
    answer, yes = A[0] >= threshold, Y[0] == 1
    counts = (answer & yes, answer & ~yes, ~answer & yes, ~answer & ~yes)
    return Classification(A, Y, threshold, *(int(count.sum()) for count in counts))


def regression_metrics(Y_hat: Any, Y: Any) -> Regression:
    """Measure how far values are off: RMSE, the mean absolute error and R².

    Args:
        Y_hat: (1, m), the predicted values. Y: (1, m), the true ones.

    Raises:
        ShapeError, DataError: they do not fit, or hold NaN or infinity.
        OptionError: there is more than one row.
    """
    Y_hat = np.reshape(Y_hat, (1, -1)) if np.ndim(Y_hat) == 1 else Y_hat
    Y_hat, Y = examples(Y_hat, Y, "Y_hat")
    if len(Y_hat) != 1 or len(Y) != 1:
        raise OptionError(f"Y_hat is {Y_hat.shape} and Y is {Y.shape}, but must have one row: measure them one by one.")
    return Regression(Y_hat, Y)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
