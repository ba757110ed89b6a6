"""Whole layers beside PyTorch's with the same weights: outputs, and derivatives by input and weights."""

import itertools

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")
RANDOM = np.random.default_rng(0)
CLOSE = {"rtol": 3e-5, "atol": 3e-5}


def beside(layer, module, X, call):
    """Run both with the module's weights, backwards too, and compare everything."""
    net = cr.Network([layer], seed=0, input_shape=X.shape[1:])
    state = {name: value.detach().numpy() for name, value in module.state_dict().items()}
    cr.from_pytorch(layer, state)
    X = X.astype(np.float32)
    mine, theirs = cr.variable(X), torch.tensor(X, requires_grad=True)
    Z, variables = net.record(mine)
    expected = call(module, theirs)
    np.testing.assert_allclose(Z.value, expected.detach().numpy(), **CLOSE)
    dZ = RANDOM.normal(size=Z.shape).astype(np.float32)
    (Z * dZ).sum().backward()
    expected.backward(torch.tensor(dZ))
    np.testing.assert_allclose(mine.grad, theirs.grad.numpy(), **CLOSE)
    net.flat[...] = net.gradient(variables)  # so that derivatives are exchanged as weights are
    by_name = {name: value.grad.numpy() for name, value in module.named_parameters()}
    compare_derivatives(layer, by_name)


def compare_derivatives(layer, theirs):
    """With dJ/dθ in the place of θ: of two biases that are added ours is one, and only the new of a GRU has both."""
    for name, value in cr.to_pytorch(layer).items():
        if name in theirs:
            apart = (
                len(value) if not name.startswith("bias_hh") else len(value) // 3 if isinstance(layer, cr.GRU) else 0
            )
            start = len(value) - apart
            np.testing.assert_allclose(value[start:], theirs[name][start:], rtol=1e-4, atol=2e-4, err_msg=name)


def channels(call):
    return lambda module, X: torch.movedim(call(module, torch.movedim(X, -1, 1)), 1, -1)


plain = channels(lambda module, X: module(X))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_convolutions_exchange_weights(groups, bias):
    options = {"stride": 2, "groups": groups, "bias": bias}
    X1, X2 = RANDOM.normal(size=(3, 9, 4)), RANDOM.normal(size=(3, 7, 6, 4))
    nn = torch.nn
    beside(cr.Conv1D(6, 3, **options), nn.Conv1d(4, 6, 3, **options), X1, plain)
    beside(cr.Conv2D(6, (3, 2), **options), nn.Conv2d(4, 6, (3, 2), **options), X2, plain)
    beside(cr.ConvTranspose1D(6, 3, **options), nn.ConvTranspose1d(4, 6, 3, **options), X1, plain)
    beside(cr.ConvTranspose2D(6, (3, 2), **options), nn.ConvTranspose2d(4, 6, (3, 2), **options), X2, plain)


KINDS = {
    "RNN": (cr.RNN, "RNN", {}),
    "relu": (cr.RNN, "RNN", {}),
    "GRU": (cr.GRU, "GRU", {}),
    "LSTM": (cr.LSTM, "LSTM", {}),
}
EVERY = list(itertools.product(KINDS, (1, 2), (False, True), (False, True), (True, False)))


def last_states(module, X):
    _, hidden = module(X)
    hidden = hidden[0] if isinstance(hidden, tuple) else hidden
    of_last_layer = hidden[-2:] if module.bidirectional else hidden[-1:]
    return torch.cat(list(of_last_layer), dim=-1)


@pytest.mark.parametrize(("kind", "layers", "bidirectional", "last", "bias"), EVERY, ids=str)
def test_recurrent_layers(kind, layers, bidirectional, last, bias):
    options = {"activation": "relu"} if kind == "relu" else {}
    layer = KINDS[kind][0](4, layers=layers, bidirectional=bidirectional, last=last, bias=bias, **options)
    module = getattr(torch.nn, KINDS[kind][1])(
        3, 4, layers, batch_first=True, bidirectional=bidirectional, bias=bias,
        **({"nonlinearity": "relu"} if options else {}),
    )  # fmt: skip
    call = last_states if last else lambda module, X: module(X)[0]
    beside(layer, module, RANDOM.normal(size=(5, 6, 3)), call)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_sequences_of_different_length(kind, bidirectional, last):
    """Our mask beside PyTorch's packed sequences."""
    lengths = torch.tensor([6, 1, 3, 5])
    X = RANDOM.normal(size=(4, 6, 3)).astype(np.float32)
    there = np.arange(6) < lengths.numpy()[:, None]
    X[~there] = 0
    layer = KINDS[kind][0](4, bidirectional=bidirectional, last=last)
    module = getattr(torch.nn, kind)(3, 4, batch_first=True, bidirectional=bidirectional)
    net = cr.Network([cr.Masking(), layer], input_shape=(6, 3))
    cr.from_pytorch(layer, {name: value.detach().numpy() for name, value in module.state_dict().items()})
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(X), lengths, batch_first=True, enforce_sorted=False)
    outputs, hidden = module(packed)
    Z, variables = net.record(X)
    if last:
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        expected = torch.cat(list(hidden), dim=-1)
        J = (Z * Z).sum()
    else:
        expected, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
        J = (cr.ops.mask_steps(Z, there) ** 2).sum()
        Z = cr.ops.mask_steps(Z, there)
    np.testing.assert_allclose(Z.value, expected.detach().numpy(), **CLOSE)
    (expected * expected).sum().backward()
    J.backward()
    net.flat[...] = net.gradient(variables)
    compare_derivatives(layer, {name: value.grad.numpy() for name, value in module.named_parameters()})


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_attention(heads, causal, masked, bias):
    X = RANDOM.normal(size=(3, 5, 6))
    there = np.arange(5) < np.array([[5], [2], [4]]) if masked else np.ones((3, 5), bool)
    X[~there] = 0
    layer = cr.MultiHeadAttention(heads, causal=causal, bias=bias)
    module = torch.nn.MultiheadAttention(6, heads, bias=bias, batch_first=True)

    def call(module, X):
        future = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1) if causal else None
        return module(X, X, X, key_padding_mask=torch.tensor(~there), attn_mask=future, need_weights=False)[0]

    if not masked:
        beside(layer, module, X, call)
        return
    net = cr.Network([cr.Masking(), layer], input_shape=(5, 6))
    cr.from_pytorch(layer, module.state_dict())
    expected = call(module, torch.tensor(X.astype(np.float32))).detach().numpy()
    np.testing.assert_allclose(net.predict(X)[there], expected[there], **CLOSE)


def test_batch_normalization_with_its_averages():
    layer, module = cr.BatchNorm(), torch.nn.BatchNorm2d(3)
    module.running_mean += torch.tensor([0.5, -1, 2])
    module.eval()
    beside(layer, module, RANDOM.normal(size=(4, 5, 6, 3)), plain)


@pytest.mark.parametrize("kind", ["Dense", "Embedding", "LayerNorm"])
def test_the_others(kind):
    layer, module = {
        "Dense": (cr.Dense(4), torch.nn.Linear(3, 4)),
        "Embedding": (cr.Embedding(5, 3), torch.nn.Embedding(5, 3)),
        "LayerNorm": (cr.LayerNorm(), torch.nn.LayerNorm(3)),
    }[kind]
    X = RANDOM.integers(0, 5, (2, 3)) if kind == "Embedding" else RANDOM.normal(size=(2, 3)).astype(np.float32)
    net = cr.Network([layer], input_shape=3)
    cr.from_pytorch(layer, module.state_dict())
    np.testing.assert_allclose(net.predict(X), module(torch.tensor(X)).detach().numpy(), **CLOSE)


def test_lenet():
    nn = torch.nn
    theirs = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    layers = [
        cr.Conv2D(6, 5, "relu", padding=2), cr.MaxPool(2), cr.Conv2D(16, 5, "relu"), cr.MaxPool(2),
        cr.Flatten(), cr.Dense(120, "relu"), cr.Dense(84, "relu"), cr.Dense(10),
    ]  # fmt: skip
    net = cr.Network(layers, input_shape=(28, 28, 1))
    with_weights = [layer for layer in layers if layer.parameters], [m for m in theirs if hasattr(m, "weight")]
    for layer, module in zip(*with_weights, strict=True):
        cr.from_pytorch(layer, module.state_dict(), flattened=(5, 5, 16) if layer is layers[5] else None)
    X = RANDOM.normal(size=(3, 28, 28, 1)).astype(np.float32)
    np.testing.assert_allclose(net.predict(X), theirs(torch.tensor(np.moveaxis(X, -1, 1))).detach().numpy(), **CLOSE)
