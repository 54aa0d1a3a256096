"""What is particular to `text/author`: topics that mislead, quotations, endings, exact chances."""

from __future__ import annotations

import csv
import io
import math

import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.core.draft import TaskDraft
from sandmle.testing.check_family import fitting_dna


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    family = FAMILIES.get("text/author-v1")
    return [family.draft(fitting_dna(family), 4_711, difficulty=level) for level in range(3)]


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode())))[1:]


def topic(draft: TaskDraft, text: str) -> int:
    hits = [sum(text.count(word) for word in words) for words in draft.rule["topics"]]
    return hits.index(max(hits))


def on_own_topic(draft: TaskDraft, texts: list[str], labels: list[list[str]]) -> float:
    own = [topic(draft, text) == hot.index("1") for text, hot in zip(texts, labels, strict=True)]
    return sum(own) / len(own)


def test_the_topic_tells_the_author_in_training_only(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        count = len(draft.rule["authors"])
        train = rows(draft.public["train.csv"])
        texts = [row[1] for row in rows(draft.public["test.csv"])]
        truth = [row[1:-1] for row in rows(draft.answers)]
        assert on_own_topic(draft, [r[1] for r in train], [r[2:] for r in train]) > 0.75
        assert abs(on_own_topic(draft, texts, truth) - 1 / count) < 0.08


def test_quotations_come_with_the_second_level(drafts: list[TaskDraft]) -> None:
    for draft, wanted in zip(drafts, (0.0, 0.6, 0.6), strict=True):
        texts = [row[1] for row in rows(draft.public["test.csv"])]
        assert abs(sum("«" in text for text in texts) / len(texts) - wanted) < 0.06


def test_little_words_become_endings_at_the_third_level(drafts: list[TaskDraft]) -> None:
    for draft, wanted in zip(drafts, (False, False, True), strict=True):
        words = {word for row in rows(draft.public["test.csv"]) for word in row[1].split()}
        assert any(len(word.strip("«»")) == 9 for word in words) == wanted


def test_the_chances_of_the_reference_are_calibrated(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        truth = [[float(cell) for cell in row[1:-1]] for row in rows(draft.answers)]
        chances = [
            [float(cell) for cell in row[1:]] for row in rows(draft.reference.submission or b"")
        ]
        pairs = [
            (p, y)
            for ps, ys in zip(chances, truth, strict=True)
            for p, y in zip(ps, ys, strict=True)
        ]
        for low, high in ((0.0, 0.2), (0.2, 0.6), (0.6, 1.01)):
            inside = [(p, y) for p, y in pairs if low <= p < high]
            gap = sum(p - y for p, y in inside) / len(inside)
            assert abs(gap) < 4 * math.sqrt(0.25 / len(inside))
