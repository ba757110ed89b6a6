"""The update on paper: an optimizer's rule, followed with letters in the places of its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.formula import Atom, Formula, number, parse, text
from chainrule.derivation.letters import Letters, Term, option_letters, written
from chainrule.derivation.lines import Line
from chainrule.derivation.notation import differential
from chainrule.derivation.sections import Section
from chainrule.derivation.trace import Trace
from chainrule.graph import Variable
from chainrule.hyperparameters import Hyperparameters
from chainrule.layers import Network
from chainrule.optimizers import LBFGS, Optimizer, find_optimizer
from chainrule.schedules import Schedule

ASSIGNS = parse(" := ")
SLOTS = "of {slots} the optimizer remembers one for each derivative, 0 before the first update"
FIRST = "the numbers are those of the first update"
RATES = "what changes a parameter is multiplied by its rate, if that is not 1; one of rate 0 is frozen"
UNWRITTEN = "its rule is no formula of + − · / and powers alone, so only its numbers are shown"
OF_ALL = (
    "LBFGS: θ are all parameters in one vector. H stands for the inverse of the second derivatives, as far as the last "
    "{history} changes of θ and dθ tell it, and a line search finds α (Liu & Nocedal, 1989)"
)


def update(trace: Trace, net: Network, optimizer: Any = None) -> Section:
    """How each parameter moves: by gradient descent, or by the rule of the optimizer, with the numbers of one update.

    Raises:
        OptionError: the optimizer is neither a name of one nor one.
    """
    if optimizer is None:
        lines = tuple(_descent(trace.name(parameter)) for parameter in trace.parameters)
        return Section("Update", "gradient descent, α is the learning rate", lines)
    found = find_optimizer(optimizer)
    if isinstance(found, LBFGS):
        slope = r"(d\theta + \lambda\theta)" if found.l2 else r"d\theta"
        line = Line((Atom(r"\theta"), *ASSIGNS, *parse(rf"\theta - \alpha H\, {slope}")))
        return Section("Update", OF_ALL.format(history=found.history), (line,))
    return _by_rule(trace, net, found)


def _descent(theta: Atom) -> Line:
    return Line((theta, *ASSIGNS, theta, *parse(r" - \alpha "), differential(theta)))


def _by_rule(trace: Trace, net: Network, optimizer: Optimizer) -> Section:
    lines: list[Line] = []
    schedules = _schedules(optimizer)
    optimizer = replace(optimizer, weight_decay=optimizer.decay(0))  # as it is at the first update
    rates = optimizer.rates_of(net.parameters) or {}
    letters, numbers = Letters(optimizer), _one_update(trace, net, optimizer)
    regularized = dict(zip(net.parameters, _split(net, net.regularized), strict=True))
    used: set[str] = set()
    unwritten = False
    for parameter, name in trace.parameters.items():
        theta, found, rate = trace.name(parameter), numbers[name], rates.get(name, 1.0)
        if rate == 0:
            lines.append(Line((theta, *ASSIGNS, theta), numbers=trace.shown(parameter, found["theta"], backward=True)))
            continue
        try:
            change, slots = letters.step(theta, differential(theta), bool(np.any(regularized[name])))
        except (AttributeError, TypeError, ValueError):
            unwritten = True
            lines.append(_unwritten(trace, parameter, found["theta"]))
            continue
        names = {id(made): (_slot(slot, theta),) for slot, made in slots.items()}
        for slot, made in slots.items():
            shown = trace.shown(parameter, found[slot], backward=True)
            lines.append(Line((_slot(slot, theta), *ASSIGNS, *written(made, names, itself=True)), numbers=shown))
        right = written(Term.name((theta,)) - (change if rate == 1 else rate * change), names)
        shown = trace.shown(parameter, found["theta"], backward=True)
        lines.append(Line((theta, *ASSIGNS, *right), numbers=shown))
        used |= option_letters(change, *slots.values())
    remembered = list(dict.fromkeys(line.formula[0].symbol for line in lines if line.formula[0].below))
    first = [FIRST] if any(line.numbers is not None for line in lines) else []
    title = "; ".join([*_title(optimizer, letters, used, remembered), *schedules, *first])
    return Section("Update", f"{title}; {UNWRITTEN}" if unwritten else title, tuple(lines))


def _slot(slot: str, theta: Atom) -> Atom:
    """v_{dW^{[1]}}: what the optimizer remembers of this parameter's derivatives, as the notes write it."""
    return Atom(slot, below=(differential(theta),))


def _unwritten(trace: Trace, parameter: Variable, numbers: NDArray[Any]) -> Line:
    theta = trace.name(parameter)
    right: Formula = (theta, *parse(r" - \operatorname{rule}("), differential(theta), Atom(")"))
    return Line((theta, *ASSIGNS, *right), numbers=trace.shown(parameter, numbers, backward=True))


def _title(optimizer: Optimizer, letters: Letters, used: set[str], remembered: list[str]) -> list[str]:
    """What the letters stand for, and what is done before the rule."""
    values = {r"\alpha": optimizer.alpha(0)} | {letters.letter(name): getattr(optimizer, name) for name in sorted(used)}
    said = [f"{text(parse(letter))} = {text((number(float(value)),))}" for letter, value in values.items()]
    said += ["t counts the updates, from 1"] if letters.counted else []
    parts = [f"{type(optimizer).__name__}: {', '.join(said)}", *_clipped(optimizer)]
    parts += [RATES] if optimizer.rates else []
    parts += [SLOTS.format(slots=" and ".join(remembered))] if remembered else []
    return parts


def _schedules(optimizer: Optimizer) -> Iterator[str]:
    """Which of its numbers change while it trains."""
    alpha, omega = (optimizer.learning_rate, optimizer.alpha), (optimizer.weight_decay, optimizer.decay)
    for letter, (value, at) in {"α": alpha, "ω": omega}.items():
        if isinstance(value, Schedule):
            yield f"{letter} follows {value!r} and is {at(0):g} at the first update"


def _clipped(optimizer: Optimizer) -> Iterator[str]:
    held, length = optimizer.clip_value, optimizer.clip_norm
    if held is not None:
        yield f"every number of a derivative is first held between −{held:g} and {held:g}"
    if length is not None:
        yield f"all derivatives together are first shortened to the length {length:g} where they are longer"


def _one_update(trace: Trace, net: Network, optimizer: Optimizer) -> dict[str, dict[str, NDArray[Any]]]:
    """By parameter what is remembered and θ itself after the first update, as the optimizer computes it."""
    by_name = {name: parameter for parameter, name in trace.parameters.items()}
    shapes = {name: np.shape(value) for name, value in net.parameters.items()}
    theta = _flat(shapes, {name: by_name[name].value for name in by_name})
    gradient = _flat(shapes, {name: by_name[name].grad for name in by_name})
    slots = {slot: np.zeros_like(theta) for slot in optimizer.slots}
    with np.errstate(all="ignore" if trace.given == "nothing" else None):
        of_each = optimizer.rates_in_order(net.parameters, "float64")
        given = Hyperparameters.at(optimizer, 0)
        change, moved = optimizer.step(theta, gradient, net.regularized, given, 1, slots, of_each)
    whole = {**moved, "theta": theta - change}
    parts = {key: dict(zip(shapes, _split(net, value), strict=True)) for key, value in whole.items()}
    return {name: {key: parts[key][name].reshape(shapes[name]) for key in whole} for name in by_name}


def _flat(shapes: Mapping[str, tuple[int, ...]], arrays: Mapping[str, Any]) -> NDArray[Any]:
    """All parameters' numbers in one vector, 0 for those that the cost does not depend on."""
    given = {name: arrays.get(name) for name in shapes}
    return np.concatenate(
        [np.zeros(shape) if given[name] is None else np.asarray(given[name], float) for name, shape in shapes.items()],
        axis=None,
    )


def _split(net: Network, flat: NDArray[Any]) -> list[NDArray[Any]]:
    ends = np.cumsum([np.size(value) for value in net.parameters.values()])
    return np.split(flat, ends[:-1])
