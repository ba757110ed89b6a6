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


def chainrule_process(*arguments, cwd, preexec_fn=None, **environment):
    """The finished command, run by an interpreter of its own, for what only a process has, such as a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "chainrule", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "120"} | environment,
        preexec_fn=preexec_fn,
        timeout=120,
        check=False,
    )
