import numpy as np
import pytest

import chainrule as cr
from chainrule.initializers import (
    INITIALIZERS,
    He,
    LeCun,
    Ones,
    Orthogonal,
    Random,
    Xavier,
    Zeros,
    fans,
    find_initializer,
    initializer_for,
)
from chainrule.randomness import stream

SHAPE = (400, 300)


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (Random(), 0.01**2),
        (Random(0.5), 0.5**2),
        (Xavier(), 2 / 700),
        (Xavier("normal"), 2 / 700),
        (He(), 2 / 300),
        (He("uniform"), 2 / 300),
        (LeCun(), 1 / 300),
        (LeCun("uniform"), 1 / 300),
    ],
    ids=repr,
)
def test_the_mean_is_0_and_the_variance_the_papers(random, initializer, variance):
    W = initializer(SHAPE, random)
    assert W.shape == SHAPE
    assert W.mean() == pytest.approx(0, abs=4 * np.sqrt(variance / W.size))
    assert W.var() == pytest.approx(variance, rel=0.02)


@pytest.mark.parametrize(
    ("initializer", "bound"),
    [
        (Xavier(), np.sqrt(6 / 700)),
        (He("uniform"), np.sqrt(6 / 300)),
        (LeCun("uniform"), np.sqrt(3 / 300)),
    ],
    ids=repr,
)
def test_uniform_numbers_fill_the_interval_and_stay_inside(random, initializer, bound):
    W = initializer(SHAPE, random)
    assert np.abs(W).max() <= bound
    assert np.abs(W).max() > 0.999 * bound
    assert np.median(np.abs(W)) == pytest.approx(bound / 2, rel=0.02)


@pytest.mark.parametrize("initializer", [Random(1), Xavier("normal"), He(), LeCun()], ids=repr)
def test_normal_numbers_have_two_thirds_within_one_deviation(random, initializer):
    W = initializer(SHAPE, random)
    assert (np.abs(W) < W.std()).mean() == pytest.approx(0.6827, abs=0.01)


def test_zeros_and_ones(random):
    np.testing.assert_array_equal(Zeros()((2, 3), random), np.zeros((2, 3)))
    np.testing.assert_array_equal(Ones()((2, 3), random), np.ones((2, 3)))


@pytest.mark.parametrize(
    ("shape", "n_in", "n_out"),
    [((5, 3), 3, 5), ((8, 3, 3, 4), 36, 72), ((6, 5, 2), 10, 30), ((7,), 7, 7), ((), 1, 1), ((1, 1), 1, 1)],
)
def test_fans_count_what_comes_in_and_goes_out(shape, n_in, n_out):
    assert fans(shape) == (n_in, n_out)


def test_filters_of_pictures_have_the_variance_of_their_fans(random):
    shape = (64, 3, 3, 64)
    assert He()(shape, random).var() == pytest.approx(2 / (9 * 64), rel=0.03)
    assert Xavier()(shape, random).var() == pytest.approx(2 / (2 * 9 * 64), rel=0.03)


@pytest.mark.parametrize("initializer", [Xavier(), He(), LeCun(), Random()], ids=repr)
def test_shapes_without_inputs_or_axes_work_too(random, initializer):
    assert initializer((3, 0), random).shape == (3, 0)
    assert initializer((), random).shape == ()
    assert initializer((4,), random).shape == (4,)


class TestOrthogonal:
    @pytest.mark.parametrize("shape", [(6, 4), (5, 5)])
    def test_columns_are_orthonormal_where_they_are_fewer(self, random, shape):
        Q = Orthogonal()(shape, random)
        np.testing.assert_allclose(Q.T @ Q, np.eye(shape[1]), atol=1e-12)

    @pytest.mark.parametrize("shape", [(4, 6), (5, 5)])
    def test_rows_are_orthonormal_where_they_are_fewer(self, random, shape):
        Q = Orthogonal()(shape, random)
        np.testing.assert_allclose(Q @ Q.T, np.eye(shape[0]), atol=1e-12)

    def test_a_filter_is_a_row(self, random):
        Q = Orthogonal()((4, 3, 3, 2), random).reshape(4, 18)
        np.testing.assert_allclose(Q @ Q.T, np.eye(4), atol=1e-12)

    def test_gain_stretches(self, random):
        Q = Orthogonal(3.0)((5, 5), random)
        np.testing.assert_allclose(Q @ Q.T, 9 * np.eye(5), atol=1e-12)

    def test_turns_and_mirrors_are_equally_likely(self, random):
        turns = [np.linalg.det(Orthogonal()((3, 3), random)) > 0 for _ in range(400)]
        assert np.mean(turns) == pytest.approx(0.5, abs=0.1)
        corners = [Orthogonal()((3, 3), random)[0, 0] for _ in range(400)]
        assert np.mean(corners) == pytest.approx(0, abs=0.1)

    @pytest.mark.parametrize("shape", [(), (4,)])
    def test_it_needs_a_matrix(self, random, shape):
        with pytest.raises(cr.OptionError, match="needs a matrix"):
            Orthogonal()(shape, random)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "silu", "softplus"])
def test_relu_and_its_relatives_start_by_he(activation):
    assert initializer_for(activation) == He()


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softmax", "log_softmax", "identity", "own"])
def test_the_others_start_by_xavier(activation):
    assert initializer_for(activation) == Xavier()


def test_every_activation_is_one_or_the_other():
    assert {initializer_for(name) for name in cr.ops.ACTIVATIONS} == {He(), Xavier()}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_name_finds_an_initializer_that_a_layer_can_use(name):
    net = cr.Network([cr.Dense(3, initializer=name)], seed=0, input_shape=4)
    np.testing.assert_array_equal(
        net.parameters["W1"],
        find_initializer(name)((3, 4), stream("parameters", 0)).astype(np.float32),
    )


def test_glorot_is_xavier():
    assert find_initializer("glorot") == Xavier()


@pytest.mark.parametrize("initializer", [Random(), Xavier(), He(), LeCun(), Orthogonal()], ids=repr)
def test_the_same_generator_gives_the_same_numbers(initializer):
    one, two = (initializer((4, 4), np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert (initializer((4, 4), np.random.default_rng(6)) != one).any()


def test_an_unknown_name_lists_the_known():
    with pytest.raises(cr.OptionError, match=r"no initializer 'orthogonl'. Did you mean 'orthogonal'\? Known: glorot,"):
        find_initializer("orthogonl")


@pytest.mark.parametrize("given", [None, 0.1, np.zeros, He])
def test_what_is_no_initializer_is_refused(given):
    with pytest.raises(cr.OptionError, match="an initializer is a name or an Initializer"):
        find_initializer(given)


@pytest.mark.parametrize("kind", [Xavier, He, LeCun])
def test_an_unknown_distribution_is_refused(random, kind):
    with pytest.raises(cr.OptionError, match='distribution is "normal" or "uniform", not \'triangle\''):
        kind("triangle")((3, 3), random)


@pytest.mark.parametrize("make", [lambda: Random("large"), lambda: Orthogonal(None)])
def test_a_factor_that_is_no_number_is_refused(random, make):
    with pytest.raises(cr.OptionError):
        make()((3, 3), random)


def test_an_own_initializer_is_a_class_with_call():
    class OwnAlternating(cr.initializers.Initializer):
        def __call__(self, shape, random):
            return np.resize([1.0, -1.0], shape)

    net = cr.Network([cr.Dense(2, initializer=OwnAlternating())], input_shape=2)
    np.testing.assert_array_equal(net.parameters["W1"], [[1, -1], [1, -1]])
    assert repr(OwnAlternating()) == "OwnAlternating()"


def test_one_without_call_says_so(random):
    class OwnUnfinished(cr.initializers.Initializer):
        pass

    with pytest.raises(NotImplementedError, match="OwnUnfinished must define __call__"):
        OwnUnfinished()((2, 2), random)
