"""Arguments and options that several commands share."""

from typing import Annotated

import typer

Model = Annotated[str, typer.Argument(help="A model.safetensors file, or the run folder that holds it.")]

Broken = Annotated[
    str | None,
    typer.Option(
        help="Whether a broken picture or text is an error, refuse, or left out, skip.  [default: as in training]"
    ),
]

Threads = Annotated[
    int | None,
    typer.Option(help="How many threads compute.  [default: CHAINRULE_NUM_THREADS, or one for each core]"),
]

TextColumn = Annotated[str | None, typer.Option("--text", help="The column of a table that holds the texts.")]
