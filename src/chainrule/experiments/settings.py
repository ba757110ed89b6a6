"""What a user may choose for an experiment, and what the files of its folder are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from chainrule.checking import real, whole
from chainrule.data.augmentation import Augmentation
from chainrule.errors import OptionError
from chainrule.names import lookup
from chainrule.schedules import Cosine, FlatCosine, Schedule

MODEL, HISTORY, METRICS, CURVES, REPORT, PAGE, CHECKPOINT, BEGINNING, JOURNAL, TRIALS, LOCK = (
    "model.safetensors",
    "history.json",
    "metrics.json",
    "curves.svg",
    "report.svg",
    "report.html",
    "checkpoint.safetensors",
    "begun.json",
    "search.journal",
    "trials.csv",
    ".lock",
)

SMALL, LARGE = 1_000, 10_000
"""Fewer examples than SMALL have none to spare for validation; from LARGE on, batches grow."""

GLANCE = 60_000
"""So many examples are met for a first look."""

UPDATES = 20_000
"""So many updates values take, as long as that is 10 to 60 epochs."""


MOST_MEMBERS = 40
"""So many networks answer together at most, however many are asked for and however much time there is."""

SCHEDULES = {"cosine": Cosine, "flat_cosine": FlatCosine, "constant": None}
"""Those that a setting can name, by which numbers fall over the epochs; None for one that does not."""


@dataclass(frozen=True)
class Settings:
    """What a user may choose; what is None follows the number of training examples m, see `resolve`, or is searched.

    Args:
        members: how many networks answer together by their mean, each trained without another part of the examples, by
            which it stops; None for 5 for tables (4 above 20,000 rows, 3 above 40,000, 1 above 80,000); else, and where
            `hidden`, `activation`, `optimizer`, `learning_rate`, `l2` or `batch_size` is chosen, 1.
        time_limit: seconds for training and what comes before it; where it is long, more networks answer together.
        quick: one network, and few epochs, for a first look.
        epochs: how often every training example is met, at most; None for as many as it takes.
        hidden: the units of each hidden layer, or none; None for two of 256 for several
            networks, one for a single one, or what fits pictures, texts or a series.
        activation: of the hidden layers; None for silu for several networks, else relu.
        bins: over how many bins each column of numbers of a table is spread at most, 0 for none; None for
            48 for several networks, else 0.
        bin_edges: where these bins begin: "quantiles" of the column, or "tree", where a decision tree divides it by
            what is predicted.
        dropout: the rate after each hidden layer; None for 0.3 or 0.1, as tried, for several networks, 0.2 for 10,000
            labels or more, else 0.
        dropout_schedule: how that rate changes from epoch to epoch, as `schedule` says it of α: "constant", "cosine" or
            "flat_cosine".
        batch_norm: whether each hidden layer is normalized.
        optimizer: gradient_descent (sgd), adagrad, rmsprop, adam or adamw; None for adamw for several networks, else
            adam.
        learning_rate: α at the beginning; None for 0.002 for several networks, else the optimizer's own, three times
            that with a cosine.
        schedule: how α changes: "cosine" takes it down to 0 over the epochs, "flat_cosine" over their second half,
            "constant" leaves it.
        l2: λ of the L2 regularization; None for 0 for several networks, 0.02 below 1,000 examples m, else 1 / m.
        weight_decay: λ of decoupled weight decay, taken from the weights at each update; None for 0.1 for several
            networks, else the optimizer's own.
        weight_decay_schedule: how the weight decay changes, as `schedule` says it of α: "constant", "cosine" or
            "flat_cosine".
        batch_size: examples in a mini-batch; None for 32, from 10,000 examples on 128.
        test: the part of all examples that is held out to the end; None for 0.2, of a text 0.1.
        validation: the part of the others that is watched while training; None for 0.1, below 1,000 examples 0.
        patience: epochs without improvement before the end, 0 for never; None for a third of the epochs, 10 at least.
        augment: how pictures are changed while training: flip, shift, scale, rotate, crop, brightness, noise, mixup.
        seed: of the parts, the start, shuffling and dropout, which makes a run repeatable; None for a fresh one.
        engine: who computes: auto, native, numpy or jax.
        threads: how many threads compute; None for CHAINRULE_NUM_THREADS, or one for each core.
        device: where the jax engine computes: cpu, gpu, tpu, gpu:1, …; None for what it finds.
        devices: how many of these share every batch, or "all"; None for 1.
        precision: float32; bfloat16, to which the operands of matrix products are rounded, where the processor has
            instructions for that; or auto, which takes it where they are and the network is large enough to gain.
        checkpoint_minutes: how often the state of the run is saved.
        loss: of values: squared_error, absolute_error, huber, or poisson for counts; None for what fits them.
        transform: the scale of values: log, range or none; None for what a trial finds better.
        positive: of two labels the one that precision, recall and f1 are about; None for the rarer.
        threshold: from which probability on that label is predicted, or "validation" for the one that serves `metric`,
            or f1, best there; None for 0.5.
        class_weight: how much classes count, those left out 1, or "balanced"; None for alike.
        label_smoothing: ε takes that much from the right label while training and spreads it over all; measures are of
            the labels as they are; None for 0.
        metric: what early stopping, a search and a threshold look at; None for the validation cost.
        search: how many settings are tried of what is not given here of `hidden`, `activation`, `dropout`, `optimizer`,
            `learning_rate`, `l2` and `batch_size`; those with the least validation cost are taken.
    """

    epochs: int | None = None
    hidden: Sequence[int] | None = None
    activation: str | None = None
    dropout: float | None = None
    batch_norm: bool = False
    optimizer: str | None = None
    learning_rate: float | None = None
    schedule: str = "cosine"
    l2: float | None = None
    batch_size: int | None = None
    test: float | None = None
    validation: float | None = None
    patience: int | None = None
    augment: Augmentation | None = None
    seed: int | None = None
    engine: str = "auto"
    threads: int | None = None
    checkpoint_minutes: float = 1.0
    search: int = 0
    loss: str | None = None
    transform: str | None = None
    positive: str | None = None
    threshold: float | str | None = None
    class_weight: Mapping[str, float] | str | None = None
    metric: str | None = None
    device: str | None = None
    devices: int | Literal["all"] | None = None
    precision: str = "float32"
    members: int | None = None
    time_limit: float | None = None
    quick: bool = False
    bins: int | None = None
    weight_decay: float | None = None
    label_smoothing: float | None = None
    weight_decay_schedule: str = "constant"
    dropout_schedule: str = "constant"
    bin_edges: Literal["quantiles", "tree"] = "quantiles"

    def beside(self, defaults: Mapping[str, Any]) -> Settings:
        """These settings, with `defaults` where nothing was chosen; who needs a validation part gets one."""
        chosen = {name: value for name, value in defaults.items() if getattr(self, name) is None}
        if self.needs_validation and not chosen.get("validation", 1):
            del chosen["validation"]
        return replace(self, **chosen)

    @property
    def needs_validation(self) -> bool:
        """Whether a search, a metric or a threshold is to be measured on a validation part."""
        return bool(self.search) or self.metric is not None or self.threshold == "validation"

    @property
    def test_share(self) -> float:
        """The part of all examples that is held out."""
        return 0.2 if self.test is None else self.test

    def validation_share(self, m: int, small: int = SMALL) -> float:
        """The validation part of m examples that are not held out.

        A tenth; of fewer than `small` none, or a fifth for a search, a metric, or a threshold that is chosen on it.

        Raises:
            OptionError: a search, a metric or such a threshold without a validation part.
        """
        if self.needs_validation and self.validation == 0:
            who = "a search compares settings" if self.search else "what --metric or --threshold ask for is measured"
            raise OptionError(f"{who} on the validation part, which must not be empty then.")
        if self.validation is not None:
            return self.validation
        return 0.1 if m >= small else 0.2 if self.needs_validation else 0.0

    def resolve(self, m: int, labels: bool, seed: int) -> Settings:
        """The settings with nothing left open, for m training examples that have labels, or values.

        Measured by `benchmarks.defaults`. Fewer than 1,000 examples get a strong L2 regularization and 1,000 updates,
        100 epochs at least. More get 1 / m, and 10 to 60 epochs, of which early stopping takes the best: values as many
        as 20,000 updates take; labels, which are never free of chance, as many as meet 300,000 examples, and an
        experiment goes on from there where the validation cost still falls. From 10,000 on the batches have 128 instead
        of 32; and labels get dropout.

        Raises:
            OptionError: a number out of range.
        """
        small, large = m < SMALL, m >= LARGE
        size = (128 if large else 32) if self.batch_size is None else whole("batch_size", self.batch_size)
        met = 300_000 if labels else UPDATES * size
        if self.time_limit is not None:
            real("time_limit", self.time_limit, low=0, open="low")
        if self.label_smoothing is not None:
            real("label_smoothing", self.label_smoothing, low=0, high=1, open="high")
        chosen = 1 if self.members is None else whole("members", self.members)
        if chosen > MOST_MEMBERS:
            raise OptionError(
                f"members is {chosen:,}, but {MOST_MEMBERS} networks answer together at most, as each more changes "
                f"their mean less and takes as long: take {MOST_MEMBERS} or fewer."
            )
        members = 1 if self.quick else chosen
        enough = max(100, -(-1000 * size // m)) if small else min(60, max(10, met // m))
        epochs = enough if self.epochs is None else whole("epochs", self.epochs)
        epochs = min(epochs, max(1, round(GLANCE / m))) if self.quick else epochs
        chance = 0.2 if large and labels else 0.0
        return replace(
            self,
            members=members,
            bins=whole("bins", self.bins or 0, at_least=0),
            test=self.test_share,
            epochs=epochs,
            hidden=(256,) if self.hidden is None else self.hidden,
            activation="relu" if self.activation is None else self.activation,
            optimizer="adam" if self.optimizer is None else self.optimizer,
            batch_size=size,
            dropout=chance if self.dropout is None else self.dropout,
            l2=(0.02 if small else 1 / m) if self.l2 is None else self.l2,
            patience=usual_patience(epochs) if self.patience is None else whole("patience", self.patience, at_least=0),
            seed=seed,
            threads=None if self.threads is None else whole("threads", self.threads),
        )


FREE = ("engine", "threads", "device", "devices", "search", "checkpoint_minutes", "time_limit")
"""What may be another when a run goes on, or begins again."""

UNTOLD = asdict(Settings())
"""What a run had of the settings that its files do not tell, because its version of chainrule did not have them."""


def scheduled(called: str, name: str, first: float, epochs: int) -> float | Schedule:
    """A number that begins with `first` and changes by the schedule of that name.

    Args:
        called: what the schedule is, for the message.

    Raises:
        OptionError: there is none of that name.
    """
    schedule = lookup(called, name, SCHEDULES)
    return first if schedule is None else schedule(first, epochs)


def usual_patience(epochs: int) -> int:
    """After how many epochs without improvement a training of so many ends."""
    return max(10, epochs // 3)


NETWORK = ("hidden", "activation", "l2", "optimizer", "learning_rate", "batch_size")
"""Who chooses one of these wants a network of their own, and not several of the usual kind."""

KNOBS = ("dropout", "weight_decay", "label_smoothing", "bins", "epochs", "patience")
"""What may be chosen for the usual networks, too."""


def own_network(given: Settings) -> bool:
    """Whether somebody has chosen what a network is, or tries many."""
    return given.batch_norm or bool(given.search) or any(getattr(given, name) is not None for name in NETWORK)
