"""What the figures belong to: the machine, the versions, the date."""

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from chainrule.engines.native import described

PACKAGES = ("chainrule", "torch", "jax", "jaxlib", "scikit-learn", "numpy", "scipy")


def machine(cores: int) -> dict[str, str]:
    """What to print beside the figures, by what it is."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    facts = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "processor": f"{processor()}, {cores} cores",
        "memory": _memory(),
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "native engine": described(),
        "NumPy's BLAS": f"{blas['name']} {blas['version']}",
        "C++ compiler": _compiler(),
        "versions": ", ".join(f"{package} {_version(package)}" for package in PACKAGES),
    }
    if hasattr(os, "getloadavg"):
        facts["load before"] = f"{os.getloadavg()[0]:.2f} processes"
    return facts


def processor() -> str:
    """What this machine calls it."""
    with open("/proc/cpuinfo") if Path("/proc/cpuinfo").exists() else open(os.devnull) as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory() -> str:
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", ()):
        return "unknown"
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"


def _compiler() -> str:
    """What torch.compile finds."""
    found = shutil.which("c++")
    if found is None:
        return "none"
    return subprocess.run([found, "--version"], capture_output=True, text=True).stdout.partition("\n")[0]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
