"""```{moving} NAME``` in a page: the film of that name, and the script that its sliders need."""

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from moving import NAMES, film


class Moving(Directive):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in NAMES:
            raise ExtensionError(f"there is no film {name}; there are {', '.join(NAMES)}.")
        return [nodes.raw("", film(name).html(f"moving-{name}"), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("moving", Moving)
    return {"parallel_read_safe": True}
