"""What goes wrong between a clean table and a file."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sandmle.authors.toolkit import defects

SEEDS = st.integers(0, 10_000)


def test_cells_vanish_because_of_their_own_value():
    rng = np.random.default_rng(0)
    latent = rng.standard_normal(4_000)
    gone = defects.missing_by_value(rng, latent, at=0.8)
    assert gone[latent > 1.6].mean() > 0.85
    assert gone[latent < 0].mean() < 0.1
    low = defects.missing_by_value(rng, latent, at=-0.8, steepness=-3.0)
    assert low[latent < -1.6].mean() > 0.85
    assert low[latent > 0].mean() < 0.1


def test_cells_missing_at_random_are_as_many_as_asked():
    gone = defects.missing_at_random(np.random.default_rng(1), 20_000, share=0.07)
    assert abs(gone.mean() - 0.07) < 0.01


def test_a_blanked_cell_is_empty_or_holds_the_code():
    values, gone = np.array([1.0, 2.0]), np.array([False, True])
    assert np.isnan(defects.blanked(values, gone)[1])
    assert defects.blanked(values, gone, code=-999.0).tolist() == [1.0, -999.0]


def test_only_masked_cells_are_written_in_the_other_unit():
    values = np.array([10.0, 20.0])
    mixed = defects.in_other_unit(values, np.array([False, True]), factor=2.20462, decimals=1)
    assert mixed.tolist() == [10.0, 44.1]


def test_a_unit_in_the_cell_leaves_empty_cells_empty():
    assert defects.with_unit(["1.5", None], ["kg", "lb"]) == ["1.5 kg", None]


@given(SEEDS, st.floats(0, 1))
def test_spellings_change_but_people_still_know_the_label(seed, share):
    labels = ["grey iron", "stainless", "abs", "zinc alloy"] * 20
    spelt = defects.messy(np.random.default_rng(seed), labels, share=share)
    assert len(spelt) == len(labels)
    for label, written in zip(labels, spelt, strict=True):
        plain = written.lower().strip().replace("-", " ")
        assert sorted(plain) == sorted(label)
        assert plain[:2] == label[:2]


def test_no_label_is_misspelt_where_none_should_be():
    labels = ["grey iron", "abs"] * 10
    assert defects.messy(np.random.default_rng(0), labels, share=0.0) == labels
    assert defects.messy(np.random.default_rng(0), labels, share=1.0) != labels


def test_a_clipped_sensor_reads_the_end_of_its_range():
    assert defects.clipped(np.array([-2.0, 0.5, 9.0]), low=-1, high=1).tolist() == [-1, 0.5, 1]
