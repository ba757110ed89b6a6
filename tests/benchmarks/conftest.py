"""Rows that are small enough for a test."""

import pytest
from benchmarks.measure import Workers
from benchmarks.models import Multilayer, Pictures, Text, lenet
from benchmarks.rows import Training

import chainrule as cr

TINY = {
    "Adam, softmax, a last batch that is smaller": Training(
        "adam", "Adam", Multilayer((5, 8, 6, 3)), 70, 32, cr.Adam(0.01)
    ),
    "momentum, sigmoid": Training(
        "momentum", "Momentum", Multilayer((5, 8, 1)), 64, 16, cr.GradientDescent(0.05, momentum=0.9), 2
    ),
    "full batch": Training("full", "Full batch", Multilayer((40, 1)), 20, 20, cr.GradientDescent(0.05), 5),
    "pictures": Training("pictures", "Pictures", Pictures(lenet), 12, 5, cr.Adam(3e-4)),
    "text, LSTM": Training("lstm", "LSTM", Text(cr.LSTM, units=6, steps=5), 24, 8, cr.Adam(0.03)),
    "text, GRU": Training("gru", "GRU", Text(cr.GRU, units=6, steps=5), 24, 8, cr.Adam(0.03)),
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
