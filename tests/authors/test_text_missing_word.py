"""What is particular to `text/missing_word`: one word is gone, and agreement tells which."""

from __future__ import annotations

import csv
import io

import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.core.draft import TaskDraft
from sandmle.testing.check_family import fitting_dna


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    family = FAMILIES.get("text/missing_word-v1")
    return [family.draft(fitting_dna(family), 4_711, difficulty=level) for level in range(3)]


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode())))[1:]


def test_every_sentence_lost_exactly_one_little_word(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        rule = draft.rule
        tables = [*rule["articles"], *rule["auxiliaries"], rule["markers"]]
        little = {word for table in tables for word in table}
        for _, part, whole in rows(draft.public["train.csv"]):
            kept, words = part.split(), whole.split()
            cut = [i for i in range(len(words)) if [*words[:i], *words[i + 1 :]] == kept]
            assert len(cut) == 1
            assert words[cut[0]] in little


def test_articles_and_auxiliaries_agree_with_the_subject(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        rule = draft.rule
        for row in rows(draft.answers):
            words = row[1].split()
            if rule["object_first"]:
                words = words[next(i for i, w in enumerate(words) if w in rule["markers"]) + 3 :]
            nouns = [
                (kind, int(bool(rule["plural"]) and len(word) > 5))
                for word in words
                for kind, stems in enumerate(rule["nouns"])
                if word[:5] in stems
            ]
            helping = next(w for w in words if any(w in table for table in rule["auxiliaries"]))
            kind, number = nouns[0] if not rule["object_first"] else nouns[-1]
            assert rule["auxiliaries"][kind][number] == helping


def test_numbers_come_with_the_second_level(drafts: list[TaskDraft]) -> None:
    assert [len(draft.rule["articles"][0]) for draft in drafts] == [1, 2, 2]
    assert [bool(draft.rule["plural"]) for draft in drafts] == [False, True, True]


def test_more_words_come_between_at_the_third_level(drafts: list[TaskDraft]) -> None:
    sizes = [
        sum(len(row[1].split()) for row in rows(draft.answers)) / len(rows(draft.answers))
        for draft in drafts
    ]
    assert abs(sizes[0] - sizes[1]) < 0.2
    assert sizes[2] > sizes[1] + 0.6
