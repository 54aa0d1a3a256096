"""What is particular to `text/span`: void passages, several cues, and passages that come twice."""

from __future__ import annotations

import csv
import io

import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.core.draft import TaskDraft
from sandmle.testing.check_family import fitting_dna


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    family = FAMILIES.get("text/span-v1")
    return [family.draft(fitting_dna(family), 4_711, difficulty=level) for level in range(3)]


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode())))[1:]


def passages(draft: TaskDraft, text: str, label: str, *, void: bool) -> list[str]:
    """All passages of a label, with or without those that are void."""
    rule, words = draft.rule, text.split()
    number = rule["labels"].index(label)
    found = []
    for start, word in enumerate(words):
        if word in rule["opens"][number] and (void or words[start - 1] != rule["void"]):
            ends = [j for j in range(start, len(words)) if words[j] in rule["closes"][number]]
            found.append(" ".join(words[start + 1 : ends[0]]))
    return found


def test_the_last_valid_passage_of_the_label_is_the_answer(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        for _, text, label, answer in rows(draft.public["train.csv"]):
            assert passages(draft, text, label, void=False)[-1] == answer


def test_void_passages_come_with_the_second_level(drafts: list[TaskDraft]) -> None:
    shares = []
    for draft in drafts:
        train = rows(draft.public["train.csv"])
        trapped = [passages(draft, t, c, void=True)[0] != a for _, t, c, a in train]
        shares.append(sum(trapped) / len(trapped))
    assert shares[0] == 0.0
    assert 0.1 < shares[1] < 0.4
    assert shares[2] > shares[1]


def test_labels_have_several_cues_at_the_third_level_only(drafts: list[TaskDraft]) -> None:
    counts = [len(draft.rule["opens"][0]) for draft in drafts]
    assert counts == [1, 1, 2]


def test_every_answer_is_part_of_its_text(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        truth = {row[0]: row[1] for row in rows(draft.answers)}
        for key, text, _ in rows(draft.public["test.csv"]):
            assert truth[key]
            assert f" {truth[key]} " in f" {text} "
