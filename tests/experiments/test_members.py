"""Several networks in an experiment: parts, out-of-fold answers, side by side, interrupted and resumed."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.experiments import ensembles, members
from chainrule.experiments.fitted import answers
from chainrule.experiments.plans import Plan, planned
from chainrule.layers.edges import Examples, by_tree
from chainrule.layers.ensemble import ensemble_in
from chainrule.threads import held_to
from chainrule.training.interrupt import Interrupt, TerminatedError, interruptible
from commands import chainrule

QUICK = cr.Settings(members=3, seed=0, epochs=4, hidden=(8,), threads=2)


def frame(m: int = 240) -> pl.DataFrame:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, m))
    return pl.DataFrame({"a": a, "b": b, "who": np.arange(m) % 40, "y": np.where(a + 0.3 * b > 0, "yes", "no")})


def experiment(folder: Path, settings: cr.Settings = QUICK, **options) -> cr.Experiment:
    return cr.Experiment(cr.read_table(frame(), "y", ignore=["who"], **options), settings, folder)


def test_each_row_is_left_out_by_one_network_and_labels_keep_their_shares(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    rows = np.sort(np.concatenate([part.validation for part in made.plan.parts]))
    assert np.array_equal(rows, made.splits.train)
    assert len(made.splits.validation) == 0
    for part in made.plan.parts:
        assert np.array_equal(np.union1d(part.train, part.validation), made.splits.train)
        assert abs(made.Y[part.validation].mean() - made.Y[made.splits.train].mean()) < 0.02


def test_groups_stay_together(tmp_path: Path) -> None:
    made = cr.Experiment(cr.read_table(frame(), "y", group="who"), QUICK, tmp_path)
    who = made.source.groups
    for part in made.plan.parts:
        assert not set(who[part.train]) & set(who[part.validation])


def test_with_a_validation_part_they_differ_by_their_start(tmp_path: Path) -> None:
    made = experiment(tmp_path, replace(QUICK, validation=0.2))
    assert len(made.splits.validation) > 0
    assert all(part is made.plan.parts[0] for part in made.plan.parts)
    first, second = (network.parameters["W1"] for network in made.plan.networks[:2])
    assert not np.array_equal(first, second)


def test_the_model_is_their_mean_and_measures_are_of_what_each_has_not_seen(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    result = made.run(progress=False)
    ensemble = ensemble_in(result.network)
    assert ensemble is not None
    assert len(ensemble.members) == len(result.history.members) == 3
    rows, output = answers(made, made.fitted)
    assert np.array_equal(rows, made.splits.train)
    part = made.plan.parts[1]
    alone = ensemble.members[1].predict(made.X[part.validation])
    assert np.allclose(output[np.searchsorted(rows, part.validation)], alone, atol=1e-6)
    trained = cr.Trained.load(tmp_path)
    assert np.allclose(trained.network.predict(made.X), result.network.predict(made.X))
    assert not list(tmp_path.glob("checkpoint*"))


def test_more_threads_come_to_the_same(tmp_path: Path) -> None:
    one, two = (
        experiment(tmp_path / str(n), replace(QUICK, threads=n)).run(progress=False).network.flat for n in (1, 2)
    )
    assert np.array_equal(one, two)


def test_sigterm_in_the_second_network_leaves_what_resuming_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = experiment(tmp_path / "whole", replace(QUICK, threads=1)).run(progress=False)

    cut = experiment(tmp_path / "cut", replace(QUICK, threads=1))
    seen: list[int] = []
    interrupts: list[Interrupt] = []

    @contextlib.contextmanager
    def watched() -> Iterator[Interrupt]:
        with interruptible() as interrupt:
            interrupts.append(interrupt)
            yield interrupt

    monkeypatch.setattr(members, "interruptible", watched)

    def end(run: cr.Run) -> None:
        seen.append(run.epoch)
        if len(seen) == 6:  # in the second network
            os.kill(os.getpid(), signal.SIGTERM)
            while not interrupts[-1].terminated:  # the thread that waits has to see it
                time.sleep(0.01)

    with pytest.raises(TerminatedError) as ended, held_to(1):
        cut.fit(progress=False, callbacks=[end])
    assert ended.value.history.stopped == "terminated"
    assert sorted(path.name for path in (tmp_path / "cut").glob("checkpoint*")) == [
        "checkpoint-2.safetensors",
        "checkpoint.safetensors",
    ]
    settings = replace(QUICK, threads=1, seed=None)
    again = cr.Experiment(cut.source, settings, tmp_path / "cut", resume=True).run(progress=False)
    assert np.array_equal(again.network.flat, whole.network.flat)
    assert [len(one.epochs) for one in again.history.members] == [4, 4, 4]


KILLED_IN_A_TRIAL = """
import os, signal, sys
from chainrule.cli import main
from chainrule.experiments import pilot

fit, begun = pilot._fit, []

def fit_or_die(*given):
    begun.append(given)
    if len(begun) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return fit(*given)

pilot._fit = fit_or_die
sys.argv[0] = "chainrule"
main()
"""


def test_a_run_that_was_killed_while_it_tried_how_long_begins_again_with_the_same_bits(tmp_path: Path) -> None:
    frame(120).drop("who").write_csv(tmp_path / "table.csv")
    command = ["train", "table.csv", "--target", "y", "--members", 2, "--hidden", 4, "--threads", 1, "--out"]
    words = [sys.executable, "-c", KILLED_IN_A_TRIAL, *map(str, [*command, "a"])]
    assert subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "a").iterdir() if path.name[0] != "."] == ["begun.json"]
    seed = json.loads((tmp_path / "a/begun.json").read_text())["seed"]
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    with pytest.raises(cr.ModelFileError, match=r"go on with it by the command that began it, --out .* and --resume"):
        cr.Trained.load(tmp_path / "a")

    other = chainrule(*command, "a", "--resume", "--dropout", 0.2, cwd=tmp_path)
    assert other.returncode == 2
    assert "its run had dropout" in other.stderr
    resumed = chainrule(*command, "a", "--resume", cwd=tmp_path)
    assert f"the run in a left no checkpoint: it begins again, by its seed {seed}" in resumed.stdout
    settings = cr.Settings(members=2, hidden=(4,), threads=1)
    table = cr.read_table(tmp_path / "table.csv", "y")
    in_python = cr.Experiment(table, settings, tmp_path / "b", resume=True)
    assert in_python.notes[0] == f"the run in {tmp_path / 'b'} left no checkpoint: it begins again, by its seed {seed}"
    in_python.run(progress=False)
    cr.Experiment(table, replace(settings, seed=seed), tmp_path / "whole").run(progress=False)
    a, b, whole = (cr.load(tmp_path / name / "model.safetensors").flat for name in ("a", "b", "whole"))
    assert np.array_equal(a, whole)
    assert np.array_equal(b, whole)
    assert not list(tmp_path.glob("*/begun.json"))
    with pytest.raises(cr.OptionError, match="there is nothing to resume"):
        cr.Experiment(table, settings, tmp_path / "whole", resume=True)


def test_one_that_fails_ends_all() -> None:
    begun: list[int] = []

    def fails() -> members.Trained:
        begun.append(0)
        raise cr.NotFiniteError("the cost is not finite")

    def another() -> members.Trained:
        begun.append(1)
        raise AssertionError("nobody begins after one has failed")

    with pytest.raises(cr.NotFiniteError), held_to(1):
        members.side_by_side([fails, another])
    assert begun == [0]


@pytest.mark.parametrize("count", [3, 4, 5, 6, 7, 8])
def test_unequal_groups_are_dealt_to_parts(count: int) -> None:
    random = np.random.default_rng(count)
    groups = np.repeat(np.arange(count), random.integers(1, 40, count))
    parts = members._dealt_by_group(groups, 3, random)
    assert set(parts.tolist()) == {0, 1, 2}
    assert all(len(set(parts[groups == group])) == 1 for group in range(count))


def test_the_only_row_of_a_class_is_learned_from_by_all(tmp_path: Path) -> None:
    table = frame().with_columns(y=pl.when(pl.arange(0, 240) == 7).then(pl.lit("odd")).otherwise("y"))
    made = cr.Experiment(cr.read_table(table, "y", ignore=["who"]), QUICK, tmp_path)
    assert all(7 in part.train and 7 not in part.validation for part in made.plan.parts)


@pytest.mark.parametrize("given", [{"hidden": (4,)}, {"learning_rate": 0.01}, {"search": 2}])
def test_who_chooses_a_network_gets_one(tmp_path: Path, given: dict) -> None:
    assert len(experiment(tmp_path, cr.Settings(seed=0, **given)).plan.networks) == 1


def test_of_values_the_mean_is_of_what_is_learned(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 2))
    table = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": np.exp(X[:, 0] + 0.1 * random.normal(size=300)) * 1000})
    made = cr.Experiment(cr.read_table(table, "y"), replace(QUICK, transform="log", epochs=30), tmp_path)
    result = made.run(progress=False)
    rows, output = answers(made, made.fitted)
    assert result.metrics["test"]["r2"] > 0.5
    assert np.corrcoef(output[:, 0], made.Y[rows])[0, 1] > 0.8
    assert abs(output.mean() / made.Y[rows].mean() - 1) < 0.15, "the mean is corrected by what none has learned from"


def test_no_more_networks_than_groups(tmp_path: Path) -> None:
    table = cr.read_table(frame().with_columns(who=np.arange(240) % 4), "y", group="who")
    assert len(cr.Experiment(table, cr.Settings(seed=0), tmp_path).plan.networks) == 3  # one group is to test


def test_more_networks_than_make_a_difference_are_refused(tmp_path: Path) -> None:
    message = r"members is 1,000, but 40 networks answer together at most, as .* takes as long: take 40 or fewer"
    with pytest.raises(cr.OptionError, match=message):
        experiment(tmp_path, replace(QUICK, members=1000))
    assert not list(tmp_path.iterdir())
    assert len(experiment(tmp_path, replace(QUICK, members=40)).plan.networks) == 40


def test_tables_of_a_dozen_rows_train(tmp_path: Path) -> None:
    made = cr.Experiment(cr.read_table(frame(12), "y", ignore=["who"]), cr.Settings(seed=0), tmp_path)
    assert len(made.plan.networks) == 4  # of 9 rows
    assert 0 <= made.run(progress=False).metrics["test"]["accuracy"] <= 1


def test_several_networks_do_not_learn_from_chunks(tmp_path: Path) -> None:
    frame().drop("who").write_csv(tmp_path / "table.csv")
    table = cr.read_table(tmp_path / "table.csv", "y", stream=True)
    assert len(cr.Experiment(table, cr.Settings(seed=0), tmp_path / "run").plan.networks) == 1
    with pytest.raises(
        cr.OptionError, match=r"is read in chunks, and one network learns from them: leave --members out"
    ):
        cr.Experiment(table, cr.Settings(seed=0, members=3), tmp_path / "run")


def test_how_long_they_learn_is_tried_with_the_first(tmp_path: Path) -> None:
    made = cr.Experiment(cr.read_table(frame(120), "y", ignore=["who"]), cr.Settings(seed=0), tmp_path)
    result = made.run(progress=False)
    assert made.fitted.tried.startswith("tried with the first network: ")
    assert made.settings.epochs in (8, 24, 72, 216)
    assert len(result.history.members) == len(made.plan.networks) == 5


def test_the_layers_that_are_shown_are_those_that_are_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame(120).drop("who").write_csv(tmp_path / "table.csv")
    command = ["train", "table.csv", "--target", "y", "--members", 2, "--hidden", 4, "--seed", 0]
    led = "what was tried has led to other layers:"
    chosen = chainrule(*command, "--epochs", 2, cwd=tmp_path).stdout
    assert chosen.count('Dense(4, "relu")') == 1
    assert led not in chosen
    assert "first it is tried" not in chosen

    def explored(made: cr.Experiment, plan: Plan) -> tuple[Plan, None, str]:
        return planned(made, replace(plan.asked, epochs=2, dropout=0.1)), None, ""

    monkeypatch.setattr(ensembles, "explore", explored)
    before, _, after = chainrule(*command, cwd=tmp_path).stdout.partition(led)
    assert "for how many epochs they are to learn, and whether with a dropout of 0 or 0.1\n" in before
    assert "Dropout(" not in before
    assert after.count("Dropout(0.1)") == 1
    assert "Dropout(0.1)" in repr(cr.load(tmp_path / "runs/table-2/model.safetensors"))


def test_a_time_limit_ends_training_and_uses_what_is_left(tmp_path: Path) -> None:
    source = cr.read_table(frame(), "y", ignore=["who"])
    short = cr.Experiment(source, replace(QUICK, epochs=10_000, time_limit=0.5), tmp_path / "short").run(progress=False)
    assert {one.stopped for one in short.history.members} == {"time limit"}
    long = cr.Experiment(source, replace(QUICK, epochs=1, time_limit=1000.0), tmp_path / "long").run(progress=False)
    assert len(long.history.members) > 3


def test_a_first_look_is_one_network(tmp_path: Path) -> None:
    made = cr.Experiment(cr.read_table(frame(), "y"), cr.Settings(seed=0, quick=True), tmp_path)
    assert len(made.plan.networks) == 1
    assert made.settings.hidden == (256, 256)


def test_a_search_is_of_single_networks(tmp_path: Path) -> None:
    settings = cr.Settings(seed=0, search=1, epochs=1, members=3)
    message = r"a search tries single networks: leave --members out, and train with what it finds"
    with pytest.raises(cr.OptionError, match=message):
        experiment(tmp_path, settings)
    assert len(experiment(tmp_path, replace(settings, members=None)).plan.networks) == 1


def test_several_processes_share_a_single_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.distributed.processes", lambda: 2)
    with pytest.raises(cr.OptionError, match=r"share a single network: leave --members out, or train in one process"):
        experiment(tmp_path)
    assert len(experiment(tmp_path, cr.Settings(seed=0)).plan.networks) == 1


def test_a_limit_that_ends_the_training_early_leaves_a_model(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    table = frame(600).with_columns(y=random.normal(size=600))  # nothing to learn: the linear model is looked at, too
    made = cr.Experiment(cr.read_table(table, "y", ignore=["who"]), cr.Settings(seed=0, time_limit=0.3), tmp_path)
    result = made.run(progress=False)
    assert len(result.history.members) < 5
    assert (tmp_path / "model.safetensors").exists()
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize("name", ["dropout", "weight_decay"])
def test_a_schedule_of_what_is_0_is_refused_and_one_of_more_is_not(tmp_path: Path, name: str) -> None:
    asked = cr.Settings(hidden=(4,), epochs=1, seed=0, **{f"{name}_schedule": "cosine"})
    with pytest.raises(cr.errors.OptionError, match=r"has nothing to change, as --[a-z-]+ is 0: give --[a-z-]+ 0\.1\."):
        experiment(tmp_path, asked)
    experiment(tmp_path, replace(asked, **{name: 0.1}))
    with pytest.raises(cr.errors.OptionError, match="falling"):
        experiment(tmp_path, replace(asked, **{f"{name}_schedule": "falling"}))


def test_the_edges_of_bins_are_found_by_a_tree_of_the_rows_that_each_network_learns_from(tmp_path: Path) -> None:
    made = experiment(tmp_path, replace(QUICK, bins=4, bin_edges="tree"))
    made.run(progress=False)
    whole = cr.Trained.load(tmp_path).network
    found = ensemble_in(whole)
    assert found is not None
    assert 'edges="tree"' in repr(whole)
    for member, part in zip(found.members, made.plan.parts, strict=True):
        for column in range(2):
            v = made.X[part.train, column].astype(float)
            edges = by_tree(v, Examples(v, made.Y[part.train]), 4)
            assert np.allclose(member.layers[0].statistics["low"][4 * column :][: len(edges) - 1], edges[:-1])


def test_bins_that_nothing_fills_are_refused(tmp_path: Path) -> None:
    asked = cr.Settings(hidden=(4,), epochs=1, seed=0)
    with pytest.raises(cr.errors.OptionError, match="--bin-edges tree has no bins"):
        experiment(tmp_path, replace(asked, bin_edges="tree"))
    with pytest.raises(cr.errors.OptionError, match="no way to find the edges of bins 'trees'"):
        experiment(tmp_path, replace(asked, bins=4, bin_edges="trees"))
    experiment(tmp_path, replace(asked, bins=48, bin_edges="tree"))
    with pytest.raises(cr.errors.OptionError, match="--bins 4 with --bin-edges tree is for networks with a hidden"):
        experiment(tmp_path, replace(asked, hidden=(), bins=4, bin_edges="tree"))
    words = cr.read_table(frame().select("y", a=pl.col("a") > 0, b=pl.lit("w") + pl.col("who").cast(pl.String)), "y")
    for more in ({"bins": 4}, {"bin_edges": "tree"}):
        with pytest.raises(cr.errors.OptionError, match="no column of numbers"):
            cr.Experiment(words, replace(asked, **more), tmp_path)
