"""Division of rows: classes keep their shares, equal and near rows never straddle."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sandmle.authors.table.near import near_training
from sandmle.authors.table.split import allocate, distinct_rows, split


@given(
    st.lists(st.integers(10, 400), min_size=1, max_size=12),
    st.integers(50, 200),
    st.integers(0, 99),
)
def test_parts_are_disjoint_and_every_class_is_in_every_part(
    counts: list[int], train_rows: int, seed: int
) -> None:
    classes = np.repeat(np.arange(len(counts)), counts)
    total = len(classes)
    train_rows = min(train_rows, total // 2)
    parts = split(classes, np.random.default_rng(seed), train_rows=train_rows, test_rows=300)
    if train_rows >= 2 * len(counts):
        assert len(parts.train) == train_rows
    assert not set(parts.train) & set(parts.test)
    assert len(set(parts.test)) == len(parts.test) <= 300
    for rows in (parts.train, parts.test[parts.public], parts.test[~parts.public]):
        assert set(classes[rows]) == set(range(len(counts)))


def test_about_three_tenths_of_the_test_rows_are_public() -> None:
    parts = split(
        np.zeros(1_000, dtype=int), np.random.default_rng(0), train_rows=150, test_rows=600
    )
    assert len(parts.test) == 600
    assert parts.public.sum() == 180


def test_the_order_of_training_rows_does_not_tell_the_class() -> None:
    classes = np.repeat([0, 1], 300)
    order = classes[split(classes, np.random.default_rng(1), train_rows=150, test_rows=300).train]
    changes = int((order[1:] != order[:-1]).sum())
    assert 50 < changes < 100


@given(st.lists(st.integers(1, 500), min_size=1, max_size=30), st.integers(1, 600))
def test_shares_add_up_and_follow_the_counts(counts: list[int], total: int) -> None:
    given_rows = allocate(np.array(counts), total)
    assert (given_rows <= counts).all()
    assert (given_rows >= 1).all()
    low = sum(1 if count < 5 else 2 for count in counts)
    if low <= total <= sum(max(count - 1, 1) for count in counts):
        assert given_rows.sum() == total
    order = np.argsort(counts)
    assert (np.diff(given_rows[order]) >= -1).all()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), max_size=30))
def test_one_of_each_set_of_equal_rows_stays(rows: list[tuple[str, str]]) -> None:
    kept = distinct_rows(rows, np.random.default_rng(0))
    assert {rows[i] for i in kept} == set(rows)
    assert len(kept) == len(set(rows))


def test_which_of_two_equal_rows_stays_is_left_to_chance() -> None:
    kept = {int(distinct_rows([("a",), ("a",)], np.random.default_rng(s))[0]) for s in range(20)}
    assert kept == {0, 1}


def test_a_row_that_hardly_differs_from_a_training_row_is_near() -> None:
    numbers = np.random.default_rng(0).normal(size=300)
    words = np.array(["a", "b"] * 150, dtype=object)
    table = {
        "x": np.append(numbers, [numbers[0] + 1e-9, numbers[0]]),
        "w": np.append(words, ["a", "c"]),
    }
    train, test = np.arange(100), np.arange(300, 302)
    assert near_training(table, train, test).tolist() == [True, False]


def test_prose_is_compared_and_names_are_not() -> None:
    rows = np.arange(200)
    prose = np.array([f"this is review number {i}" for i in rows], dtype=object)
    names = np.array([f"name-{i}" for i in rows], dtype=object)
    stars = (rows % 5).astype(float)
    assert not near_training({"s": stars, "t": prose}, rows[:100], rows[100:]).any()
    assert near_training({"s": stars, "n": names}, rows[:100], rows[100:]).all()
    assert not near_training({"n": names}, rows[:100], rows[100:]).any()
