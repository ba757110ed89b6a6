import numpy as np
import pytest

import chainrule as cr
from chainrule.data.examples import example_weights, examples


class TestExamples:
    def test_lists_become_arrays(self):
        X, y = examples([[1, 2], [3, 4]], [0, 1])
        assert X.shape == (2, 2)
        assert y.shape == (2,)

    def test_a_memory_map_stays_one(self, tmp_path):
        mapped = np.memmap(tmp_path / "X", np.float32, "w+", shape=(3, 2))
        assert examples(mapped, [0, 1, 2])[0] is mapped

    @pytest.mark.parametrize("y", [[0, 1], [0.5, 1.5], [True, False], [[1, 0], [0, 1]], np.zeros((2, 3, 4))])
    def test_labels_values_answers_and_one_hot_rows_are_taken(self, y):
        np.testing.assert_array_equal(examples(np.zeros((2, 3)), y)[1], y)

    @pytest.mark.parametrize("X", [[], np.zeros((0, 3))])
    def test_without_examples_it_is_an_error_that_names_x(self, X):
        with pytest.raises(cr.DataError, match=r"X_val is \(.*\): there is no example in it"):
            examples(X, [], "X_val")

    @pytest.mark.parametrize(
        ("X", "what"),
        [
            (None, "None"),
            (len, "a builtin_function_or_method"),
            ("x", "a str"),
            ({}, "a dict"),
            (np.array(5.0), "a float"),
        ],
    )
    def test_what_is_no_array_is_called_what_it_is(self, X, what):
        with pytest.raises(cr.DataError, match=rf"X_val is {what}, but must be an array \(m, …\) with an example"):
            examples(X, [], "X_val")

    @pytest.mark.parametrize("y", [[0], [0, 1, 2], 0, None, []])
    def test_each_example_needs_one_entry_of_y(self, y):
        with pytest.raises(cr.ShapeError, match=r"X is \(2, 3\) and y is \(.*\): each example needs one entry of y"):
            examples(np.zeros((2, 3)), y)

    @pytest.mark.parametrize("y", [["a", "b"], [None, None], np.array(["2024", "2025"], "M8[Y]"), [1j, 2j]])
    def test_labels_are_numbers_and_the_way_there_is_told(self, y):
        with pytest.raises(cr.DataError, match=r"y is of type .*np.unique\(y, return_inverse=True\)"):
            examples(np.zeros((2, 3)), y)

    @pytest.mark.parametrize("y", [["1.5", "2"], np.array([1, 2.5], object), np.array([b"1", b"2"])])
    def test_numbers_that_are_written_as_something_else_are_made_so(self, y):
        with pytest.raises(
            cr.DataError, match=r"y is of type .*: y = np.asarray\(y, dtype=float\) makes them so"
        ) as told:
            examples(np.zeros((2, 3)), y)
        assert "unique" not in str(told.value)
        examples(np.zeros((2, 3)), np.asarray(y, dtype=float))

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_labels_that_are_not_finite_are_located(self, bad):
        with pytest.raises(cr.DataError, match=r"y holds NaN or infinity, first at \[1\]"):
            examples(np.zeros((3, 1)), [0.0, bad, bad])
        with pytest.raises(cr.DataError, match=r"first at \[2, 0\]"):
            examples(np.zeros((3, 1)), [[0.0, 1.0], [0.0, 1.0], [bad, 1.0]])

    def test_rows_of_different_length_are_a_data_error(self):
        with pytest.raises(cr.DataError):
            examples([[1, 2], [3]], [0, 1])
        with pytest.raises(cr.DataError):
            examples([[1, 2], [3, 4]], [[0, 1], [1]])


def relative(weights):
    return np.array(weights) / np.mean(weights)


class TestWeights:
    def test_where_all_examples_count_the_same_there_are_none(self):
        assert example_weights(np.array([0, 1, 1])) is None

    def test_those_of_the_examples_are_brought_to_mean_1(self):
        np.testing.assert_allclose(example_weights(np.array([0, 1, 1]), [1, 0, 3]), [0.75, 0, 2.25])

    def test_a_class_left_out_has_weight_1(self):
        found = example_weights(np.array([0, 1, 2, 1]), class_weight={1: 5.0, 2: 0})
        np.testing.assert_allclose(found, relative([1, 5, 0, 5]))

    def test_both_are_multiplied(self):
        found = example_weights(np.array([0, 1, 1]), [1, 2, 3], {1: 10.0})
        np.testing.assert_allclose(found, relative([1, 20, 30]))

    def test_balanced_gives_every_class_the_same_sum_and_keeps_the_total(self):
        y = np.array([0] * 6 + [1] * 3 + [7])
        found = example_weights(y, class_weight="balanced")
        np.testing.assert_allclose([found[y == k].sum() for k in (0, 1, 7)], 10 / 3)

    def test_balanced_is_what_scikit_learn_means_by_it(self):
        from sklearn.utils.class_weight import compute_sample_weight

        y = np.random.default_rng(0).integers(0, 4, 50)
        np.testing.assert_allclose(example_weights(y, class_weight="balanced"), compute_sample_weight("balanced", y))

    @pytest.mark.parametrize("form", [lambda y: np.eye(3)[y], lambda y: y[:, None], lambda y: y.astype(np.float32)])
    def test_one_hot_rows_columns_and_floats_are_labels_too(self, form):
        y = np.array([0, 2, 1, 2])
        found = example_weights(form(y), class_weight={2: 4.0})
        np.testing.assert_allclose(found, relative([1, 4, 1, 4]))

    def test_signs_are_classes_too(self):
        found = example_weights(np.array([-1, 1]), class_weight={-1: 3.0})
        np.testing.assert_allclose(found, relative([3, 1]))

    @pytest.mark.parametrize("weights", [[1, 2], [1, 2, 3, 4], 1.0])
    def test_there_is_one_for_each_example(self, weights):
        with pytest.raises(cr.ShapeError, match=r"weights are \(.*\), but there are 3 examples"):
            example_weights(np.array([0, 1, 1]), weights)

    def test_a_column_of_weights_is_refused_or_read_as_one_for_each_example(self):
        try:
            found = example_weights(np.array([0, 1, 1]), np.array([[1.0], [2.0], [3.0]]), {1: 10.0})
        except cr.ShapeError:
            return
        np.testing.assert_allclose(found.ravel(), relative([1, 20, 30]))

    @pytest.mark.parametrize("weights", [[1, -1, 1], [1, np.nan, 1], [1, np.inf, 1], [0, 0, 0], ["a", "b", "c"]])
    def test_they_are_finite_and_0_or_more_and_not_all_0(self, weights):
        with pytest.raises(cr.DataError, match="weight"):
            example_weights(np.array([0, 1, 1]), weights)

    def test_classes_may_not_take_all_weight_away(self):
        for sample_weight, class_weight in ((None, {0: 0, 1: 0}), ([1, 0, 0], {0: 0})):
            with pytest.raises((cr.DataError, cr.OptionError)):
                example_weights(np.array([0, 1, 1]), sample_weight, class_weight)

    def test_a_class_that_does_not_occur_is_refused(self):
        with pytest.raises(cr.OptionError, match=r"class_weight has the class 2, but y holds only \[0, 1\]"):
            example_weights(np.array([0, 1, 1]), class_weight={1: 2.0, 2: 3.0})

    def test_classes_of_several_kinds_that_do_not_occur_are_refused(self):
        with pytest.raises(cr.OptionError, match="class_weight has the class"):
            example_weights(np.array([0, 1, 1]), class_weight={"a": 2.0, 7: 3.0})

    @pytest.mark.parametrize("weight", [-1, np.nan, np.inf, "heavy", None])
    def test_a_class_weight_is_finite_and_0_or_more(self, weight):
        with pytest.raises(cr.OptionError, match=r"the weight of class 1 is .*, but must be a number, at least 0"):
            example_weights(np.array([0, 1, 1]), class_weight={1: weight})

    @pytest.mark.parametrize("given", ["balance", 5, [1.0, 2.0]])
    def test_class_weight_is_a_dict_or_balanced(self, given):
        with pytest.raises(cr.OptionError, match=r'class_weight is a dict .* or "balanced", not'):
            example_weights(np.array([0, 1, 1]), class_weight=given)

    @pytest.mark.parametrize("options", [{"class_weight": "balanced"}, {"sample_weight": np.arange(1.0, 31.0)}])
    def test_training_counts_an_example_of_weight_2_as_two(self, options):
        random = np.random.default_rng(0)
        X, y = random.normal(size=(30, 2)), (np.arange(30) < 8).astype(int)
        weights = example_weights(y, **options)
        net = cr.Network([cr.Dense(2, "softmax")], seed=0)
        p = net.predict(X)[np.arange(30), y]
        history = cr.train(
            net, X, y, loss="cross_entropy", epochs=1, batch_size=None, seed=0, progress=False, **options
        )
        expected = (weights * -np.log(p)).sum() / weights.sum()
        assert history.epochs[0]["loss"] == pytest.approx(expected, rel=1e-5)
