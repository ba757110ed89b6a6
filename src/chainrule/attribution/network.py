"""`attribute`: what each feature, or group of features, of one example did to a network's answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import engines
from chainrule.attribution.path import integrated_gradients
from chainrule.attribution.result import METHODS, Attribution
from chainrule.attribution.shapley import Changes, shapley
from chainrule.checking import as_array, seed_or_fresh, whole
from chainrule.errors import OptionError, ShapeError, shown
from chainrule.layers import Network
from chainrule.layers.network import the_network
from chainrule.names import counted, lookup

STEPS = 64
"""Points along the way of integrated gradients where nobody has chosen."""


def attribute(
    net: Network,
    x: Any,
    background: Any,
    *,
    method: str = "shapley",
    output: int | None = None,
    groups: Mapping[str, Any] | None = None,
    names: Sequence[str] | None = None,
    rounds: int | None = None,
    steps: int = STEPS,
    engine: str = "auto",
    threads: int | None = None,
    seed: int | None = 0,
) -> Attribution:
    """What each feature of an example did to a network's answer: values that add up to f(x) less the mean of f(z).

    f is the number that `net.predict` gives, so of a softmax or a sigmoid the probability, not the logit before it. z
    are the rows of the background, which say what the example is compared with.

    "shapley": φ_j is the mean change of f when feature j of z becomes that of x, over all orders in which the features
    become x's, one after the other, and over the rows z. Orders are drawn, and each is read backwards, too; the values
    add up exactly whatever was drawn, and have standard errors (Štrumbelj & Kononenko, 2014). It needs no derivative,
    so it takes any network, also of categories.

    "integrated_gradients": φ_i = (x_i − z_i) ∫₀¹ ∂f/∂x_i (z + α (x − z)) dα, the mean over the rows z (Sundararajan,
    Taly & Yan, 2017). The integral is a sum, and `gap` is what it misses. It is the quicker one where features are
    many, as of pictures.

    Args:
        net: the network. x: one example, (…) or (1, …).
        background: examples (m, …) to compare with, such as a hundred of the training part; or a single one, such as
            zeros.
        output: which of the network's outputs is explained, from 0 on; None for the only one, or the likeliest class.
        groups: features that belong together, by the name of the group: their places in the example, laid flat, such as
            {"colour": [0, 1, 2], "size": slice(3, 5)}; None for each by itself.
        names: what the features are called, where there are no groups.
        rounds: of "shapley", how many orders are drawn for each row of the background; None for 200 in all, or more.
        steps: of "integrated_gradients", at how many points derivatives are taken.
        engine, threads: see `Network.predict`. seed: of the orders; None draws others each time.

    Raises:
        ShapeError: x is no single example, or the network has another output for each step.
        DataError: see `Network.predict`.
        OptionError: an unknown method, an output that there is not, or which one is not told; features in two groups,
            or in none; "integrated_gradients" of a network that begins with an `Embedding` or its like.
    """
    the_network(net, "attribute")
    lookup("method", method, METHODS)
    seed, steps = seed_or_fresh(seed), whole("steps", steps)
    rounds = None if rounds is None else whole("rounds", rounds)
    x, background = _compared(net, x, background)
    shape, n_x = x.shape, x.size

    def outputs(X: NDArray[Any]) -> NDArray[Any]:
        return net.predict(X.reshape(-1, *shape), engine=engine, threads=threads)

    known = outputs(x)
    if known.ndim != 2:
        raise ShapeError(f"the network's output for an example is {known.shape[1:]}, but one number is explained.")
    last = net.last_operation()
    k = _which(output, known[0], last)

    def answer(X: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(outputs(X)[:, k], np.float64)

    parts, part = _parts(groups, names, shape)
    if method == "shapley":
        with engines.held_to(threads):
            flat = background.reshape(-1, n_x)
            found = shapley(answer, x.ravel(), flat, part, rounds, seed)
    else:
        each = np.zeros((len(parts), len(background)))
        np.add.at(each, part, integrated_gradients(net, x, background, k, steps).T)
        found = Changes(float(answer(x)[0]), float(answer(background).mean()), each.T)
    return Attribution(
        parts,
        found.values,
        found.errors,
        found.base,
        found.output,
        method,
        "the output" if known.shape[1] == 1 else f"output {k}",
        counted(len(background), "background row"),
        cells=[f"{value:.6g}" for value in x.ravel().tolist()] if groups is None else [],
        probability=last in ("softmax", "sigmoid"),
    )


def _compared(net: Network, x: Any, background: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """The example (…) and the background (m, …), of the type that the network takes.

    Raises:
        ShapeError, DataError: they are none.
    """
    x, background = as_array(x, "x"), as_array(background, "the background")
    if background.shape == net.input_shape:
        background = background[None]
    net.build_for(background)
    shape = net.input_shape or ()
    if x.shape == (1, *shape):
        x = x[0]
    if x.shape != shape:
        raise ShapeError(f"x is {x.shape}, but one example is {shape}: give a single one, such as X[0].")
    if background.shape[1:] != shape:
        raise ShapeError(f"the background is {background.shape}, but must be (m, …) of examples {shape}.")
    both = net.cast(np.concatenate([x[None], background]))
    return both[0], both[1:]


def _which(output: int | None, known: NDArray[Any], last: str) -> int:
    """Which output is explained.

    Raises:
        OptionError: it is not told, or there is no such one.
    """
    n_out = len(known)
    if output is None:
        if n_out > 1 and last != "softmax":
            raise OptionError(f"the network has {n_out} outputs that are no classes: say which one, such as output=0.")
        return int(known.argmax()) if n_out > 1 else 0
    if whole("output", output, at_least=0) >= n_out:
        raise OptionError(f"output is {output}, but the network has {n_out}, counted from 0.")
    return output


def _parts(
    groups: Mapping[str, Any] | None, names: Sequence[str] | None, shape: tuple[int, ...]
) -> tuple[list[str], NDArray[np.intp]]:
    """The names of the parts of an example, and for each of its numbers, laid flat, which part it belongs to.

    Raises:
        OptionError: a number belongs to two groups or to none, or there are not as many names.
    """
    n_x = math.prod(shape)
    if groups is None:
        called = [f"x{list(place)}" for place in np.ndindex(shape)] if names is None else [str(name) for name in names]
        if len(called) != n_x:
            raise OptionError(f"there are {counted(len(called), 'name')} for {counted(n_x, 'feature')}.")
        return called, np.arange(n_x)
    if names is not None:
        raise OptionError("groups have names of their own: leave names out.")
    part = np.full(n_x, -1)
    for i, (name, places) in enumerate(groups.items()):
        try:
            own = np.arange(n_x)[places]
        except (IndexError, TypeError):
            raise OptionError(
                f"the group {shown(name)} holds {shown(places)}, but its places are numbers from 0 to {n_x - 1}."
            ) from None
        own = np.ravel(own)
        if len(own) == 0:
            raise OptionError(f"the group {shown(name)} holds no feature: leave it out.")
        if (part[own] >= 0).any():
            raise OptionError(f"feature {own[part[own] >= 0][0]} is in two groups.")
        part[own] = i
    if (part < 0).any():
        raise OptionError(f"feature {np.flatnonzero(part < 0)[0]} is in no group, so the values would not add up.")
    return [str(name) for name in groups], part
