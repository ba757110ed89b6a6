"""Where a classifier of two features changes its mind, in the plane of its data (the notes, "one hidden layer")."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.charts import COLOURS
from chainrule.errors import DataError, NotFiniteError, OptionError, ShapeError, shown
from chainrule.layers import Network
from chainrule.notes import logistic
from chainrule.notes.layers import DeepNetwork, forward
from chainrule.notes.rosenblatt import Perceptron
from chainrule.notes.shapes import Matrix, matrix

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FINE = 200
"""So many places the plane has along each feature."""

MOST_CLASSES = len(COLOURS)

Probabilities = Callable[[Matrix], Any]
"""From X (2, m) to (1, m), the probability of y = 1; to (k, m), that of each class; or to (m,), either or labels."""


def plot_boundary(
    classifier: Any, X: Any, Y: Any, *, activations: Sequence[str] | None = None, names: Sequence[str] = ("x₁", "x₂")
) -> Figure:
    """Draw the plane of two features: each place in the colour of the class that is predicted there, and the examples.

    The colour is the paler the nearer the probability is to that of another class; the line is the boundary, where
    ŷ = 0.5, or where two of several classes are alike. Examples that are predicted wrong have a black edge, and the
    title says how many are right.

    Args:
        classifier: what `notes.train`, `logistic_regression` or `perceptron` returned; parameters {"W1": …, "b1": …, …}
            as of `notes.initialize`; a `chainrule.Network`; an estimator of scikit-learn or one with its methods
            `predict` or `predict_proba`; or a function of X (2, m) that returns probabilities or labels.
        X: (2, m), as the notes have it: a column is an example. Y: (1, m) or (m,), the labels; or (k, m), one-hot.
        activations: of parameters: the names of g^[l], by default as of `notes.forward`.
        names: what the two features are called.

    Returns:
        A figure of matplotlib; `figure.savefig("boundary.svg")` writes it.

    Raises:
        ShapeError: X has not two rows, Y has not m columns, or the outputs are neither.
        DataError: X or Y hold NaN or infinity, the labels are none of the classifier's, or there are more than 6.
        OptionError: the classifier is none of these, or its only output is no probability; or the names are not two.
        NotFiniteError: an output is NaN or infinite.
    """
    from chainrule.extras import matplotlib

    if isinstance(names, str) or len(names) != 2:
        raise OptionError(
            f'names are one for each of the two features, such as ("height", "weight"), but these are {shown(names)}.'
        )
    X = _plane(X)
    labels = _labels(Y, X.shape[1])
    outputs, known = _outputs(classifier, activations)
    classes, truth = _classes(known, labels)
    low, high = X.min(axis=1), X.max(axis=1)
    room = 0.12 * np.where(high > low, high - low, 1.0)
    lines = [np.linspace(low[k] - room[k], high[k] + room[k], FINE) for k in (0, 1)]
    places = np.stack([axis.ravel() for axis in np.meshgrid(*lines)])
    shares = _shares(outputs(places), places.shape[1], classes)
    found = _shares(outputs(X), X.shape[1], classes).argmax(axis=0)
    figure = matplotlib.figure.Figure(figsize=(5.6, 4.4), layout="constrained")
    axes = figure.subplots()
    _shade(axes, lines, shares)
    _mark(axes, X, truth, found == truth, classes)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.set_title(f"{100 * np.mean(found == truth):.1f} % of {len(truth):,} examples right", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _plane(X: Any) -> Matrix:
    plane = matrix("X", X)
    if plane.shape[0] != 2:
        advice = "rows of examples become columns with X.T" if plane.shape[1] == 2 else "choose two rows, such as X[:2]"
        raise ShapeError(f"X is {plane.shape}, but a plane has two features, X (2, m): {advice}.")
    if plane.shape[1] == 0:
        raise ShapeError(f"X is {plane.shape}: there is no example in it.")
    if not np.isfinite(plane).all():
        raise DataError("X holds NaN or infinity.")
    return plane


def _labels(Y: Any, m: int) -> NDArray[Any]:
    """(m,), the label of each example; of one-hot columns, the row of the 1."""
    array = np.asarray(Y)
    if array.ndim == 2 and len(array) > 1 and array.shape[1] == m:
        return np.asarray(array.argmax(axis=0))
    if array.size != m or array.ndim not in (1, 2) or (array.ndim == 2 and len(array) != 1):
        raise ShapeError(f"Y is {array.shape}, but X has {m} columns: Y is (1, {m}), one label for each example.")
    labels = array.ravel()
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise DataError("Y holds NaN or infinity.")
    return labels


def _outputs(classifier: Any, activations: Sequence[str] | None) -> tuple[Probabilities, NDArray[Any] | None]:
    """What the classifier says of X (2, m), and its classes in the order of the rows, where it tells them."""
    if activations is not None and not isinstance(classifier, Mapping):
        raise OptionError(
            "activations belong to parameters {W1, b1, …}; this classifier knows its own: leave them out."
        )
    match classifier:
        case Mapping():
            return lambda X: forward(X, classifier, activations)[0], None
        case DeepNetwork():
            return classifier.output, None
        case logistic.LogisticRegression():
            return lambda X: logistic.predict(classifier.w, classifier.b, X), None
        case Perceptron():
            return lambda X: _certain(classifier.w.T @ X + classifier.b), np.array([0, 1])
        case Network():
            labels = (
                classifier.metadata.get("target", {}).get("labels") or []
            )  # as a model file of `chainrule train` has
            return lambda X: classifier.predict(X.T).T, np.array(labels[0]) if len(labels) == 1 else None
    if hasattr(classifier, "predict_proba"):
        return lambda X: np.asarray(classifier.predict_proba(X.T)).T, np.asarray(classifier.classes_)
    if hasattr(classifier, "predict"):
        return lambda X: np.asarray(classifier.predict(X.T)).ravel(), getattr(classifier, "classes_", None)
    if callable(classifier):
        return classifier, None
    raise OptionError(
        f"a classifier is a network, parameters, an estimator with predict, or a function of X (2, m), but this is a "
        f"{type(classifier).__name__}."
    )


def _classes(known: NDArray[Any] | None, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The classes in their order, and which of them each label is: 0, 1, …

    Labels −1 and 1, and those of a classifier that does not tell its classes, stand for its outputs in their order.
    """
    if known is None:
        found = np.unique(labels)
        whole = found.dtype.kind in "iub" or (found.dtype.kind == "f" and bool((found == np.round(found)).all()))
        counted = whole and bool((found >= 0).all())
        if found.dtype.kind in "USO":
            raise DataError(
                f"Y holds {found.tolist()[0]!r}, but the classifier does not tell what its classes are called: give "
                "their numbers, 0, 1, …, in the order of its outputs."
            )
        classes = np.arange(max(2, int(found.max()) + 1)) if counted else found
    else:
        classes = known
    if len(classes) > MOST_CLASSES:
        raise DataError(f"there are {len(classes)} classes, but {MOST_CLASSES} colours tell them apart at most.")
    place = {value: k for k, value in enumerate(classes.tolist())}
    signs = set(labels.tolist()) <= {-1, 1} and len(classes) == 2 and -1 not in place
    truth = [place.get(label, int(label > 0) if signs else -1) for label in labels.tolist()]
    if -1 in truth:
        stray = labels.tolist()[truth.index(-1)]
        raise DataError(f"Y holds {stray!r}, but the classifier knows {', '.join(map(str, classes))}.")
    return classes, np.array(truth)


def _shares(output: Any, m: int, classes: NDArray[Any]) -> Matrix:
    """(k, m), how much each class is believed in.

    Raises:
        ShapeError, OptionError, NotFiniteError: the outputs are nothing of the kind.
    """
    array = np.asarray(output)
    if array.ndim == 1 and len(array) == m and array.dtype.kind != "f":
        return _of_labels(array, classes)
    if array.ndim == 1 and len(array) == m:
        array = array[None]
    if array.ndim != 2 or array.shape[1] != m or len(array) not in (1, len(classes)):
        raise ShapeError(
            f"of {m} examples the classifier makes {array.shape}, but probabilities are (1, {m}), or "
            f"({len(classes)}, {m}) of the {len(classes)} classes in Y."
        )
    if not np.isfinite(np.asarray(array, np.float64)).all():
        raise NotFiniteError("the classifier's outputs hold NaN or infinity: it was trained with too large an alpha.")
    if len(array) > 1:
        return np.asarray(array, np.float64)
    if set(np.unique(array).tolist()) <= set(classes.tolist()):
        return _of_labels(array[0], classes)
    if len(classes) != 2 or array.min() < 0 or array.max() > 1:
        raise OptionError(
            f"the classifier's only output goes from {array.min():.4g} to {array.max():.4g}, but what is wanted is the "
            "probability of one of two classes: give a function, such as lambda X: net.predict(X.T).T > 0."
        )
    return np.concatenate([1 - array, array])


def _of_labels(labels: NDArray[Any], classes: NDArray[Any]) -> Matrix:
    """1 for the class that is predicted, and 0 for the others."""
    shares = np.asarray(labels[None] == np.asarray(classes)[:, None], np.float64)
    if not shares.any(axis=0).all():
        stray = labels[~shares.any(axis=0)][0]
        raise DataError(f"the classifier predicts {stray}, but the classes in Y are {', '.join(map(str, classes))}.")
    return shares


def _certain(z: Matrix) -> Matrix:
    """(2, m), of a unit with a step: sure of its class on both sides, and the boundary where z = 0."""
    return np.concatenate([-z, z]) * 1e9


def _shade(axes: Any, lines: list[NDArray[Any]], shares: Matrix) -> None:
    """Each place in the colour of its class, the paler the less sure; and the boundaries."""
    colours = np.array([[int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)] for colour in COLOURS])
    best = shares.argmax(axis=0)
    ordered = np.sort(shares, axis=0)
    sure = np.clip(ordered[-1] - ordered[-2], 0, 1)[:, None]
    picture = 1 - (0.06 + 0.34 * sure) * (1 - colours[best])
    extent = (lines[0][0], lines[0][-1], lines[1][0], lines[1][-1])
    axes.imshow(
        picture.reshape(FINE, FINE, 3), extent=extent, origin="lower", aspect="auto", interpolation="bilinear", zorder=0
    )
    for k in range(1 if len(shares) == 2 else 0, len(shares)):
        margin = shares[k] - np.delete(shares, k, axis=0).max(axis=0)
        if margin.min() < 0 < margin.max():
            axes.contour(*lines, margin.reshape(FINE, FINE), levels=[0.0], colors=["#1c1c1c"], linewidths=1.4)


def _mark(axes: Any, X: Matrix, truth: NDArray[Any], right: NDArray[Any], classes: NDArray[Any]) -> None:
    """The examples, a sign for each class, so that nobody needs the colours to tell them apart."""
    size = 34 if X.shape[1] <= 60 else 22 if X.shape[1] <= 500 else 10
    for k, name in enumerate(classes.tolist()):
        label: str | None = f"y = {name}"
        for chosen, edge, wide in (((truth == k) & right, "#ffffff", 0.6), ((truth == k) & ~right, "#000000", 1.4)):
            if chosen.any():
                style = {"color": COLOURS[k], "edgecolors": edge, "linewidths": wide, "marker": "osD^vP"[k]}
                axes.scatter(*X[:, chosen], s=size, label=label, zorder=3, **style)
                label = None
    if not right.all():
        axes.scatter([], [], s=34, facecolors="none", edgecolors="#000000", linewidths=1.4, label="predicted wrong")
    axes.figure.legend(frameon=False, fontsize=9, loc="outside right upper")
