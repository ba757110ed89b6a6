"""Every operation on pictures and sequences, in networks of the library's layers, trained by both engines."""

import itertools

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import ENGINES, native
from chainrule.engines.native import executor
from chainrule.engines.native.compile import Compiler
from chainrule.engines.tracing import form_of
from engines.both import STRIPS, TOLERANCE, M, Y, assert_same

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.normal(size=(M, 9, 8, 4))
SEQUENCES = RANDOM.normal(size=(M, 7, 6))
LONG = RANDOM.normal(size=(M, 60, 3))
LENGTHS = RANDOM.integers(1, 8, M)
WORDS = RANDOM.integers(1, 9, (M, 7)) * (np.arange(7) < LENGTHS[:, None])
FILLED = SEQUENCES * (np.arange(7) < LENGTHS[:, None])[..., None]
GAPS = np.where(RANDOM.random((M, 7)) < 0.5, WORDS, 0)
EDGES = ("valid", "same", 1, ((2, 0), (1, 1)))


def end():
    return [cr.Flatten(), cr.Dense(1)]


def masked(*layers):
    return [cr.Masking(), cr.Embedding(9, 6), *layers, cr.GlobalAveragePool(), cr.Dense(1)]


NETWORKS = {
    "convolution": [
        *(
            (PICTURES, lambda o=o: [cr.Conv2D(6, (3, 2), "tanh", **o), cr.Conv2D(18, 2, "relu"), *end()])
            for o in (
                dict(zip(("stride", "padding", "dilation", "groups"), options, strict=True))
                for options in itertools.product((1, (2, 1)), EDGES, (1, 2), (1, 2))
            )
        ),
        (PICTURES, lambda: [cr.Conv2D(8, 3, groups=4), cr.Conv2D(8, 3, groups=8, bias=False), *end()]),
        *(
            (PICTURES, lambda size=size, o=o: [cr.Conv2D(16, 1, "tanh"), cr.Conv2D(19, size, **o), *end()])
            for size, o in (  # whose way back is a convolution, too, where enough windows end inside
                (3, {"padding": "same"}),
                ((2, 3), {"padding": "same"}),
                ((1, 4), {"padding": "same", "dilation": (1, 2)}),
                (3, {"padding": ((2, 0), (1, 1))}),
                ((2, 1), {"padding": 3, "bias": False}),
                (1, {}),
            )
        ),
        (
            PICTURES,
            lambda: [
                cr.Conv2D(16, 2),
                cr.Residual([cr.Conv2D(17, 3, "relu", padding="same"), cr.Conv2D(16, 1)]),
                *end(),
            ],
        ),
        (SEQUENCES, lambda: [cr.Dense(16), cr.Conv1D(20, 3, "relu", padding=((2, 0),)), *end()]),
        (SEQUENCES, lambda: [cr.Conv1D(17, 3, "relu", padding="same"), cr.Conv1D(4, 2, stride=2), *end()]),
    ],
    "transposed_convolution": [
        (PICTURES, lambda o=o: [cr.Conv2D(6, 3), cr.ConvTranspose2D(16, (3, 2), "relu", **o), *end()])
        for o in (
            {},
            {"stride": 2, "padding": "same"},
            {"stride": (3, 2), "padding": 1, "output_padding": (1, 0), "groups": 2},
            {"dilation": 2, "bias": False},
            {"padding": "same"},
        )
    ],
    "max_pool": [
        (PICTURES, lambda o=o: [cr.Conv2D(5, 2), cr.MaxPool(**o), *end()])
        for o in ({}, {"size": 3, "stride": 2}, {"size": (2, 3), "padding": "same"})
    ],
    "average_pool": [
        (PICTURES, lambda o=o: [cr.Conv2D(5, 2), cr.AveragePool(**o), *end()])
        for o in ({}, {"size": 3, "stride": 2}, {"size": (2, 3), "padding": "same"})
    ],
    "adaptive_average_pool": [(PICTURES, lambda: [cr.Conv2D(5, 2), cr.AdaptiveAveragePool((3, 5)), *end()])],
    "global_average_pool": [(PICTURES, lambda: [cr.Conv2D(5, 2), cr.GlobalAveragePool(), *end()])],
    "global_max_pool": [
        (PICTURES, lambda: [cr.Conv2D(5, 2), cr.GlobalMaxPool(), *end()]),
        (WORDS, lambda: [cr.Masking(), cr.Embedding(9, 6), cr.GlobalMaxPool(), cr.Dense(1)]),
    ],
    "upsample": [(PICTURES, lambda: [cr.Conv2D(5, 2), cr.UpSample((2, 3)), *end()])],
    **{
        kind.__name__.lower(): [
            *(
                (SEQUENCES, lambda kind=kind, n=n, o=o: [kind(n, **o), *end()])
                for n, o in itertools.product(
                    (5, 18),
                    (
                        {},
                        {"last": True},
                        {"bidirectional": True},
                        {"bias": False},
                        {"layers": 2, "dropout": 0.3},
                        {"stateful": True},
                        {"stateful": True, "layers": 2, "last": True},
                    ),
                )
            ),
            (LONG, lambda kind=kind: [kind(5, bidirectional=True), *end()]),
            (LONG, lambda kind=kind: [kind(5, stateful=True, last=True), cr.Dense(1)]),
            (LONG, lambda kind=kind: [kind(5, last=1), cr.Dense(1)]),
            (WORDS, lambda kind=kind: masked(kind(5, bidirectional=True))),
            (WORDS, lambda kind=kind: masked(kind(5, stateful=True))),
            (WORDS, lambda kind=kind: [cr.Masking(), cr.Embedding(9, 6), kind(5, last=True), cr.Dense(1)]),
        ]
        for kind in (cr.RNN, cr.GRU, cr.LSTM)
    },
    "rnn_relu": [(SEQUENCES, lambda: [cr.RNN(5, activation="relu"), *end()])],
    "attention": [
        (SEQUENCES, lambda: [cr.MultiHeadAttention(2), *end()]),
        (RANDOM.normal(size=(M, 20, 40)), lambda: [cr.MultiHeadAttention(2, causal=True), *end()]),
        (WORDS, lambda: masked(cr.MultiHeadAttention(3))),
    ],
    "positional_encoding": [
        (SEQUENCES, lambda: [cr.Dense(6), cr.PositionalEncoding(), *end()]),
        (WORDS, lambda: masked(cr.PositionalEncoding())),
    ],
    "step_mask": [
        (WORDS, lambda: masked()),
        (FILLED[:, :1], lambda: [cr.Masking(), cr.LSTM(3, last=True), cr.Dense(1)]),
        *(
            (FILLED, lambda kind=kind: [cr.Masking(), kind(), cr.GlobalAveragePool(), cr.Dense(1)])
            for kind in (
                lambda: cr.LSTM(5, bidirectional=True),
                lambda: cr.GRU(5),
                lambda: cr.MultiHeadAttention(2),
                lambda: cr.MaxPool(2),
                lambda: cr.AveragePool(3),
                cr.PositionalEncoding,
            )
        ),
    ],
    "batch_norm": [
        (PICTURES, lambda: [cr.Conv2D(5, 2), cr.BatchNorm(), *end()]),
        (WORDS, lambda: masked(cr.BatchNorm(), cr.Dense(5, "tanh"), cr.BatchNorm())),
        (FILLED, lambda: [cr.Masking(), cr.BatchNorm(), cr.LSTM(5, last=True), cr.Dense(1)]),
    ],
    "mask_steps": [
        (WORDS, lambda: masked(cr.Conv1D(4, 3, "relu", padding="same"))),
        (FILLED, lambda: [cr.Masking(), cr.Conv1D(4, 3, "relu", padding="same"), cr.GlobalMaxPool(), cr.Dense(1)]),
    ],
    "mask_windows": [
        (WORDS, lambda: masked(cr.Conv1D(4, 3))),
        (FILLED, lambda: [cr.Masking(), cr.Conv1D(4, 3), cr.GlobalMaxPool(), cr.Dense(1)]),
        (GAPS, lambda: masked(cr.MaxPool(2, stride=1, padding=1), cr.Conv1D(4, 2, dilation=2))),
    ],
}


MASKED = {"global_average_pool": "masked_average_pool", "global_max_pool": "masked_max_pool"}
"""The kernels that some operations have under a mask."""


def by_turns():
    """Each network in both types with each of STRIPS; by day those of a kernel take turns, so that it is met in all."""
    for name, networks in NETWORKS.items():
        for i, network in enumerate(networks):
            for k, (dtype, strip) in enumerate(itertools.product(TOLERANCE, STRIPS)):
                by_day = k in ((0, 3), (1, 2))[i % 2] if len(networks) < 4 else k == i % 4
                marks = [] if by_day else [pytest.mark.slow]
                yield pytest.param(*network, dtype, strip, id=f"{name}-{dtype}-{strip}", marks=marks)


@pytest.mark.parametrize(("X", "layers", "dtype", "strip"), [*by_turns()])
def test_pictures_and_sequences(X, layers, dtype, strip):
    assert_same(layers, X, dtype, alpha=0.01, strips=[strip])


@pytest.mark.parametrize("name", NETWORKS)
def test_each_is_about_the_kernel_of_its_name(name):
    kernels = frozenset(native.kernels().kernels())
    for X, layers in NETWORKS[name]:
        net = cr.Network(layers(), seed=0, input_shape=X.shape[1:])
        plan = Compiler(None, kernels, training=False).compiled(net, form_of(net, X.shape[1:])).plan
        assert any(step.kernel.startswith(name) or step.kernel == MASKED.get(name) for step in plan.steps)


@pytest.mark.parametrize("kind", [cr.RNN, cr.GRU, cr.LSTM])
def test_a_batch_of_fewer_examples_than_threads(kind):
    X, found = SEQUENCES.astype(np.float32)[:9], []
    for engine in ("numpy", "native"):
        net = cr.Network([kind(5, last=True), cr.Dense(1)], seed=0)
        cr.train(net, X, Y[:9], loss="squared_error", epochs=3, batch_size=8, seed=0, engine=engine, progress=False)
        found.append(net.flat)
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)


def test_sums_are_made_strip_by_strip(monkeypatch):
    """Else what `assert_same` says of a single example in hand would say nothing."""
    X, y = PICTURES.astype(np.float32), np.ones((M, 1))
    found = []
    for strip in (0, 1):
        monkeypatch.setattr(executor, "STRIP", strip)
        net = cr.Network([cr.Conv2D(6, 3), *end()], seed=0)
        cr.train(net, X, y, loss="squared_error", epochs=5, batch_size=8, seed=0, engine="native", progress=False)
        found.append(net.flat)
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)
    assert not np.array_equal(*found)
