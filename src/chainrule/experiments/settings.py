"""What a user may choose for an experiment, and what the files of its folder are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chainrule.checking import whole

MODEL, HISTORY, METRICS, CURVES, CHECKPOINT = (
    "model.safetensors",
    "history.json",
    "metrics.json",
    "curves.svg",
    "checkpoint.safetensors",
)


@dataclass(frozen=True)
class Settings:
    """What a user may choose; the defaults suit small and medium data.

    Args:
        epochs: how often every training example is met, at most; None for about 2,000 updates, and 50 at least.
        hidden: the units of each hidden layer.
        activation: of the hidden layers.
        dropout: the rate after each hidden layer.
        batch_norm: whether each hidden layer is normalized.
        optimizer: a name.
        learning_rate: α; None for the optimizer's own.
        l2: the optimizer's L2 regularization.
        batch_size: examples in a mini-batch.
        test: the part of all examples that is held out to the end.
        validation: the part of the remaining ones that is watched while training.
        patience: epochs without improvement of the validation cost before training ends; 0 for never, None for a
            tenth of the epochs, and 10 at least.
        seed: of the split, the start, shuffling and dropout; None takes a fresh one.
        engine: see `chainrule.train`.
        checkpoint_minutes: how often the state of the run is saved.
    """

    epochs: int | None = None
    hidden: Sequence[int] = (256,)
    activation: str = "relu"
    dropout: float = 0.0
    batch_norm: bool = False
    optimizer: str = "adam"
    learning_rate: float | None = None
    l2: float = 1e-4
    batch_size: int = 32
    test: float = 0.2
    validation: float = 0.1
    patience: int | None = None
    seed: int | None = None
    engine: str = "auto"
    checkpoint_minutes: float = 1.0

    def resolve(self, m: int, seed: int) -> Settings:
        """The settings with nothing left open, for m training examples.

        Raises:
            OptionError: a number out of range.
        """
        updates_an_epoch = -(-m // whole("batch_size", self.batch_size))
        epochs = max(50, -(-2000 // updates_an_epoch)) if self.epochs is None else whole("epochs", self.epochs)
        patience = max(10, epochs // 10) if self.patience is None else whole("patience", self.patience, at_least=0)
        return replace(self, epochs=epochs, patience=patience, seed=seed)
