"""Opens a table, whole or in chunks, for training as for what is predicted later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.data.chunks import can_be_chunks, open_chunks, too_large
from chainrule.data.frames import is_frame, read_frame
from chainrule.data.missing import Markers
from chainrule.data.row_sample import RowSample, sample_rows
from chainrule.errors import DataError, OptionError
from chainrule.names import unknown

if TYPE_CHECKING:
    from polars import DataFrame


def open_table(source: Any, markers: Markers, stream: bool | None) -> tuple[DataFrame, list[str], RowSample | None]:
    """The frame of a file, notes on it, and the sample that the frame is, if the file is read in chunks."""
    if is_frame(source):
        if stream:
            raise OptionError("a frame is in memory already: give the path of a file to read it in chunks.")
        return *read_frame(source, markers), None
    path = str(source)
    if stream is False or (stream is None and not (too_large(path) and can_be_chunks(path))):
        return *read_frame(path, markers), None
    sample = sample_rows(open_chunks(path, markers), markers.targets)
    note = f"{path} is read in {len(sample.before):,} chunks: {sample.size:,} rows"
    if sample.size > sample.frame.height:
        note += (
            f"; what the columns are, and what is held out, is found in {sample.frame.height:,} drawn from all over it"
        )
    return sample.frame, [*sample.chunks.notes, note], sample


def require(column: str, frame: DataFrame, name: str) -> None:
    """Raises DataError where there is no such column."""
    if column not in frame.columns:
        raise DataError(f"{name}: {unknown('column', column, frame.columns)}")
