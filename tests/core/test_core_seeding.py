"""Seeds by name: no stream meets another."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.seeding import Streams, derive_seed

roots = st.integers(min_value=0, max_value=2**128)
paths = st.lists(st.one_of(st.integers(-10, 10), st.text(max_size=4)), max_size=4)


@given(st.lists(st.tuples(roots, paths), min_size=2, max_size=30))
def test_different_paths_give_different_seeds(places: list[tuple[int, list[int | str]]]) -> None:
    distinct = {(root, tuple(map(repr, path))): (root, path) for root, path in places}
    seeds = {derive_seed(root, *path) for root, path in distinct.values()}
    assert len(seeds) == len(distinct)


def test_neighbouring_roots_and_items_never_share_a_stream() -> None:
    seeds = {derive_seed(root, item) for root in range(100) for item in range(100)}
    assert len(seeds) == 10_000


@pytest.mark.parametrize(
    ("one", "other"),
    [((1, 23), (12, 3)), (("a", "b"), ("ab",)), (("1",), (1,)), (("a',", "b"), ("a", ",'b"))],
)
def test_names_cannot_run_into_each_other(one: tuple[int | str], other: tuple[int | str]) -> None:
    assert derive_seed(0, *one) != derive_seed(0, *other)


@given(roots, paths)
def test_a_seed_has_128_bits(root: int, path: list[int | str]) -> None:
    assert 0 <= derive_seed(root, *path) < 2**128


def test_a_negative_root_is_refused() -> None:
    with pytest.raises(ValueError, match="seed -1 is negative"):
        derive_seed(-1, "x")


def test_a_known_seed_stays_what_it_is() -> None:
    assert derive_seed(7, "tabular/price-v2", 0) == 304126620244413918812023504268394366092


@given(roots)
def test_a_stream_does_not_depend_on_draws_from_another(root: int) -> None:
    streams = Streams(root)
    alone = streams.rng("test").random(3).tolist()
    streams.rng("train").random(1_000)
    assert streams.rng("test").random(3).tolist() == alone
    assert streams.rng("train").random(3).tolist() != alone


@given(roots)
def test_child_streams_are_apart_from_their_parent(root: int) -> None:
    streams = Streams(root)
    child = streams.child("design")
    assert child.seed != root
    assert child.rng("x").random() != streams.rng("x").random()


def test_streams_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "from sandmle.core.seeding import Streams; print(Streams(5).rng('a', 1).random(2).tolist())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert printed == {f"{Streams(5).rng('a', 1).random(2).tolist()}\n"}
