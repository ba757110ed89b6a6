"""Steps that a strip's examples go through in portions: pictures so large that one is as much as a core has near."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import ENGINES
from engines.both import TOLERANCE, Y, assert_same

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")

X = np.random.default_rng(0).normal(size=(len(Y), 40, 40, 2))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_what_lies_in_the_place_of_a_value_of_another_stretch(dtype, activation):
    """Relu's value takes the place of what batch normalization makes, which meets all examples of the batch at once."""

    def layers():
        pooled = [cr.MaxPool(3, stride=1), cr.AveragePool(4), cr.Flatten(), cr.Dense(3, "tanh"), cr.Dense(1)]
        return [cr.Conv2D(18, 3), cr.BatchNorm(), cr.Activation(activation), *pooled]

    assert_same(layers, X, dtype, alpha=0.01)
