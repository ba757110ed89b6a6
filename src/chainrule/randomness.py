"""Random numbers that are nobody else's: for each purpose a stream of its own, by seeds and counters alone.

Who draws X by `np.random.default_rng(0)` and gives the network `seed=0` must not find rows of X in W. So a seed never
goes to NumPy as it is: what is drawn follows from the purpose's name, the seed and the counters together.

Three things are drawn otherwise. A mask of dropout has the Philox key (seed, update · 2¹⁶ + mask), so that a kernel can
make any part of it; NumPy's `Philox(seed)` hashes its seed, and `Philox(key=seed)` has 0 where a mask has 1 or more.
`chainrule.sklearn` draws as scikit-learn does, and `chainrule.notes.initialize` as the published runs of the notes.
"""

import hashlib
from typing import Literal

import numpy as np

Purpose = Literal[
    "parameters",  # of a network, in the order in which its layers ask for them: seed
    "order",  # of the examples: seed, epoch
    "chunks",  # of data larger than memory, their order: seed, epoch
    "pool",  # of several chunks, the seed of its order: seed, epoch, batches before it
    "augmentation",  # where pictures move: seed, epoch
    "mixup",  # how much is left of each picture: seed, epoch
    "noise",  # on a picture: seed, epoch, row
    "test part",  # which examples are kept for the end: seed
    "validation part",  # which of the others are watched: seed
    "file",  # which rows stand for a table larger than memory: always 0
    "linear model",  # which rows a baseline learns from, if there are many: always 0
    "target statistics",  # which rows come before which: seed
    "scale",  # which rows a trial of a target's scale takes: seed
    "bootstrap",  # of the intervals of measures: the number of examples
    "importance",  # how columns are shuffled: seed
    "dependence",  # which rows have a column replaced: seed
    "attribution",  # in which order parts of an example become its own: seed
    "background",  # which rows a row is compared with: seed
    "trial",  # what is tried in a search, the sampler's seed: seed, trials before it
    "text",  # that is written: seed
    "gradient check",  # which elements are nudged: seed
    "vectorization",  # the examples whose loops are timed: seed
    "folds",  # which part each of several networks is trained without: seed
    "members",  # where the parameters of several networks start: seed
    "hyperparameters",  # which digits are watched: always 0
    "lesson",  # the examples of the playground: which kind of them
    "paper",  # what an experiment of a paper draws: seed, the paper, and what else it follows from
    "edges",  # what a tree of one column asks for, and never uses: always 0
    "own data",  # which rows of a learner's own file are drawn: always 0
]
"""What random numbers are for, and the numbers that they follow from. No purpose has a digit in its name."""

DRAWS = 3
"""Goes up when seeds come to mean other numbers, so that nobody takes one part of old data for another."""


def stream(purpose: Purpose, seed: int, *counters: int) -> np.random.Generator:
    """The random numbers for a purpose: PCG64 (O'Neill, 2014), started by 128 bits of BLAKE2b (RFC 7693).

    What is hashed is the text "chainrule purpose seed counter counter …".

    Args:
        seed: what the user chose. counters: what else the numbers follow from, such as the epoch.
    """
    text = " ".join(["chainrule", purpose, *(str(int(number)) for number in (seed, *counters))])
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


def legacy_stream(purpose: Purpose, seed: int, *counters: int) -> np.random.RandomState:
    """The same generator behind NumPy's older interface, for which scikit-learn asks."""
    return np.random.RandomState(stream(purpose, seed, *counters).bit_generator)
