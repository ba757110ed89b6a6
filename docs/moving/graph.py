"""J = 3(a + bc): forward to the value, back to the derivatives, a line at a time, in the drawing of the library."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import chainrule as cr
from chainrule import notes
from moving.film import SVG, Film, Slider, State

INPUTS = ("a", "b", "c")


def film() -> Film:
    graph = notes.computation_graph(a=5, b=3, c=2)
    steps = cr.steps(graph.graph)
    lines = [*steps.forward, *steps.backward]
    drawing = graph.draw().svg
    states = [State(_drawn(drawing, [], ""), "a = 5, b = 3 and c = 2 are given.")]
    known: list[str] = []
    for text in lines:
        made = text.split(" = ")[0]
        known.append(made)
        way = "Forward: " if len(known) <= len(steps.forward) else "Backward: "
        states.append(State(_drawn(drawing, known, made), way + text))
    places = ["start", *(text.split(" = ")[0] for text in lines)]
    return Film("The computation graph of J = 3(a + bc), step by step", [Slider("step", places)], states, steps=True)


def _drawn(drawing: str, known: list[str], newest: str) -> str:
    """The drawing with only those numbers that are known by now, the newest one bold."""
    root = ElementTree.fromstring(drawing)
    for part in root.iter(f"{{{SVG}}}g"):
        title = part.find(f"{{{SVG}}}title")
        if title is None or title.text is None:
            continue
        if " → " in title.text:
            _show_edge(part, title.text.split(" → ")[0].split(" = ")[0], known, newest)
        else:
            _show_box(part, title.text, known, newest)
        part.remove(title)
    return ElementTree.tostring(root, encoding="unicode")


def _show_edge(part: Element, source: str, known: list[str], newest: str) -> None:
    for note in part.findall(f"{{{SVG}}}text"):
        backward = (note.text or "").startswith("dJ/")
        made = (note.text or "").split(" = ")[0] if backward else source
        if made not in known and made not in INPUTS:
            part.remove(note)
        elif made == newest:
            note.set("font-weight", "bold")
            note.set("font-size", "15")


def _show_box(part: Element, label: str, known: list[str], newest: str) -> None:
    name = label.split(" = ")[0]
    texts, frame = part.findall(f"{{{SVG}}}text"), part.find(f"{{{SVG}}}rect")
    if len(texts) == 2 and name not in known:
        part.remove(texts[1])  # the value below the formula
    if name == newest and frame is not None:
        frame.set("stroke-width", "4")
