"""The author that makes tasks of real tables: `table_draft` turns a file into a draft."""

from __future__ import annotations

from pathlib import Path

from sandmle.authors.roles import Team
from sandmle.authors.table.author import TableAuthor
from sandmle.authors.table.division import divide
from sandmle.authors.table.prepare import TableChoices, prepare
from sandmle.authors.table.read import file_sha256
from sandmle.core.draft import TaskDraft
from sandmle.core.seeding import Streams

__all__ = ["TableChoices", "table_draft"]


def table_draft(
    path: Path,
    *,
    target: str,
    seed: int,
    metric: str | None = None,
    train_rows: int | None = None,
    title: str | None = None,
    anonymise: bool = False,
    choices: TableChoices | None = None,
) -> TaskDraft:
    """Make a draft of a real table: some rows to learn from, the others hidden.

    What was left out of the table, and why, stands in `recipe["notes"]`, a sentence each. The same
    file, seed and choices give the same draft.

    Args:
        path: CSV (comma, tab, semicolon or bar; plain or gzip, UTF-8) or parquet. Of more than
            20,000 rows an even random sample is used.
        target: The column to predict.
        seed: Root of all randomness; with the file it gives the answers away.
        metric: Name in the registry. Default: RMSE, or RMSLE for a positive target with a heavy
            tail; ROC AUC for two classes; accuracy for more, or macro F1 where one class has more
            than three times the rows of another.
        train_rows: Rows to learn from, 50 to 200. Default: 150, or half of a table of under 300.
        title: Title of the page. Default: a neutral one.
        anonymise: Rename columns and labels so that the table's origin is harder to tell.
        choices: What is rarely asked for.

    Raises:
        UsageError: If the file cannot be read; if it lacks the column; if fewer than 100 usable
            rows are left; if the target has one value, or more than 50 texts; if the metric is
            unknown or does not fit; or if `train_rows` leaves fewer than 50 rows to be graded on.
    """
    chosen = choices or TableChoices()
    streams = Streams(seed)
    table = prepare(path, target, streams, metric=metric, anonymise=anonymise, choices=chosen)
    division = divide(table, streams, train_rows=train_rows, test_rows=chosen.test_rows)
    author = TableAuthor(table, division.rows, title=title)
    recipe = {
        "author": "table",
        "file_name": path.name,
        "file_sha256": file_sha256(path),
        "seed": str(seed),
        "target": target,
        "metric": metric,
        "train_rows": train_rows,
        "title": title,
        "anonymise": anonymise,
        "choices": chosen.model_dump(mode="json"),
        "notes": [*table.notes, *division.notes],
    }
    team = Team(strategist=author, developer=author, engineer=author, writer=author)
    return team.draft(table.dna, streams, difficulty=0, author="table", recipe=recipe)
