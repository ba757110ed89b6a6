"""Formulas in the pages become MathML, which browsers draw by themselves: no script, no fonts, no network."""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

SPELLINGS = {"{aligned}": "{split}", ":=": r"\coloneq ", r"\ln": r"\,\ln\,"}
"""What the converter knows under another name."""


def mathml(latex: str, display: str) -> str:
    """The formula as one `<math>` element."""
    for usual, known in SPELLINGS.items():
        latex = latex.replace(usual, known)
    return convert(latex, display=display)


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
