r"""Formulas: the LaTeX that operations carry, taken apart so that symbols can be replaced by names.

A formula such as `dW = dZ\, A^T` becomes a tuple of atoms. `substitute` puts the names of a network in the symbols'
places, dW^{[1]} = dZ^{[1]} A^{[0]T}; `latex` and `text` write the result.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

Formula = tuple["Atom", ...]


@dataclass(frozen=True)
class Atom:
    r"""One piece of a formula: a symbol, number, sign, space, or macro with its arguments; with its scripts.

    Attributes:
        symbol: as LaTeX has it: "Z", "dZ", r"\gamma", r"\frac", "+", " ", r"\left("; "{" for what braces hold together.
        arguments: of a macro, or the content of the braces.
        below, above: the subscript and the superscript.
    """

    symbol: str
    arguments: tuple[Formula, ...] = ()
    below: Formula = ()
    above: Formula = ()


_ARGUMENTS = {"frac": 2, "tfrac": 2, "sqrt": 1, "hat": 1, "operatorname": 1}
_ACCENTS = (r"\hat",)
_TOKEN = re.compile(
    r"\\(?:left|right)\s*(?:\\[a-zA-Z]+|\\.|.)|d\\(?:[a-zA-Z]+)|\\[a-zA-Z]+|\\.|[a-zA-Z]+|\d+(?:\.\d+)?|\s+|."
)
_GROUP = "{"


@functools.cache
def parse(source: str) -> Formula:
    """The atoms of a formula in LaTeX."""
    return _Reader(source).formula(until="")


def latex(formula: Formula) -> str:
    """The formula as LaTeX."""
    written = ""
    for atom in formula:
        piece = _latex_of(atom)
        if re.search(r"\\[a-zA-Z]+$", written) and piece[:1].isalpha():
            written += " "
        written += piece
    return written


def text(formula: Formula) -> str:
    """The formula as a line of Unicode text: W^[1] A^[0] + b^[1]."""
    return re.sub(r" {2,}(?! )", "  ", "".join(map(_text_of, formula))).replace("∂ ", "∂").strip()


def markup(formula: Formula) -> str:
    """The formula as a label of a drawing has it: W^{[1]}, with scripts to be raised and lowered."""
    return "".join(
        _symbol_text(atom)
        + (f"_{{{text(atom.below)}}}" if atom.below else "")
        + (f"^{{{text(atom.above)}}}" if atom.above else "")
        for atom in formula
    )


def substitute(formula: Formula, names: Mapping[str, Atom]) -> Formula:
    """The formula with every symbol that is in `names` replaced, in scripts and arguments too.

    A name's own superscript, the layer, comes first: A^T becomes A^{[1]T}; powers stand outside, (A^{[1]})^2.
    """
    return tuple(_substituted(atom, names) for atom in formula)


def symbols(formula: Formula) -> Iterator[Atom]:
    """Every atom of the formula, those inside scripts and arguments too."""
    for atom in formula:
        yield atom
        if atom.arguments or atom.below or atom.above:
            for inner in (*atom.arguments, atom.below, atom.above):
                yield from symbols(inner)


def clauses(formula: Formula) -> list[Formula]:
    r"""The parts of a formula that `, \quad` separates: what is computed first, then what is computed of it."""
    parts: list[Formula] = [()]
    for atom in formula:
        if atom.symbol == r"\quad":
            parts[-1] = trim(parts[-1], also=",")
            parts.append(())
        else:
            parts[-1] += (atom,)
    return [trim(part) for part in parts]


def sides(equation: Formula) -> tuple[Formula, Formula]:
    """What stands on the left and on the right of the first equals sign."""
    at = next(i for i, atom in enumerate(equation) if atom.symbol == "=")
    return trim(equation[:at]), trim(equation[at + 1 :])


def trim(formula: Formula, also: str = "") -> Formula:
    """The formula without spaces at its ends."""
    blank = (" ", r"\,", also)
    while formula and formula[0].symbol in blank:
        formula = formula[1:]
    while formula and formula[-1].symbol in blank:
        formula = formula[:-1]
    return formula


def in_parentheses(formula: Formula) -> Formula:
    """The formula, between parentheses if it is a sum or starts with a sign."""
    return (Atom("("), *formula, Atom(")")) if is_sum(formula) else formula


def without_parentheses(formula: Formula) -> Formula:
    """The formula without the one pair of parentheses that holds all of it, if there is one."""
    for i, (atom, depth) in enumerate(zip(formula, depths(formula), strict=True)):
        if depth == 0 and (i < len(formula) - 1 or atom.symbol not in (")", r"\right)") or atom.above or atom.below):
            return formula
    return formula[1:-1]


_OPENING = ("(", "[", r"\left(", r"\left[")
_CLOSING = (")", "]", r"\right)", r"\right]")
_SIGNS = ("+", "-")


def depths(formula: Formula) -> list[int]:
    """For each atom how many parentheses and brackets are open behind it."""
    steps = ((atom.symbol in _OPENING) - (atom.symbol in _CLOSING) for atom in formula)
    return list(itertools.accumulate(steps))


def is_sum(formula: Formula) -> bool:
    """Whether a plus or minus stands outside of all parentheses."""
    return any(depth == 0 and atom.symbol in _SIGNS for atom, depth in zip(formula, depths(formula), strict=True))


def without(formula: Formula, absent: set[str]) -> Formula:
    """The formula without these symbols: the term + b that is nothing else, or the factor w of a product.

    A term with a condition on an absent symbol, [mask = 0] A, goes as a whole.
    """
    if not absent:
        return formula
    kept: list[Atom] = []
    for term in _terms(formula):
        signed = bool(term) and term[0].symbol in _SIGNS
        product = term[1:] if signed else term
        rest = () if _on_condition(trim(product), absent) else _without_factors(product, absent)
        if trim(rest) or not trim(term):
            kept += (*term[:1], *rest) if signed else rest
    return trim(tuple(kept))


def _terms(formula: Formula) -> list[Formula]:
    terms: list[Formula] = [()]
    for atom, depth in zip(formula, depths(formula), strict=True):
        if depth == 0 and atom.symbol in _SIGNS:
            terms.append(())
        terms[-1] += (atom,)
    return terms


def _on_condition(product: Formula, absent: set[str]) -> bool:
    """Whether the product begins with [condition] on one of these symbols."""
    condition = itertools.takewhile(lambda atom: atom.symbol != "]", product)
    return product[:1] == (Atom("["),) and any(atom.symbol in absent for atom in condition)


def _without_factors(term: Formula, absent: set[str]) -> Formula:
    kept: Formula = ()
    dropped = False
    for atom in term:
        if dropped and atom.symbol in (" ", r"\,", r"\odot"):
            continue
        dropped = atom.symbol in absent
        if not dropped:
            kept += (replace(atom, arguments=tuple(without(argument, absent) for argument in atom.arguments)),)
    return kept


def number(value: float) -> Atom:
    """A number with up to 6 digits; 1e-05 as 10^{-5}."""
    digits, _, exponent = f"{value:.6g}".partition("e")
    if not exponent:
        return Atom(digits)
    power = Atom("10", above=(Atom(str(int(exponent))),))
    return power if digits == "1" else Atom(_GROUP, ((Atom(digits), Atom(r"\cdot"), power),))


def is_number(atom: Atom) -> bool:
    """Whether the atom is a number, in parentheses or not."""
    inside = atom.arguments[0][1:-1] if atom.symbol == _GROUP and atom.arguments[0][0].symbol == "(" else (atom,)
    return len(inside) == 1 and re.fullmatch(r"-?[\d.]+", inside[0].symbol) is not None


class _Reader:
    """Reads LaTeX token by token."""

    def __init__(self, source: str):
        self.tokens = [" " if token.isspace() else token for token in _TOKEN.findall(source)]
        self.at = 0

    def formula(self, until: str) -> Formula:
        atoms: list[Atom] = []
        while self.at < len(self.tokens) and self.tokens[self.at] != until:
            token = self.next()
            if token == "_":
                atoms[-1] = replace(atoms[-1], below=self.argument())
            elif token == "^":
                atoms[-1] = replace(atoms[-1], above=self.argument())
            else:
                atoms.append(self.atom(token))
        return tuple(atoms)

    def atom(self, token: str) -> Atom:
        if token == _GROUP:
            return Atom(_GROUP, (self.group(),))
        return Atom(
            token, tuple(self.argument() for _ in range(_ARGUMENTS.get(token[1:], 0) if token[0] == "\\" else 0))
        )

    def argument(self) -> Formula:
        """What braces hold, or else the next symbol or digit."""
        token = self.next()
        if token == " ":
            return self.argument()
        if token == _GROUP:
            return self.group()
        if token[0].isalnum() and len(token) > 1:
            self.at -= 1
            self.tokens[self.at] = token[1:]
            token = token[0]
        return (self.atom(token),)

    def group(self) -> Formula:
        inside = self.formula(until="}")
        self.next()
        return inside

    def next(self) -> str:
        if self.at == len(self.tokens):
            raise ValueError(f"the formula {''.join(self.tokens)!r} ends too early.")
        self.at += 1
        return self.tokens[self.at - 1]


def _substituted(atom: Atom, names: Mapping[str, Atom]) -> Atom:
    atom = replace(
        atom,
        arguments=tuple(substitute(argument, names) for argument in atom.arguments),
        below=substitute(atom.below, names),
        above=substitute(atom.above, names),
    )
    if atom.symbol in _ACCENTS and len(atom.arguments[0]) == 1:
        bare, index = replace(atom.arguments[0][0], above=()), atom.arguments[0][0].above
        return _scripted(replace(atom, arguments=((bare,),), below=(), above=index), atom.below, atom.above)
    if atom.symbol not in names:
        return atom
    return _scripted(names[atom.symbol], atom.below, atom.above)


def _scripted(name: Atom, below: Formula, above: Formula) -> Atom:
    """The name with scripts of the formula added to its own; a power stands outside of the name."""
    power = name.symbol == _GROUP or (name.symbol[:1].isdigit() and name.above)
    if name.symbol.startswith("-") or (power and (above or below)):
        name = Atom(_GROUP, ((Atom("("), name, Atom(")")),))
    if below:
        name = replace(name, below=(*name.below, Atom(","), *below) if name.below else below)
    if not above:
        return name
    if not name.above:
        return replace(name, above=above)
    if above == (Atom("T"),) or above[0].symbol == "(":
        return replace(name, above=name.above + above)
    return Atom(_GROUP, ((Atom("("), name, Atom(")")),), above=above)


def _latex_of(atom: Atom) -> str:
    arguments = "".join(f"{{{latex(argument)}}}" for argument in atom.arguments)
    written = arguments if atom.symbol == _GROUP else _as_word(atom.symbol) + arguments
    if atom.below:
        written += f"_{{{latex(atom.below)}}}"
    if atom.above:
        written += f"^{{{latex(atom.above)}}}"
    return written


def _as_word(symbol: str) -> str:
    """The symbol; upright and escaped where it has signs that mean something else in formulas, or are not in them."""
    if symbol.startswith("\\") or not re.search(r"[_%#&$]|[^\x00-\x7f]", symbol):
        return symbol
    return r"\text{" + re.sub(r"([_%#&$])", r"\\\1", symbol) + "}"


_UNICODE = {
    r"\odot": "⊙", r"\cdot": "·", r"\sum": "Σ", r"\ln": "ln", r"\le": "≤", r"\ge": "≥", r"\ne": "≠",
    r"\neg": "¬", r"\partial": "∂", r"\ldots": "…",
    r"\quad": "  ", r"\,": "", r"\|": "‖", r"\textstyle": "", r"\infty": "∞", "-": "−",
    r"\alpha": "α", r"\beta": "β", r"\gamma": "γ", r"\delta": "δ", r"\varepsilon": "ε", r"\lambda": "λ", r"\mu": "μ",
    r"\sigma": "σ", r"\theta": "θ", r"\varphi": "φ", r"\Phi": "Φ",
    r"\rho": "ρ", r"\omega": "ω", r"\tau": "τ", r"\eta": "η", r"\nu": "ν",
    r"\kappa": "κ", r"\zeta": "ζ", r"\xi": "ξ", r"\phi": "ϕ", r"\psi": "ψ", r"\chi": "χ",
}  # fmt: skip
_SUBSCRIPTS = str.maketrans("0123456789ijknpt", "₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₙₚₜ")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _text_of(atom: Atom) -> str:
    return _symbol_text(atom) + _below_text(text(atom.below)) + _above_text(text(atom.above))


def _symbol_text(atom: Atom) -> str:
    arguments = [text(argument) for argument in atom.arguments]
    if atom.symbol in (r"\frac", r"\tfrac"):
        return "½" if arguments == ["1", "2"] else "/".join(map(_as_factor, arguments))
    if atom.symbol == r"\sqrt":
        return f"√{_as_factor(arguments[0])}"
    if atom.symbol == r"\hat":
        return unicodedata.normalize("NFC", f"{arguments[0][:1]}\N{COMBINING CIRCUMFLEX ACCENT}") + arguments[0][1:]
    if atom.symbol.startswith((r"\left", r"\right")):
        return atom.symbol.removeprefix(r"\left").removeprefix(r"\right").strip()
    name = re.sub(r"\\[a-zA-Z]+|.", lambda found: _UNICODE.get(found[0], found[0].lstrip("\\")), atom.symbol)
    return _UNICODE.get(atom.symbol, "" if arguments else name) + "".join(arguments)


def _as_factor(written: str) -> str:
    return f"({written})" if " " in _outside_parentheses(written) or "/" in _outside_parentheses(written) else written


def _outside_parentheses(written: str) -> str:
    while (shorter := re.sub(r"\([^()]*\)", "", written)) != written:
        written = shorter
    return written


def _below_text(written: str) -> str:
    if not written:
        return ""
    small = written.translate(_SUBSCRIPTS)
    return small if not set(small) & set(written) else f"_{written}" if written.isalnum() else f"_{{{written}}}"


def _above_text(written: str) -> str:
    if not written:
        return ""
    if written == "T" or written.endswith(("]T", ")T")):
        return _above_text(written[:-1]) + "ᵀ"
    if written.isdigit():
        return written.translate(_SUPERSCRIPTS)
    return (
        f"^{written}"
        if written.isalnum() or re.fullmatch(r"(\[[\w.]+\]|\(\w\))+|\([^()]*\)", written)
        else f"^({written})"
    )
