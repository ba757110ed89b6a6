"""A run that is killed and resumed ends with the same bits as the run that was not."""

import signal
import subprocess
import sys

import numpy as np
import pytest

import chainrule as cr

PROGRAM = """
import os, signal, sys
import numpy as np
import chainrule as cr
from chainrule import files
from chainrule.engines.native import training

training.CALL = 0.0  # one batch a call, so that there is a checkpoint after each
folder, last, stream = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "stream"
writes = 0
replace = os.replace

def replace_and_count(a, b):
    global writes
    if writes == last:
        os.kill(os.getpid(), signal.SIGKILL)
    writes += 1
    replace(a, b)

os.replace = replace_and_count
random = np.random.default_rng(0)
X = random.standard_normal((60, 5)).astype(np.float32)
y = (X[:, 0] + X[:, 1] ** 2 > 1).astype(int)
net = cr.Network(
    [cr.Standardize(), cr.Dense(8, "relu"), cr.BatchNorm(), cr.Dropout(0.3), cr.Dense(2, "softmax")], seed=1
)
batches = [(X[i : i + 16], y[i : i + 16]) for i in range(0, 60, 16)]
history = cr.train(
    net, *((batches, None) if stream else (X, y)), loss="cross_entropy",
    optimizer=cr.Adam(cr.schedules.Cosine(0.01, epochs=6)), epochs=6, batch_size=16,
    validation=(X, y), metrics=["accuracy"], early_stopping=3, seed=2, progress=False, resume=True,
    checkpoint=cr.Checkpoint(folder + "/checkpoint.safetensors", every_epochs=1, every_minutes=0),
)
np.savez(folder + "/end.npz", flat=net.flat, **{k: history[k] for k in ("loss", "accuracy", "val_loss", "epoch")})
net.save(folder + "/model.safetensors")
"""


def run(folder, last, kind):
    return subprocess.run([sys.executable, "-c", PROGRAM, folder, str(last), kind], check=False).returncode


@pytest.mark.parametrize("kind", ["arrays", "stream"])
def test_a_run_killed_again_and_again_ends_with_the_same_bits(tmp_path, kind):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    assert run(whole, 10**9, kind) == 0
    codes = [run(killed, last, kind) for last in (0, 1, 3, 4, 5, 6, 10**9)]
    assert codes == [-signal.SIGKILL] * 6 + [0]
    with np.load(whole / "end.npz") as expected, np.load(killed / "end.npz") as found:
        for name in expected:
            assert np.array_equal(expected[name], found[name]), name
    assert (whole / "model.safetensors").read_bytes() == (killed / "model.safetensors").read_bytes()


def fit(tmp_path, **options):
    X, y = np.eye(6), np.arange(6) % 3
    net = cr.Network([cr.Dense(3, "softmax")], seed=0)
    history = cr.train(
        net,
        X,
        y,
        **(
            {
                "loss": "cross_entropy",
                "epochs": 4,
                "seed": 0,
                "progress": False,
                "checkpoint": cr.Checkpoint(tmp_path / "c.safetensors", every_epochs=2),
            }
            | options
        ),
    )
    return net, history


def test_a_finished_run_can_be_made_longer(tmp_path):
    fit(tmp_path)
    longer, history = fit(tmp_path, resume=True, epochs=8)
    at_once, _ = fit(tmp_path / "other", epochs=8)
    assert np.array_equal(longer.flat, at_once.flat)
    assert [record["epoch"] for record in history.epochs] == list(range(8))


def test_ctrl_c_writes_a_checkpoint_to_go_on_from(tmp_path):
    def press(run):
        if run.epoch == 2:
            signal.raise_signal(signal.SIGINT)

    _, history = fit(tmp_path, epochs=8, callbacks=[press])
    assert history.stopped == "interrupted"
    resumed, history = fit(tmp_path, epochs=8, resume=True)
    at_once, _ = fit(tmp_path / "other", epochs=8)
    assert np.array_equal(resumed.flat, at_once.flat)
    assert history.stopped == "all epochs done"


def test_without_a_file_resume_starts_from_the_beginning(tmp_path):
    resumed, _ = fit(tmp_path, resume=True)
    fresh, _ = fit(tmp_path / "other")
    assert np.array_equal(resumed.flat, fresh.flat)


def test_a_resumed_run_takes_the_seed_of_the_first(tmp_path):
    _, first = fit(tmp_path, seed=None, epochs=2)
    _, second = fit(tmp_path, seed=None, resume=True)
    assert second.seed == first.seed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 3}, "had batch_size 6, this one has 3"),
        ({"seed": 7}, "had seed 0, this one has 7"),
        ({"optimizer": cr.Adam(0.5)}, r"had the optimizer Adam\(\), this one has Adam\(0.5\)"),
        ({"optimizer": cr.LBFGS()}, "L-BFGS keeps its memory inside SciPy"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(tmp_path, options, words):
    fit(tmp_path)
    with pytest.raises(cr.OptionError, match=words):
        fit(tmp_path, resume=True, **options)


def test_a_broken_checkpoint_is_a_model_file_error(tmp_path):
    fit(tmp_path)
    path = tmp_path / "c.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(cr.ModelFileError, match="damaged"):
        fit(tmp_path, resume=True)


def test_a_checkpoint_of_a_version_whose_seeds_meant_other_numbers_is_not_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.training.checkpoints.FORMAT", 1)
    fit(tmp_path)
    monkeypatch.undo()
    with pytest.raises(cr.ModelFileError, match="written by another version of chainrule: finish that run there"):
        fit(tmp_path, resume=True)


def test_a_model_file_is_no_checkpoint(tmp_path):
    net, _ = fit(tmp_path)
    net.save(tmp_path / "c.safetensors")
    with pytest.raises(cr.ModelFileError, match="is a model file, not a checkpoint"):
        fit(tmp_path, resume=True)
