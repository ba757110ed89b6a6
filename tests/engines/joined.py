"""A script that two processes run together: what came of it lies in the folder of each.

python joined.py FOLDER PROCESS PORT        process 0 or 1 of two
python joined.py FOLDER PROCESS PORT DIES   the same, of which that one is killed at once
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

import chainrule as cr

RANDOM = np.random.default_rng(3)
M = 46
X, y = RANDOM.standard_normal((M, 6)), RANDOM.integers(0, 2, M)
SEQUENCES = RANDOM.standard_normal((M, 7, 3))
SHORTER = np.where(np.arange(7)[None, :, None] < 3 + np.arange(M)[:, None, None] % 5, SEQUENCES, 0)
PICTURES = RANDOM.standard_normal((M, 4, 4, 2))

NETWORKS = {
    "line": (lambda: [cr.Dense(2, "softmax")], X),
    "dense": (lambda: [cr.Dense(4, "tanh"), cr.Dense(2, "softmax")], X),
    "convolution": (
        lambda: [cr.Conv2D(2, 2, bias=False), cr.BatchNorm(), cr.Flatten(), cr.Dropout(0.3), cr.Dense(2, "softmax")],
        PICTURES,
    ),
    "recurrence": (lambda: [cr.Masking(), cr.LSTM(3, last=True), cr.Dense(2, "softmax")], SHORTER),
}


def made(name):
    return cr.Network(NETWORKS[name][0](), seed=1, dtype="float64")


def train(name, net=None, X=None, y=y, **options):
    """Two epochs of two batches of 23 examples, which four devices do not divide evenly."""
    net = made(name) if net is None else net
    how = {"loss": "cross_entropy", "optimizer": cr.Adam(0.01, clip_norm=0.5), "epochs": 2, "batch_size": 23, "seed": 3}
    how |= {"engine": "jax", "progress": False, "hints": False}
    return net, cr.train(net, NETWORKS[name][1] if X is None else X, y, **how | options)


def stream(*ends):
    """The examples up to each of these ends, as batches."""
    return [(X[start:end], y[start:end]) for start, end in zip((0, *ends), (*ends, M), strict=True)]


def keep(folder, name, net, history):
    """What came of it."""
    np.savez(folder / f"{name}.npz", **net.state())
    history.save(folder / f"{name}.json")


def without_others(folder):
    """What becomes of a script that no launcher has started, and of one whose launcher JAX does not know."""
    for name, launchers in (("alone", {}), ("launched", {"WORLD_SIZE": "2"})):
        os.environ |= launchers
        try:
            cr.distributed.initialize()
            (folder / f"{name}.txt").write_text(f"{cr.distributed.processes()} {cr.distributed.first()}")
        except cr.OptionError as error:
            (folder / f"{name}.txt").write_text(str(error))
    del os.environ["WORLD_SIZE"]


def together(folder, process):
    keep(folder, "recurrence", *train("recurrence", metrics="accuracy"))
    keep(folder, "convolution", *train("convolution", checkpoint=folder.parent / "by_numpy", resume=True))
    if process == 0:  # what one of them does by itself, the others do not wait for
        cr.evaluate(made("dense"), X, y, loss="cross_entropy", engine="jax")
    elsewhere = cr.Network(NETWORKS["dense"][0](), seed=None, dtype="float64")  # begins in each process otherwise
    told = {"metrics": lambda y, output: RANDOM.random() + process, "validation": (X, y), "seed": None}
    stopping = cr.EarlyStopping("val_<lambda>", patience=2)
    keep(folder, "told", *train("dense", elsewhere, early_stopping=stopping, epochs=50, **told))


def what_is_refused(folder, process):
    others = {
        "data": {"X": X + process},
        "settings": {"batch_size": 23 + process},
        "batch": {"X": stream(23 + process), "y": None},
        "end": {"X": stream(23)[: 2 - process], "y": None},
    }
    for name, given in others.items():
        try:
            train("line", optimizer="sgd", **given)
        except cr.OptionError as error:
            (folder / f"{name}.txt").write_text(str(error))


def terminated(folder, process):
    """SIGTERM comes to one of them alone."""

    def look(run):
        if process == 1 and run.epoch == 0:
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        train("dense", metrics="accuracy", callbacks=look, checkpoint=folder.parent / "terminated")
    except SystemExit as error:
        (folder / "terminated.txt").write_text(str(error.code))


def killed(folder, process, dies):
    """One of them dies in the middle."""

    def look(run):
        if process == dies and run.epoch == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    train("dense", metrics="accuracy", epochs=3, callbacks=look, checkpoint=folder.parent / "killed")


def main():
    folder = Path(sys.argv[1])
    process, port, *dies = map(int, sys.argv[2:])
    folder = folder / str(process)
    folder.mkdir()
    if not dies:
        without_others(folder)
    cr.distributed.initialize(f"127.0.0.1:{port}", 2, process)
    if not dies:
        together(folder, process)
        what_is_refused(folder, process)
        terminated(folder, process)
    killed(folder, process, dies[0] if dies else 1)


if __name__ == "__main__":
    main()
