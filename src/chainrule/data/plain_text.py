"""The text of a file, whatever it is written in."""

from __future__ import annotations

from chainrule.errors import DataError

ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")
"""What text may be written in, the likeliest first."""

KINDS = {
    b"%PDF": "a PDF",
    b"{\\rt": "a document in RTF",
    b"%!PS": "a page in PostScript",
    b"PK\x03\x04": "an archive, or a document of an office program",
    b"\xd0\xcf\x11\xe0": "a document of an old office program",
}
"""What files begin with that hold words, but are no texts, and what they are."""

CONTROLS = bytes(i for i in range(32) if i not in b"\t\n\v\f\r\x1a\x1b\0") + b"\x7f"
"""Control characters that hardly any text has; one of 0 says by itself that something is none."""

MOST_CONTROLS, LOOKED_AT = 0.02, 2**16
"""The largest share of these in a text, of its first bytes."""

NO_CSV = "it cannot be a CSV; chainrule reads CSV, TSV, Parquet, JSON and workbooks"
"""How the message on a file that is no text ends."""


def decoded(data: bytes, path: str, so: str = NO_CSV) -> tuple[str, list[str]]:
    """The text, whatever it is written in, with one way to end a line; and a note where that is not Unicode.

    Raises:
        DataError: it is no text; `so` says what follows from that.
    """
    refuse_documents(data[:8], path)
    of_16_bits = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    if not of_16_bits and _is_binary(data[:LOOKED_AT]):  # half of a Cyrillic letter is a control character
        raise no_text(path, so)
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


def _is_binary(data: bytes) -> bool:
    """Whether there are more control characters among these bytes than any text has."""
    return len(data) - len(data.translate(None, CONTROLS)) > MOST_CONTROLS * len(data)


def refuse_documents(first: bytes, path: str) -> None:
    """Raises DataError for a file that begins as a document does whose words stand among much else."""
    for begins, kind in KINDS.items():
        if first.startswith(begins):
            raise DataError(f"{path} is {kind}, and no text: save what it says as text, or its table as CSV, first.")


def no_text(path: str, so: str = NO_CSV) -> DataError:
    """The error about a file that is something else."""
    return DataError(f"{path} is no text, so {so}.")
