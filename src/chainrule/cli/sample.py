"""`chainrule sample`."""

import sys

import click

from chainrule.cli.options import MEMORY_LIMIT, MODEL, in_bytes


@click.command("sample")
@MODEL
@click.option("--prompt", default="", help="What the text begins with.")
@click.option(
    "--length", type=int, default=500, show_default=True, help="How many characters, words or sub-words to write."
)
@click.option(
    "--temperature",
    type=float,
    default=0.8,
    show_default=True,
    help="Below 1 the likely becomes likelier, above 1 less so; 0 takes the likeliest.",
)
@click.option("--seed", type=int, help="Makes the text repeatable.  [default: a fresh one]")
@MEMORY_LIMIT
def command(
    model: str, prompt: str, length: int, temperature: float, seed: int | None, memory_limit: int | None
) -> None:
    """Continue a text with a network that was trained on one, as fast as it is written.

    MODEL is a model.safetensors file of a text, or the run folder that holds it.
    """
    from chainrule.experiments import Trained
    from chainrule.experiments.sampling import sample, strangers

    trained = Trained.load(model, memory_limit=in_bytes(memory_limit))
    pieces = sample(trained, prompt, length=length, temperature=temperature, seed=seed)
    unknown = strangers(trained, prompt)
    if unknown:
        print(f"note: not in the vocabulary: {' '.join(map(repr, unknown))}", file=sys.stderr)
    print(prompt, end="")
    for piece in pieces:
        print(piece, end="", flush=True)
    print()
