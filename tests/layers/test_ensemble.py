"""Networks that answer together."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.layers.ensemble import ensemble_in, one_member
from chainrule.layers.summary import rows_of_summary

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def member(seed: int, n_out: int = 2) -> cr.Network:
    net = cr.Network([cr.PiecewiseLinear(3), cr.Dense(5, "silu"), cr.Dense(n_out, "softmax")], seed=seed)
    cr.train(net, X, Y, loss="cross_entropy", epochs=1, progress=False, hints=False)
    return net


def ensemble(k: int = 3) -> tuple[list[np.ndarray], cr.Network]:
    members = [member(seed) for seed in range(k)]
    answers = [one.predict(X) for one in members]
    return answers, cr.Network([cr.Ensemble(members)], input_shape=4)


def test_the_answer_is_the_mean_in_one_native_call() -> None:
    answers, net = ensemble()
    assert np.allclose(net.predict(X, engine="native"), np.mean(answers, axis=0), atol=1e-6)
    assert np.allclose(net.predict(X, engine="numpy"), np.mean(answers, axis=0), atol=1e-6)


def test_the_spread_tells_where_they_disagree() -> None:
    answers, net = ensemble()
    assert np.allclose(net.layers[0].spread(X), np.std(answers, axis=0), atol=1e-6)


def test_it_is_one_file(tmp_path) -> None:
    _, net = ensemble()
    net.save(tmp_path / "net.safetensors")
    loaded = cr.load(tmp_path / "net.safetensors")
    assert np.array_equal(loaded.predict(X), net.predict(X))
    assert len(loaded.layers[0].members) == 3


def test_it_trains_as_one_network_too() -> None:
    _, net = ensemble(2)
    before = cr.evaluate(net, X, Y, loss="cross_entropy")["loss"]
    cr.train(net, X, Y, loss="cross_entropy", epochs=20, progress=False)
    assert cr.evaluate(net, X, Y, loss="cross_entropy")["loss"] < before


def test_the_first_is_derived_and_drawn() -> None:
    _, net = ensemble()
    page = cr.derive(net, loss="cross_entropy").text
    assert "This is one of 3 networks whose mean is the answer" in page
    alone = cr.derive(net.layers[0].members[0].copy(), loss="cross_entropy").text
    assert page.split("\n")[-5:] == alone.split("\n")[-5:]
    assert cr.draw(net, loss="cross_entropy").svg == cr.draw(net.layers[0].members[0].copy(), loss="cross_entropy").svg


def test_one_member_keeps_what_stands_behind() -> None:
    answers, net = ensemble()
    back = cr.Standardize(inverse=True)
    whole = cr.Network([net, back], input_shape=4)
    assert np.allclose(one_member(whole).predict(X), answers[0], atol=1e-6)
    assert ensemble_in(whole) is net.layers[0]
    assert ensemble_in(member(0)) is None
    alone = member(0)
    assert one_member(alone) is alone


def test_the_summary_shows_the_first_in_full() -> None:
    _, net = ensemble()
    rows = [[cell.strip() for cell in row] for row in rows_of_summary(net)]
    assert [called for _, called, *_ in rows] == [
        *("X", "Ensemble", "Network", "PiecewiseLinear(3)", 'Dense(5, "silu")', 'Dense(2, "softmax")'),
        "2 more like this, whose mean it is",
    ]
    assert sum(int(count.replace(",", "")) for *_, count in rows if count) == net.flat.size


def test_messages() -> None:
    with pytest.raises(
        cr.OptionError, match=r"Ensemble takes networks, but Dense\(2\) is a layer: put it into a Network"
    ):
        cr.Ensemble([cr.Dense(2)])
    with pytest.raises(cr.OptionError, match="the list is empty"):
        cr.Ensemble([])
    with pytest.raises(cr.ShapeError, match=r"answer alike, but here in the shapes \(1, 2\), \(1, 3\)"):
        cr.Network([cr.Ensemble([member(0), cr.Network([cr.Dense(3)])])], input_shape=4)
