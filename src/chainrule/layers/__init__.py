"""The layers of networks: parameters, and the operations that use them."""

from chainrule.layers.activation import Activation
from chainrule.layers.attended import attention_weights
from chainrule.layers.attention import MultiHeadAttention, PositionalEncoding
from chainrule.layers.convolution import Conv1D, Conv2D, ConvTranspose1D, ConvTranspose2D
from chainrule.layers.dense import Dense
from chainrule.layers.dropout import Dropout
from chainrule.layers.embedding import EmbedBags, EmbedColumns, Embedding
from chainrule.layers.ensemble import Ensemble
from chainrule.layers.exchange import from_onnx, from_pytorch, to_onnx, to_pytorch
from chainrule.layers.flatten import Flatten
from chainrule.layers.layer import Layer
from chainrule.layers.masking import Masking
from chainrule.layers.network import Network
from chainrule.layers.normalization import BatchNorm, LayerNorm, Standardize
from chainrule.layers.numeric import Periodic, PiecewiseLinear
from chainrule.layers.pooling import (
    AdaptiveAveragePool,
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    UpSample,
)
from chainrule.layers.recurrence import GRU, LSTM, RNN
from chainrule.layers.residual import Residual
from chainrule.layers.saved import load

__all__ = [
    "Activation",
    "AdaptiveAveragePool",
    "AveragePool",
    "BatchNorm",
    "Conv1D",
    "Conv2D",
    "ConvTranspose1D",
    "ConvTranspose2D",
    "Dense",
    "Dropout",
    "EmbedBags",
    "EmbedColumns",
    "Embedding",
    "Ensemble",
    "Flatten",
    "GRU",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "LSTM",
    "Layer",
    "LayerNorm",
    "Masking",
    "MaxPool",
    "MultiHeadAttention",
    "Network",
    "Periodic",
    "PiecewiseLinear",
    "PositionalEncoding",
    "RNN",
    "Residual",
    "Standardize",
    "UpSample",
    "attention_weights",
    "from_onnx",
    "from_pytorch",
    "load",
    "to_onnx",
    "to_pytorch",
]
