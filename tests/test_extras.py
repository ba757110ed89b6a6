"""What is there where only the core is installed, and that all else is asked for by the name of an extra."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import polars as pl
import pytest

import chainrule as cr
from chainrule.extras import PACKAGES

SOURCE = Path(cr.__file__).parent
PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PAGE = (Path(__file__).parents[1] / "docs" / "installing.md").read_text()
CALLED = {"sklearn": "scikit-learn", "PIL": "pillow"}
"""The packages that are installed by another name than they are imported by."""

BEHIND = {
    "sklearn": "sklearn/",  # its __init__ asks
    "scipy": "sklearn/",  # comes with scikit-learn
    "jax": ("engines/jax/", "ops/recurrence.py", "distributed.py"),  # of which arrays of JAX make use
    "marimo": "live/playground.py",  # which marimo runs
}
"""The files that are loaded only where the package is there."""


def names(requirement):
    """The extras of ours that a requirement names, and the package that it asks for."""
    package, inner = re.match(r"([\w-]+)(?:\[(.*)\])?", requirement).groups()
    return package, [] if inner is None or package != "chainrule" else inner.split(",")


def brought(extra):
    """The packages that an extra installs, those of the extras that it names too."""
    found = set()
    for requirement in EXTRAS[extra]:
        package, inner = names(requirement)
        found |= {package} if not inner else set().union(*map(brought, inner))
    return found


def test_the_core_is_small():
    assert [re.match(r"[\w-]+", one)[0] for one in PROJECT["dependencies"]] == [
        *("numpy", "safetensors", "click", "rich", "threadpoolctl", "xxhash", "filelock")
    ]


@pytest.mark.parametrize("name", PACKAGES)
def test_the_extra_that_is_named_brings_the_package(name):
    assert CALLED.get(name, name) in brought(PACKAGES[name].extra)


def test_all_has_what_the_readme_does_and_the_tests_have_everything():
    assert brought("all") == {"polars", "scipy", "matplotlib", "pillow", "latex2mathml", "scikit-learn"}
    assert {CALLED.get(name, name) for name in PACKAGES} <= brought("test")


def test_the_page_on_installing_has_each_extra():
    rows = dict(re.findall(r"^\| .* \| `(\w+)` \| (.*?) ?\|$", PAGE, re.MULTILINE))
    assert rows.keys() == EXTRAS.keys() - {"test", "lint", "docs", "bench"}
    for name in rows.keys() - {"all"}:
        parts = rows[name].split(", ")
        assert brought(name) == set().union(*(brought(one[1:-1]) if one[0] == "`" else {one.lower()} for one in parts))


def imports(tree):
    """Every import of a package of `PACKAGES` that is done while the program runs, and what stands around it."""

    def walk(node, around):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        yield from ((name, around) for module in modules if (name := module.partition(".")[0]) in PACKAGES)
        around = node if isinstance(node, ast.FunctionDef) else around
        for child in ast.iter_child_nodes(node):
            yield from walk(child, around)

    return walk(tree, tree)


def test_nothing_imports_a_package_of_an_extra_behind_its_back():
    seen = 0
    for path in sorted(SOURCE.rglob("*.py")):
        here, text = path.relative_to(SOURCE).as_posix(), path.read_text()
        if not any(f" {name}" in text for name in PACKAGES):
            continue
        for name, around in imports(ast.parse(text)):
            seen += 1
            asked = re.search(rf"""(require|installed)\(['"]{name}['"]\)""", ast.unparse(around))
            assert asked or here.startswith(BEHIND.get(name, "/")), f"{here} imports {name}: see chainrule.extras"
    assert seen > 10


WALK = r"""
import json, sys
for name in BLOCKED:
    sys.modules[name] = None
import contextlib, io, pathlib, warnings
import numpy as np
import chainrule as cr
from chainrule import notes
from chainrule.cli import app

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X = rng.standard_normal((120, 4))
y = (X[:, 0] > 0).astype(int)
np.savez("mine.npz", X=X, y=np.where(y, "in", "out"))
pathlib.Path("people.csv").write_text("age,job,income\n" + "".join(f"{i},a,{i % 2}\n" for i in range(60)))
pathlib.Path("people.xlsx").write_bytes(b"PK\3\4")
for folder, name, content in (("texts", "txt", b"some words"), ("photos", "png", b"\x89PNG\r\n\x1a\n")):
    for label in "ab":
        pathlib.Path(folder, label).mkdir(parents=True)
        for k in range(12):
            pathlib.Path(folder, label, f"{k}.{name}").write_bytes(content + b" " + label.encode() * 3)
pathlib.Path("play.txt").write_text("to be or not to be. " * 99)
net = cr.Network([cr.Standardize(), cr.Dense(8, "gelu"), cr.Dense(2, "softmax")], seed=0)
small = cr.Network([cr.Dense(4, "relu"), cr.Dense(1, "sigmoid")], seed=0, input_shape=3)
options = {"loss": "cross_entropy", "epochs": 2, "progress": False, "seed": 0}
a, b, c = cr.variable(5.0, "a"), cr.variable(3.0, "b"), cr.variable(2.0, "c")

def command(*arguments):
    app(list(arguments), standalone_mode=False)

def predicted(**row):
    trained = cr.Trained.load("runs/table")
    return trained.predictions(trained.read(row, labelled=False))

train = ("train", "mine.npz", "--hidden", "4", "--epochs", "2", "--seed", "0")
WAYS = {
    "train": lambda: cr.train(net, X, y, **options, checkpoint=cr.Checkpoint("c.safetensors"), metrics=["accuracy"]),
    "numpy": lambda: cr.train(net, X, y, **options, engine="numpy", threads=1),
    "summary": lambda: net.summary(),
    "predict": lambda: net.predict(X),
    "save and load": lambda: (net.save("n.safetensors"), cr.load("n.safetensors")),
    "gradients": lambda: cr.check_gradients(small, X[:8, :3], y[:8], loss="binary_cross_entropy"),
    "attribute": lambda: cr.attribute(net, X[0], X[:20]),
    "derive": lambda: (str(cr.derive(small)), cr.derive(small).save("d.tex"), cr.derive(small)._repr_html_()),
    "draw units": lambda: cr.draw(small, neurons=True).save("b.svg"),
    "curves": lambda: cr.train(net, X, y, **options).plot("c.svg"),
    "notes": lambda: notes.train(X.T, y[None, :], (4, 3, 1), alpha=0.5, iterations=3),
    "texts": lambda: (cr.read_text("play.txt"), cr.read_text("texts")),
    "help": lambda: [command(*one, "--help") for one in ((), *((name,) for name in app.list_commands(None)))],
    "info": lambda: command("info"),
    "command train": lambda: command(*train, "--out", "runs/m"),
    "a report without its derivation": lambda: pathlib.Path("runs/m/report.html").read_text().index("latex2mathml"),
    "command train play.txt": lambda: command("train", "play.txt", "--epochs", "1", "--out", "runs/t"),
    "command predict": lambda: command("predict", "runs/m", "mine.npz", "--out", "p.csv"),
    "command explain": lambda: command("explain", "runs/m"),
    "command graph": lambda: command("graph", "3*(a + b*c)", "a=5", "b=3", "c=2"),
    "command paper": lambda: command("paper", "rosenblatt1958", "--seeds", "1"),
    "a row": lambda: predicted(age=30, job="baker", day="2024-03-01"),
    "draw": lambda: cr.draw(3 * (a + b * c)),
    "tables": lambda: cr.read_table("people.csv", "income"),
    "a row with a word that training has not met": lambda: predicted(age=30, job="clown", day="2024-03-01"),
    "series": lambda: cr.read_series("people.csv", time="age", target="income", horizon=2),
    "command train people.csv": lambda: command("train", "people.csv", "--target", "income"),
    "command train texts": lambda: command("train", "texts", "--epochs", "1"),
    "plots": lambda: cr.train(net, X, y, **options).plot("c.png"),
    "plots of notes": lambda: notes.plot_boundary(lambda X: X[:, 0] > 0, X[:, :2], y),
    "pictures": lambda: cr.read_pictures("photos"),
    "command train photos": lambda: command("train", "photos"),
    "documents": lambda: cr.derive(small).save("d.html"),
    "command explain to html": lambda: command("explain", "runs/m", "--out", "d.html"),
    "estimators": lambda: __import__("chainrule.sklearn"),
    "estimators as an attribute": lambda: cr.sklearn,
    "bins by a tree": lambda: cr.PiecewiseLinear(4, edges="tree").learn([(X, y)]),
    "command train digits": lambda: command("train", "digits"),
    "lbfgs": lambda: cr.train(net, X, y, **options, optimizer=cr.LBFGS()),
    "text": lambda: cr.read_text("play.txt", tokens="subwords"),
    "jax": lambda: cr.train(net, X, y, **options, engine="jax"),
    "jax in several processes": lambda: cr.distributed.initialize(),
    "excel": lambda: command("train", "people.xlsx", "--target", "income"),
    "search": lambda: command(*train, "--search", "2", "--out", "runs/s"),
    "live": lambda: command("notes"),
}
found = {}
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    for name, way in WAYS.items():
        try:
            way()
            found[name] = "works"
        except cr.MissingPackageError as error:
            found[name] = str(error)
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
pathlib.Path("found.json").write_text(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each way comes to in a process that finds no package but those of the core."""
    folder = tmp_path_factory.mktemp("core")
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 12, 31), eager=True).head(200)
    frame = pl.DataFrame({"age": range(200), "job": ["baker", "smith"] * 100, "day": days, "income": [0.5, 7.0] * 100})
    settings = cr.Settings(hidden=(4,), members=1, epochs=1, seed=0)
    cr.Experiment(cr.read_table(frame, "income"), settings, folder / "runs" / "table").run()
    blocked = [*PACKAGES, "pandas", "joblib", "ml_dtypes", "pylatexenc", "sqlalchemy"]
    done = subprocess.run(
        [sys.executable, "-c", f"BLOCKED = {blocked}\n{WALK}"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "found.json").read_text())


def test_what_the_core_does_without_any_extra(found):
    names = [*found]
    core = names[: names.index("draw")]
    assert {name: found[name] for name in core} == dict.fromkeys(core, "works")


@pytest.mark.parametrize(
    ("way", "extra"),
    [
        *(("tables", "tables"), ("series", "tables"), ("command train people.csv", "tables")),
        *(("command train texts", "tables"), ("a row with a word that training has not met", "tables")),
        *(("plots", "plots"), ("plots of notes", "plots"), ("pictures", "pictures")),
        *(("command train photos", "pictures"), ("documents", "documents"), ("command explain to html", "documents")),
        *(("estimators", "estimators"), ("estimators as an attribute", "estimators"), ("bins by a tree", "estimators")),
        *(
            ("command train digits", "estimators"),
            ("lbfgs", "solvers"),
            ("draw", "solvers"),
            ("text", "text"),
            ("jax", "jax"),
        ),
        *(("jax in several processes", "jax"), ("excel", "excel"), ("search", "search"), ("live", "live")),
    ],
)
def test_each_extra_is_asked_for_in_a_sentence(found, way, extra):
    assert re.fullmatch(rf"[^\n]+ needs? \S+, which is not installed: pip install 'chainrule\[{extra}\]'\.", found[way])


def test_a_package_that_is_missing_is_an_error_of_both_kinds():
    assert issubclass(cr.MissingPackageError, cr.OptionError)
    assert issubclass(cr.MissingPackageError, ImportError)
