"""What attention looked at: the weights of each attention layer for given examples."""

from typing import Any

from numpy.typing import NDArray

from chainrule.checking import as_array
from chainrule.errors import OptionError
from chainrule.graph import Array
from chainrule.layers.attention import MultiHeadAttention
from chainrule.layers.layer import Layer
from chainrule.layers.network import Network, the_network
from chainrule.layers.walk import Walk, walking


def attention_weights(net: Network, X: Any) -> list[NDArray[Any]]:
    """P = softmax(Q Kᵀ / √d) of each attention layer, in order: how much each step took of which steps.

    Args:
        net: a network with one `MultiHeadAttention` or more.
        X: (m, steps, …), as `Network.predict` takes it.

    Returns:
        One array (m, heads, steps, steps) a layer, of which [i, h, t] is 1 in sum, and tells what step t of example i
        took of each step through head h. 0 where the layer may not look: the future if it is causal, and padding; of an
        example that is nothing but padding everywhere. They are computed in the network's type, never in bfloat16.

    Raises:
        OptionError: it is no network, or no layer of it is an attention.
        ShapeError, DataError: see `Network.predict`.
    """
    X = as_array(X, "X")
    the_network(net, "attention_weights").build_for(X)
    found: list[NDArray[Any]] = []

    def watch(layer: Layer, A: Array, Z: Array) -> None:
        if isinstance(layer, MultiHeadAttention):
            found.append(layer.weights(A))

    with walking(Walk(dtype=net.dtype, watch=watch)):
        net(net.cast(X))
    if not found:
        raise OptionError(f"attention_weights asks for a network with a MultiHeadAttention, and {net!r} has none.")
    return found
