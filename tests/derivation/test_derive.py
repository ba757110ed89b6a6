"""The page of a network: which lines stand on it, and which numbers."""

import functools
import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.derivation.formula import text
from chainrule.derivation.sections import around_equals
from chainrule.graph import OPERATIONS, operation
from chainrule.ops import ACTIVATIONS, LOSSES
from derivation.networks import three_four_one, twelve_layers

PAGE_OF_THE_NOTES = """\
The derivation
The m examples are columns. As in the notes, dZ and dA are m times the derivatives of J; \
the derivatives by parameters are those of J.
⊙ multiplies element by element.
[…] is 1 where the condition in it holds, and 0 elsewhere.

Forward
  the input
    A^[0] = X                              (3, m)
  layer 1, Dense(4, "relu")
    Z^[1] = W^[1] A^[0] + b^[1]            (4, m) = (4, 3)(3, m) + (4, 1)
    A^[1] = max(0, Z^[1])                  (4, m)
  layer 2, Dense(1, "sigmoid")
    Z^[2] = W^[2] A^[1] + b^[2]            (1, m) = (1, 4)(4, m) + (1, 1)
    A^[2] = σ(Z^[2]) = 1/(1 + e^(−Z^[2]))  (1, m)

Cost
  no loss is given: binary_cross_entropy is assumed
    Y                                      (1, m)
    J = −1/m Σᵢ (Y^(i) ln A^[2](i) + (1 − Y^(i)) ln(1 − A^[2](i)))

Backward
  layer 2, Dense(1, "sigmoid")
    dZ^[2] = A^[2] − Y                     (1, m)
      The shortcut: binary_cross_entropy and sigmoid in one step.
    dW^[2] = 1/m dZ^[2] A^[1]ᵀ             (1, 4) = (1, m)(m, 4)
    db^[2] = 1/m Σᵢ dZ^[2](i)              (1, 1)
    dA^[1] = W^[2]ᵀ dZ^[2]                 (4, m) = (4, 1)(1, m)
  layer 1, Dense(4, "relu")
    dZ^[1] = dA^[1] ⊙ [Z^[1] > 0]          (4, m)
    dW^[1] = 1/m dZ^[1] A^[0]ᵀ             (4, 3) = (4, m)(m, 3)
    db^[1] = 1/m Σᵢ dZ^[1](i)              (4, 1)

Update
  gradient descent, α is the learning rate
    W^[1] := W^[1] − α dW^[1]
    b^[1] := b^[1] − α db^[1]
    W^[2] := W^[2] − α dW^[2]
    b^[2] := b^[2] − α db^[2]
"""


def formulas(page):
    """The lines of the page as text, without shapes and numbers."""
    return [text(line.formula) for section in page.sections for line in section.lines]


def numbers(page):
    """The numbers of the page by what they are called."""
    lines = (line for section in page.sections for line in section.lines if line.numbers is not None)
    return {text(around_equals(line.formula)[0]): line.numbers for line in lines}


def gradients_named_as_on_the_page(net, X, y, loss, **options):
    _, gradients = cr.gradients(net.copy("float64"), X, y, loss=loss, **options)
    greek = {"gamma": "γ", "beta": "β"}
    for name, gradient in gradients.items():
        base, l = re.fullmatch(r"d(\D+)(\d+)", name).groups()
        yield f"d{greek.get(base, base)}^[{l}]", gradient.reshape(len(gradient), -1)


@pytest.fixture
def X():
    return np.random.default_rng(1).normal(size=(2, 3))


@pytest.fixture
def y():
    return np.array([0, 1])


class TestThePageOfTheNotes:
    def test_line_for_line(self):
        assert cr.derive(three_four_one()).text == PAGE_OF_THE_NOTES

    def test_the_numbers_forward(self, X, y):
        net, found = three_four_one(), numbers(cr.derive(three_four_one(), X, y))
        W1, b1, W2, b2 = (value.astype(float) for value in net.parameters.values())
        Z1 = W1 @ X.T + b1[:, None]
        A1 = np.maximum(Z1, 0)
        A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2[:, None])))
        J = -np.mean(y * np.log(A2) + (1 - y) * np.log(1 - A2))
        for name, expected in {"A^[0]": X.T, "Z^[1]": Z1, "A^[1]": A1, "A^[2]": A2, "Y": y[None], "J": J}.items():
            np.testing.assert_allclose(found[name], expected)

    def test_the_numbers_of_nodes_backward_are_those_of_each_example(self, X, y):
        net, found = three_four_one(), numbers(cr.derive(three_four_one(), X, y))
        dZ2 = found["A^[2]"] - y
        dA1 = net.parameters["W2"].astype(float).T @ dZ2
        np.testing.assert_allclose(found["dZ^[2]"], dZ2)
        np.testing.assert_allclose(found["dA^[1]"], dA1)
        np.testing.assert_allclose(found["dZ^[1]"], dA1 * (found["Z^[1]"] > 0))

    def test_the_numbers_of_parameters_are_the_gradient(self, X, y):
        net, found = three_four_one(), numbers(cr.derive(three_four_one(), X, y))
        for name, gradient in gradients_named_as_on_the_page(net, X, y, "binary_cross_entropy"):
            np.testing.assert_allclose(found[name], gradient)

    def test_the_text_shows_them_to_four_digits(self, X, y):
        page = cr.derive(three_four_one(), X, y)
        written = page.text[page.text.index("dZ^[2] =") :].splitlines()[1]
        assert written.strip() == "= [{:.4g}  {:.4g}]".format(*numbers(page)["dZ^[2]"].ravel())

    def test_without_y_the_numbers_end_with_the_output(self, X):
        assert set(numbers(cr.derive(three_four_one(), X))) == {
            *("A^[0]", "W^[1]", "b^[1]", "Z^[1]", "A^[1]", "W^[2]", "b^[2]", "Z^[2]", "A^[2]")
        }

    def test_without_X_there_are_none(self):
        assert numbers(cr.derive(three_four_one())) == {}


@pytest.fixture(scope="module")
def page():
    return cr.derive(twelve_layers())


class TestTwelveLayers:
    def test_every_parameter_has_one_gradient_and_one_update(self, page):
        lines = formulas(page)
        named = [
            name
            for name, _ in gradients_named_as_on_the_page(twelve_layers(), np.ones((2, 4)), [0, 1], "cross_entropy")
        ]
        assert len(named) == 23
        for dW in named:
            assert sum(line.startswith(f"{dW} =") for line in lines) == 1
            assert lines.count(f"{dW[1:]} := {dW[1:]} − α {dW}") == 1

    def test_nothing_else_is_updated(self, page):
        assert sum(":=" in line for line in formulas(page)) == 23

    def test_no_name_is_given_twice(self, page):
        lefts = [line.split(" = ")[0] for line in formulas(page) if ":=" not in line]
        assert len(lefts) == len(set(lefts))

    def test_what_is_used_is_said_before(self, page):
        known = {f"{kind}^[{l}]" for l in range(1, 13) for kind in "Wbγβ"} | {"X"}
        name = re.compile(r"d?(?:[AZWDYXγβ]|Â)(?:\^\[[\d.]+\])?")
        for line in formulas(page):
            if "=" not in line:
                known.add(line)
                continue
            left, right = line.split("= ", 1)
            used = set(name.findall(re.sub(r"[ⱼₖ]|\(i\)", "", right)))
            assert used <= known, line
            known.add(re.sub(r"[ⱼₖ]|\(i\)", "", left).strip(" :"))

    def test_residual_connections_add_both_ways(self, page):
        lines = formulas(page)
        assert "A^[4.2] = Z^[2] + A^[4]" in lines
        assert "dZ^[2] = dA^[4.2] + W^[3]ᵀ dZ^[3]" in lines
        assert "A^[7.2] = A^[7] + Z^[6]" in lines
        assert "dA^[4.3] = W^[5]ᵀ dZ^[5] + W^[7]ᵀ dZ^[7]" in lines

    def test_its_numbers_are_its_gradient(self):
        X, y = np.random.default_rng(2).normal(size=(5, 4)), np.arange(5) % 3
        found = numbers(cr.derive(twelve_layers(), X, y, seed=3))
        for name, gradient in gradients_named_as_on_the_page(
            twelve_layers(), X, y, "cross_entropy", training=True, seed=3
        ):
            np.testing.assert_allclose(found[name], gradient, atol=1e-12)

    def test_the_seed_is_that_of_the_dropout(self):
        X = np.random.default_rng(2).normal(size=(2, 4))
        one, same, other = (numbers(cr.derive(twelve_layers(), X, seed=seed))["A^[4.3]"] for seed in (0, 0, 1))
        np.testing.assert_array_equal(one, same)
        assert (one != other).any()


def test_what_a_layer_hands_back_stands_under_its_own_title():
    layers = [cr.Dense(3), cr.Dropout(0.3), cr.LayerNorm(), cr.Dropout(0.2), cr.Dense(1)]
    page = cr.derive(cr.Network(layers, seed=0, input_shape=2))
    lefts = [
        (section.title, *(text(around_equals(line.formula)[0]) for line in section.lines))
        for section in page.sections
        if section.part == "Backward"
    ]
    assert lefts == [
        ("the cost", "dA^[3]"),
        ("layer 3, Dense(1)", "dZ^[3]", "dW^[3]", "db^[3]", "dA^[2]"),
        ("Dropout(0.2) after layer 2", "dZ^[2]"),
        ("layer 2, LayerNorm()", "dγ^[2]", "dβ^[2]", "dA^[1.2]"),
        ("Dropout(0.3) after layer 1", "dA^[1]"),
        ("layer 1, Dense(3)", "dZ^[1]", "dW^[1]", "db^[1]"),
    ]


class TestSumsOverPlaces:
    """Derivatives by parameters tell all axes that they are summed over; the numbers are in test_pages_are_true."""

    def test_pictures(self):
        layers = [cr.Conv2D(8, 3), cr.BatchNorm(), cr.MaxPool(2), cr.Flatten(), cr.Dense(10, "softmax")]
        page = cr.derive(cr.Network(layers, seed=0, input_shape=(28, 28, 1)))
        assert {
            "μ^[2] = 1/(676 m) Σ_{i, p} Aₚ^[1](i)",
            "(σ^[2])² = 1/(676 m) Σ_{i, p} (Aₚ^[1](i) − μ^[2])²",
            "dγ^[2] = 1/m Σ_{i, p} dZₚ^[2](i) ⊙ Âₚ^[1](i)",
            "dβ^[2] = 1/m Σ_{i, p} dZₚ^[2](i)",
            "dW^[1] = 1/m Σₚ dZₚ^[1] Pₚ^[1]ᵀ",
            "db^[1] = 1/m Σ_{i, p} dZₚ^[1](i)",
            "db^[3] = 1/m Σᵢ dZ^[3](i)",
        } <= set(formulas(page))
        assert any(sentence.startswith("p goes over the places") for sentence in page.legend)
        assert re.search(r"μ\^\[2\] = .* +\(8, 1\)\n", page.text)

    def test_steps(self):
        net = cr.Network([cr.Dense(4, "relu"), cr.LayerNorm(), cr.Flatten(), cr.Dense(2)], input_shape=(5, 3))
        page = cr.derive(net)
        assert {
            "μ^[2] = 1/4 Σₖ Aₖ^[1]",
            "dγ^[2] = 1/m Σ_{i, t} dZₜ^[2](i) ⊙ Âₜ^[1](i)",
            "dW^[1] = 1/m Σₜ dZₜ^[1] Aₜ^[0]ᵀ",
            "db^[1] = 1/m Σ_{i, t} dZₜ^[1](i)",
        } <= set(formulas(page))
        assert any(sentence.startswith("t goes over the steps") for sentence in page.legend)
        assert re.search(r"μ\^\[2\] = .* +\(m, 5, 1\)\n", page.text)

    def test_steps_that_a_mask_leaves_out(self):
        layers = [cr.Masking(), cr.Embedding(9, 4), cr.BatchNorm(), cr.GlobalMaxPool(), cr.Dense(2)]
        page = cr.derive(cr.Network(layers, seed=0), np.array([[1, 2, 0], [3, 0, 0]]))
        assert "μ^[2] = 1/(Σ_{i, t} Mₜ^[2](i)) Σ_{i, t} Mₜ^[2](i) ⊙ Zₜ^[1](i)" in formulas(page)

    def test_where_examples_are_columns_there_is_nothing_more(self):
        page = cr.derive(cr.Network([cr.BatchNorm(), cr.Dense(2)], seed=0, input_shape=3))
        assert {"μ^[1] = 1/m Σᵢ A^[0](i)", "dβ^[1] = 1/m Σᵢ dZ^[1](i)"} <= set(formulas(page))
        assert not any("goes over" in sentence for sentence in page.legend)


class TestLosses:
    def ends(self, activation, loss, n_out=3):
        return formulas(cr.derive(cr.Network([cr.Dense(n_out, activation)], seed=0, input_shape=2), loss=loss))

    @pytest.mark.parametrize(
        ("activation", "loss"), [("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy")]
    )
    def test_what_belongs_together_takes_the_shortcut(self, activation, loss):
        lines = self.ends(activation, loss)
        assert "dZ^[1] = A^[1] − Y" in lines
        assert not any(line.startswith("dA^[1]") for line in lines)
        assert self.ends(activation, None) == lines

    def test_what_does_not_goes_through_the_activation(self):
        lines = self.ends("sigmoid", "squared_error")
        assert "J = 1/m Σᵢ ½ ‖A^[1](i) − Y^(i)‖²" in lines
        assert "dA^[1] = A^[1] − Y" in lines
        assert "dZ^[1] = dA^[1] ⊙ A^[1] ⊙ (1 − A^[1])" in lines

    @pytest.mark.parametrize(
        ("loss", "expected"),
        [
            ("hinge", "dA^[1] = −Y ⊙ [Y ⊙ A^[1] < 1]"),
            ("perceptron", "dA^[1] = −Y ⊙ [Y ⊙ A^[1] ≤ 0]"),
            ("huber", "dA^[1] = clip(A^[1] − Y, −1, 1)"),
            (functools.partial(cr.ops.huber, delta=0.5), "dA^[1] = clip(A^[1] − Y, −0.5, 0.5)"),
            ("absolute_error", "dA^[1] = sign(A^[1] − Y)"),
            (None, "dA^[1] = A^[1] − Y"),
        ],
    )
    def test_the_others_keep_their_own_derivative(self, loss, expected):
        assert expected in self.ends(None, loss, 1)

    def test_huber_says_what_h_is(self):
        lines = self.ends(None, "huber", 1)
        j = lines.index("J = 1/m Σᵢ h(A^[1](i) − Y^(i))")
        assert lines[j - 1].startswith("h(e) = [|e| ≤ 1] ½ e²")

    def test_the_loss_of_the_model_file_is_the_default(self):
        net = cr.Network([cr.Dense(1)], seed=0, input_shape=2)
        net.metadata["loss"] = "huber"
        assert cr.derive(net).text == cr.derive(net, loss="huber").text

    def test_an_own_loss_is_derived_step_by_step(self, X):
        def mean_fourth_power(A, Y):
            return ((A - Y) ** 4).mean()

        net, y = cr.Network([cr.Dense(2)], seed=0, input_shape=3), np.ones((2, 2))
        page = cr.derive(net, X, y, loss=mean_fourth_power)
        assert [line for line in formulas(page) if line.startswith(("v", "J", "dJ", "dv", "dA"))] == [
            "v₁ = A^[1] − Y",
            "v₂ = v₁⁴",
            "J = 1/(2 m) Σ_{i,k} v_{2,k}^(i)",
            "dJ = 1",
            "dv_{2,k}^(i) = ½ dJ",
            "dv₁ = dv₂ · 4 · v₁^(4 − 1)",
            "dA^[1] = dv₁",
        ]
        for name, gradient in gradients_named_as_on_the_page(net, X, y, mean_fourth_power):
            np.testing.assert_allclose(numbers(page)[name], gradient)


LAYERS = {
    "Dense": ([cr.Dense(3, "tanh", bias=False)], 4),
    "Activation": ([cr.Dense(3), cr.Activation(functools.partial(cr.ops.elu, alpha=0.5))], 4),
    "BatchNorm": ([cr.BatchNorm(epsilon=1e-3)], (5, 4)),
    "Dropout": ([cr.Dense(3), cr.Dropout(0.2)], 4),
    "Embedding": ([cr.Embedding(5, 3)], 2),
    "EmbedBags": ([cr.EmbedBags(1, (2, 1), 5, 3)], 4),
    "EmbedColumns": ([cr.EmbedColumns(2, 5, 3)], 4),
    "Ensemble": ([cr.Ensemble([cr.Network([cr.Dense(2)])])], 4),
    "Flatten": ([cr.Dense(2), cr.Flatten(), cr.Dense(2)], (2, 3)),
    "LayerNorm": ([cr.LayerNorm()], (5, 4)),
    "Network": ([cr.Network([cr.Network([cr.Dense(2)])])], 4),
    "Periodic": ([cr.Periodic(2, [1]), cr.Dense(2)], 4),
    "PiecewiseLinear": ([cr.PiecewiseLinear(2, [0, 3]), cr.Dense(2)], 4),
    "Residual": ([cr.Residual([cr.Dense(2)], shortcut=cr.Dense(2))], 4),
    "Standardize": ([cr.Standardize(), cr.Dense(2)], 4),
    "Conv2D": ([cr.Conv2D(2, 2, "relu", stride=2)], (4, 4, 1)),
    "Conv1D": ([cr.Conv1D(2, 3, dilation=2, bias=False)], (6, 2)),
    "ConvTranspose2D": ([cr.ConvTranspose2D(2, 2, stride=2)], (2, 3, 1)),
    "ConvTranspose1D": ([cr.ConvTranspose1D(4, 3, groups=2)], (3, 2)),
    "MaxPool": ([cr.Conv2D(2, 1), cr.MaxPool(2)], (4, 4, 1)),
    "AveragePool": ([cr.Conv1D(2, 1), cr.AveragePool(2, padding="same")], (5, 1)),
    "AdaptiveAveragePool": ([cr.Conv2D(2, 1), cr.AdaptiveAveragePool((2, 1))], (4, 4, 1)),
    "GlobalAveragePool": ([cr.Conv2D(2, 1), cr.GlobalAveragePool()], (4, 4, 1)),
    "GlobalMaxPool": ([cr.Masking(), cr.Embedding(5, 3), cr.Conv1D(2, 1), cr.GlobalMaxPool()], 4),
    "UpSample": ([cr.Conv1D(2, 1), cr.UpSample(3)], (3, 1)),
    "Masking": ([cr.Masking(), cr.Embedding(5, 3), cr.BatchNorm(), cr.Conv1D(2, 3, padding="same"), cr.GRU(2)], 4),
    "RNN": ([cr.RNN(2, "relu", layers=2, dropout=0.5)], (3, 2)),
    "GRU": ([cr.GRU(2, stateful=True)], (3, 2)),
    "LSTM": ([cr.LSTM(2, bidirectional=True), cr.LSTM(3, stateful=True, last=True)], (3, 2)),
    "MultiHeadAttention": ([cr.MultiHeadAttention(2, causal=True)], (3, 4)),
    "PositionalEncoding": ([cr.Masking(), cr.Embedding(5, 3), cr.PositionalEncoding(), cr.Dense(2)], 4),
    "none with parameters": ([cr.Activation("relu")], 4),
}
TARGETS = {"cross_entropy": [0, 2], "hinge": [[1, -1, 1]] * 2, "perceptron": [[1, -1, 1]] * 2}
"""Of the losses that do not take any [[0, 1, 0]]."""


OUTPUTS = {
    "poisson": ["sigmoid", cr.ops.exp],
    "cross_entropy": ["softmax"],
    "binary_cross_entropy": ["sigmoid", "softmax"],
}
"""Of the losses that take probabilities, what makes some."""
GIVEN = ("W^[1]", "b^[1]")
"""Lines that only show numbers."""


class TestEverything:
    def in_all_forms(self, page):
        return [page.text, page.latex, page.html]

    def test_no_layer_is_missing_here(self):
        public = {name: getattr(cr, name) for name in cr.__all__}
        layers = {name for name, value in public.items() if isinstance(value, type) and issubclass(value, cr.Layer)}
        assert layers - {"Layer"} <= set(LAYERS)

    @pytest.mark.parametrize("layer", LAYERS)
    def test_every_layer(self, layer):
        layers, input_shape = LAYERS[layer]
        net = cr.Network(layers, seed=0, input_shape=input_shape).copy()
        X = np.ones((2, *net.input_shape), int)
        for page in (cr.derive(net), cr.derive(net, X, np.ones(net.predict(X).shape))):
            assert all(self.in_all_forms(page))
            assert sum(":=" in line for line in formulas(page)) == len(net.parameters)
            assert "nan" not in page.text
            remarks = " ".join(line.remark for section in page.sections for line in section.lines)
            assert not re.search(r"`|array of shape|\b(key|shape|axis|mask) =|True|False", remarks)

    @pytest.mark.parametrize(
        ("loss", "activation"), [(J, g) for J in LOSSES for g in OUTPUTS.get(J, [None, "tanh", "softmax"])]
    )
    def test_every_loss(self, loss, activation, X):
        net, y = cr.Network([cr.Dense(3, activation)], seed=0, input_shape=3), TARGETS.get(loss, [[0, 1, 0]] * 2)
        page = cr.derive(net, X, y, loss=loss)
        assert all(self.in_all_forms(page))
        assert formulas(cr.derive(net, loss=loss)) == [line for line in formulas(page) if line not in GIVEN]
        for name, gradient in gradients_named_as_on_the_page(net, X, y, loss):
            np.testing.assert_allclose(numbers(page)[name], gradient, atol=1e-12)

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_every_activation(self, activation):
        page = cr.derive(cr.Network([cr.Dense(3, activation), cr.Dense(1)], seed=0, input_shape=2))
        assert all(self.in_all_forms(page))
        lefts = [line.split(" = ")[0] for line in formulas(page)]
        assert {"Z^[1]", "dA^[1]", "dZ^[1]", "dW^[1]", "db^[1]"} <= set(lefts)


class TestOwnLayers:
    def test_each_operation_of_it_has_its_line(self):
        class DerivedTilt(cr.Layer):
            def forward(self, A):
                return A @ self.parameter("W", (A.shape[-1], 2), "he") * 3 + self.parameter("c", (2,))

        page = cr.derive(cr.Network([DerivedTilt(), cr.Dense(1)], seed=0, input_shape=3))
        assert re.search(r"Z\^\[1\] = W\^\[1\]ᵀ A\^\[0\] +\(2, m\) = \(2, 3\)\(3, m\)\n", page.text)
        assert {"Z^[1.2] = Z^[1] · 3", "dZ^[1] = dZ^[1.2] · 3", "dW^[1] = 1/m A^[0] dZ^[1]ᵀ"} <= set(formulas(page))
        assert {"Z^[1.3] = Z^[1.2] + c^[1]", "dc^[1] = 1/m Σᵢ dZ^[1.3](i)"} <= set(formulas(page))

    def test_what_has_any_number_of_inputs_is_written_out(self):
        class DerivedBeside(cr.Layer):
            def forward(self, A):
                B = cr.ops.tanh(A * self.parameter("s", (A.shape[-1],), "ones"))
                return cr.ops.concatenate(B, A, B, axis=1)

        lines = formulas(cr.derive(cr.Network([DerivedBeside(), cr.Dense(1)], seed=0, input_shape=3)))
        assert "Z^[1.2] = [A^[1], A^[0], A^[1]]" in lines
        assert "dA^[1] = dZ₁^[1.2] + dZ₃^[1.2]" in lines

    def test_an_operation_of_tomorrow_needs_nothing_but_its_formula(self, X, y):
        @operation(forward=r"A = \frac{Z}{1 + |Z|}", backward=(r"dZ = dA / (1 + |Z|)^2",))
        def softsign(xp, Z):
            return Z / (1 + xp.abs(Z)), lambda dA: (dA / (1 + xp.abs(Z)) ** 2,)

        try:
            net = cr.Network([cr.Dense(2, softsign), cr.Dense(1)], seed=0, input_shape=3)
            page = cr.derive(net, X, y)
        finally:
            del OPERATIONS["softsign"]
        assert "A^[1] = Z^[1]/(1 + |Z^[1]|)" in formulas(page)
        assert "dZ^[1] = dA^[1] / (1 + |Z^[1]|)²" in formulas(page)
        assert r"\frac{Z^{[1]}}{1 + |Z^{[1]}|}" in page.latex

    def test_a_shared_layer_gets_both_contributions(self, X, y):
        class DerivedTwice(cr.Layer):
            def __init__(self, inner):
                self.inner = inner

            def forward(self, A):
                return self.inner(self.inner(A))

        net = cr.Network([DerivedTwice(cr.Dense(3, "tanh")), cr.Dense(1)], seed=0, input_shape=3)
        page = cr.derive(net, X, y)
        assert "dW^[1] = 1/m dZ^[1.2] A^[1]ᵀ + 1/m dZ^[1] A^[0]ᵀ" in formulas(page)
        assert "db^[1] = 1/m Σᵢ dZ^[1.2](i) + 1/m Σᵢ dZ^[1](i)" in formulas(page)
        for name, gradient in gradients_named_as_on_the_page(net, X, y, "squared_error"):
            np.testing.assert_allclose(numbers(page)[name], gradient)

    def test_a_parameter_used_twice_sums_both(self, X, y):
        class DerivedSquare(cr.Layer):
            def forward(self, A):
                s = self.parameter("s", (A.shape[-1],), "ones")
                return A * s * s

        net = cr.Network([DerivedSquare(), cr.Dense(1)], seed=0, input_shape=3)
        page = cr.derive(net, X, y)
        (ds,) = (line for line in formulas(page) if line.startswith("ds^[1]"))
        assert ds == "ds^[1] = 1/m Σᵢ dZ^[1.2](i) ⊙ Z^[1](i) + 1/m Σᵢ dZ^[1](i) ⊙ A^[0](i)"
        for name, gradient in gradients_named_as_on_the_page(net, X, y, "squared_error"):
            np.testing.assert_allclose(numbers(page)[name], gradient)

    def test_embeddings_are_summed_by_index(self):
        net = cr.Network([cr.Embedding(5, 3), cr.Flatten(), cr.Dense(2, "softmax")], seed=0, input_shape=2)
        page = cr.derive(net, np.array([[0, 1], [4, 1]]), [0, 1])
        assert "Zₜ^[1](i) = W_{Aₜ^[0](i)}^[1]" in formulas(page)
        assert "dWₖ^[1] = 1/m Σ_{i, t: Aₜ^[0](i) = k} dZₜ^[1](i)" in formulas(page)
        assert (numbers(page)["dWₖ^[1]"] != 0).any(axis=1).tolist() == [True, True, False, False, True]


class TestWhatIsGiven:
    def test_the_network_is_left_as_it_is(self):
        net = twelve_layers()
        before = {name: value.copy() for name, value in net.state().items()}
        cr.derive(net, np.ones((2, 4)), [0, 1])
        assert net.state().keys() == before.keys()
        for name, value in net.state().items():
            assert value.tobytes() == before[name].tobytes()

    def test_the_same_page_comes_twice(self):
        X = np.random.default_rng(0).normal(size=(3, 4))
        one, two = (cr.derive(net, X, [0, 1, 2]) for net in [twelve_layers()] * 2)
        assert (one.text, one.latex, one.html) == (two.text, two.latex, two.html)

    def test_float64_and_float32_have_the_same_formulas(self):
        net = twelve_layers()
        assert cr.derive(net).text == cr.derive(net.copy("float64")).text

    def test_of_large_matrices_the_first_and_the_last_rows_are_shown(self, X, y):
        net = cr.Network([cr.Dense(9, "relu"), cr.Dense(1, "sigmoid")], seed=0, input_shape=3)
        page = cr.derive(net, X, y)
        assert numbers(page)["W^[1]"].shape == (6, 3)
        assert numbers(page)["Z^[1]"].shape == (6, len(X))
        assert "9 × 3, first and last 3 rows shown" in page.text
        assert max(line.count("  ") for line in page.text.splitlines() if "[" in line) < 40

    def test_many_examples_too(self):
        net, X = three_four_one(), np.ones((9, 3))
        found = numbers(cr.derive(net, X, [0, 1, 0] * 3))
        assert (found["A^[0]"].shape, found["W^[1]"].shape, found["dZ^[2]"].shape) == ((3, 6), (4, 3), (1, 6))

    def test_an_unbuilt_network_is_built_for_X(self, X):
        net = cr.Network([cr.Dense(4, "relu"), cr.Dense(1, "sigmoid")], seed=0)
        assert formulas(cr.derive(net, X))[:1] == ["A^[0] = X"]
        assert net.input_shape == (3,)

    @pytest.mark.parametrize(
        ("X", "y", "loss", "error", "words"),
        [
            (None, [0, 1], None, cr.DataError, "y is given without X: give both, or neither"),
            (np.ones((2, 4)), None, None, cr.ShapeError, "W1 is (4, 3), so it takes 3 features, but A0 has 4"),
            (np.ones((2, 3)), [0, 1, 1], None, cr.ShapeError, "each example needs one entry of y"),
            (np.ones((2, 3)), [[0, 1], [1, 1]], None, cr.ShapeError, "the targets Y are (2, 2)"),
            (np.ones((2, 3)), [0, 2], None, cr.DataError, "takes labels from 0 to 1"),
            (np.ones((2, 3)), ["no", "yes"], None, cr.DataError, "y is of type"),
            (np.full((2, 3), np.nan), None, None, cr.DataError, "X holds NaN"),
            (np.ones((0, 3)), None, None, cr.DataError, "there is no example in it"),
            (None, None, "sqared_error", cr.OptionError, "Did you mean 'squared_error'?"),
            (None, None, lambda A, Y: A - Y, cr.OptionError, "must return one number"),
        ],
    )
    def test_mistakes_are_told(self, X, y, loss, error, words):
        with pytest.raises(error, match=re.escape(words)):
            cr.derive(three_four_one(), X, y, loss)

    def test_without_sizes_there_are_no_shapes(self):
        with pytest.raises(cr.DataError, match=re.escape("give X, or make it with Network(…, input_shape=…)")):
            cr.derive(cr.Network([cr.Dense(1)]))


def test_only_networks_are_derived():
    with pytest.raises(cr.GraphError, match=r"derive takes a Network, but was given a int; cr\.steps\(J\)"):
        cr.derive(3)


def test_attention_that_may_not_look_everywhere_says_what_its_formula_leaves_out():
    net = cr.Network([cr.MultiHeadAttention(causal=True)], seed=0, input_shape=(3, 2))
    page = str(cr.derive(net, np.ones((1, 3, 2)), np.ones((1, 3, 2)), loss="squared_error"))
    assert "−∞ where causal or the mask forbids a step to look" in page
    assert "No step looks at those behind it." in page


def test_what_several_derivatives_need_is_told_once():
    lines = formulas(cr.derive(cr.Network([cr.MultiHeadAttention()], seed=0, input_shape=(3, 2))))
    assert len(lines) == len(set(lines))
    assert "P^[1.4] = softmax(S^[1.4])" in lines


def test_what_options_do_is_said_in_words():
    layers = [cr.Masking(), cr.Embedding(9, 4), cr.Dropout(0.3), cr.LSTM(2, bidirectional=True, last=True), cr.Dense(2)]
    net, X = cr.Network(layers, seed=0), np.array([[1, 2, 0], [3, 0, 0]])
    page = str(cr.derive(net, X))
    assert "each element of D 0 with probability 0.3 and 1 otherwise" in page
    assert "The sequence is read from its end. Only the state after the step that is read last goes on." in page
    assert "Along the features." in page


def test_a_mean_under_a_mask_is_over_the_steps_that_count():
    net = cr.Network([cr.Masking(), cr.Embedding(9, 4), cr.GlobalAveragePool(), cr.Dense(2)], seed=0)
    lines = formulas(cr.derive(net, np.array([[1, 2, 0], [3, 0, 0]])))
    assert {"Mₜ^[1] = [Aₜ^[0] ≠ 0]", "A^[1] = 1/(Σₖ Mₖ^[1]) Σₖ Mₖ^[1] ⊙ Zₖ^[1]"} <= set(lines)
    assert "dZₖ^[1] = 1/(Σₖ Mₖ^[1]) Mₖ^[1] ⊙ dA^[1]" in lines
    net = cr.Network([cr.Conv1D(2, 1), cr.GlobalAveragePool(), cr.Dense(2)], seed=0, input_shape=(5, 1))
    assert {"A^[1.2] = 1/5 Σₖ Aₖ^[1]", "dAₖ^[1] = 1/5 dA^[1.2]"} <= set(formulas(cr.derive(net)))
