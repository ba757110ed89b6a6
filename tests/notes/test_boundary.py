"""notes.plot_boundary: the plane of two features, in the colours of what a classifier says of it."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

import chainrule as cr
from chainrule import notes
from chainrule.charts import COLOURS

RANDOM = np.random.default_rng(0)
X = np.concatenate([RANDOM.normal(-1, 0.4, (2, 30)), RANDOM.normal(1, 0.4, (2, 30))], axis=1)
Y = np.repeat([[0, 1]], 30, axis=1)
LINE = {"W1": [[2.0, 2.0]], "b1": [[0.0]]}


def boundary(figure):
    """The points of the lines."""
    (axes,) = figure.axes
    return [path.vertices for drawn in axes.collections for path in drawn.get_paths() if len(path.vertices) > 40]


def shade(figure, x, y):
    """The colour of the place (x, y)."""
    (axes,) = figure.axes
    (picture,) = axes.images
    left, right, bottom, top = picture.get_extent()
    pixels = picture.get_array()
    row = int((y - bottom) / (top - bottom) * (len(pixels) - 1))
    column = int((x - left) / (right - left) * (len(pixels) - 1))
    return pixels[row, column]


def nearest(colour):
    """Which of the classes' colours a shade belongs to."""
    full = np.array([[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in COLOURS])
    ink = (1 - colour) / np.linalg.norm(1 - colour)
    return int((((1 - full) / np.linalg.norm(1 - full, axis=1, keepdims=True)) @ ink).argmax())


def drawn_points(figure):
    """How many points there are of each colour."""
    (axes,) = figure.axes
    found = {}
    for drawn in axes.collections:
        offsets = np.ma.filled(drawn.get_offsets(), np.nan)
        if len(offsets) and len(drawn.get_facecolor()) and len(drawn.get_paths()[0].vertices) < 40:
            colour = to_hex(drawn.get_facecolor()[0])
            found[colour] = found.get(colour, 0) + len(offsets)
    return found


def test_the_line_is_where_the_probability_is_one_half():
    (line,) = boundary(notes.plot_boundary(LINE, X, Y, activations=("sigmoid",)))
    np.testing.assert_allclose(line.sum(axis=1), 0, atol=1e-6)


def test_both_sides_have_the_colours_of_their_classes_the_paler_the_less_sure():
    figure = notes.plot_boundary(LINE, X, Y, activations=("sigmoid",))
    assert nearest(shade(figure, -1.2, -1.2)) == 0
    assert nearest(shade(figure, 1.2, 1.2)) == 1
    assert (shade(figure, 0.1, 0.1) > shade(figure, 1.2, 1.2)).all()


def test_every_example_is_a_point_and_the_title_counts_those_that_are_right():
    wrong = Y.copy()
    wrong[0, :3] = 1
    figure = notes.plot_boundary(LINE, X, wrong)
    assert drawn_points(figure) == {COLOURS[0]: 27, COLOURS[1]: 33}
    assert figure.axes[0].get_title() == "95.0 % of 60 examples right"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["y = 0", "y = 1", "predicted wrong"]


def trained(kind):
    if kind == "notes.train":
        return notes.train(X, Y, (2, 3, 1), alpha=1.0, iterations=100, activations=("tanh", "sigmoid"))
    if kind == "logistic_regression":
        return notes.logistic_regression(X, Y, alpha=1.0, iterations=100)
    if kind == "perceptron":
        return notes.perceptron(X, Y, 20)
    if kind == "a network":
        net = cr.Network([cr.Dense(4, "tanh"), cr.Dense(1, "sigmoid")], seed=0)
        adam = cr.Adam(0.1)
        cr.train(net, X.T, Y[0], loss="binary_cross_entropy", optimizer=adam, epochs=30, seed=0, progress=False)
        return net
    if kind == "a softmax":
        net = cr.Network([cr.Dense(2, "softmax")], seed=0)
        cr.train(net, X.T, Y[0], loss="cross_entropy", optimizer=cr.Adam(0.1), epochs=30, seed=0, progress=False)
        return net
    if kind == "an estimator":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression().fit(X.T, Y[0])
    if kind == "an estimator of labels":
        from sklearn.svm import SVC

        return SVC().fit(X.T, Y[0])
    return {"labels": lambda X: X.sum(axis=0) > 0, "probabilities": lambda X: 1 / (1 + np.exp(-X.sum(axis=0)))}[kind]


KINDS = "notes.train", "logistic_regression", "perceptron", "a network", "a softmax", "an estimator"


@pytest.mark.parametrize("kind", [*KINDS, "an estimator of labels", "labels", "probabilities"])
def test_any_classifier_of_two_features(kind):
    figure = notes.plot_boundary(trained(kind), X, Y)
    assert figure.axes[0].get_title() == "100.0 % of 60 examples right"
    assert nearest(shade(figure, -1.2, -1.2)) == 0
    assert nearest(shade(figure, 1.2, 1.2)) == 1
    assert len(boundary(figure)) == 1


def test_several_classes_have_a_colour_each():
    centres = np.array([[-2.0, 2.0, 0.0], [0.0, 0.0, 2.0]])

    def nearest_centre(X):
        Z = -((X[:, None, :] - centres[:, :, None]) ** 2).sum(axis=0)
        return np.exp(Z) / np.exp(Z).sum(axis=0)

    figure = notes.plot_boundary(nearest_centre, centres, np.eye(3))
    assert [nearest(shade(figure, *centre)) for centre in centres.T] == [0, 1, 2]


def test_labels_may_be_words_where_the_classifier_knows_them():
    from sklearn.tree import DecisionTreeClassifier

    words = np.array(["no", "yes"])[Y[0]]
    figure = notes.plot_boundary(DecisionTreeClassifier().fit(X.T, words), X, words)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["y = no", "y = yes"]
    assert drawn_points(figure) == {COLOURS[0]: 30, COLOURS[1]: 30}


def test_words_are_refused_of_a_network_that_cannot_tell_which_output_they_are():
    net = cr.Network([cr.Dense(3, "softmax")], seed=0, input_shape=(2,))
    with pytest.raises(cr.DataError, match=r"Y holds 'gross', but the classifier does not tell what its classes are"):
        notes.plot_boundary(net, X, np.array(["klein", "mittel", "gross"] * 20))


def test_labels_of_minus_one_and_one():
    figure = notes.plot_boundary(notes.perceptron(X, 2 * Y - 1, 20), X, 2 * Y - 1)
    assert figure.axes[0].get_title() == "100.0 % of 60 examples right"


def test_one_example_and_a_feature_that_never_changes():
    figure = notes.plot_boundary(LINE, [[1.0], [1.0]], [[1]])
    assert figure.axes[0].get_title() == "100.0 % of 1 examples right"


@pytest.mark.parametrize(
    ("classifier", "X", "Y", "message"),
    [
        (LINE, X.T, Y, r"X is \(60, 2\), but a plane has two features.*X\.T"),
        (LINE, np.ones((3, 60)), Y, r"choose two rows, such as X\[:2\]"),
        (LINE, X, Y[:, :5], r"Y is \(1, 5\), but X has 60 columns"),
        (LINE, X * np.nan, Y, "NaN"),
        ("relu", X, Y, "but this is a str"),
        (lambda X: X.sum(axis=0), X, Y, "the classifier's only output goes from .* give a function"),
        (lambda X: X.sum(axis=0) * np.nan, X, Y, "NaN or infinity"),
        (lambda X: X[:, :3], X, Y, r"the classifier makes \(2, 3\)"),
        (lambda X: np.full(X.shape[1], 7), X, Y, "the classifier predicts 7, but the classes in Y are 0, 1"),
        (LINE, X, np.arange(60), "60 classes, but 6 colours"),
    ],
)
def test_what_cannot_be_drawn_is_refused(classifier, X, Y, message):
    with pytest.raises(cr.ChainruleError, match=message):
        notes.plot_boundary(classifier, X, Y)


def test_activations_belong_to_parameters():
    with pytest.raises(cr.OptionError, match="activations belong to parameters"):
        notes.plot_boundary(trained("labels"), X, Y, activations=("sigmoid",))


def test_labels_that_the_classifier_does_not_know():
    with pytest.raises(cr.DataError, match="Y holds 2, but the classifier knows 0, 1"):
        notes.plot_boundary(trained("an estimator"), X, 2 * Y)
