"""Tasks are made once, found again, filtered, and kept apart from held-out ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sandmle.core.errors import UsageError
from sandmle.testing.tiny_task import tiny_task
from sandmle.training.recipe import EvaluationSet, Generate, Source, Tables
from sandmle.training.sources import cache_folder, check_apart, open_source

MADE = Generate(families=("tabular/price-v2",), count=1, seed=3)


def test_made_tasks_are_found_again(tmp_path: Path) -> None:
    source = Source(name="made", generate=MADE)
    said = []
    first = open_source(source, cache=tmp_path, on_outcome=said.append)
    files = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("task.json")}
    second = open_source(source.model_copy(update={"name": "other"}), cache=tmp_path)
    assert [t.task.id for t in first] == [t.task.id for t in second]
    assert files == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("task.json")}
    assert len(said) == 1


def test_real_tables_that_come_with_the_packages(tmp_path: Path) -> None:
    source = Source(name="tables", tables=Tables(count=3, seed=6007))
    made = open_source(source, cache=tmp_path)
    assert len(made) == 3
    assert {task.task.modality for task in made} == {"tabular"}
    assert all(task.task.family.startswith("table/") for task in made)
    files = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("task.json")}
    gone = made[0].path
    shutil.rmtree(gone)
    again = open_source(source, cache=tmp_path)
    assert [t.task.id for t in again] == [t.task.id for t in made]
    kept = {p: t for p, t in files.items() if gone not in p.parents}
    assert kept.items() <= {p: p.stat().st_mtime_ns for p in files}.items()


def test_other_settings_are_other_tasks(tmp_path: Path) -> None:
    folders = {
        cache_folder(made, tmp_path)
        for made in (
            MADE,
            MADE.model_copy(update={"seed": 4}),
            MADE.model_copy(update={"count": 2}),
            MADE.model_copy(update={"families": ("all",)}),
        )
    }
    assert len(folders) == 4


@pytest.mark.parametrize(
    "filters", [{"families": ["x/y-v1"]}, {"domains": ["nowhere"]}, {"without_domains": [""]}]
)
def test_filters_that_leave_nothing_are_named(
    tmp_path: Path, filters: dict[str, list[str]]
) -> None:
    tiny_task(tmp_path / "t")
    source = Source.model_validate({"name": "tiny", "path": str(tmp_path), **filters})
    with pytest.raises(UsageError, match=rf"none of 1 tasks .*{next(iter(filters))}"):
        open_source(source, cache=tmp_path / "cache")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gone"):
        open_source(Source(name="x", path=str(tmp_path / "gone")), cache=tmp_path)


def test_a_held_out_task_that_is_trained_on(tmp_path: Path) -> None:
    tiny_task(tmp_path / "t")
    source = Source(name="a", path=str(tmp_path))
    tasks = open_source(source, cache=tmp_path)
    held = EvaluationSet(source=source.model_copy(update={"name": "b"}))
    with pytest.raises(UsageError, match=r"1 tasks of 'b' are trained on as well, in 'a'"):
        check_apart([(source, tasks)], [(held, tasks)])
    check_apart([(source, tasks)], [(held, [])])
