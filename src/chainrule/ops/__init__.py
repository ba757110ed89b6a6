"""Every operation of the computation graph: forward and backward side by side, one function each."""

from chainrule.graph import OPERATIONS
from chainrule.ops.activations import (
    elu,
    gelu,
    identity,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from chainrule.ops.arithmetic import add, divide, matmul, multiply, negative, power, subtract
from chainrule.ops.attention import attention, positional_encoding
from chainrule.ops.convolution import convolution, transposed_convolution
from chainrule.ops.elementwise import abs, clip, cos, exp, log, maximum, minimum, sin, sqrt, tan, where
from chainrule.ops.embedding import embed_columns, embedding
from chainrule.ops.linear import linear
from chainrule.ops.losses import (
    absolute_error,
    binary_cross_entropy,
    cross_entropy,
    exp_poisson,
    hinge,
    huber,
    perceptron,
    poisson,
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
    squared_error,
)
from chainrule.ops.masking import mask_steps, mask_windows, step_mask
from chainrule.ops.normalization import batch_norm, layer_norm, normalize, standardize, unstandardize
from chainrule.ops.pooling import (
    adaptive_average_pool,
    average_pool,
    global_average_pool,
    global_max_pool,
    max_pool,
    upsample,
)
from chainrule.ops.recurrence import gru, lstm, rnn
from chainrule.ops.reductions import max, mean, sum
from chainrule.ops.regularization import dropout
from chainrule.ops.shaping import concatenate, index, reshape, stack, transpose

ACTIVATIONS = {
    g.name: g for g in (identity, sigmoid, tanh, relu, leaky_relu, elu, gelu, silu, softplus, softmax, log_softmax)
}
"""The activations that a layer knows by name."""

LOSSES = {
    loss.name: loss
    for loss in (
        squared_error,
        absolute_error,
        huber,
        poisson,
        binary_cross_entropy,
        cross_entropy,
        hinge,
        perceptron,
    )
}
"""The losses that training knows by name."""

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "OPERATIONS",
    "abs",
    "absolute_error",
    "adaptive_average_pool",
    "add",
    "attention",
    "average_pool",
    "batch_norm",
    "binary_cross_entropy",
    "clip",
    "concatenate",
    "convolution",
    "cos",
    "cross_entropy",
    "divide",
    "dropout",
    "elu",
    "embed_columns",
    "embedding",
    "exp",
    "exp_poisson",
    "gelu",
    "global_average_pool",
    "global_max_pool",
    "gru",
    "hinge",
    "huber",
    "identity",
    "index",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log",
    "log_softmax",
    "lstm",
    "mask_steps",
    "mask_windows",
    "matmul",
    "max",
    "max_pool",
    "maximum",
    "mean",
    "minimum",
    "multiply",
    "negative",
    "normalize",
    "perceptron",
    "poisson",
    "positional_encoding",
    "power",
    "relu",
    "reshape",
    "rnn",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "silu",
    "sin",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "sqrt",
    "squared_error",
    "stack",
    "standardize",
    "step_mask",
    "subtract",
    "sum",
    "tan",
    "tanh",
    "transpose",
    "transposed_convolution",
    "unstandardize",
    "upsample",
    "where",
]
