"""JSON files as frames: a list of records, a record on each line, or columns by their names."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chainrule.data.plain_text import decoded
from chainrule.errors import DataError

if TYPE_CHECKING:
    from polars import DataFrame, Series

SUFFIXES = (".json", ".jsonl", ".ndjson")
"""What the names of JSON files end in."""

FORMS = '[{"a": 1, "b": "x"}, …], one such record on each line, or {"a": [1, …], "b": ["x", …]}'
"""What JSON is a table."""


def read_json(path: str, data: bytes) -> tuple[DataFrame, list[str]]:
    """The frame of a JSON file, and notes on how it was read.

    Numbers among words become words; what is missing in a record is a missing value; lists and records within records
    are left as they are.

    Raises:
        DataError: it is no JSON, cut short, or no table.
    """
    text, notes = decoded(data, path, "it cannot be JSON")
    text = text.strip()
    if not text:
        raise DataError(f"{path} is empty.")
    frame = _by_polars(text)
    if frame is None:
        frame = _by_python(text, path)
    if frame is None:
        raise DataError(f"{path} holds JSON, but no table: that is {FORMS}.")
    return frame, notes


def _by_polars(text: str) -> DataFrame | None:
    """The frame of records, which polars reads fast; None where it cannot, or there are none."""
    from chainrule.extras import polars as pl

    read = pl.read_json if text[0] == "[" else pl.read_ndjson if text[0] == "{" and "\n" in text else None
    if read is None:
        return None
    try:
        return read(io.BytesIO(text.encode()), infer_schema_length=None)
    except pl.exceptions.PolarsError:
        return None


def _by_python(text: str, path: str) -> DataFrame | None:
    """The frame of whatever is a table in JSON, or None.

    Raises:
        DataError: it is no JSON.
    """
    from chainrule.extras import polars as pl

    found = _parsed(text, path)
    if isinstance(found, Mapping):
        if _are_records(found.values()) and len(found) == 1:
            found = next(iter(found.values()))  # {"data": [{…}, …]}
        elif isinstance(found.get("columns"), list) and isinstance(found.get("data"), list):
            found = [dict(zip(found["columns"], row, strict=False)) for row in found["data"]]
        else:
            columns = {name: [*c.values()] if isinstance(c, Mapping) else c for name, c in found.items()}
            lists = [isinstance(column, list) for column in columns.values()]
            found = [dict(zip(columns, row, strict=True)) for row in _rows(columns)] if all(lists) else [found]
    if not found or not _are_records([found]):
        return None
    names = dict.fromkeys(name for record in found for name in record)
    return pl.DataFrame([_column(name, [record.get(name) for record in found]) for name in names])


def _parsed(text: str, path: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        if text[0] == "{" and "\n" in text:
            return [_record(line, number, path) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "it"
        raise DataError(f"{path} is broken or cut short: {where} is no JSON ({error}).") from None
    except RecursionError:
        raise DataError(f"{path} holds JSON that is nested too deep for a table.") from None


def _record(line: str, number: int, path: str) -> Any:
    """What one of many lines holds.

    Raises:
        DataError: it is no JSON.
    """
    try:
        return json.loads(line)
    except ValueError as error:
        raise DataError(f"{path} is broken or cut short: line {number:,} is no JSON ({error}).") from None


def _are_records(found: Any) -> bool:
    return all(isinstance(one, list) and all(isinstance(record, Mapping) for record in one) for one in found)


def _rows(columns: Mapping[str, Sequence[Any]]) -> list[tuple[Any, ...]]:
    """The rows of columns; nothing where these are not of one length."""
    return [*zip(*columns.values(), strict=True)] if len(set(map(len, columns.values()))) == 1 else []


def _column(name: str, values: list[Any]) -> Series:
    """A column of what JSON holds: of several types words, or lists where there are lists or records among them."""
    from chainrule.extras import polars as pl

    types = {type(value) for value in values} - {type(None)}
    if types <= {int, float} or len(types) == 1:
        return pl.Series(name, values, strict=False)
    if types & {list, dict}:
        return pl.Series(name, [None if value is None else [json.dumps(value)] for value in values], pl.List(pl.String))
    texts = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    return pl.Series(name, texts, pl.String)
