"""From latents to the columns of a domain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit.domains import Field

SEEDS = st.integers(0, 10_000)


@given(SEEDS, st.integers(1, 9))
def test_latents_are_standard_and_depend_on_each_other_as_their_loadings_say(seed, count):
    rng = np.random.default_rng(seed)
    loadings = col.draw_loadings(rng, count)
    z = col.latents(rng, 3_000, loadings=loadings)
    assert z.shape == (3_000, count)
    assert np.abs(z).max() <= 3
    assert np.allclose(z.std(axis=0), 1.0, atol=0.1)
    table = np.array(loadings)
    expected = table @ table.T
    np.fill_diagonal(expected, 1.0)
    assert np.allclose(np.corrcoef(z, rowvar=False).reshape(count, count), expected, atol=0.12)


@given(SEEDS, st.integers(2, 15))
def test_labels_come_as_often_as_their_shares(seed, count):
    rng = np.random.default_rng(seed)
    shares = col.draw_shares(rng, count)
    assert sum(shares) == pytest.approx(1.0)
    assert min(shares) > 0
    drawn = col.draw_labels(rng, 5_000, shares=shares)
    assert np.allclose(np.bincount(drawn, minlength=count) / 5_000, shares, atol=0.035)


@pytest.mark.parametrize("shape", ["normal", "lognormal", "share"])
def test_a_rendered_column_keeps_the_order_of_its_latents(shape):
    field = Field(name="x", text="x", shape=shape, centre=40.0, spread=0.5, decimals=3)
    latent = np.linspace(-3, 3, 61)
    values = col.render(field, latent)
    assert (np.diff(values) > 0).all()
    assert values[30] == pytest.approx(40.0)
    if shape == "share":
        assert values.min() > 0
        assert values.max() < 100


def test_cells_of_a_column_have_the_same_decimals_whatever_their_size():
    cells = col.as_cells(np.array([0.1, 12.0, 3456.78, np.nan, -0.001]), decimals=2)
    assert cells == ["0.10", "12.00", "3456.78", None, "0.00"]


def test_the_rows_for_measuring_are_always_the_same():
    loadings = col.draw_loadings(np.random.default_rng(0), 3)
    assert np.array_equal(col.probe(loadings), col.probe(loadings))
    assert col.probe(loadings, rows=50).shape == (50, 3)
