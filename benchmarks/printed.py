"""The results as tables, which the terminal and the page show alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results import Growth, Result, Results, Spread, Timing

NATIVE = "chainrule"
UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))


@dataclass(frozen=True)
class Table:
    """A title, the heads of the columns, the lines, and what there is to say below."""

    title: str
    heads: Sequence[str]
    lines: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def summary(rows: Sequence[Result]) -> Table:
    """chainrule beside the fastest peer of float32, and in bfloat16 beside the fastest of any precision."""
    lines = []
    for row in rows:
        for name, called in ((NATIVE, row.title), (f"{NATIVE}, bfloat16", f"{row.title}; bfloat16")):
            ours = next((timing for timing in row.timings if timing.name == name), None)
            if ours is None and name != NATIVE:
                continue
            fastest = row.fastest("float32" if ours is None else ours.precision)
            lines.append(
                [
                    called,
                    "" if ours is None else time(ours.spread),
                    "" if fastest is None else f"{time(fastest.spread)}, {fastest.name}",
                    "" if ours is None else speed(row, ours),
                    "" if ours is None else share(row, ours),
                ]
            )
    heads = ("", NATIVE, "the fastest peer", "times as fast", "of the products' limit")
    return Table("chainrule and the fastest peer", heads, lines)


def contestants(row: Result) -> Table:
    """All who took part in a row."""
    memory = any(timing.memory for timing in row.timings)
    lines = [
        [
            timing.name,
            str(timing.threads),
            time(timing.spread),
            speed(row, timing),
            f"{timing.loss:.4f}",
            *([f"{(timing.memory or 0) / 2**20:.0f} MiB"] if memory else []),
        ]
        for timing in row.timings
    ]
    heads = ("", "threads", f"a {row.unit}", "times as fast as the fastest peer", "loss", "memory")
    out = [f"{name} is left out: {reason}" for name, reason in row.left_out.items()]
    return Table(row.title, heads[: 6 if memory else 5], lines, [row.void, *out] if row.void else out)


def growth(found: Growth) -> Table:
    """How chainrule's step grows."""
    slope, error = found.slope
    exponent = f"{slope:.2f}" if math.isnan(error) else f"{slope:.2f} ± {error:.2f}"
    lines = [[str(value), time(Spread.of(rounds))] for value, rounds in zip(found.values, found.seconds, strict=True)]
    notes = [f"slope of log time over log {found.variable}: {exponent}"]
    return Table(f"chainrule against the {found.variable}: {found.title}", (found.variable, "a step"), lines, notes)


def all_tables(results: Results) -> list[Table]:
    """The summary, each row, each growth."""
    tables = [summary(results.rows), *map(contestants, results.rows)] if results.rows else []
    return [*tables, *map(growth, results.growths)]


def time(spread: Spread) -> str:
    """Such as "417 µs (405 to 431)"."""
    unit, size = next((unit, size) for unit, size in UNITS if spread.middle >= size or unit == "µs")
    return f"{spread.middle / size:.3g} {unit} ({spread.low / size:.3g} to {spread.high / size:.3g})"


def share(row: Result, timing: Timing) -> str:
    """Such as "77 %"; nothing where nobody knows."""
    found = row.share(timing)
    return "" if found is None else f"{100 * found:.0f} %"


def speed(row: Result, timing: Timing) -> str:
    """Such as "1.31 (1.27 to 1.34)"; "void" where the row is; nothing where there was no peer."""
    ratio = row.ratio(timing)
    if ratio is None:
        return "void" if row.void else ""
    return f"{ratio.middle:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
