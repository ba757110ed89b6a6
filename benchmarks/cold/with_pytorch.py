"""PyTorch from cold: python with_pytorch.py EPOCHS FOLDER. Reads the digits, trains 64-256-10, saves network.npz."""

import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

epochs, folder = int(sys.argv[1]), Path(sys.argv[2])
X, y = load_digits(return_X_y=True)
X, _, y, _ = train_test_split(X.astype(np.float32), y, test_size=0.28, random_state=0, stratify=y)
mean, deviation = X.mean(axis=0), X.std(axis=0)
deviation[deviation == 0] = 1
X, y = torch.from_numpy((X - mean) / deviation), torch.from_numpy(y)

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)
for _ in range(epochs):
    for rows in torch.randperm(len(X)).split(32):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(X.index_select(0, rows)), y.index_select(0, rows)).backward()
        optimizer.step()

folder.mkdir(parents=True)
W1, b1, W2, b2 = (theta.detach().numpy() for theta in net.parameters())
np.savez(folder / "network.npz", W1=W1, b1=b1, W2=W2, b2=b2, mean=mean, deviation=deviation)
