"""scikit-learn's multi-layer perceptrons on chainrule's engines: change one import, and add what was missing."""

from chainrule.sklearn.classifier import MLPClassifier
from chainrule.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
