"""Whatever is written or copied while another thread trains is the network as it is between two updates."""

import copy
import os
import pickle
import threading

import numpy as np
import pytest

import chainrule as cr
from chainrule.sklearn import MLPClassifier
from chainrule.turns import Turn

ONES = np.ones((64, 200), np.float32)


def saved(net, tmp_path):
    net.save(tmp_path / "net.safetensors")
    return cr.load(tmp_path / "net.safetensors")


WAYS = {
    "save": saved,
    "pickle": lambda net, _: pickle.loads(pickle.dumps(net)),
    "copy": lambda net, _: net.copy(),
    "deepcopy": lambda net, _: copy.deepcopy(net),
}


def taken_meanwhile(net, train, way, tmp_path, copies=None):
    """Copies that were made while `train` ran in another thread."""
    thread = threading.Thread(target=train)
    copies = [] if copies is None else copies
    thread.start()
    while thread.is_alive():
        copies.append(way(net, tmp_path))
    thread.join()
    return copies


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_a_copy_has_the_parameters_between_two_updates(engine, way, tmp_path):
    """Only the bias has a derivative, always the same, so all its numbers are alike between updates, and W's stay."""
    net = cr.Network([cr.Dense(100_000, initializer="zeros")])
    net.build(1)
    zeros, copies = np.zeros((64, 1), np.float32), []

    def enough(run):
        if len({made.parameters["b1"][0] for made in [*copies]}) > 1:
            run.stop("enough copies")

    def train():
        cr.train(
            net,
            zeros,
            np.zeros((64, 1)),
            loss=lambda A, Y: cr.ops.mean(A),
            optimizer=cr.GradientDescent(1.0),
            batch_size=8,
            epochs=10_000,
            callbacks=enough,
            engine=engine,
            progress=False,
        )

    taken_meanwhile(net, train, WAYS[way], tmp_path, copies)
    levels = [np.unique(made.parameters["b1"]) for made in copies]
    assert all(len(level) == 1 for level in levels)
    assert len({float(level[0]) for level in levels}) > 1


def test_what_batch_norm_has_learned_belongs_to_the_same_update(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((512, 50)), rng.integers(0, 3, 512)
    net = cr.Network([cr.Dense(400), cr.BatchNorm(), cr.Dense(3, "softmax")], seed=0)
    reached = set()

    def train():
        note = lambda run: reached.add(run.network.flat.tobytes() + net.layers[1].statistics["mean"].tobytes())
        options = {"loss": "cross_entropy", "batch_size": None, "epochs": 15, "engine": "numpy", "progress": False}
        cr.train(net, X, y, callbacks=note, **options)

    net.build(50)
    reached.add(net.flat.tobytes() + net.layers[1].statistics["mean"].tobytes())
    copies = taken_meanwhile(net, train, WAYS["copy"], tmp_path)
    assert {made.flat.tobytes() + made.layers[1].statistics["mean"].tobytes() for made in copies} <= reached
    assert copies


def test_trials_of_a_line_search_are_not_seen(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((256, 30)), rng.integers(0, 3, 256)
    net = cr.Network([cr.Dense(200, "tanh"), cr.Dense(3, "softmax")], seed=0)
    net.build(30)
    reached = {net.flat.tobytes()}

    def train():
        note = lambda run: reached.add(run.network.flat.tobytes())
        cr.train(net, X, y, loss="cross_entropy", optimizer=cr.LBFGS(), epochs=60, callbacks=note, progress=False)
        reached.add(net.flat.tobytes())

    copies = taken_meanwhile(net, train, WAYS["copy"], tmp_path)
    assert {made.flat.tobytes() for made in copies} <= reached
    assert copies


def test_a_callback_may_wait_for_a_thread_that_saves(tmp_path):
    net = cr.Network([cr.Dense(3, "softmax")])

    def save_elsewhere(run):
        thread = threading.Thread(target=run.network.save, args=[tmp_path / "net.safetensors"])
        thread.start()
        thread.join(600)
        assert not thread.is_alive()

    for optimizer in ("adam", cr.LBFGS()):
        cr.train(
            net,
            ONES,
            np.arange(64) % 3,
            loss="cross_entropy",
            optimizer=optimizer,
            epochs=2,
            callbacks=save_elsewhere,
            progress=False,
        )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_that_another_thread_fits_says_that_it_cannot_be_copied():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((500, 10)), rng.integers(0, 3, 500)
    begun, done = threading.Event(), threading.Event()

    def wait(run):
        begun.set()
        done.wait(600)

    model = MLPClassifier(max_iter=1, callbacks=[wait])
    thread = threading.Thread(target=model.fit, args=(X, y))
    thread.start()
    assert begun.wait(600)
    with pytest.raises(cr.OptionError, match="another thread fits this MLPClassifier"):
        pickle.dumps(model)
    done.set()
    thread.join()
    model.set_params(callbacks=())
    assert (pickle.loads(pickle.dumps(model)).predict(X) == model.predict(X)).all()


def test_copying_an_estimator_between_calls_of_partial_fit_changes_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((100, 10)), rng.integers(0, 3, 100)
    copied, left = (MLPClassifier(random_state=0).partial_fit(X, y, classes=[0, 1, 2]) for _ in range(2))
    twin = copy.deepcopy(copied)
    for model in (copied, left, twin):
        model.partial_fit(X, y)
    assert (copied.network_.flat == left.network_.flat).all()
    assert (twin.network_.flat == left.network_.flat).all()


class TestTurn:
    def test_whoever_waits_is_next(self):
        turn, order = Turn(), []

        def wait():
            with turn:
                order.append("waited")

        with turn:
            thread = threading.Thread(target=wait)
            thread.start()
            while not turn._gate.locked():
                pass
        with turn:
            order.append("came again")
        thread.join()
        assert order == ["waited", "came again"]

    def test_who_has_it_may_take_it_again_and_let_others_in(self):
        turn, seen = Turn(), []

        def look():
            with turn:
                seen.append(True)

        with turn, turn:
            thread = threading.Thread(target=look)
            thread.start()
            with turn.let_others_in():
                thread.join(600)
            assert seen

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
    def test_a_fork_in_the_middle_of_an_update_refuses_to_copy(self, tmp_path):
        net = cr.Network([cr.Dense(2)])
        net.build(2)
        has, leave = threading.Event(), threading.Event()

        def hold():
            with net.turn:
                has.set()
                leave.wait(600)

        thread = threading.Thread(target=hold)
        thread.start()
        has.wait(600)
        child = os.fork()
        if not child:
            status = 1
            try:
                net.copy()
            except cr.GraphError:
                status = 0
            finally:
                os._exit(status)
        leave.set()
        thread.join()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        net.copy()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
    def test_a_fork_of_the_thread_that_has_it_goes_on_with_it(self):
        turn = Turn()
        with turn:
            child = os.fork()
            with turn:
                pass
        if not child:
            threads = [threading.Thread(target=turn.__enter__, daemon=True)]
            threads[0].start()
            threads[0].join(600)
            os._exit(threads[0].is_alive())
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
