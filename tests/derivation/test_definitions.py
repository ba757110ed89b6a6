"""What a symbol is stands above the line that uses it, with its shape, in every derivation."""

import re
from dataclasses import replace

import numpy as np
import pytest

import chainrule as cr
from chainrule.derivation.definitions import in_order
from chainrule.derivation.formula import Atom, Formula, clauses, latex, parse, sides, symbols, text
from chainrule.graph import OPERATIONS
from derivation.networks import three_four_one, twelve_layers

D = cr.Dense
BOUND = {"e", "i", "j", "k", "l", "m", "n", "t", "p", "T", r"\infty", r"\alpha"}
"""Euler's number, indices, counts, the sign of a transpose, and the learning rate, which the title tells."""

MATHEMATICS = {r"\ln", r"\tanh", r"\max", r"\min", r"\sin", r"\cos", r"\tan", r"\partial", "tanh"}


def of(*layers, n):
    return cr.Network(list(layers), seed=0, input_shape=n)


NETWORKS = {
    "three, four, one": three_four_one(),
    "twelve layers": twelve_layers(),
    "LSTM": of(cr.LSTM(2), D(1, "sigmoid"), n=(5, 3)),
    "LSTM, last": of(cr.LSTM(2, last=True), D(3, "softmax"), n=(5, 3)),
    "LSTM, both ways": of(cr.LSTM(2, bidirectional=True, layers=2, last=True), D(1), n=(5, 3)),
    "GRU": of(cr.GRU(2), D(1), n=(5, 3)),
    "GRU, last": of(cr.GRU(2, last=True), D(1), n=(5, 3)),
    "RNN": of(cr.RNN(2), cr.GlobalAveragePool(), D(1), n=(5, 3)),
    "pictures": of(cr.Conv2D(3, 3, "relu"), cr.MaxPool(2), cr.Flatten(), D(2, "softmax"), n=(6, 6, 1)),
    "convolution of sequences": of(cr.Conv1D(3, 2, "relu"), cr.AveragePool(2), cr.GlobalMaxPool(), D(2), n=(6, 2)),
    "transposed convolution": of(
        D(2), cr.ConvTranspose2D(2, 2, stride=2), cr.UpSample(2), cr.Flatten(), D(1), n=(2, 2, 1)
    ),
    "attention": of(cr.PositionalEncoding(), cr.MultiHeadAttention(2), cr.LayerNorm(), cr.Flatten(), D(2), n=(3, 4)),
    "attention of each step": of(cr.MultiHeadAttention(causal=True), D(2, "softmax"), n=(3, 4)),
    "norms": of(D(3, "gelu"), cr.BatchNorm(), cr.Dropout(0.5), cr.LayerNorm(), D(2, "softmax"), n=2),
    "words": of(cr.Embedding(9, 4), cr.LSTM(2, last=True), D(1), n=5),
    "masked": of(cr.Masking(), cr.Embedding(9, 4), cr.BatchNorm(), cr.GRU(2, last=True), D(1), n=3),
    "residual": of(D(3, "tanh"), cr.Residual([D(3, "relu"), D(3)]), D(2), n=3),
}


def page_of(called: str, loss=None, **options):
    return cr.derive(NETWORKS[called], loss=loss, **options)


def key(atom: Atom) -> str:
    """The symbol with its number of a layer, whatever example, step or part of it is meant."""
    above, below = latex(atom.above), re.match(r"\d+", latex(atom.below))
    layer = re.match(r"\[[\d.]+\]", above)
    inner = "".join(latex((replace(one, above=(), below=()),)) for argument in atom.arguments for one in argument)
    inner_layer = re.search(r"\[[\d.]+\]", latex(atom.arguments[0])) if atom.symbol == r"\hat" else None
    number = below[0] if below and re.fullmatch("d?[cv]", atom.symbol) else ""
    layer = layer or inner_layer
    return f"{atom.symbol}{inner if atom.symbol == chr(92) + 'hat' else ''}{number}{layer[0] if layer else ''}"


def is_symbol(atom: Atom) -> bool:
    """Whether the atom is a name, and neither a number nor a sign."""
    named = re.fullmatch(r"d?\\?[a-zA-Z]+", atom.symbol) is not None
    return named and atom.symbol not in BOUND | MATHEMATICS | SPACES


SPACES = {
    r"\odot", r"\cdot", r"\textstyle", r"\sum", r"\frac", r"\tfrac", r"\sqrt", r"\le", r"\ge", r"\ne", r"\neg",
    r"\ldots", r"\quad", r"\hat", r"\operatorname",
}  # fmt: skip


def used(formula: Formula):
    """The symbols of a formula, those of the words of \\operatorname left out."""
    for atom in formula:
        if is_symbol(atom) or atom.symbol == r"\hat":
            yield atom
        inside = () if atom.symbol in (r"\operatorname", r"\hat") else atom.arguments
        for inner in (*inside, atom.below, tuple(one for one in atom.above if one.symbol != "T")):
            yield from used(inner)


def functions(formula: Formula) -> set[str]:
    return {latex(atom.arguments[0]) for atom in symbols(formula) if atom.symbol == r"\operatorname"}


def undefined(page) -> list[str]:
    """The symbols that a line uses and that nothing above it, in it or in the legend has told."""
    told = " ".join(page.legend)
    known, missing = {"X"}, []
    parameters = {f"{name.rstrip('0123456789')}[{re.search(r'[0-9]+$', name)[0]}]" for name in page.parameters}
    for section in page.sections:
        for line in section.lines:
            told += f" {line.remark}"
            equal = next((k for k, atom in enumerate(line.formula) if atom.symbol in ("=", ":")), None)
            left, right = (line.formula, ()) if equal is None else (line.formula[:equal], line.formula[equal + 1 :])
            if equal is not None and Atom("=") in right and latex(right).endswith("= 0"):  # A_0 = C_0 = 0
                left, right = (*left, *right), ()
            argument = {atom.symbol for atom in left[1:] if is_symbol(atom)} if left[1:2] == (Atom("("),) else set()
            if Atom("=") in right:  # A = σ(Z) = 1/(1 + e^−Z)
                argument |= {r"\sigma"}
            if " = " in line.shapes:
                known |= {name for name in map(key, used(right)) if name.replace("{", "") in parameters}
            known |= {key(atom) for atom in used(left)} if equal is None or not right else set()
            for atom in used(right):
                word = text((replace(atom, below=(), above=()),))
                in_words = word.strip("d")[:1] not in "AZYWJ" and re.search(rf"(^|\W){re.escape(word)}(\W|_)", told)
                if key(atom) not in known | argument and not in_words:
                    missing.append(f"{text(line.formula)}: {key(atom)}")
            missing += [f"{text(line.formula)}: {one}" for one in functions(right) if one not in told]
            known |= {key(atom) for atom in used(left)}
    return missing


class Parameters:
    """A page with the names of its network's parameters."""

    def __init__(self, page, net):
        self.legend, self.sections, self.parameters = page.legend, page.sections, list(net.parameters)


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("called", NETWORKS)
def test_every_symbol_is_told_above_its_first_use(called, shortcut):
    page = page_of(called, shortcut=shortcut)
    assert undefined(Parameters(page, NETWORKS[called])) == []


def test_what_is_not_told_is_found():
    page = page_of("three, four, one")
    sections = [replace(one, lines=one.lines[1:]) for one in page.sections]
    assert undefined(Parameters(replace(page, sections=tuple(sections)), NETWORKS["three, four, one"])) != []


def shapes(page) -> dict[str, str]:
    return {text(line.formula).split(" = ")[0]: line.shapes for section in page.sections for line in section.lines}


class TestShapes:
    def test_of_the_gates_of_an_LSTM(self):
        found = shapes(page_of("LSTM, last"))
        assert found["Zₜ^[1]"] == "one below the other"
        for gate in "IFGOC":
            assert found[f"{gate}ₜ^[1]"] == "(2, m)"
        assert found["dZ_{t,3}^[1]"] == found["dHₜ^[1]"].split(" = ")[0] == "(2, m)"
        assert found["dZₜ^[1]"] == "(8, m)"

    def test_the_product_at_a_step_tells_those_of_the_weights(self):
        lines = [line for one in page_of("LSTM, last").sections for line in one.lines]
        whole = next(line for line in lines if text(line.formula).startswith("Zₜ^[1] = W"))
        assert whole.shapes == "(8, m) = (8, 3)(3, m) + (8, 2)(2, m) + (8, 1)"

    def test_of_a_window_and_of_every_place(self):
        found = shapes(page_of("pictures"))
        assert found["W^[1]"] == "(3, 3, 3, 1)"
        assert found["P^[1]"] == "(9, m)"
        assert found["Z^[1]"] == "(m, 4, 4, 3), at each place (3, m) = (3, 9)(9, m) + (3, 1)"

    def test_of_one_head_of_attention(self):
        found = shapes(cr.derive(of(cr.MultiHeadAttention(2), D(1), n=(3, 4))))
        assert found["S^[1.4]"] == found["P^[1.4]"] == "(3, 3)"
        assert found["dP^[1.4]"] == "(3, 3) = (3, 2)(2, 3)"

    def test_a_mask_has_a_row_for_each_step(self):
        X = np.array([[1, 2, 0], [3, 0, 0]])
        layers = [cr.Masking(), cr.Embedding(9, 4), cr.LSTM(2, last=True), D(1)]
        found = shapes(cr.derive(cr.Network(layers, seed=0), X))
        assert found["Cₜ^[2]"] == "(2, m)"

    def test_of_the_GRU_whose_bias_has_one_part_more(self):
        found = shapes(page_of("GRU"))
        assert (found["b^[1]"], found["W^[1]"], found["dVₜ^[1]"]) == ("(8, 1)", "(6, 3)", "(6, m)")


class TestSequences:
    def test_where_they_begin_and_what_comes_back_from_behind(self):
        page = page_of("LSTM, last").text
        assert "A₀^[1] = C₀^[1] = 0" in page
        assert "dZ₆^[1] = dC₆^[1] = 0" in page

    def test_read_from_the_end_they_begin_there(self):
        page = page_of("LSTM, both ways").text
        assert "A₆^[1.2] = C₆^[1.2] = 0" in page
        assert "dZ₀^[1.2] = dC₀^[1.2] = 0" in page
        assert "A^[2.2] = A₁^[2.2]" in page
        assert "dAₜ^[2.2] = [t = 1] dA^[2.2]" in page

    def test_only_the_last_state_goes_on_and_has_a_derivative(self):
        lines = [text(line.formula) for one in page_of("LSTM, last").sections for line in one.lines]
        assert "A^[1] = A₅^[1]" in lines
        assert lines.index("dAₜ^[1] = [t = 5] dA^[1]") < lines.index("dHₜ^[1] = dAₜ^[1] + U^[1]ᵀ dZ_{t+1}^[1]")
        assert not any(line.startswith("dAₜ^[1] =") for line in page_of("LSTM").text.splitlines())


class TestLegend:
    def test_where_examples_are_no_columns_it_says_what_the_shape_counts(self):
        assert any(
            "such as (m, 6, 6, 1), is that of the array: examples, height" in one for one in page_of("pictures").legend
        )
        assert any(
            "such as (m, 5, 3), is that of the array: examples, steps" in one for one in page_of("LSTM, last").legend
        )
        assert not any("of the array" in one for one in page_of("three, four, one").legend)

    def test_attention_says_whose_names_are_Q_K_and_V(self):
        page = page_of("attention of each step").text
        assert "Here Q is Z^[1], K is Z^[1.2], V is Z^[1.3]." in page
        assert "the steps of one example as rows" in page

    def test_functions_that_no_line_tells_are_told(self):
        assert (
            "overlay puts windows back to where they were cut out, and adds up what overlaps."
            in page_of("pictures").legend
        )
        assert "σ(z) = 1/(1 + e^−z)." in page_of("GRU").legend
        assert "σ(z) = 1/(1 + e^−z)." not in page_of("three, four, one").legend


class TestNumbers:
    X = np.random.default_rng(0).normal(size=(4, 2))
    net = of(D(3, "relu"), cr.BatchNorm(), cr.Dropout(0.5), cr.LayerNorm(), D(2, "softmax"), n=2)

    def numbers(self):
        page = cr.derive(self.net, self.X, [0, 1, 1, 0])
        return {text(line.formula).split(" = ")[0]: line.numbers for one in page.sections for line in one.lines}

    def test_of_the_mask_of_dropout(self):
        found = self.numbers()
        np.testing.assert_allclose(found["A^[2]"], found["Z^[2]"] * found["D^[2]"] / 0.5)
        assert set(np.unique(found["D^[2]"])) == {0, 1}

    def test_of_the_mean_and_deviation_of_batch_norm(self):
        found = self.numbers()
        np.testing.assert_allclose(found["μ^[2]"], found["A^[1]"].mean(axis=1, keepdims=True))
        np.testing.assert_allclose(found["(σ^[2])²"], found["A^[1]"].var(axis=1, keepdims=True))
        np.testing.assert_allclose(
            found["Â^[1]"], (found["A^[1]"] - found["μ^[2]"]) / np.sqrt(found["(σ^[2])²"] + 1e-5)
        )

    def test_of_the_mean_and_deviation_of_layer_norm(self):
        found = self.numbers()
        np.testing.assert_allclose(found["μ^[3]"], found["A^[2]"].mean(axis=0, keepdims=True))
        np.testing.assert_allclose(found["(σ^[3])²"], found["A^[2]"].var(axis=0, keepdims=True))

    def test_of_the_width_of_a_head(self):
        assert re.search(r"d\^\[1\.\d\] = 2", page_of("attention").text)
        assert re.search(r"d\^\[1\.\d\] = 4", page_of("attention of each step").text)


class TestOrder:
    def order(self, source):
        return [latex(left) for left, _ in in_order([sides(clause) for clause in clauses(parse(source))])]

    def test_what_is_used_comes_first(self):
        assert self.order(r"Z = W P, \quad P = S + 1, \quad S = A") == ["S", "P", "Z"]

    def test_another_step_does_not_count(self):
        assert self.order(r"A_t = C_t, \quad C_t = C_{t-1} + A_{t-1}") == ["C_{t}", "A_{t}"]

    def test_parts_and_wholes_belong_together(self):
        assert self.order(r"I_t = Z_{t,1}, \quad Z_t = X_t") == ["Z_{t}", "I_{t}"]
        assert self.order(r"D_t = Z_t, \quad Z_{t,1} = Z_{t,2}, \quad Z_{t,2} = X") == ["Z_{t,2}", "Z_{t,1}", "D_{t}"]

    def test_a_circle_ends(self):
        assert self.order(r"A = B, \quad B = A") == ["A", "B"]

    @pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "batch_norm", "layer_norm", "convolution", "attention"])
    def test_nothing_is_lost(self, name):
        equations = [sides(clause) for clause in clauses(parse(OPERATIONS[name].forward))]
        assert sorted(map(str, in_order(equations))) == sorted(map(str, equations))
