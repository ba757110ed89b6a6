"""`chainrule evaluate`."""

import click

from chainrule.cli.options import (
    BROKEN,
    MEMORY_LIMIT,
    MODEL,
    MORE_MISSING,
    TEXT_COLUMN,
    THREADS,
    UNREADABLE,
    in_bytes,
    refuse_swapped,
)


@click.command("evaluate")
@MODEL
@click.argument("data")
@click.option("--part", default="auto", help='"test", "train" or "all".  [default: test of its own data, else all]')
@TEXT_COLUMN
@click.option(
    "--target",
    metavar="COLUMN",
    help="The column of a table that tells what the texts of a network for files are.",
)
@MORE_MISSING
@UNREADABLE
@BROKEN
@THREADS
@MEMORY_LIMIT
def command(
    model: str,
    data: str,
    part: str,
    text: str | None,
    target: str | None,
    missing: list[str] | None,
    unreadable: str | None,
    broken: str | None,
    threads: int | None,
    memory_limit: int | None,
) -> None:
    """Measure a trained network on labelled examples.

    MODEL is a model.safetensors file, or the run folder that holds it. DATA are labelled examples of the kind that it
    was trained on: a file, a folder, or a data set's name.
    """
    from rich.console import Console

    from chainrule.cli.tables import measures_table, show_notes
    from chainrule.engines import held_to
    from chainrule.experiments import Trained
    from chainrule.experiments.conclusions import quantile_words
    from chainrule.experiments.words import notes_on_measures, units_note

    refuse_swapped("evaluate", model, [data])
    limit = in_bytes(memory_limit)
    trained = Trained.load(
        model, broken=broken, text=text, target=target, missing=missing, unreadable=unreadable, memory_limit=limit
    )
    source = trained.read(data, labelled=True, warn=False)
    show_notes(source.notes)
    rows, what = trained.rows(source, part)
    with held_to(threads):
        measured, interval, quantiles, known = trained.measures(source, rows)
    print(f"{source.name}: {what}, {len(rows):,} examples")
    Console().print(measures_table({"value": measured}, interval, target=trained.target))
    notes = [*notes_on_measures(trained.target, interval=bool(interval)), *quantile_words(quantiles)]
    for note in (*notes, units_note(trained.target, trained.encoding.units), known):
        if note:
            print(note)
