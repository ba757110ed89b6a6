"""Tables in the terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Drawn

from benchmarks.printed import Table


def terminal() -> Console:
    """Standard output, wide where nobody says how wide it is."""
    console = Console()
    return console if console.is_terminal else Console(width=140)


def show(console: Console, table: Table) -> None:
    """A table in the terminal."""
    drawn = Drawn(box=SIMPLE_HEAD, pad_edge=False, title=table.title, title_justify="left", title_style="bold")
    for k, head in enumerate(table.heads):
        drawn.add_column(head, justify="right" if k else "left", overflow="fold")
    for line in table.lines:
        drawn.add_row(*line)
    console.print(drawn)
    for note in table.notes:
        console.print(note, highlight=False)
