"""`chainrule explain`."""

from pathlib import Path

import click

from chainrule.cli.options import MEMORY_LIMIT, MODEL, in_bytes


@click.command("explain")
@MODEL
@click.option("--loss", help="Such as cross_entropy.  [default: what the model file tells, or else fits it]")
@click.option("--no-shortcut", is_flag=True, help="Also show the way to dZ = A − Y, line by line.")
@click.option("--optimizer", help="Whose rule stands under Update, such as adam.  [default: gradient descent]")
@click.option("--out", type=click.Path(path_type=Path), help="A .txt, .tex or .html file to write.  [default: print]")
@MEMORY_LIMIT
def command(
    model: str, loss: str | None, no_shortcut: bool, optimizer: str | None, out: Path | None, memory_limit: int | None
) -> None:
    """Derive a network on paper: every line forward and backward with its shapes, and the update.

    MODEL is a model.safetensors file, or the run folder that holds it.
    """
    from rich.console import Console

    from chainrule.derivation import derive
    from chainrule.experiments.trained import load_network

    network = load_network(model, memory_limit=in_bytes(memory_limit))
    if loss is None and (quantiles := network.metadata.get("target", {}).get("quantiles")):
        print(
            f"note: it was trained by the pinball loss, of the quantiles {quantiles} and 0.5; the page has another cost"
        )
    page = derive(network, loss=loss, shortcut=not no_shortcut, optimizer=optimizer)
    if out is None:
        Console().print(page, soft_wrap=True)  # a formula that is cut in two cannot be read
    else:
        page.save(out)
        print(f"the derivation is in {out}")
