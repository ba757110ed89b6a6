"""Changed pictures: each change does what it says, and is a function of seed, epoch and example."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.augmentation import AugmentedBatches
from chainrule.data.batches import ArrayBatches

RANDOM = np.random.default_rng(0)
X = RANDOM.integers(0, 256, (20, 8, 10, 3), np.uint8)
Y = np.arange(20) % 4
ROWS = np.arange(20)


def changed(text, of=X, epoch=0, rows=ROWS):
    augmentation = cr.Augmentation.parse(text)
    drawn, _ = augmentation.draw(len(of), 7, epoch)
    return augmentation.change(of[rows], drawn[rows], rows, 7, epoch)


def batches(text, size=6):
    return AugmentedBatches(
        ArrayBatches(X, Y, None, batch_size=size, shuffle=True, seed=7), cr.Augmentation.parse(text), 4
    )


@pytest.mark.parametrize(
    "text", ["flip", "shift=0.2", "rotate=20", "scale=0.2", "crop=0.3", "brightness=0.5", "noise=0.1"]
)
def test_a_change_belongs_to_an_example_and_an_epoch(text):
    whole = changed(text)
    assert whole.dtype == np.float32
    assert not np.array_equal(whole, X)
    assert whole.min() >= 0
    assert whole.max() <= 255
    rows = np.array([3, 17, 5])
    assert np.array_equal(changed(text, rows=rows), whole[rows])
    assert not np.array_equal(changed(text, epoch=1), whole)
    assert np.array_equal(changed(text), whole)


def test_an_epoch_draws_once(monkeypatch):
    epochs = []
    draw = cr.Augmentation.draw
    monkeypatch.setattr(cr.Augmentation, "draw", lambda *given: epochs.append(given[-1]) or draw(*given))
    given = batches("flip,mixup=0.5", size=3)
    assert len(list(given.epoch(0))) + len(list(given.epoch(1))) == 14
    assert epochs == [0, 1]


def test_flip_turns_about_half_of_them():
    turned = [np.array_equal(z, x[:, ::-1]) for z, x in zip(changed("flip"), X, strict=True)]
    assert 4 < sum(turned) < 16
    kept = [np.array_equal(z, x) for z, x in zip(changed("flip"), X, strict=True)]
    assert sum(turned) + sum(kept) == 20


def spot(y, x):
    """400 pictures with one bright spot, wide enough to be found again."""
    grid = np.mgrid[:41, :41]
    return np.tile(255 * np.exp(-((grid[0] - y) ** 2 + (grid[1] - x) ** 2) / 8)[None, ..., None], (400, 1, 1, 1))


def centres(pictures):
    mass = pictures[..., 0]
    grid = np.mgrid[:41, :41]
    return np.stack([(mass * axis).sum((1, 2)) / mass.sum((1, 2)) for axis in grid], 1)


def found(text, y, x):
    return centres(changed(text, spot(y, x), rows=np.arange(400))) - 20


def test_a_shift_reaches_as_far_as_was_said():
    moved = found("shift=0.1", 20, 20)
    assert np.abs(moved).max() == pytest.approx(4.1, abs=0.1)
    assert np.abs(moved.mean(0)).max() < 0.4


def test_a_turn_keeps_the_distance_from_the_middle():
    moved = found("rotate=30", 20, 28)
    assert np.hypot(*moved.T) == pytest.approx(np.full(400, 8), abs=0.05)
    angles = np.rad2deg(np.arctan2(moved[:, 0], moved[:, 1]))
    assert 29 < angles.max() < 30.1
    assert -30.1 < angles.min() < -29


def test_scale_makes_larger_and_smaller():
    distance = found("scale=0.25", 20, 28)[:, 1]
    assert distance.max() == pytest.approx(10, abs=0.1)
    assert distance.min() == pytest.approx(6.4, abs=0.1)


def test_a_crop_shows_a_part_of_the_picture_and_nothing_beyond():
    gradient = np.tile(np.arange(41.0)[None, :, None, None], (400, 1, 41, 1))
    ends = changed("crop=0.5", gradient, rows=np.arange(400))[:, [0, -1], 20, 0]
    assert ends.min() >= 0
    assert ends.max() <= 40
    spans = ends[:, 1] - ends[:, 0]
    assert spans.min() == pytest.approx(20, abs=0.5)
    assert spans.max() > 38


def test_brightness_and_noise_are_as_strong_as_was_said():
    grey = np.full((400, 5, 5, 1), 100, np.uint8)
    factors = changed("brightness=0.3", grey, rows=np.arange(400))[:, 0, 0, 0] / 100
    assert 0.7 <= factors.min() < 0.71
    assert 1.29 < factors.max() <= 1.3
    assert changed("noise=0.1", grey, rows=np.arange(400)).std() == pytest.approx(25.5, rel=0.03)


def test_mixup_mixes_pictures_and_labels_alike():
    pictures = np.zeros((20, 4, 4, 4), np.float32)
    pictures[ROWS, :, :, Y] = 1
    given = ArrayBatches(pictures, Y, None, batch_size=6, shuffle=True, seed=7)
    shares = []
    for Xb, Yb, _ in AugmentedBatches(given, cr.Augmentation(mixup=0.5), 4).epoch(0):
        assert Yb.shape == (len(Xb), 4)
        assert Yb.sum(axis=1) == pytest.approx(1)
        np.testing.assert_allclose(Xb[:, 2, 2], Yb, rtol=1e-6)
        shares += Yb.max(axis=1).tolist()
    assert min(shares) < 0.95


def test_an_epoch_can_be_entered_anywhere():
    text = "flip,shift=0.1,noise=0.1,mixup=0.4"
    whole, rest = list(batches(text).epoch(3)), list(batches(text).epoch(3, start=2))
    assert len(whole) == 4
    for (A, B, _), (C, D, _) in zip(whole[2:], rest, strict=True):
        assert np.array_equal(A, C)
        assert np.array_equal(B, D)


def network():
    return cr.Network([cr.Standardize(), cr.Flatten(), cr.Dense(4, "softmax")], seed=0)


@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_a_resumed_run_has_the_same_bits(tmp_path, engine):
    def run(net, **more):
        return cr.train(
            net, X, Y, loss="cross_entropy", batch_size=6, seed=7, engine=engine, progress=False,
            augment=cr.Augmentation(flip=True, shift=0.1, mixup=0.3), **more,
        )  # fmt: skip

    whole, part, again = network(), network(), network()
    run(whole, epochs=4)
    path = tmp_path / "checkpoint.safetensors"
    run(part, epochs=2, checkpoint=path)
    history = run(again, epochs=4, checkpoint=path, resume=True)
    assert len(history.epochs) == 4
    assert np.array_equal(again.flat, whole.flat)
    with pytest.raises(cr.OptionError, match="cannot be resumed: its run had the augmentation"):
        cr.train(
            network(), X, Y, loss="cross_entropy", batch_size=6, seed=7, epochs=4, checkpoint=path, resume=True,
            augment=cr.Augmentation(flip=True), engine=engine,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("flipp", "no change of pictures 'flipp'. Did you mean 'flip'"),
        ("shift", "'shift' is no change of pictures: shift takes a number, as in shift=0.1"),
        ("rotate=much", "rotate takes a number"),
        ("flip=0.1", "'flip=0.1' is no change of pictures: flip stands by itself"),
        ("crop=1", "crop is 1.0, but must be a number, at least 0 and at most 0.9"),
        ("noise=-1", "noise is -1.0"),
    ],
)
def test_what_is_no_change_says_so(text, words):
    with pytest.raises(cr.OptionError, match=words):
        cr.Augmentation.parse(text)


def test_augmentation_is_for_arrays_of_pictures():
    flip = cr.Augmentation(flip=True)
    flat = cr.Network([cr.Dense(4, "softmax")], seed=0)
    with pytest.raises(cr.ShapeError, match=r"pictures \(m, height, width, channels\), but X is \(20, 3\)"):
        cr.train(flat, X[:, 0, 0].astype(float), Y, loss="cross_entropy", augment=flip)
    with pytest.raises(cr.OptionError, match="augment is an Augmentation"):
        cr.train(network(), X, Y, loss="cross_entropy", augment="flip")
    with pytest.raises(cr.OptionError, match="L-BFGS needs the same examples"):
        cr.train(network(), X, Y, loss="cross_entropy", augment=flip, optimizer=cr.LBFGS())
    with pytest.raises(cr.OptionError, match="a stream of batches is changed by whoever makes it"):
        cr.train(network(), [(X, Y)], loss="cross_entropy", augment=flip)
    assert cr.Augmentation.parse("") is None
