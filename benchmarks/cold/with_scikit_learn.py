"""scikit-learn from cold: python with_scikit_learn.py EPOCHS FOLDER. Reads the digits, trains, saves network.npz."""

import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

epochs, folder = int(sys.argv[1]), Path(sys.argv[2])
warnings.simplefilter("ignore")  # that so many epochs were enough
X, y = load_digits(return_X_y=True)
X, _, y, _ = train_test_split(X.astype(np.float32), y, test_size=0.28, random_state=0, stratify=y)
mean, deviation = X.mean(axis=0), X.std(axis=0)
deviation[deviation == 0] = 1

net = MLPClassifier((256,), batch_size=32, alpha=32e-4, max_iter=epochs, n_iter_no_change=epochs, random_state=0)
net.fit((X - mean) / deviation, y)

folder.mkdir(parents=True)
(W1, W2), (b1, b2) = net.coefs_, net.intercepts_
np.savez(folder / "network.npz", W1=W1.T, b1=b1, W2=W2.T, b2=b2, mean=mean, deviation=deviation)
