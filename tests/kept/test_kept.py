"""Files that released versions wrote are read, and give what they gave."""

import json
import shutil
from pathlib import Path

import pytest
from tests.kept.files import CHECKPOINT, EXPECTED, RUN, ended, given_by, of_run
from tests.torture import journals

import chainrule as cr
from chainrule.experiments import JOURNAL

pytestmark = pytest.mark.filterwarnings("ignore:town holds:chainrule.errors.DoubtWarning")  # some are of the test part

VERSIONS = sorted(
    (path for path in Path(__file__).parent.iterdir() if path.name[0].isdigit()),
    key=lambda path: [int(number) for number in path.name.split(".")],
)


def close(found, expected):
    """Whether two trees of JSON are the same but for rounding, which differs from one processor to another."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[key], value) for key, value in expected.items())
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    if isinstance(expected, float | int):
        return found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    return found == expected


@pytest.mark.parametrize("folder", VERSIONS, ids=lambda path: path.name)
def test_models_of_former_versions_give_what_they_gave(folder):
    expected = json.loads((folder / EXPECTED).read_text())
    assert {path.name for path in folder.glob("*.safetensors")} == expected.keys() - {RUN}
    for name, outputs in expected.items():
        if name not in (CHECKPOINT, RUN):
            assert close(given_by(folder / name), outputs), name


@pytest.mark.parametrize("folder", VERSIONS, ids=lambda path: path.name)
def test_checkpoints_of_former_versions_go_on(folder, tmp_path):
    shutil.copy(folder / CHECKPOINT, tmp_path / CHECKPOINT)
    assert close(ended(tmp_path / CHECKPOINT), json.loads((folder / EXPECTED).read_text())[CHECKPOINT])


@pytest.mark.parametrize("folder", [path for path in VERSIONS if (path / RUN).exists()], ids=lambda path: path.name)
def test_run_folders_of_former_versions_give_what_they_gave(folder):
    assert close(of_run(folder), json.loads((folder / EXPECTED).read_text())[RUN])


def test_this_version_has_left_its_files():
    assert VERSIONS[-1].name == cr.__version__
    assert (VERSIONS[-1] / RUN).exists()


@pytest.mark.parametrize("folder", VERSIONS, ids=lambda path: path.name)
def test_searches_of_former_versions_go_on(folder, tmp_path):
    pytest.importorskip("optuna")
    shutil.copy(folder / JOURNAL, tmp_path / JOURNAL)
    journals.search(tmp_path, 2)
    assert (tmp_path / JOURNAL).read_bytes()[:200] == (folder / JOURNAL).read_bytes()[:200]
