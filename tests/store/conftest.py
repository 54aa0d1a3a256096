"""A small verified draft to put on disk."""

from __future__ import annotations

import pytest

from sandmle.core.draft import Baseline, Reference, TaskDraft, Trap
from sandmle.core.task import Column, Limits, MetricSpec, Provenance, SubmissionSchema, Thresholds
from sandmle.core.verdict import Bars, CheckResult, RungScore, VerifyReport


@pytest.fixture
def draft() -> TaskDraft:
    description = "# Größe\n\nPredict `y` from `x`.\n"
    return TaskDraft(
        family="tabular/small-v1",
        title="Größe",
        description=description,
        modality="tabular",
        task_type="regression",
        metric=MetricSpec(name="rmse"),
        submission=SubmissionSchema(
            id_column="id", targets=(Column(name="y", kind="number", low=0.0),), rows=2
        ),
        train_rows=2,
        public={
            "description.md": description.encode(),
            "train.csv": b"id,x,y\n1,2,3\n2,3,4\n",
            "test.csv": b"id,x\n3,4\n4,5\n",
            "sample_submission.csv": b"id,y\n3,0\n4,0\n",
            "images/a/1.png": b"\x89PNG",
        },
        answers=b"id,y,split\n3,5,public\n4,6,private\n",
        ladder=(Baseline("dummy", "print(1)\n"), Baseline("expert", "print('größe')\n")),
        reference=Reference("oracle", submission=b"id,y\n3,5\n4,6\n"),
        rule={"slope": 1.25, "unit": {"names": ["größe"]}},
        skills=("units",),
        traps=(Trap("x", "known only later"),),
        limits=Limits(step_seconds=7.0),
        provenance=Provenance(author="procedural", difficulty=1, sandmle_version="0"),
        recipe={"seed": "123", "author": "procedural"},
    )


@pytest.fixture
def report() -> VerifyReport:
    bars = Bars(
        rule="H",
        thresholds=Thresholds(median=4.0, bronze=3.0, silver=2.0, gold=1.0, higher_is_better=False),
        gains={"median": 0.2, "bronze": 0.4, "silver": 0.6, "gold": 0.8},
        standard_errors={"median": 0.0},
        ci95={"median": (3.9, 4.1)},
        dummy_score=5.0,
        reference_score=0.0,
        reference_kind="oracle",
    )
    rungs = (
        RungScore(name="dummy", score=5.0, gain=0.0, cpu_seconds=0.0),
        RungScore(name="expert", score=1.0, gain=0.8, cpu_seconds=0.1),
    )
    return VerifyReport(results=(CheckResult(check="schema", passed=True),), rungs=rungs, bars=bars)
