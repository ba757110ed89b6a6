"""A whole experiment: split a data set, design a network for it, train, compare with a baseline, keep the results.

This is what `chainrule train` does, as functions.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import distributed, engines, files
from chainrule.checking import seed_or_fresh, whole
from chainrule.data.batches import ChunkBatches
from chainrule.data.chunked import Chunked
from chainrule.data.series import Forecast, Series
from chainrule.data.source import Form, Source
from chainrule.data.tables import Table
from chainrule.errors import NotFiniteError, OptionError, shown
from chainrule.experiments import members
from chainrule.experiments.architectures import dense
from chainrule.experiments.design import design, optimizer_for
from chainrule.experiments.doubts import doubts_on, limits_told
from chainrule.experiments.elsewhere import checksum, result_of
from chainrule.experiments.ensembles import train_together
from chainrule.experiments.fallback import Kept
from chainrule.experiments.folder import RunFolder
from chainrule.experiments.forecasts import ForecastReport
from chainrule.experiments.lesson import Lesson
from chainrule.experiments.outputs import body_of, in_units, measure_in_units, measured, outputs
from chainrule.experiments.peer import Peer
from chainrule.experiments.predictions import as_csv
from chainrule.experiments.report import Report
from chainrule.experiments.second import for_more_epochs, of_less
from chainrule.experiments.seen import FORMS, Seen, sketch
from chainrule.experiments.settings import (
    CHECKPOINT,
    CURVES,
    HISTORY,
    JOURNAL,
    METRICS,
    MODEL,
    NETWORK,
    PAGE,
    REPORT,
    TRIALS,
    Settings,
    own_network,
)
from chainrule.experiments.shared_search import open_search
from chainrule.experiments.splits import Splits, split
from chainrule.experiments.target_choice import asked_for, chosen_scale, correct_mean, may_choose, threshold_on
from chainrule.experiments.trials import Trial, table
from chainrule.experiments.units import final_layers, learned
from chainrule.experiments.weights import Weights, watched_metric
from chainrule.layers import Layer, Network
from chainrule.progress import stage
from chainrule.randomness import DRAWS
from chainrule.training import Checkpoint, EarlyStopping, History, train
from chainrule.training.interrupt import TerminatedError
from chainrule.training.run import Callback, Run

if TYPE_CHECKING:
    from chainrule.data.series.held_out import HeldOut

REPORTED: tuple[Form, ...] = ("pictures", "documents")
"""The forms of examples that get a report although they have no columns."""

ORDINALS = {2: "half", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth", 10: "tenth"}
"""What one of so many parts is called."""

FEW = 200
"""A validation part of fewer examples corrects no mean: the training part does."""

HIDDEN_OF_TRIAL = (256,)
"""The hidden layer of a network that only tries a scale."""

POOL = 2**23
"""About how many numbers of chunked data are in memory, and shuffled, together."""


@dataclass(frozen=True)
class Result:
    """What an experiment found.

    Attributes:
        network: the trained network. history: of its training.
        metrics: {"test": {…}, "baseline": {…}, "engine": …, "seconds": …}, as in metrics.json; of tables, pictures and
            texts by class, with more (see `chainrule.experiments.report`) unless training was interrupted.
        folder: where it all is.
        trials: of a search, the best first.
        by: which other process has written the folder, of those that share a search; "" where it was this one.
    """

    network: Network
    history: History
    metrics: dict[str, Any]
    folder: Path
    trials: Sequence[Trial] = ()
    by: str = ""

    def __repr__(self) -> str:
        test = ", ".join(f"{name} {value:.4g}" for name, value in self.metrics["test"].items())
        return f"Result(in {self.folder}, test: {test}, {self.history!r})"


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
        source: as given. given, settings: the settings as given, and with nothing left open.
        folder: the path of the run folder. run_folder: it, which belongs to one process while that is at work in it.
        target: what there is to predict. Y: as numbers.
        splits: which example is in which part.
        encoding: what turns examples into numbers, learned from the training part. X: the numbers.
        chunked: what to train on, where it is more than X; then the training part is a sample of it.
        network: what will be trained; where it predicts values it learns standardized ones. members: the networks that
            will be trained to answer together, of which it is the first until they have been. parts: the rows of each.
        asked: what was chosen for the network that is trained: the settings as given, or those of another one.
        kept: what was kept in its place, if the validation part asked for less. tried: a sentence on what was tried
            with the first network. extended: one, where it was trained anew for more epochs. failed: one, where a
            second training came to no end.

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
        self._until = None if settings.time_limit is None else time.monotonic() + settings.time_limit
        self.folder = Path(folder)
        self.run_folder = RunFolder(folder, join)
        if (settings.members or 1) > 1 and distributed.processes() > 1:
            raise OptionError("several processes share a single network: leave --members out, or train in one process.")
        if settings.search and (settings.members or 1) > 1:
            raise OptionError("a search tries single networks: leave --members out, and train with what it finds.")
        if join and not settings.search:
            raise OptionError("--join shares a search: say with --search 20 how many settings are to be tried.")
        if storage is not None and not join:
            raise OptionError("--storage is where those meet who share a search: say --join, too.")
        searching = whole("search", settings.search, at_least=0)
        engines.select(settings.engine, settings.device, settings.devices)
        self.source = source
        self.target = source.target
        self.Y = source.numbers(self.target)
        usual = self._usual(settings)
        test = usual.test_share
        watched = 0.0 if self._by_folds(usual) else usual.validation_share(int(len(source) * (1 - test)), source.small)
        self._refuse_odd(usual)  # before anything is told to others
        self._search = open_search(self.run_folder, storage, settings.seed) if searching else None
        self.checkpoint = Checkpoint(
            self.folder / CHECKPOINT,
            every_epochs=None,
            every_minutes=settings.checkpoint_minutes,
            anew=self._search is not None,
        )
        self.resume = resume or self._search is not None
        before = self._seed_before(resume)
        seed = seed_or_fresh(before if settings.seed is None else settings.seed)
        self.split = {"draws": DRAWS, "seed": seed, "test": test, "validation": watched} if splits is None else None
        self.splits = splits or self._split(test, watched, seed)
        self._parted = self._by_folds(usual) and not len(self.splits.validation)
        self.given, self._seed, self.chunked = settings, seed, None
        self.target = asked_for(self.target, settings, self.Y, self.splits.train, source.value_ends)
        self._choice = ""
        self.kept: Kept | None = None
        self.extended = self.failed = self.tried = ""
        self.settings = self._resolved(settings)
        self._weights = Weights(self.target, self.Y, self.splits.train, source.weights, self.settings.class_weight)
        watched_metric(self.target, self.settings)
        optimizer_for(self.settings)
        self.run_folder.make()
        with stage("turning examples into numbers"), engines.held_to(1), engines.blas_held():  # small products, if any
            self.encoding = source.learn(self.splits.train)
            self.X = self.encoding.X(source)
        held_out = np.concatenate([self.splits.validation, self.splits.test])
        self.chunked = source.chunked(self.encoding, self.target, held_out, self.folder)
        if self.chunked is not None:
            self._weights.refuse_chunks(source.name)
            if (self.settings.members or 1) > 1:
                raise OptionError(
                    f"{source.name} is read in chunks, and one network learns from them: leave --members out, or read "
                    "it whole with --no-stream."
                )
        if self.encoding.form == "rows" and may_choose(self.target, settings) and not self._weights.given:
            with stage("choosing a scale"), engines.blas_held(), self._engine:
                self.target, self._choice = chosen_scale(
                    self.target, self.X, self.Y, self.splits, self.encoding, self._for_trial(), source.value_ends
                )
        self._take(settings)

    @property
    def _engine(self) -> contextlib.AbstractContextManager[None]:
        """Within the block, the network is measured and predicts where it is trained."""
        return engines.chosen(self.given.engine, self.given.device, self.given.devices)

    def _split(self, test: float, validation: float, seed: int) -> Splits:
        """Divide the examples; see `split`."""
        return split(self.source, self.Y, test, validation, seed)

    def _refuse_odd(self, settings: Settings) -> None:
        """Raises OptionError for what is wrong with the settings, however the data are parted."""
        resolved = settings.resolve(len(self.source), self.target.task != "values", 0)
        watched_metric(asked_for(self.target, resolved, self.Y, ends=self.source.value_ends), resolved)
        optimizer_for(resolved)
        dense(None, resolved)

    def _seed_before(self, resume: bool) -> int | None:
        """The seed of the run or the search that is resumed, or None for a new one."""
        before = self._search.seed if self._search is not None else self._seed_of_checkpoint() if resume else None
        if resume and before is None:
            missing = CHECKPOINT if self._search is None else JOURNAL
            raise OptionError(f"there is nothing to resume: {self.folder} holds no {missing}. Start without --resume.")
        return before

    def _seed_of_checkpoint(self) -> int | None:
        """The seed of the interrupted run, as any of its networks tells it that has left something."""
        others = [replace(self.checkpoint, path=path) for path in self.folder.glob("checkpoint-*.safetensors")]
        return next((seed for one in (self.checkpoint, *others) if (seed := one.seed()) is not None), None)

    @property
    def m(self) -> int:
        """The number of training examples."""
        return len(self.splits.train) if self.chunked is None else sum(self.chunked.sizes)

    @property
    def notes(self) -> list[str]:
        """What a reader should know of the classes, the parts and what is shown while training, a sentence each."""
        parts = self.source.notes_on_parts(self.splits.train, self.splits.test)
        return [*parts, *self._notes_on_target()]

    @property
    def note_on_members(self) -> str:
        """How several networks share the rows, a sentence; "" of a single one."""
        k = len(self.members)
        if self.kept is not None and self.kept.what == "linear":
            return ""
        if k == 1 and own_network(self.given) and self.source.several and not self.given.search:
            chosen = [f"--{name.replace('_', '-')}" for name in NETWORK if getattr(self.given, name) is not None]
            without = ", ".join(chosen) or "--batch-norm"
            return f"a network of your own; without {without} several usual ones answer together"
        if k == 1:
            return ""
        shared = f"each is trained without another {ORDINALS.get(k, f'part of {k}')} of the rows, by which it stops"
        how = shared if self._parted else "each begins elsewhere"
        return f"{k} such networks answer together by their mean: {how}; --members 1 trains a single one"

    def _notes_on_target(self) -> list[str]:
        if not self.encoding.own_units:
            learned = "of how far the target lies from what the forecast is built upon, standardized"
            return [
                *self.encoding.notes,
                f"while training, all numbers are {learned}; those of the end are in its own units",
            ]
        doubts = doubts_on(self.source, self.target) if isinstance(self.source, Table) else []
        if self.target.task == "values":
            units = "while training, all numbers are of the standardized target; those of the end are in its own units"
            limits = limits_told(self.target, self.Y[self.splits.train])
            return [*doubts, *([self._choice] if self._choice else []), *limits, units]
        labels = self.target.classes or []
        if not labels:
            return doubts
        whole = self.Y.ndim == 1 and self.chunked is None  # not the tokens of a text, nor some rows of more
        alone = np.flatnonzero(np.bincount(self.Y, minlength=len(labels)) == 1) if whole else ()
        tested = self.Y[self.splits.test].ravel()
        absent = np.flatnonzero(np.bincount(tested, minlength=len(labels)) == 0) if len(tested) else ()
        notes = (
            (alone, "there is a single example of {}: if it is astray, such as the line of a sum, take it out"),
            (absent, "the test part has no example of {}, so roc_auc is not defined"),
        )
        told = [note.format(", ".join(shown(labels[i]) for i in found)) for found, note in notes if len(found)]
        return [*doubts, *told]

    def _usual(self, settings: Settings) -> Settings:
        """The settings beside those that such data have where nobody has chosen; one's own network is a single one."""
        several = {} if own_network(settings) else self.source.several
        alone = {"members": 1} if settings.quick or distributed.processes() > 1 else {}
        return settings.beside({**self.source.defaults, **several, **alone})

    def _by_folds(self, usual: Settings) -> bool:
        """Whether several networks are trained, each without another part of the examples to train."""
        in_time = self.source.moments is not None and not self.source.scattered
        return (usual.members or 1) > 1 and usual.validation is None and not in_time

    def _resolved(self, settings: Settings) -> Settings:
        """The settings with nothing left open; no more networks than the rows, or groups, can be parted for."""
        usual = self._usual(settings)
        if self._parted and usual.members is not None:
            rows = self.splits.train
            parts = len(rows) // 2 if self.source.groups is None else len(np.unique(self.source.groups[rows]))
            usual = replace(usual, members=min(usual.members, parts))
        return usual.resolve(self.m, self.target.task != "values", self._seed)

    def _for_trial(self) -> Settings:
        """What a scale is tried with: the network that was chosen, or a single small one, with nothing left open."""
        given = self.given if own_network(self.given) else replace(self.given, members=1, hidden=HIDDEN_OF_TRIAL)
        usual = given.beside(self.source.defaults)
        return usual.resolve(self.m, self.target.task != "values", self._seed)

    def _take(self, settings: Settings) -> None:
        """Adopt these settings, with nothing left open, and design new networks for them."""
        self.asked, self.settings = settings, self._resolved(settings)
        k = self.settings.members or 1
        self.members = [self.designed(self.settings, seed) for seed in members.seeds(self._seed, k)]
        self.network = self.members[0]
        self._held_out: tuple[NDArray[np.intp], NDArray[Any] | None] = self.splits.validation, None
        self.parts = (
            members.folds(self.source, self.Y, self.splits.train, k, self._seed)
            if self._parted and k > 1
            else members.alike(self.splits, k)
        )

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
        learned: list[tuple[Network, History]] = []

        def fit(chosen: Settings, after_epoch: Callback, number: int) -> History:
            self._take(chosen)
            if search.shared:  # others write theirs in the same folder
                self.checkpoint = replace(whole_run, path=self.folder / f"trial-{number + 1}.{CHECKPOINT}")
            try:
                learned[:] = [self.fit(progress=False, callbacks=[after_epoch])]
            except NotFiniteError:
                self._forget_checkpoint()
                raise
            history = learned[0][1]
            if not history.cut:
                self._forget_checkpoint()
            return history

        with self.run_folder.claimed(), self._engine:
            try:
                trials = search.run(
                    self.given, self._resolved(self.given), self._data, fit, lambda: self._keep(*learned[0]), progress
                )
            finally:
                self.checkpoint = whole_run
            files.write_atomically(self.folder / TRIALS, as_csv(table(trials, self.given)))
        self._take(replace(self.given, **trials[0].settings))
        return trials

    @cached_property
    def _data(self) -> dict[str, Any]:
        """What tells these data from others, as a user knows them."""
        return {
            "the target": f"{', '.join(self.target.names)} ({self.target.summary})",
            "a file, columns and rows with checksum": self.source.checksum(),
        }

    def _facts(self) -> dict[str, Any]:
        """What a resumed run must share with the first, by the names of the settings."""
        free = {"engine", "threads", "device", "devices", "search", "checkpoint_minutes", "augment", "patience"}
        free |= {"time_limit"}
        free |= {"epochs"} if self.settings.schedule == "constant" else set()
        chosen = {name: value for name, value in asdict(self.settings).items() if name not in free}
        first = {"seed": self.settings.seed}  # from which the rest follows
        return first | self._data | chosen | {"hidden": list(self.settings.hidden or ())}

    def fit(self, *, progress: bool = True, callbacks: Sequence[Callback] = ()) -> tuple[Network, History]:
        """Train: the network for the target itself, and the history, which is about the standardized target of values.

        Args:
            callbacks: see `chainrule.train`.

        Raises:
            NotFiniteError: see `chainrule.train`.
            OptionError: another process is at work in the folder.
            TerminatedError: SIGTERM has come; there is a checkpoint.
        """
        kept = replace(self.checkpoint, facts=self._facts())
        return self._fit(progress=progress, callbacks=callbacks, checkpoint=kept)

    def _fit(
        self, *, progress: bool, checkpoint: Checkpoint | None, callbacks: Sequence[Callback] = ()
    ) -> tuple[Network, History]:
        """As `fit`; without a checkpoint nothing is resumed."""
        final = self.final_layers()
        with self.run_folder.claimed():
            if len(self.members) == 1:
                one = Lesson(self.network, self.settings, self.parts[0], checkpoint, progress, callbacks)
                history = self._train(one, final)
            else:
                history = train_together(self, progress, checkpoint, callbacks)
        network = self.whole(final)
        with self._engine:
            self.correct(network)
        if history.stopped == "terminated":
            raise TerminatedError(history)
        return network, history

    def train_to_its_end(self, lesson: Lesson) -> History:
        """Train one network; SIGTERM is an end like others.

        Raises:
            NotFiniteError: see `chainrule.train`.
        """
        try:
            return self._train(lesson, self.final_layers())
        except TerminatedError as error:
            return error.history

    def take_together(self, network: Network, held_out: tuple[NDArray[np.intp], NDArray[Any]]) -> None:
        """Take the network that several are together, and what each says of the rows that it has not learned from."""
        self.network, self._held_out = network, held_out

    def draw_members(self, begun: int) -> None:
        """Design as many networks again, after so many, for other parts of the rows."""
        k, seed = len(self.members), self._seed
        seeds = members.seeds(seed, begun + k)[begun:]
        self.members = [self.designed(self.settings, one) for one in seeds]
        if self._parted:
            self.parts = members.folds(self.source, self.Y, self.splits.train, k, seed, begun // k)

    def designed(self, settings: Settings, seed: int) -> Network:
        """A new network for these data by settings with nothing left open, whose parameters start by this seed."""
        return design(self.encoding, self.X.shape[1:], self.target, replace(settings, seed=seed))

    def take_found(self, settings: Settings, told: str) -> None:
        """Take the settings, with nothing left open, that a pilot has found to be best."""
        self.tried = told
        self._take(settings)

    @property
    def by_folds(self) -> bool:
        """Whether several networks are trained, and each is watched on another part of the rows to train."""
        return self._parted and len(self.members) > 1

    @property
    def one_by_one(self) -> bool:
        """Whether several networks are trained one after the other, as each needs all of the machine."""
        return self.settings.engine == "jax" or self.settings.device not in (None, "cpu")

    @property
    def left(self) -> float:
        """How many seconds are left for training, where a time is set; else none."""
        return 0.0 if self._until is None else self._until - time.monotonic()

    @property
    def late(self) -> bool:
        """Whether the time that was set is over."""
        return self._until is not None and time.monotonic() > self._until

    def _in_time(self, run: Run) -> None:
        if self.late:
            run.stop("time limit")

    def _train(self, lesson: Lesson, final: Sequence[Layer]) -> History:
        """Train one network."""
        X, target, part = self.X, self.target, lesson.part
        Y = self.encoding.learned(self.source, self.Y)

        def of(rows: NDArray[np.intp]) -> NDArray[Any]:
            return learned(Y[rows], target, final[0] if final else None)

        given = (X[part.train], of(part.train)) if self.chunked is None else (self._chunks(self.chunked, final), None)
        monitored = watched_metric(target, self.settings)
        others = [] if monitored is None else [monitored]
        watched = [*(name for name in target.watched if name != self.settings.metric), *others]
        return train(
            lesson.network,
            *given,
            loss=target.learned_loss,
            optimizer=optimizer_for(lesson.settings),
            epochs=lesson.settings.epochs or 0,
            batch_size=lesson.settings.batch_size,
            validation=(X[part.validation], of(part.validation), self._weights.of(part.validation))
            if len(part.validation)
            else None,
            sample_weight=self._weights.of(part.train) if self.chunked is None else None,
            # They hold the outputs of an epoch, which are too many where data are.
            metrics=watched if self.chunked is None else others,
            augment=self.settings.augment,
            early_stopping=self._early_stopping(part, lesson.settings),
            callbacks=[*lesson.callbacks, self._in_time],
            checkpoint=lesson.checkpoint,
            resume=self.resume and lesson.checkpoint is not None,
            engine=self.settings.engine,
            threads=self.settings.threads if len(self.members) == 1 else None,
            device=self.settings.device,
            devices=self.settings.devices,
            seed=self.settings.seed,
            progress=lesson.progress,
        )

    @property
    def adopted(self) -> tuple[Any, ...]:
        """The settings and networks that were taken last, to go back to."""
        return self.settings, self.members, self.network, self.parts, self._held_out

    @adopted.setter
    def adopted(self, adopted: tuple[Any, ...]) -> None:
        self.settings, self.members, self.network, self.parts, self._held_out = adopted

    def adopt_linear(self, network: Network) -> Network:
        """Take the linear model for the network; what it is for the target itself."""
        self.network, self._held_out = network, (self.held_out_rows, None)
        whole = self.whole(self.final_layers())
        self.correct(whole)
        return whole

    @property
    def held_out_rows(self) -> NDArray[np.intp]:
        """The examples by which the network was stopped, or each network of several."""
        return self._held_out[0]

    def held_out(self, network: Network) -> tuple[NDArray[np.intp], NDArray[Any]]:
        """The examples by which the network was stopped, (k,), and what it says of them: of several networks, each of
        those that it has not learned from."""
        rows, found = self._held_out
        if found is None:
            return rows, outputs(network, self.X[rows], self.target) if len(rows) else np.empty((0, self.target.n_out))
        return rows, in_units(network, found, self.target)

    def fit_anew(self, settings: Settings, said: str) -> tuple[Network, History]:
        """Train another network, by settings that are those of the experiment from then on.

        Args:
            said: what is told meanwhile.

        Raises:
            NotFiniteError: see `chainrule.train`.
        """
        self._take(settings)
        with stage(said):
            return self._fit(progress=False, checkpoint=None)

    def correct(self, network: Network) -> None:
        """Correct the mean of what a network of logarithms predicts, by examples that it has not learned from, if there
        are enough; see `correct_mean`."""
        if self.target.form != "log" or self.target.error == "absolute_error":
            return
        rows, found = self._held_out
        if len(rows) < FEW:
            rows, found = self.splits.train[:POOL], None
        found = body_of(network).predict(self.X[rows]) if found is None else found
        correct_mean(network, found, self.Y[rows], self.target, self._weights.of(rows))

    @property
    def weighted(self) -> bool:
        """Whether examples, or classes, do not count alike."""
        return self._weights.given

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
        with self.run_folder.claimed(), engines.held_to(self.settings.threads), engines.blas_held(), self._engine:
            search = self._search
            if search is None:
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
        try:
            network, history = self.fit(progress=progress)
        except TerminatedError as error:
            self._keep(self.whole(self.final_layers()), error.history)
            raise
        if not history.cut:
            network, history, self.extended = for_more_epochs(self, network, history)
        if not history.cut:
            network, history, self.kept, self.failed = of_less(self, network, history)
        self._settle(network, held_out)
        self._choose_threshold(network)
        with stage("measuring"):
            metrics, output = self._keep(network, history)
        if not history.cut:
            with stage("writing the report"):
                self._add_report(network, history, metrics, output)
            self._forget_checkpoint()
        return Result(network, history, metrics, self.folder, trials)

    def report(self, network: Network, output: NDArray[Any] | None = None) -> Report | ForecastReport | None:
        """The report on the trained network; None for forms of examples that have none.

        Args:
            output: of the network for the test part, where it is known already.
        """
        if isinstance(self.source, Series) and isinstance(self.target, Forecast):
            test = self.splits.test
            if output is None:
                output = self.encoding.output(self.source, outputs(network, self.X[test], self.target), test)
            simple = self.source.baselines(test, self.splits.train, self.encoding)
            return ForecastReport(self.source, test, self.target, output, self.Y[test], simple)
        places = self.encoding.places(self.source)
        if not places and self.encoding.form not in REPORTED:
            return None
        return Report(
            network,
            self.target,
            self.X,
            self.Y,
            self.splits,
            m=self.m,
            places=places,
            units=self.encoding.units,
            seed=self.settings.seed,
            output=output,
            peer=self.peer if places else None,
            source=self.source,
        )

    @property
    def judged(self) -> bool:
        """Whether a part of the data, or earlier origins, judge the network while nobody has forbidden it."""
        return self.given.validation != 0

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

    def write(self, network: Network, history: History) -> None:
        """Write what was learned so far."""
        with self._engine:
            self._choose_threshold(network)
            with stage("measuring"):
                self._keep(network, history)

    @cached_property
    def peer(self) -> Peer:
        """The linear model of the training part."""
        return Peer(self.target, self.X, self.Y, self.splits.train, self.encoding.places(self.source))

    def _choose_threshold(self, network: Network) -> None:
        """Take the threshold that is best on the validation part, where that was asked for."""
        if self.settings.threshold == "validation":
            rows, output = self.held_out(network)
            found = threshold_on(self.target, self.Y[rows], output, self.settings.metric or "f1")
            self.target = replace(self.target, threshold=found)

    def _early_stopping(self, part: members.Part, settings: Settings) -> EarlyStopping | None:
        patience = settings.patience
        monitor = f"val_{self.settings.metric or 'loss'}"
        return EarlyStopping(monitor, patience) if patience and len(part.validation) else None

    def whole(self, final: Sequence[Layer]) -> Network:
        """The network for the target itself."""
        network = Network([self.network, *final], seed=self.settings.seed) if final else self.network
        network.build_for(self.X)
        return network

    def final_layers(self) -> list[Layer]:
        """The layers that turn what a network learns of values back into them; none for labels."""
        return final_layers(self.target, self.encoding.learned(self.source, self.Y)[self.splits.train])

    def _chunks(self, chunked: Chunked, final: Sequence[Layer]) -> ChunkBatches:
        """What to train on, chunk by chunk."""

        def read(i: int) -> tuple[NDArray[Any], NDArray[Any]]:
            X, Y = chunked.read(i)
            return X, learned(Y, self.target, final[0] if final else None)

        return ChunkBatches(
            chunked.sizes,
            read,
            batch_size=self.settings.batch_size or 1,
            pool=max(POOL // self.X.shape[1], 1),
            facts={"data with checksum": chunked.checksums},
        )

    def _baselines(self) -> dict[str, dict[str, float]]:
        """What simple answers reach: those of the source, or each class's share as its probability, or the mean."""
        test, target = self.splits.test, self.target
        with engines.held_to(1), engines.blas_held():
            answers = self.source.baselines(test, self.splits.train, self.encoding)
        if not answers:
            typical = target.typical(self.Y[self.splits.train])
            places = self.Y[test].shape if target.task == "classes" else (len(test),)
            answers = {"baseline": np.broadcast_to(typical, (*places, len(typical)))}
        return {name: measured(output, self.Y[test], target) for name, output in answers.items()}

    def _metadata(self, history: History) -> dict[str, Any]:
        return {
            "data": self.source.name,
            "checksum": self.source.checksum(),
            "classes": self.target.classes,
            "target": self.target.to_config(),
            "encoding": self.encoding.to_config(),
            "loss": self.target.cost,
            "metrics": list(self.target.metrics),
            "split": self.split,
            "seen": self._seen,
            "epochs": 0 if self.kept is not None and self.kept.what == "linear" else len(history.epochs),
            "engine": history.engine,
        }

    @cached_property
    def _seen(self) -> Seen | None:
        """A sketch of the training examples, where they are independent of each other."""
        if self.encoding.form not in FORMS:
            return None
        held_out = np.concatenate([self.splits.validation, self.splits.test])
        return sketch(self.X, self.splits.train, held_out, self.m)

    def _keep(self, network: Network, history: History) -> tuple[dict[str, Any], NDArray[Any]]:
        """Measure the network, and write all that there is; the metrics, and the outputs for the test part."""
        X, Y, splits, target = self.X, self.Y, self.splits, self.target
        network.metadata = self._metadata(history)
        network.save(self.folder / MODEL)
        test, output = measure_in_units(network, self.encoding, self.source, splits.test, X, Y, target)
        metrics: dict[str, Any] = {
            "test": test,
            **self._baselines(),
            "engine": history.engine,
            "seconds": round(history.seconds, 3),
            **({} if self.kept is None else {"kept": self.kept.what}),
        }
        history.save(self.folder / HISTORY)
        self._keep_metrics(metrics)
        history.plot(self.folder / CURVES)
        return metrics, output

    def _add_report(self, network: Network, history: History, metrics: dict[str, Any], output: NDArray[Any]) -> None:
        """Draw the report, if there is one for these data, put its numbers with the metrics, and write the page."""
        from chainrule.experiments.page import page

        report, charts = self.report(network, output), []
        if report is not None:
            metrics |= report.metrics()
            self._keep_metrics(metrics)
            charts = [report.chart(metrics)]
            charts[0].save(self.folder / REPORT)
        files.write_atomically(self.folder / PAGE, page(self, network, history, metrics, charts, output))

    def _keep_metrics(self, metrics: dict[str, Any]) -> None:
        files.write_atomically(self.folder / METRICS, files.to_json(metrics))

    def _forget_checkpoint(self) -> None:
        others = [*self.folder.glob("checkpoint-*.safetensors")]
        for path in (Path(self.checkpoint.path), *others):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
