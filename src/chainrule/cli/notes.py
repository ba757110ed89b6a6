"""`chainrule notes`."""

import os
import signal
import socket
import subprocess
import sys

import click

from chainrule.errors import DataError


def _free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@click.command("notes")
@click.argument("data", required=False)
@click.option("--port", type=click.IntRange(1, 65535), help="Where the browser finds it; by default one that is free.")
@click.option("--no-browser", is_flag=True, help="Do not open the browser; its address is printed.")
def command(data: str | None, port: int | None, no_browser: bool) -> None:
    """Open the notes' playground in the browser: sliders for every hyperparameter, and the network that comes of them.

    DATA is a CSV of your own, with two columns of numbers and one of two answers; the page takes one, too.

    It runs on this machine alone, until Ctrl-C. It needs marimo: pip install 'chainrule[live]'.
    """
    from chainrule.extras import require
    from chainrule.live import file_of
    from chainrule.live.own_data import opened

    require("marimo")
    if data is not None and (fault := opened(data).fault):
        raise DataError(fault)
    line = [sys.executable, "-m", "marimo", "-q", "run", str(file_of("playground")), "--no-token"]
    port = port or _free_port()
    line += ["--port", str(port)]
    print(f"http://127.0.0.1:{port} until Ctrl-C")
    line += ["--headless"] if no_browser else []
    line += ["--", "--data", data] if data is not None else []
    server = subprocess.Popen(line, env=os.environ | {"MARIMO_SKIP_UPDATE_CHECK": "1"}, start_new_session=True)
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGINT))  # polars, which reads DATA, has put itself before it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(server.wait())
    except KeyboardInterrupt:
        print("the notes are closed")
    finally:
        server.terminate()
        try:
            server.wait(5)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            server.kill()
