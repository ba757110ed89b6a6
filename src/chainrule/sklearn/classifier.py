"""The classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from chainrule.data.examples import class_table
from chainrule.errors import DataError, OptionError
from chainrule.sklearn.estimator import Labels, MultilayerPerceptron, given_validation, not_lbfgs
from chainrule.training.cost import Cost


def _is_log_loss(loss: Any) -> bool:
    """Whether the loss is the one that fits the labels, whatever they are."""
    return isinstance(loss, str) and loss == "log_loss"


def _gives_probabilities(estimator: MLPClassifier) -> bool:
    return not estimator._gives_signs


def _gives_signs(estimator: MLPClassifier) -> bool:
    return estimator._gives_signs


class MLPClassifier(ClassifierMixin, MultilayerPerceptron):  # type: ignore[misc]
    """A network that gives each class a probability: scikit-learn's `MLPClassifier`, and more.

    With the same parameters and the same `random_state` it learns the same coefficients as scikit-learn's, up to the
    rounding of floats. It computes in float32 where X is float32, and in float64 elsewhere.

    Args:
        hidden_layer_sizes: the units of each hidden layer; () for none, which makes it a logistic regression.
        activation: of the hidden units, "identity", "logistic", "tanh", "relu" or any other of chainrule's, or an
            operation; or a list with one for each hidden layer.
        solver: "adam", "sgd" (with momentum), "lbfgs", another optimizer's name, or an `Optimizer` such as
            `chainrule.AdamW(1e-3)`, which brings its own learning rate.
        alpha: of L2 regularization; a batch of weight m adds alpha / (2 m) Σ W² to the cost.
        batch_size: examples in a mini-batch; "auto" for 200, or all if there are fewer.
        learning_rate: "constant"; for solver="sgd" also "invscaling" (learning_rate_init / (t + 1)^power_t after t
            examples) or "adaptive" (divided by 5 whenever there is no progress); or a `Schedule` of
            `chainrule.schedules`, for every solver that is given by name.
        learning_rate_init: the learning rate at the start.
        power_t: see `learning_rate`.
        max_iter: epochs at most; of L-BFGS, iterations.
        shuffle: whether each epoch meets the examples in a new order.
        random_state: a seed or a `RandomState`, of the start, the validation part, the order and dropout.
        tol: what counts as progress of the loss, or of the validation score; of L-BFGS, the size of the gradient's
            elements at which it ends.
        verbose: whether to print the loss of each epoch.
        warm_start: whether `fit` goes on from the coefficients that are there.
        momentum, nesterovs_momentum: of solver="sgd".
        early_stopping: whether to hold out a part of the examples, end when the score on them makes no progress, and
            keep the best epoch; or a `chainrule.EarlyStopping`, which watches what it is told to.
        validation_fraction: the part that is held out.
        beta_1, beta_2, epsilon: of solver="adam".
        n_iter_no_change: how many epochs without progress are borne, or infinity.
        max_fun: how often L-BFGS may compute the loss.
        loss: "log_loss"; "hinge" or "perceptron", whose outputs are scores; an operation, with options by
            functools.partial; or a function of (A, Y) as `chainrule.train` takes it, with Y one-hot.
        class_weight: {class: weight}, or "balanced".
        dropout: the rate after each hidden layer, or a list with one for each.
        batch_norm: whether each hidden layer is normalized over the batch before its activation.
        metrics: measured in every epoch, into `history_`: names such as "roc_auc", or functions of (y, output).
        callbacks: functions called with the `chainrule.Run` after every epoch.
        progress: whether to show a progress bar.
        engine, threads, precision: who computes, by how many threads, and how exactly, as in `chainrule.train`.
        dtype: "float32" or "float64"; None for that of X.

    Attributes:
        classes_: the labels; of several labels for an example, their columns' numbers.
        coefs_, intercepts_: W (n_in, n_out) and b (n_out,) of each layer. They are the network's own numbers: writing
            into them, or putting other arrays in their place, changes what is predicted.
        loss_, loss_curve_, best_loss_: of the last epoch, of each, and the least; the last is None with early stopping.
        validation_scores_, best_validation_score_: the accuracy on the validation examples, where there are some.
        n_iter_, t_: epochs of the last call; examples met since the start.
        n_layers_, n_outputs_, out_activation_: with the input layer; of the last one.
        n_features_in_, feature_names_in_: the features, the latter where X came as a frame.
        network_: the `chainrule.Network`, to be saved, drawn or derived.
        history_: the `chainrule.History` of the last call.
    """

    class_weight: Any
    classes_: NDArray[Any]
    _multilabel = _sparse_labels = False

    def __init__(
        self,
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
        loss: Any = "log_loss",
        class_weight: Any = None,
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
    ) -> MLPClassifier:
        """Learn from examples.

        Args:
            X: (m, n), an array, a sparse matrix or a frame.
            y: (m,) labels of any kind, or (m, n_labels) of 0 and 1.
            sample_weight: (m,), how much each example counts. They are brought to mean 1 within each batch.
            X_val, y_val, sample_weight_val: examples to validate with, in place of a part of X.

        Raises:
            OptionError: a parameter that nothing can be done with.
            DataError, ShapeError: examples that nothing can be learned from, or numbers grew beyond all bounds.
        """
        self._fit(X, y, sample_weight, given_validation(X_val, y_val, sample_weight_val))
        return self

    @available_if(not_lbfgs)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """Learn from these examples for one epoch, going on from what is there.

        Args:
            classes: all labels that will ever come; needed in the first call.
        """
        self._learn_classes(y, classes)
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest label of each example, (m,), or (m, n_labels) of 0 and 1."""
        codes = self._decide(self._output(X))
        if self._multilabel:
            return csr_matrix(codes) if self._sparse_labels else codes
        return np.asarray(self.classes_)[codes if len(self.classes_) > 1 else np.zeros_like(codes)]

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """The probability of each class, (m, n_classes), in the order of `classes_`."""
        output = self._output(X)
        return np.hstack([1 - output, output]) if self.n_outputs_ == 1 else output

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """ln of `predict_proba`."""
        return np.asarray(np.log(self.predict_proba(X)))

    @available_if(_gives_signs)  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> NDArray[Any]:
        """The scores whose signs decide, (m,) for two classes and (m, n_classes) for more: of hinge and perceptron."""
        output = self._output(X)
        return output[:, 0] if self.n_outputs_ == 1 else output

    # Labels

    def _read(self, X: Any, y: Any, *, reset: bool, labels: Labels) -> tuple[Any, NDArray[Any]]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1 and not issparse(y):
            y = column_or_1d(y, warn=True)
        kind = type_of_target(y, input_name="y")
        if kind not in ("binary", "multiclass", "multilabel-indicator"):
            check_classification_targets(y)
            raise DataError("y has several columns of classes; several labels for an example are columns of 0 and 1.")
        multilabel = kind == "multilabel-indicator"
        classes = np.arange(y.shape[1]) if multilabel else np.unique(y)
        if labels == "new":
            self.classes_, self._multilabel, self._sparse_labels = classes, multilabel, issparse(y)
        elif multilabel != self._multilabel:
            raise DataError(f"y is {kind} now, but the classes {self.classes_} were learned from another kind.")
        elif labels == "same" and not np.array_equal(classes, self.classes_):
            raise DataError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {classes}"
            )
        elif np.setdiff1d(classes, self.classes_).size:
            raise DataError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )
        if multilabel:
            return X, np.asarray(y.toarray() if issparse(y) else y).astype(np.int64)
        return X, np.searchsorted(self.classes_, y)

    def _learn_classes(self, y: Any, classes: Any) -> None:
        """The classes of the first call of `partial_fit`; later calls may repeat them."""
        if not hasattr(self, "classes_"):
            if classes is None:
                raise OptionError("classes must be passed on the first call to partial_fit.")
            self.classes_ = unique_labels(classes)
            self._multilabel, self._sparse_labels = type_of_target(y).startswith("multilabel"), issparse(y)
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise OptionError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )

    def _decide(self, output: NDArray[Any]) -> NDArray[np.intp]:
        """Outputs as codes, as `_read` returns them."""
        if self._multilabel or self.n_outputs_ == 1:
            codes = (output > (0 if self.out_activation_ == "identity" else 0.5)).astype(np.int64)
            return codes if self._multilabel else codes[:, 0]
        return np.asarray(output.argmax(axis=1))

    # What the base asks for

    @property
    def _gives_signs(self) -> bool:
        """Whether the outputs are scores whose signs decide, of a hinge or a perceptron, and no probabilities."""
        return not _is_log_loss(self.loss) and Cost(self.loss).task == "signs"

    def _outputs_for(self, y: NDArray[Any]) -> tuple[int, str]:
        task = "" if _is_log_loss(self.loss) else Cost(self.loss).task
        if task == "classes" and self._multilabel:
            raise OptionError("cross_entropy chooses one class, but examples may have several labels: take 'log_loss'.")

        n = len(self.classes_) if self._multilabel or len(self.classes_) > 2 or task == "classes" else 1
        ends = "identity" if task == "signs" else "softmax" if n > 1 and not self._multilabel else "logistic"
        return n, ends

    def _cost(self) -> Cost:
        if _is_log_loss(self.loss):
            return Cost("cross_entropy" if self.out_activation_ == "softmax" else "binary_cross_entropy")
        return Cost(self.loss)

    def _targets(self, y: NDArray[Any], cost: Cost) -> NDArray[Any]:
        if cost.task == "classes" and not cost.own:
            return y
        one_hot = y if self._multilabel or self.n_outputs_ == 1 else y[:, None] == np.arange(self.n_outputs_)
        return np.asarray(2.0 * one_hot - 1 if cost.task == "signs" else one_hot, np.float64)

    def _weights(self, y: NDArray[Any], sample_weight: Any, incremental: bool) -> NDArray[np.float64] | None:
        weights = super()._weights(y, sample_weight, incremental)
        if self.class_weight is None:
            return weights
        if not (self.class_weight == "balanced" or isinstance(self.class_weight, dict | list)):
            raise OptionError(f"class_weight is a dict {{class: weight}}, or 'balanced', not {self.class_weight!r}.")
        if incremental and isinstance(self.class_weight, str):
            raise OptionError(
                f"class_weight={self.class_weight!r} counts the classes of all examples, which partial_fit never sees: "
                "give a dict of weights."
            )
        of_classes = self._class_weights(y)
        if not of_classes.any():
            raise OptionError(f"class_weight={self.class_weight!r} leaves no example that counts.")
        return of_classes if weights is None else weights * of_classes

    def _class_weights(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """The weight of each example's class; a class that is not named counts 1."""
        given = self.class_weight
        for table in [given] if isinstance(given, dict) else given if isinstance(given, list) else []:
            if not isinstance(table, dict):
                raise OptionError(f"class_weight is a dict {{class: weight}}, or 'balanced', not {given!r}.")
            class_table(table)
        if self._multilabel or not isinstance(given, dict):
            labels = y if self._multilabel else self.classes_[y]
            return np.asarray(compute_sample_weight(given, labels), np.float64)
        known = self.classes_.tolist()
        strangers = [label for label in given if label not in known]
        if strangers:
            raise OptionError(f"class_weight has the class {strangers[0]!r}, but y has {known}.")
        of_classes = np.array([float(given.get(label, 1)) for label in known])
        return np.asarray(of_classes[y])

    def _stratified(self, y: NDArray[Any]) -> NDArray[Any] | None:
        """The classes, where there are two: scikit-learn does not stratify more of them."""
        return (y == 1)[:, None] if self.n_outputs_ == 1 else None

    def _score_of(self, output: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None) -> float:
        """The accuracy; an example of several labels counts where all are right."""
        right = self._decide(output) == y
        return float(np.average(right.all(axis=1) if right.ndim == 2 else right, weights=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
