"""What a survey measures: traits of tables, variety, alikeness, coverage."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.store import TaskDir
from sandmle.survey import TaskFacts, coverage, likeness, realism
from sandmle.survey.facts import _blurred
from sandmle.survey.traits import TRAITS, table_traits


def facts(tmp_path, **changes):
    plain = TaskFacts(
        folder=TaskDir(tmp_path),
        family="tabular/price-v2",
        modality="tabular",
        task_type="regression",
        metric="rmsle",
        domain="retail",
        seed_id="icecube-neutrinos-in-deep-ice",
        split="train",
        difficulty=1,
        train_rows=150,
        test_rows=1000,
        reference="oracle",
        public_bytes=1000,
        description="Predict the price of a van from what its seller wrote about it.",
        signature="0",
        grammar=("additive",),
        defects=("typos",),
        skills=("label_cleaning",),
        gains=(("dummy", 0.0), ("naive", 0.3), ("expert", 0.9)),
        standard_gain=0.3,
    )
    return replace(plain, **changes)


def table(rows=150, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=rows), rng.normal(size=rows)
    columns = {
        "a": [f"{value:.3f}" for value in a],
        "b": [f"{value:.3f}" if value < 1 else "" for value in b],
        "kind": [["x", "y", "z"][int(value)] for value in rng.integers(0, 3, rows)],
    }
    return columns, [f"{value:.3f}" for value in 3 * a + 0.1 * b]


def test_traits_say_what_a_table_is_like():
    traits = dict(zip(TRAITS, table_traits(*table()), strict=True))
    assert traits["columns"] == pytest.approx(np.log(3))
    assert traits["share_of_labels"] == pytest.approx(1 / 3)
    assert traits["labels_per_column"] == pytest.approx(np.log1p(3))
    assert 0.03 < traits["missing"] < 0.15
    assert traits["imbalance"] == 0
    assert min(traits["linear"], traits["neighbours"]) > 0.7
    assert traits["top_column"] > 0.8


def test_a_table_that_asks_nothing_has_no_traits():
    columns, target = table()
    assert table_traits(columns, ["1"] * 150) is None
    assert table_traits({name: cells[:20] for name, cells in columns.items()}, target[:20]) is None
    assert table_traits({}, target) is None


def test_a_rare_class_shows_as_imbalance():
    columns, _ = table()
    rare = ["yes" if row % 10 == 0 else "no" for row in range(150)]
    traits = dict(zip(TRAITS, table_traits(columns, rare), strict=True))
    assert traits["imbalance"] == pytest.approx(1.8)


def test_the_real_tables_are_150_and_finite():
    real = realism.real_tables()
    assert real.shape == (150, len(TRAITS))
    assert np.isfinite(real).all()
    assert (real.std(axis=0) > 0).all()


def test_copies_of_one_table_count_as_one_and_real_tables_as_many():
    real = realism.real_tables()
    assert realism.vendi(np.repeat(real[:1], 40, axis=0)) == pytest.approx(1.0)
    assert realism.vendi(real) > 0.5 * len(real)
    assert realism.vendi_ratio(real) == pytest.approx(1.0)
    assert realism.vendi_ratio(real[:10]) is None


def test_halves_of_the_real_tables_are_hard_to_tell_apart_and_odd_ones_easy():
    real = realism.real_tables()
    order = np.random.default_rng(0).permutation(150)
    assert realism.told_apart(real[order[:75]]) < 0.75
    assert realism.told_apart(real[order[:75]] + 5 * real.std(axis=0)) > 0.95
    assert max(realism.distances(real).values()) == 0.0


def test_ladders_are_alike_only_within_a_family_and_metric(tmp_path):
    close = (("dummy", 0.0), ("naive", 0.31), ("expert", 0.905))
    far = (("dummy", 0.0), ("naive", 0.5), ("expert", 0.9))
    tasks = [
        facts(tmp_path),
        facts(tmp_path, gains=close),
        facts(tmp_path, gains=far),
        facts(tmp_path, gains=close, metric="mae"),
    ]
    assert likeness.alike_ladders(tasks) == {(0, 1)}


def test_pages_are_alike_though_names_and_numbers_differ(tmp_path):
    def page(name, count, story):
        return f"{story} There are {count} rows.\n\n- `{name}`: the column\n\n```\nid,{name}\n```\n"

    van = "Sellers of second-hand vans describe what they have in their own words."
    ward = "Nurses watch patients at night and call for help when somebody gets worse."
    tasks = [
        facts(tmp_path, description=page("price", 150, van)),
        facts(tmp_path, description=page("cost", 171, van)),
        facts(tmp_path, description=page("price", 150, ward)),
    ]
    assert likeness.alike_pages(tasks) == {(0, 1)}
    assert likeness.alike_pages(tasks[:1]) == set()


def test_rules_that_differ_in_a_later_digit_or_a_name_have_one_signature():
    rule = {"slope": 0.512, "skin": "vans", "terms": [{"of": [0, 1], "weight": 1.23}]}
    other = {"slope": 0.498, "skin": "wards", "terms": [{"of": [0, 1], "weight": 1.19}]}
    assert _blurred(rule) == _blurred(other)
    assert _blurred(rule) != _blurred({**rule, "slope": 0.7})


def test_shares_are_held_against_the_paper_s(tmp_path):
    tasks = [
        facts(tmp_path),
        facts(tmp_path, modality="timeseries", task_type="forecasting"),
        facts(tmp_path, modality="image", task_type="multiclass_classification"),
        facts(tmp_path, modality="rl", task_type="offline_rl"),
    ]
    found = coverage.against_paper(tasks)
    assert found["modalities"]["tabular"] == (50.0, 25.0)
    assert found["modalities"]["image"] == (25.0, 49.0)
    assert found["task_types"]["forecasting and reconstruction"] == (25.0, 26.0)
    assert found["task_types"]["beyond the paper"] == (25.0, 0.0)
    assert len(coverage.cells(tasks)) == 4


@given(st.lists(st.sampled_from("abcd"), min_size=1))
def test_entropy_lies_between_none_and_that_of_equal_shares(names):
    found = coverage.entropy(names)
    assert -1e-9 <= found <= np.log2(len(set(names))) + 1e-9


def test_a_skill_counts_once_per_task():
    assert coverage.tallied([("a", "a", "b"), ("a",)]) == {"a": 2, "b": 1}
