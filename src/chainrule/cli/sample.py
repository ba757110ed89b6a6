"""`chainrule sample`."""

import sys
from typing import Annotated

import typer

from chainrule.cli.options import MemoryLimit, in_bytes


def sample(
    model: Annotated[str, typer.Argument(help="A model.safetensors file of a text, or the run folder that holds it.")],
    prompt: Annotated[str, typer.Option(help="What the text begins with.")] = "",
    length: Annotated[int, typer.Option(help="How many characters, words or sub-words to write.")] = 500,
    temperature: Annotated[
        float, typer.Option(help="Below 1 the likely becomes likelier, above 1 less so; 0 takes the likeliest.")
    ] = 0.8,
    seed: Annotated[int | None, typer.Option(help="Makes the text repeatable.  [default: a fresh one]")] = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Continue a text with a network that was trained on one, as fast as it is written."""
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
