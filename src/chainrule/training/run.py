"""One training run: what it has reached, and what happens at the end of every batch and epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from chainrule import distributed
from chainrule.data.checksums import Passed
from chainrule.engines import Batch, Done, Engine, Program, Slope
from chainrule.errors import CheckpointError
from chainrule.files import Tensors
from chainrule.layers import Network
from chainrule.metrics import Metric, score, that_count
from chainrule.training.checkpoints import Checkpoints
from chainrule.training.cost import Cost
from chainrule.training.early_stopping import EarlyStopping, Watch
from chainrule.training.history import History
from chainrule.training.interrupt import Interrupt
from chainrule.training.progress import Progress
from chainrule.training.state import Record, State, part, refuse_misfit

Callback = Callable[["Run"], None]
"""Called after every epoch with the run; it may look at everything, and end the run with `run.stop("why")`."""


KEPT = Record.__annotations__.keys() - {"hints"}
"""What a checkpoint has of a history."""

MANY = 10_000
"""After so many batches of one epoch of a stream, its user is told how to end one."""


@dataclass
class EpochSums:
    """The sums over the examples of the epoch under way; a checkpoint keeps them."""

    cost: float = 0.0
    penalty: float = 0.0
    m: int = 0
    batches: int = 0
    outputs: list[NDArray[Any]] = field(default_factory=list)
    targets: list[NDArray[Any]] = field(default_factory=list)


class Run:
    """A training run under way.

    Attributes:
        network, cost, engine, history: what is trained, by what, and the record so far.
        epoch: the number of the epoch under way, from 0.
        epochs: how many there will be.
        seed: of shuffling and dropout.
    """

    def __init__(
        self,
        network: Network,
        cost: Cost,
        engine: Engine,
        *,
        epochs: int,
        seed: int,
        metrics: list[Metric],
        validation: Callable[[], Iterable[Batch]] | None,
        early_stopping: EarlyStopping | None,
        callbacks: Iterable[Callback],
        checkpoints: Checkpoints | None,
        progress: Progress,
        passed: Passed | None = None,
    ):
        self.network, self.cost, self.engine = network, cost, engine
        self._measured = cost.measured
        self.epoch, self.epochs, self.seed = 0, epochs, seed
        self.history = History(engine=engine.name, seed=seed)
        self.sums = EpochSums()
        self._metrics = metrics
        self._validation = validation
        self._watch = None if early_stopping is None else Watch(early_stopping)
        self._best: Tensors = {}
        self._callbacks = list(callbacks)
        self._checkpoints = checkpoints
        self._passed = passed
        self.progress = progress
        self._noted_engine = ""
        self._began = time.perf_counter()

    def stop(self, why: str) -> None:
        """End the run after this epoch; `why` goes into the history."""
        self.history.stopped = why

    def interrupt(self, interrupt: Interrupt) -> None:
        """End the run because of Ctrl-C or SIGTERM, and tell that."""
        if interrupt.terminated:
            self.stop("terminated")
            self.progress.note("terminated by SIGTERM: the batch under way was finished")
            return
        self.stop("interrupted")
        self.progress.note(
            "interrupted: the network keeps what it has learned (Ctrl-C twice at once raises KeyboardInterrupt)"
        )

    def tell(self, hints: list[str]) -> None:
        """Put the hints into the history, and show them."""
        self.history.hints = hints
        for hint in hints:
            self.progress.note(f"hint: {hint}")

    @property
    def over(self) -> bool:
        """Whether there is nothing more to do."""
        return bool(self.history.stopped) or self.epoch >= self.epochs

    @property
    def measuring(self) -> bool:
        """Whether the outputs that are met while training are measured."""
        return bool(self._metrics)

    def computed_by(self, what: Program | Slope) -> None:
        """Take note of the engine, and tell where "auto" takes an accelerator or the slower engine, be it later."""
        if self.engine.name == "auto" and self._noted_engine != what.engine:
            self._noted_engine = what.engine if what.reason or what.device != "cpu" else ""
            if what.reason:
                faster = "jax" if what.engine == "native" else "native"
                self.progress.note(
                    f"the {what.engine} engine trains, slower than the {faster} one, because of {what.reason}"
                )
            elif what.device != "cpu":
                self.progress.note(f'the {what.engine} engine trains on {what.device}; device="cpu" keeps off it')
        self.history.engine, self.history.reason, self.history.device = what.engine, what.reason, what.device
        self.history.precision = what.precision

    def meet(self, done: Done, batches: int | None) -> None:
        """Add what the engine has done to the sums of the epoch.

        Raises:
            CheckpointError: the run goes on from a checkpoint with other targets.
        """
        sums = self.sums
        # Batch by batch, so that the sums have the same bits wherever the run was cut and went on.
        for cost, penalty, m in zip(done.costs, done.penalties, done.sizes, strict=True):
            sums.cost += cost * m
            sums.penalty += penalty * m
        sums.m += done.m
        sums.batches += len(done.costs)
        if self._metrics:
            Y, output = that_count(np.asarray(done.Y), np.asarray(done.output), done.weights)
            if sums.targets and sums.targets[0].shape[1:] != Y.shape[1:]:  # only a checkpoint can bring others
                raise CheckpointError(
                    f"the checkpoint is damaged: it holds targets of shape {sums.targets[0].shape}, but those of the "
                    f"data are {Y.shape}."
                )
            sums.outputs.append(output)
            sums.targets.append(Y)
        self.progress.batch(self.epoch, sums.batches - 1, batches, done.cost)
        if batches is None and self.epoch == 0 and sums.batches == MANY:
            self.progress.note(
                f"{MANY:,} batches, and the stream's first epoch goes on: if it never ends, give steps_per_epoch=1000"
            )

    def close_epoch(self) -> None:
        """Measure, record, and decide whether to go on."""
        sums = self.sums
        record: dict[str, Any] = {"epoch": self.epoch, "loss": sums.cost / sums.m}
        if sums.penalty:
            record["penalty"] = sums.penalty / sums.m
        if self._metrics:
            targets, outputs = np.concatenate(sums.targets), np.concatenate(sums.outputs)
            record |= score(self._metrics, targets, outputs, self.cost.task)
        if self._validation is not None:
            record |= {f"val_{name}": value for name, value in self._validate(self._validation).items()}
        record["seconds"] = self._lap()
        record = distributed.told(lambda: record)
        self.history.epochs.append(record)
        self.progress.epoch(record)
        if self._watch is not None and self._watch.improved(record):
            self._best = snapshot(self.network)
            self.history.best_epoch = self.epoch
        for callback in self._callbacks:
            callback(self)
        self.history.stopped = distributed.told(lambda: self.history.stopped)
        if self._watch is not None and self._watch.over and not self.history.stopped:
            self.stop("early stopping")
        self.epoch += 1
        self.sums = EpochSums()

    def finish(self) -> History:
        """Restore the best parameters, if they were watched, and return the history."""
        self.history.stopped = self.history.stopped or "all epochs done"
        if self._best:
            self.network.set_state(self._best)
        self.network.forget()
        return self.history

    def _validate(self, validation: Callable[[], Iterable[Batch]]) -> dict[str, float]:
        targets: list[NDArray[Any]] = []
        weights: list[NDArray[Any]] = []

        def keeping() -> Iterator[Batch]:
            for batch in validation():
                targets.append(batch[1])
                weights.extend([] if batch[2] is None else [batch[2]])
                yield batch

        mean, outputs = self.engine.evaluate(self.network, self._measured, keeping())
        of_all = np.concatenate(weights) if weights else None
        counting = that_count(np.concatenate(targets), outputs, of_all)
        return {"loss": mean} | score(self._metrics, *counting, self.cost.task)

    def _lap(self) -> float:
        now = time.perf_counter()
        seconds, self._began = now - self._began, now
        return seconds

    # Checkpoints

    def save_if_due(self, program: Program, *, after_epoch: bool, now: bool = False) -> None:
        """Write a checkpoint if its time has come.

        Args:
            program: knows what the optimizer remembers, and its number of updates.
            after_epoch: whether an epoch has just ended.
            now: write in any case.
        """
        kept = self._checkpoints
        if kept is None or not distributed.first():
            return
        ended = after_epoch and self.over and kept.rule.at_end
        if now or ended or (kept.due_after_epoch(self.epoch) if after_epoch else kept.due()):
            kept.write(*self._state(program.slots, program.updates))

    def join(self, settings: Mapping[str, Any]) -> None:
        """Begin where the first process begins, if there are several: with its parameters, and its seed.

        Args:
            settings: what must be the same in all, JSON.

        Raises:
            OptionError: it is not.
        """
        distributed.refuse_unlike(settings)
        state, seed = distributed.told(lambda: (snapshot(self.network), self.seed))
        self.network.set_state(state)
        self.seed = self.history.seed = seed

    def resume(self, slots: Sequence[str]) -> tuple[Tensors, int] | None:
        """Go back to the last checkpoint; returns the optimizer's slots and how many updates there were, or None.

        Args:
            slots: the names of the optimizer's vectors.

        Raises:
            CheckpointError, ModelFileError, OptionError: it is none of this run; the run is as before.
        """
        kept = self._checkpoints
        if kept is None:
            return None
        found = distributed.told(kept.read)
        if found is None:
            if not kept.rule.anew:
                self.progress.note(f"{kept.rule.path} has nothing to go on from: the run begins")
            return None
        tensors, state = found
        refuse_misfit(tensors, state, self.network, slots, measuring=self.measuring, called=str(kept.rule.path))
        self.network.set_state(part(tensors, "network."))
        self._best = part(tensors, "best.")
        self.epoch, self.seed = state["epoch"], state["seed"]
        told: dict[str, Any] = {**state["history"]}
        self.history = History(**{name: value for name, value in told.items() if name in Record.__annotations__})
        if self.history.cut:
            self.history.stopped = ""
        self.sums = EpochSums(state["cost"], state["penalty"], state["m"], state["batches"])
        if "running.outputs" in tensors:
            self.sums.outputs, self.sums.targets = [tensors["running.outputs"]], [tensors["running.targets"]]
        if self._watch is not None and state["watch"] is not None:
            self._watch.best, self._watch.epoch, self._watch.waited = state["watch"]
        if self._passed is not None and "passed.now" in tensors:
            self._passed.resume(tensors["passed.now"].tolist(), tensors["passed.before"].tolist(), state["repeats"])
        self.progress.note(f"goes on from {kept.rule.path}: {self._place()}")
        return part(tensors, "slot."), state["updates"]

    def _place(self) -> str:
        """How far the run has come, in words."""
        if self.over:
            return f"{self.epoch} epochs are done ({self.history.stopped or 'all epochs done'}), and nothing is left"
        within = f"{self.sums.batches} batches of " if self.sums.batches else ""
        return f"after {within}epoch {self.epoch + bool(within)} of {self.epochs}"

    def _state(self, slots: Tensors, updates: int) -> tuple[Tensors, State]:
        sums, watch, passed = self.sums, self._watch, self._passed
        tensors = _prefixed("network.", snapshot(self.network)) | _prefixed("best.", self._best)
        tensors |= _prefixed("slot.", slots)
        if sums.outputs:
            tensors["running.outputs"] = np.concatenate(sums.outputs)
            tensors["running.targets"] = np.concatenate(sums.targets)
        if passed is not None:
            tensors |= {f"passed.{name}": np.array(getattr(passed, name), np.uint64) for name in ("now", "before")}
        told = asdict(self.history)
        state: State = {
            "epoch": self.epoch,
            "seed": self.seed,
            "updates": updates,
            "history": cast(Record, {name: value for name, value in told.items() if name in KEPT}),
            "cost": sums.cost,
            "penalty": sums.penalty,
            "m": sums.m,
            "batches": sums.batches,
            "watch": None if watch is None or watch.epoch is None else (watch.best, watch.epoch, watch.waited),
            "repeats": None if passed is None else passed.repeats,
        }
        return tensors, state


def snapshot(network: Network) -> Tensors:
    """A copy of everything that training changes."""
    with network.turn:
        return {name: np.array(value) for name, value in network.state().items()}


def _prefixed(prefix: str, tensors: Tensors) -> Tensors:
    return {prefix + name: tensor for name, tensor in tensors.items()}
