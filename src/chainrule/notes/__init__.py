"""The notes, runnable: every section in its own notation and its own shapes.

Examples are columns: X is (n_x, m), Y is (1, m), W^[l] is (n^[l], n^[l-1]), b^[l] is (n^[l], 1), all float64. The
functions stand on the operations of `chainrule.ops`; only where the notes write loops on purpose are there loops.
"""

from typing import TYPE_CHECKING, NoReturn

from chainrule.names import no_attribute
from chainrule.notes import hidden_layer
from chainrule.notes.activations import (
    leaky_relu,
    leaky_relu_derivative,
    plot_activations,
    relu,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    tanh,
    tanh_derivative,
)
from chainrule.notes.boundary import plot_boundary
from chainrule.notes.broadcasting import broadcast
from chainrule.notes.checker import check
from chainrule.notes.computation_graph import computation_graph
from chainrule.notes.convolution import convolve, plot_filters
from chainrule.notes.curves import plot_costs
from chainrule.notes.descent import gradient_descent
from chainrule.notes.dimensions import dimensions
from chainrule.notes.hyperparameters import effect_of, table
from chainrule.notes.initialization import initialize
from chainrule.notes.layers import (
    activation_backward,
    activation_forward,
    backward,
    cost,
    forward,
    linear_backward,
    linear_forward,
    train,
    update,
)
from chainrule.notes.logistic import (
    compare_vectorization,
    cross_entropy,
    logistic_regression,
    losses_along_a_line,
    plot_losses,
    predict,
    predict_theta,
    propagate,
    propagate_loop,
    squared_error,
    to_theta,
)
from chainrule.notes.measures import classification_metrics, regression_metrics
from chainrule.notes.optimizer_paths import compare_optimizers
from chainrule.notes.rosenblatt import perceptron
from chainrule.notes.shapes import stack_examples
from chainrule.notes.symmetry import show_symmetry
from chainrule.notes.through_time import plot_through_time, unroll
from chainrule.notes.why_deep import parity, sawtooth, why_deep

# In the order of the notes.
__all__ = [
    "perceptron",
    "stack_examples",
    "predict",
    "predict_theta",
    "to_theta",
    "squared_error",
    "cross_entropy",
    "losses_along_a_line",
    "plot_losses",
    "gradient_descent",
    "computation_graph",
    "logistic_regression",
    "propagate_loop",
    "propagate",
    "compare_vectorization",
    "broadcast",
    "hidden_layer",
    "plot_boundary",
    "sigmoid",
    "sigmoid_derivative",
    "tanh",
    "tanh_derivative",
    "relu",
    "relu_derivative",
    "leaky_relu",
    "leaky_relu_derivative",
    "plot_activations",
    "initialize",
    "show_symmetry",
    "linear_forward",
    "activation_forward",
    "forward",
    "cost",
    "linear_backward",
    "activation_backward",
    "backward",
    "update",
    "train",
    "plot_costs",
    "check",
    "dimensions",
    "parity",
    "sawtooth",
    "why_deep",
    "table",
    "effect_of",
    "classification_metrics",
    "regression_metrics",
    "compare_optimizers",
    "convolve",
    "plot_filters",
    "unroll",
    "plot_through_time",
]

if not TYPE_CHECKING:  # to whoever reads types, the module has what it has

    def __getattr__(name: str) -> NoReturn:
        raise no_attribute("chainrule.notes", name, __all__)
