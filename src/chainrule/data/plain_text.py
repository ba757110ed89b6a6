"""The text of a file, whatever it is written in."""

from __future__ import annotations

from chainrule.errors import DataError

ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")
"""What text may be written in, the likeliest first."""

NO_CSV = "it cannot be a CSV; chainrule reads CSV, TSV, Parquet, JSON and workbooks"
"""How the message on a file that is no text ends."""


def decoded(data: bytes, path: str, so: str = NO_CSV) -> tuple[str, list[str]]:
    """The text, whatever it is written in, with one way to end a line; and a note where that is not Unicode.

    Raises:
        DataError: it is no text; `so` says what follows from that.
    """
    of_16_bits = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if of_16_bits else ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return as_lines(text, path, so), about_encoding(encoding, path)
    raise no_text(path, so)


def about_encoding(encoding: str, path: str) -> list[str]:
    """What to know where text is not in Unicode."""
    return (
        []
        if encoding.startswith("utf")
        else [f"{path} is not UTF-8; it was read as {encoding}: save it as UTF-8 if that is wrong"]
    )


def as_lines(text: str, path: str, so: str = NO_CSV) -> str:
    """The text with one way to end a line.

    Raises:
        DataError: it is no text; `so` says what follows from that.
    """
    if "\0" in text:
        raise no_text(path, so)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def no_text(path: str, so: str = NO_CSV) -> DataError:
    """The error about a file that is something else."""
    return DataError(f"{path} is no text, so {so}.")
