"""What a learner types otherwise than it is meant gets a sentence, and what the sentence says works."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import notes

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 20))
Y = (X[:1] > 0).astype(float)
FOUND = notes.logistic_regression(X, Y, 0.5, 5)


@pytest.mark.parametrize(
    ("call", "words", "way_out"),
    [
        (
            lambda: notes.initialize(3, 4, 1),
            r"layer_sizes is 3, but must be all sizes in one sequence, \(n\^\[0\], …, n\^\[L\]\), such as \(3, 4, 1\)",
            lambda: notes.initialize((3, 4, 1)),
        ),
        (
            lambda: notes.train(X, Y, 4, 0.1, 1),
            "layer_sizes is 4, but must be all sizes in one sequence",
            lambda: notes.train(X, Y, (2, 4, 1), 0.1, 1),
        ),
        (
            lambda: notes.train(X, Y, (2, 4, 1), 0.1, 1, activations="tanh"),
            r"activations is 'tanh', but must be a name for each of 2 layers, such as \(\"tanh\", \"sigmoid\"\)",
            lambda: notes.train(X, Y, (2, 4, 1), 0.1, 1, activations=("tanh", "sigmoid")),
        ),
        (
            lambda: notes.forward(X, notes.initialize((2, 1)), "sigmoid"),
            r"a name for each of 1 layers?, such as \(\"sigmoid\",\)",
            lambda: notes.forward(X, notes.initialize((2, 1)), ("sigmoid",)),
        ),
        (
            lambda: notes.check({"J": 1.0}, X, Y, notes.initialize((2, 4, 1)), "tanh"),
            "activations is 'tanh', but must be a name for each of 2 layers",
            lambda: notes.check({"J": 1.0}, X, Y, notes.initialize((2, 4, 1)), ("tanh", "sigmoid")),
        ),
        (
            lambda: notes.cross_entropy(FOUND.predict(X), Y),
            r"ŷ is \(1, 20\), but this is the loss of one example, of two numbers; the mean .* is notes.cost\(A, Y\)",
            lambda: notes.cost(notes.predict(FOUND.w, FOUND.b, X), Y),
        ),
        (
            lambda: notes.squared_error(0.5, Y),
            r"y is \(1, 20\), but this is the loss of one example.* the mean over all is np.mean\(\(A - Y\)\*\*2\) / 2",
            lambda: notes.squared_error(np.array([[0.5]]), Y[:, :1]),
        ),
        (
            lambda: notes.broadcast(np.ones((2, 3)), np.ones(3)),
            r"takes shapes, but this is an array \(2, 3\): broadcast\(a.shape, b.shape\)",
            lambda: notes.broadcast(np.ones((2, 3)).shape, np.ones(3).shape),
        ),
        (
            lambda: notes.predict(X, FOUND.w, FOUND.b),
            r"b is \(2, 1\), but must be a number: first w \(n_x, 1\), then b, then X \(n_x, m\)",
            lambda: notes.predict(FOUND.w, FOUND.b, X),
        ),
        (
            lambda: notes.predict(FOUND.w, X[0], X),  # which would broadcast
            r"b is \(20,\), but must be a number",
            lambda: notes.predict(FOUND.w, [[FOUND.b]], X),
        ),
        (
            lambda: notes.propagate(X, FOUND.w, FOUND.b, Y),
            r"b is \(2, 1\), but must be a number",
            lambda: notes.propagate(FOUND.w, FOUND.b, X, Y),
        ),
        (
            lambda: notes.plot_boundary(FOUND, X, Y, names="height"),
            r"names are one for each of the two features, such as .*, but these are 'height'",
            lambda: notes.plot_boundary(FOUND, X, Y, names=("height", "weight")),
        ),
        (
            lambda: notes.plot_boundary(FOUND, X, Y, names=("height", "weight", "age")),
            "names are one for each of the two features",
            lambda: notes.plot_boundary(FOUND, X, Y, names=["height", "weight"]),
        ),
    ],
)
def test_it_is_told_in_a_sentence_and_its_way_out_works(call, words, way_out):
    with pytest.raises(cr.ChainruleError, match=words):
        call()
    way_out()


def test_the_loss_of_one_example_takes_an_array_of_one_number():
    assert notes.cross_entropy([[0.7]], np.array([1.0])) == notes.cross_entropy(0.7, 1)


@pytest.mark.parametrize("shape", [(2.0, 3), (-1, 2), "23", (True,)])
def test_a_shape_is_made_of_whole_numbers(shape):
    with pytest.raises(cr.OptionError, match=r"an axis is .*, but must be a whole number, 0 or more"):
        notes.broadcast(shape, (3,))


@pytest.mark.parametrize(
    ("module", "name", "meant"),
    [
        (cr, "Dence", "Dense"),
        (cr, "ops_", "ops"),
        (notes, "plot_boundry", "plot_boundary"),
        (notes, "foward", "forward"),
    ],
)
def test_a_misspelt_name_of_a_module_is_answered_with_the_nearest(module, name, meant):
    with pytest.raises(AttributeError) as told:
        getattr(module, name)
    assert str(told.value) == f"module {module.__name__!r} has no attribute {name!r}. Did you mean {meant!r}?"
    assert told.value.obj is None  # by which Python would ask the same a second time
    assert not hasattr(module, name)
    assert hasattr(module, meant)
    with pytest.raises(AttributeError, match=r"has no attribute '__wrapped__'\.$"):
        getattr(module, "__wrapped__")  # noqa: B009


def test_a_misspelt_name_of_a_parameter():
    held = cr.Network([cr.Dense(2), cr.Dense(1)], seed=0, input_shape=3).parameters
    with pytest.raises(KeyError) as told:
        held["w1"]
    assert str(told.value) == "there is no parameter 'w1'. Did you mean 'W1'? Known: W1, W2, b1, b2."
    assert isinstance(told.value, cr.ChainruleError)
    assert held.get("w1") is None
    assert "w1" not in held
    assert held["W1"].shape == (2, 3)


NET = cr.Network([cr.Dense(3, "tanh"), cr.Dense(1, "sigmoid")], seed=0, input_shape=2)
LOSS = {"loss": "binary_cross_entropy"}
CALLS = {
    "train": lambda X, y: cr.train(NET, X, y, **LOSS, epochs=1, progress=False),
    "evaluate": lambda X, y: cr.evaluate(NET, X, y, **LOSS),
    "gradients": lambda X, y: cr.gradients(NET, X, y, **LOSS),
    "derive": lambda X, y: cr.derive(NET, X, y),
}


@pytest.mark.parametrize("name", CALLS)
def test_columns_of_the_notes_are_rows_here(name):
    call = CALLS[name]
    with pytest.raises(cr.ShapeError, match=r"needs one entry of y; examples are rows here: X\.T and y\.ravel\(\)\.$"):
        call(X, Y)
    with pytest.raises(cr.ShapeError, match=r"needs one entry of y; examples are rows here: X\.T\.$"):
        call(X, Y.ravel())
    call(X.T, Y.ravel())


def test_columns_of_the_notes_with_several_outputs_and_where_they_would_not_fit():
    net = cr.Network([cr.Dense(3, "softmax")], seed=0)
    of_each = np.eye(3)[:, np.arange(20) % 3]
    with pytest.raises(cr.ShapeError, match=r"examples are rows here: X\.T and y\.T\.$"):
        cr.train(net, X, of_each, loss="cross_entropy", epochs=1, progress=False)
    cr.train(net, X.T, of_each.T, loss="cross_entropy", epochs=1, progress=False)
    with pytest.raises(cr.ShapeError, match=r"each example needs one entry of y\.$"):
        cr.train(net, X, np.ones(7), loss="cross_entropy", epochs=1, progress=False)


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_columns_of_the_notes_are_rows_of_predict(engine):
    with pytest.raises(cr.ShapeError, match=r"takes 2 features, but .* 20\)?\. Examples are rows here: X\.T\.$"):
        NET.predict(X, engine=engine)
    assert NET.predict(X.T, engine=engine).shape == (20, 1)
    with pytest.raises(cr.ShapeError) as told:
        NET.predict(np.ones((4, 5)), engine=engine)
    assert "X.T" not in str(told.value)
