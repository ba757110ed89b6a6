"""From files of pictures to arrays: what is found out by itself, and what a broken file gets."""

import errno
import os
import re

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.data import decoding, memory
from chainrule.data.decoding import decode


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of its own."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pictures"


@pytest.fixture
def shapes(tmp_path):
    """A folder of bars, 12 lying and 12 standing, in grey."""
    random = np.random.default_rng(0)
    for i in range(24):
        X = random.integers(0, 60, (9, 9), np.uint8)
        X[:, i % 7 : i % 7 + 2] = 220
        place = tmp_path / "shapes" / ("standing" if i % 2 else "lying")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(X if i % 2 else X.T.copy()).save(place / f"{i:02d}.png")
    return tmp_path / "shapes"


def saved(path, X, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(X).save(path, **options)
    return path


def test_a_folder_becomes_pixels_and_labels(shapes):
    pictures = cr.read_pictures(shapes)
    assert pictures.X.shape == (24, 9, 9, 1)
    assert pictures.X.dtype == np.uint8
    assert pictures.target.classes == ["lying", "standing"]
    assert pictures.numbers(pictures.target).tolist() == [0] * 12 + [1] * 12
    for path, x in zip(pictures.paths, pictures.X, strict=True):
        assert np.array_equal(np.asarray(Image.open(path)), x[..., 0])


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif", "bmp", "ppm"])
def test_every_format_is_read(tmp_path, suffix):
    X = np.full((8, 6, 3), (200, 100, 0), np.uint8)
    (found,) = decode([saved(tmp_path / f"x.{suffix}", X)]).X
    assert found.shape == (8, 6, 3)
    assert np.abs(found.astype(int) - X).max() < 8


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (2, 2), 7), 7),
        (Image.new("1", (2, 2), 1), 255),
        (Image.fromarray(np.full((2, 2), 50_700, np.uint16)), 198),
        (Image.new("RGB", (2, 2), (9, 9, 9)), 9),
        (Image.new("LA", (2, 2), (50, 255)), 50),
    ],
)
def test_shades_of_grey_have_one_channel(tmp_path, image, expected):
    image.save(tmp_path / "x.png")
    X = decode([tmp_path / "x.png"]).X
    assert X.shape == (1, 2, 2, 1)
    assert (expected == X).all()


def test_one_coloured_picture_makes_all_of_them_coloured(tmp_path):
    grey = saved(tmp_path / "a.png", np.full((2, 2), 9, np.uint8))
    red = saved(tmp_path / "b.png", np.full((2, 2, 3), (255, 0, 0), np.uint8))
    X = decode([grey, red]).X
    assert X[:, 0, 0].tolist() == [[9, 9, 9], [255, 0, 0]]
    assert decode([grey, red], channels=1).X[1, 0, 0, 0] == 76  # ITU-R 601: 0.299 · 255


def test_white_stands_behind_what_is_transparent(tmp_path):
    saved(tmp_path / "x.png", np.zeros((2, 2, 4), np.uint8))
    assert (decode([tmp_path / "x.png"]).X == 255).all()


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right
    X = np.zeros((4, 8), np.uint8)
    X[:, :4] = 255
    path = saved(tmp_path / "x.jpg", X, exif=exif)
    (found,) = decode([path]).X
    assert found.shape == (8, 4, 1)
    assert found[:3].min() > 240
    assert found[5:].max() < 15


def test_a_png_is_turned_before_its_size_is_taken(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "x.png", np.zeros((20, 40), np.uint8), exif=exif)
    assert decode([path]).X.shape == (1, 40, 20, 1)


def test_the_size_is_the_median_and_no_longer_than_64(tmp_path):
    paths = [saved(tmp_path / f"{n}.png", np.zeros((2 * n, n), np.uint8)) for n in (10, 20, 300)]
    assert decode(paths).X.shape == (3, 40, 20, 1)
    assert decode(paths[2:]).X.shape == (1, 64, 32, 1)
    assert decode(paths, size=(5, 6)).X.shape == (3, 5, 6, 1)


def test_a_large_jpeg_shrinks_smoothly(tmp_path):
    y, x = np.mgrid[:600, :800]
    path = saved(tmp_path / "x.jpg", ((x + y) * 255 / 1400).astype(np.uint8), quality=95)
    (found,) = decode([path], size=(30, 40)).X
    expected = (np.arange(30)[:, None] * 20 + np.arange(40) * 20 + 20) * 255 / 1400
    assert np.abs(found[..., 0] - expected).max() < 4


def test_decoded_pictures_are_kept_until_a_file_changes(shapes, cache, monkeypatch):
    before = cr.read_pictures(shapes)
    assert len(list(cache.iterdir())) == 1
    with monkeypatch.context() as patched:
        patched.setattr(decoding, "_decode", lambda *given: pytest.fail("the files were decoded again"))
        again = cr.read_pictures(shapes)
    assert np.array_equal(again.X, before.X)
    assert again.checksum() == before.checksum()
    saved(before.paths[3], np.zeros((9, 9), np.uint8))
    changed = cr.read_pictures(shapes)
    assert changed.X[3].max() == 0
    assert changed.checksum() != before.checksum()


@pytest.mark.parametrize("error", [OSError(errno.EIO, "the disk is tired"), MemoryError()], ids=repr)
def test_what_is_not_the_fault_of_a_file_is_not_kept(shapes, cache, monkeypatch, error):
    read = decoding._content

    def failing(path, *most):
        if path.name == "03.png":
            raise error
        return read(path, *most)

    with monkeypatch.context() as patched:
        patched.setattr(decoding, "_content", failing)
        with pytest.raises(
            cr.DataError, match=r"03\.png cannot be read: (the disk is tired|there is too little memory)"
        ):
            cr.read_pictures(shapes)
    assert not cache.exists()
    assert len(cr.read_pictures(shapes)) == 24


def test_another_pillow_decodes_anew(shapes, cache, monkeypatch):
    cr.read_pictures(shapes)
    monkeypatch.setattr("PIL.__version__", "0.0.0")
    cr.read_pictures(shapes)
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("harm", [lambda path: path.write_bytes(b"no tensors"), lambda path: path.write_bytes(b"")])
def test_a_damaged_cache_is_made_anew(shapes, cache, harm):
    before = cr.read_pictures(shapes)
    (kept,) = cache.iterdir()
    harm(kept)
    assert np.array_equal(cr.read_pictures(shapes).X, before.X)
    assert kept.stat().st_size > 24 * 81


def test_a_cache_that_cannot_be_written_stops_nobody(shapes, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "file"))
    assert len(cr.read_pictures(shapes)) == 24


def test_what_nobody_has_asked_for_is_thrown_away(shapes, cache):
    cr.read_pictures(shapes)
    (old,) = cache.iterdir()
    os.utime(old, (0, 0))
    cr.read_pictures(shapes, size=5)
    assert not old.exists()


def test_the_same_pictures_elsewhere_are_the_same(shapes, tmp_path):
    before = cr.read_pictures(shapes).checksum()
    shapes.rename(tmp_path / "moved")
    assert cr.read_pictures(tmp_path / "moved").checksum() == before


def break_files(shapes):
    """One file that is cut short, one that is no picture."""
    cut = shapes / "lying" / "00.png"
    cut.write_bytes(cut.read_bytes()[:70])
    (shapes / "standing" / "01.png").write_text("hello")


def test_a_broken_picture_is_refused_by_its_name(shapes):
    cut = shapes / "lying" / "00.png"
    cut.write_bytes(cut.read_bytes()[:70])
    with pytest.raises(cr.DataError, match=r"00\.png is broken or cut short: .* With --broken skip it is left out\.$"):
        cr.read_pictures(shapes)
    break_files(shapes)
    with pytest.raises(
        cr.DataError, match=r"2 pictures cannot be read: .*00\.png is broken.*; .*01\.png is no picture"
    ):
        cr.read_pictures(shapes)


def test_a_broken_picture_is_skipped_with_a_note(shapes):
    break_files(shapes)
    for _ in range(2):  # the second time from what was kept
        pictures = cr.read_pictures(shapes, broken="skip")
        assert len(pictures) == len(pictures.paths) == len(pictures.y) == 22
        assert "00.png" in pictures.notes[0]
        assert "01.png" in pictures.notes[0]
        assert not {"00.png", "01.png"} & {path.name for path in pictures.paths}


def test_pictures_that_memory_cannot_hold_are_refused_before_they_are_decoded(shapes, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**6)
    words = r"an array of 24 pictures, 400 × 200 pixels each, .*: with train --size (\d+)x(\d+) it fits\.$"
    with monkeypatch.context() as patched:
        patched.setattr(decoding, "_pixels", None)
        with pytest.raises(cr.DataError, match=words) as refused:
            cr.read_pictures(shapes, size=(400, 200))
    height, width = map(int, re.search(words, str(refused.value)).groups())
    assert cr.read_pictures(shapes, size=(height, width)).X.nbytes > 0.8 * 10**6 / decoding.COPIES


def test_a_batch_that_memory_cannot_hold_is_refused_before_the_network_is_made(shapes, tmp_path, monkeypatch):
    pictures = cr.read_pictures(shapes, size=100)
    monkeypatch.setattr(memory, "available_memory", lambda: 5 * 10**7)
    words = r"training on 24 .*, takes 0\.1 GB .*: with train --size \d+ it fits, and it may with a smaller --batch"
    with pytest.raises(cr.DataError, match=words):
        cr.Experiment(pictures, cr.Settings(batch_size=24), tmp_path)
    cr.Experiment(pictures, cr.Settings(batch_size=4), tmp_path)


def test_a_table_names_pictures_and_what_to_predict(shapes):
    rows = [
        f"{path.relative_to(shapes.parent)},{i % 12},{i / 3}" for i, path in enumerate(sorted(shapes.rglob("*.png")))
    ]
    table = shapes.parent / "table.csv"
    table.write_text("\n".join(["file,n,value", *rows, "shapes/lying/00.png,3,"]))
    pictures = cr.read_pictures(table, "value")
    assert pictures.target.task == "values"
    assert len(pictures) == 24
    assert "not used, because a network for pictures sees nothing else: n" in pictures.notes
    assert "left out is 1 row in which value is missing" in pictures.notes
    assert cr.read_pictures(table, "n", task="classification").target.task == "classes"
    with pytest.raises(cr.OptionError, match=r"which column of .*table\.csv is to be predicted\? It has n, value"):
        cr.read_pictures(table)
    with pytest.raises(cr.DataError, match=r"no column 'valu'\. Did you mean 'value'"):
        cr.read_pictures(table, "valu")
    table.write_text("\n".join(["file,value", *(row.replace(",", ";;", 1).split(";;")[0] + ",1" for row in rows[:3])]))
    with pytest.raises(cr.DataError, match=r"value in .* is always 1"):
        _ = cr.read_pictures(table).target


def test_a_table_with_a_picture_that_is_not_there(shapes):
    table = shapes.parent / "table.csv"
    table.write_text("file,value\nshapes/lying/00.png,1\nshapes/nowhere.png,2\n")
    with pytest.raises(cr.DataError, match=r"nowhere\.png is not there\. With --broken skip"):
        cr.read_pictures(table)
    table.write_text("file,value\nshapes/lying/00.png,1\n,2\n")
    with pytest.raises(cr.DataError, match=r"file in .* is missing in 1 row\. With --broken skip it is left out"):
        cr.read_pictures(table)
    pictures = cr.read_pictures(table, broken="skip", task="regression")
    assert [path.name for path in pictures.paths] == ["00.png"]
    assert "left out is 1 row in which file is missing" in pictures.notes


def test_a_table_of_pictures_without_a_header_keeps_its_first_row(shapes):
    table = shapes / "table.csv"
    table.write_text("\n".join(f"lying/{i:02d}.png,{i * 2.5}" for i in range(0, 24, 2)))
    pictures = cr.read_pictures(table, "column_2", task="regression")
    assert len(pictures) == 12
    assert pictures.notes == [
        f"{table} begins with values, not with names: its columns are called column_1, column_2, …"
    ]


def test_a_folder_that_cannot_be_used_says_why(tmp_path):
    def refused():
        with pytest.raises(cr.DataError) as error:
            cr.read_pictures(tmp_path / "all")
        return str(error.value).replace(f"{tmp_path}/", "")

    assert refused() == "there is no folder all."
    (tmp_path / "all").mkdir()
    assert refused() == "there is no picture in all."
    (tmp_path / "all" / "a.txt").write_text("woof")
    assert refused() == "there is no picture in all; left out is 1 file of another kind: all/a.txt."
    (tmp_path / "all" / "a.txt").unlink()
    (tmp_path / "all" / "cat").mkdir()
    assert refused() == "there is no picture in all and the folders in it."
    X = np.zeros((2, 2), np.uint8)
    saved(tmp_path / "all" / "cat" / "a.png", X)
    assert refused() == (
        "all has a single class, cat: there is nothing to tell apart. It takes two sub-folders or more, one for each "
        "class."
    )
    (tmp_path / "all" / "dog").mkdir()
    assert refused() == "all/dog holds no picture: put some into it, or remove the folder."
    (tmp_path / "all" / "dog" / "a.txt").write_text("woof")
    assert refused() == "all/dog holds no picture: put some into it, or remove the folder."
    saved(tmp_path / "all" / "dog" / "a.png", X)
    saved(tmp_path / "all" / "loose.png", X)
    (tmp_path / "all" / ".DS_Store").write_text("")
    pictures = cr.read_pictures(tmp_path / "all")
    assert len(pictures) == 2
    assert [note.replace(f"{tmp_path}/", "") for note in pictures.notes] == [
        "left out is 1 file of another kind: all/dog/a.txt",
        "left out is 1 picture outside of the sub-folders: all/loose.png",
    ]


def test_a_folder_without_sub_folders_has_no_classes(tmp_path):
    saved(tmp_path / "all" / "a.png", np.zeros((2, 2), np.uint8))
    with pytest.raises(cr.DataError, match=r"the pictures in .* have no classes: put those of each class into"):
        cr.read_pictures(tmp_path / "all")
    with pytest.raises(cr.DataError, match=r"a\.png is no folder"):
        cr.read_pictures(tmp_path / "all" / "a.png")


def test_train_and_test_are_no_classes(tmp_path):
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            saved(tmp_path / "all" / part / name / "a.png", np.zeros((2, 2), np.uint8))
    with pytest.raises(cr.DataError, match=r"test and train in .* hold the same classes, so they seem to be parts"):
        cr.read_pictures(tmp_path / "all")
    assert len(cr.read_pictures(tmp_path / "all" / "train")) == 2


def test_classes_may_be_ordered_in_folders_of_their_own(tmp_path):
    for name in ("cat", "dog"):
        for year in ("2023", "2024"):
            saved(tmp_path / "all" / name / year / "a.png", np.zeros((2, 2), np.uint8))
    assert cr.read_pictures(tmp_path / "all").y.tolist() == ["cat", "cat", "dog", "dog"]


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_pixels_of_no_known_range_are_refused(shapes, kind):
    Image.fromarray(np.zeros((2, 2), kind)).save(shapes / "lying" / "f.tif")
    with pytest.raises(cr.DataError, match=r"f\.tif .* save it with 8 or 16 bits"):
        cr.read_pictures(shapes)


def test_options_out_of_range(shapes):
    with pytest.raises(cr.OptionError, match="the height of a picture is 0"):
        cr.read_pictures(shapes, size=0)
    with pytest.raises(cr.OptionError, match="channels is 2"):
        cr.read_pictures(shapes, channels=2)
    with pytest.raises(cr.OptionError, match=r"no way with a broken file 'drop'.*refuse, skip"):
        cr.read_pictures(shapes, broken="drop")


def test_pictures_of_no_class_cannot_be_measured_and_those_in_sub_folders_can(shapes):
    made = cr.Experiment(cr.read_pictures(shapes), cr.Settings(seed=0, epochs=1), shapes.parent / "run")
    new = made.encoding.read(shapes / "lying", labelled=False)
    with pytest.raises(
        cr.DataError, match=r"does not say what is in its pictures: put them into sub-folders, one a class"
    ):
        new.numbers(made.target)
    assert len(made.encoding.read(shapes, labelled=True).numbers(made.target)) == 24


def test_pictures_to_test_that_are_among_those_to_train_are_told(shapes):
    pictures = cr.read_pictures(shapes)
    assert pictures.notes_on_parts(np.arange(0, 20), np.arange(20, 24)) == []
    for i in (1, 3):
        saved(shapes / "standing" / f"{i + 50}.tif", np.asarray(Image.open(pictures.paths[11 + i])))
    again = cr.read_pictures(shapes)
    assert again.notes_on_parts(np.arange(24), np.arange(24, 26)) == [
        "2 of the 2 pictures to test are among those to train, too: the figures are better than for new ones; keep "
        "each picture once"
    ]


def test_a_picture_in_two_classes_is_told(shapes):
    first, second = shapes / "lying" / "00.png", shapes / "lying" / "02.png"
    saved(shapes / "standing" / "99.png", np.asarray(Image.open(first)))
    pictures = cr.read_pictures(shapes)
    (note,) = pictures.notes_on_parts(np.arange(25), np.arange(0))
    assert note == (
        f"{first} in lying and {shapes / 'standing' / '99.png'} in standing are the same: no network can be right "
        "about both; remove what is in the wrong class"
    )
    saved(shapes / "standing" / "98.png", np.asarray(Image.open(second)))
    (note,) = cr.read_pictures(shapes).notes_on_parts(np.arange(26), np.arange(0))
    assert note.startswith("2 pictures are there in several classes, such as ")


def test_the_same_picture_may_have_several_values(shapes):
    lines = ["file,price", *[f"lying/{i:02d}.png,{1.5 * i}" for i in (0, 2, 4, 6)], "lying/00.png,7"]
    (shapes / "prices.csv").write_text("\n".join(lines))
    pictures = cr.read_pictures(shapes / "prices.csv", task="regression")
    assert pictures.notes_on_parts(np.arange(5), np.arange(0)) == []
