"""Tables as the world writes them: a dozen small ones, changed in form, in encoding, in content, or at random."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import shutil
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

Rows = list[list[str]]
Way = Callable[["Written", random.Random], "Written"]


@dataclass(frozen=True)
class Written:
    """A table and how it is written.

    Attributes:
        names, rows: text. target: the column to predict.
        separator, end, encoding, bom, quote: of a CSV. form: "csv", "tsv", "parquet", "json" or "gz".
        damage: what is done to the bytes in the end. options: of `chainrule.read_table`.
    """

    names: list[str]
    rows: Rows
    target: str
    separator: str = ","
    end: str = "\n"
    encoding: str = "utf-8"
    bom: bytes = b""
    quote: int = csv.QUOTE_MINIMAL
    form: str = "csv"
    damage: tuple[Callable[[bytes], bytes], ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def content(self) -> bytes:
        """The bytes of the file, made once."""
        if self.form == "parquet":
            data = _parquet(self)
        elif self.form == "json":
            data = json.dumps([dict(zip(self.names, row, strict=False)) for row in self.rows]).encode()
        else:
            text = io.StringIO()
            separator = "\t" if self.form == "tsv" else self.separator
            writer = csv.writer(text, delimiter=separator, lineterminator=self.end, quoting=self.quote, escapechar="\\")
            writer.writerow(self.names)
            writer.writerows(self.rows)
            data = self.bom + text.getvalue().encode(self.encoding, "replace")
        for change in self.damage:
            data = change(data)
        return gzip.compress(data) if self.form == "gz" else data

    @property
    def suffix(self) -> str:
        return ".csv.gz" if self.form == "gz" else f".{self.form}"


def _parquet(table: Written) -> bytes:
    """The columns as numbers where all are, with the types that files have."""
    import polars as pl

    columns = []
    for i, name in enumerate(dict.fromkeys(table.names)):
        series = pl.Series(name, [row[i] if i < len(row) else None for row in table.rows], dtype=pl.String)
        numbers = series.cast(pl.Float64, strict=False)
        columns.append(numbers if numbers.null_count() <= (series == "").sum() else series)
    written = io.BytesIO()
    pl.DataFrame(columns).write_parquet(written)
    return written.getvalue()


# The tables to begin with


def _words(dice: random.Random, words: Sequence[str], m: int) -> list[str]:
    return [dice.choice(words) for _ in range(m)]


def _numbers(dice: random.Random, m: int, form: str = "{:.3f}") -> list[str]:
    return [form.format(dice.gauss(10, 5)) for _ in range(m)]


def _dates(dice: random.Random, m: int, form: str) -> list[str]:
    import datetime

    start = datetime.datetime(2020, 1, 1)
    return [
        (start + datetime.timedelta(hours=dice.randrange(20_000), seconds=dice.randrange(3600))).strftime(form)
        for _ in range(m)
    ]


DATES = (
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%SZ",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%y",
    "%d-%b-%Y",
    "%B %d, %Y",
    "%Y%m%d",
    "%H:%M",
    "%I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y-W%W-%w",
    "%s",
)
"""How dates are written; the last two no program of tables knows."""


def base(dice: random.Random) -> Written:
    """One of a dozen tables."""
    m = dice.choice([12, 20, 30, 60])
    n, w, d = partial(_numbers, dice, m), partial(_words, dice, m=m), partial(_dates, dice, m)
    colours, sizes = ["red", "green", "blue"], ["S", "M", "L", "XL"]
    made: list[tuple[str, dict[str, list[str]]]] = [
        ("kind", {"length": n(), "width": n(), "kind": w(["a", "b", "c"])}),
        ("price", {"area": n("{:.0f}"), "rooms": w(["1", "2", "3", "4"]), "price": n("{:.2f}")}),
        ("bought", {"when": d(dice.choice(DATES)), "sum": n(), "bought": w(["yes", "no"])}),
        ("y", {"colour": w(colours), "size": w(sizes), "y": n()}),
        (
            "class",
            {"id": [str(i) for i in range(m)], "name": w(["Ann", "Bob", "Zoë"]), "x": n(), "class": w(["0", "1"])},
        ),
        ("label", {f"x{i}": n() for i in range(8)} | {"label": w(["cat", "dog"])}),
        ("rating", {"note": w(["good food", "bad, really", 'so "nice"', ""]), "x": n(), "rating": w("12345")}),
        ("umsatz", {"gebiet": w(["Süd", "Nord", "Öst"]), "menge": n("{:.1f}"), "umsatz": n("{:.2f}")}),
        ("ok", {"t": n("{:e}"), "flag": w(["TRUE", "FALSE"]), "ok": w(["True", "False"])}),
        ("y", {"x": [str(i * i) for i in range(m)], "z": n("${:,.2f}"), "p": n("{:.1f}%"), "y": w(["u", "v"])}),
        ("mark", {"gaps": w(["", "NA", "1.5", "2.5", "?"]), "x": n(), "mark": w(["A", "B"])}),
        ("value", {"day": d("%Y-%m-%d"), "hour": d("%H:%M"), "value": n()}),
    ]
    target, columns = dice.choice(made)
    return Written([*columns], [list(row) for row in zip(*columns.values(), strict=True)], target)


# How they are changed: ways that leave a table readable


def _with_cell(table: Written, dice: random.Random, value: str) -> Written:
    rows = [list(row) for row in table.rows]
    for _ in range(dice.choice([1, 1, 2, 5]) if rows else 0):
        row = dice.choice(rows)
        if row:
            row[dice.randrange(len(row))] = value
    return replace(table, rows=rows)


def encoding(table: Written, dice: random.Random) -> Written:
    known = [("utf-8", b"\xef\xbb\xbf"), ("utf-16", b""), ("cp1252", b""), ("latin-1", b""), ("utf-16-le", b"\xff\xfe")]
    odd = [("utf-16-be", b""), ("utf-32", b""), ("utf-7", b""), ("cp037", b""), ("shift_jis", b""), ("koi8-r", b"")]
    name, bom = dice.choice(known if dice.random() < 0.7 else odd)
    return replace(table, encoding=name, bom=bom)


def separator(table: Written, dice: random.Random) -> Written:
    return replace(table, separator=dice.choice([";", "\t", "|", ";", "\t", ":", " ", "^", "\x1f"]))


def form(table: Written, dice: random.Random) -> Written:
    return replace(table, form=dice.choice(["tsv", "parquet", "parquet", "gz", "json"]))


def ends(table: Written, dice: random.Random) -> Written:
    return replace(table, end=dice.choice(["\r\n", "\r", "\n\n", "\r\r\n", "\n\r"]))


def mixed_ends(table: Written, dice: random.Random) -> Written:
    seed = dice.random()

    def mix(data: bytes) -> bytes:
        lines = data.split(b"\n")
        ends = random.Random(seed).choices([b"\n", b"\r\n", b"\r"], k=len(lines))  # at once: there may be millions
        return b"".join(line + end for line, end in zip(lines, ends, strict=True))

    return replace(table, damage=(*table.damage, mix))


def quotes(table: Written, dice: random.Random) -> Written:
    return replace(table, quote=dice.choice([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))


NUMBERS = (
    *("1e308", "-1e308", "1e309", "5e-324", "1e-400", "9223372036854775807", "9223372036854775808", "-0", "0.0"),
    *("00012", "1_000", "0x1F", "1e5", "+5", ".5", "5.", "1,5", "1.234.567,8", "١٢", "½", "1e", "--1", "∞", "1" * 400),
)

WORDS = (
    *("NaN", "nan", "NULL", "None", "N/A", "#N/A", "inf", "-inf", "Infinity", "-", ".", "#DIV/0!", "TRUE", "  x  "),
    *(
        "=1+1",
        "@SUM(A1)",
        "é",
        "e\u0301",
        "😀",
        "\u200b",
        "\ufeff",
        "\u202e",
        "ß",
        "İ",
        "鳥",
        "\x01",
        "\x7f",
        "\x85",
        "\u2028",
    ),
)

MOMENTS = (
    *("2020-02-30", "0000-00-00", "9999-12-31", "1-1-1", "1969-12-31", "32.13.2020", "2020-01-01T25:00:00", "24:00"),
    *("2020-01-01T00:00:00+14:00", "1582-10-10", "12/31/1899", "99999-01-01", "-0044-03-15", "2020-1-1", "now"),
)


NAMES = (
    *(
        "more",
        "",
        " ",
        "Unnamed: 0",
        "id",
        "row",
        "prediction",
        "näme",
        "a,b",
        'a"b',
        "a\nb",
        "x" * 300,
        "x^2",
        "$",
        "__",
    ),
    *("literal", "len", "count", "word", "times", "index", "column_1", "^c.*$", "*", "duration_a", "customer_id"),
)


def cell(table: Written, dice: random.Random) -> Written:
    return _with_cell(table, dice, dice.choice(dice.choice([NUMBERS, WORDS, MOMENTS])))


def long_cell(table: Written, dice: random.Random) -> Written:
    return _with_cell(table, dice, dice.choice("x1é,\"\n' ") * dice.choice([1000, 100_000, 1_000_000]))


def column_of(table: Written, dice: random.Random) -> Written:
    """A column more."""
    words: Sequence[str] = dice.choice([NUMBERS, WORDS, MOMENTS, ("",), ("7",), ("a", "")])
    if dice.random() < 0.3:
        values = _dates(dice, len(table.rows), dice.choice(DATES))
    else:
        values = [dice.choice(words) for _ in table.rows]
    rows = [[*row, value] for row, value in zip(table.rows, values, strict=True)]
    name = dice.choice(
        ["more", "", " ", "Unnamed: 0", "id", "row", "prediction", "näme", "a,b", 'a"b', "a\nb", "x" * 3000]
    )
    return replace(table, names=[*table.names, name], rows=rows)


def overwritten(table: Written, dice: random.Random) -> Written:
    """A whole column, which may be that to predict, of something else."""
    i = dice.randrange(len(table.names))
    words: Sequence[str] = dice.choice([NUMBERS, WORDS, MOMENTS, ("",), ("7",), ("a", ""), ("1", "2")])
    return replace(table, rows=[[*row[:i], dice.choice(words), *row[i + 1 :]] for row in table.rows])


def wide(table: Written, dice: random.Random) -> Written:
    n = dice.choice([20] * 8 + [100, 2000])
    names = [f"c{i}" for i in range(n)]
    rows = [[*row, *map(str, dice.randbytes(n))] for row in table.rows]
    return replace(table, names=[*table.names, *names], rows=rows)


def few(table: Written, dice: random.Random) -> Written:
    return replace(table, rows=table.rows[: dice.choice([0, 1, 2, 3, 5, 8])])


def doubled(table: Written, dice: random.Random) -> Written:
    return replace(table, rows=table.rows * dice.choice([2, 10]))


def options(table: Written, dice: random.Random) -> Written:
    name = dice.choice(table.names)
    chosen = dice.choice(
        [
            {"time": name},
            {"group": name},
            {"number": [name]},
            {"category": [name]},
            {"date": [name]},
            {"ignore": [name]},
            {"missing": ["a", "1.5"]},
            {"day_first": True},
            {"stream": True},
            {"task": "regression"},
            {"task": "classification"},
        ]
    )
    return replace(table, options=table.options | chosen)


def other_target(table: Written, dice: random.Random) -> Written:
    return replace(table, target=dice.choice(table.names))


# Ways that break a table


def same_names(table: Written, dice: random.Random) -> Written:
    return replace(table, names=[table.names[0], table.names[0], *table.names[2:]])


def no_names(table: Written, dice: random.Random) -> Written:
    return replace(table, names=table.rows[0] if table.rows else [])


def ragged(table: Written, dice: random.Random) -> Written:
    rows = [list(row) for row in table.rows]
    if rows:
        i = dice.randrange(len(rows))
        rows[i] = dice.choice([rows[i][:-1], [*rows[i], "more"], [], rows[i] * 2])
    return replace(table, rows=rows)


def _damaged(change: Callable[[bytes, random.Random], bytes]) -> Way:
    def way(table: Written, dice: random.Random) -> Written:
        seed = dice.random()
        return replace(table, damage=(*table.damage, lambda data: change(data, random.Random(seed))))

    return way


def _flip(data: bytes, dice: random.Random) -> bytes:
    other = bytearray(data)
    for _ in range(dice.choice([1, 2, 10, 100]) if other else 0):
        other[dice.randrange(len(other))] = dice.randrange(256)
    return bytes(other)


def _insert(data: bytes, dice: random.Random) -> bytes:
    signs = [
        b'"',
        b"\0",
        b",",
        b"\n",
        b"\r",
        b"\xff",
        b"\xfe\xff",
        b"\x1a",
        b"'",
        b"\\",
        b"PAR1",
        b"PK",
        b"\x1f\x8b",
        b"# \n",
    ]
    i = dice.choice([0, 0, len(data), dice.randrange(len(data) + 1)])
    return data[:i] + dice.choice(signs) * dice.choice([1, 1, 3]) + data[i:]


def _cut(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data) + 1)]


def _swap(data: bytes, dice: random.Random) -> bytes:
    i, j = sorted(dice.randrange(len(data) + 1) for _ in range(2))
    return data[j:] + data[i:j] + data[:i]


def _noise(data: bytes, dice: random.Random) -> bytes:
    signs = dice.choice([bytes(range(256)), string.printable.encode(), b',\n"1a', b"\t ;|\n.5-"])
    return bytes(dice.choices(signs, k=dice.choice([0, 1, 10, 300, 5000])))


GENTLE: tuple[Way, ...] = (
    *(encoding, separator, form, ends, mixed_ends, quotes, cell, cell, cell, long_cell),
    *(column_of, column_of, overwritten, wide, few, doubled, options, options, other_target),
)

HARSH: tuple[Way, ...] = (
    same_names,
    no_names,
    ragged,
    _damaged(_flip),
    _damaged(_insert),
    _damaged(_insert),
    _damaged(_cut),
    _damaged(_swap),
    _damaged(_noise),
)


def changed(table: Written, dice: random.Random) -> Written:
    """The table changed in one way or several, most of them gentle."""
    for _ in range(dice.choice([0, 1, 1, 2, 3])):
        table = dice.choice(GENTLE)(table, dice)
    if dice.random() < 0.25:
        table = dice.choice(HARSH)(table, dice)
    return table


Made = tuple[Written, Written]
"""A table to train on, and one to predict."""


def tables(seed: int) -> Iterator[Made]:
    """Tables to train on, each with one to predict, without end."""
    dice = random.Random(seed)
    while True:
        first = base(dice)
        made = changed(first, dice), changed(first, dice)
        for table in made:
            table.content  # noqa: B018, as it is made outside the time of the try
        yield made


def try_table(made: Made, folder: Path) -> str:
    """Read it, train for an epoch, predict the other; "refused" where one of that is told in a sentence."""
    import chainrule as cr
    from chainrule.experiments.results import metadata

    first, second = made
    one, other = folder / f"one{first.suffix}", folder / f"other{second.suffix}"
    one.write_bytes(first.content)
    other.write_bytes(second.content)
    (folder / "options.txt").write_text(repr({"target": first.target, **first.options}))
    settings = cr.Settings(epochs=1, hidden=(4,), seed=0, checkpoint_minutes=60, engine="numpy", threads=1)
    try:
        table = cr.read_table(one, first.target, **first.options)
        experiment = cr.Experiment(table, settings, folder / "run")
        network, _ = experiment.fit(progress=False)
    except cr.ChainruleError as error:
        check_sentence(error)
        return "refused"
    try:
        network.metadata = metadata(experiment, experiment.fitted)
        network.save(folder / "run" / "model.safetensors")
        trained = cr.Trained.load(folder / "run" / "model.safetensors")
        trained.predictions(trained.read(other, labelled=False))
        trained.read(other)
    except cr.ChainruleError as error:
        check_sentence(error)
    finally:
        shutil.rmtree(folder / "run", ignore_errors=True)
    return "ok"


def check_sentence(error: Exception) -> None:
    """Raises where a message is empty, or goes on for pages."""
    from .workers import BrokenPromiseError

    text = str(error)
    if not text.strip() or len(text) > 3000:
        raise BrokenPromiseError(f"a message of {len(text)} characters: {text[:300]} …")
