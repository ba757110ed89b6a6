"""`check`: reads a learner's arrays, finds the setting that they belong to, and has them explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import ops
from chainrule.errors import DataError, NotFiniteError, OptionError, ShapeError
from chainrule.names import lookup, nearest
from chainrule.notes.checker.explain import Explanation, Judge, explain
from chainrule.notes.checker.sheet import KINKS, Setting, Sheet, right_sheet
from chainrule.notes.checker.verdict import Check
from chainrule.notes.checker.work import Work, read
from chainrule.notes.layers import activations_of, depth
from chainrule.notes.shapes import Matrix, examples, matrix

COSTS = {name: name for name in ("cross_entropy", "binary_cross_entropy", "squared_error")}

HIDDEN = ("relu", "tanh", "sigmoid", "leaky_relu")
"""What hidden layers may have, where nobody says; the first is the notes' usual one."""


def check(
    work: Mapping[str, Any],
    X: Any,
    Y: Any,
    parameters: Mapping[str, Any],
    activations: Sequence[str] | None = None,
    *,
    cost: str | None = None,
) -> Check:
    """Compare your own dW1, db1, dZ1, dA1, …, or Z1, A1, …, J, with the truth, and name the slip.

    The truth is that of chainrule's own graph, in float64. What is right within the rounding of float32 is right, and
    so is an array without the axes of length 1 that broadcasting gives back, such as db of () for (1, 1); but dZ of
    (m,) for (1, m) is a slip, as the products of matrices behind it fail, or come out as vectors. Of what follows from
    an earlier slip, only that slip is told.

    Args:
        work: any of Z1, A1, … ZL, AL, J, dZ1, dA1, dW1, db1, … by name, as arrays or lists, in the notes' shapes.
        X: (n_x, m). Y: (n_y, m), or (m,).
        parameters: W1, b1, … WL, bL with which the work was done.
        activations: the name of g^[l] for each layer. Where they are not given, the last is taken as the sigmoid, of
            several outputs as the softmax, and of values that are no probabilities as the identity; the hidden ones are
            taken all alike, as those that fit the work best, and a line says which.
        cost: "cross_entropy" (of one output that of yes or no), "binary_cross_entropy" or "squared_error" with its ½;
            by default the squared error after anything but sigmoid and softmax.

    Returns:
        What prints as a page for people, and is true where all is right.

    Raises:
        ShapeError, DataError, OptionError: X, Y, the parameters and the names do not fit one another.
        NotFiniteError: a pass with these parameters is not finite.
    """
    X, Y = examples(X, Y)
    W, b = _parameters(parameters, X, Y)
    _refuse_unknown(work, len(W))
    settings, remark = _settings(X, Y, W, b, activations, cost)
    done = read(work, settings[0], (*_dtypes(parameters.values()), *_dtypes((X, Y))))
    settings = [replace(setting, u=done.u) for setting in settings]
    with np.errstate(over="ignore", invalid="ignore"):  # of which a sentence tells
        found = _best(done, settings)
    remarks = [*([remark.format(_told(found.setting))] if remark else []), *done.remarks, *found.remarks]
    return Check(found.right, found.wrong, found.findings, remarks, found.open)


def _best(work: Work, settings: Sequence[Setting]) -> Explanation:
    """The setting under which all is right; else the one that leaves least unexplained."""
    judges = [judge for setting in settings for judge in _judges(work, setting)]
    for judge in judges:
        if not judge.wrong:
            return explain(judge)
    judges = [judge for judge in judges if judge.begins_right]
    of_each = [
        max((j for j in judges if j.setting.activations == s.activations), key=lambda j: len(j.right)) for s in settings
    ]
    return min((explain(judge) for judge in of_each), key=lambda found: found.doubt)


def _judges(work: Work, setting: Setting) -> list[Judge]:
    """The truth, and what may be taken for it: the other derivative of relu at 0, and 1/m in dZ in place of dW."""
    sheet = right_sheet(setting)
    for name in setting.names:
        if name[0] in "ZAJ" and not np.isfinite(sheet[name].value).all():
            raise NotFiniteError(
                f"{name} is not finite with these parameters: take smaller ones, or bring X to a common scale."
            )
    found = [Judge(work, sheet)]
    if any(g in KINKS and (sheet[f"Z{l}"].value == 0).any() for l, g in enumerate(setting.activations, 1)):
        found.append(Judge(work, right_sheet(setting.other_side())))
    if setting.m > 1 and any(name.startswith(("dZ", "dA")) for name in work.arrays):
        remark = (
            f"Your dZ and dA are derivatives of J: 1/m stands in dZ{setting.L}, and not in dW and db. "
            "The notes have it the other way round; both are right."
        )
        found += [Judge(work, _with_m_in_dZ(judge.sheet), remark) for judge in found]
    return found


def _with_m_in_dZ(sheet: Sheet) -> Sheet:
    """The pass in which dZ and dA are derivatives of J, and not of the losses."""
    setting = sheet.setting
    begins = [f"dA{setting.L}", *([f"dZ{setting.L}"] if setting.shortcut else [])]
    without = {f"{symbol}{l}": float(setting.m) for l in range(1, setting.L + 1) for symbol in ("dW", "db")}
    return sheet.typed_otherwise({**dict.fromkeys(begins, 1 / setting.m), **without})


def _settings(
    X: Matrix, Y: Matrix, W: list[Matrix], b: list[Matrix], activations: Sequence[str] | None, cost: str | None
) -> tuple[list[Setting], str]:
    """The settings that the work may belong to, and the remark that tells which it was, where that is not given."""
    L, n_y = len(W), len(Y)
    chosen = None if cost is None else lookup("cost", cost, COSTS)
    if activations is not None:
        names = activations_of(activations, L)
        for name in names:
            lookup("activation", name, ops.ACTIVATIONS)
        choices = [tuple(names)]
    else:
        inside = Y.min() >= 0 and Y.max() <= 1
        last = "identity" if not inside else "sigmoid" if n_y == 1 or not np.allclose(Y.sum(axis=0), 1) else "softmax"
        choices = [(*[g] * (L - 1), last) for g in (HIDDEN if L > 1 else HIDDEN[:1])]
    made = [Setting(X, Y, tuple(W), tuple(b), names, _cost(names[-1], n_y, chosen), 2.0**-24) for names in choices]
    _refuse_misfit(made[0])
    remark = "" if activations is not None else "The activations were not given: these are taken to be {}."
    return made, remark


def _cost(last: str, n_y: int, given: str | None) -> str:
    """The cost that is meant."""
    if given in ("squared_error", "binary_cross_entropy"):
        return given
    if n_y == 1 and (given or last == "sigmoid"):
        return "binary_cross_entropy"
    if last == "sigmoid":
        return "binary_cross_entropy"  # several questions of yes or no
    return "cross_entropy" if given or last == "softmax" else "squared_error"


def _refuse_misfit(setting: Setting) -> None:
    """See to it that the cost can read the last layer and Y."""
    last = setting.activations[-1]
    if setting.cost == "squared_error":
        return
    if last not in ("sigmoid", "softmax"):
        raise OptionError(
            f"the cross-entropy takes probabilities, but the last activation is {last!r}: "
            'give cost="squared_error", or end with "sigmoid" or "softmax".'
        )
    if last == "softmax" and setting.sizes[-1] == 1:
        raise OptionError("the softmax of a single output is always 1: take the sigmoid.")
    if not (setting.Y.min() >= 0 and setting.Y.max() <= 1):
        raise DataError(
            f"the cross-entropy takes Y from 0 to 1, but it goes from {setting.Y.min():g} to {setting.Y.max():g}: "
            "classes become one-hot columns by np.eye(n_classes)[:, y]."
        )


def _parameters(parameters: Mapping[str, Any], X: Matrix, Y: Matrix) -> tuple[list[Matrix], list[Matrix]]:
    """W^[l], and b^[l] as columns, checked."""
    if not isinstance(parameters, Mapping):
        raise DataError(f"parameters are W1, b1, … by name, but this is a {type(parameters).__name__}.")
    W, b = [], []
    n = len(X)
    for l in range(1, depth(parameters) + 1):
        W_l = matrix(f"W{l}", parameters[f"W{l}"])
        b_l = matrix(f"b{l}", np.reshape(parameters[f"b{l}"], (-1, 1)))
        if W_l.shape[1] != n:
            prev = "X" if l == 1 else f"A^[{l - 1}]"
            raise ShapeError(
                f"W{l} is {W_l.shape}, so it takes {W_l.shape[1]} rows, but {prev} has {n}: W is (n^[l], n^[l-1])."
            )
        if len(b_l) != len(W_l):
            raise ShapeError(f"b{l} has {len(b_l)} numbers, but W{l} is {W_l.shape}: b^[{l}] must be ({len(W_l)}, 1).")
        n = len(W_l)
        W.append(W_l)
        b.append(b_l)
    if len(Y) != n:
        raise ShapeError(f"Y is {Y.shape}, but A^[{len(W)}] is ({n}, {X.shape[1]}): both must be (n_y, m).")
    return W, b


def _refuse_unknown(work: Mapping[str, Any], L: int) -> None:
    """See to it that the names are the notes'."""
    if not isinstance(work, Mapping):
        raise DataError(f'your work is a dict such as {{"dW1": dW1, "db1": db1}}, not a {type(work).__name__}.')
    if not work:
        raise DataError('there is nothing to check: give a dict such as {"dW1": dW1, "db1": db1}.')
    numbers = range(1, L + 1)
    known = ["J", "dA0", *(f"{symbol}{l}" for l in numbers for symbol in ("Z", "A", "dZ", "dA", "dW", "db"))]
    for name in work:
        if name not in known:
            like = "".join(f" Did you mean {other!r}?" for other in known if other.lower() == str(name).lower())
            raise DataError(
                f"there is no {name!r} to check.{like or nearest(name, known)} Known for {L} layers: Z1, A1, … Z{L}, "
                f"A{L}, J, dA{L}, dZ{L}, dW{L}, db{L}, … dW1, db1, dA0."
            )


def _dtypes(values: Any) -> list[Any]:
    return [value.dtype for value in values if hasattr(value, "dtype")]


def _told(setting: Setting) -> str:
    return ", ".join(setting.activations)
