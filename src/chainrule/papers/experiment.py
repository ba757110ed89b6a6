"""What every paper's experiment shares: seeds, sizes that are looked at, and an end that is whole or none."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import wraps
from typing import ParamSpec

from chainrule.checking import whole
from chainrule.errors import OptionError, shown
from chainrule.papers.result import Result
from chainrule.progress import stage
from chainrule.training.interrupt import all_or_nothing

P = ParamSpec("P")


class Seeds(tuple[int, ...]):
    """The seeds of a run. Whoever goes through them shows how far that is, as a stage of the work."""

    __slots__ = ()

    def __iter__(self) -> Iterator[int]:
        with stage("seeds", len(self)) as advance:
            for seed in super().__iter__():
                yield seed
                advance(1)


def as_seeds(seeds: int | Iterable[int]) -> Seeds:
    """The seeds of a run: those given, or of a number n the n seeds 0, 1, …, n − 1.

    Raises:
        OptionError: there is none, one is no whole number of 0 or more, or one is there twice.
    """
    found = Seeds(whole("seed", seed, at_least=0) for seed in _asked(seeds))
    if not found:
        raise OptionError("seeds is empty, but a paper is run with one seed or more, such as seeds=range(10).")
    if len({*found}) < len(found):
        twice = next(seed for seed in found if found.count(seed) > 1)
        raise OptionError(f"seeds has {twice} more than once, but each is run once.")
    return found


def _asked(seeds: int | Iterable[int]) -> Iterable[int]:
    if isinstance(seeds, Iterable):
        return seeds
    try:
        operator.index(seeds)
    except TypeError:
        said = f"seeds is {shown(seeds)}, but must be how many, seeds=10, or which ones, seeds=range(10)."
        raise OptionError(said) from None
    return range(whole("seeds", seeds))


def experiment(**at_least: int) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Makes a paper's `run` one that ends whole or not at all, whichever of its trainings Ctrl-C or SIGTERM meets.

    The arguments that are annotated as int, such as epochs, must be whole numbers of 1 or more.

    Args:
        at_least: another least number for an argument, by its name.
    """

    def of(run: Callable[P, Result]) -> Callable[P, Result]:
        signature, name = inspect.signature(run), run.__module__.rpartition(".")[2]
        annotated = {one.name: one.annotation for one in signature.parameters.values()}

        @wraps(run)
        def checked(*args: P.args, **kwargs: P.kwargs) -> Result:
            for one, given in signature.bind(*args, **kwargs).arguments.items():
                if annotated[one] == "int" or (annotated[one] == "int | None" and given is not None):
                    whole(one, given, at_least=at_least.get(one, 1))
            with all_or_nothing(), stage(name):
                found = run(*args, **kwargs)
                return replace(found, seeds=(*found.seeds,))  # plain ones, which show nothing any more

        return checked

    return of
