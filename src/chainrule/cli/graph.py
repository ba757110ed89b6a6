"""`chainrule graph`."""

from pathlib import Path
from typing import Literal

import click


@click.command("graph", context_settings={"ignore_unknown_options": True})  # an expression may start with a minus sign
@click.argument("expression")
@click.argument("values", nargs=-1)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The drawing, an .svg file.  [default: graph.svg, numbered if taken]"
)
@click.option(
    "--direction", type=click.Choice(["right", "down"]), help="Where data flow to; by default what fits a page."
)
def command(
    expression: str, values: tuple[str, ...], out: Path | None, direction: Literal["right", "down"] | None
) -> None:
    """Compute an expression forward and its derivatives backward, and draw the computation graph.

    EXPRESSION is such as "3*(a + b*c)", and VALUES are a value for each name in it: a=5 b=3 c=2. Known are + - * / **,
    pi, e, and functions such as exp, ln, sigmoid, relu, maximum.
    """
    from chainrule import files
    from chainrule.derivation.drawing import draw
    from chainrule.derivation.expression import assignments, parse
    from chainrule.derivation.steps import steps
    from chainrule.errors import MissingPackageError

    J = parse(expression, assignments(list(values)))
    print(steps(J), flush=True)  # what is computed stands there even if it is too much for a drawing
    out = out or files.first_free(Path("graph.svg"), ".svg")
    try:
        draw(J, direction=direction).save(out)
    except MissingPackageError as error:
        print(f"\nnot drawn: {error}")
    else:
        print(f"\nthe drawing is in {out}")
