"""The costs: values by hand and against scikit-learn, weights, and what bad labels get."""

import functools

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

import chainrule as cr
from chainrule import ops

RNG = np.random.default_rng(0)
P = special.softmax(RNG.normal(size=(6, 3)), axis=1)
LABELS = np.array([0, 2, 1, 1, 0, 2])
ONE_HOT = np.eye(3)[LABELS]
WEIGHTS = RNG.uniform(0.5, 2, 6)

EXAMPLES = {
    "squared_error": (RNG.normal(size=(6, 2)), RNG.normal(size=(6, 2))),
    "absolute_error": (RNG.normal(size=(6, 2)), RNG.normal(size=(6, 2))),
    "huber": (RNG.normal(size=(6, 2)), RNG.normal(size=(6, 2))),
    "poisson": (RNG.uniform(0.5, 2, (6, 2)), RNG.poisson(1.0, (6, 2))),
    "binary_cross_entropy": (RNG.uniform(0.1, 0.9, (6, 2)), RNG.integers(0, 2, (6, 2))),
    "cross_entropy": (P, LABELS),
    "hinge": (RNG.normal(size=(6, 2)), RNG.choice([-1, 1], (6, 2))),
    "perceptron": (RNG.normal(size=(6, 2)), RNG.choice([-1, 1], (6, 2))),
}
"""For every loss an output and its targets, six examples of them."""

WITH_ONE_OUTPUT = [name for name in ops.LOSSES if name != "cross_entropy"]
every_loss = pytest.mark.parametrize("name", ops.LOSSES)


def cost_and_derivative(loss, output, *others, **options):
    A = cr.variable(output)
    J = loss(A, *others, **options)
    J.backward()
    return float(J.value), A.grad


@pytest.mark.parametrize(
    ("loss", "expected", "dA"),
    [
        (ops.squared_error, (2.5 + 0.125) / 2, [[0.5, -1], [0.25, 0]]),
        (ops.absolute_error, (3 + 0.5) / 2, [[0.5, -0.5], [0.5, 0]]),
        (ops.huber, (0.5 + 1.5 + 0.125) / 2, [[0.5, -0.5], [0.25, 0]]),
    ],
)
def test_losses_of_numbers_by_hand(loss, expected, dA):
    cost, derivative = cost_and_derivative(loss, [[2.0, 1.0], [0.5, 4.0]], [[1.0, 3.0], [0.0, 4.0]])
    assert cost == pytest.approx(expected)
    np.testing.assert_allclose(derivative, dA)


def test_targets_have_the_opposite_derivative():
    for loss in (ops.squared_error, ops.absolute_error, ops.huber):
        A, Y = (cr.variable(array) for array in EXAMPLES[loss.name])
        loss(A, Y).backward()
        np.testing.assert_array_equal(Y.grad, -A.grad)


@pytest.mark.parametrize(
    ("loss", "expected", "dZ"),
    [(ops.hinge, (0 + 0.5 + 3) / 3, [0, -1 / 3, 1 / 3]), (ops.perceptron, (0 + 0 + 2) / 3, [0, 0, 1 / 3])],
)
def test_losses_of_signs_by_hand(loss, expected, dZ):
    cost, derivative = cost_and_derivative(loss, [-1.5, 0.5, 2.0], [-1, 1, -1])
    assert cost == pytest.approx(expected)
    np.testing.assert_allclose(derivative, dZ)


def test_poisson_is_half_the_deviance_after_exp_and_without_it():
    Z, y = RNG.normal(size=6), np.array([0, 3, 1, 0, 7, 2])
    expected = metrics.mean_poisson_deviance(y, np.exp(Z), sample_weight=WEIGHTS) / 2
    weights = WEIGHTS / WEIGHTS.mean()
    for output in (lambda Z: ops.exp(Z), lambda Z: 1 * ops.exp(Z)):
        variable = cr.variable(Z)
        J = ops.poisson(output(variable), y, weights)
        J.backward()
        assert J.value == pytest.approx(expected)
        np.testing.assert_allclose(variable.grad, weights * (np.exp(Z) - y) / 6)
    assert ops.poisson(ops.exp(cr.variable(Z)), y).operation is ops.exp_poisson


def test_poisson_says_what_it_cannot_take():
    with pytest.raises(cr.DataError, match="targets of 0 or more, but Y goes down to -2"):
        ops.poisson([1.0, 1.0], [1, -2])
    with pytest.raises(cr.DataError, match=r"go down to -1: end the network with the operation exp"):
        ops.poisson(np.array([1.0, -1.0]), [1, 2])


def test_the_perceptron_learns_from_zeros():
    np.testing.assert_array_equal(cost_and_derivative(ops.perceptron, [0.0, 0.0], [1, -1])[1], [-0.5, 0.5])


def test_the_hinge_is_flat_from_the_margin_on():
    np.testing.assert_array_equal(cost_and_derivative(ops.hinge, [1.0, 1.5], [1, 1])[1], [0, 0])


@pytest.mark.parametrize("weights", [None, 6 * WEIGHTS / WEIGHTS.sum()])
def test_losses_agree_with_scikit_learn(weights):
    a, y = RNG.normal(size=(2, 6))
    p, yes = P[:, 0], LABELS > 0
    assert ops.squared_error(a, y, weights) == pytest.approx(
        metrics.mean_squared_error(y, a, sample_weight=weights) / 2
    )
    assert ops.absolute_error(a, y, weights) == pytest.approx(metrics.mean_absolute_error(y, a, sample_weight=weights))
    assert ops.huber(a, y, weights, delta=0.7) == pytest.approx(np.average(special.huber(0.7, a - y), weights=weights))
    assert ops.cross_entropy(P, LABELS, weights) == pytest.approx(metrics.log_loss(LABELS, P, sample_weight=weights))
    assert ops.binary_cross_entropy(p, yes, weights) == pytest.approx(metrics.log_loss(yes, p, sample_weight=weights))
    assert ops.hinge(a, 2 * yes - 1, weights) == pytest.approx(metrics.hinge_loss(yes, a, sample_weight=weights))


@every_loss
def test_whole_numbers_are_taken_as_real_ones(name):
    output, Y = EXAMPLES[name]
    whole = np.int64(output == output.max(axis=1, keepdims=True))
    assert ops.LOSSES[name](whole, Y, WEIGHTS) == pytest.approx(ops.LOSSES[name](np.float64(whole), Y, WEIGHTS))


@every_loss
def test_a_weight_of_2_equals_the_example_given_twice(name):
    loss, (A, Y) = ops.LOSSES[name], EXAMPLES[name]
    cost, dA = cost_and_derivative(loss, A, Y, np.array([1, 2, 1, 1, 0, 1]))
    twice = [0, 1, 1, 2, 3, 5]
    cost_of_twice, dA_twice = cost_and_derivative(loss, A[twice], Y[twice])
    assert cost == pytest.approx(cost_of_twice)
    np.testing.assert_allclose(dA[[0, 2, 3, 5]], dA_twice[[0, 3, 4, 5]])
    np.testing.assert_allclose(dA[1], 2 * dA_twice[1])
    assert (dA[4] == 0).all()


@every_loss
def test_each_loss_counts_by_its_weight(name):
    loss, (A, Y) = ops.LOSSES[name], EXAMPLES[name]
    cost = loss(A, Y, WEIGHTS)
    each = np.array([loss(A[i : i + 1], Y[i : i + 1]) for i in range(6)])
    assert cost == pytest.approx((WEIGHTS * each).sum() / 6)
    assert loss(A, Y, 10 * WEIGHTS) == pytest.approx(10 * cost)
    assert cost == loss(A, Y, weights=WEIGHTS)


@every_loss
def test_weights_of_0_for_all_cost_nothing(name):
    J, dA = cost_and_derivative(ops.LOSSES[name], *EXAMPLES[name], np.zeros(6))
    assert J == 0
    assert (dA == 0).all()


@every_loss
def test_the_cost_of_sequences_is_the_mean_over_every_step(name):
    A, Y = EXAMPLES[name]
    assert ops.LOSSES[name](A.reshape(2, 3, -1), Y.reshape(2, 3, *Y.shape[1:])) == pytest.approx(ops.LOSSES[name](A, Y))


@every_loss
def test_a_weight_for_each_sequence_counts_for_all_its_steps(name):
    loss, (A, Y) = ops.LOSSES[name], EXAMPLES[name]
    cost = loss(A.reshape(2, 3, -1), Y.reshape(2, 3, *Y.shape[1:]), np.array([1.0, 3.0]))
    assert cost == pytest.approx(loss(A, Y, np.array([1.0, 1, 1, 3, 3, 3])))


@every_loss
@pytest.mark.parametrize("weights", [np.ones(5), np.ones(1), np.ones((6, 1)), np.ones((6, 2)), np.ones((2, 6))])
def test_weights_of_another_shape_than_the_examples_are_a_shape_error(name, weights):
    with pytest.raises(cr.ShapeError, match=r"weights are .*\(6,\)"):
        ops.LOSSES[name](*EXAMPLES[name], weights)


@pytest.mark.parametrize("name", WITH_ONE_OUTPUT)
def test_flat_targets_never_broadcast_against_a_column_of_outputs(name):
    loss, (A, Y) = ops.LOSSES[name], EXAMPLES[name]
    cost, dA = cost_and_derivative(loss, A[:, :1], Y[:, 0])
    of_columns, dA_of_columns = cost_and_derivative(loss, A[:, :1], Y[:, :1])
    of_vectors, dA_of_vectors = cost_and_derivative(loss, A[:, 0], Y[:, 0])
    assert cost == pytest.approx(of_columns)
    assert cost == pytest.approx(of_vectors)
    assert dA.shape == (6, 1)
    np.testing.assert_array_equal(dA, dA_of_columns)
    np.testing.assert_array_equal(dA[:, 0], dA_of_vectors)


@pytest.mark.parametrize("name", ["squared_error", "absolute_error", "huber"])
def test_flat_targets_get_a_flat_derivative(name):
    A, y = EXAMPLES[name][0][:, :1], cr.variable(EXAMPLES[name][1][:, 0])
    ops.LOSSES[name](A, y).backward()
    assert y.grad.shape == (6,)


@pytest.mark.parametrize("name", WITH_ONE_OUTPUT)
@pytest.mark.parametrize(("output", "targets"), [((6,), (6, 1)), ((6, 1), (1, 6)), ((6, 2), (6,)), ((6,), (5,))])
def test_targets_of_another_shape_are_a_shape_error_that_names_both(name, output, targets):
    with pytest.raises(cr.ShapeError) as caught:
        ops.LOSSES[name](np.ones(output), np.ones(targets))
    assert f"Y are {targets}" in str(caught.value)
    assert f"output is {output}" in str(caught.value)


def test_labels_equal_one_hot_rows():
    for labels in (LABELS, LABELS[:, None], np.float64(LABELS), np.uint8(LABELS), list(LABELS)):
        assert ops.cross_entropy(P, labels) == ops.cross_entropy(P, ONE_HOT)


def test_one_example_has_one_label():
    assert ops.cross_entropy(P[0], 2) == pytest.approx(-np.log(P[0, 2]))


@pytest.mark.parametrize("targets", [(5,), (6, 2), (3,), (1, 6)])
def test_labels_of_another_shape_are_a_shape_error_that_names_the_right_ones(targets):
    with pytest.raises(cr.ShapeError, match=r"labels \(6,\) or one-hot rows \(6, 3\)"):
        ops.cross_entropy(P, np.zeros(targets))


def test_label_smoothing_by_hand():
    p = np.array([[0.7, 0.2, 0.1]])
    smooth = -(0.8 * np.log(0.7) + 0.1 * np.log(0.2) + 0.1 * np.log(0.1))
    assert ops.cross_entropy(p, [0], label_smoothing=0.3) == pytest.approx(smooth)
    assert ops.cross_entropy(p, [[1, 0, 0]], label_smoothing=0.3) == pytest.approx(smooth)
    assert ops.softmax_cross_entropy(np.log(p), [0], label_smoothing=0.3) == pytest.approx(smooth)


def test_label_smoothing_of_yes_and_no_by_hand():
    smooth = -(0.85 * np.log(0.7) + 0.15 * np.log(0.3))
    assert ops.binary_cross_entropy([0.7], [1], label_smoothing=0.3) == pytest.approx(smooth)
    assert ops.binary_cross_entropy([0.3], [0], label_smoothing=0.3) == pytest.approx(smooth)
    logit = [special.logit(0.7)]
    assert ops.sigmoid_binary_cross_entropy(logit, [1], label_smoothing=0.3) == pytest.approx(smooth)


def test_labels_may_lie_between_yes_and_no():
    expected = -(0.4 * np.log(0.7) + 0.6 * np.log(0.3))
    assert ops.binary_cross_entropy([0.7], [0.4]) == pytest.approx(expected)
    assert ops.cross_entropy([[0.7, 0.3]], [[0.4, 0.6]]) == pytest.approx(expected)


def test_labels_that_are_true_or_false_are_yes_and_no():
    p = P[:, 0]
    assert ops.binary_cross_entropy(p, LABELS > 0) == ops.binary_cross_entropy(p, 1 * (LABELS > 0))


@pytest.mark.parametrize("loss", [ops.cross_entropy, ops.softmax_cross_entropy])
@pytest.mark.parametrize("wrong", [3, -1, 0.5, np.nan])
def test_a_label_that_is_no_class_is_a_data_error_that_names_it(loss, wrong):
    with pytest.raises(cr.DataError, match=rf"3 classes.*whole numbers from 0 to 2.*{wrong}"):
        loss(cr.variable(P), [0, 2, 1, 1, 0, wrong])


@pytest.mark.parametrize("loss", [ops.hinge, ops.perceptron])
@pytest.mark.parametrize("wrong", [0, 2, np.nan])
def test_a_label_that_is_no_sign_is_a_data_error_that_names_the_way_out(loss, wrong):
    with pytest.raises(cr.DataError, match=rf"labels -1 and \+1.*{wrong}.*2 \* Y - 1"):
        loss(cr.variable([0.5, 0.5]), [1, wrong])


@pytest.mark.parametrize("loss", [ops.binary_cross_entropy, ops.sigmoid_binary_cross_entropy])
@pytest.mark.parametrize("wrong", [2, -1, np.nan])
def test_a_label_that_is_neither_yes_nor_no_is_a_data_error(loss, wrong):
    with pytest.raises(cr.DataError, match="labels from 0 to 1"):
        loss(cr.variable([0.5, 0.5]), [1, wrong])


@every_loss
def test_labels_that_are_text_are_a_data_error(name):
    A, Y = EXAMPLES[name]
    with pytest.raises(cr.DataError):
        ops.LOSSES[name](A, np.full(Y.shape, "yes"))


@pytest.mark.parametrize("loss", [ops.cross_entropy, ops.binary_cross_entropy])
@pytest.mark.parametrize("outputs", [[[-1.0, 0.5]], [[0.5, 1.5]]])
def test_logits_for_probabilities_are_a_data_error_that_names_the_activation(loss, outputs):
    with pytest.raises(cr.DataError, match=r"takes probabilities.*(softmax|sigmoid)"):
        loss(cr.variable(outputs), [[0, 1]])


@pytest.mark.parametrize("name", ["squared_error", "absolute_error", "huber", "hinge", "perceptron"])
def test_large_outputs_cost_a_finite_number_in_float32_without_a_warning(name):
    Z = cr.variable(np.float32([-1e4, -1, 0, 1, 1e4]))
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        J = ops.LOSSES[name](Z, np.array([1, -1, 1, -1, -1]))
        J.backward()
    assert np.isfinite(J.value)
    assert np.isfinite(Z.grad).all()
    assert J.dtype == Z.grad.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_of_exactly_0_and_1_cost_a_finite_number_without_a_warning(dtype):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for loss, Y in [(ops.cross_entropy, [1, 1]), (ops.binary_cross_entropy, [[1, 0], [0, 1]])]:
            J, dA = cost_and_derivative(loss, np.array([[0, 1], [1, 0]], dtype), Y)
            assert 0 < J < 100
            assert np.isfinite(dA).all()


@pytest.mark.parametrize("delta", [-1, 0, float("nan"), "wide"])
def test_the_delta_of_huber_is_above_0(delta):
    A = np.ones((3, 1))
    with pytest.raises(cr.OptionError, match=r"delta is .* but must be a number, more than 0"):
        cr.ops.huber(A, A, delta=delta)
    loss = functools.partial(cr.ops.huber, delta=delta)
    with pytest.raises(cr.OptionError, match="delta is"):
        cr.train(cr.Network([cr.Dense(1)], seed=0), A, A, loss=loss, epochs=1, progress=False)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_labels_are_smoothed_by_a_share(share):
    A, Y = np.full((3, 2), 0.5), np.array([0, 1, 1])
    with pytest.raises(cr.OptionError, match=r"label_smoothing is .* at least 0 and at most 1"):
        cr.ops.cross_entropy(A, Y, label_smoothing=share)
    with pytest.raises(cr.OptionError, match="label_smoothing is"):
        cr.ops.binary_cross_entropy(A[:, 0], Y, label_smoothing=share)
