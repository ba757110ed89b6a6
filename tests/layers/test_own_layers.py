"""Layers that users write themselves. Their names are known everywhere, so each is used in one test only."""

import numpy as np
import pytest

import chainrule as cr


class OwnPower(cr.Layer):
    """No parameters, one argument."""

    def __init__(self, exponent):
        self.exponent = exponent

    def forward(self, A):
        return A**self.exponent


class OwnTilt(cr.Layer):
    """A matrix, a vector, an argument with a default."""

    def __init__(self, n_out, scale=1.0):
        self.n_out = n_out
        self.scale = scale

    def forward(self, A):
        W = self.parameter("W", (A.shape[-1], self.n_out), "he")
        return (A @ W) * self.scale + self.parameter("c", (self.n_out,), cr.initializers.Ones())


class OwnBranches(cr.Layer):
    """Layers in a list, and one beside it."""

    def __init__(self, branches, gate):
        self.branches = branches
        self.gate = gate

    def forward(self, A):
        return cr.ops.concatenate(*(branch(A) for branch in self.branches), axis=-1) * self.gate(A)


class OwnCounter(cr.Layer):
    """A statistic that counts the examples of training."""

    def __init__(self):
        pass

    def forward(self, A):
        seen = self.statistic("seen", (1,))
        if self.training:
            seen += A.shape[0]
        return A


class OwnDict(cr.Layer):
    """Layers in a dict, which `children` tells of as a list."""

    def __init__(self, ways):
        self.ways = ways

    def children(self):
        return list(self.ways.values())

    def forward(self, A):
        return self.ways["left"](A) + self.ways["right"](A)


def trained(net):
    random = np.random.default_rng(0)
    X, y = random.uniform(0.5, 2, size=(60, 4)), random.integers(0, 2, 60)
    before = net.copy().predict(X)
    cr.train(net, X, y, loss="cross_entropy", epochs=3, batch_size=20, seed=0, progress=False)
    assert (net.predict(X) != before).any()
    return X


def saved_and_loaded(net, folder):
    net.save(folder / "own.safetensors")
    return cr.load(folder / "own.safetensors")


def test_the_layer_of_the_documentation_works(tmp_path):
    class Scale(cr.Layer):
        def forward(self, A):
            return A * self.parameter("s", (A.shape[-1],), "ones")

    net = cr.Network([Scale(), cr.Dense(2, "softmax")], seed=0, input_shape=4)
    assert list(net.parameters) == ["s1", "W2", "b2"]
    X = trained(net)
    assert (net.parameters["s1"] != 1).all()
    np.testing.assert_array_equal(saved_and_loaded(net, tmp_path).predict(X), net.predict(X))


def test_without_parameters_it_is_one_method(tmp_path):
    net = cr.Network([OwnPower(2), cr.Dense(2, "softmax")], seed=0, input_shape=4)
    assert list(net.parameters) == ["W1", "b1"]
    X = trained(net)
    loaded = saved_and_loaded(net, tmp_path)
    assert loaded.layers[0].exponent == 2
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))


def test_with_parameters_and_arguments_it_is_trained_saved_and_loaded(tmp_path):
    net = cr.Network([OwnTilt(3, scale=0.5), cr.Dense(2, "softmax")], seed=0, input_shape=4)
    assert {name: value.shape for name, value in net.parameters.items()} == {
        "W1": (4, 3),
        "c1": (3,),
        "W2": (2, 3),
        "b2": (2,),
    }
    before = net.flat.copy()
    X = trained(net)
    assert (net.flat != before).all()
    loaded = saved_and_loaded(net, tmp_path)
    assert repr(loaded.layers[0]) == "OwnTilt(3, 0.5)"
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))


def test_layers_among_the_arguments_are_found_and_trained(tmp_path):
    layer = OwnBranches([cr.Dense(2), cr.Network([cr.Dense(3, "tanh")])], gate=cr.Dense(5, "sigmoid"))
    net = cr.Network([layer, cr.Dense(2, "softmax")], seed=0, input_shape=4)
    assert list(net.parameters) == ["W1", "b1", "W2", "b2", "W3", "b3", "W4", "b4"]
    before = net.flat.copy()
    X = trained(net)
    assert (net.flat != before).all()
    np.testing.assert_array_equal(saved_and_loaded(net, tmp_path).predict(X), net.predict(X))


def test_layers_made_inside_init_are_trained_or_refused_but_never_passed_over():
    class OwnBlock(cr.Layer):
        def __init__(self, n):
            self.n = n
            self.inside = cr.Dense(n)

        def forward(self, A):
            return self.inside(A)

    try:
        net = cr.Network([OwnBlock(3)], input_shape=4)
    except cr.ChainruleError:
        return
    assert list(net.parameters) == ["W1", "b1"]


def test_layers_in_lists_of_lists_are_trained_or_refused_but_never_passed_over():
    class OwnGrid(cr.Layer):
        def __init__(self, rows):
            self.rows = rows

        def forward(self, A):
            for row in self.rows:
                for layer in row:
                    A = layer(A)
            return A

    try:
        net = cr.Network([OwnGrid([[cr.Dense(3)], [cr.Dense(2)]])], input_shape=4)
    except cr.ChainruleError:
        return
    assert list(net.parameters) == ["W1", "b1", "W2", "b2"]


def test_the_arguments_are_either_saved_or_refused_before_training():
    class OwnRow(cr.Layer):
        def __init__(self, *layers):
            self.layers = layers

        def forward(self, A):
            for layer in self.layers:
                A = layer(A)
            return A

    class OwnTyped(cr.Layer):
        def __init__(self, type):
            self.type = type

        def forward(self, A):
            return A

    class OwnOperated(cr.Layer):
        def __init__(self, operation):
            self.operation = operation

        def forward(self, A):
            return A

    for make in (lambda: OwnRow(cr.Dense(3)), lambda: OwnTyped("wide"), lambda: OwnOperated("sum")):
        try:
            net = cr.Network([make(), cr.Dense(2)], input_shape=4)
        except cr.OptionError:
            continue
        assert repr(net.copy()) == repr(net)


def test_statistics_are_kept_in_the_file(tmp_path):
    net = cr.Network([OwnCounter(), cr.Dense(2, "softmax")], seed=0, input_shape=4)
    trained(net)
    assert net.layers[0].statistics["seen"] == 180
    assert saved_and_loaded(net, tmp_path).layers[0].statistics["seen"] == 180


def test_gradients_reach_own_layers():
    layers = [OwnTilt(3), OwnBranches([cr.Dense(2)], gate=cr.Dense(2, "sigmoid")), OwnPower(3), cr.Dense(2, "softmax")]
    X, y = np.random.default_rng(0).normal(size=(5, 4)), [0, 1, 1, 0, 1]
    check = cr.check_gradients(cr.Network(layers, seed=0), X, y, loss="cross_entropy")
    assert check.passed, str(check)


def test_a_parameter_that_is_used_twice_gets_the_sum_of_both_derivatives():
    class OwnTwice(cr.Layer):
        def __init__(self):
            pass

        def forward(self, A):
            return A * self.parameter("s", (2,), "ones") + self.parameter("s", (2,), "ones")

    net = cr.Network([OwnTwice()], dtype="float64", input_shape=2)
    Z, variables = net.record(np.array([[3.0, 5.0]]))
    Z.sum().backward()
    np.testing.assert_array_equal(variables["s1"].grad, [4, 6])


def test_a_parameter_that_is_not_used_has_derivative_zero():
    class OwnIdle(cr.Layer):
        def __init__(self):
            pass

        def forward(self, A):
            self.parameter("u", (3,))
            return A

    net = cr.Network([OwnIdle(), cr.Dense(1)], seed=0, input_shape=2)
    _, derivatives = cr.gradients(net, [[1.0, 2.0]], [1.0], loss="squared_error")
    np.testing.assert_array_equal(derivatives["du1"], [0, 0, 0])


def test_names_of_parameters_never_collide():
    class OwnPair(cr.Layer):
        def __init__(self):
            pass

        def forward(self, A):
            return A @ self.parameter("W1", (2, 3), "he")

    layers = [OwnPair(), *(cr.Dense(3, bias=False) for _ in range(10))]
    try:
        net = cr.Network(layers, input_shape=2)
    except cr.ChainruleError:
        return
    assert sum(value.size for value in net.parameters.values()) == 6 + 10 * 9


def test_an_argument_that_is_not_kept_is_asked_for():
    class OwnForgetful(cr.Layer):
        def __init__(self, width):
            self.size = width

        def forward(self, A):
            return A

    with pytest.raises(cr.OptionError, match="OwnForgetful does not keep its argument 'width'"):
        cr.Network([OwnForgetful(3)])


def test_a_layer_without_forward_says_so():
    class OwnEmpty(cr.Layer):
        def __init__(self):
            pass

    with pytest.raises(NotImplementedError, match=r"OwnEmpty must define forward\(A\)"):
        cr.Network([OwnEmpty()], input_shape=3)


def test_a_name_of_chainrules_own_is_refused():
    with pytest.raises(cr.OptionError, match="Dense is a name that chainrule uses itself"):
        type("Dense", (cr.Layer,), {})


def test_forward_called_by_hand_says_to_call_the_layer():
    with pytest.raises(cr.GraphError, match=r"call the layer, layer\(A\), instead"):
        OwnTilt(3).forward(np.zeros((2, 4)))


def test_a_class_that_is_not_there_any_more_is_asked_for(tmp_path, monkeypatch):
    from chainrule.configuration import Configurable

    cr.Network([OwnPower(2)], input_shape=2).save(tmp_path / "own.safetensors")
    monkeypatch.delitem(Configurable.kinds, "OwnPower")
    with pytest.raises(cr.ModelFileError, match=r"own.safetensors .*'OwnPower'.*import the module that defines it"):
        cr.load(tmp_path / "own.safetensors")


@pytest.mark.parametrize(
    ("now", "words"),
    [((), r"it holds p1, but layer 1, OwnChanging\(\) does not ask for 'p'"), (("p", "q"), "has no parameter q: ")],
)
def test_a_class_that_has_other_parameters_now_is_refused(tmp_path, now, words):
    class OwnChanging(cr.Layer):
        asked = ("p",)

        def forward(self, A):
            return sum((self.parameter(name, (1,)) for name in self.asked), A)

    cr.Network([OwnChanging(), cr.Dense(1)], input_shape=2).save(tmp_path / "own.safetensors")
    OwnChanging.asked = now
    with pytest.raises(cr.ModelFileError, match=words):
        cr.load(tmp_path / "own.safetensors")


def test_a_shape_that_depends_on_the_batch_is_an_error_that_names_layer_and_parameter():
    class OwnPerExample(cr.Layer):
        def __init__(self):
            pass

        def forward(self, A):
            return A * self.parameter("s", (A.shape[0], 1), "ones")

    net = cr.Network([OwnPerExample()], input_shape=2)
    with pytest.raises(cr.ShapeError, match=r"layer 1, OwnPerExample\(\): s1 is \(1, 1\).*\(3, 1\)"):
        net.predict(np.zeros((3, 2)))


def test_a_parameter_without_axes_that_changes_its_shape_is_a_shape_error():
    class OwnGrowing(cr.Layer):
        def __init__(self):
            pass

        def forward(self, A):
            return A * self.parameter("s", A.shape[2:], "ones")

    net = cr.Network([OwnGrowing()], input_shape=2)
    with pytest.raises(cr.ShapeError, match=r"layer 1, OwnGrowing\(\): s1 is \(\).*\(3,\)"):
        net.predict(np.zeros((1, 2, 3)))


class Threshold(cr.Layer):
    def forward(self, A):
        return cr.ops.maximum(A, self.parameter("t", (), "ones"))


def test_a_parameter_that_is_a_single_number_is_saved_and_resumed(tmp_path):
    X, y = np.ones((10, 2)), np.ones(10)
    ends = []
    for stops in ([4], [2, 4]):
        for k, epochs in enumerate(stops):
            net = cr.Network([cr.Dense(3), Threshold(), cr.Dense(1)], seed=0)
            how = {"checkpoint": tmp_path / str(len(stops)), "resume": k > 0, "progress": False, "seed": 0}
            cr.train(net, X, y, loss="squared_error", epochs=epochs, **how)
        ends.append(net.flat)
    np.testing.assert_array_equal(*ends)
    net.save(tmp_path / "model.safetensors")
    loaded = cr.load(tmp_path / "model.safetensors")
    assert loaded.parameters["t2"].shape == ()
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))


def test_a_random_key_is_for_training_alone():
    class Forgetful(cr.Layer):
        def forward(self, A):
            return cr.ops.dropout(A, rate=0.5, key=self.random_key())

    net = cr.Network([cr.Dense(3), Forgetful(), cr.Dense(1)], seed=0, input_shape=2)
    with pytest.raises(cr.GraphError, match="while predicting: guard it by `if self"):
        net.predict(np.ones((3, 2)))


def test_a_layer_behind_another_meets_variables_also_while_it_is_built():
    class ByValue(cr.Layer):
        def forward(self, A):
            return A * (2 if A.value.max() > 0 else 1)

    net = cr.Network([cr.Dense(3), ByValue(), cr.Dense(1)], seed=0, input_shape=2)
    assert net.predict(np.ones((3, 2))).shape == (3, 1)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (lambda self, g, alpha, update, **slots: alpha * g, "must return .what to subtract from θ, the new slots"),
        (
            lambda self, g, alpha, update, **slots: (alpha * g, {}),
            "the slots none, but Mistaken.slots names v",
        ),
    ],
)
def test_mistakes_in_an_own_rule_are_named(rule, words):
    Mistaken = type("Mistaken", (cr.Optimizer,), {"rule": rule, "slots": ("v",)})
    net = cr.Network([cr.Dense(1)], seed=0)
    with pytest.raises(cr.OptionError, match=words):
        cr.train(net, np.ones((4, 2)), np.ones(4), loss="squared_error", optimizer=Mistaken(0.1), progress=False)


def test_options_go_by_their_names():
    with pytest.raises(TypeError, match=r"takes its options by their names: clip\(A, low=…, high=…\)"):
        cr.ops.clip(np.ones(3), 0, 1)


def test_children_may_be_a_list(tmp_path):
    net = cr.Network([OwnDict({"left": cr.Dense(3), "right": cr.Dense(3)}), cr.Dense(2, "softmax")], seed=0)
    trained(net)
    assert [*net.parameters] == ["W1", "b1", "W2", "b2", "W3", "b3"]
    net.summary()
    assert net.copy().flat.size == net.flat.size


class OwnVariable(cr.Layer):
    """A variable that looks like a parameter."""

    def __init__(self):
        self.w1 = cr.variable(np.ones(3))

    def forward(self, A):
        return A * self.w1


class OwnParameter(cr.Layer):
    """What the warning advises."""

    def forward(self, A):
        w = self.parameter("w", (3,), "ones")
        return A * w


class OwnTally(cr.Layer):
    """Counts in an attribute, which files do not hold."""

    def __init__(self, step=1):
        self.step, self.calls, self.means = step, 0, np.zeros(2)

    def forward(self, A):
        self.calls += self.step
        return A


class OwnTold(cr.Layer):
    """What the warning advises."""

    def forward(self, A):
        calls = self.statistic("calls", (1,))
        if self.updating:
            calls += 1
        return A


def test_a_variable_that_is_not_trained_is_told_with_what_trains_it():
    X, y = np.random.default_rng(0).normal(size=(2, 8, 3))
    told = r'OwnVariable\(\) .*keeps the variable w1, which training does not change.*w1 = self.parameter\("w", \(3,\)'
    net = cr.Network([OwnVariable(), cr.Dense(3)], seed=0)
    with pytest.warns(UserWarning, match=told):
        cr.train(net, X, y, loss="squared_error", epochs=1, progress=False)
    net = cr.Network([OwnParameter(), cr.Dense(3)], seed=0)
    cr.train(net, X, y, loss="squared_error", epochs=1, progress=False)
    assert (net.parameters["w1"] != 1).all()


def test_what_a_layer_counts_for_itself_and_no_file_holds_is_told_when_it_is_saved(tmp_path):
    net = cr.Network([OwnTally(), cr.Dense(3)], seed=0)
    net.save(tmp_path / "new.safetensors")
    net.build(3)
    with pytest.warns(UserWarning, match=r'has changed its calls, which is not saved: .*self.statistic\("calls"'):
        net.save(tmp_path / "counted.safetensors")
    net = cr.Network([OwnTold(), cr.Dense(3)], seed=0, input_shape=3)
    cr.train(net, np.ones((6, 3)), np.ones((6, 3)), loss="squared_error", batch_size=2, epochs=1, progress=False)
    net.save(tmp_path / "told.safetensors")
    assert cr.load(tmp_path / "told.safetensors").layers[0].statistics["calls"] == 3
