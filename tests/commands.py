"""Commands as a person types them, run in this process, which costs no interpreter for each; or in one of their own."""

import contextlib
import io
import os
import subprocess
import sys
from typing import NamedTuple
from unittest import mock

from chainrule.cli import main


class Done(NamedTuple):
    """What a finished command leaves behind."""

    returncode: int
    stdout: str
    stderr: str


def chainrule(*arguments, cwd, **environment):
    """The finished command, run here; its lines are wide enough that no table is folded."""
    out, complaints = io.StringIO(), io.StringIO()
    words = ["chainrule", *map(str, arguments)]
    with (
        contextlib.chdir(cwd),
        mock.patch.object(sys, "argv", words),
        mock.patch.dict(os.environ, {"COLUMNS": "120"} | environment),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(complaints),
    ):
        try:
            main()
        except SystemExit as done:
            return Done(done.code or 0, out.getvalue(), complaints.getvalue())
    return Done(0, out.getvalue(), complaints.getvalue())


AT_A_CHECKPOINT = """
import os, sys
from chainrule.cli import main

number, said = int(sys.argv.pop(1)), sys.argv.pop(1)
sys.argv[0] = "chainrule"
replace = os.replace

def replaced(source, target):
    replace(source, target)
    if os.path.basename(target) == "checkpoint.safetensors" and said in open("said").read():
        os.replace = replace
        os.kill(os.getpid(), number)

os.replace = replaced
main()
"""


def chainrule_signalled(number, *arguments, cwd, said=""):
    """The finished command, run by an interpreter of its own that gets a signal when it has written a checkpoint.

    The first one, or the first after these words: whoever watched from outside could come too late.
    """
    words = [sys.executable, "-c", AT_A_CHECKPOINT, str(int(number)), said, *map(str, arguments)]
    with open(cwd / "said", "w") as file:
        done = subprocess.run(
            [*words, "--checkpoint-minutes", "0"], cwd=cwd, stdout=subprocess.PIPE, stderr=file, text=True, check=False
        )
    return Done(done.returncode, done.stdout, (cwd / "said").read_text())


def chainrule_process(*arguments, cwd, preexec_fn=None, **environment):
    """The finished command, run by an interpreter of its own, for what only a process has, such as a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "chainrule", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "120"} | environment,
        preexec_fn=preexec_fn,
        timeout=600,
        check=False,
    )
