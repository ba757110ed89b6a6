import numpy as np
import pytest
import sklearn.metrics as sk

import chainrule as cr
from chainrule.metrics import (
    METRICS,
    Metric,
    confusion_matrix,
    decide,
    find_metrics,
    score,
    task_of,
    that_count,
    true_labels,
)


def measured(name, y, output, task):
    return score(find_metrics(name), np.asarray(y), np.asarray(output), task)[name]


@pytest.fixture
def random():
    return np.random.default_rng(0)


def softmax(Z):
    return np.exp(Z) / np.exp(Z).sum(axis=-1, keepdims=True)


class TestYesAndNo:
    @pytest.fixture
    def y(self, random):
        return random.integers(0, 2, 50)

    @pytest.fixture
    def output(self, random, y):
        return np.clip(0.5 + 0.3 * (y - 0.5) + random.normal(0, 0.2, 50), 0.01, 0.99)[:, None]

    @pytest.mark.parametrize(
        ("name", "of_labels"),
        [
            ("accuracy", sk.accuracy_score),
            ("balanced_accuracy", sk.balanced_accuracy_score),
            ("precision", sk.precision_score),
            ("recall", sk.recall_score),
            ("f1", sk.f1_score),
        ],
    )
    def test_yes_is_from_one_half_on(self, y, output, name, of_labels):
        assert 0 < measured(name, y, output, "yes_no") < 1
        assert measured(name, y, output, "yes_no") == of_labels(y, output[:, 0] >= 0.5)

    @pytest.mark.parametrize(("name", "of_scores"), [("roc_auc", sk.roc_auc_score), ("log_loss", sk.log_loss)])
    def test_probabilities_are_read_as_they_are(self, y, output, name, of_scores):
        assert measured(name, y, output, "yes_no") == pytest.approx(of_scores(y, output[:, 0]))

    @pytest.mark.parametrize("name", ["accuracy", "f1", "roc_auc", "log_loss"])
    def test_labels_in_a_column_as_floats_or_booleans_count_the_same(self, y, output, name):
        found = measured(name, y, output, "yes_no")
        for same in (y[:, None], y.astype(np.float32), y.astype(bool), y.astype(np.uint8)):
            assert measured(name, same, output, "yes_no") == pytest.approx(found)

    def test_one_half_is_yes(self):
        np.testing.assert_array_equal(decide(np.array([[0.5], [0.4999]]), "yes_no"), [1, 0])

    def test_a_certain_and_wrong_answer_has_a_finite_log_loss(self):
        assert np.isfinite(measured("log_loss", [0, 1], np.array([[1.0], [0.0]], np.float32), "yes_no"))

    def test_precision_without_any_yes_is_0_without_a_warning(self):
        assert measured("precision", [1, 0], [[0.1], [0.1]], "yes_no") == 0

    def test_a_single_example_is_measured_too(self):
        assert measured("accuracy", [1], [[0.9]], "yes_no") == 1


class TestManyQuestions:
    @pytest.fixture
    def y(self, random):
        return random.integers(0, 2, (40, 3))

    @pytest.fixture
    def output(self, random):
        return random.uniform(0.01, 0.99, (40, 3))

    def test_accuracy_counts_examples_with_every_answer_right(self, y, output):
        expected = (y == (output >= 0.5)).all(axis=1).mean()
        assert measured("accuracy", y, output, "yes_no") == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("name", "of_labels"), [("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)]
    )
    def test_the_others_are_means_over_the_questions(self, y, output, name, of_labels):
        expected = np.mean([of_labels(y[:, j], output[:, j] >= 0.5) for j in range(3)])
        assert measured(name, y, output, "yes_no") == pytest.approx(expected)

    def test_roc_auc_is_the_mean_over_the_questions(self, y, output):
        expected = np.mean([sk.roc_auc_score(y[:, j], output[:, j]) for j in range(3)])
        assert measured("roc_auc", y, output, "yes_no") == pytest.approx(expected)

    def test_log_loss_is_the_mean_over_all_answers(self, y, output):
        expected = -np.mean(np.where(y, np.log(output), np.log(1 - output)))
        assert measured("log_loss", y, output, "yes_no") == pytest.approx(expected)


class TestClasses:
    @pytest.fixture
    def y(self, random):
        return random.integers(0, 4, 60)

    @pytest.fixture
    def output(self, random, y):
        return softmax(random.normal(size=(60, 4)) + np.eye(4)[y])

    @pytest.mark.parametrize(
        ("name", "of_labels", "options"),
        [
            ("accuracy", sk.accuracy_score, {}),
            ("balanced_accuracy", sk.balanced_accuracy_score, {}),
            ("precision", sk.precision_score, {"average": "macro"}),
            ("recall", sk.recall_score, {"average": "macro"}),
            ("f1", sk.f1_score, {"average": "macro"}),
        ],
    )
    def test_the_likeliest_class_is_the_answer(self, y, output, name, of_labels, options):
        assert measured(name, y, output, "classes") == of_labels(y, output.argmax(axis=1), **options)

    def test_roc_auc_is_one_class_against_the_rest(self, y, output):
        expected = np.mean([sk.roc_auc_score(y == k, output[:, k]) for k in range(4)])
        assert measured("roc_auc", y, output, "classes") == pytest.approx(expected)

    def test_log_loss_is_the_mean_of_minus_the_log_of_the_right_class(self, y, output):
        expected = -np.log(output[np.arange(60), y]).mean()
        assert measured("log_loss", y, output, "classes") == pytest.approx(expected)

    def test_log_loss_takes_probabilities_of_float32_and_batches_without_some_class(self, y, output):
        few = y[:5] % 2
        rounded = (output[:5] * 1.0001).astype(np.float32)
        found = measured("log_loss", few, rounded, "classes")
        assert found == pytest.approx(-np.log(output[np.arange(5), few]).mean(), rel=1e-5)

    @pytest.mark.parametrize("name", ["accuracy", "f1", "roc_auc", "log_loss"])
    def test_one_hot_rows_columns_and_floats_count_the_same(self, y, output, name):
        found = measured(name, y, output, "classes")
        for same in (np.eye(4)[y], y[:, None], y.astype(np.float32)):
            assert measured(name, same, output, "classes") == pytest.approx(found)

    def test_every_step_of_a_sequence_counts(self, y, output):
        y, output = y.reshape(12, 5), output.reshape(12, 5, 4)
        assert measured("accuracy", y, output, "classes") == (y == output.argmax(axis=-1)).mean()

    @pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "f1", "roc_auc", "log_loss"])
    def test_two_classes_are_measured_as_one_yes_or_no(self, random, name):
        y = random.integers(0, 2, 40)
        output = softmax(random.normal(size=(40, 2)) + np.eye(2)[y])
        expected = measured(name, y, output[:, 1:], "yes_no")
        assert measured(name, y, output, "classes") == pytest.approx(expected)


class TestSigns:
    @pytest.fixture
    def y(self, random):
        return 2 * random.integers(0, 2, 30) - 1

    @pytest.fixture
    def output(self, random, y):
        return (random.normal(size=30) + y)[:, None]

    @pytest.mark.parametrize(
        ("name", "of_labels"), [("accuracy", sk.accuracy_score), ("f1", sk.f1_score), ("recall", sk.recall_score)]
    )
    def test_the_sign_is_the_answer(self, y, output, name, of_labels):
        assert measured(name, y, output, "signs") == of_labels(y, np.where(output[:, 0] >= 0, 1, -1))

    def test_roc_auc_reads_the_scores(self, y, output):
        assert measured("roc_auc", y, output, "signs") == pytest.approx(sk.roc_auc_score(y, output[:, 0]))

    def test_zero_counts_as_plus(self):
        np.testing.assert_array_equal(decide(np.array([[0.0], [-0.1]]), "signs"), [1, -1])

    def test_scores_have_no_log_loss(self):
        with pytest.raises(cr.OptionError, match=r"log_loss does not fit a network that decides by the sign.*roc_auc"):
            find_metrics("log_loss", "signs")


class TestValues:
    @pytest.mark.parametrize(
        ("name", "of_values"),
        [
            ("mse", sk.mean_squared_error),
            ("rmse", lambda y, output: np.sqrt(((y - output) ** 2).mean())),
            ("mae", sk.mean_absolute_error),
            ("r2", sk.r2_score),
        ],
    )
    @pytest.mark.parametrize("shape", [(30, 1), (30, 3)])
    def test_numbers_are_compared(self, random, name, of_values, shape):
        y, output = random.normal(size=shape), random.normal(size=shape)
        assert measured(name, y, output, "values") == pytest.approx(of_values(y, output))

    def test_y_may_be_without_its_axis_of_length_one(self, random):
        y, output = random.normal(size=30), random.normal(size=(30, 1))
        assert measured("mse", y, output, "values") == pytest.approx(((y - output[:, 0]) ** 2).mean())

    def test_sequences_of_values_are_compared_step_by_step(self, random):
        y, output = random.normal(size=(10, 4, 2)), random.normal(size=(10, 4, 2))
        assert measured("mse", y, output, "values") == pytest.approx(((y - output) ** 2).mean())

    @pytest.mark.parametrize("name", ["accuracy", "f1", "roc_auc", "log_loss"])
    def test_classes_and_probabilities_are_not_asked_of_values(self, name):
        with pytest.raises(cr.OptionError, match=f"{name} does not fit a network that predicts values; take mae, mse"):
            find_metrics(name, "values")


class TestFinding:
    def test_a_name_a_function_or_a_list_of_both(self):
        def bias(y, output):
            return float((output - y).mean())

        assert [metric.name for metric in find_metrics("accuracy")] == ["accuracy"]
        assert [metric.name for metric in find_metrics(bias)] == ["bias"]
        assert [metric.name for metric in find_metrics(["r2", bias])] == ["r2", "bias"]
        assert find_metrics(()) == []

    def test_an_own_function_gets_y_in_the_shape_of_the_output(self):
        def spread(y, output):
            assert output.shape == y.shape == (2, 1)
            return abs(output - y).max()

        assert score(find_metrics(spread), np.array([1.0, 2.0]), np.array([[1.5], [4.0]]), "values") == {"spread": 2.0}

    def test_an_object_that_can_be_called_has_its_classes_name(self):
        class Constant:
            def __call__(self, y, output):
                return 1

        assert score(find_metrics([Constant()]), np.zeros(1), np.zeros(1), "values") == {"Constant": 1.0}

    def test_an_unknown_name_lists_the_known(self):
        with pytest.raises(
            cr.OptionError, match=r"no metric 'acuracy'. Did you mean 'accuracy'\? Known: accuracy, average_"
        ):
            find_metrics(["acuracy"])

    @pytest.mark.parametrize("given", [5, None, [5], [None], [["accuracy"]]])
    def test_what_is_no_metric_is_refused(self, given):
        with pytest.raises(cr.OptionError, match="a metric is a name or a function"):
            find_metrics(given)

    def test_what_cannot_be_computed_is_a_data_error_that_names_the_metric(self):
        with pytest.raises(cr.DataError, match="metric mse cannot be computed"):
            measured("mse", [1.0, 2.0, 3.0], [[1.0], [2.0]], "values")

        def no_number(y, output):
            return "good"

        with pytest.raises(cr.DataError, match="metric no_number cannot be computed"):
            score(find_metrics(no_number), np.zeros(1), np.zeros(1), "values")

    def test_every_metric_gives_a_plain_number(self, random):
        y, output = random.integers(0, 2, 20), random.uniform(size=(20, 1))
        for name in METRICS:
            assert type(measured(name, y, output, "yes_no")) is float


def test_lower_is_better_for_losses_and_errors_only():
    assert {name for name, metric in METRICS.items() if not metric.greater_is_better} == {
        "log_loss",
        "mse",
        "rmse",
        "mae",
    }
    assert Metric("own", lambda y, output, task: 0.0).greater_is_better


@pytest.mark.parametrize(
    ("loss", "task"),
    [
        ("cross_entropy", "classes"),
        ("binary_cross_entropy", "yes_no"),
        ("hinge", "signs"),
        ("perceptron", "signs"),
        ("squared_error", "values"),
        ("huber", "values"),
        ("own", "values"),
    ],
)
def test_the_loss_tells_what_outputs_mean(loss, task):
    assert task_of(loss) == task


def test_labels_take_the_form_of_the_decisions():
    output = softmax(np.zeros((3, 2)))
    np.testing.assert_array_equal(true_labels(np.eye(2)[[1, 0, 1]], output, "classes"), [1, 0, 1])
    np.testing.assert_array_equal(true_labels(np.array([[1], [0], [1]]), output[:, :1], "yes_no"), [1, 0, 1])
    assert true_labels(np.zeros(3), np.zeros((3, 1)), "values").shape == (3, 1)


def test_training_and_evaluation_report_them_under_their_names(digits):
    X, y = digits[0][:200], digits[1][:200]
    net = cr.Network([cr.Dense(10, "softmax")], seed=0)
    options = {"loss": "cross_entropy", "metrics": ["accuracy", "f1"]}
    history = cr.train(net, X, y, epochs=1, validation=(X, y), seed=0, progress=False, **options)
    assert {"accuracy", "f1", "val_accuracy", "val_f1"} <= history.epochs[0].keys()
    found = cr.evaluate(net, X, y, **options)
    assert found["accuracy"] == history.epochs[0]["val_accuracy"] == sk.accuracy_score(y, net.predict(X).argmax(axis=1))


def test_steps_of_sequences_are_counted_one_by_one():
    output = np.array([[[0.9], [0.2], [0.6]], [[0.1], [0.7], [0.4]]])
    y = np.array([[1, 0, 0], [0, 1, 1]])
    measured = score(find_metrics(["accuracy", "roc_auc"]), y, output, "yes_no")
    assert measured == pytest.approx({"accuracy": 4 / 6, "roc_auc": 8 / 9})
    several = np.concatenate([output, 1 - output], axis=-1)
    of_each = score(find_metrics(["accuracy"]), np.stack([y, 1 - y], axis=-1), several, "yes_no")
    assert of_each == pytest.approx({"accuracy": 4 / 6})
    weights = np.array([[1.0, 1, 0], [1, 1, 0]])
    counted = score(find_metrics(["accuracy"]), *that_count(y, output, weights), "yes_no")
    assert counted == pytest.approx({"accuracy": 1.0})


OF_LABELS = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1": sk.f1_score,
}
OF_VALUES = {"mse": sk.mean_squared_error, "mae": sk.mean_absolute_error, "r2": sk.r2_score}


class TestAsScikitLearn:
    """The same numbers from random cases and from those at the edge, in float32 and float64."""

    def compare(self, y, decided, output, task, **options):
        for name, expected in OF_LABELS.items():
            more = {"zero_division": 0.0, **options} if name in ("precision", "recall", "f1") else {}
            assert measured(name, y, output, task) == pytest.approx(expected(y, decided, **more), rel=1e-13)

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("seed", range(12))
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_of_classes_some_of_them_absent_certain_or_tied(self, seed, dtype):
        random = np.random.default_rng(seed)
        m, n = random.integers(3, 60), random.integers(3, 7)
        y = random.integers(0, (n, 2, n - 1)[seed % 3], m)
        output = softmax(random.normal(size=(m, n)) * (1, 5, 30)[seed % 3])
        if seed % 4 == 3:
            output = np.maximum(output.round(1), 0.1)
        output = output.astype(dtype)
        self.compare(y, output.argmax(axis=1), output, "classes", average="macro")
        P = output.astype(np.float64) / output.sum(axis=1, dtype=np.float64, keepdims=True)
        expected = sk.log_loss(y, P, labels=range(n))
        assert measured("log_loss", y, output, "classes") == pytest.approx(expected, rel=1e-13)
        expected = sk.roc_auc_score(y, P, labels=range(n), multi_class="ovr")
        assert measured("roc_auc", y, output, "classes") == pytest.approx(expected, rel=1e-13, nan_ok=True)

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("seed", range(12))
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_of_answers_some_of_them_certain_tied_or_always_the_same(self, seed, dtype):
        random = np.random.default_rng(seed)
        m = random.integers(1, 60)
        y, output = random.integers(0, 2, m), random.uniform(size=m).round(1 + seed % 3).astype(dtype)
        if seed % 4 == 3:
            y[:] = seed % 2
        if seed % 5 == 4:
            output[:] = 0.5
        self.compare(y, output >= 0.5, output[:, None], "yes_no")
        P = np.column_stack([1 - output.astype(np.float64), output])
        found = {name: measured(name, y, output[:, None], "yes_no") for name in ("log_loss", "roc_auc")}
        assert found["log_loss"] == pytest.approx(sk.log_loss(y, P, labels=[0, 1]), rel=1e-13)
        assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(y, output), rel=1e-13, nan_ok=True)

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("seed", range(6))
    def test_of_several_questions(self, seed):
        random = np.random.default_rng(seed)
        y, output = random.integers(0, 2, (20, 3)), random.uniform(size=(20, 3)).round(1)
        if seed % 3 == 2:
            y[:, 1] = 0
        for name in ("precision", "recall", "f1"):
            expected = OF_LABELS[name](y, output >= 0.5, average="macro", zero_division=0.0)
            assert measured(name, y, output, "yes_no") == pytest.approx(expected, rel=1e-13)
        expected = sk.roc_auc_score(y, output)
        assert measured("roc_auc", y, output, "yes_no") == pytest.approx(expected, rel=1e-13, nan_ok=True)

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("seed", range(12))
    def test_of_values_far_from_0_constant_or_alone(self, seed):
        random = np.random.default_rng(seed)
        m, n = (1, 1) if seed == 11 else (random.integers(2, 40), random.integers(1, 4))
        y = random.normal(size=(m, n)) * (1, 1e6)[seed % 2] + (0, 1e7)[seed % 2]
        output = y + random.normal(size=(m, n))
        if seed % 3 == 2:
            y[:, 0] = 3.0
            output[:, 0] = (3.0, 4.0)[seed % 2]
        for name, expected in OF_VALUES.items():
            found = measured(name, y, output.astype(np.float32 if seed % 4 == 3 else np.float64), "values")
            same = expected(y, output.astype(np.float32).astype(np.float64) if seed % 4 == 3 else output)
            assert found == pytest.approx(same, rel=1e-9, nan_ok=True)

    def test_of_a_million_answers_in_float32(self, random):
        y, output = random.integers(0, 2, 1_000_000), random.normal(size=(1_000_000, 1)).astype(np.float32).round(3)
        assert measured("roc_auc", y, output, "yes_no") == pytest.approx(sk.roc_auc_score(y, output), rel=1e-9)

    def test_a_confusion_matrix_has_a_row_for_each_class(self, random):
        true, decided = random.integers(0, 3, 50).astype(np.uint8), random.integers(0, 3, 50)
        expected = sk.confusion_matrix(true, decided, labels=range(5))
        np.testing.assert_array_equal(confusion_matrix(true, decided, 5), expected)


@pytest.mark.parametrize(
    ("name", "y", "output", "task", "words"),
    [
        ("f1", [0, 3], np.eye(3)[:2], "classes", "f1 cannot be computed: y must hold whole numbers from 0 to 2"),
        ("accuracy", [0, 1.5], np.eye(3)[:2], "classes", "y must hold whole numbers from 0 to 2"),
        ("roc_auc", [0, 1], [[0.5], [0.2]], "signs", "y must hold −1 and 1"),
        ("roc_auc", [0, 1], [[0.5], [np.nan]], "yes_no", "the outputs are not finite"),
        ("log_loss", [0, 1], [[0.5], [1.2]], "yes_no", "the outputs are no probabilities, which are from 0 to 1"),
        ("log_loss", [0, 0.5], [[0.5], [0.2]], "yes_no", "y must hold whole numbers from 0 to 1"),
        ("r2", [0.0, np.inf], [[0.5], [1.2]], "values", "y is not finite"),
        ("mse", np.zeros(0), np.zeros((0, 1)), "values", "there are no examples"),
        ("balanced_accuracy", [[0, 1]], [[0.5, 0.5]], "yes_no", "it is about one question, but there are 2"),
    ],
)
def test_why_a_metric_cannot_be_computed_is_told(name, y, output, task, words):
    with pytest.raises(cr.DataError, match=words):
        measured(name, y, output, task)
