"""What there is to predict: classes, answers to yes-or-no questions, or values; as numbers for a network, and back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.data.quantities import why_no_quantities
from chainrule.data.scales import TargetScale
from chainrule.errors import DataError, OptionError, shown
from chainrule.graph import Operation
from chainrule.metrics import Task, decide
from chainrule.names import nearest
from chainrule.ops import exp, sigmoid

Kind = Literal["classification", "regression"]
"""What a user may ask for: labels or values."""

KINDS: dict[str, Kind] = {"classification": "classification", "regression": "regression"}

FEW = 20
"""Whole numbers of at most so many different values are taken for labels."""

HANDFUL, SCARCE = 5, 0.4
"""Of more than `FEW` labels no more than this share may have fewer examples than a handful: they cannot be learned."""

STRAY = 0.1
"""Words that are less than this share of labels and of examples are strays among numbers."""

COUNTED = 5
"""Fewer different whole numbers are labels, however rare the larger ones are."""

Label = str | int | float | bool


@dataclass(frozen=True, repr=False)
class Target(Configurable):
    """The columns to predict. One column of two labels is a yes-or-no question, and several such columns are several.

    Args:
        names: of the columns.
        labels: of each column its labels, in the order of the numbers that stand for them; None for values.
        positive: of each yes-or-no question the number of the label that precision, recall and f1 are about; None for
            the second.
        threshold: from which probability on the positive label is decided on.
        scales: of each value how it is learned, all of one form; None for plain ones without limits.
        error: the loss of values where it is another than that of their scale.
    """

    scales_fixed: ClassVar[bool] = False
    """Whether its values are what a source makes of the data, so that no scale can be chosen."""

    names: list[str]
    labels: list[list[Label]] | None = None
    positive: list[int] | None = None
    threshold: float = 0.5
    scales: list[TargetScale] | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.names:
            raise OptionError("a target has a column or more to predict.")
        self._check_measures()
        if self.scales is not None and (len(self.scales) != len(self.names) or len({s.form for s in self.scales}) > 1):
            raise OptionError("each value has a scale, all of one form.")
        counts = [len(set(map(str, labels))) for labels in self.labels or ()]  # predictions are written by them
        if self.labels is not None and (
            counts != [len(labels) for labels in self.labels]
            or len(counts) != len(self.names)
            or min(counts) < 2
            or (len(counts) > 1 and max(counts) > 2)
        ):
            raise OptionError(f"the labels of {', '.join(self.names)} are not two or more for each, or some are alike.")

    def _check_measures(self) -> None:
        """Raises OptionError for a positive label that is none, or a threshold that is no probability."""
        if not 0 < self.threshold < 1:
            raise OptionError(f"a threshold lies between 0 and 1, but it is {self.threshold:g}.")
        if self.positive is not None and (len(self.positive) != len(self.names) or not {*self.positive} <= {0, 1}):
            raise OptionError("of each yes-or-no question the first or the second label is the positive one.")

    @classmethod
    def find(
        cls, columns: Mapping[str, NDArray[Any]], task: Kind | None, place: str, size: int | None = None
    ) -> Target:
        """What these columns ask for, or what `task` says that they do.

        Text and yes-or-no are labels. Whole numbers are labels where there are at most 20 different ones in one column
        that do not look like counts, or two in each of several. Everything else is values. Of two labels the positive
        one is the rarer.

        Args:
            columns: (m,) of text, numbers or yes-or-no, without gaps, by name.
            task: what to predict, where somebody has said so.
            place: where the columns stand, for messages.
            size: of how many examples these are; None where they are all.

        Raises:
            DataError: the columns are not what was asked for, or there is nothing to tell apart.
        """
        names, text = list(columns), [name for name, y in columns.items() if y.dtype.kind in "OUS"]
        if task == "regression" and text:
            raise DataError(f"{text[0]} in {place} is text, which names classes, but values were asked for.")
        different = {name: _different(y) for name, y in columns.items()}
        for name, values in different.items():
            if len(values) < 2:
                label = _labels(values)[0]
                raise DataError(f"{name} in {place} is always {shown(label)}: there is nothing to tell apart.")
        if task == "regression" or (task is None and _are_values(different, columns) and not text):
            _refuse_mixture(different, task, place)
            return cls(names)
        labels = {name: _labels(values) for name, values in different.items()}
        for name, found in labels.items():
            if len(names) > 1 and len(found) > 2:
                raise DataError(
                    f"{name} in {place} has {len(found)} labels; several columns are predicted at once where each of "
                    f"them is yes or no, or all are numbers: train a network for each."
                )
            if len(found) > FEW:
                _refuse_too_many(columns[name], found, task, f"{name} in {place}", size)
        rarer = (
            [_rarer(columns[name], different[name]) for name in names]
            if max(map(len, labels.values()), default=0) == 2
            else None
        )
        return cls(names, list(labels.values()), rarer)

    @property
    def task(self) -> Task:
        """What the network's outputs mean."""
        if self.labels is None:
            return "values"
        return "classes" if len(self.labels[0]) > 2 else "yes_no"

    @property
    def classes(self) -> list[Any] | None:
        """The labels of a single column."""
        return self.labels[0] if self.labels is not None and len(self.labels) == 1 else None

    @property
    def n_out(self) -> int:
        """How many outputs the network has."""
        return len(self.labels[0]) if self.labels is not None and self.task == "classes" else len(self.names)

    @property
    def activation(self) -> str | Operation | None:
        """Of the outputs."""
        if self.task == "values":
            return {"counts": exp, "range": sigmoid}.get(self.form)
        return "softmax" if self.task == "classes" else "sigmoid"

    @property
    def form(self) -> str:
        """On which scale values are learned; see `TargetScale`."""
        return "plain" if self.scales is None else self.scales[0].form

    @property
    def loss(self) -> str:
        """The name of the loss that is minimized."""
        if self.task != "values":
            return self.cost
        own = {"counts": "poisson", "range": "binary_cross_entropy"}.get(self.form, "squared_error")
        return self.error or own

    @property
    def cost(self) -> str:
        """The name of the loss that is measured; of values it is the same on every scale."""
        costs = {"values": "squared_error", "classes": "cross_entropy"}
        return costs.get(self.task, "binary_cross_entropy")

    @property
    def learned_loss(self) -> Any:
        """What the network is trained by: a loss as `chainrule.train` takes it."""
        return self.loss

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics."""
        if self.labels is None:
            return ("r2", "rmse", "mae")
        if len(self.names) > 1:
            return ("accuracy", "f1", "roc_auc", "log_loss")
        if self.task == "classes":
            return ("accuracy", "balanced_accuracy", "f1", "roc_auc")
        return ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "average_precision")

    @property
    def watched(self) -> tuple[str, ...]:
        """The names of the metrics that are measured in every epoch, on the outputs that are met while training."""
        return () if self.form == "range" else self.metrics[:1]

    @property
    def summary(self) -> str:
        """What there is to predict, in words."""
        several = f"{len(self.names)} " if len(self.names) > 1 else ""
        if self.labels is None:
            return f"{several}values to predict"
        return f"{several}yes-or-no questions" if several else f"{len(self.labels[0])} classes"

    def numbers(
        self, columns: Mapping[str, NDArray[Any]], place: str, row: NDArray[np.int64] | None = None
    ) -> NDArray[Any]:
        """The columns as a network learns them: (m,) of one column and (m, n) of several; labels by their numbers.

        Args:
            row: (m,) the numbers of the rows where they stand, if anybody counts them, for messages.

        Raises:
            DataError: a label is none of those known, or text stands where values are expected.
        """
        found: list[NDArray[Any]] = []
        for i, name in enumerate(self.names):
            y = columns[name]
            if self.labels is not None:
                found.append(_numbered(y, self.labels[i], f"{name} in {place}", row))
            elif y.dtype.kind in "OUS":
                raise DataError(f"{name} in {place} is text, but the network predicts values.")
            else:
                found.append(y.astype(np.float64))
        return found[0] if len(found) == 1 else np.column_stack(found)

    def learned(self, Y: NDArray[Any]) -> NDArray[Any]:
        """What the network learns of Y, before that is standardized: (m,) or (m, …) labels, or (m, n) values.

        Raises:
            DataError: a value is out of what its scale takes.
        """
        if self.task != "values":
            return Y
        columns = np.asarray(Y, np.float64).reshape(len(Y), -1)
        if self.scales is None:
            return columns
        return np.column_stack([scale.learned(y) for scale, y in zip(self.scales, columns.T, strict=True)])

    def held(self, output: NDArray[Any]) -> NDArray[Any]:
        """Predicted values (m, n) within their limits."""
        if self.scales is None:
            return output
        return np.column_stack([scale.held(a) for scale, a in zip(self.scales, output.T, strict=True)])

    def towards_positive(self, Y: NDArray[Any], P: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Answers (m,) or (m, n) and probabilities (m, n) of the positive labels."""
        if self.positive is None or all(self.positive):
            return Y, P
        first = np.array(self.positive) == 0
        answers = np.where(first, 1 - Y.reshape(len(Y), -1), Y.reshape(len(Y), -1)).reshape(Y.shape)
        return answers, np.where(first, 1 - P, P)

    def says_positive(self, P: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether probabilities of the positive labels are enough to predict these."""
        return np.asarray(self.threshold <= P)

    def decided(self, output: NDArray[Any]) -> NDArray[Any]:
        """The numbers of the labels that outputs stand for: the likeliest class, or by the threshold."""
        if self.task != "yes_no" or (self.threshold == 0.5 and self.positive is None):
            return decide(output, self.task)
        positive = np.ones(output.shape[-1], int) if self.positive is None else np.array(self.positive)
        p = np.where(positive == 1, output, 1 - output)
        found = np.where(self.says_positive(p), positive, 1 - positive)
        return np.asarray(found[..., 0] if found.shape[-1] == 1 else found)

    def each(self) -> list[Target]:
        """Each of several columns as a target of its own."""
        return [
            replace(
                self,
                names=[name],
                labels=self.labels and [self.labels[i]],
                positive=self.positive and [self.positive[i]],
                scales=self.scales and [self.scales[i]],
            )
            for i, name in enumerate(self.names)
        ]

    def typical(self, Y: NDArray[Any]) -> NDArray[np.float64]:
        """The output (n_out,) of somebody who has seen Y but never looks at X: the share of each class, or the mean."""
        if self.task == "classes":
            return np.asarray(np.bincount(Y, minlength=self.n_out) / len(Y))
        return np.atleast_1d(Y.mean(axis=0))

    def predictions(self, output: NDArray[Any]) -> dict[str, list[Any]]:
        """The columns that tell an output (m, n_out): predicted labels and the probability of each, or values."""
        output = output.astype(np.float64)
        if self.labels is None:
            return {self._called(i): output[:, i].tolist() for i in range(self.n_out)}
        decided = self.decided(output).reshape(len(output), -1)
        found = {self._called(i): [self.labels[i][k] for k in column] for i, column in enumerate(decided.T)}
        return found | {name: p.tolist() for name, p in self._probabilities(output).items()}

    def _called(self, i: int) -> str:
        return "prediction" if len(self.names) == 1 else f"prediction {self.names[i]}"

    def _probabilities(self, output: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        assert self.labels is not None
        if len(self.names) > 1:
            pairs = zip(self.names, self.labels, output.T, strict=True)
            return {f"p({name} {labels[1]})": p for name, labels, p in pairs}
        P = np.hstack([1 - output, output]) if self.task == "yes_no" else output
        return {f"p({label})": p for label, p in zip(self.labels[0], P.T, strict=True)}


def _refuse_too_many(y: NDArray[Any], labels: list[Any], task: Kind | None, called: str, size: int | None) -> None:
    """Raises DataError where there are too many labels to learn them, or numbers among which some cells are words.

    Args:
        y: what `called` holds. size: see `Target.find`.
    """
    m, n = len(y), len(labels)
    odd = [label for label in labels if not re.match(r"[^\w]{0,3}[\d.,]*\d", str(label))]
    plain = [re.fullmatch(r"[^\w]{0,3}[\d.,]*\d[^\w]{0,3}", str(label)) is not None for label in labels]
    if not odd and 2 * sum(plain) > n:  # such as 4O, where no unit stands behind the others
        odd = [label for label, is_plain in zip(labels, plain, strict=True) if not is_plain]
    hint = f" It holds {shown(odd[0])} among numbers: leave such cells empty." if 0 < len(odd) < n / 2 else ""
    why = "" if task is not None else _why_no_values(labels)
    if why:
        raise DataError(f"{called} holds words, {n} different ones, and no values to predict: {why}.")
    if n > m / 2:
        raise DataError(
            f"{called} has {n} different labels for {m} examples, too many to learn any: is it the column to predict?"
            f"{hint}"
        )
    if task is not None:
        return
    counts = Counter(y.tolist())
    if hint and len(odd) < STRAY * n and sum(counts[label] for label in odd) < STRAY * m:
        raise DataError(
            f"{called} holds {shown(odd[0])} among numbers, {n} different ones: leave such cells empty to have values "
            "predicted, or take all for classes by --task classification."
        )
    scarce = sum(times < HANDFUL * m / (size or m) for times in counts.values())
    if scarce > SCARCE * n:
        raise DataError(
            f"{called} has {n} different labels, and {scarce} of them have fewer than {HANDFUL} examples, too few to "
            f"learn: is it the column to predict?{hint} Join the rare ones, or take all for classes by --task "
            "classification."
        )


def _why_no_values(labels: list[Any]) -> str:
    """Why labels that look like numbers with a unit are none; "" where they do not, or some are mere words."""
    from chainrule.extras import polars as pl

    why = why_no_quantities(pl.Series(labels)) if all(isinstance(label, str) for label in labels) else ""
    if " has no unit among " in why:
        return f"{why}, or take all for values by --task regression"
    return why if why.startswith("in ") else ""


def _different(y: NDArray[Any]) -> NDArray[Any]:
    """The different values, sorted."""
    if y.dtype.kind in "OUS":
        return np.array(sorted(set(y.ravel().tolist())), dtype=object)
    values = np.sort(y, axis=None)
    return np.asarray(values[np.append(True, values[1:] != values[:-1])])


def _are_values(different: dict[str, NDArray[Any]], columns: Mapping[str, NDArray[Any]]) -> bool:
    """Whether numbers are no labels: broken ones, too many different ones, or counts."""
    if len(different) == 1:
        [(name, values)] = different.items()
        if _are_whole(values) and _counted(values, columns[name]):
            return True
    most = FEW if len(different) == 1 else 2
    return any(len(values) > most or not _are_whole(values) for values in different.values())


def _counted(values: NDArray[Any], y: NDArray[Any]) -> bool:
    """Whether whole numbers count something: from 0 or 1 on without gaps at first, and the more, the rarer.

    Codes of classes, such as digits, are about as frequent as one another; ratings begin and end where they do, and
    their ends are not rare.
    """
    if y.dtype.kind not in "iuf" or not COUNTED <= len(values) <= FEW or values[0] not in (0, 1):
        return False
    times = np.array([np.count_nonzero(y == value) for value in values])
    most = int(times.argmax())
    smooth = np.sqrt(times[most:]) * 2 + 1  # what chance makes of a number of cases
    falls = bool((np.diff(times[most:]) <= smooth[:-1]).all()) and bool((np.diff(times[: most + 1]) >= 0).all())
    begins = values[: most + 2].tolist() == list(range(int(values[0]), int(values[0]) + min(most + 2, len(values))))
    return falls and begins and most < len(values) / 2 and times[-1] < 0.05 * times[most]


def _rarer(y: NDArray[Any], different: NDArray[Any]) -> int:
    """Which of two labels there are fewer of, 0 or 1; the second where there are as many."""
    return int(2 * np.count_nonzero(y == different[0]) >= len(y))


def _refuse_mixture(different: dict[str, NDArray[Any]], task: Kind | None, place: str) -> None:
    """Raises DataError where some columns are yes or no and others are values, and nobody has said that all are."""
    asked = [name for name, values in different.items() if len(values) == 2]
    if task is None and 0 < len(asked) < len(different):
        others = [name for name in different if name not in asked]
        raise DataError(
            f"{', '.join(asked)} in {place} has two values, and {', '.join(others)} many: a network answers yes or no, "
            "or predicts values. Train one for each; or --task regression takes all of them for values."
        )


def _are_whole(values: NDArray[Any]) -> bool:
    return values.dtype.kind != "f" or bool((values % 1 == 0).all())


def _labels(different: NDArray[Any]) -> list[Any]:
    """The different values as labels; whole numbers as such."""
    whole = different.dtype.kind == "f" and _are_whole(different)
    return [int(value) for value in different.tolist()] if whole else different.tolist()


def _numbered(y: NDArray[Any], labels: list[Any], called: str, row: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Each label as its place among `labels`.

    Raises:
        DataError: a label is none of them.
    """
    known = np.array(labels)
    try:
        if y.dtype.kind in "iufb" and known.dtype.kind in "iufb":
            return _places(y, known)
        places = {label: i for i, label in enumerate(labels)}
        return np.fromiter(map(places.__getitem__, y.tolist()), np.int64, len(y))
    except KeyError as error:
        more = ", …" if len(labels) > 10 else ""
        all_known = ", ".join(map(shown, labels[:10])) + more
        found = [] if row is None else [i for i, one in enumerate(y.tolist()) if one == error.args[0]]
        where = f" in row {row[found[0]]:,}" if row is not None and found else ""
        meant = nearest(error.args[0], labels) if isinstance(labels[0], str) else ""
        raise DataError(
            f"{called} holds {shown(error.args[0])}{where}, but the classes are {all_known}.{meant}"
        ) from None


def _places(y: NDArray[Any], known: NDArray[Any]) -> NDArray[np.int64]:
    """Where among the known numbers each one stands. Raises KeyError where it is none of them."""
    order = np.argsort(known)
    places = order[np.searchsorted(known, y, sorter=order).clip(max=len(known) - 1)]
    strange = known[places] != y
    if strange.any():
        raise KeyError(y[strange][0].item())
    return np.asarray(places, np.int64)
