"""Formulas in the pages become MathML, which browsers draw by themselves: no script, no fonts, no network."""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

SPELLINGS = {"{aligned}": "{split}", ":=": r"\coloneq ", r"\ln": r"\,\ln\,"}
"""What the converter knows under another name."""

SIGN = re.compile(r"(<mo(?: stretchy=\"false\")?>(?!&#x0(?:0029|005D|007D|007C);)[^<]*</mo>)<mo>&#x02212;</mo>")
"""A minus behind an opening bracket, a comma or another operator: a sign, and not a difference."""

BAR = '<mo stretchy="false">&#x0007C;</mo>'


def mathml(latex: str, display: str) -> str:
    """The formula as one `<math>` element, in which signs and absolute values keep close to what they belong to."""
    for usual, known in SPELLINGS.items():
        latex = latex.replace(usual, known)
    written = SIGN.sub(r'\1<mo form="prefix">&#x02212;</mo>', convert(latex, display=display))
    if written.count(BAR) == 2:
        before, inside, after = written.split(BAR)
        forms = (f'<mo form="{form}" stretchy="false">&#x0007C;</mo>' for form in ("prefix", "postfix"))
        written = f"{before}{next(forms)}{inside}{next(forms)}{after}"
    return written


def inline(translator, node):
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def displayed(translator, node):
    translator.body.append(translator.starttag(node, "div", CLASS="formula"))
    translator.body.append(mathml(node.astext(), "block") + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx):
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"parallel_read_safe": True}
