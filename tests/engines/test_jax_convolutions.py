"""Convolutions as accelerators compute them, by XLA's own, agree with NumPy's; here they run on the CPU."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph import OPERATIONS

jax = pytest.importorskip("jax")
from chainrule.engines.jax import convolutions, devices  # noqa: E402

pytestmark = pytest.mark.xdist_group("jax")  # one process loads it

EXACT = {"rtol": 1e-10, "atol": 1e-10}
RANDOM = np.random.default_rng(3)

CALLS = [  # the sizes of the axes, those of a window, and the options
    ((7,), (3,), {}),
    ((9,), (2,), {"stride": 3, "padding": "same", "groups": 2}),
    ((8,), (3,), {"dilation": 2, "padding": ((3, 1),), "groups": 2}),
    ((6, 7), (3, 2), {"stride": (2, 3)}),  # the last windows end before the picture does
    ((5, 6), (2, 3), {"stride": (1, 2), "padding": "same", "dilation": (2, 1)}),
    ((5, 4), (3, 3), {"padding": ((2, 0), (1, 2)), "groups": 2}),
    ((6, 6), (1, 2), {"stride": 2, "padding": 1, "dilation": 3, "groups": 4}),
]
MORE = {"stride": (2, 3), "output_padding": (1, 2)}


@pytest.mark.parametrize("name", ["convolution", "transposed_convolution"])
def test_every_kind_of_convolution_and_its_ways_back(name):
    operation, lowered = OPERATIONS[name], convolutions.LOWERED[OPERATIONS[name].function]
    given = []
    for axes, size, options in CALLS + ([((3, 4), (3, 4), MORE)] if name == "transposed_convolution" else []):
        W = RANDOM.standard_normal((4, *size, 4 // options.get("groups", 1)))
        b = () if len(given) % 3 == 0 else (RANDOM.standard_normal(4),)
        inputs = (RANDOM.standard_normal((2, *axes, 4)), W, *b)
        value, back = operation.differentiate(*inputs, **options)
        d = RANDOM.standard_normal(value.shape)
        given.append((inputs, d, value, back(d)))

    def all_calls(given):
        found = []
        for (inputs, d), (_, _, options) in zip(given, [*CALLS, (0, 0, MORE)], strict=False):
            value, back = lowered(jax.numpy, *inputs, **options)
            found.append((value, [part() if callable(part) else part for part in back(d)]))
        return found

    with jax.enable_x64(True):
        found = jax.jit(all_calls)([one[:2] for one in given])
    for (_, _, value, parts), (other, other_parts) in zip(given, found, strict=True):
        np.testing.assert_allclose(other, value, **EXACT)
        for part, other_part in zip(parts, other_parts, strict=True):
            assert (part is None) == (other_part is None)
            if part is not None:
                np.testing.assert_allclose(other_part, part() if callable(part) else part, **EXACT)


@pytest.mark.parametrize("name", ["convolution", "transposed_convolution"])
def test_what_does_not_fit_is_refused_in_the_same_words(name):
    A, W = np.zeros((2, 5, 3)), np.zeros((2, 6, 3))
    for inputs, options in (((A, W[..., :2]), {}), ((A, W), {"padding": 9.5}), ((A, W, np.zeros(3)), {"padding": 1})):
        refusals = []
        for function, xp in (
            (OPERATIONS[name].function, np),
            (convolutions.LOWERED[OPERATIONS[name].function], jax.numpy),
        ):
            with pytest.raises(cr.ChainruleError) as refused:
                function(xp, *inputs, **options)
            refusals.append(str(refused.value))
        assert refusals[0] == refusals[1]


def test_a_network_trains_and_predicts_by_them_where_operations_are_not_compiled_as_they_stand(monkeypatch):
    X, y, called = RANDOM.standard_normal((12, 6, 6, 2)), RANDOM.integers(0, 2, 12), []
    convolve = convolutions._lax.conv_general_dilated
    monkeypatch.setattr(
        convolutions._lax, "conv_general_dilated", lambda *a, **k: called.append(a) or convolve(*a, **k)
    )
    assert devices.Devices("cpu").lowered == {}
    monkeypatch.setattr(devices, "AS_WRITTEN", ())
    found = []
    for engine in ("numpy", "jax"):
        layers = [cr.Conv2D(3, 3, stride=2), cr.ConvTranspose2D(2, 2, stride=2), cr.Flatten(), cr.Dense(2, "softmax")]
        net = cr.Network(layers, seed=1, dtype="float64")
        how = {"loss": "cross_entropy", "epochs": 2, "batch_size": 6, "seed": 3, "progress": False}
        history = cr.train(net, X, y, engine=engine, **how)
        trained = len(called)
        found.append((net.flat, net.predict(X, engine=engine), history["loss"]))
    assert len(called) > trained >= 5  # of the second none goes back to X
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, one, **EXACT)
