"""Arguments and options that several commands share."""

import csv
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from chainrule.errors import OptionError

MODEL = click.argument("model")

BROKEN = click.option(
    "--broken",
    help="Whether a broken picture or text is an error, refuse, or left out, skip.  [default: as in training]",
)

THREADS = click.option(
    "--threads",
    type=int,
    help="How many threads compute.  [default: CHAINRULE_NUM_THREADS, or one for each core]",
)

TEXT_COLUMN = click.option("--text", metavar="COLUMN", help="The column of a table that holds the texts.")

MORE_MISSING = click.option(
    "--missing",
    metavar="WORD,…",
    callback=lambda context, option, words: listed(words) if words else None,
    help="Words in a table that mark a missing value beside those of the training.",
)

UNREADABLE = click.option(
    "--unreadable",
    help="Whether cells of a table that cannot be read, such as 4o among numbers, are taken for missing values,"
    " missing, or an error, refuse.  [default: missing where they are few]",
)

MEMORY_LIMIT = click.option(
    "--memory-limit",
    type=int,
    metavar="MEGABYTES",
    help="How much the network may take with one example, of a file that you trust.  "
    "[default: what its parameters justify]",
)


def in_bytes(megabytes: int | None) -> int | None:
    """A memory limit as the library takes it.

    Raises:
        OptionError: it is below 1.
    """
    if megabytes is not None and megabytes < 1:
        raise OptionError(f"--memory-limit is {megabytes}, but takes megabytes, 1 or more.")
    return None if megabytes is None else megabytes * 10**6


def refuse_swapped(command: str, model: str, data: Sequence[str]) -> None:
    """See to it that the model stands before the data.

    Raises:
        OptionError: it stands behind.
    """
    if _is_model(model) or not any(map(_is_model, data)):
        return
    found = next(filter(_is_model, data))
    others = [shlex.quote(one) for one in (model, *data) if one != found]
    raise OptionError(
        f"{model} is no model, but {found} is, which stands first: "
        f"chainrule {command} {shlex.quote(found)} {' '.join(others)}"
    )


def refuse_overwriting(out: Path | None, read: Sequence[str]) -> None:
    """See to it that what is written is nothing that is read.

    Raises:
        OptionError: it is.
    """
    if out is not None and any(os.path.realpath(out) == os.path.realpath(path) for path in read):
        raise OptionError(f"--out {out} is a file that is read, and would be lost: name another.")


def _is_model(path: str) -> bool:
    """Whether a path looks like a model file or a run folder."""
    return path.endswith(".safetensors") or os.path.exists(os.path.join(path, "model.safetensors"))


def listed(columns: str) -> list[str]:
    """["height", "weight"] from "height,weight"; a name with a comma in it stands in quotation marks."""
    names = next(csv.reader([columns], skipinitialspace=True), [])
    return [name.strip() for name in names if name.strip()]
