"""What a check has found, as a person reads it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """One slip.

    Attributes:
        name: the first name that shows it.
        kind: what the slip is called, such as "1/m missing"; "unknown" where it is none that is known.
        says: a sentence about it.
        typed: the line that was probably typed; empty where that is not known.
        formula: the notes' line.
        code: the notes' line in NumPy.
        numbers: the largest difference.
        others: sentences about other slips that would give the same numbers here.
        follows: names that are wrong only because of this one.
    """

    name: str
    kind: str
    says: str
    typed: str
    formula: str
    code: str
    numbers: str
    others: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = [
            ("probably typed", self.typed),
            ("the notes", self.formula),
            ("in NumPy", self.code),
            ("seen in", self.numbers),
            ("follows", ", ".join(self.follows) + (" would be right but for that" if self.follows else "")),
        ]
        lines = [self.says, *(f"  {title:<14}  {text}" for title, text in rows if text.strip())]
        if self.others:
            lines += [f"  {'or':<14}  {text}" for text in self.others]
            lines.append(f"  {'':<14}  these give the same numbers here, so they cannot be told apart")
        return "\n".join(lines)


@dataclass(frozen=True)
class Check:
    """Which of a learner's arrays are right; true where none is wrong.

    Attributes:
        right, wrong: names, in the order in which a pass computes them.
        findings: the slips, in the same order.
        remarks: what was taken for granted, and what is right but not as the notes write it.
        open: names that are neither, as rounding leaves nothing to judge.
    """

    right: list[str]
    wrong: list[str]
    findings: list[Finding]
    remarks: list[str]
    open: list[str] = field(default_factory=list)

    @property
    def first(self) -> str | None:
        """The first wrong name in the order of the computation, dZL before dWL; None if all are right."""
        return self.wrong[0] if self.wrong else None

    def __bool__(self) -> bool:
        return not self.wrong

    def __str__(self) -> str:
        if not self.wrong and not self.right:
            parts = []
        elif not self.wrong:
            parts = [
                f"{', '.join(self.right)}: right" if len(self.right) == 1 else f"{', '.join(self.right)}: all right"
            ]
        else:
            names = [("right", self.right), ("wrong", self.wrong)]
            parts = ["\n".join(f"{verdict}  {', '.join(some)}" for verdict, some in names if some)]
        parts += [str(finding) for finding in self.findings]
        if self.remarks:
            parts.append("\n".join(self.remarks))
        return "\n\n".join(parts)

    __repr__ = __str__
