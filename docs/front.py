"""The pictures of the front page and of the README, made by the program: python docs/front.py

A test makes them again and compares; whoever changes what they show runs this file once more.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import moving.moons as moons
from moving.marks import BLUE, INK, MUTED, ORANGE, picture, rectangle, text
from moving.marks import line as stroke
from sklearn.datasets import make_moons

import chainrule as cr
from chainrule import notes
from chainrule.derivation import svg_elements as svg

DOCS = Path(__file__).parent
FOLDER = DOCS / "_static" / "front"
LINE, ROW, COLUMN, LETTER = 22.0, 15.0, 76.0, 13.0

SHOWN = ("Z^[1] =", "A^[1] =", "Z^[2] =", "A^[2] =", "J =", "dZ^[2] =", "dW^[2] =", "dA^[1] =", "dZ^[1] =", "dW^[1] =")
"""The lines of the derivation that are on the picture."""


def derivation() -> str:
    """The lines of a network of two features, two hidden units and one output, as `cr.derive` writes them."""
    net = cr.Network([cr.Dense(2, "tanh"), cr.Dense(1, "sigmoid")], seed=0, input_shape=2)
    net.set_parameters({"W1": [[0.5, -1.0], [1.5, 0.25]], "b1": [0.0, 0.5], "W2": [[1.0, -2.0]], "b2": [0.25]})
    lines = cr.derive(net, [[1.0, 2.0], [3.0, 0.5]], [0, 1]).text.split("\n")
    marks: list[tuple[float, str, list[list[str]]]] = []
    y = 8.0
    for k, line in enumerate(lines):
        if line in ("Forward", "Backward") or line.strip().startswith(SHOWN):
            formula = re.split(r" {2,}| = 1/\(", line.strip())[0]
            rows = [] if formula.startswith("J") else _matrix(lines[k + 1 :])
            high = max(LINE, ROW * len(rows) + 7)
            marks.append((y + high / 2, formula, rows))
            y += high
    root = svg.frame(440, y + 8, "The derivation of a network, forward and backward, with its numbers")
    for middle, formula, rows in marks:
        heading = formula in ("Forward", "Backward")
        raised = re.sub(r"\]\(i\)", "]^(i)", formula)
        label = re.sub(r"\^(\[\d\]|\(i\))", r"^{\1}", raised)
        svg.add_text(
            root, label, (14 if heading else 26, middle + 4.5), LETTER, svg.FORWARD if heading else svg.INK, "start"
        )
        _draw(root, rows, middle)
    return svg.written(root)


def _matrix(lines: list[str]) -> list[list[str]]:
    """The numbers that stand below a formula, row by row."""
    rows: list[list[str]] = []
    for line in lines:
        if not re.match(r" +(= )?[⎡\[]" if not rows else r" +[⎢⎣]", line):
            break
        rows.append(re.findall(r"-?[\d.]+(?:e[-+]\d+)?", line))
    return rows


def _draw(root: Element, rows: list[list[str]], middle: float) -> None:
    """A matrix between its brackets, to the right of its formula."""
    if not rows:
        return
    left, top = 262.0, middle - ROW * len(rows) / 2
    right, bottom = left + COLUMN * len(rows[0]), top + ROW * len(rows)
    svg.add_text(root, "=", (left - 14, middle + 4.5), LETTER, svg.MUTED)
    d = f"M{left + 4} {top}H{left}V{bottom}H{left + 4}M{right - 4} {top}H{right}V{bottom}H{right - 4}"
    SubElement(root, "path", {"d": d, "fill": "none", "stroke": svg.MUTED})
    for i, row in enumerate(rows):
        for j, number in enumerate(row):
            at = (left + COLUMN * (j + 1) - 9, top + ROW * (i + 0.75))
            svg.add_text(root, number, at, LETTER - 1, svg.MUTED, "end")


def neurons() -> str:
    """The network of two half-moons beside its boundary."""
    X, y = make_moons(150, noise=0.12, random_state=0)
    found = notes.train(X.T, y[None], (2, 4, 1), 1.5, 1500, activations=("tanh", "sigmoid"), method="lecun", seed=3)
    network = cr.draw(found.to_network(), neurons=True).svg
    title = text(165, 20, f"{found.accuracy(X.T, y[None]):.1f} % right after 1,500 updates", size=13)
    plane = moons.PLANE.beliefs(lambda rows: found.output(rows.T).T)
    return picture(moons.WIDE, moons.HIGH, [plane, moons.PLANE.examples(X, y), title, moons.beside(network)])


def speed() -> str:
    """The float32 rows of the first table of docs/performance.md as bars: times as fast as the fastest peer."""
    page = (DOCS / "performance.md").read_text()
    table = page.split("### chainrule and the fastest peer")[1].split("###")[0]
    lines = re.findall(r"^\| (.+?) \| .+? \| .+? \| ([\d.]+) \(", table, re.MULTILINE)
    rows = [(name, ratio) for name, ratio in lines if not name.endswith("; bfloat16")]
    most = max(float(ratio) for _, ratio in rows)
    high, unit = 18.0, 370 / most
    marks = [
        text(10, 22, "Times as fast as the fastest of PyTorch, JAX and scikit-learn", anchor="start", bold=True),
        stroke(440 + unit, 32, 440 + unit, 40 + high * len(rows), colour=INK, wide=1, dashed=True),
    ]
    for k, (name, ratio) in enumerate(rows):
        y = 36 + high * k
        ahead = float(ratio) >= 1
        marks.append(text(430, y + 13, name, size=12, anchor="end"))
        marks.append(rectangle(440, y + 2, unit * float(ratio), high - 4, fill=BLUE if ahead else ORANGE))
        marks.append(text(446 + unit * max(float(ratio), 1), y + 13, ratio, size=12, anchor="start", colour=MUTED))
    return picture(860, 48 + high * len(rows), marks)


PICTURES = {"derivation.svg": derivation, "neurons.svg": neurons, "speed.svg": speed}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in PICTURES.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
