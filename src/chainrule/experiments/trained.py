"""A trained network together with what its experiment knew about the data."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from chainrule import forms
from chainrule.configuration import from_config
from chainrule.data import datasets, pictures, series  # noqa: F401, the encodings that model files name
from chainrule.data import text as text_files
from chainrule.data.checksums import READING
from chainrule.data.folders import BROKEN, require_there
from chainrule.data.frames import FRAME
from chainrule.data.new_rows import warn_of
from chainrule.data.source import Encoding, Source
from chainrule.data.table_encoding import Columns
from chainrule.data.tables import Table
from chainrule.data.targets import Target
from chainrule.data.unreadable import UNREADABLE
from chainrule.errors import DataError, ModelFileError, OptionError
from chainrule.experiments.disagreement import require_several, spread_of
from chainrule.experiments.going_on import way_on
from chainrule.experiments.intervals import intervals
from chainrule.experiments.outputs import measure_in_units, outputs, unit_of_values
from chainrule.experiments.predictions import as_csv, written
from chainrule.experiments.seen import Seen, after_training, note_on_known
from chainrule.experiments.settings import MODEL
from chainrule.experiments.splits import split
from chainrule.layers import Network, load
from chainrule.layers.rehearsal import output_shape
from chainrule.metrics import find_metrics, task_of
from chainrule.names import lookup
from chainrule.ops import LOSSES
from chainrule.progress import Advance, stage
from chainrule.randomness import DRAWS

if TYPE_CHECKING:
    from chainrule.attribution import Attribution


class Split(TypedDict):
    """How the data were divided, so that the same part is found again."""

    seed: int
    test: float
    validation: float
    draws: NotRequired[int]


class Made(TypedDict):
    """What an experiment tells of itself in the metadata of its network."""

    data: str
    checksum: int
    target: dict[str, Any]
    encoding: dict[str, Any]
    loss: str
    metrics: list[str]
    split: Split | None
    seen: NotRequired[Seen | None]
    reading: NotRequired[int]


def load_network(path: str | os.PathLike[str], *, memory_limit: int | None = None) -> Network:
    """The network in a model file, or in the run folder that holds it; see `chainrule.load`, also for `memory_limit`.

    Raises:
        ModelFileError: see `chainrule.load`; or the run was interrupted before there was a model.
    """
    folder = Path(path) if os.path.isdir(path) else Path(path).parent
    file = folder / MODEL if os.path.isdir(path) else Path(path)
    if not os.path.exists(file) and (way := way_on(folder, "the command that began it")):
        raise ModelFileError(f"{folder} holds no {file.name}, as its run was interrupted: go on with it by {way}.")
    return load(file if os.path.exists(file) else path, memory_limit=memory_limit)


class Measures(NamedTuple):
    """What a network reaches on some rows.

    Attributes:
        values: the mean cost and the metrics. intervals: of each the 95 % interval where there are few rows; see
            `Report.metrics`. quantiles: see `Forecast.coverage`.
        known: a note where many of the rows were trained on, or "".
    """

    values: dict[str, float]
    intervals: dict[str, list[float]]
    quantiles: dict[str, Any]
    known: str


@dataclass(frozen=True, repr=False)
class Trained:
    """A network that an experiment made, with what it knows about its data.

    Attributes:
        network: the network. path: the file it came from.
        encoding: what turns examples into numbers. target: what is predicted.
    """

    network: Network
    path: str
    encoding: Encoding
    target: Target

    def __repr__(self) -> str:
        return f"Trained({self.path}: {', '.join(self.target.names)}, {self.target.summary})"

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        broken: str | None = None,
        text: str | None = None,
        target: str | None = None,
        missing: str | Sequence[str] | None = None,
        unreadable: str | None = None,
        memory_limit: int | None = None,
    ) -> Trained:
        """The network in a model file, or in its run folder, as long as an experiment wrote it.

        Args:
            broken: whether a file of pictures or texts that cannot be read is an error, "refuse", or left out with a
                note, "skip"; None for what was chosen while training.
            text, target: of a network for texts in files, the columns of a table that hold texts and what they are; of
                one for a table with a column of texts, `text` is what that column is called in new tables.
            missing: of a table or a series, a word or words that mark a missing value beside those of training.
            unreadable: of a table, what is done with cells of new rows that cannot be read, such as 4o among numbers:
                they are taken for missing values, "missing", or an error, "refuse". None takes a single one among ten
                or more cells of a column, or up to 2 %, for missing values, with a warning, and refuses more.
            memory_limit: how many bytes the network may take with one example; see `chainrule.load`.

        Raises:
            ModelFileError: see `chainrule.load`; or the file does not tell what its outputs mean.
            OptionError: `broken` or `unreadable` is another word, or the network was trained on something else.
        """
        network = load_network(path, memory_limit=memory_limit)
        if not {"loss", "metrics", "target", "encoding", "checksum", "split"} <= network.metadata.keys():
            raise ModelFileError(
                f"{path} does not say what its outputs mean, because it was not made by chainrule train: "
                "load it in Python with chainrule.load."
            )
        made = forms.read(Made, network.metadata, str(path))
        try:
            encoding, predicted = from_config(made["encoding"]), from_config(made["target"])
            _check(network, encoding, predicted, made)
        except Exception as error:  # own classes can go wrong in many ways
            raise ModelFileError(f"{path} is damaged: what it knows of its data does not fit: {error}") from None
        if broken is not None:
            if not isinstance(encoding, pictures.Pixels | text_files.Separate):
                raise OptionError(f"--broken is about files of pictures or texts, but {path} was trained on no such.")
            encoding = replace(encoding, broken=lookup("way with a broken file", broken, BROKEN))
        if text is not None or target is not None:
            encoding = _with_columns(encoding, str(path), text, target)
        if missing is not None:
            if not isinstance(encoding, Columns | series.Windows):
                raise OptionError(f"--missing is about tables, but {path} was trained on no such: leave it out.")
            words = [missing] if isinstance(missing, str) else list(missing)
            encoding = replace(encoding, also_missing=words)
        if unreadable is not None:
            if not isinstance(encoding, Columns):
                raise OptionError(f"--unreadable is about tables, but {path} was trained on no such: leave it out.")
            encoding = replace(encoding, unreadable=lookup("way with unreadable cells", unreadable, UNREADABLE))
        return cls(network, str(path), encoding, predicted)

    def read(self, data: Any, *, labelled: bool | None = None, warn: bool = True) -> Source:
        """Examples of the kind that the network was trained on.

        What was found and decided is in their `notes`. Each column of a table that is unlike training, such as one with
        a word that it has not met, is also a warning (`chainrule.errors.DoubtWarning`).

        Args:
            data: the name of a bundled data set, or the path of a file; of a table, also a frame of polars or pandas,
                a row as a dict, a list of such, or a dict of columns.
            labelled: whether what is to be predicted must be there; None for yes, but of a table for whether it is.
            warn: whether to warn; where not, somebody shows the `notes`.

        Raises:
            DataError: there is nothing to read, or it is not like what the network was trained on.
        """
        with stage(f"reading {data}" if isinstance(data, str | os.PathLike) else "reading"):
            if isinstance(self.encoding, Columns):
                source: Source = self.encoding.read(data, labelled=labelled)
                if isinstance(source, Table):
                    source.call_labels_as_known(self.target)
            else:
                source = self.encoding.read(data, labelled=labelled is not False)
        if warn:
            warn_of(source.notes)
        return source

    def read_several(self, data: Sequence[Any]) -> tuple[list[Source], list[str]]:
        """Examples to predict, from several files or folders; and notes on those left out because they are broken.

        Without warnings, for who shows the notes of each.

        Raises:
            DataError: one cannot be read and is not to be left out, or none can; see `read`.
        """
        found: list[Source] = []
        lost: list[str] = []
        if hasattr(self.encoding, "broken"):  # whose files need not be whole, but there
            require_there(data)
        for i, one in enumerate(data, 1):
            try:
                found.append(self.read(one, labelled=False, warn=False))
            except DataError as error:
                if getattr(self.encoding, "broken", "refuse") == "refuse" or (i == len(data) and not found):
                    raise
                lost.append(f"left out: {error}")
        return found, lost

    def rows(self, source: Source, part: str) -> tuple[NDArray[np.intp], str]:
        """The rows of a part of the data, and how to call it.

        Args:
            part: "test", "train" or "all"; "auto" is the held-out part of the very data that the network was
                trained on, what came after the training of a series or a text that goes on behind it, and all of any
                other.

        Raises:
            OptionError: another word, a part of data that the network was not trained on, or of what another version of
                chainrule divided, or read as other rows.
        """
        made = self.network.metadata
        how = {"draws": 1} | (made["split"] or {})
        former = how.pop("draws") != DRAWS and made["split"] is not None  # then checksums may have been others, too
        own = self._own(source)
        own = own or (former and source.name == made["data"])
        lookup("part", part, dict.fromkeys(("auto", "all", "train", "test")))
        later = None if part != "auto" or own else after_training(made.get("seen"), source, self.path)
        if later is not None:
            return later, f"what came after the training (of {len(source):,} in all, which --part all measures)"
        if part == "all" or (part == "auto" and not own):
            some = "all examples" if source.size == len(source) else "examples drawn from all over it"
            unknown = ", though another version of chainrule made the model, and may have trained it on some of them"
            known = former or self.was_read_otherwise(source)
            more = ", those of the training among them" if own else unknown if known else ""
            return np.arange(len(source)), some + more
        if self.was_read_otherwise(source):
            raise OptionError(
                f"{self.path} was made by another version of chainrule, which read {source.name} otherwise, unless the "
                "file has changed: evaluate it there, or on examples that it was not trained on."
            )
        if not own:
            raise OptionError(f"{self.path} was trained on {made['data']}, so {source.name} has no {part} part.")
        if former:
            raise OptionError(
                f"{self.path} was made by another version of chainrule, which divided the data otherwise: evaluate it "
                "there, or on examples that it was not trained on."
            )
        splits = split(source, source.numbers(self.target), **how)
        return (splits.test, "the held-out part") if part != "train" else (splits.train, "the training part")

    def evaluate(self, source: Any, rows: Any = "auto") -> dict[str, float]:
        """The mean cost and the metrics of the experiment on these rows.

        Warns (UserWarning) where many of them were trained on although they come from other data than its own.

        Args:
            source: what `read` takes or returns. rows: their positions, or a part of the data; see `rows`.
        """
        if not isinstance(source, Source):
            source = self.read(source, labelled=True, warn=False)
            warn_of(source.notes)
        rows = self.rows(source, rows)[0] if isinstance(rows, str) else rows
        measured = self.measures(source, rows)
        if measured.known:
            warnings.warn(measured.known, stacklevel=2)
        return measured.values

    def measures(self, source: Source, rows: NDArray[np.intp]) -> Measures:
        """As `evaluate`, with how sure the figures are, how right the quantiles of forecasts, and whether the rows of
        other data than its own were trained on all the same."""
        X, Y, target = self.encoding.X(source), source.numbers(self.target), self.target
        measured, output = measure_in_units(self.network, self.encoding, source, rows, X, Y, target)
        known_by = X if source.known_by is None else source.known_by
        seen = None if self._own(source) else self.network.metadata.get("seen")
        known = note_on_known(seen, known_by, rows, self.path)
        if not isinstance(target, series.Forecast):
            return Measures(measured, intervals(output, Y[rows], target), {}, known)
        points, coverage = target.points(output), target.coverage(output, Y[rows])
        return Measures(measured, intervals(points, Y[rows], target), coverage, known)

    def _own(self, source: Source) -> bool:
        """Whether these are the very data that it was trained on a part of."""
        made = self.network.metadata
        return made["split"] is not None and bool(source.checksum() == made["checksum"])

    def was_read_otherwise(self, source: Source) -> bool:
        """Whether another version of chainrule may have read the data that it was trained on as other examples than
        these, which come of a file of that name."""
        made = self.network.metadata
        other = made["split"] is not None and made.get("reading", 1) != READING and source.name != FRAME
        return other and source.name == made["data"] and not self._own(source)

    def predictions(self, source: Any, *, spread: bool = False) -> dict[str, list[Any]]:
        """By columns: which example it is, the prediction, and for classes the probability of each, as numbers.

        Args:
            source: what `read` takes or returns.
            spread: whether a column tells how far the answers of several networks lie apart; see `lines`.

        Raises:
            OptionError: `spread` of a single network.
        """
        source = self._to_predict(source)
        found: dict[str, list[Any]] = {}
        told = len(source.notes)
        for piece in source.pieces():
            columns = piece.identification() | self.target.predictions(self._output(piece))
            columns |= {name: apart.tolist() for name, apart in self._spread(piece, spread).items()}
            for name, values in columns.items():
                found.setdefault(name, []).extend(values)
        warn_of(source.notes[told:])  # of what was met as the pieces of a large file were read
        return found

    def _to_predict(self, data: Any) -> Source:
        """What `read` returns of examples to predict, if they are not read yet; callers of its callers are warned."""
        if isinstance(data, Source):
            return data
        source = self.read(data, labelled=False, warn=False)
        warn_of(source.notes, depth=2)
        return source

    def _spread(self, piece: Source, wanted: bool) -> dict[str, NDArray[np.float64]]:
        """By columns, how far the answers to a piece of a source lie apart; none where that is not wanted.

        Raises:
            OptionError: there is a single network, or it forecasts a series.
        """
        if not wanted:
            return {}
        if not self.encoding.own_units:
            raise OptionError("--spread is not about forecasts of a series, whose quantiles say how sure they are.")
        ensemble = require_several(self.network, self.path)
        return spread_of(self.network, ensemble, self.encoding.X(piece), self.target)

    def explain_row(
        self, row: Any, number: int = 1, *, of: str | None = None, background: Any = None, seed: int | None = 0
    ) -> Attribution:
        """What each column did to the prediction for one row: numbers that add up to it, whatever was drawn.

        They are Shapley values by sampling, as of `chainrule.attribute`: of labels in probability, of values in their
        own units. The columns of X that a column has become move together.

        Args:
            row: a dict; or a table, or what `read` takes. number: which row of it, as predictions count.
            of: the label, or the one of several columns, that is explained; None for what is predicted.
            background: rows to compare with, as `read` takes or returns them; None for some 500 of the training part,
                which is looked for under the name that the data had then.
            seed: of which rows and in which orders; None draws others each time.

        Raises:
            DataError: there is no such row, or the data of the training cannot be had and no background is given.
            OptionError: `of` names nothing, or several columns are predicted and none is named, or the network was
                trained on pictures, texts or series.
        """
        from chainrule.experiments.row_explained import all_rows, explain_row, own_rows, require_rows, row_of

        require_rows(self)
        found = own_rows(self) if background is None else all_rows(self._to_predict(background))
        if isinstance(found, str):
            raise DataError(f"{found}: give rows to compare with, background=….")
        return explain_row(self, row_of(self._to_predict(row), number), found, of=of, seed=seed)

    def lines(
        self,
        *sources: Any,
        long: bool = False,
        several: bool = False,
        spread: bool = False,
        done: Advance | None = None,
    ) -> Iterator[str]:
        """The predictions as a CSV with rounded numbers, in pieces that need not be in memory together.

        Args:
            sources: what `read` takes or returns.
            long: whether each step of a forecast has a row of its own.
            several: whether a column names the source of each row, as rows are counted in each from 1.
            spread: whether a column tells how far the answers of several networks lie apart: the standard deviation of
                values in their own units, or of the probability of the label that is predicted.
            done: told of each piece how many predictions it has.

        Raises:
            DataError: a source has other columns than the first.
            OptionError: `spread` of a single network, or `long` of what is no forecast.
        """
        header: list[str] | None = None
        first = ""
        for data in sources:
            source = self._to_predict(data)
            first = first or source.name
            for piece in source.pieces():
                output, target, which = self._output(piece, several), self.target, None
                apart = self._spread(piece, spread)
                units = self.encoding.steps_of_values(piece, unit_of_values(self.network))
                if long:
                    which, target, output, units = _in_long_form(piece, target, output, units)
                which = which or piece.identification()
                if several:
                    which = _of_source(which, source)
                for columns, formats in written(which, target, output, units, apart):
                    if header is not None and [*columns] != header:
                        raise DataError(f"{source.name} has other columns than {first}: predict it by itself.")
                    yield as_csv(columns, formats, header=header is None)
                    header = [*columns]
                    if done is not None:
                        done(len(columns[header[0]]))

    def _output(self, piece: Source, several: bool = False) -> NDArray[Any]:
        """The outputs for a piece of a source; what is wrong with it is told with its name where there are several."""
        try:
            X = self.encoding.X(piece)
        except DataError as error:
            if not several:
                raise
            raise DataError(f"{piece.name}: {error}") from None
        return self.encoding.output(piece, outputs(self.network, X, self.target))


def _of_source(which: dict[str, list[Any]], source: Source) -> dict[str, list[Any]]:
    """What tells the rows of a source apart, and the source itself; pictures and texts in files are told by these."""
    if "file" in which and not isinstance(source, Table):
        return which
    n = len(next(iter(which.values())))
    return {"file (read)" if "file" in which else "file": [source.name] * n} | which


def _with_columns(encoding: Encoding, path: str, text: str | None, labels: str | None) -> Encoding:
    """An encoding that finds its texts, and what they are, in these columns.

    Raises:
        OptionError: there is nothing that it looks for in that way.
    """
    if isinstance(encoding, text_files.Separate):
        return replace(encoding, column=text or "", labels=labels or "")
    if labels is not None:
        raise OptionError(f"--target is about texts in files, but {path} was trained on no such: leave it out.")
    texts = [code.column.name for code in encoding.codes if code.bag] if isinstance(encoding, Columns) else []
    if len(texts) != 1 or not isinstance(encoding, Columns):
        raise OptionError(
            f"--text is about a column of texts, but {path} was trained on {len(texts) or 'no'} such: leave it out."
        )
    return replace(encoding, text=text or "")


def _in_long_form(
    piece: Source, target: Target, output: NDArray[Any], units: NDArray[np.float64] | None
) -> tuple[dict[str, list[Any]], Target, NDArray[Any], NDArray[np.float64] | None]:
    """What tells the rows apart, the target, the outputs and their units, with a row for each step of a forecast.

    Raises:
        OptionError: these are no forecasts.
    """
    if not (isinstance(piece, series.Series) and isinstance(target, series.Forecast)):
        raise OptionError("--long is about forecasts of a series, and the network makes no such: leave it out.")
    which, of_step = piece.long_form(target)
    return which, of_step, output.reshape(-1, of_step.n_out), None if units is None else units[: of_step.n_out]


def _check(network: Network, encoding: Any, target: Any, made: Made) -> None:
    """See to it that what a file says of its data goes with its network, before there are data.

    Raises:
        OptionError: it does not.
    """
    if not isinstance(encoding, Encoding) or not isinstance(target, Target):
        raise OptionError(f"the encoding is a {type(encoding).__name__} and the target a {type(target).__name__}.")
    shape = network.input_shape
    if shape is None or not encoding.takes(shape, target):
        predicted = ", ".join(target.names[:3])
        raise OptionError(
            f"the encoding does not go with a network for examples of shape {shape} that predicts {predicted}."
        )
    output = output_shape(network)
    steps = shape if isinstance(target, text_files.NextToken) else ()
    if output != (*steps, target.n_out):
        raise OptionError(f"the network's output is {output}, but there are {target.n_out} to predict.")
    if task_of(made["loss"]) != target.task:
        raise OptionError(f"the loss {made['loss']} is not one of {target.task}.")
    lookup("loss", made["loss"], LOSSES)
    find_metrics(made["metrics"], target.task)
