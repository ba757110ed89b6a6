"""Batch and layer normalization."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops

RNG = np.random.default_rng(0)
GAMMA, BETA = np.ones(3), np.zeros(3)


@pytest.mark.parametrize("shape", [(8, 3), (8, 5, 3), (4, 5, 6, 3)])
def test_batch_norm_gives_every_feature_mean_0_and_variance_1(shape):
    A = RNG.normal(5, [1, 10, 100], shape)
    Z = ops.batch_norm(A, GAMMA, BETA, epsilon=0.0)
    over = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(Z.mean(axis=over), 0, atol=1e-12)
    np.testing.assert_allclose(Z.var(axis=over), 1)


@pytest.mark.parametrize("shape", [(3,), (8, 3), (8, 5, 3)])
def test_layer_norm_gives_every_example_mean_0_and_variance_1(shape):
    Z = ops.layer_norm(RNG.normal(5, 10, shape), GAMMA, BETA, epsilon=0.0)
    np.testing.assert_allclose(Z.mean(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(Z.var(axis=-1), 1)


@pytest.mark.parametrize("norm", [ops.batch_norm, ops.layer_norm])
def test_gamma_scales_and_beta_shifts_the_features(norm):
    A, gamma, beta = RNG.normal(size=(8, 3)), np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    np.testing.assert_allclose(norm(A, gamma, beta), gamma * norm(A, GAMMA, BETA) + beta)


def test_normalize_uses_the_mean_and_variance_that_it_is_given():
    A, mean, variance = RNG.normal(size=(8, 3)), np.array([1.0, 2.0, 3.0]), np.array([4.0, 9.0, 16.0])
    Z = ops.normalize(A, GAMMA, BETA, mean, variance, epsilon=0.0)
    np.testing.assert_allclose(Z, (A - mean) / [2, 3, 4])


def test_with_the_statistics_of_the_batch_it_is_batch_norm():
    A = RNG.normal(size=(8, 3))
    Z = ops.normalize(A, GAMMA, BETA, A.mean(axis=0), A.var(axis=0))
    np.testing.assert_allclose(Z, ops.batch_norm(A, GAMMA, BETA))


def test_under_given_statistics_each_example_stands_alone():
    A = cr.variable(RNG.normal(size=(8, 3)))
    Z = ops.normalize(A, GAMMA, BETA, np.zeros(3), np.full(3, 4.0), epsilon=0.0)
    Z[0].sum().backward()
    np.testing.assert_array_equal(A.grad[0], [0.5, 0.5, 0.5])
    assert (A.grad[1:] == 0).all()


@pytest.mark.parametrize("norm", [ops.batch_norm, ops.layer_norm])
def test_a_feature_that_never_varies_stays_finite(norm):
    A = cr.variable(np.full((8, 3), 7.0, np.float32))
    Z = norm(A, np.float32(GAMMA), np.float32(BETA))
    (Z * np.float32([1, 2, 3])).sum().backward()
    assert (Z.value == 0).all()
    assert np.isfinite(A.grad).all()


@pytest.mark.parametrize("norm", [ops.batch_norm, ops.layer_norm])
def test_the_derivative_by_the_input_has_no_share_in_the_mean(norm):
    A = cr.variable(RNG.normal(size=(8, 3)))
    (norm(A, GAMMA, BETA) * RNG.normal(size=(8, 3))).sum().backward()
    np.testing.assert_allclose(A.grad.sum(axis=0 if norm is ops.batch_norm else 1), 0, atol=1e-12)


@pytest.mark.parametrize("norm", [ops.batch_norm, ops.layer_norm])
@pytest.mark.parametrize("wrong", [np.ones(2), np.ones(1), np.ones((8, 3))])
def test_gamma_of_another_shape_than_the_features_is_a_shape_error(norm, wrong):
    with pytest.raises(cr.ShapeError):
        norm(np.ones((8, 3)), wrong, BETA)


@pytest.mark.parametrize("scale", [ops.standardize, ops.unstandardize])
@pytest.mark.parametrize("wrong", [np.ones(2), np.ones(1), np.ones((8, 3))])
def test_statistics_of_another_shape_than_the_features_are_a_shape_error(scale, wrong):
    with pytest.raises(cr.ShapeError, match="deviation is"):
        scale(np.ones((8, 3)), np.zeros(3), wrong)
    with pytest.raises(cr.ShapeError, match="mean is"):
        scale(np.ones((8, 3)), wrong, np.ones(3))


def test_the_statistics_of_normalize_are_checked_too():
    with pytest.raises(cr.ShapeError, match="variance is"):
        ops.normalize(np.ones((8, 3)), GAMMA, BETA, np.zeros(3), np.ones(1))
