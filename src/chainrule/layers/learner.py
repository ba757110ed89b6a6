"""The base of layers that learn from data once, without a gradient, before the first epoch."""

from collections.abc import Iterable

from chainrule.graph import Array
from chainrule.layers.layer import Layer


class Learner(Layer):
    """A layer whose statistics come from the training data: `train` lets it learn before the first epoch.

    Its statistic "count" (1,) is the number of examples that it has learned from, 0 before.
    """

    @property
    def learned(self) -> bool:
        """Whether it has seen data."""
        return bool("count" in self.statistics and self.statistics["count"][0] > 0)

    def learn(self, batches: Iterable[Array]) -> None:
        """Learn from batches of its inputs.

        Raises:
            DataError: there is no example.
        """
        raise NotImplementedError(f"{type(self).__name__} must define learn(batches).")
