"""The operations run by jax.numpy: the same lines, the same numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import ops
from chainrule.errors import OptionError
from chainrule.graph import OPERATIONS, Variable, plain
from ops.cases import CASES, REPEATABLE
from ops.test_gradients import DIFFERENTIABLE, in_float32, with_variables

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.xdist_group("jax")  # one process loads it


def in_jax(A):
    if isinstance(A, Variable):
        return Variable(jax.numpy.asarray(A.value))
    return jax.numpy.asarray(A) if isinstance(A, np.ndarray) else A


BY_DAY = {"linear", "index", "power", "convolution", "lstm", "batch_norm", "dropout", "softmax_cross_entropy"}
"""One of each kind: tests/engines/test_jax.py has every operation compiled and taken back, in float64."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in BY_DAY else [pytest.mark.slow]) for name in DIFFERENTIABLE]
)
@settings(REPEATABLE, max_examples=2)  # every new shape is compiled
@given(data=st.data())
def test_jax_computes_the_same_values_and_derivatives_as_numpy(name, data):
    operation, call = OPERATIONS[name], in_float32(data.draw(CASES[name]))
    inputs = with_variables(operation, call)
    leaves = [A for A in inputs if isinstance(A, Variable)]

    def compiled(values):  # once, where JAX would compile each of its own operations by itself
        inputs_of_jax = [in_jax(A) for A in inputs]
        leaves_of_jax = [A for A in inputs_of_jax if isinstance(A, Variable)]
        for A, value in zip(leaves_of_jax, values, strict=True):
            A.value = value
        Z = operation(*inputs_of_jax, **call.options)
        assert isinstance(plain(Z), jax.Array)
        Z.sum().backward()
        return plain(Z), [A.grad for A in leaves_of_jax]

    with jax.enable_x64(name == "dropout"):  # its draws are of 64 bits
        Z_of_jax, d_of_jax = jax.jit(compiled)([A.value for A in leaves])
    Z = operation(*inputs, **call.options)
    Z.sum().backward()
    np.testing.assert_allclose(Z_of_jax, plain(Z), rtol=1e-4, atol=1e-5)
    for A, d in zip(leaves, d_of_jax, strict=True):
        np.testing.assert_allclose(d, A.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype uint64:UserWarning")
def test_without_integers_of_64_bits_dropout_says_that_it_needs_them():
    with pytest.raises(OptionError, match=r"jax\.enable_x64"):
        ops.dropout(jax.numpy.ones(3), rate=0.5, key=(1, 2))


def test_a_repeated_index_adds_up_its_derivatives():
    A = Variable(jax.numpy.asarray([1.0, 2.0, 3.0]))
    A[[0, 0, 2]].sum().backward()
    np.testing.assert_array_equal(A.grad, [2, 0, 1])


def test_the_walk_from_the_cost_to_the_leaves_can_be_compiled():
    def dW(W, A, Y):
        W = Variable(W)
        ops.cross_entropy(ops.softmax(A @ W.transpose(1, 0)), Y).backward()
        return W.grad

    W, A, Y = jax.numpy.ones((3, 2)), jax.numpy.ones((4, 2)), jax.numpy.asarray([0, 1, 2, 2])
    np.testing.assert_allclose(jax.jit(dW)(W, A, Y), dW(W, A, Y), rtol=1e-5)
