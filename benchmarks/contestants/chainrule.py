"""chainrule: its native engine and its numpy engine, as `chainrule.train` and `Network.predict` call them."""

import sys
from functools import partial
from itertools import count, islice

from benchmarks.contestants.cold_start import cold_start
from benchmarks.contestants.contestant import Running, Ways
from benchmarks.rows import ColdStart, OnDevice, Prediction, Training
from chainrule.data.batches import ArrayBatches
from chainrule.engines import select
from chainrule.files import read_tensors
from chainrule.hyperparameters import Hyperparameters
from chainrule.training.cost import Cost


def train(engine: str, row: Training, precision: str = "float32") -> Running:
    """Epochs of an engine's program, as `chainrule.train` runs them."""
    X, y = row.data()
    net = row.model.network()
    binary = row.model.n_out == 1
    cost = Cost("binary_cross_entropy" if binary else "cross_entropy")
    device = row.device if isinstance(row, OnDevice) else None
    program = select(engine, device, precision=precision).program(net, cost, row.optimizer, seed=0, outputs=False)
    batches = ArrayBatches(X, y[:, None] if binary else y, None, batch_size=row.batch, shuffle=True, seed=0)
    numbers = count()

    def given(epoch: int, first: int, last: int) -> Hyperparameters[list[float]]:
        return Hyperparameters.of_several(row.optimizer, [epoch + k / len(batches) for k in range(first, last)])

    def round() -> None:
        for epoch in islice(numbers, row.epochs):
            for _ in program.epoch(batches, epoch, partial(given, epoch)):
                pass

    return Running(round, lambda: net.parameters)


def predict(engine: str, row: Prediction, precision: str = "float32") -> Running:
    """`Network.predict`."""
    net = row.model.network()
    given = row.given()

    def round() -> None:
        for X in given:
            net.predict(X, engine=engine, precision=precision)

    return Running(round, lambda: {"A": net.predict(row.data()[0], engine=engine, precision=precision)})


def start_cold(engine: str, row: ColdStart) -> Running:
    """`chainrule train digits`, which also keeps validation and test parts, measures and plots."""
    command = [sys.executable, "-m", "chainrule", "train", "digits", "--epochs", str(row.epochs), "--seed", "0"]
    return cold_start(
        [*command, "--engine", engine, "--out"],
        lambda folder: {
            name.rpartition(".")[2]: value for name, value in read_tensors(folder / "model.safetensors")[0].items()
        },
    )


WAYS: Ways = {
    (engine, kind): partial(way, engine)
    for engine in ("native", "numpy")
    for kind, way in ((Training, train), (Prediction, predict), (ColdStart, start_cold))
} | {
    ("native-bfloat16", Training): partial(train, "native", precision="bfloat16"),
    ("native-bfloat16", Prediction): partial(predict, "native", precision="bfloat16"),
    ("jax-engine", OnDevice): partial(train, "jax"),
}
