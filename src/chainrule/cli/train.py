"""`chainrule train`."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainrule.cli.described import Sectioned, options_besides, options_of
from chainrule.cli.kinds import OPTIONS, READERS, source_of
from chainrule.errors import ChainruleError, ElsewhereError, NotFiniteError, OptionError
from chainrule.experiments.settings import JOURNAL, MODEL, Settings
from chainrule.progress import stage

if TYPE_CHECKING:
    from chainrule.experiments import Experiment
    from chainrule.experiments.folder import RunFolder
    from chainrule.layers.summary import Rows

DATA, RUN = ("target", "task", "time", "group"), ("epochs", "hidden", "members", "search", "seed")
"""What most need of what is said of the data, and of the run."""

NETWORK = (
    *(
        "activation",
        "dropout",
        "batch_norm",
        "bins",
        "bin_edges",
        "optimizer",
        "learning_rate",
        "schedule",
        "l2",
        "weight_decay",
    ),
    *("weight_decay_schedule", "dropout_schedule", "label_smoothing", "batch_size"),
)

MEASURED = ("loss", "transform", "positive", "threshold", "class_weight", "metric", "test", "validation", "patience")

OUT = click.Option(
    ["--out"], type=click.Path(path_type=Path), help="The run folder.  [default: runs/NAME, numbered if taken]"
)

RESUME = click.Option(["--resume"], is_flag=True, help="Go on with the interrupted run in --out.")

JOIN = click.Option(
    ["--join"], is_flag=True, help="Share the search in --out with all who give this command, here or elsewhere."
)

STORAGE = click.Option(
    ["--storage"],
    metavar="URL",
    help="A database where those meet who --join, postgresql://….  [default: the folder itself]",
)


def _sections() -> dict[str, list[click.Option]]:
    """The options that most need, and the others by what they are about."""
    table, series, pictures, text = (READERS[kind] for kind in ("table", "series", "pictures", "text"))
    augment = options_of(Settings, ["augment"])
    return {
        "What most need": [*options_of(table, DATA), *options_of(Settings, RUN), OUT, RESUME],
        "Tables": options_besides(table, DATA),
        "Series": options_besides(series, OPTIONS["table"]),
        "Pictures": [*options_besides(pictures, DATA), *augment],
        "Texts": options_besides(text, DATA),
        "The network and how it learns": options_of(Settings, NETWORK),
        "What is measured": options_of(Settings, MEASURED),
        "The run": [*options_besides(Settings, (*RUN, *NETWORK, *MEASURED, "augment")), JOIN, STORAGE],
    }


def _units(hidden: str) -> tuple[int, ...]:
    """(128, 64) from "128,64" or "128 64"."""
    units = re.split(r"[,\s]+", hidden.strip()) if hidden.strip() else []
    if not all(n.isdigit() and int(n) > 0 for n in units):
        raise OptionError(f'--hidden is {hidden!r}, but takes whole numbers of 1 or more, such as "128" or "128,64".')
    return tuple(map(int, units))


def _class_weight(given: str) -> dict[str, float] | str:
    """ "balanced", or {"fraud": 5.0} from "fraud=5"."""
    if "=" not in given:
        return given
    pairs = [pair.rpartition("=") for pair in given.split(",")]
    try:
        return {name.strip(): float(weight) for name, _, weight in pairs}
    except ValueError:
        raise OptionError(f'--class-weight is {given!r}, but takes "balanced", or weights such as "fraud=5".') from None


def _devices(given: str) -> int | str:
    """How many devices, from "4" or "all"."""
    if given != "all" and not given.isdecimal():
        raise OptionError(f"--devices is {given!r}, but takes a number, or all.")
    return given if given == "all" else int(given)


def _changes(augment: str) -> Any:
    from chainrule.data.augmentation import Augmentation

    return Augmentation.parse(augment)


READ: dict[str, Callable[[str], Any]] = {
    "hidden": _units,
    "class_weight": _class_weight,
    "augment": _changes,
    "devices": _devices,
}
"""What is made of the settings that are typed in a form of their own."""


def train(data: str, out: Path | None, resume: bool, join: bool, storage: str | None, **given: Any) -> None:
    """Train a network, measure it on held-out examples, and fill a run folder.

    DATA is a table (CSV, TSV, Parquet, JSON, Excel), a folder of pictures or of texts, a text (.txt), an .npz file with
    X and y, or a data set's name: iris, digits, …

    The folder gets model.safetensors, history.json, metrics.json, curves.svg and report.html, a page of all that was
    found; of tables, pictures and texts by class also report.svg, of a search also trials.csv and its journal. Ctrl-C,
    or SIGTERM, keeps what was learned, and --resume goes on; of a search it keeps the trials and the best model so far,
    and the same command goes on. With --join many machines share a search: the same command on each of them.
    """
    with stage("starting"):
        from chainrule import files
        from chainrule.cli.results import show_result, show_result_of
        from chainrule.engines import held_to
        from chainrule.experiments import Experiment
        from chainrule.experiments.folder import RunFolder
        from chainrule.training.interrupt import TerminatedError

    if (resume or join) and out is None:
        raise OptionError(f"{'--join' if join else '--resume'} needs the run folder: --out runs/…")
    chosen = {name: value for name, value in given.items() if value is not None}
    settings = Settings(
        **{
            name: READ[name](value) if name in READ else value
            for name, value in chosen.items()
            if name in Settings.__dataclass_fields__
        }
    )
    with held_to(settings.threads):
        source = source_of(data, chosen)
    folder = RunFolder(out or files.first_free(Path("runs") / Path(data).stem))
    try:
        experiment = Experiment(source, settings, folder.path, resume=resume, join=join, storage=storage)
        folder = experiment.run_folder
        with folder.claimed():
            goes_on = resume or join or (settings.search and (folder.path / JOURNAL).exists())
            if not goes_on and (aside := folder.set_aside()):
                print(f"{folder.path} held a run already, which is now {aside}")
            shown = _show_plan(experiment)
            result = experiment.run()
    except ElsewhereError as error:
        print(error)
        return
    except NotFiniteError as error:
        folder.discard_empty()
        raise NotFiniteError(_in_options(str(error), settings)) from None
    except (ChainruleError, MemoryError):
        folder.discard_empty()
        raise
    except KeyboardInterrupt:
        print(f"interrupted: {_go_on(folder)}")
        raise click.exceptions.Exit(130) from None
    except TerminatedError:
        print(f"terminated: {_go_on(folder)}")
        raise
    if result.by:
        show_result_of(result, experiment)
        return
    show_result(result, experiment, shown)
    if result.history.stopped == "interrupted":
        raise click.exceptions.Exit(130)


command = Sectioned("train", train, click.Argument(["data"]), _sections())


def _in_options(message: str, settings: Settings) -> str:
    """What went wrong, and the option that mends it in place of the arguments of `chainrule.train`."""
    from chainrule.training.finite import WAY_OUT

    what, found, _ = message.partition(WAY_OUT)
    rate = "" if settings.learning_rate is None else f" than {settings.learning_rate:g}"
    return f"{what}Train with a smaller --learning-rate{rate}." if found else message


def _go_on(run: "RunFolder") -> str:
    """How a run that was cut goes on."""
    from chainrule.experiments.going_on import way_on

    folder, way = run.path, way_on(run.path, join=run.join)
    if run.join or (folder / JOURNAL).exists():
        kept = f"{folder / MODEL} is the best so far; " if (folder / MODEL).exists() else ""
        others = "; those who share the search go on, also with the trial that was under way here" if run.join else ""
        return f"{kept}go on with {way}{others}"
    if way:
        return f"go on with {way}"
    if (folder / MODEL).exists():
        return f"{folder / MODEL} is what was learned until then; the same command trains anew"
    return "nothing had been learned yet, so give the same command again"


def _show_plan(experiment: "Experiment") -> "Rows":
    """Print what is to be trained; the rows of the layers, none where a search is to find them."""
    from rich.console import Console

    from chainrule.cli.tables import columns_table
    from chainrule.data.series import Series
    from chainrule.data.tables import Table
    from chainrule.experiments.words import sentence_on_examples
    from chainrule.layers.summary import rows_of_summary

    source = experiment.source
    if isinstance(source, Table | Series):
        Console().print(columns_table(source.table if isinstance(source, Series) else source))
    print(sentence_on_examples(experiment))
    for note in (*source.notes, *experiment.notes):
        print(note)
    if experiment.settings.search:
        return []
    experiment.network.summary()
    for note in filter(None, (experiment.note_on_members, experiment.note_on_trial)):
        print(note)
    return rows_of_summary(experiment.network)
