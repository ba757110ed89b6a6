"""Files that are either written whole or not at all, and tensor files that cannot do harm when read.

Tensors travel in the safetensors format with one JSON text in its metadata: no pickle, no code.
"""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ModelFileError

Tensors = dict[str, NDArray[Any]]


def write_atomically(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write a file so that at every moment, even if power fails, either the old or the new content is there whole.

    Raises:
        ModelFileError: the folder cannot be made or written, or the disk is full; the old file is as it was.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        kept = " The file that was there is unchanged." if path.is_file() else ""
        raise ModelFileError(f"cannot write {path}: {error.strerror or error}.{kept}") from error


def write_tensors(path: str | os.PathLike[str], tensors: Tensors, metadata: dict[str, Any]) -> None:
    """Write tensors and their JSON into one safetensors file, atomically.

    Raises:
        ModelFileError: see `write_atomically`.
    """
    write_atomically(path, pack(tensors, metadata))


def read_tensors(path: str | os.PathLike[str]) -> tuple[Tensors, dict[str, Any]]:
    """The tensors and the JSON of a file that `write_tensors` wrote.

    Raises:
        ModelFileError: there is no such file, or it is cut short, damaged, or was not written by chainrule.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}.") from None
    return unpack(data, str(path))


def pack(tensors: Tensors, metadata: dict[str, Any]) -> bytes:
    """The bytes of a tensor file."""
    from safetensors.numpy import save

    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    packed: bytes = save(contiguous, metadata={"chainrule": json.dumps(metadata, ensure_ascii=False)})
    return packed


def unpack(data: bytes, called: str) -> tuple[Tensors, dict[str, Any]]:
    """The tensors and the JSON in the bytes of a tensor file; `called` names the file in errors.

    Raises:
        ModelFileError: see `read_tensors`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        header_length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + header_length]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError, RecursionError) as error:
        raise ModelFileError(f"{called} is damaged or no model file: {error}.") from None
    if "chainrule" not in metadata:
        raise ModelFileError(f"{called} is a safetensors file, but not one that chainrule wrote.")
    try:
        description = json.loads(metadata["chainrule"])
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{called} is damaged: its description is no JSON ({error}).") from None
    if not isinstance(description, dict):
        raise ModelFileError(f"{called} is damaged: its description is no JSON object.")
    return tensors, description


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself survive a power failure, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    """The permissions that this process takes away from new files."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
