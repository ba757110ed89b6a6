"""Archives of arrays that nobody should trust: whatever `numpy.savez` writes, changed, and what it never writes."""

from __future__ import annotations

import io
import random
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.datasets import read
from chainrule.errors import ChainruleError

HEADERS = (
    "{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (4, %s), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (%s,), }",
    "{'descr': '<U%s', 'fortran_order': False, 'shape': (4,), }",
    "{'descr': [('a', '<f8'), ('b', '<i%s')], 'fortran_order': False, 'shape': (4,), }",
    "{'descr': '<f8', 'fortran_order': 3, 'shape': '%s', }",
    "{'shape': (%s,)}",
    "[%s]",
    "__import__('os').getcwd(%s)",
    "(" * 200 + "%s" + ")" * 200,
    "\0%s",
)
"""What stands before an array, with a place for a number."""

NUMBERS = (0, 1, 4, -1, 2**31, 2**40, 2**63, 10**30, "x", "4, 2", "None", "1e9", "True")

ARRAYS: tuple[Any, ...] = (
    np.arange(8.0).reshape(4, 2),
    np.ones((4, 2, 2), np.uint8),
    np.array([0, 1, 0, 1]),
    np.array(["a", "b", "a", "b"]),
    np.array([b"a", b"\xff", b"a", b"b"]),
    np.array(5.0),
    np.zeros((0, 2)),
    np.zeros((4, 0)),
    np.full((4, 2), np.nan),
    np.ones((4, 2), np.complex64),
    np.ones((4, 2), np.float16),
    np.ones((4, 2), ">f8"),
    np.ones((2, 4), np.longdouble).T,
    np.array(["2020-01-01"] * 4, "datetime64[D]"),
    np.zeros(4, [("a", "<f8"), ("b", "<i4")]),
    np.array([True, False, True, False]),
    np.array([1e308, -1e308, 5e-324, 0]),
    np.array([2**63, 0, 1, 2], np.uint64),
    np.frombuffer(b"\xff\xff\xff\x7f" * 4, "<U1"),
    np.frombuffer(b"\x00\xd8\x00\x00" * 4, "<U1"),
)


def archives(seed: int) -> Iterator[bytes]:
    """Archives without an end, the same for the same seed."""
    dice = random.Random(seed)
    while True:
        entries = {name: _entry(dice, name) for name in _names(dice)}
        data = _archive(dice, entries)
        yield _damaged(dice, data) if dice.random() < 0.4 else data


def try_archive(path: Path) -> str:
    """Read a data set: "ok" where it is one, "refused" where a sentence says that it is none; all else is raised."""
    try:
        source = read(str(path))
        if source.y is not None:
            source.numbers(source.target)
        source.checksum()
        assert source.notes is not None
    except ChainruleError:
        return "refused"
    return "ok"


def _names(dice: random.Random) -> list[str]:
    usual = ["X.npy", "y.npy"]
    odd = ["X", "y", "z.npy", "x.npy", "X.npy.npy", "../X.npy", "", "X.npy/", "ÄÖ.npy", "\ud7ff.npy", "a" * 300]
    return usual if dice.random() < 0.8 else dice.sample([*usual, *odd], dice.randint(0, 4))


def _entry(dice: random.Random, name: str) -> bytes:
    if dice.random() < 0.4:
        return _saved(dice.choice(ARRAYS[:2] if name == "X.npy" else ARRAYS[2:4]))
    if dice.random() < 0.6:
        return _saved(dice.choice(ARRAYS))
    if dice.random() < 0.2:
        return dice.randbytes(dice.randint(0, 100))
    if dice.random() < 0.1:
        return _pickled()
    header = (dice.choice(HEADERS) % dice.choice(NUMBERS)).encode("latin-1")
    version = dice.choice([(1, 0), (1, 0), (2, 0), (3, 0), (4, 0), (0, 0)])
    length = dice.choice([len(header), len(header), 0, 10, 2**15])
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", length) + header + bytes(64)


def _saved(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _pickled() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}, print], object), allow_pickle=True)
    return buffer.getvalue()


def _archive(dice: random.Random, entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    methods = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, content in entries.items():
            for _ in range(1 + (dice.random() < 0.05)):
                archive.writestr(zipfile.ZipInfo(name), content, dice.choice(methods[: dice.choice([1, 2, 4])]))
        if dice.random() < 0.03:
            bomb = _saved(np.zeros((4, 1)))[:-32].replace(b"(4, 1), }          ", b"(4, 100000000), }  ")
            archive.writestr("X.npy", bomb + bytes(dice.choice([10**3, 10**7])), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _damaged(dice: random.Random, data: bytes) -> bytes:
    """The same with some bytes changed, most of them in the parts that tell of the others, or cut short."""
    if dice.random() < 0.2:
        return data[: dice.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 8])):
        marks = [i for sign in (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06") for i in _found(data, sign)]
        start = dice.choice(marks) if marks and dice.random() < 0.7 else dice.randrange(len(data))
        changed[min(start + dice.randrange(50), len(data) - 1)] = dice.choice([0, 1, 2, 255, dice.randrange(256)])
    return bytes(changed)


def _found(data: bytes, sign: bytes) -> Iterator[int]:
    place = data.find(sign)
    while place >= 0:
        yield place
        place = data.find(sign, place + 1)


def sample(seed: int, n: int) -> list[str]:
    """What becomes of n archives, each in one file after the other."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.npz"
        for _, data in zip(range(n), archives(seed), strict=False):
            path.write_bytes(data)
            found.append(try_archive(path))
    return found
