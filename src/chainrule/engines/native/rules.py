"""The optimizers that the kernels know: each by its name there. Whatever is not in this table is computed by NumPy."""

from __future__ import annotations

from dataclasses import fields

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


def rule_of(optimizer: Optimizer) -> Rule:
    """An optimizer as the kernels read it: the name of its rule, and all its numbers but the learning rate.

    Raises:
        NoKernelError: the optimizer is not in the table, such as one of the user's own.
    """
    if type(optimizer) not in RULES:
        raise NoKernelError(f"the optimizer {type(optimizer).__name__}, which is your own")
    values = {field.name: getattr(optimizer, field.name) for field in fields(optimizer)}
    numbers = {name: float(value or 0) for name, value in values.items() if name != "learning_rate"}
    return {"name": RULES[type(optimizer)]} | numbers
