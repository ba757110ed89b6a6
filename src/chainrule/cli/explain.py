"""`chainrule explain`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainrule.cli.options import (
    MEMORY_LIMIT,
    MODEL,
    MORE_MISSING,
    UNREADABLE,
    in_bytes,
    refuse_overwriting,
    refuse_swapped,
)
from chainrule.errors import DataError, OptionError

if TYPE_CHECKING:
    from chainrule.experiments import Trained


@click.command("explain")
@MODEL
@click.argument("table", metavar="[DATA]", required=False)
@click.option(
    "--row",
    type=int,
    help="Tell what each column did to the prediction for this row, counted from 1, as predict counts rows.",
)
@click.option("--data", help="The same as DATA.")
@click.option("--of", help="The label whose probability is explained, or the column.  [default: what is predicted]")
@click.option("--loss", help="Such as cross_entropy.  [default: what the model file tells, or else fits it]")
@click.option("--no-shortcut", is_flag=True, help="Also show the way to dZ = A − Y, line by line.")
@click.option("--optimizer", help="Whose rule stands under Update, such as adam.  [default: gradient descent]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A .txt, .tex or .html file to write; of a row a picture, .svg, or numbers, .json or .csv.  [default: print]",
)
@MORE_MISSING
@UNREADABLE
@MEMORY_LIMIT
def command(
    model: str,
    table: str | None,
    row: int | None,
    data: str | None,
    of: str | None,
    loss: str | None,
    no_shortcut: bool,
    optimizer: str | None,
    out: Path | None,
    missing: list[str] | None,
    unreadable: str | None,
    memory_limit: int | None,
) -> None:
    """Derive a network on paper, or tell by --row what each column did to one prediction.

    The derivation has every line forward and backward with its shapes, and the update. MODEL is a model.safetensors
    file, or the run folder that holds it.

    With --row 17 it is told what each column did to the prediction for row 17 of DATA, a table, or else of the one that
    the run was trained on: Shapley values against 500 rows of the training part, in units of what is predicted, or in
    percentage points of the probability of a label. They add up to the prediction.
    """
    derived = {"--loss": loss, "--no-shortcut": no_shortcut, "--optimizer": optimizer}
    refuse_swapped("explain", model, [] if table is None else [table])
    if table is not None and data is not None:
        raise OptionError(f"the table is given twice, as {table} and as --data {data}: leave one of them out.")
    explained = {"DATA": table, "--data": data, "--of": of, "--missing": missing, "--unreadable": unreadable}
    if row is None:
        _refuse(explained, "is about a row: say which one, --row 17")
        _derive(model, loss, no_shortcut, optimizer, out, memory_limit)
    else:
        _refuse(derived, "is about the derivation, and --row about one prediction: leave one of them out")
        from chainrule.experiments import Trained

        data = data if table is None else table
        refuse_overwriting(out, [model, *([] if data is None else [data])])
        trained = Trained.load(model, missing=missing, unreadable=unreadable, memory_limit=in_bytes(memory_limit))
        _explain_row(trained, row, data, of, out)


def _refuse(options: Mapping[str, object], why: str) -> None:
    """Raises OptionError for an option that is given although it does not belong here."""
    for option, given in options.items():
        if given:
            raise OptionError(f"{option} {why}.")


def _derive(
    model: str, loss: str | None, no_shortcut: bool, optimizer: str | None, out: Path | None, memory_limit: int | None
) -> None:
    from rich.console import Console

    from chainrule.derivation import derive
    from chainrule.experiments.trained import load_network

    network = load_network(model, memory_limit=in_bytes(memory_limit))
    if loss is None and (quantiles := network.metadata.get("target", {}).get("quantiles")):
        print(
            f"note: it was trained by the pinball loss, of the quantiles {quantiles} and 0.5; the page has another cost"
        )
    page = derive(network, loss=loss, shortcut=not no_shortcut, optimizer=optimizer)
    if out is None:
        Console().print(page, soft_wrap=True)  # a formula that is cut in two cannot be read
    else:
        page.save(out)
        print(f"the derivation is in {out}")


def _explain_row(trained: "Trained", number: int, data: str | None, of: str | None, out: Path | None) -> None:
    from rich.console import Console

    from chainrule.cli.tables import attribution_table, show_notes
    from chainrule.experiments.row_explained import all_rows, explain_row, own_rows, require_rows, row_of
    from chainrule.progress import stage

    require_rows(trained)
    background = own_rows(trained)
    if data is not None:
        source = trained.read(data, labelled=False, warn=False)
        show_notes(source.notes)
        row = row_of(source, number)
        if isinstance(background, str):
            show_notes([f"{background}, so the row is compared with those of {data}"])
            background = all_rows(source)
    elif isinstance(background, str):
        raise OptionError(f"{background}: name the table that row {number} stands in, as in predict, behind the model.")
    else:
        source = background.source
        try:
            row = row_of(source, number)
        except DataError:  # rows without the target are left out there
            row = row_of(trained.read(source.name, labelled=False, warn=False), number)
    with stage("explaining"):
        found = explain_row(trained, row, background, of=of)
    if out is not None:
        found.save(out)
        print(f"what each column did is in {out}")
        return
    target = trained.target
    name = target.names[0] if len(target.names) == 1 else str(of)
    called = "prediction" if len(target.names) == 1 else f"prediction {name}"
    answer = found.told(found.output) if target.labels is None else trained.predictions(row)[called][0]
    print(f"row {number} of {source.name}: {name} is predicted to be {answer}")
    unit = f", in {found.measured_in}" if found.measured_in else ""
    print(f"what each column did to {found.of}{unit}:")
    Console().print(attribution_table(found))
    print(found.sum)
    if any(line.error for line in found.lines()):
        print("±: the standard error, for what was drawn, rows to compare with and orders of the columns")
