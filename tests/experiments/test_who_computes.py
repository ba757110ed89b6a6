"""Whoever chooses an engine or a device for a run gets it for all of it: training, validation, measures, the report."""

import polars as pl
import pytest
from sklearn.datasets import load_iris

import chainrule as cr
from chainrule import engines
from chainrule.engines import ENGINES
from chainrule.engines.jax import JaxEngine
from chainrule.engines.numpy import NumpyEngine

ITS_WORK = ("program", "slope", "evaluate", "predict")


def iris(target):
    """As a table whose target is the kind, or the width of its petals."""
    frame = load_iris(as_frame=True).frame
    return cr.read_table(pl.DataFrame({name: frame[name].to_numpy() for name in frame}), target)


def forbid(monkeypatch, *kinds):
    """Whatever these engines are asked to do is an error."""
    for kind in kinds:
        for name in ITS_WORK:
            monkeypatch.setattr(kind, name, lambda *_, kind=kind, **__: pytest.fail(f"{kind.__name__} was asked"))


@pytest.mark.parametrize(
    ("engine", "device", "target"),
    [
        ("numpy", None, "target"),
        ("numpy", None, "petal width (cm)"),
        ("auto", "cpu", "target"),
        ("auto", "cpu", "petal width (cm)"),
        pytest.param("jax", None, "petal width (cm)", marks=pytest.mark.xdist_group("jax")),
    ],
)
def test_all_of_a_run_is_computed_where_somebody_has_chosen(tmp_path, monkeypatch, engine, device, target):
    native = type(ENGINES["native"]) if "native" in ENGINES else None
    monkeypatch.setattr(engines, "accelerated", lambda: True)
    monkeypatch.setattr(engines, "large", lambda network, m: True)
    if engine == "jax":
        pytest.importorskip("jax")
        forbid(monkeypatch, *filter(None, (native, NumpyEngine)))
    else:
        forbid(monkeypatch, JaxEngine, *([native] if native and engine == "numpy" else []))
    settings = cr.Settings(seed=0, epochs=2, hidden=(4,), validation=0.2, engine=engine, device=device)
    result = cr.Experiment(iris(target), settings, tmp_path).run(progress=False)
    assert {"test", "baseline"} <= {*result.metrics}


def test_who_evaluates_and_predicts_says_where(monkeypatch):
    pytest.importorskip("jax")
    forbid(monkeypatch, *(type(engine) for name, engine in ENGINES.items() if name != "jax"))
    net = cr.Network([cr.Dense(2, "softmax")], seed=0)
    assert net.predict([[1.0, 2.0]], device="cpu:0").shape == (1, 2)
    assert cr.evaluate(net, [[1.0, 2.0]], [1], loss="cross_entropy", device="cpu:0")["loss"] > 0
    with pytest.raises(cr.OptionError, match=r'device="tpu", but JAX sees 4 devices'):
        net.predict([[1.0, 2.0]], device="tpu")
