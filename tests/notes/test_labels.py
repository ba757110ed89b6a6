"""Labels that a network of the notes does not know are refused, with the way out; and shapes that would broadcast."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import notes

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 30))
Y = (X[:1] + X[1:] > 0).astype(float)
CLASSES = np.arange(30) % 3
DEEP = notes.train(X, Y, (2, 3, 1), 0.5, 10)
LOGISTIC = notes.logistic_regression(X, Y, 0.5, 10)
OF_THREE = notes.train(X, np.eye(3)[:, CLASSES], (2, 3, 3), 0.5, 10, activations=("relu", "softmax"))


@pytest.mark.parametrize("found", [DEEP, LOGISTIC])
def test_accuracy_of_labels_that_the_network_does_not_know(found):
    right = found.accuracy(X, Y)
    with pytest.raises(
        cr.DataError, match=r"^Y holds 1 and 2, but the network knows 0 and 1: Y - 1 makes them 0 and 1"
    ):
        found.accuracy(X, Y + 1)
    assert found.accuracy(X, (Y + 1) - 1) == right
    signs = 2 * Y - 1
    with pytest.raises(cr.DataError, match=r"holds -1 and 1, but .*: \(Y \+ 1\) / 2 makes them 0 and 1"):
        found.accuracy(X, signs)
    assert found.accuracy(X, (signs + 1) / 2) == right
    assert found.accuracy(X, np.eye(2)[:, Y[0].astype(int)]) == right
    with pytest.raises(cr.DataError, match=r"^Y holds 0 and 7, but the network knows 0 and 1.$"):
        found.accuracy(X, 7 * Y)
    with pytest.raises(cr.ShapeError, match=r"Y is \(3, 30\), but for 2 classes it is \(1, m\), or one-hot \(2, m\)"):
        found.accuracy(X, np.eye(3)[:, CLASSES])


def test_accuracy_of_several_classes():
    right = OF_THREE.accuracy(X, np.eye(3)[:, CLASSES])
    assert OF_THREE.accuracy(X, CLASSES) == right
    with pytest.raises(cr.DataError, match="holds 1, 2 and 3, but the network knows 0, 1 and 2: Y - 1 makes them 0, 1"):
        OF_THREE.accuracy(X, CLASSES + 1)
    with pytest.raises(cr.DataError, match=r"column 0 of Y is .* with 3 rows it is one-hot: a single 1, in the row of"):
        OF_THREE.accuracy(X, np.ones((3, 30)))


@pytest.mark.parametrize("name", ["propagate", "propagate_loop", "backward", "cost", "train", "logistic_regression"])
def test_the_cross_entropy_takes_labels_from_0_to_1(name):
    AL, caches = notes.forward(X, DEEP.parameters, DEEP.activations)
    call = {
        "propagate": lambda Y: notes.propagate(LOGISTIC.w, LOGISTIC.b, X, Y),
        "propagate_loop": lambda Y: notes.propagate_loop(LOGISTIC.w, LOGISTIC.b, X, Y),
        "backward": lambda Y: notes.backward(AL, Y, caches),
        "cost": lambda Y: notes.cost(AL, Y),
        "train": lambda Y: notes.train(X, Y, (2, 3, 1), 0.5, 2),
        "logistic_regression": lambda Y: notes.logistic_regression(X, Y, 0.5, 2),
    }[name]
    with pytest.raises(
        cr.DataError, match="holds 1 and 2, but the cross-entropy takes labels from 0 to 1: Y - 1 makes"
    ):
        call(Y + 1)
    with pytest.raises(cr.DataError, match=r"holds -1 and 1, but .*: \(Y \+ 1\) / 2 makes them 0 and 1"):
        call(2 * Y - 1)
    with pytest.raises(cr.ShapeError, match=r"Y is \(2, 30\), but of 1 output and 30 examples it is \(1, 30\)"):
        call(np.concatenate([Y, 1 - Y]))
    call(np.clip(Y, 0.1, 0.9))


@pytest.mark.parametrize("first", [0, 1])
def test_three_labels_in_one_row_become_a_row_for_each_class(first):
    labels = CLASSES[None] + first
    way = "np.eye(3)[:, np.ravel(Y).astype(int)" + (" - 1]" if first else "]")
    sizes, activations = (2, 4, 3), ("relu", "softmax")
    with pytest.raises(
        cr.ShapeError, match=r"Y is \(1, 30\), a row of labels, but 3 outputs take a row for each"
    ) as told:
        notes.train(X, labels, sizes, 0.1, 3, activations=activations)
    assert f"take a row for each class, (3, 30): {way} makes it so; classes are counted from 0." in str(told.value)
    made = eval(way, {"np": np, "Y": labels})
    np.testing.assert_array_equal(made, np.eye(3)[:, CLASSES])
    notes.train(X, made, sizes, 0.1, 3, activations=activations)


def test_a_gradient_of_another_shape_than_its_parameter():
    parameters = notes.initialize((3, 4, 1), "he")
    AL, caches = notes.forward(np.ones((3, 5)), parameters)
    gradients = notes.backward(AL, np.ones((1, 5)), caches)
    flat = gradients | {"db1": gradients["db1"][:, 0]}
    with pytest.raises(cr.ShapeError, match=r"^db1 is \(4,\), but b1 is \(4, 1\).*dZ1.sum\(axis=1, keepdims=True\)"):
        notes.update(parameters, flat, 0.1)
    with pytest.raises(cr.ShapeError, match=r"^dW1 is \(4, 1\), but W1 is \(4, 3\)"):
        notes.update(parameters, gradients | {"dW1": gradients["dW1"][:, :1]}, 0.1)
    with pytest.raises(cr.ShapeError, match=r"^dW1 is \(\), but W1 is \(4, 3\)"):
        notes.update(parameters, gradients | {"dW1": 0.5}, 0.1)
    right = notes.update(parameters, gradients, 0.1)
    same = notes.update(parameters, gradients | {"db2": float(gradients["db2"][0, 0])}, 0.1)  # of (1, 1) no other shape
    assert all(np.array_equal(right[name], same[name]) and right[name].shape == same[name].shape for name in right)
