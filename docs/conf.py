"""How the documentation is built: Markdown pages, and the reference from the docstrings.

A page with sessions is typed in as it is read (see `sessions`): its pictures are that run's, and so are the times.
"""

import os
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.inspect import TypeAliasForwardRef

import chainrule

sys.path.insert(0, str(Path(__file__).parent))

import measured
import names
import sessions

project = "chainrule"
author = "The chainrule authors"
copyright = "2026, the chainrule authors"
release = version = chainrule.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "mathml",
    "moving.directive",
]
# Pages of the sources are two thirds of all pages: `sphinx-build -t without_sources` checks the others alone.
if "without_sources" not in tags:  # noqa: F821
    extensions.append("sphinx.ext.viewcode")
html_theme = "furo"
html_title = "chainrule"
html_math_renderer = "mathml"
highlight_options = {"pycon": {"stripnl": True}}
FONT = "../src/chainrule/derivation/font"  # the one that derivations carry
html_static_path = ["_static", f"{FONT}/chainrule-math.woff2", f"{FONT}/OFL.txt"]
html_css_files = ["pages.css"]
html_js_files = [("moving.js", {"defer": "defer"})]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True}
autodoc_type_aliases = {name: name for name in ("Matrix", "LinearCache", "Cache", "Parameters")}
TypeAliasForwardRef.__repr__ = lambda alias: alias.name  # which is how Sphinx writes one inside of a tuple
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]
default_role = "code"
WIDE = 750  # pixels
exclude_patterns = ["papers/overview.md"]  # a part of papers/index


def keep_bars(app, what, name, obj, options, lines):
    """|z| in a docstring is an absolute value, not one of docutils' substitutions."""
    lines[:] = [line.replace("|", "\\|") for line in lines]


def type_in(app, docname, source):
    """Run the page, and point its pictures to those that the run drew, in a folder of the build."""
    if not sessions.SESSION.search(source[0]):
        return
    folder = Path(app.doctreedir) / "pictures" / docname
    folder.mkdir(parents=True, exist_ok=True)
    complaints, page = sessions.typed(source[0], docname, folder)
    for complaint in complaints:
        logging.getLogger(__name__).warning(complaint, location=docname)
    beside = os.path.relpath(folder, Path(app.srcdir, docname).parent)
    source[0] = sessions.PICTURE.sub(lambda name: f"{beside}/{name[0]}", page)


def list_names(app, docname, source):
    """Put the tables of public names where the page asks for them."""
    if names.PLACE.search(source[0]):
        pages = (path.read_text(encoding="utf-8") for path in Path(app.srcdir).rglob("*.md"))
        source[0] = names.tables(source[0], pages)


def put_measured(app, docname, source):
    """Put what `chainrule paper all` has measured where a page asks for it."""
    source[0] = measured.filled_in(source[0], Path(app.srcdir, "papers", "numbers.json"))


def keep_first_sentence(app, doctree):
    """For llms.txt, which would have to load every page again."""
    app.env.metadata[app.env.current_document.docname]["told"] = names.first_sentence(doctree)


def mark_wide(app, doctree):
    """Pictures that cannot be read at a telephone's width get a class, see pages.css."""
    for image in doctree.findall(nodes.image):
        drawn = Path(app.srcdir, image["uri"])
        if drawn.suffix != ".svg":
            continue
        size = re.search(r'<svg[^>]* width="([\d.]+)(pt)?"', drawn.read_text(encoding="utf-8")[:2000])
        if size and float(size[1]) * (4 / 3 if size[2] else 1) > WIDE:
            image["classes"].append("wide")


def tell_machines(app, exception):
    """llms.txt: every page with its first sentence, and where its Markdown is (see llmstxt.org)."""
    if exception or app.builder.name != "html":
        return
    lines = ["# chainrule", "", "> Neural networks that show their work, at the speed of the machine."]
    for heading, kind in (("The notes", "notes"), ("Papers that run", "papers"), ("Guides and reference", "")):
        lines += ["", f"## {heading}", ""]
        for docname in sorted(app.env.found_docs):
            if docname.rpartition("/")[0] == kind and docname != "index":
                title, told = app.env.titles[docname].astext(), app.env.metadata[docname].get("told", "")
                lines.append(f"- [{title}](_sources/{docname}.md.txt): {told}")
    Path(app.outdir, "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def setup(app):
    app.connect("source-read", list_names)
    app.connect("source-read", put_measured)
    app.connect("source-read", type_in)
    app.connect("doctree-read", keep_first_sentence)
    app.connect("doctree-read", mark_wide)
    app.connect("build-finished", tell_machines)
    app.connect("autodoc-process-docstring", keep_bars)
