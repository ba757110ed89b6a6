"""Pictures that are far brighter or darker than those of training are told of, and ordinary ones are not."""

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.configuration import from_config
from chainrule.data.brightness import BrightnessSeen

RANDOM = np.random.default_rng(5)


def drawings(m, side=12):
    """Bright bars on a dark ground, which hardly differ in brightness."""
    X = RANDOM.integers(0, 60, (m, side, side, 1), dtype=np.uint8)
    for i, x in enumerate(X):
        x[i % side] = 250
    return X


def photos(m):
    """Pictures of all hours: their means and contrasts differ as those of photos do."""
    light, contrast = RANDOM.normal(110, 35, (m, 1, 1, 1)), RANDOM.normal(55, 12, (m, 1, 1, 1))
    return (light + contrast * RANDOM.normal(size=(m, 8, 8, 3))).clip(0, 255).astype(np.uint8)


def said(X, new):
    return BrightnessSeen.learn(X, np.arange(len(X))).notes(new, [f"{i}.png" for i in range(len(new))])


def test_an_inverted_drawing_is_told_of():
    X = drawings(40)
    assert said(X, drawings(1)) == []
    assert said(X, drawings(30)) == []
    (note,) = said(X, 255 - drawings(1))
    assert note.startswith("0.png is far brighter than nearly all of training: the mean of the pixels is 20")
    assert note.endswith("; is it inverted, or lit otherwise? Predictions there go beyond what was learned")
    (note,) = said(X, np.concatenate([drawings(3), 255 - drawings(2)]))
    assert note.startswith("2 of 5 pictures are far brighter than nearly all of training, such as 3.png: the mean")


def test_a_flat_picture_of_usual_brightness_has_less_contrast():
    X = drawings(40)
    flat = np.full((1, 12, 12, 1), round(X.mean()), np.uint8)
    (note,) = said(X, flat)
    assert note.startswith("0.png has far less contrast than nearly all of training: the standard deviation")


def test_dark_drawings_and_dark_photos_are_told_of_on_the_whole():
    (note,) = said(drawings(40), drawings(5) // 20)
    assert note.startswith("5 of 5 pictures are far darker than nearly all of training, such as 0.png: the mean")
    (note,) = said(photos(300), photos(60) // 6)
    assert note.startswith("the 60 pictures, on the whole, ")


def test_no_single_photo_is_told_of_and_no_folder_of_them():
    X, new = photos(300), photos(200)
    seen = BrightnessSeen.learn(X, np.arange(300))
    assert not any(seen.notes(x[None], ["a"]) for x in new)
    assert seen.notes(new, ["a"] * 200) == []
    night = new[np.argsort(new.mean(axis=(1, 2, 3)))[:20]]
    assert not any(seen.notes(x[None], ["a"]) for x in night)


def test_what_training_has_met_now_and_then_is_not_told_of():
    X = np.concatenate([drawings(90), 255 - drawings(10)])  # as some drawings on white paper
    assert said(X, 255 - drawings(1)) == []
    assert said(X, 255 - drawings(10)) == []


def test_outliers_of_training_are_expected_at_their_share():
    seen = BrightnessSeen.learn(drawings(50), np.arange(50))
    usual = BrightnessSeen(seen.means, seen.contrasts, 0.1)
    new = np.concatenate([drawings(18), 255 - drawings(2)])
    assert len(seen.notes(new, ["a"] * 20)) == 1
    assert usual.notes(new, ["a"] * 20) == []


def test_a_model_file_keeps_what_training_saw_and_one_without_it_is_silent(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    for i, x in enumerate(drawings(24)):
        place = tmp_path / "all" / ("one" if i % 2 else "two")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x[..., 0]).save(place / f"{i}.png")
    pictures = cr.read_pictures(tmp_path / "all")
    cr.Experiment(pictures, cr.Settings(epochs=1, hidden=(4,), seed=0), tmp_path / "run").run(progress=False)
    encoding = cr.Trained.load(tmp_path / "run").encoding
    Image.fromarray(255 - drawings(1)[0, ..., 0]).save(tmp_path / "new.png")
    assert encoding.read(tmp_path / "all", labelled=True).notes == []
    (note,) = encoding.read(tmp_path / "new.png", labelled=False).notes
    assert note.startswith(f"{tmp_path / 'new.png'} is far brighter")
    config = encoding.to_config()
    del config["seen"], config["bits"]
    former = from_config(config)
    assert former.read(tmp_path / "new.png", labelled=False).notes == []


def test_a_damaged_share_is_refused():
    spread = {"type": "SpreadSeen", "kept": [3.0], "count": 9}
    with pytest.raises(cr.OptionError, match=r"share is -0\.5"):
        from_config({"type": "BrightnessSeen", "means": spread, "contrasts": spread, "share": -0.5})


@pytest.mark.parametrize("kept", [[], [3.0, 1.0]])
def test_damaged_quantiles_are_refused(kept):
    with pytest.raises(cr.OptionError, match="are no quantiles"):
        from_config({"type": "SpreadSeen", "kept": kept, "count": 9})
