"""The nearest training row of every test row, whatever the rows are made of."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.verify.public_data import PublicData
from sandmle.verify.recordings import centred
from sandmle.verify.tables import Floats, Table, as_numbers, codes

_HASHES = 64
_SHINGLE = 5


@dataclass(frozen=True)
class Neighbours:
    """For m test rows against n training rows."""

    nearest: NDArray[np.int64]
    """Training row that is nearest to each test row, shape (m,)."""
    distance: Floats
    """Its distance, in units of the typical distance of two training rows, shape (m,)."""


def find_neighbours(data: PublicData) -> Neighbours | None:
    """Compare test rows with training rows; None where there are no features.

    Numbers are compared by rank, words by equality, texts by shingles, and pictures, sounds and
    arrays by a coarse view of them.
    """
    train, test = data.train, data.test
    if train is None or test is None:
        return None
    squared = np.zeros((test.rows, train.rows))
    own = np.zeros((train.rows, train.rows))
    parts = 0
    for known, asked in data.coarse:
        _add(squared, own, centred(known), centred(asked))
        parts += 1
    for name in data.features:
        if _names_files(data, train, name):
            continue
        parts += 1
        if train.is_text(name):
            _add_texts(squared, own, train.columns[name], test.columns[name])
        else:
            _add(squared, own, *_column(train, test, name))
    if not parts:
        return None
    np.fill_diagonal(own, np.inf)
    typical = float(np.sqrt(np.median(own[np.isfinite(own)])))
    nearest = squared.argmin(axis=1)
    distance = np.sqrt(np.maximum(squared[np.arange(test.rows), nearest], 0.0))
    return Neighbours(nearest, distance / (typical or 1.0))


def _names_files(data: PublicData, table: Table, name: str) -> bool:
    cell = table.columns[name][0] if table.rows else ""
    return bool(cell) and any(cell in path for path in data.recordings)


def _column(train: Table, test: Table, name: str) -> tuple[Floats, Floats]:
    """Return a column as coordinates (n, k): one for numbers, one per word otherwise."""
    numbers = as_numbers(train.columns[name] + test.columns[name])
    if numbers is not None:
        known = numbers[~np.isnan(numbers)]
        # ranks, so that one outlier does not make all other rows equal
        ranks = np.searchsorted(np.sort(known), numbers) / len(known)
        filled = np.where(np.isnan(numbers), 0.5, ranks)[:, None] * np.sqrt(12)
        return filled[: train.rows], filled[train.rows :]
    names = codes(train.columns[name] + test.columns[name])
    if names.max() > 60:
        return np.zeros((train.rows, 1)), np.zeros((test.rows, 1))
    hot = np.eye(names.max() + 1)[names]
    return hot[: train.rows], hot[train.rows :]


def _add(squared: Floats, own: Floats, train: Floats, test: Floats) -> None:
    squared += _squared_distances(test, train)
    own += _squared_distances(train, train)


def _squared_distances(a: Floats, b: Floats) -> Floats:
    # in place: with thousands of rows the temporaries cost more than the product
    distances: Floats = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None]
    distances -= 2 * a @ b.T
    return np.maximum(distances, 0.0, out=distances)


def _add_texts(squared: Floats, own: Floats, train: list[str], test: list[str]) -> None:
    signatures = [_signatures(texts) for texts in (train, test)]
    squared += _dissimilarity(signatures[1], signatures[0])
    own += _dissimilarity(signatures[0], signatures[0])


def _signatures(texts: list[str]) -> NDArray[np.uint32]:
    """Return min-hashes of the shingles of each text, shape (n, hashes): equal share = likeness."""
    multipliers = np.arange(1, 2 * _HASHES, 2, dtype=np.uint32) * np.uint32(2_654_435_761)
    rows = []
    for text in texts:
        plain = " ".join(text.lower().split())
        parts = {plain[i : i + _SHINGLE] for i in range(max(1, len(plain) - _SHINGLE + 1))}
        hashes = np.array(sorted(zlib.crc32(part.encode()) for part in parts), dtype=np.uint32)
        mixed = hashes[:, None] * multipliers
        rows.append((mixed ^ (mixed >> np.uint32(15))).min(axis=0))
    return np.array(rows)


def _dissimilarity(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> Floats:
    same = np.zeros((len(a), len(b)))
    for i in range(_HASHES):
        same += a[:, i, None] == b[None, :, i]
    return 1.0 - same / _HASHES
