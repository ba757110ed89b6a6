"""The layers of networks: parameters, and the operations that use them."""

from chainrule.layers.activation import Activation
from chainrule.layers.dense import Dense
from chainrule.layers.dropout import Dropout
from chainrule.layers.embedding import EmbedColumns, Embedding
from chainrule.layers.flatten import Flatten
from chainrule.layers.layer import Layer
from chainrule.layers.network import Network
from chainrule.layers.normalization import BatchNorm, LayerNorm, Standardize
from chainrule.layers.residual import Residual
from chainrule.layers.saved import load

__all__ = [
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "EmbedColumns",
    "Embedding",
    "Flatten",
    "Layer",
    "LayerNorm",
    "Network",
    "Residual",
    "Standardize",
    "load",
]
