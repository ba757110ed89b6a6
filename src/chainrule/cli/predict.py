"""`chainrule predict`."""

from pathlib import Path
from typing import Annotated

import typer

from chainrule.cli.options import (
    Broken,
    MemoryLimit,
    Model,
    TextColumn,
    Threads,
    in_bytes,
    refuse_overwriting,
    refuse_swapped,
)


def predict(
    model: Model,
    data: Annotated[
        list[str],
        typer.Argument(help="A table, pictures, texts or an .npz file with X; or several, or a data set's name."),
    ],
    out: Annotated[Path | None, typer.Option(help="The CSV file to write.  [default: print]")] = None,
    text: TextColumn = None,
    long: Annotated[bool, typer.Option("--long", help="Of forecasts, a row for each step ahead.")] = False,
    broken: Broken = None,
    threads: Threads = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Predict every example: a CSV with the prediction and, for classes, the probability of each."""
    from chainrule import files
    from chainrule.cli.tables import show_notes, units_note
    from chainrule.engines import held_to
    from chainrule.experiments import Trained
    from chainrule.progress import stage

    refuse_swapped("predict", model, data)
    refuse_overwriting(out, [model, *data])
    trained = Trained.load(model, broken=broken, text=text, memory_limit=in_bytes(memory_limit))
    sources, lost = trained.read_several(data)
    show_notes(lost)
    for source in sources:
        show_notes(source.notes)
    shown = [len(source.notes) for source in sources]
    show_notes(filter(None, [units_note(trained.target, trained.encoding.units)]))
    with held_to(threads):
        if out is None:
            for lines in trained.lines(*sources, long=long):
                print(lines, end="")
        else:
            total = sum(source.size for source in sources)
            with stage("predicting", total) as advance:
                files.write_pieces(out, (lines.encode() for lines in trained.lines(*sources, long=long, done=advance)))
            print(f"{total:,} predictions in {out}")
    for source, n in zip(sources, shown, strict=True):
        show_notes(source.notes[n:])  # on what was not met before the whole of a large file was read
