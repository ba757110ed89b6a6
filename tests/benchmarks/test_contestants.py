"""Every contestant does the same work: same start, same order, same rule, and so the same loss."""

import numpy as np
import pytest
from benchmarks.contestants import CONTESTANTS
from benchmarks.rows import ColdStart, Prediction, Training
from benchmarks.worker import RefusedError

import chainrule as cr
from benchmarks import reference
from chainrule.data.batches import ArrayBatches
from chainrule.engines import ENGINES

PREDICTIONS = [Prediction("one", "One", (6, 8, 3), 1, 4), Prediction("many", "Many", (6, 8, 3), 300, 2)]


def of(*keys):
    return [who for who in CONTESTANTS if not keys or who.key in keys]


@pytest.fixture(params=of(), ids=lambda who: who.key)
def who(request):
    """A contestant that can take part here."""
    if not request.param.installed:
        pytest.skip(f"{request.param.package} is not installed: pip install -e '.[bench]'")
    if request.param.key == "native" and "native" not in ENGINES:
        pytest.skip("the native engine was not built")
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
    net = row.network()
    loss = "cross_entropy" if row.sizes[-1] > 1 else "binary_cross_entropy"
    cr.train(
        net,
        X,
        y if row.sizes[-1] > 1 else y[:, None],
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
    assert tiny.loss(made) == pytest.approx(tiny.loss(expected), abs=1e-5)
    assert tiny.loss(made) < 0.95 * tiny.before
    assert list(made) == list(expected)
    for name, value in made.items():
        np.testing.assert_allclose(value, expected[name], atol=2e-4, err_msg=name)


@pytest.mark.parametrize("row", PREDICTIONS, ids=lambda row: row.key)
def test_every_contestant_predicts_the_same(who, row, workers):
    made, _ = outcome(who, row, workers, rounds=1)
    np.testing.assert_allclose(made["A"], row.network().predict(row.data()[0], engine="numpy"), atol=1e-5)
    assert row.loss(made) == pytest.approx(row.before, abs=1e-5)


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
    loss = "cross_entropy" if tiny.sizes[-1] > 1 else "binary_cross_entropy"
    expected = cr.evaluate(tiny.network(), X, y if tiny.sizes[-1] > 1 else y[:, None], loss=loss)
    assert tiny.before == pytest.approx(expected["loss"], rel=1e-5)


def test_the_reference_takes_its_chunks_together(monkeypatch):
    row = Training("r", "R", (5, 4, 3), 50, 10, cr.Adam())
    whole = row.loss(row.network().parameters)
    monkeypatch.setattr(reference, "CHUNK", 7)
    assert row.loss(row.network().parameters) == pytest.approx(whole, rel=1e-12)
