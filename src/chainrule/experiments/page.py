"""`report.html`: what a run has found and decided, on one page for people that needs no other file.

It says what the command says, in the same words, and shows what the other files of the folder hold. The same run has
the same bits, so that it tells no date and no seconds.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.charts import Chart
from chainrule.data.bundled import BUNDLED
from chainrule.data.pictures import Pictures
from chainrule.data.series import Series
from chainrule.data.tables import Table
from chainrule.data.text import Documents, Text
from chainrule.errors import ChainruleError, shortened
from chainrule.experiments import markup
from chainrule.experiments.conclusions import chosen_at_the_end, conclusions
from chainrule.experiments.design import loss_for
from chainrule.experiments.mistakes import Mistake, mistakes, tells_mistakes
from chainrule.experiments.search import SEARCHED
from chainrule.experiments.settings import MODEL, Settings
from chainrule.experiments.words import (
    COLUMNS,
    LOST,
    LOST_ALL,
    SIMPLE,
    how_it_ended,
    linear_note,
    notes_on_measures,
    part_lost,
    rows_of_columns,
    rows_of_measures,
    rows_of_series,
    sentence_on_examples,
    units_note,
)
from chainrule.layers.ensemble import one_member
from chainrule.layers.summary import rows_of_summary
from chainrule.names import counted
from chainrule.training.curves import curves

if TYPE_CHECKING:
    from chainrule.data.source import Source
    from chainrule.data.targets import Target
    from chainrule.experiments.experiment import Experiment
    from chainrule.experiments.fitted import Fitted
    from chainrule.layers import Network
    from chainrule.training import History

ROWS, NOTES = 200, 100
"""So many columns, and so many notes, are told at most."""

EPOCHS = 300
"""Curves go through so many epochs at most; of more, some are left out."""

WRONG, READ = 12, 200
"""So many mistakes are shown, and of a text so many characters."""

PIXELS = 96
"""Pictures are shown with so many pixels on a side at most."""

LAYERS = 24
"""A network of more layers is neither drawn nor derived here: it would be a page of its own."""


DARK = """
main .chainrule { padding: 0 0 1em; }
@media (prefers-color-scheme: dark) {
  main .chainrule, main .chainrule :is(th, td, p, math, h2, .remark) { color: inherit; background: none; }
}
"""
"""What a derivation looks like within the page."""


def page(
    experiment: Experiment, fitted: Fitted, metrics: dict[str, Any], charts: Sequence[Chart], output: NDArray[Any]
) -> str:
    """The text of the page.

    Args:
        metrics: as metrics.json has them.
        charts: those of the report; each panel of them is shown by itself, below those of the history.
        output: of the network for the test part.
    """
    source, target, history = experiment.source, experiment.target, fitted.history
    names = [column.name for column in source.targets] if isinstance(source, Series) else target.names
    title = f"{shortened(Path(source.name).name)}: {shortened(', '.join(names))}"
    drawn, style = _network(experiment, fitted)
    figures = [*_figures(history, charts, _on_epochs(fitted, target))]
    parts = [
        markup.paragraph(sentence_on_examples(experiment)),
        markup.paragraph(how_it_ended(history), muted=True),
        markup.listed([*chosen_at_the_end(experiment), *conclusions(metrics, experiment, history)], NOTES),
        markup.section("How good it is", *_measures(experiment, metrics)),
        markup.section("In pictures", markup.figures(figures), _importance(metrics)),
        markup.section("What was found in the data", *_data(experiment)),
        markup.section(_called(target), *_wrong(experiment, output)),
        markup.section("The network", *drawn),
        markup.section("How to use it", *_use(source)),
    ]
    return markup.document(title, parts, style)


def _measures(experiment: Experiment, metrics: dict[str, Any]) -> Iterator[str]:
    """The measures with their intervals beside those of simple answers, and what they are."""
    target, interval = experiment.target, metrics.get("interval")
    several = len(target.names) > 1 and "each" in metrics
    called = {"accuracy": "accuracy of all at once"} if several and target.labels is not None else {}
    columns = {name: metrics[name] for name in ("test", *SIMPLE) if name in metrics}
    heads, rows = rows_of_measures(columns, interval, target=target, called=called)
    yield markup.table(heads, rows, _numbers(heads))
    if several:
        each = {name: metrics["each"][name] for name in [*metrics["each"]][:ROWS]}
        heads, rows = rows_of_measures(each, target=target)
        yield markup.folded("each by itself", markup.table(heads, rows, _numbers(heads)))
    for name, what in (("series", getattr(experiment.source, "group_column", "") or ""), ("targets", "target")):
        if name in metrics:
            heads, rows = rows_of_series(metrics[name], what)
            yield markup.table(heads, rows, _numbers(heads))
    notes = [units_note(target, experiment.encoding.units), *notes_on_measures(target, interval=bool(interval))]
    notes += [linear_note(target, metrics["linear_fit"])] if "linear_fit" in metrics else []
    yield markup.listed([*filter(None, notes), f"baseline: {experiment.source.baseline_note}"], NOTES)


def _numbers(heads: list[str]) -> list[int]:
    """Which columns of measures are numbers."""
    return [i for i, head in enumerate(heads) if i and head != "95 %"]


def _figures(history: History, charts: Sequence[Chart], remark: str) -> Iterator[str]:
    """Every panel of every chart, each by itself with a sentence; the remark is about those of the epochs."""
    others = [_some(one.epochs, EPOCHS // len(history.members)) for one in history.members[1:]]
    learning = [curves(_some(history.epochs), history.best_epoch, others)] if history.epochs else []
    for chart in (*learning, *charts):
        for panel in chart.panels:
            alone = Chart(panel.title, [panel], chart.width, chart.height)
            told = panel.caption or f"{panel.y or panel.title} over {panel.x}."
            yield markup.figure(alone.svg(), told + (remark if chart in learning else ""))


def _on_epochs(fitted: Fitted, target: Target) -> str:
    """What a reader must know of the curves, to compare them with the measures."""
    found = " Dashed: the other networks." if fitted.plan.several else ""
    if target.labels is None:
        found += " In units of what is learned, the standardized target or its log, unlike the measures."
    if fitted.linear:
        found += " Of the network that the linear model is kept in place of."
    return found


def _some(epochs: list[dict[str, Any]], most: int = EPOCHS) -> list[dict[str, Any]]:
    """So many epochs at most from all over, the first and the last among them."""
    chosen = np.unique(np.linspace(0, len(epochs) - 1, most).round().astype(int))
    return [epochs[i] for i in chosen]


def _importance(metrics: dict[str, Any]) -> str:
    """The importance of the columns in numbers."""
    rows = [(name, part_lost(part)) for name, part in metrics.get("importance", {}).items()]
    if not rows:
        return ""
    shown = markup.table(("column", LOST), rows, [1], ROWS), markup.paragraph(LOST_ALL, muted=True)
    return markup.folded("the importance of all columns in numbers", *shown)


def _data(experiment: Experiment) -> Iterator[str]:
    """What each column is and why, and what a reader should know of how the data were taken."""
    source = experiment.source
    yield markup.listed([*source.notes, *experiment.notes], NOTES)
    if isinstance(source, Table | Series):
        rows = rows_of_columns(source.table if isinstance(source, Series) else source)
        shown = markup.table(COLUMNS, rows, [3], ROWS)
        yield markup.folded(counted(len(rows), "column"), shown, unfolded=len(rows) <= 20)
    if classes := _classes(experiment):
        shown = markup.table((", ".join(experiment.target.names), "examples"), classes, [1], ROWS)
        yield markup.folded(f"{len(classes):,} classes", shown, unfolded=len(classes) <= 20)


def _classes(experiment: Experiment) -> list[tuple[str, str]]:
    """How many examples there are of each class, where all are in memory."""
    labels, Y = experiment.target.classes, experiment.Y
    if labels is None or Y.ndim > 1 or experiment.chunked is not None:
        return []
    return [(str(label), f"{n:,}") for label, n in zip(labels, np.bincount(Y, minlength=len(labels)), strict=True)]


def _called(target: Any) -> str:
    return "What it got wrong" if target.task != "values" else "Where it is furthest off"


def _wrong(experiment: Experiment, output: NDArray[Any]) -> Iterator[str]:
    """Examples to test of which something else came than was predicted, the worst first."""
    source, target, test = experiment.source, experiment.target, experiment.splits.test
    Y = experiment.Y[test]
    if experiment.encoding.form == "windows" or not tells_mistakes(target, Y):
        return
    found, n = mistakes(target, Y, output, test, WRONG)
    values = target.labels is None
    if not values:
        first = ", the surest mistakes first" if n > 1 else ""
        yield markup.paragraph(f"{n:,} of {counted(len(test), 'example')} to test{first if n else ' is wrong'}")
    if isinstance(source, Pictures):
        yield markup.pictures([_picture(source, one, values) for one in found])
    elif isinstance(source, Documents):
        for one in found:
            yield markup.quotation(_beginning(source.texts[one.example]), _said(one, values))
    elif found:
        which = "row" if isinstance(source, Table) else "example"
        numbers = source.row if isinstance(source, Table) else np.arange(len(source))
        texts = _texts(source)
        heads = (which, "true", "predicted", "off by" if values else "probability", *texts)
        rows = []
        for one in found:
            held = [_beginning(column[one.example] or "") for column in texts.values()]
            rows.append([str(numbers[one.example]), one.true, one.predicted, one.sureness, *held])
        yield markup.table(heads, rows, [0, 1, 2, 3] if values else [0, 3])
        if isinstance(source, Table):
            data = shlex.quote(_seen_from(experiment.folder, source.name))
            yield markup.paragraph(
                "What each column did to the prediction for a row, typed in the folder of this page:"
            )
            yield markup.typed([f"chainrule explain {MODEL} --row {rows[0][0]} --data {data}"])


def _texts(source: Source) -> dict[str, Any]:
    """The columns of a table that hold texts, by their names."""
    if not isinstance(source, Table):
        return {}
    return {column.name: source.frame[column.name] for column in source.columns if column.kind == "text"}


def _beginning(text: str) -> str:
    """What is shown of a text."""
    return text[:READ] + "…" * (len(text) > READ)


def _seen_from(folder: Path, name: str) -> str:
    """What a file is called in a folder; of a frame, which has none, what it may be called."""
    if not os.path.exists(name):
        return "table.csv"
    return name if os.path.isabs(name) else os.path.relpath(name, folder)


def _said(one: Mistake, values: bool) -> str:
    """A mistake in words."""
    if values:
        return f"{one.true}, predicted {one.predicted}"
    return f"{one.true}, taken for {one.predicted} ({one.sureness})"


def _picture(source: Pictures, one: Mistake, values: bool) -> tuple[str, str, str]:
    """A picture as an address, what is seen, and the lines below it."""
    from chainrule.derivation.pixels import as_link

    pixels = source.X[one.example]
    apart = -(-max(pixels.shape[:2]) // PIXELS)
    small = np.repeat(pixels[::apart, ::apart], 3 // pixels.shape[-1], axis=2)
    said, name = _said(one, values), shortened(source.paths[one.example].name, 40)
    return as_link(small), said, f"{said}\n{name}"


def _network(experiment: Experiment, fitted: Fitted) -> tuple[list[str], str]:
    """The layers, of several networks those of the first, the settings, a drawing and the derivation; and its style."""
    first = one_member(fitted.network)
    rows = rows_of_summary(first)
    heads = ("l", "layer", "output", "parameters", "count")
    parts = [
        markup.table(heads, rows[: LAYERS + 1], [0, 4]),
        markup.paragraph(experiment.note_on_members),
        markup.paragraph(f"{fitted.network.flat.size:,} parameters in all", muted=True),
        markup.folded(_trained(fitted), markup.table(("setting", "is", "by"), _settings(experiment.given, fitted))),
    ]
    if len(rows) > LAYERS + 1:
        return [*parts, _elsewhere(f"{len(rows) - 1} layers are too many to derive here:")], ""
    drawn, derived, style = _shown(first, _smoothed(experiment, fitted))
    return [*parts, drawn, derived], style


def _trained(fitted: Fitted) -> str:
    """What the settings are about."""
    of_another = "how the network was trained that the linear model is kept in place of"
    return of_another if fitted.linear else "how it was trained"


def _settings(given: Settings, fitted: Fitted) -> list[tuple[str, str, str]]:
    """What was chosen, and by whom."""
    rows = []
    settings = fitted.plan.settings
    smaller = fitted.kept is not None and fitted.kept.what == "smaller"
    of_smaller = ("hidden", "weight_decay" if settings.weight_decay else "l2") if smaller else ()
    for name, value in vars(settings).items():
        if value is None or name in ("search", "checkpoint_minutes"):
            continue
        said = getattr(given, name) is not None and getattr(given, name) == value
        usual = Settings.__dataclass_fields__[name].default
        by = "the search" if given.search and name in SEARCHED and not said else "default"
        by = "a trial" if fitted.tried and name in ("epochs", "dropout") and not said else by
        by = "the validation part" if name in of_smaller else by
        several = isinstance(value, tuple | list)
        written = " ".join(map(str, value)) if several else f"{value:.4g}" if isinstance(value, float) else str(value)
        rows.append((name, written or "none", "you" if said and value != usual else by))
    return rows


def _smoothed(experiment: Experiment, fitted: Fitted) -> Any:
    """The loss that a network was trained by, where its labels were smoothed; None for the one that its end tells."""
    settings = fitted.plan.settings
    smooths = bool(settings.label_smoothing) and not fitted.linear
    return loss_for(experiment.target, settings) if smooths else None


def _shown(network: Network, loss: Any) -> tuple[str, str, str]:
    """The drawing and the derivation, folded, and the style of the latter; a sentence where one cannot be made."""
    from chainrule.derivation.drawing import draw
    from chainrule.derivation.font import face
    from chainrule.derivation.network import derive
    from chainrule.derivation.web import STYLE, content

    try:
        drawn = markup.folded("its units", markup.drawing(draw(network, neurons=True).svg), unfolded=True)
    except ChainruleError:  # some layers have no picture
        drawn = ""
    try:
        derivation = f'<div class="chainrule">\n{content(derive(network, loss=loss))}\n</div>'
        return drawn, markup.folded("its derivation", derivation), face() + STYLE + DARK
    except ChainruleError as error:
        return drawn, _elsewhere(f"it is not derived here: {error}"), ""


def _elsewhere(why: str) -> str:
    return markup.paragraph(why) + "\n" + markup.typed([f"chainrule explain {MODEL} --out derivation.html"])


def _use(source: Source) -> Iterator[str]:
    """The lines to type in the folder of the page."""
    yield markup.paragraph("In the folder of this page, on the command line:")
    if isinstance(source, Text):
        yield markup.typed(
            [f"chainrule sample {MODEL} --length 500 --temperature 0.8", f"chainrule evaluate {MODEL} other.txt"]
        )
    else:
        new = _new(source)
        yield markup.typed(
            [
                f"chainrule predict {MODEL} {new} --out predictions.csv",
                f"chainrule evaluate {MODEL} {new}",
                f"chainrule explain {MODEL}",
            ]
        )
        yield markup.paragraph(f"{new}: examples like those of training; evaluate must know what they are", muted=True)
    yield markup.paragraph("In Python:")
    lines = ["import chainrule as cr", f'network = cr.load("{MODEL}")  # to go on with, draw and derive']
    if not isinstance(source, Text):
        frame = "  # or a frame of pandas or polars" if isinstance(source, Table | Series) else ""
        lines += [
            f'trained = cr.Trained.load("{MODEL}")',
            f'new = trained.read("{_new(source)}", labelled=False){frame}',
            "trained.predictions(new)",
        ]
    yield markup.typed(lines)


def _new(source: Source) -> str:
    """What new examples may be called."""
    if isinstance(source, Table | Series):
        return "new.csv"
    if isinstance(source, Pictures | Documents):
        return "new"
    return source.name if source.name in BUNDLED else "new.npz"
