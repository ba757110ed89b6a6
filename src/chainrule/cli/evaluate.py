"""`chainrule evaluate`."""

from typing import Annotated

import typer

from chainrule.cli.options import Broken, MemoryLimit, Model, TextColumn, Threads, in_bytes, refuse_swapped


def evaluate(
    model: Model,
    data: Annotated[
        str, typer.Argument(help="Labelled examples of the kind that it was trained on: a file, a folder, or a name.")
    ],
    part: Annotated[
        str, typer.Option(help='"test", "train" or "all"; by default "test" of the model\'s own data, else "all".')
    ] = "auto",
    text: TextColumn = None,
    target: Annotated[
        str | None, typer.Option(help="The column of a table that tells what the texts of a network for files are.")
    ] = None,
    broken: Broken = None,
    threads: Threads = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Measure a trained network on labelled examples."""
    from rich.console import Console

    from chainrule.cli.tables import measures_table, notes_on_measures, show_notes, units_note
    from chainrule.engines import held_to
    from chainrule.experiments import Trained

    refuse_swapped("evaluate", model, [data])
    limit = in_bytes(memory_limit)
    trained = Trained.load(model, broken=broken, text=text, target=target, memory_limit=limit)
    source = trained.read(data)
    show_notes(source.notes)
    rows, what = trained.rows(source, part)
    with held_to(threads):
        measured, interval = trained.measures(source, rows)
    print(f"{source.name}: {what}, {len(rows):,} examples")
    Console().print(measures_table({"value": measured}, interval, target=trained.target))
    notes = notes_on_measures(trained.target, interval=bool(interval))
    for note in (*notes, units_note(trained.target, trained.encoding.units)):
        if note:
            print(note)
