"""Facts of tabular/recommend-v1: who leaves the catalogue, what is taken again, what follows."""

import io
from functools import cache

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.tabular_recommend import RecommendScene
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.authors.toolkit.takings import RecommendRule
from sandmle.metrics import get_metric
from sandmle.seeds import get_seed


@cache
def drawn(level, seed=6):
    dna = get_seed("h-and-m-personalized-fashion-recommendations").dna()
    draft = FAMILIES.get("tabular/recommend-v1").draft(dna, seed, difficulty=level)
    rule = RecommendRule.model_validate(draft.rule)
    scene = wardrobe_of("recommend", RecommendScene).get(rule.skin)
    tables = {
        name: pd.read_csv(io.BytesIO(data))
        for name, data in draft.public.items()
        if name.endswith(".csv")
    }
    return draft, rule, scene, tables, pd.read_csv(io.BytesIO(draft.answers))


@pytest.mark.parametrize("level", [0, 2])
def test_nobody_takes_next_what_has_left_the_catalogue_although_it_was_popular(level):
    _, _, scene, tables, answers = drawn(level)
    catalogue = tables[scene.items_file].set_index(scene.item)
    gone = set(catalogue.index[catalogue[scene.gone].notna()])
    wanted = {code for cell in answers[scene.target] for code in cell.split()}
    assert gone
    assert not gone & wanted
    assert gone & set(tables[scene.log_file][scene.item].value_counts().index[:10])


def test_from_level_1_lines_are_doubled_and_a_few_accounts_buy_in_bulk():
    shares = []
    for level in (0, 1):
        _, rule, scene, tables, _ = drawn(level)
        log = tables[scene.log_file]
        sizes = log.groupby(scene.id_column).size()
        assert (sizes > 100).sum() == rule.bulk_accounts
        shares.append(log.duplicated().mean())
    assert shares[0] < 0.03 < 0.05 < shares[1]


def test_at_level_2_the_log_holds_two_ways_of_writing_dates():
    for level, forms in ((1, 1), (2, 2)):
        _, _, scene, tables, _ = drawn(level)
        assert tables[scene.log_file][scene.date].str.contains(".", regex=False).nunique() == forms


def test_half_of_the_categories_are_taken_again_and_the_others_hardly_ever():
    _, rule, scene, tables, _ = drawn(0)
    log = tables[scene.log_file].merge(tables[scene.items_file], on=scene.item)
    pairs = log.groupby([scene.category, scene.id_column, scene.item]).size()
    often = (pairs > 1).groupby(scene.category).mean()
    again = dict(zip(scene.categories, rule.again, strict=True))
    repeated = [often[name] for name in often.index if again[name] > 0]
    once = [often[name] for name in often.index if again[name] < 0]
    assert np.mean(repeated) > 3 * np.mean(once)


def test_the_oracle_beats_the_order_of_its_own_average():
    draft, _, scene, _, answers = drawn(1)
    oracle = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(scene.id_column)
    lists = oracle[scene.target].loc[answers[scene.id_column]].to_numpy()
    metric, truth = get_metric(draft.metric), answers[scene.target].to_numpy()
    shuffled = np.random.default_rng(0).permutation(lists)
    assert metric(truth, lists) > 1.5 * metric(truth, shuffled)
