import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.training.statistics import learn_statistics


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(3, 2, size=(40, 4))


@pytest.fixture
def sequences():
    return np.random.default_rng(0).normal(3, 2, size=(10, 5, 4))


def in_training(net, X):
    return net.record(net.cast(X), training=True, updating=True)[0].value


class TestBatchNorm:
    def test_while_training_it_takes_mean_and_variance_of_the_batch(self, X):
        net = cr.Network([cr.BatchNorm(epsilon=1e-3)], dtype="float64", input_shape=4)
        net.set_parameters({"gamma1": [1, 2, 3, 4], "beta1": [0, 1, 0, -1]})
        A_hat = (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + 1e-3)
        np.testing.assert_allclose(in_training(net, X), A_hat * [1, 2, 3, 4] + [0, 1, 0, -1], rtol=1e-10)

    def test_statistics_are_over_all_axes_but_the_last(self, sequences):
        net = cr.Network([cr.BatchNorm()], dtype="float64", input_shape=(5, 4))
        mean, variance = sequences.mean(axis=(0, 1)), sequences.var(axis=(0, 1))
        expected = (sequences - mean) / np.sqrt(variance + 1e-5)
        np.testing.assert_allclose(in_training(net, sequences), expected, rtol=1e-10)

    def test_the_moving_averages_start_at_0_and_1_and_follow_the_batches(self, X):
        net = cr.Network([cr.BatchNorm(momentum=0.8)], dtype="float64", input_shape=4)
        mean, variance = np.zeros(4), np.ones(4)
        for batch in (X[:10], X[10:30], X[30:]):
            in_training(net, batch)
            mean = 0.8 * mean + 0.2 * batch.mean(axis=0)
            variance = 0.8 * variance + 0.2 * batch.var(axis=0, ddof=1)
        statistics = net.layers[0].statistics
        np.testing.assert_allclose(statistics["mean"], mean, rtol=1e-12)
        np.testing.assert_allclose(statistics["variance"], variance, rtol=1e-12)

    def test_when_predicting_it_takes_the_moving_averages(self, X):
        net = cr.Network([cr.BatchNorm()], dtype="float64", input_shape=4)
        in_training(net, X)
        held = net.layers[0].statistics
        expected = (X - held["mean"]) / np.sqrt(held["variance"] + 1e-5)
        np.testing.assert_allclose(net.predict(X), expected, rtol=1e-10)
        np.testing.assert_array_equal(net.predict(X)[:3], net.predict(X[:3]))

    def test_predicting_leaves_the_moving_averages_alone(self, X):
        net = cr.Network([cr.BatchNorm()], input_shape=4)
        in_training(net, X)
        before = {name: value.copy() for name, value in net.layers[0].statistics.items()}
        net.predict(100 * X)
        for name, value in net.layers[0].statistics.items():
            np.testing.assert_array_equal(value, before[name])

    def test_gamma_and_beta_are_parameters_and_no_weights(self):
        net = cr.Network([cr.BatchNorm(), cr.Dense(2)], input_shape=4)
        assert list(net.parameters) == ["gamma1", "beta1", "W2", "b2"]
        np.testing.assert_array_equal(net.regularized, [0] * 8 + [1] * 8 + [0] * 2)

    @pytest.mark.parametrize("options", [{"momentum": -0.1}, {"momentum": 1.1}, {"epsilon": 0}, {"epsilon": "small"}])
    def test_bad_options_are_refused(self, options):
        with pytest.raises(cr.OptionError, match=next(iter(options))):
            cr.BatchNorm(**options)


class TestLayerNorm:
    def test_each_example_gets_mean_0_and_variance_1_over_its_features(self, X):
        net = cr.Network([cr.LayerNorm(epsilon=1e-3)], dtype="float64", input_shape=4)
        net.set_parameters({"gamma1": [1, 2, 3, 4], "beta1": [0, 1, 0, -1]})
        A_hat = (X - X.mean(axis=1, keepdims=True)) / np.sqrt(X.var(axis=1, keepdims=True) + 1e-3)
        np.testing.assert_allclose(net.predict(X), A_hat * [1, 2, 3, 4] + [0, 1, 0, -1], rtol=1e-10)

    def test_each_step_of_a_sequence_is_normalized_by_itself(self, sequences):
        net = cr.Network([cr.LayerNorm()], dtype="float64", input_shape=(5, 4))
        mean, variance = sequences.mean(axis=-1, keepdims=True), sequences.var(axis=-1, keepdims=True)
        np.testing.assert_allclose(net.predict(sequences), (sequences - mean) / np.sqrt(variance + 1e-5), rtol=1e-10)

    def test_training_and_predicting_are_the_same(self, X):
        net = cr.Network([cr.LayerNorm()], input_shape=4)
        np.testing.assert_allclose(in_training(net, X), net.predict(X), rtol=1e-5, atol=1e-6)

    def test_an_example_of_equal_features_becomes_beta(self):
        net = cr.Network([cr.LayerNorm()], input_shape=3)
        np.testing.assert_array_equal(net.predict([[7, 7, 7]]), [[0, 0, 0]])

    def test_epsilon_is_more_than_0(self):
        with pytest.raises(cr.OptionError, match="epsilon is 0, but must be a number, more than 0"):
            cr.LayerNorm(epsilon=0)


class TestStandardize:
    def test_it_learns_mean_and_deviation_from_batches_of_any_size(self, X):
        layer = cr.Standardize()
        net = cr.Network([layer], dtype="float64", input_shape=4)
        layer.learn([X[:1], X[1:14], X[14:14], X[14:]])
        np.testing.assert_allclose(layer.statistics["mean"], X.mean(axis=0), rtol=1e-13)
        np.testing.assert_allclose(layer.statistics["deviation"], X.std(axis=0), rtol=1e-13)
        np.testing.assert_allclose(net.predict(X), (X - X.mean(axis=0)) / X.std(axis=0), rtol=1e-11, atol=1e-13)

    def test_it_learns_a_large_mean_exactly_from_float32_batches(self):
        X = np.random.default_rng(0).normal(1e4, 1, size=(5000, 1)).astype(np.float32)
        layer = cr.Standardize()
        cr.Network([layer], dtype="float64", input_shape=1)
        layer.learn(X[i : i + 7] for i in range(0, 5000, 7))
        assert layer.statistics["deviation"][0] == pytest.approx(X.astype(np.float64).std(), rel=1e-9)

    def test_steps_of_sequences_count_as_examples(self, sequences):
        layer = cr.Standardize()
        cr.Network([layer], dtype="float64", input_shape=(5, 4))
        layer.learn([sequences])
        np.testing.assert_allclose(layer.statistics["mean"], sequences.mean(axis=(0, 1)), rtol=1e-13)
        np.testing.assert_allclose(layer.statistics["deviation"], sequences.std(axis=(0, 1)), rtol=1e-13)

    def test_before_it_has_learned_it_changes_nothing(self, X):
        layer = cr.Standardize()
        assert not layer.learned
        np.testing.assert_array_equal(cr.Network([layer], dtype="float64").predict(X), X)
        assert not layer.learned

    @pytest.mark.parametrize("value", [0.0, 5.0, 1 / 3, 1e9])
    def test_a_feature_that_never_changes_keeps_deviation_1(self, value):
        layer = cr.Standardize()
        net = cr.Network([layer], dtype="float64", input_shape=2)
        X = np.column_stack([np.full(9, value), np.arange(9)])
        layer.learn([X[:4], X[4:]])
        assert layer.statistics["deviation"][0] == 1
        np.testing.assert_allclose(net.predict(X)[:, 0], 0, atol=1e-6 * max(value, 1))

    def test_a_feature_that_changes_little_beside_its_mean_is_still_standardized(self):
        seconds_since_1970 = 1.7e9 + np.arange(100.0)[:, None]
        layer = cr.Standardize()
        net = cr.Network([layer], dtype="float64", input_shape=1)
        layer.learn([seconds_since_1970])
        assert net.predict(seconds_since_1970).std() == pytest.approx(1)

    def test_inverse_goes_back(self, X):
        forth, back = cr.Standardize(), cr.Standardize(inverse=True)
        net = cr.Network([forth, back], dtype="float64", input_shape=4)
        forth.learn([X])
        back.learn([X])
        np.testing.assert_allclose(net.predict(X), X, rtol=1e-12)
        alone = cr.Network([cr.Standardize(inverse=True)], dtype="float64", input_shape=4)
        alone.layers[0].learn([X])
        np.testing.assert_allclose(alone.predict(X), X * X.std(axis=0) + X.mean(axis=0), rtol=1e-12)

    def test_it_has_no_parameters(self):
        assert cr.Network([cr.Standardize()], input_shape=3).parameters == {}

    def test_what_comes_behind_it_is_not_computed_while_it_learns(self, X):
        class Counted(cr.Layer):
            calls = 0

            def forward(self, A):
                type(self).calls += 1
                return A

        net = cr.Network([cr.Standardize(), Counted(), cr.Dense(1)], input_shape=4, seed=0)
        Counted.calls = 0
        learn_statistics(net, lambda: [(X[:20], None, None), (X[20:], None, None)])
        assert Counted.calls == 0
        np.testing.assert_allclose(net.layers[0].statistics["mean"], X.mean(axis=0))

    def test_training_lets_each_one_learn_its_own_input_once(self, X):
        net = cr.Network([cr.Standardize(), cr.Dense(3, "tanh"), cr.Standardize(), cr.Dense(1)], seed=0)
        net.build(4)
        A1 = np.tanh((X - X.mean(axis=0)) / X.std(axis=0) @ net.parameters["W1"].T)
        cr.train(net, X, X[:, 0], loss="squared_error", epochs=1, batch_size=16, seed=0, progress=False)
        np.testing.assert_allclose(net.layers[0].statistics["mean"], X.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(net.layers[2].statistics["deviation"], A1.std(axis=0), rtol=1e-5)
        cr.train(net, 10 * X, X[:, 0], loss="squared_error", epochs=1, seed=0, progress=False)
        np.testing.assert_allclose(net.layers[0].statistics["mean"], X.mean(axis=0), rtol=1e-6)

    def test_training_never_lets_an_inverse_learn_from_the_outputs_of_an_untrained_network(self, X):
        net = cr.Network([cr.Dense(1), cr.Standardize(inverse=True)], seed=0)
        y = 1e5 + 1e4 * X[:, 0]
        try:
            cr.train(net, X, y, loss="squared_error", epochs=1, seed=0, progress=False)
        except cr.OptionError:
            return
        assert net.layers[1].statistics["mean"][0] == pytest.approx(y.mean(), rel=1e-3)

    def test_what_it_learned_before_the_network_is_built_keeps_all_digits(self):
        layer = cr.Standardize()
        layer.learn([np.array([[0.1], [0.2]])])
        cr.Network([layer], dtype="float64", input_shape=1)
        assert layer.statistics["mean"][0] == pytest.approx(0.15, rel=1e-14)

    def test_learning_from_nothing_is_an_error_of_chainrule(self):
        layer = cr.Standardize()
        with pytest.raises(cr.ChainruleError):  # noqa: PT012
            layer.learn([])
            cr.Network([layer]).predict([[1.0, 2.0]])


@pytest.mark.parametrize(
    "layer", [cr.BatchNorm(epsilon=np.float64(1e-3)), cr.LayerNorm(epsilon=np.float64(1e-3))], ids=lambda l: l.label
)
def test_an_option_of_numpys_float64_never_widens_a_float32_network(layer):
    assert cr.Network([layer]).predict(np.ones((3, 2))).dtype == np.float32


def test_an_option_of_numpys_float32_can_be_saved():
    description = cr.Network([cr.BatchNorm(momentum=np.float32(0.5))]).to_config()
    assert json.loads(json.dumps(description))["layers"][0]["momentum"] == 0.5
