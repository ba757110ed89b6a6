"""The tables of the papers' pages, from what `chainrule paper all --out docs/papers` has measured and kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

from chainrule.papers.overview import table_of

PLACE = re.compile(r"^<!-- table of (\w+) -->$", re.MULTILINE)


def filled_in(page: str, kept: Path) -> str:
    """The page with a paper's table in place of each <!-- table of NAME -->."""
    if not PLACE.search(page):
        return page
    records = json.loads(kept.read_text(encoding="utf-8"))
    return PLACE.sub(lambda place: table_of(records[place[1]]), page)
