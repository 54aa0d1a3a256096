"""Near-duplicates within a set: alike ladders, alike pages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from sandmle.survey.facts import TaskFacts

LADDER_DISTANCE = 0.03
"""Sum of the differences of gains under which two ladders of one family are alike."""
PAGE_LIKENESS = 0.90
"""Cosine of TF-IDF vectors of words from which two pages are alike."""

Pair = tuple[int, int]


def alike_ladders(tasks: Sequence[TaskFacts]) -> set[Pair]:
    """Return pairs of tasks of one family and metric on which all scripts do equally well."""
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, task in enumerate(tasks):
        groups[task.family, task.metric, tuple(name for name, _ in task.gains)].append(index)
    pairs: set[Pair] = set()
    for members in groups.values():
        gains = np.array([[gain for _, gain in tasks[i].gains] for i in members])
        for place, index in enumerate(members):
            distance = np.abs(gains[place + 1 :] - gains[place]).sum(axis=1)
            near = np.flatnonzero(distance < LADDER_DISTANCE) + place + 1
            pairs.update((index, members[int(other)]) for other in near)
    return pairs


def alike_pages(tasks: Sequence[TaskFacts]) -> set[Pair]:
    """Return pairs of tasks whose descriptions say nearly the same in the same words.

    Numbers and whatever stands in backticks are taken out first: names differ from domain to
    domain though a page says the same.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(tasks) < 2:
        return set()
    pages = [re.sub(r"```.*?```|`[^`]*`|\d+", " ", task.description, flags=re.S) for task in tasks]
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(pages)
    likeness = (vectors @ vectors.T).tocoo()
    return {
        (int(row), int(column))
        for row, column, value in zip(likeness.row, likeness.col, likeness.data, strict=True)
        if row < column and value >= PAGE_LIKENESS
    }
