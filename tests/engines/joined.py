"""A script that one process runs on several devices, or several processes at once: what came of it lies in its folder.

python joined.py FOLDER                     one process
python joined.py FOLDER PROCESS PORT        process 0 or 1 of two
python joined.py FOLDER PROCESS PORT DIES   the same, of which that one is killed
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule.sklearn import MLPClassifier

RANDOM = np.random.default_rng(3)
M = 46
X, y = RANDOM.standard_normal((M, 6)), RANDOM.integers(0, 2, M)
PICTURES = RANDOM.standard_normal((M, 6, 6, 2))
SEQUENCES = RANDOM.standard_normal((M, 7, 3))
SHORTER = np.where(np.arange(7)[None, :, None] < 3 + np.arange(M)[:, None, None] % 5, SEQUENCES, 0)

NETWORKS = {
    "dense": (lambda: [cr.Dense(4, "tanh"), cr.Dense(2, "softmax")], X),
    "convolution": (
        lambda: [cr.Conv2D(3, 3, bias=False), cr.BatchNorm(), cr.Flatten(), cr.Dropout(0.3), cr.Dense(2, "softmax")],
        PICTURES,
    ),
    "recurrence": (lambda: [cr.Masking(), cr.LSTM(4, last=True), cr.Dense(2, "softmax")], SHORTER),
}


def made(name):
    return cr.Network(NETWORKS[name][0](), seed=1, dtype="float64")


def train(name, net=None, X=None, y=y, **options):
    """Three epochs of two batches of 23 examples, which four devices do not divide evenly."""
    net = made(name) if net is None else net
    how = {"loss": "cross_entropy", "optimizer": cr.Adam(0.01, clip_norm=0.5), "epochs": 3, "batch_size": 23, "seed": 3}
    how |= {"engine": "jax", "progress": False}
    return net, cr.train(net, NETWORKS[name][1] if X is None else X, y, **how | options)


def stream():
    return [(X[:23], y[:23]), (X[23:], y[23:])]


def keep(folder, name, net, history):
    """What came of it."""
    np.savez(folder / f"{name}.npz", **net.state())
    history.save(folder / f"{name}.json")


def on_several_devices(folder):
    for name, size in (("convolution", 16), ("recurrence", 23)):  # the last batch of 46 is smaller, or not
        keep(folder, name, *train(name, devices="all", metrics="accuracy", batch_size=size))
    keep(folder, "stream", *train("dense", X=stream, y=None, devices=3))
    keep(folder, "lbfgs", *train("dense", devices=3, optimizer="lbfgs"))


def in_several_processes(folder, process):
    keep(folder, "recurrence", *train("recurrence", metrics="accuracy"))
    if process == 0:  # what one of them does by itself, the others do not wait for
        MLPClassifier((4,), max_iter=2, engine="numpy").fit(X, y)
    keep(folder, "convolution", *train("convolution", checkpoint=folder.parent / "by_numpy", resume=True))
    elsewhere = cr.Network(NETWORKS["dense"][0](), seed=None, dtype="float64")  # begins in each process otherwise
    told = {"metrics": lambda y, output: RANDOM.random() + process, "validation": (X, y), "seed": None}
    stopping = cr.EarlyStopping("val_<lambda>", patience=2)
    keep(folder, "told", *train("dense", elsewhere, early_stopping=stopping, epochs=50, **told))


def what_is_refused(folder, process):
    for name, given in {"data": {"X": X + process}, "settings": {"batch_size": 23 + process}}.items():
        try:
            train("dense", **given)
        except cr.OptionError as error:
            (folder / f"{name}.txt").write_text(str(error))


def terminated(folder, process):
    """SIGTERM comes to one of them alone."""

    def look(run):
        if process == 1 and run.epoch == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        train("dense", callbacks=look, checkpoint=folder.parent / "terminated")
    except SystemExit as error:
        (folder / "terminated.txt").write_text(str(error.code))


def killed(folder, process, dies):
    """One of them dies in the middle."""

    def look(run):
        if process == dies and run.epoch == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    train("dense", callbacks=look, checkpoint=folder.parent / "killed")


def main():
    folder = Path(sys.argv[1])
    if len(sys.argv) == 2:
        on_several_devices(folder)
        return
    process, port, *dies = map(int, sys.argv[2:])
    cr.distributed.initialize(f"127.0.0.1:{port}", 2, process)
    folder = folder / str(process)
    folder.mkdir()
    if not dies:
        in_several_processes(folder, process)
        what_is_refused(folder, process)
        terminated(folder, process)
    killed(folder, process, dies[0] if dies else 1)


if __name__ == "__main__":
    main()
