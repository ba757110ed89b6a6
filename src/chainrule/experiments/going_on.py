"""How the run in a folder goes on that was cut, as all say it who meet such a folder."""

from __future__ import annotations

from pathlib import Path

from chainrule.experiments.settings import BEGINNING, CHECKPOINT, JOURNAL, MODEL


def way_on(folder: Path, command: str = "the same command", join: bool = False) -> str | None:
    """What to give, such as "the same command, --out runs/iris and --resume"; None where nothing can go on.

    Args:
        command: what to call the command that began the run. join: whether a search is shared there, or about to be.
    """
    if join or (folder / JOURNAL).exists():
        return f"{command} and --out {folder}"
    of_members = any(folder.glob("checkpoint-*.safetensors"))
    if (folder / CHECKPOINT).exists() or of_members:
        return f"{command}, --out {folder} and --resume"
    if (folder / BEGINNING).exists() and not (folder / MODEL).exists():
        return f"{command}, --out {folder} and --resume"
    return None
