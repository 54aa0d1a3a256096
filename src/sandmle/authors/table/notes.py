"""What the page says about a table's columns; figures come from training rows only."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.table.columns import Column, missing, texts
from sandmle.authors.table.question import Question

_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ].*)?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}")
_LISTED = 8
_LONG = 40


def column_note(values: Column) -> str:
    """Describe a feature by its training values: kind, range or values, missing share.

    Args:
        values: Values of the training rows, shape (rows,).
    """
    gone = missing(values)
    present = values[~gone]
    share = f"; missing in {gone.mean():.0%} of the training rows" if gone.any() else ""
    if len(present) == 0:
        return "missing in all training rows"
    if values.dtype.kind == "f":
        return _number_note(present) + share
    return _text_note(present) + share


def target_note(question: Question, values: NDArray[Any]) -> str:
    """Describe the target.

    Args:
        question: Form of an answer.
        values: Values of the training rows, shape (rows,).
    """
    if question.answer == "probability":
        no, yes = question.labels
        meaning = f'1 for "{yes}", 0 for "{no}"' if {no, yes} != {"0", "1"} else "0 or 1"
        return f"the target, in the training table only: {meaning}; submit the probability of 1"
    if question.answer == "probabilities":
        return (
            "the target, in the training table only: one of the classes that the columns of a "
            "submission are named after"
        )
    if question.labels:
        return f"the target, in the training table only: one of {len(question.labels)} classes"
    return f"the target, in the training table only: {_number_note(values)}"


def story(question: Question, *, target: str, features: int, rng: np.random.Generator) -> str:
    """Write the opening paragraph: what is predicted from what.

    Args:
        question: Kind of task.
        target: The target's name as the files have it.
        features: Number of columns to learn from.
        rng: Chooses the words.
    """
    asked = {
        "value": f"estimate the number `{target}`",
        "rating": f"estimate the grade `{target}`, a whole number",
        "label": f"tell which of {len(question.labels)} classes of `{target}` each row belongs to",
        "probability": f"give the probability that `{target}` is 1",
        "probabilities": f"give the probability of each of {len(question.labels)} classes of "
        f"`{target}`",
    }[question.answer]
    many = "one column" if features == 1 else f"{features} columns"
    openings = (
        f"These are real observations, one per row, described by {many}. Your task is to {asked}.",
        f"From {many} of a real table, {asked}. Only a small part of it is labelled.",
        f"A small table of real observations is all that you have. Use its {many} to {asked}.",
    )
    closings = (
        "Rows were divided at random, so the hidden ones are of the same kind.",
        "Training and test rows are a random division of one table.",
    )
    return " ".join(choices[int(rng.integers(len(choices)))] for choices in (openings, closings))


def _number_note(present: Column) -> str:
    whole = bool(np.all(present == np.floor(present)))
    low, high = texts(np.array([present.min(), present.max()]))
    distinct = len(np.unique(present))
    kind = "a whole number" if whole else "a number"
    values = "one value" if distinct == 1 else f"{distinct} different values"
    return f"{kind}, from {low} to {high} in the training rows ({values})"


def _text_note(present: Column) -> str:
    distinct = sorted(set(present))
    longest = max(len(value) for value in distinct)
    if sum(_DATE.fullmatch(value) is not None for value in present) > len(present) / 2:
        return f"a date as text, such as {_quoted(distinct[0])}"
    if len(distinct) <= _LISTED and longest <= _LONG:
        return "a category: " + ", ".join(_quoted(value) for value in distinct)
    if longest <= _LONG:
        return (
            f"a category, {len(distinct)} different values in the training rows, such as "
            f"{_quoted(distinct[0])}"
        )
    return (
        f"text of up to {longest} characters, {len(distinct)} different ones in the training rows"
    )


def _quoted(value: str) -> str:
    return '"' + " ".join(value.replace("`", "'").split()) + '"'
