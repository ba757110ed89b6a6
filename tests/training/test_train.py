"""The loop: what it learns, records, weighs, and how it ends."""

import _thread
import functools
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import ENGINES
from chainrule.ops import LOSSES
from chainrule.schedules import Schedule


def network(seed=0, **options):
    return cr.Network([cr.Dense(16, "relu"), cr.Dense(10, "softmax")], seed=seed, **options)


def fit(net, X, y, **options):
    return cr.train(net, X, y, **({"loss": "cross_entropy", "epochs": 3, "seed": 0, "progress": False} | options))


def test_training_learns_digits(digits):
    X, y = digits
    net = cr.Network([cr.Dense(64, "relu"), cr.Dense(10, "softmax")], seed=0)
    validation = (X[1400:], y[1400:])
    history = fit(
        net, X[:1400], y[:1400], optimizer=cr.Adam(0.01), epochs=20, validation=validation, metrics=["accuracy"]
    )
    assert history["loss"][-1] < 0.1 < history["loss"][0]
    assert history["val_accuracy"][-1] > 0.9
    assert history.epochs[0].keys() == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"}
    assert [record["epoch"] for record in history.epochs] == list(range(20))
    assert (history.engine, history.seed, history.stopped) == ([*ENGINES][-1], 0, "all epochs done")


def test_the_curves_of_training_and_validation_are_of_the_same_cost(digits):
    X, y = digits
    net = network()
    history = fit(net, X, y, optimizer=cr.Adam(0.01, l2=1.0), epochs=3, batch_size=len(X), validation=(X, y))
    assert all(record["penalty"] > 0 for record in history.epochs)
    training, validation = history.plot().axes[0].lines
    assert training.get_ydata()[1:] == pytest.approx(validation.get_ydata()[:-1], rel=1e-4)  # before and after updates
    assert training.get_ydata()[0] == pytest.approx(history["loss"][0] - history["penalty"][0])


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(digits):
    X, y = digits
    nets = [network() for _ in range(3)]
    for net, seed in zip(nets, (1, 1, 2), strict=True):
        fit(net, X, y, seed=seed)
    assert np.array_equal(nets[0].flat, nets[1].flat)
    assert not np.array_equal(nets[0].flat, nets[2].flat)


def test_a_fresh_seed_is_kept_so_that_the_run_can_be_repeated(digits):
    X, y = digits
    nets = [network(), network()]
    history = fit(nets[0], X, y, seed=None)
    fit(nets[1], X, y, seed=history.seed)
    assert np.array_equal(nets[0].flat, nets[1].flat)


def test_full_batch_loss_is_the_cost_before_each_update(digits):
    X, y = digits
    net = network(input_shape=64)
    before = cr.evaluate(net, X, y, loss="cross_entropy")["loss"]
    history = fit(net, X, y, batch_size=None, epochs=2)
    assert history["loss"][0] == pytest.approx(before, rel=1e-6)
    assert history["loss"][1] < before


def test_one_step_is_theta_minus_alpha_times_the_gradient(digits):
    X, y = digits
    net = network(dtype="float64", input_shape=64)
    _, d = cr.gradients(net, X, y, loss="cross_entropy")
    expected = {name: value - 0.5 * d[f"d{name}"] for name, value in net.parameters.items()}
    fit(net, X, y, optimizer=cr.GradientDescent(0.5), batch_size=None, epochs=1)
    for name, value in net.parameters.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 100, 10**9, None])
def test_any_batch_size_works(digits, batch_size):
    X, y = digits[0][:100], digits[1][:100]
    history = fit(network(), X, y, batch_size=batch_size, epochs=2)
    assert history["loss"][1] < history["loss"][0]


def test_without_shuffling_the_examples_come_as_they_stand(digits):
    X, y = digits[0][:96], digits[1][:96]
    by_arrays, by_stream = network(), network()
    fit(by_arrays, X, y, shuffle=False, batch_size=32)
    fit(by_stream, [(X[i : i + 32], y[i : i + 32]) for i in range(0, 96, 32)], None)
    assert np.array_equal(by_arrays.flat, by_stream.flat)


def test_a_function_that_returns_batches_trains_as_a_list_does(digits):
    X, y = digits[0][:96], digits[1][:96]

    def batches():
        for i in range(0, 96, 32):
            yield X[i : i + 32], y[i : i + 32]

    by_function, by_list = network(), network()
    fit(by_function, batches, None)
    fit(by_list, list(batches()), None)
    assert np.array_equal(by_function.flat, by_list.flat)


def test_a_memory_map_trains_as_its_array_does(tmp_path, digits):
    X, y = digits
    np.save(tmp_path / "X.npy", X.astype(np.float32))
    from_map, from_array = network(), network()
    fit(from_map, np.load(tmp_path / "X.npy", mmap_mode="r"), y)
    fit(from_array, X, y)
    assert np.array_equal(from_map.flat, from_array.flat)


def test_weight_two_counts_like_the_example_given_twice(digits):
    X, y = digits[0][:50], digits[1][:50]
    twice, weighted = network(dtype="float64"), network(dtype="float64")
    fit(twice, np.concatenate([X, X[:10]]), np.concatenate([y, y[:10]]), batch_size=None)
    fit(weighted, X, y, batch_size=None, sample_weight=np.where(np.arange(50) < 10, 2.0, 1.0))
    np.testing.assert_allclose(twice.flat, weighted.flat, rtol=1e-9, atol=1e-12)


def test_class_weights_are_example_weights_by_class(digits):
    X, y = digits
    by_class, by_example = network(), network()
    fit(by_class, X, y, class_weight={3: 5.0, 8: 0.5})
    fit(by_example, X, y, sample_weight=np.where(y == 3, 5.0, np.where(y == 8, 0.5, 1.0)))
    assert np.array_equal(by_class.flat, by_example.flat)


def test_balanced_class_weights_raise_the_recall_of_a_rare_class():
    random = np.random.default_rng(0)
    y = (random.random(2000) < 0.05).astype(int)
    X = random.standard_normal((2000, 3)) + y[:, None]
    found = {}
    for weight in (None, "balanced"):
        net = cr.Network([cr.Dense(1, "sigmoid")], seed=0)
        fit(net, X, y, loss="binary_cross_entropy", class_weight=weight, epochs=20)
        found[weight] = cr.evaluate(net, X, y, loss="binary_cross_entropy", metrics=["recall"])["recall"]
    assert found["balanced"] > found[None] + 0.3


def test_the_curves_count_epochs_as_the_progress_does(digits):
    X, y = digits
    history = fit(network(), X[:300], y[:300], epochs=3, validation=(X[300:600], y[300:600]), early_stopping=5)
    training, validation, best = history.plot().axes[0].lines
    assert list(training.get_xdata()) == list(validation.get_xdata()) == [1, 2, 3]
    assert list(best.get_xdata()) == [history.best_epoch + 1] * 2


def test_early_stopping_restores_the_best_parameters(digits):
    X, y = digits
    validation = (X[100:400], y[100:400])
    net = cr.Network([cr.Dense(64, "relu"), cr.BatchNorm(), cr.Dense(10, "softmax")], seed=0)
    history = fit(net, X[:100], y[:100], epochs=300, validation=validation, early_stopping=5, optimizer=cr.Adam(0.01))
    assert history.stopped == "early stopping"
    assert history.best_epoch == int(np.argmin(history["val_loss"]))
    assert len(history.epochs) == history.best_epoch + 6
    assert cr.evaluate(net, *validation, loss="cross_entropy")["loss"] == pytest.approx(min(history["val_loss"]))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("last", "loss"), [("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy")])
def test_smoothed_labels_are_trained_on_and_validation_is_of_the_labels_as_they_are(digits, last, loss, engine):
    if engine == "jax":
        pytest.importorskip("jax")
    X, y = digits
    y = y if last == "softmax" else (y[:, None] == np.arange(10)).astype(float)
    smooth = functools.partial(LOSSES[loss], label_smoothing=0.2)
    net = cr.Network([cr.Dense(16, "relu"), cr.Dense(10, last)], seed=0)
    options = {"loss": smooth, "validation": (X[:100], y[:100]), "engine": engine, "batch_size": 100}
    before = cr.evaluate(net, X[:100], y[:100], loss=smooth)["loss"]
    history = fit(net, X[:100], y[:100], epochs=1, **options)
    assert history["loss"][0] == pytest.approx(before, rel=1e-4)
    history = fit(net, X[:100], y[:100], epochs=60, optimizer=cr.Adam(0.03), **options)
    plain, smoothed = (cr.evaluate(net, X[:100], y[:100], loss=by)["loss"] for by in (loss, smooth))
    assert history["val_loss"][-1] == pytest.approx(plain, rel=1e-4)
    assert plain < 0.8 * smoothed


def test_early_stopping_can_watch_a_metric_that_should_grow(digits):
    X, y = digits
    history = fit(
        network(),
        X[:300],
        y[:300],
        epochs=200,
        validation=(X[300:600], y[300:600]),
        metrics=["accuracy"],
        early_stopping=cr.EarlyStopping("val_accuracy", patience=3),
    )
    assert history.best_epoch == int(np.argmax(history["val_accuracy"]))


def test_a_callback_sees_every_epoch_and_can_stop(digits):
    seen = []

    def callback(run):
        seen.append(run.history.epochs[-1]["loss"])
        if run.epoch == 2:
            run.stop("enough")

    history = fit(network(), *digits, epochs=10, callbacks=[callback])
    assert history.stopped == "enough"
    assert seen == history["loss"]
    assert len(seen) == 3


def test_a_history_says_in_a_line_what_it_is(digits):
    assert repr(cr.History()) == "History(0 epochs)"
    history = fit(network(), *digits, epochs=2, validation=digits, engine="numpy")
    least = min(history["val_loss"])
    assert repr(history) == f"History(2 epochs, least val_loss {least:.4g}, all epochs done, numpy)"


def test_ctrl_c_ends_cleanly_and_keeps_what_was_learned(digits, capsys):
    def press(run):
        if run.epoch == 1:
            signal.raise_signal(signal.SIGINT)

    net = network()
    history = fit(net, *digits, epochs=10, callbacks=[press], progress=True)
    assert history.stopped == "interrupted"
    assert "interrupted: the network keeps" in capsys.readouterr().err
    assert len(history.epochs) == 2
    assert cr.evaluate(net, *digits, loss="cross_entropy")["loss"] < history["loss"][0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_ends_more_than_the_run(digits):
    def press(run):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(network(), *digits, epochs=10, callbacks=[press])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.set_wakeup_fd(-1) == -1


def test_ctrl_c_twice_is_twice_however_close_together(digits):
    def press(run):
        list(map(_thread.interrupt_main, [signal.SIGINT] * 2))  # both before Python calls a handler

    with pytest.raises(KeyboardInterrupt):
        fit(network(), *digits, epochs=10, callbacks=[press])


def test_ctrl_c_is_noticed_within_an_iteration_of_lbfgs(digits):
    calls = []

    def pressed(A, Y):
        J = ((A - Y) ** 2).mean()
        if not isinstance(A, np.ndarray):
            calls.append(J)
            if len(calls) == 12:
                signal.raise_signal(signal.SIGINT)
        return J

    X = np.linspace(-1, 1, 20).reshape(-1, 1)
    kept = []
    net = cr.Network([cr.Dense(4, "tanh"), cr.Dense(1)], seed=0)
    history = cr.train(
        net,
        X,
        X[:, 0] ** 2,
        loss=pressed,
        optimizer=cr.LBFGS(),
        epochs=100,
        callbacks=lambda run: kept.append(run.network.flat.copy()),
        progress=False,
        engine="numpy",
    )
    assert history.stopped == "interrupted"
    assert len(calls) == 12
    np.testing.assert_array_equal(net.flat, kept[-1])


def test_an_ignored_ctrl_c_stays_ignored(digits):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        history = fit(network(), *digits, epochs=2, callbacks=lambda run: signal.raise_signal(signal.SIGINT))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert history.stopped == "all epochs done"


def test_a_metric_may_be_a_function(digits):
    def mistakes(y, output):
        return np.sum(output.argmax(axis=1) != y)

    history = fit(network(), *digits, metrics=[mistakes, "accuracy"])
    assert history["mistakes"][-1] == pytest.approx((1 - history["accuracy"][-1]) * len(digits[1]))


def test_a_loss_may_be_a_function_of_operations(digits):
    X, y = digits

    def brier(A, Y):
        return ((A - np.eye(10)[Y]) ** 2).sum(axis=-1).mean()

    history = fit(network(), X, y, loss=brier, epochs=5)
    assert history["loss"][-1] < history["loss"][0]
    assert cr.check_gradients(cr.Network([cr.Dense(10, "softmax")], seed=0), X[:5], y[:5], brier)


def test_train_mode_differs_from_predict_mode_only_through_dropout_and_batch_norm(digits):
    X, y = digits
    net = cr.Network([cr.Dense(32, "relu"), cr.Dropout(0.5), cr.Dense(10, "softmax")], seed=0)
    fit(net, X, y)
    assert np.array_equal(net.predict(X), net.predict(X))
    assert cr.gradients(net, X, y, loss="cross_entropy", training=True)[0] != pytest.approx(
        cr.gradients(net, X, y, loss="cross_entropy")[0], rel=1e-3
    )


def test_l2_shrinks_the_weights_and_counts_in_the_loss(digits):
    X, y = digits
    plain, shrunk = network(), network()
    fit(plain, X, y, epochs=10)
    history = fit(shrunk, X, y, epochs=10, optimizer=cr.Adam(l2=0.1))
    assert np.abs(shrunk.parameters["W1"]).sum() < 0.5 * np.abs(plain.parameters["W1"]).sum()
    assert history["loss"][-1] > cr.evaluate(shrunk, X, y, loss="cross_entropy")["loss"]


@pytest.mark.parametrize(
    "optimizer",
    [
        cr.GradientDescent(0.1),
        cr.GradientDescent(0.05, momentum=0.9),
        cr.GradientDescent(0.05, momentum=0.9, nesterov=True),
        cr.Adagrad(0.05),
        cr.RMSProp(0.005),
        cr.Adam(cr.schedules.OneCycle(0.01, epochs=20)),
        cr.AdamW(clip_norm=1.0),
        cr.Adam(0.005),
        cr.LBFGS(l2=1e-4),
    ],
    ids=str,
)
def test_every_optimizer_learns(digits, optimizer):
    X, y = digits
    net = network()
    fit(net, X, y, epochs=20, optimizer=optimizer)
    assert cr.evaluate(net, X, y, loss="cross_entropy", metrics=["accuracy"])["accuracy"] > 0.85


@pytest.mark.parametrize(
    ("options", "stopped"),
    [
        ({"evaluations": 5}, "all evaluations done"),
        ({"improvement": 0.05}, "converged"),
        ({"tolerance": 10.0}, "converged"),
        ({}, "all epochs done"),
    ],
)
def test_why_lbfgs_ends(digits, options, stopped):
    X, y = digits
    net = cr.Network([cr.Dense(10, "softmax")], seed=0)
    history = fit(net, X[:200], y[:200], optimizer=cr.LBFGS(l2=0.01, **options), epochs=30)
    assert history.stopped == stopped
    assert len(history.epochs) <= options.get("evaluations", 30)


def test_lbfgs_finds_the_minimum_that_scikit_learn_finds(digits):
    from sklearn.linear_model import LogisticRegression

    X, y = digits[0][:300], digits[1][:300]
    net = cr.Network([cr.Dense(10, "softmax", initializer="zeros")], dtype="float64")
    history = fit(net, X, y, optimizer=cr.LBFGS(l2=0.01, tolerance=1e-8), epochs=1000)
    theirs = LogisticRegression(C=1 / (0.01 * 300), tol=1e-10, max_iter=5000).fit(X, y)
    assert history.stopped == "converged"
    np.testing.assert_allclose(net.predict(X), theirs.predict_proba(X), atol=1e-5)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_momentum_descent_agrees_with_scikit_learns_network(digits):
    from sklearn.neural_network import MLPClassifier

    X, y = digits[0][:200], digits[1][:200]
    options = {"solver": "sgd", "alpha": 0.0, "batch_size": 50, "max_iter": 3, "shuffle": False, "random_state": 0}
    start = MLPClassifier((16,), learning_rate_init=1e-300, **options).fit(X, y)
    theirs = MLPClassifier((16,), learning_rate_init=0.1, **options).fit(X, y)
    net = network(dtype="float64", input_shape=64)
    net.set_parameters({f"W{l}": W.T for l, W in enumerate(start.coefs_, 1)})
    net.set_parameters({f"b{l}": b for l, b in enumerate(start.intercepts_, 1)})
    optimizer = cr.GradientDescent(0.1, momentum=0.9, nesterov=True)
    history = fit(net, X, y, optimizer=optimizer, batch_size=50, shuffle=False)
    np.testing.assert_allclose(net.parameters["W1"], theirs.coefs_[0].T, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(history["loss"], theirs.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("rate", [-1.0, float("nan"), None])
def test_a_rate_that_a_schedule_must_not_return_is_refused(rate):
    class Odd(Schedule):
        def __call__(self, epoch):
            return 0.1 if epoch < 1 else rate

    X = np.linspace(-1, 1, 20).reshape(-1, 1)
    net = cr.Network([cr.Dense(1)], seed=0)
    with pytest.raises(
        cr.OptionError, match=r"the learning rate that Odd\(\) returns at epoch 1 is (-1.0|nan|None), but"
    ):
        cr.train(net, X, X[:, 0], loss="squared_error", optimizer=cr.Adam(Odd()), epochs=3, progress=False)


class TestSigterm:
    def test_it_finishes_the_batch_leaves_a_checkpoint_and_ends_the_program(self, digits, tmp_path):
        def end(run):
            if run.epoch == 1:
                signal.raise_signal(signal.SIGTERM)

        path = tmp_path / "run.safetensors"
        checkpoint = cr.Checkpoint(path, every_epochs=None, every_minutes=60)
        with pytest.raises(SystemExit) as ended:
            fit(network(), *digits, epochs=5, callbacks=[end], checkpoint=checkpoint)
        assert ended.value.code == 143
        assert ended.value.history.stopped == "terminated"
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        resumed, whole = network(), network()
        history = fit(resumed, *digits, epochs=5, checkpoint=path, resume=True)
        assert history.stopped == "all epochs done"
        fit(whole, *digits, epochs=5)
        np.testing.assert_array_equal(resumed.flat, whole.flat)

    def test_a_program_that_handles_it_keeps_doing_so(self, digits):
        seen = []
        before = signal.signal(signal.SIGTERM, lambda *_: seen.append(1))
        try:
            history = fit(network(), *digits, epochs=2, callbacks=[lambda run: signal.raise_signal(signal.SIGTERM)])
        finally:
            signal.signal(signal.SIGTERM, before)
        assert seen == [1, 1]
        assert history.stopped == "all epochs done"

    def test_it_is_not_lost_where_the_run_ends_by_an_error(self, digits):
        X, y = digits

        def end(run):
            signal.raise_signal(signal.SIGTERM)
            run.network.flat[...] = np.nan

        with pytest.raises(SystemExit) as ended:
            fit(network(), X, y, epochs=5, callbacks=[end], engine="numpy")
        assert ended.value.code == 143

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    def test_a_fork_of_a_run_ends_at_once(self):
        done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=600, check=True)
        assert done.stdout == f"{-signal.SIGTERM}\n"


FORKED = """
import os, signal, time
import numpy as np
import chainrule as cr

def fork(run):
    hears, tells = os.pipe()
    child = os.fork()
    if not child:
        os.write(tells, b".")
        time.sleep(600)
        os._exit(0)
    os.read(hears, 1)  # Python forgets signals that come to a child before it is ready
    os.kill(child, signal.SIGTERM)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

net = cr.Network([cr.Dense(2, "softmax")])
cr.train(net, np.eye(4), [0, 1, 0, 1], loss="cross_entropy", epochs=1, callbacks=[fork], engine="numpy", progress=False)
"""


def test_where_dropout_is_on_a_schedule_the_layer_that_overflows_is_told_of_the_epoch_it_overflows_in():
    """A rate near 1 multiplies what is kept by so much that float32 does not hold it."""

    class Rising(cr.schedules.Schedule):
        def __call__(self, epoch):
            return 0.0 if epoch < 1 else 0.99

    X, y = np.full((8, 400), 1e37), np.arange(8) % 2
    net = cr.Network([cr.Dropout(Rising()), cr.Dense(2, "softmax")], seed=0)
    still = cr.GradientDescent(0.0)
    with pytest.raises(cr.errors.NotFiniteError, match=r"epoch 2, .*it appears first in Dropout"):
        cr.train(net, X, y, loss="cross_entropy", optimizer=still, epochs=3, seed=0, progress=False, engine="numpy")
