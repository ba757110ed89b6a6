import numpy as np
import pytest

import chainrule as cr


def test_a_picture_becomes_a_row_in_the_order_of_its_axes():
    X = np.arange(48.0).reshape(2, 2, 4, 3)
    np.testing.assert_array_equal(cr.Network([cr.Flatten()]).predict(X), X.reshape(2, 24))


def test_rows_stay_as_they_are():
    X = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(cr.Network([cr.Flatten()]).predict(X), X)


def test_one_number_for_each_example_becomes_one_feature():
    assert cr.Network([cr.Flatten(), cr.Dense(2)]).predict(np.arange(5.0)).shape == (5, 2)


def test_the_derivative_gets_its_axes_back():
    X = cr.variable(np.arange(12.0).reshape(2, 2, 3))
    net = cr.Network([cr.Flatten()], dtype="float64", input_shape=(2, 3))
    (net(X) * np.arange(12.0).reshape(2, 6)).sum().backward()
    np.testing.assert_array_equal(X.grad, np.arange(12.0).reshape(2, 2, 3))


def test_pictures_of_another_shape_are_refused_though_they_have_as_many_numbers():
    net = cr.Network([cr.Flatten(), cr.Dense(2)], input_shape=(4, 4))
    with pytest.raises(cr.ShapeError, match=r"\(4, 4\)"):
        net.predict(np.zeros((3, 2, 8)))
