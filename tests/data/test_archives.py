"""Archives of arrays that are not what they seem: a sentence each, before anything large is made."""

import io
import re
import struct
import zipfile

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import datasets


def saved(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def declared(shape, descr="'<f8'"):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


X, Y = saved(np.ones((4, 2))), saved(np.arange(4) % 2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "made.npz"


def write(path, entries, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (declared((10**9, 10**3)), "X in .* should be .* but the file holds more or less than that"),
        (declared((-1, 2)), "but the file holds more or less than that"),
        (X[:-8], "but the file holds more or less than that"),
        (X + b"more", "but the file holds more or less than that"),
        (declared((1,), "'|O'"), r"array of Python objects, which could run code .* X\.astype"),
        (saved(np.zeros(4, [("a", "<f8"), ("b", "<i4")])), "X in .* has columns of its own, a, b"),
        (saved(np.array(5.0)), r"X in .* is \(\), but must be \(m, …\)"),
        (saved(np.ones((4, 2), complex)), "complex128, but must be numbers"),
        (b"", "cannot be read as an .npz file"),
        (b"\x93NUMPY\x09\x00", "cannot be read as an .npz file"),
        (declared("3 +"), "cannot be read as an .npz file"),
        (declared("(" * 300), "cannot be read as an .npz file"),
        (declared((4, 2), "'<q99'"), "cannot be read as an .npz file"),
    ],
)
def test_an_array_that_is_none(path, content, reason):
    write(path, [("X.npy", content), ("y.npy", Y)])
    with pytest.raises(cr.DataError, match=reason):
        datasets.read(str(path))


def test_more_than_memory_holds_is_not_unpacked(path, monkeypatch):
    monkeypatch.setattr(datasets, "memory_in_all", lambda: 10**7)
    write(path, [("X.npy", declared((10**6, 1)) + bytes(8 * 10**6))], zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10**5
    with pytest.raises(cr.DataError, match=r"X in .* takes 0\.0 GB, more than half of the memory"):
        datasets.read(str(path))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name(path):
    write(path, [("X.npy", X), ("X.npy", X)])
    with pytest.raises(cr.DataError, match="two arrays X"):
        datasets.read(str(path))


def test_an_encrypted_array_and_an_unknown_compression(path):
    write(path, [("X.npy", X), ("y.npy", Y)])
    whole = path.read_bytes()
    local, central = whole.find(b"PK\x03\x04"), whole.find(b"PK\x01\x02")
    for place, value, reason in (
        (6, 1, "X in .* is encrypted: save it without a password"),
        (8, 99, "cannot be read as an .npz file"),
    ):
        data = bytearray(whole)
        data[local + place] = data[central + place + 2] = value
        path.write_bytes(data)
        with pytest.raises(cr.DataError, match=reason):
            datasets.read(str(path))


def test_a_changed_number(path):
    write(path, [("X.npy", X)])
    data = bytearray(path.read_bytes())
    data[data.find(np.ones(1).tobytes()) + 7] ^= 1
    path.write_bytes(data)
    with pytest.raises(cr.DataError, match=r"X in .* is damaged: its content is not what was written"):
        datasets.read(str(path))


def test_letters_that_are_none(path):
    write(path, [("X.npy", X), ("y.npy", saved(np.frombuffer(b"\xff\xff\xff\x7f" * 4, "<U1")))])
    with pytest.raises(cr.DataError, match="must be labels or finite numbers"):
        datasets.read(str(path))


def test_what_numpy_compresses_or_orders_otherwise_is_read(path):
    made = {
        "X": np.arange(8.0, dtype=">f4").reshape(2, 4).T,
        "y": np.array([b"a", b"b", b"a", b"b"]),
        "more": np.ones(3),
    }
    for save in (np.savez, np.savez_compressed):
        save(path, **made)
        found = datasets.read(str(path))
        np.testing.assert_array_equal(found.X, made["X"])
        assert found.y.tolist() == ["a", "b", "a", "b"]


def test_an_archive_cut_short_at_any_place(path):
    np.savez(path, X=np.ones((4, 2)), y=np.arange(4))
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(cr.DataError, match=re.escape(str(path))):
            datasets.read(str(path))


def test_answers_of_more_than_two_axes_are_refused(path):
    write(path, [("X.npy", X), ("y.npy", saved(np.full((4, 2, 2), "yes")))])
    with pytest.raises(cr.DataError, match=r"y in .* is \(4, 2, 2\), but must be \(m,\), or \(m, n\) where n columns"):
        datasets.read(str(path))


@pytest.mark.parametrize("kind", [np.int64, np.float32, bool])
def test_classes_in_columns_of_one_1_each_are_told(tmp_path, kind):
    labels = np.arange(60) % 3
    columns = np.eye(3, dtype=kind)[labels]
    np.savez(tmp_path / "x.npz", X=np.ones((60, 2)), y=columns)
    assert datasets.read(str(tmp_path / "x.npz")).notes[-1] == (
        "each row of y has a single 1, as if it were one of 3 classes, but its 3 columns are 3 questions to which "
        "several answers may be yes: save y.argmax(axis=1) as y to have the classes told apart"
    )
    np.savez(tmp_path / "way.npz", X=np.ones((60, 2)), y=columns.argmax(axis=1))
    assert datasets.read(str(tmp_path / "way.npz")).target.summary == "3 classes"
    columns[0] = 1
    np.savez(tmp_path / "x.npz", X=np.ones((60, 2)), y=columns)
    assert not any("single 1" in note for note in datasets.read(str(tmp_path / "x.npz")).notes)
