"""The base of layers that learn from data once, without a gradient, before the first epoch."""

from collections.abc import Iterable
from typing import Any

from chainrule.layers.layer import Layer


class Learner(Layer):
    """A layer whose statistics come from the training data: `train` lets it learn before the first epoch.

    Its statistic "count" (1,) is the number of examples that it has learned from, 0 before.
    """

    @property
    def learns_targets(self) -> bool:
        """Whether it learns from batches (A, Y, weights), in place of its inputs alone."""
        return False

    @property
    def learned(self) -> bool:
        """Whether it has seen data."""
        return bool("count" in self.statistics and self.statistics["count"][0] > 0)

    def learn(self, batches: Iterable[Any]) -> None:
        """Learn from batches of its inputs, or of more; see `learns_targets`.

        Raises:
            DataError: there is no example.
        """
        raise NotImplementedError(f"{type(self).__name__} must define learn(batches).")
