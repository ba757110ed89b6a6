"""The pages of embeddings: what their lines say is looked up, by the numbers that stand on the page."""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.derivation.formula import latex


def page_of(net, X):
    """The lines of the first layer, by their left sides, and the numbers of everything that has some."""
    page = cr.derive(net, X, np.linspace(0, 1, len(X)).reshape(-1, 1), "squared_error")
    lines = [line for section in page.sections for line in section.lines]
    numbers = {latex(line.formula[:1]): line.numbers for line in lines if line.numbers is not None}
    return {latex(line.formula[:1]): latex(line.formula) for line in lines}, numbers


def of_columns(first, n_tokens=5, n_out=2, columns=2):
    rng = np.random.default_rng(first)
    net = cr.Network([cr.EmbedColumns(first, n_tokens, n_out), cr.Dense(1)], seed=1, input_shape=first + columns)
    return net, np.hstack([rng.normal(size=(3, first)), rng.integers(0, n_tokens, (3, columns))])


@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_the_first_columns_stay_and_the_others_are_looked_up(first):
    net, X = of_columns(first)
    formulas, numbers = page_of(net, X)
    Z = re.fullmatch(
        r"Z\^\{\[1\]\} = \[A_\{j \\le (\d)\}\^\{\[0\]\}, W_\{A_\{j > (\d)\}\^\{\[0\]\}\}\^\{\[1\]\}\]",
        formulas["Z^{[1]}"],
    )
    assert Z, formulas["Z^{[1]}"]
    A, W = numbers["A^{[0]}"], numbers["W^{[1]}"]
    stay, looked_up = (int(group) for group in Z.groups())
    found = np.vstack([A[:stay], *(W[row.astype(int)].T for row in A[looked_up:])])
    np.testing.assert_allclose(found, numbers["Z^{[1]}"], rtol=1e-6)
    dW = re.search(r"i, j > (\d):\\, A_\{j\}\^\{\[0\]\(i\)\} = k\} dZ_\{j\}\^\{\[1\]\(i\)\}$", formulas["dW_{k}^{[1]}"])
    assert dW, formulas["dW_{k}^{[1]}"]
    dZ, begin = numbers["dZ^{[1]}"], int(dW[1])
    expected = np.zeros_like(W, float)
    for j, row in enumerate(A[begin:]):
        of_column = dZ[begin + 2 * j : begin + 2 * j + 2]
        np.add.at(expected, row.astype(int), of_column.T / len(X))
    np.testing.assert_allclose(numbers["dW_{k}^{[1]}"], expected, rtol=1e-5, atol=1e-7)


def test_the_page_of_a_table_with_many_categories_tells_how_many_columns_are_numbers():
    net, X = of_columns(2, n_tokens=40)
    assert "[A_{j ≤ 2}^[0], W_{A_{j > 2}^[0]}^[1]]" in str(cr.derive(net, X, np.ones((3, 1)), "squared_error"))


def test_every_index_is_looked_up():
    net = cr.Network([cr.Embedding(5, 2), cr.Flatten(), cr.Dense(1)], seed=1, input_shape=2)
    X = np.random.default_rng(0).integers(0, 5, (3, 2))
    formulas, numbers = page_of(net, X)
    A, W = numbers["A^{[0]}"].astype(int), numbers["W^{[1]}"]
    assert formulas["Z_{t}^{[1](i)}"] == "Z_{t}^{[1](i)} = W_{A_{t}^{[0](i)}}^{[1]}"
    np.testing.assert_allclose(np.vstack([W[row].T for row in A]), numbers["A^{[1]}"], rtol=1e-6)
    dA, expected = numbers["dA^{[1]}"], np.zeros_like(W, float)
    for t, row in enumerate(A):
        np.add.at(expected, row, dA[2 * t : 2 * t + 2].T / len(X))
    np.testing.assert_allclose(numbers["dW_{k}^{[1]}"], expected, rtol=1e-5, atol=1e-7)
