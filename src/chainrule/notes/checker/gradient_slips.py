"""Slips in dW and db, the gradients of the parameters."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.notes.checker.rounding import Measured
from chainrule.notes.checker.sheet import Line, Setting
from chainrule.notes.checker.slips import Slip, fixed, numpy_line, shown


def dW(setting: Setting, l: int) -> Iterator[Slip]:
    """dW = 1/m dZ A_prevᵀ: slips about 1/m, the transpose, and what is multiplied."""
    name, m, sizes = f"dW{l}", setting.m, setting.sizes
    dZ_l, before = f"dZ{l}", f"A{l - 1}"
    prev = shown(before)
    yield from factors(setting, name)
    yield Slip(
        "transpose",
        name,
        f"{name} is transposed",
        f"{name} = {prev} @ {dZ_l}.T / m",
        {name: lambda s: s[before] @ s[dZ_l].T / m},
    )
    for k in range(setting.L + 1):
        if k != l - 1 and sizes[k] == sizes[l - 1]:
            other = f"A{k}"
            yield Slip(
                "A of the wrong layer",
                name,
                f"{name} takes {prev}, not {shown(other)} (the shapes are the same)",
                f"{name} = {dZ_l} @ {shown(other)}.T / m",
                {name: fixed(lambda s, other: s[dZ_l] @ s[other].T / m, other)},
            )
    if l > 1:
        yield Slip(
            "z for a",
            name,
            f"{name} takes {before}, not Z{l - 1}",
            f"{name} = {dZ_l} @ Z{l - 1}.T / m",
            {name: lambda s: s[dZ_l] @ s[f"Z{l - 1}"].T / m},
        )
    yield Slip(
        "dA for dZ",
        name,
        f"{name} takes {dZ_l}, not dA{l}",
        f"{name} = dA{l} @ {prev}.T / m",
        {name: lambda s: s[f"dA{l}"] @ s[before].T / m},
    )
    yield Slip(
        "A for dZ",
        name,
        f"{name} takes {dZ_l}, not A{l}",
        f"{name} = A{l} @ {prev}.T / m",
        {name: lambda s: s[f"A{l}"] @ s[before].T / m},
    )
    for k in range(1, setting.L + 1):
        if k != l and sizes[k] == sizes[l]:
            yield Slip(
                "dZ of the wrong layer",
                name,
                f"{name} takes {dZ_l}, not dZ{k} (the shapes are the same)",
                f"{name} = dZ{k} @ {prev}.T / m",
                {name: fixed(lambda s, k: s[f"dZ{k}"] @ s[before].T / m, k)},
            )
    last = {name: lambda s: _last(s[dZ_l]) @ _last(s[before]).T / m}
    yield _overwritten(name, f"{name} = dz @ x.T", last)
    if sizes[l] == sizes[l - 1] or 1 in (sizes[l], sizes[l - 1]):
        yield Slip(
            "broadcasting",
            name,
            f"{name} is a product of matrices, {dZ_l} @ {prev}.T; * multiplies element by element and broadcasts",
            f"{name} = {dZ_l} * {prev} / m",
            {name: lambda s: s[dZ_l] * s[before] / m},
        )


def db(setting: Setting, l: int) -> Iterator[Slip]:
    """db = 1/m Σ dZ: slips about 1/m, the axis and the shape."""
    name, m, n = f"db{l}", setting.m, setting.sizes[l]
    dZ_l = f"dZ{l}"
    yield from factors(setting, name)
    if n > 1:
        yield Slip(
            "keepdims forgotten",
            name,
            f"{name} is ({n},), the notes' is ({n}, 1): b{l} − α {name} becomes ({n}, {n})",
            f"{name} = {dZ_l}.sum(axis=1) / m",
            {name: lambda s: s[dZ_l].sum(axis=1) / m},
        )
    axis = f"{name} sums over units, not over examples: axis=1"
    for keepdims, code in ((False, "axis=0"), (True, "axis=0, keepdims=True")):
        for divisor, by in dict.fromkeys(((m, " / m"), (n, f" / {n}"))):
            yield Slip(
                "sum over the wrong axis",
                name,
                axis,
                f"{name} = {dZ_l}.sum({code}){by}",
                {name: fixed(lambda s, d, k: s[dZ_l].sum(axis=0, keepdims=k) / d, divisor, keepdims)},
            )
    if n > 1:
        all_of_it = f"{name} sums over everything, not over examples alone: axis=1, keepdims=True"
        yield Slip(
            "sum over the wrong axis",
            name,
            all_of_it,
            f"{name} = np.sum({dZ_l}) / m",
            {name: lambda s: s[dZ_l].sum() / m},
        )
        yield Slip(
            "sum over the wrong axis",
            name,
            all_of_it,
            f"{name} = np.sum({dZ_l}, keepdims=True) / m",
            {name: lambda s: _as_matrix(s[dZ_l].sum()) / m},
        )
    for divisor, by in ((1, ""), (m, " / m")):
        yield Slip(
            "sum forgotten",
            name,
            f"{name} lacks its sum over the examples",
            f"{name} = {dZ_l}{by}",
            {name: fixed(lambda s, d: s[dZ_l] / d, divisor)},
        )
    yield Slip(
        "dA for dZ",
        name,
        f"{name} takes {dZ_l}, not dA{l}",
        f"{name} = dA{l}.sum(axis=1, keepdims=True) / m",
        {name: lambda s: s[f"dA{l}"].sum(axis=1, keepdims=True) / m},
    )
    yield _overwritten(name, f"{name} = dz", {name: lambda s: _last(s[dZ_l]) / m})


def factors(setting: Setting, name: str) -> Iterator[Slip]:
    """Slips that multiply one dW or db by a number."""
    m, right = setting.m, numpy_line(name, setting)
    yield Slip(
        "1/m missing", name, f"{name} is m = {m} times too large: 1/m is missing", right.replace(" / m", ""), {name: m}
    )
    yield Slip(
        "1/m twice", name, f"{name} is m = {m} times too small: 1/m is there twice", f"{right} / m", {name: 1 / m}
    )
    for l, n in enumerate(setting.sizes):
        if n > 1 and n not in setting.sizes[:l]:
            array = shown(f"A{l}")
            yield Slip(
                "wrong m",
                name,
                f"{name} is divided by {n} = {array}.shape[0], not by m = {m} = {array}.shape[1]",
                right.replace("/ m", f"/ {array}.shape[0]"),
                {name: m / n},
            )
    yield Slip("sign", name, f"{name} has the wrong sign", right.replace("= ", "= -"), {name: -1})


def _overwritten(name: str, code: str, lines: dict[str, Line]) -> Slip:
    says = f"{name} holds the last example only: in the loop it adds up, +=, and := starts it anew each time"
    return Slip("overwritten in the loop", name, says, f"{code}   # for each example, then {name} /= m", lines)


def _last(A: Measured) -> Measured:
    """The last example."""
    return Measured(A.value[:, -1:], lambda: A.variance[:, -1:])


def _as_matrix(number: Measured) -> Measured:
    return Measured(number.value.reshape(1, 1), lambda: number.variance.reshape(1, 1))
