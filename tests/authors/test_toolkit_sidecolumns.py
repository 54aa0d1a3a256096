"""Side columns: whole, tied, dependent, and of no use beyond what they lean on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.authors.toolkit.scenes import Domain
from sandmle.authors.toolkit.sidecolumns import WIDTHS, SideColumn, SideTable, draw_side
from sandmle.core.seeding import Streams

DOMAINS = Domain.__args__


def drawn(seed, *, domain="retail", taken=(), latents=3):
    return draw_side(np.random.default_rng(seed), domain, taken=taken, latents=latents)


def column(**change):
    facts = {"name": "a", "text": "a", "facet": "count", "topic": 0, "share": 0.5, "sign": 1.0}
    return SideColumn(**{**facts, "level": 12.0, "spread": 0.5, **change})


@given(st.integers(0, 5_000), st.sampled_from(DOMAINS))
def test_every_domain_has_columns_with_names_and_texts_of_their_own(seed, domain):
    side = drawn(seed, domain=domain)
    assert len(set(side.names)) == len(side.names) <= WIDTHS[-1][1]
    assert all(name.replace("_", "").isalnum() for name in side.names)
    assert all(side.texts.values())
    assert len(side.ties) > max((c.topic for c in side.columns), default=0)


def test_names_that_the_table_has_are_not_used_again():
    first = next(side for side in map(drawn, range(50)) if len(side.columns) > 5)
    seed = next(s for s in range(50) if drawn(s) == first)
    again = drawn(seed, taken=first.names)
    assert not set(again.names) & set(first.names)


def test_widths_differ_from_none_to_many():
    widths = [len(drawn(seed).columns) for seed in range(120)]
    assert 0.25 < np.mean([width == 0 for width in widths]) < 0.55
    assert max(widths) >= 15


@given(st.integers(0, 2_000))
def test_cells_are_the_same_for_the_same_streams_and_one_for_each_row(seed):
    side = drawn(seed)
    z = np.random.default_rng(1).standard_normal((60, 3))
    cells = side.cells(Streams(7), z)
    assert cells == side.cells(Streams(7), z)
    assert list(cells) == side.names
    assert all(len(values) == 60 for values in cells.values())


def test_columns_of_one_thing_go_together_and_those_of_two_things_do_not():
    both = [
        column(name=name, share=0.9, topic=topic) for name, topic in (("a", 0), ("b", 0), ("c", 1))
    ]
    side = SideTable(columns=tuple(both), ties=((0, 0.0), (0, 0.0)))
    cells = side.cells(Streams(3), np.zeros((4_000, 1)))
    rho = np.corrcoef([np.log1p(np.array(values, dtype=float)) for values in cells.values()])
    assert rho[0, 1] > 0.8
    assert abs(rho[0, 2]) < 0.06


def test_a_thing_leans_on_a_latent_of_the_table_as_much_as_its_tie_says():
    z = np.random.default_rng(0).standard_normal((4_000, 2))
    side = SideTable(columns=(column(share=0.9, level=500.0),), ties=((1, 0.8),))
    values = np.log(np.array(side.cells(Streams(3), z)["a"], dtype=float))
    assert np.corrcoef(values, z[:, 1])[0, 1] == pytest.approx(0.8 * np.sqrt(0.9), abs=0.04)
    assert abs(np.corrcoef(values, z[:, 0])[0, 1]) < 0.05


def test_facets_write_what_their_texts_promise():
    def values(facet, **change):
        side = SideTable(columns=(column(facet=facet, **change),), ties=((0, 0.0),))
        return side.cells(Streams(5), np.zeros((500, 1)))["a"]

    assert set(values("flag", level=0.3)) == {"0", "1"}
    assert set(values("grade", shares=(0.3, 0.4, 0.3))) == {1, 2, 3}
    assert set(values("words", words=("x", "y"), shares=(0.5, 0.5))) == {"x", "y"}
    assert max(map(float, values("load", level=0.0, spread=1.0))) <= 100
    faults = np.array(values("faults", level=-0.5, spread=1.2), dtype=float)
    assert 0.4 < (faults == 0).mean() < 0.95
    assert np.mean([cell is None for cell in values("count", missing=0.2)]) == pytest.approx(
        0.2, abs=0.06
    )
