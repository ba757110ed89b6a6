"""Pictures as the world has them: of every format and mode, cut short, damaged, far too large, with the wrong name."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FORMATS = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif", "WEBP": ".webp"}

MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "GIF": ("1", "L", "P", "RGB"),
    "BMP": ("1", "L", "P", "RGB"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr", "LAB"),
    "WEBP": ("L", "RGB", "RGBA"),
}
"""What each format can hold."""

File = tuple[str, bytes]
"""A name, seen from the folder, and what it holds."""


@dataclass(frozen=True)
class Made:
    """A folder of pictures by class, files to predict, and what is asked for."""

    files: list[File]
    others: list[File]
    broken: str
    size: int | None
    channels: int | None


def picture(dice: random.Random) -> tuple[str, bytes]:
    """The end of a name, and the bytes of a picture that is whole."""
    from PIL import Image

    kind = dice.choice(list(FORMATS))
    mode = dice.choice(MODES[kind])
    width, height = dice.choice([(8, 8), (16, 12), (1, 1), (1, 40), (64, 3), (120, 90)])
    pixels = np.frombuffer(dice.randbytes(width * height * 3), np.uint8).reshape(height, width, 3)
    if mode in ("I;16", "I", "F"):
        wide = (pixels[..., 0].astype(np.uint32) << 8) | pixels[..., 1]
        types = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
        image = Image.fromarray(wide.astype(types[mode]))
    else:
        image = Image.fromarray(pixels).convert("RGB").convert(mode)
    written = io.BytesIO()
    options: dict[str, object] = {}
    if kind in ("JPEG", "PNG", "TIFF", "WEBP") and dice.random() < 0.3:
        exif = Image.Exif()
        exif[0x0112] = dice.choice([1, 2, 3, 4, 5, 6, 7, 8, 0, 99])
        options["exif"] = exif
    if kind in ("GIF", "TIFF", "WEBP", "PNG") and dice.random() < 0.2:
        options |= {"save_all": True, "append_images": [image.copy() for _ in range(3)]}
    if kind == "PNG" and mode in ("P", "L", "RGB") and dice.random() < 0.2:
        options["transparency"] = {"P": 0, "L": 7, "RGB": (1, 2, 3)}[mode]
    image.save(written, kind, **options)
    return FORMATS[kind], written.getvalue()


def png(width: int, height: int, data: bytes, *, kind: int = 0, depth: int = 8, more: bytes = b"") -> bytes:
    """A PNG that says that it has this size, whatever it holds."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    )


def bomb(dice: random.Random) -> tuple[str, bytes]:
    """A small file that says that it is large, is large, or has no size at all."""
    kind = dice.randrange(7)
    if kind == 0:
        return ".png", png(dice.choice([20_000, 2**31 - 1, 65_535]), 20_000, b"\0" * 100)
    if kind == 1:  # as large as Pillow lets pass with a warning, and black
        return ".png", png(12_000, 12_000, b"\0" * (12_001 * 1500), depth=1)
    if kind == 2:
        return ".png", png(dice.choice([0, 5]), 0, b"")
    if kind == 3:  # a text that is unpacked
        text = b"a\0\0" + zlib.compress(b" " * 50_000_000)
        return ".png", png(
            4,
            4,
            b"\0" * 20,
            more=struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text)),
        )
    if kind == 4:
        return ".gif", b"GIF89a" + struct.pack(
            "<HHBBB", 65535, 65535, 0, 0, 0
        ) + b",\0\0\0\0\xff\xff\xff\xff\0\x08\x01\0;"
    if kind == 5:
        return ".bmp", b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack(
            "<IiiHHIIiiII", 40, 40_000, -40_000, 1, 24, 0, 0, 0, 0, 0, 0
        )
    side = dice.choice([100_000, 30_000])
    entries = [
        (256, 4, side),
        (257, 4, side),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (279, 4, 10),
    ]
    fields = b"".join(struct.pack("<HHII", tag, form, 1, value) for tag, form, value in entries)
    return ".tif", b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + fields + b"\0\0\0\0"


def damaged(data: bytes, dice: random.Random) -> bytes:
    """A file cut short, or with other bytes."""
    kind = dice.random()
    if kind < 0.4:
        return data[: dice.randrange(len(data))]
    if kind < 0.5:
        return dice.randbytes(dice.choice([0, 1, 100, 3000]))
    other = bytearray(data)
    for _ in range(dice.choice([1, 3, 30])):
        other[dice.randrange(len(other) if dice.random() < 0.4 else min(len(other), 80))] = dice.randrange(256)
    return bytes(other) + dice.choice([b"", b"", dice.randbytes(50)])


def one(dice: random.Random, harm: float) -> tuple[str, bytes]:
    """A picture; `harm` says how likely it is a bad one."""
    suffix, data = picture(dice)
    if dice.random() > harm:
        return suffix, data
    kind = dice.random()
    if kind < 0.6:
        return suffix, damaged(data, dice)
    if kind < 0.8:
        return bomb(dice)
    return dice.choice([*FORMATS.values(), ".JPEG", ".ico", ".ppm", ".eps", ".svg", ".jp2", ".txt", ""]), data


def pictures(seed: int) -> Iterator[Made]:
    """Folders of pictures without end."""
    dice = random.Random(seed)
    while True:
        harm = dice.choice([0.0, 0.1, 0.5, 1.0])
        files = []
        for label in ("cats", "dogs", "bücher")[: dice.choice([2, 2, 2, 3])]:
            for i in range(dice.choice([5, 6, 8])):
                suffix, data = one(dice, harm)
                files.append((f"{label}/{i}{suffix}", data))
        others = [(f"{i}{suffix}", data) for i in range(3) for suffix, data in [one(dice, 0.4)]]
        size, channels = dice.choice([None, None, 8, 16]), dice.choice([None, None, 1, 3])
        yield Made(files, others, dice.choice(["refuse", "skip", "skip"]), size, channels)


def try_picture(made: Made, folder: Path) -> str:
    """Read them, train for an epoch, predict others; "refused" where one of that is told in a sentence."""
    import os

    import chainrule as cr

    os.environ["CHAINRULE_CACHE"] = str(folder / "cache")
    for place, files in (("pictures", made.files), ("others", made.others)):
        for name, data in files:
            path = folder / place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    try:
        found = cr.read_pictures(folder / "pictures", size=made.size, channels=made.channels, broken=made.broken)
        settings = cr.Settings(epochs=1, hidden=(4,), seed=0, checkpoint_minutes=60, engine="numpy", threads=1)
        experiment = cr.Experiment(found, settings, folder / "run")
        experiment.fit(progress=False)
    except cr.ChainruleError as error:
        check_sentence(error)
        return "refused"
    for path in sorted((folder / "others").iterdir()):
        try:
            read = experiment.encoding.read(path, labelled=False)
            experiment.encoding.X(read)
        except cr.ChainruleError as error:
            check_sentence(error)
    return "ok"


def check_sentence(error: Exception) -> None:
    from .tables import check_sentence as check

    check(error)
