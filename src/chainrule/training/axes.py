"""Examples whose axes seem to stand in another library's order, where a network takes its sizes from them."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import ShapeError
from chainrule.layers import Activation, BatchNorm, Conv1D, Conv2D, Dropout, Network, Standardize

COLOURS = (1, 3)
"""How many channels pictures have."""

LONG = 8
"""From so many on, a number is more likely a width or a number of steps than one of channels."""

KEEPING = (Network, Standardize, BatchNorm, Dropout, Activation)
"""What may stand before a convolution that still reads the examples as they are; a network holds what follows."""


def refuse_channels_first(net: Network, shape: Sequence[int]) -> None:
    """Raises ShapeError where an unbuilt network would read an axis of channels as one of places.

    Nothing else would say so: the convolutions run, over the wrong axes. Who means it says so by `net.build(shape)`.

    Args:
        shape: of one example.
    """
    first = next((layer for _, layer in net.family() if not isinstance(layer, KEEPING)), None)
    given = tuple(shape)
    if isinstance(first, Conv2D) and len(given) == 3 and given[0] in COLOURS and min(given[1:]) >= LONG:
        read = f"pictures of {given[0]} × {given[1]} with {given[2]} channels"
        order, turned = "(m, channels, height, width)", "X.transpose(0, 2, 3, 1)"
    elif isinstance(first, Conv1D) and len(given) == 2 and given[0] == 1 and given[1] >= LONG:
        read = f"sequences of one step with {given[1]} features"
        order, turned = "(m, features, steps)", "X.transpose(0, 2, 1)"
    else:
        return
    raise ShapeError(
        f"X is (m, {', '.join(map(str, given))}), which are {read}: if its order is {order}, give {turned}; "
        f"if not, say so by net.build({given})."
    )
