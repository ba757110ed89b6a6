"""Several devices, and several processes, come to what one comes to; what one of them does not survive, all end by."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule import engines
from chainrule.engines import auto
from engines import joined

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.xdist_group("devices")  # one worker starts the processes, once

SCRIPT = Path(joined.__file__)
EXACT = {"rtol": 0, "atol": 1e-12}
WAY_OUT = "so this one ends, too. Start all again: with resume=True they go on from the last checkpoint."


def start(devices, *arguments):
    """The script in a process of its own, with so many devices made of this machine's cores."""
    flags = f"--xla_force_host_platform_device_count={devices} --xla_cpu_multi_thread_eigen=false"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, arguments)], env=environment, stderr=subprocess.PIPE, text=True
    )


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def end_of(processes, seconds=300):
    """The exit status and the complaints of each."""
    try:
        complaints = [process.communicate(timeout=seconds)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], complaints


def equal(folder, name, net, **tolerance):
    """What the script has kept is the network's state."""
    with np.load(folder / f"{name}.npz") as kept:
        assert kept.keys() == net.state().keys()
        for part, numbers in net.state().items():
            np.testing.assert_allclose(kept[part], numbers, err_msg=part, **EXACT | tolerance)


def told(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def by_numpy():
    """What one process comes to."""
    return {name: joined.train(name, engine="numpy", metrics="accuracy") for name in joined.NETWORKS}


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """The folder of a process with four devices."""
    folder = tmp_path_factory.mktemp("four")
    (status,), (complaint,) = end_of([start(4, folder)])
    assert status == 0, complaint
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folders of two processes with two devices each, the second of which was killed at last; what they said."""
    folder = tmp_path_factory.mktemp("two")
    joined.train("convolution", epochs=1, engine="numpy", checkpoint=folder / "by_numpy")
    port = free_port()
    status, complaints = end_of([start(2, folder, process, port) for process in (0, 1)])
    assert (folder / "0" / "terminated.txt").exists(), complaints
    return folder, status, complaints


@pytest.mark.parametrize(("name", "size"), [("convolution", 16), ("recurrence", 23)])
def test_four_devices_come_to_what_one_comes_to(name, size, four):
    net, history = joined.train(name, engine="numpy", metrics="accuracy", batch_size=size)
    equal(four, name, net)
    assert told(four, name)["device"] == "cpu x 4"
    assert [record["accuracy"] for record in told(four, name)["epochs"]] == history["accuracy"]


def test_streams_and_lbfgs_are_divided_among_devices_too(four):
    equal(four, "stream", joined.train("dense", X=joined.stream, y=None, engine="numpy")[0])
    equal(four, "lbfgs", joined.train("dense", optimizer="lbfgs", engine="numpy")[0], atol=1e-9)
    assert told(four, "lbfgs")["device"] == "cpu x 3"


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


def test_sigterm_to_one_process_ends_all_with_a_checkpoint(two, by_numpy):
    folder = two[0]
    assert [(folder / process / "terminated.txt").read_text() for process in "01"] == ["143", "143"]
    net, _ = joined.train("dense", engine="numpy", checkpoint=folder / "terminated", resume=True)
    for part, numbers in by_numpy["dense"][0].state().items():
        np.testing.assert_allclose(net.state()[part], numbers, **EXACT)


def test_a_process_that_is_killed_ends_the_other_and_the_run_goes_on_elsewhere(two, by_numpy):
    folder, status, complaints = two
    assert status == [1, -9]
    assert f"PeerError: another of the 2 processes has ended, {WAY_OUT}" in complaints[0]
    for engine in ("numpy", "jax"):
        (folder / engine).write_bytes((folder / "killed").read_bytes())
        net, _ = joined.train("dense", engine=engine, checkpoint=folder / engine, resume=True)
        for part, numbers in by_numpy["dense"][0].state().items():
            np.testing.assert_allclose(net.state()[part], numbers, **EXACT)


@pytest.mark.slow
def test_the_first_process_that_is_killed_ends_the_other_too(tmp_path):
    port = free_port()
    status, complaints = end_of([start(1, tmp_path, process, port, 0) for process in (0, 1)])
    assert status == [-9, 1]
    assert WAY_OUT in complaints[1]


def test_where_jax_sees_no_such_device_a_sentence_says_what_it_sees():
    with pytest.raises(cr.OptionError, match=r'device="tpu", but JAX sees 1 device \(cpu\)'):
        joined.train("dense", device="tpu")
    with pytest.raises(cr.OptionError, match=r'device="cpu:0" is a single one: leave devices out'):
        joined.train("dense", device="cpu:0", devices=2)
    with pytest.raises(cr.OptionError, match='takes a kind, such as "gpu", or one of them, such as "gpu:1"'):
        joined.train("dense", device="cpu:-1")
    with pytest.raises(cr.OptionError, match=r'devices=3, but JAX sees 1 device \(cpu\) here: devices="all"'):
        joined.train("dense", engine="auto", devices=3)
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
    assert joined.train("dense", **how)[1].engine == "jax"
    net = cr.Network([Asks(), *joined.made("dense").layers], seed=1, dtype="float64")
    history = joined.train("dense", net, **how)[1]
    assert history.engine == "numpy"
    assert "Asks" in history.reason


def test_a_script_that_nobody_started_in_several_processes_runs_alone():
    words = (
        "import chainrule as cr; cr.distributed.initialize(); print(cr.distributed.processes(), cr.distributed.first())"
    )
    environment = {name: value for name, value in os.environ.items() if name not in cr.distributed.LAUNCHERS}
    for launcher, status, said in (({}, 0, "it runs alone"), ({"WORLD_SIZE": "2"}, 1, "WORLD_SIZE is set")):
        done = subprocess.run(
            [sys.executable, "-c", words], env=environment | launcher, capture_output=True, text=True, check=False
        )
        assert done.returncode == status
        assert said in done.stderr
