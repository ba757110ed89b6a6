"""How the documentation is built: Markdown pages, and the reference from the docstrings."""

import chainrule

project = "chainrule"
author = "The chainrule authors"
copyright = "2026, the chainrule authors"
release = version = chainrule.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = "chainrule"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True, "show-inheritance": False}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]
default_role = "code"


def keep_bars(app, what, name, obj, options, lines):
    """|z| in a docstring is an absolute value, not one of docutils' substitutions."""
    lines[:] = [line.replace("|", "\\|") for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", keep_bars)
