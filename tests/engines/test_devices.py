"""Several devices, and several processes, come to what one comes to; what one of them does not survive, all end by."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import filelock
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import chainrule as cr
from chainrule import distributed, engines
from chainrule.engines import auto
from chainrule.sklearn import MLPClassifier
from engines import joined

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.xdist_group("jax")  # one process loads it

SCRIPT = Path(joined.__file__)
EXACT = {"rtol": 0, "atol": 1e-12}
WAY_OUT = "so this one ends, too. Start all again: with resume=True they go on from the last checkpoint."


def start(devices, *arguments):
    """The script in a process of its own, with so many devices made of this machine's cores."""
    flags = os.environ["XLA_FLAGS"].replace("device_count=4", f"device_count={devices}")
    given = {name: value for name, value in os.environ.items() if name not in distributed.LAUNCHERS}
    words = [sys.executable, SCRIPT, *map(str, arguments)]
    return subprocess.Popen(words, env=given | {"XLA_FLAGS": flags}, stderr=subprocess.PIPE, text=True)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def end_of(processes, seconds=600):
    """The exit status and the complaints of each."""
    try:
        complaints = [process.communicate(timeout=seconds)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], complaints


def equal(folder, name, net):
    """What the script has kept is the network's state."""
    with np.load(folder / f"{name}.npz") as kept:
        same(dict(kept), net.state())


def same(state, other, **tolerance):
    assert state.keys() == other.keys()
    for part, numbers in other.items():
        np.testing.assert_allclose(state[part], numbers, err_msg=part, **EXACT | tolerance)


def told(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def by_numpy():
    """What one process comes to."""
    return {name: joined.train(name, engine="numpy", metrics="accuracy") for name in joined.NETWORKS}


@pytest.fixture(scope="session")
def two(tmp_path_factory):
    """The folders of two processes with two devices each, the second of which was killed at last; what they said.

    Whichever process of the tests asks first starts them, for all.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "two"
    with filelock.FileLock(f"{folder}.lock"):
        if not folder.exists():
            folder.mkdir()
            joined.train("convolution", epochs=1, engine="numpy", checkpoint=folder / "by_numpy")
            port = free_port()
            ended = end_of([start(2, folder, process, port) for process in (0, 1)])
            (folder / "ended.json").write_text(json.dumps(ended))
    status, complaints = told(folder, "ended")
    assert (folder / "0" / "terminated.txt").exists(), complaints
    return folder, status, complaints


@pytest.mark.parametrize("name", ["convolution", "recurrence"])
def test_four_devices_come_to_what_one_comes_to(name, by_numpy):
    net, history = joined.train(name, devices="all", metrics="accuracy")
    same(net.state(), by_numpy[name][0].state())
    assert history.device == "cpu x 4"
    assert history["accuracy"] == by_numpy[name][1]["accuracy"]


def test_a_last_batch_that_is_smaller_is_divided_too():
    how = {"batch_size": 30, "epochs": 1, "optimizer": "sgd"}
    net, other = (joined.train("line", **how, **where)[0] for where in ({"devices": 4}, {"engine": "numpy"}))
    same(net.state(), other.state())


def test_streams_and_lbfgs_are_divided_among_devices_too():
    given = {"X": joined.stream(23), "y": None}
    same(
        joined.train("dense", devices=3, **given)[0].state(), joined.train("dense", engine="numpy", **given)[0].state()
    )
    net, history = joined.train("dense", devices=3, optimizer="lbfgs")
    same(net.state(), joined.train("dense", optimizer="lbfgs", engine="numpy")[0].state(), atol=1e-9)
    assert history.device == "cpu x 3"


def test_two_processes_come_to_what_one_comes_to_also_from_its_checkpoint(two, by_numpy):
    folder = two[0]
    for process in "01":
        for name in ("recurrence", "convolution"):
            equal(folder / process, name, by_numpy[name][0])
        assert told(folder / process, "recurrence")["device"] == "cpu x 4 in 2 processes"


def test_the_first_process_decides_for_all(two):
    folder = two[0]
    one, other = ((folder / process / "told.json").read_text() for process in "01")
    assert one == other
    assert json.loads(one)["stopped"] == "early stopping"
    with np.load(folder / "0" / "told.npz") as first, np.load(folder / "1" / "told.npz") as second:
        for part in first:
            np.testing.assert_array_equal(first[part], second[part])


def test_processes_that_were_given_other_things_are_refused(two):
    for process in "01":
        folder = two[0] / process
        assert "of process 1, data is not that of the first" in (folder / "data.txt").read_text()
        assert "of process 1, batch_size is not that of the first" in (folder / "settings.txt").read_text()
        assert "batch 1 of the stream is another one in another process: give" in (folder / "batch.txt").read_text()
        words = "the stream ends before batch 2 in process 1, but goes on in process 0: give each the same stream, "
        assert (folder / "end.txt").read_text().startswith(words)


def test_what_one_process_does_by_itself_the_others_do_not_wait_for(monkeypatch):
    monkeypatch.setattr(distributed, "processes", lambda: 2)
    for exchange in ("_gathered", "_from_first"):
        monkeypatch.setattr(distributed, exchange, lambda *_: pytest.fail("asks the others"))
    with pytest.warns(ConvergenceWarning):
        MLPClassifier((4,), max_iter=2, engine="numpy").fit(joined.X, joined.y)


def test_sigterm_to_one_process_ends_all_with_a_checkpoint(two, by_numpy):
    folder = two[0]
    assert [(folder / process / "terminated.txt").read_text() for process in "01"] == ["143", "143"]
    net, _ = joined.train("dense", metrics="accuracy", engine="numpy", checkpoint=folder / "terminated", resume=True)
    same(net.state(), by_numpy["dense"][0].state())


def test_a_process_that_is_killed_ends_the_other_and_the_run_goes_on_elsewhere(two):
    folder, status, complaints = two
    assert status == [1, -9]
    assert f"PeerError: another of the 2 processes has ended, {WAY_OUT} JAX said: " in complaints[0]
    assert "JaxRuntimeError" not in complaints[0]
    other, _ = joined.train("dense", metrics="accuracy", epochs=3, engine="numpy")
    for engine in ("numpy", "jax"):
        (folder / engine).write_bytes((folder / "killed").read_bytes())
        how = {"metrics": "accuracy", "epochs": 3, "checkpoint": folder / engine, "resume": True}
        same(joined.train("dense", engine=engine, **how)[0].state(), other.state())


@pytest.mark.slow
def test_the_first_process_that_is_killed_ends_the_other_too(tmp_path):
    port = free_port()
    status, complaints = end_of([start(1, tmp_path, process, port, 0) for process in (0, 1)])
    assert status == [-9, 1]
    assert WAY_OUT in complaints[1]


def test_where_jax_sees_no_such_device_a_sentence_says_what_it_sees():
    with pytest.raises(cr.OptionError, match=r'device="tpu", but JAX sees 4 devices \(cpu x 4\)'):
        joined.train("dense", device="tpu")
    with pytest.raises(cr.OptionError, match=r'device="cpu:0" is a single one: leave devices out'):
        joined.train("dense", device="cpu:0", devices=2)
    with pytest.raises(cr.OptionError, match='takes a kind, such as "gpu", or one of them, such as "gpu:1"'):
        joined.train("dense", device="cpu:-1")
    with pytest.raises(cr.OptionError, match=r'devices=5, but JAX sees 4 devices \(cpu x 4\) here: devices="all"'):
        joined.train("dense", engine="auto", devices=5)
    with pytest.raises(
        cr.OptionError, match='the native engine computes on the cores of this machine: give engine="jax"'
    ):
        joined.train("dense", engine="native", device="gpu")
    with pytest.raises(cr.OptionError, match="devices is \"all\", or how many share a batch, not 'both'"):
        joined.train("dense", devices="both")


def test_the_history_tells_where_it_ran():
    assert joined.train("dense", engine="numpy")[1].device == "cpu"
    assert joined.train("dense", engine="auto", device="cpu", epochs=1)[1].engine != "jax"
    history = joined.train("dense", device="cpu:0", epochs=1)[1]
    assert (history.engine, history.device) == ("jax", "cpu")


class Asks(cr.Layer):
    def forward(self, A):
        return A * 2 if np.asarray(cr.graph.plain(A)).max() > 0 else A


def test_auto_takes_an_accelerator_for_a_large_network_and_tells(monkeypatch, capsys):
    monkeypatch.setattr(engines, "accelerated", lambda: True)
    how = {"engine": "auto", "epochs": 1, "progress": True}
    assert joined.train("dense", **how)[1].engine != "jax"
    monkeypatch.setattr(auto, "LARGE", 10)
    monkeypatch.setattr("chainrule.engines.jax.devices._label", lambda devices: "gpu: NVIDIA H200")
    capsys.readouterr()
    assert joined.train("dense", **how)[1].engine == "jax"
    assert 'the jax engine trains on gpu: NVIDIA H200; device="cpu" keeps off it\n' in capsys.readouterr().err
    net = cr.Network([Asks(), *joined.made("dense").layers], seed=1, dtype="float64")
    history = joined.train("dense", net, **how)[1]
    assert history.engine == "numpy"
    assert "Asks" in history.reason
    assert f"because of {history.reason}\n" in capsys.readouterr().err


def test_a_script_that_nobody_started_in_several_processes_runs_alone(two):
    folder, _, complaints = two
    assert (folder / "0" / "alone.txt").read_text() == "1 True"
    assert "no launcher has started this script in several processes, so it runs alone\n" in complaints[0]
    assert "this process cannot join the others (WORLD_SIZE is set): " in (folder / "0" / "launched.txt").read_text()
