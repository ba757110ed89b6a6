"""Text that a network writes: token after token, each drawn from what the network says of those before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import real, seed_or_fresh, whole
from chainrule.configuration import from_config
from chainrule.data.text import Continued, Text
from chainrule.data.tokens import UNKNOWN, Tokenizer
from chainrule.errors import DataError, NotFiniteError, OptionError, ShapeError
from chainrule.experiments.trained import Trained
from chainrule.layers import Network
from chainrule.randomness import stream


class Vocabulary(Protocol):
    """Which token stands for which number."""

    @property
    def count(self) -> int: ...

    def encode(self, text: str) -> NDArray[Any]: ...

    def decode(self, numbers: Sequence[int]) -> str: ...


def sample(
    trained: Trained | Network,
    prompt: str = "",
    *,
    length: int = 500,
    temperature: float = 0.8,
    seed: int | None = None,
    vocabulary: Any = None,
) -> Iterator[str]:
    """The text that follows a prompt, piece by piece as it is written.

    The network takes its state from step to step, so that each token costs as much as the one before.

    Args:
        trained: a network that was trained to continue text, as an experiment made it; or any `Network` that takes
            (m, steps) numbers of tokens, or (m, steps, n) of 0 and 1, and ends in the probabilities of the next token.
        prompt: what the text begins with; "" for a new line, or the vocabulary's first token where it has none.
        length: how many tokens are written.
        temperature: p becomes p^(1 / temperature), so that below 1 what is likely becomes likelier; 0 takes the
            likeliest.
        seed: makes it repeatable; None takes a fresh one.
        vocabulary: of a network that was made in Python, the `Text` whose tokens it was trained on, or the tokens
            themselves in the order of their numbers, such as sorted(set(text)).

    Raises:
        OptionError: the network does something else or does not know its vocabulary, or a number is out of range.
        NotFiniteError: what the network says is NaN.
    """
    length, temperature = whole("length", length), real("temperature", temperature, low=0)
    network, known, called = _parts(trained, vocabulary)
    random = stream("text", seed_or_fresh(seed))
    begin = known.encode(prompt or _beginning(known)).tolist()
    _refuse_unfit(network, known.count, called)
    spoken = 0 if isinstance(known, Listed) else 1  # elsewhere token 0 is what is not in the vocabulary
    return _pieces(known.decode, _tokens(network, begin, known.count, length, temperature, random, spoken))


def _parts(trained: Any, vocabulary: Any) -> tuple[Network, Vocabulary, str]:
    """The network, its vocabulary, and how messages call it."""
    encoding, called = getattr(trained, "encoding", None), str(getattr(trained, "path", "the network"))
    network = trained.network if isinstance(trained, Trained) else trained
    if not isinstance(network, Network):
        raise OptionError(f"sample takes a Network, or what Trained.load(…) returns, not a {type(trained).__name__}.")
    if vocabulary is not None:
        return network, _vocabulary(vocabulary), called
    if encoding is None and network.metadata.get("encoding", {}).get("type") == Continued.__name__:
        encoding = from_config(network.metadata["encoding"])
    if encoding is None:
        raise OptionError(
            "a network that was made in Python does not know which tokens its numbers stand for: give vocabulary=text, "
            "what cr.read_text returned, or the tokens in the order of their numbers, as vocabulary=sorted(set(text))."
        )
    if not isinstance(encoding, Continued):
        raise OptionError(f"{called} does not continue text: chainrule train TEXT.txt makes a network that does.")
    return network, encoding.tokenizer, called


def _vocabulary(given: Any) -> Vocabulary:
    tokenizer = given.tokenizer if isinstance(given, Text) else given
    if isinstance(tokenizer, Tokenizer):
        return tokenizer
    listed = list(tokenizer) if isinstance(tokenizer, Iterable) and not isinstance(tokenizer, Mapping) else []
    if not listed or not all(isinstance(token, str) and token for token in listed):
        raise OptionError(
            "vocabulary is what cr.read_text returned for a text, or a list of tokens in the order of their numbers, "
            f"not a {type(given).__name__}."
        )
    return Listed(listed)


class Listed:
    """Tokens in the order of their numbers. Of several that a text may go on with, the longest is taken."""

    def __init__(self, tokens: list[str]):
        self.tokens = tokens
        self.count = len(tokens)
        self._numbers = {token: i for i, token in enumerate(tokens)}
        self._any = re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True))))

    def encode(self, text: str) -> NDArray[Any]:
        """The tokens of a text (n,).

        Raises:
            OptionError: a part of it is none.
        """
        found, place = [], 0
        while place < len(text):
            token = self._any.match(text, place)
            if token is None:
                raise OptionError(f"the prompt has {text[place]!r}, which is not in the vocabulary.")
            found.append(self._numbers[token[0]])
            place = token.end()
        return np.array(found, np.int32)

    def decode(self, numbers: Sequence[int]) -> str:
        """The text of tokens."""
        return "".join(self.tokens[i] for i in numbers)


def _beginning(known: Vocabulary) -> str:
    """What a text begins with that has no prompt."""
    return "\n" if not isinstance(known, Listed) or "\n" in known.tokens else known.tokens[0]


def _refuse_unfit(network: Network, count: int, called: str) -> None:
    """Raises OptionError where the network does not give the probabilities of the next token, token by token."""
    way = f'Network([Embedding({count}, 32), LSTM(64), Dense({count}, "softmax")])'
    if not network.built:
        raise OptionError(f"{called} has no parameters yet: train it first.")
    try:
        output = network.predict(_as_input(network, [0], count), memory={})
    except (DataError, OptionError, ShapeError) as error:
        raise OptionError(f"{called} does not go on from token to token, as {way} does: {error}") from None
    if output.ndim > 3 or output.shape[-1] != count:
        raise OptionError(
            f"{called} gives {output.shape[1:]} for a token, but there are {count} in the vocabulary: sample needs the "
            f"probability of each, as {way} gives them."
        )
    if np.isfinite(output).all() and not (output.min() >= 0 and np.allclose(output.sum(axis=-1), 1, atol=1e-3)):
        raise OptionError(
            f"{called} gives no probabilities, as its outputs do not add up to 1: end it with "
            f'Dense({count}, "softmax").'
        )


def _as_input(network: Network, tokens: list[int], count: int) -> NDArray[Any]:
    """(1, steps) numbers of tokens; or (1, steps, count) of 0 and 1, where the network takes these."""
    assert network.input_shape is not None
    numbers = np.array([tokens], np.int32)
    return np.eye(count, dtype=np.float32)[numbers] if network.input_shape[1:] == (count,) else numbers


def strangers(trained: Trained, prompt: str) -> list[str]:
    """What of a prompt the network has no token for."""
    assert isinstance(trained.encoding, Continued)
    return trained.encoding.tokenizer.strangers(prompt)


def _tokens(
    network: Network,
    new: list[int],
    count: int,
    length: int,
    temperature: float,
    random: np.random.Generator,
    spoken: int,
) -> Iterator[int]:
    memory: dict[int, Any] = {}
    for _ in range(length):
        output = network.predict(_as_input(network, new, count), memory=memory)[0]
        new = [_drawn(output if output.ndim == 1 else output[-1], temperature, random, spoken)]
        yield new[0]


def _pieces(decode: Callable[[list[int]], str], tokens: Iterator[int]) -> Iterator[str]:
    """The text of tokens, as soon as it can be read: a sign of several bytes may take several of them."""
    waiting: list[int] = []
    for token in tokens:
        waiting.append(token)
        text = decode(waiting)
        if not text.endswith(UNKNOWN):
            yield text
            waiting.clear()
    if waiting:
        yield decode(waiting)


def _drawn(P: NDArray[Any], temperature: float, random: np.random.Generator, spoken: int) -> int:
    """A token by its probability, from number `spoken` on: what is not in the vocabulary is never written.

    Raises:
        NotFiniteError: the network's numbers are none.
    """
    if not np.isfinite(P).all():
        raise NotFiniteError("the network gives NaN for probabilities: its parameters have left all bounds.")
    known = np.log(np.maximum(P[spoken:].astype(np.float64), 1e-300))
    if temperature == 0:
        return int(known.argmax()) + spoken
    shares = np.exp((known - known.max()) / temperature).cumsum()
    return int(np.searchsorted(shares, random.random() * shares[-1], side="right")) + spoken
