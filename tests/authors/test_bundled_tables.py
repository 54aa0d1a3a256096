"""Tables that every installation has, asked in many ways."""

from __future__ import annotations

from itertools import islice

from sandmle.authors.table.bundled import bundled_tables
from sandmle.seeds.from_table import table_dna


def test_the_same_seed_gives_the_same_tables() -> None:
    first, again = (list(islice(bundled_tables(seed=3), 5)) for _ in range(2))
    for (name, frame, target), (name_again, frame_again, target_again) in zip(
        first, again, strict=True
    ):
        assert (name, target) == (name_again, target_again)
        assert frame.equals(frame_again)


def test_they_ask_many_questions() -> None:
    tables = list(islice(bundled_tables(seed=4), 60))
    kinds = [table_dna({target: frame[target]}, target).task_type for _, frame, target in tables]
    assert {"regression", "binary_classification", "multiclass_classification"} <= {*kinds}
    assert all(kinds.count(kind) >= 6 for kind in {*kinds})
    assert len({target for _, _, target in tables}) > 15
    assert any(frame.isna().any().any() for _, frame, _ in tables)
    words = [
        frame.drop(columns=target).select_dtypes(exclude="number") for _, frame, target in tables
    ]
    assert any(len(part.columns) for part in words)


def test_every_table_has_its_own_name() -> None:
    names = [name for name, _, _ in islice(bundled_tables(seed=5), 30)]
    assert len({*names}) == 30
