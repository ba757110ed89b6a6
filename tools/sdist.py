"""Whether an sdist holds the files of the repository: `python tools/sdist.py dist/chainrule-0.1.0.tar.gz`.

What is about the repository itself stays out: the folders .ci and .github, and other names with a leading dot.
"""

import subprocess
import sys
import tarfile
from pathlib import Path

MADE = {"PKG-INFO"}
"""What the sdist has and the repository has not."""


def tracked() -> set[str]:
    """The files of the repository that belong into an sdist."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    return {name for name in done.stdout.splitlines() if not name.startswith(".")}


def held(archive: str) -> set[str]:
    """The files in an sdist, without the folder that all are in."""
    with tarfile.open(archive) as files:
        return {name.partition("/")[2] for name in files.getnames() if name.partition("/")[2]} - MADE


def main(archive: str) -> None:
    """Print how many files there are; exit status 1 where some are missing, or do not belong there."""
    wanted, there = tracked(), held(archive)
    for word, names in (("missing", wanted - there), ("too many", there - wanted)):
        if names:
            sys.exit(f"{archive}: {word}: {', '.join(sorted(names)[:10])}{' …' * (len(names) > 10)}")
    print(f"{archive} holds all {len(there)} files")


if __name__ == "__main__":
    main(sys.argv[1])
