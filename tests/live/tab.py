"""A tab of a headless Chromium that is told by its debugging protocol what to open and what to answer."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import browser


class Tab:
    """One page.

    Attributes:
        events: what the browser has told of it, such as requests and errors.
    """

    def __init__(self, socket: Any):
        self._socket, self._asked = socket, 0
        self.events: list[dict[str, Any]] = []
        for domain in ("Runtime", "Page", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        self._asked += 1
        self._socket.send(json.dumps({"id": self._asked, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(timeout=600))
            if told.get("id") == self._asked:
                return told["result"]
            self.events.append(told)

    def value(self, javascript: str) -> Any:
        return self.call("Runtime.evaluate", expression=javascript, returnByValue=True)["result"].get("value")

    def wait(self, javascript: str, seconds: float = 600) -> Any:
        """The first value that is none of false, 0, "" and null."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.value(javascript)
            if found:
                return found
            time.sleep(0.05)
        raise TimeoutError(javascript)

    def errors(self) -> list[dict[str, Any]]:
        """What scripts left uncaught, and what the console calls an error."""
        thrown = [event for event in self.events if event.get("method") == "Runtime.exceptionThrown"]
        logged = (event["params"]["entry"] for event in self.events if event.get("method") == "Log.entryAdded")
        return [*thrown, *(entry for entry in logged if entry["level"] == "error" and entry["source"] != "network")]

    def hosts(self) -> set[str]:
        asked = (e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent")
        return {url.split("/")[2].split(":")[0] for url in asked if url.startswith(("http", "ws"))}


@contextmanager
def tab(url: str, folder: Path) -> Iterator[Tab]:
    """The page at a URL; `folder` is where the browser keeps what it remembers."""
    from websockets.sync.client import connect

    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    started = subprocess.Popen([str(browser.CHROMIUM), *flags, "about:blank"], stderr=subprocess.PIPE, text=True)
    try:
        assert started.stderr is not None
        port = next(found[1] for line in started.stderr if (found := re.search(r"ws://[^/]*:(\d+)/", line)))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            page = next(target for target in json.load(answer) if target["type"] == "page")
        with connect(page["webSocketDebuggerUrl"], max_size=None) as socket:
            opened = Tab(socket)
            opened.call("Page.navigate", url=url)
            yield opened
    finally:
        started.terminate()
        started.communicate()
