"""A run that is killed and resumed ends with the same bits as the run that was not."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import chainrule as cr
from chainrule import files

PROGRAM = """
import os, signal, sys
import numpy as np
import chainrule as cr
from chainrule import files
from chainrule.engines import calls
from chainrule.schedules import Cosine

calls.CALL = 0.0  # one batch a call, so that there is a checkpoint after each

def live(folder, last):
    writes, replace = 0, os.replace

    def replace_and_count(a, b):
        nonlocal writes
        if writes == last:
            os.kill(os.getpid(), signal.SIGKILL)
        writes += 1
        replace(a, b)

    os.replace = replace_and_count
    random = np.random.default_rng(0)
    X = random.standard_normal((60, 5)).astype(np.float32)
    y = (X[:, 0] + X[:, 1] ** 2 > 1).astype(int)
    dropout = cr.Dropout(Cosine(0.5, 6))
    net = cr.Network(
        [cr.Standardize(), cr.Dense(8, "relu"), cr.BatchNorm(), dropout, cr.Dense(2, "softmax")], seed=1
    )
    batches = [(X[i : i + 16], y[i : i + 16]) for i in range(0, 60, 16)]
    history = cr.train(
        net, batches, loss="cross_entropy",
        optimizer=cr.AdamW(Cosine(0.01, epochs=6), weight_decay=Cosine(0.3, epochs=6), rates={"W*": 0.5}), epochs=6,
        validation=(X, y), metrics=["accuracy"], early_stopping=3, seed=2, progress=False, resume=True,
        checkpoint=cr.Checkpoint(folder + "/checkpoint.safetensors", every_epochs=1, every_minutes=0),
    )
    np.savez(folder + "/end.npz", flat=net.flat, **{k: history[k] for k in ("loss", "accuracy", "val_loss", "epoch")})
    for record in history.epochs:
        del record["seconds"]
    history.save(folder + "/history.json")
    net.save(folder + "/model.safetensors")

whole, killed, *moments = sys.argv[1:]
for folder, last in ((whole, 10**9), *((killed, int(moment)) for moment in moments)):
    child = os.fork()  # of a process that has not trained
    if not child:
        live(folder, last)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_stream_killed_again_and_again_ends_with_the_same_bits(tmp_path):
    """Arrays are killed in tests/torture."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    words = [sys.executable, "-c", PROGRAM, whole, killed, *map(str, (0, 1, 3, 4, 5, 6, 10**9))]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    assert [*map(int, done.stdout.split())] == [0, *[-signal.SIGKILL] * 6, 0]
    with np.load(whole / "end.npz") as expected, np.load(killed / "end.npz") as found:
        for name in expected:
            assert np.array_equal(expected[name], found[name]), name
    for name in ("model.safetensors", "history.json"):
        assert (whole / name).read_bytes() == (killed / name).read_bytes()


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


def test_a_resumed_run_says_from_where_it_goes_on(tmp_path, capsys):
    fit(tmp_path, epochs=4, resume=True, progress=True)
    assert "has nothing to go on from: the run begins" in capsys.readouterr().err
    fit(tmp_path, epochs=8, resume=True, progress=True)
    assert ": after epoch 4 of 8\n" in capsys.readouterr().err
    fit(tmp_path, epochs=8, resume=True, progress=True)
    assert ": 8 epochs are done (all epochs done), and nothing is left\n" in capsys.readouterr().err


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


def test_a_checkpoint_with_targets_of_another_shape_is_damaged(tmp_path, monkeypatch):
    options = {"metrics": ["accuracy"], "batch_size": 2, "engine": "numpy"}
    first = iter([True])
    monkeypatch.setattr("chainrule.training.checkpoints.Checkpoints.due", lambda _: next(first, False))
    fit(tmp_path, checkpoint=cr.Checkpoint(tmp_path / "c.safetensors", every_epochs=None, every_minutes=1), **options)
    tensors, content = files.read_tensors(tmp_path / "c.safetensors")
    tensors["running.targets"] = tensors["running.targets"][:, None]
    files.write_tensors(tmp_path / "c.safetensors", tensors, content)
    with pytest.raises(cr.CheckpointError, match=r"damaged: it holds targets of shape \(2, 1\), but those of the data"):
        fit(tmp_path, resume=True, **options)


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


class TestTheDataOfAResumedRun:
    """A checksum of all rows, and of a stream's batches as they go by."""

    @pytest.mark.parametrize("part", ["X", "y", "weights", "validation"])
    def test_one_changed_number_of_many_rows_is_found(self, tmp_path, part):
        rng = np.random.default_rng(0)
        data = {"X": rng.standard_normal((5000, 3)), "y": rng.integers(0, 3, 5000), "weights": rng.random(5000)}
        data["validation"] = data["X"].copy()

        def train(resume):
            given = {"loss": "cross_entropy", "epochs": 1, "batch_size": None, "seed": 0, "progress": False}
            validation = (data["validation"], data["y"])
            net = cr.Network([cr.Dense(3, "softmax")], seed=0)
            cr.train(
                net,
                data["X"],
                data["y"],
                sample_weight=data["weights"],
                validation=None if part == "y" else validation,
                checkpoint=tmp_path / "c.safetensors",
                resume=resume,
                **given,
            )

        train(False)
        train(True)
        data[part].flat[4321] = data[part].flat[4321] + 1 if part != "y" else (data["y"][4321] + 1) % 3
        with pytest.raises(cr.OptionError, match="data are not those that its run began with"):
            train(True)

    @staticmethod
    def stream(tmp_path, batches, *, end_at=None, epochs=3, resume=False):
        def flow():
            for i, batch in enumerate(batches() if callable(batches) else batches):
                if i == end_at:
                    raise KeyboardInterrupt
                yield batch

        net = cr.Network([cr.Dense(3, "softmax")], seed=0)
        checkpoint = cr.Checkpoint(tmp_path / "c.safetensors", every_epochs=1, every_minutes=0)
        options = {"loss": "cross_entropy", "seed": 0, "progress": False, "checkpoint": checkpoint}
        return cr.train(net, flow, epochs=epochs, resume=resume, **options)

    def batches(self):
        rng = np.random.default_rng(0)
        return [(rng.standard_normal((8, 3)).astype(np.float32), rng.integers(0, 3, 8)) for _ in range(6)]

    def test_a_batch_that_went_by_and_has_changed_is_found(self, tmp_path):
        batches = self.batches()
        with pytest.raises(KeyboardInterrupt):
            self.stream(tmp_path, batches, end_at=4)
        changed = [*batches[:2], (batches[2][0] + 1, batches[2][1]), *batches[3:]]
        with pytest.raises(cr.DataError, match="batch 2 of the stream is not the one"):
            self.stream(tmp_path, changed, resume=True)
        assert self.stream(tmp_path, batches, resume=True).stopped == "all epochs done"

    def test_a_stream_that_has_always_repeated_itself_and_does_not_now_is_told(self, tmp_path):
        batches = self.batches()
        self.stream(tmp_path, batches, epochs=2)
        with pytest.warns(RuntimeWarning, match="now batch 3 is another one: have the data changed"):
            self.stream(tmp_path, [*batches[:3], *batches[:3]], epochs=3, resume=True)

    def test_a_stream_that_is_drawn_anew_may_go_on_otherwise(self, tmp_path):
        rng = np.random.default_rng(0)

        def drawn():
            for _ in range(4):
                yield rng.standard_normal((8, 3)).astype(np.float32), rng.integers(0, 3, 8)

        self.stream(tmp_path, drawn, epochs=2)
        assert len(self.stream(tmp_path, drawn, epochs=4, resume=True).epochs) == 4


def test_a_checkpoint_that_does_not_fit_is_refused_and_leaves_the_network_as_it_was(tmp_path):
    fit(tmp_path)
    path = tmp_path / "c.safetensors"
    tensors, content = files.read_tensors(path)
    start = cr.Network([cr.Dense(3, "softmax")], seed=0)
    start.build(6)

    def refused(tensors, content, words):
        files.write_tensors(path, tensors, content)
        net = cr.Network([cr.Dense(3, "softmax")], seed=0)
        with pytest.raises(cr.CheckpointError, match=words):
            cr.train(
                net, np.eye(6), np.arange(6) % 3, loss="cross_entropy", epochs=4, seed=0,
                checkpoint=cr.Checkpoint(path, every_epochs=2), resume=True, progress=False,
            )  # fmt: skip
        assert np.array_equal(net.flat, start.flat)

    state = content["checkpoint"]
    for name, value, words in [
        ("epoch", -1, "its `epoch` is -1"),
        ("epoch", "4", "its `checkpoint.epoch` is '4', but must be a whole number"),
        ("epoch", 3, "its history has 4 epochs, but 3 are done"),
        ("m", 7, "0 batches with 7 examples"),
        ("cost", None, "its `checkpoint.cost` is None, but must be a finite number"),
        ("history", {}, "`checkpoint.history.epochs` is missing"),
        ("history", state["history"] | {"epochs": [{}] * 4}, "the record of its epoch 0 is"),
        ("watch", [0.0, 9, 0], "its `watch` is"),
    ]:
        refused(tensors, content | {"checkpoint": state | {name: value}}, words)
    for name, tensor, words in [
        ("network.W1", np.zeros((2, 6), np.float32), "its W1 is"),
        ("slot.v", np.zeros(3, np.float32), "the optimizer's v is"),
        ("network.W7", np.zeros(3, np.float32), "it holds W7, which no such run has"),
        ("other", np.zeros(3, np.float32), "it holds other, which no such run has"),
    ]:
        refused(tensors | {name: tensor}, content, words)
    refused({name: tensor for name, tensor in tensors.items() if name != "network.b1"}, content, "it lacks b1")


def test_a_loss_or_a_layer_of_ones_own_that_has_changed_is_refused(tmp_path):
    class Scale(cr.Layer):
        def forward(self, A):
            return A * self.parameter("s", (A.shape[-1],), "ones")

    def train(loss, resume):
        net = cr.Network([Scale(), cr.Dense(1)], seed=0)
        options = {"epochs": 1, "seed": 0, "progress": False, "checkpoint": tmp_path / "c.safetensors"}
        cr.train(net, np.eye(4), np.arange(4.0), loss=loss, resume=resume, **options)

    def my(A, Y):
        return ((A - Y) ** 2).mean()

    def other(A, Y):
        return ((A - Y) ** 4).mean()

    other.__name__ = "my"
    train(my, False)
    train(my, True)
    with pytest.raises(cr.OptionError, match="the functions of your own loss or layers are not those"):
        train(other, True)
    Scale.forward = lambda self, A: A + self.parameter("s", (A.shape[-1],), "ones")
    with pytest.raises(cr.OptionError, match="the functions of your own loss or layers are not those"):
        train(my, True)


def test_two_runs_that_write_one_checkpoint_are_told(tmp_path):
    X, path = np.random.default_rng(0).normal(size=(8, 2)), tmp_path / "run.safetensors"

    def run(name, **options):
        net = cr.Network([cr.Dense(1)], seed=0)
        options = {"epochs": 3, "checkpoint": tmp_path / name} | options
        return cr.train(net, X, X[:, :1], loss="squared_error", progress=False, seed=0, **options)

    with pytest.warns(
        UserWarning, match=r"another run writes .*run\.safetensors, too, .* give each a checkpoint= of its"
    ):
        run("run.safetensors", callbacks=lambda under_way: under_way.epoch == 1 and run("run.safetensors", epochs=1))
    run("run.safetensors", callbacks=lambda under_way: under_way.epoch == 1 and run("other.safetensors", epochs=1))
    run("run.safetensors", epochs=5, resume=True)
    run("run.safetensors", callbacks=lambda under_way: path.unlink() if path.exists() else None)
