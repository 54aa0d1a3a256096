"""Check 5: no test row is a training row, and hardly any is nearly one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.context import Context
from sandmle.verify.public_data import PublicData
from sandmle.verify.tables import Table

NEAR = 0.02
"""Distance, in units of that of two typical training rows, under which rows are nearly equal."""
MAX_NEAR_SHARE = 0.01


class Duplicates(Check):
    """Features, texts and recordings of the test rows are new."""

    name = "duplicates"
    number = 5
    reasons = ("duplicates.exact", "duplicates.near")
    summary = (
        "no test row, text, picture, sound or array equals a training one; at most 1 % of them "
        "are nearly equal"
    )

    def find(self, context: Context) -> Fault | None:
        """Compare contents first, then distances to the nearest training row."""
        data = context.data
        train, test = data.train, data.test
        if train is None or test is None:
            return None
        known = set(_contents(data, train, side=0))
        same = [
            row for row, content in enumerate(_contents(data, test, side=1)) if content in known
        ]
        if known and same:
            name = test.columns[data.draft.submission.id_column][same[0]]
            return Fault(
                "duplicates.exact",
                f"{len(same)} test rows equal a training row in all features (first id: {name})",
            )
        neighbours = context.neighbours
        if neighbours is None:
            return None
        share = float((neighbours.distance < NEAR).mean())
        if share > MAX_NEAR_SHARE:
            return Fault(
                "duplicates.near",
                f"{share:.1%} of the test rows nearly equal a training row; {MAX_NEAR_SHARE:.0%}",
            )
        return None


def _contents(data: PublicData, table: Table, *, side: int) -> Sequence[object]:
    """Return all that a row says, without its id and with recordings in place of their names."""
    arrays = [pair[side] for pair in data.arrays]
    paths = data.recording_paths(table)
    if paths is not None:
        return [hashlib.sha256(data.recordings[path]).digest() for path in paths]
    if arrays:
        return [
            hashlib.sha256(b"".join(array[row].tobytes() for array in arrays)).digest()
            for row in range(table.rows)
        ]
    cells = [[_plain(cell) for cell in table.columns[name]] for name in data.features]
    return list(zip(*cells, strict=True))


def _plain(cell: str) -> str:
    return " ".join(cell.lower().split())


CHECKS.register(Duplicates.name)(Duplicates())
