"""A trained network together with what its experiment knew about the data."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.datasets import Dataset, number
from chainrule.errors import DataError, ModelFileError, OptionError
from chainrule.experiments.parts import split
from chainrule.experiments.settings import MODEL
from chainrule.layers import Network, load
from chainrule.metrics import decide, task_of
from chainrule.names import lookup
from chainrule.training import evaluate


def load_network(path: str) -> Network:
    """The network in a model file, or in the run folder that holds it; see `chainrule.load`."""
    return load(Path(path) / MODEL if Path(path).is_dir() else path)


@dataclass(frozen=True)
class Trained:
    """A network that an experiment made, with what it knows about its data.

    Attributes:
        network: the network. path: the file it came from.
    """

    network: Network
    path: str

    @classmethod
    def load(cls, path: str) -> Trained:
        """The network in a model file, as long as an experiment wrote it.

        Raises:
            ModelFileError: see `chainrule.load`; or the file does not tell what its outputs mean.
        """
        network = load_network(path)
        if not {"loss", "metrics", "classes", "checksum", "split"} <= network.metadata.keys():
            raise ModelFileError(
                f"{path} does not say what its outputs mean, because it was not made by chainrule train: "
                "load it in Python with chainrule.load."
            )
        return cls(network, path)

    def rows(self, dataset: Dataset, part: str) -> tuple[NDArray[np.intp], str]:
        """The rows of a part of the data set, and how to call it.

        Args:
            part: "test", "train" or "all"; "auto" is the held-out part of the very data that the network was
                trained on, and all of any other.

        Raises:
            OptionError: another word, or a part of data that the network was not trained on.
        """
        made = self.network.metadata
        own = dataset.checksum() == made["checksum"]
        lookup("part", part, dict.fromkeys(("auto", "all", "train", "test")))
        if part == "all" or (part == "auto" and not own):
            return np.arange(len(dataset)), "all examples" + (", those of the training among them" if own else "")
        if not own:
            raise OptionError(f"{self.path} was trained on {made['data']}, so {dataset.name} has no {part} part.")
        parts = split(len(dataset), self._targets(dataset) if made["classes"] else None, **made["split"])
        return (parts.test, "the held-out part") if part != "train" else (parts.train, "the training part")

    def evaluate(self, dataset: Dataset, rows: NDArray[np.intp]) -> dict[str, float]:
        """The mean cost and the metrics of the experiment on these rows."""
        made = self.network.metadata
        y = self._targets(dataset)
        return evaluate(self.network, dataset.X[rows], y[rows], loss=made["loss"], metrics=made["metrics"])

    def predictions(self, dataset: Dataset) -> str:
        """A CSV: the number of the example, the prediction, and for classes the probability of each."""
        output = self.network.predict(dataset.X).astype(np.float64)
        classes = self.network.metadata["classes"]
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        if classes is None:
            names = ["prediction"] if output.shape[1] == 1 else [f"prediction {j}" for j in range(output.shape[1])]
            table.writerow(["example", *names])
            table.writerows([i, *(f"{value:.6g}" for value in row)] for i, row in enumerate(output))
        else:
            P = np.hstack([1 - output, output]) if len(classes) == 2 else output
            table.writerow(["example", "prediction", *(f"p({label})" for label in classes)])
            decided = decide(output, task_of(self.network.metadata["loss"]))
            table.writerows(
                [i, classes[k], *(f"{p:.6f}" for p in row)] for i, (k, row) in enumerate(zip(decided, P, strict=True))
            )
        return text.getvalue()

    def _targets(self, dataset: Dataset) -> NDArray[Any]:
        classes = self.network.metadata["classes"]
        y = dataset.targets()
        if classes is not None:
            return number(y, classes)
        if y.dtype.kind in "US":
            raise DataError(f"{self.path} predicts values, but y in {dataset.name} is text.")
        return y.astype(np.float64)
