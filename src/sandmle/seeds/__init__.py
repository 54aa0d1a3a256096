"""Competition records as Task DNA, and DNA read off a user's own table."""

from sandmle.seeds.catalogue import SeedRecord, get_seed, load_catalogue, seed_ids
from sandmle.seeds.dna import TaskDNA

__all__ = ["SeedRecord", "TaskDNA", "get_seed", "load_catalogue", "seed_ids"]
