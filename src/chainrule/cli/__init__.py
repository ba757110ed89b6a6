"""What a person types, `chainrule train` and the other commands: parses, calls the library, prints."""

import importlib
import io
import sys
from typing import Any

import click

from chainrule.cli.stages import stages_shown
from chainrule.errors import ChainruleError
from chainrule.names import nearest

COMMANDS = ("train", "evaluate", "predict", "sample", "explain", "graph", "notes", "paper", "info")


class _Commands(click.Group):
    """The commands, each a module of its name, which is loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"chainrule.cli.{name}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is asked for, or a question whether another was meant."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            ctx.fail(f"there is no command {args[0]}.{nearest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a misspelled option is answered as any unknown name is."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if error.ctx is None:
                raise
            options = (name for option in error.ctx.command.get_params(error.ctx) for name in option.opts)
            known = [name.removeprefix("--") for name in options if name.startswith("--")]
            told = nearest(error.option_name.lstrip("-"), known).replace(" '", " '--")
            raise click.UsageError(f"there is no option {error.option_name}.{told}", error.ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command does, in a whole sentence."""
        helps = [(name, getattr(self.get_command(ctx, name), "help", None) or "") for name in COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl([(name, text.split("\n\n")[0]) for name, text in helps])


def _tell_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from chainrule import __version__

        print(f"chainrule {__version__}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["--help", "-h"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_tell_version, help="Show the version."
)
def app() -> None:
    """Neural networks that show their work, at the speed of the machine."""


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
