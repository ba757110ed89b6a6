"""Rows that are small enough for a test."""

import pytest
from benchmarks.measure import Workers
from benchmarks.rows import Training

import chainrule as cr

TINY = {
    "Adam, softmax, a last batch that is smaller": Training("adam", "Adam", (5, 8, 6, 3), 70, 32, cr.Adam(0.01)),
    "momentum, sigmoid": Training("momentum", "Momentum", (5, 8, 1), 64, 16, cr.GradientDescent(0.05, momentum=0.9), 2),
    "full batch": Training("full", "Full batch", (40, 1), 20, 20, cr.GradientDescent(0.05), 5),
}


@pytest.fixture(params=TINY.values(), ids=TINY)
def tiny(request):
    """A row of training."""
    return request.param


@pytest.fixture(scope="module")
def workers():
    """Processes for the contestants."""
    with Workers() as alive:
        yield alive
