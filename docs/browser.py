"""Pages in a headless Chromium: one start for all of them, and what went wrong is told by their names.

    python docs/browser.py SITE

opens every page of a built site from its file, at the widths of a desk and of a telephone, and puts all sliders in all
places. It tells what is cut off without a scrollbar, what is wider than the page, which sessions scroll on a desk, and
which scripts fail; and which words of a picture, in the page or in a file of its own, lie on one another, run over the
edge of their box or leave the picture.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_DRIVER = """<!doctype html><meta charset="utf-8"><body><script>
const complaints = [];
async function visit(page, width) {
  const frame = document.createElement("iframe");
  frame.style = `width:${width}px;height:900px;border:0`;
  const loaded = new Promise((done) => frame.addEventListener("load", done));
  frame.src = page;
  document.body.append(frame);
  await loaded;
  const seen = frame.contentWindow;
  const errors = [];
  seen.addEventListener("error", (event) => errors.push(String(event.message)));
  const found = await LOOK(seen.document, seen);
  frame.remove();
  return { page, width, found, errors };
}
(async () => {
  const told = [];
  for (const page of PAGES) for (const width of WIDTHS) told.push(await visit(page, width));
  const result = document.createElement("pre");
  result.id = "told";
  result.textContent = JSON.stringify(told);
  document.body.append(result);
})();
</script>"""


_CROWDED = """const crowded = (picture) => {
  const complaints = [];
  const frame = picture.getBoundingClientRect();
  // A letter leaves some of its line empty; the numbers of a figure by matplotlib are outlines, and leave nothing.
  const place = (element) => {
    const { left, right, top, bottom, width, height } = element.getBoundingClientRect();
    const air = element.tagName === "text" ? 0.16 * Math.min(width, height) : 0.5;
    const words = `"${(element.textContent.trim() || element.id).replace(/\\s+/g, " ").slice(0, 40)}"`;
    return { left: left + air, right: right - air, top: top + air, bottom: bottom - air, words, seen: width && height };
  };
  const places = (chosen) => [...picture.querySelectorAll(chosen)].map(place).filter((each) => each.seen);
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const holds = (box, word) =>
    box.left < word.left + 1 && box.right > word.right - 1 && box.top < word.top + 1 && box.bottom > word.bottom - 1;
  const texts = places("text, g[id^='text_']:not(:has(text))");
  const boxes = places("rect, circle, ellipse");
  texts.forEach((text, k) => {
    if (!holds(frame, text)) complaints.push(`${text.words} leaves the picture`);
    for (const other of texts.slice(k + 1))
      if (meet(text, other)) complaints.push(`${text.words} and ${other.words} overlap`);
    if (boxes.some((box) => meet(text, box) && !holds(box, text)))
      complaints.push(`${text.words} runs over the edge of a box`);
  });
  return [...new Set(complaints)];
}"""

_CHECK = (
    f"(document, window) => {{ {_CROWDED};"
    + """
  if (document.documentElement.tagName === "svg") return crowded(document.documentElement);
  const complaints = [];
  const name = (element) => element.tagName.toLowerCase() + [...element.classList].map((part) => "." + part).join("");
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > room + 1)
    complaints.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const scrolls = (element) => {
    for (; element; element = element.parentElement)
      if (["auto", "scroll"].includes(window.getComputedStyle(element).overflowX)) return true;
    return false;
  };
  const longest = (block) => block.textContent.split("\\n").sort((a, b) => b.length - a.length)[0].slice(0, 120);
  const edge = document.querySelector("article").getBoundingClientRect().right + 10;  // a heading is wider by 8
  const told = new Set();
  for (const element of document.querySelectorAll("article *")) {
    if (element.closest("svg") && element.tagName !== "svg") continue;
    const hides = ["hidden", "clip"].includes(window.getComputedStyle(element).overflowX);
    const cut = hides && element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1;
    const writes = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const spills = writes && element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
    const out = (element.getBoundingClientRect().right > edge || spills) && !scrolls(element);
    if ((cut || out) && !told.has(element.parentElement))
      complaints.push(`${name(element)} is cut off: ${element.textContent.trim().slice(0, 60)}`);
    if (cut || out || told.has(element.parentElement)) told.add(element);
  }
  if (window.innerWidth > 1000)  // sources that viewcode shows stand in no block of a language, and scroll
    for (const block of document.querySelectorAll("article [class*=highlight-] pre"))
      if (block.scrollWidth > block.clientWidth) complaints.push(`a line scrolls: ${longest(block)}`);
  for (const image of document.querySelectorAll("article img"))
    if (image.complete && !image.naturalWidth) complaints.push(`no picture: ${image.getAttribute("src")}`);
  for (const figure of document.querySelectorAll("figure.moving")) {
    const inputs = [...figure.querySelectorAll("input")];
    const move = (input, place) => {
      input.value = place;
      input.dispatchEvent(new window.Event("input"));
    };
    for (const input of inputs) {
      const before = figure.dataset.state;
      move(input, 0);
      if (figure.dataset.state === before) complaints.push(`${input.id} moves nothing`);
    }
    const found = new Map();
    const through = (k) => {
      if (k < inputs.length)
        for (let place = 0; place <= Number(inputs[k].max); place++) {
          move(inputs[k], place);
          through(k + 1);
        }
      else
        for (const complaint of crowded(figure.querySelector("svg")))
          if (!found.has(complaint)) found.set(complaint, figure.dataset.state);
    };
    if (figure.querySelector("svg")) through(0);
    for (const [complaint, state] of found) complaints.push(`${figure.id}, state ${state}: ${complaint}`);
  }
  return complaints;
}"""
)


def look(folder: Path, pages: Sequence[str], widths: Sequence[int], javascript: str) -> list[dict[str, Any]]:
    """Open each page at each width from a file, and call a function of (document, window) on it.

    Args:
        folder: where the pages are, and where the page that opens them is put.
        pages: their paths in it.
        widths: in pixels.
        javascript: the text of the function; what it returns, or what it promises, must be JSON.

    Returns:
        A dict for each visit: page, width, found, and errors, those that scripts of the page left uncaught.
    """
    assert CHROMIUM is not None
    driver = folder / "_driver.html"
    text = _DRIVER.replace("PAGES", json.dumps(list(pages))).replace("WIDTHS", json.dumps(list(widths)))
    driver.write_text(text.replace("LOOK", f"({javascript})"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--enable-logging=stderr"]
    waits = ["--virtual-time-budget=600000", "--timeout=600000", f"--user-data-dir={folder / '_profile'}"]
    try:
        ran = subprocess.run(
            [CHROMIUM, *flags, *waits, "--dump-dom", driver.as_uri()], capture_output=True, text=True, timeout=900
        )
    finally:
        driver.unlink()
        shutil.rmtree(folder / "_profile", ignore_errors=True)
    told = re.search(r'<pre id="told">(.*?)</pre>', ran.stdout, re.DOTALL)
    assert told, f"Chromium did not come to the end:\n{ran.stdout[-500:]}\n{ran.stderr[-1000:]}"
    visits: list[dict[str, Any]] = json.loads(told[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    console = [line for line in ran.stderr.splitlines() if "CONSOLE" in line]
    return [visit | {"console": console} for visit in visits]


def main(site: str) -> int:
    """Print what is wrong with the pages of a site; how many things that are."""
    if CHROMIUM is None:
        print("Chromium is not installed: nobody has looked at the pages.")
        return 0
    folder = Path(site).resolve()
    pages = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html") if path.name[0] != "_")
    pictures = {path.read_bytes(): path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.svg"))}
    wrong = 0
    visits = look(folder, [*pages, *sorted(pictures.values())], (1250, 400), _CHECK)
    for visit in visits:
        for complaint in [*visit["found"], *visit["errors"]]:
            wrong += 1
            print(f"{visit['page']} at {visit['width']}: {complaint}")
    for line in dict.fromkeys(visits[0]["console"]):
        wrong += 1
        print(line)
    print(f"{len(pages)} pages, {len(pictures)} pictures, {wrong} complaints")
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1]), 1))
