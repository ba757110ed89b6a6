"""The same table as CSV, as Parquet, as a frame of polars and one of pandas: trained on one, any other is predicted."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule as cr

M = 120


def table():
    random = np.random.default_rng(0)
    some = random.random(M) < 0.2
    return pl.DataFrame(
        {
            "whole": random.integers(0, 1000, M),
            "broken": random.normal(170, 9, M),
            "gaps": [None if gap else int(n) for gap, n in zip(some, random.integers(0, 1000, M), strict=True)],
            "member": random.random(M) < 0.5,
            "paid": [None if gap else bool(yes) for gap, yes in zip(some, random.random(M) < 0.5, strict=True)],
            "word": random.choice(["a", "b", "none of these"], M),
            "club": random.choice([f"c{i}" for i in range(50)], M),
            "size": random.choice([36, 38, 40], M),
            "born": [datetime.date(1950, 1, 1) + datetime.timedelta(int(n)) for n in random.integers(0, 9000, M)],
            "since": [
                None if gap else datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=int(n))
                for gap, n in zip(some, random.integers(0, 10**8, M), strict=True)
            ],
            "patient_id": random.integers(100, 120, M),
            "yes": random.random(M) < 0.5,
            "grade": random.integers(0, 3, M),
            "value": random.normal(0, 1, M),
        }
    )


def of_pandas(frame):
    """As pandas has it, with its own types for gaps."""
    columns = {name: pd.Series(frame[name].to_list()) for name in frame.columns}
    columns["gaps"], columns["paid"] = columns["gaps"].astype("Int64"), columns["paid"].astype("boolean")
    columns["word"], columns["born"] = columns["word"].astype("category"), pd.to_datetime(columns["born"])
    return pd.DataFrame(columns)


@pytest.fixture
def every_kind(tmp_path):
    frame = table()
    frame.write_csv(tmp_path / "polars.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    of_pandas(frame).to_csv(tmp_path / "pandas.csv", index=False)
    files = [str(tmp_path / name) for name in ("polars.csv", "pandas.csv", "a.parquet")]
    return [*files, frame, of_pandas(frame)]


@pytest.mark.parametrize(
    "target", ["yes", *(pytest.param(name, marks=pytest.mark.slow) for name in ("grade", "value"))]
)
def test_any_kind_of_file_is_the_same_to_a_network(every_kind, target):
    for trained in every_kind:
        source = cr.read_table(trained, target, category=["size"])
        encoding, known = source.learn(np.arange(len(source))), source.target
        X, Y = encoding.X(source), source.numbers(known)
        assert {code.column.kind for code in encoding.codes} == {"number", "yes_no", "category", "date"}
        for other in every_kind:
            again = encoding.read(other, labelled=True)
            assert np.array_equal(encoding.X(again), X)
            assert np.array_equal(again.numbers(known), Y)
            assert again.checksum() == source.checksum()
            assert again.notes == []


def test_labels_of_0_and_1_are_no_and_yes():
    frame = table().with_columns(pl.col("yes").cast(pl.Int64))
    source = cr.read_table(frame, "yes")
    again = source.learn(np.arange(M)).read(table(), labelled=True)
    assert np.array_equal(again.numbers(source.target), frame["yes"].to_numpy())


def test_a_word_that_marks_what_is_missing_in_a_csv_is_none_in_parquet(tmp_path):
    frame = table()
    with_words = frame.with_columns(pl.col("gaps").cast(pl.String).fill_null("unknown"))
    source = cr.read_table(with_words, "value")
    encoding = source.learn(np.arange(M))
    assert np.array_equal(encoding.X(encoding.read(frame, labelled=False)), encoding.X(source))


def test_it_is_the_same_table_with_other_columns_in_another_order():
    source = cr.read_table(table(), "value")
    encoding = source.learn(np.arange(M))
    more = table().select(reversed(table().columns)).with_columns(more=pl.lit([1, 2]))
    assert encoding.read(more, labelled=True).checksum() == source.checksum()
    for other in (table().reverse(), table().with_columns(value=pl.col("value") + 1), table().head(M - 1)):
        assert encoding.read(other, labelled=True).checksum() != source.checksum()


@pytest.mark.parametrize("given", [{"a": [1, 2], "y": [0, 1]}, np.zeros((2, 2)), None, 3], ids=str)
def test_what_is_neither_a_path_nor_a_frame(given):
    with pytest.raises(cr.DataError, match=f"a frame of polars or pandas, not a {type(given).__name__}: .* makes one"):
        cr.read_table(given, "y")
