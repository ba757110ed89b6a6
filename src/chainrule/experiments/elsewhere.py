"""What another process of a shared search has left in the run folder: the model of the best trial, and its measures."""

from __future__ import annotations

import contextlib
import json
import time
import zlib
from pathlib import Path
from typing import Any

from chainrule import forms
from chainrule.errors import ElsewhereError, ModelFileError
from chainrule.experiments.joint import Written
from chainrule.experiments.settings import HISTORY, METRICS, MODEL
from chainrule.layers import Network
from chainrule.layers.saved import load
from chainrule.training import History
from chainrule.training.state import Record

DELAY = 30
"""For so many seconds a network file system may hide what another machine has written."""


def checksum(folder: Path) -> int:
    """Tells the model in a run folder from others; 0 where there is none."""
    with contextlib.suppress(OSError):
        return zlib.crc32((folder / MODEL).read_bytes())
    return 0


def result_of(written: Written, folder: Path) -> tuple[Network, History, dict[str, Any]]:
    """The network, the history and the metrics that another process has written.

    Args:
        written: what it told of that. folder: as this process calls the run folder.

    Raises:
        ElsewhereError: this process does not see them.
        ModelFileError: they cannot be read.
    """
    end = time.monotonic() + (DELAY if str(folder.absolute()) == written["folder"] else 0)
    while checksum(folder) != written["model"]:
        if time.monotonic() > end:
            raise ElsewhereError(
                f"the search is over: {written['by']} has written the model of the best trial and the report into "
                f"{written['folder']}, which is not {folder} here."
            )
        time.sleep(1)
    history = forms.read(Record, _json(folder / HISTORY), str(folder / HISTORY))
    metrics = forms.read(dict[str, Any], _json(folder / METRICS), str(folder / METRICS))
    return load(folder / MODEL), History(**history), metrics


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
