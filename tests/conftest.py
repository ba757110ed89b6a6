"""Data that several tests share."""

import contextlib
import gc
import importlib.metadata
import os
import tempfile

# Before NumPy is loaded: tests run side by side, and threads of BLAS that wait for cores would take most of their time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Before JAX is: programs that are small and run few times are not made fast, which takes most of their time; what is
# compiled once is kept for all processes of the session. Four devices are made of this machine's cores.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4 --xla_cpu_multi_thread_eigen=false"
with contextlib.suppress(importlib.metadata.PackageNotFoundError):
    if importlib.metadata.version("jaxlib").startswith("0.10."):  # compiles in half the time; others may not know it
        os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    COMPILED = tempfile.TemporaryDirectory(prefix="chainrule-compiled-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED.name

import signal
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

DATA = Path(os.environ.get("CHAINRULE_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_configure():
    """A shell lets what runs in the background ignore Ctrl-C, and so would training; tests press it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is collected stays to the end: the garbage collector need not look through its million objects."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)  # nor for the few cycles of a test again and again
        gc.enable()


BEGINNINGS = {}
"""By module, the state in which its generator RANDOM was when the module had been imported."""


def pytest_runtest_setup(item):
    """Each test draws the same numbers from its module's generator, whichever tests this process has run before."""
    random = getattr(getattr(item, "module", None), "RANDOM", None)
    if isinstance(random, np.random.Generator):
        random.bit_generator.state = BEGINNINGS.setdefault(item.module.__name__, random.bit_generator.state)


@pytest.fixture(scope="session")
def digits():
    """(X, y) of scikit-learn's 1,797 digits, pixels from 0 to 1."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X / 16, y


@pytest.fixture(scope="session")
def real_file():
    """A function that finds one of the real files, or skips the test where it is absent."""

    def find(name):
        path = DATA / name
        if not path.exists():
            pytest.skip(f"{path} is absent: set CHAINRULE_DATA to the folder of the real data")
        return path

    return find


@pytest.fixture(scope="session")
def real_data(real_file):
    """A function that opens one of the real .npz files, or skips the test where it is absent."""

    def open_file(name):
        with np.load(real_file(name)) as arrays:
            return dict(arrays)

    return open_file


class Cats(NamedTuple):
    """The notes' pictures of cats and of other things, (m, features), with the labels (1, m) of their two parts."""

    X: np.ndarray
    Y: np.ndarray
    X_test: np.ndarray
    Y_test: np.ndarray


@pytest.fixture(scope="session")
def cats(real_data):
    """The pictures as 12,288 numbers from 0 to 1."""
    found = real_data("cats.npz")
    X, X_test = (found[f"{part}_x"].reshape(-1, 64 * 64 * 3) / 255 for part in ("train", "test"))
    return Cats(X, found["train_y"], X_test, found["test_y"])


@pytest.fixture(scope="session")
def turned_cats(cats):
    """The same in 209 numbers, along axes that span the pictures to train with.

    Gradient descent that begins with zeros never leaves what they span, and a rotation changes no w · x: the costs, and
    the answers to all pictures, are those of the 12,288 numbers, at a sixtieth of the work.
    """
    axes, R = np.linalg.qr(cats.X.T)
    return cats._replace(X=R.T, X_test=cats.X_test @ axes)


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory):
    """Decoded pictures of tests are kept apart from the user's."""
    os.environ["CHAINRULE_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def command(monkeypatch, capsys):
    """A function that types a command in a folder, in this process: its exit status, its output, its complaints."""

    from chainrule.cli import main

    def run(folder, *arguments):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["chainrule", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "120")
        capsys.readouterr()
        with pytest.raises(SystemExit) as done:
            main()
        return done.value.code, *capsys.readouterr()

    return run
