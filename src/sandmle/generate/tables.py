"""A set of tasks made of the real tables that every installation has."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from sandmle.authors.table import table_draft
from sandmle.authors.table.bundled import bundled_tables
from sandmle.core.draft import TaskDraft
from sandmle.core.errors import UsageError
from sandmle.core.seeding import derive_seed
from sandmle.generate.make import Tools, draw, write_task


def generate_tables(out: Path, *, count: int, seed: int) -> None:
    """Make what is missing of a set; tables that give no verified task are passed over.

    Args:
        out: Folder of the set.
        count: Tasks.
        seed: Of the tables and of their tasks.
    """
    left = count - len(list(out.glob("*/task.json")))
    if left <= 0:
        return
    with Tools.open() as tools, TemporaryDirectory() as scratch:
        for name, frame, target in bundled_tables(seed=seed):
            if (out / name / "task.json").is_file():
                continue
            file = Path(scratch) / f"{name}.csv"
            frame.to_csv(file, index=False)
            author = partial(_draft, file, target, derive_seed(seed, "table", name))
            try:
                drawn = draw(author, tools, rebuild=False)  # the tables lie in no file that stays
            except UsageError:  # too few different rows, or a target that does not vary
                continue
            if drawn.report.passed:
                write_task(out / name, drawn.draft, drawn.report)
                left -= 1
            if left == 0:
                return


def _draft(file: Path, target: str, seed: int, attempt: int) -> TaskDraft:
    return table_draft(file, target=target, seed=derive_seed(seed, "attempt", attempt))
