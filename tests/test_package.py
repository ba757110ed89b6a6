"""The package as a whole: what importing it costs and what it promises."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule as cr

HEAVY = {
    "scipy", "sklearn", "matplotlib", "latex2mathml", "polars", "rich", "click", "safetensors", "jax",
    "torch", "pandas",
}  # fmt: skip


def modules_after(code):
    program = f"{code}\nimport sys, json\nprint(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_loads_nothing_but_numpy_and_the_standard_library():
    loaded = modules_after("import chainrule") - modules_after("import numpy, numpy.random")
    strangers = {m for m in loaded if m not in sys.stdlib_module_names and not m.startswith("_")}
    assert strangers == {"chainrule"}


def test_variables_know_their_arithmetic_where_nothing_else_was_used():
    program = "import chainrule as cr\nJ = cr.variable(5.0) * 2\nJ.backward()\nprint(J.value, J.inputs[0].grad)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["10.0", "2.0"], done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot copy a process")
def test_modules_are_attributes_where_nothing_else_was_used():
    """Each in a copy of a process that has imported the library alone; that of scikit-learn is in test_conventions."""
    names = [
        *("graph.operation", "layers.Dense", "optimizers.Adam", "training.Run", "metrics.METRICS", "errors.DataError"),
        *("derivation.expression.parse", "schedules.Step", "notes.sigmoid"),
    ]
    program = f"""
import os, chainrule as cr
for name in {names}:
    if not os.fork():
        eval(f"cr.{{name}}")
        os._exit(0)
    assert os.wait()[1] == 0, name
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_dir_lists_what_is_public_and_nothing_else():
    program = "import chainrule as cr\ncr.Adam\nprint(*dir(cr))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    names = {name for name in done.stdout.split() if not name.startswith("__")}
    assert set(cr.__all__) < names
    assert not names & {"Any", "TYPE_CHECKING", "import_module"}
    assert not any(name.startswith("_") for name in names)


def test_training_and_predicting_load_none_of_the_heavy_packages():
    code = (
        "import chainrule as cr, numpy as np\n"
        "net = cr.Network([cr.Dense(2, 'softmax')])\n"
        "cr.train(net, np.eye(4), np.arange(4) % 2, loss='cross_entropy', epochs=1, progress=False)\n"
        "net.predict(np.eye(4))"
    )
    assert not modules_after(code) & HEAVY


def test_the_command_trains_and_measures_without_scikit_learn_and_scipy(tmp_path):
    arguments = ["train", "digits", "--epochs", "1", "--seed", "0", "--out", str(tmp_path / "run")]
    code = f"from chainrule.cli import app\napp({arguments}, standalone_mode=False)"
    assert not modules_after(code) & {"sklearn", "scipy", "joblib", "polars", "pandas"}
    assert (tmp_path / "run" / "metrics.json").exists()


def test_the_version_is_the_same_wherever_it_stands():
    root = Path(__file__).parents[1]
    assert re.search(r"^version: (.*)$", (root / "CITATION.cff").read_text(), re.MULTILINE)[1] == cr.__version__
    day = re.search(r"^date-released: (.*)$", (root / "CITATION.cff").read_text(), re.MULTILINE)[1]
    headings = re.findall(r"^## (.*)$", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:2] == ["Unreleased", f"{cr.__version__} – {day}"]


def test_every_public_name_exists_and_is_documented():
    for name in cr.__all__:
        assert getattr(cr, name).__doc__, name
    for name in cr.ops.__all__:
        if name in cr.ops.OPERATIONS:
            assert cr.ops.OPERATIONS[name].__doc__, name


@pytest.mark.parametrize(
    "error",
    [
        *(cr.ShapeError, cr.DataError, cr.OptionError, cr.GraphError, cr.NotFiniteError),
        *(cr.ModelFileError, cr.CheckpointError),
    ],
)
def test_all_errors_share_one_base(error):
    assert issubclass(error, cr.ChainruleError)
