"""`chainrule train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.errors import OptionError

if TYPE_CHECKING:
    from chainrule.experiments import Experiment, Result


def train(
    data: Annotated[
        str, typer.Argument(help="iris, wine, breast_cancer, digits, diabetes, or an .npz file with X, y.")
    ],
    out: Annotated[Path | None, typer.Option(help="The run folder.  [default: runs/NAME, numbered if taken]")] = None,
    epochs: Annotated[
        int | None, typer.Option(help="How often every example is met, at most.  [default: for 2,000 updates, >= 50]")
    ] = None,
    hidden: Annotated[str, typer.Option(help='Units of the hidden layers; "" for none (logistic regression).')] = "128",
    activation: Annotated[str, typer.Option(help="Activation of the hidden layers.")] = "relu",
    dropout: Annotated[float, typer.Option(help="Dropout rate after each hidden layer.")] = 0.0,
    batch_norm: Annotated[bool, typer.Option("--batch-norm", help="Normalize each hidden layer.")] = False,
    optimizer: Annotated[str, typer.Option(help="gradient_descent, adagrad, rmsprop, adam or adamw.")] = "adam",
    learning_rate: Annotated[float | None, typer.Option(help="α.  [default: the optimizer's own]")] = None,
    l2: Annotated[float, typer.Option(help="λ of L2 regularization.")] = 1e-3,
    batch_size: Annotated[int, typer.Option(help="Examples in a mini-batch.")] = 32,
    test: Annotated[float, typer.Option(help="Part of the examples held out to the end.")] = 0.2,
    validation: Annotated[float, typer.Option(help="Part of the others watched while training.")] = 0.1,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs without improvement before the end; 0 for never.  [default: epochs / 10, >= 10]"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Makes the run repeatable.  [default: a fresh one]")] = None,
    engine: Annotated[str, typer.Option(help="Who computes: auto or numpy.")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run in --out.")] = False,
    checkpoint_minutes: Annotated[float, typer.Option(help="How often the state of the run is saved.")] = 1.0,
) -> None:
    """Train a network, measure it on held-out examples, and fill a run folder.

    The folder gets model.safetensors, history.json, metrics.json and curves.svg. Ctrl-C keeps what was learned.
    """
    from chainrule.data.datasets import read
    from chainrule.experiments import Experiment, Settings

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
        l2=l2,
        batch_size=batch_size,
        test=test,
        validation=validation,
        patience=patience,
        seed=seed,
        engine=engine,
        checkpoint_minutes=checkpoint_minutes,
    )
    experiment = Experiment(read(data), settings, out or _free_folder(Path(data).stem), resume=resume)
    _show_plan(experiment)
    result = experiment.run()
    _show_result(result, data)
    if result.history.stopped == "interrupted":
        raise typer.Exit(130)


def _units(hidden: str) -> tuple[int, ...]:
    try:
        return tuple(int(n) for n in hidden.replace(" ", "").split(",") if n)
    except ValueError:
        raise OptionError(f'--hidden is {hidden!r}, but takes whole numbers such as "128" or "128,64".') from None


def _free_folder(name: str) -> Path:
    """runs/NAME, or the first of runs/NAME-2, runs/NAME-3, … that does not exist: no run is overwritten unasked."""
    folder, k = Path("runs") / name, 1
    while folder.exists():
        k += 1
        folder = Path("runs") / f"{name}-{k}"
    return folder


def _show_plan(experiment: "Experiment") -> None:
    dataset, parts = experiment.dataset, experiment.parts
    about = "values" if experiment.classes is None else f"{len(experiment.classes)} classes"
    shape = " × ".join(map(str, dataset.X.shape[1:]))
    print(
        f"{dataset.name}: {len(dataset):,} examples of {shape} features, {about}; "
        f"{len(parts.train):,} to train, {len(parts.validation):,} to validate, {len(parts.test):,} to test"
    )
    experiment.network.summary()


def _show_result(result: "Result", data: str) -> None:
    from rich.console import Console

    from chainrule.cli.tables import metrics_table
    from chainrule.experiments import CHECKPOINT, CURVES, HISTORY, METRICS, MODEL

    history, model = result.history, result.folder / MODEL
    best = "" if history.best_epoch is None else f", best epoch {history.best_epoch + 1}"
    print(
        f"{history.stopped} after {len(history.epochs)} epochs{best}; "
        f"{history.seconds:.1f} s on the {history.engine} engine, seed {history.seed}"
    )
    Console().print(metrics_table({"test": result.metrics["test"], "baseline": result.metrics["baseline"]}))
    print(f"in {result.folder}: {MODEL}, {HISTORY}, {METRICS}, {CURVES}")
    if history.stopped == "interrupted":
        print(f"go on from {CHECKPOINT} with the same command and --out {result.folder} --resume")
    else:
        print(f"next: chainrule predict {model} {data} --out predictions.csv")
