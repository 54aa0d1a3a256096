"""Facts of tabular/price-v2: units, cells that vanish by value, labels typed by hand."""

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.tabular_price import PriceRule, unit_column
from sandmle.authors.toolkit.domains import wardrobe
from sandmle.seeds import get_seed


def drawn(level, seed=3, like="champs-scalar-coupling"):
    draft = FAMILIES.get("tabular/price-v2").draft(get_seed(like).dna(), seed, difficulty=level)
    rule = PriceRule.model_validate(draft.rule)
    names = ("train.csv", "test.csv")
    tables = {name: pd.read_csv(io.BytesIO(draft.public[name])) for name in names}
    return draft, rule, wardrobe("price").get(rule.skin), tables


@pytest.mark.parametrize("level", [0, 1, 2])
def test_cells_of_a_vanishing_column_go_with_the_amount_or_its_columns_value(level):
    _, rule, skin, tables = drawn(level)
    assert len(rule.vanishing) == 1 + (level > 0)
    for name in rule.vanishing:
        column = tables["test.csv"][name]
        gone = column.isna() | ((column == -1) if name in rule.coded else False)
        assert 0.08 < gone.mean() < 0.35
        # what is left lies low: its upper part is what is missing
        field = next(field for field in skin.fields if field.name == name)
        kept = column[~gone]
        assert (kept < field.centre).mean() > 0.55


def test_at_level_0_a_column_names_the_unit_and_explains_the_two_scales():
    _, _, skin, tables = drawn(0)
    measure = skin.measures[0]
    table = tables["test.csv"]
    logs = np.log(table[measure.name]).groupby(table[unit_column(measure)]).median()
    assert set(logs.index) == {measure.unit, measure.other_unit}
    shift = logs[measure.other_unit] - logs[measure.unit]
    assert shift == pytest.approx(np.log(measure.factor), abs=0.15)


def test_from_level_1_the_unit_stands_in_the_cell_and_labels_are_spelt_in_many_ways():
    _, _, skin, tables = drawn(1)
    measure = skin.measures[0]
    table = tables["train.csv"]
    assert unit_column(measure) not in table.columns
    ends = table[measure.name].str.split(" ").str[1]
    assert set(ends) == {measure.unit, measure.other_unit}
    assert table[skin.categories[0].name].nunique() > len(skin.categories[0].values)


def test_at_level_2_some_sources_use_the_other_unit_without_saying_so():
    _, rule, skin, tables = drawn(2)
    measure, sources = skin.measures[1], skin.categories[1]
    table = tables["test.csv"]
    logs = np.log(table[measure.name]).groupby(table[sources.name]).median()
    silent = [sources.values[code] for code in rule.silent_sources]
    honest = [value for value in sources.values if value not in silent]
    for source in silent:
        assert logs[source] - logs[honest].mean() == pytest.approx(np.log(measure.factor), abs=0.35)
    assert rule.coded


def test_amounts_follow_the_expected_amount_up_to_the_noise():
    draft, rule, skin, _ = drawn(1)
    answers = pd.read_csv(io.BytesIO(draft.answers)).set_index(skin.id_column)[skin.target]
    oracle = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(skin.id_column)
    error = np.log(answers) - np.log(oracle[skin.target].loc[answers.index])
    assert error.std() == pytest.approx(rule.noise_sd, rel=0.1)
    assert np.log(answers).std() > 4 * error.std()


def test_difficulty_adds_products_and_defects_but_no_noise():
    noise, products = [], []
    for level in range(3):
        rules = [drawn(level, seed)[1] for seed in range(8)]
        noise.append(np.mean([rule.noise_sd for rule in rules]))
        products.append({sum(term.kind == "product" for term in rule.terms) for rule in rules})
    assert products == [{1}, {2}, {3}]
    assert max(noise) - min(noise) < 0.03


def test_the_reference_gives_the_mean_under_rmse_and_the_median_under_mae():
    for like, excess in (("petfinder-pawpularity-score", 1.0), ("champs-scalar-coupling", 0.0)):
        draft, rule, skin, _ = drawn(0, like=like)
        answers = pd.read_csv(io.BytesIO(draft.answers)).set_index(skin.id_column)[skin.target]
        oracle = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(skin.id_column)
        error = np.log(oracle[skin.target].loc[answers.index]) - np.log(answers)
        assert error.mean() == pytest.approx(excess * rule.noise_sd**2 / 2, abs=0.012)
