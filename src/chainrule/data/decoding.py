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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from chainrule import extras, files
from chainrule.data.deep_pictures import (
    NOT_DEEP,
    WHOLE,
    UnfitError,
    brightest_of,
    depth_of,
    in_eight_bits,
    is_deep,
    require_shades,
)
from chainrule.data.memory import available_memory, refuse_too_large
from chainrule.errors import DataError, ModelFileError
from chainrule.progress import stage
from chainrule.threads import Pool

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST = 64
"""How many pixels the longer side of a picture has at most, where nobody asks for another size."""

TOGETHER = 32
"""How many files a thread decodes as one piece of work."""

SMALL = 2**16
"""Files of fewer bytes are read as a whole at first sight."""

KEPT_DAYS = 30
"""After how many days without use decoded pictures are removed from the cache."""

COPIES = 3
"""Bytes of memory for each number of a picture while all of them become one array."""

Size = tuple[int, int]
"""Height and width in pixels."""

MODES = {1: "L", 3: "RGB"}
"""What Pillow calls pictures of so many channels."""

T = TypeVar("T")


@dataclass(frozen=True)
class Decoded:
    """Decoded pictures of one size.

    Attributes:
        X: (m, height, width, channels) of uint8, of the files that are not broken.
        crc: (m,) a number for the content of each of their files.
        brightest: (m,) the largest value in each of them that has 16 bits, `NOT_DEEP` of the others.
        bits: how many bits the values of those of 16 bits use.
        broken: what is wrong with the others, by their place among the files.
        lasting: whether all failures are the files' own, so that decoding them again would fail again.
    """

    X: NDArray[np.uint8]
    crc: NDArray[np.uint32]
    brightest: NDArray[np.int32]
    bits: int
    broken: dict[int, str] = field(default_factory=dict)
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class Pixels:
    """A decoded picture (height, width, channels), a number for the content of its file, and its largest value, if it
    has 16 bits."""

    values: NDArray[np.uint8]
    crc: int
    brightest: int


@dataclass(frozen=True, slots=True)
class Look:
    """What a file shows at first sight.

    Attributes:
        size: of the picture. coloured: whether it may have colours.
        pixels: of a small picture, which is decoded at once.
        brightest: its largest value, if it has 16 bits and nobody knows yet how many of them are used.
    """

    size: Size
    coloured: bool
    pixels: Pixels | None
    brightest: int = NOT_DEEP


@dataclass(frozen=True)
class Failure:
    """Why a file cannot be read, to be said after its name; and whether that is the file's own fault."""

    why: str
    lasting: bool


USUAL = frozenset((".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".avif"))
"""What the names of pictures end in, for a sentence on what is missing."""


@functools.cache
def suffixes() -> frozenset[str]:
    """What the names of files end in that Pillow can read: ".png", ".jpg", …; those of `USUAL` where it is missing."""
    if not extras.installed("PIL"):
        return USUAL
    from chainrule.extras import PIL

    PIL.Image.init()
    return frozenset(suffix for suffix, form in PIL.Image.registered_extensions().items() if form in PIL.Image.OPEN)


def is_picture(path: str | Path) -> bool:
    """Whether a file of this name would be read as a picture."""
    return os.path.splitext(path)[1].lower() in suffixes()


def decode(
    paths: Sequence[Path], size: Size | None = None, channels: int | None = None, bits: int | None = None
) -> Decoded:
    """The pictures of these files, from what was kept of them if no file has changed since.

    The first frame is taken of what has several, and white stands behind what is transparent. Pictures are turned as
    their camera says, and stretched to the size, smoothly.

    Args:
        paths: m files.
        size: height and width; None for the median of the files', at most `LONGEST` pixels.
        channels: 1 for shades of grey, 3 for colours; None for grey where no file has a colour.
        bits: how many bits are used in files of 16 bits; None for so many as the largest value among all of them takes.

    Raises:
        DataError: the pictures take more memory than there is.
    """
    kept = _kept(paths, size, channels, bits)
    if kept is not None and kept.exists():
        with contextlib.suppress(ModelFileError, KeyError, ValueError, TypeError, OSError):
            found = _read(kept)
            os.utime(kept)
            return found
    found = _decode(paths, size, channels, bits)
    if kept is not None and found.lasting:
        with contextlib.suppress(ModelFileError):  # a folder that cannot be written costs time, and nothing else
            broken = {str(i): why for i, why in found.broken.items()}
            tensors: dict[str, NDArray[Any]] = {"X": found.X, "crc": found.crc, "brightest": found.brightest}
            files.write_tensors(kept, tensors, {"broken": broken, "bits": found.bits})
            _sweep(kept.parent)
    return found


def _decode(paths: Sequence[Path], size: Size | None, channels: int | None, bits: int | None) -> Decoded:
    looks = _looks(paths, size, channels, bits)
    seen = [look for look in looks if isinstance(look, Look)]
    height, width = size = size or _common_size([look.size for look in seen])
    deep = [look.brightest for look in seen if look.brightest != NOT_DEEP]
    bits = bits or (depth_of(deep) if deep else WHOLE)
    n = channels or (3 if any(look.coloured for look in seen) else 1)
    what = "a picture" if len(paths) == 1 else f"an array of {len(paths):,} pictures"
    refuse_too_large(what, size, COPIES * len(paths) * n)
    results = [(look.pixels if look.size == size else None) if isinstance(look, Look) else look for look in looks]
    left = [i for i, result in enumerate(results) if result is None]
    rest = functools.partial(_pixels, size=size, channels=n, bits=bits)
    for i, result in zip(left, _in_threads("decoding pictures", rest, [paths[i] for i in left]), strict=True):
        results[i] = result
    good = [result for result in results if isinstance(result, Pixels)]
    X = np.empty((len(good), height, width, n), np.uint8)
    for row, picture in zip(X, good, strict=True):
        row[...] = picture.values
    if channels is None and n == 3 and (X[..., :1] == X).all():
        X = np.ascontiguousarray(X[..., :1])
    failures = {i: result for i, result in enumerate(results) if isinstance(result, Failure)}
    lasting = all(failure.lasting for failure in failures.values())
    crc = np.array([picture.crc for picture in good], np.uint32)
    brightest = np.array([picture.brightest for picture in good], np.int32)
    return Decoded(X, crc, brightest, bits, {i: failure.why for i, failure in failures.items()}, lasting)


def in_memory(images: Sequence[Image], size: Size, channels: int, bits: int) -> Decoded:
    """As `decode`, of images that are in memory.

    Raises:
        DataError: one has no shades.
    """
    if not images:
        raise DataError("there is no picture in it.")
    try:
        found = [_as_pixels(_copy(image), size, channels, bits, image.tobytes(), resized=True) for image in images]
    except UnfitError as error:
        raise DataError(f"a picture {error}.") from None
    X = np.stack([picture.values for picture in found])
    crc = np.array([picture.crc for picture in found], np.uint32)
    return Decoded(X, crc, np.array([picture.brightest for picture in found], np.int32), bits)


def _copy(image: Image) -> Image:
    """A copy that still tells how its file was written, where that has not been read yet."""
    kind, tile = image.format, list(getattr(image, "tile", ()))
    copy = image.copy()
    copy.format, copy.tile = kind, tile  # type: ignore[attr-defined]
    return copy


def _looks(
    paths: Sequence[Path], size: Size | None, channels: int | None, bits: int | None
) -> Sequence[Look | Failure | None]:
    """What each file shows at first sight; None of all where there is nothing to find out.

    As many small pictures are decoded at once as are sure to find room in memory.
    """
    if size is not None and channels is not None and bits is not None:
        return [None] * len(paths)
    memory = available_memory()
    fitting = len(paths) if memory is None else memory // (2 * 3 * LONGEST * LONGEST)
    name = "looking at pictures"
    some, more = (
        functools.partial(_look, size=size, channels=channels, bits=bits, small=small) for small in (True, False)
    )
    return _in_threads(name, some, paths[:fitting]) + _in_threads(name, more, paths[fitting:])


def _look(path: Path, size: Size | None, channels: int | None, bits: int | None, small: bool) -> Look | Failure:
    """The size of a picture and whether it may have colours, from the head of its file; or what is wrong with it.

    Args:
        size, channels, bits: as they are wanted, or None.
        small: whether a picture that seems to have the wanted size, or one of at most `LONGEST` pixels, is decoded.
    """
    try:
        content = _content(path, SMALL)
        complete = len(content) < SMALL
        with _opened(path, content if complete else None) as image:
            coloured = image.mode not in ("1", "L", "LA", "La") and not image.mode.startswith("I")
            require_shades(image)
            unknown = bits is None and is_deep(image)
            if small and complete and _may_fit(image, size) and not unknown:
                pixels = _as_pixels(image, image.size, channels or (3 if coloured else 1), bits or WHOLE, content)
                return Look(pixels.values.shape[:2], coloured, pixels)
            # Where a PNG does not begin with it, all of it would be decoded in search of it.
            looked_for = image.format != "PNG" or {"exif", "Raw profile type exif"} & image.info.keys()
            turned = bool(looked_for) and image.getexif().get(0x0112, 1) >= 5  # the camera was held upright
            found = image.size if turned else image.size[::-1]
            return Look(found, coloured, None, brightest_of(image) if unknown else NOT_DEEP)
    except Exception as error:  # a damaged file can go wrong in many ways
        return _failure(error)


def _may_fit(image: Image, size: Size | None) -> bool:
    """Whether a picture may have the wanted size, turned or not, so that it need not be decoded for it again."""
    return max(image.size) <= LONGEST if size is None else sorted(image.size) == sorted(size)


def _pixels(path: Path, size: Size, channels: int, bits: int) -> Pixels | Failure:
    """The picture in the wanted size, or what is wrong with it."""
    try:
        content = _content(path)
        with _opened(path, content) as image:
            return _as_pixels(image, size, channels, bits, content, resized=True)
    except Exception as error:  # a damaged file can go wrong in many ways
        return _failure(error)


def _opened(path: Path, content: bytes | None) -> Image:
    """The picture in a file, or in its content. Most are what their names say, so no other format need be tried."""
    from chainrule.extras import PIL

    likely = PIL.Image.registered_extensions().get(path.suffix.lower())
    if likely is not None:
        with contextlib.suppress(PIL.UnidentifiedImageError):
            return PIL.Image.open(path if content is None else io.BytesIO(content), formats=[likely])
    return PIL.Image.open(path if content is None else io.BytesIO(content))


def _content(path: Path, most: int = -1) -> bytes:
    """The bytes of a file, or its first ones."""
    with open(path, "rb", buffering=0) as file:
        return file.read(most) or b""


def _as_pixels(image: Image, size: Size, channels: int, bits: int, content: bytes, *, resized: bool = False) -> Pixels:
    """The picture in an open file, in the wanted size if it is to be `resized`."""
    from chainrule.extras import PIL

    require_shades(image)
    deep = is_deep(image)
    brightest = brightest_of(image) if deep else NOT_DEEP
    plain = _plain(image, size, channels, bits if deep else None)
    if resized and plain.size != size[::-1]:
        plain = plain.resize(size[::-1], PIL.Image.Resampling.BILINEAR, reducing_gap=3.0)
    values = np.frombuffer(plain.tobytes(), np.uint8).reshape(*plain.size[::-1], -1)
    return Pixels(values, zlib.crc32(content), brightest)


def _plain(image: Image, size: Size, channels: int, bits: int | None) -> Image:
    """The picture in 8 bits, turned as its camera says, without transparency; of a JPEG no larger than for `size`.

    Args:
        bits: how many of them are used, if it has 16; else None.
    """
    from chainrule.extras import PIL

    mode = MODES[channels]
    image.draft(mode, (2 * max(size), 2 * max(size)))
    PIL.ImageOps.exif_transpose(image, in_place=True)
    if bits is not None:
        image = in_eight_bits(image, bits)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = PIL.Image.alpha_composite(PIL.Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == mode else image.convert(mode)


def _failure(error: Exception) -> Failure:
    from chainrule.extras import PIL

    if isinstance(error, FileNotFoundError):
        return Failure("is not there", lasting=False)
    if isinstance(error, UnfitError):
        return Failure(str(error), lasting=True)
    if isinstance(error, PIL.UnidentifiedImageError):
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


def _in_threads(name: str, work: Callable[[Path], T], paths: Sequence[Path]) -> list[T]:
    """`work` of each file, in order, as the stage of this name. Pillow decodes without holding Python's lock."""
    if not paths:
        return []
    parts, results = [paths[i : i + TOGETHER] for i in range(0, len(paths), TOGETHER)], []
    with Pool() as threads, stage(name, len(paths)) as advance:
        for done in threads.map(lambda part: [work(path) for path in part], parts):
            results += done
            advance(len(done))
    return results


def cache_folder() -> Path:
    """Where decoded pictures are kept: in CHAINRULE_CACHE, or in chainrule in XDG_CACHE_HOME or ~/.cache."""
    own = os.environ.get("CHAINRULE_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(own) if own else Path(shared) / "chainrule") / "pictures"


def _kept(paths: Sequence[Path], size: Size | None, channels: int | None, bits: int | None) -> Path | None:
    """The file for these pictures as they are now, or None where one of them is not there.

    As git does it: a file whose length and times are the same has not changed. Another Pillow may see another picture.
    """
    from chainrule.extras import PIL

    key = hashlib.blake2b(f"3 {PIL.__version__} {size} {channels} {bits}".encode(), digest_size=16)
    try:
        for path in paths:
            found = os.stat(path)
            key.update(f"{os.path.abspath(path)} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}\n".encode())
        return cache_folder() / f"{key.hexdigest()}.safetensors"
    except (OSError, ValueError, RuntimeError):
        return None


def _read(path: Path) -> Decoded:
    tensors, described = files.read_tensors(path)
    broken = {int(i): why for i, why in described["broken"].items()}
    return Decoded(tensors["X"], tensors["crc"], tensors["brightest"], int(described["bits"]), broken)


def _sweep(folder: Path) -> None:
    for path in folder.glob("*.safetensors"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > KEPT_DAYS * 86400:
                path.unlink()
