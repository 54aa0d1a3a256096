"""Facts of image/pose-v1: angles are what they are called, and nuisances grow with the level."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.image_pose import PoseRule
from sandmle.core.seeding import Streams
from sandmle.grading import AnswerKey
from sandmle.metrics import get_metric
from sandmle.seeds import get_seed
from sandmle.seeds.dna import TaskDNA

ANGLES = get_seed("icecube-neutrinos-in-deep-ice").dna()
TILTS = TaskDNA.model_validate({**ANGLES.model_dump(), "metric_family": "mae"})


def drawn(level, seed=4, dna=ANGLES):
    draft = FAMILIES.get("image/pose-v1").draft(dna, seed, difficulty=level)
    rule = PoseRule.model_validate(draft.rule)
    train = pd.read_csv(io.BytesIO(draft.public["train.csv"]))
    if rule.container == "npy":
        pictures = np.load(io.BytesIO(draft.public["train_images.npy"]))
    else:
        files = [draft.public[f"images/{name}.png"] for name in train.iloc[:, 0]]
        pictures = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])
    return draft, rule, pictures.astype(float), train.iloc[:, 1].to_numpy()


def axis_of(pictures):
    """Direction of the longest extent of what stands out, in radians from x to y."""
    flat = pictures - gaussian_filter(pictures, (0, 6, 6))
    weight = np.maximum(flat - 25, 0)
    axis = np.arange(flat.shape[1]) - (flat.shape[1] - 1) / 2
    weight = weight / weight.sum((1, 2), keepdims=True)
    x, y = axis[None, None, :], axis[None, :, None]
    x = x - (weight * x).sum((1, 2))[:, None, None]
    y = y - (weight * y).sum((1, 2))[:, None, None]
    moments = [(weight * product).sum((1, 2)) for product in (x * x, y * y, x * y)]
    return 0.5 * np.arctan2(2 * moments[2], moments[0] - moments[1])


def test_the_objects_axis_follows_the_answer_in_the_sense_that_the_page_gives():
    together = {1: [], -1: []}
    for seed in (4, 5, 6, 7):
        draft, rule, pictures, angle = drawn(0, seed)
        sense = "clockwise" if rule.clockwise else "counter-clockwise"
        assert f"growing {sense}" in draft.description
        for told in (1, -1):
            turned = told * np.radians(angle if rule.clockwise else -angle)
            together[told].append(np.abs(np.mean(np.exp(2j * (axis_of(pictures) - turned)))))
    assert np.mean(together[1]) > max(0.35, 2 * np.mean(together[-1]))


def test_tilts_stay_within_their_range_and_are_scored_by_mae():
    draft, rule, _, angle = drawn(1, dna=TILTS)
    assert rule.tilted
    assert draft.metric.name == "mae"
    assert np.abs(angle).max() <= 60


@pytest.mark.parametrize("period", [180, 360])
def test_the_metric_has_the_objects_period_and_the_oracle_is_perfect(period):
    seed = next(seed for seed in range(60) if drawn_rule(seed).period == period)
    draft, _, _, angle = drawn(0, seed)
    assert draft.metric.params == {"period": float(period)}
    assert 0 <= angle.min() <= angle.max() <= period
    key = AnswerKey.parse(draft.answers, draft.submission)
    assert get_metric(draft.metric)(key.values, key.values) == 0


def drawn_rule(seed):
    family = FAMILIES.get("image/pose-v1")
    design = family.design(ANGLES, Streams(seed).child("design"), difficulty=0)
    return PoseRule.model_validate(design.rule)


def test_at_level_2_half_of_the_objects_are_negatives():
    assert drawn(1)[1].negative_share == 0
    _, rule, pictures, _ = drawn(2)
    assert rule.negative_share == 0.5
    flat = pictures - np.median(pictures, axis=(1, 2), keepdims=True)
    skewed = (flat**3).mean((1, 2)) > 0
    assert 0.3 < skewed.mean() < 0.7
