"""How good forecasts are by default, beside the four simple ones that a run compares them with.

    python -m benchmarks.series              # the table, which docs/series.md has
    python -m benchmarks.series --seeds 3    # the mean over several seeds

Mean absolute errors over all steps ahead, on the last fifth of each series. CHAINRULE_DATA names the folder with them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SIMPLE = ("linear", "mean", "seasonal", "baseline")


@dataclass(frozen=True)
class Case:
    """A series and how far ahead it is forecast."""

    name: str
    file: str
    time: str
    target: str
    horizon: int


CASES = (
    Case("AirPassengers", "series_air.csv", "month", "passengers", 12),
    Case("CO2, weekly", "series_co2.csv", "week", "co2", 13),
    Case("CO2, weekly", "series_co2.csv", "week", "co2", 52),
    Case("sunspots, yearly", "series_sunspots.csv", "YEAR", "SUNACTIVITY", 5),
    Case("El Niño, monthly", "series_elnino.csv", "month", "value", 12),
    Case("weather, daily", "series_weather.csv", "date", "temp_max", 7),
)


def row(case: Case, folder: Path, seeds: int) -> str:
    """A line of the table, as Markdown."""
    import chainrule as cr

    found: dict[str, list[float]] = {}
    began = time.perf_counter()
    for seed in range(seeds):
        series = cr.read_series(str(folder / case.file), case.target, case.time, horizon=case.horizon)
        with tempfile.TemporaryDirectory() as run:
            metrics = cr.Experiment(series, cr.Settings(seed=seed), run).run(progress=False).metrics
        for name in ("test", *SIMPLE):
            found.setdefault(name, []).append(metrics[name]["mae"] if name in metrics else np.nan)
    seconds = (time.perf_counter() - began) / seeds
    mae = {name: float(np.mean(values)) for name, values in found.items()}
    least = min(value for name, value in mae.items() if name != "test" and np.isfinite(value))
    own = f"{mae['test']:.4g}"
    best = f"**{own}**" if mae["test"] < least else own
    others = " | ".join("" if np.isnan(mae[name]) else f"{mae[name]:.4g}" for name in SIMPLE)
    verdict = f"better by {1 - mae['test'] / least:.1%}" if mae["test"] < least else "worse, and says so"
    return f"| {case.name} | {case.horizon} | {best} | {others} | {verdict} | {seconds:.1f} s |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    folder = Path(os.environ.get("CHAINRULE_DATA", "../shared/data"))
    print("| series | steps ahead | chainrule | linear | mean | season ago | last value | | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        if (folder / case.file).exists():
            print(row(case, folder, asked.seeds), flush=True)


if __name__ == "__main__":
    main()
