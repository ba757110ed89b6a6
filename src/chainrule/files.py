"""Files that are either written whole or not at all, and tensor files that cannot do harm when read.

Tensors travel in the safetensors format with one JSON text in its metadata: no pickle, no code. A checksum in that text
tells a file whose bits have changed.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import io
import json
import math
import os
import threading
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from chainrule import forms
from chainrule.errors import ChainruleError, ModelFileError, OptionError, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Tensors = dict[str, NDArray[Any]]

FORMAT = 1
"""The version of a model file's description; a reader refuses a newer one."""

DEEPEST = 200
"""How deep a description may be nested."""


class Header(TypedDict):
    """What a safetensors file begins with, beside the places of its tensors."""

    __metadata__: NotRequired[dict[str, str] | None]


def write_atomically(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write a file so that at every moment, even if power fails, either the old or the new content is there whole.

    Raises:
        ModelFileError: the folder cannot be made or written, or the disk is full; the old file is as it was.
    """
    write_pieces(path, [content.encode() if isinstance(content, str) else content])


def write_pieces(path: str | os.PathLike[str], pieces: Iterable[bytes]) -> None:
    """As `write_atomically`, of content that need not be in memory at once.

    Raises:
        ModelFileError: see `write_atomically`.
    """
    # What a link points to is written, and the link stays.
    path = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        _write_through(path, pieces)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        make_folder(path.parent)
        _sweep(path)
        try:
            with open(temporary, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except ChainruleError:  # of whoever makes the pieces
        raise
    except (OSError, ValueError) as error:
        kept = " The file that was there is unchanged." if _exists(path) else ""
        raise ModelFileError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}.{kept}") from error
    try:
        sync_folder(path.parent)
    except OSError as error:
        raise ModelFileError(f"{path} is written, but the disk may lose it: {error.strerror}.") from error


def _write_through(path: Path, pieces: Iterable[bytes]) -> None:
    """Write to a device or a pipe, in whose place no file may come."""
    try:
        with open(path, "wb") as file:
            for piece in pieces:
                file.write(piece)
    except OSError as error:
        raise ModelFileError(f"cannot write to {path}: {error.strerror or error}.") from error


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it lies in, so that they survive a power failure with what is in them.

    Raises:
        OSError: it cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        sync_folder(one.parent)


def write_figure(path: str | os.PathLike[str], figure: Figure, **options: Any) -> None:
    """Write a figure of matplotlib, atomically, and with the same bits each time.

    Args:
        path: its ending names the format; without one it is SVG.
        options: such as dpi.

    Raises:
        ModelFileError: see `write_atomically`.
    """
    from chainrule.extras import matplotlib

    kind = Path(path).suffix.lstrip(".") or "svg"
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "chainrule"}):
        figure.savefig(buffer, format=kind, metadata=undated, **options)
    write_atomically(path, buffer.getvalue())


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
    if os.path.isdir(path):
        held = ", ".join(sorted(file.name for file in Path(path).glob("*.safetensors")))
        raise ModelFileError(f"{path} is a folder, not a model file: it holds {held or 'none'}.")
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise ModelFileError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}.") from None
    return unpack(data, str(path))


def pack(tensors: Tensors, metadata: dict[str, Any]) -> bytes:
    """The bytes of a tensor file.

    Raises:
        OptionError: the metadata are not plain JSON, or nested too deep.
    """
    from safetensors.numpy import save

    try:
        description = json.loads(json.dumps(metadata))
    except (TypeError, ValueError, RecursionError) as error:
        raise OptionError(f"the metadata of a file must be plain JSON: {error}.") from None
    if _depth(description) > DEEPEST:
        raise OptionError(f"the metadata of a file must be plain JSON, not nested {DEEPEST} deep.")
    # Not np.ascontiguousarray, which makes an array of one axis of a single number.
    little = {name: np.asarray(tensor, tensor.dtype.newbyteorder("<"), order="C") for name, tensor in tensors.items()}
    described = json.dumps(description | {"crc32": _checksum(little, description)})
    packed: bytes = save(little, metadata={"chainrule": described})
    return packed


def unpack(data: bytes, called: str) -> tuple[Tensors, dict[str, Any]]:
    """The tensors and the JSON in the bytes of a tensor file; `called` names the file in errors.

    Raises:
        ModelFileError: see `read_tensors`.
    """
    from safetensors.numpy import load

    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except Exception as error:  # the library raises nothing more special
        raise ModelFileError(f"{called} is damaged or no model file: {_what_is_wrong(data, error)}.") from None
    metadata = forms.read(Header, header, called).get("__metadata__") or {}
    if "chainrule" not in metadata:
        raise ModelFileError(f"{called} is a safetensors file, but not one that chainrule wrote.")
    try:
        description = json.loads(metadata["chainrule"])
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{called} is damaged: its description is no JSON ({error}).") from None
    if not isinstance(description, dict):
        raise ModelFileError(f"{called} is damaged: its description is no JSON object.")
    if _depth(description) > DEEPEST:
        raise ModelFileError(f"{called} is damaged: its description is nested more than {DEEPEST} deep.")
    if "crc32" in description and description.pop("crc32") != _checksum(tensors, description):
        raise ModelFileError(f"{called} is damaged: its content is not what was written. Take another copy of it.")
    return tensors, description


def _what_is_wrong(data: bytes, error: Exception) -> str:
    """Why these bytes are no safetensors file, for who does not know the format."""
    if not data:
        return "it is empty"
    length = int.from_bytes(data[:8], "little")
    if len(data) >= 8 + length:
        with contextlib.suppress(ValueError, TypeError, AttributeError, LookupError, RecursionError):
            header = json.loads(data[8 : 8 + length])
            ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
            if len(data) < (whole := 8 + length + max(ends, default=0)):
                return f"it ends after {len(data):,} of {whole:,} bytes"
        return shortened(str(error).removeprefix("Error while deserializing: "))
    with contextlib.suppress(UnicodeDecodeError):
        if data[:1000].decode().isprintable() or b"\n" in data[:1000]:
            return "it is a text. The model file that chainrule writes ends in .safetensors"
    return "it does not begin as one does"


def _depth(value: Any) -> int:
    """How deep JSON is nested, as far as it matters. No recursion, which ends at some depth itself."""
    depth, layer = 0, [value]
    while layer and depth <= DEEPEST:
        held = [part for part in layer if isinstance(part, dict | list)]
        layer = [part for whole in held for part in (whole.values() if isinstance(whole, dict) else whole)]
        depth += bool(held)
    return depth


def _checksum(tensors: Tensors, description: dict[str, Any]) -> int:
    """The CRC-32 of all that a tensor file tells: one changed byte gives another."""
    crc = zlib.crc32(json.dumps(description).encode())
    for name, tensor in sorted(tensors.items()):
        crc = zlib.crc32(f"{name} {tensor.dtype.name} {tensor.shape}".encode(), crc)
        crc = zlib.crc32(tensor.data, crc)
    return crc


def _sweep(path: Path) -> None:
    """Remove what writers of this file left behind when they were killed, more than ten minutes ago."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > 600:
                left.unlink()


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no system takes
        return False


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder survive a power failure, where the system can.

    Raises:
        OSError: the disk reports an error.
    """
    if os.name != "posix":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder that may be written and not be read
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EROFS):  # as file systems refuse it
            raise
    finally:
        os.close(handle)


def to_json(value: Any) -> str:
    """`value` as JSON text; NaN and infinity, which JSON does not know, become null."""
    return json.dumps(_finite(value), indent=1)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def first_free(path: Path, suffix: str = "") -> Path:
    """The path, or the first of path-2, path-3, …, each before the suffix, that does not exist."""
    free, k = path, 1
    while free.exists():
        k += 1
        free = path.with_name(f"{path.name.removesuffix(suffix)}-{k}{suffix}")
    return free
