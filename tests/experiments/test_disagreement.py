"""A column of predictions that tells how far the answers of several networks lie apart."""

import csv
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.layers.ensemble import ensemble_in

QUICK = cr.Settings(members=3, seed=0, epochs=3, hidden=(8,))


def frame(target: str, m: int = 120) -> pl.DataFrame:
    random = np.random.default_rng(0)
    x = random.normal(size=m)
    answers = {"y": 1000 + 50 * x, "kind": np.array(["a", "b", "c"])[np.digitize(x, [-0.5, 0.5])]}
    return pl.DataFrame({"x": x, "z": random.normal(size=m), target: answers[target]})


def trained(folder: Path, target: str, **settings) -> cr.Trained:
    made = cr.Settings(**(vars(QUICK) | {"transform": "none"} | settings))
    cr.Experiment(cr.read_table(frame(target), target), made, folder).run(progress=False)
    return cr.Trained.load(folder)


def test_of_values_it_is_in_their_own_units_and_written_beside_the_prediction(tmp_path):
    model = trained(tmp_path, "y")
    source = model.read(frame("y"), labelled=False)
    found = model.predictions(source, spread=True)
    body, units = model.network.layers
    answers = [member.predict(model.encoding.X(source)) for member in ensemble_in(body).members]
    answers = np.array(answers) * units.statistics["deviation"]
    np.testing.assert_allclose(found["spread"], np.std(answers, axis=0)[:, 0], rtol=1e-3)
    lines = [*csv.DictReader("".join(model.lines(source, spread=True)).splitlines())]
    assert [*lines[0]][-2:] == ["prediction", "spread"]
    np.testing.assert_allclose([float(line["spread"]) for line in lines], found["spread"], rtol=1e-4)
    assert "spread" not in model.predictions(source)


def test_of_labels_it_is_of_the_probability_of_the_one_that_is_predicted(tmp_path):
    model = trained(tmp_path, "kind", transform=None)
    source = model.read(frame("kind"), labelled=False)
    found = model.predictions(source, spread=True)
    answers = np.array([member.predict(model.encoding.X(source)) for member in ensemble_in(model.network).members])
    said = [model.target.labels[0].index(label) for label in found["prediction"]]
    np.testing.assert_allclose(found["spread"], answers.std(axis=0)[np.arange(len(said)), said], rtol=1e-5)


def test_a_single_network_has_none(tmp_path):
    model = trained(tmp_path, "y", members=1)
    with pytest.raises(cr.OptionError, match=r"holds a single one: train with --members 5\."):
        model.predictions(model.read(frame("y"), labelled=False), spread=True)
