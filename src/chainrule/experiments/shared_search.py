"""A search that several processes carry out together, on one machine or on many: each types the same command.

They meet in a study, in a journal in the run folder that they share or in a database. Each claims one trial after
another, and Optuna supposes of trials under way that they are bad, so that no two try the same ("constant liar"). What
a dead one has claimed another does; the last to have anything to do trains the best and writes the report.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import chainrule
from chainrule.checking import seed_or_fresh
from chainrule.errors import OptionError
from chainrule.experiments.folder import RunFolder
from chainrule.experiments.joint import Joint, Written
from chainrule.experiments.search import Fit, Keep, Search, Space, as_told, check, draws, refuse_others
from chainrule.experiments.settings import JOURNAL, MODEL, Settings
from chainrule.experiments.studies import accessible, in_database, in_journal, load_optuna, without_password
from chainrule.experiments.trials import say, shares, told
from chainrule.experiments.workers import here
from chainrule.names import counted
from chainrule.progress import stage
from chainrule.randomness import DRAWS

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial
    from optuna.trial import Trial as Asked

POLL = 0.5
"""After so many seconds who waits for the others looks again."""

FREE = ("engine", "threads", "device", "devices")
"""Settings that each of the processes has for itself."""


def open_search(folder: RunFolder, storage: str | None, seed: int | None) -> Search:
    """The search in the folder, which several processes share if they join it, or have joined it before.

    Args:
        storage: the URL of the database where they meet; None for the journal in the folder.
        seed: which a new search that is shared takes; None for that of the first process, or a fresh one.

    Raises:
        OptionError: Optuna is not installed, the URL is none, or the folder belongs to others or holds another run.
        ModelFileError: the journal or the database cannot be read or written.
    """
    path = folder.path / JOURNAL
    load_optuna()
    if storage is not None:
        called = without_password(storage)
        with folder.claimed():
            study = in_database(storage, folder.path.absolute().name, check)
            with accessible(called):
                _refuse_another_run(folder, study)
            return SharedSearch(folder, study, called, seed)
    if not folder.join and not path.exists():
        return Search(folder, None)
    with folder.claimed():
        if not path.exists():
            _refuse_another_run(folder, None)
        study = in_journal(path, check, shared=folder.join)
        if not folder.join and Joint(study, folder).begun:  # to go on alone, where nobody is at work any more
            study = in_journal(path, check, shared=True)
        elif not folder.join:
            return Search(folder, study)
        with accessible(str(path)):
            _refuse_another_run(folder, study)
        return SharedSearch(folder, study, str(path), seed)


def _refuse_another_run(folder: RunFolder, study: Study | None) -> None:
    """Raises OptionError where the folder holds a run that the search has not made."""
    if (folder.path / MODEL).exists() and (study is None or not study.get_trials(deepcopy=False)):
        raise OptionError(f"{folder.path} holds a run that is no such search: name another folder.")


class SharedSearch(Search):
    """A search that several processes share.

    Args:
        folder: of the run, which this process has claimed. study: where they meet. called: how messages call that.
        seed: which this process was given, if it was. It is told to those that were given none, and binds nobody before
            the settings do, which the first trial follows.
    """

    shared = True

    def __init__(self, folder: RunFolder, study: Study, called: str, seed: int | None):
        super().__init__(folder, study)
        self._shared, self._called = study, called
        self._joint = Joint(study, folder)
        self._working = self._entered = False
        self._known: set[int] = set()
        with self._accessible():
            settled = study.user_attrs.get("seed", (self._joint.told("settings") or {}).get("seed"))
            if settled is None:
                proposed = self._joint.first("seed", seed_or_fresh(seed))
                settled = proposed if seed is None else seed
        self._given, self._seed = seed, int(settled)

    @property
    def seed(self) -> int:
        """The seed of the search."""
        return self._seed

    @property
    def written(self) -> Written | None:
        with self._accessible():
            return self._joint.written()

    def wrote(self, model: int, trials: int) -> None:
        with self._accessible():
            self._joint.wrote(model, trials)
        self._folder.sweep()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Within the block, those who share the search know that this process lives."""
        if self._working:
            yield
            return
        self._working = True
        try:
            with self._folder.claimed(), contextlib.ExitStack() as work:
                with self._accessible():
                    work.enter_context(self._joint.workers.at_work())
                yield
        finally:
            self._working = False

    @contextlib.contextmanager
    def reporting(self, progress: bool) -> Iterator[bool]:
        """Within the block this process trains the best and writes the report, if it is told True.

        If not, `written` tells which other one has; or None, where more trials have been added meanwhile.
        """
        with self._accessible(), stage("waiting for the report"):
            claim = self._await_report(progress)
        if claim is None:
            yield False
            return
        self._tell([f"{here()} (here) trains the best and writes the report"], progress)
        try:
            yield True
        finally:
            with contextlib.suppress(Exception):  # whoever waits for a claim that nobody holds finds out by itself
                self._joint.let_go(claim)

    def _await_report(self, progress: bool) -> Asked | None:
        """The report, for this process to write it; None where another has, or more trials have been added."""
        waiting_for = ""
        while self._joint.over and self._joint.written() is None:
            self._tell(self._joint.take_over(), progress)
            claim = self._joint.claim_report()
            if claim is not None and self._joint.written() is None:
                return claim
            if claim is not None:  # written just now, while it was claimed
                self._joint.let_go(claim)
                return None
            who = self._joint.reporter
            if who and who != waiting_for:
                self._tell([f"{who} trains the best and writes the report: waiting, to do it if it dies"], progress)
                waiting_for = who
            time.sleep(POLL)
        return None

    def _carry_out(self, study: Study, given: Settings, space: Space, fit: Fit, keep: Keep, progress: bool) -> None:
        """Run trials, as long as there are any to run, and wait until the others have run theirs."""
        joint = self._joint
        if given.search < (there := joint.total) and not self._entered:
            raise OptionError(
                f"the search of {self._called} has {there} trials, not {given.search}: say --search {there}."
            )
        begins, self._entered = not there, True  # others may ask for more trials from now on
        wanted = max(given.search, there)
        joint.wait_for(wanted, space.default)
        with self.at_work():
            self._tell([self._greeting(begins)], progress)
            self._known |= {*self._done()}
            waited = over = False
            while not over:
                self._tell(joint.take_over(), progress)
                joint.wait_for(wanted, space.default)
                if (claim := joint.claim()) is not None:
                    self._tell_news(given, space, progress)
                    self._run_claimed(study, claim, space, fit, keep, progress)
                    waited = False
                elif not joint.over:
                    if not waited and (under_way := joint.under_way()):
                        self._tell(
                            [f"no trial is left to begin: waiting for {_named(under_way)}, to do it if it dies"],
                            progress,
                        )
                        waited = True
                    time.sleep(POLL)
                over = joint.over  # before what is told, or the last trial of another would not be
                self._tell_news(given, space, progress)
        trials = self.trials(space)
        self._tell([f"the search is over, {counted(len(trials), 'trial')}: {shares(trials)}"], progress)

    def _run_claimed(self, study: Study, claim: Asked, space: Space, fit: Fit, keep: Keep, progress: bool) -> None:
        """Run a trial that this process has claimed; where it cannot, others do."""
        study.sampler = self._optuna.samplers.TPESampler(seed=draws(self._seed, claim.number), constant_liar=True)
        try:
            self._try(study, claim, claim.user_attrs["number"], space, fit, keep)
        except BaseException as error:
            with contextlib.suppress(Exception):  # the others will notice in any case
                if isinstance(error, Exception) and self._joint.lost(claim):
                    number = claim.user_attrs["number"] + 1
                    self._tell([f"nothing was heard of this process for long: another does trial {number}"], progress)
                    return
                self._joint.hand_back(claim)
            raise

    def _agree(self, facts: dict[str, Any]) -> None:
        """Refuse to join a search with other settings or other data; the first to come has told what they are."""
        ours = {name: fact for name, fact in as_told(facts).items() if name not in FREE}
        ours = json.loads(json.dumps({"the version of chainrule": chainrule.__version__, "draws": DRAWS} | ours))
        self._refuse_others(ours, self._joint.told("settings") or {})  # before this one tells anything
        self._joint.begin()
        self._refuse_others(ours, self._joint.first("settings", ours))
        self._seed = ours["seed"]

    def _refuse_others(self, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
        theirs = theirs | self._shared.user_attrs
        if self._given is None and theirs.get("seed", ours["seed"]) != ours["seed"]:
            raise OptionError(
                f"the search of {self._called} has seed {theirs['seed']}, of which nothing was known when this process "
                "took another: give the same command again."
            )
        how = "joined" if self._folder.join else "continued"
        refuse_others(f"the search of {self._called} cannot be {how}", ours, theirs)

    def _done(self) -> dict[int, FrozenTrial]:
        return {
            number: trial for number, trial in self._joint.held().items() if number >= 0 and trial.state.is_finished()
        }

    def _by(self, trial: FrozenTrial) -> str:
        worker = trial.user_attrs.get("worker")
        return "" if worker is None else self._joint.workers.name(worker)

    def _accessible(self) -> contextlib.AbstractContextManager[None]:
        return accessible(self._called)

    def _greeting(self, begins: bool) -> str:
        """Who takes part, as it comes."""
        me, total = here(), counted(self._joint.total, "trial")
        if begins:
            return f"{me} (here) begins a search of {total}: who gives the same command takes part"
        under_way = self._joint.under_way()
        now = f", under way {_named(under_way)}" if under_way else ""
        n = len(self._done())
        return f"{me} (here) joins a search of {total}: {n or 'none'} {'is' if n < 2 else 'are'} done{now}"

    def _tell_news(self, given: Settings, space: Space, progress: bool) -> None:
        """A line about each trial that has come to its end since the last call."""
        news = {*self._done()} - self._known
        self._known |= news
        if not news:
            return
        trials = self.trials(space)
        lines = {trial.number: told(trial, trials[0], self._joint.total, given, here()) for trial in trials}
        self._tell([lines[number + 1] for number in sorted(news)], progress)

    def _tell(self, lines: list[str], progress: bool) -> None:
        for line in lines if progress else ():
            say(line)


def _named(under_way: dict[int, str]) -> str:
    """Trials and who runs them: "trial 7 by a:12 and trial 9 by b:3"."""
    return " and ".join(f"trial {number + 1} by {name}" for number, name in under_way.items())
