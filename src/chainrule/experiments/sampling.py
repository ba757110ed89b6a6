"""Text that a network writes: token after token, each drawn from what the network says of those before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import real, seed_or_fresh, whole
from chainrule.data.text import Continued
from chainrule.data.tokens import UNKNOWN
from chainrule.errors import NotFiniteError, OptionError
from chainrule.experiments.trained import Trained
from chainrule.layers import Network
from chainrule.randomness import stream


def sample(
    trained: Trained, prompt: str = "", *, length: int = 500, temperature: float = 0.8, seed: int | None = None
) -> Iterator[str]:
    """The text that follows a prompt, piece by piece as it is written.

    The network takes its state from step to step, so that each token costs as much as the one before.

    Args:
        trained: a network that was trained to continue text.
        prompt: what the text begins with; "" for a new line.
        length: how many tokens are written.
        temperature: p becomes p^(1 / temperature), so that below 1 what is likely becomes likelier; 0 takes the
            likeliest.
        seed: makes it repeatable; None takes a fresh one.

    Raises:
        OptionError: the network does something else, or a number is out of range.
        NotFiniteError: what the network says is NaN.
    """
    encoding = trained.encoding
    if not isinstance(encoding, Continued):
        raise OptionError(f"{trained.path} does not continue text: chainrule train TEXT.txt makes a network that does.")
    length, temperature = whole("length", length), real("temperature", temperature, low=0)
    random = stream("text", seed_or_fresh(seed))
    begin = encoding.tokenizer.encode(prompt or "\n").tolist()
    tokens = _tokens(trained.network, begin, length, temperature, random)
    return _pieces(encoding.tokenizer.decode, tokens)


def strangers(trained: Trained, prompt: str) -> list[str]:
    """What of a prompt the network has no token for."""
    assert isinstance(trained.encoding, Continued)
    return trained.encoding.tokenizer.strangers(prompt)


def _tokens(
    network: Network, new: list[int], length: int, temperature: float, random: np.random.Generator
) -> Iterator[int]:
    memory: dict[int, Any] = {}
    for _ in range(length):
        P = network.predict(np.array([new], np.int32), memory=memory)[0, -1]
        new = [_drawn(P, temperature, random)]
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


def _drawn(P: NDArray[Any], temperature: float, random: np.random.Generator) -> int:
    """A token by its probability; what is not in the vocabulary is never written.

    Raises:
        NotFiniteError: the network's numbers are none.
    """
    if not np.isfinite(P).all():
        raise NotFiniteError("the network gives NaN for probabilities: its parameters have left all bounds.")
    known = np.log(np.maximum(P[1:].astype(np.float64), 1e-300))
    if temperature == 0:
        return int(known.argmax()) + 1
    shares = np.exp((known - known.max()) / temperature).cumsum()
    return int(np.searchsorted(shares, random.random() * shares[-1], side="right")) + 1
