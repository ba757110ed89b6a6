"""Text that a network writes."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.experiments.sampling import sample

ROW = "abcdefg\n"


@pytest.fixture(scope="module", params=["characters", "subwords"])
def trained(request, tmp_path_factory):
    """A network that knows the row of letters by heart."""
    folder = tmp_path_factory.mktemp("rows")
    (folder / "rows.txt").write_text(ROW * 400)
    text = cr.read_text(folder / "rows.txt", tokens=request.param, window=16, vocabulary=258)
    cr.Experiment(text, cr.Settings(seed=0, epochs=50, hidden=(32,)), folder / "run").run(progress=False)
    return cr.Trained.load(folder / "run")


def test_it_continues_the_prompt(trained):
    written = "".join(sample(trained, ROW, length=40, temperature=0))
    assert len(written) >= 40
    assert (ROW * 100).startswith(written)


def test_the_same_seed_writes_the_same_text(trained):
    first, again, other = ("".join(sample(trained, length=60, temperature=5, seed=seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_temperature_makes_it_bolder(trained):
    cold, hot = ("".join(sample(trained, ROW, length=100, temperature=T, seed=0)) for T in (0.1, 9))
    assert (ROW * 200).startswith(cold)
    assert ROW not in hot


def test_it_comes_piece_by_piece(trained):
    pieces = sample(trained, ROW, length=10**9, temperature=0)
    assert "".join(next(pieces) for _ in range(3)).startswith("abc")


def test_what_cannot_be_sampled_says_why(trained, tmp_path):
    with pytest.raises(cr.OptionError, match="length is 0"):
        sample(trained, length=0)
    with pytest.raises(cr.OptionError, match="temperature is -1"):
        sample(trained, temperature=-1)
    np.savez(tmp_path / "x.npz", X=np.random.default_rng(0).random((30, 2)), y=np.arange(30) % 2)
    from chainrule.data.datasets import read

    cr.Experiment(read(str(tmp_path / "x.npz")), cr.Settings(seed=0, epochs=1), tmp_path / "run").run(progress=False)
    with pytest.raises(
        cr.OptionError, match=r"does not continue text: chainrule train TEXT\.txt makes a network that does"
    ):
        sample(cr.Trained.load(tmp_path / "run"))
