"""The operations on pictures and sequences beside PyTorch's, forward and backward, over all options, in float32."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops

torch = pytest.importorskip("torch")
F = torch.nn.functional


def channels_first(A: Any) -> Any:
    """(m, n, *places) of (m, *places, n)."""
    return torch.movedim(A, -1, 1)


def channels_last(A: Any) -> Any:
    return torch.movedim(A, 1, -1)


def assert_same(ours, theirs, *inputs, tolerance=2e-5):
    """Both functions give the same value and, for one random dZ, the same derivatives, of these arrays."""
    A = [cr.variable(given.astype(np.float32)) for given in inputs]
    B = [torch.tensor(given.astype(np.float32), requires_grad=True) for given in inputs]
    Z, expected = ours(*A), theirs(*B)
    np.testing.assert_allclose(Z.value, expected.detach().numpy(), rtol=tolerance, atol=tolerance)
    dZ = np.random.default_rng(9).normal(size=Z.shape).astype(np.float32)
    (Z * dZ).sum().backward()
    expected.backward(torch.tensor(dZ))
    for mine, other in zip(A, B, strict=True):
        scale = max(1.0, float(other.grad.abs().max()))
        np.testing.assert_allclose(mine.grad, other.grad.numpy(), rtol=tolerance, atol=tolerance * scale)


def arrays(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


CONVOLUTIONS = {
    1: [
        {},
        {"stride": 2},
        {"padding": "same"},
        {"padding": "same", "dilation": 2},
        {"padding": 2, "stride": 3},
        {"dilation": 3, "groups": 2},
        {"groups": 4, "padding": (1,), "stride": (2,)},
    ],
    2: [
        {},
        {"stride": (1, 2)},
        {"padding": "same"},
        {"padding": (2, 1), "stride": 2, "dilation": (1, 2)},
        {"groups": 2, "padding": 1},
        {"groups": 4, "padding": "same", "dilation": 2},
    ],
}
AXES = {1: (11,), 2: (9, 8)}
EACH = [(d, options) for d, several in CONVOLUTIONS.items() for options in several]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("d", "options"), EACH, ids=str)
def test_convolution(d, options):
    groups = options.get("groups", 1)
    A, W, b = arrays((3, *AXES[d], 4), (8, *(3, 2)[:d], 4 // groups), (8,))
    their = [F.conv1d, F.conv2d][d - 1]
    assert_same(
        lambda A, W, b: ops.convolution(A, W, b, **options),
        lambda A, W, b: channels_last(their(channels_first(A), channels_first(W), b, **options)),
        A, W, b,
    )  # fmt: skip


@pytest.mark.parametrize("output_padding", [0, 1])
@pytest.mark.parametrize(
    ("d", "options"), [(d, options) for d, options in EACH if options.get("padding") != "same"], ids=str
)
def test_transposed_convolution(d, options, output_padding):
    if output_padding:
        options = options | {"stride": 2, "output_padding": 1}
    groups = options.get("groups", 1)
    A, W, b = arrays((3, *AXES[d], 4), (8, *(3, 2)[:d], 4 // groups), (8,))
    their = [F.conv_transpose1d, F.conv_transpose2d][d - 1]

    def weights(W):
        """(n_in, n_out / groups, *size), as PyTorch has them."""
        parts = [channels_first(part).transpose(0, 1) for part in W.chunk(groups)]
        return torch.cat(parts)

    assert_same(
        lambda A, W, b: ops.transposed_convolution(A, W, b, **options),
        lambda A, W, b: channels_last(their(channels_first(A), weights(W), b, **options)),
        A, W, b,
    )  # fmt: skip


@pytest.mark.parametrize("d", AXES)
@pytest.mark.parametrize(
    "options", [{"size": 2}, {"size": 3, "stride": 1}, {"size": 3, "stride": 2, "padding": 1}], ids=str
)
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_pooling(kind, d, options):
    (A,) = arrays((3, *AXES[d], 4))
    ours = {"max": ops.max_pool, "avg": ops.average_pool}[kind]
    their = getattr(F, f"{kind}_pool{d}d")
    their_options = {"kernel_size" if name == "size" else name: value for name, value in options.items()}
    their_options |= {"count_include_pad": False} if kind == "avg" else {}
    assert_same(lambda A: ours(A, **options), lambda A: channels_last(their(channels_first(A), **their_options)), A)


def test_the_first_of_several_largest_gets_the_derivative():
    A = np.round(arrays((3, 8, 8, 2))[0])
    assert_same(lambda A: ops.max_pool(A, size=3), lambda A: channels_last(F.max_pool2d(channels_first(A), 3)), A)


@pytest.mark.parametrize(("d", "size"), [(1, 1), (1, 4), (1, 15), (2, 1), (2, (3, 5)), (2, (10, 2))])
def test_adaptive_pooling(d, size):
    (A,) = arrays((3, *AXES[d], 4))
    their = [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d][d - 1]
    assert_same(
        lambda A: ops.adaptive_average_pool(A, size=size), lambda A: channels_last(their(channels_first(A), size)), A
    )


@pytest.mark.parametrize(("d", "size"), [(1, 3), (2, 2), (2, (3, 1))])
def test_upsampling(d, size):
    (A,) = arrays((3, *AXES[d], 4))
    assert_same(
        lambda A: ops.upsample(A, size=size),
        lambda A: channels_last(F.interpolate(channels_first(A), scale_factor=size, mode="nearest")),
        A,
    )


@pytest.mark.parametrize("d", AXES)
def test_global_pooling(d):
    (A,) = arrays((3, *AXES[d], 4))
    places = tuple(range(1, d + 1))
    assert_same(ops.global_average_pool, lambda A: A.mean(dim=places), A)
    assert_same(ops.global_max_pool, lambda A: A.amax(dim=places), A)


def test_batch_normalization_of_pictures():
    A, gamma, beta = arrays((3, 5, 4, 6), (6,), (6,))
    assert_same(
        lambda A, gamma, beta: ops.batch_norm(A, gamma, beta),
        lambda A, gamma, beta: channels_last(F.batch_norm(channels_first(A), None, None, gamma, beta, training=True)),
        A, gamma, beta,
    )  # fmt: skip
