"""Whether a tag is of the library's version, and the changelog tells of it: `python tools/version.py v0.1.0`."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parents[1]


def main(tag: str) -> None:
    """Exit status 1 where the tag is another, or `CHANGELOG.md` does not begin with it."""
    found = re.search(r'^__version__ = "(.*)"$', (HERE / "src/chainrule/__init__.py").read_text(), re.MULTILINE)
    assert found, "src/chainrule/__init__.py says no version"
    if tag != f"v{found[1]}":
        sys.exit(f"the tag is {tag}, and the library's version {found[1]}")
    first = re.search(r"^## (\d\S*) – \d{4}-\d\d-\d\d$", (HERE / "CHANGELOG.md").read_text(), re.MULTILINE)
    if first is None or first[1] != found[1]:
        sys.exit(f"the first version in CHANGELOG.md, with its day, is not {found[1]}")
    print(f"{tag} is the version of the library, and the changelog tells of it")


if __name__ == "__main__":
    main(sys.argv[1])
