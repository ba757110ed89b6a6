"""Metrics, optimizers, convolutions and recurrences as the lessons have them."""

import numpy as np
import pytest
from sklearn import metrics

import chainrule as cr
from chainrule import notes

RANDOM = np.random.default_rng(0)
A = RANDOM.random((1, 80)).round(1)  # with ties
Y = (RANDOM.random((1, 80)) < A) * 1.0


def test_every_number_is_that_of_scikit_learn():
    found = notes.classification_metrics(A, Y, threshold=0.4)
    answer, y = A[0] >= 0.4, Y[0]
    assert tuple(metrics.confusion_matrix(y, answer).ravel()) == (found.TN, found.FP, found.FN, found.TP)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(y, answer))
    assert found.precision == pytest.approx(metrics.precision_score(y, answer))
    assert found.recall == pytest.approx(metrics.recall_score(y, answer))
    assert found.f1 == pytest.approx(metrics.f1_score(y, answer))
    assert found.auc == pytest.approx(metrics.roc_auc_score(y, A[0]))
    false, true, _ = metrics.roc_curve(y, A[0], drop_intermediate=False)
    np.testing.assert_allclose(found.roc(), (false, true))
    values = notes.regression_metrics(A, Y)
    assert values.rmse == pytest.approx(metrics.root_mean_squared_error(y, A[0]))
    assert values.mae == pytest.approx(metrics.mean_absolute_error(y, A[0]))
    assert values.r2 == pytest.approx(metrics.r2_score(y, A[0]))


def test_calibration_is_the_share_of_ones_in_each_tenth():
    mean, share, count = notes.classification_metrics([[0.12, 0.18, 0.93, 1.0]], [[0, 1, 1, 1]]).calibration()
    np.testing.assert_allclose(mean, [0.15, 0.965])
    np.testing.assert_allclose(share, [0.5, 1.0])
    np.testing.assert_allclose(count, [2, 2])


def test_metrics_print_their_formulas_with_the_numbers():
    found = notes.classification_metrics([[0.9, 0.8, 0.3, 0.6]], [[1, 0, 0, 1]])
    assert "precision = TP / (TP + FP)          = 2 / 3 = 0.6667" in str(found)
    values = notes.regression_metrics([1, 2, 2], [1, 2, 3])
    assert "R²   = 1 − Σ (ŷ − y)² / Σ (mean − y)² = 1 − 1 / 2 = 0.5" in str(values)


def test_where_nothing_was_answered_or_there_is_nothing_to_find_the_share_is_0():
    found = notes.classification_metrics([[0.1, 0.2]], [[0, 0]])
    assert (found.precision, found.recall, found.f1) == (0, 0, 0)
    assert np.isnan(found.auc)
    assert found.plot() is not None


@pytest.mark.parametrize(
    ("A", "Y", "message"),
    [
        ([[1.2]], [[1]], "A goes from 1.2 to 1.2, but holds probabilities"),
        ([[0.2, 0.4]], [[1, 2]], "the labels are 0 and 1"),
        ([[0.2], [0.8]], [[1], [0]], r"are about one question, \(1, m\)"),
    ],
)
def test_what_is_no_probability_or_no_label_is_refused(A, Y, message):
    with pytest.raises(cr.ChainruleError, match=message):
        notes.classification_metrics(A, Y)


def test_gradient_descent_takes_the_rules_of_the_librarys_optimizers():
    J = lambda w: (w - 3) ** 2
    by_hand, v, w = [0.0], 0.0, 0.0
    for _ in range(5):
        v = 0.9 * v - 0.1 * 2 * (w - 3)
        w += v
        by_hand.append(w)
    path = notes.gradient_descent(J, 0.0, 0.1, 5, optimizer=cr.GradientDescent(momentum=0.9))
    np.testing.assert_allclose(path.points[:, 0], by_hand)
    adam = notes.gradient_descent(J, 0.0, 0.1, 1, optimizer="adam")
    np.testing.assert_allclose(adam.points[:, 0], [0, 0.1], rtol=1e-6)  # its first step is α long
    with pytest.raises(cr.OptionError, match="L-BFGS searches along lines"):
        notes.gradient_descent(J, 0.0, 0.1, 1, optimizer="lbfgs")


def test_optimizers_are_compared_and_one_that_diverges_is_named():
    found = notes.compare_optimizers(iterations=5)
    assert list(found.paths) == ["gradient descent", "momentum", "Adagrad", "RMSProp", "Adam"]
    assert len(str(found).splitlines()) == 6
    assert len(found.plot().axes) == 6
    with pytest.raises(cr.NotFiniteError, match=r"too far: step \d+: J is inf"):
        notes.compare_optimizers(iterations=2000, optimizers={"too far": cr.GradientDescent(5.0)})
    with pytest.raises(cr.OptionError, match=r"must be \(w, b\)"):
        notes.compare_optimizers(start=(1.0,))
    with pytest.raises(cr.OptionError, match="must be an optimizer with an α"):
        notes.compare_optimizers(optimizers={"mine": 0.1})


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 0)])
def test_a_convolution_is_a_sum_over_its_window_at_every_place(stride, padding):
    picture, weights = RANDOM.standard_normal((7, 8)), RANDOM.standard_normal((3, 2))
    found = notes.convolve(picture, weights, b=0.5, stride=stride, padding=padding)
    assert found.Z.shape == ((7 + 2 * padding - 3) // stride + 1, (8 + 2 * padding - 2) // stride + 1)
    for i, j in np.ndindex(found.Z.shape):
        assert found.Z[i, j] == pytest.approx((found.window(i, j) * weights).sum() + 0.5)


def test_a_cell_is_written_as_the_sum_that_it_is():
    found = notes.convolve([[1, 2, 0], [0, -1, 3]], [[1, 0], [0, -1]], b=0.5)
    assert found.step(0, 1) == "Z[0, 1] = 2·1 + 0·0\n        + (-1)·0 + 3·(-1)\n        + 0.5  =  -0.5"
    assert len(found.plot(0, 1).axes) == 3
    with pytest.raises(cr.OptionError, match=r"Z is \(1, 2\), so it has no cell \[1, 0\]"):
        found.step(1, 0)
    with pytest.raises(cr.ShapeError, match="must not be larger than the picture"):
        notes.convolve([[1.0]], [[1, 2]])


@pytest.mark.parametrize("how", [{}, {"stride": 2, "padding": "same"}, {"dilation": 2, "padding": 1}])
def test_the_first_layers_filters_are_drawn_with_what_they_make_of_a_picture(how):
    net = cr.Network([cr.Conv2D(3, 3, "relu", **how), cr.Flatten(), cr.Dense(2)], seed=0, input_shape=(6, 6, 1))
    picture = RANDOM.standard_normal((6, 6))
    figure = notes.plot_filters(net, picture)
    Z = np.array([axes.images[0].get_array() for axes in figure.axes[3:]])
    direct = cr.ops.convolution(picture[None, :, :, None], net.parameters["W1"], net.parameters["b1"], **how)
    np.testing.assert_allclose(Z, direct[0].transpose(2, 0, 1), atol=1e-6)
    with pytest.raises(cr.OptionError, match="this network has none"):
        notes.plot_filters(cr.Network([cr.Dense(2)], seed=0, input_shape=3))


def test_the_gradient_through_time_is_that_of_the_computation_graph():
    X, W, U, b = (RANDOM.standard_normal(shape) for shape in ((2, 5), (3, 2), (3, 3), (3, 1)))
    steps = notes.unroll(X, W, U, b)
    dA = RANDOM.standard_normal((3, 5))
    given = [cr.variable(value) for value in (X.T[None], W, U, b[:, 0])]
    (cr.ops.rnn(*given) * dA.T[None]).sum().backward()
    found = steps.backward(dA)
    np.testing.assert_allclose(found.dW, given[1].grad)
    np.testing.assert_allclose(found.dU, given[2].grad)
    np.testing.assert_allclose(found.db[:, 0], given[3].grad)
    assert str(steps).count("tanh") == 5
    assert len(notes.plot_through_time(("U", found)).axes) == 1
    with pytest.raises(cr.ShapeError, match="dA has the shape of A"):
        steps.backward(dA.T)
    with pytest.raises(cr.ShapeError, match=r"must be \(n_x, T\)"):
        notes.unroll(X.T, W, U)


def test_a_learning_rate_too_large_is_told_and_the_others_are_drawn():
    found = notes.effect_of("learning rate", (0.1, 1e20), epochs=2)
    assert str(found).splitlines()[0].startswith("alpha")
    assert str(found).splitlines()[-1] == "1e+20   diverged in epoch 1"
    assert found.plot() is not None


@pytest.mark.parametrize("name", ["initialization", "optimizer"])
def test_where_it_starts_and_how_it_goes_down_are_choices_too(name):
    values = {"initialization": ["zeros", "he"], "optimizer": ["adam", cr.GradientDescent(0.1)]}[name]
    found = notes.effect_of(name, values, epochs=2)
    assert [len(history.epochs) for history in found.histories] == [2, 2]
    if name == "initialization":
        assert found.histories[0]["loss"][-1] > found.histories[1]["loss"][-1]


def test_costs_are_drawn_a_line_for_each_name():
    axes = notes.plot_costs({"a": [3.0, 2.0], "b": [1.0]}).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
