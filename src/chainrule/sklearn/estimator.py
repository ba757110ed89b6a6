"""What the classifier and the regressor share: the way from X and y through the engine to the fitted attributes."""

from __future__ import annotations

import math
import numbers
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from chainrule import engines
from chainrule.data.batches import ArrayBatches
from chainrule.errors import DataError, NotFiniteError, OptionError, ShapeError
from chainrule.files import Tensors
from chainrule.layers import Layer, Network
from chainrule.metrics import find_metrics
from chainrule.optimizers import penalty
from chainrule.sklearn import once
from chainrule.sklearn.batches import DENSE, SolverBatches, SparseRows
from chainrule.sklearn.design import coefficients, draw, each_hidden, layers_of, our_activation, take_over
from chainrule.sklearn.parameters import check, hidden_sizes
from chainrule.sklearn.solver import Solver, is_lbfgs, lbfgs_of
from chainrule.training.cost import Cost
from chainrule.training.descent import descend
from chainrule.training.early_stopping import EarlyStopping
from chainrule.training.interrupt import Interrupt, TerminatedError, interruptible
from chainrule.training.lbfgs import minimize
from chainrule.training.progress import progress_for
from chainrule.training.run import Run, snapshot

Labels = Literal["new", "same", "some"]

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)
FAR = 10
"""By so many deviations features to validate with may lie off those to train with before that is told."""

ANEW = "start anew, by fit with warm_start=False."
UNFINISHED = ("all epochs done", "all evaluations done", "no better step found")


@dataclass
class Held:
    """The examples to validate with, and the network's state when it did best on them.

    Attributes:
        X: an array of the network's type, or `SparseRows`; y: as `_read` returns it; weights: (m,) or None.
    """

    X: Any
    y: NDArray[Any]
    weights: NDArray[np.float64] | None
    best: Tensors = field(default_factory=dict)


class MultilayerPerceptron(BaseEstimator):  # type: ignore[misc]
    """The base of `MLPClassifier` and `MLPRegressor`, which say what targets, outputs and scores are."""

    hidden_layer_sizes: Any
    activation: Any
    solver: Any
    alpha: float
    batch_size: Any
    learning_rate: Any
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: Any
    tol: float
    verbose: Any
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: Any
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    loss: Any
    dropout: Any
    batch_norm: bool
    metrics: Any
    callbacks: Any
    progress: bool
    engine: str
    threads: int | None
    precision: str
    dtype: Any

    network_: Network
    coefs_: list[NDArray[Any]]
    intercepts_: list[NDArray[Any]]
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    best_loss_: float | None

    def _keep(self, parameters: dict[str, Any]) -> None:
        """Keep each argument of a constructor under its own name."""
        self.__dict__.update({name: given for name, given in parameters.items() if name not in ("self", "__class__")})

    # What the subclasses say

    def _read(self, X: Any, y: Any, *, reset: bool, labels: Labels) -> tuple[Any, NDArray[Any]]:
        """X and y, checked; of a classifier, y as codes: (m,) numbers of classes, or (m, n) of 0 and 1.

        Args:
            reset: whether X defines the features, or must have those that are known.
            labels: whether y defines the classes, or must have the same, or some of them.
        """
        raise NotImplementedError

    def _outputs_for(self, y: NDArray[Any]) -> tuple[int, str]:
        """How many outputs the network has, and what it ends with, in scikit-learn's words."""
        raise NotImplementedError

    def _cost(self) -> Cost:
        """The loss that the parameters ask for."""
        raise NotImplementedError

    def _targets(self, y: NDArray[Any], cost: Cost) -> NDArray[Any]:
        """y as the loss takes it."""
        raise NotImplementedError

    def _score_of(self, output: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None) -> float:
        """How good the network's outputs are; greater is better."""
        raise NotImplementedError

    def _weights(self, y: NDArray[Any], sample_weight: Any, incremental: bool) -> NDArray[np.float64] | None:
        """How much each example counts, or None where all count the same."""
        return None if sample_weight is None else example_weights(sample_weight, len(y))

    def _stratified(self, y: NDArray[Any]) -> NDArray[Any] | None:
        """What to keep the shares of when a validation part is split off, or None."""
        return None

    def _reported(self, data: float, penalty: float) -> float:
        """The cost as scikit-learn reports it, from its two parts."""
        return data + penalty

    def _advise(self, y: NDArray[Any]) -> None:
        """Warn of what in y keeps a network from learning, now that it has been fitted."""

    # Fitting

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation: Sequence[Any] = (), *, incremental: bool = False
    ) -> None:
        check(self)
        if self.early_stopping and incremental:
            raise OptionError("partial_fit does not support early_stopping=True: one epoch has no end to look for.")
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = self._read(X, y, reset=first, labels="some" if incremental else "new" if first else "same")
        weights = self._weights(y, sample_weight, incremental)
        random = check_random_state(self.random_state)
        if first:
            self._start(X, y, random)
        net, cost = self._goes_on(X, y), self._cost()
        seed = int(random.randint(2**31)) if np.any(self.dropout) else 0
        (X, y, weights), held = self._split(X, y, weights, validation, random)
        X, Y = _readable(X, net), self._targets(y, cost)
        cost.fit(net, X, Y)
        epochs = 1 if incremental else self.max_iter
        run = self._run(net, cost, held, seed, epochs, record=bool(validation))
        self.n_iter_ = 0
        with interruptible() as interrupt, engines.held_to(self.threads), engines.steady():
            self._fitting = threading.get_ident()
            try:
                if is_lbfgs(self.solver):
                    self._minimize(run, X, Y, weights, held, interrupt)
                else:
                    self._descend(run, X, Y, weights, held, interrupt, random, incremental)
            except NotFiniteError as error:
                self._diverged(error, held)
            finally:
                del self._fitting
                run.progress.close()
        if held is not None and held.best and self._ends_by_score:
            net.set_state(held.best)
        self.history_ = run.finish()
        if interrupt.terminated:
            raise TerminatedError(self.history_)
        if not np.isfinite(net.flat).all():
            raise DataError(NOT_FINITE)
        self._warn(incremental)
        if not incremental:
            self._advise(y)

    def _start(self, X: Any, y: NDArray[Any], random: np.random.RandomState) -> None:
        """A new network, and an empty record of its training."""
        self.t_, self._no_improvement_count = 0, 0
        self.n_outputs_, self.out_activation_ = self._outputs_for(y)
        hidden = hidden_sizes(self.hidden_layer_sizes)
        self.n_layers_ = len(hidden) + 2
        self._make_network([X.shape[1], *hidden, self.n_outputs_], X.dtype if self.dtype is None else self.dtype)
        self.coefs_, self.intercepts_ = coefficients(self.network_)
        activations = self._activations(hidden)
        draw(self.network_, [*activations, activations[-1] if hidden else our_activation(self.activation)], random)
        self.loss_curve_ = []
        self.validation_scores_ = self.best_validation_score_ = None
        self.best_loss_ = None if self.early_stopping else math.inf

    def _make_network(self, sizes: Sequence[int], dtype: Any) -> None:
        self.network_ = Network(self._layers(sizes), seed=0, dtype=dtype, input_shape=sizes[0])
        self.__dict__.pop("_optimizer", None)

    def _layers(self, sizes: Sequence[int]) -> list[Layer]:
        """What the parameters ask for, not built yet."""
        hidden = list(sizes[1:-1])
        dropouts = each_hidden("dropout", self.dropout, hidden)
        return layers_of(sizes, self._activations(hidden), dropouts, self.batch_norm, self.out_activation_)

    def _activations(self, hidden: Sequence[int]) -> list[Any]:
        return [our_activation(given) for given in each_hidden("activation", self.activation, hidden)]

    def _network(self) -> Network:
        """The network with the coefficients as they are now, also where somebody else has put them there."""
        if not hasattr(self, "network_"):
            sizes = [len(self.coefs_[0]), *(np.shape(coef)[1] for coef in self.coefs_)]
            self._make_network(sizes, np.result_type(np.float32, *self.coefs_))
        if take_over(self.network_, self.coefs_, self.intercepts_):
            self.coefs_, self.intercepts_ = coefficients(self.network_)
        return self.network_

    def _goes_on(self, X: Any, y: NDArray[Any]) -> Network:
        """The network, if it still fits the parameters and the data."""
        net = self._network()
        asked = [X.shape[1], *hidden_sizes(self.hidden_layer_sizes), self._outputs_for(y)[0]]
        held = [len(self.coefs_[0]), *(coef.shape[1] for coef in self.coefs_)]
        if asked != held:
            raise OptionError(
                f"the network has layers of {held} units, but the parameters and the data now ask for {asked}: {ANEW}"
            )
        made, wanted = (", ".join(map(repr, layers)) for layers in (net.layers, self._layers(asked)))
        if wanted != made:
            raise OptionError(f"the network is {made}, but the parameters now ask for {wanted}: {ANEW}")
        if self.dtype is not None and np.dtype(self.dtype) != net.dtype:
            raise OptionError(f"the network computes in {net.dtype}, but dtype is now {self.dtype}: {ANEW}")
        return net

    def _split(
        self,
        X: Any,
        y: NDArray[Any],
        weights: NDArray[np.float64] | None,
        validation: Sequence[Any],
        random: np.random.RandomState,
    ) -> tuple[tuple[Any, NDArray[Any], NDArray[np.float64] | None], Held | None]:
        """The examples to train with, and those to validate with: given ones, a part of the others, or none."""
        if validation:
            X_val, y_val = self._read(validation[0], validation[1], reset=False, labels="some")
            _warn_of_another_scale(X, X_val)
            weights_val = self._weights(y_val, validation[2], False)
            return (X, y, weights), Held(_readable(X_val, self.network_), y_val, weights_val)
        if not self.early_stopping or (is_lbfgs(self.solver) and self._ends_by_score):
            return (X, y, weights), None
        rest, part = train_test_split(
            np.arange(len(y)), random_state=random, test_size=self.validation_fraction, stratify=self._stratified(y)
        )
        if len(part) < 2:
            raise DataError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        held = Held(_readable(X[part], self.network_), y[part], None if weights is None else weights[part])
        return (X[rest], y[rest], None if weights is None else weights[rest]), held

    def _run(self, net: Network, cost: Cost, held: Held | None, seed: int, epochs: int, record: bool) -> Run:
        """The run, which measures the validation examples itself where more is asked for than their score."""
        stop = self.early_stopping if isinstance(self.early_stopping, EarlyStopping) else None
        metrics = find_metrics(self.metrics, cost.task)
        metrics = metrics if stop is None else stop.watched(metrics, cost.task)
        watched = None
        if held is not None and (record or metrics or stop):
            watched = ArrayBatches(
                held.X, self._targets(held.y, cost), held.weights, batch_size=engines.BLOCK, cast=net.cast
            ).in_order
        own = [self.callbacks] if callable(self.callbacks) else list(self.callbacks)
        return Run(
            net,
            cost,
            engines.select(self.engine, precision=self.precision),
            epochs=epochs,
            seed=seed,
            metrics=metrics,
            validation=watched,
            early_stopping=stop,
            callbacks=[partial(self._epoch_ends, held=held), *own],
            checkpoints=None,
            progress=progress_for(bool(self.progress), epochs),
        )

    def _descend(
        self,
        run: Run,
        X: Any,
        Y: NDArray[Any],
        weights: NDArray[np.float64] | None,
        held: Held | None,
        interrupt: Interrupt,
        random: np.random.RandomState,
        incremental: bool,
    ) -> None:
        """Mini-batch gradient descent, epoch by epoch."""
        if not (incremental and hasattr(self, "_optimizer")):
            self._optimizer = Solver(self)
        size = 200 if isinstance(self.batch_size, str) else self.batch_size
        if not isinstance(self.batch_size, str) and size > len(Y):
            once.warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
        batches = SolverBatches(
            X,
            Y,
            weights,
            batch_size=size,
            random=random if self.shuffle else None,
            alpha=self.alpha,
            l2=self._optimizer.rule.l2,
            dtype=run.network.dtype,
        )
        program = self._optimizer.program(run.network, run.cost, run.engine, run.seed, run.measuring)
        try:
            descend(run, program, batches, self._optimizer, interrupt)
        finally:
            if not incremental:
                self._optimizer.rest()

    def _minimize(
        self,
        run: Run,
        X: Any,
        Y: NDArray[Any],
        weights: NDArray[np.float64] | None,
        held: Held | None,
        interrupt: Interrupt,
    ) -> None:
        """L-BFGS on all examples at once."""
        net = run.network
        batches = SolverBatches(
            X, Y, weights, batch_size=len(Y), random=None, alpha=self.alpha, l2=0.0, dtype=net.dtype
        )
        optimizer = lbfgs_of(self, float(batches.l2[0]))
        J = minimize(run, batches, optimizer, interrupt)
        of_weights = penalty(optimizer.l2, net.flat, net.regularized)
        self.loss_ = self._reported(J - of_weights, of_weights)

    # After each epoch

    def _epoch_ends(self, run: Run, held: Held | None) -> None:
        """Keep the record, and decide by scikit-learn's rule whether there is progress."""
        sums = run.sums
        self.n_iter_ += 1
        self.loss_ = self._reported((sums.cost - sums.penalty) / sums.m, sums.penalty / sums.m)
        self.loss_curve_.append(self.loss_)
        self._say(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
        better = self._validated(run, held) if held is not None else True
        if is_lbfgs(self.solver):
            return
        self.t_ += sums.m
        if not self.early_stopping:
            best = math.inf if self.best_loss_ is None else self.best_loss_
            better = not self.loss_ > best - self.tol
            self.best_loss_ = min(best, self.loss_)
        self._no_improvement_count = 0 if better else self._no_improvement_count + 1
        self._optimizer.epoch_ends(self.t_)
        if self._no_improvement_count > self.n_iter_no_change and not isinstance(self.early_stopping, EarlyStopping):
            self._give_up(run)

    def _validated(self, run: Run, held: Held) -> bool:
        """Score the validation examples; whether that is better than ever, by `tol` at least."""
        output = run.engine.predict(run.network, held.X)
        score = self._score_of(output, held.y, held.weights) if np.isfinite(output).all() else math.nan
        self._say(f"Validation score: {score:f}")
        if self.validation_scores_ is None or self.best_validation_score_ is None:
            self.validation_scores_, self.best_validation_score_ = [], -math.inf
        self.validation_scores_.append(score)
        best = self.best_validation_score_
        if score > best:
            self.best_validation_score_, held.best = score, snapshot(run.network)
        return not score < best + self.tol

    def _give_up(self, run: Run) -> None:
        """End the run, or go on with a lower learning rate."""
        ends, what = self._optimizer.give_up()
        watched = "Validation score" if self.early_stopping else "Training loss"
        why = f"{watched} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} consecutive epochs."
        self._say(f"{why} {what}")
        if ends:
            run.stop(why)
        else:
            self._no_improvement_count = 0

    @property
    def _ends_by_score(self) -> bool:
        """Whether early stopping is scikit-learn's."""
        return bool(self.early_stopping) and not isinstance(self.early_stopping, EarlyStopping)

    def _say(self, text: str) -> None:
        if self.verbose:
            print(text)

    # Afterwards

    def _diverged(self, error: NotFiniteError, held: Held | None) -> None:
        """With early stopping the best epoch is kept; otherwise there is nothing to keep."""
        if held is None or not self.early_stopping:
            raise DataError(f"{NOT_FINITE} {error}") from None
        self.n_iter_ += 1
        self.loss_ = math.nan
        self.loss_curve_.append(math.nan)
        self.validation_scores_ = [*(self.validation_scores_ or []), math.nan]
        once.warn(f"Training ended early. {error}", ConvergenceWarning, about="an early end")

    def _warn(self, incremental: bool) -> None:
        """Say so if training was ended by something else than its own rule."""
        stopped = self.history_.stopped
        if stopped == "interrupted":
            warnings.warn("Training interrupted by user.", stacklevel=4)
        elif is_lbfgs(self.solver) and stopped in UNFINISHED:
            once.warn(
                f"lbfgs failed to converge after {self.n_iter_} iteration(s): {stopped}. Increase max_iter "
                f"({self.max_iter}) or max_fun ({self.max_fun}), or bring X to a common scale.",
                ConvergenceWarning,
                about=f"lbfgs: {stopped}",
            )
        elif stopped == "all epochs done" and not incremental and self.n_iter_ == self.max_iter:
            once.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
            )

    # Predicting

    def _output(self, X: Any) -> NDArray[Any]:
        """The network's outputs (m, n_out), in the type that X and the coefficients have together."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        net = self._network()
        with engines.held_to(self.threads):
            output = engines.select(self.engine, precision=self.precision).predict(
                net, SparseRows(X) if issparse(X) else X
            )
        kind = X.dtype if X.dtype.kind == "f" else np.float64
        return output.astype(np.result_type(kind, output.dtype), copy=False)

    # Copies

    def __getstate__(self) -> dict[str, Any]:
        """Coefficients travel inside the network.

        Raises:
            OptionError: another thread fits the estimator at the moment, so that its parts do not belong together.
        """
        state = dict(super().__getstate__())
        if state.pop("_fitting", None) not in (None, threading.get_ident()):
            raise OptionError(f"another thread fits this {type(self).__name__}: save or copy it once that is done.")
        if "network_" in state:
            self._network()
            state = {name: value for name, value in state.items() if name not in ("coefs_", "intercepts_")}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in state:
            self.coefs_, self.intercepts_ = coefficients(self.network_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def given_validation(X_val: Any, y_val: Any, sample_weight_val: Any) -> Sequence[Any]:
    """The validation examples that `fit` was given, or nothing.

    Raises:
        OptionError: only a part of them.
    """
    if (X_val is None) != (y_val is None) or (X_val is None and sample_weight_val is not None):
        raise OptionError("validation needs both X_val and y_val; sample_weight_val may come with them.")
    return () if X_val is None else (X_val, y_val, sample_weight_val)


def _warn_of_another_scale(X: Any, X_val: Any) -> None:
    """Say so where the features of both lie far apart, as where a Pipeline scales one and not the other."""
    if issparse(X) or issparse(X_val):
        return
    deviation = np.maximum(X.std(axis=0), np.finfo(X.dtype).tiny)
    apart = np.abs(X_val.mean(axis=0) - X.mean(axis=0)) / deviation
    if (apart > FAR).mean() > 0.5:
        once.warn(
            f"X_val lies more than {FAR} deviations from X in {(apart > FAR).sum()} of {X.shape[1]} features. In a "
            'Pipeline, only transform_input=["X_val"] brings it through the steps before, as X; see the page on '
            "scikit-learn.",
            about="the scale of X_val",
        )


def not_lbfgs(estimator: Any) -> bool:
    """Whether there is a `partial_fit`.

    Raises:
        AttributeError: the solver needs all examples at once.
    """
    if is_lbfgs(estimator.solver):
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


def example_weights(given: Any, m: int) -> NDArray[np.float64]:
    """A weight for each of m examples; one number stands for all.

    Raises:
        DataError, ShapeError: a weight is negative or no number, all are 0, or there are not m of them.
    """
    weights = (
        np.full(m, float(given))
        if isinstance(given, numbers.Real)
        else check_array(given, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    )
    if weights.shape != (m,):
        raise ShapeError(f"sample_weight is {weights.shape}, but there are {m} examples: it must be ({m},).")
    if not (weights >= 0).all():
        raise DataError(f"sample_weight goes down to {weights.min():g}, but weights are 0 or more.")
    if not weights.any():
        raise DataError("sample_weight is zero for all examples, so that there is nothing to learn.")
    return np.asarray(weights)


def _readable(X: Any, net: Network) -> Any:
    """X in the network's type; a large sparse one stays sparse, and its rows are made dense as they are read."""
    if issparse(X):
        if math.prod(X.shape) > DENSE:
            return SparseRows(X)
        X = X.toarray()
    return net.cast(X)
