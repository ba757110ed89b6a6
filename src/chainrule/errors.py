"""What can go wrong because of what was given, and how it is said: what came, what was expected, the way out."""


class ChainruleError(Exception):
    """The base of every error that chainrule raises on purpose. Its text is written for the person at the keyboard."""


class ShapeError(ChainruleError, ValueError):
    """An array has another shape than the network, the operation or its partner asks for."""


class DataError(ChainruleError, ValueError):
    """The data cannot be used as they are: missing values, labels out of range, nothing there at all."""


class OptionError(ChainruleError, ValueError):
    """An argument has a value that nothing can be done with, such as an unknown name or a batch size of 0."""


class MissingPackageError(OptionError, ModuleNotFoundError):
    """What was asked for takes a package that is not installed; the extra that brings it is named."""


class UnknownNameError(ChainruleError, KeyError):
    """There is nothing under a name."""

    def __str__(self) -> str:
        """The sentence, which KeyError would show as Python writes a string."""
        return str(self.args[0])


class GraphError(ChainruleError, ValueError):
    """The computation graph does not hold what was asked of it, such as a derivative of something constant."""


class NotFiniteError(ChainruleError, ArithmeticError):
    """A NaN or an infinity appeared while training."""


class ModelFileError(ChainruleError, OSError):
    """A model file or checkpoint cannot be read or written."""


class ElsewhereError(ChainruleError):
    """A search that several machines shared is over, and what it found is in a folder that this one does not see."""


class CheckpointError(ModelFileError):
    """A checkpoint or the journal of a search cannot be read, or does not fit."""


class PeerError(ChainruleError, RuntimeError):
    """Another process of a run in several has ended."""


class DoubtWarning(UserWarning):
    """Data are answered for, but are unlike those that were learned from, or something in them looks like a mistake."""


LONGEST = 80
"""The most characters of a value that a message tells."""


def shortened(text: str, most: int = LONGEST) -> str:
    """A text as a message tells it: the beginning, of one that goes on for pages."""
    return text if len(text) <= most else f"{text[:most]}…"


def shown(value: object) -> str:
    """A value as Python writes it, `shortened`, with its whole length."""
    try:
        text = repr(value)
    except RecursionError:
        return f"a {type(value).__name__} of many inside of one another"
    except ValueError:  # Python writes whole numbers of up to 4,300 digits
        return "a whole number of thousands of digits"
    return text if len(text) <= LONGEST else f"{shortened(text)} ({len(text):,} characters)"
