"""What a trace tells whoever reads it."""

import functools

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from chainrule.engines.contract import Form
from chainrule.engines.trace import M, NotTraceableError, Role
from chainrule.engines.tracing import form_of, sample_size, trace
from chainrule.training.cost import Cost


def traced(layers, shape, loss="squared_error", m=None, dtype="float32", **how):
    net = cr.Network(layers, seed=0, input_shape=shape, dtype=dtype)
    cost = None if loss is None else Cost(loss)
    m = sample_size(net, shape) if m is None else m
    return trace(net, cost, form_of(net, shape), m, **{"training": True} | how), net


def shapes(found):
    return [node.symbolic_shape for node in found.nodes if node.op != "identity"]


def test_the_operations_in_their_order_with_what_they_are_made_of():
    layers = [cr.Dense(5, functools.partial(ops.leaky_relu, slope=0.2)), cr.Dense(3, "softmax")]
    found, net = traced(layers, (4,), "cross_entropy")
    assert [node.op for node in found.nodes] == ["linear", "leaky_relu", "linear", "softmax", "softmax_cross_entropy"]
    first, slope, _, probabilities, cost = found.nodes
    assert first.inputs == (found.X, found.parameters["W1"], found.parameters["b1"])
    assert slope.options == {"slope": 0.2}
    assert probabilities.options == {"axis": -1}
    assert (found.output, found.cost) == (probabilities, cost)
    assert cost.inputs[1:] == (found.Y, found.weights)
    assert [node.layer for node in found.nodes] == [*[net.layers[0]] * 2, *[net.layers[1]] * 2, None]


def test_roles_shapes_and_types():
    found, net = traced([cr.Standardize(), cr.Dense(5, bias=False), cr.Dense(2)], (4,), dtype="float64")
    assert (found.X.role, found.Y.role, found.weights.role) == (Role.DATA, Role.LABEL, Role.WEIGHT)
    assert {name: node.shape for name, node in found.parameters.items()} == {
        name: value.shape for name, value in net.parameters.items()
    }
    assert {node.role for node in found.parameters.values()} == {Role.PARAMETER}
    assert shapes(found) == [(M, 4), (M, 5), (M, 2), ()]
    standardized = found.nodes[0]
    assert standardized.plain
    mean, deviation = standardized.inputs[1:]
    assert mean.role is deviation.role is Role.STATISTIC
    assert [leaf.name for leaf in (*mean.statistics(), *deviation.statistics())] == ["mean", "deviation"]
    assert all(node.dtype == np.float64 for node in found.nodes)


def test_masks_are_made_of_the_data():
    found, _ = traced([cr.Masking(), cr.LSTM(3), cr.Dense(1)], (5, 2))
    (mask,) = (node for node in found.nodes if node.is_mask)
    assert mask.symbolic_shape == (M, 5)
    lstm = next(node for node in found.nodes if node.op == "lstm")
    assert lstm.inputs[-1] is mask
    assert None in lstm.inputs


def test_what_nobody_needs_is_not_in_it():
    class Wasteful(cr.Layer):
        def forward(self, A):
            ops.exp(A)
            return A * self.parameter("s", (), "ones")

    found, _ = traced([Wasteful()], (4,), loss=None)
    assert [node.op for node in found.nodes] == ["multiply"]
    assert found.cost is found.Y is None


@pytest.mark.parametrize("m", [2, 3, 7])
def test_shapes_are_told_in_terms_of_the_number_of_examples(m):
    found, _ = traced([cr.Dense(6), cr.Activation(lambda A: A.reshape(len(A), 3, 2).sum(axis=2))], (5,), None, m)
    assert found.m == m
    assert shapes(found) == [(M, 6), (M, 3, 2), (M, 3)]


def test_a_sample_has_another_size_than_data_and_parameters():
    net = cr.Network([cr.Dense(3), cr.Dense(5)], input_shape=2)
    assert sample_size(net, (2,)) == 7


def test_a_variable_of_another_trace_is_refused():
    seen = []

    class Keeping(cr.Layer):
        def forward(self, A):
            seen.append(A)
            return A + seen[0]

    net = cr.Network([cr.Dense(3), Keeping()], seed=0, input_shape=2)
    seen.clear()
    trace(net, None, Form((2,), np.dtype("float32")), 3, training=False)
    with pytest.raises(NotTraceableError, match=r"Keeping.*a variable from outside"):
        trace(net, None, Form((2,), np.dtype("float32")), 3, training=False)
