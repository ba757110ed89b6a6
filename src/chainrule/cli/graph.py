"""`chainrule graph`."""

from pathlib import Path
from typing import Annotated

import typer


def graph(
    expression: Annotated[str, typer.Argument(help='Such as "3*(a + b*c)".')],
    values: Annotated[list[str] | None, typer.Argument(help="A value for each name: a=5 b=3 c=2.")] = None,
    out: Annotated[Path, typer.Option(help="The drawing, an .svg file.")] = Path("graph.svg"),
) -> None:
    """Compute an expression forward and its derivatives backward, and draw the computation graph.

    Known are + - * / **, pi, e, and functions such as exp, log, sigmoid, relu, maximum.
    """
    from chainrule.derivation.drawing import draw
    from chainrule.derivation.expression import assignments, parse
    from chainrule.derivation.steps import steps

    J = parse(expression, assignments(values or []))
    print(steps(J), flush=True)  # what is computed stands there even if it is too much for a drawing
    draw(J).save(out)
    print(f"\nthe drawing is in {out}")
