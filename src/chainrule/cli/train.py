"""`chainrule train`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from chainrule.cli.options import Threads
from chainrule.errors import ChainruleError, OptionError
from chainrule.experiments.settings import (
    CHECKPOINT,
    JOURNAL,
    MODEL,
    Settings,
)
from chainrule.progress import stage

if TYPE_CHECKING:
    from chainrule.experiments import Experiment


def _units(hidden: str | None) -> tuple[int, ...] | None:
    """(128, 64) from "128,64" or "128 64"."""
    if hidden is None:
        return None
    units = re.split(r"[,\s]+", hidden.strip()) if hidden.strip() else []
    if not all(n.isdigit() and int(n) > 0 for n in units):
        raise OptionError(f'--hidden is {hidden!r}, but takes whole numbers of 1 or more, such as "128" or "128,64".')
    return tuple(map(int, units))


def _class_weight(given: str | None) -> dict[str, float] | str | None:
    """ "balanced", or {"fraud": 5.0} from "fraud=5"."""
    if given is None or "=" not in given:
        return given
    pairs = [pair.rpartition("=") for pair in given.split(",")]
    try:
        return {name.strip(): float(weight) for name, _, weight in pairs}
    except ValueError:
        raise OptionError(f'--class-weight is {given!r}, but takes "balanced", or weights such as "fraud=5".') from None


def _devices(given: str | None) -> int | Literal["all"] | None:
    """How many devices, from "4" or "all"."""
    if given is not None and given != "all" and not given.isdecimal():
        raise OptionError(f"--devices is {given!r}, but takes a number, or all.")
    return None if given is None else "all" if given == "all" else int(given)


def train(
    data: Annotated[
        str,
        typer.Argument(
            help="A table (CSV, TSV, Parquet, JSON, Excel), a folder of pictures or of texts, a text (.txt), an .npz "
            "file with X and y, or iris, digits, …"
        ),
    ],
    target: Annotated[
        str | None, typer.Option(help='The column of a table to predict, or several, "height,weight".')
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder.  [default: runs/NAME, numbered if taken]")] = None,
    task: Annotated[
        str | None, typer.Option(help="classification or regression.  [default: found from what is to be predicted]")
    ] = None,
    number: Annotated[str, typer.Option(help="Columns of a table to take for numbers.")] = "",
    category: Annotated[str, typer.Option(help="Columns to take for categories.")] = "",
    date: Annotated[str, typer.Option(help="Columns to take for dates.")] = "",
    text: Annotated[str, typer.Option(help="Columns to take for free text.")] = "",
    ignore: Annotated[str, typer.Option(help="Columns to leave out.")] = "",
    missing: Annotated[
        str, typer.Option(help='Words that mark a missing value, "none,unknown", in place of the usual ones.')
    ] = "",
    day_first: Annotated[
        bool | None,
        typer.Option("--day-first/--month-first", help="How to read dates such as 3/4/2025.  [default: as they tell]"),
    ] = None,
    drop_outliers: Annotated[
        bool,
        typer.Option("--drop-outliers", help="Leave out rows whose value to predict is far from all, as of a total."),
    ] = False,
    weights: Annotated[str | None, typer.Option(help="A column of how much each row counts while training.")] = None,
    positive: Annotated[
        str | None,
        typer.Option(help="Of two labels the one that precision, f1, … are about.  [default: the rarer]"),
    ] = Settings.positive,
    class_weight: Annotated[
        str | None, typer.Option(help='How much classes count: balanced, or "fraud=5,ok=1".  [default: alike]')
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            help='From which probability on the positive label is predicted, or "validation" for the best one there.  '
            "[default: 0.5]"
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            help="Of values: squared_error, absolute_error, huber, or poisson for counts.  [default: fits them]"
        ),
    ] = Settings.loss,
    transform: Annotated[
        str | None, typer.Option(help="The scale of values: log, range or none.  [default: what a trial finds better]")
    ] = Settings.transform,
    metric: Annotated[
        str | None,
        typer.Option(help="What early stopping, a search and a threshold look at.  [default: the validation cost]"),
    ] = Settings.metric,
    time: Annotated[str | None, typer.Option(help="A column to train on the past of, and test on the future.")] = None,
    group: Annotated[str | None, typer.Option(help="A column whose values stay together in one part.")] = None,
    horizon: Annotated[
        int | None, typer.Option(help="How many rows of a table with --time to forecast: it is taken for a series.")
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            help="How many rows of a series, or tokens of a text, are one example.  [default: two seasons, or 24; 64]"
        ),
    ] = None,
    season: Annotated[
        int | None,
        typer.Option(help="After how many rows of a series things come again.  [default: as its dates tell]"),
    ] = None,
    quantiles: Annotated[
        str,
        typer.Option(help='Forecast a series with bands: "0.1,0.9", which share of what comes is to lie below each.'),
    ] = "",
    known_ahead: Annotated[
        str,
        typer.Option(help="Columns known for the rows to come.  [default: those that rows after the last target hold]"),
    ] = "",
    drop_repeated: Annotated[
        bool, typer.Option("--drop-repeated", help="Leave out rows of a series that are there twice.")
    ] = False,
    tokens: Annotated[
        str | None,
        typer.Option(help="What a text is made of: characters, words or subwords; of texts by class also phrases."),
    ] = None,
    vocabulary: Annotated[
        int | None,
        typer.Option(
            help="How many different tokens of a text at most.  [default: 10,000; phrases 50,000, sub-words 1,000]"
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help='Pixels of a picture, "28" or "48x64".  [default: the files\' own, 64 at most]')
    ] = None,
    augment: Annotated[
        str,
        typer.Option(
            help='How pictures are changed: "flip,shift=0.1,rotate=15", and scale, crop, brightness, noise, mixup.'
        ),
    ] = "",
    broken: Annotated[
        str | None, typer.Option(help="Whether a broken picture or text is an error, refuse, or left out, skip.")
    ] = None,
    stream: Annotated[
        bool | None,
        typer.Option(help="Read a table in chunks, again in each epoch.  [default: if larger than 10% of memory]"),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="How often every example is met, at most.  [default: as many as it takes]")
    ] = Settings.epochs,
    hidden: Annotated[
        str | None, typer.Option(help='Units of the hidden layers, "128,64"; "" for none.  [default: fits the data]')
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="Activation of the hidden layers.  [default: relu]")
    ] = Settings.activation,
    dropout: Annotated[
        float | None,
        typer.Option(help="Dropout rate after each hidden layer.  [default: 0.2 for >= 10,000 labels]"),
    ] = Settings.dropout,
    batch_norm: Annotated[bool, typer.Option("--batch-norm", help="Normalize each hidden layer.")] = False,
    optimizer: Annotated[
        str | None, typer.Option(help="gradient_descent (sgd), adagrad, rmsprop, adam or adamw.  [default: adam]")
    ] = Settings.optimizer,
    learning_rate: Annotated[
        float | None, typer.Option(help="α at the beginning.  [default: the optimizer's own; 3 times that with cosine]")
    ] = Settings.learning_rate,
    schedule: Annotated[str, typer.Option(help="How α changes: cosine, down to 0, or constant.")] = Settings.schedule,
    l2: Annotated[
        float | None, typer.Option(help="λ of L2 regularization.  [default: 0.02 below 1,000 examples m, else 1 / m]")
    ] = Settings.l2,
    batch_size: Annotated[
        int | None, typer.Option(help="Examples in a mini-batch.  [default: 32; 128 from 10,000 examples on]")
    ] = Settings.batch_size,
    test: Annotated[
        float | None, typer.Option(help="Part of the examples held out to the end.  [default: 0.2; 0.1 of a text]")
    ] = Settings.test,
    validation: Annotated[
        float | None, typer.Option(help="Part of the others watched while training.  [default: 0.1; 0 below 1,000]")
    ] = Settings.validation,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs without improvement before the end; 0 for never.  [default: epochs / 3, >= 10]"),
    ] = Settings.patience,
    search: Annotated[
        int, typer.Option(help="Try so many settings of what is not given here, and take the best by validation cost.")
    ] = Settings.search,
    seed: Annotated[int | None, typer.Option(help="Makes the run repeatable.  [default: a fresh one]")] = Settings.seed,
    engine: Annotated[str, typer.Option(help="Who computes: auto, native, numpy or jax.")] = Settings.engine,
    threads: Threads = Settings.threads,
    device: Annotated[
        str | None, typer.Option(help="Where jax computes: cpu, gpu, tpu, gpu:1.  [default: what it finds]")
    ] = Settings.device,
    devices: Annotated[
        str | None, typer.Option(help="How many of these share every batch, or all.  [default: 1]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run in --out.")] = False,
    checkpoint_minutes: Annotated[
        float, typer.Option(help="How often the state of the run is saved.")
    ] = Settings.checkpoint_minutes,
) -> None:
    """Train a network, measure it on held-out examples, and fill a run folder.

    The folder gets model.safetensors, history.json, metrics.json and curves.svg, of tables, pictures and texts by class
    also report.svg, of a search also trials.csv and its journal. Ctrl-C, or SIGTERM, keeps what was learned, and
    --resume goes on; of a search it keeps the trials and the best model so far, and the same command goes on.
    """
    with stage("starting"):
        from chainrule.cli.kinds import source_of
        from chainrule.cli.results import show_result
        from chainrule.data.augmentation import Augmentation
        from chainrule.experiments import Experiment
        from chainrule.experiments.folder import RunFolder, free_folder
        from chainrule.training.interrupt import TerminatedError

    if resume and out is None:
        raise OptionError("--resume needs the run folder: --out runs/…")
    settings = Settings(
        epochs=epochs,
        hidden=_units(hidden),
        activation=activation,
        dropout=dropout,
        batch_norm=batch_norm,
        optimizer=optimizer,
        learning_rate=learning_rate,
        schedule=schedule,
        l2=l2,
        batch_size=batch_size,
        test=test,
        validation=validation,
        patience=patience,
        augment=Augmentation.parse(augment),
        seed=seed,
        engine=engine,
        threads=threads,
        device=device,
        devices=_devices(devices),
        checkpoint_minutes=checkpoint_minutes,
        search=search,
        loss=loss,
        transform=transform,
        positive=positive,
        threshold=threshold,
        class_weight=_class_weight(class_weight),
        metric=metric,
    )
    source = source_of(
        data,
        {
            "target": target,
            "task": task,
            "number": number,
            "category": category,
            "date": date,
            "text": text,
            "ignore": ignore,
            "missing": missing,
            "day_first": day_first,
            "time": time,
            "group": group,
            "horizon": horizon,
            "window": window,
            "season": season,
            "quantiles": quantiles,
            "known_ahead": known_ahead,
            "drop_repeated": drop_repeated or None,
            "tokens": tokens,
            "vocabulary": vocabulary,
            "size": size,
            "broken": broken,
            "stream": stream,
            "augment": augment,
            "weights": weights,
            "drop_outliers": drop_outliers or None,
        },
    )
    folder = RunFolder(out or free_folder(Path("runs") / Path(data).stem))
    try:
        experiment = Experiment(source, settings, folder.path, resume=resume)
        folder = experiment.run_folder
        with folder.claimed():
            if not resume and not (search and (folder.path / JOURNAL).exists()) and (aside := folder.set_aside()):
                print(f"{folder.path} held a run already, which is now {aside}")
            _show_plan(experiment)
            result = experiment.run()
    except (ChainruleError, MemoryError):
        folder.discard_empty()
        raise
    except KeyboardInterrupt:
        print(f"interrupted: {_go_on(folder.path)}")
        raise typer.Exit(130) from None
    except TerminatedError:
        print(f"terminated: {_go_on(folder.path)}")
        raise
    show_result(result, experiment)
    if result.history.stopped == "interrupted":
        raise typer.Exit(130)


def _go_on(folder: Path) -> str:
    """How a run that was cut goes on."""
    if (folder / JOURNAL).exists():
        kept = f"{folder / MODEL} is the best so far; " if (folder / MODEL).exists() else ""
        return f"{kept}go on with the same command and --out {folder}"
    if (folder / CHECKPOINT).exists():
        return f"go on with the same command, --out {folder} and --resume"
    if (folder / MODEL).exists():
        return f"{folder / MODEL} is what was learned until then; the same command trains anew"
    return "nothing had been learned yet, so give the same command again"


def _show_plan(experiment: "Experiment") -> None:
    from rich.console import Console

    from chainrule.cli.tables import columns_table
    from chainrule.data.series import Series
    from chainrule.data.tables import Table

    source, splits, target = experiment.source, experiment.splits, experiment.target
    shape = " × ".join(map(str, experiment.X.shape[1:]))
    if isinstance(source, Table | Series):
        Console().print(columns_table(source.table if isinstance(source, Series) else source))
    print(
        f"{source.name}: {source.size:,} examples of {shape} features, {target.summary}; "
        f"{experiment.m:,} to train, {len(splits.validation):,} to validate, {len(splits.test):,} to test"
    )
    for note in (*source.notes, *experiment.notes):
        print(note)
    if not experiment.settings.search:
        experiment.network.summary()
