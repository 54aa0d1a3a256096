"""Check 3: nothing of the hidden side is written or named in the public files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from posixpath import basename, splitext
from typing import Any

import numpy as np

from sandmle.core.draft import TaskDraft
from sandmle.verify.association import Labels, relation
from sandmle.verify.board import Predictions
from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.context import Context
from sandmle.verify.tables import as_numbers

_SECRET_NAME = re.compile(
    r"(.*_)?(answers?|key|evaluator|grader|solutions?|hidden|private|thresholds|oracle|reference"
    r"|ladder|rule|recipe|seed)(_.*)?|(test_labels?|labels?_test)"
)
_TEXT_ENDS = (".md", ".txt", ".json", ".csv", ".tsv", ".yaml", ".yml", ".toml", ".py")
_PROSE_DIGITS = 4
"""Significant digits from which a number of the rule is recognised in prose."""
_CELL_DIGITS = 5
"""The same for whole cells of tables, where short numbers meet by chance."""
_AGREEMENT = 0.9


class Split(Check):
    """Neither names nor contents of public files give the seed, the rule or the answers."""

    name = "split"
    number = 3
    reasons = ("split.named_file", "split.seed", "split.rule_value", "split.answers")
    summary = (
        "no public file is named like a hidden one or holds the seed, numbers of the hidden rule, "
        "or the answers beside test ids"
    )

    def find(self, context: Context) -> Fault | None:
        """Search names, then contents."""
        return next(_faults(context), None)


def _faults(context: Context) -> Iterator[Fault]:
    draft = context.draft
    for path in draft.public:
        if _SECRET_NAME.fullmatch(splitext(basename(path))[0].lower()):
            yield Fault("split.named_file", f"public file {path} is named like a hidden one")
    yield from _seed_faults(draft)
    yield from _rule_faults(context)
    yield from _answer_faults(context)


def _seed_faults(draft: TaskDraft) -> Iterator[Fault]:
    seed = str(draft.recipe.get("seed", ""))
    if not seed.isdecimal() or len(seed) < 7:
        # a short number is anywhere; a seed of 128 bits is nowhere by chance
        return
    forms = {seed.encode(), f"{int(seed):x}".encode(), f"{int(seed):X}".encode()}
    for path, data in draft.public.items():
        if any(form in data or form.decode() in path for form in forms):
            yield Fault("split.seed", f"the seed is written in {path}")


def _rule_faults(context: Context) -> Iterator[Fault]:
    numbers = set(_floats(context.draft.rule))
    prose = {n for n in numbers if _digits(n) >= _PROSE_DIGITS}
    for path, data in context.draft.public.items():
        if path.endswith(_TEXT_ENDS) and not path.endswith(".csv"):
            found = prose & set(_numbers_in(data.decode(errors="replace")))
            if found:
                yield Fault("split.rule_value", f"{path} holds {min(found)} of the hidden rule")
    exact = {n for n in numbers if _digits(n) >= _CELL_DIGITS}
    for path, table in context.data.tables.items():
        for name, cells in table.columns.items():
            values = as_numbers(cells)
            hits = set() if values is None else exact & set(np.abs(values).tolist())
            # a leaked table of parameters shows many of them; single cells meet by chance
            if len(hits) >= max(3, 0.1 * len(exact), 0.02 * len(cells)):
                yield Fault(
                    "split.rule_value", f"{path} holds {len(hits)} numbers of the rule in {name!r}"
                )


def _answer_faults(context: Context) -> Iterator[Fault]:
    key, schema = context.key, context.draft.submission
    answers = [Labels.of(key.values[:, [i]]) for i in range(key.values.shape[1])]
    texts = [i for i, target in enumerate(schema.targets) if target.kind == "string"]
    truth = dict(zip(key.ids, range(len(key.ids)), strict=True))
    for path, table in context.data.tables.items():
        ids = table.columns.get(schema.id_column, [])
        rows = [row for row, name in enumerate(ids) if name in truth]
        if len(rows) < 0.5 * len(truth):
            continue
        order = [truth[ids[row]] for row in rows]
        for name, cells in table.columns.items():
            if name == schema.id_column:
                continue
            column = [cells[row] for row in rows]
            told = any(_tells(column, label.values[order], label.classes) for label in answers)
            copied = any(_repeats(column, key.values[order, i]) for i in texts)
            if told or copied:
                yield Fault("split.answers", f"column {name!r} of {path} gives the answers away")


def _repeats(cells: list[str], truth: Predictions) -> bool:
    """Say whether most cells of a column are the texts that are the answers, shape (n,)."""
    same = [cell == answer for cell, answer in zip(cells, truth, strict=True)]
    return float(np.mean(same)) > _AGREEMENT


def _tells(cells: list[str], truth: np.ndarray[Any, np.dtype[np.float64]], classes: bool) -> bool:
    """Say whether a column determines the truth and is no wider than it."""
    numbers = as_numbers(cells)
    if not classes:
        if numbers is None or np.isnan(numbers).any() or np.ptp(numbers) == 0:
            return False
        labels = Labels(truth, classes=False)
        return abs(relation(numbers, labels)) > 0.995 * math.sqrt(len(cells) - 1)
    kinds = sorted(set(cells))
    # cells that hardly come twice tell every truth apart, and nothing about it
    if len(kinds) > min(2 * len(np.unique(truth)), 0.8 * len(cells)):
        return False
    column = np.array(cells)
    majority = [np.unique(truth[column == kind], return_counts=True)[1].max() for kind in kinds]
    chance = float(np.unique(truth, return_counts=True)[1].max()) / len(truth)
    return float(sum(majority)) / len(cells) > max(_AGREEMENT, 0.5 * (1 + chance))


def _floats(value: object) -> Iterator[float]:
    """Yield the magnitudes of all floats of a JSON value."""
    if isinstance(value, float):
        yield abs(value)
    elif isinstance(value, dict):
        yield from _all(value.values())
    elif isinstance(value, list | tuple):
        yield from _all(value)


def _all(values: Iterable[object]) -> Iterator[float]:
    for value in values:
        yield from _floats(value)


def _digits(number: float) -> int:
    return len(repr(number).split("e")[0].replace(".", "").strip("0"))


def _numbers_in(text: str) -> Iterator[float]:
    for found in re.findall(r"(?<![\w.])\d*\.?\d+(?:[eE][-+]?\d+)?(?!\w|\.\d)", text):
        yield float(found)


CHECKS.register(Split.name)(Split())
