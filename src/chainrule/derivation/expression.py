"""Expressions as text, "3*(a + b*c)" with a=5 b=3 c=2, turned into a computation graph. No code is ever run.

Python reads the text into its syntax tree. Of that tree only numbers, names, + - * / ** @ and calls of known operations
are taken; everything else is an error that shows the piece.
"""

from __future__ import annotations

import ast
import inspect
import keyword
import math
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from chainrule import ops
from chainrule.errors import ChainruleError, GraphError, OptionError
from chainrule.graph import OPERATIONS, Operation, Variable, plain, variable

LONGEST = 10_000
"""The most letters of an expression."""

MOST_AXES = 64
"""As many as an array can have."""

MOST_NAMES = 10
"""The most names that a message lists."""

CONSTANTS = {"pi": math.pi, "e": math.e}

FUNCTIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        ops.exp,
        ops.log,
        ops.sqrt,
        ops.abs,
        ops.sin,
        ops.cos,
        ops.tan,
        ops.maximum,
        ops.minimum,
        ops.clip,
        ops.identity,
        ops.sigmoid,
        ops.tanh,
        ops.relu,
        ops.leaky_relu,
        ops.elu,
        ops.gelu,
        ops.silu,
        ops.softplus,
        ops.squared_error,
        ops.absolute_error,
        ops.huber,
        ops.binary_cross_entropy,
        ops.hinge,
        ops.perceptron,
        ops.sum,
        ops.mean,
    )
} | {"ln": ops.log}
"""What an expression may call; ln is the notes' name of log."""

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.MatMult: "matmul",
    ast.USub: "negative",
}

INSTEAD: dict[type[ast.AST], str] = {
    ast.BitXor: "a power is written **, as in x**2",
    ast.FloorDiv: "a quotient is written /",
    ast.Compare: "an expression is a number, not a comparison",
    ast.Tuple: "a decimal point is written ., and an expression is one number",
}
"""What to write in place of syntax that is not taken."""

DOMAINS: dict[str, tuple[Callable[..., Any], str]] = {
    "divide": (lambda a, b: np.all(np.not_equal(b, 0)), "this divides by 0"),
    "log": (lambda a: np.all(np.greater(a, 0)), "log takes numbers above 0"),
    "sqrt": (lambda a: np.all(np.greater_equal(a, 0)), "sqrt takes numbers of 0 or more"),
    "power": (
        lambda a, b: (
            np.all((np.asarray(a) > 0) | (np.equal(a, 0) & (np.asarray(b) >= 0)) | (np.mod(b, 1) == 0))
            and not np.any(np.equal(a, 0) & (np.asarray(b) < 0))
        ),
        "a power takes a base above 0, or a whole exponent and a base other than 0",
    ),
}
"""By operation, what its inputs must fulfil, and the sentence for those that do not."""


def parse(text: str, values: Mapping[str, Any]) -> Variable:
    """The computation graph of an expression, its last node; each value is a leaf under its name.

    Args:
        text: numbers, names, + - * / ** @, parentheses, and calls such as sigmoid(z), maximum(a, b) or
            leaky_relu(z, slope=0.1). pi and e are known, unless they are given as values.
        values: a number (or an array) for each name in the text, and for no other.

    Raises:
        OptionError: the text is no such expression, a value is missing, unused or no number.
        GraphError: no variable is left, or a part of the expression is not finite, such as a division by 0.
    """
    try:
        tree = _tree(text)
        _check_pieces(tree)
        leaves = {_name(name): variable(value, _name(name)) for name, value in values.items()}
        _check_names(tree, leaves)
        with np.errstate(all="ignore"):
            J = _evaluated(tree, leaves)
    except (RecursionError, MemoryError):
        raise OptionError(f"the expression {_short(text)} is nested too deeply: write it in fewer steps.") from None
    if not isinstance(J, Variable):
        raise GraphError(
            f"the expression {_short(text)} is a constant, and a constant has no derivative: "
            "write a letter for a number, and give its value as in a=5."
        )
    return J


def assignments(texts: Iterable[str]) -> dict[str, float]:
    """{"a": 5.0} from ["a=5"].

    Raises:
        OptionError: a text is not NAME=NUMBER, or a name comes twice.
    """
    values: dict[str, float] = {}
    for text in texts:
        name, equals, number = (part.strip() for part in text.partition("="))
        if not (equals and name):
            raise OptionError(f"{text!r} is no value: give NAME=NUMBER, such as a=5.")
        name = _name(name)
        if name in values:
            raise OptionError(f"{name} is given twice, as {values[name]:g} and as {number}: give it one value.")
        try:
            values[name] = float(number)
        except ValueError:
            raise OptionError(
                f"{name} is {number!r}, but must be a number, such as {name}=5 or {name}=-1e-3."
            ) from None
        if not math.isfinite(values[name]):
            raise OptionError(f"{name} is {number}, but must be finite.")
    return values


def _name(name: str) -> str:
    """The name as Python reads it in an expression."""
    normal = unicodedata.normalize("NFKC", name)
    if not normal.isidentifier() or keyword.iskeyword(normal):
        given = _short(repr(name) if name.isprintable() else ascii(name))
        raise OptionError(f"{given} is no name of a variable: a name is letters, digits and _, such as a or w_1.")
    return normal


def _tree(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise OptionError(f"the expression has {len(text):,} letters, but {LONGEST:,} are the most: write it shorter.")
    if not text.strip():
        raise OptionError('the expression is empty: give one such as "3*(a + b*c)".')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        if str(error.msg).startswith("Exceeds the limit"):
            sentence = "a number in it is too large, the largest is about 1.8e308"
            raise OptionError(f"cannot read the expression {_short(text)}: {sentence}.") from None
        raise OptionError(
            f"cannot read the expression {_short(text)}: {error.msg}, at letter {error.offset or 0}. "
            "A product needs its *, as in 3*a, and a power is written **."
        ) from None
    except UnicodeEncodeError:
        raise OptionError(f"cannot read the expression {_short(ascii(text))}: it holds half a letter.") from None
    except ValueError:  # of null bytes, before Python 3.12
        raise OptionError(f"cannot read the expression {_short(ascii(text))}: it holds null bytes.") from None


def _check_pieces(tree: ast.expr) -> None:
    """Nothing stands in the expression but what `_evaluated` knows."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=value):
                known = type(value) in (int, float)
            case ast.UnaryOp(op=op):
                known = isinstance(op, ast.USub | ast.UAdd)
            case ast.BinOp(op=op):
                known = type(op) in OPERATORS
            case ast.Call(func=func):
                known = isinstance(func, ast.Name) and bool(_function(func.id))
            case _:
                known = isinstance(node, ast.Name) or not isinstance(node, ast.expr)
        if not known:
            raise OptionError(_refusal(node))


def _check_names(tree: ast.expr, values: Mapping[str, Any]) -> None:
    """Every name has a value, and every value is used."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
    used = list(dict.fromkeys(node.id for node in sorted(names, key=lambda node: (node.lineno, node.col_offset))))
    unused = [name for name in values if name not in used]
    for name in (name for name in used if name in FUNCTIONS and name not in values):
        raise OptionError(f"{name} is a function: write what it is of, as in {name}(a).")
    missing = [name for name in used if name not in values and name not in CONSTANTS]
    if missing:
        near = get_close_matches(missing[0], [*unused, *FUNCTIONS], n=1, cutoff=0.6)
        hint = f" Did you mean {near[0]}?" if near else ""
        sentence = "has no value: add" if len(missing) == 1 else "have no values: add"
        given = " ".join(f"{_short(name)}=…" for name in missing[:MOST_NAMES])
        raise OptionError(f"{_listed(missing)} {sentence} {given}.{hint}")
    if unused:
        raise OptionError(
            f"{_listed(unused)} {'does' if len(unused) == 1 else 'do'} not occur in the expression, "
            f"which has {_listed(used) or 'no names'}."
        )


def _evaluated(node: ast.expr, values: Mapping[str, Variable]) -> Any:
    """The value of a part of the expression: a variable, or a plain number where no variable is in it."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return _literal(node, number)
        case ast.Name(id=name):
            return values[name] if name in values else CONSTANTS[name]
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _evaluated(operand, values)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _applied(node, OPERATIONS["negative"], [_evaluated(operand, values)])
        case ast.BinOp(left=left, op=op, right=right):
            inputs = [_evaluated(left, values), _evaluated(right, values)]
            return _applied(node, OPERATIONS[OPERATORS[type(op)]], inputs)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            operation = _function(name)
            options = _options(operation, keywords, values)
            _check_count(operation, args)
            return _applied(node, operation, [_evaluated(given, values) for given in args], **options)
    raise OptionError(_refusal(node))


def _literal(node: ast.expr, number: float) -> float:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if math.isinf(value):
        raise GraphError(f"the number {_shown(node)} is too large: the largest is about 1.8e308.")
    return value


def _applied(node: ast.expr, operation: Operation, inputs: list[Any], **options: float | bool) -> Any:
    """The operation of the inputs; an error if that is not finite, or if numbers are taken for arrays."""
    if all(np.ndim(plain(given)) == 0 for given in inputs):
        if operation.name == "matmul":
            raise OptionError(f"{_shown(node)} is a product of matrices, but of numbers here: write * in place of @.")
        if "axis" in options:
            raise OptionError(f"{_shown(node)} has an axis, but a number has none: leave axis out.")
    try:
        value = operation(*inputs, **options)
    except ChainruleError:
        raise
    except (TypeError, ValueError, IndexError, ArithmeticError) as error:  # NumPy's, of an axis that is not there
        raise OptionError(f"{_shown(node)} cannot be computed: {error}.") from None
    if not np.all(np.isfinite(plain(value))):
        numbers = [plain(given) for given in inputs]
        fulfilled, sentence = DOMAINS.get(operation.name, (lambda *_: True, ""))
        given = ", ".join(f"{number:g}" if np.ndim(number) == 0 else f"{np.shape(number)}" for number in numbers)
        reason = "the number is too large" if fulfilled(*numbers) else sentence
        raise GraphError(f"{_shown(node)} is not finite: {reason}, but was given {given}.")
    return value


def _function(name: str) -> Operation:
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    near = get_close_matches({"max": "maximum", "min": "minimum"}.get(name, name), FUNCTIONS, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise OptionError(f"there is no function {_short(name)}.{hint} Known: {', '.join(sorted(FUNCTIONS))}.")


def _options(operation: Operation, keywords: list[ast.keyword], values: Mapping[str, Variable]) -> dict[str, Any]:
    """The options of a call; each is a number, an axis a whole one, and what is either so or not 0 or 1."""
    found: dict[str, Any] = {}
    for word in keywords:
        if word.arg not in operation.defaults:
            known = ", ".join(operation.defaults) or "none"
            raise OptionError(f"{operation.name} has no option {word.arg or '**'}; its options: {known}.")
        value = _evaluated(word.value, values)
        if isinstance(value, Variable):
            raise OptionError(
                f"{operation.name}'s {word.arg} is {_shown(word.value)}, but an option is a plain number."
            )
        found[word.arg] = float(value)
        if word.arg == "axis":
            found[word.arg] = _whole(operation, word, value, "a whole number, counted from 0", -MOST_AXES, MOST_AXES)
        elif isinstance(operation.defaults[word.arg], bool):
            found[word.arg] = bool(_whole(operation, word, value, "1 for yes or 0 for no", 0, 1))
    return found


def _whole(operation: Operation, word: ast.keyword, value: float, kind: str, least: int, most: int) -> int:
    if not (least <= value <= most and value == int(value)):
        raise OptionError(f"{operation.name}'s {word.arg} is {_shown(word.value)}, but must be {kind}.")
    return int(value)


def _check_count(operation: Operation, args: list[ast.expr]) -> None:
    parameters = [p for p in inspect.signature(operation).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    needed = [p.name for p in parameters if p.default is p.empty]
    if len(args) != len(needed):
        raise OptionError(
            f"{operation.name} takes {operation.name}({', '.join(needed)}), but was given {len(args) or 'nothing'}."
        )


def _refusal(node: ast.AST) -> str:
    """The sentence for a piece that no expression may hold."""
    kinds: list[type[ast.AST]] = [type(node)]
    if isinstance(node, ast.BinOp):
        kinds.append(type(node.op))
    way_out = next((INSTEAD[kind] for kind in kinds if kind in INSTEAD), "")
    if isinstance(node, ast.Call):
        way_out = "only functions are called, by their name; a product needs its *, as in 3*(a + b)"
    taken = "an expression has numbers, names, + - * / ** @, parentheses and calls such as sigmoid(z)"
    return f"{_shown(node)} cannot be used: {way_out or taken}."


def _shown(node: ast.AST) -> str:
    """A piece of the expression, in Python's spelling."""
    try:
        return _short(ast.unparse(node))
    except ValueError:  # a whole number of more digits than Python writes
        return "a number of the expression"


def _listed(names: Sequence[str]) -> str:
    """The names, the first of many."""
    return ", ".join([*map(_short, names[:MOST_NAMES]), *(["…"] if len(names) > MOST_NAMES else [])])


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"
