import os
import subprocess
import sys

import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.core.errors import AuthorError
from sandmle.generate.twin import Twin, other_environment
from sandmle.seeds import get_seed


def test_the_twin_builds_the_same_content():
    draft = FAMILIES.get("tabular/price-v2").draft(
        get_seed("playground-series-s3e18").dna(), 2**100 + 1, difficulty=1
    )
    with Twin() as twin:
        assert twin.content_hash(draft.recipe) == draft.content_hash()
        other = {**draft.recipe, "seed": "5"}
        assert twin.content_hash(other) != draft.content_hash()


def test_a_recipe_that_fails_in_the_twin_is_an_author_s_error():
    recipe = {"family": "tabular/none-v1", "dna": {}, "seed": "1", "difficulty": 0}
    with Twin() as twin:
        with pytest.raises(AuthorError, match="tabular/none-v1"):
            twin.content_hash(recipe)
        with pytest.raises(AuthorError, match="KeyError"):
            twin.content_hash({})  # it is still there


def test_closing_a_twin_twice_or_unused_is_fine():
    twin = Twin()
    twin.close()
    twin.close()


@pytest.mark.parametrize("seed", ["0", "1", "random"])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_other_environment_differs_in_hash_seed_and_threads(seed, threads):
    ours = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads}
    theirs = other_environment(ours)
    assert theirs["PYTHONHASHSEED"] != seed
    assert theirs["OMP_NUM_THREADS"] != threads
    show = [sys.executable, "-c", "print(hash('sandmle'))"]
    hashes = [subprocess.check_output(show, env=env) for env in (ours, theirs)]
    assert hashes[0] != hashes[1]
