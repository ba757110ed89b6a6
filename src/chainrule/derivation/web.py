"""A derivation as HTML with MathML, which browsers and notebooks show without loading anything."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape

from latex2mathml.converter import convert

from chainrule.derivation.formula import latex
from chainrule.derivation.lines import Line
from chainrule.derivation.sections import Derivation, Section, around_equals, in_full
from chainrule.derivation.tex import matrix

WAY = "Line by line:"

STYLE = """
.chainrule { color: #1c2430; background: #fff; font: 15px/1.5 system-ui, sans-serif; }
.chainrule { padding: 1em 1.5em; overflow-x: auto; }
.chainrule h1 { font-size: 1.5em; margin: 0 0 .3em; }
.chainrule h2 { font-size: 1.15em; margin: 1.6em 0 .2em; padding-bottom: .2em; border-bottom: 1px solid #d5dbe3; }
.chainrule th { font-size: .95em; font-weight: 600; color: #2a6592; padding: 1.1em 0 .1em; text-align: left; }
.chainrule p { color: #5b6675; margin: .2em 0; max-width: 60em; }
.chainrule table { border-collapse: collapse; margin: 0; }
.chainrule th, .chainrule td { border: 0; vertical-align: middle; text-align: left; background: #fff; }
.chainrule td { padding: .25em 0; }
.chainrule td.left { text-align: right; min-width: 5em; }
.chainrule td.right { padding-left: .3em; min-width: 24em; }
.chainrule td.shapes { padding-left: 2.5em; color: #2e7d4f; white-space: nowrap; font-size: .93em; }
.chainrule td.remark { color: #5b6675; font-size: .93em; padding-left: .3em; max-width: 50em; }
.chainrule math { font-size: 1.08em; color: #1c2430; }
.chainrule details > table { margin: .3em 0 .3em 1em; border-left: 2px solid #d5dbe3; }
"""


def document(derivation: Derivation) -> str:
    """The whole page as a document of its own."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(derivation.title)}</title>\n</head>\n<body>\n{fragment(derivation)}\n</body>\n</html>\n"
    )


def fragment(derivation: Derivation) -> str:
    """The page as a part of a document: what a notebook shows."""
    parts = [f"<style>{STYLE}</style>", '<div class="chainrule">', f"<h1>{escape(derivation.title)}</h1>"]
    parts += [f"<p>{escape(sentence)}</p>" for sentence in derivation.legend]
    for part, sections in derivation.parts():
        parts += [f"<h2>{escape(part)}</h2>", "<table>", *map(_section, sections), "</table>"]
    return "\n".join([*parts, "</div>"])


def _section(section: Section) -> str:
    title = f'<tr><th colspan="3">{escape(section.title)}</th></tr>\n' if section.title else ""
    return title + "\n".join(map(_line, section.lines))


def _line(line: Line) -> str:
    left, right = map(latex, around_equals(line.formula))
    if line.numbers is not None:
        right += f" = {matrix(line.numbers)}"
    row = f'<tr><td class="left">{"" if line.continued else _math(left)}</td><td class="right">{_math(right)}</td>'
    row += f'<td class="shapes">{escape(line.shapes)}</td></tr>'
    if line.long_way:
        row += f'\n<tr><td></td><td class="remark" colspan="2">{_folded(line)}</td></tr>'
    elif line.remark:
        row += f'\n<tr><td></td><td class="remark" colspan="2">{escape(line.remark)}</td></tr>'
    return row


def _folded(line: Line) -> str:
    """What a shortcut leaves out, to be folded out beneath what is said of it."""
    lines = "\n".join(map(_line, in_full(replace(line, remark=""))))
    return f"<details><summary>{escape(line.remark)} {WAY}</summary>\n<table>\n{lines}\n</table></details>"


def _math(source: str) -> str:
    # MathML sets no space behind the name of a function, := as two signs, and the backslashes inside of words.
    words = re.sub(r"\\([_%#&$])", lambda found: escape(found[1]), source)
    spaced = words.replace(r"\ln ", r"\ln\,").replace(":=", r"\coloneqq ")
    spaced = re.sub(r"\\textstyle(\\sum_\{[^{}]*\})", r"{\\textstyle\1}", spaced)  # and nothing behind it
    return str(convert(rf"\displaystyle {spaced}")) if source else ""
