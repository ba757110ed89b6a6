"""What users would run from a file on.

`table FILE TARGET EPOCHS` and `digits EPOCHS` are scikit-learn's, `copy FILE` is polars'.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np


def table(path: str, target: str, epochs: str) -> None:
    """Polars reads, scikit-learn's MLP of 64 units learns: numbers standardized, words as one-hot columns."""
    import pandas as pd
    import polars as pl
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = pl.read_parquet(path) if path.endswith(".parquet") else pl.read_csv(path, infer_schema_length=10_000)
    y, X = frame[target].to_numpy(), frame.drop(target)
    mlp = MLPClassifier((64,), max_iter=int(epochs), random_state=0)
    if all(dtype.is_numeric() for dtype in X.dtypes):
        X_train, X_test, y_train, y_test = train_test_split(X.cast(pl.Float32).to_numpy(), y, random_state=0)
        model = make_pipeline(StandardScaler(copy=False), mlp)
    else:
        X_train, X_test, y_train, y_test = train_test_split(pd.read_csv(path).drop(columns=target), y, random_state=0)
        words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
        numbers = make_pipeline(SimpleImputer(), StandardScaler())
        columns = make_column_selector(dtype_include=np.number), make_column_selector(dtype_exclude=np.number)
        model = make_pipeline(make_column_transformer((numbers, columns[0]), (words, columns[1])), mlp)
    print(model.fit(X_train, y_train).score(X_test, y_test))


def digits(epochs: str) -> None:
    """The digits that scikit-learn brings along, and its MLP of 128 units."""
    from sklearn.datasets import load_digits
    from sklearn.metrics import classification_report, confusion_matrix
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
    model = make_pipeline(StandardScaler(), MLPClassifier((128,), max_iter=int(epochs), batch_size=32, random_state=0))
    model.fit(X_train, y_train)
    print(classification_report(y_test, model.predict(X_test)), confusion_matrix(y_test, model.predict(X_test)))


def copy(path: str) -> None:
    """Polars reads a CSV, and writes four columns of as many rows."""
    import polars as pl

    frame = pl.read_csv(path, infer_schema_length=10_000)
    frame.select(frame.columns[:4]).write_csv("copied.csv")


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of epochs that are not enough
    {"table": table, "digits": digits, "copy": copy}[sys.argv[1]](*sys.argv[2:])
