"""What is particular to `text/normalise`: what the language leaves open, and who finds out."""

from __future__ import annotations

import csv
import io

import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.text_normalise import NormaliseRule
from sandmle.core.draft import TaskDraft
from sandmle.testing.check_family import fitting_dna


def drawn(level: int) -> TaskDraft:
    family = FAMILIES.get("text/normalise-v1")
    return family.draft(fitting_dna(family), 4_711, difficulty=level)


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    return [drawn(level) for level in range(3)]


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode())))[1:]


def rule_of(draft: TaskDraft, **changes: object) -> NormaliseRule:
    return NormaliseRule.model_validate({**draft.rule, **changes})


def test_the_order_of_day_and_month_depends_on_the_mark_from_the_second_level_on(
    drafts: list[TaskDraft],
) -> None:
    orders = [set(draft.rule["day_first"].values()) for draft in drafts]
    assert [len(order) for order in orders] == [1, 2, 2]


def test_numbers_are_said_by_place(drafts: list[TaskDraft]) -> None:
    rule = rule_of(drafts[0], units_first=True, joiner="und")
    assert rule.number(7) == [rule.digits[7]]
    assert rule.number(40) == [rule.tens[3]]
    assert rule.number(47) == [rule.digits[7], "und", rule.tens[3]]
    assert rule.number(300) == [rule.digits[3], rule.hundred]


def test_endings_of_few_and_doubled_digits_come_with_the_third_level(
    drafts: list[TaskDraft],
) -> None:
    for draft, forms in zip(drafts, (2, 2, 3), strict=True):
        rule = rule_of(draft)
        assert len({rule.noun("talo", value) for value in (1, 3, 8)}) == forms
        assert len(rule.spelled("44")) == 2
        assert (rule.spelled("44")[0] != rule.digits[4]) == (forms == 3)


def test_some_training_lines_were_left_as_they_are_written(drafts: list[TaskDraft]) -> None:
    def unread(data: bytes) -> float:
        lines = rows(data)
        kept = [a == b for _, a, b in lines if not a.replace(" ", "").isalpha()]
        return sum(kept) / len(kept)

    shares = [unread(draft.public["train.csv"]) for draft in drafts]
    assert shares[0] == 0.0
    assert all(0.01 < share < 0.15 for share in shares[1:])


def test_the_reference_is_the_truth(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        truth = [row[:2] for row in rows(draft.answers)]
        assert rows(draft.reference.submission or b"") == truth
