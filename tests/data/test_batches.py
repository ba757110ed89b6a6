import numpy as np
import pytest

import chainrule as cr
from chainrule.data.augmentation import AugmentedBatches
from chainrule.data.batches import ArrayBatches, StreamBatches
from chainrule.sklearn.batches import SolverBatches


@pytest.fixture
def X():
    return np.arange(46.0).reshape(23, 2)


@pytest.fixture
def y():
    return np.arange(23)


def of_arrays(X, y, weights=None, **options):
    return ArrayBatches(X, y, weights, **{"batch_size": 5, "shuffle": True, "seed": 3} | options)


def met(batches, epoch, start=0):
    """The examples' numbers, batch by batch."""
    return [Y.tolist() for _, Y, _ in batches.epoch(epoch, start)]


def order(batches, epoch):
    """The examples' numbers, one after the other."""
    return np.concatenate(met(batches, epoch)).tolist()


class TestArrays:
    @pytest.mark.parametrize("shuffle", [True, False])
    @pytest.mark.parametrize("batch_size", [1, 5, 22, 23, 24, 1000])
    def test_every_example_is_met_once_an_epoch(self, X, y, batch_size, shuffle):
        batches = of_arrays(X, y, batch_size=batch_size, shuffle=shuffle)
        for epoch in range(3):
            assert sorted(order(batches, epoch)) == list(range(23))

    @pytest.mark.parametrize(
        ("batch_size", "sizes"), [(5, [5, 5, 5, 5, 3]), (23, [23]), (22, [22, 1]), (24, [23]), (1, [1] * 23)]
    )
    def test_the_last_batch_takes_what_is_left(self, X, y, batch_size, sizes):
        batches = of_arrays(X, y, batch_size=batch_size)
        assert [len(batch) for batch in met(batches, 0)] == sizes
        assert len(batches) == len(sizes)

    def test_x_y_and_weights_stay_together(self, X, y):
        for rows, labels, weights in of_arrays(X, y, 10.0 * y).epoch(0):
            np.testing.assert_array_equal(rows[:, 0], 2 * labels)
            np.testing.assert_array_equal(weights, 10 * labels)

    def test_without_weights_there_are_none(self, X, y):
        assert all(weights is None for _, _, weights in of_arrays(X, y).epoch(0))

    def test_the_order_depends_on_the_seed_and_the_epoch_and_on_nothing_else(self, X, y):
        first, other = of_arrays(X, y), of_arrays(-X, y)
        met(first, 0)
        met(first, 7)
        assert met(first, 1) == met(other, 1)
        assert met(first, 0) != met(first, 1)
        assert met(first, 0) != met(of_arrays(X, y, seed=4), 0)
        assert met(first, 1) != met(of_arrays(X, y, seed=4), 0)

    def test_the_size_of_the_batches_does_not_change_the_order(self, X, y):
        assert order(of_arrays(X, y, batch_size=4), 2) == order(of_arrays(X, y, batch_size=9), 2)

    @pytest.mark.parametrize("shuffle", [True, False])
    def test_an_epoch_can_start_anywhere_and_goes_on_exactly(self, X, y, shuffle):
        batches = of_arrays(X, y, shuffle=shuffle)
        whole = met(batches, 4)
        for start in range(len(batches) + 1):
            assert met(batches, 4, start) == whole[start:]

    def test_unshuffled_they_come_as_they_stand(self, X, y):
        assert order(of_arrays(X, y, shuffle=False), 5) == list(range(23))
        assert np.concatenate([Y for _, Y, _ in of_arrays(X, y).in_order()]).tolist() == list(range(23))

    def test_one_batch_of_all_examples_is_not_shuffled(self, X, y):
        assert met(of_arrays(X, y, batch_size=23), 0) == [list(range(23))]

    def test_the_first_batch_shows_the_shapes(self, X, y):
        rows, labels, _ = of_arrays(X, y).first()
        np.testing.assert_array_equal(labels, [0, 1, 2, 3, 4])
        np.testing.assert_array_equal(rows, X[:5])

    def test_a_memory_map_is_cast_batch_by_batch(self, X, y, tmp_path):
        mapped = np.memmap(tmp_path / "X", np.float64, "w+", shape=X.shape)
        mapped[:] = X
        sizes = []

        def cast(part):
            sizes.append(len(part))
            return np.asarray(part, np.float32)

        batches = ArrayBatches(mapped, y, None, batch_size=5, shuffle=True, seed=3, cast=cast)
        for rows, labels, _ in batches.epoch(0):
            assert rows.dtype == np.float32
            np.testing.assert_array_equal(rows[:, 0], 2 * labels)
        assert sizes == [5, 5, 5, 5, 3]

    def test_the_settings_tell_other_data_apart(self, X, y):
        def known(batches):
            return batches.settings() | {"data with checksum": batches.settings()["data with checksum"].result()}

        settings = known(of_arrays(X, y))
        assert settings == known(of_arrays(X.copy(), y.copy()))
        for other in (
            of_arrays(X[:, :1], y),
            of_arrays(X, y[::-1]),
            of_arrays(X, y, np.ones(23)),
            of_arrays(X, y, batch_size=6),
            of_arrays(X, y, shuffle=False),
        ):
            assert known(other) != settings


def as_it_is(X):
    return X


def no_weights(X, Y, weights):
    return weights


def of_stream(source, weigh=no_weights, cast=as_it_is):
    return StreamBatches(source, weigh, cast)


@pytest.fixture
def parts(X, y):
    return [(X[:10], y[:10]), (X[10:20], y[10:20]), (X[20:], y[20:])]


class TestStreams:
    def test_a_list_is_walked_anew_each_epoch(self, parts):
        stream = of_stream(parts)
        for epoch in range(3):
            assert met(stream, epoch) == [list(range(10)), list(range(10, 20)), [20, 21, 22]]

    def test_a_function_makes_a_fresh_iterator_each_epoch(self, parts):
        calls = []

        def source():
            calls.append(True)
            return iter(parts)

        stream = of_stream(source)
        for epoch in range(3):
            assert len(met(stream, epoch)) == 3
        assert len(calls) == 3

    @pytest.mark.parametrize("start", [0, 1, 2, 3])
    def test_those_before_the_start_are_read_and_dropped(self, parts, start):
        assert met(of_stream(parts), 0, start) == met(of_stream(parts), 0)[start:]

    def test_weights_may_come_third(self, X, y):
        stream = of_stream([(X, y, np.arange(23.0)), (X, y, None), [X, y]])
        weights = [weights for _, _, weights in stream.epoch(0)]
        np.testing.assert_array_equal(weights[0], np.arange(23))
        assert weights[1:] == [None, None]

    def test_x_is_cast_and_labels_are_weighed(self, parts):
        stream = of_stream(parts, weigh=lambda X, Y, weights: Y + 0.5, cast=lambda X: X.astype(np.float32))
        for X, Y, weights in stream.epoch(0):
            assert X.dtype == np.float32
            np.testing.assert_array_equal(weights, Y + 0.5)

    def test_plain_lists_become_arrays(self):
        X, Y, weights = of_stream([([[1, 2], [3, 4]], [0, 1], [1, 2])]).first()
        assert X.shape == (2, 2)
        assert Y.shape == weights.shape == (2,)

    def test_no_batch_at_all_is_an_error(self):
        for source in ([], lambda: iter([])):
            with pytest.raises(cr.DataError, match="the stream is empty: give a list"):
                of_stream(source).first()

    def test_a_stream_that_is_used_up_after_one_epoch_tells_the_way_out(self, parts):
        once = iter(parts)
        stream = of_stream(lambda: once)
        assert len(met(stream, 0)) == 3
        with pytest.raises(
            cr.DataError, match=r"empty in its second epoch: .*a function that returns a fresh iterator"
        ):
            met(stream, 1)

    @pytest.mark.parametrize("batch", [None, 3, np.zeros((2, 2)), (np.zeros((2, 2)),), {"X": 1, "y": 2}, (1, 2, 3, 4)])
    def test_a_batch_that_is_no_pair_is_named_by_its_number(self, parts, batch):
        with pytest.raises(cr.DataError, match=r"batch 1 of the stream is .*must be \(X, Y\) or \(X, Y, weights\)"):
            met(of_stream([parts[0], batch]), 0)

    @pytest.mark.parametrize(
        "batch",
        [(np.zeros((2, 3)), np.zeros(3)), (np.zeros((0, 3)), np.zeros(0)), (np.zeros((2, 3)), 1.0)],
    )
    def test_x_and_y_of_different_length_are_refused_with_both_shapes(self, parts, batch):
        with pytest.raises((cr.DataError, cr.ShapeError), match=r"X of batch 1 is \(.*\)"):
            met(of_stream([parts[0], batch]), 0)

    @pytest.mark.parametrize(
        "batch",
        [(1.0, 2.0), ([[1.0], [2.0]], ["a", "b"]), ([[1.0], [2.0]], [0.5, np.nan]), ([[1.0], [2.0, 3.0]], [0, 1])],
        ids=["a number", "text", "NaN", "ragged"],
    )
    def test_labels_are_checked_as_those_of_arrays_are(self, batch):
        with pytest.raises(cr.DataError):
            met(of_stream([batch]), 0)


class TestTraining:
    def test_a_stream_trains_to_the_same_bits_as_the_arrays_it_was_cut_from(self, X, y):
        def trained(*data, **options):
            net = cr.Network([cr.Dense(3, "tanh"), cr.Dense(1)], seed=0)
            cr.train(net, *data, loss="squared_error", epochs=3, seed=0, progress=False, **options)
            return net.flat

        parts = [(X[i : i + 5] / 46, y[i : i + 5]) for i in range(0, 23, 5)]
        expected = trained(X / 46, y, batch_size=5, shuffle=False)
        np.testing.assert_array_equal(trained(parts), expected)
        np.testing.assert_array_equal(trained(lambda: iter(parts)), expected)

    def test_classes_have_weights_in_a_stream_too_though_a_batch_may_lack_one(self, X):
        y = np.repeat([0, 1, 2], [10, 8, 5])
        whole, in_parts = cr.Network([cr.Dense(3, "softmax")], seed=0), cr.Network([cr.Dense(3, "softmax")], seed=0)
        options = {"loss": "cross_entropy", "class_weight": {1: 2.0, 2: 3.0}, "seed": 0, "progress": False}
        cr.train(whole, X, y, batch_size=10, shuffle=False, epochs=2, **options)
        cr.train(in_parts, [(X[i : i + 10], y[i : i + 10]) for i in (0, 10, 20)], epochs=2, **options)
        np.testing.assert_allclose(in_parts.flat, whole.flat, rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize("wrong", [iter([]), 5, np.zeros((3, 2))], ids=["iterator", "number", "array"])
    def test_what_is_no_stream_is_refused(self, wrong):
        with pytest.raises(cr.DataError):
            cr.train(cr.Network([cr.Dense(1)]), wrong, loss="squared_error", progress=False)

    @pytest.mark.parametrize("batch_size", [0, -1, 2.5, "all", True])
    def test_the_batch_size_is_a_whole_number(self, X, y, batch_size):
        with pytest.raises(cr.OptionError, match=r"batch_size is .* whole number, 1 or more"):
            cr.train(
                cr.Network([cr.Dense(1)]), X, y, loss="squared_error", batch_size=batch_size, epochs=1, progress=False
            )


class TestWhatAnEngineMayRead:
    @pytest.mark.parametrize("shuffle", [True, False])
    def test_rows_taken_from_the_arrays_in_their_order_are_the_batches(self, X, y, shuffle):
        batches = of_arrays(X, y, shuffle=shuffle)
        arrays, size = batches.arrays, batches.arrays.batch_size
        numbers = arrays.order(1)
        taken = [arrays.Y[numbers[i : i + size]].tolist() for i in range(0, arrays.m, size)]
        assert taken == met(batches, 1)
        assert len(arrays) == len(taken)
        assert batches.l2 is None

    def test_streams_and_changed_pictures_lie_in_no_arrays(self, parts):
        pictures = of_arrays(np.zeros((6, 2, 2, 1), np.float32), np.zeros(6))
        for batches in (of_stream(parts), AugmentedBatches(pictures, cr.Augmentation(flip=True), None)):
            assert batches.arrays is None
            assert batches.l2 is None

    def test_batches_of_scikit_learns_cost_have_an_l2_each(self, X, y):
        batches = SolverBatches(
            X, y, None, batch_size=5, random=np.random.RandomState(0), alpha=1.0, l2=0.5, dtype="float64"
        )
        assert batches.arrays is batches
        assert batches.l2 == pytest.approx(0.5 + 1 / np.array([5, 5, 5, 5, 3]))
