"""What is particular to `image/denoise`: damage by level, the lines that are asked, their order."""

from __future__ import annotations

import csv
import io
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.image_denoise import (
    ASKED,
    PLACES,
    SIDE,
    DenoiseRule,
    ImageDenoise,
    _draw,
)
from sandmle.core.draft import TaskDraft
from sandmle.core.seeding import Streams
from sandmle.seeds import get_seed

QUIET = {"noise": 0.0, "stain": 0.0, "salt": 0.0, "scratches": 0, "banding": 0.0}


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    dna = get_seed("vesuvius-challenge-ink-detection").dna()
    family = FAMILIES.get(ImageDenoise.name)
    return [family.draft(dna, 4711, difficulty=level) for level in range(3)]


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def pixels(draft: TaskDraft, name: str) -> NDArray[np.float64]:
    return np.asarray(np.load(io.BytesIO(draft.public[name])), dtype=np.float64)


def shown(draft: TaskDraft, **changed: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw damaged and clean pictures that have only the damage named."""
    rule = DenoiseRule.model_validate(draft.rule).model_copy(update={**QUIET, **changed})
    drawn = _draw(rule, Streams(5), 40)
    return drawn.seen.astype(float), drawn.clean.astype(float)


def test_without_other_damage_a_grey_level_has_one_clean_level(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        seen, clean = shown(draft)
        order = np.argsort(clean, axis=None, kind="stable")
        assert (np.diff(seen.ravel()[order]) >= 0).all()
        assert np.ptp(seen) < 0.9 * np.ptp(clean)


def test_stains_give_the_same_grey_level_to_ink_and_to_paper(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        rule = DenoiseRule.model_validate(draft.rule)
        seen, clean = shown(draft, stain=rule.stain)
        paper = clean == clean.max()
        assert np.quantile(seen[paper], 0.02) < np.quantile(seen[~paper], 0.5)


def test_specks_come_at_level_one_and_banding_at_level_two(drafts: list[TaskDraft]) -> None:
    for level, draft in enumerate(drafts):
        seen = pixels(draft, "train_images.npy")
        black_or_white = np.mean((seen == 0) | (seen == 255))
        assert (black_or_white > 0.02) == (level >= 1)
        steps = np.median(np.diff(seen, axis=1), axis=2)
        assert (np.std(steps) > 10) == (level == 2)


def test_each_picture_is_asked_for_the_same_number_of_different_lines(
    drafts: list[TaskDraft],
) -> None:
    for draft in drafts:
        unit = draft.submission.group_column
        assert unit is not None
        asked = [(int(row[unit]), int(row["line"])) for row in rows(draft.public["test.csv"])]
        assert len(set(asked)) == len(asked)
        pictures, counts = np.unique([picture for picture, _ in asked], return_counts=True)
        assert pictures.tolist() == list(range(len(pixels(draft, "test_images.npy"))))
        assert set(counts) == {ASKED}
        assert {line for _, line in asked} == set(range(SIDE))


def test_neither_rows_nor_ids_are_in_the_order_of_the_pictures(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        unit = draft.submission.group_column
        test = rows(draft.public["test.csv"])
        by_id = sorted(test, key=lambda row: row[draft.submission.id_column])
        for order in (test, by_id):
            places = [int(row[str(unit)]) for row in order]
            same = np.mean([a == b for a, b in pairwise(places)])
            assert same < 0.05


def test_answers_are_the_clean_lines_behind_the_pictures(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        unit = str(draft.submission.group_column)
        images = pixels(draft, "test_images.npy")
        pairs = []
        for row, answer in zip(rows(draft.public["test.csv"]), rows(draft.answers), strict=True):
            seen = images[int(row[unit]), int(row["line"])]
            pairs.append((seen, [float(answer[name]) for name in PLACES]))
        seen, clean = (np.array(part) for part in zip(*pairs, strict=True))
        # ink is dark in both, whatever lies over it
        assert np.corrcoef(seen.ravel(), clean.ravel())[0, 1] > 0.4
        assert np.corrcoef(seen.ravel(), clean[::-1].ravel())[0, 1] < 0.2
