"""How many megabytes an installation takes: `python -m benchmarks.installed core all tables`, the core and extras.

Each is installed by pip into a fresh virtual environment. What is counted are the files in its site-packages, without
those of pip and other tools that it begins with: what the wheels hold, and the bytecode that pip compiles of it.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]

MEGABYTE = 10**6


def main(names: list[str]) -> None:
    """Print a line for each, and which packages take most of the last."""
    with tempfile.TemporaryDirectory(prefix="chainrule-installed-") as folder:
        line = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(ROOT)]
        subprocess.run(line, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        print(f"{'installed':<12} {'MB':>6} {'of it bytecode':>15}")
        for name in names:
            sizes, bytecode = installed(str(wheel) + ("" if name == "core" else f"[{name}]"), Path(folder, name))
            print(f"{name:<12} {sizes.total() / MEGABYTE:6.0f} {bytecode / MEGABYTE:15.0f}", flush=True)
            largest = [f"{package} {size / MEGABYTE:.0f}" for package, size in sizes.most_common(12)]
            print(f"{'':<12} {', '.join(largest)}", flush=True)


def installed(requirement: str, folder: Path) -> tuple[Counter[str], int]:
    """The bytes of each top-level name in a fresh environment with what is required, and of all bytecode."""
    venv.create(folder, with_pip=True)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    begun = {path.name for path in packages.iterdir()}
    python = next(path for path in (folder / "bin/python", folder / "Scripts/python.exe") if path.exists())
    subprocess.run([python, "-m", "pip", "install", "--quiet", requirement], check=True)
    sizes: Counter[str] = Counter()
    bytecode = 0
    for path in packages.rglob("*"):
        top = path.relative_to(packages).parts[0]
        if top not in begun and path.is_file() and not path.is_symlink():
            sizes[top.removesuffix(".libs").removeprefix("_").partition("-")[0]] += path.stat().st_size
            bytecode += path.stat().st_size if path.suffix == ".pyc" else 0
    return sizes, bytecode


if __name__ == "__main__":
    main(sys.argv[1:] or ["core", "all"])
