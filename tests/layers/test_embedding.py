import numpy as np
import pytest

import chainrule as cr


@pytest.fixture
def net():
    return cr.Network([cr.Embedding(5, 3)], seed=0, dtype="float64", input_shape=2)


def test_each_index_becomes_its_row_of_the_table(net):
    A = np.array([[0, 4], [2, 2], [1, 0]])
    Z = net.predict(A)
    assert Z.shape == (3, 2, 3)
    np.testing.assert_array_equal(Z, net.parameters["W1"][A])


def test_one_index_for_each_example_needs_no_second_axis():
    net = cr.Network([cr.Embedding(5, 3)], seed=0)
    np.testing.assert_array_equal(net.predict(np.array([3, 1])), net.parameters["W1"][[3, 1]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.uint64])
def test_every_type_of_whole_number_is_an_index(net, dtype):
    assert net.predict(np.array([[0, 4]], dtype)).shape == (1, 2, 3)


def test_an_index_that_float32_cannot_hold_is_not_rounded():
    net = cr.Network([cr.Embedding(2**24 + 2, 1, initializer="zeros")], input_shape=1)
    net.parameters["W1"][2**24 + 1] = 7
    np.testing.assert_array_equal(net.predict([[2**24 + 1]]), [[[7]]])


def test_the_table_is_n_tokens_by_n_out_and_starts_small():
    W = cr.Network([cr.Embedding(300, 200)], seed=0, input_shape=1).parameters["W1"]
    assert W.shape == (300, 200)
    assert W.std() == pytest.approx(0.05, rel=0.02)


def test_the_derivative_of_a_row_is_the_sum_over_its_uses(net):
    Z, variables = net.record(np.array([[0, 4], [4, 4]]))
    (Z * np.arange(12.0).reshape(2, 2, 3)).sum().backward()
    expected = np.zeros((5, 3))
    expected[0], expected[4] = [0, 1, 2], [3 + 6 + 9, 4 + 7 + 10, 5 + 8 + 11]
    np.testing.assert_array_equal(variables["W1"].grad, expected)


def test_it_is_found_as_the_first_layer_inside_another_network():
    net = cr.Network([cr.Network([cr.Embedding(5, 3), cr.Flatten()]), cr.Dense(2)], seed=0)
    assert net.predict(np.array([[1, 2], [3, 4]])).shape == (2, 2)


@pytest.mark.parametrize("wrong", [5, -1])
def test_an_index_out_of_range_names_the_layer_the_range_and_the_index(net, wrong):
    with pytest.raises(cr.DataError, match=rf"layer 1, Embedding\(5, 3\): .*from 0 to 4, but A has {wrong}"):
        net.predict(np.array([[0, wrong]]))


def test_indices_are_whole_numbers(net):
    with pytest.raises(cr.DataError, match=r"layer 1, Embedding\(5, 3\): .*whole numbers"):
        net.predict(np.array([[0.0, 1.0]]))


@pytest.mark.parametrize(("arguments", "name"), [((0, 3), "n_tokens"), ((5, 0), "n_out"), ((5, 1.5), "n_out")])
def test_the_sizes_are_whole_numbers_of_one_or_more(arguments, name):
    with pytest.raises(cr.OptionError, match=f"{name} is .* whole number, 1 or more"):
        cr.Embedding(*arguments)


@pytest.fixture
def table():
    return np.array([[0.5, -1, 2, 4], [0.25, 3, 0, 3]])


def test_columns_keep_numbers_and_look_categories_up(table):
    net = cr.Network([cr.EmbedColumns(2, 5, 3)], seed=0, dtype="float64")
    Z = net.predict(table)
    W = net.parameters["W1"]
    np.testing.assert_array_equal(Z[:, :2], table[:, :2])
    np.testing.assert_array_equal(Z[:, 2:], [[*W[2], *W[4]], [*W[0], *W[3]]])


def test_columns_have_the_right_gradient_and_come_back_from_a_file(table, tmp_path):
    net = cr.Network([cr.EmbedColumns(2, 5, 3), cr.Dense(2, "softmax")], seed=0, dtype="float64")
    assert cr.check_gradients(net, table, [0, 1], loss="cross_entropy", tolerance=1e-7).passed
    net.save(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(cr.load(tmp_path / "net.safetensors").predict(table), net.predict(table))


@pytest.mark.parametrize("wrong", [5, -1, 1.5])
def test_a_wrong_category_of_a_column_is_named(table, wrong):
    net = cr.Network([cr.EmbedColumns(2, 5, 3)], seed=0)
    table[1, 3] = wrong
    with pytest.raises(cr.DataError, match=rf"layer 1, EmbedColumns\(2, 5, 3\): .*from 0 to 4, but A has {wrong}"):
        net.predict(table)


def test_columns_need_a_column_of_categories():
    with pytest.raises(cr.ShapeError, match=r"A is \(1, 2\), but must be .* from column 2 on"):
        cr.Network([cr.EmbedColumns(2, 5, 3)]).predict([[1.0, 2.0]])
