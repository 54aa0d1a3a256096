"""What is particular to `multimodal/triage`: conflicts, what is missing, and no source suffices."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.multimodal_triage import (
    MultimodalTriage,
    TriageRule,
    TriageScene,
    _traces,
)
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.core.draft import TaskDraft
from sandmle.core.seeding import Streams
from sandmle.seeds import get_seed


def drawn(level: int, seed: int = 4) -> TaskDraft:
    dna = get_seed("nfl-player-contact-detection").dna()
    return FAMILIES.get(MultimodalTriage.name).draft(dna, seed, difficulty=level)


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    return [drawn(level) for level in range(3)]


def table_of(draft: TaskDraft) -> tuple[TriageScene, pd.DataFrame]:
    scene = wardrobe_of("triage", TriageScene).get(draft.rule["skin"])
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"]))
    return scene, test.merge(pd.read_csv(io.BytesIO(draft.answers)), on=scene.id_column)


def blame(scene: TriageScene, note: str) -> int:
    """Bad words that are affirmed and good ones that are denied, less the others."""
    total = 0
    for sentence in note.replace(",", "").split("."):
        sign = 1
        for word in sentence.split():
            if word in ("not", "but"):
                sign = -1 if word == "not" else 1
            total += sign * ((word in scene.bad) - (word in scene.good))
    return total


def speed(traces: NDArray[np.int8]) -> NDArray[np.float64]:
    """Share of the power in the faster half of the waves' frequencies, shape (n,)."""
    power = np.abs(np.fft.rfft(traces.astype(np.float64))) ** 2
    return np.asarray(power[:, 12:18].sum(axis=1) / power[:, 5:18].sum(axis=1))


def test_a_note_that_blames_never_meets_the_calm_answer_unless_the_trace_is_missing(
    drafts: list[TaskDraft],
) -> None:
    for draft in drafts:
        scene, table = table_of(draft)
        written = table[table[scene.note].notna()]
        blames = written[scene.note].map(lambda note, scene=scene: blame(scene, note)) > 0
        calm, alarmed = (written[scene.target] == answer for answer in scene.outcomes[:2])
        assert not (blames & calm).any()
        assert not (~blames & alarmed).any()


def test_the_four_answers_are_about_equally_frequent(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        scene, table = table_of(draft)
        shares = table[scene.target].value_counts(normalize=True)
        assert set(shares.index) == set(scene.outcomes)
        assert shares.min() > 0.17
        assert shares.max() < 0.33


def test_notes_are_missing_at_every_level_and_traces_from_level_1(drafts: list[TaskDraft]) -> None:
    for level, draft in enumerate(drafts):
        scene, table = table_of(draft)
        traces = np.load(io.BytesIO(draft.public["test_traces.npy"]))
        flat = traces.std(axis=1) < 2
        assert 0.06 < table[scene.note].isna().mean() < 0.14
        assert (flat.mean() > 0.05) == (level > 0)
        assert not (table[scene.note].isna().to_numpy() & flat).any()
        assert not set(table.loc[flat, scene.target]) & set(scene.outcomes[2:])


def test_calm_and_alarmed_traces_differ_in_speed_and_not_in_power() -> None:
    rule = TriageRule.model_validate(drawn(0).rule)
    alarmed = np.arange(2_000) % 2 == 0
    traces = _traces(rule, Streams(8), alarmed, silent=np.zeros(2_000, dtype=bool))
    power = traces.astype(np.float64).std(axis=1)
    assert power[alarmed].mean() == pytest.approx(power[~alarmed].mean(), rel=0.03)
    gap = speed(traces)[alarmed].mean() - speed(traces)[~alarmed].mean()
    assert abs(gap) > 0.15
    assert np.sign(gap) == np.sign(rule.cycles[1] - rule.cycles[0])
