"""What a user's mistake gets: an error of ours that says what came, what was expected, and the way out."""

import numpy as np
import pytest

import chainrule as cr

X = np.random.default_rng(0).standard_normal((40, 3))
Y = np.arange(40) % 4


def fit(X=X, y=Y, layers=None, **options):
    net = cr.Network(layers or [cr.Dense(8, "relu"), cr.Dense(4, "softmax")], seed=0)
    return cr.train(net, X, y, **({"loss": "cross_entropy", "seed": 0, "progress": False} | options))


def with_nan():
    broken = X.copy()
    broken[7, 1] = np.nan
    return broken


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"batch_size": 0}, cr.OptionError, "batch_size is 0, but must be a whole number, 1 or more"),
        ({"batch_size": 2.5}, cr.OptionError, "batch_size is 2.5"),
        ({"epochs": -1}, cr.OptionError, "epochs is -1"),
        ({"seed": -1}, cr.OptionError, "seed is -1"),
        ({"loss": "crossentropy"}, cr.OptionError, "no loss 'crossentropy'. Did you mean 'cross_entropy'.*Known: abs"),
        ({"loss": 3}, cr.OptionError, "a loss is a name"),
        ({"metrics": ["acuracy"]}, cr.OptionError, "no metric 'acuracy'. Did you mean 'accuracy'"),
        ({"optimizer": "adm"}, cr.OptionError, "no optimizer 'adm'. Did you mean 'adam"),
        ({"optimizer": 0.1}, cr.OptionError, r"such as Adam\(1e-3\), not 0.1"),
        ({"engine": "nmpy"}, cr.OptionError, "no engine 'nmpy'. Did you mean 'numpy'"),
        ({"callbacks": [3]}, cr.OptionError, "callbacks are functions .* with the Run, but 3 is none"),
        ({"callbacks": 3}, cr.OptionError, "but 3 is none"),
        ({"X": None}, cr.DataError, "X is None, but must be an array"),
        ({"X": lambda: [(X, Y)]}, cr.DataError, "bring their labels: leave y out"),
        ({"X": lambda: None, "y": None}, cr.DataError, "returned a NoneType, but must return an iterator"),
        ({"X": np.arange(600), "y": np.arange(600) % 4}, cr.ShapeError, r"\(600,\)"),
        ({"resume": True}, cr.OptionError, "give checkpoint="),
        ({"early_stopping": 3}, cr.OptionError, "needs validation="),
        ({"validation": X}, cr.OptionError, r"validation is \(X_val, y_val\)"),
        ({"class_weight": {9: 2.0}}, cr.OptionError, "class_weight has the class 9"),
        ({"class_weight": "balance"}, cr.OptionError, "\"balanced\", not 'balance'"),
        ({"sample_weight": np.ones(3)}, cr.ShapeError, r"weights are \(3,\), but there are 40"),
        ({"sample_weight": -np.ones(40)}, cr.DataError, "0 or more"),
        ({"X": with_nan()}, cr.DataError, r"X holds NaN, first at \[7, 1\]"),
        ({"X": X * np.inf}, cr.DataError, "X holds"),
        ({"X": X[:0], "y": Y[:0]}, cr.DataError, "no example"),
        ({"X": X[:5]}, cr.ShapeError, r"X is \(5, 3\) and y is \(40,\)"),
        ({"X": X.astype(str)}, cr.DataError, "encode text"),
        ({"X": X[:, 0]}, cr.ShapeError, r"reshape\(-1, 1\)"),
        ({"y": Y + 1}, cr.DataError, "4 classes, so labels are whole numbers from 0 to 3, but Y holds 4"),
        ({"y": Y - 1}, cr.DataError, "Y holds -1"),
        ({"y": Y + 0.5}, cr.DataError, "Y holds 0.5"),
        ({"y": np.array(list("abcd"))[Y]}, cr.DataError, "np.unique"),
        ({"y": np.where(Y == 1, np.nan, Y)}, cr.DataError, "y holds NaN"),
        ({"y": np.zeros((40, 7))}, cr.ShapeError, r"labels Y are \(40, 7\)"),
        ({"y": None}, cr.DataError, "labels must come beside it"),
        ({"loss": "squared_error"}, cr.ShapeError, r"targets Y are \(40,\), but the network's output is \(40, 4\)"),
        ({"layers": [cr.Dense(4)]}, cr.DataError, 'takes probabilities.*end the network with "softmax"'),
        ({"X": iter([]), "y": None}, cr.DataError, "walked only once"),
        ({"X": [], "y": None}, cr.DataError, "the stream is empty"),
        ({"X": [X], "y": None}, cr.DataError, "batch 0 of the stream is ndarray"),
        ({"X": 3, "y": None}, cr.DataError, "X is a int"),
    ],
)
def test_bad_arguments_of_train_are_answered(options, error, words):
    with pytest.raises(error, match=words):
        fit(**options)


def test_a_diverging_learning_rate_names_epoch_batch_and_layer_and_keeps_the_epoch_before():
    net = cr.Network([cr.Dense(8, "relu"), cr.Dense(1)], seed=0, input_shape=3)
    states = []
    with pytest.raises(cr.NotFiniteError, match=r"epoch \d+, batch \d+: the cost is (inf|nan); .*Lower the learning"):
        cr.train(
            net,
            X,
            Y,
            loss="squared_error",
            optimizer=cr.GradientDescent(cr.schedules.WarmUp(1000.0, epochs=40, start=0.0)),
            batch_size=8,
            epochs=50,
            callbacks=[lambda run: states.append(run.network.flat.copy())],
            seed=0,
            progress=False,
        )
    assert np.array_equal(net.flat, states[-1])
    assert np.isfinite(net.flat).all()


def test_the_first_layer_with_a_nan_is_named():
    net = cr.Network([cr.Dense(8, "relu"), cr.Dense(4, "tanh"), cr.Dense(4, "softmax")], seed=0, input_shape=3)
    net.parameters["W2"][0, 0] = np.nan
    with pytest.raises(cr.NotFiniteError, match=r'epoch 1, batch 1: .* first in layer 2, Dense\(4, "tanh"\).*W2'):
        cr.train(net, X, Y, loss="cross_entropy", progress=False)


def test_bad_batches_do_not_change_the_network_before_they_are_met():
    net = cr.Network([cr.Dense(4, "softmax")], seed=0, input_shape=3)
    before = net.flat.copy()
    late = np.where(np.arange(40) == 39, 4, Y)
    with pytest.raises(cr.DataError, match="Y holds 4"):
        cr.train(net, X, late, loss="cross_entropy", shuffle=False, batch_size=4, progress=False)
    assert np.array_equal(net.flat, before)


def test_predicting_another_number_of_features_names_the_layer():
    net = cr.Network([cr.Dense(5, "relu"), cr.Dense(2)], seed=0, input_shape=4)
    message = r'^layer 1, Dense\(5, "relu"\): W1 is \(5, 4\), so it takes 4 features, but A0 has 3\.$'
    with pytest.raises(cr.ShapeError, match=message):
        net.predict(X)


def test_evaluating_labels_of_another_shape_is_a_shape_error():
    net = cr.Network([cr.Dense(1)], seed=0, input_shape=3)
    with pytest.raises(cr.ShapeError, match=r"targets Y are \(40, 2\)"):
        cr.evaluate(net, X, np.zeros((40, 2)), loss="squared_error")


def test_a_metric_that_does_not_fit_the_task_says_so_before_training():
    net = cr.Network([cr.Dense(1)], seed=0, input_shape=3)
    before = net.flat.copy()
    with pytest.raises(cr.OptionError, match="accuracy does not fit a network that predicts values; take mae"):
        cr.train(net, X, X[:, 0], loss="squared_error", metrics=["accuracy"], progress=False)
    assert np.array_equal(net.flat, before)


def test_sigmoids_are_no_probabilities_of_classes():
    with pytest.raises(cr.DataError, match="probabilities that sum to 1"):
        fit(layers=[cr.Dense(4, "sigmoid")])


@pytest.mark.parametrize("engine", ["numpy", "auto"])
@pytest.mark.parametrize("layer", [cr.Dense(1), cr.Dense(3), cr.Dense(3, "tanh")])
@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ("binary_cross_entropy", 'probabilities, but the output goes from -.* "sigmoid"'),
        ("poisson", "outputs of 0 or more, but these go down to -.*chainrule.ops.exp"),
    ],
)
def test_outputs_that_no_activation_brought_to_the_range_of_the_loss_are_refused(engine, layer, loss, words):
    net = cr.Network([layer], seed=0).copy()
    y = np.tile(Y % 2, (layer.n_out, 1)).T
    for use in (cr.train, cr.evaluate):
        quiet = {"progress": False} if use is cr.train else {}
        with pytest.raises(cr.DataError, match=words):
            use(net, X, y, loss=loss, engine=engine, **quiet)


@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_outputs_that_leave_the_range_of_the_loss_while_training_are_told(engine):
    net = cr.Network([cr.Dense(1)], input_shape=3)
    net.set_parameters({"W1": np.zeros((1, 3)), "b1": [0.5]})
    with pytest.raises(cr.DataError, match="takes probabilities, but the output goes from"):
        fit(y=Y % 2, layers=[net], loss="binary_cross_entropy", optimizer=cr.GradientDescent(1.0), engine=engine)


@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_a_single_output_is_for_another_loss_than_classes(activation):
    with pytest.raises(cr.DataError, match="single one and Y holds 1: take binary_cross_entropy, or"):
        fit(y=Y % 2, layers=[cr.Dense(1, activation)])


def test_the_softmax_of_one_output_is_refused():
    with pytest.raises(cr.OptionError, match="the softmax of a single output is always 1"):
        fit(y=Y % 2, layers=[cr.Dense(1, "softmax")], loss="binary_cross_entropy")


def test_an_own_loss_never_broadcasts_a_column_against_a_row():
    def own(A, Y):
        return ((A - Y) ** 2).mean()

    found = {}
    for loss in (own, "squared_error"):
        net = cr.Network([cr.Dense(1)], seed=0)
        cr.train(net, X, X[:, 0], loss=loss, optimizer=cr.Adam(0.1), epochs=50, seed=0, progress=False)
        found[loss] = cr.evaluate(net, X, X[:, 0], loss="squared_error")["loss"]
    assert found[own] < 0.01
    assert found["squared_error"] < 0.01


def test_an_own_loss_that_takes_labels_for_rows_is_told_what_it_gets():
    words = r"gets Y as it was given: \(40,\) beside outputs \(40, 4\); labels become one-hot rows by np.eye"
    with pytest.raises(cr.ShapeError, match=words):
        fit(loss=lambda A, Y: -(Y * cr.ops.log(A)).sum(axis=-1).mean())


@pytest.mark.parametrize("wrong", [None, "text", np.zeros(3)])
def test_an_own_loss_must_return_one_number(wrong):
    with pytest.raises(cr.OptionError, match="the loss <lambda> must return one number"):
        fit(loss=lambda A, Y: wrong)


def test_weights_act_at_every_batch_size():
    random = np.random.default_rng(0)
    y = (random.random(400) < 0.1).astype(int)
    shares = {}
    for batch_size in (1, 8, None):
        net = cr.Network([cr.Dense(1, "sigmoid")], seed=0)
        optimizer = cr.GradientDescent(0.05 if batch_size else 1.0)
        options = {"class_weight": "balanced", "optimizer": optimizer, "epochs": 30, "batch_size": batch_size}
        fit(np.zeros((400, 1)), y, [net], loss="binary_cross_entropy", **options)
        shares[batch_size] = float(net.predict([[0.0]])[0, 0])
    assert all(abs(share - 0.5) < 0.12 for share in shares.values()), shares


def test_a_batch_of_one_leaves_batch_normalization_sane():
    net = cr.Network([cr.BatchNorm(), cr.Dense(4, "softmax")], seed=0)
    cr.train(net, X, Y, loss="cross_entropy", batch_size=1, epochs=3, seed=0, progress=False)
    assert cr.evaluate(net, X, Y, loss="cross_entropy")["loss"] < 3
    assert (net.layers[0].statistics["variance"] == 1).all()


def picture_net(*before):
    return cr.Network([*before, cr.Conv2D(4, 3, "relu", padding="same"), cr.Flatten(), cr.Dense(2, "softmax")], seed=0)


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 28, 28), (3, 8, 12)])
def test_pictures_whose_channels_seem_to_come_first_are_refused(shape):
    X, y = np.zeros((6, *shape), np.float32), np.arange(6) % 2
    for before in [(), (cr.Standardize(),)]:
        with pytest.raises(cr.ShapeError, match=r"give X.transpose\(0, 2, 3, 1\); if not, say so by net.build"):
            cr.train(picture_net(*before), X, y, loss="cross_entropy", epochs=1, progress=False)
    for right, built in [(X.transpose(0, 2, 3, 1), None), (X, shape)]:
        net = picture_net()
        if built:
            net.build(built)
        cr.train(net, right, y, loss="cross_entropy", epochs=1, progress=False)
        assert net.input_shape == right.shape[1:]


def test_sequences_of_a_single_step_of_many_features_are_refused_before_a_convolution():
    net = cr.Network([cr.Conv1D(4, 3, padding="same"), cr.Flatten(), cr.Dense(2, "softmax")], seed=0)
    with pytest.raises(cr.ShapeError, match=r"sequences of one step with 40 features.*X.transpose\(0, 2, 1\)"):
        cr.train(net, np.zeros((6, 1, 40)), np.arange(6) % 2, loss="cross_entropy", epochs=1, progress=False)


@pytest.mark.parametrize("shape", [(3, 3, 512), (8, 8, 16), (16, 16, 3), (2, 16, 16), (4, 10, 12)])
def test_what_may_well_be_meant_is_taken_as_it_is(shape):
    X, y = np.zeros((4, *shape), np.float32), np.arange(4) % 2
    net = picture_net()
    cr.train(net, X, y, loss="cross_entropy", epochs=1, progress=False)
    assert net.input_shape == shape


@pytest.mark.parametrize(
    "function",
    [
        lambda net: cr.train(net, X, Y, loss="cross_entropy"),
        lambda net: cr.evaluate(net, X, Y, loss="cross_entropy"),
        lambda net: cr.check_gradients(net, X, Y, loss="cross_entropy"),
        lambda net: cr.gradients(net, X, Y, loss="cross_entropy"),
        lambda net: cr.attribute(net, X[0], X),
        lambda net: cr.attention_weights(net, X),
    ],
)
def test_what_is_no_network_is_told(function):
    with pytest.raises(cr.OptionError, match=r"takes a Network first, but was given a ndarray\.$"):
        function(X)
