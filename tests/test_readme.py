"""What the README says to type is typed here, in its order."""

import re
import shlex
from pathlib import Path

from commands import chainrule

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", README, re.DOTALL)


def test_there_are_exactly_two_set_up_commands():
    assert [line for line in README.splitlines() if line.startswith("pip install")] == [
        "pip install '.[all]' && chainrule train digits",
        "pip install -e '.[test]' && pytest",
    ]


def test_every_block_of_the_tour_runs_and_prints_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for language, text in BLOCKS:
        if language == "python":
            capsys.readouterr()
            exec(compile(text, "README.md", "exec"), names)
            printed = capsys.readouterr().out
            for number in re.findall(r"print\(.*?\) +# ([\d. ]+)$", text, re.MULTILINE):
                assert number in printed
        else:
            for command in filter(None, text.splitlines()):
                if command.startswith("chainrule"):
                    done = chainrule(*shlex.split(command)[1:], cwd=tmp_path)
                    assert done.returncode == 0, done.stderr
    assert names["history"].stopped in ("early stopping", "all epochs done")
    assert {"runs", "people.csv", "mine.npz", "predictions.csv", "digits.safetensors", "curves.svg"} <= {
        path.name for path in tmp_path.iterdir()
    }
