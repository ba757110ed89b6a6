"""Who takes part. Each library has a file with its ways: functions from a row to something that runs one round."""

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Contestant:
    """A library, and a way to use it.

    Attributes:
        key: what `--contestants` calls it, and the way's name in the `WAYS` of its file. name: what tables call it.
        file: of this package. package: what must be installed.
        precision: of what products are: "float32", or "bfloat16" with sums in float32.
        peer: whether it is somebody else's. A peer gets the number of threads that suits it best; chainrule is left
            with what it takes by itself.
    """

    key: str
    name: str
    file: str
    package: str
    peer: bool = True
    precision: str = "float32"

    @property
    def installed(self) -> bool:
        """Whether its library is on this machine."""
        return find_spec(self.package) is not None


CONTESTANTS = (
    Contestant("native", "chainrule", "chainrule", "chainrule", peer=False),
    Contestant("numpy", "chainrule, numpy engine", "chainrule", "chainrule", peer=False),
    Contestant("pytorch", "PyTorch", "pytorch", "torch"),
    Contestant("pytorch-channels-last", "PyTorch, channels last", "pytorch", "torch"),
    Contestant("pytorch-gradient", "PyTorch, compiled gradient", "pytorch", "torch"),
    Contestant("pytorch-compiled", "PyTorch, compiled", "pytorch", "torch"),
    Contestant("jax", "JAX, jit", "jax", "jax"),
    Contestant("jax-scan", "JAX, scan", "jax", "jax"),
    Contestant("scikit-learn", "scikit-learn", "scikit_learn", "sklearn"),
    Contestant("native-bfloat16", "chainrule, bfloat16", "chainrule", "chainrule", peer=False, precision="bfloat16"),
    *(
        Contestant(f"{key}-bfloat16", f"{name}, bfloat16", file, package, precision="bfloat16")
        for key, name, file, package in (
            ("pytorch", "PyTorch", "pytorch", "torch"),
            ("pytorch-channels-last", "PyTorch, channels last", "pytorch", "torch"),
            ("pytorch-gradient", "PyTorch, compiled gradient", "pytorch", "torch"),
            ("pytorch-compiled", "PyTorch, compiled", "pytorch", "torch"),
            ("jax", "JAX, jit", "jax", "jax"),
            ("jax-scan", "JAX, scan", "jax", "jax"),
        )
    ),
)

ON_DEVICE = (
    Contestant("jax-engine", "chainrule", "chainrule", "jax", peer=False),
    *(who for who in CONTESTANTS if who.file == "pytorch" and who.precision == "float32"),
)
"""Who takes part on a GPU."""
