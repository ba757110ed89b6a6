"""`chainrule paper`."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainrule.errors import OptionError

if TYPE_CHECKING:
    from chainrule.papers import Result


@click.command("paper")
@click.argument("name")
@click.option("--seed", type=click.IntRange(0), help="Run it with this seed alone.")
@click.option("--seeds", type=click.IntRange(1), help="Run it with so many, 0, 1, ….  [default: 10 or more]")
@click.option("--out", metavar="PATH", help="A folder for the figure, the table and the numbers.")
def command(name: str, seed: int | None, seeds: int | None, out: str | None) -> None:
    """Run a paper's experiment again, and set its numbers beside the paper's.

    NAME is such as rumelhart1986. list shows which there are, all runs every one of them and makes an overview.
    Ctrl-C, or SIGTERM, ends it at once, and nothing is written.
    """
    from chainrule.papers import PAPERS, find

    if seed is not None and seeds is not None:
        raise OptionError(f"--seed {seed} is one seed and --seeds {seeds} are several: give one of the two.")
    chosen = {} if seed is None and seeds is None else {"seeds": range(seeds) if seeds else (seed,)}
    name = name.lower()
    given = [f"--{option}" for option, value in (("seed", seed), ("seeds", seeds), ("out", out)) if value is not None]
    if name == "list" and given:
        raise OptionError(f"list runs nothing, so it takes no {' and no '.join(given)}.")
    folder = None if out is None else _folder(out)
    if name == "list":
        for paper in map(find, PAPERS):
            print(f"{paper.name:<16} {paper.authors} ({paper.year}): {paper.title}")
        return
    results = _results(PAPERS if name == "all" else (name,), **chosen)
    if folder is not None:
        print(f"in {folder}: {', '.join(_write(name, results, folder))}")


def _folder(out: str) -> Path:
    """The folder of this name, which is there or can be made, as far as one can tell before.

    Raises:
        OptionError: it is empty, lies in a file, or where nothing may be written.
    """
    if not out:
        raise OptionError('--out "" names no folder: give one, such as --out symmetry, or leave --out out.')
    folder = Path(out)
    for one in (folder, *folder.parents):
        try:
            os.stat(one)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if not one.is_dir():
            raise OptionError(f"--out {out}: {one} is no folder, but a file. Give another name.")
        if not os.access(one, os.W_OK | os.X_OK):
            raise OptionError(f"--out {out}: nothing can be written into {one}. Give another folder.")
        break
    return folder


def _results(names: tuple[str, ...], **seeds: Any) -> "dict[str, Result]":
    """Of all of these papers; told to stop, none."""
    from chainrule.training.interrupt import TERMINATED

    try:
        return {name: _run(name, **seeds) for name in names}
    except KeyboardInterrupt:
        status, said = 130, "interrupted"
    except SystemExit:
        status, said = TERMINATED, "terminated"
    print(f"{said}: nothing was written")  # here, where no line of a stage is left
    raise SystemExit(status)


def _run(name: str, **seeds: Any) -> "Result":
    """Run one, and print what came out and what it took."""
    from chainrule.papers import find

    paper, began = find(name), time.process_time()
    print(paper)
    result = paper.run(**seeds)
    print(f"{result}\n{time.process_time() - began:.1f} s of a processor\n", flush=True)
    return result


def _write(name: str, results: "dict[str, Result]", folder: Path) -> list[str]:
    """Fill the folder, and say with which files: each paper's have its name, so that many can share a folder."""
    from chainrule.files import write_atomically
    from chainrule.papers.overview import overview, record, written

    records = {one: record(result) for one, result in results.items()}
    if name == "all":
        texts = {"overview.md": overview(records), "numbers.json": written(records)}
    else:
        result = results[name]
        texts = {f"{name}.svg": result.figure.svg(), f"{name}.md": result.markdown(), f"{name}.json": written(records)}
    for file, text in texts.items():
        write_atomically(folder / file, text)
    return [*texts]
