"""Try settings of the hyperparameters and keep those with the least validation cost.

Optuna proposes settings from what the trials so far have shown (Bergstra et al., 2011, the tree-structured Parzen
estimator), and ends a trial whose validation cost is worse than the median of the others at the same part of its way.
What a trial is given depends on the seed and on the trials before it alone. So a search that was killed goes on from
its journal as if nothing had happened.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from chainrule import forms
from chainrule.errors import ChainruleError, CheckpointError, ModelFileError, NotFiniteError, OptionError
from chainrule.experiments.design import first_learning_rate, own_learning_rate
from chainrule.experiments.settings import JOURNAL, Settings
from chainrule.randomness import DRAWS, stream
from chainrule.training import EarlyStopping, History, Run

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

SEARCHED = ("hidden", "activation", "dropout", "optimizer", "learning_rate", "l2", "batch_size")
"""The settings that are tried where they were left open."""

ACTIVATIONS = ("relu", "tanh", "silu", "gelu")
OPTIMIZERS = ("adam", "adamw", "rmsprop")
SIZES = (16, 32, 64, 128, 256, 512)

STARTED, WARM = 5, 20
"""How many trials come before any is pruned, and how many percent of its epochs a trial has run before it is."""

Fit = Callable[[Settings, Callable[[Run], None]], History]
"""Trains with these settings, calling the function after every epoch."""


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


@dataclass(frozen=True)
class Trial:
    """One of the settings that were tried.

    Attributes:
        number: from 1.
        settings: what was tried, by the names of `Settings`.
        outcome: "complete"; "pruned", ended early because others were better; or "not finite".
        cost: the validation cost of the best epoch, or what else was looked at, with another sign where greater is
            better; NaN where there is none.
        seconds: how long it took.
    """

    number: int
    settings: dict[str, Any]
    outcome: str
    cost: float
    seconds: float


class Search:
    """A search under way, or one that goes on.

    Args:
        folder: where its journal is, or will be; claimed whenever a method is called (see `RunFolder`).

    Raises:
        OptionError: Optuna is not installed.
        ModelFileError: the journal cannot be read or written.
    """

    def __init__(self, folder: Path):
        self.path = folder / JOURNAL
        self._optuna = _optuna()
        self._study = self._open() if self.path.exists() else None
        self._watched, self._sign = "val_loss", 1

    @property
    def seed(self) -> int | None:
        """The seed of the search that the journal tells of, or None where there is none."""
        return None if self._study is None else self._study.user_attrs.get("seed")

    def run(self, given: Settings, start: Settings, data: dict[str, Any], fit: Fit, progress: bool) -> list[Trial]:
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
        self._study = study = self._study or self._open()
        with _readable(self.path), _quiet():
            self._claim(study, data | asdict(given) | {"seed": start.seed})
            for trial in self._done(study):
                times = {"begin": trial.datetime_start, "end": trial.datetime_complete}
                lacking = {*space.default} - {*trial.params} | {name for name, time in times.items() if time is None}
                if lacking:
                    raise CheckpointError(f"{self.path} is damaged: trial {trial.number + 1} lacks its {min(lacking)}.")
            for trial in study.get_trials(states=[self._state.RUNNING]):
                study.tell(trial.number, state=self._state.FAIL)  # killed; the next one is the same again
            while len(done := self._done(study)) < given.search:
                if not done and not study.get_trials(states=[self._state.WAITING]):
                    study.enqueue_trial(space.default)
                self._try(study, len(done), space, fit)
                if progress:
                    _say(self.trials(space), given)
        trials = self.trials(space)
        if trials[0].outcome != "complete":
            raise NotFiniteError(f"none of the {len(trials)} trials came to its end: fix a smaller learning rate.")
        return trials

    def trials(self, space: Space) -> list[Trial]:
        """What was tried, the best first."""
        assert self._study is not None
        found = [self._trial(trial, i, space) for i, trial in enumerate(self._done(self._study), 1)]
        return sorted(found, key=lambda t: (t.outcome != "complete", math.isnan(t.cost), t.cost, t.number))

    def is_best(self, history: History) -> bool:
        """Whether a trial that has just come to its end is better than all in the journal."""
        if self._study is None:
            return True
        complete = self._study.get_trials(states=[self._state.COMPLETE], deepcopy=False)
        return all(self._cost(history) < trial.user_attrs.get("cost", math.inf) for trial in complete)

    def _cost(self, history: History) -> float:
        """What is looked at, of the best epoch; less is better."""
        costs = history[self._watched]
        return self._sign * float(costs[-1] if history.best_epoch is None else costs[history.best_epoch])

    def _try(self, study: Study, k: int, space: Space, fit: Fit) -> None:
        """Run one trial, the one after k others."""
        study.sampler = self._optuna.samplers.TPESampler(seed=_seed(study.user_attrs["seed"], k))
        trial = study.ask()
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
            history = fit(settings, report)
        except NotFiniteError:
            study.tell(trial, state=self._state.PRUNED)
            return
        if history.cut:
            raise KeyboardInterrupt
        trial.set_user_attr("cost", self._cost(history))
        if history.stopped == "pruned":
            study.tell(trial, state=self._state.PRUNED)
        else:
            study.tell(trial, trial.user_attrs["cost"])

    def _trial(self, trial: FrozenTrial, number: int, space: Space) -> Trial:
        assert trial.datetime_complete is not None
        assert trial.datetime_start is not None
        cost = trial.user_attrs.get("cost", math.nan)
        pruned = "not finite" if math.isnan(cost) else "pruned"
        outcome = "complete" if trial.state == self._state.COMPLETE else pruned
        seconds = (trial.datetime_complete - trial.datetime_start).total_seconds()
        return Trial(number, space.settings(trial.params), outcome, cost, seconds)

    def _done(self, study: Study) -> list[FrozenTrial]:
        return study.get_trials(states=[self._state.COMPLETE, self._state.PRUNED])

    @property
    def _state(self) -> Any:
        return self._optuna.trial.TrialState

    def _open(self) -> Study:
        journal = self._optuna.storages.journal
        with _readable(self.path):
            _cut_torn_line(self.path)
        backend = journal.JournalFileBackend(str(self.path), _claimed(journal.JournalFileOpenLock, self.path))
        with _readable(self.path), _quiet():
            try:
                study: Study = self._optuna.create_study(
                    storage=self._optuna.storages.JournalStorage(backend),
                    study_name="chainrule",
                    direction="minimize",
                    pruner=self._optuna.pruners.MedianPruner(STARTED, WARM),
                    load_if_exists=True,
                )
                self._refuse_damage(study)
            except (ChainruleError, OSError):
                raise
            except Exception as error:  # Optuna replays the lines as they stand, which can go wrong in many ways
                raise CheckpointError(f"{self.path} is damaged, or no journal of a search: {error!r}.") from None
        return study

    def _refuse_damage(self, study: Study) -> None:
        """Raises CheckpointError where what the journal tells has not the form that a search gives it."""
        called = f"{self.path}, the journal of a search,"
        if study.user_attrs:
            forms.read(Begun, study.user_attrs, called, CheckpointError)
        for trial in study.get_trials(deepcopy=False):
            forms.read(Tried, trial.params, f"{called} (trial {trial.number + 1})", CheckpointError)
            forms.read(Found, trial.user_attrs, f"{called} (trial {trial.number + 1})", CheckpointError)

    def _claim(self, study: Study, facts: dict[str, Any]) -> None:
        """Enter the settings of this search into its journal, and refuse a journal of another search."""
        for free in ("search", "checkpoint_minutes"):
            del facts[free]
        facts["hidden"] = None if facts["hidden"] is None else list(facts["hidden"])
        if study.user_attrs.get("draws", 1 if study.user_attrs else DRAWS) != DRAWS:
            raise OptionError(f"{self.path} was begun by another version of chainrule: finish that search there.")
        study.set_user_attr("draws", DRAWS)
        for name, ours in facts.items():
            theirs = study.user_attrs.get(name, ours)
            if theirs != ours:
                raise OptionError(
                    f"{self.path} cannot be continued: its search had {name} {theirs}, this one has {ours}. "
                    "Repeat the settings, or search in another folder."
                )
            study.set_user_attr(name, ours)


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
            "dropout": lambda: trial.suggest_float("dropout", 0.0, 0.5, step=0.05),
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


def table(trials: Sequence[Trial], given: Settings) -> dict[str, list[Any]]:
    """The trials by columns."""
    name, sign = monitored(given)
    columns: dict[str, list[Any]] = {
        "trial": [trial.number for trial in trials],
        name: [sign * trial.cost for trial in trials],
        "outcome": [trial.outcome for trial in trials],
        "seconds": [round(trial.seconds, 1) for trial in trials],
    }
    return columns | {name: [_value_text(trial.settings[name]) for trial in trials] for name in trials[0].settings}


def settings_text(settings: dict[str, Any]) -> str:
    """Settings in one line."""
    return ", ".join(f"{name} {_value_text(value)}" for name, value in settings.items())


def _value_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def monitored(settings: Settings) -> tuple[str, int]:
    """What is compared on the validation part, as the history calls it; and −1 where greater is better, else 1."""
    rule = EarlyStopping(f"val_{settings.metric or 'loss'}")
    return rule.monitor, rule.sign


def _say(trials: list[Trial], given: Settings) -> None:
    """A line about the last trial on stderr."""
    name, sign = monitored(given)
    trial = max(trials, key=lambda trial: trial.number)
    best = "the best" if trial is trials[0] else f"the best {sign * trials[0].cost:.4g}"
    how = best if trial.outcome == "complete" else f"{trial.outcome}, {best}"
    print(
        f"trial {trial.number}/{given.search}  {name} {sign * trial.cost:.4g} ({how})  {settings_text(trial.settings)}",
        file=sys.stderr,
        flush=True,
    )


def _optuna() -> Any:
    try:
        return importlib.import_module("optuna")
    except ImportError:
        raise OptionError("a search needs Optuna, which is not installed: pip install 'chainrule[search]'.") from None


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns an error of the system about the journal into a ModelFileError of one sentence."""
    try:
        yield
    except ModelFileError:
        raise
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read or written: {error.strerror or error}.") from None


def _claimed(kind: Any, path: Path) -> Any:
    """A lock of Optuna's that need not lock: the whole folder belongs to this process."""

    class Claimed(kind):  # type: ignore[misc]
        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    return Claimed(str(path))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's own messages."""
    logger = logging.getLogger("optuna")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


def _cut_torn_line(path: Path) -> None:
    """Drop what was being written to the journal when the power failed or the disk was full."""
    if path.exists() and not (data := path.read_bytes()).endswith(b"\n"):
        with open(path, "r+b") as file:
            file.truncate(data.rfind(b"\n") + 1)


def _seed(seed: int, k: int) -> int:
    return int(stream("trial", seed, k).integers(2**32))
