"""Playbooks of text, image, audio and time series on small tasks of their families; about 10 s."""

from __future__ import annotations

import ast
import runpy
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.core.draft import TaskDraft
from sandmle.core.task import Task, TaskFile, Thresholds
from sandmle.experts import PLAYBOOKS, Playbook, read_facts
from sandmle.grading import AnswerKey, Grader
from sandmle.metrics import get_metric
from sandmle.scaffolds.card import card
from sandmle.scaffolds.plans import sections
from sandmle.testing.check_family import fitting_dna

LINE = 60
"""Characters of a line with its end: the tokenizer of small models cuts there."""
FAMILY_OF = {
    "text/morph-v2": "text",
    "text/essay-v1": "text",
    "image/texture-v2": "image",
    "audio/pitch-v1": "audio",
    "timeseries/sensors-v1": "timeseries",
    "timeseries/anomaly-v1": "timeseries",
}
BOOKS = sorted(set(FAMILY_OF.values()))
GUESSES = 8
"""Random plans that are run for each family."""


class Bench:
    """A small task on disk, where programs run in this process."""

    def __init__(self, family: str, folder: Path) -> None:
        kind = FAMILIES.get(family)
        self.draft: TaskDraft = kind.draft(
            fitting_dna(kind), 5, difficulty=kind.levels - 1, train=0.4, test=0.1
        )
        self.folder = folder
        for name, data in self.draft.public.items():
            path = folder / "input" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self.grader = Grader(
            get_metric(self.draft.metric),
            self.draft.submission,
            AnswerKey.parse(self.draft.answers, self.draft.submission),
        )

    def run(self, program: str) -> str:
        """Run a program where the task lies, and return what it printed."""
        path = self.folder / "program.py"
        path.write_text(program, encoding="utf-8")
        with redirect_stdout(StringIO()) as printed, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runpy.run_path(str(path), run_name="__main__")
        return printed.getvalue()

    def score(self, program: str) -> float:
        """Run a program and score what it wrote on all rows; refused submissions raise."""
        self.run(program)
        data = (self.folder / "submission.csv").read_bytes()
        (self.folder / "submission.csv").unlink()
        return self.grader.score(data)


@pytest.fixture(name="bench")
def _bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Bench]:
    monkeypatch.chdir(tmp_path)
    return lambda family: Bench(family, tmp_path)


@pytest.mark.parametrize("name", BOOKS)
def test_every_line_is_one_token_and_every_part_is_python(name: str) -> None:
    book = PLAYBOOKS.get(name)
    codes = [book.look, *(choice.code for slot in book.slots for choice in slot.choices)]
    for code in codes:
        ast.parse(code)
        for line in code.splitlines():
            assert len(line) < LINE, f"{len(line)} {line}"


@pytest.mark.parametrize("name", BOOKS)
def test_looks_are_one_short_section(name: str) -> None:
    book = PLAYBOOKS.get(name)
    assert sections(book.look) == ("look",)
    assert len(book.look.splitlines()) <= 15


@pytest.mark.parametrize("name", BOOKS)
def test_programs_have_the_sections_that_plans_name(name: str) -> None:
    book = PLAYBOOKS.get(name)
    for seed in range(20):
        plan = book.guess({"predict": "one of 3 labels"}, np.random.default_rng(seed))
        program = book.program(plan)
        written = tuple(plan[s.name] for s in book.slots if s.of(plan[s.name]).code)
        assert sections(program) == written
        assert len(program.splitlines()) <= 40


@pytest.mark.parametrize("name", BOOKS)
def test_names_of_choices_are_unique_within_a_playbook(name: str) -> None:
    names = [choice.name for slot in PLAYBOOKS.get(name).slots for choice in slot.choices]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", BOOKS)
def test_only_the_first_part_reads_files(name: str) -> None:
    book = PLAYBOOKS.get(name)
    for slot in book.slots:
        for choice in slot.choices:
            read = "input/" in choice.code
            assert read == (slot.name == "load")


@pytest.mark.parametrize("family", FAMILY_OF)
def test_looks_print_coarse_facts_and_advice_takes_what_works(
    family: str, bench: Callable[[str], Bench]
) -> None:
    task, book = bench(family), PLAYBOOKS.get(FAMILY_OF[family])
    facts = _facts(task, book)
    looked = read_facts(task.run(book.look))
    assert looked
    assert all(value.replace(" ", "").isalpha() for value in looked.values())
    for known in (read_facts(_card(task.draft)), facts):
        for slot, choice in book.advise(known).items():
            found = next(s for s in book.slots if s.name == slot).of(choice)
            assert found.works(known)
    assert set(book.advise(facts)) == {slot.name for slot in book.slots}


@pytest.mark.parametrize("family", FAMILY_OF)
def test_random_plans_write_valid_submissions_and_advice_is_no_worse(
    family: str, bench: Callable[[str], Bench]
) -> None:
    task, book = bench(family), PLAYBOOKS.get(FAMILY_OF[family])
    facts = _facts(task, book)
    rng = np.random.default_rng(7)
    advised = task.score(book.program(book.advise(facts)))
    guessed = [task.score(book.program(book.guess(facts, rng))) for _ in range(GUESSES)]
    sign = 1 if task.grader.metric.higher_is_better else -1
    if family != "text/essay-v1":
        assert sign * advised >= np.median(sign * np.array(guessed))


@pytest.mark.parametrize("family", FAMILY_OF)
def test_programs_give_the_same_bytes_each_time(family: str, bench: Callable[[str], Bench]) -> None:
    task, book = bench(family), PLAYBOOKS.get(FAMILY_OF[family])
    program = book.program(book.advise(_facts(task, book)))
    files = []
    for _ in range(2):
        task.run(program)
        files.append((task.folder / "submission.csv").read_bytes())
    assert files[0] == files[1]


def _facts(task: Bench, book: Playbook) -> dict[str, str]:
    return read_facts(f"{_card(task.draft)}\n{task.run(book.look)}")


def _card(draft: TaskDraft) -> str:
    higher = get_metric(draft.metric).higher_is_better
    bars = (0.1, 0.2, 0.3, 0.4) if higher else (0.4, 0.3, 0.2, 0.1)
    task = Task(
        id=draft.task_id(),
        family=draft.family,
        title=draft.title,
        description=draft.description,
        modality=draft.modality,
        task_type=draft.task_type,
        metric=draft.metric,
        submission=draft.submission,
        thresholds=Thresholds(
            median=bars[0], bronze=bars[1], silver=bars[2], gold=bars[3], higher_is_better=higher
        ),
        train_rows=draft.train_rows,
        files=tuple(
            TaskFile(path=path, sha256="0" * 64, bytes=len(data))
            for path, data in draft.public.items()
        ),
        provenance=draft.provenance,
    )
    return card(task)
