"""Write the hashes by which a change of a family's bytes is noticed: tests/golden/families.json.

python tools/golden.py [--replace FAMILY ...]

New families are added and families that are gone are dropped. A family whose drafts have changed
under the same name is refused: raise the version in its name. `--replace` takes its new hashes all
the same, for a version that nobody has had yet.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sandmle.authors.procedural import FAMILIES
from sandmle.seeds import get_seed

PATH = Path(__file__).resolve().parent.parent / "tests" / "golden" / "families.json"
SEED = 20_260_401
DIGITS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--replace", action="append", default=[], metavar="FAMILY")
    replace = parser.parse_args().replace
    known = read()
    found = {name: hashes(name) for name in FAMILIES.names()}
    changed = [
        name
        for name, values in found.items()
        if known.get(name, values) != values and name not in replace
    ]
    if changed:
        sys.exit(f"the drafts of {', '.join(changed)} have changed: raise the version in the name")
    PATH.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read() -> dict[str, list[str]]:
    """Return the recorded hashes by family, one per level."""
    if not PATH.is_file():
        return {}
    content: dict[str, list[str]] = json.loads(PATH.read_text(encoding="utf-8"))
    return content


def hashes(name: str) -> list[str]:
    """Return the head of the content hash of one draft of each level."""
    family = FAMILIES.get(name)
    dna = get_seed(next(iter(family.seeds))).dna()
    drafts = (family.draft(dna, SEED, difficulty=level) for level in range(family.levels))
    return [draft.content_hash()[:DIGITS] for draft in drafts]


if __name__ == "__main__":
    main()
