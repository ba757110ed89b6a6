"""Networks that several tests derive."""

import chainrule as cr


def three_four_one():
    """The network of the notes."""
    return cr.Network([cr.Dense(4, "relu"), cr.Dense(1, "sigmoid")], seed=0, input_shape=3)


def twelve_layers():
    """Twelve layers with parameters, in a row, side by side and inside one another; all small enough to be printed."""
    return cr.Network(
        [
            cr.Dense(6, "relu"),
            cr.BatchNorm(),
            cr.Residual([cr.Dense(6, "tanh"), cr.Dense(6)]),
            cr.Dropout(0.3),
            cr.Residual([cr.Dense(5, "gelu"), cr.LayerNorm()], shortcut=cr.Dense(5, bias=False)),
            cr.Network([cr.Dense(5, "silu"), cr.Network([cr.Dense(5, "elu")])]),
            cr.Dense(4, "softplus"),
            cr.Dense(4, "leaky_relu"),
            cr.Dense(3, "softmax"),
        ],
        seed=0,
        input_shape=4,
    )
