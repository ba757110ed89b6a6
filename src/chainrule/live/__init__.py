"""Lessons as apps in the browser (marimo), a plain Python file each; `chainrule notes` opens them.

What is computed and drawn stands in `lesson` and `plane`, without marimo; an app only has the sliders.
"""

from pathlib import Path

LESSONS = ("playground",)
"""The lessons by the names of their files."""


def file_of(lesson: str) -> Path:
    """Where the app of a lesson is."""
    return Path(__file__).parent / f"{lesson}.py"
