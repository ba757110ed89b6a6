"""The learning curves of a history as a picture."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from chainrule import files

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINING, VALIDATION, MARK = "#1f6f8b", "#d1603d", "#8a8a8a"

Records = list[dict[str, Any]]
"""One dict for each epoch, as `History.epochs` has them."""


def draw(epochs: Records, best_epoch: int | None, path: str | os.PathLike[str] | None = None) -> Figure:
    """One panel for the cost and one for each metric, training and validation in each."""
    from matplotlib.figure import Figure

    recorded = epochs[0] if epochs else {}
    others = ("epoch", "loss", "penalty", "seconds")
    names = ["loss"] + [n for n in recorded if n not in others and not n.startswith("val_")]
    figure = Figure(figsize=(5.2 * len(names), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        _panel(axes, epochs, best_epoch, name)
    if path is not None:
        files.write_figure(path, figure, dpi=150)
    return figure


def _panel(axes: Axes, epochs: Records, best_epoch: int | None, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    penalized = name == "loss" and any("penalty" in record for record in epochs)
    counted = [record["epoch"] + 1 for record in epochs]  # as the progress counts them
    title = ("cost J" + " without penalty" * penalized) if name == "loss" else name.replace("_", " ")
    for key, colour, label in ((name, TRAINING, "training"), (f"val_{name}", VALIDATION, "validation")):
        if epochs and key in epochs[0]:
            marker = "o" if len(epochs) == 1 else None
            axes.plot(counted, _values(epochs, key), color=colour, label=label, linewidth=1.8, marker=marker)
    if best_epoch is not None:
        axes.axvline(best_epoch + 1, color=MARK, linewidth=1, linestyle="--", label="best epoch")
    axes.set_title(title, fontsize=11)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9)


def _values(epochs: Records, key: str) -> list[float]:
    """The values of a curve; of the training cost without the penalty, which validation does not have."""
    return [record[key] - (record.get("penalty", 0.0) if key == "loss" else 0.0) for record in epochs]
