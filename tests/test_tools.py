"""What the workflows run: the scripts are there, and what they find wrong they say."""

import io
import os
import re
import runpy
import tarfile
from pathlib import Path

import pytest

import chainrule as cr

HERE = Path(__file__).parents[1]
TOOLS = HERE / "tools"


def tool(name):
    return runpy.run_path(str(TOOLS / f"{name}.py"))


def test_every_script_that_somebody_is_told_to_run_is_there_and_can_be_run():
    told = [HERE / "CONTRIBUTING.md", *HERE.glob(".github/workflows/*.yml")]
    named = {name for path in told for name in re.findall(r"\btools/[\w.-]*\w", path.read_text())}
    assert {f"tools/{path.name}" for path in TOOLS.iterdir() if not path.suffix} <= named
    assert "tools/build" in named
    for name in named:
        assert (HERE / name).is_file(), name
        assert name.endswith(".py") or os.access(HERE / name, os.X_OK), name


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ("v9.9.9", "the tag is v9.9.9, and the library's version 0.4.2"),
        ("v0.4.2", "the first version in CHANGELOG.md, with its day, is not 0.4.2"),
    ],
)
def test_a_tag_of_another_version_or_one_without_a_changelog_releases_nothing(tmp_path, tag, told):
    (tmp_path / "src/chainrule").mkdir(parents=True)
    (tmp_path / "src/chainrule/__init__.py").write_text('__version__ = "0.4.2"\n')
    (tmp_path / "CHANGELOG.md").write_text("## Unreleased\n\n## 0.4.1 – 2026-01-02\n")
    check = tool("version")["main"]
    check.__globals__["HERE"] = tmp_path
    with pytest.raises(SystemExit, match=re.escape(told)):
        check(tag)


def test_a_tag_of_the_version_that_the_changelog_tells_of_is_released(tmp_path, capsys):
    (tmp_path / "src/chainrule").mkdir(parents=True)
    (tmp_path / "src/chainrule/__init__.py").write_text(f'__version__ = "{cr.__version__}"\n')
    (tmp_path / "CHANGELOG.md").write_text(f"## Unreleased\n\n## {cr.__version__} – 2026-01-02\n")
    check = tool("version")["main"]
    check.__globals__["HERE"] = tmp_path
    check(f"v{cr.__version__}")
    assert capsys.readouterr().out.startswith(f"v{cr.__version__} is the version")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["README.md", "src/a.py"], None),
        (["README.md"], "missing: src/a.py"),
        (["README.md", "src/a.py", ".github/b.yml"], "too many: .github/b.yml"),
    ],
)
def test_an_sdist_holds_the_files_of_the_repository_and_no_others(tmp_path, capsys, names, told):
    archive = str(tmp_path / "chainrule-0.4.2.tar.gz")
    with tarfile.open(archive, "w:gz") as files:
        for name in [*names, "PKG-INFO"]:
            files.addfile(tarfile.TarInfo(f"chainrule-0.4.2/{name}"), io.BytesIO())
    check = tool("sdist")["main"]
    check.__globals__["tracked"] = lambda: {"README.md", "src/a.py"}
    if told is None:
        check(archive)
        assert capsys.readouterr().out == f"{archive} holds all 2 files\n"
    else:
        with pytest.raises(SystemExit, match=re.escape(told)):
            check(archive)
