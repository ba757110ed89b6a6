import functools
import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.configuration import Configurable, from_config
from chainrule.data.series import scaling  # noqa: F401  registers what series are scaled by
from chainrule.initializers import He, Orthogonal, Random, Xavier
from chainrule.schedules import Cosine, Exponential, Step, WarmUp

OBJECTS = [
    cr.Dense(3),
    cr.Dense(3, "relu", initializer=He("uniform"), bias=False),
    cr.Dense(3, cr.ops.tanh, initializer="lecun"),
    cr.Activation(functools.partial(cr.ops.leaky_relu, slope=0.2)),
    cr.Dropout(0.25),
    cr.BatchNorm(momentum=0.5),
    cr.LayerNorm(epsilon=1e-3),
    cr.Standardize(inverse=True),
    cr.Embedding(10, 4, initializer=Random(0.1)),
    cr.Flatten(),
    cr.Residual([cr.Dense(3), cr.Dropout(0.1)], shortcut=cr.Dense(3, bias=False)),
    cr.Network([cr.Dense(3), cr.Network([cr.Dense(2)], seed=2)], seed=1, dtype="float64"),
    Xavier("normal"),
    Orthogonal(2.0),
    Step(0.1, every=3),
    WarmUp(Cosine(0.1, 20, final=0.01), epochs=2),
    cr.GradientDescent(0.1, momentum=0.9, nesterov=True, l2=1e-4),
    cr.Adam(WarmUp(Exponential(1e-3, rate=0.9)), clip_norm=1.0),
    cr.AdamW(),
    cr.LBFGS(history=5),
]


@pytest.mark.parametrize("made", OBJECTS, ids=repr)
def test_an_object_comes_back_from_its_json(made):
    again = from_config(json.loads(json.dumps(made.to_config())))
    assert type(again) is type(made)
    assert repr(again) == repr(made)
    assert again.to_config() == made.to_config()


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (cr.Dense(3), "Dense(3)"),
        (cr.Dense(3, "relu"), 'Dense(3, "relu")'),
        (cr.Dense(3, "relu", bias=False), 'Dense(3, "relu", bias=False)'),
        (cr.Dropout(), "Dropout()"),
        (cr.Dropout(0.2), "Dropout(0.2)"),
        (cr.Embedding(5, 2), "Embedding(5, 2)"),
        (cr.Adam(), "Adam()"),
        (cr.Adam(0.01, epsilon=1e-6), "Adam(0.01, epsilon=1e-06)"),
        (cr.GradientDescent(momentum=0.9), "GradientDescent(momentum=0.9)"),
        (cr.GradientDescent(0.1, 0.9), "GradientDescent(0.1, momentum=0.9)"),
        (cr.Adam(Cosine(0.1, 20), 0.8), "Adam(Cosine(0.1, epochs=20), beta1=0.8)"),
        (cr.Network([cr.Dense(3), cr.Flatten()], seed=0), "Network([Dense(3), Flatten()])"),
    ],
)
def test_it_shows_itself_as_one_would_type_it(made, text):
    assert repr(made) == text


def test_plain_json_is_told_in_full_defaults_too():
    assert cr.Dense(3, "relu").to_config() == {
        "type": "Dense",
        "n_out": 3,
        "activation": "relu",
        "initializer": None,
        "bias": True,
    }


def test_an_operation_is_told_with_its_options():
    description = cr.Activation(functools.partial(cr.ops.elu, alpha=0.5)).to_config()
    assert description["activation"] == {"operation": "elu", "options": {"alpha": 0.5}}
    assert from_config({"operation": "tanh"}) is cr.ops.tanh


@pytest.mark.parametrize("plain", [None, True, 3, 2.5, "text", [1, [2]], {"a": {"b": [None]}}])
def test_plain_values_are_restored_as_they_are(plain):
    assert from_config(plain) == plain


@pytest.mark.parametrize(
    "activation", [lambda Z: Z, np.tanh, functools.partial(np.clip, a_min=0), functools.partial(cr.ops.add, 1)]
)
def test_what_cannot_be_written_is_named_with_the_way_out(activation):
    with pytest.raises(cr.OptionError, match=r"Dense's activation is .*cannot be written.*Layer subclass"):
        cr.Dense(3, activation).to_config()


def test_a_number_that_json_does_not_have_cannot_be_written():
    with pytest.raises(cr.OptionError, match="Activation's activation is nan"):
        cr.Activation(functools.partial(cr.ops.leaky_relu, slope=float("nan"))).to_config()


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5)])
def test_numpys_numbers_are_written_as_plain_ones(number):
    for made in (cr.BatchNorm(momentum=number), cr.Adam(number), Step(number), Random(number), cr.Dropout(number)):
        assert 0.5 in json.loads(json.dumps(made.to_config())).values()


@pytest.mark.parametrize("number", [np.int32(3), np.int64(3), np.uint8(3)])
def test_numpys_whole_numbers_are_written_as_plain_ones(number):
    for made in (cr.Dense(number), cr.Embedding(number, 2), cr.LBFGS(history=number)):
        assert 3 in json.loads(json.dumps(made.to_config())).values()


@pytest.mark.parametrize("kind", ["dense", "Dens", 3, None, "Nothing like it"])
def test_an_unknown_kind_asks_for_the_import(kind):
    with pytest.raises(cr.OptionError, match=rf"optimizer {kind!r}: if it is a class of your own, import") as caught:
        from_config({"type": kind})
    assert ("Did you mean 'Dense'?" in str(caught.value)) == (kind in ("dense", "Dens"))


def test_an_unknown_operation_lists_the_known():
    with pytest.raises(cr.OptionError, match=r"no operation 'tanhh'. Did you mean 'tanh'\?.*Known: .*relu"):
        from_config({"operation": "tanhh"})


def test_arguments_that_do_not_fit_are_named():
    with pytest.raises(cr.OptionError, match=r"Dense cannot be made from \{'units': 3\}"):
        from_config({"type": "Dense", "units": 3})


def test_a_class_of_the_user_is_known_by_its_name():
    class OwnWarmth(cr.schedules.Schedule):
        def __init__(self, alpha):
            self.alpha = alpha

        def __call__(self, epoch):
            return self.alpha / (1 + epoch)

    assert Configurable.kinds["OwnWarmth"] is OwnWarmth
    again = from_config(json.loads(json.dumps(cr.GradientDescent(OwnWarmth(0.5)).to_config())))
    assert again.alpha(1) == 0.25


def test_an_initializer_of_the_user_travels_with_the_layer():
    class OwnConstant(cr.initializers.Initializer):
        def __init__(self, value):
            self.value = value

        def __call__(self, shape, random):
            return np.full(shape, self.value)

    net = cr.Network([cr.Dense(2, initializer=OwnConstant(0.5))], input_shape=3)
    assert (net.parameters["W1"] == 0.5).all()
    assert repr(net.copy()) == "Network([Dense(2, initializer=OwnConstant(0.5))])"


def test_an_argument_that_layers_have_a_property_for_is_told_and_ends_in_no_recursion():
    class DerivedLabelled(cr.Layer):
        def __init__(self, label):
            pass

        def forward(self, A):
            return A

    assert repr(DerivedLabelled("x")) == "DerivedLabelled(…)"
    with pytest.raises(cr.OptionError, match="has an argument 'label'"):
        DerivedLabelled("x").to_config()


def test_operations_and_functions_are_shown_by_their_names():
    assert repr(cr.Activation(functools.partial(cr.ops.elu, alpha=0.5))) == "Activation(elu(alpha=0.5))"
    assert repr(cr.Dense(2, cr.ops.tanh)) == "Dense(2, tanh)"
    assert repr(cr.Activation(lambda A: A)) == "Activation(<lambda>)"


@pytest.mark.parametrize("value", [0, 0.0, None, False])
def test_what_serves_for_false_becomes_it(value):
    config = cr.LSTM(3).to_config() | {"last": value}
    assert from_config(config).last is False


def test_a_whole_number_that_numpy_has_no_type_for_serves_as_a_float():
    one = {"names": [""], "changes": [[1]], "spreads": [[1.0]], "logs": [False]}
    found = from_config({"type": "Scaling", "middles": [[10**30]], **one})
    assert found.middles == [[1e30]]
    assert isinstance(found.middles[0][0], float)
    assert isinstance(found.changes[0][0], int)  # which a file keeps as it is
