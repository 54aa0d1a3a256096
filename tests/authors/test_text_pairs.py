"""What is particular to `text/pairs`: heads, chained synonyms, negation, and ratings with noise."""

from __future__ import annotations

import csv
import io

import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.core.draft import TaskDraft
from sandmle.testing.check_family import fitting_dna


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    family = FAMILIES.get("text/pairs-v1")
    return [family.draft(fitting_dna(family), 4_711, difficulty=level) for level in range(3)]


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode())))[1:]


def concepts(draft: TaskDraft, phrase: str) -> list[int]:
    """Numbers of the concepts of a phrase, its head first."""
    rule = draft.rule
    found = [
        number
        for word in phrase.split()
        for number, stems in enumerate(rule["concepts"])
        if any(word.startswith(stem) for stem in stems)
    ]
    return found[::-1] if rule["head_last"] else found


def likeness(draft: TaskDraft, one: str, other: str) -> float:
    rule = draft.rule
    a, b = concepts(draft, one), concepts(draft, other)
    common = len(set(a[1:]) & set(b[1:])) / (len(a) - 1)
    alike = rule["head_weight"] * (a[0] == b[0]) + (1 - rule["head_weight"]) * common
    odd = (rule["particles"][0] in one.split()) != (rule["particles"][0] in other.split())
    return float(alike * (rule["kept"] if odd else 1.0))


def test_ratings_follow_heads_shared_concepts_and_negation(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        train = rows(draft.public["train.csv"])
        gaps = [abs(likeness(draft, a, b) - float(rating)) for _, a, b, rating in train]
        assert sum(gaps) / len(gaps) < 0.08


def test_the_reference_is_the_likeness_without_noise(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        test = {key: likeness(draft, a, b) for key, a, b in rows(draft.public["test.csv"])}
        for key, value in rows(draft.reference.submission or b""):
            assert abs(float(value) - test[key]) < 1e-4


def test_the_glossary_names_only_neighbours_from_the_second_level_on(
    drafts: list[TaskDraft],
) -> None:
    sizes = [len(rows(draft.public["glossary.csv"])) for draft in drafts]
    assert sizes == [24 * 6, 24 * 3, 24 * 3]


def test_phrases_are_negated_at_the_third_level_only(drafts: list[TaskDraft]) -> None:
    for draft, wanted in zip(drafts, (0.0, 0.0, 0.4), strict=True):
        phrases = [row[1].split() for row in rows(draft.public["test.csv"])]
        share = sum(draft.rule["particles"][0] in words for words in phrases) / len(phrases)
        assert abs(share - wanted) < 0.06
