"""What is particular to `timeseries/panel`: horizon, known events, broken records, who wins."""

from __future__ import annotations

import csv
import io
import runpy
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.timeseries_panel import HISTORY_DAYS, HORIZON_DAYS
from sandmle.core.draft import TaskDraft
from sandmle.seeds.dna import TaskDNA

Rows = list[dict[str, str]]


def drawn(difficulty: int, *, metric_family: str = "rmse") -> TaskDraft:
    dna = TaskDNA(
        modality="timeseries",
        task_type="forecasting",
        metric="RMSLE",
        metric_family=metric_family,
        higher_is_better=False,
    )
    return FAMILIES.get("timeseries/panel-v2").draft(dna, 2_718, difficulty=difficulty)


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    return [drawn(level) for level in range(3)]


def rows(data: bytes) -> Rows:
    return list(csv.DictReader(io.StringIO(data.decode())))


def target(draft: TaskDraft) -> str:
    return draft.submission.targets[0].name


def site(draft: TaskDraft) -> str:
    assert draft.submission.group_column is not None
    return draft.submission.group_column


def history(draft: TaskDraft) -> dict[str, NDArray[np.float64]]:
    """The recorded counts of each series by day, shape (days,)."""
    found: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.full(HISTORY_DAYS, np.nan))
    for row in rows(draft.public["train.csv"]):
        found[row[site(draft)]][int(row["day"]) - 1] = float(row[target(draft)])
    return dict(found)


def rmsle(draft: TaskDraft, submission: bytes) -> float:
    truth = {row["id"]: float(row[target(draft)]) for row in rows(draft.answers)}
    guess = {row["id"]: float(row[target(draft)]) for row in rows(submission)}
    errors = [np.log1p(guess[key]) - np.log1p(truth[key]) for key in truth]
    return float(np.sqrt(np.mean(np.square(errors))))


def run(draft: TaskDraft, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> float:
    (folder / "input").mkdir(exist_ok=True)
    for path, data in draft.public.items():
        (folder / "input" / path).write_bytes(data)
    (folder / "script.py").write_text(next(r.script for r in draft.ladder if r.name == name))
    monkeypatch.chdir(folder)
    runpy.run_path("script.py")
    return rmsle(draft, (folder / "submission.csv").read_bytes())


def test_the_test_days_follow_the_history_of_the_same_series(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        train, test = rows(draft.public["train.csv"]), rows(draft.public["test.csv"])
        assert {int(row["day"]) for row in train} == set(range(1, HISTORY_DAYS + 1))
        last = HISTORY_DAYS + HORIZON_DAYS
        assert {int(row["day"]) for row in test} == set(range(HISTORY_DAYS + 1, last + 1))
        names = {row[site(draft)] for row in train}
        assert names == {row[site(draft)] for row in test}
        assert len(names) == draft.train_rows
        assert len(train) == draft.train_rows * HISTORY_DAYS


def test_a_series_is_graded_or_shown_as_a_whole(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        splits: dict[str, set[str]] = defaultdict(set)
        for row in rows(draft.answers):
            splits[row[site(draft)]].add(row["split"])
        assert all(len(split) == 1 for split in splits.values())
        assert {"public", "private"} == set().union(*splits.values())


def test_events_of_the_test_days_are_known_and_matter(drafts: list[TaskDraft]) -> None:
    draft = drafts[0]
    event = list(rows(draft.public["test.csv"])[0])[-1]
    happens = {row["id"]: row[event] == "1" for row in rows(draft.public["test.csv"])}
    logs = {row["id"]: np.log1p(float(row[target(draft)])) for row in rows(draft.answers)}
    means = [np.mean([logs[i] for i in logs if happens[i] is told]) for told in (False, True)]
    assert 0.2 < np.mean(list(happens.values())) < 0.4
    assert abs(means[1] - means[0]) > 0.25


def test_failed_records_are_zeros_of_the_history_alone(drafts: list[TaskDraft]) -> None:
    shares = [np.mean(np.stack(list(history(draft).values())) == 0) for draft in drafts]
    assert shares[0] == 0
    assert min(shares[1:]) > 0.02
    for draft in drafts:
        assert all(float(row[target(draft)]) > 0 for row in rows(draft.answers))


def test_an_old_unit_comes_with_the_highest_level_and_ends_before_the_test(
    drafts: list[TaskDraft],
) -> None:
    jumps = []
    for draft in drafts:
        steps = []
        for counts in history(draft).values():
            logs = np.log(np.where(counts > 0, counts, np.nan))
            steps.append(np.nanmedian(logs[:7]) - np.nanmedian(logs[-7:]))
        jumps.append(np.mean(np.array(steps) > 1.3))
    assert max(jumps[:2]) < 0.05
    assert 0.15 < jumps[2] < 0.5
    assert max(float(row[target(drafts[2])]) for row in rows(drafts[2].answers)) < 20_000


def test_expert_beats_standard_and_the_rule_beats_expert(
    drafts: list[TaskDraft], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = drafts[2]
    standard, expert = (run(draft, name, tmp_path, monkeypatch) for name in ("standard", "expert"))
    assert draft.reference.submission is not None
    assert rmsle(draft, draft.reference.submission) < expert < 0.8 * standard


def test_absolute_errors_are_asked_for_where_the_dna_has_them() -> None:
    assert drawn(0, metric_family="mae").metric.name == "mae"
    assert drawn(0).metric.name == "rmsle"
