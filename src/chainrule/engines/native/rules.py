"""The optimizers that the kernels know: each by its name there. Whatever is not in this table is computed by NumPy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

import numpy as np

from chainrule.engines.native.executor import Rule
from chainrule.engines.native.plan import NoKernelError
from chainrule.optimizers import Adagrad, Adam, AdamW, GradientDescent, Optimizer, RMSProp

RULES: dict[type[Optimizer], str] = {
    GradientDescent: "gradient_descent",
    Adagrad: "adagrad",
    RMSProp: "rmsprop",
    Adam: "adam",
    AdamW: "adam",
}
"""By the class of an optimizer, the name under which native/rules.cpp has its rule."""


APART = ("learning_rate", "weight_decay", "rates")
"""What is told for each batch, or for each parameter."""


def rule_of(optimizer: Optimizer, parameters: Iterable[str]) -> Rule:
    """An optimizer as the kernels read it: the name of its rule, and all its numbers but those of each batch.

    Args:
        parameters: the names of the network's, in its order.

    Raises:
        OptionError: one of its rates is that of no parameter.
        NoKernelError: the optimizer is not in the table, such as one of the user's own.
    """
    if type(optimizer) not in RULES:
        raise NoKernelError(f"the optimizer {type(optimizer).__name__}, which is your own")
    values = {field.name: getattr(optimizer, field.name) for field in fields(optimizer)}
    numbers = {name: float(value or 0) for name, value in values.items() if name not in APART}
    rates = optimizer.rates_of(parameters)
    of_parameters = {} if rates is None else {"rates": np.array([*rates.values()])}
    return {"name": RULES[type(optimizer)], **numbers, **of_parameters}
