"""What a torture has found: counts by kind, failures by cause, and the table of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from .workers import Failure, Kind

HEADER = ("attack", "tries", "ok", "refused", "failures", "skipped", "wanted in 30 minutes")


@dataclass
class Tally:
    """The counts of one kind.

    Attributes:
        words: how often tries ended how. skipped: why some could not be made.
        failures: those that are kept. causes: how often each cause was met. seconds: of all workers.
        over: whether there is no more to try.
    """

    kind: Kind
    words: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    over: bool = False

    def add(self, words: Iterable[str]) -> None:
        """Count how a try ended."""
        for word in words:
            if word.startswith("skipped"):
                self.skipped[word.removeprefix("skipped: ")] += 1
            else:
                self.words[word] += 1

    @property
    def failed(self) -> int:
        return self.causes.total()

    @property
    def tries(self) -> int:
        """All but those that were skipped."""
        return self.words.total() + self.failed

    def row(self) -> tuple[str, ...]:
        """The counts in the order of `HEADER`."""
        counts = (self.tries, self.words["ok"], self.words["refused"], self.failed, self.skipped.total())
        return (self.kind.name, *(f"{count:,}" for count in counts), f"{self.kind.target:,}")


def markdown(tallies: Iterable[Tally]) -> str:
    """The counts as a Markdown table."""
    rows = [tally.row() for tally in tallies]
    aligned = ("---", *("---:" for _ in HEADER[1:]))
    return "\n".join(f"| {' | '.join(row)} |" for row in (HEADER, aligned, *rows))


def plain(tallies: Iterable[Tally]) -> str:
    """The counts as a table for a terminal."""
    rows = [HEADER, *(tally.row() for tally in tallies)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def causes(tallies: Iterable[Tally]) -> str:
    """The causes of failures, the most frequent first, each with a kept input and how to repeat it."""
    lines = []
    for tally in tallies:
        for cause, n in tally.causes.most_common():
            lines.append(f"{tally.kind.name}: {n:,} × {cause}")
            for failure in (failure for failure in tally.failures if failure.where == cause):
                repeat = f"python -m tests.torture --only {failure.kind} --seed {failure.seed} --minutes 0"
                lines.append(f"  {failure.kept}  (number {failure.index} of: {repeat})")
        lines += [f"{tally.kind.name}: {n:,} skipped, {why}" for why, n in tally.skipped.items()]
    return "\n".join(lines)
