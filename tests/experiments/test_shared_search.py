"""A search that several processes share: who does what, what becomes of the dead, and who may not take part."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import optuna
import polars as pl
import pytest
from test_search import rings

import chainrule as cr
from chainrule.experiments import workers
from chainrule.experiments.folder import RunFolder
from chainrule.experiments.joint import Joint
from chainrule.experiments.workers import here
from commands import chainrule

ANOTHER = """
import json, os, sys, time
import polars as pl
import chainrule as cr

trials, stays_in, *storage = sys.argv[1:]
table = cr.read_table(pl.read_csv("rings.csv"), "inside")
settings = cr.Settings(seed=0, epochs=2, search=int(trials), hidden=(4,))
made = cr.Experiment(table, settings, "run", join=True, storage=storage[0] if storage else None)
fit, begun = made.fit, []

def stay(**options):
    begun.append(made.settings)
    if len(begun) == int(stays_in):
        print("in a trial", flush=True)
        while not os.path.exists("go"):
            time.sleep(0.02)
    return fit(**options)

made.fit = stay
result = made.run(progress=False)
print(json.dumps([result.by, {trial.number: trial.by for trial in result.trials}]))
"""


@pytest.fixture
def another(tmp_path):
    """A function that starts another process, which stays in its n-th trial until there is a file `go`."""
    rings().write_csv(tmp_path / "rings.csv")
    started = []

    def start(trials, n, *storage):
        words = [sys.executable, "-c", ANOTHER, str(trials), str(n), *storage]
        process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "in a trial\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def experiment(folder, table=None, *, join=True, storage=None, **settings):
    settings = {"seed": 0, "epochs": 2, "search": 4, "hidden": (4,)} | settings
    table = cr.read_table(rings() if table is None else table, "inside")
    return cr.Experiment(table, cr.Settings(**settings), folder, join=join, storage=storage)


def running(study, number):
    """The trial of this number as the study has it."""
    return next(trial for trial in study.get_trials() if trial.user_attrs.get("number") == number)


def study_of(folder):
    journal = optuna.storages.journal.JournalFileBackend(str(folder / "search.journal"))
    return optuna.load_study(study_name="chainrule", storage=optuna.storages.JournalStorage(journal))


COMMAND = ("train", "rings.csv", "--target", "inside", "--search", 20, "--epochs", 2, "--hidden", 4, "--out", "run")


@pytest.mark.parametrize(
    ("n", "storage"), [(5, []), pytest.param(4, ["sqlite:///meet.db"], marks=pytest.mark.xdist_group("database"))]
)
def test_two_processes_share_a_search(tmp_path, another, n, storage, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    process = another(n, 2, *storage)
    made = experiment("run", search=n, storage=storage[0] if storage else None)
    fit = made.fit

    def both(**options):
        (tmp_path / "go").touch()
        return fit(**options)

    made.fit = both
    result = made.run()
    other = json.loads(process.communicate()[0])
    by = {trial.number: trial.by for trial in result.trials}
    name = next(iter({*by.values()} - {here()}))
    assert name.endswith(f":{process.pid}")
    assert by == {int(number): who for number, who in other[1].items()}
    assert sorted(by) == list(range(1, n + 1))
    assert sorted([result.by, other[0]]) in (["", here()], ["", name])
    assert len({str(trial.settings) for trial in result.trials}) == n
    assert pl.read_csv("run/trials.csv")["by"].to_list() == [trial.by for trial in result.trials]
    said = capsys.readouterr().err
    assert f"{here()} (here) joins a search of {n} trials: 1 is done, under way trial 2 by {name}\n" in said
    for number, who in by.items():
        where = f"{who} (here)" if who == here() else who
        assert said.count(f"\ntrial {number}/{n} by {where}  val_loss ") == (number > 1)
    counts = {f"{[*by.values()].count(who)} by {who}" for who in (name, here())}
    ended = next(line for line in said.splitlines() if line.startswith(f"the search is over, {n} trials: "))
    assert {*ended.partition(": ")[2].split(", ")} == counts
    assert said.count(f"{here()} (here) trains the best and writes the report\n") == (result.by == "")
    names = [
        "curves.svg",
        "history.json",
        "metrics.json",
        "model.safetensors",
        "report.html",
        "report.svg",
        "trials.csv",
    ]
    assert sorted(os.listdir("run")) == sorted(names + ([] if storage else ["search.journal"]))
    assert min(result.history["val_loss"]) == pytest.approx(result.trials[0].cost)


def test_a_last_trial_of_another_that_ends_between_two_looks_is_told(tmp_path, capsys, monkeypatch):
    over, others = Joint.over, []

    def looked(joint):
        if not others:
            others.append(experiment(tmp_path / "run", search=2))
            others[0].search(progress=False)
        return over.fget(joint)

    monkeypatch.setattr(Joint, "over", property(looked))
    experiment(tmp_path / "run", search=2).search()
    assert capsys.readouterr().err.count(f"\ntrial 2/2 by {here()} (here)  val_loss ") == 1


def test_the_trial_of_a_process_that_was_killed_is_done_by_another(tmp_path, another, capsys):
    process = another(4, 2)
    before = running(study_of(tmp_path / "run"), 1)
    made = experiment(tmp_path / "run")
    fit = made.fit

    def killing(**options):
        process.send_signal(signal.SIGKILL)
        process.wait()
        return fit(**options)

    made.fit = killing
    result = made.run()
    assert sorted(trial.number for trial in result.trials) == [1, 2, 3, 4]
    by = {trial.number: trial.by for trial in result.trials}
    assert by[2] == by[3] == by[4] == here() != by[1]
    again = next(trial for trial in result.trials if trial.number == 2)
    assert again.settings == {name: before.params[name] for name in again.settings}
    said = capsys.readouterr().err
    assert f"{here()} (here) joins a search of 4 trials: 1 is done, under way trial 2 by " in said
    assert f":{process.pid} has died: its trial 2 is tried again\n" in said
    assert f"the search is over, 4 trials: 3 by {here()}, 1 by " in said
    assert result.by == ""
    assert not [name for name in os.listdir(tmp_path / "run") if name.startswith(".worker")]


def test_a_report_on_fewer_trials_than_there_are_is_none(tmp_path):
    made = experiment(tmp_path, search=1)
    assert len(made.run(progress=False).trials) == 1
    assert made._search.written["trials"] == 1
    with made.run_folder.claimed():
        made._search._joint.wait_for(2, {})  # as another does that asks for more
        assert made._search.written is None
    assert len(experiment(tmp_path, search=2).run(progress=False).trials) == 2


def test_who_waits_takes_part_in_the_trials_that_others_add(tmp_path):
    made = experiment(tmp_path, search=1)
    made.search(progress=False)
    with made.run_folder.claimed():
        made._search._joint.wait_for(2, {})
    assert len(made.search(progress=False)) == 2


def test_a_second_process_without_join_is_told_of_it(tmp_path, command):
    with RunFolder(tmp_path / "run", join=True).claimed():
        status, _, err = command(tmp_path, "train", "iris", "--search", 2, "--out", "run")
    assert status == 2
    assert err == "error: another process shares the search in run: take part with --join, or name another folder.\n"


def test_who_joins_a_search_that_a_process_has_for_itself_is_told_how(tmp_path, command, monkeypatch):
    monkeypatch.setattr("chainrule.experiments.folder.PATIENCE", 0.1)
    experiment(tmp_path / "run", join=False, search=1).search(progress=False)
    with RunFolder(tmp_path / "run").claimed():
        status, _, err = command(tmp_path, "train", "iris", "--search", 2, "--out", "run", "--join")
        assert status == 2
        way_out = "wait until it ends, or end it by Ctrl-C and give both commands --join.\n"
        assert err == f"error: a process that was started without --join is at work in run: {way_out}"
        status, _, err = command(tmp_path, "train", "iris", "--search", 2, "--out", "run")
        assert status == 2
        assert err.endswith(" To share a search, end it by Ctrl-C and give both commands --join.\n")


@pytest.mark.parametrize(
    ("differs", "words"),
    [
        ({"seed": 1}, "search.journal cannot be joined: its search had seed 0, this one has 1. Repeat the settings,"),
        ({"epochs": 3}, "its search had epochs 2, this one has 3. Repeat the settings, or search in another folder."),
        ({"activation": "tanh"}, "its search had activation left open, this one has tanh."),
        ({"table": rings(310)}, "the rows or columns of the file are not those that its search began with."),
        ({"search": 3}, "search.journal has 4 trials, not 3: say --search 4."),
    ],
)
def test_who_has_other_settings_or_other_data_cannot_join(tmp_path, differs, words):
    experiment(tmp_path / "run").search(progress=False)
    with pytest.raises(cr.OptionError) as refused:
        experiment(tmp_path / "run", **differs).search(progress=False)
    assert words in str(refused.value)


def test_all_that_differs_is_told_at_once_to_who_joins_and_to_who_goes_on(tmp_path):
    experiment(tmp_path / "run").search(progress=False)
    differs = {"table": rings(310), "seed": 1, "hidden": (4, 8)}
    for join, how in ((True, "joined"), (False, "continued")):
        with pytest.raises(cr.OptionError) as refused:
            experiment(tmp_path / "run", join=join, **differs).search(progress=False)
        assert str(refused.value) == (
            f"the search of {tmp_path / 'run/search.journal'} cannot be {how}: its search had hidden 4, this one has "
            "4,8; it had seed 0, this one has 1; the rows or columns of the file are not those that its search began "
            "with. Repeat the settings and bring the same data, or search in another folder."
        )


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"activation": "rely"}, {"optimizer": "adan"}, {"metric": "rmse"}])
def test_settings_that_do_not_fit_are_refused_before_a_search_is_begun(tmp_path, wrong):
    with pytest.raises(cr.OptionError):
        experiment(tmp_path / "run", **wrong)
    assert not (tmp_path / "run").exists()


def test_a_seed_that_came_to_no_search_binds_nobody(tmp_path):
    experiment(tmp_path / "run", seed=7)
    assert experiment(tmp_path / "run", seed=None).settings.seed == 7
    experiment(tmp_path / "run", seed=0, search=1).search(progress=False)
    assert experiment(tmp_path / "run", seed=None).settings.seed == 0


def test_who_took_another_seed_before_one_was_known_gives_the_same_command_again(tmp_path):
    drawn = experiment(tmp_path / "run", seed=None, search=1)
    experiment(tmp_path / "run", seed=0, search=1).search(progress=False)
    with pytest.raises(cr.OptionError, match=r"has seed 0, of which nothing was known .*: give the same command again"):
        drawn.search(progress=False)
    assert len(experiment(tmp_path / "run", seed=None, search=1).search(progress=False)) == 1


def test_who_is_refused_leaves_a_search_that_was_begun_alone_as_it_was(tmp_path):
    experiment(tmp_path / "run", join=False, search=1).search(progress=False)
    before = study_of(tmp_path / "run")
    with pytest.raises(cr.OptionError, match="cannot be joined: its search had epochs 2, this one has 3"):
        experiment(tmp_path / "run", epochs=3).search(progress=False)
    after = study_of(tmp_path / "run")
    assert (after.user_attrs, len(after.trials)) == (before.user_attrs, len(before.trials))


def test_each_process_has_threads_and_an_engine_of_its_own(tmp_path):
    experiment(tmp_path / "run", search=1).search(progress=False)
    assert len(experiment(tmp_path / "run", search=2, threads=1, engine="numpy").search(progress=False)) == 2


def test_who_joins_without_a_seed_has_that_of_the_first(tmp_path):
    first = experiment(tmp_path / "run", seed=None)
    second = experiment(tmp_path / "run", seed=None)
    assert first.settings.seed == second.settings.seed
    assert np.array_equal(first.splits.test, second.splits.test)


def test_who_joins_after_the_end_finds_the_report(tmp_path):
    rings().write_csv(tmp_path / "rings.csv")
    command = (*COMMAND[:4], "--search", 2, *COMMAND[6:], "--join")
    first = chainrule(*command, cwd=tmp_path)
    model = (tmp_path / "run/model.safetensors").stat()
    second = chainrule(*command, cwd=tmp_path)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert f"{here()} (here) joins a search of 2 trials: 2 are done\n" in second.stderr
    assert f"the search is over, 2 trials: 2 by {here()}\n" in second.stderr
    assert f"in run, written by {here()}: model.safetensors, " in second.stdout
    assert (tmp_path / "run/model.safetensors").stat() == model
    more = chainrule(*COMMAND[:4], "--search", 3, *COMMAND[6:], "--join", cwd=tmp_path)
    assert "trial 3/3 by " in more.stderr
    assert "(here) trains the best and writes the report" in more.stderr


def test_the_result_of_another_process_is_read_from_the_folder(tmp_path):
    first = experiment(tmp_path / "run").run(progress=False)
    second = experiment(tmp_path / "run").run(progress=False)
    assert (first.by, second.by) == ("", here())
    assert np.array_equal(first.network.flat, second.network.flat)
    assert second.history == first.history
    assert second.metrics["test"] == first.metrics["test"]
    assert second.trials == first.trials


@pytest.mark.xdist_group("database")  # one process loads what speaks to it
def test_where_a_database_is_all_that_is_shared_it_is_told_where_the_report_is(tmp_path):
    storage = f"sqlite:///{tmp_path / 'meet.db'}"
    experiment(tmp_path / "a/run", storage=storage).run(progress=False)
    with pytest.raises(cr.errors.ElsewhereError) as told:
        experiment(tmp_path / "b/run", storage=storage).run(progress=False)
    assert str(told.value) == (
        f"the search is over: {here()} has written the model of the best trial and the report into "
        f"{tmp_path / 'a/run'}, which is not {tmp_path / 'b/run'} here."
    )
    for path in [tmp_path / "meet.db", *(tmp_path / "a/run").iterdir()]:  # a URL may hold a password
        assert b"sqlite:" not in path.read_bytes()


@pytest.mark.parametrize("machine", ["another", None])
def test_a_process_of_another_machine_is_dead_when_nothing_was_heard_of_it(tmp_path, capsys, monkeypatch, machine):
    """So does one of which nothing but its claim is known."""
    monkeypatch.setattr(workers, "SILENCE", 0.2)
    monkeypatch.setattr("chainrule.experiments.shared_search.POLL", 0.1)
    first = experiment(tmp_path / "run", search=2)
    claimed = []

    def gone(**_):
        study = study_of(tmp_path / "run")
        claimed.append(study.ask())
        if machine:
            described = {"name": "far:7", "machine": machine, "lock": str(tmp_path / "far"), "folder": str(tmp_path)}
            study.set_user_attr("worker far", described)
            claimed[0].set_user_attr("worker", "far")
        first.fit = fit
        return fit(**_)

    fit, first.fit = first.fit, gone
    assert [trial.by for trial in first.search()] == [here()] * 2
    said = capsys.readouterr().err
    name = "far:7" if machine else "an unknown process"
    assert f"no trial is left to begin: waiting for trial 2 by {name}, to do it if it dies" in said
    assert f"{name} was not heard of for 0 seconds: its trial 2 is tried again" in said


def test_a_process_that_was_taken_for_dead_goes_on_with_another_trial(tmp_path, capsys):
    made = experiment(tmp_path / "run", search=3)
    fit, calls = made.fit, []

    def slept(**options):
        calls.append(options)
        if len(calls) == 2:
            study = study_of(tmp_path / "run")
            mine = running(study, 1)
            study.tell(mine.number, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(mine.params, {"number": 1})
        return fit(**options)

    made.fit = slept
    trials = made.search()
    assert sorted(trial.number for trial in trials) == [1, 2, 3]
    assert len(calls) == 4
    assert "nothing was heard of this process for long: another does trial 2\n" in capsys.readouterr().err


def test_ctrl_c_hands_the_trial_back_and_its_checkpoint(tmp_path):
    made = experiment(tmp_path / "run", search=2)
    fit = made.fit

    def stopped(**options):
        network, history = fit(**options)
        history.stopped = "interrupted"
        return network, history

    made.fit = stopped
    with pytest.raises(KeyboardInterrupt):
        made.search(progress=False)
    states = [trial.state.name for trial in study_of(tmp_path / "run").get_trials() if "number" in trial.user_attrs]
    assert states == ["FAIL", "WAITING", "WAITING"]
    assert len(experiment(tmp_path / "run", search=2).search(progress=False)) == 2


def test_a_search_that_was_begun_alone_is_joined_and_goes_on_alone(tmp_path):
    alone = experiment(tmp_path / "run", join=False, search=3).search(progress=False)
    joined = experiment(tmp_path / "run", search=5).search(progress=False)
    again = experiment(tmp_path / "run", join=False, search=6).search(progress=False)
    assert [trial.by for trial in sorted(joined, key=lambda t: t.number)] == [""] * 3 + [here()] * 2
    assert sorted(trial.number for trial in again) == [1, 2, 3, 4, 5, 6]
    assert {trial.cost for trial in alone} < {trial.cost for trial in joined} < {trial.cost for trial in again}


def test_a_line_of_the_journal_that_a_dead_process_has_left_unfinished_is_dropped(tmp_path):
    few = experiment(tmp_path / "run", search=2).search(progress=False)
    with open(tmp_path / "run/search.journal", "ab") as file:
        file.write(b'{"op_code": 5, "wor')
    more = experiment(tmp_path / "run", search=3).search(progress=False)
    assert {trial.cost for trial in few} < {trial.cost for trial in more}
    assert len(experiment(tmp_path / "run", search=3).search(progress=False)) == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--join", "--out", "run"], "--join shares a search: say with --search 20 how many settings are to be tried."),
        (["--search", 2, "--join"], "--join needs the run folder: --out runs/…"),
        (
            ["--search", 2, "--out", "run", "--storage", "sqlite:///a.db"],
            "--storage is where those meet who share a search: say --join, too.",
        ),
        (
            ["--search", 2, "--out", "run", "--join", "--storage", "shared"],
            "--storage takes the URL of a database, such as sqlite:////shared/search.db or ",
        ),
        (
            ["--search", 2, "--out", "run", "--join", "--storage", "oracle2://me:secret@host/db"],
            "oracle2://me:***@host/db is of a kind of database that is not known here: sqlite, ",
        ),
        (
            ["--search", 2, "--out", "run", "--join", "--storage", "sqlite+aiosqlite:///a.db"],
            "sqlite+aiosqlite:///a.db needs aiosqlite, which is not installed: pip install 'aiosqlite'.",
        ),
        (
            ["--search", 2, "--out", "run", "--join", "--storage", "sqlite:///no/such/folder.db"],
            "sqlite:///no/such/folder.db cannot be used: unable to open database file.",
        ),
    ],
)
def test_what_cannot_be_shared_is_refused_in_a_sentence(tmp_path, command, words, sentence):
    status, _, err = command(tmp_path, "train", "iris", *words)
    assert status == 2
    assert f"error: {sentence}" in err
    assert "secret" not in err
    assert not (tmp_path / "run").exists() or not os.listdir(tmp_path / "run")


def test_a_folder_that_holds_another_run_is_no_place_to_search_together(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/model.safetensors").write_bytes(b"kept")
    with pytest.raises(cr.OptionError, match="holds a run that is no such search: name another folder"):
        experiment(tmp_path / "run")
    assert os.listdir(tmp_path / "run") == ["model.safetensors"]
