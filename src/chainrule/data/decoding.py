"""Decodes picture files into one array: by Pillow in threads, brought to one size, and cached for the next time."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from chainrule import files
from chainrule.data.memory import refuse_too_large
from chainrule.errors import ModelFileError

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST = 64
"""How many pixels the longer side of a picture has at most, where nobody asks for another size."""

TOGETHER = 32
"""How many files a thread decodes as one piece of work."""

KEPT_DAYS = 30
"""After how many days without use decoded pictures are removed from the cache."""

COPIES = 3
"""Bytes of memory for each number of a picture while all of them become one array."""

Size = tuple[int, int]
"""Height and width in pixels."""

T = TypeVar("T")


@dataclass(frozen=True)
class Decoded:
    """Decoded pictures of one size.

    Attributes:
        X: (m, height, width, channels) of uint8, of the files that are not broken.
        crc: (m,) a number for the content of each of their files.
        broken: what is wrong with the others, by their place among the files.
        lasting: whether all failures are the files' own, so that decoding them again would fail again.
    """

    X: NDArray[np.uint8]
    crc: NDArray[np.uint32]
    broken: dict[int, str] = field(default_factory=dict)
    lasting: bool = True


@dataclass(frozen=True)
class Failure:
    """Why a file cannot be read, to be said after its name; and whether that is the file's own fault."""

    why: str
    lasting: bool


@functools.cache
def suffixes() -> frozenset[str]:
    """What the names of files end in that Pillow can read: ".png", ".jpg", …"""
    from PIL import Image

    Image.init()
    return frozenset(suffix for suffix, form in Image.registered_extensions().items() if form in Image.OPEN)


def is_picture(path: Path) -> bool:
    """Whether a file of this name would be read as a picture."""
    return path.suffix.lower() in suffixes()


def decode(paths: Sequence[Path], size: Size | None = None, channels: int | None = None) -> Decoded:
    """The pictures of these files, from what was kept of them if no file has changed since.

    The first frame is taken of what has several, and white stands behind what is transparent. Pictures are turned as
    their camera says, and stretched to the size, smoothly.

    Args:
        paths: m files.
        size: height and width; None for the median of the files', at most `LONGEST` pixels.
        channels: 1 for shades of grey, 3 for colours; None for grey where no file has a colour.

    Raises:
        DataError: the pictures take more memory than there is.
    """
    kept = _kept(paths, size, channels)
    if kept is not None and kept.exists():
        with contextlib.suppress(ModelFileError, KeyError, ValueError, TypeError, OSError):
            found = _read(kept)
            os.utime(kept)
            return found
    found = _decode(paths, size, channels)
    if kept is not None and found.lasting:
        with contextlib.suppress(ModelFileError):  # a folder that cannot be written costs time, and nothing else
            broken = {str(i): why for i, why in found.broken.items()}
            files.write_tensors(kept, {"X": found.X, "crc": found.crc}, {"broken": broken})
            _sweep(kept.parent)
    return found


def _decode(paths: Sequence[Path], size: Size | None, channels: int | None) -> Decoded:
    looks = _in_threads(_look, paths) if size is None or channels is None else []
    seen = [look for look in looks if isinstance(look, tuple)]
    height, width = size = size or _common_size([shape for shape, _ in seen])
    coloured = channels == 3 if channels is not None else any(colours for _, colours in seen)
    mode = "RGB" if coloured else "L"
    what = "a picture" if len(paths) == 1 else f"an array of {len(paths):,} pictures"
    refuse_too_large(what, size, COPIES * len(paths) * len(mode))
    found = _in_threads(functools.partial(_pixels, mode=mode, size=size), paths)
    failures = {i: result for i, result in enumerate(found) if isinstance(result, Failure)}
    good = [result for result in found if not isinstance(result, Failure)]
    X = np.array([pixels for pixels, _ in good], np.uint8).reshape(len(good), height, width, 3 if coloured else 1)
    if channels is None and X.shape[-1] == 3 and (X[..., :1] == X).all():
        X = np.ascontiguousarray(X[..., :1])
    broken = {i: failure.why for i, failure in failures.items()}
    lasting = all(look.lasting for look in [*looks, *failures.values()] if isinstance(look, Failure))
    return Decoded(X, np.array([crc for _, crc in good], np.uint32), broken, lasting)


def _look(path: Path) -> tuple[Size, bool] | Failure:
    """The size of a picture and whether it may have colours, from the head of its file; or what is wrong with it."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            # Where a PNG does not begin with it, all of it would be decoded in search of it.
            looked_for = image.format != "PNG" or {"exif", "Raw profile type exif"} & image.info.keys()
            turned = bool(looked_for) and image.getexif().get(0x0112, 1) >= 5  # the camera was held upright
            width, height = image.size[::-1] if turned else image.size
            return (height, width), image.mode not in ("1", "L", "LA", "La") and not image.mode.startswith("I")
    except Exception as error:  # a damaged file can go wrong in many ways
        return _failure(error)


def _pixels(path: Path, mode: str, size: Size) -> tuple[NDArray[np.uint8], int] | Failure:
    """The picture and a number for the content of its file, or what is wrong with it."""
    from PIL import Image, ImageOps

    height, width = size
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.draft(mode, (2 * max(size), 2 * max(size)))  # a JPEG is decoded no larger than it must be
            ImageOps.exif_transpose(image, in_place=True)
            plain = _plain(image, mode)
        if plain.size != (width, height):
            plain = plain.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
        return np.asarray(plain), zlib.crc32(content)
    except Exception as error:  # a damaged file can go wrong in many ways
        return _failure(error)


def _plain(image: Image, mode: str) -> Image:
    """The picture in 8 bits, without transparency."""
    from PIL import Image

    if image.mode == "I" and image.format == "TIFF":
        raise ValueError("its pixels have 32 bits: save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)).convert(mode)
    if image.mode == "F":
        raise ValueError("its pixels are broken numbers: save it with 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == mode else image.convert(mode)


def _failure(error: Exception) -> Failure:
    from PIL import UnidentifiedImageError

    if isinstance(error, FileNotFoundError):
        return Failure("is not there", lasting=False)
    if isinstance(error, UnidentifiedImageError):
        return Failure("is no picture, or is broken from its beginning", lasting=True)
    if isinstance(error, MemoryError):
        return Failure("cannot be read: there is too little memory", lasting=False)
    if isinstance(error, OSError) and error.errno is not None:
        return Failure(f"cannot be read: {error.strerror}", lasting=False)
    return Failure(f"is broken or cut short: {str(error).strip().rstrip('.') or type(error).__name__}", lasting=True)


def _common_size(sizes: Sequence[Size]) -> Size:
    """The median, no longer than `LONGEST`."""
    if not sizes:
        return 1, 1
    height, width = np.median(np.array(sizes), axis=0)
    smaller = min(1.0, LONGEST / max(height, width))
    return max(1, round(height * smaller)), max(1, round(width * smaller))


def _in_threads(work: Callable[[Any], T], given: Sequence[Any]) -> list[T]:
    """`work` of each, in order. Pillow decodes without holding Python's lock."""
    parts = [given[i : i + TOGETHER] for i in range(0, len(given), TOGETHER)]
    with ThreadPoolExecutor() as threads:
        return [result for part in threads.map(lambda part: [work(one) for one in part], parts) for result in part]


def cache_folder() -> Path:
    """Where decoded pictures are kept: in CHAINRULE_CACHE, or in chainrule in XDG_CACHE_HOME or ~/.cache."""
    own = os.environ.get("CHAINRULE_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(own) if own else Path(shared) / "chainrule") / "pictures"


def _kept(paths: Sequence[Path], size: Size | None, channels: int | None) -> Path | None:
    """The file for these pictures as they are now, or None where one of them is not there.

    As git does it: a file whose length and times are the same has not changed. Another Pillow may see another picture.
    """
    import PIL

    key = hashlib.blake2b(f"2 {PIL.__version__} {size} {channels}".encode(), digest_size=16)
    try:
        for path in paths:
            found = os.stat(path)
            key.update(f"{os.path.abspath(path)} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}\n".encode())
        return cache_folder() / f"{key.hexdigest()}.safetensors"
    except (OSError, ValueError, RuntimeError):
        return None


def _read(path: Path) -> Decoded:
    tensors, described = files.read_tensors(path)
    return Decoded(tensors["X"], tensors["crc"], {int(i): why for i, why in described["broken"].items()})


def _sweep(folder: Path) -> None:
    for path in folder.glob("*.safetensors"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > KEPT_DAYS * 86400:
                path.unlink()
