"""A little of every attack; `python -m tests.torture` makes many more."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .disk import Operation
from .power import Disk
from .tally import Tally, markdown
from .workers import Kind

ROOT = Path(__file__).parents[2]

SHARE = 0.02 if os.environ.get("NIGHTLY") else 0.002
"""The part of the tries of half an hour that is made of each kind of file."""

COLUMNS = ("tries", "ok", "refused", "failures", "skipped")


pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are watched by what Linux tells of them"),
    pytest.mark.xdist_group("torture"),  # attacks of several kinds are of one process, which imports all that they need
]


def torture(folder, *options):
    """The counts of each kind, by name; asserts that nothing went wrong."""
    words = [sys.executable, "-m", "tests.torture", "--minutes", "0", "--markdown", "--failures", folder / "failures"]
    done = subprocess.run([*map(str, [*words, *options])], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [re.split(r" *\| *", line)[1:-1] for line in done.stdout.split("\n") if line.startswith("| ")][2:]
    numbers = {row[0]: [int(cell.replace(",", "")) for cell in row[1:6]] for row in rows}
    return {name: dict(zip(COLUMNS, counts, strict=True)) for name, counts in numbers.items()}


OF_OTHERS = ("models", "archives", "expressions", "formulas", "tables", "pictures")
TRIES = ("checkpoints=30", "journals=30", "faults=5", "saves=2")


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    kinds = [*OF_OTHERS, *(tries.partition("=")[0] for tries in TRIES)]
    of_kind = torture(
        tmp_path_factory.mktemp("torture"), "--only", *kinds, "--share", SHARE, "--tries", *TRIES, "--seed", 1
    )
    assert of_kind.keys() == {*kinds}
    return of_kind


def test_what_somebody_else_has_written_is_read_or_refused(counts):
    assert all(counts[name]["tries"] for name in OF_OTHERS)
    assert counts["tables"]["ok"] >= counts["tables"]["tries"] / 2
    assert all(counts[name]["ok"] for name in ("tables", "pictures"))


@pytest.mark.parametrize("kind", ["checkpoints", "journals"])
def test_what_nobody_has_written_is_gone_on_with_or_refused(counts, kind):
    assert counts[kind]["ok"] > 1
    assert counts[kind]["refused"] > 8


def test_runs_whose_disk_fails_end_with_the_same_bits(counts):
    assert counts["faults"]["ok"] + counts["faults"]["refused"] >= 4


def test_a_network_is_saved_between_two_updates_while_it_trains(counts):
    assert counts["saves"]["ok"]


def test_a_run_killed_at_any_operation_on_a_file_ends_with_the_same_bits(tmp_path):
    few = () if os.environ.get("NIGHTLY") else ("--tries", "kills=10")
    counts = torture(tmp_path, "--only", "kills", "--seed", 0, *few)["kills"]
    assert counts["ok"] >= 6


def test_what_goes_wrong_is_kept_and_told(tmp_path):
    """An attack on a folder that is not there."""
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert re.search(r"broken +6 +1 +1 +4 +0 +10", done.stdout)
    assert "ValueError" in done.stdout
    assert "was killed by SIGKILL" in done.stdout
    assert "a traceback was printed" in done.stdout
    assert "MemoryError" in done.stdout
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["broken-7-1", "broken-7-2", "broken-7-3", "broken-7-4"]
    assert (tmp_path / "broken-7-1" / "input.txt").read_text() == "1"
    assert "this one" in (tmp_path / "broken-7-1" / "traceback.txt").read_text()


BROKEN = """
import os, signal, sys
from functools import partial
from tests.torture import command, kinds
from tests.torture.workers import Kind

def attempt(i):
    if i == 1:
        raise ValueError("this one")
    if i == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if i == 3:
        print("Traceback (most recent call last):", file=sys.stderr)
    if i == 4:
        bytearray(2**33)
    return "refused" if i == 5 else "ok"

def tries(seed, folder):
    for i in range(6):
        (folder / "input.txt").write_text(str(i))
        yield partial(attempt, i)

kinds.KINDS["broken"] = Kind("broken", 10, 10, tries)
sys.argv = ["torture", "--only", "broken", "--seed", "7", "--minutes", "0", "--failures", sys.argv[1]]
command.main()
"""


class Dice:
    """Takes the choice of that number, and the part of a file that it is given."""

    def __init__(self, choice, part):
        self._choice, self._part = choice, part

    def choice(self, given):
        return given[self._choice]

    def random(self):
        return self._part

    def randint(self, low, high):
        return high // 2


def disk(*operations):
    held = Disk()
    for operation in operations:
        held.do(operation)
    return held


def test_what_was_not_synced_may_be_lost_in_a_power_failure(tmp_path):
    written = [Operation("create", "a"), Operation("write", "a", b"1234")]
    for part, left in ((0.0, b""), (0.3, b"1234"), (0.6, b"12"), (0.9, b"12\0\0")):
        disk(*written).after_power_failure(Dice(-1, part), tmp_path)
        assert (tmp_path / "a").read_bytes() == left
        disk(*written, Operation("fsync", "a")).after_power_failure(Dice(-1, part), tmp_path)
        assert (tmp_path / "a").read_bytes() == b"1234"


def test_a_name_is_safe_once_its_folder_was_synced(tmp_path):
    renamed = [Operation("create", "a"), Operation("write", "a", b"1"), Operation("fsync", "a")]
    renamed.append(Operation("rename", "a", to="b"))
    disk(*renamed).after_power_failure(Dice(0, 0.0), tmp_path)
    assert list(tmp_path.iterdir()) == []
    disk(*renamed, Operation("sync", ".")).after_power_failure(Dice(0, 0.0), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_the_table_of_a_torture_is_markdown():
    tally = Tally(Kind("models", 20_000, 400, lambda seed, folder: iter(())))
    tally.add(["ok", "ok", "refused", "skipped: why"])
    assert markdown([tally]).split("\n") == [
        "| attack | tries | ok | refused | failures | skipped | wanted in 30 minutes |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| models | 3 | 2 | 1 | 0 | 1 | 20,000 |",
    ]
