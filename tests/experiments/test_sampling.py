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


# Networks that were made in Python

LETTERS = sorted(set(ROW))


def made(*layers, one_hot=False, last=False):
    """A network trained in Python on the numbers of the row's letters, and in what form it takes them."""
    numbers = np.array([LETTERS.index(letter) for letter in ROW * 60])
    X, y = (part[: 31 * 15].reshape(31, 15) for part in (numbers[:-1], numbers[1:]))
    net = cr.Network(layers, seed=0)
    X = np.eye(8)[X] if one_hot else X
    cr.train(net, X, y[:, -1] if last else y, loss="cross_entropy", optimizer=cr.Adam(0.05), epochs=30, batch_size=16,
             seed=0, progress=False)  # fmt: skip
    return net


@pytest.mark.parametrize(
    ("layers", "form"),
    [
        ((cr.Embedding(8, 6), cr.LSTM(12), cr.Dense(8, "softmax")), {}),
        ((cr.LSTM(12), cr.Dense(8, "softmax")), {"one_hot": True}),
        ((cr.Embedding(8, 6), cr.GRU(12, last=True), cr.Dense(8, "softmax")), {"last": True}),
    ],
    ids=["numbers", "one-hot", "the last step alone"],
)
def test_a_network_made_in_python_continues_with_the_tokens_in_the_order_of_their_numbers(layers, form):
    net = made(*layers, **form)
    written = "".join(cr.sample(net, ROW + "abc", length=20, temperature=0, vocabulary=sorted(set(ROW))))
    assert written == (ROW * 4)[3:23]


def test_a_network_made_in_python_takes_the_vocabulary_of_the_text_it_was_trained_on(tmp_path):
    (tmp_path / "rows.txt").write_text(ROW * 60)
    text = cr.read_text(tmp_path / "rows.txt", window=16)
    n = text.tokenizer.count
    net = cr.Network([cr.Embedding(n, 6), cr.LSTM(12), cr.Dense(n, "softmax")], seed=0)
    cr.train(net, text.cut(0), text.cut(1), loss="cross_entropy", optimizer=cr.Adam(0.05), epochs=30, batch_size=16,
             seed=0, progress=False)  # fmt: skip
    assert "".join(cr.sample(net, "abc", length=5, temperature=0, vocabulary=text)) == "defg\n"


def test_a_network_loaded_without_its_experiment_knows_its_vocabulary_all_the_same(trained):
    written = "".join(cr.sample(cr.load(trained.path + "/model.safetensors"), ROW, length=40, temperature=0))
    assert written == "".join(sample(trained, ROW, length=40, temperature=0))


def untrained(*layers, shape=(16,)):
    return cr.Network(layers, seed=0, input_shape=shape)


ENDS = cr.Embedding(8, 6), cr.LSTM(12)
WRONG = {
    "no vocabulary": (
        lambda: untrained(cr.Embedding(8, 6), cr.Dense(8, "softmax")),
        None,
        "give vocabulary=text, what",
    ),
    "no network": (lambda: 5, LETTERS, "sample takes a Network, or what Trained.load"),
    "not built": (lambda: cr.Network([cr.Dense(8)]), LETTERS, "has no parameters yet: train it first"),
    "flattened": (
        lambda: untrained(cr.Embedding(8, 6), cr.Flatten(), cr.Dense(8, "softmax")),
        LETTERS,
        r"does not go on from token to token, as Network\(\[Embedding\(8, 32\), LSTM",
    ),
    "attention": (
        lambda: untrained(cr.Embedding(8, 6), cr.MultiHeadAttention(2), cr.Dense(8, "softmax")),
        LETTERS,
        "does not go on from token to token",
    ),
    "no softmax": (
        lambda: untrained(cr.Embedding(8, 6), cr.LSTM(12), cr.Dense(8)),
        LETTERS,
        r'no probabilities, .*: end it with Dense\(8, "softmax"\)',
    ),
    "another count": (
        lambda: untrained(cr.Embedding(9, 6), cr.LSTM(12), cr.Dense(9, "softmax")),
        LETTERS,
        r"gives \(1, 9\) for a token, but there are 8 in the vocabulary",
    ),
    "a number for a vocabulary": (
        lambda: untrained(*ENDS, cr.Dense(8, "softmax")),
        8,
        "vocabulary is what cr.read_text",
    ),
    "numbers in a vocabulary": (
        lambda: untrained(cr.Embedding(8, 6), cr.Dense(8, "softmax")),
        range(8),
        "vocabulary is what cr.read_text",
    ),
}


@pytest.mark.parametrize("called", WRONG)
def test_what_a_network_made_in_python_needs_is_said(called):
    net, vocabulary, said = WRONG[called]
    with pytest.raises(cr.OptionError, match=said):
        cr.sample(net(), "abc", vocabulary=vocabulary)


def test_the_network_that_is_advised_can_be_sampled():
    net = cr.Network([cr.Embedding(8, 32), cr.LSTM(64), cr.Dense(8, "softmax")], seed=0, input_shape=(16,))
    assert len("".join(cr.sample(net, "abc", length=9, seed=0, vocabulary=LETTERS))) == 9


def test_a_prompt_that_the_tokens_do_not_have_is_named():
    net = untrained(cr.Embedding(8, 6), cr.Dense(8, "softmax"))
    with pytest.raises(cr.OptionError, match="the prompt has 'z', which is not in the vocabulary"):
        cr.sample(net, "abz", vocabulary=LETTERS)
    words = ["ab", "a", "c"]
    net = untrained(cr.Embedding(3, 6), cr.Dense(3, "softmax"))
    assert "".join(cr.sample(net, "abac", length=4, seed=0, vocabulary=words)).strip("abc") == ""
