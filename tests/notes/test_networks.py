"""From the hidden layer to L layers, by building blocks with caches."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import notes

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((3, 6))
Y = np.array([[1.0, 0.0, 1.0, 1.0, 0.0, 0.0]])


def sigma(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize(
    ("g", "derivative", "value", "slope"),
    [
        (notes.sigmoid, notes.sigmoid_derivative, 1 / (1 + np.exp(-0.7)), sigma(0.7) * (1 - sigma(0.7))),
        (notes.tanh, notes.tanh_derivative, np.tanh(0.7), 1 - np.tanh(0.7) ** 2),
        (notes.relu, notes.relu_derivative, 0.7, 1),
        (notes.leaky_relu, notes.leaky_relu_derivative, 0.7, 1),
    ],
)
def test_activations_and_their_derivatives(g, derivative, value, slope):
    assert g(0.7) == pytest.approx(value)
    assert derivative(0.7) == pytest.approx(slope)
    z = np.linspace(-3, 3, 13) + 0.01
    np.testing.assert_allclose(derivative(z), (g(z + 1e-6) - g(z - 1e-6)) / 2e-6, rtol=1e-7, atol=1e-9)


def test_derivatives_at_zero_and_the_plot_of_all_four():
    assert notes.relu_derivative(0.0) == 0
    assert notes.leaky_relu_derivative(0.0) == pytest.approx(0.01)
    assert [axes.get_title() for axes in notes.plot_activations().axes] == ["sigmoid", "tanh", "relu", "leaky relu"]


def test_the_three_forms_of_the_hidden_layer_give_the_same():
    parameters = notes.initialize((3, 4, 1), scale=1.0, seed=1)
    all_at_once = notes.hidden_layer.over_examples(X, parameters)
    A1 = np.tanh(parameters["W1"] @ X + parameters["b1"])
    np.testing.assert_allclose(all_at_once, sigma(parameters["W2"] @ A1 + parameters["b2"]), rtol=1e-13)
    for i in range(6):
        x = X[:, i : i + 1]
        np.testing.assert_allclose(notes.hidden_layer.by_neuron(x, parameters), all_at_once[:, i : i + 1], rtol=1e-13)
        np.testing.assert_allclose(notes.hidden_layer.by_matrix(x, parameters), all_at_once[:, i : i + 1], rtol=1e-13)


def test_initialize_draws_the_numbers_of_numpys_random_state():
    parameters = notes.initialize((3, 2, 1), seed=1)
    random = np.random.RandomState(1)
    np.testing.assert_array_equal(parameters["W1"], 0.01 * random.randn(2, 3))
    np.testing.assert_array_equal(parameters["W2"], 0.01 * random.randn(1, 2))
    assert parameters["b1"].shape == (2, 1)
    assert not notes.initialize((3, 2), "zeros")["W1"].any()
    he = notes.initialize((1000, 50), "he")["W1"]
    assert he.std() == pytest.approx((2 / 1000) ** 0.5, rel=0.02)
    with pytest.raises(cr.OptionError, match="Known: he, lecun, random, zeros"):
        notes.initialize((3, 2), "hee")


def test_from_zeros_the_hidden_units_stay_identical_and_from_random_numbers_they_do_not():
    found = notes.show_symmetry(iterations=300)
    assert np.abs(found.zeros).max() > 1e-3
    assert (found.zeros == found.zeros[0]).all()
    assert not np.allclose(found.random, found.random[0], atol=0.1)
    assert "all rows the same" in str(found)


def test_the_building_blocks_return_what_the_notes_say():
    A_prev, W, b = X, RANDOM.standard_normal((4, 3)), RANDOM.standard_normal((4, 1))
    Z, cache = notes.linear_forward(A_prev, W, b)
    np.testing.assert_allclose(Z, W @ A_prev + b, rtol=1e-13)
    assert [part.shape for part in cache] == [(3, 6), (4, 3), (4, 1)]
    A, (linear_cache, Z_kept) = notes.activation_forward(A_prev, W, b, "relu")
    np.testing.assert_allclose(A, np.maximum(0, Z))
    np.testing.assert_array_equal(Z_kept, Z)
    dZ = RANDOM.standard_normal((4, 6))
    dA_prev, dW, db = notes.linear_backward(dZ, linear_cache)
    np.testing.assert_allclose(dA_prev, W.T @ dZ, rtol=1e-12)
    np.testing.assert_allclose(dW, dZ @ A_prev.T / 6, rtol=1e-12)
    np.testing.assert_allclose(db, dZ.sum(axis=1, keepdims=True) / 6, rtol=1e-12)
    for mine, theirs in zip(
        notes.activation_backward(dZ, (linear_cache, Z), "relu"),
        notes.linear_backward(dZ * (Z > 0), linear_cache),
        strict=True,
    ):
        np.testing.assert_allclose(mine, theirs)


def test_the_cost_by_hand():
    AL = np.array([[0.8, 0.9, 0.4]])
    assert notes.cost(AL, [[1, 1, 0]]) == pytest.approx(-(np.log(0.8) + np.log(0.9) + np.log(0.6)) / 3)
    assert notes.cost([[0.2, 0.7], [0.8, 0.3]], [[0, 1], [1, 0]]) == pytest.approx(-(np.log(0.8) + np.log(0.7)) / 2)
    assert np.isfinite(notes.cost([[0.0, 1.0]], [[1, 0]]))


@pytest.mark.parametrize(
    ("sizes", "activations"),
    [
        ((3, 1), None),
        ((3, 4, 1), None),
        ((3, 4, 3, 1), ("tanh", "leaky_relu", "sigmoid")),
        ((3, 5, 2), ("tanh", "softmax")),
        ((3, 4, 1), ("sigmoid", "sigmoid")),
    ],
)
def test_backward_agrees_with_central_differences(sizes, activations):
    parameters = notes.initialize(sizes, "he", seed=3)
    targets = Y if sizes[-1] == 1 else np.vstack([Y, 1 - Y])
    AL, caches = notes.forward(X, parameters, activations)
    gradients = notes.backward(AL, targets, caches, activations)
    assert set(gradients) == {f"d{n}{l}" for l in range(1, len(sizes)) for n in "Wb"} | {
        f"dA{l}" for l in range(len(sizes) - 1)
    }
    for name, value in parameters.items():
        for place in np.ndindex(value.shape):
            J = []
            for step in (1e-5, -1e-5):
                value[place] += step
                J.append(notes.cost(notes.forward(X, parameters, activations)[0], targets))
                value[place] -= step
            assert gradients[f"d{name}"][place] == pytest.approx((J[0] - J[1]) / 2e-5, rel=1e-6, abs=1e-9)
    assert gradients["dA0"].shape == X.shape


def test_the_shortcut_equals_the_full_product():
    parameters = notes.initialize((3, 4, 1), "he", seed=3)
    AL, caches = notes.forward(X, parameters)
    dAL = -Y / AL + (1 - Y) / (1 - AL)
    _, dW, db = notes.activation_backward(dAL, caches[-1], "sigmoid")
    gradients = notes.backward(AL, Y, caches)
    np.testing.assert_allclose(gradients["dW2"], dW, rtol=1e-10)
    np.testing.assert_allclose(gradients["db2"], db, rtol=1e-10)


def test_a_trained_network_prints_in_one_line():
    found = notes.train(X, Y, (3, 4, 1), 0.5, 2)
    text = f"3 → 4 relu → 1 sigmoid; J from {found.costs[0]:.4f} to {found.costs[1]:.4f} in 2 iterations"
    assert str(found) == text
    assert "no iterations" in str(notes.train(X, Y, (3, 4, 1), 0.5, 0))


def test_update_returns_new_arrays():
    parameters = {"W1": np.ones((1, 2)), "b1": np.zeros((1, 1))}
    found = notes.update(parameters, {"dW1": np.array([[1.0, 2.0]]), "db1": np.array([[3.0]])}, 0.1)
    np.testing.assert_allclose(found["W1"], [[0.9, 0.8]])
    np.testing.assert_allclose(found["b1"], [[-0.3]])
    assert (parameters["W1"] == 1).all()


def test_training_agrees_with_the_librarys_own_loop():
    parameters = notes.initialize((3, 4, 1), "he", seed=5)
    found = notes.train(X, Y, (3, 4, 1), 0.5, 20, parameters=parameters)
    net = cr.Network([cr.Dense(4, "relu"), cr.Dense(1, "sigmoid")], dtype="float64", input_shape=3)
    net.set_parameters({name: value[:, 0] if name[0] == "b" else value for name, value in parameters.items()})
    history = cr.train(
        net,
        X.T,
        Y[0],
        loss="binary_cross_entropy",
        optimizer=cr.GradientDescent(0.5),
        epochs=20,
        batch_size=None,
        progress=False,
    )
    np.testing.assert_allclose(found.costs, history["loss"], rtol=1e-12)
    np.testing.assert_allclose(found.parameters["W1"], net.parameters["W1"], rtol=1e-10)


def test_the_first_costs_of_the_published_cat_networks(real_data):
    cats = real_data("cats.npz")
    A, labels = cats["train_x"].reshape(209, -1).T / 255, cats["train_y"]
    shallow = notes.train(A, labels, (12288, 7, 1), 0.0075, 3, method="random", seed=1)
    deep = notes.train(A, labels, (12288, 20, 7, 5, 1), 0.0075, 3, method="lecun", seed=1)
    assert shallow.costs[0] == pytest.approx(0.693049735659989, rel=1e-12)
    assert deep.costs[0] == pytest.approx(0.771749, abs=1e-6)


def test_parity_needs_a_hidden_layer_and_both_shapes_learn_it():
    bits, odd = notes.parity(3)
    assert bits.shape == (3, 8)
    np.testing.assert_array_equal(odd, [[0, 1, 1, 0, 1, 0, 0, 1]])
    found = notes.why_deep((2, 3), widest=4, starts=4)
    assert [row["bits"] for row in found.rows] == [2, 3]
    assert all(row["shallow"] and row["deep"] for row in found.rows)
    assert found.rows[0]["shallow"] == (2,)


@pytest.mark.parametrize("k", [1, 2, 6])
def test_two_units_in_each_of_k_layers_make_the_sawtooth_that_one_layer_needs_exponentially_many_for(k):
    x = np.arange(2**k + 1)[None, :] / 2**k
    for parameters, units in ((notes.sawtooth(k), [2] * k), (notes.sawtooth(k, deep=False), [2**k])):
        A, _ = notes.forward(x, parameters, ["relu"] * len(units) + ["identity"])
        np.testing.assert_array_equal(A[0], np.arange(2**k + 1) % 2)
        assert [len(parameters[f"b{l + 1}"]) for l in range(len(units))] == units
    with pytest.raises(cr.OptionError, match="k is 0"):
        notes.sawtooth(0)


@pytest.mark.parametrize(
    "name", ["alpha", "iterations", "layers", "units", "activation", "momentum", "batch_size", "regularization"]
)
def test_each_hyperparameter_has_an_experiment(name):
    values = {"activation": ["sigmoid", "relu"], "batch_size": [64, None], "momentum": [0.0, 0.9]}.get(name, [1, 2])
    if name in ("alpha", "regularization"):
        values = [0.01, 0.1]
    found = notes.effect_of(name, values, epochs=2)
    assert len(found.histories) == 2
    assert found.histories[0]["loss"] != found.histories[1]["loss"]
    assert len(found.plot().axes) == 2
    header, *rows = str(found).splitlines()
    assert header.startswith(name)
    assert {row.index(".", len(name)) for row in rows} == {header.index("J") + 1}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: notes.train(X, Y, (4, 1), 0.1, 1), "must go from n_x = 3 to n_y = 1"),
        (lambda: notes.forward(X, {"W1": np.zeros((1, 3))}), "b1 is missing"),
        (lambda: notes.forward(X, notes.initialize((3, 4, 1)), ["relu"]), "2 layers, but 1 activations"),
        (lambda: notes.forward(X, notes.initialize((3, 1)), ["sigmod"]), "Did you mean 'sigmoid'"),
        (lambda: notes.forward(X[:2], notes.initialize((3, 1))), r"layer 1: W A_prev: W is \(1, 3\)"),
        (lambda: notes.effect_of("alfa"), "no hyperparameter 'alfa'. Did you mean 'alpha'"),
    ],
)
def test_bad_input_is_answered(call, words):
    with pytest.raises(cr.ChainruleError, match=words):
        call()


def test_training_refuses_a_last_layer_that_the_cost_cannot_read():
    X, Y = np.ones((3, 2)), np.array([[0.0, 1.0]])
    for last in ("identity", "softmax"):
        with pytest.raises(cr.OptionError, match=f"the last activation is '{last}'"):
            notes.train(X, Y, (3, 4, 1), 0.1, 5, activations=("relu", last))


def test_training_that_runs_away_says_so_without_warnings():
    with pytest.raises(cr.NotFiniteError, match="smaller alpha"):
        notes.train(np.array([[1e200, -1e200]]), [[0.0, 1.0]], (1, 4, 1), 1e200, 50)


def test_messages_name_the_argument_that_was_given():
    with pytest.raises(cr.ShapeError, match=r"^AL is \(1, 3\)"):
        notes.cost(np.full((1, 3), 0.5), np.ones((1, 2)))
    with pytest.raises(cr.ShapeError, match=r"as a column b.reshape\(-1, 1\)"):
        notes.linear_forward(np.ones((3, 2)), np.ones((4, 3)), np.zeros(4))


def test_a_network_of_the_notes_is_one_of_chainrule():
    found = notes.train(X, Y, (3, 4, 1), alpha=0.5, iterations=5, activations=("tanh", "sigmoid"))
    net = found.to_network()
    np.testing.assert_allclose(net.predict(X.T).T, found.output(X), atol=1e-12)
    assert cr.draw(net, X.T[:1], neurons=True).diagram.counted == "8 units, 16 weights"
    one = notes.logistic_regression(X, Y, alpha=0.5, iterations=5)
    np.testing.assert_allclose(one.to_network().predict(X.T).T, notes.predict(one.w, one.b, X), atol=1e-12)
