"""Of no examples every operation makes what it makes of one, with 0 in place of 1: sizes are known before numbers."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.graph import OPERATIONS, Operation
from ops.cases import CASES, FEW, Call

NAMES = [name for name, operation in OPERATIONS.items() if operation.function.__module__.startswith("chainrule.")]

OF_NO_EXAMPLE = ("W", "U", "b", "gamma", "beta", "mean", "variance", "deviation")
"""Inputs without an axis of examples."""


def of_examples(operation: Operation, call: Call, m: int) -> Any:
    """The value for m times the first example of the call."""
    names = operation.inputs * len(call.inputs) if operation.inputs[-1].startswith("*") else operation.inputs
    axes = np.ndim(call.inputs[0])

    def taken(name: str, A: Any) -> Any:
        stretched = operation.broadcasts and np.ndim(A) < axes
        return A if name in OF_NO_EXAMPLE or not np.ndim(A) or stretched else np.repeat(A[:1], m, axis=0)

    inputs = [taken(name, A) for name, A in zip(names, call.inputs, strict=False)]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of a batch without examples is NaN
        return np.asarray(operation(*inputs, **call.options))


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(data=st.data())
def test_no_examples_have_the_shape_and_type_of_one(name, data):
    operation, call = OPERATIONS[name], data.draw(CASES[name])
    axes, axis = np.ndim(call.inputs[0]), call.options.get("axis", -1)
    if axes == 0 or (operation.broadcasts and axes < max(map(np.ndim, call.inputs))):
        return
    if axis is None or np.ndim(axis) or axis % axes == 0:  # over the examples
        return
    try:
        one, two = of_examples(operation, call, 1), of_examples(operation, call, 2)
    except Exception:
        return  # an index, say, that a single example does not have
    if one.shape[:1] != (1,) or two.shape != (2, *one.shape[1:]):
        return  # what is made is not of examples
    none = of_examples(operation, call, 0)
    assert none.shape == (0, *one.shape[1:])
    assert none.dtype == one.dtype
