"""chainrule: neural networks that show their work, at the speed of the machine.

Each public name is imported from its home when it is first used, so that `import chainrule` by itself costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainrule import distributed, initializers, notes, ops, optimizers, schedules
    from chainrule.attribution import Attribution, attribute
    from chainrule.data.augmentation import Augmentation
    from chainrule.data.pictures import Pictures, read_pictures
    from chainrule.data.series import Series, read_series
    from chainrule.data.table_reading import read_table
    from chainrule.data.tables import Table
    from chainrule.data.text import Documents, Text, read_text
    from chainrule.derivation import Drawing, Page, derive, draw
    from chainrule.derivation.steps import Steps, steps
    from chainrule.errors import (
        ChainruleError,
        CheckpointError,
        DataError,
        GraphError,
        MissingPackageError,
        ModelFileError,
        NotFiniteError,
        OptionError,
        PeerError,
        ShapeError,
    )
    from chainrule.experiments import Experiment, Settings, Trained
    from chainrule.experiments.sampling import sample
    from chainrule.graph import Variable, backward, variable
    from chainrule.layers import (
        GRU,
        LSTM,
        RNN,
        Activation,
        AdaptiveAveragePool,
        AveragePool,
        BatchNorm,
        Conv1D,
        Conv2D,
        ConvTranspose1D,
        ConvTranspose2D,
        Dense,
        Dropout,
        EmbedBags,
        EmbedColumns,
        Embedding,
        Ensemble,
        Flatten,
        GlobalAveragePool,
        GlobalMaxPool,
        Layer,
        LayerNorm,
        Masking,
        MaxPool,
        MultiHeadAttention,
        Network,
        Periodic,
        PiecewiseLinear,
        PositionalEncoding,
        Residual,
        Standardize,
        UpSample,
        attention_weights,
        from_onnx,
        from_pytorch,
        load,
        to_onnx,
        to_pytorch,
    )
    from chainrule.optimizers import LBFGS, Adagrad, Adam, AdamW, GradientDescent, Optimizer, RMSProp
    from chainrule.training import (
        Checkpoint,
        EarlyStopping,
        GradientCheck,
        History,
        Run,
        check_gradients,
        gradients,
    )
    from chainrule.training.evaluate import evaluate
    from chainrule.training.train import train

__version__ = "0.2.0"

# In the order in which a reader meets them: the graph, the layers, the optimizers, training, data, the errors.
__all__ = [
    "variable",
    "Variable",
    "backward",
    "draw",
    "Drawing",
    "steps",
    "Steps",
    "ops",
    "Network",
    "Layer",
    "Dense",
    "Activation",
    "Dropout",
    "BatchNorm",
    "LayerNorm",
    "Standardize",
    "PiecewiseLinear",
    "Periodic",
    "Embedding",
    "EmbedBags",
    "EmbedColumns",
    "Flatten",
    "Residual",
    "Ensemble",
    "Conv2D",
    "Conv1D",
    "ConvTranspose2D",
    "ConvTranspose1D",
    "MaxPool",
    "AveragePool",
    "AdaptiveAveragePool",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "UpSample",
    "Masking",
    "LSTM",
    "GRU",
    "RNN",
    "MultiHeadAttention",
    "PositionalEncoding",
    "load",
    "from_pytorch",
    "to_pytorch",
    "from_onnx",
    "to_onnx",
    "initializers",
    "optimizers",
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
    "distributed",
    "read_table",
    "Table",
    "read_pictures",
    "Pictures",
    "Augmentation",
    "read_text",
    "Text",
    "Documents",
    "read_series",
    "Series",
    "Experiment",
    "Settings",
    "Trained",
    "sample",
    "derive",
    "Page",
    "attribute",
    "Attribution",
    "attention_weights",
    "notes",
    "ChainruleError",
    "ShapeError",
    "DataError",
    "OptionError",
    "MissingPackageError",
    "GraphError",
    "NotFiniteError",
    "ModelFileError",
    "CheckpointError",
    "PeerError",
]

_MODULES = (
    "graph",
    "ops",
    "layers",
    "initializers",
    "optimizers",
    "schedules",
    "training",
    "distributed",
    "metrics",
    "derivation",
    "notes",
    "papers",
    "sklearn",
    "errors",
)
_KINDS = (
    "data.tables",
    "data.table_encoding",
    "data.table_reading",
    "data.pictures",
    "data.augmentation",
    "data.series",
    "data.text",
)
_HOMES = (
    "graph",
    "layers",
    "optimizers",
    "training",
    "errors",
    "derivation",
    *_KINDS,
    "experiments",
    "experiments.sampling",
    "attribution",
)


def __getattr__(name: str) -> Any:
    """The public name, from its home."""
    if name in _MODULES:
        return import_module(f"chainrule.{name}")
    if name in __all__:
        import_module("chainrule.ops")  # fills the registry in which variables look their arithmetic up
        for home in _HOMES:
            module = import_module(f"chainrule.{home}")
            if hasattr(module, name):
                globals()[name] = getattr(module, name)
                return globals()[name]
    from chainrule.names import no_attribute

    raise no_attribute("chainrule", name, [*__all__, *_MODULES])


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, *(name for name in globals() if name.startswith("__"))})
