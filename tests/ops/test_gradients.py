"""Every operation of the registry: its backward against central differences, and the form of what it answers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph import OPERATIONS, Operation, plain
from ops.cases import CASES, FEW, REPEATABLE, Call
from ops.derivatives import central_differences

NAMES = [name for name, operation in OPERATIONS.items() if operation.function.__module__.startswith("chainrule.")]
DIFFERENTIABLE = [name for name in NAMES if any(OPERATIONS[name].backward)]


def formulas(operation: Operation, call: Call) -> tuple[str, ...]:
    """The backward formula of each input that could be given."""
    return operation.backward * len(call.inputs) if operation.inputs[-1].startswith("*") else operation.backward


def with_variables(operation: Operation, call: Call) -> list[Any]:
    """The inputs of the call, each array that has a derivative as a Variable."""
    return [
        cr.variable(given) if formula and isinstance(given, np.ndarray) else given
        for given, formula in zip(call.inputs, formulas(operation, call), strict=False)
    ]


def in_float32(call: Call) -> Call:
    floats = [isinstance(A, np.ndarray) and A.dtype == np.float64 for A in call.inputs]
    inputs = (A.astype(np.float32) if is_float else A for A, is_float in zip(call.inputs, floats, strict=True))
    return Call(tuple(inputs), call.options)


def weighted_sum(Z: Any) -> Any:
    """J = Σ R Z with a fixed random R: it sees every element of Z, each differently."""
    return (Z * np.random.default_rng(0).uniform(0.5, 1.5, np.shape(plain(Z)))).sum()


def test_every_operation_has_a_case_here():
    assert set(NAMES) <= set(CASES), "describe the calls of a new operation in tests/ops/cases.py"


@pytest.mark.parametrize("name", NAMES)
def test_every_input_has_a_backward_formula_if_only_an_empty_one(name):
    assert len(OPERATIONS[name].backward) == len(OPERATIONS[name].inputs)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@REPEATABLE
@given(data=st.data())
def test_backward_agrees_with_central_differences(name, data):
    operation, call = OPERATIONS[name], data.draw(CASES[name])
    inputs = with_variables(operation, call)
    weighted_sum(operation(*inputs, **call.options)).backward()
    for A in inputs:
        if isinstance(A, cr.Variable):
            measured = central_differences(
                lambda: weighted_sum(operation(*map(plain, inputs), **call.options)), A.value
            )
            assert A.grad.shape == A.value.shape
            distance = np.linalg.norm(A.grad - measured)
            assert distance <= 1e-6 * (np.linalg.norm(A.grad) + np.linalg.norm(measured)) + 1e-7


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(data=st.data())
def test_an_input_has_a_derivative_exactly_if_it_has_a_formula(name, data):
    operation, call = OPERATIONS[name], data.draw(CASES[name])
    Z, backward = operation.differentiate(*call.inputs, **call.options)
    derivatives = backward(np.ones_like(Z))
    assert len(derivatives) == len(formulas(operation, call))
    for A, dA, formula in zip(call.inputs, derivatives, formulas(operation, call), strict=False):
        assert (dA is not None) == (A is not None and formula != "")


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@FEW
@given(data=st.data())
def test_float32_stays_float32_forward_and_backward(name, data):
    operation, call = OPERATIONS[name], in_float32(data.draw(CASES[name]))
    inputs = with_variables(operation, call)
    Z = operation(*inputs, **call.options)
    Z.sum().backward()
    assert Z.dtype == np.float32
    assert {A.grad.dtype for A in inputs if isinstance(A, cr.Variable)} == {np.dtype(np.float32)}
