"""How a page lays arrays out: examples, and the steps of sequences, are columns; names are given once."""

import functools
import re
import sys

import numpy as np
import pytest

import chainrule as cr
from chainrule.derivation.formula import text
from chainrule.derivation.record import record
from derivation.test_derive import formulas, gradients_named_as_on_the_page, numbers

RNG = np.random.default_rng(0)


class DerivedByRows(cr.Layer):
    def forward(self, A):
        return A @ self.parameter("W", (A.shape[-1], 2), "he")


class DerivedGram(cr.Layer):
    def forward(self, A):
        return A @ (A.T @ A) - A.mean(axis=0)


def own(forward, **parameters):
    """A layer that computes forward(A, **parameters)."""

    class DerivedOwn(cr.Layer):
        def forward(self, A):
            return forward(A, **{name: self.parameter(name, shape, "random") for name, shape in parameters.items()})

    return DerivedOwn()


def check_gradients(net, X, y, loss, page):
    for name, gradient in gradients_named_as_on_the_page(net, X, y, loss):
        np.testing.assert_allclose(numbers(page)[name], gradient, atol=1e-12)


class TestSequences:
    net = cr.Network([cr.Dense(3, "tanh"), cr.Dense(2, "softmax")], seed=0, input_shape=(3, 2))
    X, y = RNG.normal(size=(2, 3, 2)), RNG.integers(0, 2, (2, 3))

    def test_the_steps_of_all_examples_are_columns(self):
        page = cr.derive(self.net, self.X, self.y)
        found = numbers(page)
        np.testing.assert_array_equal(found["A^[0]"], self.X.reshape(6, 2).T)
        Y = np.eye(2)[self.y.ravel()].T
        np.testing.assert_allclose(found["dZ^[2]"], found["Aⱼ^[2]"] - Y)
        np.testing.assert_allclose(found["db^[2]"], found["dZ^[2]"].mean(axis=1, keepdims=True))
        np.testing.assert_allclose(found["J"], -np.mean(np.log(found["Aⱼ^[2]"].T[range(6), self.y.ravel()])))
        check_gradients(self.net, self.X, self.y, "cross_entropy", page)

    def test_the_legend_says_so(self):
        assert any("m counts the steps of all examples" in sentence for sentence in cr.derive(self.net).legend)

    def test_shapes_count_them_too(self):
        assert "(3, m) = (3, 2)(2, m) + (3, 1)" in cr.derive(self.net).text


def calls(function):
    """How many functions of Python are called while one runs, and what it returns."""
    count = 0

    def counted(frame, event, argument):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        found = function()
    finally:
        sys.setprofile(before)
    return count, found


class TestByRows:
    def test_the_page_has_the_transpose(self):
        net, X, y = cr.Network([DerivedByRows(), cr.Dense(1)], seed=0, input_shape=3), RNG.normal(size=(3, 3)), [1] * 3
        page = cr.derive(net, X, y)
        lines = formulas(page)
        assert {"Z^[1] = W^[1]ᵀ A^[0]", "dW^[1] = 1/m A^[0] dZ^[1]ᵀ"} <= set(lines)
        found = numbers(page)
        np.testing.assert_allclose(found["Z^[1]"], found["W^[1]"].T @ found["A^[0]"])
        np.testing.assert_allclose(found["dW^[1]"], found["A^[0]"] @ found["dZ^[1]"].T / 3)
        check_gradients(net, X, y, "squared_error", page)

    def test_of_sequences_they_are_one_product_for_each_example(self):
        net = cr.Network([DerivedByRows(), cr.Flatten(), cr.Dense(1)], seed=0, input_shape=(4, 3))
        X = RNG.normal(size=(2, 4, 3))
        page = cr.derive(net, X, [1, 0])
        assert {"Z^[1] = A^[0] W^[1]", "dW^[1] = 1/m Σᵢ A^[0](i)ᵀ dZ^[1](i)"} <= set(formulas(page))
        dZ = numbers(page)["dA^[1]"].T.reshape(2, 4, 2)
        np.testing.assert_allclose(numbers(page)["dW^[1]"], np.mean([X[i].T @ dZ[i] for i in range(2)], axis=0))

    def test_a_matrix_of_features_by_features_is_not_of_examples_whatever_m_is(self):
        net = cr.Network([cr.Dense(2), DerivedGram(), cr.Dense(1)], seed=0, input_shape=3)
        for page in (cr.derive(net, RNG.normal(size=(2, 3)), [1, 0]), cr.derive(net)):
            assert "A^[1.5] = 1/m Σᵢ A^[1](i)" in formulas(page)
            assert {"A^[1.2] = A^[1]", "A^[1.3] = A^[1.2] A^[1]ᵀ"} <= set(formulas(page))
            assert "(2, 2) = (2, m)(m, 2)" in page.text


class TestNames:
    def test_what_a_layer_makes_again_is_counted(self):
        net = cr.Network([own(lambda A, s: A * s * s * s, s=(3,)), cr.Dense(1)], seed=0, input_shape=3)
        assert {"Z^[1.3] = Z^[1.2] ⊙ s^[1]", "ds^[1]"} <= {*formulas(cr.derive(net)), "ds^[1]"}

    def test_the_work_for_many_steps_grows_with_their_number(self):
        def page_of(count):
            def steps(A, s):
                for _ in range(count):
                    A = A * s
                return A

            return cr.derive(cr.Network([own(steps, s=(2,)), cr.Dense(1)], seed=0, input_shape=2))

        few, _ = calls(lambda: page_of(20).text)
        many, text = calls(lambda: page_of(80).text)
        assert many < 5 * few  # a square would be 16 times as many
        assert len(text) < 40_000
        assert "Z^[1.80] = Z^[1.79] ⊙ s^[1]" in text

    def test_the_symbols_of_a_formula_count_as_given(self):
        layers = [cr.Masking(), cr.Embedding(9, 4), cr.LSTM(4, bidirectional=True, layers=2, last=True), cr.Dense(2)]
        page = cr.derive(cr.Network(layers, seed=0), np.array([[1, 2, 0], [3, 0, 0]]))
        lines = [line for one in page.sections for line in one.lines if one.part != "Update" and not line.continued]
        lefts = [text(line.formula).split(" = ")[0] for line in lines]
        assert len(lefts) == len(set(lefts))
        names = {re.sub("[ₜₖⱼ]|_{t,[1-4]}", "", left) for left in lefts}
        # each dZₜ comes as a whole and in four parts; of the last layer A and dA, and Aₜ and dAₜ
        assert len(names) == len(lefts) - 4 * 4 - 2 * 2
        assert {"Z^[2.3] = [A^[2], A^[2.2]]", "Zₜ^[3] = W^[3] Zₜ^[2.3] + U^[3] A_{t−1}^[3] + b^[3]"} <= set(
            formulas(page)
        )
        assert "dZₜ^[2.3] = Wr^[3]ᵀ dZₜ^[3.2] + W^[3]ᵀ dZₜ^[3]" in formulas(page)

    @pytest.mark.parametrize("activation", [lambda Z: Z * cr.ops.sigmoid(1.5 * Z), lambda Z: cr.ops.exp(-(Z**2))])
    def test_an_own_activation_ends_in_the_A_of_its_layer(self, activation):
        page = cr.derive(cr.Network([cr.Dense(4, activation), cr.Dense(2)], seed=0, input_shape=3))
        lefts = [line.split(" = ")[0] for line in formulas(page)]
        assert lefts[:6] == ["A^[0]", "Z^[1]", "Z^[1.2]", "Z^[1.3]", "A^[1]", "Z^[2]"]
        assert "Z^[2] = W^[2] A^[1] + b^[2]" in formulas(page)

    def test_a_parameter_keeps_its_name_and_the_node_is_counted(self):
        net = cr.Network([own(lambda A, Z: A * Z, Z=(3,)), cr.Dense(1)], seed=0, input_shape=3)
        assert "Z^[1.2] = A^[0] ⊙ Z^[1]" in formulas(cr.derive(net))

    def test_an_exponent_that_is_called_T_is_no_transpose(self):
        layer = own(lambda A, T: cr.ops.exp(A) ** T, T=(3,))
        page = cr.derive(cr.Network([layer, cr.Dense(1)], seed=0, input_shape=3))
        assert "{(Z^{[1]})}^{T^{[1]}}" in page.latex

    def test_the_input_of_an_identity_keeps_its_name(self):
        net = cr.Network([cr.Embedding(5, 2), cr.Activation("identity"), cr.Flatten(), cr.Dense(1)], input_shape=2)
        trace = record(net)
        node = next(node for node in trace.nodes if node.operation.name == "identity")
        assert trace.variable(node.inputs[0].value) is node.inputs[0]

    def test_an_array_without_a_name_is_an_error(self):
        with pytest.raises(cr.GraphError, match=r"shape \(2, 2\) has no name"):
            record(TestSequences.net).name(np.ones((2, 2)))

    def test_nodes_come_in_the_order_in_which_they_were_computed(self):
        layer = own(lambda A: cr.ops.tanh(A) + cr.ops.exp(A))
        made = [node.operation.name for node in record(cr.Network([layer, cr.Dense(1)], input_shape=3)).nodes]
        assert made[:3] == ["tanh", "exp", "add"]


class TestRecurrences:
    def lines(self, *layers, X=None, shape=None):
        return formulas(cr.derive(cr.Network([*layers, cr.Dense(2)], seed=0, input_shape=shape), X))

    def test_what_is_read_from_the_end_comes_from_the_step_behind(self):
        lines = self.lines(cr.LSTM(4, bidirectional=True), shape=(5, 2))
        assert {
            "Cₜ^[1] = Fₜ^[1] ⊙ C_{t−1}^[1] + Iₜ^[1] ⊙ Gₜ^[1]",
            "Cₜ^[1.2] = Fₜ^[1.2] ⊙ C_{t+1}^[1.2] + Iₜ^[1.2] ⊙ Gₜ^[1.2]",
            "dHₜ^[1] = dAₜ^[1] + U^[1]ᵀ dZ_{t+1}^[1]",
            "dHₜ^[1.2] = dAₜ^[1.2] + Ur^[1]ᵀ dZ_{t−1}^[1.2]",
        } <= set(lines)

    def test_the_mask_stands_in_the_formulas(self):
        X = np.array([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]])[..., None]
        lines = self.lines(cr.Masking(), cr.GRU(2, last=True), X=X)
        assert {
            "Mₜ^[1] = [Aₜ^[0] ≠ 0]",
            "Aₜ^[1] = Mₜ^[1] ⊙ (1 − Gₜ^[1]) ⊙ Nₜ^[1] + Mₜ^[1] ⊙ Gₜ^[1] ⊙ A_{t−1}^[1] + [Mₜ^[1] = 0] ⊙ A_{t−1}^[1]",
            "dZ_{t,3}^[1] = Mₜ^[1] ⊙ dHₜ^[1] ⊙ (1 − Gₜ^[1]) ⊙ (1 − (Nₜ^[1])²)",
        } <= set(lines)


class TestTargets:
    net = cr.Network([cr.Dense(3, "softmax")], seed=0, input_shape=2)
    X, y = RNG.normal(size=(2, 2)), [0, 2]

    def test_labels_are_shown_as_the_formulas_use_them(self):
        found = numbers(cr.derive(self.net, self.X, self.y))
        np.testing.assert_array_equal(found["Y"], [[1, 0], [0, 0], [0, 1]])
        np.testing.assert_allclose(found["dZ^[1]"], found["Aⱼ^[1]"] - found["Y"])

    def test_smoothed_labels_too_and_the_page_says_so(self):
        loss = functools.partial(cr.ops.cross_entropy, label_smoothing=0.3)
        page = cr.derive(self.net, self.X, self.y, loss)
        found = numbers(page)
        np.testing.assert_allclose(found["Y"], [[0.8, 0.1], [0.1, 0.1], [0.1, 0.8]])
        np.testing.assert_allclose(found["dZ^[1]"], found["Aⱼ^[1]"] - found["Y"])
        assert "Y stands for the smoothed labels: label_smoothing = 0.3." in page.text
        assert "Y stands for the smoothed labels: label_smoothing = 0.3." in cr.derive(self.net, loss=loss).text

    def test_binary_ones_too(self):
        net = cr.Network([cr.Dense(1, "sigmoid")], seed=0, input_shape=2)
        loss = functools.partial(cr.ops.binary_cross_entropy, label_smoothing=0.2)
        found = numbers(cr.derive(net, self.X, [0, 1], loss))
        np.testing.assert_allclose(found["Y"], [[0.1, 0.9]])
        np.testing.assert_allclose(found["dZ^[1]"], found["A^[1]"] - found["Y"])

    def test_weights_stand_in_the_formulas(self):
        w = np.array([1.0, 3.0])
        page = cr.derive(self.net, self.X, self.y, lambda A, Y: cr.ops.cross_entropy(A, Y, w))
        assert {"J = −1/m Σᵢ w^(i) Σⱼ Yⱼ^(i) ln Aⱼ^[1](i)", "dZ^[1] = w ⊙ (A^[1] − Y)"} <= set(formulas(page))
        found = numbers(page)
        np.testing.assert_array_equal(found["w"], [w])
        np.testing.assert_allclose(found["dZ^[1]"], w * (found["Aⱼ^[1]"] - found["Y"]))


class TestCosts:
    X, Y = RNG.normal(size=(2, 3)), np.ones((2, 2))
    net = cr.Network([cr.Dense(2)], seed=0, input_shape=3)

    def test_a_symbol_of_a_backward_formula_is_told(self):
        lines = formulas(cr.derive(self.net, loss=lambda A, Y: cr.ops.softmax_cross_entropy(A, Y)))
        at = lines.index("A = softmax(A^[1])")
        assert lines[at + 1] == "dA^[1] = A − Y"

    def test_m_is_cancelled_where_the_loss_is_not_last(self):
        page = cr.derive(self.net, self.X, self.Y, lambda A, Y: 2.0 * cr.ops.squared_error(A, Y))
        assert "dA^[1] = dv₁ (A^[1] − Y)" in formulas(page)

    def test_constants_have_a_line(self):
        other = np.array([[1.0, 2.0], [3.0, 4.0]])
        page = cr.derive(self.net, self.X, self.Y, lambda A, Y: cr.ops.squared_error(A, other))
        np.testing.assert_array_equal(numbers(page)["c₁"], other.T)
        page = cr.derive(cr.Network([own(lambda A: A * np.ones(3)), cr.Dense(1)], input_shape=3))
        assert any("c₁" in line and "(3, 1)" in line for line in page.text.splitlines())

    def test_the_loss_that_the_page_assumes_is_told(self):
        assumed = "no loss is given: squared_error is assumed"
        assert assumed in cr.derive(self.net).text
        assert assumed not in cr.derive(self.net, loss="squared_error").text


class TestSums:
    def lines(self, layer, n=3):
        return formulas(cr.derive(cr.Network([layer, cr.Dense(1)], seed=0, input_shape=n)))

    def test_over_examples_the_summands_have_their_i(self):
        lines = self.lines(own(lambda A, s: A * s, s=(3,)))
        assert "ds^[1] = 1/m Σᵢ dZ^[1](i) ⊙ A^[0](i)" in lines

    def test_over_features_they_have_another_letter(self):
        lines = self.lines(own(lambda A, s: A * s, s=(1,)))
        assert "ds^[1] = 1/m Σᵢ Σⱼ dZⱼ^[1](i) ⊙ Aⱼ^[0](i)" in lines

    def test_a_mean_over_features_knows_their_number(self):
        lines = self.lines(own(lambda A, s: (A * s) - A.mean(axis=1, keepdims=True), s=(3,)))
        assert "Z^[1.2] = 1/3 Σₖ Aₖ^[0]" in lines


class TestSpelling:
    def test_keys_are_written_as_typed(self):
        layer = own(lambda A, s: (A * s)[:, 1:3], s=(3,))
        assert "Z^[1.2] = Z_{:,1:3}^[1]" in formulas(cr.derive(cr.Network([layer, cr.Dense(1)], input_shape=3)))

    def test_no_bound_is_infinity(self):
        layer = own(lambda A, s: cr.ops.clip(A * s, low=-0.5), s=(3,))
        assert "Z^[1.2] = min(max(Z^[1], (−0.5)), ∞)" in formulas(
            cr.derive(cr.Network([layer, cr.Dense(1)], input_shape=3))
        )

    def test_rounding_is_no_number(self):
        net = cr.Network([cr.Dense(1, "sigmoid")], seed=0, input_shape=2)
        net.set_parameters({"W1": [[0.5, -1.0]], "b1": [0.25]})
        page = cr.derive(net, [[1.0, 2.0], [3.0, 0.5]], [0, 1])
        assert "e-17" not in page.text
        assert "10^{-17}" not in page.latex

    @pytest.mark.parametrize(
        ("axis", "said"),
        [(0, "the examples"), (1, "the steps"), (2, "the features"), ((0, 1), "the examples and the steps")],
    )
    def test_axes_that_no_formula_mentions_are_named(self, axis, said):
        layer = own(lambda A, s: A * s - (A * s).mean(axis=axis, keepdims=True), s=(3,))
        assert f"Along {said}." in cr.derive(cr.Network([layer, cr.Dense(1)], input_shape=(4, 3))).text

    def test_options_that_no_formula_mentions_are_named(self):
        page = cr.derive(cr.Network([cr.Conv1D(2, 3, stride=2, padding="same")], input_shape=(5, 1)))
        assert "stride = 2, padding = same." in page.text

    def test_titles_do_not_differ_between_runs(self):
        layers = [cr.Dense(2, functools.partial(cr.ops.elu, alpha=0.5)), cr.Dense(2, cr.ops.tanh), DerivedOf(abs_)]
        text = cr.derive(cr.Network(layers, input_shape=2)).text
        assert "layer 1, Dense(2, elu(alpha=0.5))" in text
        assert "layer 2, Dense(2, tanh)" in text
        assert "DerivedOf(abs_) after layer 2" in text


def abs_(A):
    return cr.ops.abs(A)


class DerivedOf(cr.Layer):
    def __init__(self, function):
        self.function = function

    def forward(self, A):
        return self.function(A)
