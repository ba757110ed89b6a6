"""Finds the slips that explain a learner's numbers: types each one in, and looks whether the same numbers come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from chainrule.notes.checker.backward_slips import backward_slips, factors
from chainrule.notes.checker.forward_slips import forward_slips
from chainrule.notes.checker.rounding import rounded
from chainrule.notes.checker.sheet import Setting, Sheet, split
from chainrule.notes.checker.slips import Slip, notes_line, numpy_line
from chainrule.notes.checker.verdict import Finding
from chainrule.notes.checker.work import Work

MOST = 3
"""How many slips that give the same numbers are told."""


@dataclass(frozen=True)
class Judge:
    """A learner's work beside a sheet that is taken for the truth.

    Attributes:
        remark: what is to be said about that truth.
    """

    work: Work
    sheet: Sheet
    remark: str = ""

    @property
    def setting(self) -> Setting:
        """Of the sheet."""
        return self.sheet.setting

    @cached_property
    def right(self) -> list[str]:
        """The names that are right, in order."""
        return [name for name in self.work.arrays if self._is_right(name)]

    @property
    def wrong(self) -> list[str]:
        """The others."""
        return [name for name in self.work.arrays if name not in self.right]

    def _is_right(self, name: str) -> bool:
        return self.work.agrees(name, self.sheet[name]) or self.work.decimals(name, self.sheet[name]) is not None

    @property
    def remarks(self) -> Iterator[str]:
        """What is to be said of what is right."""
        if self.remark:
            yield self.remark
        for name in self.right:
            if not self.work.agrees(name, self.sheet[name]):
                yield f"{name} is right to the {self.work.decimals(name, self.sheet[name])} decimals that it has."
            elif np.isinf(self.work.tolerance(self.sheet[name])).any():
                yield f"{name} is not judged where A{self.setting.L} rounds to 0 or 1."


@dataclass
class Explanation:
    """What was found of a learner's work in one setting."""

    setting: Setting
    right: list[str]
    wrong: list[str]
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def doubt(self) -> tuple[int, int, int]:
        """How little is explained: unknown slips, wrong names, slips."""
        return sum(found.kind == "unknown" for found in self.findings), len(self.wrong), len(self.findings)


def explain(judge: Judge) -> Explanation:
    """Slip after slip, in the order of the computation, until all that is wrong is explained or told to be unknown."""
    found = Explanation(judge.setting, judge.right, judge.wrong, remarks=list(judge.remarks))
    sheet, open_names = judge.sheet, list(judge.wrong)
    not_finite = [name for name in open_names if not np.isfinite(judge.work.arrays[name]).all()]
    if not_finite:
        found.findings.append(_not_finite(judge, not_finite))
        open_names = [name for name in open_names if name not in not_finite]
    while open_names:
        name = open_names[0]
        candidates = _candidates(judge, sheet, name, open_names)
        if candidates:
            slips, sheet = candidates[0]
        else:
            slips, sheet = (), _as_given(judge.work, sheet, name)
        follows = [other for other in open_names[1:] if _agrees(judge.work, sheet, other)]
        made = _known(judge, name, slips, candidates[1:]) if slips else _unknown(judge, sheet, name)
        found.findings.append(_with_followers(made, follows))
        open_names = [other for other in open_names[1:] if other not in follows]
    return found


def _candidates(judge: Judge, sheet: Sheet, name: str, open_names: list[str]) -> list[tuple[tuple[Slip, ...], Sheet]]:
    """The slips that make `name` what the learner has, those that explain most, one of each kind."""
    setting = judge.setting
    groups: list[Iterable[tuple[Slip, ...]]] = [[(slip,) for slip in forward_slips(setting)]]
    if name.startswith("d"):
        groups = [[(slip,) for slip in backward_slips(setting)], *groups]
    if split(name)[0] in ("W", "b") and name.startswith("d"):
        groups.append([(slip, factor) for slip in backward_slips(setting) for factor in factors(setting, name)])
    best: list[tuple[int, tuple[Slip, ...], Sheet]] = []
    for group in groups:
        for slips in group:
            typed = sheet
            for slip in slips:
                typed = typed.typed_otherwise(slip.lines)
            if _agrees(judge.work, typed, name):
                best.append((_explained(judge, typed, open_names), slips, typed))
        if best and max(score for score, _, _ in best) >= len(open_names):
            break
    if not best:
        return []
    most = max(score for score, _, _ in best)
    chosen: dict[str, tuple[tuple[bool, int, int], tuple[Slip, ...], Sheet]] = {}
    order = setting.names
    for score, slips, typed in best:
        if score == most:
            place = (slips[0].name in judge.work.arrays, -len(slips), order.index(slips[0].name))
            kind = slips[0].kind
            if kind not in chosen or place > chosen[kind][0]:
                chosen[kind] = (place, slips, typed)
    fewest = min(len(slips) for _, slips, _ in chosen.values())
    return [(slips, typed) for _, slips, typed in chosen.values() if len(slips) == fewest]


def _explained(judge: Judge, sheet: Sheet, open_names: list[str]) -> int:
    """How many wrong names come out as the learner has them, less the right ones that do not."""
    agreeing = sum(_agrees(judge.work, sheet, name) for name in open_names)
    return agreeing - sum(not _agrees(judge.work, sheet, name) for name in judge.right)


def _agrees(work: Work, sheet: Sheet, name: str) -> bool:
    try:
        return work.agrees(name, sheet[name])
    except (ValueError, IndexError):  # the shapes that a slip has made do not fit its line
        return False


def _as_given(work: Work, sheet: Sheet, name: str) -> Sheet:
    """The sheet with the learner's own numbers, so that what follows from them is not called wrong once more."""
    mine = work.arrays[name]
    return sheet.typed_otherwise({name: lambda s: rounded(mine, np.zeros_like(mine))})


def _known(judge: Judge, name: str, slips: tuple[Slip, ...], others: list[tuple[tuple[Slip, ...], Sheet]]) -> Finding:
    slip = slips[0]
    setting = judge.setting
    says = "; and ".join(s.says for s in slips)
    alternatives = [f"{'; and '.join(s.says for s in some)} ({some[0].typed})" for some, _ in others]
    return Finding(
        name,
        " and ".join(s.kind for s in slips),
        _sentence(says),
        slip.typed if len(slips) == 1 else "",
        notes_line(slip.name, setting),
        numpy_line(slip.name, setting),
        _difference(judge, name),
        tuple(dict.fromkeys(text for text in alternatives if text))[: MOST - 1],
    )


def _unknown(judge: Judge, sheet: Sheet, name: str) -> Finding:
    setting = judge.setting
    says = f"{name} is wrong, by no slip that is known here"
    mine, right = judge.work.arrays[name], judge.sheet[name]
    if mine.shape != right.shape:
        says = f"{name} is {mine.shape}, but must be {right.shape or 'a number'}: the shape of {name.removeprefix('d')}"
    else:
        ratio = _ratio(mine, right.value)
        says += f"; it is {ratio:.6g} times the right one everywhere" if ratio is not None else ""
    return Finding(
        name,
        "unknown",
        _sentence(says),
        "",
        notes_line(name, setting),
        numpy_line(name, setting),
        _difference(judge, name),
    )


def _not_finite(judge: Judge, names: list[str]) -> Finding:
    setting, name = judge.setting, names[0]
    mine = judge.work.arrays[name]
    where = np.argwhere(~np.isfinite(mine))[0].tolist()
    what = "NaN" if np.isnan(mine).any() else "infinity"
    A = judge.sheet[f"A{setting.L}"].value
    cause = f" A{setting.L} comes so near to 0 or 1 that it is rounded to it, and 1/0 and ln 0 are infinite."
    near = min(A.min(), (1 - A).min()) < 1e-6
    says = f"{name} holds {what}, first at {where}."
    return Finding(
        name,
        "not finite",
        says + (cause if near and setting.cost != "squared_error" else ""),
        "",
        notes_line(name, setting),
        numpy_line(name, setting),
        "",
        follows=tuple(names[1:]),
    )


def _with_followers(found: Finding, follows: list[str]) -> Finding:
    return replace(found, follows=tuple(follows))


def _difference(judge: Judge, name: str) -> str:
    """Where the first difference is, the largest, and how many there are."""
    mine, right = judge.work.arrays[name], judge.sheet[name]
    if mine.shape != right.shape:
        return f"{name}.shape = {mine.shape}, the notes' is {right.shape or '()'}"
    off = np.abs(mine - right.value)
    differs = off > judge.work.tolerance(right)
    if mine.shape == ():
        return f"{name} = {mine:.6g}, right is {right.value:.6g}"
    first, largest = np.argwhere(differs)[0], np.unravel_index(np.argmax(off), off.shape)
    text = f"{name}{first.tolist()} = {mine[tuple(first)]:.6g}, right is {right.value[tuple(first)]:.6g}"
    if differs.sum() > 1:
        text += f"; {differs.sum()} of {mine.size} differ, by {off[largest]:.3g} at most"
    return text


def _ratio(mine: NDArray[np.float64], right: NDArray[np.float64]) -> float | None:
    """The factor between the two, where it is one number."""
    if not right.any() or mine.size < 2:
        return None
    factor = float((mine * right).sum() / (right * right).sum())
    return factor if factor and np.allclose(mine, factor * right, rtol=1e-4, atol=1e-9 * np.abs(mine).max()) else None


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
