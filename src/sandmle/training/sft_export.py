"""Files of trajectories: `sft.jsonl` always, `sft.parquet` where pyarrow is installed.

A file is there whole or not at all, and none is replaced by another one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandmle.core.errors import UsageError
from sandmle.store.atomic import write_file
from sandmle.training.sft_data import ChatRow

JSONL, PARQUET, RUN = "sft.jsonl", "sft.parquet", "run"
"""What lies in a folder of data: the two files, and the run that they were made of."""


@dataclass(frozen=True)
class Written:
    """What was written."""

    jsonl: Path
    parquet: Path | None
    """None where pyarrow is not installed."""
    is_new: bool
    """Whether the JSONL file was not there before."""


def check_folder(folder: Path) -> None:
    """Say whether data may be made in a folder.

    Raises:
        UsageError: If it is a file, or holds something that no data is made of.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; choose another --out")
    known = (JSONL, PARQUET, RUN)
    strangers = sorted(
        entry.name
        for entry in (folder.iterdir() if folder.is_dir() else ())
        if entry.name not in known
        and not entry.name.startswith(tuple(f".{name}." for name in known))
    )
    if strangers:
        raise UsageError(
            f"{folder} holds {strangers[0]!r}, which no `sandmle sft-data` made; "
            "choose another --out"
        )


def write_rows(folder: Path, rows: Sequence[ChatRow]) -> Written:
    """Write trajectories, one a line.

    Equal rows that are there already are left as they are.

    Raises:
        UsageError: If the folder holds other rows, or the disk takes no more.
    """
    jsonl, parquet = folder / JSONL, folder / PARQUET
    data = "".join(row.model_dump_json() + "\n" for row in rows).encode()
    before = jsonl.read_bytes() if jsonl.is_file() else None
    if before is not None and before != data:
        count = len(before.splitlines())
        raise UsageError(
            f"{jsonl} holds other trajectories ({count} there, {len(rows)} now); "
            "give the options it was made with, move it away, or choose another --out"
        )
    table = None if parquet.is_file() else _as_parquet(data)
    try:
        # parquet first: where the JSONL file is, everything is
        if table is not None:
            write_file(parquet, table)
        if before is None:
            write_file(jsonl, data)
    except OSError as exc:
        raise UsageError(
            f"{folder} cannot be written ({exc.strerror}); make room and run the same command again"
        ) from exc
    return Written(jsonl, parquet if parquet.is_file() else None, is_new=before is None)


def _as_parquet(lines: bytes) -> bytes | None:
    """Return the rows as a Parquet file, or None where pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        return None
    rows = [json.loads(line) for line in lines.splitlines()]
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    return file.getvalue()
