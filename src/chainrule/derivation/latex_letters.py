r"""Text as LaTeX has it, in ASCII: ä becomes \"{a}, α becomes \ensuremath{\alpha}, and 50% becomes 50\%."""

from __future__ import annotations

import functools
import unicodedata

UNKNOWN = r"{\bfseries ?}"
"""What stands for a letter that LaTeX's usual fonts lack, such as one of Chinese."""


def _table(pairs: str) -> dict[str, str]:
    """The letters of a list of letters and what is written for each."""
    words = pairs.split()
    return dict(zip(words[::2], words[1::2], strict=True))


_WRITTEN = {"\N{NO-BREAK SPACE}": "~"} | _table(r"""
    # \#  $ \$  % \%  & \&  _ \_  { \{  } \}  \ {\textbackslash}  ^ {\textasciicircum}  ~ {\textasciitilde}
    " ''  ’ '  ‘ `  “ ``  ” ''  – --  — ---  ′ '  ο o  < \ensuremath{<}  > \ensuremath{>}  − \ensuremath{-}
    √ \ensuremath{\sqrt{}}  ≔ \ensuremath{:=}  … {\textellipsis}  · {\textperiodcentered}  × {\texttimes}  ÷ {\textdiv}
    ½ {\textonehalf}  ← {\textleftarrow}  → {\textrightarrow}  ¬ {\textlnot}  ° {\textdegree}  § {\textsection}
    £ {\textsterling}  € {\texteuro}  ¥ {\textyen}  ¢ {\textcent}  © {\textcopyright}  ® {\textregistered}
    ß {\ss}  ø {\o}  Ø {\O}  æ {\ae}  Æ {\AE}  œ {\oe}  Œ {\OE}  ł {\l}  Ł {\L}  ı {\i}
""")

_SIGNS = _table(r"""
    α alpha  β beta  γ gamma  δ delta  ε varepsilon  ζ zeta  η eta  θ theta  ι iota  κ kappa  λ lambda  μ mu  µ mu  ν nu
    ξ xi  π pi  ρ rho  ς varsigma  σ sigma  τ tau  υ upsilon  φ varphi  χ chi  ψ psi  ω omega  ϕ phi
    Γ Gamma  Δ Delta  Θ Theta  Λ Lambda  Ξ Xi  Π Pi  Σ Sigma  Υ Upsilon  Φ Phi  Ψ Psi  Ω Omega
    ± pm  ‖ Vert  ∂ partial  ∇ nabla  ∈ in  ∏ prod  ∑ sum  ∞ infty  ∥ parallel  ≈ approx  ≠ neq  ≤ leq  ≥ geq  ⊗ otimes
    ⊙ odot  ⋮ vdots  ⋯ cdots  ⋱ ddots  ⌈ lceil  ⌉ rceil  ⌊ lfloor  ⌋ rfloor
""")

_ACCENTS = _table(
    "GRAVE ` ACUTE ' CIRCUMFLEX ^ TILDE ~ DIAERESIS \" MACRON = BREVE u RING r CARON v CEDILLA c DOT . DOUBLE H"
)
"""By a word of the name that Unicode has for them."""

_DOTLESS = {"i": r"\i", "j": r"\j"}

_LEVELS = {"<super>": "^", "<sub>": "_"}


def in_ascii(text: str) -> str:
    """The text in ASCII; a letter that LaTeX has no name for becomes a bold question mark."""
    return "".join(map(_letter, text))


@functools.cache
def _letter(letter: str) -> str:
    if letter in _WRITTEN:
        return _WRITTEN[letter]
    if letter in _SIGNS:
        return rf"\ensuremath{{\{_SIGNS[letter]}}}"
    return letter if letter.isascii() else _raised(letter) or _accented(letter) or UNKNOWN


def _raised(letter: str) -> str:
    r"""A letter that is raised or lowered: \ensuremath{^{2}}."""
    level, *others = unicodedata.decomposition(letter).split() or [""]
    plain = "".join(chr(int(other, 16)) for other in others) if level in _LEVELS else ""
    if len(plain) != 1 or not (plain.isalnum() or plain in "+−="):
        return ""
    return rf"\ensuremath{{{_LEVELS[level]}{{{_letter(plain)}}}}}"


def _accented(letter: str) -> str:
    r"""A letter with one accent: \"{o}."""
    parts = unicodedata.normalize("NFD", letter)
    accent = _ACCENTS.get(unicodedata.name(parts[-1], "").removeprefix("COMBINING ").partition(" ")[0])
    if len(parts) != 2 or accent is None or not parts[0].isascii():
        return ""
    return rf"\{accent}{{{_DOTLESS.get(parts[0], parts[0])}}}"
