"""Every contestant does the same work: same start, same order, same rule, and so the same loss."""

import sys

import numpy as np
import pytest
from benchmarks.contestants import CONTESTANTS
from benchmarks.models import Multilayer, Pictures, Text, lenet
from benchmarks.rows import ColdStart, Prediction, Training
from benchmarks.worker import RefusedError

import chainrule as cr
from benchmarks import reference
from chainrule.data.batches import ArrayBatches
from chainrule.engines import ENGINES
from chainrule.engines.native import kernels, units

PREDICTIONS = [
    Prediction("one", "One", Multilayer((6, 8, 3)), 1, 4),
    Prediction("many", "Many", Multilayer((6, 8, 3)), 300, 2),
    Prediction("picture", "One picture", Pictures(lenet), 1, 2),
]


def of(*keys):
    return [who for who in CONTESTANTS if not keys or who.key in keys]


def compiles(who):
    """Whether what it does is compiled by XLA first, which takes minutes for all rows together."""
    return who.key.startswith("jax")


@pytest.fixture(params=[pytest.param(who, marks=[pytest.mark.slow] * compiles(who), id=who.key) for who in of()])
def who(request):
    """A contestant that can take part here."""
    if not request.param.installed:
        pytest.skip(f"{request.param.package} is not installed: pip install -e '.[bench]'")
    if request.param.key.startswith("native") and "native" not in ENGINES:
        pytest.skip("the native engine was not built")
    if request.param.key == "native-bfloat16" and not units(kernels()):
        pytest.skip("no instruction multiplies numbers of bfloat16")
    return request.param


def outcome(who, row, workers, rounds):
    """What a contestant has made after so many rounds; skips where it has no way to do it, or nothing compiles."""
    worker = workers.of(who.file, 1)
    try:
        if not worker.ask("start", who.key, row):
            pytest.skip(f"{who.name} has no way to do this")
    except RefusedError as reason:
        if "compiler" in str(reason):
            pytest.skip(str(reason))
        raise
    for _ in range(rounds):
        worker.ask("round", who.key, row)
    made, memory = worker.ask("outcome", who.key, row)
    worker.ask("stop", who.key, row)
    return made, memory


def trained_by_chainrule(row, rounds):
    """The row done by `chainrule.train` itself."""
    X, y = row.data()
    net = row.model.network()
    loss = "cross_entropy" if row.model.n_out > 1 else "binary_cross_entropy"
    cr.train(
        net,
        X,
        y if row.model.n_out > 1 else y[:, None],
        loss=loss,
        optimizer=row.optimizer,
        epochs=row.epochs * rounds,
        batch_size=row.batch,
        engine="numpy",
        seed=0,
        progress=False,
    )
    return net.parameters


def test_every_contestant_ends_where_training_by_hand_ends(who, tiny, workers):
    expected = trained_by_chainrule(tiny, rounds=4)
    made, memory = outcome(who, tiny, workers, rounds=4)
    assert memory is None
    rounds = who.precision == "bfloat16"  # each library at other places
    assert tiny.loss(made) == pytest.approx(tiny.loss(expected), abs=0.02 if rounds else 1e-5)
    assert tiny.loss(made) < 0.95 * tiny.before
    assert list(made) == list(expected)
    for name, value in made.items():
        apart = np.abs(value - expected[name])
        assert apart.mean() < 0.02 if rounds else apart.max() < 2e-4, name
    assert rounds == (tiny.loss(made) != pytest.approx(tiny.loss(expected), abs=1e-6))


@pytest.mark.parametrize("row", PREDICTIONS, ids=lambda row: row.key)
def test_every_contestant_predicts_the_same(who, row, workers):
    made, _ = outcome(who, row, workers, rounds=1)
    expected, apart = row.model.network().predict(row.data()[0], engine="numpy"), 1e-5
    if who.precision == "bfloat16":
        apart = 0.01
    np.testing.assert_allclose(made["A"], expected, atol=apart)
    assert row.loss(made) == pytest.approx(row.before, abs=apart)


@pytest.mark.slow
def test_a_cold_start_leaves_a_trained_network_and_tells_its_memory(who, workers):
    row = ColdStart("cold", "Cold start", 4)
    made, memory = outcome(who, row, workers, rounds=1)
    assert row.loss(made) < 0.25 * row.before
    assert 50 < memory / 2**20 < 2000


def test_the_order_is_that_of_training(tiny):
    X, y = tiny.data()
    batches = ArrayBatches(X, y, None, batch_size=7, shuffle=True, seed=0)
    for epoch in range(3):
        np.testing.assert_array_equal(tiny.order(epoch), batches.order(epoch))


def test_the_reference_is_the_cost_of_the_library(tiny):
    X, y = tiny.data()
    loss = "cross_entropy" if tiny.model.n_out > 1 else "binary_cross_entropy"
    expected = cr.evaluate(tiny.model.network(), X, y if tiny.model.n_out > 1 else y[:, None], loss=loss)
    assert tiny.before == pytest.approx(expected["loss"], rel=1e-5)


def test_the_reference_takes_its_chunks_together(monkeypatch):
    row = Training("r", "R", Multilayer((5, 4, 3)), 50, 10, cr.Adam())
    whole = row.loss(row.model.network().parameters)
    monkeypatch.setattr(reference, "CHUNK", 7)
    assert row.loss(row.model.network().parameters) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("model", [Pictures(lenet), Text(cr.LSTM)], ids=["pictures", "text"])
def test_who_knows_no_such_model_has_no_way(model, workers):
    row = Training("r", "R", model, 4, 4, cr.Adam())
    assert not workers.of("scikit_learn", 1).ask("start", "scikit-learn", row)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the memory at the peak")
def test_the_weight_of_a_round_is_the_memory_that_it_takes(workers):
    small, large = (Training("r", "R", Pictures(lenet), m, m, cr.Adam(), weighed=True) for m in (8, 192))
    few, many = (workers.of("chainrule", 1).ask("weigh", "numpy", row) for row in (small, large))
    held = 192 * (28 * 28 * (25 + 6) + 10 * 10 * (150 + 16)) * 4  # what the two convolutions keep for the way back
    assert many - few > held
