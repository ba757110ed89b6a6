"""A run folder belongs to one process at a time, and a run that stands in it is not lost."""

import signal
import subprocess
import sys

import pytest

import chainrule as cr
from chainrule.experiments.folder import RunFolder
from test_cli import interrupted

HOLD = """
import sys, time
from chainrule.experiments.folder import RunFolder
with RunFolder(sys.argv[1]).claimed():
    print("claimed", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other_process(tmp_path):
    """A process that is at work in the run folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "run"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "claimed\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_told(tmp_path, other_process, command):
    for options in ([], ["--search", "2"]):
        status, _, err = command(tmp_path, "train", "iris", "--out", "run", "--epochs", "1", *options)
        assert status == 2
        assert "another process is at work in run: wait until it ends, or name another folder" in err


def test_the_claim_of_a_process_that_was_killed_ends_at_once(tmp_path, other_process):
    other_process.send_signal(signal.SIGKILL)
    other_process.wait()
    with RunFolder(tmp_path / "run").claimed():
        pass


def test_two_runs_of_one_process_do_not_share_a_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with folder.claimed():
        with folder.claimed():  # the same run
            pass
        with pytest.raises(cr.OptionError, match="at work in"), RunFolder(tmp_path / "run").claimed():
            pass
    with RunFolder(tmp_path / "run").claimed():
        pass
    assert list((tmp_path / "run").iterdir()) == []


def test_a_run_that_stands_there_is_set_aside_and_the_new_folder_is_claimed(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with folder.claimed():
        assert folder.set_aside() is None
        (tmp_path / "run/model.safetensors").write_bytes(b"kept")
        aside = folder.set_aside()
        assert aside == tmp_path / "run-2"
        assert [file.name for file in aside.iterdir()] == ["model.safetensors"]
        with pytest.raises(cr.OptionError), RunFolder(tmp_path / "run").claimed():
            pass
        with RunFolder(aside).claimed():
            pass


def test_where_nothing_can_be_locked_a_warning_says_so(tmp_path, monkeypatch):
    def refuse(self):
        raise OSError("no locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.warns(RuntimeWarning, match="cannot be locked"), RunFolder(tmp_path / "run").claimed():
        pass


def test_sigterm_keeps_what_was_learned_and_ends_with_exit_status_143(tmp_path):
    arguments = ["train", "digits", "--epochs", "100000", "--patience", "0"]
    out = interrupted(tmp_path, *arguments, by=signal.SIGTERM)
    assert "terminated: go on with the same command, --out run and --resume" in out
    names = {file.name for file in (tmp_path / "run").iterdir()}
    assert {"model.safetensors", "history.json", "metrics.json", "checkpoint.safetensors"} <= names
    assert cr.load(tmp_path / "run/model.safetensors").built
