"""Evidence of another family: lenders, and what of their cards is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandmle.core.errors import UsageError
from sandmle.core.task import Task
from sandmle.scaffolds import Scaffold, make_scaffold
from sandmle.scaffolds.card import card
from sandmle.scaffolds.react import React
from sandmle.testing.tiny_task import tiny_task
from sandmle.training.evidence import lenders_of, misled

REACT = make_scaffold("react", briefing="card", plan=True)


@pytest.fixture
def tasks(tmp_path: Path) -> list[Task]:
    plain = tiny_task(tmp_path / "t").task
    described = "# T\n\nA story.\n\nRemark {}.\n\n## Files\n"
    kinds = [("a", "tabular"), ("b", "tabular"), ("c", "image"), ("a", "tabular")]
    return [
        plain.model_copy(
            update={
                "id": f"{family}:{index}",
                "family": family,
                "modality": modality,
                "task_type": f"type-{family}",
                "description": described.format(index),
            }
        )
        for index, (family, modality) in enumerate(kinds)
    ]


def shown_by(scaffold: Scaffold, task: Task) -> str:
    assert isinstance(scaffold, React)
    return scaffold.card(task)


def test_lenders_are_of_another_family_and_alike_where_that_can_be(tasks: list[Task]) -> None:
    lenders = lenders_of(tasks)
    assert [lender.family for lender in lenders] == ["b", "a", "a", "b"]


def test_hints_lend_remarks_alone(tasks: list[Task]) -> None:
    shown = shown_by(misled(REACT, tasks, "hints"), tasks[0])
    assert shown == card(tasks[0]).replace("Remark 0", "Remark 1")


def test_a_card_is_lent_whole(tasks: list[Task]) -> None:
    shown = shown_by(misled(REACT, tasks, "card"), tasks[0])
    assert shown == card(tasks[1]) != card(tasks[0])


def test_everything_else_of_the_scaffold_stays(tasks: list[Task]) -> None:
    other = misled(REACT, tasks, "card")
    assert isinstance(other, React)
    assert (other.max_steps, other.plan, other.name) == (REACT.max_steps, True, "react")
    assert misled(REACT, tasks, "own") is REACT


def test_what_cannot_be_lent(tasks: list[Task]) -> None:
    with pytest.raises(UsageError, match="all tasks are of the family a"):
        misled(REACT, [tasks[0], tasks[3]], "card")
    with pytest.raises(UsageError, match="briefing = card"):
        misled(make_scaffold("react"), tasks, "card")
