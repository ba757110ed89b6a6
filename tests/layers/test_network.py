import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import chainrule as cr


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(6, 4))


@pytest.fixture
def nested():
    inner = cr.Network([cr.Dense(5, "tanh"), cr.Dropout(0.2), cr.Dense(4)])
    return cr.Network([cr.Dense(4, "relu"), inner, cr.BatchNorm(), cr.Dense(2)], seed=0, input_shape=3)


class TestSizes:
    def test_they_are_found_from_the_first_data(self, X):
        net = cr.Network([cr.Dense(5), cr.Dense(2)])
        assert not net.built
        assert net.parameters == {}
        assert net.predict(X).shape == (6, 2)
        assert net.built
        assert net.input_shape == (4,)
        assert {name: value.shape for name, value in net.parameters.items()} == {
            "W1": (5, 4),
            "b1": (5,),
            "W2": (2, 5),
            "b2": (2,),
        }

    @pytest.mark.parametrize("input_shape", [4, (4,), [4], np.int64(4), np.array([4])])
    def test_they_are_found_from_input_shape(self, input_shape):
        net = cr.Network([cr.Dense(5)], input_shape=input_shape)
        assert net.parameters["W1"].shape == (5, 4)
        assert net.input_shape == (4,)

    def test_both_ways_give_the_same_bits(self, X):
        by_shape = cr.Network([cr.Dense(5), cr.Dense(2)], seed=3, input_shape=4)
        by_data = cr.Network([cr.Dense(5), cr.Dense(2)], seed=3)
        np.testing.assert_array_equal(by_data.predict(X), by_shape.predict(X))

    def test_training_finds_them_too(self, X):
        net = cr.Network([cr.Dense(2)])
        cr.train(net, X, X[:, :2], loss="squared_error", epochs=0, progress=False)
        assert net.input_shape == (4,)

    @pytest.mark.parametrize("input_shape", [-1, (4, -1), 4.5, (4.5,), "44", "four", True])
    def test_an_input_shape_that_is_no_shape_is_refused(self, input_shape):
        with pytest.raises(cr.OptionError, match="input_shape"):
            cr.Network([cr.Dense(5)], input_shape=input_shape)

    def test_building_again_keeps_the_parameters(self):
        net = cr.Network([cr.Dense(5)], seed=0, input_shape=4)
        before = net.flat.copy()
        net.build(4)
        np.testing.assert_array_equal(net.flat, before)

    def test_building_for_another_shape_is_refused_and_changes_nothing(self, X):
        net = cr.Network([cr.Dense(5)], seed=0, input_shape=4)
        before = net.predict(X)
        with pytest.raises(cr.ShapeError, match=r"W1 is \(5, 4\), so it takes 4 features, but A0 has 3"):
            net.build(3)
        assert net.input_shape == (4,)
        np.testing.assert_array_equal(net.predict(X), before)

    def test_after_a_build_that_failed_other_data_can_be_given(self, X):
        net = cr.Network([cr.Dense(5), cr.Network([cr.Residual([cr.Dense(4), cr.Flatten(), cr.Dense(5)])])], seed=0)
        with pytest.raises(cr.ShapeError):
            net.predict(X.reshape(3, 2, 4))
        assert not net.built
        assert net.parameters == {}
        assert net.predict(X).shape == (6, 5)


class TestTheFlatVector:
    def test_parameters_are_named_w1_b1_and_so_on_counting_layers_that_hold_some(self, nested):
        names = ["W1", "b1", "W2", "b2", "W3", "b3", "gamma4", "beta4", "W5", "b5"]
        assert list(nested.parameters) == names

    def test_parameters_lie_in_it_in_order(self, nested):
        together = np.concatenate([value.ravel() for value in nested.parameters.values()])
        np.testing.assert_array_equal(nested.flat, together)

    def test_parameters_are_live_views(self, nested):
        nested.flat[:] = 7
        assert all((value == 7).all() for value in nested.parameters.values())
        nested.parameters["W3"][...] = 8
        assert (nested.flat == 8).sum() == nested.parameters["W3"].size

    def test_the_flat_vector_of_an_inner_network_is_a_part_of_the_outers(self, nested):
        inner = nested.layers[1]
        assert np.shares_memory(inner.flat, nested.flat)
        assert list(inner.parameters) == ["W2", "b2", "W3", "b3"]
        np.testing.assert_array_equal(inner.flat, np.concatenate([v.ravel() for v in inner.parameters.values()]))
        inner.flat[:] = 9
        assert (nested.parameters["W2"] == 9).all()
        assert (nested.flat == 9).sum() == inner.flat.size

    def test_networks_nest_three_deep(self, X):
        innermost = cr.Network([cr.Dense(3)])
        middle = cr.Network([cr.Dense(5), innermost])
        net = cr.Network([middle, cr.Dense(2)], seed=0)
        net.predict(X)
        innermost.flat[:] = 1
        assert (net.parameters["W2"] == 1).all()
        assert list(net.parameters) == ["W1", "b1", "W2", "b2", "W3", "b3"]

    def test_an_inner_network_learns_with_the_outer_one(self, X):
        inner = cr.Network([cr.Dense(3, "tanh")])
        net = cr.Network([inner, cr.Dense(1)], seed=0, input_shape=4)
        before = inner.flat.copy()
        cr.train(net, X, X[:, 0], loss="squared_error", epochs=1, progress=False)
        assert (inner.flat != before).any()
        np.testing.assert_array_equal(inner.flat, net.flat[: inner.flat.size])

    def test_an_inner_network_predicts_by_itself_too(self, X):
        inner = cr.Network([cr.Dense(3, "tanh")])
        net = cr.Network([inner, cr.Activation("relu")], seed=0)
        np.testing.assert_array_equal(net.predict(X), np.maximum(inner.predict(X), 0))

    def test_a_network_that_has_learned_keeps_its_values_inside_another(self, X):
        inner = cr.Network([cr.Dense(3, "tanh")], seed=0)
        before = inner.predict(X)
        net = cr.Network([inner, cr.Activation("identity")], seed=1)
        np.testing.assert_array_equal(net.predict(X), before)

    def test_an_inner_network_takes_the_outers_type(self, X):
        inner = cr.Network([cr.Dense(3), cr.BatchNorm()], input_shape=4)
        cr.Network([inner], dtype="float64", input_shape=4)
        assert inner.dtype == "float64"
        assert inner.flat.dtype == inner.layers[1].statistics["mean"].dtype == np.float64

    def test_a_single_layer_needs_no_list(self):
        assert list(cr.Network(cr.Dense(3), input_shape=2).parameters) == ["W1", "b1"]

    def test_regularized_marks_what_has_more_than_one_axis(self):
        net = cr.Network([cr.Dense(2), cr.LayerNorm()], input_shape=3)
        np.testing.assert_array_equal(net.regularized, [1] * 6 + [0] * 2 + [0] * 4)


class TestSetParameters:
    def test_values_are_copied_and_others_stay(self):
        net = cr.Network([cr.Dense(2)], seed=0, input_shape=3)
        W1, given = net.parameters["W1"].copy(), np.array([1.0, 2.0])
        net.set_parameters({"b1": given})
        given[:] = 0
        np.testing.assert_array_equal(net.parameters["b1"], [1, 2])
        np.testing.assert_array_equal(net.parameters["W1"], W1)

    def test_an_unknown_name_lists_the_known_and_changes_nothing(self):
        net = cr.Network([cr.Dense(2)], input_shape=3)
        with pytest.raises(cr.OptionError, match="no parameter 'W2'; it has W1, b1"):
            net.set_parameters({"b1": [5, 5], "W2": [1]})
        assert not net.parameters["b1"].any()

    def test_another_shape_is_refused_and_changes_nothing(self):
        net = cr.Network([cr.Dense(2)], input_shape=3)
        with pytest.raises(cr.ShapeError, match=r"W1 is \(2, 3\), but the value given is \(3, 2\)"):
            net.set_parameters({"b1": [5, 5], "W1": np.zeros((3, 2))})
        assert not net.parameters["b1"].any()


class TestState:
    def test_it_goes_back_to_where_it_was(self, X):
        net = cr.Network([cr.BatchNorm(), cr.Dense(2)], seed=0, input_shape=4)
        before = {name: value.copy() for name, value in net.state().items()}
        predicted = net.predict(X)
        cr.train(net, X, X[:, :2], loss="squared_error", epochs=2, progress=False)
        assert (net.predict(X) != predicted).any()
        net.set_state(before)
        np.testing.assert_array_equal(net.predict(X), predicted)

    def test_the_state_of_another_network_is_refused(self):
        net = cr.Network([cr.BatchNorm(), cr.Dense(2)], input_shape=4)
        longer = cr.Network([cr.BatchNorm(), cr.Dense(2), cr.Standardize()], input_shape=4)
        wider = cr.Network([cr.BatchNorm(), cr.Dense(2)], input_shape=5)
        for other in (longer, wider):
            with pytest.raises((cr.ShapeError, cr.OptionError)):
                net.set_state(other.state())

    def test_statistics_of_another_shape_are_refused(self):
        net = cr.Network([cr.Standardize()], input_shape=4)
        with pytest.raises(cr.ShapeError):
            net.set_state(cr.Network([cr.Standardize()], input_shape=5).state())


class TestBits:
    def test_the_same_seed_gives_the_same_bits(self, X):
        one, two = (cr.Network([cr.Dense(8, "relu"), cr.Dense(2)], seed=5) for _ in range(2))
        np.testing.assert_array_equal(one.predict(X), two.predict(X))
        assert (cr.Network([cr.Dense(8, "relu"), cr.Dense(2)], seed=6).predict(X) != one.predict(X)).any()

    def test_without_a_seed_the_one_that_was_drawn_repeats_it(self, X):
        net = cr.Network([cr.Dense(3)])
        assert net.seed != cr.Network([cr.Dense(3)]).seed
        np.testing.assert_array_equal(net.predict(X), cr.Network([cr.Dense(3)], seed=net.seed).predict(X))

    def test_float32_is_the_default(self, X):
        net = cr.Network([cr.Dense(3), cr.BatchNorm(), cr.LayerNorm(), cr.Standardize()])
        assert net.dtype == "float32"
        assert net.predict(X).dtype == net.flat.dtype == np.float32

    def test_float64_computes_in_float64_throughout(self, X):
        layers = [cr.Dense(3, "gelu"), cr.BatchNorm(), cr.LayerNorm(), cr.Standardize(), cr.Dropout(0.5)]
        net = cr.Network(layers, dtype="float64")
        assert net.predict(X).dtype == net.flat.dtype == np.float64
        assert net.record(X, training=True)[0].value.dtype == np.float64
        assert all(value.dtype == np.float64 for value in net.state().values())

    def test_both_types_start_from_the_same_numbers(self, X):
        wide = cr.Network([cr.Dense(3)], seed=0, dtype="float64", input_shape=4)
        narrow = cr.Network([cr.Dense(3)], seed=0, input_shape=4)
        np.testing.assert_array_equal(narrow.flat, wide.flat.astype(np.float32))

    @pytest.mark.parametrize("dtype", ["float16", "int32", "double precision", None, 32])
    def test_other_types_are_refused(self, dtype):
        with pytest.raises(cr.OptionError, match='computes in "float32" or "float64"'):
            cr.Network([cr.Dense(3)], dtype=dtype)

    @pytest.mark.parametrize("seed", [-1, 0.5, "0", True])
    def test_the_seed_is_a_whole_number(self, seed):
        with pytest.raises(cr.OptionError, match="seed is"):
            cr.Network([cr.Dense(3)], seed=seed)


class TestWhichLayers:
    def test_the_same_object_twice_is_refused(self):
        layer = cr.Dense(3)
        with pytest.raises(cr.OptionError, match=r"Dense\(3\) stands in the network twice"):
            cr.Network([layer, cr.Dense(3), layer])
        with pytest.raises(cr.OptionError, match="twice"):
            cr.Network([layer, cr.Residual([cr.Dense(4), layer])])
        with pytest.raises(cr.OptionError, match="twice"):
            cr.Network([layer, cr.Network([layer])])

    def test_a_layer_of_another_network_is_refused(self):
        layer = cr.Dense(3)
        first = cr.Network([layer], seed=0, input_shape=2)
        before = first.flat.copy()
        with pytest.raises(cr.OptionError, match=r"Dense\(3\) belongs to another network"):
            cr.Network([layer, cr.Dense(2)], input_shape=2)
        first.flat[:] = before
        np.testing.assert_array_equal(first.parameters["W1"].ravel(), before[:6])

    def test_a_layer_from_inside_another_network_is_refused(self):
        inner = cr.Network([cr.Dense(3)])
        cr.Network([inner, cr.Dense(2)], input_shape=2)
        with pytest.raises(cr.OptionError, match="belongs to another network"):
            cr.Network([inner.layers[0]], input_shape=2)

    def test_a_whole_network_is_not_shared_by_two_others(self):
        inner = cr.Network([cr.Dense(3)])
        cr.Network([inner], input_shape=2)
        with pytest.raises(cr.OptionError, match="belongs to another network"):
            cr.Network([inner], input_shape=2)
        assert cr.Network([inner.copy()], input_shape=2).built

    def test_a_class_in_the_place_of_a_layer_asks_whether_an_object_was_meant(self):
        with pytest.raises(cr.OptionError, match=r"did you mean Dense\(…\)\?"):
            cr.Network([cr.Dense])

    @pytest.mark.parametrize("layers", [None, 3, "Dense", ["Dense"], [cr.Dense(3), None], [[cr.Dense(3)]]])
    def test_what_is_no_layer_is_refused(self, layers):
        with pytest.raises(cr.OptionError, match="Network takes a list of layers"):
            cr.Network(layers)

    def test_an_empty_list_is_refused(self):
        with pytest.raises(cr.OptionError, match="the list is empty"):
            cr.Network([])

    def test_a_layer_alone_says_that_it_needs_a_network(self):
        with pytest.raises(cr.GraphError, match=r"Dense\(3\) has no parameter W: a Network makes those"):
            cr.Dense(3)(np.zeros((2, 4)))


class TestPredict:
    def test_many_examples_are_predicted_as_few_are(self):
        X = np.random.default_rng(0).normal(size=(3000, 4))
        net = cr.Network([cr.Dense(3, "tanh")], seed=0, dtype="float64")
        whole = net.predict(X)
        assert whole.shape == (3000, 3)
        np.testing.assert_allclose(whole[1020:1030], net.predict(X[1020:1030]), rtol=1e-12)

    @pytest.mark.parametrize("kind", [list, tuple, np.float32, np.int8, np.uint64, bool])
    def test_numbers_of_every_kind_are_taken(self, kind):
        X = [[0, 1], [1, 1]]
        given = kind(map(tuple, X)) if kind in (list, tuple) else np.array(X, kind)
        net = cr.Network([cr.Dense(3)], seed=0)
        np.testing.assert_array_equal(net.predict(given), net.predict(np.array(X, np.float32)))

    def test_a_memory_map_is_read_in_parts(self, tmp_path):
        X = np.memmap(tmp_path / "X", np.float32, "w+", shape=(2500, 3))
        X[:] = np.random.default_rng(0).normal(size=X.shape)
        net = cr.Network([cr.Dense(2, "tanh")], seed=0)
        np.testing.assert_array_equal(net.predict(X), net.predict(np.array(X)))

    def test_x_is_not_changed(self, X):
        before = X.copy()
        cr.Network([cr.Standardize(), cr.Activation("relu"), cr.Dense(3)], dtype="float64").predict(X)
        np.testing.assert_array_equal(X, before)

    def test_an_unknown_engine_lists_the_known(self, X):
        with pytest.raises(cr.OptionError, match=r"no engine 'gpu'.* Known: .*auto.*numpy"):
            cr.Network([cr.Dense(3)]).predict(X, engine="gpu")

    def test_a_variable_can_be_differentiated_through_the_network(self):
        net = cr.Network([cr.Dense(3, "tanh"), cr.Dense(1)], seed=0, dtype="float64", input_shape=2)
        X = cr.variable(np.array([[0.3, -0.2]]))
        net(X).sum().backward()
        W1, W2 = net.parameters["W1"], net.parameters["W2"]
        A1 = np.tanh(X.value @ W1.T)
        np.testing.assert_allclose(X.grad, (W2 * (1 - A1**2)) @ W1, rtol=1e-12)

    def test_several_threads_at_once_get_the_right_results(self):
        random = np.random.default_rng(0)
        layers = [cr.Dense(32, "relu"), cr.Dropout(0.5), cr.BatchNorm(), cr.Residual([cr.Dense(32)]), cr.Dense(3)]
        net = cr.Network(layers, seed=0, input_shape=8)
        batches = [random.normal(size=(50 + i, 8)) for i in range(60)]
        expected = [net.predict(X) for X in batches]
        with ThreadPoolExecutor(4) as threads:
            for found, right in zip(threads.map(net.predict, batches), expected, strict=True):
                np.testing.assert_array_equal(found, right)

    def test_predicting_in_one_thread_is_not_disturbed_by_training_walks_in_another(self):
        X = np.ones((40, 8), np.float32)
        net = cr.Network([cr.Dropout(0.5), cr.Dense(3)], seed=0, input_shape=8)
        expected, over = net.predict(X), threading.Event()

        def train():
            while not over.is_set():
                net.record(X, training=True)

        other = threading.Thread(target=train)
        other.start()
        try:
            for _ in range(200):
                np.testing.assert_array_equal(net.predict(X), expected)
        finally:
            over.set()
            other.join()
