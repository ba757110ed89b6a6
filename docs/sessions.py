"""The sessions on the pages: what a page says to type is typed, and what it says comes out is compared.

A session is a fenced block of the language `pycon`. All sessions of a page are one run, with one set of names.
"""

from __future__ import annotations

import contextlib
import doctest
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

SESSION = re.compile(r"^```pycon\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"(?<=\]\()[\w-]+\.svg(?=\))")


class Typed(doctest.DocTestRunner):
    """A page that was typed in.

    Attributes:
        complaints: a text for each output that is not the one on the page, with the page's line number.
        page: the page, with what came out where the page only has an ellipsis (times differ on each computer).
    """

    def __init__(self, page: str, called: str, folder: Path):
        """Run the sessions of `page`, Markdown, in `folder`; pictures that the sessions save come there."""
        super().__init__(verbose=False)
        self.complaints: list[str] = []
        self._came: list[tuple[int, int, str]] = []
        with contextlib.chdir(folder):
            test = doctest.DocTestParser().get_doctest(_only_sessions(page), {}, called, called, 0)
            self.run(test, out=lambda text: None)
        self.page = _with_outputs(page, self._came)

    def report_success(self, out: Callable[[str], object], test: doctest.DocTest, example: doctest.Example, got: str):
        if example.options.get(doctest.ELLIPSIS):
            first = example.lineno + example.source.count("\n")
            self._came.append((first, first + example.want.count("\n"), got))

    def report_failure(self, out: Callable[[str], object], test: doctest.DocTest, example: doctest.Example, got: str):
        self.complaints.append(
            f"{test.filename}, line {example.lineno + 1}: {example.source.strip()}\n"
            f"the page says\n{example.want}but it printed\n{got}"
        )

    def report_unexpected_exception(self, out, test, example, exc_info):
        self.report_failure(out, test, example, f"{exc_info[0].__name__}: {exc_info[1]}\n")


def typed(page: str, called: str, folder: Path) -> tuple[list[str], str]:
    """The complaints and the page of `Typed`, whose pictures come to `folder`, which is empty.

    Where the environment variable CHAINRULE_TYPED names a folder, what came out is kept there, and a page is typed in
    once: `.ci/run` sets it, as its tests and its build read the same pages by the same code.
    """
    keep = os.environ.get("CHAINRULE_TYPED")
    kept = Path(keep or "", hashlib.sha256(page.encode()).hexdigest())
    if keep and (kept / "page.json").exists():
        shutil.copytree(kept / "pictures", folder, dirs_exist_ok=True)
        return [], json.loads((kept / "page.json").read_text(encoding="utf-8"))
    made = Typed(page, called, folder)
    if keep and not made.complaints:
        shutil.copytree(folder, kept / "pictures", dirs_exist_ok=True)
        (kept / "page.json").write_text(json.dumps(made.page), encoding="utf-8")
    return made.complaints, made.page


def _with_outputs(page: str, came: list[tuple[int, int, str]]) -> str:
    """The page with other outputs, each instead of the lines from the first number up to the second."""
    lines = page.split("\n")
    for first, last, got in reversed(came):
        lines[first:last] = got.removesuffix("\n").split("\n")
    return "\n".join(lines)


def _only_sessions(page: str) -> str:
    """The page's sessions; every other line is empty, so that line numbers stay those of the page."""
    kept = [""] * (page.count("\n") + 1)
    for block in SESSION.finditer(page):
        first = page.count("\n", 0, block.start(1))
        lines = block[1].splitlines()
        kept[first : first + len(lines)] = lines
    return "\n".join(kept) + "\n"
