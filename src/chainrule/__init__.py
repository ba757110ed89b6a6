"""chainrule: neural networks that show their work, at the speed of the machine."""

from chainrule import initializers, ops, schedules
from chainrule.errors import (
    ChainruleError,
    DataError,
    GraphError,
    ModelFileError,
    NotFiniteError,
    OptionError,
    ShapeError,
)
from chainrule.graph import Variable, backward, variable
from chainrule.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LayerNorm,
    Network,
    Residual,
    Standardize,
    load,
)
from chainrule.optimizers import LBFGS, Adagrad, Adam, AdamW, GradientDescent, Optimizer, RMSProp
from chainrule.training import (
    Checkpoint,
    EarlyStopping,
    GradientCheck,
    History,
    Run,
    check_gradients,
    evaluate,
    gradients,
    train,
)

__version__ = "0.1.0"

# In the order in which a reader meets them: the graph, the layers, the optimizers, training, the errors.
__all__ = [
    "variable",
    "Variable",
    "backward",
    "ops",
    "Network",
    "Layer",
    "Dense",
    "Activation",
    "Dropout",
    "BatchNorm",
    "LayerNorm",
    "Standardize",
    "Embedding",
    "Flatten",
    "Residual",
    "load",
    "initializers",
    "Optimizer",
    "GradientDescent",
    "Adagrad",
    "RMSProp",
    "Adam",
    "AdamW",
    "LBFGS",
    "schedules",
    "train",
    "evaluate",
    "gradients",
    "check_gradients",
    "GradientCheck",
    "History",
    "EarlyStopping",
    "Checkpoint",
    "Run",
    "ChainruleError",
    "ShapeError",
    "DataError",
    "OptionError",
    "GraphError",
    "NotFiniteError",
    "ModelFileError",
]
