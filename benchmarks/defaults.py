"""The defaults of `chainrule train` on tables, beside what a user would take instead, each with its defaults.

    python -m benchmarks.defaults                                    # the tables of shared/tables, five splits each
    python -m benchmarks.defaults --tables FOLDER --splits 1         # other tables
    python -m benchmarks.defaults --file adult.csv --target income   # a single one
    python -m benchmarks.defaults --only letter ames --contestants chainrule CatBoost
    python -m benchmarks.defaults --contestants chainrule target-statistics   # what an option does to them
    python -m benchmarks.defaults --report --markdown                # tell of what was measured before

A fifth of the rows, drawn anew for each split, is tested on; all contestants see the same rows, and take what they
need for validation out of the training rows. Each learns on one thread, in a process of its own. What is measured is
learning and answering, without imports and reading the file. Results are kept in a file, a line each: what others
reached is measured once for each version of theirs, chainrule anew every time, unless `--keep` finds results of the
very same code, as after an interruption.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

from benchmarks.page import markdown
from benchmarks.standings import Standings, all_tables, common, what_is_compared
from benchmarks.table_models import CONTESTANTS, VARIANTS, Contestant, by_chainrule
from benchmarks.table_problems import Listed, Problem, listed, problem
from benchmarks.table_results import Kept, Result, measure_apart, one_thread
from benchmarks.terminal import show, terminal
from benchmarks.worker import RefusedError
from chainrule.checking import whole
from chainrule.errors import ChainruleError, OptionError
from chainrule.experiments import Settings

DATA = Path(os.environ.get("CHAINRULE_DATA", Path(__file__).parents[2] / "shared" / "data"))
"""The real data; the tables lie in the folder `tables` beside it."""

RESULTS = Path("runs/defaults.jsonl")


def run(
    tables: Sequence[Listed],
    splits: int,
    contestants: Sequence[Contestant],
    kept: Kept,
    *,
    keep: bool = False,
    jobs: int = 1,
    say: Callable[[str], None] = print,
) -> list[Result]:
    """Let every contestant learn every split of every table; the first contestant all tables before the next.

    Args:
        kept: where results are found and written. keep: whether chainrule's are found, too.
        jobs: how many processes at a time; the seconds of all suffer where these are more than idle cores.
        say: told of each result, and of those that came to none.
    """
    read = cache(problem)

    def result(cell: tuple[Contestant, int, Listed]) -> Result | None:
        contestant, split, table = cell
        asked: Problem = read(table, split)
        found = kept.find((table.name, split, contestant.name, contestant.versions, asked.data))
        if found is not None and (keep or not contestant.ours):
            return found
        called = f"{table.name}, split {split}, {contestant.name}"
        try:
            found = measure_apart(contestant, asked)
        except RefusedError as error:
            say(f"{called} failed: {error}")
            return None
        kept.add(found)
        say(f"{called}: loss {found.loss:.4g}, error {found.error:.4g}, {found.cpu:.1f} s of CPU")
        return found

    cells = [(who, split, table) for who in contestants for split in range(splits) for table in tables]
    with one_thread():
        if jobs == 1:
            return [found for found in map(result, cells) if found is not None]
        pool = ThreadPoolExecutor(jobs)
        try:
            return [found for found in pool.map(result, cells) if found is not None]
        finally:
            pool.shutdown(cancel_futures=True)


def told(results: Sequence[Result], contestants: Sequence[Contestant]) -> Standings | str:
    """What the results come to; a sentence where nothing can be compared."""
    there = {result.contestant for result in results}
    names = [one.name for one in contestants if one.name in there]
    found = common(results, names)
    if not found:
        lacking = {name: sum(result.contestant == name for result in results) for name in names}
        counts = ", ".join(f"{name} has {n}" for name, n in lacking.items()) or "nobody has any"
        return f"no split of a table has a result of every contestant: {counts}; --contestants names those to compare"
    return Standings(found, names, names[0], [one.name for one in contestants if one.trees and one.name in names])


def chosen(names: Sequence[str]) -> list[Contestant]:
    """The contestants of these names in their order, or all but those that are chainrule with an option.

    Raises:
        OptionError: there is no such contestant.
    """
    known = {one.name: one for one in (*CONTESTANTS, *VARIANTS)}
    if unknown := [name for name in names if name not in known]:
        raise OptionError(f"there is no contestant {unknown[0]!r}, but {', '.join(known)}.")
    return [known[name] for name in names] or list(CONTESTANTS)


def installed(contestants: Iterable[Contestant], say: Callable[[str], None] = print) -> list[Contestant]:
    """Those whose packages are on this machine; the others are named."""
    found = []
    for one in contestants:
        if one.versions:
            found.append(one)
        else:
            say(f"{one.name} is left out, as it needs {' and '.join(one.packages)}: pip install -e '.[bench]'")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the tables; a mistake of the user's is one line and exit code 2."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        _main(given)
    except ChainruleError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        parser.exit(130, "stopped: the same command goes on where it was, with --keep\n")


def _main(given: argparse.Namespace) -> None:
    there = [_alone(given)] if given.file is not None else listed(given.tables)
    tables = [table for table in there if not given.only or table.name in given.only]
    if lost := set(given.only) - {table.name for table in tables}:
        raise OptionError(f"{given.file or given.tables} has no table {', '.join(sorted(lost))}.")
    splits, jobs, contestants = whole("--splits", given.splits), whole("--jobs", given.jobs), chosen(given.contestants)
    kept = Kept(given.results)

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if given.report:
        names = {table.name for table in tables}
        results = [found for found in kept.latest() if found.table in names and found.split < splits]
    else:
        contestants = installed(contestants, say)
        contestants += [] if given.time_limit is None else [_in_time(given.time_limit)]
        results = run(tables, splits, contestants, kept, keep=given.keep, jobs=jobs, say=say)
    standings = told(results, contestants)
    if isinstance(standings, str):
        raise OptionError(f"{standings}.")
    console = terminal()
    for table in all_tables(standings, what_is_compared(results, standings.names, standings)):
        if given.markdown:
            print(f"### {table.title}\n\n{markdown(table)}\n")
        else:
            show(console, table)


def _in_time(seconds: float) -> Contestant:
    """chainrule, told how much time it has."""
    settings = Settings(threads=1, time_limit=seconds)
    return Contestant(f"chainrule, {seconds:g} s", partial(by_chainrule, settings), ours=True)


def _alone(given: argparse.Namespace) -> Listed:
    """The table that `--file` names."""
    if given.target is None:
        raise OptionError(f"which column of {given.file} is to be predicted? --target COLUMN.")
    if not given.file.exists():
        raise OptionError(f"there is no file {given.file}.")
    return Listed(given.file.stem, given.file, given.target, given.task)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.defaults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tables = DATA.parent / "tables"
    parser.add_argument("--tables", type=Path, default=tables, help="a folder of CSV files with a tables.json")
    parser.add_argument("--file", type=Path, help="a single CSV file instead")
    parser.add_argument("--target", metavar="COLUMN", help="of that file, what to predict")
    parser.add_argument(
        "--task", choices=("classification", "regression"), default="classification", help="of that file (%(default)s)"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="some of the tables")
    parser.add_argument("--splits", type=int, default=5, help="how many divisions of each table (default: 5)")
    parser.add_argument(
        "--contestants",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"some, compared with the first of them: {', '.join(one.name for one in (*CONTESTANTS, *VARIANTS))}",
    )
    parser.add_argument("--time-limit", type=float, metavar="SECONDS", help="let chainrule also learn in such a time")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help=f"what keeps them ({RESULTS})")
    parser.add_argument("--keep", action="store_true", help="take what the same code of chainrule reached from there")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes at a time (default: 1)")
    parser.add_argument("--report", action="store_true", help="measure nothing; tell of the results that are there")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    return parser


if __name__ == "__main__":
    main()
