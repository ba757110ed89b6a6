"""A whole experiment: split a data set, design a network for it, train, compare with a baseline, keep the results.

This is what `chainrule train` does, as functions.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import distributed, engines, files
from chainrule.checking import real, seed_or_fresh, whole
from chainrule.data.chunked import Chunked
from chainrule.data.source import Source
from chainrule.errors import NotFiniteError, OptionError
from chainrule.experiments import beginning
from chainrule.experiments.architectures import dense
from chainrule.experiments.design import optimizer_for, refuse_idle_bins, refuse_idle_schedules, refuse_odd_edges
from chainrule.experiments.doubts import doubts_on
from chainrule.experiments.elsewhere import checksum, result_of
from chainrule.experiments.ensembles import Watching
from chainrule.experiments.fitted import Fitted, answers
from chainrule.experiments.fitting import fit
from chainrule.experiments.folder import RunFolder
from chainrule.experiments.forecasts import ForecastReport
from chainrule.experiments.peer import Peer
from chainrule.experiments.pilot import to_be_tried
from chainrule.experiments.plans import planned
from chainrule.experiments.predictions import as_csv
from chainrule.experiments.preface import note_on_members, notes_on
from chainrule.experiments.report import Report
from chainrule.experiments.results import Result, add_report, keep, report_on
from chainrule.experiments.second import for_more_epochs, of_less
from chainrule.experiments.seen import Seen, last_moments, sketch
from chainrule.experiments.settings import CHECKPOINT, FREE, JOURNAL, TRIALS, UNTOLD, Settings, own_network
from chainrule.experiments.shared_search import open_search
from chainrule.experiments.splits import Splits, split
from chainrule.experiments.target_choice import asked_for, chosen_scale, may_choose, threshold_on
from chainrule.experiments.trials import Trial, table
from chainrule.experiments.units import final_layers
from chainrule.experiments.weights import Weights, watched_metric
from chainrule.layers import Layer, Network
from chainrule.progress import stage
from chainrule.randomness import DRAWS
from chainrule.training import Checkpoint, History
from chainrule.training.interrupt import TerminatedError
from chainrule.training.run import Callback

if TYPE_CHECKING:
    from chainrule.data.series.held_out import HeldOut

HIDDEN_OF_TRIAL = (256,)
"""The hidden layer of a network that only tries a scale."""


class Experiment:
    """An experiment about to run: the data split and turned into numbers, the network designed, nothing trained yet.

    Args:
        source: the examples, such as a table of `chainrule.read_table`.
        settings: what somebody chose. folder: where the results go.
        splits: which example is in which part; None for `chainrule.experiments.splits.split`.
        resume: go on with the interrupted run in the folder; a search always does.
        join: share the search in the folder with all processes that join it, on this machine or on others that see the
            folder. storage: the URL of a database where they meet, "postgresql://…"; None for the folder itself.

    Attributes:
        source: as given. given: the settings as given. seed: theirs, or a fresh one.
        folder: the path of the run folder. run_folder: it, which belongs to one process while that is at work in it.
        target: what there is to predict. Y: as numbers. choice: how a scale was chosen for it, a sentence, or "".
        splits: which example is in which part. parted: whether several networks are each watched on another part of
            those to train.
        encoding: what turns examples into numbers, learned from the training part. X: the numbers, of training rows as
            who learns from all of them may see them.
        chunked: what to train on, where it is more than X; then the training part is a sample of it.
        weights: how much each example counts.
        plan: what will be trained, or was; of values it learns standardized ones.
        begins_again: whether the run in the folder was killed before its first checkpoint, so that it begins as it did.
        fitted: what was trained, once `run` has come to that; None before.

    Raises:
        DataError: too few examples, or a single class.
        OptionError: a setting that nothing can be done with, or another process is at work in the folder, or nothing is
            searched that could be shared.
        ModelFileError: the folder cannot be written, or a checkpoint to resume from cannot be read.
    """

    def __init__(
        self,
        source: Source,
        settings: Settings,
        folder: str | os.PathLike[str],
        *,
        splits: Splits | None = None,
        resume: bool = False,
        join: bool = False,
        storage: str | None = None,
    ):
        limit = None if settings.time_limit is None else real("time_limit", settings.time_limit, low=0, open="low")
        self._until = None if limit is None else time.monotonic() + limit
        self.source, self.given, self.folder = source, settings, Path(folder)
        self.run_folder = RunFolder(folder, join)
        _refuse_together(settings, join, storage)
        searching = whole("search", settings.search, at_least=0)
        engines.select(settings.engine, settings.device, settings.devices, settings.precision)
        self.target, self.choice = source.target, ""
        self.chunked: Chunked | None = None
        self.fitted: Fitted | None = None
        self.Y = source.numbers(self.target)
        usual = self._usual(settings)
        self._refuse_odd(usual)  # before anything is told to others
        self._search = open_search(self.run_folder, storage, settings.seed) if searching else None
        self.checkpoint = Checkpoint(
            self.folder / CHECKPOINT,
            every_epochs=None,
            every_minutes=settings.checkpoint_minutes,
            anew=self._search is not None,
        )
        self.resume, self.begins_again = resume or self._search is not None, False
        before = self._seed_before(resume)
        self.seed = seed_or_fresh(before if settings.seed is None else settings.seed)
        self._divide(usual, splits)
        self.target = asked_for(self.target, settings, self.Y, self.splits.train, source.value_ends)
        resolved = self.resolved(settings)
        self.weights = Weights(self.target, self.Y, self.splits.train, source.weights, resolved.class_weight)
        watched_metric(self.target, resolved)
        optimizer_for(resolved)
        refuse_idle_schedules(resolved)
        self.run_folder.make()
        self._turn_into_numbers(resolved)
        refuse_idle_bins(self.encoding, self.given, resolved)
        self._choose_scale()
        self.plan = planned(self, settings)
        if self.begins_again:
            beginning.refuse_other(self.folder, self._beginning())

    # Preparing

    def _refuse_odd(self, usual: Settings) -> None:
        """Raises OptionError for what is wrong with the settings, however the data are parted."""
        self._watched_share(usual)
        resolved = usual.resolve(len(self.source), self.target.task != "values", 0)
        watched_metric(asked_for(self.target, resolved, self.Y, ends=self.source.value_ends), resolved)
        optimizer_for(resolved)
        refuse_odd_edges(usual)
        dense(None, resolved)

    def _watched_share(self, usual: Settings) -> float:
        """The part of the examples to train that is held out to be watched."""
        if self._by_folds(usual):
            return 0.0
        return usual.validation_share(int(len(self.source) * (1 - usual.test_share)), self.source.small)

    def _divide(self, usual: Settings, splits: Splits | None) -> None:
        """Part the examples, by `splits` if that is given."""
        test, watched = usual.test_share, self._watched_share(usual)
        how = {"draws": DRAWS, "seed": self.seed, "test": test, "validation": watched}
        self.split = how if splits is None else None
        self.splits = splits or self.divided(test, watched)
        self.parted = self._by_folds(usual) and not len(self.splits.validation)

    def X_for(self, train: NDArray[np.intp]) -> NDArray[Any]:
        """The numbers for who learns from these rows, and from no target of others."""
        if not self.encoding.sees_target:
            return self.X
        return self.encoding.to_learn(self.source, self.X, self.Y, train, self.seed)

    def divided(self, test: float, validation: float) -> Splits:
        """The parts of the examples, by shares; see `chainrule.experiments.splits.split`."""
        return split(self.source, self.Y, test, validation, self.seed)

    def _turn_into_numbers(self, resolved: Settings) -> None:
        """Learn an encoding from the training part, and encode with it all that is in memory."""
        source = self.source
        held_out = np.concatenate([self.splits.validation, self.splits.test])
        with engines.held_to(resolved.threads):
            with stage("turning examples into numbers"), engines.blas_held(1):  # small products, if any
                self.encoding = source.learn(self.splits.train)
                self.X = self.encoding.X(source)
                self.X = self.X_for(self.splits.train)
            self.chunked = source.chunked(self.encoding, self.target, held_out, self.folder)
        if self.chunked is None:
            return
        self.weights.refuse_chunks(source.name)
        if (resolved.members or 1) > 1:
            raise OptionError(
                f"{source.name} is read in chunks, and one network learns from them: leave --members out, or read it "
                "whole with --no-stream."
            )

    def _choose_scale(self) -> None:
        """Find the scale on which values are learned best, where nobody has chosen one."""
        if self.encoding.form != "rows" or not may_choose(self.target, self.given) or self.weights.given:
            return
        trial = self.given if own_network(self.given) else replace(self.given, members=1, hidden=HIDDEN_OF_TRIAL)
        usual = trial.beside(self.source.defaults).resolve(self.m, self.target.task != "values", self.seed)
        with stage("choosing a scale"), engines.blas_held(), self.engine:
            self.target, self.choice = chosen_scale(
                self.target, self.X, self.Y, self.splits, self.encoding, usual, self.source.value_ends
            )

    def _seed_before(self, resume: bool) -> int | None:
        """The seed of the run or the search that is resumed, or None for a new one."""
        before = self._search.seed if self._search is not None else self._seed_of_checkpoint() if resume else None
        begun = beginning.read(self.folder) if resume and before is None and self._search is None else None
        if begun is not None:
            self.begins_again, before = True, begun["seed"]
        if resume and before is None:
            missing = CHECKPOINT if self._search is None else JOURNAL
            raise OptionError(f"there is nothing to resume: {self.folder} holds no {missing}. Start without --resume.")
        return before

    def _seed_of_checkpoint(self) -> int | None:
        """The seed of the interrupted run, as any of its networks tells it that has left something."""
        others = [replace(self.checkpoint, path=path) for path in self._checkpoints_of_members]
        return next((seed for one in (self.checkpoint, *others) if (seed := one.seed()) is not None), None)

    @property
    def _checkpoints_of_members(self) -> list[Path]:
        """Those of several networks, beside that of the first."""
        return [*self.folder.glob("checkpoint-*.safetensors")]

    # Settings

    def _usual(self, settings: Settings) -> Settings:
        """The settings beside those that such data have where nobody has chosen; one's own network is a single one."""
        several = {} if own_network(settings) else self.source.several
        alone = {"members": 1} if settings.quick or distributed.processes() > 1 else {}
        return settings.beside({**self.source.defaults, **several, **alone})

    def _by_folds(self, usual: Settings) -> bool:
        """Whether several networks are trained, each without another part of the examples to train."""
        in_time = self.source.moments is not None and not self.source.scattered
        return (usual.members or 1) > 1 and usual.validation is None and not in_time

    def resolved(self, settings: Settings) -> Settings:
        """The settings with nothing left open; no more networks than the rows, or groups, can be parted for."""
        usual = self._usual(settings)
        if self.parted and usual.members is not None:
            rows = self.splits.train
            parts = len(rows) // 2 if self.source.groups is None else len(np.unique(self.source.groups[rows]))
            usual = replace(usual, members=min(usual.members, parts))
        return usual.resolve(self.m, self.target.task != "values", self.seed)

    @property
    def settings(self) -> Settings:
        """Those of the plan, with nothing left open."""
        return self.plan.settings

    @property
    def network(self) -> Network:
        """What will be trained, or was: a single network, or the first of several until they are one."""
        return self.plan.networks[0] if self.fitted is None else self.fitted.body

    @property
    def m(self) -> int:
        """The number of training examples."""
        return len(self.splits.train) if self.chunked is None else sum(self.chunked.sizes)

    @property
    def notes(self) -> list[str]:
        """What a reader should know of the classes, the parts and what is shown while training, a sentence each."""
        return notes_on(self)

    @cached_property
    def doubts(self) -> list[str]:
        """What was taken for granted of a table, and what nobody can know; see `chainrule.experiments.doubts`."""
        return doubts_on(self.source, self.target)

    @property
    def note_on_members(self) -> str:
        """How several networks share the rows, a sentence, or ""."""
        return note_on_members(self)

    @property
    def note_on_trial(self) -> str:
        """What will be tried before several networks are trained, a sentence, or ""."""
        return to_be_tried(self.plan)

    @property
    def engine(self) -> contextlib.AbstractContextManager[None]:
        """Within the block, the network is measured and predicts where it is trained."""
        return engines.chosen(self.given.engine, self.given.device, self.given.devices, self.given.precision)

    @property
    def left(self) -> float:
        """How many seconds are left for training, where a time is set; else none."""
        return 0.0 if self._until is None else self._until - time.monotonic()

    @property
    def late(self) -> bool:
        """Whether the time that was set is over."""
        return self._until is not None and self.left < 0

    @property
    def judged(self) -> bool:
        """Whether a part of the data, or earlier origins, judge the network while nobody has forbidden it."""
        return self.given.validation != 0

    @cached_property
    def peer(self) -> Peer:
        """The linear model of the training part."""
        return Peer(self.target, self.X, self.Y, self.splits.train, self.encoding.places(self.source))

    @cached_property
    def seen(self) -> Seen:
        """A sketch of the training examples."""
        train, validation, test = self.splits.train, self.splits.validation, self.splits.test
        X = self.source.known_by
        if X is None:
            X = self.encoding.X(self.source) if self.encoding.sees_target else self.X
        found = sketch(X, train, np.concatenate([validation, test]), self.m)
        ends = last_moments(self.source.spans, np.concatenate([train, validation]))
        return found if ends is None else found | {"until": ends}

    def final_layers(self) -> list[Layer]:
        """The layers that turn what a network learns of values back into them; none for labels."""
        return final_layers(self.target, self.encoding.learned(self.source, self.Y)[self.splits.train])

    # Training

    def search(self, *, progress: bool = True) -> list[Trial]:
        """Try as many settings as `settings.search` says, take the best, and tell of all, the best first.

        What was given stays; see `chainrule.experiments.search`. The trials are kept in the run folder, and the model
        of the best so far, which Ctrl-C leaves there. A search that was interrupted goes on where it was. One that is
        shared ends when all trials have, whichever process has tried them.

        Raises:
            OptionError: there is nothing to search, or the folder holds another search.
            NotFiniteError: no trial has reached its end.
            KeyboardInterrupt: somebody has pressed Ctrl-C.
        """
        if self._search is None:
            raise OptionError("how many settings are to be tried? Settings(search=20) says it.")
        search, whole_run = self._search, self.checkpoint

        def fit(chosen: Settings, after_epoch: Callback, number: int) -> History:
            self.fitted, self.plan = None, planned(self, chosen)
            if search.shared:  # others write theirs in the same folder
                self.checkpoint = replace(whole_run, path=self.folder / f"trial-{number + 1}.{CHECKPOINT}")
            try:
                _, history = self.fit(progress=False, callbacks=[after_epoch])
            except NotFiniteError:
                self._forget_checkpoint()
                raise
            if not history.cut:
                self._forget_checkpoint()
            return history

        def keep_last() -> None:
            assert self.fitted is not None
            self.keep(self.fitted)

        with self.run_folder.claimed(), self.engine:
            try:
                trials = search.run(self.given, self.resolved(self.given), self._data, fit, keep_last, progress)
            finally:
                self.checkpoint = whole_run
            files.write_atomically(self.folder / TRIALS, as_csv(table(trials, self.given)))
        self.fitted, self.plan = None, planned(self, replace(self.given, **trials[0].settings))
        return trials

    @cached_property
    def _data(self) -> dict[str, Any]:
        """What tells these data from others, as a user knows them."""
        return {
            "the target": f"{', '.join(self.target.names)} ({self.target.summary})",
            "a file, columns and rows with checksum": self.source.checksum(),
        }

    def _beginning(self) -> dict[str, Any]:
        """What a run that begins again must share with the first, by the names of the settings."""
        settings = self.settings
        chosen = {name: value for name, value in asdict(settings).items() if name not in FREE}
        changes = getattr(settings.augment, "typed", settings.augment)  # `chainrule.train` refuses what is none
        told = {"hidden": list(settings.hidden or ()), "augment": changes}
        first = {"seed": settings.seed}  # from which the rest follows
        return first | self._data | chosen | told

    def _facts(self) -> dict[str, Any]:
        """What a run that goes on from a checkpoint must share with the first, beside what `chainrule.train` sees."""
        seen = {"augment", "patience"}
        schedules = ("schedule", "weight_decay_schedule", "dropout_schedule")
        seen |= {"epochs"} if all(getattr(self.settings, name) == "constant" for name in schedules) else set()
        return {name: value for name, value in self._beginning().items() if name not in seen}

    def fit(self, *, progress: bool = True, callbacks: Sequence[Callback] = ()) -> tuple[Network, History]:
        """Train: the network for the target itself, and the history, which is about the standardized target of values.

        Args:
            callbacks: see `chainrule.train`.

        Raises:
            NotFiniteError: see `chainrule.train`.
            OptionError: another process is at work in the folder.
            TerminatedError: SIGTERM has come; there is a checkpoint.
        """
        with self.run_folder.claimed(), self._begun():
            fitted = self._fit(progress=progress, callbacks=callbacks)
            if not fitted.history.cut:
                beginning.forget(self.folder)
        self._adopt(fitted)
        if fitted.history.stopped == "terminated":
            raise TerminatedError(fitted.history)
        return fitted.network, fitted.history

    @contextlib.contextmanager
    def _begun(self) -> Iterator[None]:
        """Within the block, the folder tells how the run began, for when it is killed before its first checkpoint.

        Of a search the journal does. A run that has diverged would diverge again, so its beginning is forgotten.
        """
        if self._search is None and not self.begins_again and distributed.first():
            self.run_folder.begin(self.seed, self._beginning())
        try:
            yield
        except NotFiniteError:
            beginning.forget(self.folder)
            raise

    def _fit(self, *, progress: bool, callbacks: Sequence[Callback] = ()) -> Fitted:
        """Train by the plan."""
        checkpoint = replace(self.checkpoint, facts=self._facts(), untold=UNTOLD)
        return fit(self, self.plan, Watching(progress, checkpoint, callbacks))

    def _adopt(self, fitted: Fitted) -> None:
        """Take this for what was trained."""
        self.fitted, self.plan = fitted, fitted.plan

    def run(self, *, progress: bool = True) -> Result:
        """Search if the settings say so, train, measure on the test part, compare with a baseline, fill the run folder.

        After Ctrl-C or SIGTERM there is no report of a table: who interrupts does not want to wait.

        Raises:
            NotFiniteError: see `chainrule.train`.
            ModelFileError: the folder cannot be written.
            OptionError, KeyboardInterrupt: see `search`.
            ElsewhereError: another process that shares the search has written the folder, which is not this one's.
            TerminatedError: SIGTERM has come; the run folder holds what was learned until then, and a checkpoint.
        """
        with self.run_folder.claimed(), engines.held_to(self.settings.threads), engines.blas_held(), self.engine:
            search = self._search
            if search is None:
                with self._begun():
                    return self._complete([], progress=progress)
            with search.at_work():
                while True:
                    trials = self.search(progress=progress)
                    with search.reporting(progress) as mine:
                        if mine:
                            result = self._complete(trials, progress=progress)
                            if not result.history.cut:
                                search.wrote(checksum(self.folder), len(trials))
                            return result
                    if written := search.written:
                        return Result(*result_of(written, self.folder), self.folder, trials, written["by"])

    def _complete(self, trials: Sequence[Trial], *, progress: bool) -> Result:
        """Train, measure, compare, write all that there is."""
        held_out = self._at_earlier_origins()
        fitted = self._fit(progress=progress)
        if fitted.history.stopped == "terminated":
            self._adopt(fitted)
            self.keep(fitted)
            raise TerminatedError(fitted.history)
        for may_follow in (for_more_epochs, of_less):
            if not fitted.history.cut:
                fitted = may_follow(self, fitted)
        self._adopt(fitted)
        history = fitted.history
        self._settle(fitted.network, held_out)
        self._choose_threshold(fitted)
        with stage("measuring"):
            metrics, output = self.keep(fitted)
        if not history.cut:
            with stage("writing the report"):
                self.add_report(fitted, metrics, output)
            self._forget_checkpoint()
        return Result(fitted.network, history, metrics, self.folder, trials)

    def _at_earlier_origins(self) -> HeldOut | None:
        """Forecasts of a series at earlier origins, where nobody has asked for a validation part and there is none."""
        if self.encoding.own_units or len(self.splits.validation) or self.given.validation is not None:
            return None
        from chainrule.experiments.rolling import at_earlier_origins

        with stage("judging at earlier origins"):
            return at_earlier_origins(self)

    def _settle(self, network: Network, held_out: HeldOut | None) -> None:
        """Of a series, take as much of the network as was right where it was held out."""
        if self.encoding.own_units or not self.judged:
            return
        from chainrule.experiments.rolling import settle

        self.encoding = settle(self, network, held_out)

    def _choose_threshold(self, fitted: Fitted) -> None:
        """Take the threshold that is best on the validation part, where that was asked for."""
        if self.settings.threshold == "validation":
            rows, output = answers(self, fitted)
            found = threshold_on(self.target, self.Y[rows], output, self.settings.metric or "f1")
            self.target = replace(self.target, threshold=found)

    # What is left

    def keep(self, fitted: Fitted) -> tuple[dict[str, Any], NDArray[Any]]:
        """Measure what was trained, and write all that there is of it; see `chainrule.experiments.results.keep`."""
        return keep(self, fitted)

    def add_report(self, fitted: Fitted, metrics: dict[str, Any], output: NDArray[Any]) -> None:
        """Write a report and a page; see `chainrule.experiments.results.add_report`."""
        add_report(self, fitted, metrics, output)

    def write(self, fitted: Fitted) -> None:
        """Write what was learned so far, before more is tried."""
        with self.engine:
            self._choose_threshold(fitted)
            with stage("measuring"):
                self.keep(fitted)

    def report(self, network: Network, output: NDArray[Any] | None = None) -> Report | ForecastReport | None:
        """The report on the trained network; None for forms of examples that have none.

        Args:
            output: of the network for the test part, where it is known already.
        """
        return report_on(self, network, output)

    def _forget_checkpoint(self) -> None:
        beginning.forget(self.folder)
        for path in (Path(self.checkpoint.path), *self._checkpoints_of_members):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def _refuse_together(settings: Settings, join: bool, storage: str | None) -> None:
    """Raises OptionError for options that do not go together."""
    if (settings.members or 1) > 1 and distributed.processes() > 1:
        raise OptionError("several processes share a single network: leave --members out, or train in one process.")
    if settings.search and (settings.members or 1) > 1:
        raise OptionError("a search tries single networks: leave --members out, and train with what it finds.")
    if join and not settings.search:
        raise OptionError("--join shares a search: say with --search 20 how many settings are to be tried.")
    if storage is not None and not join:
        raise OptionError("--storage is where those meet who share a search: say --join, too.")
