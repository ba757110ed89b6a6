"""Where nothing was compiled, the numpy engine does the work, and who uses it is told so once."""

import warnings

import numpy as np
import pytest

import chainrule as cr
from chainrule import engines
from chainrule.engines.native import engine as native


@pytest.fixture
def nothing_compiled(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.delitem(engines.ENGINES, "native", raising=False)
    monkeypatch.setattr(engines, "_AUTO", engines.ENGINES["numpy"])
    monkeypatch.setattr(native, "import_module", missing)
    engines._tell_that_numpy_computes.cache_clear()
    yield
    engines._tell_that_numpy_computes.cache_clear()


@pytest.mark.usefixtures("nothing_compiled")
def test_the_first_use_says_so_and_no_other():
    net = cr.Network([cr.Dense(1)], seed=0, input_shape=2)
    with pytest.warns(RuntimeWarning, match="not built: there was no C\\+\\+20 compiler.* and chainrule again"):
        net.predict(np.ones((1, 2)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.predict(np.ones((1, 2)))
        cr.train(net, np.ones((4, 2)), np.ones(4), loss="squared_error", epochs=1, progress=False)


@pytest.mark.usefixtures("nothing_compiled")
def test_who_asks_for_numpy_is_told_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cr.Network([cr.Dense(1)], seed=0, input_shape=2).predict(np.ones((1, 2)), engine="numpy")
