"""notes.check: a right answer is never called wrong, and a slip gets its name."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule import notes
from chainrule.notes.checker.rounding import Measured
from chainrule.notes.checker.sheet import Setting, Sheet, lines_of, right_sheet, truth

sys.path.insert(0, str(Path(__file__).parent))
from learner import learner, mutations

NOTES = learner((3, 4, 1), ("tanh", "sigmoid"), m=5)


def parameters_only(work):
    return {name: value for name, value in work.items() if name.startswith(("dW", "db"))}


def checked(who, work, **options):
    return notes.check(work, who.X, who.Y, who.parameters, who.activations, cost=who.cost, **options)


# The ten slips of a learner, for 3-4-1 with tanh and σ; only dW and db are handed over.
@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("dW2", "dZ2 @ A1.T", "dW2 is m = 5 times too large: 1/m is missing."),
        ("dW1", "dZ1 @ A0.T / m / m", "dW1 is m = 5 times too small: 1/m is there twice."),
        ("dZ2", "Y - A2", "all derivatives have the wrong sign: dZ2 = A2 - Y."),
        (
            "dZ1",
            "W2.T @ dZ2 * (1 - np.tanh(Z2) ** 2)",
            "dZ1 takes g′ at Z1, not at Z2 (the shapes agree by broadcasting).",
        ),
        ("dZ1", "W2.T @ dZ2 * (1 - Z1 ** 2)", "1 − a² takes A1, not Z1."),
        ("dZ1", "W2.T @ dZ2", "dZ1 lacks g′(Z1)."),
        ("dW1", "A0 @ dZ1.T / m", "dW1 is transposed."),
        ("db1", "dZ1.sum(axis=0) / m", "db1 sums over units, not over examples: axis=1."),
        ("db1", "dZ1.sum(axis=1) / m", "db1 is (4,), the notes' is (4, 1): b1 − α db1 becomes (4, 4)."),
        ("dZ1", "W2.T @ dZ2 * (1 - A1)", "tanh′ is 1 − a², not 1 − a."),
    ],
)
def test_each_of_ten_slips_gets_its_word(name, typed, says):
    found = checked(NOTES, parameters_only(NOTES.work(**{name: typed})))
    assert not found
    assert [finding.says for finding in found.findings] == [says]
    spelled = typed.replace("A0", "X").replace(" ** ", "**").replace("np.tanh", "tanh")
    assert found.findings[0].typed == f"{name} = {spelled}"
    assert f"probably typed  {found.findings[0].typed}" in str(found)


@pytest.mark.parametrize(
    ("sizes", "activations", "m", "cost"),
    [
        ((3, 4, 1), ("tanh", "sigmoid"), 6, None),
        pytest.param((2, 3, 2, 1), ("relu", "tanh", "sigmoid"), 5, None, marks=pytest.mark.slow),
        ((2, 3, 1), ("relu", "sigmoid"), 5, None),
        ((4, 3, 3), ("sigmoid", "softmax"), 5, None),
        ((3, 4, 2), ("tanh", "identity"), 6, None),
        ((3, 3, 1), ("leaky_relu", "sigmoid"), 4, "squared_error"),
        ((3, 4, 1), ("tanh", "sigmoid"), 1, None),
        ((2, 1), ("sigmoid",), 9, None),
    ],
)
def test_every_slip_at_every_place_gets_its_word(sizes, activations, m, cost):
    who = learner(sizes, activations, m, cost)
    right, named = who.work(), 0
    assert checked(who, right)
    for turn, mutation in enumerate(mutations(who)):
        try:
            with np.errstate(all="ignore"):
                work = who.work(**{mutation.name: mutation.line})
        except ValueError:
            continue  # the shapes do not fit, and NumPy says so
        if turn % 2 and parameters_only(work) != {}:
            work = parameters_only(work)
        found = checked(who, work)
        if found:  # nobody can see the slip in these numbers
            for name, value in work.items():
                np.testing.assert_allclose(np.reshape(value, np.shape(right[name])), right[name], rtol=1e-7, atol=1e-12)
        else:
            assert re.search(mutation.word, str(found)), f"{mutation}\n{found}"
            named += 1
    assert named > 15


def test_none_of_a_hundred_right_answers_is_called_wrong():
    random = np.random.default_rng(0)
    for seed in range(100):
        L = int(random.integers(1, 5))
        hidden = [str(g) for g in random.choice(["relu", "tanh", "sigmoid", "leaky_relu"], L - 1)]
        last = str(random.choice(["sigmoid", "softmax", "identity"]))
        sizes = [int(n) for n in random.integers(1, 25, L + 1)]
        sizes[-1] += last == "softmax"
        dtype = (np.float64, np.float32, np.float32, np.float16)[seed % 4]
        scale = float(random.choice([0.0, 0.01, 1.0, 1.0, 3.0]))
        who = learner(sizes, (*hidden, last), int(random.choice([1, 2, 5, 60])), seed=seed, dtype=dtype, scale=scale)
        with np.errstate(all="ignore"):
            work = who.work()
        work = {name: value for name, value in work.items() if np.isfinite(value).all()}
        if seed % 8 == 0:
            work = {name: np.asarray(value).tolist() for name, value in work.items()}
        Y = who.Y[0].tolist() if len(who.Y) == 1 else who.Y
        found = notes.check(work, who.X, Y, who.parameters, who.activations, cost=who.cost)
        assert found, f"{sizes} {who.activations} {who.m} {dtype.__name__} {scale}\n{found}"


@pytest.mark.parametrize("activations", [("tanh", "sigmoid"), ("relu", "sigmoid"), ("leaky_relu", "sigmoid")])
def test_the_activations_are_found_from_the_work_and_told(activations):
    who = learner((3, 4, 1), activations, m=5)
    found = notes.check(parameters_only(who.work()), who.X, who.Y, who.parameters)
    assert found
    told = f"The activations were not given: these are taken to be {', '.join(activations)}."
    assert found.remarks == [told]
    slipped = notes.check(parameters_only(who.work(dW1="A0 @ dZ1.T / m")), who.X, who.Y, who.parameters)
    assert [finding.kind for finding in slipped.findings] == ["transpose"]
    assert slipped.remarks == [told]


def test_the_notes_own_slip_broadcasts_and_is_named():
    work = NOTES.work(dZ1="W2.T @ dZ2 * A2 * (1 - A2)")  # g^[2]' for g^[1]'
    assert "dZ1 takes g′ at Z1, not at Z2 (the shapes agree by broadcasting)." in str(checked(NOTES, work))
    work = NOTES.work(dZ1="W2.T @ dZ2 * sigmoid(Z1) * (1 - sigmoid(Z1))")
    assert "dZ1 takes g^[1]′ = tanh′, not g^[2]′ = σ′." in str(checked(NOTES, work))


def test_what_follows_from_a_slip_is_not_told_as_another():
    found = checked(NOTES, NOTES.work(dZ1="W2.T @ dZ2"))
    assert found.first == "dZ1"
    assert found.wrong == ["dZ1", "dW1", "db1", "dA0"]
    assert [finding.follows for finding in found.findings] == [("dW1", "db1", "dA0")]


def test_two_slips_are_two_findings_and_two_on_one_line_are_one():
    found = checked(NOTES, parameters_only(NOTES.work(dW2="dZ2 @ A1.T", db1="dZ1.sum(axis=1) / m")))
    assert [finding.kind for finding in found.findings] == ["1/m missing", "keepdims forgotten"]
    found = checked(NOTES, parameters_only(NOTES.work(dW1="A0 @ dZ1.T")))
    assert [finding.says for finding in found.findings] == [
        "dW1 is transposed; and dW1 is m = 5 times too large: 1/m is missing."
    ]


def test_a_slip_that_is_not_known_is_told_with_its_first_difference_and_its_size():
    work = NOTES.work(dZ1="W2.T @ dZ2 * (1 - A1**2) + 0.25 * np.eye(4, 5)")
    found = checked(NOTES, work)
    assert [finding.kind for finding in found.findings] == ["unknown"]
    assert found.findings[0].follows == ("dW1", "db1", "dA0")
    assert "dZ1 is wrong, by no slip that is known here." in str(found)
    assert re.search(r"dZ1\[0, 0\] = \S+, right is \S+; 4 of 20 differ, by 0.25 at most", str(found))
    found = checked(NOTES, {"dW1": 3.5 * NOTES.work()["dW1"]})
    assert "it is 3.5 times the right one everywhere" in str(found)
    found = checked(NOTES, {"dW1": np.ones((2, 2))})
    assert "dW1 is (2, 2), but must be (4, 3): the shape of W1." in str(found)


def test_slips_that_give_the_same_numbers_cannot_be_told_apart_and_that_is_said():
    who = learner((3, 4, 1), ("tanh", "sigmoid"), m=1)
    found = checked(who, parameters_only(who.work(dW2="A1 @ dZ2.T / m")))
    assert found.findings[0].says == "dW2 is transposed."
    assert "* multiplies element by element" in found.findings[0].others[0]
    assert "cannot be told apart" in str(found)
    for harmless in ({"dW2": "dZ2 @ A1.T"}, {"db1": "dZ1[:, -1:]"}):  # with one example
        assert checked(who, parameters_only(who.work(**harmless)))


def test_a_column_of_labels_made_a_square():
    found = checked(NOTES, {"dZ2": NOTES.work()["A2"] - NOTES.Y.T})
    assert "Y is a column here, so that A2 − Y broadcasts to (5, 5): Y is (1, m)." in str(found)

    found = checked(NOTES, {"dZ2": NOTES.work()["A2"].T - NOTES.Y[0]})
    assert "A2 is a column here, and Y is not, so that A2 − Y broadcasts to (5, 5): A2 is (1, m)." in str(found)


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("dZ1", "W2.T @ dZ2 * (1 + A1**2)", "tanh′ is 1 − a², not 1 + a²."),
        ("dZ1", "dZ2 * (1 - A1**2)", "dZ1 lacks W2.T: dZ2 comes back through it, W2.T @ dZ2."),
        ("dZ1", "W2.T @ A2 * (1 - A1**2)", "dA1 takes dZ2, not A2."),
        ("dZ1", "W2.T @ dZ2 * (1 - A2**2)", "1 − a² takes A1, not A2 (the shapes agree by broadcasting)."),
        ("dZ2", "A2", "dZ2 lacks − Y."),
        ("dW2", "A2 @ A1.T / m", "dW2 takes dZ2, not A2."),
    ],
)
def test_what_else_is_typed_in_place_of_a_line(name, typed, says):
    work = NOTES.work(**{name: typed})
    for handed in (parameters_only(work), {name: array for name, array in work.items() if not name.startswith("dA")}):
        assert [finding.says for finding in checked(NOTES, handed).findings] == [says]


def test_two_slips_in_one_line_are_told_once():
    found = checked(NOTES, parameters_only(NOTES.work(dW2="-(dZ2 @ A1.T)")))
    assert [(one.says, one.others) for one in found.findings] == [
        ("dW2 is m = 5 times too large: 1/m is missing; and dW2 has the wrong sign.", ())
    ]


def test_a_vector_where_the_notes_have_a_matrix():
    right = NOTES.work()
    flat = {"dZ2": (right["A2"] - NOTES.Y)[0]}
    found = checked(NOTES, flat)
    assert not found
    assert found.wrong == ["dZ2"]
    (slip,) = found.findings
    assert slip.says == (
        "dZ2 is (5,), the notes' is (1, 5): dZ2.sum(axis=1) and W2.T @ dZ2 fail, and dZ2 @ A1.T is (4,); it stays a "
        "matrix by keepdims=True in a sum, or by dZ2.reshape(1, -1)."
    )
    assert checked(NOTES, {"dZ2": flat["dZ2"].reshape(1, -1)})
    for broken in (lambda: flat["dZ2"].sum(axis=1), lambda: NOTES.parameters["W2"].T @ flat["dZ2"]):
        with pytest.raises(ValueError, match=r"axis 1 is out of bounds|mismatch in its core dimension"):
            broken()
    assert (flat["dZ2"] @ right["A1"].T).shape == (4,)
    became = checked(NOTES, flat | {"dW2": flat["dZ2"] @ right["A1"].T / 5})
    assert became.wrong == ["dZ2"]
    both = checked(NOTES, {"dZ2": -flat["dZ2"]})
    assert [one.kind for one in both.findings] == ["a vector for a matrix", "sign"]


def test_a_vector_from_which_nothing_follows_is_right():
    right = NOTES.work()
    assert checked(NOTES, {name: right[name][0] for name in ("Z2", "A2", "dA2")})
    found = checked(NOTES, {"dZ2": right["dZ2"][0], "dW2": right["dW2"]})  # which was made by a matrix
    assert found
    assert found.remarks == ["dZ2 is (5,); in the notes it is (1, 5), which is the same here."]
    narrow = learner((3, 1, 2), ("tanh", "sigmoid"), m=5)
    hidden = checked(narrow, {"A1": narrow.work()["A1"][0]})
    assert "A1 is (5,), the notes' is (1, 5): W2 @ A1 fails" in str(hidden)


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("Z1", "W1 @ A0", "Z1 lacks b1."),
        ("A1", "sigmoid(Z1)", "A1 is tanh(Z1), not σ(Z1)."),
        ("Z2", "W2 @ Z1 + b2", "Z2 takes A1, not Z1."),
        ("A2", "1 / (1 + np.exp(Z2))", "σ(z) = 1 / (1 + e^−z): the exponent has a minus."),
        ("J", "np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m", "J lacks its minus sign."),
        ("J", "-np.sum(Y * np.log(A2)) / m + np.sum((1 - Y) * np.log(1 - A2)) / m",
         "the minus of J stands before both halves."),
        ("J", "-np.sum(Y * np.log10(A2) + (1 - Y) * np.log10(1 - A2)) / m",
         "J takes the natural logarithm, np.log, not np.log10."),
        ("J", "-(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m",
         "J is one number: the 5 losses are divided by m, but not added up."),
        ("J", "np.sum((A2 - Y)**2) / 2 / m", "J is the squared error here, not the cross-entropy."),
    ],
)  # fmt: skip
def test_the_way_forward_and_the_cost_are_checked_by_their_keys(name, typed, says):
    work = NOTES.work(**{name: typed})
    found = checked(NOTES, {key: work[key] for key in ("Z1", "A1", "Z2", "A2", "J")})
    assert found.first == name
    assert found.findings[0].says == says
    assert checked(NOTES, {"J": [[NOTES.work()["J"]]], "A2": NOTES.work()["A2"]})


def test_a_forgotten_b_is_seen_in_the_derivatives_too():
    assert "Z1 lacks b1." in str(checked(NOTES, parameters_only(NOTES.work(Z1="W1 @ A0"))))


def test_derivatives_of_the_cost_are_right_too_and_that_is_remarked():
    work = NOTES.work(dA2="(-Y / A2 + (1 - Y) / (1 - A2)) / m", dZ2="(A2 - Y) / m")
    work |= parameters_only(NOTES.work())
    found = checked(NOTES, work)
    assert found
    assert "1/m stands in dZ2, and not in dW and db" in found.remarks[0]


def test_shapes_that_broadcasting_gives_back_and_copied_decimals_are_right_and_remarked():
    work = parameters_only(NOTES.work(db2="np.sum(dZ2) / m", dW2="(dZ2 @ A1.T)[0] / m"))
    work["dW1"] = np.round(work["dW1"], 4)
    found = checked(NOTES, work)
    assert found
    assert found.remarks == [
        "dW2 is (4,); in the notes it is (1, 4), which is the same here.",
        "db2 is (); in the notes it is (1, 1), which is the same here.",
        "dW1 is right to the 4 decimals that it has.",
    ]
    assert not checked(NOTES, {"dW1": np.round(work["dW1"], 0)})


def test_where_the_notes_leave_the_derivative_open_both_sides_are_right():
    who = learner((3, 4, 1), ("relu", "sigmoid"), m=5)
    who.parameters["W1"][:] = 0
    who.parameters["b1"][:] = 0
    left, right = who.work(), who.work(dZ1="W2.T @ dZ2 * (Z1 >= 0)")
    assert np.abs(left["dW1"] - right["dW1"]).max() > 1e-3
    assert checked(who, left)
    assert checked(who, right)
    assert not checked(who, parameters_only(who.work(dZ1="W2.T @ dZ2 * (Z1 >= 0) * 2")))


def test_numbers_that_are_not_finite_are_told_with_the_reason():
    who = learner((3, 4, 1), ("tanh", "sigmoid"), m=5, scale=300.0)
    with np.errstate(all="ignore"):
        work = who.work()
    assert not np.isfinite(work["dA2"]).all() or not np.isfinite(work["J"])
    found = checked(who, work)
    assert "1/0 and ln 0 are infinite" in str(found)


def test_a_right_pass_prints_in_one_line():
    assert str(checked(NOTES, parameters_only(NOTES.work()))) == "dW2, db2, dW1, db1: all right"
    assert str(checked(NOTES, {"J": NOTES.work()["J"]})) == "J: right"


def test_the_work_of_the_notes_functions_is_right():
    parameters = notes.initialize((3, 4, 2, 1), "he", seed=3)
    AL, caches = notes.forward(NOTES.X, parameters)
    work = notes.backward(AL, NOTES.Y, caches) | {"J": notes.cost(AL, NOTES.Y), "A3": AL, "Z1": caches[0][1]}
    assert notes.check(work, NOTES.X, NOTES.Y, parameters)


@pytest.mark.parametrize(
    ("activations", "cost", "n_y"),
    [
        (("tanh", "sigmoid"), "binary_cross_entropy", 1),
        (("relu", "softmax"), "cross_entropy", 3),
        (("leaky_relu", "softmax"), "squared_error", 3),
        (("gelu", "identity"), "squared_error", 2),
        (("sigmoid", "sigmoid"), "binary_cross_entropy", 3),
    ],
)
def test_the_lines_are_those_of_the_graph(activations, cost, n_y):
    who = learner((3, 4, n_y), ("tanh", activations[-1]), m=5, cost=cost)
    W, b = ([who.parameters[f"{symbol}{l}"] for l in (1, 2)] for symbol in "Wb")
    setting = Setting(who.X, who.Y, tuple(W), tuple(b), activations, cost, 2.0**-24)
    known = {name: right_sheet(setting)[name] for name in ("A0", "Y", "W1", "b1", "W2", "b2")}
    by_lines, by_graph = Sheet(setting, lines_of(setting), known), truth(setting)
    assert len(by_graph) >= 12
    for name, value in by_graph.items():
        np.testing.assert_allclose(by_lines[name].value, value, rtol=1e-9, atol=1e-12, err_msg=name)


def test_the_rounding_of_a_sum_grows_with_what_cancels():
    a = Measured(np.array([[1e4, -1e4, 1.0]]), np.zeros((1, 3)))
    total = a.sum(axis=1)
    assert 1e-4 < total.deviation(2.0**-24)[0] < 1e-1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: notes.check({"dw1": 1}, NOTES.X, NOTES.Y, NOTES.parameters), "no 'dw1' to check. Did you mean 'dW1'"),
        (lambda: notes.check({}, NOTES.X, NOTES.Y, NOTES.parameters), "nothing to check"),
        (lambda: notes.check([1], NOTES.X, NOTES.Y, NOTES.parameters), "your work is a dict"),
        (lambda: notes.check({"dW1": "x"}, NOTES.X, NOTES.Y, NOTES.parameters), "dW1 must be an array of numbers"),
        (lambda: notes.check({"dW1": None}, NOTES.X, NOTES.Y, NOTES.parameters), "dW1 must be an array of numbers"),
        (lambda: notes.check({"J": 1}, NOTES.X.T, NOTES.Y, NOTES.parameters), r"become columns with X.T"),
        (lambda: notes.check({"J": 1}, NOTES.X[:2], NOTES.Y, NOTES.parameters), r"W1 is \(4, 3\), so it takes 3 rows"),
        (lambda: notes.check({"J": 1}, NOTES.X, NOTES.Y, {"W1": [[1, 2, 3]]}), "b1 is missing"),
        (lambda: notes.check({"J": 1}, NOTES.X, NOTES.Y, NOTES.parameters, ["tanh"]), "2 layers, but 1 activations"),
        (lambda: notes.check({"J": 1}, NOTES.X, NOTES.Y, NOTES.parameters, ["tanh", "sigmod"]), "you mean 'sigmoid'"),
        (lambda: notes.check({"J": 1}, NOTES.X, NOTES.Y, NOTES.parameters, cost="mse"), "Did you mean 'squared_error'"),
        (lambda: notes.check({"J": 1}, NOTES.X, NOTES.Y, NOTES.parameters, ["tanh", "relu"], cost="cross_entropy"),
         "takes probabilities, but the last activation is 'relu'"),
        (lambda: notes.check({"J": 1}, NOTES.X, NOTES.Y + 1, NOTES.parameters, NOTES.activations), "Y from 0 to 1"),
        (lambda: notes.check({"J": 1}, NOTES.X, np.ones((2, 5)), NOTES.parameters), r"Y is \(2, 5\), but A\^\[2\] is"),
    ],
)  # fmt: skip
def test_bad_input_is_answered(call, words):
    with pytest.raises(cr.ChainruleError, match=words):
        call()


def test_a_cost_that_rounding_leaves_open_is_neither_right_nor_wrong():
    X, Y = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0]])
    parameters = {"W1": np.array([[400.0]]), "b1": np.array([[0.0]])}
    found = notes.check({"J": 999.0}, X, Y, parameters, ["sigmoid"])
    assert found.open == ["J"]
    assert found.right == []
    assert "J: right" not in str(found)
    assert "J is not judged as A1 rounds to 0 or 1." in str(found)


X_ONE, Y_ONE, ONE = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0]]), {"W1": np.array([[0.5]]), "b1": np.array([[0.0]])}


@pytest.mark.parametrize(
    ("work", "parameters", "activations", "words", "way_out"),
    [
        ({}, ONE, ["sigmoid"], "there is nothing to check", ({"Z1": 0.5 * X_ONE}, ONE, ["sigmoid"])),
        ({"Z1": X_ONE}, ONE, ["softmax"], "a single output is always 1", ({"Z1": 0.5 * X_ONE}, ONE, ["sigmoid"])),
        (
            {"Z1": X_ONE},
            ONE | {"W1": np.array([[1e308]])},
            ["identity"],
            "is not finite with these parameters",
            ({"Z1": 0.5 * X_ONE}, ONE, ["identity"]),
        ),
    ],
)
def test_what_cannot_be_checked_tells_the_way_out(work, parameters, activations, words, way_out):
    with pytest.raises(cr.errors.ChainruleError, match=words):
        notes.check(work, X_ONE, Y_ONE, parameters, activations)
    right, parameters, activations = way_out
    assert notes.check(right, X_ONE, Y_ONE, parameters, activations)
