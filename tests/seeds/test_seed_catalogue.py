"""The catalogue: 82 records, 60 of them seeds."""

from __future__ import annotations

import pytest

from sandmle.core.errors import UsageError
from sandmle.seeds import SeedRecord, TaskDNA, get_seed, load_catalogue, seed_ids

RECORDS = load_catalogue()


def test_there_are_82_records_of_which_60_are_seeds_and_22_are_held_out() -> None:
    assert len(RECORDS) == 82
    assert len(seed_ids()) == len(set(seed_ids())) == 60
    lite = [record.id for record in RECORDS.values() if record.is_lite]
    assert len(lite) == 22
    assert not set(lite) & set(seed_ids())


@pytest.mark.parametrize("record", RECORDS.values(), ids=list(RECORDS))
def test_every_record_has_sound_dna(record: SeedRecord) -> None:
    dna = record.dna()
    assert TaskDNA.model_validate_json(dna.model_dump_json()) == dna
    assert dna.seed_id == record.id
    assert dna.higher_is_better is not record.is_lower_better
    assert dna.n_targets >= 1
    assert dna.n_classes is None or dna.n_classes >= 2
    assert dna.submission_columns >= 2


@pytest.mark.parametrize("record", RECORDS.values(), ids=list(RECORDS))
def test_every_leaderboard_is_in_the_metric_s_order(record: SeedRecord) -> None:
    board = record.leaderboard
    sign = -1 if record.is_lower_better else 1
    bars = [
        board.worst,
        board.median_threshold,
        board.bronze_threshold,
        board.silver_threshold,
        board.gold_threshold,
        board.best,
    ]
    assert [sign * bar for bar in bars] == sorted(sign * bar for bar in bars)


@pytest.mark.parametrize("seed_id", seed_ids())
def test_every_seed_can_be_had(seed_id: str) -> None:
    assert get_seed(seed_id).id == seed_id


@pytest.mark.parametrize("record", [r for r in RECORDS.values() if r.is_lite], ids=lambda r: r.id)
def test_a_record_that_is_kept_for_evaluation_is_no_seed(record: SeedRecord) -> None:
    with pytest.raises(UsageError, match=f"no seed '{record.id}'"):
        get_seed(record.id)


def test_a_misspelt_seed_is_answered_with_the_nearest() -> None:
    right = seed_ids()[0]
    with pytest.raises(UsageError, match=f"Did you mean '{right}'"):
        get_seed(right[:-1])


def test_dna_holds_nothing_of_the_competition_s_story() -> None:
    fields = set(TaskDNA.model_fields)
    assert fields.isdisjoint({"title", "description", "notes", "target_columns"})
