"""A search that several processes share: its trials wait in the study, are claimed one by one, and none is lost.

Every trial has a number, from 0, and waits in the study until a worker claims it, which Optuna lets one worker only.
The trial of a worker that has died fails, and waits again under its number with its settings. Where two workers put
the same number there, the first counts. When all trials are done the report waits in the same way, for one worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from chainrule import forms
from chainrule.errors import CheckpointError
from chainrule.experiments.folder import RunFolder
from chainrule.experiments.studies import load_optuna
from chainrule.experiments.workers import Workers, here

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

REPORT = -1
"""The number under which the report waits."""


class Written(TypedDict):
    """Who has written the report on how many trials, in which folder, and the checksum of the model there."""

    trials: int
    by: str
    folder: str
    model: int


class Joint:
    """The trials of a study that several processes share.

    Args:
        study: where all meet. folder: of this process.

    Attributes:
        workers: those who share it.
    """

    def __init__(self, study: Study, folder: RunFolder):
        self._study, self._folder = study, folder
        optuna = load_optuna()
        self._state, self._errors, self._create = optuna.trial.TrialState, optuna.exceptions, optuna.trial.create_trial
        self.workers = Workers(study, folder)

    @property
    def begun(self) -> bool:
        """Whether others have joined already."""
        return "joint" in self._study.user_attrs

    def begin(self) -> None:
        """Share the study from now on; trials of a process that had it for itself and was killed are lost."""
        if self.begun:
            return
        for trial in self._all():
            if trial.state == self._state.RUNNING and "number" not in trial.user_attrs:
                self._fail(trial.number)
        self._study.set_user_attr("joint", True)

    def first(self, name: str, value: Any) -> Any:
        """What the first of all workers has told under this name; this one tells `value`.

        A study says what was written last. Its trials have an order, so a trial that never runs tells who was first.
        """
        if self.told(name) is None:
            self._study.add_trial(self._create(state=self._state.FAIL, user_attrs={name: value}))
        return self.told(name)

    def told(self, name: str) -> Any:
        """What the first of all workers has told under this name, or None where nobody has."""
        return next((t.user_attrs[name] for t in self._all() if name in t.user_attrs), None)

    def wait_for(self, trials: int, default: dict[str, Any]) -> None:
        """See to it that so many trials are there, or as many as there were; the first has the default settings."""
        all_trials = self._all()
        held = self._held(all_trials)
        for number in range(max(trials, self._total(all_trials))):
            if number not in held:
                self._wait(number, {} if number else default)

    @property
    def total(self) -> int:
        """How many trials there will be."""
        return self._total(self._all())

    @property
    def over(self) -> bool:
        """Whether all trials have come to their end."""
        all_trials = self._all()
        held = self._held(all_trials)
        return all(number in held and held[number].state.is_finished() for number in range(self._total(all_trials)))

    def held(self) -> dict[int, FrozenTrial]:
        """By its number, each trial that has not failed; those from before the search was shared in their order."""
        return self._held(self._all())

    def _total(self, trials: Sequence[FrozenTrial]) -> int:
        numbers = [number for trial in trials if (number := trial.user_attrs.get("number")) is not None]
        return max([*numbers, *self._held(trials)], default=-1) + 1

    def _held(self, trials: Sequence[FrozenTrial]) -> dict[int, FrozenTrial]:
        found: dict[int, FrozenTrial] = {}
        alone = 0
        for trial in trials:
            number = trial.user_attrs.get("number")
            if number is None and trial.state in (self._state.COMPLETE, self._state.PRUNED):
                number, alone = alone, alone + 1
            if number is not None and trial.state != self._state.FAIL:
                found.setdefault(number, trial)
        return found

    def claim(self, *, report: bool = False) -> Trial | None:
        """A trial for this worker, or the report, or None where none waits for it."""
        while any(trial.state == self._state.WAITING for trial in self._all()):
            trial = self._study.ask()
            number = trial.user_attrs.get("number")
            holder = None if number is None else self.held().get(number)
            if holder is not None and holder.number == trial.number and (number == REPORT) == report:
                trial.set_user_attr("worker", self.workers.own)
                return trial
            self._fail(trial.number)  # another has put it there, too, or it is not its time
        return None

    def claim_report(self) -> Trial | None:
        """The report for this worker, or None where another writes it."""
        if REPORT not in self.held():
            self._wait(REPORT, {})
        return self.claim(report=True)

    def hand_back(self, trial: Trial) -> None:
        """Let others have what this worker has claimed and does not bring to its end."""
        if self._fail(trial.number):
            self._wait(trial.user_attrs["number"], {})

    def let_go(self, claim: Trial) -> None:
        """End a claim; of the report, which waits again where it is lacking."""
        self._fail(claim.number)

    def lost(self, trial: Trial) -> bool:
        """Whether others have taken this worker for dead, and its trial away."""
        return bool(self._all()[trial.number].state == self._state.FAIL)

    def under_way(self) -> dict[int, str]:
        """By number, the trials that other workers have claimed, and how people know them."""
        found = sorted(self._elsewhere(self.held()).items())
        return {number: self.workers.name(by) for number, by in found if number != REPORT}

    @property
    def reporter(self) -> str:
        """How people know the worker that writes the report; "" for nobody, or one that has not told yet."""
        described = self.workers.described(self._elsewhere(self.held()).get(REPORT, ""))
        return "" if described is None else described["name"]

    def _elsewhere(self, held: dict[int, FrozenTrial]) -> dict[int, str]:
        """By number, what other workers have claimed; of one of whom nothing is known yet, the claim itself."""
        return {
            number: by
            for number, trial in held.items()
            if trial.state == self._state.RUNNING
            and (by := trial.user_attrs.get("worker", f"of trial {trial.number}")) != self.workers.own
        }

    def take_over(self) -> list[str]:
        """Let what dead workers have claimed wait again; a sentence about each."""
        sentences = []
        held = self.held()
        for number, by in self._elsewhere(held).items():
            how = self.workers.death(by)
            if how is not None and self._fail(held[number].number):
                self._wait(number, {})
                what = "the report is written" if number == REPORT else f"its trial {number + 1} is tried"
                sentences.append(f"{self.workers.name(by)} {how}: {what} again")
        return sentences

    def written(self) -> Written | None:
        """Who has written the report on all these trials, or None where it is not written yet."""
        found = self._study.user_attrs.get("report")
        if found is None:
            return None
        written = forms.read(Written, found, "the journal of a search", CheckpointError)
        return written if written["trials"] >= self.total else None

    def wrote(self, model: int, trials: int) -> None:
        """Tell all that this worker has written the report on so many trials, and the checksum of its model."""
        folder = str(self._folder.path.absolute())
        written: Written = {"trials": trials, "by": here(), "folder": folder, "model": model}
        self._study.set_user_attr("report", written)

    def _wait(self, number: int, settings: dict[str, Any]) -> None:
        """Let a trial wait for a worker, with the settings that it had when it failed, if it has."""
        failed = [t for t in self._all() if t.user_attrs.get("number") == number and t.state == self._state.FAIL]
        before = [{**trial.system_attrs.get("fixed_params", {}), **trial.params} for trial in failed]
        self._study.enqueue_trial(max(before, key=len, default={}) or settings, {"number": number})

    def _fail(self, trial: int) -> bool:
        """Let a trial fail, by Optuna's number; False where another worker was faster."""
        try:
            self._study.tell(trial, state=self._state.FAIL)
        except (self._errors.UpdateFinishedTrialError, ValueError):
            return False
        return True

    def _all(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)
