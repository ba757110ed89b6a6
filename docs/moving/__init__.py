"""Pictures that move: the library computes every state while the pages are built, and a slider shows one of them.

A page says ```{moving} NAME```, NAME being a module of this folder with a function `film`. Nothing is computed in the
browser, and nothing is fetched; where no script runs, the last state is shown.
"""

from importlib import import_module
from pathlib import Path

from moving.film import Film

NAMES = ("perceptron", "alpha", "graph", "broadcasting", "moons", "shapes", "convolution")
"""In the order of the pages."""

SCRIPT = Path(__file__).parents[1] / "_static" / "moving.js"


def film(name: str) -> Film:
    """The film of that name."""
    made: Film = import_module(f"moving.{name}").film()
    return made
