"""`chainrule info`."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import click


@click.command("info")
def command() -> None:
    """Show the versions, the machine and the engines: what to put into a bug report."""
    import numpy as np

    import chainrule
    from chainrule.engines import ENGINES, jax, native
    from chainrule.extras import installed, missing

    found = native.described()
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"chainrule     {chainrule.__version__}")
    print(f"python        {platform.python_version()}  {sys.executable}")
    print(f"machine       {platform.system()} {platform.machine()}, {cores} cores")
    print(f"engines       {', '.join(ENGINES)}")
    print(f"native engine {found}")
    print(f"jax engine    {jax.described()}")
    print(f"BLAS          {blas['name']} {blas['version']}")
    for package in ("numpy", "safetensors", "click", "rich"):
        print(f"{package:<13} {version(package)}")
    for name in ("polars", "scipy", "sklearn", "matplotlib", "PIL", "optuna"):
        called = {"sklearn": "scikit-learn", "PIL": "pillow"}.get(name, name)
        print(f"{called:<13} {_version(called) if installed(name) else missing(name)}")


def _version(name: str) -> str:
    """That of a package which can be imported; another may have brought it, such as polars-lts-cpu polars."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "installed, of a version that it does not tell"
