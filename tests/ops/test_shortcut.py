"""The notes' shortcut dZ = A − Y: softmax and sigmoid, followed by their cross-entropy."""

import numpy as np
import pytest
from scipy import special

import chainrule as cr
from chainrule import ops
from ops.derivatives import derivative

RNG = np.random.default_rng(0)
Z = RNG.normal(0, 2, (6, 3))
CLASSES, YES_NO = RNG.integers(0, 3, 6), RNG.integers(0, 2, (6, 3))
WEIGHTS = RNG.uniform(0.5, 2, 6)

both = pytest.mark.parametrize(
    ("activation", "loss", "fused", "Y"),
    [
        (ops.softmax, ops.cross_entropy, ops.softmax_cross_entropy, CLASSES),
        (ops.sigmoid, ops.binary_cross_entropy, ops.sigmoid_binary_cross_entropy, YES_NO),
    ],
)


@both
def test_the_shortcut_is_recorded_in_place_of_the_loss(activation, loss, fused, Y):
    logits = cr.variable(Z)
    J = loss(activation(logits), Y, WEIGHTS, label_smoothing=0.1)
    assert J.operation is fused
    assert J.parents == (logits,)
    assert J.options == {"label_smoothing": 0.1}


@both
def test_dZ_is_A_minus_Y_over_m(activation, loss, fused, Y):
    target = np.eye(3)[Y] if loss is ops.cross_entropy else Y
    dZ = derivative(lambda Z: loss(activation(Z), Y), Z)
    np.testing.assert_allclose(dZ, (activation(Z) - target) / 6, rtol=1e-12, atol=1e-15)


@both
@pytest.mark.parametrize("others", [(), (WEIGHTS,)])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.2}])
def test_it_equals_the_loss_of_plain_probabilities(activation, loss, fused, Y, others, options):
    def unfused(Z):
        return loss(1 * activation(Z), Y, *others, **options)

    def shortened(Z):
        return loss(activation(Z), Y, *others, **options)

    assert unfused(cr.variable(Z)).operation is loss
    assert shortened(cr.variable(Z)).value == pytest.approx(unfused(cr.variable(Z)).value)
    assert shortened(cr.variable(Z)).value == pytest.approx(loss(activation(Z), Y, *others, **options))
    np.testing.assert_allclose(derivative(shortened, Z), derivative(unfused, Z))


@both
def test_a_distribution_over_the_classes_may_be_given_for_labels(activation, loss, fused, Y):
    Y = special.softmax(RNG.normal(size=(6, 3)), axis=1)
    dZ = derivative(lambda Z: loss(activation(Z), Y), Z)
    np.testing.assert_allclose(dZ, derivative(lambda Z: loss(1 * activation(Z), Y), Z))


@both
def test_probabilities_of_0_and_1_stay_finite_in_float32_without_a_warning(activation, loss, fused, Y):
    logits = cr.variable(np.float32([[1e4, -1e4, 0], [-1e4, 1e4, 0], [-1e3, -1e4, 1e4]] * 2))
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        J = loss(activation(logits), Y)
        J.backward()
    assert np.isfinite(J.value)
    assert np.isfinite(logits.grad).all()
    assert J.dtype == logits.grad.dtype == np.float32


def test_a_certain_mistake_costs_its_logit_and_still_teaches():
    J = ops.cross_entropy(ops.softmax(cr.variable([[0.0, 1e4]])), [0])
    assert J.value == 1e4
    dZ = derivative(lambda Z: ops.binary_cross_entropy(ops.sigmoid(Z), [0]), [1e4])
    np.testing.assert_array_equal(dZ, [1])


@pytest.mark.parametrize("z", [5, 20, 50])
def test_a_certain_and_right_answer_keeps_its_small_cost_in_float32(z):
    expected = np.log1p(np.exp(-float(z)))
    for logit, label in [(z, 1), (-z, 0)]:
        J = ops.binary_cross_entropy(ops.sigmoid(cr.variable(np.float32([logit]))), [label])
        assert J.value == pytest.approx(expected, rel=1e-5, abs=0)


def test_softmax_over_another_axis_is_not_shortened():
    Z = np.array([[1.0, 3.0], [3.0, 1.0]])  # over either axis, its softmax sums to 1 over both
    J = ops.cross_entropy(ops.softmax(cr.variable(Z), axis=0), [0, 0])
    assert J.operation is ops.cross_entropy
    assert J.value == pytest.approx(-np.log(special.expit([-2.0, 2.0])).mean())


def test_the_last_axis_by_its_name_is_shortened():
    assert ops.cross_entropy(ops.softmax(cr.variable(Z), axis=-1), CLASSES).operation is ops.softmax_cross_entropy


def test_each_loss_has_its_own_activation_only():
    with_sum_1 = ops.sigmoid(cr.variable([[1.0, -1.0]]))
    assert ops.cross_entropy(with_sum_1, [0]).operation is ops.cross_entropy
    assert ops.binary_cross_entropy(ops.softmax(cr.variable(Z)), YES_NO).operation is ops.binary_cross_entropy


def test_plain_probabilities_give_a_plain_cost():
    assert isinstance(ops.cross_entropy(ops.softmax(Z), CLASSES), float)


@both
def test_what_bad_labels_get_is_the_same(activation, loss, fused, Y):
    with pytest.raises(cr.DataError):
        loss(activation(cr.variable(Z)), Y + 2)
    with pytest.raises(cr.ShapeError):
        loss(activation(cr.variable(Z)), Y[:4])
