"""What is tried with the first of several networks beside the usual, where a time is set."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.experiments import pilot
from chainrule.experiments.variants import WIDEST, named, variants
from chainrule.training import History

USUAL = cr.Settings(
    epochs=10, hidden=(256, 256), dropout=0.1, learning_rate=0.002, weight_decay=0.1, bins=48, optimizer="adamw"
)


def changed(one: cr.Settings, other: cr.Settings) -> set[str]:
    first, second = asdict(one), asdict(other)
    return {name for name in first if first[name] != second[name]}


def test_neighbours_differ_by_one_thing_that_nobody_has_chosen():
    found = variants(USUAL, cr.Settings())
    assert all(len(changed(one, USUAL)) == 1 for one in found)
    assert set().union(*(changed(one, USUAL) for one in found)) == {
        *("learning_rate", "hidden", "dropout", "weight_decay", "bins")
    }
    chosen = cr.Settings(dropout=0.1, bins=48)
    assert {name for one in variants(USUAL, chosen) for name in changed(one, USUAL)} == {
        *("learning_rate", "hidden", "weight_decay")
    }
    wide = replace(USUAL, hidden=(WIDEST, WIDEST))
    assert max(max(one.hidden) for one in variants(wide, cr.Settings())) == WIDEST


def test_what_is_unlike_the_usual_is_told():
    assert named(USUAL, USUAL) == "10 epochs, dropout 0.1"
    other = replace(USUAL, hidden=(512, 512), learning_rate=0.004)
    assert named(other, USUAL) == "10 epochs, dropout 0.1, α 0.004, hidden 512 × 512"


def experiment(folder: Path, time_limit: float | None) -> cr.Experiment:
    a, b = np.random.default_rng(0).normal(size=(2, 300))
    frame = pl.DataFrame({"a": a, "b": b, "y": np.where(a + 0.3 * b > 0, "yes", "no")})
    return cr.Experiment(cr.read_table(frame, "y"), cr.Settings(seed=0, time_limit=time_limit, threads=2), folder)


@pytest.fixture
def costs(monkeypatch):
    """The costs of what was tried, by what it was: less for wider layers, and hardly less for a smaller α."""
    seen: dict[str, float] = {}

    def fit(experiment, settings, part):
        cost = 0.5 - 0.1 * (max(settings.hidden) >= 512) - 0.001 * (settings.learning_rate < 0.002)
        seen[repr(settings)] = cost
        return pilot.designed(experiment, settings, 0), History([{"epoch": 0, "val_loss": cost}])

    monkeypatch.setattr(pilot, "_fit", fit)
    return seen


def test_a_time_that_is_set_finds_better_settings_and_leaves_what_is_better_by_chance(tmp_path, costs):
    made = experiment(tmp_path, 600)
    plan, (network, history), told = pilot.explore(made, made.plan)
    assert plan.settings.hidden == (512, 512)
    assert plan.settings.learning_rate == 0.002
    assert history["val_loss"] == [0.4]
    assert any(512 in parameter.shape for parameter in network.parameters.values())
    assert f"{len(costs) - 1} others" in told
    assert "hidden 512 × 512, validation cost 0.4" in told


@pytest.mark.parametrize("time_limit", [None, 1e-3])
def test_without_a_time_or_with_a_short_one_nothing_else_is_tried(tmp_path, costs, time_limit):
    made = experiment(tmp_path, time_limit)
    plan, _, told = pilot.explore(made, made.plan)
    assert plan.settings.hidden == (256, 256)
    assert len(costs) == 3
    assert "others" not in told
