"""The regressor."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from chainrule.errors import DataError, OptionError
from chainrule.sklearn import once
from chainrule.sklearn.estimator import Labels, MultilayerPerceptron, given_validation, not_lbfgs
from chainrule.sklearn.solver import is_lbfgs
from chainrule.training.cost import Cost

FAR_FROM_ONE = 20
"""A target whose mean and deviation are no larger is learned soon enough as it is."""


def _refuse_times(given: NDArray[Any]) -> None:
    """Raises DataError for dates and durations, whose numbers hang on a unit that nobody has said."""
    kinds = {dt.date: "M", dt.timedelta: "m"}
    first = given.ravel()[0] if given.dtype.kind == "O" and given.size else None
    kind = next((kind for one, kind in kinds.items() if isinstance(first, one)), given.dtype.kind)
    if kind == "M":
        raise DataError(
            "y holds dates, of which a network learns none: give numbers, such as the days since 1970, "
            "np.asarray(y, 'datetime64[s]').astype(float) / 86400"
        )
    if kind == "m":
        raise DataError(
            "y holds durations, whose unit nobody has said: give numbers, such as hours, "
            "np.asarray(y, 'timedelta64[s]').astype(float) / 3600"
        )


def refuse_words(y: Any, regressor: str = "MLPRegressor", classifier: str = "MLPClassifier") -> None:
    """See to it that a target is numbers.

    Args:
        regressor, classifier: who was asked, and who learns classes.

    Raises:
        DataError: it is text, or dates or durations.
    """
    given = np.asarray(y)
    _refuse_times(given)
    if given.dtype.kind not in "USO":
        return
    words = [value for value in given.ravel()[:1000].tolist() if isinstance(value, str | bytes)]
    if not words:
        return
    try:
        given.astype(np.float64)
    except (TypeError, ValueError):
        shown = ", ".join(repr(word) for word in sorted(set(words))[:3])
        way = f"{classifier} learns classes"
    else:
        shown, way = repr(words[0]), "give its numbers, np.asarray(y, dtype=float)"
        if given.dtype.kind == "O":
            return  # scikit-learn converts these
    raise DataError(f"y holds text such as {shown}, but {regressor} predicts numbers: {way}.")


class MLPRegressor(RegressorMixin, MultilayerPerceptron):  # type: ignore[misc]
    """A network that predicts numbers: scikit-learn's `MLPRegressor`, and more.

    Parameters and attributes are those of `MLPClassifier`, except that there are no classes, and scores are R².

    Args:
        loss: "squared_error"; "poisson", for counts, which ends the network with e^z; another of chainrule's, such as
            "absolute_error" or "huber"; an operation, with options by functools.partial; or a function of (A, Y) as
            `chainrule.train` takes it.
    """

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: Any = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        batch_norm: bool = False,
        metrics: Any = (),
        callbacks: Any = (),
        progress: bool = False,
        engine: str = "auto",
        threads: int | None = None,
        precision: str = "float32",
        dtype: Any = None,
    ):
        self._keep(locals())

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPRegressor:
        """Learn from examples; see `MLPClassifier.fit`.

        Args:
            y: (m,) or (m, n_outputs) numbers.
        """
        self._fit(X, y, sample_weight, given_validation(X_val, y_val, sample_weight_val))
        return self

    @available_if(not_lbfgs)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Learn from these examples for one epoch, going on from what is there."""
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The values, (m,) or (m, n_outputs)."""
        output = self._output(X)
        return output[:, 0] if output.shape[1] == 1 else output

    def _read(self, X: Any, y: Any, *, reset: bool, labels: Labels) -> tuple[Any, NDArray[Any]]:
        refuse_words(y)
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _outputs_for(self, y: NDArray[Any]) -> tuple[int, str]:
        return 1 if y.ndim == 1 else y.shape[1], "exp" if self._cost().name == "poisson" else "identity"

    def _cost(self) -> Cost:
        if isinstance(self.loss, int | list | tuple):
            raise OptionError(
                f"the first argument of MLPRegressor is the loss, as in scikit-learn, but is {self.loss!r}: "
                f"give MLPRegressor(hidden_layer_sizes={self.loss!r})."
            )
        return Cost(self.loss)

    def _targets(self, y: NDArray[Any], cost: Cost) -> NDArray[Any]:
        return y

    def _advise(self, y: NDArray[Any]) -> None:
        """Of a target on a scale that a network, which begins near 0, is slow to reach."""
        mean, deviation = float(np.mean(y)), float(np.std(y))
        if self.loss != "squared_error" or not deviation or is_lbfgs(self.solver) or not self.loss_curve_:
            return
        squares = 2 * float(np.min(self.loss_curve_))
        if max(abs(mean), deviation) > FAR_FROM_ONE and squares > deviation**2 / 2:
            worse = "worse than that mean" if squares > deviation**2 else f"R² {1 - squares / deviation**2:.2f}"
            once.warn(
                f"y has the mean {mean:.3g} and the deviation {deviation:.3g}, where a network begins near 0, and "
                f"after {self.n_iter_} epochs it is {worse} on what it was trained on: scale y, by "
                "sklearn.compose.TransformedTargetRegressor(MLPRegressor(…), transformer=StandardScaler()).",
                ConvergenceWarning,
                about="the scale of y",
            )

    def _reported(self, data: float, penalty: float) -> float:
        """Of several outputs scikit-learn reports the mean squared error, and minimizes the sum."""
        return (data / self.n_outputs_ if self.loss == "squared_error" else data) + penalty

    def _score_of(self, output: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None) -> float:
        """R², the mean over the outputs."""
        y = y.reshape(output.shape)
        apart = np.average((y - output) ** 2, axis=0, weights=weights)
        spread = np.average((y - np.average(y, axis=0, weights=weights)) ** 2, axis=0, weights=weights)
        scores = np.where(spread > 0, 1 - apart / np.where(spread > 0, spread, 1), np.where(apart > 0, 0.0, 1.0))
        return float(scores.mean())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
