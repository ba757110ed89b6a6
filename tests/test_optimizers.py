import json

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

import chainrule as cr
from chainrule.configuration import from_config
from chainrule.engines import ENGINES
from chainrule.hyperparameters import Hyperparameters
from chainrule.optimizers import OPTIMIZERS, find_optimizer, penalty
from chainrule.schedules import Schedule

RULES = list(dict.fromkeys(kind for name, kind in OPTIMIZERS.items() if name != "lbfgs"))


@pytest.fixture
def theta():
    return np.array([0.5, -1.0, 2.0, 0.1])


@pytest.fixture
def gradients():
    return np.random.default_rng(0).normal(size=(6, 4))


@pytest.fixture
def weights():
    return np.array([1.0, 1.0, 0.0, 0.0])


def after(optimizer, theta, gradients, weights=0.0):
    """θ after one step for each gradient."""
    theta = theta.copy()
    slots = {name: np.zeros_like(theta) for name in optimizer.slots}
    for t, g in enumerate(gradients, 1):
        change, slots = optimizer.step(theta, g, weights, Hyperparameters.at(optimizer, 0), t, slots)
        theta -= change
    return theta


class TestRules:
    def test_gradient_descent(self, theta, gradients):
        expected = theta - 0.1 * gradients.sum(axis=0)
        np.testing.assert_allclose(after(cr.GradientDescent(0.1), theta, gradients), expected, rtol=1e-13)

    def test_momentum(self, theta, gradients):
        expected, v = theta.copy(), 0
        for g in gradients:
            v = 0.9 * v - 0.1 * g
            expected = expected + v
        found = after(cr.GradientDescent(0.1, momentum=0.9), theta, gradients)
        np.testing.assert_allclose(found, expected, rtol=1e-13)

    def test_nesterov(self, theta, gradients):
        expected, v = theta.copy(), 0
        for g in gradients:
            v = 0.9 * v - 0.1 * g
            expected = expected + 0.9 * v - 0.1 * g
        found = after(cr.GradientDescent(0.1, momentum=0.9, nesterov=True), theta, gradients)
        np.testing.assert_allclose(found, expected, rtol=1e-13)

    def test_nesterov_is_the_gradient_at_the_place_ahead(self):
        """Sutskever et al., 2013: v ← μ v − α ∇J(θ + μ v), θ ← θ + v, seen from θ + μ v, on J = ½ θ²."""
        place, v = 1.0, 0.0
        for _ in range(5):
            v = 0.9 * v - 0.1 * (place + 0.9 * v)
            place += v
        optimizer = cr.GradientDescent(0.1, momentum=0.9, nesterov=True)
        ahead, slots = np.array([1.0]), {"v": np.zeros(1)}
        for t in range(1, 6):
            change, slots = optimizer.step(ahead, ahead.copy(), 0.0, Hyperparameters.at(optimizer, 0), t, slots)
            ahead = ahead - change
        np.testing.assert_allclose(ahead, place + 0.9 * v, rtol=1e-13)

    def test_adagrad(self, theta, gradients):
        expected, s = theta.copy(), 0
        for g in gradients:
            s = s + g**2
            expected = expected - 0.1 * g / (np.sqrt(s) + 1e-3)
        np.testing.assert_allclose(after(cr.Adagrad(0.1, epsilon=1e-3), theta, gradients), expected, rtol=1e-13)

    def test_rmsprop(self, theta, gradients):
        expected, s = theta.copy(), 0
        for g in gradients:
            s = 0.8 * s + 0.2 * g**2
            expected = expected - 0.1 * g / (np.sqrt(s) + 1e-3)
        found = after(cr.RMSProp(0.1, rho=0.8, epsilon=1e-3), theta, gradients)
        np.testing.assert_allclose(found, expected, rtol=1e-13)

    def test_adam(self, theta, gradients):
        expected, m, v = theta.copy(), 0, 0
        for t, g in enumerate(gradients, 1):
            m = 0.8 * m + 0.2 * g
            v = 0.9 * v + 0.1 * g**2
            m_hat, v_hat = m / (1 - 0.8**t), v / (1 - 0.9**t)
            expected = expected - 0.1 * m_hat / (np.sqrt(v_hat) + 1e-3)
        found = after(cr.Adam(0.1, beta1=0.8, beta2=0.9, epsilon=1e-3), theta, gradients)
        np.testing.assert_allclose(found, expected, rtol=1e-13)

    def test_adamw(self, theta, gradients, weights):
        expected, m, v = theta.copy(), 0, 0
        for t, g in enumerate(gradients, 1):
            m = 0.9 * m + 0.1 * g
            v = 0.999 * v + 0.001 * g**2
            m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
            expected = expected - 0.1 * (m_hat / (np.sqrt(v_hat) + 1e-8) + 0.01 * weights * expected)
        np.testing.assert_allclose(after(cr.AdamW(0.1), theta, gradients, weights), expected, rtol=1e-13)

    def test_the_first_step_of_adam_is_alpha_whatever_the_gradients_size(self, theta):
        for size in (1e-4, 1.0, 1e4):
            change = theta - after(cr.Adam(0.1), theta, [np.full(4, size)])
            np.testing.assert_allclose(change, 0.1, rtol=1e-3)

    def test_learning_rate_zero_changes_nothing(self, theta, gradients, weights):
        for kind in RULES:
            np.testing.assert_array_equal(after(kind(0, weight_decay=0.1), theta, gradients, weights), theta)

    @pytest.mark.parametrize("kind", RULES)
    def test_float32_stays_float32(self, kind, theta, gradients, weights):
        optimizer = kind(np.float64(0.1), l2=0.1, weight_decay=0.1, clip_norm=1.0, clip_value=1.0)
        slots = {name: np.zeros(4, np.float32) for name in optimizer.slots}
        theta, g, weights = (a.astype(np.float32) for a in (theta, gradients[0], weights))
        change, slots = optimizer.step(theta, g, weights, Hyperparameters.at(optimizer, 0), 1, slots)
        assert {change.dtype, *(slot.dtype for slot in slots.values())} == {np.dtype(np.float32)}

    @pytest.mark.parametrize(
        "optimizer",
        [
            cr.Adam(beta1=np.float64(0.9)),
            cr.Adam(l2=np.float64(0.1)),
            cr.GradientDescent(0.1, momentum=np.float64(0.9)),
            cr.RMSProp(rho=np.float64(0.9)),
            cr.GradientDescent(cr.schedules.Constant(np.float64(0.1))),
        ],
        ids=repr,
    )
    def test_options_of_numpys_float64_never_widen_float32(self, optimizer, theta, gradients, weights):
        slots = {name: np.zeros(4, np.float32) for name in optimizer.slots}
        theta, g, weights = (a.astype(np.float32) for a in (theta, gradients[0], weights))
        change, slots = optimizer.step(theta, g, weights, Hyperparameters.at(optimizer, 0), 1, slots)
        assert {change.dtype, *(slot.dtype for slot in slots.values())} == {np.dtype(np.float32)}

    @pytest.mark.parametrize("kind", RULES)
    def test_a_step_changes_none_of_its_arguments(self, kind, theta, gradients, weights):
        optimizer = kind(0.1, l2=0.1, weight_decay=0.1, clip_norm=1.0, clip_value=1.0)
        given = [theta, gradients[0], weights, *(np.full(4, 0.5) for _ in optimizer.slots)]
        before = [array.copy() for array in given]
        slots = dict(zip(optimizer.slots, given[3:], strict=True))
        optimizer.step(theta, gradients[0], weights, Hyperparameters.at(optimizer, 0), 1, slots)
        for array, kept in zip(given, before, strict=True):
            np.testing.assert_array_equal(array, kept)


class TestAgainstScikitLearn:
    @pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"momentum": 0.8, "nesterov": True}])
    def test_gradient_descent(self, theta, gradients, options):
        theirs = [theta.copy()]
        peer = SGDOptimizer(theirs, 0.1, momentum=options.get("momentum", 0.0), nesterov=options.get("nesterov", False))
        for g in gradients:
            peer.update_params(theirs, [g])
        found = after(cr.GradientDescent(0.1, **options), theta, gradients)
        np.testing.assert_allclose(found, theirs[0], rtol=1e-12)

    def test_adam(self, theta, gradients):
        theirs = [theta.copy()]
        peer = AdamOptimizer(theirs, 0.01, epsilon=1e-12)
        for g in gradients:
            peer.update_params(theirs, [g])
        found = after(cr.Adam(0.01, epsilon=1e-12), theta, gradients)
        np.testing.assert_allclose(found, theirs[0], rtol=1e-9)

    def test_adam_with_epsilon_hat(self, theta, gradients):
        theirs = [theta.copy()]
        peer = AdamOptimizer(theirs, 0.01, epsilon=0.1)
        for g in gradients:
            peer.update_params(theirs, [g])
        found = after(cr.Adam(0.01, epsilon=0.1, epsilon_hat=True), theta, gradients)
        np.testing.assert_allclose(found, theirs[0], rtol=1e-12)


class TestRegularization:
    def test_l2_adds_lambda_w_to_the_gradient_of_weights_only(self, theta, gradients, weights):
        found = after(cr.GradientDescent(0.1, l2=0.5), theta, gradients[:1], weights)
        expected = theta - 0.1 * (gradients[0] + 0.5 * np.array([0.5, -1.0, 0.0, 0.0]))
        np.testing.assert_allclose(found, expected, rtol=1e-13)

    def test_l2_goes_through_the_rule_and_weight_decay_beside_it(self, theta, weights):
        nothing = np.zeros((1, 4))
        by_l2 = after(cr.Adam(0.1, l2=0.5), theta, nothing, weights)
        np.testing.assert_allclose(theta - by_l2, [0.1, -0.1, 0, 0], rtol=1e-6)
        decoupled = after(cr.Adam(0.1, weight_decay=0.5), theta, nothing, weights)
        np.testing.assert_allclose(theta - decoupled, 0.1 * 0.5 * weights * theta, rtol=1e-13)

    def test_in_a_network_biases_and_normalizations_are_left_alone(self):
        net = cr.Network([cr.Dense(2), cr.BatchNorm(), cr.LayerNorm()], seed=0, dtype="float64", input_shape=3)
        net.flat[:] = 1
        nothing = np.zeros_like(net.flat)
        change, _ = cr.GradientDescent(1.0, l2=0.5).step(
            net.flat, nothing, net.regularized, Hyperparameters(1.0, 0.0), 1, {"v": nothing}
        )
        np.testing.assert_array_equal(change, [0.5] * 6 + [0] * 10)

    def test_the_penalty_is_half_lambda_times_the_squares_of_the_weights(self, theta, weights):
        assert cr.Adam(l2=0.4).penalty(theta, weights) == pytest.approx(0.2 * (0.25 + 1.0))
        assert penalty(0.4, theta, weights) == pytest.approx(0.25)
        assert cr.Adam(weight_decay=0.4).penalty(theta, weights) == 0

    def test_its_gradient_is_what_l2_adds(self, theta, weights):
        optimizer = cr.GradientDescent(1.0, l2=0.3)
        change, _ = optimizer.step(theta, np.zeros(4), weights, Hyperparameters.at(optimizer, 0), 1, {"v": np.zeros(4)})
        for i, step in enumerate(1e-6 * np.eye(4)):
            slope = (optimizer.penalty(theta + step, weights) - optimizer.penalty(theta - step, weights)) / 2e-6
            assert slope == pytest.approx(change[i], abs=1e-9)


class TestClipping:
    def test_a_long_gradient_is_shortened_to_clip_norm(self, theta):
        found = theta - after(cr.GradientDescent(1.0, clip_norm=1.0), theta, [np.array([3.0, 0, 4.0, 0])])
        np.testing.assert_allclose(found, [0.6, 0, 0.8, 0], rtol=1e-13)

    def test_a_short_one_is_left_alone(self, theta):
        g = np.array([0.3, 0, 0.4, 0])
        found = theta - after(cr.GradientDescent(1.0, clip_norm=1.0), theta, [g])
        np.testing.assert_allclose(found, g, rtol=1e-13)

    def test_clip_value_holds_each_element(self, theta):
        found = theta - after(cr.GradientDescent(1.0, clip_value=0.5), theta, [np.array([3.0, -3.0, 0.2, -0.2])])
        np.testing.assert_allclose(found, [0.5, -0.5, 0.2, -0.2], rtol=1e-13)

    def test_values_are_clipped_before_the_norm(self, theta):
        optimizer = cr.GradientDescent(1.0, clip_value=1.0, clip_norm=1.0)
        found = theta - after(optimizer, theta, [np.array([100.0, -1.0, 1.0, 1.0])])
        np.testing.assert_allclose(found, [0.5, -0.5, 0.5, 0.5], rtol=1e-13)

    def test_the_penalty_is_clipped_too_and_weight_decay_is_not(self, theta, weights):
        optimizer = cr.GradientDescent(1.0, l2=1000.0, clip_value=0.1)
        found = theta - after(optimizer, theta, np.zeros((1, 4)), weights)
        np.testing.assert_allclose(found, [0.1, -0.1, 0, 0], rtol=1e-13)
        optimizer = cr.GradientDescent(1.0, weight_decay=0.5, clip_value=0.1)
        found = theta - after(optimizer, theta, np.zeros((1, 4)), weights)
        np.testing.assert_allclose(found, [0.25, -0.5, 0, 0], rtol=1e-13)

    def test_a_gradient_of_zeros_stays_one(self, theta):
        np.testing.assert_array_equal(after(cr.Adam(clip_norm=1.0), theta, np.zeros((1, 4))), theta)


class TestOptions:
    @pytest.mark.parametrize("kind", RULES)
    @pytest.mark.parametrize(
        "options",
        [
            {"learning_rate": -0.1},
            {"learning_rate": "fast"},
            {"learning_rate": None},
            {"learning_rate": float("nan")},
            {"learning_rate": float("inf")},
            {"learning_rate": np.sqrt},
            {"l2": -1},
            {"l2": "much"},
            {"weight_decay": -1},
            {"clip_norm": 0},
            {"clip_norm": -1.0},
            {"clip_value": 0},
            {"clip_value": "x"},
        ],
        ids=str,
    )
    def test_what_all_share_is_checked(self, kind, options):
        with pytest.raises(cr.OptionError, match="but must be a number"):
            kind(**options)

    @pytest.mark.parametrize("kind", RULES)
    @pytest.mark.parametrize("rate", [lambda epoch: 0.1, cr.schedules.Cosine])
    def test_a_learning_rate_that_is_a_function_is_told_of_schedules(self, kind, rate):
        with pytest.raises(
            cr.OptionError, match=r"or a schedule: give an object, .*own subclass of cr.schedules.Schedule"
        ):
            kind(rate)

    @pytest.mark.parametrize(
        ("kind", "options"),
        [
            (cr.GradientDescent, {"momentum": 1.0}),
            (cr.GradientDescent, {"momentum": -0.1}),
            (cr.RMSProp, {"rho": 1.0}),
            (cr.Adam, {"beta1": 1.0}),
            (cr.Adam, {"beta2": 1.5}),
            (cr.AdamW, {"beta2": -0.5}),
            (cr.LBFGS, {"l2": -1}),
            (cr.LBFGS, {"tolerance": -1}),
        ],
    )
    def test_numbers_out_of_range_are_refused_by_name(self, kind, options):
        with pytest.raises(cr.OptionError, match=f"{next(iter(options))} is .* but must be a number"):
            kind(**options)

    @pytest.mark.parametrize("kind", [cr.Adagrad, cr.RMSProp, cr.Adam, cr.AdamW])
    def test_epsilon_is_a_number_of_0_or_more(self, kind):
        for epsilon in (-1e-8, "small", float("nan"), None):
            with pytest.raises(cr.OptionError, match="epsilon"):
                kind(epsilon=epsilon)

    def test_arrays_are_no_numbers(self):
        with pytest.raises(cr.OptionError, match=r"learning.rate"):
            cr.Adam(np.array([0.1, 0.2]))

    @pytest.mark.parametrize("history", [0, 2.5, "ten"])
    def test_the_history_of_lbfgs_is_a_whole_number(self, history):
        with pytest.raises(cr.OptionError, match=r"history is .* whole number"):
            cr.LBFGS(history=history)

    def test_nesterov_needs_momentum(self):
        with pytest.raises(cr.OptionError, match="needs momentum > 0"):
            cr.GradientDescent(0.1, nesterov=True)

    def test_none_can_be_changed(self):
        with pytest.raises(AttributeError):
            cr.Adam().learning_rate = 5


class TestRates:
    def test_of_several_that_fit_the_last_counts(self):
        rates = {"*": 0, "W*": 0.5, "W2": 3.0}
        assert cr.Adam(rates=rates).rates_of(["W1", "b1", "W2"]) == {"W1": 0.5, "b1": 0, "W2": 3.0}
        assert cr.Adam().rates_of(["W1"]) is None

    def test_the_change_is_multiplied_that_of_momentum_too(self, theta, gradients, weights):
        rates = np.array([1.0, 0.5, 0.0, 2.0])
        for optimizer in (cr.AdamW(0.1), cr.GradientDescent(0.1, momentum=0.9, weight_decay=0.3)):
            slots = {name: np.zeros(4) for name in optimizer.slots}
            given = theta, gradients[0], weights, Hyperparameters.at(optimizer, 0), 1, slots
            plain, _ = optimizer.step(*given)
            found, _ = optimizer.step(*given, rates=rates)
            np.testing.assert_allclose(found, rates * plain)

    def test_what_is_frozen_may_have_any_gradient(self, theta):
        g, rates = np.array([np.inf, 1.0, np.nan, 3.0]), np.array([0.0, 1.0, 0.0, 1.0])
        optimizer, slots = cr.GradientDescent(0.1, clip_norm=1.0), {"v": np.zeros(4)}
        found, _ = optimizer.step(theta, g, 0.0, Hyperparameters.at(optimizer, 0), 1, slots, rates=rates)
        np.testing.assert_allclose(found, [0, 0.1 / 10**0.5, 0, 0.3 / 10**0.5])

    @pytest.mark.parametrize("rates", [0.1, ["W1"], {"W1": -1}, {"W1": "slow"}, {"W1": float("nan")}])
    def test_they_are_numbers_of_0_or_more_by_names(self, rates):
        with pytest.raises(cr.OptionError, match=r"rates? .*but must be a"):
            cr.Adam(rates=rates)

    @pytest.mark.parametrize("engine", ENGINES)
    def test_a_name_that_no_parameter_has_is_told_of_the_others(self, engine):
        if engine == "jax":
            pytest.importorskip("jax")
        net = cr.Network([cr.Dense(1)], input_shape=2)
        optimizer = cr.Adam(rates={"w1": 0.5})
        with pytest.raises(cr.OptionError, match=r"no parameter 'w1'. Did you mean 'W1'\? Known: W1, b1"):
            cr.train(net, np.ones((4, 2)), np.ones(4), loss="squared_error", optimizer=optimizer, engine=engine)

    def test_a_weight_decay_that_is_no_number_is_told_with_its_epoch(self):
        class OwnRise(Schedule):
            def __call__(self, epoch):
                return -epoch

        with pytest.raises(cr.OptionError, match=r"the weight decay that .* returns at epoch 2 is -2"):
            cr.AdamW(weight_decay=OwnRise()).decay(2)


class TestFinding:
    @pytest.mark.parametrize(("name", "kind"), OPTIMIZERS.items())
    def test_by_name(self, name, kind):
        assert find_optimizer(name) == kind()

    def test_an_object_is_itself(self):
        made = cr.Adam(0.1)
        assert find_optimizer(made) is made

    def test_an_unknown_name_lists_the_known(self):
        with pytest.raises(cr.OptionError, match=r"no optimizer 'adamm'. Did you mean 'adam'\? Known: adagrad, adam, "):
            find_optimizer("adamm")

    @pytest.mark.parametrize("given", [None, 0.1, cr.Adam, ["adam"]])
    def test_what_is_no_optimizer_is_refused(self, given):
        with pytest.raises(cr.OptionError, match="an optimizer is a name or an Optimizer"):
            find_optimizer(given)


@pytest.mark.parametrize(
    "optimizer",
    [
        cr.GradientDescent(0.1, momentum=0.9, nesterov=True, clip_value=2.0),
        cr.Adagrad(cr.schedules.InverseTime(0.1), epsilon=1e-6),
        cr.RMSProp(rho=0.5, l2=1e-3),
        cr.Adam(cr.schedules.WarmUp(cr.schedules.Cosine(0.01, 10)), clip_norm=1.0),
        cr.AdamW(weight_decay=0.1),
        cr.AdamW(weight_decay=cr.schedules.Cosine(0.1, 5), rates={"W*": 0.5, "b1": 0}),
        cr.LBFGS(l2=0.1, history=3),
    ],
    ids=repr,
)
def test_an_optimizer_comes_back_from_its_json(optimizer):
    assert from_config(json.loads(json.dumps(optimizer.to_config()))) == optimizer


def test_an_own_rule_is_one_method():
    class OwnSign(cr.Optimizer):
        def rule(self, g, alpha, update, **slots):
            return alpha * np.sign(g), slots

    theta = np.array([1.0, 1.0, 1.0])
    np.testing.assert_allclose(after(OwnSign(0.25), theta, [np.array([5.0, -0.1, 0.0])]), [0.75, 1.25, 1.0])
    assert from_config(json.loads(json.dumps(OwnSign(0.25).to_config()))) == OwnSign(0.25)


def test_an_optimizer_without_a_rule_says_so():
    class OwnIdleness(cr.Optimizer):
        pass

    with pytest.raises(NotImplementedError, match="OwnIdleness must define rule"):
        after(OwnIdleness(0.1), np.ones(2), [np.ones(2)])
