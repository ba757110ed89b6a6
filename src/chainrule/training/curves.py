"""The learning curves of a history as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.charts import TRAINING, VALIDATION, Chart, Line, Mark, Panel, Rule

Records = list[dict[str, Any]]
"""One dict for each epoch, as `History.epochs` has them."""

BY_HEART = "Where the training cost falls on and that of the validation part does not, the network learns by heart."


def curves(epochs: Records, best_epoch: int | None, others: Sequence[Records] = ()) -> Chart:
    """One panel for the cost and one for each metric, training and validation in each.

    Args:
        others: of networks that answer together those of the others, which are drawn thin.
    """
    recorded = epochs[0] if epochs else {}
    known = ("epoch", "loss", "penalty", "seconds")
    names = ["loss"] + [n for n in recorded if n not in known and not n.startswith("val_")]
    return Chart("learning curves", [_panel(epochs, best_epoch, name, others) for name in names], width=500)


def _panel(epochs: Records, best_epoch: int | None, name: str, others: Sequence[Records]) -> Panel:
    penalized = name == "loss" and any("penalty" in record for record in epochs)
    counted = [record["epoch"] + 1 for record in epochs]  # as the progress counts them
    title = ("cost J" + " without penalty" * penalized) if name == "loss" else name.replace("_", " ")
    keys = ((name, TRAINING, "training"), (f"val_{name}", VALIDATION, "validation"))
    marks: list[Mark] = [
        Line([record["epoch"] + 1 for record in one], _values(one, key), colour, thin=True)
        for one in others
        for key, colour, _ in keys
        if one and key in one[0]
    ]
    marks += [
        Line(counted, _values(epochs, key), colour, label) for key, colour, label in keys if epochs and key in epochs[0]
    ]
    if best_epoch is not None:
        marks.append(Rule(best_epoch + 1, "best epoch"))
    watched = name == "loss" and any(mark.label == "validation" for mark in marks)
    return Panel(title, "epoch", "", marks, whole=True, caption=BY_HEART if watched else f"The {title} of each epoch.")


def _values(epochs: Records, key: str) -> list[float]:
    """The values of a curve; of the training cost without the penalty, which validation does not have."""
    return [record[key] - (record.get("penalty", 0.0) if key == "loss" else 0.0) for record in epochs]
