"""`chainrule paper`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from chainrule.papers import Result


@click.command("paper")
@click.argument("name")
@click.option("--seed", type=click.IntRange(0), help="Run it with this seed alone.")
@click.option("--seeds", type=click.IntRange(1), help="Run it with so many, 0, 1, ….  [default: 10 or more]")
@click.option("--out", type=click.Path(path_type=Path), help="A folder for the figure, the table and the numbers.")
def command(name: str, seed: int | None, seeds: int | None, out: Path | None) -> None:
    """Run a paper's experiment again, and set its numbers beside the paper's.

    NAME is such as rumelhart1986. list shows which there are, all runs every one of them and makes an overview.
    """
    from chainrule.errors import OptionError
    from chainrule.files import write_atomically
    from chainrule.papers import PAPERS, find
    from chainrule.papers.overview import overview, record, written

    if seed is not None and seeds is not None:
        raise OptionError(f"--seed {seed} is one seed and --seeds {seeds} are several: give one of the two.")
    chosen = {} if seed is None and seeds is None else {"seeds": range(seeds) if seeds else (seed,)}
    if name == "list":
        for paper in map(find, PAPERS):
            print(f"{paper.name:<16} {paper.authors} ({paper.year}): {paper.title}")
    elif name == "all":
        records = {one: record(_run(one, **chosen)) for one in PAPERS}
        if out:
            write_atomically(out / "overview.md", overview(records))
            write_atomically(out / "numbers.json", written(records))
            print(f"in {out}: overview.md, numbers.json")
    else:
        result = _run(name, **chosen)
        if out:
            result.save(out / f"{name}.svg")
            write_atomically(out / f"{name}.md", result.markdown())
            write_atomically(out / "numbers.json", written({name: record(result)}))
            print(f"in {out}: {name}.svg, {name}.md, numbers.json")


def _run(name: str, **seeds: Any) -> "Result":
    """Run one, and print what came out and what it took."""
    from chainrule.papers import find

    paper, began = find(name), time.process_time()
    print(paper)
    result = paper.run(**seeds)
    print(f"{result}\n{time.process_time() - began:.1f} s of a processor\n", flush=True)
    return result
