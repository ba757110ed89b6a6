"""`chainrule explain`."""

from pathlib import Path
from typing import Annotated

import typer

from chainrule.cli.options import MemoryLimit, Model, in_bytes


def explain(
    model: Model,
    loss: Annotated[
        str | None, typer.Option(help="Such as cross_entropy.  [default: what the model file tells, or else fits it]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A .txt, .tex or .html file to write.  [default: print]")] = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Derive a network on paper: every line forward and backward with its shapes, and the update."""
    from rich.console import Console

    from chainrule.derivation import derive
    from chainrule.experiments.trained import load_network

    network = load_network(model, memory_limit=in_bytes(memory_limit))
    if loss is None and (quantiles := network.metadata.get("target", {}).get("quantiles")):
        print(
            f"note: it was trained by the pinball loss, of the quantiles {quantiles} and 0.5; the page has another cost"
        )
    page = derive(network, loss=loss)
    if out is None:
        Console().print(page, soft_wrap=True)  # a formula that is cut in two cannot be read
    else:
        page.save(out)
        print(f"the derivation is in {out}")
