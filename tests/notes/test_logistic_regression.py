"""The perceptron, logistic regression, its losses and its gradient descent."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule import notes

X = np.array([[1.0, 2.0, -1.0], [3.0, 4.0, -3.2]])
Y = np.array([[1.0, 0.0, 1.0]])
W = np.array([[1.0], [2.0]])


def test_the_perceptron_makes_the_updates_of_the_rule_worked_out_by_hand():
    found = notes.perceptron([[2.0, -1.0]], [[1.0, 0.0]], 10)
    # pass 1: z = 0 on x = 2, so w = 2, b = 1; then z = 2·(−1) + 1 = −1 is right. Pass 2 makes no mistake.
    np.testing.assert_array_equal(found.w, [[2.0]])
    assert (found.b, found.mistakes, found.converged) == (1.0, [1, 0], True)
    np.testing.assert_array_equal(found.predict([[2.0, -1.0]]), [[1, 0]])


def test_the_perceptron_learns_the_and_of_two_bits():
    bits = [[0, 0, 1, 1], [0, 1, 0, 1]]
    found = notes.perceptron(bits, [[0, 0, 0, 1]], 100)
    assert found.converged
    np.testing.assert_array_equal(found.predict(bits), [[0, 0, 0, 1]])
    np.testing.assert_array_equal(notes.perceptron(bits, [[-1, -1, -1, 1]], 100).w, found.w)


def test_the_perceptron_never_settles_on_the_exclusive_or():
    found = notes.perceptron([[0, 0, 1, 1], [0, 1, 0, 1]], [[0, 1, 1, 0]], 50)
    assert not found.converged
    assert len(found.mistakes) == 50
    assert min(found.mistakes) > 0


def test_both_conventions_of_logistic_regression_give_the_same():
    w, b = W, 1.5
    expected = 1 / (1 + np.exp(-(W.T @ X + b)))
    np.testing.assert_allclose(notes.predict(w, b, X), expected, rtol=1e-14)
    np.testing.assert_allclose(notes.predict_theta(notes.to_theta(w, b), X), expected, rtol=1e-14)
    assert notes.to_theta(w, b).shape == (3, 1)


def test_the_two_losses_of_one_example():
    assert notes.squared_error(0.7, 1.0) == pytest.approx(0.5 * 0.3**2)
    assert notes.cross_entropy(0.7, 1.0) == pytest.approx(-math.log(0.7))
    assert notes.cross_entropy(0.7, 0.0) == pytest.approx(-math.log(0.3))
    assert math.isfinite(notes.cross_entropy(0.0, 1.0))


def test_along_a_line_only_the_cross_entropy_is_convex():
    w, J = notes.losses_along_a_line()
    assert w.shape == J["cross_entropy"].shape == (401,)
    assert (np.diff(J["cross_entropy"], 2) > -1e-12).all()
    assert (np.diff(J["squared_error"], 2) < -1e-6).any()
    assert len(notes.plot_losses().axes) == 2


def test_propagate_gives_the_published_numbers():
    d, J = notes.propagate([[1.0], [2.0]], 2.0, X, [[1, 0, 1]])
    np.testing.assert_allclose(d["dw"], [[0.99845601], [2.39507239]], rtol=1e-7)
    assert d["db"] == pytest.approx(0.001455578136784208, rel=1e-10)
    assert pytest.approx(5.801545319394553, rel=1e-12) == J


@pytest.mark.parametrize(("n_x", "m"), [(1, 1), (2, 3), (7, 40)])
def test_the_loops_and_the_vectors_agree_to_1e_12(n_x, m):
    random = np.random.default_rng(n_x * m)
    A, w = random.standard_normal((n_x, m)), random.standard_normal((n_x, 1))
    labels = (random.random((1, m)) < 0.5).astype(float)
    (by_loop, J_loop), (by_vector, J_vector) = (f(w, 0.3, A, labels) for f in (notes.propagate_loop, notes.propagate))
    np.testing.assert_allclose(by_loop["dw"], by_vector["dw"], rtol=1e-12, atol=1e-12)
    assert by_loop["db"] == pytest.approx(by_vector["db"], rel=1e-12, abs=1e-12)
    assert J_loop == pytest.approx(J_vector, rel=1e-12)


def test_the_comparison_of_times_has_a_row_for_each_size_and_a_plot():
    found = notes.compare_vectorization(ms=(5, 50), n_xs=(2,), repeats=1)
    assert [(row["n_x"], row["m"]) for row in found.rows] == [(2, 5), (2, 50)]
    assert all(row["loops"] > 0 < row["vectorized"] for row in found.rows)
    assert "ratio" in str(found)
    assert found.plot().axes


def test_the_cats_through_the_notes_reproduce_the_published_run(turned_cats):
    X, Y, X_test, Y_test = turned_cats
    found = notes.logistic_regression(X.T, Y, alpha=0.005, iterations=2000)
    published = {0: 0.693147, 100: 0.584508, 200: 0.466949, 1000: 0.214820, 1900: 0.140872}
    assert {i: round(found.costs[i], 6) for i in published} == published
    assert round(found.accuracy(X.T, Y), 2) == 99.04
    assert round(found.accuracy(X_test.T, Y_test), 2) == 70.0


def test_gradient_descent_on_one_number_takes_the_steps_worked_out_by_hand():
    path = notes.gradient_descent(lambda w: (w - 3) ** 2, 0.0, 0.25, 3)
    np.testing.assert_allclose(path.points, [[0], [1.5], [2.25], [2.625]])
    np.testing.assert_allclose(path.costs, [9, 2.25, 0.5625, 0.140625])
    assert path.plot().axes
    assert str(path).splitlines()[0].split() == ["step", "w", "J"]
    assert [line.split() for line in str(path).splitlines()[-2:]] == [
        ["2", "2.25", "0.5625"],
        ["3", "2.625", "0.14062"],
    ]


def test_a_long_path_is_printed_in_few_lines_the_last_step_among_them():
    path = notes.gradient_descent(lambda w, b: w**2 + b**2, (1.0, 1.0), 0.1, 99)
    assert [line.split()[0] for line in str(path).splitlines()] == ["step", *map(str, range(0, 99, 10)), "99"]


def test_what_gradient_descent_found_prints_in_one_line():
    found = notes.logistic_regression(X, Y, 0.1, 2)
    assert str(found) == f"w (2, 1), b = {found.b:.4g}; J from 0.6931 to {found.costs[1]:.4f} in 2 iterations"


def test_gradient_descent_on_two_numbers_follows_both_partial_derivatives():
    path = notes.gradient_descent(lambda w, b: w**2 + 3 * b**2, (1.0, 1.0), 0.1, 1)
    np.testing.assert_allclose(path.points, [[1, 1], [0.8, 0.4]])
    assert path.plot().axes


def test_gradient_descent_that_diverges_says_so():
    with pytest.raises(cr.NotFiniteError, match="Take a smaller alpha than 100"):
        notes.gradient_descent(lambda w: w**4, 5.0, 100, 50)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: notes.propagate(W, 0, X, [[1, 0]]), "both must have m columns"),
        (lambda: notes.propagate([[1.0]], 0, X, Y), r"w is \(1, 1\), but X has 2 rows"),
        (lambda: notes.perceptron(X, [[2, 0, 1]], 5), "labels 0 and 1"),
        (lambda: notes.logistic_regression(X * np.nan, Y, 0.1, 5), "X holds NaN"),
        (lambda: notes.logistic_regression(X, Y, -0.1, 5), "alpha is -0.1"),
        (lambda: notes.gradient_descent(lambda w: w**2, (1, 2, 3), 0.1, 5), r"must be w, or \(w, b\)"),
    ],
)
def test_bad_input_is_answered(call, words):
    with pytest.raises(cr.ChainruleError, match=words):
        call()
