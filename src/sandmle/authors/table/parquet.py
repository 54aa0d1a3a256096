"""Parquet files as text cells; the only user of pyarrow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.table.read import SAMPLE_ROWS, RawTable, sampled_note
from sandmle.core.errors import UsageError

_BATCH_ROWS = 65_536


def read_parquet(path: Path, rng: np.random.Generator) -> RawTable:
    """Read a parquet file batch by batch; of more than 20,000 rows an even sample is kept.

    Columns of lists, structs or bytes are left out.

    Raises:
        UsageError: If pyarrow is not installed or cannot read the file.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as exc:
        raise UsageError(
            f"{path} is a parquet file; install what reads it: pip install 'sandmle[parquet]'"
        ) from exc
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            total = file.metadata.num_rows
            positions = _sample(total, rng)
            table = _rows_at(file, positions)
    except (pyarrow.ArrowException, OSError) as exc:
        raise UsageError(f"{path} cannot be read as parquet: {exc}") from exc
    flat = [name for name in range(table.num_columns) if _flat(table.schema.field(name).type)]
    dropped = [f.name for i, f in enumerate(table.schema) if i not in flat]
    notes = [f"column {name!r} was left out: its cells are no single values" for name in dropped]
    if total > len(positions):
        notes.append(sampled_note(len(positions), total))
    return RawTable(
        names=tuple(table.schema.field(i).name for i in flat),
        cells=tuple(_texts(table.column(i).to_pylist()) for i in flat),
        positions=positions,
        total_rows=total,
        notes=tuple(notes),
    )


def _sample(total: int, rng: np.random.Generator) -> NDArray[np.int64]:
    if total <= SAMPLE_ROWS:
        return np.arange(total, dtype=np.int64)
    return np.sort(rng.choice(total, size=SAMPLE_ROWS, replace=False)).astype(np.int64)


def _rows_at(file: Any, positions: NDArray[np.int64]) -> Any:
    """Return the rows at these positions as one pyarrow table."""
    import pyarrow

    parts = []
    start = 0
    for batch in file.iter_batches(batch_size=_BATCH_ROWS):
        low, high = np.searchsorted(positions, [start, start + batch.num_rows])
        parts.append(batch.take(pyarrow.array(positions[low:high] - start)))
        start += batch.num_rows
    return pyarrow.Table.from_batches(parts, schema=file.schema_arrow)


def _flat(kind: Any) -> bool:
    from pyarrow import types

    held = kind.value_type if types.is_dictionary(kind) else kind
    return not (types.is_nested(held) or types.is_binary(held) or types.is_large_binary(held))


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(_text(value) for value in values)


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()
