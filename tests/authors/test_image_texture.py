"""What is particular to `image/texture`: the shortcut, the interaction, equal sizes, who wins."""

from __future__ import annotations

import csv
import io
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.toolkit.png import png_bytes
from sandmle.authors.toolkit.textures import gratings
from sandmle.core.draft import TaskDraft
from sandmle.core.seeding import Streams
from sandmle.seeds.dna import TaskDNA


def drawn(
    difficulty: int, *, modality: str = "image", seed: int = 815, container: str = "npy"
) -> TaskDraft:
    """Return the first draft from a seed on that stores its pictures so."""
    dna = TaskDNA(
        modality=modality,
        task_type="multiclass_classification",
        metric="accuracy",
        metric_family="accuracy",
        higher_is_better=True,
        n_classes=4,
    )
    family = FAMILIES.get("image/texture-v2")
    while True:
        design = family.design(dna, Streams(seed).child("design"), difficulty=difficulty)
        if design.rule["container"] == container:
            return family.draft(dna, seed, difficulty=difficulty)
        seed += 1


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    return [drawn(level) for level in range(3)]


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode())))[1:]


def brightness_effect(draft: TaskDraft, side: str, table: list[list[str]]) -> float:
    """Share of the variance of mean brightness that lies between labels."""
    pixels = np.load(io.BytesIO(draft.public[f"{side}_images.npy"]))
    means = pixels.astype(np.float64).mean((1, 2))
    labels = np.array([row[1] for row in table])
    within = sum(((means[labels == k] - means[labels == k].mean()) ** 2).sum() for k in set(labels))
    return 1 - float(within) / float(((means - means.mean()) ** 2).sum())


def run(draft: TaskDraft, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> float:
    for path, data in draft.public.items():
        (folder / "input" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "input" / path).write_bytes(data)
    (folder / "script.py").write_text(next(r.script for r in draft.ladder if r.name == name))
    monkeypatch.chdir(folder)
    runpy.run_path("script.py")
    truth = {row[0]: row[1] for row in rows(draft.answers)}
    guesses = rows((folder / "submission.csv").read_bytes())
    return sum(truth[key] == label for key, label in guesses) / len(truth)


def test_brightness_goes_with_the_label_in_train_and_not_in_test(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        assert brightness_effect(draft, "train", rows(draft.public["train.csv"])) > 0.6
        assert brightness_effect(draft, "test", rows(draft.answers)) < 0.05


def test_png_files_are_of_one_size_and_listed_by_name() -> None:
    draft = drawn(1, container="png")
    images = {p: len(data) for p, data in draft.public.items() if p.startswith("images/")}
    assert len(images) == draft.train_rows + draft.submission.rows
    assert len(set(images.values())) == 1
    assert list(images) == sorted(images)


def test_neither_direction_nor_spacing_tells_the_label_alone(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        table = np.array(draft.rule["label_of_direction_and_spacing"])
        assert all(len(set(row)) == table.shape[1] for row in table)
        for column in table.T:
            assert len(set(column)) == len(draft.rule["labels"])


def test_a_shortcut_feature_costs_a_forest_what_it_had(
    drafts: list[TaskDraft], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = [run(drafts[0], name, tmp_path, monkeypatch) for name in ("forest", "standard")]
    assert scores[0] + 0.1 < scores[1]


def test_expert_beats_spectral_on_the_highest_level(
    drafts: list[TaskDraft], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = [run(drafts[2], name, tmp_path, monkeypatch) for name in ("spectral", "expert")]
    assert scores[0] + 0.1 < scores[1]


def test_audio_becomes_pictures_of_sound() -> None:
    for seed in range(4):
        assert drawn(0, modality="audio", seed=seed).submission.targets[0].name == "caller"


@given(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=40)),
)
def test_a_png_gives_its_pixels_back(image: NDArray[np.uint8]) -> None:
    with Image.open(io.BytesIO(png_bytes(image))) as opened:
        np.testing.assert_array_equal(np.asarray(opened), image)


@given(st.integers(0, 2**32))
def test_the_size_of_a_png_depends_on_its_shape_alone(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (32, 32)).astype(np.uint8)
    assert len(png_bytes(noise)) == len(png_bytes(np.zeros((32, 32), np.uint8)))


def test_a_png_of_floats_is_refused() -> None:
    with pytest.raises(ValueError, match="float64"):
        png_bytes(np.zeros((4, 4)))  # type: ignore[arg-type]  # the point of the test


@given(
    angle=st.floats(0, np.pi),
    cycles=st.floats(1, 12),
    phase=st.floats(-np.pi, np.pi),
)
def test_a_grating_turned_by_half_a_turn_runs_backwards(
    angle: float, cycles: float, phase: float
) -> None:
    one = gratings(32, angles=[angle], cycles=[cycles], phases=[phase])
    other = gratings(32, angles=[angle + np.pi], cycles=[cycles], phases=[np.pi - phase])
    assert np.abs(one).max() <= 1.0
    np.testing.assert_allclose(one, other, atol=1e-9)
