"""The playbook of tables on generated tasks and on small awkward tables; about 15 s."""

from __future__ import annotations

import ast
import csv
import runpy
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.authors.procedural import FAMILIES
from sandmle.experts import PLAYBOOKS, Facts, read_facts
from sandmle.grading import AnswerKey, Grader
from sandmle.metrics import get_metric
from sandmle.scaffolds.plans import sections
from sandmle.testing.check_family import fitting_dna

BOOK = PLAYBOOKS.get("tabular")
LINE = 60
"""Characters of a line with its end: the tokenizer of small models cuts there."""
FORMS = {
    "tabular/price-v2": "a number of at least 0",
    "tabular/groups-v2": "a number from 0 to 1",
    "tabular/imbalanced-v2": "one of 2 labels",
    "tabular/ordinal-v1": "a whole number from 1 to 5",
    "tabular/targets-v1": "a number",
    "tabular/shift-v1": "a number",
}
PREDICT = (*sorted(set(FORMS.values())), "one of 7 labels", "a whole number")
ANSWERS = ("yes", "no")
LOOKED = ("units", "mixed spelling", "empty", "codes", "new groups", "best column", "rare")
GUESSES = 8
"""Random plans that are run for each family and each awkward table."""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "input").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _codes() -> list[str]:
    return [BOOK.look, *(choice.code for slot in BOOK.slots for choice in slot.choices)]


def _facts(predict: str, folder: Path, *, columns: int = 1) -> dict[str, str]:
    card = f"predict: {predict}\ncolumns to predict: {columns}\n"
    return read_facts(card + _run(BOOK.look, folder))


def _run(program: str, folder: Path) -> str:
    path = folder / "program.py"
    path.write_text(program, encoding="utf-8")
    with redirect_stdout(StringIO()) as printed, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runpy.run_path(str(path), run_name="__main__")
    return printed.getvalue()


def _submission(program: str, folder: Path) -> bytes:
    _run(program, folder)
    path = folder / "submission.csv"
    data = path.read_bytes()
    path.unlink()
    return data


def _task(family: str, folder: Path) -> Callable[[str], float]:
    """Put a small task of a family into a folder, and return what scores a program there."""
    kind = FAMILIES.get(family)
    draft = kind.draft(fitting_dna(kind), 5, difficulty=kind.levels - 1, train=0.4, test=0.1)
    for name, data in draft.public.items():
        (folder / "input" / name).write_bytes(data)
    key = AnswerKey.parse(draft.answers, draft.submission)
    grader = Grader(get_metric(draft.metric), draft.submission, key)
    sign = 1 if grader.metric.higher_is_better else -1
    return lambda program: sign * grader.score(_submission(program, folder))


def _table(folder: Path, columns: Mapping[str, list[str]], target: list[str]) -> None:
    """Write a table whose last third is the test file."""
    rows, known = len(target), 2 * len(target) // 3
    names = list(columns)
    body = [[f"r{i}", *(columns[name][i] for name in names)] for i in range(rows)]
    files = {
        "train.csv": [["id", *names, "y"], *([*body[i], target[i]] for i in range(known))],
        "test.csv": [["id", *names], *body[known:]],
        "sample_submission.csv": [["id", "y"], *([row[0], target[0]] for row in body[known:])],
    }
    for name, lines in files.items():
        with (folder / "input" / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)


_RNG = np.random.default_rng(3)
_ROWS = 90
_NUMBER = [f"{value:.2f}" for value in _RNG.normal(size=_ROWS)]
AWKWARD: dict[str, dict[str, list[str]]] = {
    "a single number": {"x": _NUMBER},
    "a single word": {"w": [str(w) for w in _RNG.choice(["a", "b", "c"], _ROWS)]},
    "a constant and an empty column": {"x": _NUMBER, "c": ["1"] * _ROWS, "e": [""] * _ROWS},
    "words that are all different": {"x": _NUMBER, "w": [f"name {i}" for i in range(_ROWS)]},
    "gaps in words and numbers": {
        "w": [str(w) for w in _RNG.choice(["a", ""], _ROWS)],
        "x": ["" if i % 3 else x for i, x in enumerate(_NUMBER)],
    },
    "truth values": {"b": [str(b) for b in _RNG.random(_ROWS) < 0.5], "x": _NUMBER},
    "versions beside units": {"v": ["1.2.3 rc"] * _ROWS, "u": [f"{i} kg" for i in range(_ROWS)]},
    "new groups of one row": {"x": _NUMBER, "g": [f"g{max(i, 55)}" for i in range(_ROWS)]},
}
TARGETS: dict[str, list[str]] = {
    "a number": [f"{value:.3f}" for value in _RNG.normal(size=_ROWS)],
    "a number of at least 0": [f"{value:.3f}" for value in _RNG.exponential(size=_ROWS)],
    "a number from 0 to 1": [str(i % 2) for i in range(_ROWS)],
    "one of 3 labels": [f"kind {i % 3}" for i in range(_ROWS)],
    "one of 2 labels": [str(i % 5 == 0) for i in range(_ROWS)],
    "a whole number from 1 to 4": [str(1 + i % 4) for i in range(_ROWS)],
}


def test_every_line_is_one_token_and_every_part_is_python() -> None:
    for code in _codes():
        ast.parse(code)
        for line in code.splitlines():
            assert len(line) < LINE, f"{len(line)} {line}"


def test_names_of_choices_are_unique_and_name_sections() -> None:
    names = [choice.name for slot in BOOK.slots for choice in slot.choices]
    assert len(set(names)) == len(names)
    assert sections("\n".join(f"# {name}" for name in names)) == tuple(names)


@given(st.sampled_from(PREDICT), st.integers(0, 10_000))
def test_programs_have_the_sections_that_plans_name(predict: str, seed: int) -> None:
    facts = {"predict": predict, "columns to predict": "1"}
    plan = BOOK.guess(facts, np.random.default_rng(seed))
    program = BOOK.program(plan)
    ast.parse(program)
    written = tuple(plan[slot.name] for slot in BOOK.slots if slot.of(plan[slot.name]).code)
    assert sections(program) == written
    assert len(program.splitlines()) <= 85


def test_only_the_first_part_reads_files() -> None:
    for slot in BOOK.slots:
        for choice in slot.choices:
            assert ("input/" in choice.code) == (slot.name == "load")


@given(st.sampled_from(PREDICT), st.dictionaries(st.sampled_from(LOOKED), st.sampled_from(ANSWERS)))
def test_advice_is_complete_and_works_whatever_was_read(
    predict: str, looked: dict[str, str]
) -> None:
    facts = {"predict": predict, "columns to predict": "1", **looked}
    advice = BOOK.advise(facts)
    assert set(advice) | {"load", "table"} == {slot.name for slot in BOOK.slots}
    for slot in BOOK.slots:
        if slot.name in advice:
            assert slot.of(advice[slot.name]).works(facts)


def test_what_was_read_changes_the_advice() -> None:
    plain: Facts = {"predict": "one of 2 labels", "columns to predict": "1"}
    for fact in LOOKED:
        context = {"new groups": "yes"} if fact == "best column" else {}
        without, told = {**plain, **context}, {**plain, **context, fact: "yes"}
        assert BOOK.advise(without) != BOOK.advise(told), fact


@pytest.mark.parametrize("family", FORMS)
def test_looks_tell_families_apart_and_advice_is_no_worse_than_guesses(
    family: str, folder: Path
) -> None:
    score = _task(family, folder)
    facts = _facts(FORMS[family], folder, columns=2 if "targets" in family else 1)
    assert set(LOOKED) <= set(facts)
    assert all(facts[key] in ANSWERS for key in LOOKED)
    assert (facts["new groups"] == "yes") == ("groups" in family)
    assert (facts["rare"] == "yes") == ("imbalanced" in family)
    assert (facts["units"] == "yes") == ("price" in family or "targets" in family)
    rng = np.random.default_rng(7)
    plan = {**BOOK.guess(facts, rng), **BOOK.advise(facts)}
    guesses = [score(BOOK.program(BOOK.guess(facts, rng))) for _ in range(GUESSES)]
    if family != "tabular/shift-v1":
        assert score(BOOK.program(plan)) >= np.median(guesses)


@pytest.mark.parametrize("table", AWKWARD)
@pytest.mark.parametrize("predict", ["a number", "one of 3 labels"])
def test_guesses_run_on_awkward_tables(table: str, predict: str, folder: Path) -> None:
    _table(folder, AWKWARD[table], TARGETS[predict])
    _guess(predict, folder)


@pytest.mark.parametrize("predict", TARGETS)
def test_guesses_run_for_every_form_of_prediction(predict: str, folder: Path) -> None:
    _table(folder, {"x": _NUMBER, "w": [str(i % 4) for i in range(_ROWS)]}, TARGETS[predict])
    _guess(predict, folder)


def test_programs_give_the_same_bytes_each_time(folder: Path) -> None:
    _task("tabular/imbalanced-v2", folder)
    facts = _facts("one of 2 labels", folder)
    program = BOOK.program({**BOOK.guess(facts, np.random.default_rng(0)), **BOOK.advise(facts)})
    assert _submission(program, folder) == _submission(program, folder)


def _guess(predict: str, folder: Path) -> None:
    """Run the advised plan and guesses, and read what they wrote."""
    facts, rng = _facts(predict, folder), np.random.default_rng(11)
    plans = [BOOK.guess(facts, rng) for _ in range(GUESSES)]
    plans.append({**plans[0], **BOOK.advise(facts)})
    known = set(TARGETS[predict])
    for plan in plans:
        data = _submission(BOOK.program(plan), folder).decode()
        header, *rows = csv.reader(StringIO(data))
        assert header == ["id", "y"]
        assert [row[0] for row in rows] == [f"r{i}" for i in range(2 * _ROWS // 3, _ROWS)]
        if predict.startswith("a number"):
            assert np.isfinite([float(row[1]) for row in rows]).all(), plan
        else:
            assert {row[1] for row in rows} <= known, plan
