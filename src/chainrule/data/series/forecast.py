"""What is forecast: columns over the next steps, and quantiles of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.data.targets import Target
from chainrule.errors import OptionError
from chainrule.graph import Array
from chainrule.metrics import Task


class Pinball:
    """L = Σ_q max(q e, (q − 1) e), e = y − a: least where a share q of what comes lies below a (Koenker & Bassett,
    1978).

    Made of operations that have kernels. Quantile q is that of every n-th output, n being how many there are.
    """

    name: ClassVar[str] = "pinball"
    task: ClassVar[Task] = "values"

    def __init__(self, quantiles: list[float]):
        self.quantiles = quantiles

    def __call__(self, A: Array, Y: Array) -> Any:
        from chainrule.ops import maximum, mean

        n_out = A.shape[-1]
        q = np.tile(np.asarray(self.quantiles), n_out // len(self.quantiles)).astype(A.dtype)
        e = Y - A
        return mean(maximum(q * e, (q - 1) * e)) * n_out


@dataclass(frozen=True, repr=False)
class Forecast(Target):
    """The target of a forecast: columns over the next steps.

    Args:
        quantiles: which share of what comes is to lie below each further output; then the first one is the median.
    """

    quantiles: list[float] = field(default_factory=list)

    scales_fixed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.quantiles and self.error is not None:
            raise OptionError("--quantiles has a loss of its own: leave --loss out.")
        if any(not 0 < q < 1 for q in self.quantiles):
            raise OptionError("a quantile lies between 0 and 1.")

    @property
    def n_out(self) -> int:
        return len(self.names) * (1 + len(self.quantiles))

    @property
    def metrics(self) -> tuple[str, ...]:
        return ("mae", "rmse")

    @property
    def learned_loss(self) -> str | Pinball:
        return Pinball([0.5, *self.quantiles]) if self.quantiles else self.loss

    @property
    def summary(self) -> str:
        values = f"{len(self.names)} values to come" if len(self.names) > 1 else "the next value"
        q = ", ".join(f"{quantile:.10g}" for quantile in self.quantiles)
        return f"{values} and the quantiles {q} of each" if self.quantiles else values

    def points(self, output: NDArray[Any]) -> NDArray[Any]:
        """(m, names), the forecasts themselves among all outputs."""
        return output.reshape(len(output), len(self.names), -1)[:, :, 0]

    def bands(self, output: NDArray[Any]) -> NDArray[Any]:
        """(m, names, quantiles), the forecast quantiles among all outputs."""
        return output.reshape(len(output), len(self.names), -1)[:, :, 1:]

    def coverage(self, output: NDArray[Any], came: NDArray[Any]) -> dict[str, Any]:
        """Which share of what came, (m, names), lay `below` each quantile, and `between` the outer ones; nothing where
        no quantiles are forecast.

        Args:
            output: (m, n_out) what was forecast.
        """
        if not self.quantiles:
            return {}
        bands = self.bands(output)
        below = {f"{q:.10g}": float((came < bands[:, :, i]).mean()) for i, q in enumerate(self.quantiles)}
        if len(self.quantiles) == 1:
            return {"below": below}
        inside = (came >= bands[:, :, 0]) & (came <= bands[:, :, -1])
        return {
            "below": below,
            "between": {"of": [self.quantiles[0], self.quantiles[-1]], "share": float(inside.mean())},
        }

    def predictions(self, output: NDArray[Any]) -> dict[str, list[Any]]:
        parts = output.astype(np.float64).reshape(len(output), len(self.names), -1)
        found = {}
        for i, name in enumerate(self.names):
            found["prediction" if len(self.names) == 1 else f"prediction {name}"] = parts[:, i, 0].tolist()
            for q, quantile in enumerate(self.quantiles, 1):
                found[f"{quantile:.10g} of {name}"] = parts[:, i, q].tolist()
        return found
