"""HTML as a page of a run is made of it: headings, tables, figures and folds, in one file that needs no other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape

from chainrule.derivation.svg_elements import clean
from chainrule.errors import shortened

LONGEST = 300
"""The most characters of a cell or a note."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --muted: #5b6675; --ground: #fff; --line: #d5dbe3; --soft: #f3f5f8;
  --mark: #1f6f8b; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1.2rem clamp(.8rem, 3vw, 2rem) 4rem; overflow-wrap: anywhere;
  color: var(--ink); background: var(--ground); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .4em 0; }
h2 { font-size: 1.2rem; margin: 2.2em 0 .6em; padding-bottom: .2em; border-bottom: 1px solid var(--line); }
p, ul { margin: .5em 0; max-width: 48rem; }
ul { padding-left: 1.2em; }
.muted, figcaption { color: var(--muted); font-size: .93rem; }
.wide { overflow-x: auto; margin: .6em 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3em .9em .3em 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  overflow-wrap: normal; }
th { color: var(--muted); font-weight: 600; }
td.number, th.number { text-align: right; white-space: nowrap; }
td:first-child { min-width: 6rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem; }
.examples { display: flex; flex-wrap: wrap; gap: 1rem; }
.examples figure { width: 8.5rem; }
.examples img { width: 100%; image-rendering: pixelated; background: var(--soft); }
figure { margin: 0; break-inside: avoid; }
figure svg { width: 100%; height: auto; display: block; }
.drawing { overflow-x: auto; }
.drawing svg { max-width: 100%; height: auto; }
pre { background: var(--soft); padding: .8em 1em; border-radius: 6px; overflow-x: auto; font-size: .9rem; }
blockquote { margin: .6em 0; padding: .1em 1em; border-left: 3px solid var(--line); }
summary { cursor: pointer; margin: .6em 0; color: var(--mark); }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e7ec; --muted: #a3adb9; --ground: #14181d; --line: #333b45; --soft: #1d232a; --mark: #6fbcd8; }
  figure svg, .drawing svg { filter: invert(.92) hue-rotate(180deg); }
}
@media print {
  body { max-width: none; padding: 0; font-size: 12px; }
  h2 { break-after: avoid; }
  .figures { grid-template-columns: 1fr 1fr; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
"""Two schemes of colours; pictures, which have a white ground, are turned in the dark one."""


def document(title: str, parts: Iterable[str], style: str = "") -> str:
    """A whole page; `style` is of what comes from elsewhere."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escaped(title)}</h1>\n" + "\n".join(filter(None, parts)) + "\n</main>\n</body>\n</html>\n"
    )


def section(heading: str, *parts: str) -> str:
    """Parts under a heading; nothing of nothing."""
    held = [part for part in parts if part]
    return "\n".join([f"<section>\n<h2>{escaped(heading)}</h2>", *held, "</section>"]) if held else ""


def folded(summary: str, *parts: str, unfolded: bool = False) -> str:
    """Parts that are seen when the summary is clicked at; nothing of nothing."""
    held = [part for part in parts if part]
    opened = " open" if unfolded else ""
    return "\n".join([f"<details{opened}><summary>{escaped(summary)}</summary>", *held, "</details>"]) if held else ""


def paragraph(text: str, *, muted: bool = False) -> str:
    """A paragraph; nothing of no text."""
    kind = ' class="muted"' if muted else ""
    return f"<p{kind}>{escaped(text)}</p>" if text else ""


def listed(sentences: Sequence[str], most: int) -> str:
    """Sentences, one below the other, and how many are left out."""
    if not sentences:
        return ""
    more = [f"and {len(sentences) - most:,} more"] if len(sentences) > most else []
    items = [f"<li>{escaped(shortened(one, 3 * LONGEST))}</li>" for one in [*sentences[:most], *more]]
    return "\n".join(["<ul>", *items, "</ul>"])


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[int] = (), most: int = 100) -> str:
    """A table that can be moved sideways where it is too wide; and how many rows are left out.

    Args:
        numbers: the columns that stand at the right.
    """
    kinds = [' class="number"' if i in numbers else "" for i in range(len(heads))]
    head = "".join(f"<th{kind}>{escaped(name)}</th>" for kind, name in zip(kinds, heads, strict=True))
    lines = [
        "<tr>" + "".join(f"<td{kind}>{_cell(text)}</td>" for kind, text in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows[:most]
    ]
    whole = [
        '<div class="wide"><table>',
        f"<thead><tr>{head}</tr></thead>",
        "<tbody>",
        *lines,
        "</tbody></table></div>",
    ]
    return "\n".join([*whole, paragraph(f"and {len(rows) - most:,} more", muted=True)] if len(rows) > most else whole)


def figure(svg: str, caption: str) -> str:
    """A picture, the text of an SVG file, with a sentence below it."""
    return f"<figure>\n{_inside(svg)}\n<figcaption>{escaped(caption)}</figcaption>\n</figure>"


def figures(held: Sequence[str]) -> str:
    """Figures beside one another, as many as there is room for."""
    return "\n".join(['<div class="figures">', *held, "</div>"]) if held else ""


def drawing(svg: str) -> str:
    """A picture by itself."""
    return f'<div class="drawing">\n{_inside(svg)}\n</div>'


def pictures(held: Sequence[tuple[str, str, str]]) -> str:
    """Small pictures: the address of each, what is seen for who cannot, and the lines below it."""
    items = [
        f'<figure><img src="{escaped(link)}" alt="{escaped(seen)}">'
        f"<figcaption>{'<br>'.join(map(escaped, below.splitlines()))}</figcaption></figure>"
        for link, seen, below in held
    ]
    return "\n".join(['<div class="examples">', *items, "</div>"]) if held else ""


def quotation(text: str, below: str) -> str:
    """A text, and what is said of it."""
    return f"<blockquote><p>{escaped(text)}</p><p class='muted'>{escaped(below)}</p></blockquote>"


def typed(lines: Sequence[str]) -> str:
    """Lines to be copied."""
    return f"<pre><code>{escaped(chr(10).join(lines))}</code></pre>"


def escaped(text: str) -> str:
    """Text as it stands in HTML, whatever it holds."""
    return escape(clean(text))


def _cell(text: str) -> str:
    return escaped(shortened(text, LONGEST))


def _inside(svg: str) -> str:
    """What stands in a page of the text of an SVG file: all but the line that says that it is one."""
    return svg.partition("?>\n")[2] if svg.startswith("<?xml") else svg
