"""One row explained: what each of its columns did to the prediction, against rows of the training part."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.attribution.result import Attribution
from chainrule.attribution.shapley import shapley
from chainrule.checking import seed_or_fresh
from chainrule.data.columns import Column
from chainrule.data.datasets import Dataset
from chainrule.data.dates import CLOCKS
from chainrule.data.encoding import places_of
from chainrule.data.frames import FRAME
from chainrule.data.row import Row
from chainrule.data.source import Encoding, Place, Source
from chainrule.data.table_encoding import Columns
from chainrule.data.tables import Table
from chainrule.data.targets import Target
from chainrule.errors import DataError, OptionError
from chainrule.experiments.outputs import outputs
from chainrule.names import counted, lookup
from chainrule.randomness import stream

if TYPE_CHECKING:
    from chainrule.experiments.trained import Trained

ROWS, FEWEST = 500, 50
"""The most rows of the training part that a row is compared with, and the fewest where there are many columns."""

ANSWERS = 2**17
"""About so many predictions are made for a row."""


class Background(NamedTuple):
    """The rows that a row is compared with.

    Attributes:
        source: where they stand. rows: which of its rows they are drawn from.
        training: whether these are known to be those that were trained on.
    """

    source: Source
    rows: NDArray[np.intp]
    training: bool

    def called(self, n: int) -> str:
        """What n of them are called."""
        return counted(n, "training row") if self.training else f"{counted(n, 'row')} of {self.source.name}"


@dataclass(frozen=True)
class Answer:
    """The one number of a prediction that is explained.

    Attributes:
        name: what it is, such as "p(yes)". k: which output it is, or, `turned`, what that lacks of 1.
        probability: whether it is one.
    """

    name: str
    k: int
    probability: bool
    turned: bool = False

    def of(self, output: NDArray[Any]) -> NDArray[np.float64]:
        """(m,), of outputs (m, n_out)."""
        found = output[:, self.k].astype(np.float64)
        return 1 - found if self.turned else found


def explain_row(
    trained: Trained, row: Source, background: Background, *, of: str | None = None, seed: int | None = 0
) -> Attribution:
    """What each column did to the prediction for a row; see `Trained.explain_row`.

    Args:
        row: a source of one example, as `row_of` finds it.

    Raises:
        OptionError: see `Trained.explain_row`. DataError: there is no row to compare it with.
    """
    require_rows(trained)
    seed, encoding, network, target = seed_or_fresh(seed), trained.encoding, trained.network, trained.target
    x = encoding.X(row)
    shape, answer = x.shape[1:], answer_of(target, outputs(network, x, target)[0], of)
    names, part = _parts(places_of(encoding.codes) if isinstance(encoding, Columns) else [], shape)
    some = max(FEWEST, min(ROWS, ANSWERS // (2 * len(names))))
    drawn = background.rows
    if len(drawn) > some:
        drawn = np.sort(stream("background", seed).choice(drawn, some, replace=False))
    z = encoding.X(_some_of(background.source, drawn))
    if len(z) == 1 and (z == x).all():
        raise DataError(f"{background.source.name} has no other row, so there is nothing to compare this one with.")

    def predicted(X: NDArray[Any]) -> NDArray[np.float64]:
        return answer.of(outputs(network, X.reshape(-1, *shape), target))

    found = shapley(predicted, x.ravel(), z.reshape(len(z), -1), part, None, seed)
    return Attribution(
        names,
        found.values,
        found.errors,
        found.base,
        found.output,
        "shapley",
        answer.name,
        background.called(len(z)),
        cells=_cells(encoding, row, names),
        probability=answer.probability,
        unit="" if answer.probability else encoding.units.get(answer.name, ""),
    )


def require_rows(trained: Trained) -> None:
    """Raises OptionError where examples are no rows of features."""
    form = trained.encoding.form
    if form == "rows":
        return
    words = "a text can be tried without a word, by chainrule predict"
    pixels = 'in Python cr.attribute(net, x, background, method="integrated_gradients") tells what each number of X did'
    what, way = {
        "pictures": ("pictures", pixels),
        "documents": ("texts", words),
        "tokens": ("a text", "chainrule sample shows what it has learned"),
        "windows": ("a series", "chainrule evaluate tells how far off its forecasts are, step by step"),
    }[form]
    raise OptionError(f"rows of tables are explained, but {trained.path} was trained on {what}: {way}.")


def own_rows(trained: Trained) -> Background | str:
    """The training part of the very data that the network was trained on, or why it cannot be had.

    The data are looked for under the name that they had. Where nobody can tell which rows were trained on, all are
    taken.
    """
    name = trained.network.metadata["data"]
    if name == FRAME:
        return f"{trained.path} was trained on a frame, which no file holds"
    try:
        source = trained.read(name, labelled=True, warn=False)
    except DataError as error:
        return f"{name}, which {trained.path} was trained on, cannot be read any more ({str(error).rstrip('.')})"
    if source.checksum() != trained.network.metadata["checksum"]:
        otherwise = ", or another version of chainrule read it otherwise" if trained.was_read_otherwise(source) else ""
        return f"{name} is not as it was when {trained.path} was trained on it{otherwise}"
    try:
        rows, _ = trained.rows(source, "train")
    except OptionError:  # another version of chainrule has divided them, or somebody else has
        return all_rows(source)
    return Background(source, rows, True)


def all_rows(source: Source) -> Background:
    """All rows of any data."""
    return Background(source, np.arange(len(source)), False)


def row_of(source: Source, number: int) -> Source:
    """The row of this number, as a source of one example without what is to be predicted.

    Raises:
        DataError: there is none.
    """
    if isinstance(source, Row):
        return source
    seen: list[int] = []
    for piece in source.pieces():
        numbers = piece.row if isinstance(piece, Table) else np.arange(len(piece))
        if len(at := np.flatnonzero(numbers == number)):
            return _some_of(piece, at)
        seen += [int(numbers[0]), int(numbers[-1])]
    raise DataError(f"{source.name} has no row {number}: they are counted from {min(seen)} to {max(seen)}.")


def answer_of(target: Target, output: NDArray[Any], of: str | None) -> Answer:
    """What is explained of a prediction: the value, or the probability of a label.

    Args:
        output: (n_out,) for the row. of: the label or the column that is asked for; None for what is predicted.

    Raises:
        OptionError: there is no such one, or it is not told which of several columns.
    """
    if target.classes is not None:
        labels = [str(label) for label in target.classes]
        decided = int(target.decided(output[None])[0])
        k = decided if of is None else lookup("label", of, {label: i for i, label in enumerate(labels)})
        if target.task == "yes_no":
            return Answer(f"p({labels[k]})", 0, True, turned=k == 0)
        return Answer(f"p({labels[k]})", k, True)
    if of is None and len(target.names) > 1:
        raise OptionError(f"{', '.join(target.names)} are predicted: say which one is to be explained, --of COLUMN.")
    k = 0 if of is None else lookup("column that is predicted", of, {name: i for i, name in enumerate(target.names)})
    if target.labels is None:
        return Answer(target.names[k], k, False)
    return Answer(f"p({target.names[k]} {target.labels[k][1]})", k, True)


def _parts(places: Sequence[Place], shape: tuple[int, ...]) -> tuple[list[str], NDArray[np.intp]]:
    """The names of the columns, and for each number of X which one it belongs to; of arrays each for itself."""
    if not places:
        names = [f"x{list(place)}" for place in np.ndindex(shape)]
        return names, np.arange(len(names))
    part = np.empty(shape[0], np.intp)
    for i, place in enumerate(places):
        part[place.start : place.stop] = i
    return [place.name for place in places], part


def _some_of(source: Source, rows: NDArray[np.intp]) -> Source:
    """Some rows of a source by themselves, without what is to be predicted."""
    if isinstance(source, Table):
        return Table(source.frame[rows], source.name, source.columns, [], row=source.row[rows])
    if isinstance(source, Dataset):
        return replace(source, X=source.X[rows], y=None)
    assert isinstance(source, Row)  # which is one
    return source


def _cells(encoding: Encoding, row: Source, names: Sequence[str]) -> list[str]:
    """What stands in each column of the row."""
    if isinstance(row, Dataset):
        return [_written(value) for value in row.X.ravel().tolist()]
    assert isinstance(encoding, Columns)
    columns = {code.column.name: code.column for code in encoding.codes}
    if isinstance(row, Row):
        return [_cell(columns[name], row.values[name]) for name in names]
    assert isinstance(row, Table)
    return [_cell(columns[name], row.frame[name][0]) for name in names]


def _cell(column: Column, value: Any) -> str:
    """What stands in a cell, with its unit."""
    if value is None or value != value:
        return "(missing)"
    if isinstance(value, str) or not column.measured_in:
        return _written(value, clock=column.form in CLOCKS)
    return f"{_written(value)} {column.measured_in}"


def _written(value: Any, *, clock: bool = False) -> str:
    """A number without needless digits, a day without the time of its beginning, a time without a day."""
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        return str(value.time() if clock else value).removesuffix(" 00:00:00")
    return str(value)
