"""Functions of each element by itself: exp, log, sqrt, abs, sin, cos, tan; and choices: maximum, where, clip."""

from types import ModuleType

from chainrule.errors import OptionError
from chainrule.graph import Array, Backward, operation
from chainrule.ops.broadcasting import broadcast, unbroadcast


@operation(forward=r"Z = e^A", backward=(r"dA = dZ \odot Z",))
def exp(xp: ModuleType, A: Array) -> tuple[Array, Backward]:
    """Z = e^A."""
    Z = xp.exp(A)
    return Z, lambda dZ: (dZ * Z,)


@operation(forward=r"Z = \ln A", backward=(r"dA = dZ / A",))
def log(xp: ModuleType, A: Array) -> tuple[Array, Backward]:
    """Z = ln A, the natural logarithm."""
    return xp.log(A), lambda dZ: (dZ / A,)


@operation(forward=r"Z = \sqrt{A}", backward=(r"dA = dZ / (2 Z)",))
def sqrt(xp: ModuleType, A: Array) -> tuple[Array, Backward]:
    """Z = √A. The derivative at 0 is infinite."""
    Z = xp.sqrt(A)
    return Z, lambda dZ: (dZ / (2 * Z),)


@operation(forward=r"Z = |A|", backward=(r"dA = dZ \odot \operatorname{sign}(A)",))
def abs(xp: ModuleType, A: Array) -> tuple[Array, Backward]:
    """Z = |A|. The derivative at 0 is 0."""
    return xp.abs(A), lambda dZ: (dZ * xp.sign(A),)


@operation(forward=r"Z = \sin A", backward=(r"dA = dZ \odot \cos A",))
def sin(xp: ModuleType, A: Array) -> tuple[Array, Backward]:
    """Z = sin A, of angles in radians."""
    return xp.sin(A), lambda dZ: (dZ * xp.cos(A),)


@operation(forward=r"Z = \cos A", backward=(r"dA = -dZ \odot \sin A",))
def cos(xp: ModuleType, A: Array) -> tuple[Array, Backward]:
    """Z = cos A, of angles in radians."""
    return xp.cos(A), lambda dZ: (-dZ * xp.sin(A),)


@operation(forward=r"Z = \tan A", backward=(r"dA = dZ \odot (1 + Z^2)",))
def tan(xp: ModuleType, A: Array) -> tuple[Array, Backward]:
    """Z = tan A, of angles in radians. The derivative is 1 + tan² A = 1 / cos² A."""
    Z = xp.tan(A)
    return Z, lambda dZ: (dZ * (1 + Z * Z),)


@operation(
    forward=r"Z = \max(A, B)",
    backward=(r"dA = dZ \odot ([A > B] + \tfrac12 [A = B])", r"dB = dZ \odot ([B > A] + \tfrac12 [A = B])"),
    broadcasts=True,
)
def maximum(xp: ModuleType, A: Array, B: Array) -> tuple[Array, Backward]:
    """Z = max(A, B), element by element. Where both are equal each gets half of the derivative."""
    return broadcast(xp.maximum, A, B), _to_the_chosen(xp, A, B, xp.greater(A, B))


@operation(
    forward=r"Z = \min(A, B)",
    backward=(r"dA = dZ \odot ([A < B] + \tfrac12 [A = B])", r"dB = dZ \odot ([B < A] + \tfrac12 [A = B])"),
    broadcasts=True,
)
def minimum(xp: ModuleType, A: Array, B: Array) -> tuple[Array, Backward]:
    """Z = min(A, B), element by element. Where both are equal each gets half of the derivative."""
    return broadcast(xp.minimum, A, B), _to_the_chosen(xp, A, B, xp.less(A, B))


def _to_the_chosen(xp: ModuleType, A: Array, B: Array, to_A: Array) -> Backward:
    """`backward` of a choice: all of dZ to A where `to_A`, half to each where both are equal, else all to B."""

    def backward(dZ: Array) -> tuple[Array, Array]:
        part = (to_A + 0.5 * xp.equal(A, B)).astype(dZ.dtype)
        return unbroadcast(xp, dZ * part, A), unbroadcast(xp, dZ * (1 - part), B)

    return backward


@operation(forward=r"Z = C ? A : B", backward=("", r"dA = dZ \odot [C]", r"dB = dZ \odot [\neg C]"), broadcasts=True)
def where(xp: ModuleType, C: Array, A: Array, B: Array) -> tuple[Array, Backward]:
    """Z is A where the condition C holds and B elsewhere; C has no derivative."""

    def backward(dZ: Array) -> tuple[None, Array, Array]:
        return None, unbroadcast(xp, xp.where(C, dZ, 0), A), unbroadcast(xp, xp.where(C, 0, dZ), B)

    return broadcast(xp.where, C, A, B), backward


@operation(forward=r"Z = \min(\max(A, low), high)", backward=(r"dA = dZ \odot [low \le A \le high]",))
def clip(xp: ModuleType, A: Array, *, low: float | None = None, high: float | None = None) -> tuple[Array, Backward]:
    """Z is A, held between `low` and `high`; None means no bound. The derivative is 1 on the bounds themselves.

    Raises:
        OptionError: `low` is above `high`.
    """
    if low is not None and high is not None and low > high:
        raise OptionError(f"low is {low:g} and high is {high:g}: nothing is between them.")
    Z = xp.clip(A, low, high)
    return Z, lambda dZ: (dZ * (Z == A),)
