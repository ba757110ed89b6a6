"""Finds the slips that explain a learner's numbers: types each one in, and looks whether the same numbers come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from chainrule.notes.checker.backward_slips import backward_slips
from chainrule.notes.checker.forward_slips import forward_slips
from chainrule.notes.checker.gradient_slips import factors
from chainrule.notes.checker.rounding import rounded
from chainrule.notes.checker.sheet import Setting, Sheet, split
from chainrule.notes.checker.slips import Slip, notes_line, numpy_line, shown
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

    @property
    def begins_right(self) -> bool:
        """Whether this may be the truth that the learner means: the notes' may, another if the way back begins so."""
        first = next((name for name in self.work.arrays if name.startswith(("dZ", "dA"))), "")
        return not self.remark or first in self.right

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
                where = "as" if name in self.open else "where"
                yield f"{name} is not judged {where} A{self.setting.L} rounds to 0 or 1."

    @cached_property
    def open(self) -> list[str]:
        """The names of which rounding leaves nothing to judge, where A^[L] rounds to 0 or 1."""
        return [name for name in self.right if np.isinf(self.work.tolerance(self.sheet[name])).all()]


@dataclass(frozen=True)
class Candidate:
    """Slips that may have been made, at once.

    Attributes:
        sheet: with their lines.
        explained: how many wrong names come out as the learner has them, less the right ones that do not.
        place: how likely it was made there: whether the learner has handed over what is typed, how late in the pass it
            is, and in how few lines.
    """

    slips: tuple[Slip, ...]
    sheet: Sheet
    explained: int
    place: tuple[bool, int, int] = (False, 0, 0)


@dataclass
class Explanation:
    """What was found of a learner's work in one setting."""

    setting: Setting
    right: list[str]
    wrong: list[str]
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    @property
    def doubt(self) -> tuple[int, int, int]:
        """How little is explained: unknown slips, wrong names, slips."""
        return sum(found.kind == "unknown" for found in self.findings), len(self.wrong), len(self.findings)


def explain(judge: Judge) -> Explanation:
    """Slip after slip, in the order of the computation, until all that is wrong is explained or told to be unknown."""
    right = [name for name in judge.right if name not in judge.open]
    vectors = judge.work.vectors
    wrong = [name for name in judge.work.arrays if name in judge.wrong or name in vectors]
    right, still_open = ([name for name in names if name not in vectors] for names in (right, judge.open))
    found = Explanation(judge.setting, right, wrong, remarks=list(judge.remarks), open=still_open)
    found.findings += [_vector(judge, name, shape) for name, shape in vectors.items()]
    sheet, open_names = judge.sheet, list(judge.wrong)
    not_finite = [name for name in open_names if not np.isfinite(judge.work.arrays[name]).all()]
    if not_finite:
        found.findings.append(_not_finite(judge, not_finite))
        open_names = [name for name in open_names if name not in not_finite]
    while open_names:
        name = open_names[0]
        candidates = _candidates(judge, sheet, name, open_names)
        if candidates:
            sheet, made = candidates[0].sheet, _known(judge, name, candidates)
        else:
            sheet, made = _as_given(judge.work, sheet, name), _unknown(judge, name)
        follows = [other for other in open_names[1:] if _agrees(judge.work, sheet, other)]
        found.findings.append(_with_followers(made, follows))
        open_names = [other for other in open_names[1:] if other not in follows]
    found.findings.sort(key=lambda finding: judge.setting.names.index(finding.name))
    return found


def _candidates(judge: Judge, sheet: Sheet, name: str, open_names: list[str]) -> list[Candidate]:
    """What makes `name` what the learner has, and explains most: one slip of each kind, at the likeliest place."""
    best: list[Candidate] = []
    for group in _groups(judge.setting, name):
        for slips in group:
            candidate = _tried(judge, sheet, name, slips, open_names)
            if candidate is not None:
                best.append(candidate)
        if best and (len(best[0].slips) > 1 or max(c.explained for c in best) >= len(open_names)):
            break
    most = max((c.explained for c in best), default=0)
    order, of_kind = judge.setting.names, dict[frozenset[str], Candidate]()
    for candidate in best:
        slip = candidate.slips[0]
        place = slip.name in judge.work.arrays, order.index(slip.name), -len(slip.lines)
        kinds = frozenset(slip.kind for slip in candidate.slips)
        before = of_kind.get(kinds)
        if candidate.explained == most and (before is None or place > before.place):
            of_kind[kinds] = replace(candidate, place=place)
    return list(of_kind.values())


def _groups(setting: Setting, name: str) -> Iterator[Iterable[tuple[Slip, ...]]]:
    """The slips that `name` may come from: of its own way, of the way forward, and of dW and db two in one line."""
    order = setting.names
    until = order.index(name)
    forward = ((slip,) for slip in forward_slips(setting) if order.index(slip.name) <= until)
    if name.startswith("d"):
        back = [slip for slip in backward_slips(setting) if order.index(slip.name) <= until]
        yield [(slip,) for slip in back]
        yield forward
        if split(name)[0] in ("W", "b"):
            yield ((slip, factor) for slip in back if slip.name == name for factor in factors(setting, name))
    else:
        yield forward


def _tried(judge: Judge, sheet: Sheet, name: str, slips: tuple[Slip, ...], open_names: list[str]) -> Candidate | None:
    """The slips typed in, if `name` and all else that they type come out as the learner has it."""
    typed = sheet
    for slip in slips:
        typed = typed.typed_otherwise(slip.lines)
    given = [changed for slip in slips for changed in slip.lines if changed in judge.work.arrays and changed != name]
    if all(_agrees(judge.work, typed, changed) for changed in (name, *given)):
        return Candidate(slips, typed, _explained(judge, typed, open_names))
    return None


def _explained(judge: Judge, sheet: Sheet, open_names: list[str]) -> int:
    """How many wrong names come out as the learner has them, less the right ones that do not."""
    agreeing = sum(_agrees(judge.work, sheet, name) for name in open_names)
    return agreeing - sum(not _agrees(judge.work, sheet, name) for name in judge.right)


def _agrees(work: Work, sheet: Sheet, name: str) -> bool:
    try:
        return work.comes_near(name, sheet[name]) and work.agrees(name, sheet[name])
    except (ValueError, IndexError):  # the shapes that a slip has made do not fit its line
        return False


def _as_given(work: Work, sheet: Sheet, name: str) -> Sheet:
    """The sheet with the learner's own numbers, so that what follows from them is not called wrong once more."""
    mine = work.arrays[name]
    return sheet.typed_otherwise({name: lambda s: rounded(mine)})


def _known(judge: Judge, name: str, candidates: list[Candidate]) -> Finding:
    setting, slips = judge.setting, candidates[0].slips
    slip, says = slips[0], "; and ".join(s.says for s in slips)
    alternatives = [f"{'; and '.join(s.says for s in c.slips)} ({c.slips[0].typed})" for c in candidates[1:]]
    return Finding(
        name,
        " and ".join(s.kind for s in slips),
        _sentence(says),
        slip.typed if len(slips) == 1 else "",
        notes_line(slip.name, setting),
        numpy_line(slip.name, setting),
        _difference(judge, name),
        tuple(alternatives[: MOST - 1]),
    )


def _unknown(judge: Judge, name: str) -> Finding:
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


def _vector(judge: Judge, name: str, shape: tuple[int, ...]) -> Finding:
    """A vector where the notes have a matrix of one row, and the products that do not take it."""
    setting = judge.setting
    l, wanted = split(name)[1], setting.shape(name)
    if name.startswith("dZ"):
        fail = f"{name}.sum(axis=1) and W{l}.T @ {name} fail" if l > 1 else f"{name}.sum(axis=1) fails"
        goes_wrong = f"{fail}, and {name} @ {shown(f'A{l - 1}')}.T is ({setting.sizes[l - 1]},)"
    else:
        goes_wrong = f"W{l + 1} @ A{l} fails"
    return Finding(
        name,
        "a vector for a matrix",
        f"{name} is {shape}, the notes' is {wanted}: {goes_wrong}; it stays a matrix by "
        f"keepdims=True in a sum, or by {name}.reshape(1, -1).",
        "",
        notes_line(name, setting),
        numpy_line(name, setting),
        f"{name}.shape = {shape}, the notes' is {wanted}",
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
