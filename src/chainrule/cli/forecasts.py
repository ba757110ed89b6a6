"""What `chainrule train` says of forecasts: how good they are beside simple ones, in each series, and what they are
made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from chainrule.data.series import Windows

SIMPLE = ("linear", "mean", "seasonal", "baseline")

MOST = 20
"""Of so many series at most a row is shown."""


def series_table(of_each: dict[str, dict[str, float]], group: str) -> Table:
    """A row for each series: how many windows of it were tested, and the mean absolute error of each forecast."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    first = next(iter(of_each.values()))
    table.add_column(group)
    for name in first:
        table.add_column({"test": "test mae", "windows": "windows"}.get(name, name), justify="right")
    for name, values in [*of_each.items()][:MOST]:
        table.add_row(name, *(f"{value:,}" if key == "windows" else f"{value:.4g}" for key, value in values.items()))
    return table


def made_of(encoding: Windows, judged: bool) -> str:
    """How much of the network there is in the forecasts.

    Args:
        judged: whether that was found where the network was held out.
    """
    if not judged:
        return "all of what the network adds is taken, as --validation 0 leaves nothing to judge it by"
    if encoding.share == 0:
        return "the network adds nothing that held where it was held out: forecasts are what they are built upon"
    return f"{encoding.share:.0%} of what the network adds is taken, as fits best where it was held out"


def sentences_on_forecasts(measured: dict[str, Any], encoding: Windows, judged: bool) -> list[str]:
    """What forecasts are made of, how wide their bands are, and whether simple ones are better."""
    bands = quantile_words(measured.get("quantiles", {}))
    return [made_of(encoding, judged), *bands, *filter(None, [worse_than(measured)])]


def worse_than(measured: dict[str, Any]) -> str:
    """That forecasts are worse than simple ones, by the mean absolute error, or nothing."""
    own = measured["test"]["mae"]
    better = {name: measured[name]["mae"] for name in SIMPLE if name in measured and measured[name]["mae"] < own}
    if not better:
        return ""
    named = " and ".join(f"{name} ({error:.4g})" for name, error in better.items())
    return (
        f"the forecast is worse than {named} by mae, {own:.4g}, though it was not where it was chosen: more rows, or "
        "another --window or --season, may help, and the simple forecast costs nothing"
    )


def quantile_words(quantiles: dict[str, Any]) -> list[str]:
    """How much of what came lay below each quantile, and between the outer ones; nothing where there are none."""
    if not quantiles:
        return []
    parts = [f"{share:.1%} lay below the quantile {q}" for q, share in quantiles["below"].items()]
    found = [f"of what came, {', '.join(parts)}"]
    if "between" in quantiles:
        low, high = quantiles["between"]["of"]
        due, share = high - low, quantiles["between"]["share"]
        found.append(f"between {low:g} and {high:g} lay {share:.1%}, and {due:.0%} should")
    return found
