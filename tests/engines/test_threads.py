"""How many threads compute: what was asked for, in every engine, and on which cores."""

import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import polars as pl
import pytest
import threadpoolctl

import chainrule as cr
from chainrule.data.encoding import Number
from chainrule.engines import ENGINES, blas_held, held_to
from chainrule.engines.native import executor, prediction
from chainrule.sklearn import MLPClassifier, MLPRegressor
from chainrule.threads import Pool, threads

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(60, 5)).astype(np.float32), RANDOM.integers(0, 3, size=60)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"OMP_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "4,1"}, 4),
        ({"OMP_NUM_THREADS": "3", "CHAINRULE_NUM_THREADS": "5"}, 5),
    ],
)
def test_the_number_of_threads_comes_from_the_environment(environment, expected, monkeypatch):
    monkeypatch.delenv("CHAINRULE_NUM_THREADS")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert threads() == expected


@pytest.mark.parametrize("given", ["abc", "0", "-1", "²"])
def test_a_number_of_threads_that_is_none_is_refused(given, monkeypatch):
    monkeypatch.setenv("CHAINRULE_NUM_THREADS", given)
    with pytest.raises(cr.OptionError, match=f"CHAINRULE_NUM_THREADS is '{given}', but must be a whole number"):
        threads()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "250000 100000\n"}, 3),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "6400000 100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({}, 8),
    ],
)
def test_the_quota_of_a_container_counts_as_the_cores_do(files, expected, tmp_path, monkeypatch):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for name in ("CHAINRULE_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr("chainrule.threads.CGROUP", tmp_path)
    assert threads() == expected


@pytest.fixture
def readers(monkeypatch):
    """The threads in which cells of a table become numbers."""
    found, read = set(), Number.read

    def noted(self, *given):
        found.add(threading.current_thread())
        return read(self, *given)

    monkeypatch.setattr(Number, "read", noted)
    return found


@pytest.mark.parametrize(("settings", "environment", "most"), [({"threads": 1}, "3", 1), ({}, "1", 1), ({}, "3", 3)])
def test_tables_are_read_by_as_many_threads_as_may_compute(settings, environment, most, readers, tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_NUM_THREADS", environment)
    monkeypatch.setattr("chainrule.data.encoding.READ", 8)
    frame = pl.DataFrame({"a": np.linspace(0, 1, 400), "b": np.arange(400) % 2})
    table = cr.read_table(frame, "b")
    cr.Experiment(table, cr.Settings(**settings), tmp_path)
    assert len(readers) <= most
    assert readers
    assert threading.main_thread() not in readers


def test_a_thread_of_a_pool_may_start_as_many_as_who_asked_it():
    with held_to(2), Pool() as pool:
        assert [*pool.map(lambda _: threads(), range(3))] == [2, 2, 2]
        assert pool._max_workers == 2
    with held_to(3), Pool(2) as pool:
        assert pool._max_workers == 2


@pytest.fixture
def teams(monkeypatch):
    """How many threads each executor that is made from now on has."""
    made = []
    make = executor.Executor.__init__

    def noted(self, *given, **named):
        make(self, *given, **named)
        made.append(self.team)

    monkeypatch.setattr(executor.Executor, "__init__", noted)
    return made


def network():
    return cr.Network([cr.Dense(8, "tanh"), cr.Dense(3, "softmax")], seed=0, input_shape=5)


@pytest.fixture(autouse=True)
def several_threads_of_blas():
    """As of a user; the other tests have one."""
    with threadpoolctl.threadpool_limits(3, user_api="blas"):
        yield


def blas():
    return {one["num_threads"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"}


WAYS = {
    "train": lambda n: cr.train(
        network(), X, Y, loss="cross_entropy", epochs=1, seed=0, progress=False, engine="native", threads=n
    ),
    "lbfgs": lambda n: cr.train(
        network(), X, Y, loss="cross_entropy", optimizer="lbfgs", epochs=1, progress=False, engine="native", threads=n
    ),
    "evaluate": lambda n: cr.evaluate(network(), X, Y, loss="cross_entropy", engine="native", threads=n),
    "predict": lambda n: network().predict(X, engine="native", threads=n),
    "classifier": lambda n: MLPClassifier(max_iter=1, engine="native", threads=n).fit(X, Y).predict(X),
    "regressor": lambda n: MLPRegressor(max_iter=1, engine="native", threads=n).fit(X, Y).predict(X),
}


@pytest.mark.skipif("native" not in ENGINES, reason="the kernels are not built")
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("way", WAYS)
def test_so_many_as_are_asked_for(way, number, teams):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch is not enough
        WAYS[way](number)
    assert {team for team in teams if team > 1} == ({number} if number > 1 else set())
    assert threads() == 2


@pytest.mark.skipif("native" not in ENGINES, reason="the kernels are not built")
@pytest.mark.skipif("san.so" in os.environ.get("LD_PRELOAD", ""), reason="polars does not live with a sanitizer")
def test_an_experiment_keeps_to_them_in_all_it_does(teams, tmp_path):
    settings = cr.Settings(seed=0, epochs=1, engine="native", threads=3)
    import polars as pl

    table = cr.read_table(pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": Y.astype(str)}), "y")
    made = cr.Experiment(table, settings, tmp_path).run(progress=False)
    assert {team for team in teams if team > 1} == {3}
    assert made.history.engine == "native"


def blas_within(way):
    """How many threads NumPy's BLAS has while the numpy engine computes."""
    seen = []

    def noting(Z):
        seen.append(blas())
        return cr.ops.tanh(Z)

    net = cr.Network([cr.Dense(8, noting), cr.Dense(3, "softmax")], seed=0, input_shape=5)
    del seen[:]
    way(net)
    return seen


BY_NUMPY = {
    "train": lambda net: cr.train(net, X, Y, loss="cross_entropy", epochs=1, progress=False, engine="numpy", threads=1),
    "lbfgs": lambda net: cr.train(
        net, X, Y, loss="cross_entropy", optimizer="lbfgs", epochs=1, progress=False, engine="numpy", threads=1
    ),
    "evaluate": lambda net: cr.evaluate(net, X, Y, loss="cross_entropy", engine="numpy", threads=1),
    "predict": lambda net: net.predict(X, engine="numpy", threads=1),
    "memory": lambda net: net.predict(X, memory={}, threads=1),
    "few examples of an own network": lambda net: net.predict(X, threads=1),
}


@pytest.mark.parametrize("way", BY_NUMPY)
def test_the_blas_of_numpy_keeps_to_them_too(way, monkeypatch):
    monkeypatch.setattr(prediction, "FEW_OF_OWN", 256)
    before = blas()
    assert blas_within(BY_NUMPY[way])[-1] == {1}
    assert blas() == before


def test_the_blas_has_its_number_again_whoever_leaves_first():
    before, inside, holders = blas(), threading.Semaphore(0), []

    def hold(number, enough):
        with held_to(number), blas_held():
            inside.release()
            enough.wait(600)

    for number in (1, 3):
        enough = threading.Event()
        holders.append((threading.Thread(target=hold, args=(number, enough)), enough))
        holders[-1][0].start()
        inside.acquire()
    found = [blas()]
    for thread, enough in holders:
        enough.set()
        thread.join()
        found.append(blas())
    assert found == [{1}, {3}, before]


LATER = """
import numpy as np, threadpoolctl, chainrule as cr
def blas():
    return [one["num_threads"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"]
def look(Z):
    print(blas())
    return Z
net = cr.Network([cr.Dense(8, look)], seed=0, input_shape=3)
net.predict(np.ones((4, 3)), engine="numpy", threads=1)
import scipy.linalg
net.predict(np.ones((4, 3)), engine="numpy", threads=1)
print(blas())
"""


def test_a_blas_that_is_loaded_between_two_calls_keeps_to_them():
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", LATER], env=environment, timeout=600, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-3:] == ["[1]", "[1, 1]", "[2, 2]"]


@pytest.mark.skipif("native" not in ENGINES, reason="the kernels are not built")
def test_a_prediction_by_the_native_engine_does_not_look_for_a_blas(monkeypatch):
    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", None)
    assert network().predict(X[:1], engine="native", threads=1).shape == (1, 3)


def test_they_change_between_two_calls_of_one_estimator(teams):
    pytest.importorskip("chainrule.engines._baseline", reason="the kernels are not built")
    estimator = MLPClassifier(engine="native", threads=1).partial_fit(X, Y, classes=[0, 1, 2])
    estimator.set_params(threads=3).partial_fit(X, Y)
    assert teams == [1, 3]


@pytest.mark.skipif("native" not in ENGINES, reason="the kernels are not built")
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("way", ["train", "fit"])
def test_a_run_keeps_its_number_when_the_environment_changes(way, teams, monkeypatch):
    def change(run):
        monkeypatch.setenv("CHAINRULE_NUM_THREADS", "3")

    how = {"engine": "native", "callbacks": [change]}
    if way == "train":
        cr.train(network(), X, Y, loss="cross_entropy", epochs=3, progress=False, validation=(X, Y), **how)
    else:
        MLPClassifier(max_iter=3, tol=0, **how).fit(X, Y)
    assert set(teams) == {2}
    assert threads() == 3


@pytest.mark.parametrize("given", [0, -1, 2.5, "two", True])
def test_what_is_no_number_of_threads(given):
    with pytest.raises(cr.OptionError, match=f"threads is {given!r}, but must be a whole number, 1 or more"):
        cr.train(network(), X, Y, loss="cross_entropy", threads=given)
    with pytest.raises(cr.OptionError, match="threads is"):
        network().predict(X, threads=given)


def test_within_a_block_and_not_after_an_error():
    seen = []

    def fail():
        with held_to(3):
            seen.append(threads())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [*seen, threads()] == [3, 2]


FIRST_THREAD = """
import threading
first = threading.Thread(target=int)  # with which a sanitizer starts one of its own
first.start()
first.join()
"""


def printed(code):
    """What a program prints in which two threads compute."""
    environment = os.environ | {"CHAINRULE_NUM_THREADS": "2"}
    program = [sys.executable, "-c", FIRST_THREAD + code]
    done = subprocess.run(program, env=environment, timeout=600, check=True, capture_output=True, text=True)
    return done.stdout


APART = """
import os
import numpy as np, chainrule as cr
both = set(sorted(os.sched_getaffinity(0))[:2])
os.sched_setaffinity(0, both)
before, cores = set(os.listdir("/proc/self/task")), []
def tell(run):
    if cores:
        workers = [os.sched_getaffinity(int(thread)) for thread in set(os.listdir("/proc/self/task")) - before]
        print(workers == [both - {cores[-1]}])
    cores.append(sorted(both)[run.epoch % 2])
    os.sched_setaffinity(0, {cores[-1]})  # brings the caller there
    os.sched_setaffinity(0, both)
net = cr.Network([cr.Dense(300, "tanh"), cr.Dense(1)], seed=0)
X = np.ones((64, 100), np.float32)
cr.train(net, X, X[:, :1], loss="squared_error", epochs=21, seed=0, progress=False, engine="native", callbacks=tell)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a thread's cores")
@pytest.mark.skipif("native" not in ENGINES, reason="the kernels are not built")
def test_a_worker_may_not_run_on_the_core_of_the_caller():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("2 cores are needed")
    # Fewer than all 20, because Linux may have moved the caller since.
    assert any(printed(APART).split().count("True") >= 15 for _ in range(3))


NARROWED = """
import os
import numpy as np, chainrule as cr
os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:2]))
before = set(os.listdir("/proc/self/task"))
def here():
    with open("/proc/thread-self/stat") as file:
        return int(file.read().rpartition(")")[2].split()[36])
def narrow(run):
    if run.epoch == 0:
        os.sched_setaffinity(0, {here()})
    else:
        workers = [os.sched_getaffinity(int(thread)) for thread in set(os.listdir("/proc/self/task")) - before]
        print(workers == [os.sched_getaffinity(0)])
net = cr.Network([cr.Dense(300, "tanh"), cr.Dense(1)], seed=0)
X = np.ones((64, 100), np.float32)
cr.train(net, X, X[:, :1], loss="squared_error", epochs=2, seed=0, progress=False, engine="native", callbacks=narrow)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a thread's cores")
@pytest.mark.skipif("native" not in ENGINES, reason="the kernels are not built")
def test_workers_follow_where_the_caller_may_run():
    assert printed(NARROWED) == "True\n"


SHARED = """
import os
import numpy as np, chainrule as cr
from chainrule.engines.native import executor
executor.WORK = 1
before = set(os.listdir("/proc/self/task"))
X = np.ones((64, 5), np.float32)
for number in range(2, 9):
    net = cr.Network([cr.Dense(300, "tanh"), cr.Dense(1)], seed=0)
    cr.train(net, X, X[:, :1], loss="squared_error", epochs=2, progress=False, engine="native", threads=number)
    print(len(set(os.listdir("/proc/self/task")) - before))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lists a process's threads")
@pytest.mark.skipif("native" not in ENGINES, reason="the kernels are not built")
def test_teams_of_several_sizes_share_their_threads():
    assert printed(SHARED).split() == ["1", "2", "3", "4", "5", "6", "7"]
