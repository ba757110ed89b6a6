"""Files in chunks: the same rows as of the whole file, and what is drawn from all over it."""

import gzip
import itertools

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import chunks, row_sample
from chainrule.data.batches import ChunkBatches
from chainrule.data.chunks import open_chunks, scattered, too_large
from chainrule.data.frames import read_frame
from chainrule.data.row_sample import sample_rows
from chainrule.randomness import stream


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Chunks of a few rows."""
    monkeypatch.setattr(chunks, "BYTES", 200)
    monkeypatch.setattr(chunks, "ROWS", 7)


def frame(m=100):
    random = np.random.default_rng(0)
    words = np.array(["plain", "two\nlines", 'a "quoted" one', "Köln", "?", "a, b"])
    return pl.DataFrame({"n": np.arange(m), "word": words[random.integers(0, 6, m)], "x": random.random(m).round(3)})


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    return str(path)


def csv_of(found, **options):
    return found.write_csv(**options).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", csv_of(frame())),
        ("a.csv", csv_of(frame()).replace(b"\n", b"\r\n")),
        ("a.csv", csv_of(frame()).rstrip(b"\n")),
        ("a.csv", csv_of(frame(), include_bom=True)),
        ("a.csv", csv_of(frame(), separator=";")),
        ("a.csv", csv_of(frame()).decode().encode("cp1252")),
        ("a.tsv", csv_of(frame(), separator="\t", quote_style="always")),
        ("a.csv", csv_of(frame().select("n", "x"), include_header=False)),
        ("a.csv", b"n,x\n" + b"\n".join(b"%d,1" % n for n in range(199)) + b"\n\n\n"),
    ],
)
def test_the_chunks_of_a_csv_are_the_rows_of_the_whole(tmp_path, name, content):
    path = written(tmp_path, name, content)
    whole, notes = read_frame(path)
    found = open_chunks(path)
    assert len(found) > 3
    parts = [found.frame(i) for i in reversed(range(len(found)))][::-1]
    assert pl.concat(parts).equals(whole)
    assert found.notes == notes


@pytest.mark.parametrize("places", [[0], [7], [7, 8, 60], [99], [100]])
def test_rows_that_repeat_the_names_are_left_out_of_chunks_as_of_the_whole(tmp_path, places):
    lines = csv_of(frame(), quote_style="never", include_header=True).replace(b"two\nlines", b"two").splitlines()
    lines = [line.replace(b"a, b", b"c") for line in lines]
    for place in reversed(places):
        lines.insert(1 + place, lines[0])
    path = written(tmp_path, "a.csv", b"\n".join(lines))
    whole, notes = read_frame(path)
    found = open_chunks(path)
    sample = sample_rows(found, ["word"])
    assert sample.frame.equals(whole)
    assert len(whole) == sample.size == 100
    assert sample.row.tolist() == [*range(1, 101)]
    assert found.notes == notes
    assert f"the first {f'behind row {places[0]}' if places[0] else 'at the beginning'};" in notes[0]


def test_the_chunks_of_parquet_are_the_rows_of_the_whole(tmp_path):
    path = tmp_path / "a.parquet"
    frame().with_columns(day=pl.date(2025, 1, 31)).write_parquet(path, row_group_size=10)
    found = open_chunks(str(path))
    assert len(found) == 15
    assert pl.concat([found.frame(i) for i in range(15)]).equals(read_frame(path)[0])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "a.csv is empty."),
        ("a.csv", b"\n\n", "a.csv is empty."),
        ("a.csv", b"a,b\n", "is empty: it has 2 columns and no row."),
        (
            "a.csv",
            csv_of(frame(50)) + b"1\n",
            r"line \d+ of .* has 1 fields, but the header has 3: it seems to be",
        ),
        (
            "a.csv",
            csv_of(frame(50).select("n", "x")) + b"1,2,3\n" + b"1,2\n" * 99,
            "line 52 of .* has 3 fields, but the",
        ),
        ("a.csv", b'a,b\n1,"x\n', "broken or cut short: a quotation in it is never closed"),
        ("a.csv", csv_of(frame(50)) + b'1,"x,2\n', "broken or cut short: a quotation in it is never closed"),
        (
            "a.csv.gz",
            gzip.compress(csv_of(frame()), mtime=0),
            "compressed, so it can be read only whole: unpack it first, with",
        ),
        ("a.csv", csv_of(frame()).decode().encode("utf-16"), "is in UTF-16, which can be read only whole: write it as"),
        (
            "a.csv",
            b"PK\x03\x04",
            "is an Excel workbook or another archive: call it .xlsx or .xls if it is",
        ),
        ("a.csv", b"a,b\n" + b"1,2\n" * 99 + b"\0,1\n", "is no text, so it cannot be a CSV"),
        ("a.parquet", b"PAR1 not", "cannot be read as Parquet, it is broken or cut short"),
    ],
)
def test_a_file_that_cannot_be_read_in_chunks_says_why(tmp_path, name, content, words):
    with pytest.raises(cr.DataError, match=words):
        open_chunks(written(tmp_path, name, content))


@pytest.mark.parametrize("read", [open_chunks, lambda path: cr.read_table(path, "n")], ids=["chunks", "whole"])
def test_a_parquet_file_at_which_the_reader_panics_is_broken(tmp_path, monkeypatch, read):
    frame().write_parquet(tmp_path / "a.parquet")

    def panics(*args, **options):
        raise pl.exceptions.PanicException("called `Option::unwrap()` on a `None` value")

    monkeypatch.setattr(pl, "read_parquet", panics)
    monkeypatch.setattr(pl, "scan_parquet", panics)
    with pytest.raises(cr.DataError, match=r"a\.parquet cannot be read as Parquet, it is broken or cut short: called"):
        read(str(tmp_path / "a.parquet"))


def test_an_empty_parquet_file_says_so(tmp_path):
    frame().head(0).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(cr.DataError, match="is empty: it has 3 columns and no row"):
        open_chunks(str(tmp_path / "a.parquet"))


def test_a_quotation_that_never_ends_is_noticed_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "LONGEST", 1000)
    content = b'a,b\n1,2\n1,"' + b"x\n" * 2000
    with pytest.raises(cr.DataError, match=r"has a row of more than 0 MiB: is a quotation never closed\?"):
        open_chunks(written(tmp_path, "a.csv", content))


def test_a_small_file_is_drawn_whole(tmp_path):
    found = sample_rows(open_chunks(written(tmp_path, "a.csv", csv_of(frame()))), ["word"])
    assert found.frame.equals(read_frame(tmp_path / "a.csv")[0])
    assert found.row.tolist() == list(range(1, 101))
    assert found.size == 100
    assert sorted(found.labels["word"]) == sorted({*frame()["word"]} - {"?"})


def test_rows_are_drawn_from_all_over_and_do_not_depend_on_the_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(row_sample, "FEWEST", 40)
    monkeypatch.setattr(row_sample, "CELLS", 0)
    path = written(tmp_path, "a.csv", csv_of(frame(1000)))
    found = sample_rows(open_chunks(path), [])
    assert found.size == 1000
    assert found.frame["n"].cast(int).to_list() == (found.row - 1).tolist()
    assert len(found.row) == 40
    assert 350 < found.row.mean() < 650
    monkeypatch.setattr(chunks, "BYTES", 5000)
    again = sample_rows(open_chunks(path), [])
    assert again.frame.equals(found.frame)


def split_mix(state):
    """SplitMix64, number after number, in whole numbers of Python."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        yield z ^ z >> 31


def test_scattered_numbers_are_even_and_never_change():
    numbers = scattered(np.arange(100_000))
    state = int(stream("file", 0).integers(2**64, dtype=np.uint64))
    assert numbers[:1000].tolist() == list(itertools.islice(split_mix(state), 1000))
    assert next(split_mix(0)) == 16294208416658607535  # what others publish of it
    assert numbers[:2].tolist() == [16349324396809106694, 17343383836461642938]
    counts = np.histogram(numbers / 2.0**64, bins=10, range=(0, 1))[0]
    assert abs(counts - 10_000).max() < 400


def test_what_is_too_large_depends_on_the_memory(tmp_path, monkeypatch):
    path = written(tmp_path, "a.csv", bytes(1001))
    assert not too_large(path)
    for memory, answer in ((10_000, True), (10_020, False), (None, False)):
        monkeypatch.setattr(chunks, "memory_in_all", lambda memory=memory: memory)
        assert too_large(path) is answer


def test_a_parquet_file_is_as_large_as_it_would_be_as_text(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": [1] * 100_000, "b": ["the same"] * 100_000}).write_parquet(path)
    assert path.stat().st_size < 10_000
    for memory, answer in ((1_600_000 / 0.1 - 1, True), (1_600_000 / 0.1 + 1, False)):
        monkeypatch.setattr(chunks, "memory_in_all", lambda memory=memory: memory)
        assert too_large(str(path)) is answer


def test_an_epoch_meets_every_example_once_in_an_order_of_its_own():
    sizes = [5, 0, 8, 3, 9, 1]
    starts = np.cumsum([0, *sizes])

    def read(i):
        rows = np.arange(starts[i], starts[i + 1], dtype=np.float64)
        return rows[:, None], rows

    batches = ChunkBatches(sizes, read, batch_size=4, pool=10, facts={})
    batches.seed = 3

    def run(epoch, start=0):
        found = []
        for pool, first, before in batches.pools(epoch, start):
            assert before + first == start + len(found)
            found += [Y.tolist() for _, Y, _ in pool.epoch(epoch, first)]
        return found

    for epoch in (0, 1):
        met = run(epoch)
        assert sorted(y for batch in met for y in batch) == list(range(26))
        assert len(met) == batches.count(epoch)
        assert [run(epoch, start) for start in range(len(met))] == [met[start:] for start in range(len(met))]
    assert run(0) != run(1)
    assert sorted(np.concatenate([Y for _, Y, _ in batches.in_order()])) == list(range(26))
