"""The defect layer: what goes wrong between clean data and the files that an engineer gets.

A `Defect` names what is wrong and the skill that answers it; the functions do it to one column of a
table. A family's difficulty is how many defects it uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.toolkit.csvtext import rounded

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Defect:
    """Something that stands between the data and the hidden rule."""

    name: str
    """Lower-case words with underscores."""
    skill: str
    """What an engineer does about it, in the same form."""


MISSING_BY_VALUE = Defect("missing_by_value", skill="missing_indicators")
MISSING_AT_RANDOM = Defect("missing_at_random", skill="imputation")
SENTINEL_CODES = Defect("sentinel_codes", skill="sentinel_codes")
MIXED_UNITS = Defect("mixed_units", skill="unit_conversion")
SILENT_UNITS = Defect("silent_units", skill="unit_inference")
UNITS_IN_TEXT = Defect("units_in_text", skill="text_parsing")
DUPLICATES = Defect("duplicates", skill="deduplication")
TYPOS = Defect("typos", skill="label_cleaning")
OUTLIERS = Defect("outliers", skill="robust_estimation")
CLIPPED = Defect("clipped", skill="censored_values")
TRAIN_ONLY_LEAK = Defect("train_only_leak", skill="leak_detection")
LABEL_NOISE = Defect("label_noise", skill="noisy_labels")
SHIFTED_TEST = Defect("shifted_test", skill="shift_correction")
UNSEEN_GROUPS = Defect("unseen_groups", skill="group_validation")
GROUP_OFFSETS = Defect("group_offsets", skill="group_normalisation")
DRIFT = Defect("drift", skill="drift_removal")
IMBALANCE = Defect("imbalance", skill="threshold_tuning")
SHORTCUT = Defect("metadata_shortcut", skill="shortcut_avoidance")
CLUTTER = Defect("clutter", skill="distractor_rejection")
BACKGROUND = Defect("background", skill="background_removal")
NOISE = Defect("noise", skill="denoising")
OCCLUSION = Defect("occlusion", skill="occlusion_handling")
MANY_LABELS = Defect("many_labels", skill="categorical_encoding")


def missing_by_value(
    rng: np.random.Generator, latent: Floats, *, at: float, steepness: float = 3.0
) -> Mask:
    """Say which cells are missing *because of their own value* (MNAR): mostly those above `at`.

    Args:
        rng: One uniform number is drawn for each row.
        latent: The standard normal behind the column, shape (n,).
        at: Where half of the cells are missing; negative steepness makes low values vanish.
        steepness: How sharply missingness sets in.
    """
    chance = 1.0 / (1.0 + np.exp(-steepness * (latent - at)))
    return np.asarray(rng.random(len(latent)) < np.round(chance, 6))


def missing_at_random(rng: np.random.Generator, rows: int, *, share: float) -> Mask:
    """Say which cells are missing for no reason."""
    return np.asarray(rng.random(rows) < share)


def blanked(values: Floats, missing: Mask, *, code: float | None = None) -> Floats:
    """Empty the missing cells, or write a sentinel code such as -999 there."""
    return np.where(missing, np.nan if code is None else code, values)


def in_other_unit(values: Floats, other: Mask, *, factor: float, decimals: int) -> Floats:
    """Write the masked cells in another unit, with the same number of decimals."""
    return np.where(other, np.round(rounded(values * factor), decimals), values)


def with_unit(cells: Sequence[str | None], units: Sequence[str]) -> list[str | None]:
    """Write the unit into the cell, `12.5 kg`; an empty cell stays empty."""
    return [
        None if cell is None else f"{cell} {unit}" for cell, unit in zip(cells, units, strict=True)
    ]


def clipped(values: Floats, *, low: float, high: float) -> Floats:
    """Let a sensor saturate: values beyond its range read as the end of the range."""
    return np.clip(values, low, high)


def messy(rng: np.random.Generator, labels: Sequence[str], *, share: float) -> list[str]:
    """Spell a share of the labels another way: case, blanks, separators or two swapped letters."""
    hit = rng.random(len(labels)) < share
    how = rng.integers(0, 4, size=len(labels))
    where = rng.random(len(labels))
    return [
        _misspelt(label, int(kind), float(place)) if wrong else label
        for label, wrong, kind, place in zip(labels, hit, how, where, strict=True)
    ]


def _misspelt(label: str, kind: int, place: float) -> str:
    if kind == 0:
        return label.upper()
    if kind == 1:
        return label + " "
    if kind == 2:
        return label.replace(" ", "-") if " " in label else label.capitalize()
    if len(label) < 5:
        return label.upper()
    # the first two letters stay: people notice those
    start = 2 + int(place * (len(label) - 3))
    return label[:start] + label[start + 1] + label[start] + label[start + 2 :]
