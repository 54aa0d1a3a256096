"""A program and its plan: what matches, and what is said where it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.scaffolds import make_scaffold
from sandmle.scaffolds.plans import mismatch, plan_text, planned, sections
from sandmle.scaffolds.react_format import Python, parse, render

NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True), min_size=1, max_size=6)


@given(NAMES, st.sampled_from(["", "\nBecause units differ.", "\n# Not a section name!"]))
def test_a_program_with_the_planned_sections_matches(names: list[str], reason: str) -> None:
    program = "\n".join(f"# {name}\nx = 1  # not a section" for name in names)
    think = plan_text(names) + reason
    assert planned(think) == tuple(names) == sections(program)
    assert mismatch(think, program) is None


def test_the_first_difference_is_named() -> None:
    said = mismatch(plan_text(["load", "ridge"]), "# load")
    assert said == (
        "its plan has `# ridge` in place 2, its program nothing; write the same sections"
    )


@given(NAMES, NAMES)
def test_other_sections_do_not(names: list[str], others: list[str]) -> None:
    program = "\n".join(f"# {name}" for name in others)
    said = mismatch(plan_text(names), program)
    assert (said is None) == (names == others)


@pytest.mark.parametrize("think", [None, "", "I load it.", "plan:", "plan: load", "plan:\nload"])
def test_without_a_plan(think: str | None) -> None:
    assert "must start with a plan" in str(mismatch(think, "# load"))


def test_scripts_are_planned_where_the_scaffold_asks_for_it() -> None:
    react = make_scaffold("react", briefing="card", plan=True)
    for turn in react.turns(["print(1)", "# load\nx = 1\n# fit\ny = 2"], look=True, repair=True):
        read = parse(turn.text)
        if isinstance(read.action, Python):
            assert mismatch(read.think, read.action.code) is None


def test_a_plan_survives_the_turn() -> None:
    turn = parse(render(plan_text(["load", "fit"]) + "\nso", Python("# load\n1\n# fit\n2")))
    assert turn.think is not None
    assert planned(turn.think) == ("load", "fit")
