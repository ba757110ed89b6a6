"""What is drawn from a seed is drawn from no other stream: not a user's, and not another purpose's."""

import itertools
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import chainrule as cr
from chainrule.initializers import He, LeCun, Orthogonal, Random, Xavier
from chainrule.layers.walk import Walk
from chainrule.randomness import Purpose, legacy_stream, stream

PURPOSES = get_args(Purpose)
SEEDS = range(21)
SOURCE = Path(cr.__file__).parent
DRAWN = [Random(), He(), He("uniform"), Xavier(), Xavier("normal"), LeCun(), LeCun("uniform"), Orthogonal()]

USERS = {
    "default_rng(seed)": np.random.default_rng,
    "a child of SeedSequence(seed)": lambda seed: np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0]),
    "default_rng([seed, 1])": lambda seed: np.random.default_rng([seed, 1]),
    "RandomState(seed)": np.random.RandomState,
}
"""How users start a generator from a seed."""


def likeness(one, other):
    """The largest |cosine| between a row of the one and a row of the other: 1 if one is a multiple of the other."""
    one, other = (A / np.linalg.norm(A, axis=1, keepdims=True) for A in (one, other))
    return float(np.abs(one @ other.T).max())


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("initializer", DRAWN, ids=repr)
def test_no_row_of_W_is_like_an_example_that_a_user_drew_from_the_same_seed(initializer, user):
    for seed in SEEDS:
        layers = [cr.Dense(n, initializer=initializer) for n in (20, 200, 5)]
        net = cr.Network(layers, seed=seed, dtype="float64", input_shape=200)
        for draw in ("normal", "uniform"):
            X = getattr(USERS[user](seed), draw)(-0.5 * (draw == "uniform"), 0.5, size=(50, 200))
            for name in ("W1", "W3"):
                assert likeness(net.parameters[name], X) < 0.5  # by chance about 1 / √200, and 0.37 among so many


@pytest.mark.parametrize("initializer", [Random(), He(), LeCun(), Xavier("normal"), He("uniform"), Xavier()], ids=repr)
def test_that_likeness_would_be_seen(initializer):
    draw = "uniform" if getattr(initializer, "distribution", "normal") == "uniform" else "normal"
    low, high = (-1, 1) if draw == "uniform" else (0, 1)
    X = getattr(np.random.default_rng(0), draw)(low, high, size=(50, 200))
    assert likeness(initializer((5, 200), np.random.default_rng(0)), X) == pytest.approx(1)


@pytest.mark.parametrize(
    "seed", [0, 2**32 - 1, 2**64, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 20, 12345))]
)
def test_no_two_streams_share_a_number(seed):
    """64 bits of one are nowhere among the first 2000 of another, so none is another's beginning or what follows."""
    counters = [(), (0,), (1,), (0, 0), (0, 1), (1, 0)]
    ours = [stream(purpose, seed, *counted) for purpose, counted in itertools.product(PURPOSES, counters)]
    ours.append(stream("parameters", seed + 1))
    theirs = [start(seed) for user, start in USERS.items() if user != "RandomState(seed)"]  # it has 32 bits at a time
    drawn = [random.bit_generator.random_raw(2000) for random in ours + theirs]
    drawn += [philox.random_raw(2000) for philox in (np.random.Philox(seed), np.random.Philox(key=seed % 2**64))]
    drawn += [np.random.Philox(key=np.array([seed % 2**64, k], np.uint64)).random_raw(2000) for k in (1, 2, 2**16 + 1)]
    together = np.concatenate(drawn)
    assert len(np.unique(together)) == len(together)


def test_no_mask_of_dropout_has_the_key_of_a_users_philox():
    """Philox(key=seed) has the key (seed, 0)."""
    walks = (Walk(training=True, seed=7, update=update) for update in (0, 1, 1000))
    keys = [walk.random_key() for walk in walks for _ in range(3)]
    assert len({*keys}) == len(keys)
    assert all(seed == 7 and mask > 0 for seed, mask in keys)


def test_a_stream_is_the_same_every_time_and_in_every_version():
    """Where these numbers change, so does what every seed means: DRAWS goes up."""
    first = [int(stream(*given).bit_generator.random_raw()) for given in PINNED]
    assert first == list(PINNED.values())
    assert legacy_stream("test part", 3).randint(2**31) == legacy_stream("test part", 3).randint(2**31)
    assert stream("order", np.int64(3), np.int32(1)).random() == stream("order", 3, 1).random()


PINNED = {
    ("parameters", 0): 10752074721849367277,
    ("order", 0, 0): 13318391622325329773,
    ("order", 0, 1): 10232847531000871470,
    ("text", 12345678901234567890): 3370821669470110574,
}


def test_each_purpose_is_drawn_for_in_one_place_and_nobody_draws_otherwise():
    otherwise = re.compile(r"default_rng|SeedSequence|RandomState\(|np\.random\.(rand|seed)|random_state=(seed|\d)")
    for_a_reason = {"checking.py", "engines/tracing.py", "notes/initialization.py", "randomness.py"}
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text()
        found += re.findall(r'\b(?:legacy_)?stream\("([^"]+)"', text)
        if path.relative_to(SOURCE).as_posix() not in for_a_reason:
            assert not otherwise.search(text), path
    assert sorted(found) == sorted(PURPOSES)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_bits_and_another_gives_others(dtype):
    X, y = np.random.default_rng(0).normal(size=(40, 6)), np.arange(40) % 3

    def trained(seed):
        net = cr.Network([cr.Dense(8, "relu"), cr.Dropout(0.2), cr.Dense(3, "softmax")], seed=seed, dtype=dtype)
        cr.train(net, X, y, loss="cross_entropy", batch_size=8, epochs=2, seed=seed, progress=False)
        return net.flat

    np.testing.assert_array_equal(trained(3), trained(3))
    assert not np.allclose(trained(3), trained(4), atol=1e-3)
