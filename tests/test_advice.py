"""Messages that tell a way out: each is brought about here, and its way out is taken, which must work.

By the part of a message that is always the same: what brings it about, and the ways that it tells of.
"""

import ast
import functools
import itertools
import math
import os
import pickle
import re
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from sklearn.preprocessing import scale

import chainrule as cr
from chainrule import notes
from chainrule.derivation.expression import assignments, parse
from chainrule.papers import lecun1989
from chainrule.sklearn import MLPClassifier, MLPRegressor

RANDOM = np.random.default_rng(0)
X, Y, LABELS = RANDOM.normal(size=(12, 3)), RANDOM.normal(size=(12, 1)), np.arange(12) % 2
PICTURES = RANDOM.normal(size=(4, 6, 6, 2))
SEQUENCES = RANDOM.normal(size=(4, 6, 2))
BATCHES = [(X[:6], Y[:6]), (X[6:], Y[6:])]
D = cr.Dense


def fit(*data, layers=None, net=None, **options):
    net = net or cr.Network(layers or [D(1)], seed=0)
    given = {"loss": "squared_error", "epochs": 1, "seed": 0, "progress": False, "batch_size": 4} | options
    return cr.train(net, *data, **given)


FIRST = RANDOM.normal(size=(12, 3, 8, 8))


class Holder:
    """As a model of an experiment, something that holds a network."""

    def __init__(self, network):
        self.network = network


def filters():
    return [cr.Conv2D(2, 3), cr.Flatten(), D(1)]


def later(function, *given, **options):
    return functools.partial(function, *given, **options)


def built(*layers, shape=3, **options):
    return cr.Network(layers, seed=0, input_shape=shape, **options)


def own_layer(name, body):
    """A layer class of that source, whose name is free for the next."""

    def make():
        found = {"cr": cr, "math": math, "np": np}
        exec(body, found)
        cr.layers.layer.Configurable.kinds.pop(name, None)
        return found[name]

    return make


def with_argument(name, *, kept=True):
    return own_layer(
        "Advised",
        f"class Advised(cr.Layer):\n"
        f"    def __init__(self, {name}):\n"
        f"        {f'self.{name} = {name}' if kept else 'pass'}\n"
        f"    def forward(self, A):\n"
        f"        return A",
    )


def forward_of(line):
    return own_layer(
        "Advised", f"class Advised(cr.Layer):\n    def forward(self, A):\n        {line}\n        return A"
    )


def evaluated(text, **values):
    return read_expression(text, [f"{name}={value}" for name, value in values.items()])


def read_expression(text, values):
    return parse(text, assignments(values))


def saved(net, path):
    net.save(path)
    return cr.load(path)


deep = built(*[D(1) for _ in range(50)])


def stacked(m):
    x = [cr.variable(1 / (i + 2), f"x{i}") for i in range(m)]
    return functools.reduce(lambda total, one: total * one + one, x)


def nested(depth):
    layer = D(2)
    for _ in range(depth):
        layer = cr.Residual([layer])
    return layer


def of_network_in(path):
    """A checkpoint at that path."""
    fit(X, Y, checkpoint=path)
    return path


def dense_behind_flatten(before, shape):
    dense = D(2)
    cr.Network([*before, cr.Flatten(), dense], seed=0, input_shape=shape)
    return dense


a = cr.variable(2.0, "a")
EYE = np.eye(2)[LABELS]
"""LABELS as rows of 0 and 1."""


def weighted(A, Y, weights=None):
    L = ((A - Y) ** 2).sum(axis=1)
    return (L if weights is None else L * weights).mean()


CASES = {
    "let the environment variable CHAINRULE_DATA name the folder of mnist10k.npz, with": (
        lambda: paper_of_digits("mnist"),
        lambda: (mnist_here(), paper_of_digits("mnist")),
        lambda: paper_of_digits("digits"),
    ),
    "Ensemble takes networks, but … is a layer: put it into a Network": (
        lambda: cr.Ensemble([D(2)]),
        lambda: cr.Ensemble([cr.Network([D(2)])]),
    ),
    "more numbers than any memory holds: take smaller sizes": (
        later(built, D(1), shape=(2**40, 2**40)),
        later(built, D(1), shape=(2**4, 2**4)),
    ),
    "is a sparse matrix: give": (lambda: fit(sparse(X), Y), lambda: fit(sparse(X).toarray(), Y)),
    "which cannot be written into a file: use a name, a number, one of chainrule's own operations": (
        lambda: pickle.dumps(built(D(2, lambda A: A * 2))),
        lambda: pickle.dumps(built(D(2, "relu"))),
        lambda: pickle.dumps(built(D(2, functools.partial(cr.ops.leaky_relu, slope=0.2)))),
    ),
    "is a name that chainrule uses itself: give your class another": (
        lambda: type("Dense", (cr.Layer,), {"forward": lambda self, A: A}),
        lambda: type("AdvisedDense", (cr.Layer,), {"forward": lambda self, A: A}),
    ),
    "which cannot be written down: take a list, or names": (
        lambda: built(with_argument("*sizes", kept=False)()(1, 2)),
        lambda: built(with_argument("sizes")()([1, 2])),
    ),
    "has an argument …: give it another name": (
        lambda: built(with_argument("type")()(1)),
        lambda: built(with_argument("kind")()(1)),
    ),
    "which chainrule has a property for: give it another name": (
        lambda: built(with_argument("label", kept=False)()(1)),
        lambda: built(with_argument("named")()(1)),
    ),
    "in its __init__, so that it can be shown, copied and saved": (
        lambda: built(with_argument("rate", kept=False)()(1)),
        lambda: built(with_argument("rate")()(1)),
    ),
    "or a schedule: give an object, such as cr.schedules.Cosine(0.1, epochs=30)": (
        lambda: cr.AdamW(weight_decay="cosine"),
        lambda: cr.AdamW(weight_decay=cr.schedules.Cosine(0.1, epochs=30)),
        lambda: cr.AdamW(cr.schedules.Cosine(0.1, epochs=30)),
        lambda: cr.Dropout(cr.schedules.Cosine(0.1, epochs=30)),
    ),
    "draw takes a Variable or a Network, but was given a": (
        lambda: cr.draw(3 * 2.0),
        lambda: cr.draw(3 * cr.variable(2.0, "a")),
    ),
    "cannot be read: draw a smaller part of it, such as the graph of one example or of one layer": (
        lambda: cr.draw(stacked(300)),
        lambda: cr.draw(stacked(3)),
    ),
    "this is a variable: leave them out": (
        lambda: cr.draw(3 * a, neurons=True),
        lambda: cr.draw(3 * a),
        lambda: cr.draw(built(D(1)), neurons=True),
    ),
    "from left to right: leave y, loss, seed and direction out": (
        lambda: cr.draw(built(D(1)), X[:1], Y[:1], neurons=True),
        lambda: cr.draw(built(D(1)), X[:1], neurons=True),
    ),
    "draws layers as boxes: leave one of them out": (
        lambda: cr.draw(built(cr.RNN(2), shape=(4, 2)), neurons=True, bias=True, unrolled=3),
        lambda: cr.draw(built(cr.RNN(2), shape=(4, 2)), neurons=True, bias=True),
        lambda: cr.draw(built(cr.RNN(2), shape=(4, 2)), neurons=True, unrolled=3),
    ),
    "but units show the activations of one: give one of them, X[:1]": (
        lambda: cr.draw(built(D(1)), X, neurons=True),
        lambda: cr.draw(built(D(1)), X[:1], neurons=True),
    ),
    "blocks go forward to the right: leave direction out": (
        lambda: cr.draw(built(D(1)), blocks=True, direction="down"),
        lambda: cr.draw(built(D(1)), blocks=True),
    ),
    "cannot be read: take blocks=True in place of neurons=True": (
        lambda: cr.draw(deep, neurons=True),
        lambda: cr.draw(deep, blocks=True),
    ),
    "but this network has none of RNN, GRU and LSTM: leave it out": (
        lambda: cr.draw(built(D(1)), neurons=True, unrolled=3),
        lambda: cr.draw(built(D(1)), neurons=True),
    ),
    "this classifier knows its own: leave them out": (
        lambda: notes.plot_boundary(built(D(1, "sigmoid"), shape=2), X.T[:2], LABELS, activations=("sigmoid",)),
        lambda: notes.plot_boundary(built(D(1, "sigmoid"), shape=2), X.T[:2], LABELS),
    ),
    "probability of one of two classes: give a function, such as lambda X: net.predict(X.T).T > 0": (
        lambda: notes.plot_boundary(built(D(1), shape=2), X.T[:2], LABELS),
        lambda: notes.plot_boundary(lambda X: built(D(1), shape=2).predict(X.T).T > 0, X.T[:2], LABELS),
    ),
    "drawings are SVG, but the file is": (
        lambda: cr.draw(3 * a).save("advised.png"),
        lambda: cr.draw(3 * a).save("advised.svg"),
    ),
    "a constant has no derivative: write a letter for a number, and give its value as in a=5": (
        lambda: evaluated("3 * 5"),
        lambda: evaluated("3 * a", a=5),
    ),
    "letters, but … are the most: write it shorter": (
        lambda: evaluated("+".join("a" * 9000), a=1),
        lambda: evaluated("9000 * a", a=1),
    ),
    'the expression is empty: give one such as "3*(a + b*c)"': (
        lambda: evaluated(""),
        lambda: evaluated("3*(a + b*c)", a=5, b=3, c=2),
    ),
    "is a function: write what it is of": (lambda: evaluated("tanh + a", a=1), lambda: evaluated("tanh(a) + a", a=1)),
    "is nested too deeply: write it in fewer steps": (
        lambda: evaluated("-" * 9000 + "a", a=1),
        lambda: evaluated("-a", a=1),
    ),
    "is no value: give NAME=NUMBER, such as a=5": (
        lambda: read_expression("3 * a", ["5"]),
        lambda: read_expression("3 * a", ["a=5"]),
    ),
    "is given twice, as": (
        lambda: read_expression("3 * a", ["a=5", "a=6"]),
        lambda: read_expression("3 * a", ["a=5"]),
    ),
    "is a product of matrices, but of numbers here: write * in place of @": (
        lambda: evaluated("a @ b", a=1, b=2),
        lambda: evaluated("a * b", a=1, b=2),
    ),
    "has an axis, but a number has none: leave axis out": (
        lambda: evaluated("sum(a, axis=0)", a=1),
        lambda: evaluated("sum(a)", a=1),
    ),
    "the sizes of the network are not known: give X, or make it with Network(…, input_shape=…)": (
        lambda: cr.derive(cr.Network([D(1)])),
        lambda: cr.derive(cr.Network([D(1)]), X),
        lambda: cr.derive(cr.Network([D(1)], input_shape=3)),
    ),
    "y is given without X: give both, or neither for the shapes alone": (
        lambda: cr.derive(built(D(1)), None, Y),
        lambda: cr.derive(built(D(1)), X, Y),
        lambda: cr.derive(built(D(1))),
    ),
    "steps takes a Variable, but was given a": (lambda: cr.steps(6.0), lambda: cr.steps(3 * cr.variable(2.0, "a"))),
    "which is no number: choose other values": (
        lambda: cr.steps(cr.variable(math.nan, "a") * 2.0),
        lambda: cr.steps(cr.variable(1.0, "a") * 2.0),
    ),
    "which comes from …: choose other values": (
        lambda: cr.steps(cr.ops.sqrt(cr.variable(0.0, "a"))),
        lambda: cr.steps(cr.ops.sqrt(cr.variable(1.0, "a"))),
    ),
    "are the limit: if you trust the file, load it with a larger memory_limit": (
        lambda: cr.load(model("large", D(200)), memory_limit=100),
        lambda: cr.load(model("large", D(200)), memory_limit=10**7),
    ),
    "is an option and has no derivative: give its plain value": (
        lambda: cr.ops.clip(a, low=cr.variable(0.0)),
        lambda: cr.ops.clip(a, low=cr.variable(0.0).value.item()),
    ),
    "make one variable of them first, with cr.ops.stack": (
        lambda: cr.ops.sum([a, a]),
        lambda: cr.ops.sum(cr.ops.stack(a, a)),
    ),
    "takes a variable out of the computation graph, and what is computed of it has no derivative": (
        lambda: math.exp(a),
        lambda: cr.ops.exp(a),
        lambda: cr.ops.clip(a, low=0),
        lambda: math.exp(a.value),
    ),
    "this is a variable already: give variable(...) its plain value, x.value": (
        lambda: cr.variable(a),
        lambda: cr.variable(a.value),
    ),
    "make at least one input with cr.variable(value, name) before computing J": (
        lambda: cr.backward(6.0),
        lambda: cr.backward(3 * cr.variable(2.0, "a")),
    ),
    "but flattened is …: give": (
        lambda: cr.to_pytorch(dense_behind_flatten([cr.Conv2D(2, 1)], (3, 4, 1)), flattened=(4, 3, 2)),
        lambda: cr.to_pytorch(dense_behind_flatten([cr.Conv2D(2, 1)], (3, 4, 1)), flattened=(3, 4, 2)),
    ),
    "has no parameters: build its network first, Network(…, input_shape=…)": (
        lambda: cr.to_pytorch(D(2)),
        lambda: cr.to_pytorch(built(D(2)).layers[0]),
    ),
    "and nothing before that tells in which order the other library flattens it": (
        lambda: cr.to_pytorch(dense_behind_flatten([], (2, 3, 4))),
        lambda: cr.to_pytorch(dense_behind_flatten([], (2, 3, 4)), flattened=(2, 3, 4)),
        lambda: cr.to_pytorch(dense_behind_flatten([], (2, 3, 4)), flattened=()),
    ),
    "asks for a random key while predicting: guard it by `if self.training:`": (
        lambda: built(forward_of("self.random_key()")()()).predict(X),
        lambda: built(forward_of("if self.training: self.random_key()")()()).predict(X),
    ),
    "do so in forward, and call the layer, layer(A), instead of its forward": (
        lambda: built(D(2)).layers[0].forward(X),
        lambda: built(D(2)).layers[0](X.astype(np.float32)),
    ),
    "put the inner layers side by side into one list": (
        lambda: cr.Network([nested(60)]),
        lambda: cr.Network([cr.Residual([D(3)]) for _ in range(60)], input_shape=3),
    ),
    "a Network is plain data and has no subclasses: subclass Layer, and put it into a Network": (
        lambda: type("Own", (cr.Network,), {}),
        lambda: built(forward_of("pass")()()),
    ),
    "fill in or drop such examples first": (
        lambda: fit(holes(), Y),
        lambda: fit(np.nan_to_num(holes()), Y),
        lambda: fit(holes()[1:], Y[1:]),
    ),
    "cannot hold: rescale it first": (lambda: fit(X * 1e300, Y), lambda: fit(scale(X), Y)),
    "stands in the network twice: make a layer object for each place": (
        lambda: (lambda layer: cr.Network([layer, layer]))(D(3)),
        lambda: cr.Network([D(3), D(3)]),
    ),
    "so it cannot go on from a memory: give the sequences as a whole": (
        lambda: built(cr.MultiHeadAttention(1), shape=(6, 2)).predict(SEQUENCES, memory={}),
        lambda: built(cr.MultiHeadAttention(1), shape=(6, 2)).predict(SEQUENCES),
    ),
    "its shapes are not known: give it input_shape, or build(…), before it is saved": (
        lambda: pickle.dumps(cr.Network([built(D(2))])),
        lambda: pickle.dumps(cr.Network([built(D(2))], input_shape=3)),
        lambda: pickle.dumps((lambda net: net.build(3) or net)(cr.Network([built(D(2))]))),
    ),
    "belongs to another network already: make new layers, or put that whole network": (
        lambda: built(built(D(2)).layers[0]),
        lambda: built(D(2)),
        lambda: built(built(D(2))),
        lambda: built(built(D(2)).copy()),
    ),
    "is a checkpoint, not a model: go on with it by train(…, checkpoint=…, resume=True)": (
        lambda: cr.load(of_network_in("advised.safetensors")),
        lambda: fit(X, Y, epochs=2, checkpoint="advised.safetensors", resume=True),
    ),
    "give each function a name of its own": (
        lambda: fit(X, Y, metrics=[lambda y, A: 0.0, lambda y, A: 1.0]),
        lambda: fit(X, Y, metrics=[one, two]),
    ),
    "does not fit a network that …; take": (
        lambda: fit(X, Y, metrics="accuracy"),
        *(later(fit, X, Y, metrics=name) for name in ("mae", "mse", "r2", "rmse")),
    ),
    "start is …, but must be w, or (w, b)": (
        lambda: notes.gradient_descent(lambda w: w**2, [1, 2, 3], 0.1, 3),
        lambda: notes.gradient_descent(lambda w: w**2, 1.0, 0.1, 3),
        lambda: notes.gradient_descent(lambda w, b: w**2 + b**2, (1.0, 2.0), 0.1, 3),
    ),
    "J is …. Take a smaller alpha than": (
        lambda: notes.gradient_descent(lambda w: w**4, 1e3, 1.0, 9),
        lambda: notes.gradient_descent(lambda w: w**4, 1e3, 1e-8, 9),
    ),
    "L-BFGS searches along lines, without an α: take another optimizer": (
        lambda: notes.gradient_descent(lambda w: w**2, 1.0, 0.1, 3, optimizer="lbfgs"),
        lambda: notes.gradient_descent(lambda w: w**2, 1.0, 0.1, 3, optimizer="adam"),
    ),
    "has a schedule of learning rates: give it one, as it is the rules that compare": (
        lambda: notes.compare_optimizers(iterations=2, optimizers={"it": cr.Adam(cr.schedules.Exponential(0.1, 0.5))}),
        lambda: notes.compare_optimizers(iterations=2, optimizers={"it": cr.Adam(0.1)}),
    ),
    "the network has no filters yet: train it, or give it an input_shape": (
        lambda: notes.plot_filters(cr.Network([cr.Conv2D(1, 2)], seed=0)),
        lambda: notes.plot_filters(cr.Network([cr.Conv2D(1, 2)], seed=0, input_shape=(4, 4, 1))),
    ),
    "but must be (w, b)": (
        lambda: notes.compare_optimizers(start=(1.0,), iterations=2),
        lambda: notes.compare_optimizers(start=(1.0, 2.0), iterations=2),
    ),
    'optimizers is empty: give some by their names, such as {"Adam": cr.Adam(0.1)}': (
        lambda: notes.compare_optimizers(iterations=2, optimizers={}),
        lambda: notes.compare_optimizers(iterations=2, optimizers={"Adam": cr.Adam(0.1)}),
    ),
    "end the network with the operation exp, Dense(n_out, chainrule.ops.exp)": (
        lambda: fit(X, np.abs(Y) + 1, loss="poisson", layers=[D(1)]),
        lambda: fit(X, np.abs(Y) + 1, loss="poisson", layers=[D(1, cr.ops.exp)]),
    ),
    "this loss takes probabilities, but the output goes from": (
        lambda: fit(X * 9, LABELS[:, None], loss="binary_cross_entropy", layers=[D(1)]),
        lambda: fit(X * 9, LABELS[:, None], loss="binary_cross_entropy", layers=[D(1, "sigmoid")]),
    ),
    "takes probabilities that sum to 1 over the classes, but these do not": (
        lambda: fit(X, LABELS, loss="cross_entropy", layers=[D(2, "sigmoid")]),
        lambda: fit(X, LABELS, loss="cross_entropy", layers=[D(2, "softmax")]),
        lambda: fit(X, EYE, loss="binary_cross_entropy", layers=[D(2, "sigmoid")]),
    ),
    "cross_entropy takes an output for each class, but there is a single one": (
        lambda: fit(X, LABELS, loss="cross_entropy", layers=[D(1, "sigmoid")]),
        lambda: fit(X, LABELS, loss="binary_cross_entropy", layers=[D(1, "sigmoid")]),
        lambda: fit(X, LABELS, loss="cross_entropy", layers=[D(2, "softmax")]),
    ),
    "of the longest: give the padding as numbers": (
        lambda: built(cr.Masking(), cr.Conv1D(2, 3, stride=2, padding="same"), shape=(6, 2)).predict(SEQUENCES),
        lambda: built(cr.Masking(), cr.Conv1D(2, 3, stride=2, padding=((1, 1),)), shape=(6, 2)).predict(SEQUENCES),
    ),
    "numbers: take smaller ones": (
        lambda: built(cr.MaxPool((3000, 3000), padding=3000), shape=(6, 6, 2)),
        lambda: built(cr.MaxPool((3, 3), padding=1), shape=(6, 6, 2)),
    ),
    "is …, but there are … axes (…): give one number, or": (
        lambda: built(cr.Conv2D(2, (2, 2, 2)), shape=(6, 6, 2)),
        lambda: built(cr.Conv2D(2, 2), shape=(6, 6, 2)),
        lambda: built(cr.Conv2D(2, (2, 3)), shape=(6, 6, 2)),
    ),
    "padding is …, but there are … axes (…): give one number, or": (
        lambda: built(cr.Conv2D(2, 2, padding=(1, 1, 1)), shape=(6, 6, 2)),
        lambda: built(cr.Conv2D(2, 2, padding=1), shape=(6, 6, 2)),
        lambda: built(cr.Conv2D(2, 2, padding=(1, 2)), shape=(6, 6, 2)),
    ),
    'take smaller windows, or padding="same"': (
        lambda: built(cr.Conv1D(2, 9), shape=(6, 2)),
        lambda: built(cr.Conv1D(2, 6), shape=(6, 2)),
        lambda: built(cr.Conv1D(2, 9, padding="same"), shape=(6, 2)),
    ),
    "but examples may have several labels: take 'log_loss'": (
        lambda: classifier(loss="cross_entropy").fit(X, SEVERAL),
        lambda: classifier(loss="log_loss").fit(X, SEVERAL),
    ),
    "which partial_fit never sees: give a dict of weights": (
        lambda: classifier(class_weight="balanced").partial_fit(X, LABELS, classes=[0, 1]),
        lambda: classifier(class_weight={0: 2.0}).partial_fit(X, LABELS, classes=[0, 1]),
    ),
    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset": (
        lambda: MLPRegressor(early_stopping=True, max_iter=2).fit(X[:5], Y[:5, 0]),
        lambda: MLPRegressor(early_stopping=True, max_iter=2, validation_fraction=0.4).fit(X[:5], Y[:5, 0]),
        lambda: MLPRegressor(early_stopping=True, max_iter=2).fit(np.tile(X, (3, 1)), np.tile(Y[:, 0], 3)),
    ),
    "brings its own learning rate: give it the schedule": (
        lambda: classifier(solver=cr.Adam(), learning_rate=cr.schedules.Cosine(0.1, epochs=2)).fit(X, LABELS),
        lambda: classifier(solver=cr.Adam(cr.schedules.Cosine(0.1, epochs=2))).fit(X, LABELS),
    ),
    "the first argument of MLPRegressor is the loss, as in scikit-learn": (
        lambda: MLPRegressor((8,)).fit(X, Y[:, 0]),
        lambda: MLPRegressor(hidden_layer_sizes=(8,), max_iter=2).fit(X, Y[:, 0]),
    ),
    "are not those that its run began with. Bring the same, or start anew without resuming": (
        lambda: fit(X + 1, Y, epochs=2, checkpoint=of_network_in("advised.safetensors"), resume=True),
        lambda: fit(X, Y, epochs=2, checkpoint=of_network_in("advised.safetensors"), resume=True),
        lambda: fit(X + 1, Y, epochs=2, checkpoint=of_network_in("advised.safetensors")),
    ),
    "where all are numbers already, give X.astype(float)": (
        lambda: fit(X.astype(object), Y),
        lambda: fit(X.astype(object).astype(float), Y),
    ),
    "of which numbers are missing: fill them in": (
        lambda: fit(np.ma.masked_less(X, 0), Y),
        lambda: fit(np.ma.masked_less(X, 0).filled(0), Y),
    ),
    "Compute it of A by operations, such as a difference": (
        lambda: fit(X, Y, loss=lambda A, Y: ((A > 0.5) == Y).mean()),
        lambda: fit(X, Y, loss=lambda A, Y: ((A - Y) ** 2).mean()),
    ),
    "if its order is …, give …; if not, say so by net.build": (
        lambda: fit(FIRST, Y, layers=filters()),
        lambda: fit(FIRST.transpose(0, 2, 3, 1), Y, layers=filters()),
        lambda: fit(FIRST, Y, net=built(*filters(), shape=FIRST.shape[1:])),
    ),
    "Repeat the settings, or start anew without resuming": (
        lambda: fit(X, Y, epochs=2, checkpoint=of_network_in("advised.safetensors"), resume=True, batch_size=5),
        lambda: fit(X, Y, epochs=2, checkpoint=of_network_in("advised.safetensors"), resume=True),
        lambda: fit(X, Y, epochs=2, checkpoint=of_network_in("advised.safetensors"), batch_size=5),
    ),
    "make it a function of (A, Y, weights=None) that multiplies each example's loss by its weight": (
        lambda: fit(X, Y, loss=lambda A, Y: ((A - Y) ** 2).mean(), sample_weight=np.ones(12)),
        lambda: fit(X, Y, loss=weighted, sample_weight=np.ones(12)),
    ),
    "the softmax of a single output is always 1: give it 2 units, or take the sigmoid": (
        lambda: fit(X, LABELS, loss="binary_cross_entropy", layers=[D(1, "softmax")]),
        lambda: fit(X, LABELS, loss="cross_entropy", layers=[D(2, "softmax")]),
        lambda: fit(X, LABELS, loss="binary_cross_entropy", layers=[D(1, "sigmoid")]),
    ),
    "has not learned the target's scale: call its learn([y]) first": (
        lambda: fit(X, Y, layers=[D(1), cr.Standardize(inverse=True)]),
        lambda: fit(X, Y, layers=[D(1), learned()]),
    ),
    "bring their labels: leave y out, train(net, X, loss=…)": (
        lambda: fit(lambda: iter(BATCHES), Y),
        lambda: fit(lambda: iter(BATCHES)),
    ),
    "so their order matters: give shuffle=False": (
        lambda: fit(SEQUENCES, Y[:4], layers=[cr.LSTM(2, last=True, stateful=True), D(1)]),
        lambda: fit(SEQUENCES, Y[:4], layers=[cr.LSTM(2, last=True, stateful=True), D(1)], shuffle=False),
    ),
    "is changed by whoever makes it: give arrays X and y to augment them": (
        lambda: fit([(PICTURES, Y[:4])], layers=[cr.Flatten(), D(1)], augment=cr.Augmentation(flip=True)),
        lambda: fit(PICTURES, Y[:4], layers=[cr.Flatten(), D(1)], augment=cr.Augmentation(flip=True)),
    ),
    "needs the same examples at every update: take another optimizer to augment them": (
        lambda: augmented(cr.LBFGS()),
        lambda: augmented(cr.Adam()),
    ),
    "XLA computes as its device does, leave it out": (
        lambda: fit(X, Y, engine="jax", precision="bfloat16"),
        lambda: fit(X, Y, engine="jax"),
    ),
    'leave it out, or give dtype="float32", too': (
        lambda: fit(X, Y, net=cr.Network([D(1)], dtype="float64"), engine="numpy", precision="bfloat16"),
        lambda: fit(X, Y, net=cr.Network([D(1)], dtype="float64"), engine="numpy"),
        lambda: fit(X, Y, net=cr.Network([D(1)], dtype="float32"), engine="numpy", precision="bfloat16"),
    ),
    'leave out precision="bfloat16"': (
        lambda: fit(X, Y, optimizer=cr.LBFGS(), engine="numpy", precision="bfloat16"),
        lambda: fit(X, Y, optimizer=cr.LBFGS(), engine="numpy"),
    ),
    "X is an iterator, which can be walked only once": (
        lambda: fit(iter(BATCHES)),
        lambda: fit(BATCHES),
        lambda: fit(lambda: iter(BATCHES)),
        lambda: fit(itertools.cycle(BATCHES), steps_per_epoch=100),
    ),
    "give arrays X and y, or batches (X, y)": (lambda: fit(5), lambda: fit(X, Y), lambda: fit(BATCHES)),
    "L-BFGS needs all examples at once: give arrays X and y, or another optimizer": (
        lambda: fit(BATCHES, optimizer=cr.LBFGS()),
        lambda: fit(X, Y, optimizer=cr.LBFGS()),
        lambda: fit(BATCHES, optimizer=cr.Adam()),
    ),
    "the classes of a stream are not known beforehand: give class_weight as a dict": (
        lambda: of_classes("balanced"),
        lambda: of_classes({0: 2.0}),
    ),
    "validation is an iterator, which can be walked only once": (
        lambda: fit(X, Y, validation=iter(BATCHES)),
        lambda: fit(X, Y, validation=(X, Y)),
        lambda: fit(X, Y, validation=BATCHES),
        lambda: fit(X, Y, validation=lambda: iter(BATCHES)),
    ),
    "so it cannot be resumed: take another optimizer": (
        lambda: fit(X, Y, optimizer=cr.LBFGS(), checkpoint="advised.safetensors"),
        lambda: fit(X, Y, optimizer=cr.Adam(), checkpoint="advised.safetensors"),
    ),
    "of arrays every epoch meets all examples: leave it out": (
        lambda: fit(X, Y, steps_per_epoch=3),
        lambda: fit(X, Y),
    ),
    "resume=True needs to know from where: give checkpoint=Checkpoint(path)": (
        lambda: fit(X, Y, resume=True),
        lambda: fit(X, Y, resume=True, checkpoint=cr.Checkpoint("advised.safetensors")),
    ),
    "give the network in it, .network": (
        lambda: cr.attribute(Holder(built(D(1))), X[0], X),
        lambda: cr.attribute(Holder(built(D(1))).network, X[0], X),
    ),
    "but one example is …: give a single one, such as X[0]": (
        later(cr.attribute, built(D(1)), X, X),
        later(cr.attribute, built(D(1)), X[0], X),
    ),
    "groups have names of their own: leave names out": (
        later(cr.attribute, built(D(1)), X[0], X, groups={"all": slice(3)}, names=["a", "b", "c"]),
        later(cr.attribute, built(D(1)), X[0], X, groups={"all": slice(3)}),
    ),
    "outputs that are no classes: say which one, such as output=0": (
        later(cr.attribute, built(D(2)), X[0], X),
        later(cr.attribute, built(D(2)), X[0], X, output=0),
    ),
    "holds no feature: leave it out": (
        later(cr.attribute, built(D(1)), X[0], X, groups={"none": [], "all": slice(3)}),
        later(cr.attribute, built(D(1)), X[0], X, groups={"all": slice(3)}),
    ),
    "by which nothing can be differentiated": (
        lambda: attributed(method="integrated_gradients"),
        lambda: attributed(method="shapley"),
    ),
}

ELSEWHERE = {
    "Input y contains NaN or None: leave out the rows": "sklearn_api/test_tables.py, of frames",
    "rows would be left out: give another `missing`": "sklearn_api/test_tables.py, of frames",
    "y holds dates, of which a network learns none: give numbers": "sklearn_api/test_bad_input.py",
    "y holds durations, whose unit nobody has said: give numbers": "sklearn_api/test_bad_input.py",
    "of which it computes its part": "needs processes whose streams differ",
    'give engine="jax", or no device': "engines/test_devices.py",
    'Leave it out; or give engine="numpy", which rounds in the same way': "engines/test_bfloat16.py",
    "which knows no precision": "needs several processes",
    'give engine="jax", which divides every batch among them': "needs several processes",
    "is a single one: leave devices out": "engines/test_devices.py",
    "leave device out, or install what JAX needs for that device": "engines/test_devices.py",
    'take another optimizer, or one process with devices="all"': "needs several processes",
    "give their numbers, 0, 1, …, in the order of its outputs": "notes/test_boundary.py",
    'give cost="squared_error", or end with "sigmoid" or "softmax"': "notes/test_check.py",
    "the softmax of a single output is always 1: take the sigmoid": "notes/test_check.py",
    'give a dict such as {"dW1": dW1, "db1": db1}': "notes/test_check.py",
    "is not finite with these parameters: take smaller ones": "notes/test_check.py",
    "the lines of this graph cross": "derivation/test_made_up.py: a graph that takes seconds to lay out",
    "Install a C++20 compiler": "engines/test_without_kernels.py: the kernels are taken away",
    "Take another copy of it": "test_files.py: a copy of a file that is damaged loads",
    "upgrade with pip install -U chainrule": "there is no newer version to install",
    "A^[L] is not finite. Take a smaller alpha than": "notes/test_networks.py",
    "give each a checkpoint= of its own": "training/test_checkpoints.py: a warning",
    "another thread fits this": "sklearn_api/test_conventions.py: a thread is under way",
    "lbfgs failed to converge after": "sklearn_api/test_additions.py: a warning",
    "y has the mean … and the deviation": "sklearn_api/test_additions.py: a warning",
    "if it never ends, give steps_per_epoch": "training/test_streams.py: a note",
    "this process was forked in the middle of an update": "training/test_saving_while_training.py: a fork",
    "the answer are three different columns; choose each once": "live/test_playground.py",
    "but the playground answers yes or no: choose a column of two": "live/test_playground.py",
    "holds no numbers (…): choose another column": "live/test_playground.py",
}
"""Messages whose ways out are taken in other tests, or that nothing can be done about here."""

SEVERAL = np.column_stack([LABELS, 1 - LABELS, LABELS * 0 + np.arange(12) % 3 % 2])


def one(y, A):
    return 1.0


def two(y, A):
    return 2.0


def sparse(array):
    from scipy.sparse import csr_matrix

    return csr_matrix(array)


def holes():
    broken = X.copy()
    broken[0, 0] = np.nan
    return broken


def classifier(**options):
    return MLPClassifier((4,), max_iter=2, random_state=0, **options)


def attributed(method):
    net = built(cr.EmbedColumns(1, 2, 2), D(1), shape=2)
    return cr.attribute(net, [0.5, 1], [[0.1, 0], [0.2, 1]], method=method)


def paper_of_digits(data):
    with patch.dict(os.environ, CHAINRULE_DATA="."):
        lecun1989.run(1, data=data, examples=8, passes=1)


def mnist_here():
    np.savez("mnist10k.npz", images=np.zeros((20, 28, 28), np.uint8), labels=np.arange(20) % 10)


def learned():
    layer = cr.Standardize(inverse=True)
    layer.learn([Y])
    return layer


def augmented(optimizer):
    layers = [cr.Flatten(), D(1)]
    return fit(PICTURES, Y[:4], layers=layers, optimizer=optimizer, augment=cr.Augmentation(flip=True))


def of_classes(weights):
    batches = [(X[:6], LABELS[:6]), (X[6:], LABELS[6:])]
    return fit(batches, loss="cross_entropy", layers=[D(2, "softmax")], class_weight=weights)


def model(name, *layers):
    path = Path(f"{name}.safetensors")
    built(*layers).save(path)
    return path


def of_message(said):
    """A pattern for a message of which … is what differs, or is written so."""
    return ".*".join(map(re.escape, said.split("…")))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("said", CASES)
def test_the_way_out_works(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong, *ways = CASES[said]
    with pytest.raises((cr.ChainruleError, TypeError), match=of_message(said)):
        wrong()
    for way in ways:
        way()


WORDS = (
    "give|take|make|write|use|say|put|leave|end|start|save|call|guard|choose|draw|compute|subclass|build|fill|rescale|"
    "load|bring|repeat|lower|install|increase|scale|train|upgrade|name|read|begin|keep|do so|go on"
)
WAY_OUT = re.compile(rf"(^|[:;.,] (or )?)({WORDS}) ", re.IGNORECASE)
OTHERS = ("data", "cli", "experiments")
"""Folders whose messages are about files and options: they are brought about, and their ways out taken, beside what
they are about."""

SAID = 4
"""So many words of a message, or all between two computed parts, must stand in a test one after another."""


def literals(node):
    """The texts in an expression, … in the place of what is computed."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)]
    return [text for child in ast.iter_child_nodes(node) for text in literals(child)]


def messages(*, others=False):
    """What the library raises or warns of that tells a way out; `others` of the folders named so alone."""
    home = Path(cr.__file__).parent
    for path in sorted(home.rglob("*.py")):
        if (path.relative_to(home).parts[0] in OTHERS) != others:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            told = isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("warn", "note")
            said = node.exc if isinstance(node, ast.Raise) else node if told else None
            text = " ".join(literals(said)) if said is not None else ""
            if WAY_OUT.search(text):
                yield text


def test_every_way_out_is_tried():
    known = [*CASES, *ELSEWHERE]
    found = list(messages())
    untried = [text for text in found if not any(part in text for part in known)]
    gone = [part for part in known if not any(part in text for text in found)]
    assert not untried, "bring about and follow each new message in CASES"
    assert not gone


def test_every_message_about_files_and_options_is_brought_about():
    files = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("test_*.py")]
    tests = re.sub(r"[\"']\s*\n\s*r?f?[\"']", "", "\n".join(files)).replace("\\", "")
    found = list(messages(others=True))
    assert len(found) > 50
    untried = [text for text in found if not any(run in tests for run in runs(text))]
    assert not untried, "bring about each new message in a test, which follows its advice"


def runs(text):
    """All runs of so many words in a message, without what is computed in it."""
    for part in text.split("…"):
        words = part.split()
        yield from (" ".join(words[i : i + SAID]) for i in range(max(1, len(words) - SAID + 1)) if len(words) >= 2)
