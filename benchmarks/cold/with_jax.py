"""JAX from cold: python with_jax.py EPOCHS FOLDER. Reads the digits, trains 64-256-10, saves network.npz."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

epochs, folder = int(sys.argv[1]), Path(sys.argv[2])
X, y = load_digits(return_X_y=True)
X, _, y, _ = train_test_split(X.astype(np.float32), y, test_size=0.28, random_state=0, stratify=y)
mean, deviation = X.mean(axis=0), X.std(axis=0)
deviation[deviation == 0] = 1
X, y = (X - mean) / deviation, y.astype(np.int32)


def cost(theta, X, y):
    W1, b1, W2, b2 = theta
    A = jax.nn.log_softmax(jax.nn.relu(X @ W1.T + b1) @ W2.T + b2)
    return -jnp.take_along_axis(A, y[:, None], axis=1).mean() + 0.5e-4 * ((W1**2).sum() + (W2**2).sum())


@jax.jit
def train(state, X, y, orders):
    """A scan over all batches, each a row of `orders`."""

    def step(state, rows):
        theta, m, v, t = state
        g = jax.grad(cost)(theta, X[rows], y[rows])
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, v, g)
        alpha, root = 1e-3 / (1 - 0.9**t), jax.lax.rsqrt(1 - 0.999**t)
        theta = jax.tree.map(lambda p, m, v: p - alpha * m / (jnp.sqrt(v) * root + 1e-8), theta, m, v)
        return (theta, m, v, t), None

    return jax.lax.scan(step, state, orders)[0]


random = np.random.default_rng(0)
shapes = (256, 64), (256,), (10, 256), (10,)
theta = [
    (random.standard_normal(shape) * (2 / shape[-1]) ** 0.5 * (len(shape) - 1)).astype(np.float32) for shape in shapes
]
zeros = [np.zeros_like(p) for p in theta]
whole = len(X) - len(X) % 32
orders = np.concatenate([random.permutation(len(X))[:whole].reshape(-1, 32) for _ in range(epochs)])
W1, b1, W2, b2 = map(np.asarray, train((theta, zeros, zeros, jnp.float32(0)), X, y, orders)[0])

folder.mkdir(parents=True)
np.savez(folder / "network.npz", W1=W1, b1=b1, W2=W2, b2=b2, mean=mean, deviation=deviation)
