"""`chainrule predict`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.errors import DataError


def predict(
    model: Annotated[str, typer.Argument(help="A model.safetensors file.")],
    data: Annotated[
        list[str],
        typer.Argument(help="A table, pictures, texts or an .npz file with X; or several, or a data set's name."),
    ],
    out: Annotated[Path | None, typer.Option(help="The CSV file to write.  [default: print]")] = None,
) -> None:
    """Predict every example: a CSV with the prediction and, for classes, the probability of each."""
    from chainrule import files
    from chainrule.cli.tables import show_notes
    from chainrule.experiments import Trained
    from chainrule.experiments.trained import as_csv

    trained = Trained.load(model)
    found: dict[str, list[Any]] = {}
    for one in data:
        source = trained.read(one, labelled=False)
        show_notes(source)
        columns = trained.predictions(source)
        if found and columns.keys() != found.keys():
            raise DataError(f"{one} has other columns than {data[0]}: predict one after the other.")
        for name, values in columns.items():
            found.setdefault(name, []).extend(values)
    table = as_csv(found)
    if out is None:
        print(table, end="")
    else:
        files.write_atomically(out, table)
        print(f"{table.count(chr(10)) - 1:,} predictions in {out}")
