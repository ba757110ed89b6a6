"""Estimators for scikit-learn's ecosystem on chainrule's engines: its multi-layer perceptrons, of which one import is
changed, with what was missing; and networks for frames as people have them."""

from chainrule.extras import sklearn as _  # noqa: F401 (whose lack is told here, before any of it is imported)
from chainrule.sklearn.classifier import MLPClassifier
from chainrule.sklearn.regressor import MLPRegressor
from chainrule.sklearn.tables import TableClassifier, TableRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "TableClassifier", "TableRegressor"]
