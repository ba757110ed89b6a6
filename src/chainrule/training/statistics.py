"""What layers learn from the data before the first epoch, without a gradient."""

from collections.abc import Callable, Iterable, Iterator

from chainrule.engines import Batch
from chainrule.errors import OptionError
from chainrule.graph import Array, plain
from chainrule.layers import Layer, Network, Standardize
from chainrule.layers.walk import Walk, walking


def learn_statistics(net: Network, batches: Callable[[], Iterable[Batch]]) -> None:
    """Let each `Standardize` that has not learned yet see its own input for all batches, the first layer first."""
    for _, layer in net.family():
        if isinstance(layer, Standardize) and not layer.learned:
            if layer.inverse:
                raise OptionError(f"{layer.label} has not learned the target's scale: call its learn([y]) first.")
            layer.learn(_inputs(net, layer, batches()))


def _inputs(net: Network, layer: Layer, batches: Iterable[Batch]) -> Iterator[Array]:
    """What reaches the layer, batch by batch, without steps that do not count."""
    seen: list[Array] = []

    def keep(passed: Layer, A: Array, _: Array) -> None:
        if passed is layer:
            seen.append(plain(A) if layer.mask is None else plain(A)[plain(layer.mask)])

    for X, _, _ in batches:
        with walking(Walk(dtype=net.dtype, watch=keep)):
            net(X)
        yield seen.pop()
