"""Check 14: no medal for what never looked at a feature: priors, positions, names, sizes."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

import numpy as np

from sandmle.verify.board import Predictions
from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.checks.metadata import sort_values
from sandmle.verify.context import Context
from sandmle.verify.guesses import bins, by_bins, constants
from sandmle.verify.public_data import PublicData
from sandmle.verify.tables import Floats, Table

_DRAWS = 3


class DataFree(Check):
    """Draws from the training labels, and models of ids, positions, names and sizes, < bronze."""

    name = "data_free"
    number = 14
    stage = "bars"
    reasons = ("data_free.prior", "data_free.metadata")
    summary = (
        "constants and shuffled training labels, and predictions from id, position, file name or "
        "file size, are all under bronze"
    )

    def find(self, context: Context) -> Fault | None:
        """Score both kinds."""
        targets = context.data.train_targets
        if targets is None:
            return None
        bronze = context.bars.thresholds.bronze
        kinds = (("prior", _priors(context, targets)), ("metadata", _metadata(context, targets)))
        for kind, guesses in kinds:
            best = context.best_guess(guesses)
            if best is not None and context.reaches(best[1], bronze):
                return Fault(
                    f"data_free.{kind}", f"{best[0]} scores {best[1]:g}; bronze {bronze:g}"
                )
        return None


def _priors(context: Context, targets: Predictions) -> Iterator[tuple[str, Predictions]]:
    yield from constants(targets, context.draft.submission)
    rng = context.streams.rng("data_free", "draws")
    for _ in range(_DRAWS):
        yield (
            "training labels dealt out",
            targets[rng.integers(0, len(targets), len(context.key.ids))],
        )


def _metadata(context: Context, targets: Predictions) -> Iterator[tuple[str, Predictions]]:
    data = context.data
    if data.train is None or data.test is None:
        return
    asked = _readings(data, data.test)
    for name, known in _readings(data, data.train).items():
        if name in asked:
            places = bins(known, asked[name])
            for kind, values in by_bins(*places, targets, context.draft.submission):
                yield f"{name} by {kind}", data.ordered(values)


def _readings(data: PublicData, table: Table) -> dict[str, Floats]:
    """Return what can be read off a table's rows without a look at features, shape (n,) each."""
    found = {"position": np.linspace(0.0, 1.0, table.rows)}
    ids = table.columns.get(data.draft.submission.id_column)
    if ids is not None:
        found["id"] = sort_values(ids)
        found["length of the id"] = np.array([float(len(name)) for name in ids])
    paths = data.recording_paths(table)
    if paths is not None:
        found["file name"] = sort_values([basename(path) for path in paths])
        found["file size"] = np.array([float(len(data.recordings[path])) for path in paths])
    return found


CHECKS.register(DataFree.name)(DataFree())
