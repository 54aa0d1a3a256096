"""DNA read off a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sandmle.core.errors import UsageError
from sandmle.seeds.from_table import metric_family, table_dna, target_type


def words(*values: str | None) -> NDArray[Any]:
    return np.array(values, dtype=object)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(100.0), "regression"),
        (np.linspace(0, 1, 5), "regression"),
        (np.array([0.0, 1.0] * 50), "binary_classification"),
        (np.array([1.5, 2.5] * 50), "binary_classification"),
        (np.arange(100.0) % 10, "multiclass_classification"),
        (np.arange(110.0) % 11, "regression"),
        (words(*"ab" * 50), "binary_classification"),
        (words(*"abc" * 50), "multiclass_classification"),
    ],
)
def test_the_kind_of_task_follows_from_the_values(values: NDArray[Any], kind: str) -> None:
    assert target_type(values, name="y") == kind


@pytest.mark.parametrize("values", [np.ones(100), words(*"a" * 100)])
def test_a_constant_target_is_refused(values: NDArray[Any]) -> None:
    with pytest.raises(UsageError, match="target 'y' holds only"):
        target_type(values, name="y")


def test_fifty_texts_are_classes_and_fifty_one_are_refused() -> None:
    fifty = words(*(str(i) for i in range(50)))
    assert target_type(fifty, name="y") == "multiclass_classification"
    with pytest.raises(UsageError, match="51 different texts; at most 50"):
        target_type(words(*fifty, "one more"), name="y")


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40))
def test_numbers_are_never_refused_unless_all_are_equal(values: list[float]) -> None:
    array = np.array(values)
    if len(np.unique(array)) == 1:
        with pytest.raises(UsageError, match="choose a column that varies"):
            target_type(array, name="y")
    else:
        assert target_type(array, name="y").endswith(("regression", "classification"))


def test_metrics_follow_from_the_values() -> None:
    tail = np.array([1.0] * 95 + [1_000.0] * 5)
    assert metric_family(tail, "regression") == "rmsle"
    assert metric_family(-tail, "regression") == "rmse"
    assert metric_family(np.arange(100.0), "regression") == "rmse"
    assert metric_family(words(*"ab"), "binary_classification") == "auc"
    assert metric_family(words(*"abc" * 9), "multiclass_classification") == "accuracy"
    assert metric_family(words(*"aaaaabc" * 9), "multiclass_classification") == "f1"


def test_missing_values_do_not_count() -> None:
    dna = table_dna({"x": [1, 2, 3, 4], "y": ["a", None, "b", float("nan")]}, "y")
    assert (dna.task_type, dna.n_classes, dna.n_train) == ("binary_classification", 2, 2)
    assert dna.seed_id is None


def test_a_data_frame_and_a_dictionary_give_the_same_dna() -> None:
    import pandas as pd

    table = {"x": [1.0, 2.0, 3.0, 4.0], "y": [0.5, 1.5, 2.5, 8.0]}
    assert table_dna(table, "y") == table_dna(pd.DataFrame(table), "y")  # type: ignore[arg-type]  # a frame maps names to columns too


def test_the_kind_of_task_can_be_given() -> None:
    dna = table_dna({"y": np.arange(60.0) % 6}, "y", task_type="regression")
    assert (dna.task_type, dna.metric_family, dna.n_classes) == ("regression", "rmse", None)


def test_a_missing_target_is_answered_with_the_nearest_column() -> None:
    with pytest.raises(UsageError, match=r"no column 'pricee'\. Did you mean 'price'"):
        table_dna({"price": [1], "rooms": [2]}, "pricee")
