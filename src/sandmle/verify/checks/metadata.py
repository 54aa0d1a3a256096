"""Check 4: ids, order, names, sizes and the way numbers are written say nothing about labels.

Tested on training and test labels together, which only the author has: 1,000 rows show what 150
cannot.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from posixpath import basename

import numpy as np

from sandmle.verify.association import ALARM, Labels, relation, runs
from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.context import Context
from sandmle.verify.public_data import PublicData
from sandmle.verify.tables import Floats, Table, as_numbers, codes

_EFFECT = 0.2
"""Correlation that the way of writing numbers must have with labels, besides being no accident."""
_PNG_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


class Metadata(Check):
    """No id, row order, file name, file order, file size, chunk or number format tells labels."""

    name = "metadata"
    number = 4
    reasons = (
        "metadata.id",
        "metadata.row_order",
        "metadata.file_name",
        "metadata.file_order",
        "metadata.file_size",
        "metadata.image_chunks",
        "metadata.decimals",
    )
    summary = (
        "ids, row order, file names, file order, compressed size beyond the pixels, PNG chunks and "
        "decimals are unrelated to the labels of train and test (rank and runs tests)"
    )

    def find(self, context: Context) -> Fault | None:
        """Test each kind of metadata on each side."""
        return next(_faults(context), None)


def _faults(context: Context) -> Iterator[Fault]:
    data = context.data
    yield from _chunk_faults(data.recordings)
    for path, table, labels in _sides(context):
        ids = table.columns.get(context.draft.submission.id_column)
        if ids is not None:
            yield from _name_faults("metadata.id", f"ids of {path}", ids, labels)
        if not _order_is_visible(table, data):
            position = np.arange(table.rows, dtype=np.float64)
            yield from _meaning("metadata.row_order", f"row order of {path}", position, labels)
        files = data.recording_paths(table)
        if files is not None:
            yield from _file_faults(data, files, path, labels)
        for name in table.columns:
            yield from _decimal_faults(context, table.columns[name], name, path, labels)


def _sides(context: Context) -> Iterator[tuple[str, Table, Labels]]:
    data = context.data
    if data.train is not None and data.train_targets is not None:
        yield "train.csv", data.train, Labels.of(data.train_targets)
    if data.test is not None:
        yield "test.csv", data.test, Labels.of(context.key.values[data.key_rows])
    sample = data.tables["sample_submission.csv"]
    position = {name: row for row, name in enumerate(context.key.ids)}
    rows = [position[name] for name in sample.columns[context.draft.submission.id_column]]
    if data.test is None:
        yield "sample_submission.csv", sample, Labels.of(context.key.values[rows])


def sort_values(names: list[str]) -> Floats:
    """Turn names into numbers: what is left of them without a common head, else their rank."""
    numbers = [re.sub(r"\D", "", name) for name in names]
    if all(0 < len(number) <= 15 for number in numbers):
        return np.array([float(number) for number in numbers])
    return codes(names).astype(np.float64)


def _name_faults(reason: str, what: str, names: list[str], labels: Labels) -> Iterator[Fault]:
    yield from _meaning(reason, what, sort_values(names), labels)
    stems = [name.partition(".")[0] for name in names]
    parts = {
        "first characters": [stem[:1] for stem in stems],
        "last characters": [stem[-1:] for stem in stems],
        "lengths": [str(len(stem)) for stem in stems],
    }
    for part, kinds in parts.items():
        marks = Labels(codes(kinds).astype(np.float64), classes=True)
        trend = relation(labels.values, marks)
        if trend > ALARM:
            yield Fault(reason, f"{part} of {what} go with the labels (z = {trend:.1f})")


def _meaning(reason: str, what: str, values: Floats, labels: Labels) -> Iterator[Fault]:
    trend = relation(values, labels)
    if abs(trend) > ALARM:
        yield Fault(reason, f"{what} go with the labels (z = {trend:.1f})")
    # equal values keep no order of their own
    if len(np.unique(values)) == len(values):
        serial = runs(np.argsort(values, kind="stable"), labels)
        if abs(serial) > ALARM:
            yield Fault(reason, f"labels come in runs along the {what} (z = {serial:.1f})")


def _order_is_visible(table: Table, data: PublicData) -> bool:
    """Say whether rows are sorted by, or lie in blocks of, a column that everybody sees."""
    for name in data.features:
        cells = table.columns[name]
        kinds = len(set(cells))
        blocks = 1 + sum(a != b for a, b in pairwise(cells))
        if 1 < kinds < len(cells) and blocks == kinds:
            return True
        numbers = as_numbers(cells)
        ordered = cells if numbers is None else numbers.tolist()
        if kinds > 1 and (ordered == sorted(ordered) or ordered == sorted(ordered, reverse=True)):
            return True
    return False


def _file_faults(data: PublicData, files: list[str], path: str, labels: Labels) -> Iterator[Fault]:
    names = [basename(file) for file in files]
    yield from _name_faults("metadata.file_name", f"names of files of {path}", names, labels)
    place = {file: float(index) for index, file in enumerate(data.recordings)}
    order = np.array([place[file] for file in files])
    yield from _meaning("metadata.file_order", f"places of the files of {path}", order, labels)
    sizes = np.array([len(data.recordings[file]) for file in files], dtype=np.float64)
    if abs(relation(sizes, labels)) <= ALARM:
        return
    # a size that only follows from the pixels is theirs to tell; check 14 holds it under bronze
    surplus = np.array([_surplus(data.recordings[file]) for file in files], dtype=np.float64)
    trend = relation(surplus, labels)
    if abs(trend) > ALARM:
        yield Fault(
            "metadata.file_size",
            f"sizes of the files of {path}, beyond their pixels, go with labels (z = {trend:.1f})",
        )


def _chunks(image: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 12 <= len(image):
        (length,) = struct.unpack(">I", image[at : at + 4])
        yield image[at + 4 : at + 8], image[at + 8 : at + 8 + length]
        at += 12 + length
    if at < len(image):
        yield b"tail", image[at:]


def _surplus(image: bytes) -> int:
    """Return the bytes of a PNG over what its own scan lines compress to; 0 for other formats."""
    if not image.startswith(b"\x89PNG"):
        return 0
    packed = b"".join(data for kind, data in _chunks(image) if kind == b"IDAT")
    return len(image) - len(zlib.compress(zlib.decompress(packed), 6))


def _chunk_faults(files: Mapping[str, bytes]) -> Iterator[Fault]:
    for path, image in files.items():
        if image.startswith(b"\x89PNG"):
            strange = {kind for kind, _ in _chunks(image)} - _PNG_CHUNKS
            if strange:
                listed = ", ".join(sorted(kind.decode("latin-1") for kind in strange))
                yield Fault("metadata.image_chunks", f"{path} carries more than pixels: {listed}")


def _decimal_faults(
    context: Context, cells: list[str], name: str, path: str, labels: Labels
) -> Iterator[Fault]:
    data = context.data
    numbers = as_numbers(cells)
    traps = [trap.column for trap in data.draft.traps]
    if numbers is None or name in data.label_columns or name in traps:
        return
    written = np.array(["." in cell for cell in cells])
    if written.mean() < 0.5:
        return
    rows = np.flatnonzero(~np.isnan(numbers))
    kept = Labels(labels.values[rows], labels.classes)
    # fixed point or floating point: the count that varies less is the column's own habit
    decimals = np.array([len(cells[row].partition(".")[2]) for row in rows], dtype=np.float64)
    digits = np.array(
        [len(re.sub(r"\D", "", cells[row]).lstrip("0")) for row in rows], dtype=np.float64
    )
    habit = min(decimals, digits, key=lambda counts: float(counts.var()))
    trend = relation(habit, kept)
    if abs(trend) > max(ALARM, _EFFECT * np.sqrt(len(rows))):
        yield Fault(
            "metadata.decimals",
            f"how column {name!r} of {path} is written goes with the labels (z = {trend:.1f})",
            hard=context.made,
        )


CHECKS.register(Metadata.name)(Metadata())
