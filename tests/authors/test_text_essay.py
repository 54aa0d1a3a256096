"""What is particular to `text/essay`: padding in training, and parts of the rubric by level."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.core.draft import TaskDraft
from sandmle.testing.check_family import fitting_dna


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    family = FAMILIES.get("text/essay-v1")
    return [family.draft(fitting_dna(family), 4_711, difficulty=level) for level in range(3)]


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode())))[1:]


def graded(draft: TaskDraft) -> list[tuple[str, float]]:
    """Texts of the hidden test with their grades."""
    truth = {row[0]: float(row[1]) for row in rows(draft.answers)}
    return [(text, truth[key]) for key, _, text in rows(draft.public["test.csv"])]


def correlation(pairs: list[tuple[float, float]]) -> float:
    return float(np.corrcoef(np.array(pairs).T)[0, 1])


def test_length_goes_with_the_grade_in_training_only(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        train = [(float(len(t)), float(g)) for _, _, t, g in rows(draft.public["train.csv"])]
        test = [(float(len(text)), grade) for text, grade in graded(draft)]
        assert correlation(train) > 0.6
        assert abs(correlation(test)) < 0.15


def test_connectives_raise_grades(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        links = set(draft.rule["connectives"])
        found = [
            (float(len(links & set(text.replace(".", "").split()))), grade)
            for text, grade in graded(draft)
        ]
        assert correlation(found) > 0.3


def test_spelling_counts_from_the_second_level_on(drafts: list[TaskDraft]) -> None:
    found = []
    for draft in drafts:
        words = {row[0] for row in rows(draft.public["lexicon.csv"])}
        slips = [
            (float(len(set(text.replace(".", "").split()) - words)), grade)
            for text, grade in graded(draft)
        ]
        found.append(correlation(slips))
    assert abs(found[0]) < 0.12
    assert max(found[1:]) < -0.3


def test_the_reference_differs_from_the_truth_by_the_graders_noise(
    drafts: list[TaskDraft],
) -> None:
    for draft in drafts:
        truth = {row[0]: int(row[1]) for row in rows(draft.answers)}
        gaps = [truth[k] - int(g) for k, g in rows(draft.reference.submission or b"")]
        assert 0.02 < np.mean(np.abs(gaps)) < 0.5
