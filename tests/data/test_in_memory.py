"""Pictures and texts that a program has in memory are read as those of files are; what is neither is told so."""

import numpy as np
import polars as pl
import pytest
from PIL import Image

import chainrule as cr

RANDOM = np.random.default_rng(2)


@pytest.fixture(scope="module")
def of_pictures(tmp_path_factory):
    """A network for pictures of 10 × 8, grey ones."""
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(24):
        place = folder / "all" / ("one" if i % 2 else "two")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RANDOM.integers(0, 256, (10, 8), np.uint8)).save(place / f"{i}.png")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CHAINRULE_CACHE", str(folder / "cache"))
        pictures = cr.read_pictures(folder / "all")
        cr.Experiment(pictures, cr.Settings(epochs=1, hidden=(4,), seed=0), folder / "run").run(progress=False)
        yield cr.Trained.load(folder / "run"), pictures


@pytest.fixture(scope="module")
def of_texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    for i in range(24):
        place = folder / "all" / ("glad" if i % 2 else "sad")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i}.txt").write_text(("sun and joy" if i % 2 else "rain and loss") + f" number {i % 3}")
    cr.Experiment(cr.read_text(folder / "all"), cr.Settings(seed=0), folder / "run").run(progress=False)
    return cr.Trained.load(folder / "run"), folder / "all"


def answers(trained, data):
    return trained.predictions(trained.read(data, labelled=False))


def test_an_array_an_image_and_a_file_have_the_same_answer(of_pictures):
    trained, pictures = of_pictures
    path = pictures.paths[3]
    of_file = answers(trained, path)["p(one)"]
    with Image.open(path) as image:
        for data in (pictures.X[3], pictures.X[3][..., 0], image.copy(), image, [image], pictures.X[3:4, ..., 0]):
            found = answers(trained, data)
            assert found["p(one)"] == pytest.approx(of_file)
            assert found["picture"] == [1]
    assert answers(trained, pictures.X)["p(one)"] == pytest.approx(answers(trained, path.parent.parent)["p(one)"])
    assert len(answers(trained, [*pictures.X[:3], pictures.X[3:5]])["prediction"]) == 5


def test_pictures_in_memory_are_brought_to_the_size_the_colours_and_the_bits(of_pictures, tmp_path):
    trained, _ = of_pictures
    X = RANDOM.integers(0, 256, (33, 20, 3), np.uint8)
    Image.fromarray(X).save(tmp_path / "x.png")
    read = trained.encoding.read
    assert np.array_equal(read(X, labelled=False).X, read(tmp_path / "x.png", labelled=False).X)
    deep = read(np.full((10, 8), 51_300, np.uint16), labelled=False)
    assert (deep.X == 200).all()
    assert any("brighter" in note or "contrast" in note for note in deep.notes)


def test_an_image_is_not_changed_by_being_read(of_pictures):
    image = Image.fromarray(RANDOM.integers(0, 256, (8, 10), np.uint8))
    image.getexif()[0x0112] = 6
    before = image.size
    of_pictures[0].read(image, labelled=False)
    assert image.size == before


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            np.zeros((10, 8)),
            "an array of pictures holds whole numbers of 0 to 255, uint8, or .* this one is of float64",
        ),
        (np.zeros(8, np.uint8), r"an array of a picture is \(height, width\) or .*, but this one is \(8,\)\."),
        (np.zeros((2, 10, 8, 5), np.uint8), r"but this one is \(2, 10, 8, 5\)\."),
        (np.zeros((10, 8, 3), np.uint16), "an array of colours holds whole numbers of 0 to 255, uint8"),
        (Image.new("F", (8, 10)), "a picture has floating-point numbers for pixels"),
        (3, "pictures are the path of a file or a folder, an array of uint8, .*, not a int"),
        ([], "pictures are the path .*, not a list"),
        (["a.png"], "pictures are the path .*, not a list"),
    ],
)
def test_what_is_no_picture_is_told_so(of_pictures, data, told):
    with pytest.raises(cr.DataError, match=told):
        of_pictures[0].read(data, labelled=False)


def test_pictures_in_memory_have_no_classes_to_measure(of_pictures):
    trained, pictures = of_pictures
    source = trained.read(pictures.X)
    with pytest.raises(cr.DataError, match="what was given does not say what is in its pictures"):
        trained.evaluate(source, np.arange(3))


def test_texts_in_a_list_a_series_and_a_frame_have_the_answers_of_files(of_texts):
    trained, folder = of_texts
    texts = ["sun and joy number 1", "rain and loss"]
    (folder.parent / "1.txt").write_text(texts[0])
    of_file = answers(trained, folder.parent / "1.txt")["p(glad)"]
    for data in (texts, tuple(texts), np.array(texts), pl.Series(texts), pl.DataFrame({"said": texts})):
        found = answers(trained, data)
        assert found["prediction"] == ["glad", "sad"]
        assert found["p(glad)"][:1] == pytest.approx(of_file)
        assert next(iter(found.values())) == [1, 2]
    source = trained.encoding.read(["sun", "", "λέξη"], labelled=False)
    assert [note.split(":")[0] for note in source.notes] == [
        "1 of 3 texts has no word that training has met, such as text 3",
        "1 of 3 texts is empty",
    ]


def test_a_frame_of_several_columns_is_asked_for_that_of_the_texts(of_texts):
    frame = pl.DataFrame({"said": ["sun"], "kind": ["glad"]})
    with pytest.raises(cr.DataError, match=r"the table is a table .* said, kind: which of them .*\? text=COLUMN tells"):
        of_texts[0].read(frame, labelled=False)
    trained = cr.Trained.load(of_texts[0].path, text="said", target="kind")
    assert trained.evaluate(trained.read(frame), np.arange(1))["accuracy"] == 1


@pytest.mark.parametrize("data", [3, {"said": "sun"}, [1, 2], []], ids=str)
def test_what_is_no_text_is_told_so(of_texts, data):
    with pytest.raises(cr.DataError, match="texts are the path of a file or a folder, a list of texts, or a frame"):
        of_texts[0].read(data, labelled=False)


def test_a_list_of_files_is_no_list_of_texts(of_texts):
    trained, folder = of_texts
    with pytest.raises(
        cr.DataError, match=r"a list holds texts themselves, but .*0\.txt is a file: read it by its name"
    ):
        trained.read([str(folder / "sad" / "0.txt")], labelled=False)


@pytest.mark.parametrize("read", [cr.read_pictures, cr.read_text])
def test_a_folder_to_train_on_is_a_path(read):
    with pytest.raises(cr.DataError, match=r"to train on are the path of a f.*, not a list"):
        read(["a"])


def test_an_open_image_is_taken_as_its_file_is(of_pictures, tmp_path):
    deep = Image.new("I", (8, 10))
    deep.save(tmp_path / "deep.tiff")
    with pytest.raises(cr.DataError, match="32 bits, of which nobody says what is white"):
        of_pictures[0].read(Image.open(tmp_path / "deep.tiff"), labelled=False)


@pytest.mark.parametrize("shape", [(0, 8, 8), (0, 8, 8, 3)])
def test_no_pictures_are_told(of_pictures, shape):
    with pytest.raises(cr.DataError, match="there is no picture in it"):
        of_pictures[0].read(np.zeros(shape, np.uint8), labelled=False)
