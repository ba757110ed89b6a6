"""A search for good settings: what it tries, what it keeps, and how one that was killed goes on."""

import csv
import json
import os
import signal
import sys

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.experiments.search import SEARCHED
from commands import chainrule, chainrule_signalled

M = 300


def rings(m=M):
    """A table in which a point is inside of a ring, or outside."""
    random = np.random.default_rng(0)
    x, y = random.standard_normal((2, m))
    return pl.DataFrame(
        {"x": x, "y": y, "inside": np.where(x**2 + y**2 + 0.3 * random.normal(size=m) < 1.2, "yes", "no")}
    )


def experiment(folder, **settings):
    settings = {"seed": 0, "epochs": 6, "search": 4} | settings
    return cr.Experiment(cr.read_table(rings(), "inside"), cr.Settings(**settings), folder)


def kept(trials):
    """What repeats: all but the time."""
    return [(trial.number, trial.settings, trial.outcome, trial.cost) for trial in trials]


def test_the_best_trial_is_the_model_of_the_run(tmp_path):
    result = experiment(tmp_path).run(progress=False)
    assert repr(result).startswith(f"Result(in {tmp_path}, test: ")
    assert repr(result).endswith(f"{result.history!r})")
    best = result.trials[0]
    assert best.cost == min(trial.cost for trial in result.trials if trial.outcome == "complete")
    assert min(result.history["val_loss"]) == best.cost
    assert cr.load(tmp_path / "model.safetensors").metadata["epochs"] == len(result.history.epochs)
    with open(tmp_path / "trials.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["trial"]) for row in rows] == [trial.number for trial in result.trials]
    assert float(rows[0]["val_loss"]) == best.cost
    assert rows[0]["hidden"] == ",".join(map(str, best.settings["hidden"]))


def test_the_first_trial_is_the_default_and_no_other_is_like_another(tmp_path):
    trials = sorted(experiment(tmp_path).search(progress=False), key=lambda trial: trial.number)
    assert trials[0].settings == {
        "hidden": (256,),
        "activation": "relu",
        "dropout": 0.0,
        "optimizer": "adam",
        "learning_rate": pytest.approx(0.003),
        "l2": 0.02,
        "batch_size": 32,
    }
    assert len({str(trial.settings) for trial in trials}) == 4


def test_a_search_begins_with_the_defaults_of_what_the_examples_are(tmp_path):
    (tmp_path / "rows.txt").write_text("one two three\n" * 100)
    text = cr.read_text(tmp_path / "rows.txt", window=14)
    settings = cr.Settings(seed=0, epochs=1, search=1, hidden=(8,))
    first, *_ = cr.Experiment(text, settings, tmp_path / "run").search(progress=False)
    assert first.settings == {
        "activation": "relu",
        "dropout": 0.0,
        "optimizer": "adam",
        "learning_rate": pytest.approx(0.005),
        "batch_size": 32,
    }  # and no L2 regularization: there is none to take a multiple of


def test_what_was_given_stays(tmp_path):
    made = experiment(tmp_path, hidden=(8,), activation="tanh", optimizer="gradient_descent")
    trials = made.search(progress=False)
    assert trials[0].settings.keys() == {*SEARCHED} - {"hidden", "activation", "optimizer"}
    assert (made.settings.hidden, made.settings.activation) == ((8,), "tanh")
    assert made.settings.learning_rate == trials[0].settings["learning_rate"]
    assert all(0.001 <= trial.settings["learning_rate"] <= 0.3 for trial in trials)


def test_more_trials_are_added_to_those_of_the_journal(tmp_path):
    few = kept(experiment(tmp_path / "a").search(progress=False))
    more = kept(experiment(tmp_path / "a", search=7).search(progress=False))
    assert [trial for trial in more if trial[0] <= 4] == few
    assert more == kept(experiment(tmp_path / "b", search=7).search(progress=False))


def test_more_trials_are_added_after_a_kill_in_the_last_training(tmp_path):
    made = experiment(tmp_path / "a", checkpoint_minutes=0.0)
    made.search(progress=False)

    def killed(_):
        raise MemoryError("killed")

    with pytest.raises(MemoryError):
        made.fit(progress=False, callbacks=[killed])
    assert (tmp_path / "a" / "checkpoint.safetensors").exists()
    more = kept(experiment(tmp_path / "a", search=7).run(progress=False).trials)
    assert more == kept(experiment(tmp_path / "b", search=7).search(progress=False))


def test_trials_without_a_chance_end_early(tmp_path):
    trials = experiment(tmp_path, search=14, epochs=20).search(progress=False)
    outcomes = [trial.outcome for trial in sorted(trials, key=lambda trial: trial.number)]
    assert set(outcomes) == {"complete", "pruned"}
    assert outcomes[:5] == ["complete"] * 5
    assert trials[0].outcome == "complete"


def test_a_trial_that_is_not_finite_does_not_end_the_search(tmp_path, monkeypatch):
    made = experiment(tmp_path)
    fit, calls = made.fit, []

    def broken(**options):
        calls.append(options)
        if len(calls) == 2:
            raise cr.NotFiniteError("epoch 0")
        return fit(**options)

    monkeypatch.setattr(made, "fit", broken)
    trials = made.search(progress=False)
    assert [trial.outcome for trial in trials].count("not finite") == 1
    assert np.isnan(trials[-1].cost)


def test_a_search_in_which_nothing_is_finite_says_so(tmp_path):
    with pytest.raises(cr.NotFiniteError, match="none of the 2 trials came to its end: fix a smaller learning rate"):
        experiment(tmp_path, search=2, optimizer="gradient_descent", learning_rate=1e20).run(progress=False)


COMMAND = ("train", "rings.csv", "--target", "inside", "--search", 5, "--epochs", 4, "--out", "run")


def test_a_killed_search_goes_on_where_it_was(tmp_path):
    """Killed in the middle of a trial, it finds what it finds undisturbed."""
    rings().write_csv(tmp_path / "rings.csv")
    killed = chainrule_signalled(signal.SIGKILL, *COMMAND, "--seed", 0, cwd=tmp_path, said="trial 3/5")
    assert killed.returncode == -signal.SIGKILL
    assert cr.load(tmp_path / "run/model.safetensors").metadata["epochs"] > 0
    done = chainrule(*COMMAND, cwd=tmp_path)  # the seed is in the journal
    assert done.returncode == 0, done.stderr
    assert "trial 3/5" not in done.stderr
    assert "trial 5/5" in done.stderr
    assert "settings" in done.stdout
    undisturbed = chainrule(*COMMAND[:-1], "other", "--seed", 0, cwd=tmp_path)
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert without_times(tmp_path / "run/trials.csv") == without_times(tmp_path / "other/trials.csv")
    nets = [cr.load(tmp_path / folder / "model.safetensors") for folder in ("run", "other")]
    assert np.array_equal(nets[0].flat, nets[1].flat)
    assert sorted(os.listdir(tmp_path / "run")) == sorted(os.listdir(tmp_path / "other"))


def without_times(path):
    return pl.read_csv(path).drop("seconds").rows()


def test_ctrl_c_ends_a_search_and_the_next_call_goes_on(tmp_path):
    made = experiment(tmp_path)
    fit = made.fit

    def stopped(**options):
        network, history = fit(**options)
        history.stopped = "interrupted"
        return network, history

    made.fit = stopped
    with pytest.raises(KeyboardInterrupt):
        made.search(progress=False)
    assert kept(experiment(tmp_path).search(progress=False)) == kept(experiment(tmp_path / "b").search(progress=False))


def test_ctrl_c_in_a_search_leaves_the_best_model_so_far(tmp_path):
    made, costs = experiment(tmp_path, search=6), []
    fit = made.fit

    def stopped(**options):
        network, history = fit(**options)
        if len(costs) == 3:
            history.stopped = "interrupted"
        costs.append(history["val_loss"][-1 if history.best_epoch is None else history.best_epoch])
        return network, history

    made.fit = stopped
    with pytest.raises(KeyboardInterrupt):
        made.run(progress=False)
    trained = cr.Trained.load(tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    source = trained.read(rings())
    assert trained.evaluate(source, trained.rows(source, "auto")[0])["loss"] == pytest.approx(metrics["test"]["loss"])
    losses = json.loads((tmp_path / "history.json").read_text())["epochs"]
    assert min(epoch["val_loss"] for epoch in losses) == min(costs[:3])
    finished = experiment(tmp_path, search=6).run(progress=False)
    assert len(finished.trials) == 6
    assert finished.trials[0].cost <= min(costs[:3])


def test_a_torn_last_line_of_the_journal_is_dropped(tmp_path):
    few = kept(experiment(tmp_path).search(progress=False))
    with open(tmp_path / "search.journal", "ab") as file:
        file.write(b'{"op_code": 5, "wor')
    assert kept(experiment(tmp_path).search(progress=False)) == few


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seed": 1}, "its search had seed 0, this one has 1. Repeat the settings, or search in another folder."),
        ({"epochs": 7}, "search.journal cannot be continued: its search had epochs 6, this one has 7."),
        ({"hidden": (4,)}, "its search had hidden left open, this one has 4."),
    ],
)
def test_another_search_cannot_go_on_from_a_journal(tmp_path, settings, words):
    experiment(tmp_path, search=1).search(progress=False)
    with pytest.raises(cr.OptionError) as error:
        experiment(tmp_path, **settings).search(progress=False)
    assert words in str(error.value)


def test_a_search_of_a_version_whose_seeds_meant_other_numbers_does_not_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.experiments.search.DRAWS", 1)
    experiment(tmp_path, search=1).search(progress=False)
    monkeypatch.undo()
    with pytest.raises(cr.OptionError, match="was begun by another version of chainrule: finish that search there"):
        experiment(tmp_path).search(progress=False)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"validation": 0.0}, "a search compares settings on the validation part, which must not be empty then."),
        ({"search": -1}, "search is -1, but must be"),
    ],
)
def test_what_cannot_be_searched(tmp_path, settings, words):
    with pytest.raises(cr.OptionError, match=words):
        experiment(tmp_path, **settings)


def test_nothing_left_open_is_nothing_to_search(tmp_path):
    given = {"hidden": (4,), "activation": "relu", "dropout": 0.0, "optimizer": "adam", "learning_rate": 0.01}
    with pytest.raises(cr.OptionError, match=r"nothing to search: hidden, activation, .* are all given"):
        experiment(tmp_path, l2=0.0, batch_size=32, **given).search(progress=False)


def test_a_search_has_to_be_asked_for(tmp_path):
    with pytest.raises(cr.OptionError, match=r"how many settings are to be tried\? Settings\(search=20\) says it"):
        experiment(tmp_path, search=0).search()


def test_without_optuna_a_search_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(cr.OptionError, match=r"needs Optuna, .*: pip install 'chainrule\[search\]'\."):
        experiment(tmp_path)


def test_a_line_that_the_disk_took_only_a_part_of_ends_the_search_in_a_sentence(tmp_path):
    journal = tmp_path / "search.journal"

    def torn(run):
        with open(journal, "ab") as file:
            file.write(b'{"op"')  # before the line of the next trial's end

    searching = experiment(tmp_path, search=2)
    fit = searching.fit
    searching.fit = lambda **options: fit(**(options | {"callbacks": [*options["callbacks"], torn]}))
    with pytest.raises(cr.CheckpointError, match=r"search\.journal is damaged: a line in it was not written whole\."):
        searching.search(progress=False)


def test_a_damaged_journal_is_one_clear_line(tmp_path):
    (tmp_path / "search.journal").write_text("no journal\nat all\n")
    with pytest.raises(cr.ModelFileError, match=r"search\.journal is damaged, or no journal of a search"):
        experiment(tmp_path)
