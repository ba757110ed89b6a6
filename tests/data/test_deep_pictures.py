"""Pictures of 16 bits: what is white is found over all files, told, and kept for those to predict."""

import io

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.data.decoding import decode
from chainrule.data.deep_pictures import depth_of

RANDOM = np.random.default_rng(8)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))


def bars(folder, factor=1, n=24):
    """A folder of bars in grey of 0 to 227, lying and standing, each value times `factor` in 16 bits."""
    for i in range(n):
        X = RANDOM.integers(0, 60, (9, 9)).astype(np.uint16)
        X[:, i % 7 : i % 7 + 2] = 227
        place = folder / ("standing" if i % 2 else "lying")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(factor * (X if i % 2 else X.T.copy())).save(place / f"{i:02d}.png")
    return folder


@pytest.mark.parametrize(
    ("brightest", "bits"), [([], 16), ([0], 8), ([255, 3], 8), ([256], 10), ([4000], 12), ([4096], 14), ([65535], 16)]
)
def test_the_brightest_value_tells_how_many_bits_are_used(brightest, bits):
    assert (depth_of(brightest) if brightest else 16) == bits


@pytest.mark.parametrize(("factor", "white"), [(1, 255), (16, "4,095"), (257, "65,535")])
def test_what_is_white_is_found_over_all_files_and_told(tmp_path, factor, white):
    pictures = cr.read_pictures(bars(tmp_path / "bars", factor))
    assert (pictures.X.max(axis=(1, 2, 3)) == 227).all()
    assert pictures.notes == [
        f"24 pictures of 16 bits: the values end at {227 * factor:,}, so {white} is taken for white, in pictures to "
        "predict as well; --bits decides otherwise"
    ]


def test_the_option_decides_otherwise_and_tells_of_black_pictures(tmp_path):
    folder = bars(tmp_path / "bars")
    pictures = cr.read_pictures(folder, bits=16)
    assert pictures.X.max() == 0
    assert pictures.notes == [
        f"24 of the 24 pictures of 16 bits, such as {folder / 'lying' / '00.png'}, whose values end at 227, are nearly "
        "black, as 65,535 is taken for white"
    ]
    with pytest.raises(cr.OptionError, match="--bits is 9, but files of 16 bits use 8, 10, 12, 14 or 16 of them"):
        cr.read_pictures(folder, bits=9)


def test_what_is_white_travels_in_the_model_file(tmp_path):
    folder = bars(tmp_path / "bars", factor=16)
    settings = cr.Settings(epochs=1, hidden=(4,), seed=0)
    cr.Experiment(cr.read_pictures(folder), settings, tmp_path / "run").run(progress=False)
    encoding = cr.Trained.load(tmp_path / "run").encoding
    dark = Image.fromarray(np.full((9, 9), 160, np.uint16))  # by itself it would be one of 8 bits
    dark.save(tmp_path / "dark.png")
    source = encoding.read(tmp_path / "dark.png", labelled=False)
    assert (source.X == 10).all()
    assert f"{tmp_path / 'dark.png'}, whose values end at 160, is nearly black, as 4,095 is" in " ".join(source.notes)
    Image.fromarray(np.full((9, 9), 5000, np.uint16)).save(tmp_path / "light.png")
    source = encoding.read(tmp_path / "light.png", labelled=False)
    assert (source.X == 255).all()
    assert "is brighter than 4,095, which is taken for white: what lies above is cut off" in " ".join(source.notes)


def test_pictures_of_eight_bits_beside_them_are_not_told_of(tmp_path):
    folder = bars(tmp_path / "bars")
    Image.fromarray(np.full((9, 9), 3, np.uint8)).save(folder / "lying" / "eight.png")
    (note,) = cr.read_pictures(folder).notes
    assert note.startswith("24 pictures of 16 bits")


def test_a_picture_that_is_not_small_is_looked_at_too(tmp_path):
    Image.fromarray(RANDOM.integers(0, 1000, (300, 200), dtype=np.uint16)).save(tmp_path / "x.png")
    found = decode([tmp_path / "x.png"], size=(300, 200))
    assert found.bits == 10
    assert found.X.max() == 249


def with_16_bits(X):
    """A PNG of colours with 16 bits, which Pillow does not write."""
    import struct
    import zlib

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", X.shape[1], X.shape[0], 16, 2, 0, 0, 0))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in X)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("value", "shade"), [(16_000, 248), (65_000, 253)])
def test_colours_of_16_bits_are_brought_to_white(tmp_path, value, shade):
    (tmp_path / "x.png").write_bytes(with_16_bits(np.full((4, 4, 3), value)))
    assert Image.open(io.BytesIO((tmp_path / "x.png").read_bytes())).mode == "RGB"
    assert (shade == decode([tmp_path / "x.png"], channels=3).X).all()


def test_colours_whose_bits_are_lost_are_refused(tmp_path):
    (tmp_path / "x.png").write_bytes(with_16_bits(np.full((4, 4, 3), 200)))
    assert decode([tmp_path / "x.png"]).broken == {
        0: "has colours in the lowest 8 of its 16 bits, most of which are lost when it is read: save it with 8"
    }


@pytest.mark.parametrize(
    ("kind", "told"), [("F", "has floating-point numbers for pixels"), ("I", "has pixels of 32 bits")]
)
def test_whole_files_of_no_known_white_are_not_called_broken(tmp_path, kind, told):
    Image.new(kind, (4, 4)).save(tmp_path / "x.tif")
    assert decode([tmp_path / "x.tif"]).broken == {
        0: f"{told}, of which nobody says what is white: save it with 8 or 16 bits"
    }
