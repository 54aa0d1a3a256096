"""Write docs/families.md from the families: what there is, and what stands for which seed.

python tools/tables.py
"""

from __future__ import annotations

from pathlib import Path

from sandmle.authors.procedural import FAMILIES, families_of
from sandmle.generate import PAPER, family_shares
from sandmle.seeds import get_seed, seed_ids, split_of

PATH = Path(__file__).resolve().parent.parent / "docs" / "families.md"

HEAD = """\
# Families and seeds

<!-- written by tools/tables.py; change the families, not this page -->

A family is one kind of task: a grammar of hidden rules, defects, a renderer and a ladder. Seeds are
real competitions, of which a task takes only the DNA: modality, task type, metric, number of
classes and targets, how uneven they are, size of recordings, form of a submission.

## Families

"Paper" is the share of the family in a set of the mix `paper`.

| family | task type | metrics | paper | what it is |
|---|---|---|---|---|
"""

SEEDS = """
## Seeds

{covered} of the 60 seeds have a family. "Validation" marks those whose tasks validate in every set,
so that no seed's variants lie on both sides.

| seed | modality, task type, metric | DNA | families, and what each leaves out |
|---|---|---|---|
"""


def page() -> str:
    """Return the page."""
    shares = family_shares([FAMILIES.get(name) for name in FAMILIES], PAPER)
    families = [family_line(name, shares[name]) for name in FAMILIES]
    seeds = [seed_line(seed_id) for seed_id in seed_ids()]
    covered = sum(bool(families_of(seed_id)) for seed_id in seed_ids())
    parts = (HEAD, "\n".join(families), "\n", SEEDS.format(covered=covered), "\n".join(seeds), "\n")
    return "".join(parts)


def family_line(name: str, share: float) -> str:
    family = FAMILIES.get(name)
    metrics = ", ".join(f"`{metric}`" for metric in family.metrics)
    kind = family.task_type.replace("_", " ")
    return f"| `{name}` | {kind} | {metrics} | {share:.1%} | {family.summary} |"


def seed_line(seed_id: str) -> str:
    record, dna, families = get_seed(seed_id), get_seed(seed_id).dna(), families_of(seed_id)
    traits = [f"{dna.n_classes:,} classes" if dna.n_classes else ""]
    traits += [f"{dna.n_targets} targets" if dna.n_targets > 1 else ""]
    traits += [f"{dna.imbalance} imbalance" if dna.imbalance != "none" else ""]
    traits += [f"{dna.resolution} recordings" if dna.resolution != "none" else ""]
    traits += [f"submits {dna.submission}"]
    mark = " (validation)" if split_of(seed_id) == "validation" else ""
    lines = "<br>".join(f"`{family.name}`: {family.seeds[seed_id]}" for family in families)
    what = f"{record.modality}, {record.task_type.replace('_', ' ')}, {record.metric_family}"
    return f"| {seed_id}{mark} | {what} | {', '.join(filter(None, traits))} | {lines} |"


if __name__ == "__main__":
    PATH.write_text(page(), encoding="utf-8")
