"""What a linear model is given: numbers as they are, categories one-hot, and texts by TF-IDF (Spärck Jones, 1972)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.source import Place
from chainrule.experiments.linear import WIDE, Matrix

STRENGTH = 10.0
"""The squared length of the row of a text, so that its weights count a tenth in the penalty: C=10 in other words."""


class Expansion:
    """Turns X into the features of a linear model, in float64 and with a last column of 1.

    Where there are texts, and so many columns that most numbers are 0, they come as a sparse matrix.

    Args:
        places: where in X each column lies.
        X: (m, n_in), the examples that the model will learn from; they tell in how many texts each word stands.
    """

    def __init__(self, places: Sequence[Place], X: NDArray[Any]):
        self.bags = [place for place in places if place.bag]
        self.one_hot = [place for place in places if place.tokens and not place.bag]
        self.others = np.concatenate([np.zeros(0, int), *(_span(place) for place in places if not place.tokens)])
        self.rarity = [_rarity(X[:, _span(bag)], bag) for bag in self.bags]
        width = len(self.others) + sum(place.tokens for place in places)
        self.sparse = bool(self.bags) and width > WIDE

    def __call__(self, X: NDArray[Any]) -> Any:
        """(m, n_out): a matrix, or a sparse one of scipy."""
        one_hot = [X[:, _span(place)] == place.first + np.arange(place.tokens) for place in self.one_hot]
        parts: list[Matrix] = [X[:, self.others].astype(np.float64), *(part.astype(np.float64) for part in one_hot)]
        one = np.ones((len(X), 1))
        if not self.bags:
            return np.hstack([*parts, one])
        from chainrule.extras import scipy

        sparse = scipy.sparse

        texts = [_tf_idf(X[:, _span(bag)], bag, rarity) for bag, rarity in zip(self.bags, self.rarity, strict=True)]
        if not self.sparse:
            return np.hstack([*parts, *(text.toarray() for text in texts), one])
        return sparse.hstack([*(sparse.csr_array(part) for part in parts), *texts, sparse.csr_array(one)], "csr")


def _span(place: Place) -> NDArray[np.intp]:
    return np.arange(place.start, place.stop)


def _counts(words: NDArray[Any], bag: Place) -> Any:
    """(m, tokens), sparse: how often each word stands in each text."""
    from chainrule.extras import scipy

    rows, columns = np.nonzero(words)
    numbers = words[rows, columns].astype(np.intp) - bag.first
    return scipy.sparse.csr_array((np.ones(len(rows)), (rows, numbers)), shape=(len(words), bag.tokens))  # adds up


def _rarity(words: NDArray[Any], bag: Place) -> NDArray[np.float64]:
    """(tokens,), the logarithm of how few texts a word is in, by one more so that none is 0."""
    texts = np.bincount(_counts(words, bag).indices, minlength=bag.tokens)
    return np.asarray(1 + np.log((1 + len(words)) / (1 + texts)))


def _tf_idf(words: NDArray[Any], bag: Place, rarity: NDArray[np.float64]) -> Any:
    """(m, tokens), sparse: 1 + ln of how often a word comes, times its rarity, each row of one length."""
    found = _counts(words, bag)
    found.data = (1 + np.log(found.data)) * rarity[found.indices]
    row = np.repeat(np.arange(len(words)), np.diff(found.indptr))
    found.data *= np.sqrt(STRENGTH / np.bincount(row, found.data**2)[row])
    return found
