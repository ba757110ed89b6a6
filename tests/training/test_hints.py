"""What a teacher would notice of a training: a line each, once, and none where there is nothing to notice."""

import threading

import numpy as np
import pytest

import chainrule as cr

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 4))
Y = (X[:, 0] * X[:, 1] > 0).astype(float)


def trained(layers, X=X, y=Y, *, loss="binary_cross_entropy", seed=0, **options):
    options = {"optimizer": cr.GradientDescent(0.1), "epochs": 10, "batch_size": 32, "progress": False} | options
    return cr.train(cr.Network(layers, seed=seed), X, y, loss=loss, seed=0, **options)


def moderate():
    return [cr.Dense(8, "tanh"), cr.Dense(1, "sigmoid")]


def test_an_ordinary_training_has_none():
    for hidden in ("relu", "tanh", "sigmoid", "leaky_relu"):
        assert trained([cr.Dense(16, hidden), cr.Dense(1, "sigmoid")]).hints == []
        assert trained([cr.Dense(16, hidden), cr.Dense(1, "sigmoid")], optimizer="adam", epochs=30).hints == []
    assert (
        trained([cr.Dense(16, "relu"), cr.Dense(1)], loss="squared_error", optimizer=cr.LBFGS(), epochs=20).hints == []
    )


def test_relu_under_a_cross_entropy():
    layers = [cr.Dense(4, "tanh"), cr.Dense(1, "relu", initializer="zeros")]
    history = trained(layers, epochs=1, optimizer=cr.GradientDescent(1e-9))
    assert history.hints == [
        'binary_cross_entropy takes probabilities, but the network ends with relu: end it with Dense(1, "sigmoid")'
    ]
    assert trained(moderate(), epochs=1).hints == []


def test_a_learning_rate_that_bounces_and_one_that_climbs():
    values = 3 * X[:, :1] + 1
    fast = trained([cr.Dense(1)], y=values, loss="squared_error", optimizer=cr.GradientDescent(2.5), batch_size=None)
    assert fast.hints == [
        f"the cost went up from {fast['loss'][0]:.4g} to {fast['loss'][-1]:.4g}: the learning rate is too large"
    ]
    bounce = trained([cr.Dense(30, "tanh"), cr.Dense(1)], y=values, loss="squared_error", batch_size=None, epochs=30,
                     optimizer=cr.GradientDescent(0.7))  # fmt: skip
    assert len(bounce.hints) == 1
    assert "the cost went up again in" in bounce.hints[0]
    assert "the learning rate may be too large, unless the batches or dropout" in bounce.hints[0]
    short = trained([cr.Dense(4, "tanh"), cr.Dense(1, "sigmoid")], optimizer=cr.GradientDescent(50), epochs=5,
                    batch_size=None)  # fmt: skip
    assert short["loss"][-1] > 2 * short["loss"][0]
    assert short.hints == [
        f"the cost went up from {short['loss'][0]:.4g} to {short['loss'][-1]:.4g}: the learning rate is too large"
    ]
    calm = trained([cr.Dense(30, "tanh"), cr.Dense(1)], y=values, loss="squared_error", batch_size=None, epochs=30,
                   optimizer=cr.GradientDescent(0.07))  # fmt: skip
    assert calm.hints == []


def test_units_that_die_and_the_way_out():
    (hint,) = trained([cr.Dense(16, "relu"), cr.Dense(1, "sigmoid")], optimizer=cr.GradientDescent(10), epochs=5).hints
    assert "of its 16 units have died: they give 0 for every one of 256 examples, and learn no more" in hint
    for g, alpha in (("relu", 1.0), ("leaky_relu", 10)):
        assert (
            trained([cr.Dense(16, g), cr.Dense(1, "sigmoid")], optimizer=cr.GradientDescent(alpha), epochs=5).hints
            == []
        )


def test_units_that_stay_equal_and_the_way_out():
    alike = [cr.Dense(4, "tanh", initializer="zeros"), cr.Dense(1, "sigmoid", initializer="zeros")]
    (hint,) = trained(alike).hints
    assert "its 4 units are all the same, as they began alike" in hint
    assert trained([cr.Dense(4, "tanh", initializer="xavier"), cr.Dense(1, "sigmoid")]).hints == []
    assert trained([cr.Dense(1, "sigmoid", initializer="zeros")]).hints == []  # logistic regression starts from zeros


def test_a_saturated_start_and_the_way_out():
    (hint,) = trained(moderate(), 1000 * X).hints
    assert hint.startswith("layer 1, Dense(")
    assert "% of its outputs were within 0.01 of the ends of tanh" in hint
    assert trained([cr.Standardize(), *moderate()], 1000 * X).hints == []


def test_hints_are_shown_where_progress_is_and_can_be_turned_off(capsys):
    alike = [cr.Dense(4, "tanh", initializer="zeros"), cr.Dense(1, "sigmoid", initializer="zeros")]
    history = trained(alike, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == f"hint: {history.hints[0]}"
    assert "hints" in history.to_json()
    alike = [cr.Dense(4, "tanh", initializer="zeros"), cr.Dense(1, "sigmoid", initializer="zeros")]
    assert trained(alike, progress=True, hints=False).hints == []
    assert "hint" not in capsys.readouterr().err


def test_looking_changes_no_bit():
    layers = lambda: [cr.Standardize(), cr.Dense(8, "relu"), cr.BatchNorm(), cr.Dropout(0.3), cr.Dense(1, "sigmoid")]
    nets = [cr.Network(layers(), seed=1) for _ in range(2)]
    for net, hints in zip(nets, (True, False), strict=True):
        cr.train(net, X, Y, loss="binary_cross_entropy", epochs=3, seed=2, progress=False, hints=hints)
    assert all(np.array_equal(a, b) for a, b in zip(*(net.state().values() for net in nets), strict=True))


def test_a_stream_few_examples_and_a_run_without_epochs_are_looked_at_as_far_as_that_goes():
    batches = [(X[k : k + 50], Y[k : k + 50]) for k in range(0, 300, 50)]
    alike = [cr.Dense(4, "tanh", initializer="zeros"), cr.Dense(1, "sigmoid", initializer="zeros")]
    net = cr.Network(alike, seed=0)
    assert len(cr.train(net, batches, loss="binary_cross_entropy", epochs=2, progress=False).hints) == 1
    assert trained(moderate(), 1000 * X[:20], Y[:20]).hints == []
    assert trained(moderate(), 1000 * X, epochs=0).hints == []


def test_layers_of_ones_own_are_called_once_for_it_and_keep_nothing_of_it():
    def calls(hints):
        made = []

        def counted(Z):
            made.append(1)
            return cr.ops.tanh(Z)

        layers = [Counting(), cr.Dense(4, counted), cr.Dense(4, "relu"), cr.Dense(1, "sigmoid")]
        trained(layers, hints=hints, engine="numpy")
        return len(made), layers[0].calls

    (made, calls_with), (made_without, calls_without) = calls(True), calls(False)
    assert made == made_without + 1
    assert calls_with == calls_without


def test_a_run_that_goes_on_has_the_hints_of_its_end(tmp_path):
    def part(epochs):
        alike = [cr.Dense(4, "tanh", initializer="zeros"), cr.Dense(1, "sigmoid", initializer="zeros")]
        return trained(alike, epochs=epochs, checkpoint=tmp_path / "run", resume=True)

    assert len(part(2).hints) == 1
    assert len(part(4).hints) == 1


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_the_last_layer_is_no_hidden_one(loss):
    n = 3 if loss == "cross_entropy" else 1
    history = trained([cr.Dense(n, "softmax" if n > 1 else "sigmoid")], 1000 * X, Y.astype(int), loss=loss)
    assert not any("units" in hint or "flat" in hint for hint in history.hints)


def test_what_is_wrong_with_a_file_of_numbers_is_told_as_without_hints(tmp_path):
    on_disk = np.memmap(tmp_path / "X", np.float32, "w+", shape=X.shape)
    on_disk[:] = X
    on_disk[140, 2] = np.nan
    told = []
    for hints in (True, False):
        with pytest.raises(cr.DataError) as caught:
            trained(moderate(), on_disk, hints=hints)
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_units_that_were_never_alive_have_not_died():
    one_feature = np.linspace(1, 2, 100)[:, None]  # relu of it is all or nothing
    layers = [cr.Dense(16, "relu"), cr.Dense(16, "relu"), cr.Dense(1)]
    assert (
        trained(layers, one_feature, one_feature, loss="squared_error", optimizer=cr.GradientDescent(0.01)).hints == []
    )


def with_one_output(A, Y):
    return ((A[:, 0] - Y) ** 2).mean()


def one_part(y, output):
    return ((y - output[:, 0]) ** 2).mean()


def the_same_part(y, output):
    return ((y[:, 0] - output[:, 0]) ** 2).mean()


def all_pairs(y, output):
    return np.mean((y > y.T) == (output > output.T))


class Locked(cr.Layer):
    """One that cannot be copied."""

    def __init__(self):
        self.lock = threading.Lock()

    def forward(self, A):
        return A


def ranked(A, Y):
    return (A[:, 0][:, None] - A[:, 0]).mean() ** 2 + ((A - Y) ** 2).mean()


def concordant(y, output):
    return np.mean((y[:, 0][:, None] > y[:, 0]) == (output[:, 0][:, None] > output[:, 0]))


def drawn(A, Y):
    return ((A - Y + np.random.default_rng().normal() * 0 + 1e-3 * np.random.random()) ** 2).mean()


def test_pairs_of_outputs_and_pairs_of_targets_are_meant():
    given = {"y": 3 * X[:, 0] + 1, "epochs": 1}
    assert trained([cr.Dense(1)], loss=ranked, metrics=[concordant], **given).hints == []


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_layer_that_cannot_be_copied_is_trained_and_not_looked_at():
    given = {"y": 3 * X[:, 0] + 1, "loss": "squared_error", "epochs": 1}
    assert trained([Locked(), cr.Dense(1)], metrics=[one_part], **given).hints == []


def test_looking_draws_nothing_from_the_generator_of_all():
    given = {"y": 3 * X[:, 0] + 1, "loss": drawn, "epochs": 2, "engine": "numpy"}
    found = []
    for hints in (True, False):
        np.random.seed(0)
        found.append(trained([cr.Dense(1)], hints=hints, **given)["loss"])
    assert found[0] == found[1]


def test_targets_that_do_not_count_may_lie_anywhere():
    y, weights = np.abs(X[:, :1]), np.ones(300)
    y[::3], weights[::3] = -5, 0
    options = {"y": y, "loss": "squared_error", "epochs": 1}
    assert trained([cr.Dense(1, "relu", initializer="zeros")], sample_weight=weights, **options).hints == []
    assert len(trained([cr.Dense(1, "relu", initializer="zeros")], **options).hints) == 1


def test_a_metric_that_brings_each_output_beside_all_targets():
    given = {"y": 3 * X[:, 0] + 1, "loss": "squared_error", "epochs": 1}
    history = trained([cr.Dense(1)], metrics=["r2", the_same_part, all_pairs, one_part], **given)
    assert len(history.hints) == 1
    assert history.hints[0].startswith("the metric one_part brings (m,) and (m, 1) together in subtract, which makes")
    assert trained([cr.Dense(1)], metrics=[the_same_part, all_pairs], **given).hints == []


class Counting(cr.Layer):
    calls = 0

    def forward(self, A):
        self.calls += 1
        return A


class OfItsValue(cr.Layer):
    def forward(self, A):
        return np.tanh(A.value) if isinstance(A, cr.Variable) else np.tanh(A)


def test_a_loss_that_brings_each_output_beside_all_targets():
    values = 3 * X[:, 0] + 1
    history = trained([cr.Dense(4, "tanh"), cr.Dense(1)], y=values, loss=with_one_output)
    assert len(history.hints) == 1
    assert "brings (m,) and (m, 1) together in subtract, which makes (m, m)" in history.hints[0]
    for right in (lambda A, Y: ((A - Y) ** 2).mean(), lambda A, Y: ((A[:, 0] - Y[:, 0]) ** 2).mean()):
        assert trained([cr.Dense(4, "tanh"), cr.Dense(1)], y=values, loss=right).hints == []


def test_parameters_that_no_derivative_comes_back_to():
    history = trained([cr.Dense(4), OfItsValue(), cr.Dense(1, "sigmoid")], epochs=1)
    assert len(history.hints) == 1
    assert history.hints[0].startswith("no derivative of J comes back to W1, b1, so that training leaves them")
    assert trained([cr.Dense(4), OwnTanh(), cr.Dense(1, "sigmoid")], epochs=1).hints == []


class OwnTanh(cr.Layer):
    def forward(self, A):
        return cr.ops.tanh(A)


def test_targets_out_of_the_last_activations_reach():
    far = 20 * X[:, :1]
    (hint,) = trained([cr.Dense(1)], y=1e5 * X[:, :1], loss="squared_error", epochs=1).hints
    assert hint.startswith("the targets are large, 9.09e+04 in the root")
    for last, words in [("sigmoid", "from 0 to 1"), ("tanh", "from -1 to 1"), ("relu", "of 0 or more")]:
        history = trained([cr.Dense(1, last, initializer="zeros")], y=far, loss="squared_error", epochs=1)
        assert len(history.hints) == 1
        assert f"the network ends with {last}, which gives values {words}" in history.hints[0]
        assert history.hints[0].endswith("end it with Dense(1), or bring the targets into that range")
        assert trained([cr.Dense(1, last, initializer="zeros")], y=abs(X[:, :1]).clip(0, 1), loss="squared_error",
                       epochs=1).hints == []  # fmt: skip
    assert trained([cr.Dense(1)], y=far, loss="squared_error", epochs=1).hints == []


def test_inputs_that_are_far_too_large():
    given = {"y": 1.0 * (X[:, :1] > 0), "epochs": 1, "optimizer": cr.Adam(1e-9)}
    history = trained([cr.Dense(1, "sigmoid")], X=1e4 * X + 1e5, **given)
    assert history.hints == ["the inputs are large, 1e+05 in the root of their mean square: put Standardize() first"]
    assert trained([cr.Standardize(), cr.Dense(1, "sigmoid")], X=1e4 * X + 1e5, **given).hints == []
