"""Pages in a headless Chromium: one start for all of them, and what went wrong is told by their names."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
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
  const found = LOOK(seen.document, seen);
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


def look(folder: Path, pages: Sequence[str], widths: Sequence[int], javascript: str) -> list[dict[str, Any]]:
    """Open each page at each width from a file, and call a function of (document, window) on it.

    Args:
        folder: where the pages are, and where the page that opens them is put.
        pages: their paths in it.
        widths: in pixels.
        javascript: the text of the function; what it returns must be JSON.

    Returns:
        A dict for each visit: page, width, found, and errors, those that scripts of the page left uncaught.
    """
    assert CHROMIUM is not None
    driver = folder / "_driver.html"
    text = _DRIVER.replace("PAGES", json.dumps(list(pages))).replace("WIDTHS", json.dumps(list(widths)))
    driver.write_text(text.replace("LOOK", f"({javascript})"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--enable-logging=stderr"]
    waits = ["--virtual-time-budget=600000", "--timeout=120000", f"--user-data-dir={folder / '_profile'}"]
    try:
        ran = subprocess.run(
            [CHROMIUM, *flags, *waits, "--dump-dom", driver.as_uri()], capture_output=True, text=True, timeout=300
        )
    finally:
        driver.unlink()
        shutil.rmtree(folder / "_profile", ignore_errors=True)
    told = re.search(r'<pre id="told">(.*?)</pre>', ran.stdout, re.DOTALL)
    assert told, f"Chromium did not come to the end:\n{ran.stdout[-500:]}\n{ran.stderr[-1000:]}"
    visits: list[dict[str, Any]] = json.loads(told[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    console = [line for line in ran.stderr.splitlines() if "CONSOLE" in line]
    return [visit | {"console": console} for visit in visits]
