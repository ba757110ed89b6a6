"""`python -m benchmarks`: rows in, tables, a JSON file, a page and a picture out."""

import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import pytest
from benchmarks.contestants import Contestant
from benchmarks.measure import Entry, Race, Workers
from benchmarks.models import Multilayer
from benchmarks.parity import CLOSE, errors_of
from benchmarks.results import Results
from benchmarks.rows import ROWS, OnDevice, Scaling, Training, rows_on, scalings

import chainrule as cr
from benchmarks import command, limits, measure
from chainrule.engines import ENGINES

ROW = Training("tiny", "A tiny row", Multilayer((5, 8, 3)), 64, 16, cr.Adam(0.01))
ABSENT = Contestant("absent", "Nobody", "chainrule", "no_such_package")
NUMPY, SCIKIT_LEARN = (who for who in command.CONTESTANTS if who.key in ("numpy", "scikit-learn"))


@pytest.fixture
def small(monkeypatch):
    """One tiny row, and one scaling of two points."""
    scaling = Scaling(
        "scaling-tiny",
        "Tiny",
        "batch size",
        ((16, ROW, 1), (32, Training("b", "B", Multilayer((5, 8, 3)), 64, 32, cr.Adam()), 1)),
    )
    monkeypatch.setattr(measure, "REST", 0.0)
    monkeypatch.setattr(limits, "SECONDS", 0.01)
    monkeypatch.setattr(measure, "cores", lambda: 1)  # a process for each contestant
    monkeypatch.setattr(command, "ROWS", (ROW,))
    monkeypatch.setattr(command, "scalings", lambda cores: (scaling,))
    monkeypatch.setattr(command, "CONTESTANTS", (NUMPY, SCIKIT_LEARN, ABSENT))


def test_a_run_prints_tables_and_writes_figures_a_page_and_a_picture(small, tmp_path, capsys):
    command.main(["--rounds", "3", "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "Nobody is left out: no_such_package is not installed" in printed
    results = Results.load(tmp_path / "benchmarks.json")
    (row,) = results.rows
    assert [(timing.name, len(timing.seconds)) for timing in row.timings] == [
        ("chainrule, numpy engine", 3),
        ("scikit-learn", 3),
    ]
    assert row.void == ""
    assert row.fastest().name == "scikit-learn"
    assert {"date", "processor", "versions"} <= set(results.machine)
    assert [growth.values for growth in results.growths] == [[16, 32]] * ("native" in ENGINES)
    page = (tmp_path / "benchmarks.md").read_text()
    assert "### A tiny row" in page
    assert "| scikit-learn |" in page
    drawn = (tmp_path / "benchmarks.svg").read_text()
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    assert "A tiny row" in drawn


@pytest.mark.slow
def test_a_report_makes_page_and_picture_anew_without_measuring(small, tmp_path, capsys):
    command.main(["--rows", "tiny", "--rounds", "1", "--out", str(tmp_path)])
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for name in ("benchmarks.md", "benchmarks.svg"):
        (tmp_path / name).unlink()
    capsys.readouterr()
    command.main(["--report", str(tmp_path / "benchmarks.json")])
    assert {path.name for path in tmp_path.iterdir()} == set(kept)
    assert (tmp_path / "benchmarks.md").read_bytes() == kept["benchmarks.md"]
    assert "A tiny row" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rows", "mpl"], "no row 'mpl', but logistic, cats"),
        (["--contestants", "native,tensorflow"], "no contestant 'tensorflow', but native, numpy"),
        (["--rounds", "0"], "--rounds is 0"),
        (["--report", "absent.json"], "absent.json is no file of figures"),
        (["--profile", "cold"], "no row 'cold'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, said, capsys):
    with pytest.raises(SystemExit) as end:
        command.main(arguments)
    assert end.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_keys_are_chosen_by_their_beginnings():
    assert [row.key for row in command.choose("row", "mlp-32, cold", ROWS)] == [
        "mlp-32-adam",
        "mlp-32-momentum",
        "cold",
    ]
    assert command.choose("row", "", ROWS) == list(ROWS)


def test_a_profile_keeps_the_engine_at_work(small, monkeypatch, capsys):
    if "native" not in ENGINES:
        pytest.skip("the native engine was not built")
    monkeypatch.setattr(command, "SECONDS", 0.05)
    command.main(["--profile", "tiny"])
    assert "A tiny row for 0.05 seconds" in capsys.readouterr().out


class Entrant:
    """One that has been at its trials already."""

    worker = SimpleNamespace(hear=lambda: True)

    def __init__(self, contestant, threads, *seconds):
        self.contestant, self.threads, self.seconds, self.told = contestant, threads, [*seconds], []
        self.tell = self.ask = self.told.append


def test_the_number_of_threads_is_kept_that_was_fastest_after_the_first_round():
    entries = [Entrant("one", 1, 1.0, 3.0, 4.0), Entrant("one", 2, 9.0, 2.0, 5.0), Entrant("other", 1, 9.0, 9.0)]
    race = Race(entries)
    race.choose()
    assert race.entries == entries[1:]
    assert [entry.told[-1] for entry in entries] == ["stop", "start", "start"]


@pytest.mark.slow
def test_of_two_numbers_of_threads_the_faster_one_is_kept():
    with Workers() as workers:
        race = Race([Entry(SCIKIT_LEARN, threads, ROW, workers) for threads in (1, 2)])
        race.warm_up()
        slow, fast = race.entries
        slow.seconds, fast.seconds = [0.1, 5.0, 4.0], [9.0, 3.0, 6.0]  # the first one does not count
        race.choose()
        assert race.entries == [fast]
        race.run(2)
        assert len(race.timings()[0].seconds) == 2


@pytest.mark.slow
def test_who_dies_is_left_out_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr(measure, "REST", 0.0)
    with Workers() as workers:
        race = Race([Entry(who, 1, ROW, workers) for who in (NUMPY, SCIKIT_LEARN)])
        race.warm_up()
        race.entries[1].worker.kill()
        race.run(2)
        assert [timing.name for timing in race.timings()] == ["chainrule, numpy engine"]
        assert race.reasons == {"scikit-learn": "its process ended with -9"}
        assert workers.of("scikit_learn", 1).alive


def test_who_fails_says_why_in_one_line():
    broken = Training("broken", "Broken", Multilayer((5, -8, 3)), 64, 16, cr.Adam())
    with Workers() as workers:
        race = Race([Entry(NUMPY, 1, broken, workers)])
        assert race.entries == []
        assert race.reasons[NUMPY.name].startswith("n_out is -8")


def test_scalings_have_points_of_growing_size_and_threads_up_to_the_cores():
    by_key = {scaling.key: scaling for scaling in scalings(6)}
    assert [value for value, _, _ in by_key["scaling-threads"].points] == [1, 2, 4, 6]
    assert [threads for _, _, threads in by_key["scaling-threads"].points] == [1, 2, 4, 6]
    assert [row.batch for _, row, _ in by_key["scaling-batch"].points] == [16, 32, 64, 128, 256, 512, 1024]
    assert {len(row.model.sizes) - 2 for _, row, _ in by_key["scaling-depth"].points} == {1, 2, 4, 8, 16}
    assert all(row.m % row.batch == 0 for scaling in by_key.values() for _, row, _ in scaling.points)


def test_without_a_gpu_a_sentence_says_so(capsys):
    jax = pytest.importorskip("jax")
    if jax.default_backend() == "gpu":
        pytest.skip("there is one")
    with pytest.raises(SystemExit) as end:
        command.main(["--device", "gpu"])
    assert end.value.code == 2
    assert 'device="gpu", but JAX sees' in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_a_device_is_held_against_numpy_and_then_against_others_on_it(monkeypatch, tmp_path, capsys):
    pytest.importorskip("jax")
    row = OnDevice("tiny", "A tiny row", Multilayer((5, 8, 3)), 64, 16, cr.Adam(0.01), device="cpu")
    monkeypatch.setattr(measure, "REST", 0.0)
    monkeypatch.setattr(command, "rows_on", lambda device: (row,))
    monkeypatch.setattr(command, "ON_DEVICE", command.ON_DEVICE[:1])
    assert [one.key for one in rows_on("gpu")] == ["mlp", "convolutions", "lstm"]
    assert max(errors_of(row)) < CLOSE
    command.main(["--device", "cpu", "--rounds", "1", "--out", str(tmp_path)])
    assert "apart from NumPy, relative, float32" in " ".join(capsys.readouterr().out.split())
    results = Results.load(tmp_path / "benchmarks.json")
    assert results.machine["device"] == "cpu"
    assert [timing.name for timing in results.rows[0].timings] == ["chainrule"]
