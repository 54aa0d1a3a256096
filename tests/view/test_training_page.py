"""The page over a training run says what its files say."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sandmle.evaluation import compare_runs, read_run
from sandmle.testing.training_run import FAMILIES, made_recipe, made_run, made_step
from sandmle.training.run_folder import TrainingFolder
from sandmle.view.training_page import changes, write_training_page

VOID = {"meta", "br"}


class Balanced(HTMLParser):
    """Notes tags that are closed in the wrong order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Opens and closes itself."""

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def page_of(folder: TrainingFolder) -> str:
    write_training_page(folder)
    text = folder.report.read_text(encoding="utf-8")
    checker = Balanced()
    checker.feed(text)
    assert (checker.open, checker.wrong) == ([], [])
    return text


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TrainingFolder:
    with made_run(tmp_path_factory.mktemp("page") / "first <run>", steps=6) as folder:
        return folder


def test_before_and_after_are_those_of_the_runs(run: TrainingFolder) -> None:
    page = page_of(run)
    first, last = (read_run(run.evaluation("held-out", step).path).counts for step in (0, 6))
    found = compare_runs([first], [last]).rates["any_medal"]
    row = re.search(r"<tr><td>held-out, any medal</td>(.*?)</tr>", page)
    assert row is not None
    cells = re.findall(r"<td>(.*?)</td>", row[1])
    assert cells[:2] == [f"{100 * found.a:.1f}", f"{100 * found.b:.1f}"]
    assert f"{100 * found.difference:+.1f}" in cells[2]
    for family in FAMILIES:
        assert f"<td>{family}</td>" in page


def test_every_evaluation_has_its_row(run: TrainingFolder) -> None:
    page = page_of(run)
    for evaluation in run.metrics.evaluations():
        medal = f"<b>{100 * evaluation.table.any_medal:.1f}</b>"
        assert f"<td>{evaluation.name}</td><td>{evaluation.step}</td><td>{medal}</td>" in page


def test_the_page_needs_nothing_else(run: TrainingFolder) -> None:
    page = page_of(run)
    assert not re.search(r"(src|href)=|url\(|@import|http", page)
    assert "first &lt;run&gt;" in page
    assert "<run>" not in page


def test_the_same_run_gives_the_same_page(run: TrainingFolder) -> None:
    assert page_of(run) == page_of(run)


def test_a_run_that_goes_on_has_a_page(tmp_path: Path) -> None:
    with made_run(tmp_path, steps=6, until=2) as folder:
        page = page_of(folder)
    assert "2 of 6 steps" in page
    assert "task by task" not in page


def test_a_run_that_did_nothing_yet_has_a_page(tmp_path: Path) -> None:
    with TrainingFolder.claim(tmp_path, made_recipe()) as folder:
        assert "Nothing was played yet" in page_of(folder)


def test_steps_without_an_evaluation_have_a_page(tmp_path: Path) -> None:
    with TrainingFolder.claim(tmp_path, made_recipe()) as folder:
        folder.log(made_step(1).model_copy(update={"reward": None}))
        assert "Where a step" in page_of(folder)


def test_evaluations_whose_episodes_are_gone_are_still_shown(tmp_path: Path) -> None:
    with made_run(tmp_path, steps=2) as folder:
        shutil.rmtree(folder.path / "evaluations")
        found = changes(folder, folder.metrics.evaluations())
        assert [change.paired for change in found] == [None, None]
        assert "not there any more" in page_of(folder)
