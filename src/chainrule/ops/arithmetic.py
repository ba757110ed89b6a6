"""+ − * / ** @, with NumPy's broadcasting. The operators of `Variable` are these."""

from types import ModuleType

from chainrule.errors import ShapeError
from chainrule.graph import Array, Backward, Later, operation
from chainrule.ops.broadcasting import broadcast, unbroadcast


@operation(forward=r"Z = A + B", backward=(r"dA = dZ", r"dB = dZ"), broadcasts=True)
def add(xp: ModuleType, A: Array, B: Array) -> tuple[Array, Backward]:
    """Z = A + B."""

    def backward(dZ: Array) -> tuple[Array, Array]:
        return unbroadcast(xp, dZ, A), unbroadcast(xp, dZ, B)

    return broadcast(xp.add, A, B), backward


@operation(forward=r"Z = A - B", backward=(r"dA = dZ", r"dB = -dZ"), broadcasts=True)
def subtract(xp: ModuleType, A: Array, B: Array) -> tuple[Array, Backward]:
    """Z = A − B."""

    def backward(dZ: Array) -> tuple[Array, Array]:
        return unbroadcast(xp, dZ, A), unbroadcast(xp, -dZ, B)

    return broadcast(xp.subtract, A, B), backward


@operation(forward=r"Z = A \odot B", backward=(r"dA = dZ \odot B", r"dB = dZ \odot A"), broadcasts=True)
def multiply(xp: ModuleType, A: Array, B: Array) -> tuple[Array, Backward]:
    """Z = A · B, element by element."""

    def backward(dZ: Array) -> tuple[Array, Array]:
        return unbroadcast(xp, dZ * B, A), unbroadcast(xp, dZ * A, B)

    return broadcast(xp.multiply, A, B), backward


@operation(forward=r"Z = A / B", backward=(r"dA = dZ / B", r"dB = -dZ \odot A / B^2"), broadcasts=True)
def divide(xp: ModuleType, A: Array, B: Array) -> tuple[Array, Backward]:
    """Z = A / B, element by element."""

    def backward(dZ: Array) -> tuple[Array, Array]:
        return unbroadcast(xp, dZ / B, A), unbroadcast(xp, -dZ * A / B / B, B)

    return broadcast(xp.divide, A, B), backward


@operation(
    forward=r"Z = A^B", backward=(r"dA = dZ \odot B \odot A^{B - 1}", r"dB = dZ \odot A^B \odot \ln A"), broadcasts=True
)
def power(xp: ModuleType, A: Array, B: Array) -> tuple[Array, Backward]:
    """Z = A^B, element by element. dB is real only where A > 0; at A = 0 it is 0."""
    Z = broadcast(xp.power, A, B)

    def backward(dZ: Array) -> tuple[Later, Later]:
        base = xp.where(xp.equal(B, 0), 1, A)  # A^0 is constant, at A = 0 too
        return (
            lambda: unbroadcast(xp, dZ * B * xp.power(base, B - 1), A),
            lambda: unbroadcast(xp, dZ * Z * xp.log(xp.where(xp.equal(A, 0), 1, A)).astype(dZ.dtype), B),
        )

    return Z, backward


@operation(forward=r"Z = -A", backward=(r"dA = -dZ",))
def negative(xp: ModuleType, A: Array) -> tuple[Array, Backward]:
    """Z = −A."""
    return -A, lambda dZ: (-dZ,)


@operation(forward=r"Z = A B", backward=(r"dA = dZ\, B^T", r"dB = A^T dZ"), as_arrays=True)
def matmul(xp: ModuleType, A: Array, B: Array) -> tuple[Array, Backward]:
    """Z = A B, the matrix product, with NumPy's rules for vectors and for stacks of matrices.

    Raises:
        ShapeError: the columns of A are not as many as the rows of B.
    """
    try:
        Z = xp.matmul(A, B)
    except (ValueError, TypeError):
        raise ShapeError(
            f"A @ B: A is {xp.shape(A)} and B is {xp.shape(B)}, "
            "but A must have as many columns as B has rows (matrix dimensions: (p, q)(q, r) = (p, r))."
        ) from None
    rows = A[None, :] if A.ndim == 1 else A
    columns = B[:, None] if B.ndim == 1 else B

    def backward(dZ: Array) -> tuple[Later, Later]:
        d = dZ[..., None] if B.ndim == 1 else dZ
        d = d[..., None, :] if A.ndim == 1 else d
        return (
            lambda: unbroadcast(xp, d @ xp.swapaxes(columns, -1, -2), rows).reshape(A.shape),
            lambda: unbroadcast(xp, xp.swapaxes(rows, -1, -2) @ d, columns).reshape(B.shape),
        )

    return Z, backward
