"""What the machine could do: the peak of its products, and how many a row has of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.rows import Prediction, Row, Training
from chainrule.engines.contract import Form
from chainrule.engines.native import kernels, units
from chainrule.engines.native.compile import Compiler
from chainrule.engines.native.executor import Kernels
from chainrule.training.cost import Cost

SECONDS = 0.5
"""How long a peak is looked for."""


def peaks(cores: int) -> dict[str, float]:
    """Multiplications and additions a second of all cores together, by precision, where nothing but registers is read.

    Empty where there are no kernels, which measure it.
    """
    module = kernels()
    if module is None:
        return {}
    wanted = {"float32": ""} | ({"bfloat16": units(module)[0]} if units(module) else {})
    return {precision: _peak(module, unit, cores) for precision, unit in wanted.items()}


def _peak(module: Kernels, unit: str, cores: int) -> float:
    with ThreadPoolExecutor(cores) as pool:
        return sum(pool.map(lambda _: module.peak(unit, SECONDS), range(cores)))


def operations(row: Row) -> float:
    """Multiplications and additions of the products in a unit of a row; 0 where it has no plan of such."""
    module = kernels()
    if module is None or not isinstance(row, Training | Prediction):
        return 0.0
    net, training = row.model.network(), isinstance(row, Training)
    cost = Cost("binary_cross_entropy" if row.model.n_out == 1 else "cross_entropy") if training else None
    X, _ = row.data()
    given = Form(X.shape[1:], net.cast(X[:1]).dtype)
    plan = (
        Compiler(cost, frozenset(module.kernels()), training=training, outputs=not training).compiled(net, given).plan
    )
    examples = row.m / -(-row.m // row.batch) if isinstance(row, Training) else row.m
    return float(2 * plan.products(training) * np.float64(examples))
