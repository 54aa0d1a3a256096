"""Competition records as Task DNA, and DNA read off a user's own table."""

from sandmle.seeds.catalogue import (
    SeedRecord,
    Traits,
    get_seed,
    load_catalogue,
    load_traits,
    seed_ids,
    split_of,
)
from sandmle.seeds.dna import TaskDNA

__all__ = [
    "SeedRecord",
    "TaskDNA",
    "Traits",
    "get_seed",
    "load_catalogue",
    "load_traits",
    "seed_ids",
    "split_of",
]
