"""Training networks: the loop, its history, and what belongs around it."""

from chainrule.training.checkpoints import Checkpoint
from chainrule.training.cost import gradients
from chainrule.training.early_stopping import EarlyStopping
from chainrule.training.evaluate import evaluate
from chainrule.training.gradient_check import GradientCheck, check_gradients
from chainrule.training.history import History
from chainrule.training.run import Run
from chainrule.training.train import train

__all__ = [
    "Checkpoint",
    "EarlyStopping",
    "GradientCheck",
    "History",
    "Run",
    "check_gradients",
    "evaluate",
    "gradients",
    "train",
]
