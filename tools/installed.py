"""Whether the installed chainrule trains: `python tools/installed.py native`, or `numpy` where nothing was compiled.

It must not be that of `src`, so that it is the wheel that is tried.
"""

import sys
import warnings
from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule.engines.native import described


def main(engine: str) -> None:
    """Train a small network by the engine that there should be, and by the reference; raise where they differ.

    Raises:
        AssertionError: it is that of `src`, has another engine, or learns otherwise than the reference.
    """
    sources, library = Path(__file__).resolve().parents[1] / "src", Path(cr.__file__).resolve()
    assert sources not in library.parents, f"{library} is the repository's: install the wheel"
    random = np.random.default_rng(0)
    X = random.standard_normal((2000, 20)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    costs = {}
    for name in ("auto", "numpy"):
        net = cr.Network([cr.Dense(32, "relu"), cr.Dense(2, "softmax")], seed=0)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            history = cr.train(net, X, y, loss="cross_entropy", epochs=20, batch_size=50, engine=name, seed=0)
        costs[history.engine] = history["loss"]
        if name == "auto":
            assert history.engine == engine, f"{history.engine} computes, and not {engine}: {described()}"
            warned = any("numpy engine" in str(one.message) for one in said)
            assert warned == (engine == "numpy"), [str(one.message) for one in said]
    for losses in costs.values():
        np.testing.assert_allclose(losses, costs["numpy"], rtol=1e-3)
        assert losses[-1] < losses[0] / 2, losses
    python = sys.version.split()[0]
    print(f"chainrule {cr.__version__}, Python {python}: {engine} ({described()}), J = {losses[-1]:.4f}")


if __name__ == "__main__":
    main(sys.argv[1])
