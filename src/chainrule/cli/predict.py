"""`chainrule predict`."""

from pathlib import Path
from typing import Annotated

import typer

from chainrule.cli.options import Broken, Model, Threads


def predict(
    model: Model,
    data: Annotated[
        list[str],
        typer.Argument(help="A table, pictures, texts or an .npz file with X; or several, or a data set's name."),
    ],
    out: Annotated[Path | None, typer.Option(help="The CSV file to write.  [default: print]")] = None,
    long: Annotated[bool, typer.Option("--long", help="Of forecasts, a row for each step ahead.")] = False,
    broken: Broken = None,
    threads: Threads = None,
) -> None:
    """Predict every example: a CSV with the prediction and, for classes, the probability of each."""
    from chainrule import files
    from chainrule.cli.tables import show_notes
    from chainrule.engines import held_to
    from chainrule.experiments import Trained
    from chainrule.progress import stage

    trained = Trained.load(model, broken=broken)
    sources, lost = trained.read_several(data)
    show_notes(lost)
    for source in sources:
        show_notes(source.notes)
    with held_to(threads):
        if out is None:
            for lines in trained.lines(*sources, long=long):
                print(lines, end="")
        else:
            total = sum(source.size for source in sources)
            with stage("predicting", total) as advance:
                files.write_pieces(out, (lines.encode() for lines in trained.lines(*sources, long=long, done=advance)))
            print(f"{total:,} predictions in {out}")
