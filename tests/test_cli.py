"""The command line, run as a person runs it."""

import csv
import json
import re
import resource
import signal

import numpy as np
import pytest

import chainrule as cr
from chainrule import engines
from chainrule.engines import ENGINES
from chainrule.numbers import brief
from chainrule.threads import threads
from commands import chainrule, chainrule_process, chainrule_signalled


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    done = chainrule("train", "digits", "--epochs", 30, "--seed", 0, "--out", "runs/digits", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_train_digits_reaches_96_percent_on_its_held_out_fifth(digits_run):
    folder, done = digits_run
    metrics = json.loads((folder / "runs/digits/metrics.json").read_text())
    assert metrics["test"]["accuracy"] >= 0.96
    assert metrics["baseline"]["accuracy"] < 0.2
    assert metrics["engine"] == [*ENGINES][-1]
    assert metrics["seconds"] > 0
    assert "1,797 examples" in done.stdout
    assert "360 to test" in done.stdout
    assert 'Dense(10, "softmax")' in done.stdout


def test_the_run_folder_holds_the_five_files(digits_run):
    folder, _ = digits_run
    names = sorted(path.name for path in (folder / "runs/digits").iterdir())
    assert names == ["curves.svg", "history.json", "metrics.json", "model.safetensors", "report.html"]
    history = json.loads((folder / "runs/digits/history.json").read_text())
    assert len(history["epochs"]) == 30
    assert (folder / "runs/digits/curves.svg").read_text().startswith("<?xml")
    assert cr.load(folder / "runs/digits/model.safetensors").metadata["classes"] == list(range(10))


def test_evaluate_measures_the_held_out_part_again(digits_run):
    folder, _ = digits_run
    done = chainrule("evaluate", "runs/digits/model.safetensors", "digits", cwd=folder)
    accuracy = json.loads((folder / "runs/digits/metrics.json").read_text())["test"]["accuracy"]
    assert "the held-out part, 360 examples" in done.stdout
    assert brief(accuracy) in done.stdout


@pytest.mark.parametrize("arguments", [["evaluate"], ["predict"], ["predict", "--out", "by_three.csv"]])
def test_predict_and_evaluate_compute_by_so_many_threads_as_are_asked_for(arguments, digits_run, command, monkeypatch):
    seen, select = [], engines.select

    def noted(*given, **options):
        seen.append(threads())
        return select(*given, **options)

    monkeypatch.setattr(engines, "select", noted)
    name, *others = arguments
    status, _, _ = command(digits_run[0], name, "runs/digits", "digits", "--threads", 3, *others)
    assert status == 0
    assert set(seen) == {3}


def test_predict_writes_a_csv_with_probabilities(digits_run):
    folder, _ = digits_run
    done = chainrule("predict", "runs/digits/model.safetensors", "digits", "--out", "p.csv", cwd=folder)
    assert done.stdout == "1,797 predictions in p.csv\n"
    with open(folder / "p.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1797
    assert float(rows[0]["p(0)"]) > 0.9
    assert rows[0]["prediction"] == "0"


def test_the_same_seed_gives_the_same_model(tmp_path):
    for out in ("a", "b"):
        chainrule("train", "iris", "--epochs", 3, "--seed", 5, "--out", out, cwd=tmp_path)
    nets = [cr.load(tmp_path / out / "model.safetensors") for out in ("a", "b")]
    assert np.array_equal(nets[0].flat, nets[1].flat)


def test_without_out_no_run_is_overwritten(tmp_path):
    for _ in range(2):
        done = chainrule("train", "iris", "--epochs", 1, cwd=tmp_path)
        assert done.returncode == 0
        assert "all epochs done, 1 epoch" in done.stdout
        assert "1 epochs" not in done.stdout
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["iris", "iris-2"]


def test_a_run_makes_room_for_another_but_not_for_a_mistake(tmp_path):
    command = ("train", "iris", "--epochs", 1, "--out", "run")
    chainrule(*command, "--seed", 0, cwd=tmp_path)
    model = (tmp_path / "run/model.safetensors").read_bytes()
    assert chainrule(*command, "--optimizer", "adma", cwd=tmp_path).returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run/model.safetensors").read_bytes() == model
    done = chainrule(*command, "--seed", 1, cwd=tmp_path)
    assert "run held a run already, which is now run-2\n" in done.stdout
    assert (tmp_path / "run-2/model.safetensors").read_bytes() == model
    assert (tmp_path / "run/model.safetensors").read_bytes() != model


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_bundled_classes_beat_the_baseline(tmp_path, name):
    assert chainrule("train", name, "--seed", 0, "--out", "run", cwd=tmp_path).returncode == 0
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["test"]["accuracy"] > 0.9 > metrics["baseline"]["accuracy"]


def test_diabetes_is_predicted_in_its_own_units(tmp_path):
    chainrule("train", "diabetes", "--seed", 0, "--out", "run", cwd=tmp_path)
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["test"]["rmse"] < metrics["baseline"]["rmse"]
    done = chainrule("predict", "run/model.safetensors", "diabetes", cwd=tmp_path)
    values = [float(line.split(",")[1]) for line in done.stdout.splitlines()[1:]]
    assert 100 < np.mean(values) < 200


def test_an_npz_file_with_names_as_labels_goes_all_the_way(tmp_path):
    random = np.random.default_rng(0)
    y = np.array(["cat", "dog", "owl"])[np.arange(300) % 3]
    X = random.standard_normal((300, 4, 4)) + (np.arange(300) % 3)[:, None, None]
    np.savez(tmp_path / "animals.npz", X=X, y=y)
    np.savez(tmp_path / "new.npz", X=X[:5])
    done = chainrule("train", "animals.npz", "--seed", 0, "--epochs", 30, "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "300 examples of 4 × 4 features, 3 classes" in done.stdout
    done = chainrule("predict", "run/model.safetensors", "new.npz", cwd=tmp_path)
    assert done.stdout.splitlines()[0] == "example,prediction,p(cat),p(dog),p(owl)"
    assert done.stdout.splitlines()[2].startswith("1,dog,")


@pytest.mark.parametrize("model", ["runs/digits", "runs/digits/model.safetensors"])
def test_explain_prints_the_derivation(digits_run, model):
    folder, _ = digits_run
    done = chainrule("explain", model, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The derivation\n")
    parts = [line for line in done.stdout.splitlines() if line in ("Forward", "Cost", "Backward", "Update")]
    assert parts == ["Forward", "Cost", "Backward", "Update"]
    L = cr.load(folder / "runs/digits/model.safetensors").layers[-1].l
    assert re.search(rf"dZ\^\[{L}\] = A\^\[{L}\] − Y +\(10, m\)", done.stdout)
    assert f"W^[{L}] := W^[{L}] − α dW^[{L}]" in done.stdout


def test_explain_prints_on_a_terminal_that_is_not_utf_8(digits_run):
    folder, _ = digits_run
    done = chainrule_process("explain", "runs/digits", cwd=folder, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert r"W^[1] := W^[1] \u2212 \u03b1 dW^[1]" in done.stdout
    by_locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
    assert chainrule_process("explain", "runs/digits", cwd=folder, **by_locale).stdout == done.stdout


def test_explain_cuts_no_formula_in_two_in_a_narrow_terminal(digits_run):
    folder, _ = digits_run
    done = chainrule("explain", "runs/digits", cwd=folder, COLUMNS="40")
    assert done.stdout == chainrule("explain", "runs/digits", cwd=folder).stdout


def test_explain_derives_what_the_shortcut_leaves_out_and_takes_an_optimizer(digits_run):
    folder, _ = digits_run
    plain = chainrule("explain", "runs/digits", cwd=folder).stdout
    done = chainrule("explain", "runs/digits", "--no-shortcut", "--optimizer", "adam", cwd=folder)
    assert "∂Aₖ^[" not in plain
    assert "∂Aₖ^[" in done.stdout
    assert "gradient descent, α is the learning rate" in plain
    assert "W^[1] := W^[1] − (α m_{dW^[1]}/(1 − β₁^t))/(√(v_{dW^[1]}/(1 − β₂^t)) + ε)" in done.stdout


def test_explain_takes_another_loss(digits_run):
    folder, _ = digits_run
    done = chainrule("explain", "runs/digits", "--loss", "squared_error", cwd=folder)
    assert "½ ‖" in done.stdout
    assert "The shortcut" not in done.stdout


@pytest.mark.parametrize(
    ("out", "starts"), [("a.txt", "The derivation"), ("a.tex", r"\documentclass"), ("deep/a.html", "<!doctype html>")]
)
def test_explain_writes_a_file(digits_run, out, starts):
    folder, _ = digits_run
    done = chainrule("explain", "runs/digits", "--out", out, cwd=folder)
    assert done.stdout == f"the derivation is in {out}\n"
    assert (folder / out).read_text().startswith(starts)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["runs/digits", "--out", "a.pdf"], "written as .txt, .tex or .html, but the file is called a.pdf"),
        (["runs/digits", "--loss", "cross_entropi"], "Did you mean 'cross_entropy'?"),
        (["runs/digits", "--loss", "hinge", "--out", "runs/digits/model.safetensors/a.txt"], "cannot write"),
        (["absent.safetensors"], "cannot read absent.safetensors"),
        (["runs"], "runs is a folder, not a model file: it holds none"),
        (["runs/digits/metrics.json"], "damaged or no model file"),
    ],
)
def test_a_mistake_of_explain_is_one_line_on_stderr(digits_run, arguments, words):
    folder, _ = digits_run
    done = chainrule("explain", *arguments, cwd=folder)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert words in line


def test_the_version_is_told_without_a_command(tmp_path):
    done = chainrule("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"chainrule {cr.__version__}\n", "")


def test_info_names_versions_and_engines(tmp_path):
    done = chainrule_process("info", cwd=tmp_path)
    assert done.returncode == 0
    assert cr.__version__ in done.stdout
    assert re.search(r"engines +numpy", done.stdout)
    assert re.search(r"polars +\d", done.stdout)


def test_info_counts_one_thread(tmp_path, monkeypatch, command):
    pytest.importorskip("chainrule.engines._baseline", reason="the kernels are not built")
    monkeypatch.setenv("CHAINRULE_NUM_THREADS", "1")
    status, output, _ = command(tmp_path, "info")
    assert status == 0
    assert re.search(r"instructions(, bfloat16 by \w+)?, 1 thread\n", output)


def test_info_tells_what_jax_sees_and_why_it_cannot_be_used(tmp_path, monkeypatch, command):
    jax = pytest.importorskip("jax")

    def line():
        status, output, _ = command(tmp_path, "info")
        assert status == 0
        return re.search(r"^jax engine +(.*)$", output, re.MULTILINE)[1]

    assert re.fullmatch(rf"jax {re.escape(jax.__version__)}, \d devices? \(cpu.*\)", line())

    def broken():
        raise RuntimeError("no driver\nin 20 lines")

    monkeypatch.setattr(jax, "devices", broken)
    assert line() == "cannot be used: RuntimeError: no driver"
    monkeypatch.setattr("chainrule.engines.jax.installed", lambda: False)
    assert line() == "not installed: pip install 'chainrule[jax]'"


def mistakes(folder):
    np.savez(folder / "one_class.npz", X=np.ones((20, 2)), y=np.zeros(20, int))
    np.savez(folder / "only_X.npz", X=np.ones((20, 2)))
    np.savez(folder / "few.npz", X=np.ones((4, 2)), y=np.arange(4) % 2)
    np.savez(folder / "nan.npz", X=np.full((20, 2), np.nan), y=np.arange(20) % 2)
    np.savez(folder / "text.npz", X=np.full((20, 2), "a"), y=np.arange(20) % 2)
    np.savez(folder / "lengths.npz", X=np.ones((20, 2)), y=np.arange(19) % 2)
    np.savez(folder / "objects.npz", X=np.array([{}]), y=np.arange(1))
    np.savez(folder / "names.npz", pictures=np.ones((20, 2)))
    (folder / "broken.npz").write_bytes(b"PK\x03\x04 not a zip")
    (folder / "table.csv").write_text("a,b\n1,2\n")
    (folder / "file").write_text("in the way")
    (folder / "killed").mkdir()
    (folder / "killed/checkpoint.safetensors").touch()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "digit"], "no file, folder or data set 'digit'. Did you mean 'digits'?"),
        (["train", "./nowhere"], "there is no file or folder ./nowhere."),
        (["train", "nowhere/pictures"], "there is no file or folder nowhere/pictures."),
        (["train", "nowhere/"], "there is no file or folder nowhere/."),
        (["train", "absent.npz"], "there is no file absent.npz"),
        (["train", "table.csv"], "which column of table.csv is to be predicted? It has a, b."),
        (["train", "file"], "is neither a table"),
        (["train", "broken.npz"], "it is no .npz file, or was cut short"),
        (["train", "objects.npz"], "Python objects"),
        (["train", "names.npz"], "holds pictures, but a data set is X"),
        (["train", "one_class.npz"], "always 0: there is nothing to tell apart"),
        (["train", "only_X.npz"], "has no y"),
        (["train", "few.npz"], "4 examples are too few"),
        (["train", "nan.npz"], "X holds NaN"),
        (["train", "text.npz"], "must be numbers"),
        (["train", "lengths.npz"], "y is (19,)"),
        (["train", "iris", "--out", "file"], "the run folder file cannot be written: File exists. Name another one."),
        (["train", "iris", "--out", "file/run"], "the run folder file/run cannot be written: Not a directory."),
        (["train", "absent.xlsx", "--target", "a"], "there is no file absent.xlsx"),
        (["train", "iris", "--target", "a"], "but iris is none: leave it out."),
        (["predict", "killed", "iris"], "by the command that began it, --out killed and --resume."),
        (["evaluate", "killed/model.safetensors", "iris"], "killed holds no model.safetensors, as its run was inter"),
        (["train", "iris", "--batch-size", "0"], "batch_size is 0"),
        (["train", "iris", "--epochs", "0"], "epochs is 0"),
        (["train", "iris", "--hidden", "ten"], "--hidden is 'ten'"),
        (["train", "iris", "--hidden", "100000000000000"], "memory is short: Unable to allocate"),
        (["train", "iris", "--activation", "rleu"], "Did you mean 'relu'?"),
        (["train", "iris", "--optimizer", "adamx"], "Did you mean 'adam"),
        (["train", "iris", "--engine", "cuda"], "no engine 'cuda'"),
        (["train", "iris", "--devices", "both"], "--devices is 'both', but takes a number, or all."),
        (["train", "iris", "--engine", "native", "--device", "gpu"], "the native engine computes on the cores of this"),
        (["train", "iris", "--threads", "0"], "threads is 0, but must be a whole number, 1 or more"),
        (["train", "iris", "--test", "1.5"], "the test part is 1.5"),
        (["train", "iris", "--dropout", "1"], "the dropout rate is 1.0"),
        (["train", "iris", "--learning-rate", "1e30", "--optimizer", "sgd"], "the cost is"),
        (["train", "iris", "--resume"], "--resume needs the run folder"),
        (["evaluate", "absent.safetensors", "iris"], "cannot read absent.safetensors"),
        (["predict", "table.csv", "iris"], "damaged or no model file"),
        (
            ["predict", "table.csv", "runs/a model.safetensors", "more.csv"],
            "table.csv is no model, but runs/a model.safetensors is, which stands first: "
            "chainrule predict 'runs/a model.safetensors' table.csv more.csv",
        ),
        (["evaluate", "iris", "m.safetensors"], "which stands first: chainrule evaluate m.safetensors iris"),
        (["sample", "m.safetensors", "--memory-limit", "0"], "--memory-limit is 0, but takes megabytes, 1 or more"),
    ],
)
def test_a_mistake_is_one_line_on_stderr_and_exit_status_2(tmp_path, arguments, words):
    mistakes(tmp_path)
    done = chainrule(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert words in last
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("data", ["nan.npz", "few.npz"])
def test_a_run_that_is_refused_leaves_no_folder(tmp_path, data):
    mistakes(tmp_path)
    assert chainrule("train", data, cwd=tmp_path).returncode == 2
    assert not [*tmp_path.glob("runs/*")]


@pytest.mark.parametrize(
    "command", [["predict", "MODEL", "digits"], ["evaluate", "MODEL", "digits"], ["explain", "MODEL"]]
)
def test_a_network_that_takes_more_memory_than_is_allowed_is_loaded_where_more_is_allowed(tmp_path, command):
    net = cr.Network([cr.Dense(600), cr.Dense(600), cr.Dense(10, "softmax")], seed=0, input_shape=64)
    net.save(tmp_path / "m.safetensors")
    words = [str(tmp_path / "m.safetensors") if word == "MODEL" else word for word in command]
    done = chainrule(*words, "--memory-limit", 1, cwd=tmp_path)
    assert done.returncode == 2
    assert "load it with a larger memory_limit, or --memory-limit" in done.stderr
    done = chainrule(*words, "--memory-limit", 100, cwd=tmp_path)
    assert "memory" not in done.stderr


def test_a_model_of_other_data_is_told_what_does_not_fit(digits_run):
    folder, _ = digits_run
    done = chainrule("predict", "runs/digits/model.safetensors", "iris", cwd=folder)
    assert done.returncode == 2
    assert "takes 64 features" in done.stderr


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(digits_run):
    folder, _ = digits_run
    (folder / "kept.csv").write_text("old")
    small = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    arguments = ("predict", "runs/digits/model.safetensors", "digits", "--out", "kept.csv")
    done = chainrule_process(*arguments, cwd=folder, preexec_fn=small)
    assert done.returncode == 2
    assert "error: cannot write kept.csv: File too large. The file that was there is unchanged." in done.stderr
    assert (folder / "kept.csv").read_text() == "old"
    assert not list(folder.glob(".kept*"))


def interrupted(folder, *arguments, by=signal.SIGINT):
    """What a run prints that gets Ctrl-C, or another signal, after its first checkpoint."""
    done = chainrule_signalled(by, *arguments, "--out", "run", cwd=folder)
    assert done.returncode == 128 + by
    assert "Traceback" not in done.stderr
    return done.stdout


def test_ctrl_c_on_a_table_leaves_the_report_to_the_end(tmp_path):
    a, b = np.random.default_rng(0).normal(size=(2, 400)).round(3)
    rows = "".join(f"{x},{z},{'yes' if x > z else 'no'}\n" for x, z in zip(a, b, strict=True))
    (tmp_path / "some.csv").write_text("a,b,more\n" + rows)
    out = interrupted(tmp_path, "train", "some.csv", "--target", "more", "--epochs", "100000", "--patience", "0")
    assert "interrupted, " in out
    assert "report.svg, report.html and the importance of the columns come at the end" in out
    assert "baseline" in out
    assert not (tmp_path / "run/report.svg").exists()
    assert not (tmp_path / "run/report.html").exists()
    assert "importance" not in json.loads((tmp_path / "run/metrics.json").read_text())


def test_ctrl_c_keeps_what_was_learned_and_resume_goes_on(tmp_path):
    arguments = ["train", "digits", "--epochs", "20", "--hidden", "32", "--patience", "0", "--seed", "0"]
    out = interrupted(tmp_path, *arguments)
    assert "interrupted, " in out
    assert "--resume" in out
    assert (tmp_path / "run/model.safetensors").exists()
    assert chainrule(*arguments, "--out", "run", "--resume", cwd=tmp_path).returncode == 0
    assert chainrule(*arguments, "--out", "whole", cwd=tmp_path).returncode == 0
    resumed, whole = (cr.load(tmp_path / name / "model.safetensors") for name in ("run", "whole"))
    assert np.array_equal(resumed.flat, whole.flat)


def test_help_tells_what_is_taken_where_nothing_is_said(tmp_path):
    assert "[default: print]" in chainrule("predict", "--help", cwd=tmp_path).stdout


def test_help_of_train_has_what_most_need_first_and_then_each_kind_of_data(tmp_path):
    told = chainrule("train", "--help", cwd=tmp_path).stdout
    titles = [line.strip(":") for line in told.splitlines() if re.fullmatch(r"\w.*:", line)]
    assert titles[:5] == ["What most need", "Tables", "Series", "Pictures", "Texts"]
    first = told.partition("What most need:")[2].partition("Tables:")[0]
    assert len(re.findall(r"^  --", first, re.MULTILINE)) == 11


def test_options_are_what_settings_and_readers_take_and_say_what_these_say(tmp_path):
    told = " ".join(chainrule("train", "--help", cwd=tmp_path).stdout.split())
    taken = [*cr.experiments.Settings.__dataclass_fields__, "horizon", "drop_outliers", "channels", "vocabulary"]
    assert [name for name in taken if f"--{name.replace('_', '-')}" not in told] == []
    assert "--activation TEXT Of the hidden layers. [default: silu for several networks, else relu]" in told
    assert "--day-first / --month-first Whether 3/4/2025 is in April." in told


def test_a_misspelled_option_gets_the_one_that_is_meant(tmp_path):
    done = chainrule("train", "iris", "--hiden", 3, cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no option --hiden. Did you mean '--hidden'?" in done.stderr
    assert "Did you mean '--learning-rate'?" in chainrule("train", "iris", "--lr", 3, cwd=tmp_path).stderr
    assert "there is no command trian. Did you mean 'train'?" in chainrule("trian", "iris", cwd=tmp_path).stderr


def test_a_cost_that_is_not_finite_tells_the_option_that_mends_it(tmp_path):
    done = chainrule("train", "iris", "--learning-rate", 1000, "--optimizer", "sgd", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith("Train with a smaller --learning-rate than 1000.\n")


def test_predictions_never_take_the_place_of_what_they_are_made_of(digits_run):
    folder, _ = digits_run
    done = chainrule("predict", "runs/digits", "digits", "--out", "runs/digits/../digits", cwd=folder)
    assert done.returncode == 2
    assert "is a file that is read, and would be lost: name another" in done.stderr
