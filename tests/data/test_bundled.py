"""The bundled data sets are those of scikit-learn, wherever it keeps its files."""

import importlib.util
import sys

import numpy as np
import pytest
import sklearn.datasets

import chainrule as cr
from chainrule.data import bundled
from chainrule.data.bundled import BUNDLED, read_bundled


def theirs(name):
    found = getattr(sklearn.datasets, f"load_{name}")()
    return found.data, found.target if name == "diabetes" else np.asarray(found.target_names)[found.target]


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("files", [True, False])
def test_they_have_the_bits_that_scikit_learn_loads(name, files, monkeypatch, tmp_path):
    if files:
        monkeypatch.setattr(bundled, "_from_scikit_learn", None)
    else:
        monkeypatch.setattr(importlib.util.find_spec("sklearn"), "submodule_search_locations", [str(tmp_path)])
    for ours, expected in zip(read_bundled(name), theirs(name), strict=True):
        assert ours.dtype == expected.dtype
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("name", BUNDLED)
def test_files_of_another_form_are_left_to_scikit_learn(name, monkeypatch, tmp_path):
    folder = tmp_path / "datasets" / "data"
    folder.mkdir(parents=True)
    for file in ("iris.csv", "wine_data.csv", "breast_cancer.csv"):
        (folder / file).write_text("2,1,a,b\n1.5,0\n")
    for file in ("digits.csv.gz", "diabetes_data_raw.csv.gz"):
        (folder / file).write_bytes(b"something else")
    monkeypatch.setattr(importlib.util.find_spec("sklearn"), "submodule_search_locations", [str(tmp_path)])
    np.testing.assert_array_equal(read_bundled(name)[0], theirs(name)[0])


def test_without_scikit_learn_one_is_told_where_they_come_from(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(cr.MissingPackageError, match=r"needs scikit-learn, .* pip install 'chainrule\[estimators\]'"):
        read_bundled("iris")
