"""A derivation as HTML with MathML, which browsers and notebooks show without loading anything."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from html import escape
from typing import Any

from numpy.typing import NDArray

from chainrule.derivation.font import FAMILY, face
from chainrule.derivation.formula import latex
from chainrule.derivation.lines import Line
from chainrule.derivation.sections import Cell, Derivation, Section, around_equals, cells, in_full, left_out

WAY = "Line by line:"

STYLE = f"""
.chainrule {{ color: #1c2430; background: #fff; font: 15px/1.5 system-ui, sans-serif; }}
.chainrule {{ padding: 1em 1.5em; overflow-x: auto; }}
.chainrule h1 {{ font-size: 1.5em; font-weight: 700; margin: 0 0 .3em; }}
.chainrule h2 {{ font-size: 1.15em; font-weight: 700; margin: 1.6em 0 .2em; padding-bottom: .2em; }}
.chainrule h2 {{ border: 0; border-bottom: 1px solid #d5dbe3; }}
.chainrule th {{ font-size: .95em; font-weight: 600; color: #2a6592; padding: 1.1em 0 .1em; text-align: left; }}
.chainrule p {{ color: #5b6675; margin: .2em 0; max-width: 60em; }}
.chainrule table {{ border-collapse: collapse; margin: 0; width: auto; }}
.chainrule th, .chainrule td {{ border: 0; vertical-align: middle; text-align: left; background: #fff; }}
.chainrule td {{ padding: .25em 0; }}
.chainrule td.left {{ text-align: right; min-width: 5em; white-space: nowrap; }}
.chainrule td.right {{ padding-left: .3em; min-width: 24em; }}
.chainrule td.shapes {{ padding-left: 2.5em; color: #2e7d4f; white-space: nowrap; font-size: .93em; }}
.chainrule .remark {{ color: #5b6675; font-size: .93em; padding-left: .3em; max-width: 50em; }}
.chainrule math {{ font-family: "{FAMILY}", math, serif; font-size: 1.15em; color: #1c2430; }}
.chainrule mtd {{ padding: .2em .45em; border: 0; text-align: right; text-align: -webkit-right; }}
.chainrule msup > :last-child, .chainrule msubsup > :last-child {{ padding-left: .12em; }}
.chainrule mfrac {{ padding: 0 1px; }}
.chainrule summary {{ display: list-item; cursor: pointer; }}
.chainrule details > table {{ margin: .3em 0 .3em 1em; border-left: 2px solid #d5dbe3; }}
"""
"""Whatever a page's own rules set back, as those of Tailwind do, is set here."""


def document(derivation: Derivation) -> str:
    """The whole page as a document of its own."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(derivation.title)}</title>\n</head>\n<body>\n{fragment(derivation)}\n</body>\n</html>\n"
    )


def fragment(derivation: Derivation) -> str:
    """The page as a part of a document: what a notebook shows."""
    head = f"<style>{face()}{STYLE}</style>", '<div class="chainrule">', f"<h1>{escape(derivation.title)}</h1>"
    return "\n".join([*head, content(derivation), "</div>"])


def content(derivation: Derivation) -> str:
    """What stands below the title, for a document that has `STYLE` and a <div class="chainrule"> around it."""
    parts = [f"<p>{escape(sentence)}</p>" for sentence in derivation.legend]
    for part, sections in derivation.parts():
        parts += [f"<h2>{escape(part)}</h2>", "<table>", *map(_section, sections), "</table>"]
    return "\n".join(parts)


def _section(section: Section) -> str:
    title = f'<tr><th colspan="3">{escape(section.title)}</th></tr>\n' if section.title else ""
    return title + "\n".join(map(_line, section.lines))


def _line(line: Line) -> str:
    left, right = map(latex, around_equals(line.formula))
    numbers = "" if line.numbers is None else "<mo>=</mo>" + _numbers(line.numbers)
    row = f'<tr><td class="left">{"" if line.continued else _math(left)}</td>'
    row += f'<td class="right">{_math(right, numbers)}{_left_out(line)}</td>'
    row += f'<td class="shapes">{escape(line.shapes)}</td></tr>'
    if line.long_way:
        row += f'\n<tr><td></td><td class="remark" colspan="2">{_folded(line)}</td></tr>'
    elif line.remark:
        row += f'\n<tr><td></td><td class="remark" colspan="2">{escape(line.remark)}</td></tr>'
    return row


def _left_out(line: Line) -> str:
    said = "" if line.numbers is None else left_out(line.numbers)
    return f'<div class="remark">{escape(said)}</div>' if said else ""


def _folded(line: Line) -> str:
    """What a shortcut leaves out, to be folded out beneath what is said of it."""
    lines = "\n".join(map(_line, in_full(replace(line, remark=""))))
    return f"<details><summary>{escape(line.remark)} {WAY}</summary>\n<table>\n{lines}\n</table></details>"


def _math(source: str, numbers: str = "") -> str:
    """The formula as MathML, and behind it what is MathML already."""
    if not source and not numbers:
        return ""
    inner = _converted(source) if source else ""
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"><mrow>{inner}{numbers}</mrow></math>'


@functools.lru_cache(4096)
def _converted(source: str) -> str:
    """What stands in the <mrow> of the <math> of a formula: most come up on a page more than once."""
    # MathML sets no space behind the name of a function, := as two signs, and the backslashes inside of words.
    words = re.sub(r"\\([_%#&$])", lambda found: escape(found[1]), source)
    spaced = words.replace(r"\ln ", r"\ln\,").replace(":=", r"\coloneqq ")
    small = re.sub(
        r"(\\textstyle)?(\\sum(_\{[^{}]*\})?)", r"{\\textstyle\2}", spaced
    )  # the sign, and nothing behind it
    from chainrule.extras import latex2mathml

    whole = str(latex2mathml.converter.convert(rf"\displaystyle {small}"))
    return whole[whole.index("<mrow>") + 6 : whole.rindex("</mrow>")]


def _numbers(numbers: NDArray[Any]) -> str:
    """A matrix between brackets; a single number without."""
    if numbers.ndim == 0:
        return _cell(float(numbers))
    rows = "".join(f"<mtr>{''.join(f'<mtd>{_cell(cell)}</mtd>' for cell in row)}</mtr>" for row in cells(numbers))
    return f"<mrow>{BRACKET.format('prefix', '[')}<mtable>{rows}</mtable>{BRACKET.format('postfix', ']')}</mrow>"


BRACKET = '<mo fence="true" stretchy="true" symmetric="true" form="{}">{}</mo>'


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"<mo>{cell}</mo>"
    digits, _, exponent = f"{cell + 0.0:.4g}".replace("-", "−").partition("e")
    if not exponent:
        return f"<mn>{digits}</mn>"
    power = f"{int(exponent.replace('−', '-'))}".replace("-", "−")
    return f"<mrow><mn>{digits}</mn><mo>·</mo><msup><mn>10</mn><mn>{power}</mn></msup></mrow>"
