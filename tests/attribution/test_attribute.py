"""What each feature did to an answer: values that add up, beside exact ones, and how they are told."""

import csv
import json
from itertools import combinations
from math import factorial
from xml.etree import ElementTree

import numpy as np
import pytest

import chainrule as cr

METHODS = ["shapley", "integrated_gradients"]


@pytest.fixture(scope="module")
def bent():
    """A smooth network of four features with three classes, a background of 30 rows, and an example."""
    random = np.random.default_rng(0)
    net = cr.Network([cr.Dense(8, "tanh"), cr.Dense(3, "softmax")], seed=3, input_shape=4)
    net.flat[...] *= 3
    return net, random.standard_normal((30, 4)), random.standard_normal(4) + 1


def linear(w, b=0.5):
    net = cr.Network([cr.Dense(1)], seed=0, input_shape=len(w))
    net.set_parameters({"W1": [w], "b1": [b]})
    return net


def exact(net, x, background, k):
    """Shapley's sum over all sets of features."""
    n = len(x)

    def value(chosen):
        mixed = background.copy()
        mixed[:, [*chosen]] = x[[*chosen]]
        return net.predict(mixed)[:, k].mean()

    found = np.zeros(n)
    for j in range(n):
        others = [i for i in range(n) if i != j]
        for size in range(n):
            share = factorial(size) * factorial(n - size - 1) / factorial(n)
            found[j] += sum(share * (value([*chosen, j]) - value(chosen)) for chosen in combinations(others, size))
    return found


@pytest.mark.parametrize("method", METHODS)
def test_of_a_linear_model_they_are_its_weights_times_how_far_the_example_lies_from_the_mean(method):
    w, x = np.array([2.0, -1.0, 0.25]), np.array([1.0, 2.0, 3.0])
    background = np.random.default_rng(0).standard_normal((20, 3))
    found = cr.attribute(linear(w), x, background, method=method)
    np.testing.assert_allclose(found.values, w * (x - background.mean(axis=0)), atol=1e-5)
    assert found.base == pytest.approx(background.mean(axis=0) @ w + 0.5, abs=1e-5)
    assert found.output == pytest.approx(x @ w + 0.5, abs=1e-5)
    assert abs(found.gap) < 1e-5
    np.testing.assert_allclose(found.errors, abs(w) * background.std(axis=0, ddof=1) / 20**0.5, rtol=1e-3)


def test_shapley_values_are_those_of_the_sum_over_all_sets_of_features(bent):
    net, background, x = bent
    k = int(net.predict(x[None]).argmax())
    found = cr.attribute(net, x, background, rounds=200)
    expected = exact(net, x, background, k)
    assert abs(expected).max() > 0.05
    np.testing.assert_allclose(found.values, expected, atol=0.003)
    few = cr.attribute(net, x, background, rounds=1)
    assert (abs(few.values - expected) < 4 * few.errors).all()
    assert found.of == f"output {k}"


@pytest.mark.parametrize("rounds", [1, 2, None])
def test_shapley_values_add_up_whatever_was_drawn(bent, rounds):
    net, background, x = bent
    for seed in range(3):
        found = cr.attribute(net, x, background, rounds=rounds, seed=seed, output=1)
        assert found.values.sum() == pytest.approx(found.output - found.base, abs=1e-12)
        assert found.output == net.predict(x[None])[0, 1]
        assert found.base == pytest.approx(net.predict(background)[:, 1].mean(), abs=1e-7)


def test_the_standard_errors_are_how_far_values_lie_apart_when_other_rows_are_drawn(bent):
    net, _, x = bent
    random = np.random.default_rng(1)
    many = [cr.attribute(net, x, random.standard_normal((25, 4)), rounds=2, output=0, seed=i) for i in range(80)]
    spread = np.std([found.values for found in many], axis=0, ddof=1)
    told = np.mean([found.errors for found in many], axis=0)
    np.testing.assert_allclose(told, spread, rtol=0.3)


def test_what_the_network_does_not_look_at_did_nothing_and_what_it_treats_alike_did_the_same():
    net = cr.Network([cr.Dense(6, "tanh"), cr.Dense(1, "sigmoid")], seed=0, input_shape=4)
    W = net.parameters["W1"]
    W[:, 1], W[:, 3] = W[:, 0], 0
    half = np.random.default_rng(0).standard_normal((10, 4))
    background = np.vstack([half, half[:, [1, 0, 2, 3]]])
    for method in METHODS:
        found = cr.attribute(net, [1.0, 1.0, -2.0, 5.0], background, method=method, rounds=100)
        assert found.values[3] == pytest.approx(0, abs=1e-6)
        assert found.values[0] == pytest.approx(found.values[1], abs=0.002)
        assert abs(found.values[0]) > 0.02
        assert found.probability


def test_integrated_gradients_are_complete_but_for_what_the_sum_misses(bent):
    net, background, x = bent
    fine = cr.attribute(net, x, background, method="integrated_gradients")
    coarse = cr.attribute(net, x, background, method="integrated_gradients", steps=1)
    assert abs(fine.gap) < 1e-6
    assert abs(coarse.gap) > 1e-3
    assert "missed by the integral" in coarse.sum
    assert "missed" not in fine.sum


def test_of_a_single_row_integrated_gradients_are_the_integral_of_the_derivative(bent):
    net, background, x = bent
    found = cr.attribute(net, x, background[0], method="integrated_gradients", output=2)
    h, alphas = 1e-5, (np.arange(2000) + 0.5) / 2000
    way = background[0] + alphas[:, None] * (x - background[0])
    exact_net = net.copy(dtype="float64")
    slopes = [
        (exact_net.predict(way + h * unit)[:, 2] - exact_net.predict(way - h * unit)[:, 2]).mean() / (2 * h)
        for unit in np.eye(4)
    ]
    np.testing.assert_allclose(found.values, slopes * (x - background[0]), atol=1e-6)
    assert np.isnan(found.errors).all()


def test_features_of_a_group_move_together():
    w = np.array([2.0, -1.0, 0.25, 3.0])
    groups = {"first": [0, 3], "rest": slice(1, 3)}
    for method in METHODS:
        found = cr.attribute(linear(w), np.ones(4), np.zeros((1, 4)), method=method, groups=groups)
        assert found.names == ["first", "rest"]
        np.testing.assert_allclose(found.values, [5.0, -0.75], atol=1e-6)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"groups": {"a": [0, 1], "b": [1, 2, 3]}}, "feature 1 is in two groups"),
        ({"groups": {"a": [0, 1]}}, "feature 2 is in no group, so the values would not add up"),
        ({"groups": {"a": [0, 1, 2, 7]}}, "its places are numbers from 0 to 3"),
        ({"groups": {"a": ["x"]}}, "its places are numbers from 0 to 3"),
        ({"groups": {"a": [], "b": slice(0, 4)}}, "holds no feature"),
        ({"names": ["a"]}, "there are 1 name for 4 features"),
        ({"names": list("abcd"), "groups": {"a": slice(0, 4)}}, "leave names out"),
        ({"method": "lime"}, "there is no method 'lime'"),
        ({"output": 3}, "output is 3, but the network has 3, counted from 0"),
        ({"rounds": 0}, "rounds is 0"),
        ({"steps": 0}, "steps is 0"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(bent, given, words):
    net, background, x = bent
    with pytest.raises(cr.OptionError, match=words):
        cr.attribute(net, x, background, **given)


def test_only_one_example_of_the_right_shape_is_explained(bent):
    net, background, x = bent
    assert len(cr.attribute(net, x[None], background).values) == 4
    with pytest.raises(cr.ShapeError, match=r"give a single one, such as X\[0\]"):
        cr.attribute(net, background, background)
    with pytest.raises(cr.ShapeError, match="must be"):
        cr.attribute(net, x, background[:, :3])
    with pytest.raises(cr.DataError, match="NaN"):
        cr.attribute(net, x * np.nan, background)
    steps = cr.Network([cr.LSTM(3), cr.Dense(2)], seed=0, input_shape=(5, 4))
    with pytest.raises(cr.ShapeError, match="one number is explained"):
        cr.attribute(steps, np.ones((5, 4)), np.zeros((2, 5, 4)))


def test_of_several_values_somebody_says_which():
    net = cr.Network([cr.Dense(2)], seed=0, input_shape=3)
    with pytest.raises(cr.OptionError, match="say which one, such as output=0"):
        cr.attribute(net, np.ones(3), np.zeros((1, 3)))
    found = cr.attribute(net, np.ones(3), np.zeros((1, 3)), output=1)
    np.testing.assert_allclose(found.values, net.parameters["W1"][1], atol=1e-6)


def test_numbers_of_words_have_no_derivative_and_shapley_needs_none():
    net = cr.Network([cr.EmbedColumns(1, 3, 2), cr.Dense(1)], seed=0, input_shape=2)
    background = np.array([[0.5, 0], [0.1, 2], [-1, 1]], np.float32)
    with pytest.raises(cr.OptionError, match='take method="shapley", which needs no derivative'):
        cr.attribute(net, [1.0, 1.0], background, method="integrated_gradients")
    found = cr.attribute(net, [1.0, 1.0], background, method="shapley")
    assert abs(found.gap) < 1e-9


def test_the_seed_repeats_what_is_drawn(bent):
    net, background, x = bent
    first, again, other = (cr.attribute(net, x, background, rounds=1, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.values, again.values)
    assert (first.values != other.values).any()


def test_pictures_are_explained_pixel_by_pixel_or_by_patches():
    net = cr.Network([cr.Conv2D(2, 3, "tanh"), cr.Flatten(), cr.Dense(2, "softmax")], seed=0, input_shape=(4, 4, 1))
    random = np.random.default_rng(0)
    x, background = random.random((4, 4, 1)), random.random((3, 4, 4, 1))
    found = cr.attribute(net, x, background, method="integrated_gradients")
    assert found.names[5] == "x[1, 1, 0]"
    assert abs(found.gap) < 1e-6
    upper = np.arange(16).reshape(4, 4) < 8
    halves = cr.attribute(net, x, background, groups={"upper": upper.ravel(), "lower": ~upper.ravel()})
    assert halves.values.sum() == pytest.approx(halves.output - halves.base, abs=1e-9)


def test_it_prints_what_each_did_and_that_it_adds_up():
    found = cr.attribute(linear([2.0, -1.0]), [1.0, 2.0], [[0.0, 0.0]], names=["age", "weight"])
    assert str(found).splitlines() == [
        "what each part did to the output (Shapley values)",
        "age     1  +2.00",
        "weight  2  −2.00",
        "0.50 (the mean of 1 background row) + 0.00 = 0.50",
    ]
    assert repr(found) == str(found)


def test_the_smallest_are_summed_up():
    w = np.arange(1.0, 21.0)
    found = cr.attribute(linear(w), np.ones(20), np.zeros((1, 20)))
    lines = found.lines()
    assert [line.name for line in lines[:2]] == ["x[19]", "x[18]"]
    assert lines[-1][:3] == ("and 10 others", "", "+55.0")
    assert len(cr.attribute(linear(w[:11]), np.ones(11), np.zeros((1, 11))).lines()) == 11  # never "and 1 other"


def test_probabilities_are_told_in_percentage_points(bent):
    net, background, x = bent
    found = cr.attribute(net, x, background, names=list("abcd"))
    text = str(found)
    assert "percentage points" in text
    assert f"= {100 * found.output:.1f} %" in text
    near_one = cr.Attribution(
        ["a"], np.array([0.5]), np.array([0.01]), 0.49999, 0.99999, "shapley", "p", "a row", [], True
    )
    assert "= 99.999 %" in str(near_one)


def test_an_answer_that_nothing_moves_is_told(bent):
    net, background, _ = bent
    found = cr.attribute(net, background[0], background[:1])
    assert (found.values == 0).all()
    assert "+0.0" in found.lines()[0].did


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_it_is_drawn_from_the_base_to_the_output(bent, tmp_path, suffix):
    net, background, x = bent
    found = cr.attribute(net, x, background, names=["a", "b<", "c", "d"])
    found.save(tmp_path / f"row{suffix}")
    if suffix == ".svg":
        root = ElementTree.fromstring((tmp_path / "row.svg").read_text(encoding="utf-8"))
        told = [mark.find("{*}title").text for mark in root.iter("{http://www.w3.org/2000/svg}rect") if len(mark)]
        did = {name.partition(" ")[0]: float(value) for name, _, value in (text.rpartition(": ") for text in told)}
        assert did == {
            name: pytest.approx(100 * v, rel=1e-3) for name, v in zip(found.names, found.values, strict=True)
        }
    else:
        assert (tmp_path / "row.png").stat().st_size > 1000
    bars = [mark for mark in found.chart().panels[0].marks if hasattr(mark, "begins")]
    assert bars[0].begins[0] == pytest.approx(100 * found.base)
    ends = np.nanmax([mark.values for mark in bars], axis=0)  # each bar is in one of them
    assert ends[-1] == pytest.approx(100 * found.output)


def test_the_numbers_are_written(bent, tmp_path):
    net, background, x = bent
    found = cr.attribute(net, x, background)
    found.save(tmp_path / "row.json")
    found.save(tmp_path / "row.csv")
    kept = json.loads((tmp_path / "row.json").read_text())
    assert sum(part["did"] for part in kept["parts"]) + kept["base"] == pytest.approx(kept["output"])
    assert kept["method"] == "shapley"
    with open(tmp_path / "row.csv", newline="") as file:
        rows = [*csv.DictReader(file)]
    assert sum(float(row["did"]) for row in rows) == pytest.approx(found.output)
    assert rows[1]["name"] == "x[0]"
    with pytest.raises(cr.OptionError, match=r"\.svg, \.png, \.pdf, \.json or \.csv"):
        found.save(tmp_path / "row.txt")
