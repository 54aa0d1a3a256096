"""Draws of answers and imperfect predictions for the metrics whose values are special."""

from __future__ import annotations

import numpy as np

from sandmle.metrics._base import Values


def binary(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Values, Values]:
    """Draw answers of 0 and 1, both in every column, and probabilities that know a little."""
    true = rng.integers(0, 2, shape).astype(float)
    true[0], true[1] = 0.0, 1.0
    pred = 0.3 * true + 0.7 * rng.uniform(0.01, 0.99, shape)
    return true, pred


def one_hot(rng: np.random.Generator, rows: int, classes: int) -> tuple[Values, Values]:
    """Draw one-hot answers, each class at least once, and rows of probabilities."""
    label = np.concatenate([np.arange(classes), rng.integers(0, classes, rows - classes)])
    true = np.eye(classes)[label]
    pred = 0.3 * true + 0.7 * rng.dirichlet(np.ones(classes), rows)
    return true, pred


def counts(rng: np.random.Generator, rows: int, top: int) -> tuple[Values, Values]:
    """Draw whole numbers from 0 to `top`, at least two of them, and others near by."""
    true = rng.integers(0, top + 1, rows).astype(float)
    true[0], true[1] = 0.0, float(top)
    pred = np.clip(true + rng.integers(-1, 2, rows), 0, top)
    return true, pred


def words(rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
    """Draw texts of one to five words, and texts that share words with them."""
    vocabulary = np.array(["ash", "birch", "cedar", "elm", "fir", "holly", "larch", "yew"])

    def draw(text: str | None) -> str:
        picked = list(rng.permutation(vocabulary)[: rng.integers(1, 6)])
        kept = text.split()[:1] if text else []
        return " ".join(dict.fromkeys(kept + picked))

    true = [draw(None) for _ in range(rows)]
    pred = [draw(text) for text in true]
    return np.array(true, dtype=object), np.array(pred, dtype=object)
