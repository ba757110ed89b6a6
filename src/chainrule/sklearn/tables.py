"""Estimators for frames as people have them, with words, dates and gaps, by the defaults of `chainrule train`."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_array, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from chainrule.data.columns import Column
from chainrule.data.new_rows import Doubt
from chainrule.data.table_encoding import Columns
from chainrule.data.table_reading import read_table
from chainrule.data.tables import Table
from chainrule.errors import DataError, DoubtWarning
from chainrule.experiments import Settings, Trained
from chainrule.experiments.conclusions import chosen_at_the_end
from chainrule.experiments.outputs import outputs
from chainrule.experiments.unmeasured import Unmeasured
from chainrule.sklearn import once
from chainrule.sklearn.frames import (
    as_frame,
    beside,
    doubts_on_labels,
    has_names,
    refuse_gaps,
    stand_ins,
    with_values,
    with_words,
)
from chainrule.sklearn.regressor import refuse_words
from chainrule.training import History

if TYPE_CHECKING:
    from polars import DataFrame

ROLES = ("number", "category", "date", "text", "ignore")
"""Parameters that name columns. They, `missing`, `day_first` and `target_statistics` are those of
`chainrule.read_table`; all others but `random_state` and `verbose` are fields of `Settings`."""


class TableEstimator(BaseEstimator):  # type: ignore[misc]
    """The base of `TableClassifier` and `TableRegressor`, which say what y is."""

    missing: Any
    day_first: bool | None
    target_statistics: bool
    random_state: Any
    verbose: bool
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    columns_: list[Column]
    notes_: list[str]
    trained_: Trained
    history_: History

    def _keep(self, parameters: dict[str, Any]) -> None:
        """Keep each argument of a constructor under its own name."""
        self.__dict__.update({name: given for name, given in parameters.items() if name not in ("self", "__class__")})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model file, which `chainrule predict`, `cr.Trained.load` and `cr.load` read.

        Raises:
            ModelFileError: it cannot be written.
        """
        check_is_fitted(self, "trained_")
        self.trained_.network.save(path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags

    # Fitting

    def _fit(self, table: Table) -> None:
        """Train on a table whose rows are all there, and keep what came of it."""
        settings = Settings(seed=self._seed(), **self._chosen())
        with tempfile.TemporaryDirectory(prefix="chainrule-") as folder:
            experiment = Unmeasured(table, settings, folder)
            told = [*self.notes_, *experiment.source.notes, *experiment.notes]
            self._say(told)
            self._warn(doubt for doubt in told if isinstance(doubt, Doubt))
            result = experiment.run(progress=bool(self.verbose))
        chosen = chosen_at_the_end(experiment)
        self._say(chosen)
        self.notes_ = [*told, *chosen]
        self.columns_ = [column for column in table.columns if column.name not in (*table.targets, table.weight)]
        self.trained_ = Trained(result.network, type(self).__name__, experiment.encoding, experiment.target)
        self.history_ = result.history
        if result.history.cut:
            warnings.warn("Training interrupted by user.", stacklevel=3)

    def _frame(self, X: Any) -> DataFrame:
        """X as a frame to learn from, whose columns are the features from now on.

        Raises:
            DataError, ShapeError: see `fit`.
        """
        frame, self.notes_ = as_frame(X, self)
        if frame.height < 2:
            raise DataError(
                f"X has {frame.height} sample(s), n_samples={frame.height}, and a minimum of 2 is required."
            )
        self.n_features_in_, self._columns = frame.width, frame.columns
        if has_names(X):
            self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return frame

    def _table(
        self, frame: DataFrame, task: str, sample_weight: Any, **answers: NDArray[Any]
    ) -> tuple[Table, list[str]]:
        """X and what stands for y as a table, and what that is called there.

        Raises:
            DataError, ShapeError: see `fit`.
        """
        more = {name: stand_ins(y, classes=task == "classification") for name, y in answers.items()}
        counts = None if sample_weight is None else _weights(sample_weight)
        more |= {} if counts is None else {"sample_weight": stand_ins(counts)}
        frame, called = beside(frame, **more)
        weights = called.pop("sample_weight", None)
        said: dict[str, Any] = {name: _listed(getattr(self, name)) for name in ROLES}
        said |= {"missing": None if self.missing is None else _listed(self.missing), "day_first": self.day_first}
        said |= {"target_statistics": self.target_statistics}
        table = read_table(frame, [*called.values()], task=task, weights=weights, **said)
        if len(table) != frame.height:
            lost = frame.height - len(table)
            raise DataError(f"{lost:,} of {frame.height:,} rows would be left out: give another `missing`.")
        if counts is not None and weights is not None:
            with_values(table, {weights: counts})
        return table, [*called.values()]

    def _chosen(self) -> dict[str, Any]:
        """The parameters that are fields of `Settings`, and chosen."""
        known, given = Settings.__dataclass_fields__, self.get_params(deep=False)
        return {name: value for name, value in given.items() if name in known and value is not None}

    def _seed(self) -> int | None:
        given = self.random_state
        if given is None or isinstance(given, int | np.integer):
            return None if given is None else int(given)
        return int(check_random_state(given).randint(2**31))

    def _say(self, notes: list[str]) -> None:
        if self.verbose and notes:
            print(*notes, sep="\n")

    def _warn(self, notes: Iterable[str]) -> None:
        for note in notes:
            once.warn(str(note), DoubtWarning, about=note.about if isinstance(note, Doubt) else note)

    # Predicting

    def _output(self, X: Any) -> NDArray[Any]:
        """(m, n_out), of the network for new rows; what is to be known of them is a warning."""
        check_is_fitted(self, "trained_")
        frame, notes = as_frame(X, self)
        if not (has_names(X) and hasattr(self, "feature_names_in_")):
            frame = self._by_place(frame)
        encoding = self.trained_.encoding
        assert isinstance(encoding, Columns)
        source = encoding.read(frame, labelled=False)
        self._warn([*notes, *source.notes])
        network, target = self.trained_.network, self.trained_.target
        found = [outputs(network, encoding.X(piece), target) for piece in source.pieces()]
        return np.concatenate(found)

    def _by_place(self, frame: DataFrame) -> DataFrame:
        """A frame whose columns are those of training by their places, as one of both had no names.

        Raises:
            DataError: it has more columns or fewer.
        """
        if frame.width != self.n_features_in_:
            raise DataError(
                f"X has {frame.width} features, but {type(self).__name__} is expecting {self.n_features_in_} features "
                "as input."
            )
        return frame.rename(dict(zip(frame.columns, self._columns, strict=True)))


def _listed(given: Any) -> list[str]:
    """Names or words as a list, of which one may be given by itself."""
    several = [given] if isinstance(given, str) or not isinstance(given, Iterable) else given
    return [str(one) for one in several]


def _weights(sample_weight: Any) -> NDArray[np.float64]:
    """How much each row counts.

    Raises:
        DataError: no row does, or one less than nothing. ValueError: they are no finite numbers.
    """
    found = column_or_1d(check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"))
    if found.min() < 0 or not found.any():
        raise DataError("every sample_weight is zero or more, and one of them greater: else no row counts.")
    return np.asarray(found)


class TableClassifier(ClassifierMixin, TableEstimator):  # type: ignore[misc]
    """A network that tells the class of each row of a table: words, dates, gaps and all.

    X is a frame of pandas or polars, a dict of columns, or an array. What each column is, is found from its values, as
    `chainrule train` finds it, and told in `columns_` and `notes_`; options that notes name are parameters here. The
    networks and how they learn have the defaults of `chainrule train`: several that answer together, each trained
    without another part of the rows, by which it stops; a single one is watched on a tenth of 1,000 rows or more. No
    test part is held out: whoever wants to measure does so by `cross_val_score`, or on other rows.

    Args:
        number, category, date, text, ignore: the column or columns to take for that; see `chainrule.read_table`.
        missing: a word or number, or several, that mark a missing value in X.
        day_first: whether 3/4/2025 is in April.
        target_statistics: whether categories of many values become statistics of y; see `chainrule.read_table`.
        members, time_limit, quick: how many networks answer together, and how long they may learn; see
            `chainrule.Settings`.
        epochs, hidden, activation, dropout, dropout_schedule, batch_norm, bins, bin_edges: a network of one's own; see
            there.
        optimizer, learning_rate, schedule, l2, weight_decay, weight_decay_schedule, batch_size: how it learns; see
            there.
        validation, patience, metric: which part of the rows is watched while training, how long a lack of progress is
            borne, and what is looked at; see there.
        class_weight: {class: weight}, or "balanced".
        label_smoothing: ε takes that much from the right class while training; see there.
        positive, threshold: of two classes, which one is predicted from which probability on; see there.
        engine, threads, device, precision: who computes, and how exactly.
        random_state: a seed or a `RandomState`; None for a fresh one.
        verbose: whether to print what is decided, and the progress.

    Attributes:
        classes_: the classes, sorted, in y's own type.
        columns_: what each column was taken for and why: a list of columns with `name`, `kind` and `reason`.
        notes_: what was decided and is doubtful, a sentence each.
        trained_: the `chainrule.Trained`, whose `network` can be drawn, derived and saved.
        history_: the `chainrule.History` of the training.
        n_features_in_, feature_names_in_: the columns, the latter where they have names.
    """

    classes_: NDArray[Any]

    def __init__(
        self,
        *,
        number: Any = (),
        category: Any = (),
        date: Any = (),
        text: Any = (),
        ignore: Any = (),
        missing: Any = None,
        day_first: bool | None = None,
        target_statistics: bool = False,
        members: int | None = None,
        time_limit: float | None = None,
        quick: bool = False,
        epochs: int | None = None,
        hidden: Any = None,
        activation: str | None = None,
        dropout: float | None = None,
        dropout_schedule: str | None = None,
        batch_norm: bool = False,
        bins: int | None = None,
        bin_edges: str | None = None,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        schedule: str | None = None,
        l2: float | None = None,
        weight_decay: float | None = None,
        weight_decay_schedule: str | None = None,
        batch_size: int | None = None,
        validation: float | None = None,
        patience: int | None = None,
        metric: str | None = None,
        class_weight: Any = None,
        label_smoothing: float | None = None,
        positive: Any = None,
        threshold: Any = None,
        engine: str = "auto",
        threads: int | None = None,
        device: str | None = None,
        precision: str = "float32",
        random_state: Any = None,
        verbose: bool = False,
    ):
        self._keep(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TableClassifier:
        """Learn from rows.

        Args:
            X: a frame, a dict of columns, or an array (m, n). y: (m,) the classes, of any type.
            sample_weight: (m,), how much each row counts while training.

        Raises:
            DataError, ShapeError: rows that nothing can be learned from.
            OptionError: a parameter that nothing can be done with.
        """
        frame = self._frame(X)
        refuse_gaps(y, self)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"y holds a single class, {self.classes_.tolist()[0]!r}: there is nothing to tell apart.")
        self.notes_ += doubts_on_labels(self.classes_, codes)
        words = [str(label) for label in self.classes_.tolist()]
        table, [name] = self._table(frame, "classification", sample_weight, y=codes)
        self._fit(with_words(table, name, words, codes))
        labels = self.trained_.target.classes or []
        self._order = np.array([labels.index(word) for word in words])
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of each row, (m,): the likeliest, or of two by the threshold."""
        output = self._output(X)
        return np.asarray(self.classes_[np.argsort(self._order)[self.trained_.target.decided(output)]])

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of each class, (m, n_classes), in the order of `classes_`."""
        output = self._output(X).astype(np.float64)
        P = np.hstack([1 - output, output]) if output.shape[1] == 1 else output / output.sum(axis=1, keepdims=True)
        return np.asarray(P[:, self._order])

    def _chosen(self) -> dict[str, Any]:
        chosen = super()._chosen()
        return chosen | ({} if self.positive is None else {"positive": str(self.positive)})


class TableRegressor(RegressorMixin, TableEstimator):  # type: ignore[misc]
    """A network that predicts values from the rows of a table: words, dates, gaps and all.

    Parameters and attributes are those of `TableClassifier`, except for those of classes.

    Args:
        loss: "squared_error", "absolute_error", "huber", or "poisson" for counts; None for what fits the values.
        target_transform: the scale on which values are learned, `transform` of `chainrule.Settings`: "log", "range" or
            "none"; None for what a trial finds better. (What has a `transform`, scikit-learn takes for a transformer.)
    """

    def __init__(
        self,
        *,
        number: Any = (),
        category: Any = (),
        date: Any = (),
        text: Any = (),
        ignore: Any = (),
        missing: Any = None,
        day_first: bool | None = None,
        target_statistics: bool = False,
        members: int | None = None,
        time_limit: float | None = None,
        quick: bool = False,
        epochs: int | None = None,
        hidden: Any = None,
        activation: str | None = None,
        dropout: float | None = None,
        dropout_schedule: str | None = None,
        batch_norm: bool = False,
        bins: int | None = None,
        bin_edges: str | None = None,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        schedule: str | None = None,
        l2: float | None = None,
        weight_decay: float | None = None,
        weight_decay_schedule: str | None = None,
        batch_size: int | None = None,
        validation: float | None = None,
        patience: int | None = None,
        metric: str | None = None,
        loss: str | None = None,
        target_transform: str | None = None,
        engine: str = "auto",
        threads: int | None = None,
        device: str | None = None,
        precision: str = "float32",
        random_state: Any = None,
        verbose: bool = False,
    ):
        self._keep(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TableRegressor:
        """Learn from rows; see `TableClassifier.fit`.

        Args:
            y: (m,) values, or (m, k) of k columns that are predicted together.
        """
        frame = self._frame(X)
        refuse_gaps(y, self)
        refuse_words(y, type(self).__name__, "TableClassifier")
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        columns = {"y": y} if y.ndim == 1 else {f"y{j}": column for j, column in enumerate(y.T)}
        table, names = self._table(frame, "regression", sample_weight, **columns)
        self._fit(with_values(table, dict(zip(names, columns.values(), strict=True))))
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The values, (m,) or (m, k)."""
        output = self._output(X).astype(np.float64)
        return output[:, 0] if output.shape[1] == 1 else output

    def _chosen(self) -> dict[str, Any]:
        return super()._chosen() | {"transform": self.target_transform}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
