"""How good a network is on examples it has not seen."""

from typing import Any

from numpy.typing import NDArray

from chainrule import engines
from chainrule.data.batches import ArrayBatches
from chainrule.data.examples import example_weights, examples
from chainrule.layers import Network
from chainrule.layers.network import the_network
from chainrule.metrics import find_metrics, score, that_count
from chainrule.training.cost import Cost, LossLike


def evaluate(
    net: Network,
    X: Any,
    y: Any,
    *,
    loss: LossLike,
    metrics: Any = (),
    sample_weight: Any = None,
    engine: str = "auto",
    threads: int | None = None,
    device: str | None = None,
    precision: str = "float32",
) -> dict[str, float]:
    """The mean cost as "loss", without penalty, and each metric under its name.

    Args:
        net: the network; X: (m, …); y: as the loss takes it; loss, metrics, engine, threads, device,
            precision: as `train` takes them.
        sample_weight: (m,), or None; it counts in the loss.

    Raises:
        ShapeError, DataError, OptionError: see `train`.
    """
    return scores_and_outputs(
        net,
        X,
        y,
        loss=loss,
        metrics=metrics,
        sample_weight=sample_weight,
        engine=engine,
        threads=threads,
        device=device,
        precision=precision,
    )[0]


def scores_and_outputs(
    net: Network,
    X: Any,
    y: Any,
    *,
    loss: LossLike,
    metrics: Any = (),
    sample_weight: Any = None,
    engine: str = "auto",
    threads: int | None = None,
    device: str | None = None,
    precision: str = "float32",
) -> tuple[dict[str, float], NDArray[Any]]:
    """What `evaluate` finds, and the outputs (m, …) that it is found in."""
    cost = Cost(loss)
    X, y = examples(X, y)
    the_network(net, "evaluate").build_for(X)
    cost.fit(net, X, y)
    wanted = find_metrics(metrics, cost.task)
    weights = example_weights(y, sample_weight, mask=net.steps_that_count(X))
    batches = ArrayBatches(X, y, weights, batch_size=engines.BLOCK, cast=net.cast)
    with engines.held_to(threads):
        mean, output = engines.select(engine, device, precision=precision).evaluate(net, cost, batches.epoch(0))
    return {"loss": mean} | score(wanted, *that_count(y, output, weights), cost.task), output
