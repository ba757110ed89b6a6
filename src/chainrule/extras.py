"""The packages that are not installed with chainrule itself: each is loaded on use, or asked for in a sentence.

`from chainrule.extras import polars as pl` inside a function is `import polars as pl`, where polars is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from chainrule.errors import MissingPackageError

if TYPE_CHECKING:
    import contourpy as contourpy
    import fastexcel as fastexcel
    import jax as jax
    import matplotlib as matplotlib
    import optuna as optuna
    import PIL as PIL
    import polars as polars
    import scipy as scipy
    import sklearn as sklearn
    import tokenizers as tokenizers

    latex2mathml: Any  # it does not say that it has the part `converter`


@dataclass(frozen=True)
class Package:
    """A package of one of the extras in pyproject.toml.

    Attributes:
        extra: what it is installed with. use: what needs it, as the beginning of a sentence.
        parts: the modules of it that are loaded with it.
    """

    extra: str
    use: str
    parts: tuple[str, ...] = ()


PACKAGES = {
    "polars": Package("tables", "a table, or the words of texts, needs polars"),
    "scipy": Package("solvers", "a drawing, L-BFGS, or a linear model of words, needs SciPy", ("sparse.linalg",)),
    "matplotlib": Package("plots", "a figure that is no SVG needs matplotlib", ("figure",)),
    "PIL": Package("pictures", "a picture needs Pillow", ("Image", "ImageOps")),
    "latex2mathml": Package("documents", "a derivation as HTML needs latex2mathml", ("converter",)),
    "sklearn": Package(
        "estimators", "an estimator, bins by a tree, or a data set that scikit-learn bundles, needs scikit-learn"
    ),
    "tokenizers": Package(
        "text", "a vocabulary of sub-words needs tokenizers", ("decoders", "models", "pre_tokenizers", "trainers")
    ),
    "fastexcel": Package("excel", "a workbook needs fastexcel"),
    "jax": Package("jax", "the jax engine needs JAX"),
    "optuna": Package("search", "a search needs Optuna"),
    "marimo": Package("live", "the playground needs marimo"),
    "contourpy": Package("live", "a boundary that moves needs contourpy"),
}
"""By the name that is imported."""


def __getattr__(name: str) -> ModuleType:
    """The package, loaded.

    Raises:
        MissingPackageError: it is not installed.
    """
    if name not in PACKAGES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    require(name)
    for part in PACKAGES[name].parts:
        import_module(f"{name}.{part}")
    return import_module(name)


def installed(name: str) -> bool:
    """Whether a package is there, which is not loaded for that."""
    return find_spec(name) is not None


def require(name: str) -> None:
    """Go on where a package is installed; it is not loaded.

    Raises:
        MissingPackageError: it is not installed.
    """
    if not installed(name):
        raise MissingPackageError(f"{PACKAGES[name].use}, which is {missing(name)}.")


def missing(name: str) -> str:
    """That a package is not there, and the way out."""
    return f"not installed: pip install 'chainrule[{PACKAGES[name].extra}]'"
