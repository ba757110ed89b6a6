"""Convolutions of sequences and pictures, and their transposes."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from chainrule.checking import whole
from chainrule.errors import OptionError, ShapeError
from chainrule.graph import Array
from chainrule.initializers import find_initializer, initializer_for
from chainrule.layers.activation import activation_name, find_activation
from chainrule.layers.layer import Layer, without_padding
from chainrule.ops import convolution, mask_windows, transposed_convolution
from chainrule.ops.convolution import more_at_the_far_edges
from chainrule.ops.windows import as_tuples, each, edges_of


@dataclass(eq=False, repr=False)
class _Convolution(Layer):
    n_out: int
    size: Any
    activation: Any = None
    _: KW_ONLY
    stride: Any = 1
    padding: Any = "valid"
    dilation: Any = 1
    groups: int = 1
    initializer: Any = None
    bias: bool = True

    across_steps: ClassVar[bool] = True

    axes: ClassVar[int]
    """How many axes lie between the examples and the features."""

    takes: ClassVar[str]
    """What the input is, in words."""

    def __post_init__(self) -> None:
        self.n_out, self.groups = whole("n_out", self.n_out), whole("groups", self.groups)
        for name in ("size", "stride", "padding", "dilation"):
            setattr(self, name, as_tuples(getattr(self, name)))
        self._size, _, _ = (each(name, getattr(self, name), self.axes) for name in ("size", "stride", "dilation"))
        if self.padding != "same":
            edges_of(self.padding, self.axes)
        if self.n_out % self.groups:
            raise OptionError(f"n_out is {self.n_out}, which does not fall into {self.groups} groups.")
        self._g = find_activation(self.activation)
        self._start = (
            initializer_for(activation_name(self.activation))
            if self.initializer is None
            else find_initializer(self.initializer)
        )

    def forward(self, A: Array) -> Array:
        if A.ndim != self.axes + 2:
            missing = " One channel is an axis, too: X[..., None]." if A.ndim == self.axes + 1 else ""
            raise ShapeError(f"the input is {A.shape}, but must be {self.takes}.{missing}")
        if A.shape[-1] % self.groups:
            raise ShapeError(f"the input is {A.shape}: its channels do not fall into {self.groups} groups.")
        W = self.parameter("W", (self.n_out, *self._size, A.shape[-1] // self.groups), self._start)
        b = self.parameter("b", (self.n_out,)) if self.bias else None
        return self._g(self._convolved(without_padding(self, A), W, b))

    def _convolved(self, A: Array, W: Array, b: Array | None) -> Array:
        return convolution(
            A, W, b, stride=self.stride, padding=self.padding, dilation=self.dilation, groups=self.groups
        )

    def mask_after(self, mask: Array) -> Array:
        return mask_windows(mask, size=self.size, stride=self.stride, padding=self.padding, dilation=self.dilation)


@dataclass(eq=False, repr=False)
class Conv2D(_Convolution):
    """A^[l] = g(W^[l] P + b^[l]), P what a window shows of a picture at every place (LeCun et al., 1998).

    The input is (m, height, width, n_in), the output (m, height, width, n_out) with a place for each window; W is
    (n_out, height, width, n_in / groups) and b is (n_out,).

    Args:
        n_out: how many features each place gets, the channels of the output.
        size: of the windows, one number or (height, width).
        activation: g, a name such as "relu", an operation, or None for none.
        stride: from one window to the next, one number or (down, across).
        padding: how far windows reach beyond the edges, where there are zeros: "valid", not at all; "same", so far that
            the output has ⌈size / stride⌉ places; a number, (down, across), or ((top, bottom), (left, right)).
        dilation: from one number of a window to the next.
        groups: outputs and inputs fall into so many groups, and each group of outputs sees its group of inputs only;
            as many groups as inputs are a depthwise convolution.
        initializer: how W starts; by default He for relu and its relatives, Xavier for the others, n_in being all
            numbers in a window.
        bias: whether b is added; it starts at zero.

    Raises:
        OptionError: a size that is no whole number of 1 or more, outputs that do not fall into groups, or a name that
            is unknown.
    """

    axes: ClassVar[int] = 2
    takes: ClassVar[str] = "pictures (m, height, width, channels)"


@dataclass(eq=False, repr=False)
class Conv1D(_Convolution):
    """A^[l] = g(W^[l] P + b^[l]), P what a window shows of a sequence at every step (Waibel et al., 1989).

    The input is (m, steps, n_in), the output (m, steps, n_out) with a step for each window; W is
    (n_out, size, n_in / groups) and b is (n_out,). Arguments as in `Conv2D`, with one axis; windows that see no step of
    the future have padding=((size − 1, 0),).
    """

    axes: ClassVar[int] = 1
    takes: ClassVar[str] = "sequences (m, steps, features)"


@dataclass(eq=False, repr=False)
class _ConvTranspose(_Convolution):
    output_padding: Any = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.output_padding = as_tuples(self.output_padding)
        more_at_the_far_edges(self.output_padding, each("stride", self.stride, self.axes))

    def mask_after(self, mask: Array) -> Array:
        raise OptionError(f"{self!r} paints over the ends of sequences, so it does not go with a mask.")

    def _convolved(self, A: Array, W: Array, b: Array | None) -> Array:
        return transposed_convolution(
            A,
            W,
            b,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            output_padding=self.output_padding,
        )


@dataclass(eq=False, repr=False)
class ConvTranspose2D(_ConvTranspose):
    """Each place of a picture paints a window of a larger one, W^[l] A, and overlapping windows add up.

    The input is (m, height, width, n_in), the output (m, height, width, n_out); W is
    (n_out, height, width, n_in / groups) and b is (n_out,). Zeiler et al., 2010.

    Args:
        n_out, size, activation, stride, dilation, groups, initializer, bias: as in `Conv2D`; the windows lie on the
            output.
        padding: what is cut off at the output's edges; "same" leaves stride times the size of the input.
        output_padding: how much less is cut off at the bottom and on the right; less than the stride.

    Raises:
        OptionError: see `Conv2D`.
    """

    axes: ClassVar[int] = 2
    takes: ClassVar[str] = Conv2D.takes


@dataclass(eq=False, repr=False)
class ConvTranspose1D(_ConvTranspose):
    """Each step of a sequence paints a window of a longer one, W^[l] A, and overlapping windows add up.

    The input is (m, steps, n_in), the output (m, steps, n_out). Arguments as in `ConvTranspose2D`, with one axis.
    """

    axes: ClassVar[int] = 1
    takes: ClassVar[str] = Conv1D.takes
