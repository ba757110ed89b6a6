"""`chainrule evaluate`."""

from typing import Annotated

import typer

from chainrule.cli.options import Broken, Model, Threads


def evaluate(
    model: Model,
    data: Annotated[
        str, typer.Argument(help="Labelled examples of the kind that it was trained on: a file, a folder, or a name.")
    ],
    part: Annotated[
        str, typer.Option(help='"test", "train" or "all"; by default "test" of the model\'s own data, else "all".')
    ] = "auto",
    broken: Broken = None,
    threads: Threads = None,
) -> None:
    """Measure a trained network on labelled examples."""
    from rich.console import Console

    from chainrule.cli.tables import measures_table, notes_on_measures, show_notes
    from chainrule.engines import held_to
    from chainrule.experiments import Trained

    trained = Trained.load(model, broken=broken)
    source = trained.read(data)
    show_notes(source.notes)
    rows, what = trained.rows(source, part)
    with held_to(threads):
        measured, interval = trained.measures(source, rows)
    print(f"{source.name}: {what}, {len(rows):,} examples")
    Console().print(measures_table({"value": measured}, interval, target=trained.target))
    for note in notes_on_measures(trained.target, interval=bool(interval)):
        print(note)
