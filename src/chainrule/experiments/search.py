"""Try settings of the hyperparameters and keep those with the least validation cost.

Optuna proposes settings from what the trials so far have shown (Bergstra et al., 2011, the tree-structured Parzen
estimator), and ends a trial whose validation cost is worse than the median of the others at the same part of its way.
What a trial is given depends on the seed and on the trials before it alone. So a search that was killed goes on from
its journal as if nothing had happened. One that several processes share is in `shared_search`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from chainrule import forms
from chainrule.errors import CheckpointError, NotFiniteError, OptionError
from chainrule.experiments.design import first_learning_rate, own_learning_rate
from chainrule.experiments.folder import RunFolder
from chainrule.experiments.joint import Written
from chainrule.experiments.settings import JOURNAL, Settings
from chainrule.experiments.studies import accessible, in_journal, load_optuna
from chainrule.experiments.trials import Trial, monitored, say, told
from chainrule.randomness import DRAWS, stream
from chainrule.training import History, Run
from chainrule.training.checkpoints import TOLD_BY_CHECKSUM

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial
    from optuna.trial import Trial as Asked

SEARCHED = ("hidden", "activation", "dropout", "optimizer", "learning_rate", "l2", "batch_size")
"""The settings that are tried where they were left open."""

ACTIVATIONS = ("relu", "tanh", "silu", "gelu")
OPTIMIZERS = ("adam", "adamw", "rmsprop")
SIZES = (16, 32, 64, 128, 256, 512)

Fit = Callable[[Settings, Callable[[Run], None], int], History]
"""Trains with these settings, calling the function after every epoch; of the trial of this number, from 0."""

Keep = Callable[[], object]
"""Writes the model that was trained last, the best until then."""


class Begun(TypedDict):
    """What a journal tells of its search, beside the settings that were given."""

    draws: NotRequired[int]
    seed: NotRequired[int]


class Tried(TypedDict, total=False):
    """What was tried, as a journal has it."""

    layers: int
    units: int
    activation: str
    dropout: float
    optimizer: str
    learning_rate: float
    l2: float
    batch_size: int


class Found(TypedDict, total=False):
    """What a trial came to."""

    cost: float
    number: int
    worker: str


class Search:
    """A search under way, or one that goes on, which this process has for itself.

    Args:
        folder: of the run, where its journal is, or will be; claimed whenever a method is called.
        study: of the journal, or None where there is none yet.

    Attributes:
        shared: whether it is one that several processes share.
    """

    shared = False

    def __init__(self, folder: RunFolder, study: Study | None):
        self.path = folder.path / JOURNAL
        self._folder, self._study = folder, study
        self._optuna = load_optuna()
        self._watched, self._sign = "val_loss", 1

    @property
    def seed(self) -> int | None:
        """The seed of the search that the journal tells of, or None where there is none."""
        return None if self._study is None else self._study.user_attrs.get("seed")

    def at_work(self) -> AbstractContextManager[None]:
        """Within the block, those who share the search know that this process lives."""
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def reporting(self, progress: bool) -> Iterator[bool]:
        """Within the block this process trains the best and writes the report, if it is told True; else another has."""
        yield True

    @property
    def written(self) -> Written | None:
        """Which other process has written the report."""
        return None

    def wrote(self, model: int, trials: int) -> None:
        """Tell those who share the search that this process has written the report on so many trials, and the checksum
        of its model."""

    def run(
        self, given: Settings, start: Settings, data: dict[str, Any], fit: Fit, keep: Keep, progress: bool
    ) -> list[Trial]:
        """All trials, those of the journal among them, the best first.

        Args:
            given: what somebody chose; the rest is tried. start: the same with nothing left open, the first trial.
            data: tells these data from others, JSON.
            progress: whether to say a line about each trial on stderr.

        Raises:
            OptionError: there is nothing to try, or the journal is of another search.
            NotFiniteError: no trial has reached its end.
            KeyboardInterrupt: somebody has pressed Ctrl-C.
        """
        space = Space(given, start)
        self._watched, self._sign = monitored(given)
        self._study = study = self._study or in_journal(self.path, check, shared=False)
        with self._accessible():
            self._agree(data | asdict(given) | {"seed": start.seed})
            self._refuse_lacking(space)
            self._carry_out(study, given, space, fit, keep, progress)
        trials = self.trials(space)
        if trials[0].outcome != "complete":
            raise NotFiniteError(f"none of the {len(trials)} trials came to its end: fix a smaller learning rate.")
        return trials

    def trials(self, space: Space) -> list[Trial]:
        """What was tried, the best first."""
        found = [self._trial(trial, number + 1, space) for number, trial in self._done().items()]
        return sorted(found, key=lambda t: (t.outcome != "complete", math.isnan(t.cost), t.cost, t.number))

    def _carry_out(self, study: Study, given: Settings, space: Space, fit: Fit, keep: Keep, progress: bool) -> None:
        """Run all trials that are to be run."""
        for trial in study.get_trials(states=[self._state.RUNNING]):
            study.tell(trial.number, state=self._state.FAIL)  # killed; the next one is the same again
        while (k := len(self._done())) < given.search:
            if not k and not study.get_trials(states=[self._state.WAITING]):
                study.enqueue_trial(space.default)
            study.sampler = self._optuna.samplers.TPESampler(seed=draws(study.user_attrs["seed"], k))
            self._try(study, study.ask(), k, space, fit, keep)
            if progress:
                trials = self.trials(space)
                last = max(trials, key=lambda trial: trial.number)
                say(told(last, trials[0], given.search, given))

    def _try(self, study: Study, trial: Asked, number: int, space: Space, fit: Fit, keep: Keep) -> None:
        """Run one trial."""
        settings = space.suggest(trial)
        reported: set[int] = set()

        def report(run: Run) -> None:
            for record in run.history.epochs:
                percent = 100 * (record["epoch"] + 1) // run.epochs
                if percent not in reported:
                    reported.add(percent)
                    trial.report(self._sign * record[self._watched], percent)
            if trial.should_prune():
                run.stop("pruned")

        try:
            history = fit(settings, report, number)
        except NotFiniteError:
            study.tell(trial, state=self._state.PRUNED)
            return
        if history.cut:
            raise KeyboardInterrupt
        cost = self._cost(history)
        trial.set_user_attr("cost", cost)
        if history.stopped == "pruned":
            study.tell(trial, state=self._state.PRUNED)
            return
        with self._folder.keeping():
            if self._is_best(study, trial, cost):
                keep()
        study.tell(trial, cost)

    def _is_best(self, study: Study, trial: Asked, cost: float) -> bool:
        """Whether a trial is better than all that have come to their end, or are just being told."""
        states = [self._state.COMPLETE, self._state.RUNNING]
        others = [one for one in study.get_trials(states=states, deepcopy=False) if one.number != trial.number]
        costs = ((one.user_attrs.get("cost", math.inf), one.number) for one in others)
        return all((cost, trial.number) < other for other in costs)

    def _cost(self, history: History) -> float:
        """What is looked at, of the best epoch; less is better."""
        costs = history[self._watched]
        return self._sign * float(costs[-1] if history.best_epoch is None else costs[history.best_epoch])

    def _trial(self, trial: FrozenTrial, number: int, space: Space) -> Trial:
        assert trial.datetime_complete is not None
        assert trial.datetime_start is not None
        cost = trial.user_attrs.get("cost", math.nan)
        pruned = "not finite" if math.isnan(cost) else "pruned"
        outcome = "complete" if trial.state == self._state.COMPLETE else pruned
        seconds = (trial.datetime_complete - trial.datetime_start).total_seconds()
        return Trial(number, space.settings(trial.params), outcome, cost, seconds, self._by(trial))

    def _by(self, trial: FrozenTrial) -> str:
        """Who has tried it, where that is to be told."""
        return ""

    def _done(self) -> dict[int, FrozenTrial]:
        """By number, from 0, what has come to its end."""
        assert self._study is not None
        states = [self._state.COMPLETE, self._state.PRUNED]
        return dict(enumerate(self._study.get_trials(states=states, deepcopy=False)))

    @property
    def _state(self) -> Any:
        return self._optuna.trial.TrialState

    def _accessible(self) -> AbstractContextManager[None]:
        return accessible(str(self.path))

    def _refuse_lacking(self, space: Space) -> None:
        """Raises CheckpointError where a trial that is done lacks something."""
        for number, trial in self._done().items():
            times = {"begin": trial.datetime_start, "end": trial.datetime_complete}
            lacking = {*space.default} - {*trial.params} | {name for name, time in times.items() if time is None}
            if lacking:
                raise CheckpointError(f"{self.path} is damaged: trial {number + 1} lacks its {min(lacking)}.")

    def _agree(self, facts: dict[str, Any]) -> None:
        """Enter the settings of this search into its journal, and refuse a journal of another search."""
        assert self._study is not None
        begun = self._study.user_attrs
        if begun.get("draws", 1 if begun else DRAWS) != DRAWS:
            raise OptionError(f"{self.path} was begun by another version of chainrule: finish that search there.")
        facts = as_told(facts)
        refuse_others(f"{self.path} cannot be continued", facts, begun)
        for name, ours in ({"draws": DRAWS} | facts).items():
            self._study.set_user_attr(name, ours)


def as_told(facts: dict[str, Any]) -> dict[str, Any]:
    """What a study has of the settings of its search."""
    hidden = facts["hidden"]
    told = {name: fact for name, fact in facts.items() if name not in ("search", "checkpoint_minutes")}
    return told | {"hidden": None if hidden is None else list(hidden)}


def refuse_others(refusal: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Raises OptionError, which begins with the refusal and names all that differs, where a search had other settings
    or other data than this one."""
    differs = [name for name, fact in ours.items() if theirs.get(name, fact) != fact]
    data = [TOLD_BY_CHECKSUM[name] for name in differs if name in TOLD_BY_CHECKSUM]
    settings = [name for name in differs if name not in TOLD_BY_CHECKSUM]
    if not differs:
        return
    which = [f"had {name} {_said(theirs[name])}, this one has {_said(ours[name])}" for name in settings]
    told = [f"its search {which[0]}", *(f"it {one}" for one in which[1:])] if which else []
    told += [f"{what} are not those that its search began with" for what in data]
    ways = (["repeat the settings"] if which else []) + (["bring the same data"] if data else [])
    way = " and ".join(ways)
    raise OptionError(f"{refusal}: {'; '.join(told)}. {way[0].upper()}{way[1:]}, or search in another folder.")


def _said(fact: Any) -> str:
    """A setting as it is typed."""
    if isinstance(fact, list | tuple):
        return ",".join(map(str, fact)) or "none"
    return "left open" if fact is None else str(fact)


def check(study: Study, where: str) -> None:
    """Raises CheckpointError where what a study tells has not the form that a search gives it."""
    called = f"{where}, the journal of a search,"
    if study.user_attrs:
        forms.read(Begun, study.user_attrs, called, CheckpointError)
    for trial in study.get_trials(deepcopy=False):
        forms.read(Tried, trial.params, f"{called} (trial {trial.number + 1})", CheckpointError)
        forms.read(Found, trial.user_attrs, f"{called} (trial {trial.number + 1})", CheckpointError)


class Space:
    """What may be tried for each setting that was left open, and where to begin: the defaults.

    Args:
        given: what somebody chose. start: the same with nothing left open.

    Raises:
        OptionError: nothing was left open.
    """

    def __init__(self, given: Settings, start: Settings):
        self.given = given
        self.open = [name for name in SEARCHED if getattr(given, name) is None]
        if not start.l2 and "l2" in self.open:  # 0 has no place on a logarithmic scale, and stays
            self.open.remove("l2")
        if not self.open:
            raise OptionError(f"there is nothing to search: {', '.join(SEARCHED)} are all given.")
        hidden = start.hidden or ()
        self.size, self.l2 = start.batch_size or 1, start.l2 or 0.0
        self.rate = own_learning_rate(start)
        first = {
            "layers": len(hidden),
            "units": max(hidden, default=0),
            "activation": start.activation,
            "dropout": start.dropout,
            "optimizer": start.optimizer,
            "learning_rate": first_learning_rate(start),
            "l2": self.l2,
            "batch_size": start.batch_size,
        }
        names = {*self.open} | ({"layers", "units"} if "hidden" in self.open else set())
        self.default = {name: value for name, value in first.items() if name in names}

    def suggest(self, trial: Any) -> Settings:
        """The settings that a trial of Optuna is to try."""
        draws: dict[str, Callable[[], Any]] = {
            "hidden": lambda: (trial.suggest_int("layers", 1, 3), trial.suggest_int("units", 16, 512, log=True)),
            "activation": lambda: trial.suggest_categorical("activation", ACTIVATIONS),
            "dropout": lambda: round(trial.suggest_float("dropout", 0.0, 0.5, step=0.05), 2),
            "optimizer": lambda: trial.suggest_categorical("optimizer", OPTIMIZERS),
            "learning_rate": lambda: trial.suggest_float("learning_rate", self.rate / 10, self.rate * 30, log=True),
            "l2": lambda: trial.suggest_float("l2", self.l2 / 100, self.l2 * 100, log=True),
            "batch_size": lambda: trial.suggest_categorical("batch_size", self._sizes()),
        }
        for name in self.open:
            draws[name]()
        return replace(self.given, **self.settings(trial.params))

    def settings(self, params: dict[str, Any]) -> dict[str, Any]:
        """Optuna's parameters as settings: `layers` and `units` become `hidden`."""
        hidden = {"hidden": (params["units"],) * params["layers"]} if "layers" in params else {}
        others = {name: value for name, value in params.items() if name not in ("layers", "units")}
        return {name: (hidden | others)[name] for name in self.open}

    def _sizes(self) -> list[int]:
        """The batch sizes to try: from half of the default to four times as many."""
        return [size for size in SIZES if self.size // 2 <= size <= self.size * 4]


def draws(seed: int, k: int) -> int:
    """From what a trial draws its settings, where so many came before it."""
    return int(stream("trial", seed, k).integers(2**32))
