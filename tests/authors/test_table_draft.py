"""Drafts of real tables: what is asked, what is hidden, and what is refused."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandmle.authors.table import TableChoices, table_draft
from sandmle.core.draft import TaskDraft
from sandmle.core.errors import UsageError
from sandmle.grading import AnswerKey
from sandmle.metrics import get_metric

ROWS = 400
SEED = 9_182_736_455


def columns(rows: int = ROWS) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    x, z = rng.normal(size=rows), rng.integers(0, 4, rows)
    y = 3 * x + z + rng.normal(size=rows)
    return {
        "depth": rng.normal(size=rows).round(4),
        "weight": rng.normal(size=rows).round(4),
        "größe": [f"{value:.3f}" for value in x],
        "zone": [f"Z{code}" for code in z],
        "note": ["" if rng.random() < 0.2 else f"{rng.integers(0, 99)}" for _ in range(rows)],
        "price": [f"{value:.4f}" for value in y],
        "big": ["yes" if value > 2 else "no" for value in y],
        "grade": [str(int(np.clip(value // 2 + 2, 1, 5))) for value in y],
    }


def written(path: Path, table: Mapping[str, Any]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    return path


def around(y: Sequence[Any], **more: Any) -> dict[str, Any]:
    """A table of four columns of noise, what else is given, and the target `y`."""
    noise = np.random.default_rng(1).normal(size=(4, len(y))).round(4)
    return {**dict(zip("abcd", noise, strict=True)), **more, "y": y}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "harbour_sales.csv", columns())


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def only(path: Path, target: str, **more: Any) -> TaskDraft:
    drop = tuple(name for name in ("price", "big", "grade") if name != target)
    return table_draft(path, target=target, seed=SEED, choices=TableChoices(drop=drop), **more)


def test_every_row_goes_to_one_side_with_its_own_answer(path: Path) -> None:
    draft = only(path, "price")
    train, test = rows_of(draft.public["train.csv"]), rows_of(draft.public["test.csv"])
    answers = {row["id"]: row for row in rows_of(draft.answers)}
    assert len(train) == draft.train_rows == 150
    assert len(test) == len(answers) == draft.submission.rows == 250
    assert set(train[0]) == {*test[0], "price"}
    table = columns()
    truth = dict(
        zip(zip(table["depth"], table["weight"], strict=True), table["price"], strict=True)
    )

    def right(row: dict[str, str], price: str) -> bool:
        return abs(float(truth[float(row["depth"]), float(row["weight"])]) - float(price)) < 1e-4

    assert all(right(row, row["price"]) for row in train)
    assert all(right(row, answers[row["id"]]["price"]) for row in test)
    assert len({row["id"] for row in train + test}) == ROWS
    assert Counter(row["split"] for row in answers.values()) == {"public": 75, "private": 175}


def test_the_same_file_seed_and_choices_give_the_same_draft(path: Path) -> None:
    assert only(path, "price").content_hash() == only(path, "price").content_hash()
    assert only(path, "price").task_id() == only(path, "price").task_id()


def test_another_seed_hides_other_rows(path: Path) -> None:
    one = table_draft(path, target="price", seed=1)
    other = table_draft(path, target="price", seed=2)
    assert one.content_hash() != other.content_hash()
    assert one.answers != other.answers


def test_the_draft_does_not_depend_on_hash_seed_and_threads(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from sandmle.authors.table import table_draft\n"
        "print(table_draft(Path(sys.argv[1]), target='big', seed=7).content_hash())"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code, str(path)],
            env={
                "PYTHONHASHSEED": number,
                "OMP_NUM_THREADS": number,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number in ("1", "2")
    }
    assert hashes == {table_draft(path, target="big", seed=7).content_hash() + "\n"}


def test_nothing_public_names_the_file_or_the_seed(path: Path) -> None:
    draft = only(path, "price")
    public = b"".join(draft.public.values()).decode() + draft.provenance.model_dump_json()
    for secret in ("harbour", str(SEED), hex(SEED)[2:], str(path.parent)):
        assert secret not in public
    assert draft.recipe["file_name"] == "harbour_sales.csv"
    assert draft.recipe["seed"] == str(SEED)


@pytest.mark.parametrize(
    ("target", "metric", "task_type", "kinds"),
    [
        ("price", "rmse", "regression", {"number"}),
        ("big", "roc_auc", "binary_classification", {"number"}),
        ("grade", "f1_macro", "multiclass_classification", {"label"}),
        ("zone", "accuracy", "multiclass_classification", {"label"}),
    ],
)
def test_kind_and_metric_follow_from_the_target(
    path: Path, target: str, metric: str, task_type: str, kinds: set[str]
) -> None:
    draft = only(path, target)
    assert (draft.metric.name, draft.task_type) == (metric, task_type)
    assert {column.kind for column in draft.submission.targets} == kinds


@pytest.mark.parametrize(
    ("target", "metric"),
    [
        *(("price", name) for name in ("mae", "r2", "smape", "spearman", "pearson")),
        *(("big", name) for name in ("log_loss", "f1", "fbeta", "mcc", "accuracy", "error_rate")),
        *(("grade", name) for name in ("qwk", "log_loss", "roc_auc_macro", "f1_micro")),
    ],
)
def test_a_perfect_submission_scores_best(path: Path, target: str, metric: str) -> None:
    draft = only(path, target, metric=metric)
    key = AnswerKey.parse(draft.answers, draft.submission)
    scorer = get_metric(draft.metric)
    assert scorer(key.values, key.values) == pytest.approx(scorer.best, abs=1e-9)


@pytest.mark.parametrize(
    ("target", "metric", "message"),
    [
        ("price", "rmsee", "no metric 'rmsee'. Did you mean 'rmse'"),
        ("price", "accuracy", "'accuracy' does not fit a regression task; fitting: mae, mape"),
        ("big", "rmse", "'rmse' does not fit a binary classification task; fitting: accuracy"),
        ("price", "rmsle", "'rmsle' needs a target of at least 0, but 'price' goes down to -"),
        ("zone", "qwk", "'qwk' needs classes that are whole numbers, but 'zone' has 'Z0'"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused(
    path: Path, target: str, metric: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        table_draft(path, target=target, seed=1, metric=metric)


def test_a_target_with_zeros_has_no_percentage_error(tmp_path: Path) -> None:
    table = around([i % 40 for i in range(200)])
    with pytest.raises(UsageError, match="'mape' needs a target without zeros, but 5 rows have 0"):
        table_draft(written(tmp_path / "t", table), target="y", seed=1, metric="mape")


def test_the_positive_class_is_what_reads_like_yes_or_as_asked(path: Path) -> None:
    draft = only(path, "big", metric="f1")
    assert draft.metric.params == {"pos_label": "yes"}
    choices = TableChoices(positive="no")
    draft = table_draft(path, target="big", seed=1, metric="f1", choices=choices)
    assert draft.metric.params == {"pos_label": "no"}
    with pytest.raises(UsageError, match="'maybe' cannot be the positive class of 'big'"):
        table_draft(path, target="big", seed=1, choices=TableChoices(positive="maybe"))


def test_the_rarer_class_is_positive_where_no_label_says_yes(tmp_path: Path) -> None:
    table = around(["rare" if i % 5 == 0 else "often" for i in range(300)])
    draft = table_draft(written(tmp_path / "t", table), target="y", seed=1)
    assert '1 for "rare", 0 for "often"' in draft.description
    assert {row["y"] for row in rows_of(draft.answers)} == {"0", "1"}


@pytest.mark.parametrize("labels", [("True", "False"), ("1", "0"), ("1.0", "0.0"), ("y", "n")])
def test_every_way_of_writing_two_classes_works(tmp_path: Path, labels: tuple[str, str]) -> None:
    table = around([labels[i % 3 != 0] for i in range(200)])
    draft = table_draft(written(tmp_path / "t", table), target="y", seed=1)
    ones = sum(row["y"] == "1" for row in rows_of(draft.answers))
    assert ones == pytest.approx(33, abs=2)


def test_anonymous_tables_keep_their_data_and_lose_their_names(path: Path) -> None:
    draft = only(path, "zone", anonymise=True)
    head = draft.public["train.csv"].decode().split("\n")[0]
    assert head == "id,feature_1,feature_2,feature_3,feature_4,target"
    assert draft.submission.targets[0].labels == ("class_01", "class_02", "class_03", "class_04")
    for word in ("größe", "zone", "Z0"):
        assert word not in draft.description
    open_draft = only(path, "zone")
    cells = [{row["feature_3"] for row in rows_of(draft.public["test.csv"])}]
    cells.append({row["größe"] for row in rows_of(open_draft.public["test.csv"])})
    assert cells[0] == cells[1]
    assert only(path, "big", metric="f1", anonymise=True).metric.params == {"pos_label": "class_02"}


@pytest.mark.parametrize(
    ("names", "target", "header"),
    [
        (("id", "x", "y"), "y", ("row_id", "y")),
        (("id", "row_id", "y"), "y", ("row_row_id", "y")),
        (("f", "x", "id"), "id", ("row_id", "id")),
        (("f", "x", "split"), "split", ("id", "split_value")),
        (("f", "x", 'price, "EUR"'), 'price, "EUR"', ("id", "price EUR")),
        (("f", "x", "年齢"), "年齢", ("id", "年齢")),
    ],
)
def test_names_that_would_clash_are_changed(
    tmp_path: Path, names: tuple[str, str, str], target: str, header: tuple[str, ...]
) -> None:
    one, two, goal = np.random.default_rng(0).integers(0, 90, (3, 300)) / 4
    table = around(one, **{names[0]: two, names[1]: one})
    del table["y"]
    draft = table_draft(written(tmp_path / "t", {**table, target: goal}), target=target, seed=1)
    assert draft.submission.header == header
    AnswerKey.parse(draft.answers, draft.submission)


def test_a_missing_target_is_answered_with_the_nearest_column(path: Path) -> None:
    with pytest.raises(UsageError, match=r"'pricee'\. Did you mean 'price'"):
        table_draft(path, target="pricee", seed=1)
    with pytest.raises(UsageError, match=r"'zonee'\. Did you mean 'zone'"):
        table_draft(path, target="price", seed=1, choices=TableChoices(drop=("zonee",)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": ["a"] * 300}, "'y' holds only a in all 300 rows"),
        ({"y": [7] * 300}, "'y' holds only 7.0 in all 300 rows"),
        ({"y": [""] * 300}, "'y' holds no value"),
        ({"y": ["a"] * 295 + ["b"] * 5}, "1 classes with at least 10 rows; two are needed"),
        ({"y": [f"city {i}" for i in range(300)]}, "300 different texts; at most 50"),
        (
            {"y": ["1", "2"] * 49 + [""] * 202},
            "98 usable, distinct rows; a task needs at least 100",
        ),
        ({"x": [i % 60 for i in range(300)]}, "60 usable, distinct rows"),
        ({}, "are left to be graded on; at least 50 are needed. Rows of so few columns .1."),
        ({"x": [1] * 300}, "0 columns to learn from"),
    ],
)
def test_a_table_that_makes_no_task_is_refused(
    tmp_path: Path, change: dict[str, list[object]], message: str
) -> None:
    table = {"x": [i / 3 for i in range(300)], "y": ["a", "b"] * 150, **change}
    with pytest.raises(UsageError, match=message):
        table_draft(written(tmp_path / "t.csv", table), target="y", seed=1)


def test_a_hundred_rows_are_enough(tmp_path: Path) -> None:
    draft = table_draft(written(tmp_path / "t", columns(100)), target="price", seed=1)
    assert (draft.train_rows, draft.submission.rows) == (50, 50)
    assert AnswerKey.parse(draft.answers, draft.submission).ids


@pytest.mark.parametrize("rows", [49, 201])
def test_training_rows_are_50_to_200(path: Path, rows: int) -> None:
    with pytest.raises(
        UsageError, match=f"{rows} training rows asked for; of 400 usable rows, 50 to 200"
    ):
        table_draft(path, target="price", seed=1, train_rows=rows)


def test_training_rows_leave_fifty_to_be_graded_on(tmp_path: Path) -> None:
    path = written(tmp_path / "t", columns(180))
    with pytest.raises(UsageError, match="of 180 usable rows, 50 to 130"):
        table_draft(path, target="price", seed=1, train_rows=131)
    assert table_draft(path, target="price", seed=1, train_rows=130).train_rows == 130


@pytest.mark.parametrize(
    ("target", "wanted", "message"),
    [
        ("zone", "regression", "'zone' holds text; a regression needs numbers"),
        ("zone", "binary_classification", "has 4 distinct values; a binary task needs 2"),
        ("price", "multiclass_classification", "distinct values; at most 50 classes"),
    ],
)
def test_a_kind_of_task_that_does_not_fit_is_refused(
    path: Path, target: str, wanted: str, message: str
) -> None:
    choices = TableChoices.model_validate({"task_type": wanted})
    with pytest.raises(UsageError, match=message):
        table_draft(path, target=target, seed=1, choices=choices)


def test_grades_can_be_a_regression(path: Path) -> None:
    choices = TableChoices(task_type="regression")
    assert table_draft(path, target="grade", seed=1, choices=choices).metric.name == "rmse"


def test_what_was_left_out_is_said(tmp_path: Path) -> None:
    table = columns()
    size = len(table["price"])
    table["grade"] = ["rare" if i < 4 else "" if i < 10 else table["grade"][i] for i in range(size)]
    table = {"": list(range(size)), **table, "empty": [""] * size}
    table = {name: [*values, values[-1]] for name, values in table.items()}
    table[""] = list(range(size + 1))
    draft = table_draft(written(tmp_path / "t", table), target="grade", seed=1)
    notes = " | ".join(draft.recipe["notes"])
    for sentence in (
        "rows left out for having no value of 'grade': 6",
        "classes left out for having fewer than 10 rows: 'rare'",
        "column 'Unnamed: 0' was left out",
        "column 'empty' was left out: no row has a value",
        "rows left out for having the same features as another: 1",
    ):
        assert sentence in notes


def test_a_title_can_be_given_and_the_default_is_neutral(path: Path) -> None:
    assert only(path, "price", title="Harbour").description.startswith("# Harbour\n")
    assert only(path, "price").title == "Predict price from 5 columns"


def test_the_page_describes_every_column_from_training_rows(path: Path) -> None:
    draft = only(path, "price")
    train = rows_of(draft.public["train.csv"])
    sizes = [float(row["größe"]) for row in train]
    gone = sum(not row["note"] for row in train) / len(train)
    page = draft.description
    assert f"- `größe`: a number, from {min(sizes):.3f} to {max(sizes):.3f}" in page
    assert '- `zone`: a category: "Z0", "Z1", "Z2", "Z3"' in page
    assert f"missing in {gone:.0%} of the training rows" in page
    assert "- `price`: the target, in the training table only" in page


def test_a_wide_table_hides_fewer_rows_to_stay_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table: dict[str, Any] = {
        f"t{i}": [f"w{v:0>1900}" for v in rng.integers(0, 10**9, 600)] for i in range(40)
    }
    table["y"] = rng.normal(size=600).round(3)
    draft = table_draft(written(tmp_path / "t", table), target="y", seed=1)
    assert draft.submission.rows < 300
    assert sum(len(data) for data in draft.public.values()) < 20_000_000
    assert set(draft.skills) >= {"small_sample"}


def test_a_table_too_wide_for_fifty_hidden_rows_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = {f"t{i}": [f"w{v:0>1900}" for v in rng.integers(0, 10**9, 300)] for i in range(60)}
    with pytest.raises(UsageError, match="make more than 16,000,000 bytes; leave columns out"):
        table_draft(written(tmp_path / "t", around(range(300), **table)), target="y", seed=1)


def test_a_million_rows_work(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    primes = (999_983, 999_979, 999_961, 999_959)
    with path.open("w") as file:
        file.write("n,a,b,c,d,y\n")
        for i in range(1_000_001):
            cells = ",".join(str(i * i % prime) for prime in primes)
            file.write(f"{i},{cells},{i * 31 % 977}\n")
    draft = table_draft(path, target="y", seed=3)
    assert draft.train_rows == 150
    assert 1_900 < draft.submission.rows <= 2_000
    assert draft.recipe["notes"][0].startswith("20,000 of 1,000,001 rows were drawn at random")
    assert "column 'n' was left out: it counts the rows" in draft.recipe["notes"]
