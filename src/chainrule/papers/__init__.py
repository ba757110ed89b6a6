"""Papers that run: each experiment again in seconds on a CPU, its numbers beside the paper's, and why they differ.

`papers.find("rumelhart1986").run(seeds=range(10))` is a `Result`; the module of that name has the experiment.
"""

from importlib import import_module

from chainrule.names import lookup
from chainrule.papers.result import Paper, Result, Row

PAPERS: tuple[str, ...] = (
    "rosenblatt1958",
    "minsky1969",
    "linnainmaa1970",
    "rumelhart1986",
    "hinton1986",
    "lecun1989",
    "hochreiter1997",
    "glorot2010",
    "srivastava2014",
    "ioffe2015",
    "kingma2015",
    "he2016",
    "telgarsky2016",
    "vaswani2017",
    "zhang2017",
)
"""The names of the papers, each a module, in order of time."""

__all__ = ["PAPERS", "find", "Paper", "Result", "Row"]


def find(name: str) -> Paper:
    """The paper of a name, such as "rumelhart1986"; its module is loaded now.

    Raises:
        OptionError: there is none of that name.
    """
    known = {one: f"chainrule.papers.{one}" for one in PAPERS}
    found: Paper = import_module(lookup("paper", name, known)).PAPER
    return found
