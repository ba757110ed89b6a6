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
    broken: Broken = None,
    threads: Threads = None,
) -> None:
    """Predict every example: a CSV with the prediction and, for classes, the probability of each."""
    from chainrule import files
    from chainrule.cli.tables import show_notes
    from chainrule.engines import held_to
    from chainrule.experiments import Trained

    trained = Trained.load(model, broken=broken)
    sources, lost = trained.read_several(data)
    show_notes(lost)
    for source in sources:
        show_notes(source.notes)
    with held_to(threads):
        if out is None:
            for lines in trained.lines(*sources):
                print(lines, end="")
        else:
            files.write_pieces(out, (lines.encode() for lines in trained.lines(*sources)))
            print(f"{sum(source.size for source in sources):,} predictions in {out}")
