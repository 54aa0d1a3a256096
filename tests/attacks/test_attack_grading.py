"""Submissions whose bytes attack whoever grades them; the naive readers show that they bite."""

from __future__ import annotations

import csv
import io
import math
import os
import pickle
import resource
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from sandmle.core.errors import InvalidSubmission
from sandmle.core.task import Column, SubmissionSchema
from sandmle.grading import MAX_SUBMISSION_BYTES, read_submission

SCHEMA = SubmissionSchema(id_column="id", targets=(Column(name="y", kind="number"),), rows=3)
IDS = ("a", "b", "c")
CPU_SECONDS = 3
MEMORY_MIB = 900
"""For the reader and what it makes of 20 MB, beside what this process has."""
_NEARLY_ALL = MAX_SUBMISSION_BYTES - 1_000


class Executed(Exception):
    """Bytes of the submission were run as code."""


def _execute() -> None:
    raise Executed


class _Payload:
    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return _execute, ()


def _with_dictionary(data: bytes) -> object:
    rows = csv.DictReader(io.StringIO(data.decode(errors="replace"), newline=""))
    csv.field_size_limit(1 << 30)
    found = {row["id"]: float(row["y"]) for row in rows}
    return [found[name] for name in IDS]


def _with_pandas(data: bytes) -> object:
    return pd.read_csv(io.BytesIO(data)).set_index("id")["y"].astype(float)[list(IDS)].tolist()


def _with_pickle(data: bytes) -> object:
    return pickle.loads(data)


def _with_numpy(data: bytes) -> object:
    return np.load(io.BytesIO(data), allow_pickle=True)


def _strictly(data: bytes) -> object:
    return read_submission(data, SCHEMA, IDS)[:, 0].tolist()


class Hostile(NamedTuple):
    """A submission, and the naive reader that it gets the better of."""

    data: Callable[[], bytes]
    naive: Callable[[bytes], object]


def _numpy_file() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([_Payload()], dtype=object), allow_pickle=True)
    return file.getvalue()


def _rows(*cells: str) -> bytes:
    return "\n".join(["id,y", *map(",".join, zip(IDS, cells, strict=True))]).encode()


HOSTILE = {
    "a pickle": Hostile(lambda: pickle.dumps(_Payload()), _with_pickle),
    "an array with a pickle": Hostile(_numpy_file, _with_numpy),
    "a header of millions of columns": Hostile(lambda: b"id,y" + b",x" * 9_000_000, _with_pandas),
    "a row of millions of cells": Hostile(lambda: b"id,y\n" + b"," * _NEARLY_ALL, _with_dictionary),
    "millions of rows": Hostile(lambda: b"id,y\n" + b"a,1\n" * 4_900_000, _with_dictionary),
    "rows after the last": Hostile(lambda: _rows("1", "2", "3") + b"\nd,4\ne,5", _with_dictionary),
    "an id twice": Hostile(lambda: _rows("1", "2", "3") + b"\na,9", _with_dictionary),
    "not a number": Hostile(lambda: _rows("nan", "1", "2"), _with_dictionary),
    "infinity": Hostile(lambda: _rows("1", "inf", "2"), _with_dictionary),
    "a number beyond all": Hostile(lambda: _rows("1", "1e999", "2"), _with_dictionary),
    "a number whose square is beyond all": Hostile(
        lambda: _rows("1", "1e300", "2"), _with_dictionary
    ),
    "a number of a million digits": Hostile(
        lambda: _rows("1", "9" * 1_000_000, "2"), _with_dictionary
    ),
    "digits of another script": Hostile(lambda: _rows("\u0661", "2", "3"), _with_dictionary),
    "a number with underscores": Hostile(lambda: _rows("1_000", "2", "3"), _with_dictionary),
    "an open quote": Hostile(lambda: _rows("1", "2", "3") + b'\n"' + b"x" * 999, _with_dictionary),
    "bytes that are no text": Hostile(
        lambda: _rows("1", "2", "3").replace(b"id,y", b"id,y,\xff"), _with_dictionary
    ),
    "a column too many": Hostile(lambda: b"id,y,answers\na,1,x\nb,2,x\nc,3,x", _with_dictionary),
    "a column twice": Hostile(lambda: b"id,y,y\na,1,2\nb,2,3\nc,3,4", _with_dictionary),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_grader_refuses_it_soon_and_with_a_sentence(name: str) -> None:
    assert _read(_strictly, HOSTILE[name].data()) == "refused"


@pytest.mark.parametrize("name", HOSTILE)
def test_it_gets_the_better_of_a_naive_reader(name: str) -> None:
    assert _read(HOSTILE[name].naive, HOSTILE[name].data()) != "refused"


def test_what_is_honest_is_read() -> None:
    assert _read(_strictly, _rows("1", "2.5", "-3e2")) == "taken"


def _read(reader: Callable[[bytes], object], data: bytes) -> str:
    """Read in a child that has little time and memory; return what became of it."""
    answer, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_AS, (_own_bytes() + (MEMORY_MIB << 20),) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        try:
            values = reader(data)
            taken = all(isinstance(value, float) and math.isfinite(value) for value in values)
            word = "taken" if taken else "taken, though senseless"
        except InvalidSubmission:
            word = "refused"
        except Executed:
            word = "executed"
        except BaseException as exc:  # noqa: BLE001 - whatever a reader stumbles over is told
            word = f"crashed: {type(exc).__name__}"
        os.write(theirs, word.encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(answer, "rb") as file:
        said = file.read().decode()
    os.waitpid(pid, 0)
    return said or "took too long"


def _own_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
