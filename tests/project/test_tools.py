"""What tools write is up to date: golden hashes of the families, and the tables of the docs."""

import importlib.util
from pathlib import Path

import pytest

from sandmle.authors.procedural import FAMILIES

ROOT = Path(__file__).resolve().parents[2]


def tool(name):
    spec = importlib.util.spec_from_file_location(f"tool_{name}", ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GOLDEN = tool("golden")


@pytest.mark.parametrize("name", FAMILIES.names())
def test_a_family_s_drafts_have_the_bytes_of_its_version(name):
    assert GOLDEN.hashes(name) == GOLDEN.read().get(name), (
        f"drafts of {name} have changed: raise the version in its name and run `make golden`"
    )


def test_no_hash_is_kept_of_a_family_that_is_gone():
    assert set(GOLDEN.read()) == set(FAMILIES.names())


def test_the_tables_of_families_and_seeds_are_up_to_date():
    page = (ROOT / "docs" / "families.md").read_text(encoding="utf-8")
    assert page == tool("tables").page(), "run `make tables`"
