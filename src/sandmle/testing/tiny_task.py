"""A task so small that its scripts run without a library: for tests of all that plays tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sandmle.core.draft import Baseline, Reference, TaskDraft
from sandmle.core.task import Column, Limits, MetricSpec, Provenance, SubmissionSchema, Thresholds
from sandmle.core.verdict import Bars, RungScore, VerifyReport
from sandmle.store import TaskDir
from sandmle.version import __version__

_TEST_ROWS = 20

TINY_SCRIPTS = {
    "dummy": """\
import csv

with open("input/test.csv") as file, open("submission.csv", "w") as out:
    out.write("id,y\\n")
    for row in csv.DictReader(file):
        out.write(f"{row['id']},0.5\\n")
""",
    "expert": """\
import csv

with open("input/test.csv") as file, open("submission.csv", "w") as out:
    out.write("id,y\\n")
    for row in csv.DictReader(file):
        out.write(f"{row['id']},{float(row['x'])}\\n")
""",
}
"""A script that earns no medal and one that earns gold."""

TINY_SECRET = 0.8675309
"""A number that stands in the private answers and nowhere else."""


def tiny_task(path: Path, *, limits: Limits | None = None, name: str = "tiny") -> TaskDir:
    """Write a task: predict y, which is x, for 20 rows; the first 6 are public. Metric: RMSE.

    Args:
        path: The folder to make.
        limits: The task's limits; by default 20 s for a run.
        name: Part of the task's id and description, so that several tasks can be told apart.
    """
    draft = _draft(name, limits or Limits(step_seconds=20, total_seconds=120))
    thresholds = Thresholds(median=0.2, bronze=0.1, silver=0.05, gold=0.02, higher_is_better=False)
    bars = Bars(
        rule="H",
        thresholds=thresholds,
        gains={"median": 0.3, "bronze": 0.6, "silver": 0.8, "gold": 0.9},
        standard_errors={},
        ci95={},
        dummy_score=0.3,
        reference_score=0.0,
        reference_kind="oracle",
    )
    rungs = tuple(
        RungScore(name=rung.name, score=score, gain=gain, cpu_seconds=0.1)
        for rung, score, gain in zip(draft.ladder, (0.3, 0.0), (0.0, 1.0), strict=True)
    )
    return TaskDir.create(path, draft, VerifyReport(results=(), rungs=rungs, bars=bars))


def _draft(name: str, limits: Limits) -> TaskDraft:
    # The answer is x but for the last row, whose answer is a number of its own.
    inputs = [row / _TEST_ROWS for row in range(_TEST_ROWS - 1)] + [0.867]
    answers = [*inputs[:-1], TINY_SECRET]
    description = f"# {name}\n\nPredict `y` for each row of `test.csv`. Scored by RMSE."
    public = {
        "description.md": description,
        "train.csv": _csv("id,x,y", [(f"a{i}", i / 12, i / 12) for i in range(12)]),
        "test.csv": _csv("id,x", [(f"t{i}", x) for i, x in enumerate(inputs)]),
        "sample_submission.csv": _csv("id,y", [(f"t{i}", 0.5) for i in range(_TEST_ROWS)]),
    }
    splits = ["public" if i < 6 else "private" for i in range(_TEST_ROWS)]
    rows = [(f"t{i}", y, s) for i, (y, s) in enumerate(zip(answers, splits, strict=True))]
    return TaskDraft(
        family=f"testing/{name}-v1",
        title=name,
        description=description,
        modality="tabular",
        task_type="regression",
        metric=MetricSpec(name="rmse"),
        submission=SubmissionSchema(
            id_column="id", targets=(Column(name="y", kind="number"),), rows=_TEST_ROWS
        ),
        train_rows=12,
        public={path: text.encode() for path, text in public.items()},
        answers=_csv("id,y,split", rows).encode(),
        ladder=tuple(Baseline(rung, script) for rung, script in TINY_SCRIPTS.items()),
        reference=Reference("oracle"),
        rule={"y": "x"},
        skills=(),
        provenance=Provenance(author="procedural", sandmle_version=__version__),
        recipe={},
        limits=limits,
    )


def _csv(header: str, rows: Sequence[tuple[object, ...]]) -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"
