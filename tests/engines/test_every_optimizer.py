"""Every optimizer of the library by both engines: its rule in Python, and the one of that name in C++."""

from dataclasses import fields

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import ENGINES
from chainrule.engines.native import RULES
from chainrule.optimizers import OPTIMIZERS, Optimizer

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")

BY_RULE = [kind for kind in dict.fromkeys(OPTIMIZERS.values()) if issubclass(kind, Optimizer)]
"""L-BFGS has none: SciPy leads, and both engines give it the slope."""

OTHERS = {
    "learning_rate": 0.03,
    "l2": 0.02,
    "weight_decay": 0.05,
    "clip_norm": 0.4,
    "clip_value": 0.05,
    "momentum": 0.7,
    "nesterov": True,
    "epsilon": 1e-3,
    "rho": 0.8,
    "beta1": 0.7,
    "beta2": 0.9,
    "epsilon_hat": True,
    "rates": {"W*": 0.5, "b1": 0},
}
"""A value for each option that is not its default; a new option is entered here."""

RANDOM = np.random.default_rng(3)
X, Y = RANDOM.normal(size=(60, 5)), RANDOM.integers(0, 3, size=60)


def trained(optimizer, engine, dtype):
    net = cr.Network([cr.Dense(9, "tanh"), cr.Dense(3, "softmax")], seed=0, dtype=dtype)
    how = {"epochs": 3, "batch_size": 16, "seed": 0, "progress": False}
    history = cr.train(net, X, Y, loss="cross_entropy", optimizer=optimizer, engine=engine, **how)
    return net.flat, history


def assert_same(optimizer):
    for dtype, tolerance in (("float64", 1e-10), ("float32", 1e-4)):
        (expected, _), (found, history) = (trained(optimizer, engine, dtype) for engine in ("numpy", "native"))
        assert history.engine == "native"
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", BY_RULE)
def test_with_its_defaults(kind):
    assert_same(kind())


@pytest.mark.parametrize(("kind", "name"), [(kind, field.name) for kind in BY_RULE for field in fields(kind)])
def test_each_option_changes_both_engines_alike(kind, name):
    beside = {"momentum": 0.7} if name == "nesterov" else {}
    optimizer = kind(**beside | {name: OTHERS[name]})
    assert_same(optimizer)
    with_it, without = (trained(one, "native", "float64")[0] for one in (optimizer, kind(**beside)))
    assert not np.array_equal(with_it, without)


@pytest.mark.parametrize("kind", BY_RULE)
def test_all_options_at_once(kind):
    assert_same(kind(**{field.name: OTHERS[field.name] for field in fields(kind)}))


SCHEDULE = {"weight_decay": cr.schedules.Cosine(0.9, 3), "learning_rate": cr.schedules.InverseTime(0.05)}


@pytest.mark.parametrize("kind", BY_RULE)
def test_the_weight_decay_follows_a_schedule_batch_by_batch(kind):
    assert_same(kind(**SCHEDULE))
    falling, still = (trained(kind(**SCHEDULE | also), "native", "float64")[0] for also in ({}, {"weight_decay": 0.9}))
    assert abs(falling).sum() > 1.02 * abs(still).sum()


FROZEN = {"l2": 0.1, "weight_decay": 0.5, "rates": {"*1": 0, "W2": 0.3}}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", BY_RULE)
def test_what_is_frozen_keeps_its_bits_and_the_rest_learns_as_if_it_were_no_parameter(kind, engine):
    if engine == "jax":
        pytest.importorskip("jax")
    momentum = {"momentum": 0.9} if kind is cr.GradientDescent else {}
    optimizer = kind(0.05, clip_norm=0.2, **momentum, **FROZEN)
    start = cr.Network([cr.Dense(9, "tanh"), cr.Dense(3, "softmax")], seed=0, dtype="float64", input_shape=5)
    net = start.copy()
    how = {"loss": "cross_entropy", "epochs": 3, "batch_size": 16, "seed": 0, "progress": False, "shuffle": False}
    cr.train(net, X, Y, optimizer=optimizer, engine=engine, **how)
    for name in ("W1", "b1"):
        np.testing.assert_array_equal(net.parameters[name], start.parameters[name])
    head = cr.Network([cr.Dense(3, "softmax")], dtype="float64", input_shape=9)
    head.set_parameters({"W1": start.parameters["W2"], "b1": start.parameters["b2"]})
    alone = kind(0.05, clip_norm=0.2, **momentum, **FROZEN | {"rates": {"W1": 0.3}})
    A = np.tanh(X @ start.parameters["W1"].T + start.parameters["b1"])
    cr.train(head, A, Y, optimizer=alone, engine="numpy", **how)
    for name in ("W", "b"):
        np.testing.assert_allclose(net.parameters[f"{name}2"], head.parameters[f"{name}1"], rtol=1e-9, atol=1e-12)


def test_every_rule_is_entered_once():
    assert set(RULES) == set(BY_RULE), "enter its rule in native/rules.cpp and engines/native/rules.py"
