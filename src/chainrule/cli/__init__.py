"""What a person types, `chainrule train` and the other commands: parses, calls the library, prints."""

import io
import sys
from typing import Annotated

import typer

from chainrule.cli.evaluate import evaluate
from chainrule.cli.explain import explain
from chainrule.cli.graph import graph
from chainrule.cli.info import info
from chainrule.cli.predict import predict
from chainrule.cli.sample import sample
from chainrule.cli.stages import stages_shown
from chainrule.cli.train import train
from chainrule.errors import ChainruleError

app = typer.Typer(
    name="chainrule",
    help="Neural networks that show their work, at the speed of the machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # which leaves what stands in square brackets
)


def _tell_version(asked: bool) -> None:
    if asked:
        from chainrule import __version__

        print(f"chainrule {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_tell_version)
    ] = False,
) -> None:
    """What stands in front of a command."""


app.command()(train)
app.command()(evaluate)
app.command()(predict)
app.command()(sample)
app.command()(explain)
# An expression may start with a minus sign, which is not an option.
app.command(context_settings={"ignore_unknown_options": True})(graph)
app.command()(info)


def main() -> None:
    """Run the command line. A user's mistake is one line on stderr and exit status 2, never a traceback.

    So is a lack of memory.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without a sign, such as ⊙, shows its number
    try:
        with stages_shown():
            app()
    except ChainruleError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # as of a folder that may not be read, or where the output goes to a full disk
        where = f" {error.filename}:" if error.filename else ""
        print(f"error:{where} {error.strerror or error}.", file=sys.stderr)
        sys.exit(2)
    except MemoryError as error:
        asked = str(error).rstrip(".") or "no more of it is free"
        print(f"error: memory is short: {asked}. Smaller layers and smaller batches need less.", file=sys.stderr)
        sys.exit(2)
