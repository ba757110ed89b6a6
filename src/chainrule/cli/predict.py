"""`chainrule predict`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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
    refuse_overwriting,
    refuse_swapped,
)

if TYPE_CHECKING:
    from chainrule.data.source import Source


ALIKE = 5
"""Of so many files it is told by name in which way they are unlike training."""


@click.command("predict")
@MODEL
@click.argument("data", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), help="The CSV file to write.  [default: print]")
@TEXT_COLUMN
@click.option("--long", is_flag=True, help="Of forecasts, a row for each step ahead.")
@click.option("--spread", is_flag=True, help="A column that tells how far the answers of several networks lie apart.")
@MORE_MISSING
@UNREADABLE
@BROKEN
@THREADS
@MEMORY_LIMIT
def command(
    model: str,
    data: tuple[str, ...],
    out: Path | None,
    text: str | None,
    long: bool,
    spread: bool,
    missing: list[str] | None,
    unreadable: str | None,
    broken: str | None,
    threads: int | None,
    memory_limit: int | None,
) -> None:
    """Predict every example: a CSV with the prediction and, for classes, the probability of each.

    MODEL is a model.safetensors file, or the run folder that holds it. DATA is a table, pictures, texts or an .npz file
    with X, several of these, of which a column says which one each row is of, or a data set's name.
    """
    from chainrule import files
    from chainrule.cli.tables import show_notes
    from chainrule.engines import held_to
    from chainrule.experiments import Trained
    from chainrule.experiments.words import units_note
    from chainrule.names import counted
    from chainrule.progress import stage

    refuse_swapped("predict", model, data)
    refuse_overwriting(out, [model, *data])
    trained = Trained.load(
        model,
        broken=broken,
        text=text,
        missing=missing,
        unreadable=unreadable,
        memory_limit=in_bytes(memory_limit),
    )
    sources, lost = trained.read_several(list(data))
    show_notes(lost)
    several = len(data) > 1
    show_notes(_of_all(sources, several))
    shown = [len(source.notes) for source in sources]
    show_notes(filter(None, [units_note(trained.target, trained.encoding.units)]))
    with held_to(threads):
        if out is None:
            for piece in trained.lines(*sources, long=long, several=several, spread=spread):
                print(piece, end="")
        else:
            total = sum(source.size for source in sources)
            rows: list[int] = []
            with stage("predicting", None if long else total) as advance:

                def done(n: int) -> None:
                    rows.append(n)
                    advance(n)

                lines = trained.lines(*sources, long=long, several=several, spread=spread, done=done)
                files.write_pieces(out, (piece.encode() for piece in lines))
            forecasts = f"{counted(total, 'forecast')}, {counted(sum(rows), 'row')},"
            what = forecasts if long else counted(total, "prediction")
            print(f"{what} in {out}")
    for source, n in zip(sources, shown, strict=True):
        show_notes(_of(source, several)[n:])  # on what was not met before the whole of a large file was read


def _of_all(sources: "Sequence[Source]", several: bool) -> list[str]:
    """The notes on all sources; where many files are unlike training in the same way, on the first of them alone."""
    from chainrule.data.new_rows import Doubt
    from chainrule.names import counted

    found: list[str] = []
    alike: dict[tuple[str, str], list[str]] = {}
    for source in sources:
        for note, told in zip(source.notes, _of(source, several), strict=True):
            names = alike.setdefault(note.about, []) if isinstance(note, Doubt) else []
            names.append(source.name)
            if len(names) <= ALIKE:
                found.append(told)
    more = [names for names in alike.values() if len(names) > ALIKE]
    return [*found, *(f"and {counted(len(names) - ALIKE, 'more file')} like {names[0]}" for names in more)]


def _of(source: "Source", several: bool) -> list[str]:
    """The notes on a source, which begin with its name where there are others."""
    return [f"{source.name}: {note}" if several and source.name not in note else note for note in source.notes]
