"""`chainrule predict`."""

from pathlib import Path
from typing import Annotated

import typer


def predict(
    model: Annotated[str, typer.Argument(help="A model.safetensors file.")],
    data: Annotated[str, typer.Argument(help="A bundled data set, or an .npz file with X.")],
    out: Annotated[Path | None, typer.Option(help="The CSV file to write.  [default: print]")] = None,
) -> None:
    """Predict every example: a CSV with the prediction and, for classes, the probability of each."""
    from chainrule import files
    from chainrule.cli.tables import show_notes
    from chainrule.experiments import Trained

    trained = Trained.load(model)
    source = trained.read(data, labelled=False)
    show_notes(source)
    if out is None:
        for lines in trained.lines(source):
            print(lines, end="")
    else:
        files.write_pieces(out, (lines.encode() for lines in trained.lines(source)))
        print(f"{source.size:,} predictions in {out}")
