"""Tables that are read in chunks: the same experiment, with memory that does not grow with them."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import chunks, row_sample, scratch
from commands import chainrule, chainrule_signalled

pytestmark = pytest.mark.filterwarnings("ignore:family holds:chainrule.errors.DoubtWarning")  # of those not drawn

M = 600


def people(m=M, seed=0):
    random = np.random.default_rng(seed)
    age, job = random.integers(18, 80, m), random.choice(["baker", "smith", "clerk"], m)
    spends = 2.0 * age + 30 * (job == "baker")
    return pl.DataFrame(
        {
            "age": age,
            "job": job,
            "since": np.datetime64("2020-01-01") + np.arange(m) % 365,
            "family": [f"f{i}" for i in random.integers(0, 50, m)],
            "height": np.where(random.random(m) < 0.1, np.nan, random.normal(170, 9, m).round(1)),
            "pays": np.where(age + 20 * (job == "smith") + random.normal(0, 5, m) > 55, "yes", "no"),
            "spends": spends,
        }
    )


@pytest.fixture
def small(monkeypatch):
    """Chunks and draws of a few rows."""
    monkeypatch.setattr(chunks, "BYTES", 2000)
    monkeypatch.setattr(chunks, "ROWS", 50)
    monkeypatch.setattr(row_sample, "FEWEST", 200)
    monkeypatch.setattr(row_sample, "CELLS", 0)


def experiment(folder, path, target="pays", *, epochs=4, resume=False, hidden=(16,), rate=None, **options):
    table = cr.read_table(path, target, **({"stream": True} | options))
    settings = cr.Settings(seed=0, epochs=epochs, hidden=hidden, validation=0.2, learning_rate=rate)
    return cr.Experiment(table, settings, folder, resume=resume)


def saved(tmp_path, frame, suffix=".csv"):
    path = tmp_path / f"people{suffix}"
    frame.write_parquet(path) if suffix == ".parquet" else frame.write_csv(path)
    return str(path)


def rows_met(made):
    """The ages, jobs, … in the matrix of all examples that are trained on."""
    return np.concatenate([made.chunked.read(i)[0] for i in range(len(made.chunked.sizes))])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_that_is_drawn_whole_is_the_same_experiment_as_in_memory(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(chunks, "BYTES", 2000)
    path = saved(tmp_path, people(), suffix)
    streamed = experiment(tmp_path / "a", path)
    held = experiment(tmp_path / "b", path, stream=False)
    assert streamed.encoding.codes == held.encoding.codes
    assert streamed.splits.test.tolist() == held.splits.test.tolist()
    assert streamed.m == held.m == len(held.splits.train)
    expected = held.X[np.sort(held.splits.train)]
    assert np.array_equal(rows_met(streamed), expected)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_all_rows_but_those_held_out_are_trained_on(tmp_path, small, suffix):
    made = experiment(tmp_path / "run", saved(tmp_path, people(), suffix))
    assert len(made.source) == 200
    assert made.source.size == M
    assert len(made.chunked.sizes) > 5
    assert made.m == M - len(made.splits.test) - len(made.splits.validation) == M - 40 - 32
    out = np.concatenate([made.splits.test, made.splits.validation])
    kept = np.delete(np.arange(M), made.source.row[out] - 1)
    assert np.array_equal(rows_met(made), made.encoding.matrix(cr.read_table(people(), "pays").frame[kept]))


def test_it_learns_and_evaluate_finds_the_held_out_rows_again(tmp_path, small):
    path = saved(tmp_path, people())
    made = experiment(tmp_path / "run", path, epochs=8, rate=0.02)
    result = made.run(progress=False)
    assert result.metrics["test"]["accuracy"] > result.metrics["baseline"]["accuracy"] + 0.2
    assert result.history.epochs[0].keys() == {"epoch", "loss", "penalty", "val_loss", "seconds"}
    trained = cr.Trained.load(tmp_path / "run")
    source = trained.read(path)
    rows, what = trained.rows(source, "auto")
    assert what == "the held-out part"
    assert trained.evaluate(source, rows)["accuracy"] == result.metrics["test"]["accuracy"]
    assert trained.rows(source, "all")[1].startswith("examples drawn from all over it, those of the training")


def test_every_row_is_predicted_in_its_place(tmp_path, small):
    path = saved(tmp_path, people())
    experiment(tmp_path / "run", path, epochs=3).run(progress=False)
    trained = cr.Trained.load(tmp_path / "run")
    source = trained.read(path, labelled=False)
    found = trained.predictions(source)
    assert found["row"] == list(range(1, M + 1))
    whole = trained.predictions(trained.read(people(), labelled=False))["p(yes)"]
    assert found["p(yes)"] == pytest.approx(whole, abs=1e-6)
    lines = "".join(trained.lines(source)).splitlines()
    assert lines[0] == "row,prediction,p(no),p(yes)"
    assert len(lines) == M + 1


def test_files_one_behind_the_other_are_the_same_read_whole_and_in_chunks(tmp_path, small):
    whole, (names, *rows) = tmp_path / "all.csv", people().write_csv().splitlines(keepends=True)
    whole.write_text("".join([names, *rows[:350], names, *rows[350:]]))
    made = {stream: experiment(tmp_path / f"run{stream}", str(whole), stream=stream) for stream in (True, False)}
    assert [one.target.labels for one in made.values()] == [[["no", "yes"]]] * 2
    assert [one.source.size for one in made.values()] == [M] * 2
    told = "1 row that repeats the names of the columns is left out, the first behind row 350"
    assert all(any(told in note for note in one.source.notes) for one in made.values())
    made[True].run(progress=False)
    trained = cr.Trained.load(tmp_path / "runTrue")
    predicted = trained.predictions(str(whole))
    assert predicted["row"] == [*range(1, M + 1)]
    assert predicted == trained.predictions(people().drop("pays"))


def test_values_are_learned_standardized_and_predicted_in_their_own_units(tmp_path, small):
    result = experiment(tmp_path / "run", saved(tmp_path, people()), "spends", epochs=8, rate=0.03).run(progress=False)
    assert result.metrics["test"]["r2"] > 0.9


def test_a_class_that_was_not_drawn_is_a_class(tmp_path, small):
    frame = people().with_columns(pays=pl.when(pl.arange(M) == 549).then(pl.lit("rarely")).otherwise("pays"))
    made = experiment(tmp_path / "run", saved(tmp_path, frame))
    assert "rarely" not in made.source.frame["pays"].to_list()
    assert made.target.classes == ["no", "rarely", "yes"]
    assert made.run(progress=False).metrics["confusion"]["labels"] == ["no", "rarely", "yes"]


def test_time_trains_on_nothing_later_than_what_is_held_out(tmp_path, small):
    frame = people().sample(fraction=1, shuffle=True, seed=1)
    made = experiment(tmp_path / "run", saved(tmp_path, frame), time="since", epochs=1)
    limit = made.source.moments[np.concatenate([made.splits.validation, made.splits.test])].min()
    since = frame["since"].cast(pl.Datetime("us")).dt.epoch("us").to_numpy()
    assert made.m == (since < limit).sum()
    assert 0.5 * M < made.m < 0.8 * M


def test_a_group_that_is_held_out_is_held_out_of_all_chunks(tmp_path, small):
    made = experiment(tmp_path / "run", saved(tmp_path, people()), group="family", epochs=1)
    held_out = np.concatenate([made.splits.validation, made.splits.test])
    groups = {*made.source.frame["family"].cast(pl.String).gather(held_out)}
    assert made.m == sum(family not in groups for family in people()["family"])


def test_rows_without_a_target_are_left_out_of_every_chunk(tmp_path, small):
    frame = people().with_columns(pays=pl.when(pl.arange(M) % 3 == 0).then(None).otherwise("pays"))
    made = experiment(tmp_path / "run", saved(tmp_path, frame))
    held = len(made.splits.test) + len(made.splits.validation)
    assert made.m == M * 2 // 3 - held


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("age", "old", r"age holds 'old' in row 550, but that column holds numbers such as 1234.5 otherwise"),
        ("since", "soon", r"since holds 'soon' in row 550, but that column holds dates such as 2025-01-31"),
    ],
)
def test_what_does_not_fit_is_found_before_training_wherever_it_stands(tmp_path, small, name, value, words):
    frame = people().with_columns(pl.col(name).cast(pl.String))
    assert 550 not in experiment(tmp_path / "a", saved(tmp_path, frame)).source.row
    path = saved(
        tmp_path, frame.with_columns(pl.when(pl.arange(M) == 549).then(pl.lit(value)).otherwise(name).alias(name))
    )
    with pytest.raises(cr.DataError, match=words):
        experiment(tmp_path / "b", path)


@pytest.mark.parametrize("drawn_too", [False, True])
def test_what_does_not_fit_is_told_by_its_row_in_the_file(tmp_path, small, drawn_too):
    frame = people().with_columns(pl.col("age").cast(pl.String))
    path = saved(tmp_path, frame)
    table = cr.read_table(path, "pays", stream=True)
    encoding = replace(table.learn(np.arange(len(table))), unreadable="refuse")
    row, later, *_ = (row for row in range(300, M) if (row in table.row) == drawn_too)
    words = {row - 1: "old", later - 1: "young"}
    age = [words.get(i, age) for i, age in enumerate(frame["age"])]
    saved(tmp_path, frame.with_columns(age=pl.Series(age)))
    with pytest.raises(cr.DataError, match=f"age holds 'old' in row {row}, but"):
        [encoding.X(piece) for piece in encoding.read(path, labelled=False).pieces()]
    with pytest.raises(cr.DataError, match=f"age holds 'old' in row {row}, but"):
        experiment(tmp_path / "run", path, number=["age"])


def test_cells_that_cannot_be_read_are_missing_wherever_the_file_is_cut_and_told_once(tmp_path, small):
    frame = people().with_columns(pl.col("age").cast(pl.String))
    path = saved(tmp_path, frame)
    experiment(tmp_path / "run", path, epochs=1).run(progress=False)
    trained = cr.Trained.load(tmp_path / "run")
    drawn = trained.read(path).row - 1
    others = np.setdiff1d(np.arange(M), drawn)

    def written(rows, cell="4o"):
        rows = {*map(int, rows)}
        saved(
            tmp_path,
            frame.with_columns(age=pl.Series([cell if i in rows else age for i, age in enumerate(frame["age"])])),
        )

    written([drawn[-1], others[0]])
    with pytest.warns(cr.errors.DoubtWarning, match=rf"in row {others[0] + 1} .and 1 other cell. among numbers"):
        source = trained.read(path, labelled=False)
    assert len(trained.predictions(source)["row"]) == M
    for rows in (others[:1], others[10:16]):  # of which the latter stand close together
        written(rows)
        source = trained.read(path, labelled=False)
        assert not any("taken for missing" in note for note in source.notes)
        with pytest.warns(cr.errors.DoubtWarning, match=f"in row {rows[0] + 1} .*among numbers .*: taken for missing"):
            once = trained.predictions(source)
        notes = [*source.notes]
        assert trained.predictions(source) == once
        assert source.notes == notes
        whole = trained.predictions(trained.read(pl.read_csv(path, infer_schema=False), warn=False))
        assert once["row"] == whole["row"]
        assert once["p(yes)"] == pytest.approx(whole["p(yes)"], abs=1e-6)
        with pytest.warns(cr.errors.DoubtWarning, match="taken for missing"):
            assert trained.predictions(trained.read(path)) == once
    refused = cr.Trained.load(tmp_path / "run", unreadable="refuse")
    with pytest.raises(cr.DataError, match=r"age holds '4o' in row"):
        refused.predictions(refused.read(path, labelled=False))
    written(others[:13])
    with pytest.raises(cr.DataError, match=rf"age holds '4o' in row {others[0] + 1}, .* \(13 of 600 cells are no such"):
        trained.predictions(path)


def test_words_that_are_only_written_otherwise_are_told_wherever_the_file_is_cut(tmp_path, small):
    path = saved(tmp_path, people())
    experiment(tmp_path / "run", path, epochs=1).run(progress=False)
    trained = cr.Trained.load(tmp_path / "run")
    usual, drawn = trained.predictions(path), trained.read(path).row - 1
    others = np.setdiff1d(np.arange(M), drawn)
    job = [word.upper() if i in others[:9] else word for i, word in enumerate(people()["job"])]
    saved(tmp_path, people().with_columns(job=pl.Series(job)))
    source = trained.read(path, labelled=False)
    assert not any("BAKER" in note for note in source.notes)
    with pytest.warns(
        cr.errors.DoubtWarning, match="job holds 'BAKER', .* in rows that were not drawn: taken for 'baker'"
    ):
        assert trained.predictions(source) == usual
    notes = [*source.notes]
    trained.predictions(source)
    assert source.notes == notes
    made = experiment(tmp_path / "again", path)
    assert sum("job holds 'BAKER'" in note and "taken for 'baker'" in note for note in made.source.notes) == 1


def test_a_frame_is_in_memory_already():
    with pytest.raises(cr.OptionError, match="a frame is in memory already: give the path of a file"):
        cr.read_table(people(), "pays", stream=True)


def test_a_file_that_is_too_large_is_read_in_chunks_without_being_told(tmp_path, monkeypatch):
    path = saved(tmp_path, people())
    assert cr.read_table(path, "pays").sample is None
    monkeypatch.setattr(chunks, "memory_in_all", lambda: 1000)
    table = cr.read_table(path, "pays")
    assert table.sample is not None
    assert "is read in 1 chunks: 600 rows" in table.notes[0]
    assert cr.read_table(path, "pays", stream=False).sample is None


def test_a_killed_run_goes_on_with_the_same_bits(tmp_path, small):
    """Killed in the middle of an epoch, between two pools."""
    path = saved(tmp_path, people())
    whole = experiment(tmp_path / "a", path).run(progress=False)
    made = experiment(tmp_path / "b", path)
    chunked, calls = made.chunked, []

    def read(i):
        calls.append(i)
        if len(calls) == 30:
            raise MemoryError("killed")
        return chunked.read(i)

    made.chunked = replace(chunked, read=read)
    object.__setattr__(made.checkpoint, "every_minutes", 0.0)
    with pytest.raises(MemoryError):
        made.run(progress=False)
    resumed = experiment(tmp_path / "b", path, resume=True).run(progress=False)
    assert np.array_equal(resumed.network.flat, whole.network.flat)
    assert resumed.history["val_loss"] == whole.history["val_loss"]


def test_a_killed_command_goes_on_with_the_same_bits(tmp_path):
    saved(tmp_path, people(20_000))
    arguments = ("--target", "pays", "--stream", "--hidden", 8, "--epochs", 3, "--seed", 0, "--out")
    command = ("train", "people.csv", *arguments)
    killed = chainrule_signalled(signal.SIGKILL, *command, "b", cwd=tmp_path)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "b/model.safetensors").exists()
    for out in (("a",), ("b", "--resume")):
        done = chainrule(*command, *out, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "20,000 examples" in done.stdout
    nets = [cr.load(tmp_path / out / "model.safetensors") for out in "ab"]
    assert np.array_equal(nets[0].flat, nets[1].flat)


def test_what_only_a_walk_through_the_whole_file_finds_is_told(tmp_path, small):
    frame = people().select("age", "spends").with_columns(weight=pl.Series([f"{50 + i % 40} kg" for i in range(M)]))
    drawn = cr.read_table(saved(tmp_path, frame), "spends", stream=True).row - 1
    others = np.setdiff1d(np.arange(M), drawn)

    def written(name, column, value, rows):
        changed = pl.when(pl.int_range(M).is_in(rows)).then(pl.lit(value)).otherwise(column)
        frame.with_columns(changed.alias(column)).write_csv(tmp_path / name)

    def typed(*arguments):
        return chainrule(*arguments, cwd=tmp_path)

    arguments = ("--target", "spends", "--stream", "--hidden", 4, "--epochs", 1, "--seed", 0)
    written("bare.csv", "weight", "72", others[:3])
    told = "weight holds numbers without a unit: they are taken for kg\n"
    assert "\n" + told in typed("train", "bare.csv", *arguments, "--out", "bare").stdout
    assert typed("predict", "bare", "bare.csv", "--out", "p.csv").stderr.endswith(
        "200 drawn from all over it\nnote: " + told
    )
    assert told not in typed("predict", "bare", "people.csv", "--out", "p.csv").stderr

    written("stray.csv", "spends", 90_000.0, [*others[:3], drawn[100]])
    told = "of all 600 rows are left out 4 rows in which spends lies far from all others\n"
    assert told in typed("train", "stray.csv", *arguments, "--drop-outliers", "--out", "stray").stdout
    written("gaps.csv", "spends", None, others[:3])
    told = "of all 600 rows are left out 3 rows in which a value is missing that must be there\n"
    assert told in typed("train", "gaps.csv", *arguments, "--out", "gaps").stdout


def test_a_file_may_change_once_its_numbers_are_kept(tmp_path, small):
    path = saved(tmp_path, people())
    made = experiment(tmp_path / "run", path)
    before = rows_met(made)
    saved(tmp_path, people().with_columns(age=pl.col("age").reverse()))
    assert np.array_equal(rows_met(made), before)
    size = before.nbytes + 4 * len(before)
    assert f"its numbers are kept in {size / 1e6:.1f} MB of the disk while it is trained on" in made.source.notes
    assert [*(tmp_path / "run").iterdir()] == [], "the file has no name that a killed run could leave behind"


def test_where_the_disk_is_nearly_full_each_epoch_reads_the_file_anew(tmp_path, small, monkeypatch):
    path = saved(tmp_path, people())
    kept = experiment(tmp_path / "a", path).run(progress=False)
    monkeypatch.setattr(scratch, "LEFT", 1.0)
    made = experiment(tmp_path / "b", path)
    assert "its numbers are read anew in each epoch, as the disk has no room to keep them" in made.source.notes
    assert np.array_equal(made.run(progress=False).network.flat, kept.network.flat)
    saved(tmp_path, people().with_columns(age=pl.col("age").reverse()))
    with pytest.raises(
        cr.DataError, match=r"part 1 of \d+ of the file has changed while it was trained on: train anew"
    ):
        made.chunked.read(0)


def no_room(*given, **options):
    raise OSError(28, "no space left on the device")


def test_a_disk_that_is_memory_or_has_no_room_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch.tempfile, "TemporaryFile", no_room)
    assert scratch.Scratch(tmp_path).full
    if os.path.isdir("/dev/shm"):
        assert scratch._is_memory(Path("/dev/shm"))


def test_a_disk_that_fails_has_the_source_read_again(tmp_path, small, monkeypatch):
    made = experiment(tmp_path / "run", saved(tmp_path, people()))
    before = rows_met(made)
    monkeypatch.setattr(scratch.Scratch, "read", no_room)
    assert np.array_equal(rows_met(made), before)


def test_threads_read_what_is_kept_beside_each_other(tmp_path):
    kept, arrays = scratch.Scratch(tmp_path), [np.full(10_000, i) for i in range(50)]
    for array in arrays:
        kept.keep([array])
    with ThreadPoolExecutor(4) as threads:
        found = [*threads.map(lambda i: kept.read(i % 50)[0], range(500))]
    assert all(np.array_equal(array, arrays[i % 50]) for i, array in enumerate(found))


SMALL = """
import chainrule.cli
from chainrule.data import chunks, row_sample
chunks.BYTES, row_sample.MOST = 2**18, 10_000
chainrule.cli.main()
"""


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="the system does not tell the peak memory of a process")
def test_memory_does_not_grow_with_the_table(tmp_path):
    """Twelve times as many rows take hardly more."""
    frame, peaks = people(80_000).select("age", "job", "height", "pays"), []
    for times in (1, 12):
        path = saved(tmp_path, pl.concat([frame] * times))
        settings = ("--target", "pays", "--epochs", "1", "--hidden", "4", "--batch-size", "4096", "--stream")
        command = [sys.executable, "-c", SMALL, "train", path, *settings, "--out", str(tmp_path / f"run{times}")]
        with open(os.devnull, "w") as nowhere:
            process = subprocess.Popen(command, stdout=nowhere, stderr=nowhere)
            _, process.returncode, used = os.wait4(process.pid, 0)
        assert process.returncode == 0
        peaks.append(used.ru_maxrss)
    assert peaks[1] < 1.3 * peaks[0]  # in memory it is 1.7 times as much
